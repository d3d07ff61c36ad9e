"""Rules in OCSF's words: put into a source's own, they match what they match in the rendering."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ocsf
from core.detect import Detector
from core.detect.plain import plain_match
from core.errors import BadRecord
from core.model import Actor, Event, Rule
from core.operations import CLASSES, Operations
from core.ports import Derived, Must, NeutralTable, Source
from core.rulebook import (
    And,
    Cidr,
    Compare,
    Exists,
    Expr,
    Not,
    Null,
    Or,
    Ref,
    Regex,
    Rulebook,
    Text,
    book,
)
from core.scan import Scanner, Tally, scan
from core.vocabulary import vocabulary

OPERATIONS = Operations(
    {
        "credential.create": {"iam": ("CreateKey", "Reset*Key"), "sts": ("GetToken",)},
        "identity.create": {"iam": ("CreateUser", "CreateKey")},
        "data.read": {"*": ("Read*",)},
    },
    service="svc",
    operation="op",
)
SIGN_INS = ("Login", "GetToken")


def address(record: Any) -> str:
    return record["ip"] if str(record.get("ip")).count(".") == 3 else ""


def event(record: Any) -> Event:
    if not isinstance(record.get("op"), str) or not record["op"]:
        raise BadRecord("no operation")
    failed = bool(record.get("err"))
    return Event(
        uid=record.get("id") or "none",
        time=1_700_000_000_000,
        source="toy/trail",
        provider="toy",
        service=record.get("svc") or "",
        operation=record["op"],
        labels=OPERATIONS.labels(record.get("svc") or "", record["op"]),
        authentication=record["op"] in SIGN_INS,
        activity="logon" if record["op"] in SIGN_INS else "other",
        outcome="failure" if failed else "success",
        error=record.get("err") or "",
        actor=Actor(uid=record.get("who") or "", name=record.get("who") or ""),
        ip=address(record),
        record=record,
    )


def neutral() -> NeutralTable:
    sign_in = Text("op", tuple(one.casefold() for one in SIGN_INS), cased=False)
    exact = Text("op", SIGN_INS, cased=True)
    return {
        "api.operation": "op",
        "api.service.name": "svc",
        "metadata.labels": OPERATIONS.tests,
        "src_endpoint.ip": Derived(lambda record: [ip] if (ip := address(record)) else [], ("ip",)),
        "class_uid": {3002: And((sign_in, exact)), 6003: Not(exact)},
        "status_id": {1: Must(Not(Text("err", ((1, 0),)))), 2: Must(Text("err", ((1, 0),)))},
    }


TOY = Source(
    name="toy/trail",
    keys=("op", "svc"),
    route="op",
    time="time",
    uid="id",
    event=event,
    neutral=neutral,
    records="Records",
)


def rulebook(*exprs: tuple[str, Expr], provider: str = "") -> Rulebook:
    return book(
        (Rule(id=str(n), title="t", source=source), expr, provider)
        for n, (source, expr) in enumerate(exprs)
    )


def fired(expr: Expr, record: dict[str, Any], category: str = "api_activity", **more: Any) -> bool:
    rules = rulebook((category, expr), **more)
    found = Detector(rules, [TOY]).match("toy/trail", record)
    assert found == plain_match(rules, TOY, record)
    return bool(found)


KEY = {"op": "CreateKey", "svc": "iam", "id": "1", "who": "alice", "ip": "192.0.2.7"}


@pytest.mark.parametrize(
    ("expr", "other"),
    [
        (Text("metadata.labels", ("credential.create",)), {"op": "CreateUser"}),
        (Text("metadata.labels", (("credential", 0),)), {"svc": "sts"}),
        (Text("api.operation", ("createkey",)), {"op": "CreateUser"}),
        (Text("actor.user.uid", ("alice",)), {"who": "bob"}),
        (Cidr("src_endpoint.ip", "192.0.2.0/24"), {"ip": "198.51.100.1"}),
        (Compare("status_id", "eq", 1), {"err": "AccessDenied"}),
        (Compare("activity_id", "gt", 50), {"op": "Login"}),
        (Not(Null("actor.user.uid")), {"who": ""}),
        (Text("cloud.provider", ("toy",)), {"op": None}),
        (Text(None, ((0, "alice", 0),)), {"who": "bob"}),
        (Ref("actor.user.name", "actor.user.uid", "is"), {"who": ""}),
    ],
)
def test_a_rule_means_the_fields_of_the_rendering(expr, other):
    assert fired(expr, KEY)
    assert not fired(expr, KEY | other)


def test_a_category_is_a_class_of_ocsf():
    login = KEY | {"op": "Login"}
    anyone = Text("actor.user.uid", ("alice",))
    assert fired(anyone, login, "authentication")
    assert not fired(anyone, login, "api_activity")
    assert not fired(anyone, KEY, "authentication")


def test_a_product_limits_a_category_to_one_cloud():
    anyone = Text("actor.user.uid", ("alice",))
    assert fired(anyone, KEY, provider="toy")
    assert not fired(anyone, KEY, provider="aws")


def test_a_source_that_says_nothing_neutral_is_not_asked():
    rules = rulebook(("api_activity", Text("actor.user.uid", ("alice",))))
    mute = TOY._replace(neutral=None)
    assert not Detector(rules, [mute]).match("toy/trail", KEY)
    assert not plain_match(rules, mute, KEY)


def test_raw_records_have_the_fields_that_rules_write():
    rules = rulebook(("api_activity", Text("api.operation", ("x",))))
    record = {"api": {"operation": "X"}}
    assert Detector(rules, [], raw=True).match("raw", record) == plain_match(rules, None, record)
    assert plain_match(rules, None, record)


def test_a_record_is_not_rendered_where_its_own_fields_decide():
    def never(record: Any) -> Event:
        raise AssertionError("rendered")

    source = TOY._replace(event=never)
    rules = rulebook(
        ("api_activity", Text("metadata.labels", ("credential.create",))),
        ("api_activity", And((Text("api.operation", ("other",)), Text("actor.user.uid", ("x",))))),
        ("api_activity", And((Compare("status_id", "eq", 2), Text("actor.user.uid", ("x",))))),
    )
    assert [one.id for one in Detector(rules, [source]).match("toy/trail", KEY)] == ["0"]
    key = KEY | {"time": "2026-03-01T00:00:00Z"}
    data = json.dumps({"Records": [key, key | {"op": "Describe"}]}).encode()
    tally = Tally()
    found = list(Scanner(Detector(rules, [source]), lean=True).scan(data, tally))
    assert [(one.position, one.numbers) for one in found] == [(0, (0,))]
    assert tally.opened <= 1


def test_a_rule_that_no_record_of_the_source_can_match_is_not_asked_about_them():
    source = TOY._replace(neutral=lambda: vocabulary("toy"))
    rules = rulebook(("authentication", Exists("time", wanted=True)), ("api_activity", Null("x")))
    assert Detector(rules, [source]).plan("toy/trail").numbers == [1]


def test_the_values_of_a_field_are_those_that_the_rule_means():
    rules = rulebook(("api_activity", Exists("actor.user.uid", wanted=True)))
    plan = Detector(rules, [TOY]).plan("toy/trail")

    def found(rule, field, record=KEY):
        return plan.fields.finder(plan.named(rule, field))(record)

    rule = rules.rule(0)
    assert found(rule, "actor.user.uid") == ["alice"]
    assert found(rule, "api.operation") == ["CreateKey"]
    assert found(rule, "api.operation", KEY | {"op": 7}) == []
    assert found(rule, "src_endpoint.ip") == ["192.0.2.7"]
    assert found(rule, "metadata.labels") == [["credential.create", "identity.create"]]
    assert found(Rule(id="n", title="n", source="toy/trail"), "who") == ["alice"]


def test_what_tells_a_field_is_known_where_no_rendering_is_needed():
    rules = rulebook(("api_activity", Exists("actor.user.uid", wanted=True)))
    plan = Detector(rules, [TOY]).plan("toy/trail")

    def reads(field):
        return plan.fields.reads(plan.named(rules.rule(0), field))

    assert reads("src_endpoint.ip") == ("ip",)
    assert reads("api.operation") == ("op",)
    assert reads("actor.user.uid") == ()
    assert reads("metadata.labels") == ()


OPS = ("CreateKey", "createkey", "ResetMyKey", "GetToken", "Login", "ReadAll", "CreateUser", "x")
RECORDS = st.fixed_dictionaries(
    {"op": st.sampled_from(OPS), "svc": st.sampled_from(("iam", "IAM", "sts", "s3", ""))},
    optional={
        "err": st.sampled_from(("", "AccessDenied")),
        "ip": st.sampled_from(("192.0.2.7", "internal", "")),
        "who": st.sampled_from(("alice", "bob", "")),
        "id": st.sampled_from(("1", "")),
    },
)
FIELDS = (
    *("api.operation", "api.service.name", "metadata.labels", "class_uid", "status_id"),
    *("actor.user.uid", "src_endpoint.ip", "src_endpoint.name", "api.response.error", "nothing"),
    "unmapped.ip",
)
PATTERNS = st.sampled_from(
    (
        *("createkey", "iam", "credential.create", "data.read", "6003", "3002", "1", "2", ""),
        *("alice", "unknown", ("create", 0), (0, "key"), (0,), (1, 0), ("", 0), (0, ".", 0)),
    )
)
LEAVES = st.one_of(
    st.builds(Text, st.sampled_from((*FIELDS, None)), st.tuples(PATTERNS)),
    st.builds(Text, st.sampled_from(FIELDS), st.tuples(PATTERNS, PATTERNS), st.booleans()),
    st.builds(Regex, st.sampled_from(FIELDS), st.sampled_from((r"Create", r"^\d+$", r"\A\z"))),
    st.builds(Null, st.sampled_from(FIELDS)),
    st.builds(Exists, st.sampled_from(FIELDS), st.booleans()),
    st.builds(Compare, st.sampled_from(FIELDS), st.sampled_from(("eq", "gt", "lte")), st.just(2)),
    st.builds(
        Ref, st.sampled_from(FIELDS), st.sampled_from(FIELDS), st.sampled_from(("is", "has"))
    ),
)
EXPRS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.tuples(inner, inner)),
        st.builds(Or, st.tuples(inner, inner)),
    ),
    max_leaves=5,
)


@settings(max_examples=1_500, deadline=None)
@given(
    exprs=st.lists(
        st.tuples(st.sampled_from(("api_activity", "authentication")), EXPRS), max_size=4
    ),
    records=st.lists(RECORDS, min_size=1, max_size=6),
)
def test_index_headers_and_rendering_agree(exprs, records):
    rules = rulebook(*exprs)
    detector = Detector(rules, [TOY])
    slow = [plain_match(rules, TOY, record) for record in records]
    assert [detector.match("toy/trail", record) for record in records] == slow
    data = json.dumps({"Records": records}).encode()
    quick = {one.position: detector.rules(one.numbers) for one in scan(data, detector, Tally())}
    assert quick == {place: found for place, found in enumerate(slow) if found}


@given(service=st.sampled_from(("iam", "STS", "s3", "")), operation=st.sampled_from(OPS))
def test_the_labels_of_an_event_are_those_whose_tests_hold(service, operation):
    record = {"svc": service, "op": operation}
    labels = OPERATIONS.labels(service, operation)
    for label, test in OPERATIONS.tests.items():
        source = Source("a/b", ("op",), "op", "t", "i", event=event)
        rules = rulebook(("a/b", test))
        assert bool(plain_match(rules, source, record)) == (label in labels)


def test_labels_stand_in_the_rendering():
    found = ocsf.activity(event(KEY))
    assert found["metadata"]["labels"] == ["credential.create", "identity.create"]
    assert set(found["metadata"]["labels"]) <= set(CLASSES)
