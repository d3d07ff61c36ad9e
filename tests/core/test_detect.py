"""The detector is quick and its oracle is plain; on everything generated they agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.detect import Detector, plain_match
from core.detect.checks import literal
from core.detect.index import Index
from core.detect.matcher import Fields, View
from core.detect.values import milliseconds
from core.model import Rule
from core.ports import Source
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
    Text,
    book,
)


def unused(record: Any) -> Any:
    raise AssertionError


CLOUDTRAIL = Source(
    name="aws/cloudtrail",
    keys=("eventSource", "eventName"),
    route="eventName",
    time="eventTime",
    uid="eventID",
    event=unused,
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


def rules(*found: Expr) -> Any:
    return book(
        (Rule(id=str(n), title="t", source="aws/cloudtrail"), expr, "")
        for n, expr in enumerate(found)
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
