"""The detector is quick and its oracle is plain; on everything generated they agree."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.detect import Detector, Suppressed
from core.detect.checks import literal
from core.detect.index import Index
from core.detect.matcher import Fields, View
from core.detect.plain import plain_judge, plain_match
from core.detect.values import milliseconds
from core.errors import BadRecord
from core.model import Event, Rule
from core.ports import Source
from core.rulebook import (
    And,
    Cidr,
    Compare,
    Exists,
    Expr,
    Filter,
    Not,
    Null,
    Or,
    Ref,
    Regex,
    Rulebook,
    Text,
    book,
    packed,
)


def event_of(record: Any) -> Event:
    when = milliseconds(record.get("eventTime"))
    if when is None:
        raise BadRecord("no time")
    return Event(uid="", time=when, source="aws/cloudtrail", provider="aws")


CLOUDTRAIL = Source(
    name="aws/cloudtrail",
    keys=("eventSource", "eventName"),
    route="eventName",
    time="eventTime",
    uid="eventID",
    event=event_of,
    aliases={"src_ip": ("sourceIPAddress", "ip"), "c": ("a.b",)},
    records="Records",
)

WORDS = ["", "a", "b", "ab", "AB", "x.y", "0", "5", "5.0", "1e1", "true", "ß", "SS", "10.0.0.1"]
FIELDS = ["a", "b", "c", "a.b", "a.b.c", "b.a", "src_ip", "eventName"]

fields = st.sampled_from(FIELDS)
words = st.sampled_from(WORDS) | st.text(max_size=3)
pieces = st.lists(st.sampled_from([0, 1]) | words.map(str.casefold), max_size=4).map(tuple)
patterns = st.lists(words.map(str.casefold) | pieces, min_size=1, max_size=3).map(tuple)
numbers = st.sampled_from([0, 1, 5, 10, -1, 1.5, 2026])
networks = st.sampled_from(["10.0.0.0/8", "10.0.0.1/32", "::/0", "2001:db8::/32", "0.0.0.0/0"])
regexes = st.sampled_from(["a", "^a$", "(?i)ab+", "a.b", "[0-9]+", r"\A(?:a|b)", "(?s)a.*b", ""])

leaves: st.SearchStrategy[Expr] = st.one_of(
    st.builds(Text, st.none() | fields, patterns, st.booleans()),
    st.builds(Text, fields, st.lists(words.map(str.casefold), min_size=1).map(tuple)),
    st.builds(Regex, st.none() | fields, regexes),
    st.builds(Cidr, fields, networks),
    st.builds(Compare, fields, st.sampled_from(["lt", "lte", "gt", "gte"]), numbers),
    st.builds(
        Compare,
        fields,
        st.sampled_from(["eq", "gt"]),
        numbers,
        st.sampled_from(["minute", "hour", "day", "week", "month", "year"]),
    ),
    st.builds(Null, fields),
    st.builds(Exists, fields, st.booleans()),
    st.builds(Ref, fields, fields, st.sampled_from(["is", "starts", "ends", "has"]), st.booleans()),
)

exprs: st.SearchStrategy[Expr] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)

scalars = (
    words
    | st.sampled_from([None, True, False, 0, 5, 5.0, 1.5, 1e20, "2026-03-01T05:10:00Z", 1772323200])
    | st.sampled_from(["05", "+5", "-00", "+", "2026-03-01 05:10:00 UTC", 1772323200 * 10**9])
    | st.sampled_from(["10.1.2.3", "10.0.0.0/9", "::ffff:10.0.0.1", "2001:db8::1", "fe80::1%x"])
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
)
keys = st.sampled_from(["a", "b", "c", "a.b", "b.c", "a.b.c", "sourceIPAddress", "ip", "eventName"])
json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(keys, json, max_size=5)


MARCH = 1_772_323_200_000
moments = st.sampled_from(
    [
        None,
        "2026-03-01T00:00:00Z",
        "2026-02-28T23:59:59.999+00:00",
        "2026-03-01",
        1_772_323_200,
        1_772_323_200_001,
        1_772_323_199.9999,
        "1772323199",
        "soon",
        True,
        {},
        [],
        [[], "2026-02-28T00:00:00Z"],
        [None, 1],
    ]
)
timed = st.builds(
    lambda record, field, moment: record | {field: moment},
    records,
    st.sampled_from(["eventTime", "time", "timestamp", "@timestamp", "a.b", "d"]),
    moments,
)
sources = st.sampled_from(["aws/cloudtrail", "aws/*", "*/cloudtrail", "aws/other", "", "posture"])

filters = st.builds(
    lambda expr, **more: Filter(id="", title="t", detect=packed(expr), **more),
    exprs,
    rules=st.lists(st.sampled_from("0123456"), max_size=3, unique=True).map(tuple),
    source=sources,
    provider=st.sampled_from(["", "", "", "aws"]),
    expires=st.sampled_from([None, None, MARCH, MARCH + 1, MARCH - 1, 0, 10**14]),
)
several = st.lists(filters, max_size=4).map(
    lambda found: [msgspec.structs.replace(one, id=f"f{n}") for n, one in enumerate(found)]
)


def rules(*found: Expr, filters: Any = ()) -> Rulebook:
    return book(
        (
            (Rule(id=str(n), title="t", source="aws/cloudtrail"), expr, "")
            for n, expr in enumerate(found)
        ),
        filters=filters,
    )


@settings(max_examples=600, deadline=None)
@given(st.lists(exprs, min_size=1, max_size=8), records)
@example([Text("a", ((1,),))], {"a": "ß"})
@example([Compare("a", "eq", 1, "week")], {"a": "0001-01-01T00:00:00+23:00"})
@example([Text("a", ("1e+20",))], {"a": 1e20})
def test_both_matchers_agree(found: list[Expr], record: dict[str, Any]) -> None:
    made = rules(*found)
    fast = Detector(made, [CLOUDTRAIL]).match("aws/cloudtrail", record)
    assert fast == plain_match(made, CLOUDTRAIL, record)
    raw = Detector(made, (), raw=True).match("raw", record)
    assert raw == plain_match(made, None, record)


@settings(max_examples=600, deadline=None)
@given(st.lists(exprs, min_size=1, max_size=6), several, timed, st.sampled_from(["", "d", "a.b"]))
def test_both_matchers_agree_on_what_filters_suppress(
    found: list[Expr], some: list[Filter], record: dict[str, Any], time_field: str
) -> None:
    made = rules(*found, filters=some)
    for source in (CLOUDTRAIL, None):
        sources = [source] if source else ()
        fast = Detector(made, sources, raw=source is None, time_field=time_field)
        matched = fast.judge(source.name if source else "raw", record)
        slow = plain_judge(made, source, record, time_field)
        assert list(matched.rules) == [rule for rule, by in slow if not by]
        assert list(matched.suppressed) == [Suppressed(rule.id, by) for rule, by in slow if by]


CALM = packed(Not(Text("who", ("robot",))))


def calm(**more: Any) -> Filter:
    """A filter on rule 0 that suppresses what the robot does."""
    return Filter(**{"id": "f", "title": "t", "rules": ("0",), "source": "", "detect": CALM} | more)


def kept(record: dict[str, Any], *filters: Filter, **settings: Any) -> int:
    """Hits of one rule that any record matches; both matchers are asked."""
    made = rules(Not(Text("never", ("x",))), filters=filters)
    source = None if settings.get("raw") else CLOUDTRAIL
    detector = Detector(made, [source] if source else (), **settings)
    found = detector.match(source.name if source else "raw", record)
    slow = plain_judge(made, source, record, settings.get("time_field", ""))
    assert [rule for rule, by in slow if not by] == list(found)
    return len(found)


def test_a_hit_is_kept_if_every_filter_on_its_rule_holds() -> None:
    assert kept({"who": "dana"}, calm()) == 1
    assert kept({"who": "robot"}, calm()) == 0
    assert kept({"who": "robot"}, calm(rules=("1",))) == 1
    assert kept({"who": "robot"}, calm(rules=()), calm(id="g", rules=("1",))) == 0
    other = calm(id="g", detect=packed(Text("who", ("dana",))))
    assert [kept({"who": who}, calm(), other) for who in ("dana", "robot", "eve")] == [1, 0, 0]


def test_a_filter_on_any_rule_is_on_those_that_read_nothing_else() -> None:
    for source, expected in [
        ("aws/cloudtrail", 0),
        ("aws/*", 0),
        ("*/cloudtrail", 0),
        ("aws/other", 1),
        ("gcp/*", 1),
        ("posture", 1),
    ]:
        assert kept({"who": "robot"}, calm(rules=(), source=source)) == expected
    assert kept({"who": "robot"}, calm(rules=(), source="aws/*", provider="aws")) == 1


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-02-28T23:59:59.999Z", 0),
        ("2026-03-01T00:00:00Z", 1),
        ("2026-03-01T00:59:00+01:00", 0),
        (1_772_323_199, 0),
        (None, 1),
        ("soon", 1),
        ({}, 1),
    ],
)
def test_a_filter_ends_by_the_time_of_the_event_and_no_time_is_never_suppressed(
    time: Any, expected: int
) -> None:
    record = {"who": "robot", "eventTime": time}
    assert kept(record, calm(expires=MARCH)) == expected
    assert kept({"who": "robot", "@timestamp": time}, calm(expires=MARCH), raw=True) == expected
    moved = {"who": "robot", "when": {"at": time}, "eventTime": 1}
    assert kept(moved, calm(expires=MARCH), time_field="when.at") == expected
    assert kept({"who": "robot"}, calm(expires=MARCH)) == 1
    assert kept(record, calm()) == 0


def test_an_expired_filter_leaves_the_hit_to_the_next() -> None:
    detector = Detector(
        rules(Not(Text("a", ("x",))), filters=[calm(expires=MARCH), calm(id="g"), calm(id="h")]),
        [CLOUDTRAIL],
    )
    for time, expected in (("2026-01-01", "f"), ("2026-04-01", "g")):
        record = {"who": "robot", "eventTime": time}
        found = detector.judge("aws/cloudtrail", record)
        assert (found.rules, found.suppressed) == ((), (Suppressed("0", expected),))


def test_a_filter_reads_fields_as_rules_do() -> None:
    strict = calm(detect=packed(Not(Text("src_ip", ("192.0.2.1",)))))
    assert kept({"sourceIPAddress": "192.0.2.1"}, strict) == 0
    assert kept({"ip": "192.0.2.1"}, strict) == 0
    assert kept({"src_ip": "192.0.2.1"}, strict) == 1
    assert kept({"src_ip": "192.0.2.1"}, strict, raw=True) == 0


def test_hits_come_in_the_order_of_the_rulebook() -> None:
    made = rules(*(Text("eventName", ("x", f"y{n}")) for n in range(9)), Not(Text("b", ("z",))))
    found = Detector(made, [CLOUDTRAIL]).match("aws/cloudtrail", {"eventName": ["x", "y3"]})
    assert [rule.id for rule in found] == [str(n) for n in range(10)]


@pytest.mark.parametrize(
    ("wanted", "provider", "source", "record", "expected"),
    [
        ("aws/cloudtrail", "", "aws/cloudtrail", {"a": "x"}, True),
        ("aws/*", "", "aws/cloudtrail", {"a": "x"}, True),
        ("*/cloudtrail", "", "aws/cloudtrail", {"a": "x"}, True),
        ("", "", "aws/cloudtrail", {"a": "x"}, True),
        ("gcp/*", "", "aws/cloudtrail", {"a": "x"}, False),
        ("aws/other", "", "aws/cloudtrail", {"a": "x"}, False),
        ("posture", "aws", "posture", {"a": "x", "provider": "aws"}, True),
        ("posture", "aws", "posture", {"a": "x", "provider": "azure"}, False),
        ("posture", "aws", "posture", {"a": "x"}, False),
        ("posture", "", "posture", {"a": "x"}, True),
        ("posture", "", "aws/cloudtrail", {"a": "x"}, False),
        ("aws/*", "", "posture", {"a": "x"}, False),
    ],
)
def test_a_rule_reads_only_records_of_its_source(
    wanted: str, provider: str, source: str, record: dict[str, Any], expected: bool
) -> None:
    made = book([(Rule(id="r", title="t", source=wanted), Text("a", ("x",)), provider)])
    one = CLOUDTRAIL._replace(name=source, aliases={})
    assert bool(Detector(made, [one]).match(source, record)) is expected
    assert bool(plain_match(made, one, record)) is expected
    assert Detector(made, (), raw=True).match("raw", record) == made.rules


def test_the_first_alias_that_exists_counts() -> None:
    made = rules(Text("src_ip", ("192.0.2.1",)))
    detector = Detector(made, [CLOUDTRAIL])
    assert detector.match("aws/cloudtrail", {"sourceIPAddress": "192.0.2.1"})
    assert detector.match("aws/cloudtrail", {"ip": "192.0.2.1"})
    assert not detector.match("aws/cloudtrail", {"ip": "192.0.2.1", "sourceIPAddress": "x"})
    assert not detector.match("aws/cloudtrail", {"src_ip": "192.0.2.1"})


def test_raw_fields_are_as_the_rules_write_them() -> None:
    detector = Detector(rules(Text("src_ip", ("192.0.2.1",))), (), raw=True)
    assert detector.match("raw", {"src_ip": "192.0.2.1"})
    assert not detector.match("raw", {"sourceIPAddress": "192.0.2.1"})


def test_the_index_asks_few_rules_even_below_a_busy_name() -> None:
    made = rules(
        *(
            And((Text("eventName", ("assumerole",)), Text("a.b", (f"role-{n}",))))
            for n in range(200)
        ),
        *(Text("eventName", (f"other{n}",)) for n in range(200)),
    )
    index = Index(made.entries, range(400), first="eventName")
    view = View({"eventName": "AssumeRole", "a": {"b": "role-7"}}, Fields({}))
    assert index.candidates(view) == [7]
    assert index.candidates(View({"eventName": "Unknown"}, Fields({}))) == []


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        (".+:assumed-role/aws:.+", ":assumed-role/aws:"),
        ("abc", "abc"),
        ("abc*", "ab"),
        ("ab{2}c", "a"),
        ("a(bcd)e", "a"),
        ("[a)bcd]x", "x"),
        ("ab|cd", ""),
        ("(?i)abc", ""),
        (r"a\.bc", ""),
        ("", ""),
    ],
)
def test_a_literal_is_in_every_match(regex: str, expected: str) -> None:
    assert literal(regex) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T00:00:01.5+01:00", 1_500 - 3_600_000),
        (1, 1_000),
        (1_772_323_200_123, 1_772_323_200_123),
        ("1772323200", 1_772_323_200_000),
        ("yesterday", None),
        (None, None),
        (True, None),
        ([], None),
        (1e300, None),
    ],
)
def test_times_are_read_in_the_usual_shapes(value: Any, expected: int | None) -> None:
    assert milliseconds(value) == expected
