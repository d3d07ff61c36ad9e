"""What a sweep sees of a project: each kind's attributes, and what it could not look at."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import Forbidden
from core.memory import FakeClock
from functions.gcp.inventory import inventory
from functions.gcp.rest import Rest
from tests.gcp.fake.server import serving
from tests.gcp.fake.watched import Watched

PROJECT = "example-project"
ROBOT = "deploy@example-project.iam.gserviceaccount.com"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RIGHTS = json.loads(
    Path(__file__).parents[2].joinpath("functions/gcp/permissions.json").read_text()
)


def ago(days):
    return (NOW - timedelta(days=days)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def google():
    return Watched()


@pytest.fixture
def look(google):
    """look(kind, projects) -> all its resources."""
    with serving(google) as server:
        rest = Rest(None, endpoint=server.endpoint, sleep=lambda seconds: None)

        def client(account):
            if account == "closed-project":
                raise Forbidden("account closed-project is not one that Vigil looks after")
            return rest

        clock = FakeClock(int(NOW.timestamp() * 1000))
        yield lambda kind, *projects: inventory(client, projects or (PROJECT,), clock)[kind]()


def shown(event):
    return event.record["attributes"]


def only(events):
    (event,) = events
    return event


# Keys


def key(google, id="k1", account=ROBOT, **fields):
    name = google.key(google.service_account(account), id)
    times = {"validAfterTime": ago(100), "validBeforeTime": "9999-12-31T23:59:59Z"}
    google.things[name] |= {**times, **fields}
    return name


def test_a_key_is_shown_with_its_age_and_last_use(google, look):
    name = key(google)
    google.used["k1"] = ago(3)
    event = only(look("access_key"))
    assert event.resources[0].uid == f"//iam.googleapis.com/{name}"
    assert shown(event) == {
        "owner": f"serviceAccount:{ROBOT}",
        "owner_type": "service",
        "is_user_managed": True,
        "active": True,
        "age_days": 100,
        "expires_at": None,
        "last_used_days": 3,
        "never_used": False,
    }
    assert (event.provider, event.account, event.record["unknown"]) == ("gcp", PROJECT, [])


def test_a_key_never_used_says_so_and_one_not_listed_is_unknown(google, look):
    key(google, "k1")
    key(google, "k2")
    google.used["k1"] = ""
    first, second = look("access_key")
    assert (shown(first)["last_used_days"], shown(first)["never_used"]) == (None, True)
    assert second.record["unknown"] == ["last_used_days", "never_used"]


@pytest.mark.parametrize(
    ("fields", "active"),
    [
        ({}, True),
        ({"disabled": True}, False),
        ({"validBeforeTime": ago(1)}, False),
        ({"validBeforeTime": ago(-30)}, True),
    ],
)
def test_a_key_is_active_unless_disabled_or_expired(google, look, fields, active):
    key(google, **fields)
    assert shown(only(look("access_key")))["active"] is active


def test_a_disabled_account_takes_its_keys_with_it(google, look):
    account = key(google).partition("/keys/")[0]
    google.things[account]["disabled"] = True
    assert shown(only(look("access_key")))["active"] is False


def test_keys_that_google_keeps_are_left_out_and_all_accounts_are_seen(google, look):
    for number in range(5):
        account = f"robot-{number}@example-project.iam.gserviceaccount.com"
        key(google, f"k{number}", account=account)
        google.key(f"projects/{PROJECT}/serviceAccounts/{account}", "g", kind="SYSTEM_MANAGED")
    assert len(list(look("access_key"))) == 5


def test_a_key_without_its_age_is_shown_and_the_age_unknown(google, look):
    google.key(google.service_account(ROBOT), "k1")
    google.used["k1"] = ago(1)
    assert only(look("access_key")).record["unknown"] == ["age_days"]


def test_use_that_can_not_be_read_is_unknown(google, look):
    key(google)
    google.refuse = {"policyanalyzer.projects.locations.activityTypes.activities.query"}
    event = only(look("access_key"))
    assert event.record["unknown"] == ["last_used_days", "never_used"]
    assert "last_used_days" not in shown(event)


# Firewall rules


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [("allow", "tcp", 22, 22, True)]),
        ({"sourceRanges": ["::/0", "192.0.2.0/24"]}, [("allow", "tcp", 22, 22, True)]),
        ({"sourceRanges": ["192.0.2.0/24"]}, [("allow", "tcp", 22, 22, False)]),
        ({"sourceTags": ["web"]}, [("allow", "tcp", 22, 22, False)]),
        ({"disabled": True}, [("allow", "tcp", 22, 22, False)]),
        ({"allowed": [{"IPProtocol": "all"}]}, [("allow", "all", 0, 65535, True)]),
        ({"allowed": [{"IPProtocol": "UDP"}]}, [("allow", "udp", 0, 65535, True)]),
        ({"allowed": [{"IPProtocol": "icmp"}]}, [("allow", "icmp", -1, -1, True)]),
        (
            {"allowed": [{"IPProtocol": "tcp", "ports": ["80-90", "443"]}, {"IPProtocol": "esp"}]},
            [("allow", "tcp", 80, 90, True), ("allow", "tcp", 443, 443, True), ("allow", "esp", -1, -1, True)],
        ),
        (
            {"allowed": [], "denied": [{"IPProtocol": "tcp", "ports": ["22"]}]},
            [("deny", "tcp", 22, 22, False)],
        ),
    ],
)  # fmt: skip
def test_a_rule_is_one_event_for_each_span_of_ports(google, look, fields, expected):
    google.firewall("web", **fields)
    events = list(look("firewall_rule"))
    keys = ("action", "protocol", "from_port", "to_port", "world_open")
    assert [tuple(shown(event)[key] for key in keys) for event in events] == expected
    full = f"//compute.googleapis.com/projects/{PROJECT}/global/firewalls/web"
    assert {event.uid for event in events} == {full}


def test_of_an_egress_rule_destinations_are_shown(google, look):
    google.firewall("out", direction="EGRESS", destinationRanges=["0.0.0.0/0"])
    seen = shown(only(look("firewall_rule")))
    assert (seen["direction"], seen["sources"]) == ("egress", ["0.0.0.0/0"])


def test_rules_of_all_pages_are_seen(google, look):
    for number in range(5):
        google.firewall(f"rule-{number}")
    assert len(list(look("firewall_rule"))) == 5


# Buckets


def bucket(google, name="data", members=(), acl=(), default=(), uniform=True, **access):
    google.bucket(name, uniformBucketLevelAccess={"enabled": uniform}, **access)
    google.policy(f"b/{name}", {"role": "roles/storage.objectViewer", "members": ["user:a@example.com", *members]})  # fmt: skip
    google.things[f"b/{name}/bucketAccessControls"] = {"entities": acl}
    google.things[f"b/{name}/defaultObjectAccessControls"] = {"entities": default}
    return name


ENFORCED = {"publicAccessPrevention": "enforced"}
ALL = "allUsers"


@pytest.mark.parametrize(
    ("made", "prevented", "expected"),
    [
        ({}, False, (False, False, False, False)),
        ({"members": [ALL]}, False, (True, False, False, True)),
        ({"members": ["allAuthenticatedUsers"]}, False, (True, False, False, True)),
        ({"members": [ALL], **ENFORCED}, False, (True, False, True, False)),
        ({"members": [ALL]}, True, (True, False, True, False)),
        ({"uniform": False, "acl": [ALL]}, False, (False, True, False, True)),
        ({"uniform": False, "default": [ALL]}, False, (False, True, False, True)),
        ({"uniform": True, "acl": [ALL]}, False, (False, False, False, False)),
        ({"uniform": False, "acl": [ALL], **ENFORCED}, False, (False, True, True, False)),
    ],
)
def test_a_bucket_is_public_by_policy_or_list_unless_prevented(
    google, look, made, prevented, expected
):
    google.prevented = prevented
    bucket(google, **made)
    event = only(look("storage_bucket"))
    seen = shown(event)
    keys = ("public_policy", "acl_public", "public_access_block", "public")
    assert tuple(seen[key] for key in keys) == expected
    assert event.record["unknown"] == []
    assert event.uid == "//storage.googleapis.com/projects/_/buckets/data"


@pytest.mark.parametrize(
    ("refused", "made", "unknown"),
    [
        ("storage.buckets.getIamPolicy", {}, ["public_policy", "public"]),
        ("storage.buckets.getIamPolicy", {"uniform": False, "acl": [ALL]}, ["public_policy"]),
        ("storage.bucketAccessControls.list", {"uniform": False}, ["acl_public", "public"]),
        ("orgpolicy.projects.policies.getEffectivePolicy", {}, ["public_access_block"]),
        ("orgpolicy.projects.policies.getEffectivePolicy", {"members": [ALL]}, ["public_access_block", "public"]),
        ("orgpolicy.projects.policies.getEffectivePolicy", {"members": [ALL], **ENFORCED}, []),
    ],
)  # fmt: skip
def test_what_of_a_bucket_can_not_be_read_is_unknown(google, look, refused, made, unknown):
    google.refuse = {refused}
    bucket(google, **made)
    event = only(look("storage_bucket"))
    assert event.record["unknown"] == unknown
    assert shown(event).keys().isdisjoint(unknown)


def test_every_bucket_of_every_page_is_seen_with_its_labels(google, look):
    for number in range(5):
        bucket(google, f"data-{number}")
        google.things[f"b/data-{number}"]["labels"] = {"team": str(number)}
    assert [event.record["tags"]["team"] for event in look("storage_bucket")] == list("01234")


# Sinks


def test_a_sink_tells_where_it_leads_and_whether_it_holds_back(google, look):
    parent = f"projects/{PROJECT}/sinks"
    google.sink(f"{parent}/a", filter="")
    google.sink(f"{parent}/b", disabled=True)
    google.sink(f"{parent}/c", filter="", exclusions=[{"name": "x", "filter": "y"}])
    seen = [shown(event) for event in look("audit_log")]
    assert [each["enabled"] for each in seen] == [True, False, True]
    assert [each["covers_all_categories"] for each in seen] == [True, False, False]


# All


LISTS = {
    "access_key": "iam.projects.serviceAccounts.list",
    "firewall_rule": "compute.firewalls.list",
    "storage_bucket": "storage.buckets.list",
    "audit_log": "logging.projects.sinks.list",
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_kind_that_can_not_be_listed_raises(google, look, kind):
    google.refuse = {LISTS[kind]}
    with pytest.raises(Forbidden):
        list(look(kind))


def test_a_project_that_is_closed_hides_no_other(google, look):
    google.firewall("web")
    seen = look("firewall_rule", "closed-project", PROJECT)
    assert next(iter(seen)).resources[0].name == "web"
    with pytest.raises(Forbidden, match="closed-project"):
        next(seen)


def test_nothing_is_read_before_a_kind_is_asked_for(google, look):
    look("firewall_rule")
    assert google.calls == []


def test_rights_are_listed_for_every_call_of_a_sweep(google, look):
    key(google)
    google.firewall("web")
    bucket(google, uniform=False)
    google.sink(f"projects/{PROJECT}/sinks/a")
    for kind in LISTS:
        list(look(kind))
    assert {right for call in google.calls for right in NEEDED[call]} | {
        "logging.logEntries.list"
    } == set(RIGHTS["_sweep"])


NEEDED = {
    "compute.firewalls.list": ["compute.firewalls.list"],
    "iam.projects.serviceAccounts.list": ["iam.serviceAccounts.list"],
    "iam.projects.serviceAccounts.keys.list": ["iam.serviceAccountKeys.list"],
    "logging.projects.sinks.list": ["logging.sinks.list"],
    "orgpolicy.projects.policies.getEffectivePolicy": ["orgpolicy.policy.get"],
    "policyanalyzer.projects.locations.activityTypes.activities.query": [
        "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query"
    ],
    "storage.bucketAccessControls.list": ["storage.buckets.get", "storage.buckets.getIamPolicy"],
    "storage.buckets.getIamPolicy": ["storage.buckets.getIamPolicy"],
    "storage.buckets.list": ["storage.buckets.list"],
    "storage.defaultObjectAccessControls.list": [
        "storage.buckets.get",
        "storage.buckets.getIamPolicy",
    ],
}
"""Method -> rights, as the page of each method has them."""
