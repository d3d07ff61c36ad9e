"""Each verb against a Google Cloud on the loopback: there, back to the exact former state, traps.

A scene sets something up and names the target; the same questions are put to all of them.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Conflict, Forbidden, NotFound, Reject
from core.model import Target
from functions.gcp.actions import ACTIONS, actions
from functions.gcp.actions.policy import KINDS
from functions.gcp.rest import Rest
from tests.gcp.fake.google import SHARED_WRITER, Google
from tests.gcp.fake.server import serving

AT = 1_700_000_000_123
ROBOT = "deploy@example-project.iam.gserviceaccount.com"
ANA, MALLORY = "user:ana@example.com", "user:mallory@example.net"
PROJECT = "//cloudresourcemanager.googleapis.com/projects/example-project"
NIGHTS = {"title": "nights", "expression": "request.time.getHours('UTC') < 6"}
RIGHTS = json.loads(
    Path(__file__).parents[2].joinpath("functions/gcp/permissions.json").read_text()
)


def target(kind, account="example-project", principal="", **args):
    return Target(
        kind=kind, uid=f"{kind}-1", provider="gcp", account=account, args=args, principal=principal
    )


# Scenes


def key(google):
    return target("access_key", key=google.key(google.service_account(ROBOT), "k1"))


def account(google):
    return target("session", service_account=google.service_account(ROBOT))


def grant(role="roles/owner", member=MALLORY, resource=PROJECT, **other):
    """Of MALLORY as owner, if nothing else is said; `other` may hold a condition."""
    return target("grant", resource=resource, role=role, member=member, **other)


def only_member(google):
    google.policy(
        "projects/example-project",
        {"role": "roles/owner", "members": [MALLORY]},
        {"role": "roles/viewer", "members": [ANA, MALLORY]},
    )
    return grant()


def member_among_others(google):
    google.policy(
        "projects/example-project",
        {"role": "roles/owner", "members": [ANA, MALLORY, f"serviceAccount:{ROBOT}"]},
    )
    return grant()


def member_under_a_condition(google):
    """The same member holds the same role without and under two conditions."""
    google.policy(
        "projects/example-project",
        {"role": "roles/owner", "members": [MALLORY, ANA]},
        {"role": "roles/owner", "members": [MALLORY], "condition": NIGHTS},
        {"role": "roles/owner", "members": [MALLORY], "condition": {**NIGHTS, "title": "other"}},
    )
    return grant(condition=NIGHTS)


def member_of_organization(google):
    google.policy("organizations/1", {"role": "roles/owner", "members": [ANA, MALLORY]})
    resource = "//cloudresourcemanager.googleapis.com/organizations/1"
    made = grant(resource=resource)
    return target("grant", account="organizations/1", **made.args)


def member_of_folder(google):
    google.policy("folders/2", {"role": "roles/editor", "members": [MALLORY]})
    resource = "//cloudresourcemanager.googleapis.com/folders/2"
    made = grant(role="roles/editor", resource=resource)
    return target("grant", account="folders/2", **made.args)


def everybody_on_bucket(google):
    google.bucket("acme-data")
    google.policy(
        "b/acme-data", {"role": "roles/storage.objectViewer", "members": ["allUsers", ANA]}
    )
    resource = "//storage.googleapis.com/projects/_/buckets/acme-data"
    return grant(role="roles/storage.objectViewer", member="allUsers", resource=resource)


def member_of(service, name):
    def scene(google):
        google.policy(name, {"role": "roles/owner", "members": [ANA, MALLORY]})
        return grant(resource=f"//{service}.googleapis.com/{name}")

    return scene


member_of_account = member_of("iam", f"projects/example-project/serviceAccounts/{ROBOT}")
member_of_topic = member_of("pubsub", "projects/example-project/topics/logs")
member_of_subscription = member_of("pubsub", "projects/example-project/subscriptions/logs")
member_of_secret = member_of("secretmanager", "projects/example-project/secrets/token")
member_of_service = member_of("run", "projects/example-project/locations/europe-west1/services/web")


def open_rule(google):
    ranges = ["203.0.113.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32"]
    return target("ingress", firewall=google.firewall("web", sourceRanges=ranges))


def rule_open_to_nobody_else(google):
    return target("ingress", firewall=google.firewall("web", sourceRanges=["0.0.0.0/0"]))


def rule_that_names_no_source(google):
    return target("ingress", firewall=google.firewall("web"))


def rule_open_beside_a_tag(google):
    rule = google.firewall("web", sourceRanges=["::/0", "0.0.0.0/0"], sourceTags=["bastion"])
    return target("ingress", firewall=rule)


def bucket_without_prevention(google):
    return target("storage", bucket=google.bucket("acme-data"))


def bucket_with_inherited_prevention(google):
    return target("storage", bucket=google.bucket("acme-data", publicAccessPrevention="inherited"))


def disabled_sink(google):
    return target(
        "audit_log", sink=google.sink("projects/example-project/sinks/vigil", disabled=True)
    )


def disabled_sink_of_the_organization(google):
    sink = google.sink("organizations/1/sinks/all", disabled=True, writerIdentity=SHARED_WRITER)
    return target("audit_log", account="organizations/1", sink=sink)


def exclusion(google):
    return target(
        "audit_log", exclusion=google.exclusion("projects/example-project/exclusions/quiet")
    )


def narrowed_audit_configuration(google):
    """All of one service's logs are gone, one of another's, and somebody is exempt from a third."""
    google.policy(
        "projects/example-project",
        auditConfigs=[
            {"service": "storage.googleapis.com", "auditLogConfigs": [{"logType": "DATA_READ"}]},
            {
                "service": "allServices",
                "auditLogConfigs": [{"logType": "ADMIN_READ", "exemptedMembers": [ANA, MALLORY]}],
            },
        ],
    )
    return target(
        "audit_log",
        resource=PROJECT,
        logged=["storage.googleapis.com/DATA_WRITE", "iam.googleapis.com/ADMIN_READ"],
        exempted=[f"allServices/ADMIN_READ/{MALLORY}"],
    )


def audit_of(account):
    def scene(google):
        google.policy(account, auditConfigs=[])
        resource = f"//cloudresourcemanager.googleapis.com/{account}"
        return target("audit_log", account, resource=resource, logged=["allServices/DATA_READ"])

    return scene


SCENES = {
    "disable_access_key": [key],
    "revoke_sessions": [account],
    "remove_grant": [
        only_member,
        member_among_others,
        member_under_a_condition,
        member_of_organization,
        member_of_folder,
        everybody_on_bucket,
        member_of_account,
        member_of_topic,
        member_of_subscription,
        member_of_secret,
        member_of_service,
    ],
    "close_ingress": [
        open_rule,
        rule_open_to_nobody_else,
        rule_that_names_no_source,
        rule_open_beside_a_tag,
    ],
    "block_public_storage": [bucket_without_prevention, bucket_with_inherited_prevention],
    "restore_audit_logging": [
        disabled_sink,
        disabled_sink_of_the_organization,
        exclusion,
        narrowed_audit_configuration,
    ],
}
MORE_SCENES = {"restore_audit_logging": [audit_of("folders/2"), audit_of("organizations/1")]}
"""What else needs a right of its own."""

each_scene = pytest.mark.parametrize(
    ("verb", "scene"),
    [
        pytest.param(verb, scene, id=f"{verb}-{number}")
        for verb, scenes in SCENES.items()
        for number, scene in enumerate(scenes)
    ],
)


def states(verb, aim):
    before = verb.read(aim)
    return before, verb.want(aim, before, AT)


def world(google):
    """All that is there, without what counts the writes."""
    held = copy.deepcopy((google.things, google.policies))
    for thing in (*held[0].values(), *held[1].values()):
        thing.pop("etag", None)
        thing.pop("metageneration", None)
        thing.pop("version", None)
    return held


# What holds for all


@each_scene
def test_planning_changes_nothing(google, clients, verb, scene):
    aim = scene(google)
    found = world(google)
    actions(clients)[verb].facts(aim)
    states(actions(clients)[verb], aim)
    assert world(google) == found
    assert not {each.rpartition(".")[2] for each in google.calls} & WRITES


@each_scene
def test_a_write_brings_the_state_that_was_wanted(google, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(google)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    assert before != wanted
    assert lens.read(aim) == wanted


@each_scene
def test_a_write_with_the_states_exchanged_brings_back_the_exact_former_state(
    google, clients, verb, scene
):
    lens, aim = actions(clients)[verb], scene(google)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    lens.write(aim, wanted, before)
    assert lens.read(aim) == before


@each_scene
def test_a_write_done_twice_is_a_write_done_once(google, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(google)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    once = world(google)
    lens.write(aim, before, wanted)
    assert world(google) == once
    for _ in range(2):
        lens.write(aim, wanted, before)
    assert lens.read(aim) == before


@each_scene
def test_a_state_survives_being_stored_as_json(google, clients, verb, scene):
    for state in states(actions(clients)[verb], scene(google)):
        assert json.loads(json.dumps(state)) == state


@each_scene
def test_a_state_that_is_as_wanted_is_left_alone(google, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(google)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    google.calls.clear()
    assert lens.want(aim, wanted, AT) == wanted
    lens.write(aim, wanted, wanted)
    assert google.calls == []


@each_scene
def test_another_account_is_not_asked(google, clients, verb, scene):
    aim = scene(google)
    foreign = target(aim.kind, account="other-project", **aim.args)
    with pytest.raises((Forbidden, Reject)):
        actions(clients)[verb].read(foreign)
    assert google.calls == []


@pytest.mark.parametrize("verb", SCENES)
def test_the_rights_listed_for_a_verb_are_those_of_the_calls_that_it_makes(verb):
    needed = set()
    for scene in [*SCENES[verb], *MORE_SCENES.get(verb, ())]:
        google = Google()
        aim = scene(google)
        with serving(google) as server:
            lens = actions(lambda account, server=server: Rest(None, endpoint=server.endpoint))[
                verb
            ]
            lens.facts(aim)
            before, wanted = states(lens, aim)
            lens.write(aim, before, wanted)
            lens.write(aim, wanted, before)
        needed |= {right for call in google.calls for right in rights(call)}
    assert sorted(needed) == RIGHTS[verb]


def rights(method):
    """A method's right is named as the method, but for where it lies."""
    if method in RIGHTS_OF:
        return RIGHTS_OF[method]
    return (re.sub(r"^(pubsub|run|secretmanager)\.projects\.(locations\.)?", r"\1.", method),)


