"""Events and findings in OCSF: valid by the published schema, complete, and without secrets."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.model import Actor, Attack, Event, Finding, Resource, Rule
from core.ocsf import PRODUCT_VERSION, activity, finding
from tests.ocsf_schema import faults

ROOT = Path(__file__).parents[2]
GOLDEN = sorted(ROOT.glob("tests/*/golden/*.json"))
TIME = 1_772_360_430_000

EVENT = Event(
    uid="e-1",
    time=TIME,
    source="acme/audit",
    provider="acme",
    account="123456789012",
    region="north-1",
    service="keys.example.com",
    operation="CreateKey",
    activity="create",
    labels=("credential.create",),
    outcome="success",
    actor=Actor(uid="user/alice", name="alice", type="user", account="123456789012"),
    ip="198.51.100.7",
    user_agent="cli/1.0",
    request="r-1",
    resources=(Resource(uid="key/1", name="1", type="Key", account="123456789012"),),
    record={"operation": "CreateKey", "parameters": {"user": "bob"}, "note": None},
)

RULE = Rule(
    id="r-1",
    title="A key for somebody else",
    level="high",
    description="Somebody made a key for another user.",
    references=("https://example.com/keys",),
    attacks=(
        Attack(tactic="persistence", technique="T1098.001"),
        Attack(tactic="command-and-control"),
        Attack(technique="T1078"),
        Attack(),
    ),
    source="acme/audit",
    respond=("disable_access_key", "unheard_of"),
)

FINDING = Finding(
    uid="f-1",
    rule=RULE,
    level="high",
    title=RULE.title,
    time=TIME,
    last_seen=TIME + 5_000,
    found_at=TIME + 60_000,
    provider="acme",
    account="123456789012",
    region="north-1",
    actor=EVENT.actor,
    ip=EVENT.ip,
    resources=EVENT.resources,
    events=("e-1",),
    evidence=(EVENT,),
)

POSTURE = replace(
    EVENT,
    source="posture",
    service="",
    operation="",
    ip="",
    actor=Actor(),
    record={"resource_type": "access_key", "attributes": {"age_days": 400}},
)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_object_is_valid(path: Path) -> None:
    assert faults(json.loads(path.read_text(encoding="utf-8"))["ocsf"]) == []


def test_the_validator_can_refuse() -> None:
    good = activity(EVENT)
    assert faults(good) == []
    assert faults({**good, "severity_id": 77})
    assert faults({**good, "surprise": 1})
    assert faults({**good, "src_endpoint": {}})
    assert faults({key: each for key, each in good.items() if key != "actor"})
    named = {**good["actor"], "invoked_by": "x"}
    assert faults({**good, "actor": named}) == ["invoked_by is deprecated"]


@pytest.mark.parametrize("outcome", ["success", "failure", "unknown"])
@pytest.mark.parametrize(
    ("kind", "authentication", "class_uid", "activity_id"),
    [
        ("create", False, 6003, 1),
        ("read", False, 6003, 2),
        ("update", False, 6003, 3),
        ("delete", False, 6003, 4),
        ("other", False, 6003, 99),
        ("logon", True, 3002, 1),
        ("logoff", True, 3002, 2),
        ("other", True, 3002, 99),
    ],
)
def test_an_event_is_of_one_class_and_activity(
    kind: Any, authentication: bool, class_uid: int, activity_id: int, outcome: Any
) -> None:
    event = replace(EVENT, activity=kind, authentication=authentication, outcome=outcome)
    found = activity(event)
    assert (found["class_uid"], found["activity_id"]) == (class_uid, activity_id)
    assert found["type_uid"] == class_uid * 100 + activity_id
    assert found["status"] == outcome.title()
    assert faults(found) == []


def test_an_event_with_nothing_but_its_identity_is_valid() -> None:
    bare = Event(uid="e", time=0, source="acme/audit", provider="acme", operation="Do")
    for authentication in (False, True):
        found = activity(replace(bare, authentication=authentication))
        assert found["actor"]["user"] == {"name": "unknown", "type_id": 0, "type": "Unknown"}
        assert found["src_endpoint"] == {"name": "unknown"}
        assert found["time_dt"] == "1970-01-01T00:00:00.000Z"
        assert faults(found) == []


def test_what_another_product_found_is_a_finding_and_no_call() -> None:
    found = activity(replace(EVENT, finding=True, operation="Malware: Cryptomining"))
    assert (found["class_uid"], found["activity_name"]) == (2004, "Create")
    assert found["finding_info"] == {"uid": "e-1", "title": "Malware: Cryptomining"}
    assert found["evidences"][0]["data"] == {
        "operation": "CreateKey",
        "parameters": {"user": "bob"},
    }
    bare = Event(uid="e", time=0, source="acme/findings", provider="acme", finding=True)
    assert faults(found) == faults(activity(bare)) == []


@pytest.mark.parametrize(
    ("kind", "type_id"),
    [("user", 1), ("admin", 2), ("system", 3), ("service", 4), ("role", 99), ("unknown", 0)],
)
def test_every_type_of_actor_has_its_number(kind: Any, type_id: int) -> None:
    found = activity(replace(EVENT, actor=replace(EVENT.actor, type=kind)))
    assert found["actor"]["user"]["type_id"] == type_id
    assert faults(found) == []


def test_a_key_belongs_to_the_user_and_a_session_credential_to_the_session() -> None:
    own = activity(replace(EVENT, actor=replace(EVENT.actor, credential="k-1", mfa=False)))
    assert own["actor"]["user"]["programmatic_credentials"] == [{"uid": "k-1"}]
    assert own["actor"]["session"] == {"is_mfa": False}
    worn = replace(EVENT.actor, credential="k-1", issuer="role/web", mfa=True)
    lent = activity(replace(EVENT, actor=worn))
    assert "programmatic_credentials" not in lent["actor"]["user"]
    assert lent["actor"]["session"] == {
        "issuer": "role/web",
        "credential_uid": "k-1",
        "is_mfa": True,
    }
    assert faults(own) == faults(lent) == []


def test_what_is_mapped_is_not_repeated_and_the_rest_is_kept() -> None:
    assert activity(EVENT)["unmapped"] == {"parameters": {"user": "bob"}}
    assert "raw_data" not in activity(EVENT)


@pytest.mark.parametrize("name", ["sessionToken", "SecretAccessKey", "client_secret", "password"])
def test_credentials_are_masked_wherever_they_stand(name: str) -> None:
    record = {"answer": [{"credentials": {name: "hunter2", "id": "k-1"}}], name: {"x": "hunter2"}}
    event = replace(EVENT, record=record)
    posture = replace(POSTURE, record=record)
    evidence = replace(FINDING, evidence=(event, posture))
    for found in (activity(event), activity(posture), finding(evidence)):
        written = json.dumps(found)
        assert "hunter2" not in written
        assert "k-1" in written
        assert faults(found) == []


def test_a_record_nested_to_exhaust_the_stack_is_cut() -> None:
    record: dict[str, Any] = {}
    for _ in range(900):
        record = {"a": [record]}
    assert "nested too deep" in json.dumps(activity(replace(EVENT, record=record)))


def test_a_resource_of_a_sweep_is_an_inventory_entry_with_its_state() -> None:
    found = activity(POSTURE)
    assert (found["class_uid"], found["activity_name"]) == (5023, "Collect")
    assert found["resources"][0]["data"]["attributes"] == {"age_days": 400}
    assert faults(found) == []


def test_a_finding_says_what_by_which_rule_and_what_would_help() -> None:
    found = finding(FINDING)
    info = found["finding_info"]
    assert faults(found) == []
    assert found["metadata"]["product"]["name"] == "Vigil"
    assert (found["type_uid"], found["is_alert"], found["severity"]) == (200401, True, "High")
    assert info["analytic"] == {"type_id": 1, "type": "Rule", "uid": "r-1", "name": RULE.title}
    assert info["related_events"] == [{"uid": "e-1"}]
    assert info["last_seen_time"] - info["first_seen_time"] == 5_000
    assert found["remediation"]["desc"].startswith("disable_access_key: ")
    assert found["actor"]["user"]["uid"] == "user/alice"


def test_a_rule_that_knows_no_help_gives_no_remediation() -> None:
    found = finding(replace(FINDING, rule=replace(RULE, respond=("unheard_of",))))
    assert "remediation" not in found
    assert faults(found) == []


def test_attack_techniques_are_split_and_carry_their_generation() -> None:
    assert finding(FINDING)["finding_info"]["attacks"] == [
        {
            "version": "19",
            "tactic": {"name": "Persistence"},
            "technique": {"uid": "T1098"},
            "sub_technique": {"uid": "T1098.001"},
        },
        {"version": "19", "tactic": {"name": "Command and Control"}},
        {"version": "19", "technique": {"uid": "T1078"}},
    ]


@pytest.mark.parametrize(
    ("status", "count", "activity_name", "status_id", "is_alert"),
    [
        ("new", 1, "Create", 1, True),
        ("new", 3, "Update", 1, True),
        ("suppressed", 1, "Update", 3, False),
        ("closed", 2, "Close", 4, True),
    ],
)
def test_the_status_of_a_finding_decides_its_activity(
    status: Any, count: int, activity_name: str, status_id: int, is_alert: bool
) -> None:
    found = finding(replace(FINDING, status=status, count=count))
    assert found["activity_name"] == activity_name
    assert (found["status_id"], found["is_alert"]) == (status_id, is_alert)
    assert faults(found) == []


@pytest.mark.parametrize(
    ("level", "severity_id"),
    [("informational", 1), ("low", 2), ("medium", 3), ("high", 4), ("critical", 5)],
)
def test_every_level_has_its_severity(level: Any, severity_id: int) -> None:
    assert finding(replace(FINDING, level=level))["severity_id"] == severity_id


def test_a_finding_without_events_shows_where_it_came_from() -> None:
    found = finding(replace(FINDING, evidence=()))
    assert found["evidences"][0]["src_endpoint"] == {"ip": "198.51.100.7"}
    assert faults(found) == []


def test_a_finding_of_a_sweep_or_a_drill_with_no_actor_is_valid() -> None:
    bare = replace(FINDING, actor=Actor(), ip="", evidence=(POSTURE,), drill=True)
    found = finding(bare)
    assert "actor" not in found
    assert found["metadata"]["labels"] == ["drill"]
    assert found["evidences"][0]["data"]["attributes"] == {"age_days": 400}
    assert faults(found) == faults(finding(replace(bare, evidence=()))) == []


TEXT = st.text(max_size=8)
ACTORS = st.builds(
    Actor, uid=TEXT, name=TEXT, account=TEXT, credential=TEXT, issuer=TEXT, mfa=st.none()
)
EVENTS = st.builds(
    Event,
    uid=TEXT,
    time=st.integers(0, 4_102_444_800_000),
    source=st.sampled_from(["acme/audit", "posture"]),
    provider=TEXT,
    account=TEXT,
    region=TEXT,
    service=TEXT,
    operation=TEXT,
    authentication=st.booleans(),
    finding=st.booleans(),
    error=TEXT,
    message=TEXT,
    actor=ACTORS,
    ip=st.sampled_from(["", "192.0.2.1", "2001:db8::1"]),
    domain=TEXT,
    user_agent=TEXT,
    request=TEXT,
    resources=st.tuples() | st.tuples(st.builds(Resource, uid=TEXT, name=TEXT, type=TEXT)),
    record=st.dictionaries(TEXT, st.lists(st.integers() | TEXT | st.none(), max_size=3)),
)


@settings(deadline=None, max_examples=60)
@given(event=EVENTS)
def test_any_event_is_valid_alone_and_as_evidence(event: Event) -> None:
    assert faults(activity(event)) == []
    found = finding(replace(FINDING, evidence=(event,), actor=event.actor, ip=event.ip))
    assert faults(found) == []


def test_the_version_written_is_the_version_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == PRODUCT_VERSION


def test_a_finding_of_many_events_says_what_they_have_in_common_and_is_valid() -> None:
    found = finding(
        replace(
            FINDING,
            began=FINDING.time - 60_000,
            count=12,
            group={"userIdentity.arn": "x"},
            capped=True,
            former=("old",),
        )
    )
    assert faults(found) == []
    assert found["start_time"] == found["finding_info"]["first_seen_time"] == FINDING.time - 60_000
    assert found["count"] == found["finding_info"]["related_events_count"] == 12
    assert found["unmapped"] == {
        "group": {"userIdentity.arn": "x"},
        "capped": True,
        "former_uids": ["old"],
    }
    assert "unmapped" not in finding(FINDING)