RIGHTS_OF = {
    **{
        f"cloudresourcemanager.{kind}.{does}": (f"resourcemanager.{kind}.{does}",)
        for kind in ("folders", "organizations", "projects")
        for does in ("get", "getIamPolicy", "setIamPolicy")
    },
    **{
        f"iam.projects.serviceAccounts.{does}": (f"iam.serviceAccounts.{does}",)
        for does in ("disable", "enable", "get", "getIamPolicy", "setIamPolicy")
    },
    **{
        f"iam.projects.serviceAccounts.keys.{does}": (f"iam.serviceAccountKeys.{does}",)
        for does in ("disable", "enable", "get")
    },
    **{
        f"logging.{owner}.{kind}.{does}": (f"logging.{kind}.{right}",)
        for owner in ("projects", "folders", "organizations")
        for kind, does, right in (
            ("sinks", "get", "get"),
            ("sinks", "update", "update"),
            ("exclusions", "get", "get"),
            ("exclusions", "patch", "update"),
        )
    },
    "compute.firewalls.patch": ("compute.firewalls.update", "compute.networks.updatePolicy"),
    "storage.buckets.patch": ("storage.buckets.setIamPolicy", "storage.buckets.update"),
}
"""Method -> rights, where they are named otherwise:
https://cloud.google.com/iam/docs/permissions-reference,
https://cloud.google.com/firewall/docs/using-firewalls,
https://cloud.google.com/storage/docs/using-public-access-prevention (a change of the prevention
needs setIamPolicy too)."""

WRITES = {"disable", "enable", "patch", "setIamPolicy", "update"}


def test_a_scene_stands_for_every_verb_and_every_kind_of_resource():
    assert set(SCENES) == set(ACTIONS)
    resources = [scene(Google()).args["resource"] for scene in SCENES["remove_grant"]]
    for pattern in KINDS:
        assert any(re.fullmatch(pattern, each) for each in resources), pattern


@pytest.mark.parametrize(
    ("verb", "aim"),
    [
        ("disable_access_key", target("access_key", key=f"projects/example-project/serviceAccounts/{ROBOT}/keys/none")),
        ("revoke_sessions", target("session", service_account=f"projects/example-project/serviceAccounts/{ROBOT}")),
        ("remove_grant", grant()),
        ("remove_grant", grant(resource="//storage.googleapis.com/projects/_/buckets/nothing")),
        ("close_ingress", target("ingress", firewall="projects/example-project/global/firewalls/nothing")),
        ("block_public_storage", target("storage", bucket="nothing")),
        ("restore_audit_logging", target("audit_log", sink="projects/example-project/sinks/nothing")),
        ("restore_audit_logging", target("audit_log", exclusion="projects/example-project/exclusions/nothing")),
        ("restore_audit_logging", target("audit_log", resource=PROJECT, logged=["allServices/DATA_READ"])),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_not_found(clients, verb, aim):
    with pytest.raises(NotFound):
        actions(clients)[verb].read(aim)


@pytest.mark.parametrize(
    ("verb", "aim", "lacks"),
    [
        ("disable_access_key", target("access_key"), "key"),
        ("revoke_sessions", target("session"), "service_account"),
        ("remove_grant", target("grant"), "resource"),
        ("close_ingress", target("ingress"), "firewall"),
        ("block_public_storage", target("storage"), "bucket"),
        ("restore_audit_logging", target("audit_log"), "exclusion"),
    ],
)
def test_a_target_that_lacks_a_part_is_rejected_and_the_part_named(clients, verb, aim, lacks):
    with pytest.raises(Reject, match=f"lacks {lacks}"):
        actions(clients)[verb].read(aim)


@pytest.mark.parametrize(
    ("verb", "aim"),
    [
        ("disable_access_key", target("access_key", key="projects/other/serviceAccounts/a/keys/k")),
        ("revoke_sessions", target("session", service_account="projects/-/serviceAccounts/a")),
        ("remove_grant", grant(resource="//cloudresourcemanager.googleapis.com/projects/other")),
        ("remove_grant", grant(resource="//pubsub.googleapis.com/projects/example-project-2/topics/t")),
        ("close_ingress", target("ingress", firewall="projects/other/global/firewalls/f")),
        ("restore_audit_logging", target("audit_log", sink="organizations/1/sinks/s")),
    ],
)  # fmt: skip
def test_a_name_that_lies_in_another_account_than_policy_was_asked_about_is_rejected(
    google, clients, verb, aim
):
    with pytest.raises(Reject, match="does not lie in the account"):
        actions(clients)[verb].read(aim)
    assert google.calls == []


def test_a_denied_call_is_forbidden_and_names_itself(google, clients):
    aim = key(google)
    google.refuse = {"iam.projects.serviceAccounts.keys.disable"}
    with pytest.raises(Forbidden, match="keys/k1:disable"):
        actions(clients)["disable_access_key"].write(aim, {"disabled": False}, {"disabled": True})


# Keys and accounts


def test_a_key_that_google_keeps_is_rejected(google, clients):
    aim = target(
        "access_key", key=google.key(google.service_account(ROBOT), "k1", "SYSTEM_MANAGED")
    )
    with pytest.raises(Reject, match="Google keeps"):
        actions(clients)["disable_access_key"].read(aim)


@pytest.mark.parametrize(
    ("verb", "scene"), [("disable_access_key", key), ("revoke_sessions", account)]
)
def test_the_guard_is_told_the_identity_by_its_address(google, clients, verb, scene):
    facts = actions(clients)[verb].facts(scene(google))
    assert facts == {"principal": f"serviceAccount:{ROBOT}"}


def test_an_account_that_lies_in_another_project_is_not_found(google, clients):
    name = google.service_account(ROBOT)
    google.things[name]["projectId"] = "other-project"
    with pytest.raises(NotFound):
        actions(clients)["revoke_sessions"].read(target("session", service_account=name))


# Grants


@each_scene
def test_nothing_but_the_target_changes(google, clients, verb, scene):
    """What is not in the state is as before: other members, roles, conditions, ranges, fields."""
    lens, aim = actions(clients)[verb], scene(google)
    found = world(google)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    lens.write(aim, wanted, before)
    assert unordered(world(google)) == unordered(found)


def unordered(value):
    """Members, bindings and ranges have no order, and absent means false, inherited or none."""
    if isinstance(value, dict):
        named = {name: unordered(each) for name, each in value.items()}
        named.pop("publicAccessPrevention", None)
        return {name: each for name, each in named.items() if each not in (False, [], {})}
    if isinstance(value, (list, tuple)):
        return sorted((unordered(each) for each in value), key=json.dumps)
    return value


def test_only_the_grant_under_the_same_condition_is_taken(google, clients):
    lens, aim = actions(clients)["remove_grant"], member_under_a_condition(google)
    lens.write(aim, *states(lens, aim))
    assert google.policies["projects/example-project"]["bindings"] == [
        {"role": "roles/owner", "members": [MALLORY, ANA]},
        {"role": "roles/owner", "members": [MALLORY], "condition": {**NIGHTS, "title": "other"}},
    ]


def test_the_audit_configuration_is_not_written_with_the_bindings(google, clients):
    lens, aim = actions(clients)["remove_grant"], only_member(google)
    configs = [{"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}]}]
    google.policies["projects/example-project"]["auditConfigs"] = configs
    lens.write(aim, *states(lens, aim))
    assert google.policies["projects/example-project"]["auditConfigs"] == configs


def test_a_write_that_another_outran_is_made_again_on_what_that_one_left(google, clients):
    lens, aim = actions(clients)["remove_grant"], member_among_others(google)
    before, wanted = states(lens, aim)
    bob = {"role": "roles/viewer", "members": ["user:bob@example.com"]}

    def outrun():
        held = google.policies["projects/example-project"]
        google.policy("projects/example-project", *held["bindings"], bob, etag="ZXRhZy05")

    google.meanwhile = outrun
    lens.write(aim, before, wanted)
    assert bob in google.policies["projects/example-project"]["bindings"]
    assert lens.read(aim) == wanted


def test_who_is_outrun_again_and_again_gives_up_for_now(google, clients):
    lens, aim = actions(clients)["remove_grant"], member_among_others(google)
    before, wanted = states(lens, aim)

    def outrun():
        google.policies["projects/example-project"]["etag"] = f"ZXRhZy{len(google.calls):02}="[:8]
        google.meanwhile = outrun

    google.meanwhile = outrun
    with pytest.raises(Conflict):
        lens.write(aim, before, wanted)
    assert google.calls.count("cloudresourcemanager.projects.setIamPolicy") == 3


OWNERS = {"role": "roles/owner", "members": [MALLORY]}


@pytest.mark.parametrize(
    ("bindings", "aim", "last"),
    [
        ([OWNERS], grant(), True),
        ([{"role": "roles/owner", "members": [MALLORY, ANA]}], grant(), False),
        ([OWNERS, {"role": "roles/resourcemanager.projectIamAdmin", "members": [ANA]}], grant(), False),
        ([OWNERS, {"role": "roles/resourcemanager.projectIamAdmin", "members": [MALLORY]}], grant(), False),
        ([OWNERS, {"role": "roles/editor", "members": [ANA]}], grant(), True),
        ([OWNERS, {"role": "roles/owner", "members": [ANA], "condition": NIGHTS}], grant(), True),
        ([OWNERS, {"role": "roles/owner", "members": [MALLORY], "condition": NIGHTS}], grant(condition=NIGHTS), False),
        ([{"role": "roles/owner", "members": [MALLORY, "deleted:user:ana@example.com?uid=1"]}], grant(), True),
        ([{"role": "roles/viewer", "members": [MALLORY]}], grant("roles/viewer"), False),
    ],
)  # fmt: skip
def test_the_guard_is_told_when_nobody_else_would_be_left(google, clients, bindings, aim, last):
    google.policy("projects/example-project", *bindings)
    assert actions(clients)["remove_grant"].facts(aim) == {"last_administrator": last}


@pytest.mark.parametrize(
    "resource",
    [
        "//bigquery.googleapis.com/projects/example-project/datasets/d",
        "//storage.googleapis.com/projects/_/buckets/b/objects/o",
        "//pubsub.googleapis.com/projects/example-project/topics/../topics/t",
    ],
)
def test_a_resource_of_another_kind_is_rejected(clients, resource):
    with pytest.raises(Reject):
        actions(clients)["remove_grant"].read(grant(resource=resource))


MEMBERS = st.lists(st.sampled_from([ANA, MALLORY, "allUsers", "user:bob@example.com"]), unique=True)
BINDINGS = st.lists(
    st.tuples(
        st.sampled_from(["roles/owner", "roles/viewer"]),
        MEMBERS.filter(bool),
        st.sampled_from([None, NIGHTS, {**NIGHTS, "title": "other"}]),
    ),
    unique_by=lambda each: (each[0], json.dumps(each[2])),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(BINDINGS, st.sampled_from([None, NIGHTS]))
def test_undoing_any_removal_brings_back_the_same_policy(bindings, condition):
    google = Google()
    google.policy(
        "projects/example-project",
        *(
            {"role": role, "members": members, **({"condition": under} if under else {})}
            for role, members, under in bindings
        ),
    )
    aim = grant(**({"condition": condition} if condition else {}))
    found = unordered(world(google))
    with serving(google) as server:
        lens = actions(lambda account: Rest(None, endpoint=server.endpoint))["remove_grant"]
        before, wanted = states(lens, aim)
        lens.write(aim, before, wanted)
        assert lens.read(aim) == {"granted": False}
        lens.write(aim, wanted, before)
    assert unordered(world(google)) == found


# Ingress


def test_the_world_goes_and_the_narrow_ranges_stay(google, clients):
    lens, aim = actions(clients)["close_ingress"], open_rule(google)
    lens.write(aim, *states(lens, aim))
    rule = google.things[aim.args["firewall"]]
    assert rule["sourceRanges"] == ["2001:db8::/32", "203.0.113.0/24"]
    assert not rule.get("disabled")
    assert rule["allowed"] == [{"IPProtocol": "tcp", "ports": ["22"]}]


@pytest.mark.parametrize("scene", [rule_open_to_nobody_else, rule_that_names_no_source])
def test_a_rule_with_no_other_range_is_disabled_and_keeps_it(google, clients, scene):
    lens, aim = actions(clients)["close_ingress"], scene(google)
    lens.write(aim, *states(lens, aim))
    rule = google.things[aim.args["firewall"]]
    assert (rule["sourceRanges"], rule["disabled"]) == (["0.0.0.0/0"], True)


@pytest.mark.parametrize("range_", ["203.0.113.9/0", "::/0", "::ffff/0"])
def test_the_world_is_known_by_its_prefix_length(google, clients, range_):
    aim = target("ingress", firewall=google.firewall("web", sourceRanges=[range_, "10.0.0.0/8"]))
    _, wanted = states(actions(clients)["close_ingress"], aim)
    assert wanted == {"sourceRanges": ["10.0.0.0/8"], "disabled": False}


@pytest.mark.parametrize(
    "fields",
    [
        {"sourceRanges": ["10.0.0.0/8"]},
        {"sourceRanges": ["0.0.0.0/1", "128.0.0.0/1"]},
        {"sourceRanges": ["0.0.0.0/0"], "disabled": True},
        {"sourceTags": ["bastion"]},
    ],
)
def test_a_rule_that_is_not_open_is_left_alone(google, clients, fields):
    aim = target("ingress", firewall=google.firewall("web", **fields))
    before, wanted = states(actions(clients)["close_ingress"], aim)
    assert before == wanted


@pytest.mark.parametrize(
    "fields",
    [
        {"direction": "EGRESS", "destinationRanges": ["0.0.0.0/0"]},
        {"allowed": [], "denied": [{"IPProtocol": "all"}], "sourceRanges": ["0.0.0.0/0"]},
    ],
)
def test_a_rule_that_lets_nothing_in_is_rejected(google, clients, fields):
    aim = target("ingress", firewall=google.firewall("web", **fields))
    with pytest.raises(Reject, match="lets nothing in"):
        actions(clients)["close_ingress"].read(aim)


def test_a_range_that_appeared_meanwhile_stays(google, clients):
    lens, aim = actions(clients)["close_ingress"], open_rule(google)
    before, wanted = states(lens, aim)
    google.things[aim.args["firewall"]]["sourceRanges"].append("192.0.2.0/24")
    lens.write(aim, before, wanted)
    assert "192.0.2.0/24" in google.things[aim.args["firewall"]]["sourceRanges"]


def test_ranges_that_went_meanwhile_do_not_leave_the_rule_open(google, clients):
    """Without any range Google would read the rule as one for the whole world."""
    lens, aim = actions(clients)["close_ingress"], open_rule(google)
    before, wanted = states(lens, aim)
    google.things[aim.args["firewall"]]["sourceRanges"] = ["0.0.0.0/0"]
    with pytest.raises(Conflict):
        lens.write(aim, before, wanted)
    assert "compute.firewalls.patch" not in google.calls


RANGES = st.lists(
    st.sampled_from(["0.0.0.0/0", "::/0", "10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"]),
    unique=True,
)


@settings(max_examples=40, deadline=None)
@given(RANGES, st.booleans())
def test_undoing_any_closing_brings_back_the_same_rule(ranges, disabled):
    google = Google()
    name = google.firewall("web", sourceRanges=ranges, disabled=disabled)
    found = unordered(world(google))
    with serving(google) as server:
        lens = actions(lambda account: Rest(None, endpoint=server.endpoint))["close_ingress"]
        aim = target("ingress", firewall=name)
        before, wanted = states(lens, aim)
        lens.write(aim, before, wanted)
        lens.write(aim, wanted, before)
    assert unordered(world(google)) == found


# Storage


def test_a_bucket_of_another_project_is_not_found(google, clients):
    aim = target("storage", bucket=google.bucket("acme-data", number=999))
    with pytest.raises(NotFound, match="another one has"):
        actions(clients)["block_public_storage"].read(aim)


def test_the_grants_of_a_bucket_of_another_project_are_not_read(google, clients):
    google.bucket("acme-data", number=999)
    google.policy("b/acme-data", {"role": "roles/storage.admin", "members": [MALLORY]})
    aim = grant(
        "roles/storage.admin", resource="//storage.googleapis.com/projects/_/buckets/acme-data"
    )
    with pytest.raises(NotFound, match="another one has"):
        actions(clients)["remove_grant"].read(aim)


def test_other_settings_of_the_bucket_stay_also_those_that_changed_meanwhile(google, clients):
    lens, aim = actions(clients)["block_public_storage"], bucket_without_prevention(google)
    before, wanted = states(lens, aim)

    def outrun():
        google.things["b/acme-data"]["metageneration"] = "7"

    google.meanwhile = outrun
    lens.write(aim, before, wanted)
    bucket = google.things["b/acme-data"]
    assert bucket["iamConfiguration"]["uniformBucketLevelAccess"] == {"enabled": True}
    assert (bucket["metageneration"], lens.read(aim)) == ("8", wanted)
    assert google.calls.count("storage.buckets.patch") == 2


# Audit logs


@pytest.mark.parametrize(
    "writer", [SHARED_WRITER, "serviceAccount:own@example-project.iam.gserviceaccount.com"]
)
def test_a_sink_keeps_its_identity_destination_and_filter(google, clients, writer):
    lens = actions(clients)["restore_audit_logging"]
    name = google.sink("projects/example-project/sinks/s", disabled=True, writerIdentity=writer)
    found = copy.deepcopy(google.things[name])
    aim = target("audit_log", sink=name)
    lens.write(aim, *states(lens, aim))
    assert google.things[name] == {**found, "disabled": False}


def test_logs_that_the_target_does_not_name_stay_as_they_are(google, clients):
    lens, aim = actions(clients)["restore_audit_logging"], narrowed_audit_configuration(google)
    lens.write(aim, *states(lens, aim))
    configs = {
        each["service"]: each["auditLogConfigs"]
        for each in google.policies["projects/example-project"]["auditConfigs"]
    }
    assert configs == {
        "storage.googleapis.com": [{"logType": "DATA_READ"}, {"logType": "DATA_WRITE"}],
        "allServices": [{"logType": "ADMIN_READ", "exemptedMembers": [ANA]}],
        "iam.googleapis.com": [{"logType": "ADMIN_READ"}],
    }


@pytest.mark.parametrize("logged", ["allServices/DATA_READ", ["DATA_READ"]])
def test_logs_that_are_named_oddly_are_rejected(google, clients, logged):
    google.policy("projects/example-project")
    with pytest.raises(Reject, match="can't be read"):
        actions(clients)["restore_audit_logging"].read(
            target("audit_log", resource=PROJECT, logged=logged)
        )
