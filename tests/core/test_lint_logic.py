"""What can't hold, always holds, or follows, is said only when it is certain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.detect.plain import holds
from core.lint.logic import Facts, always, implies, never
from core.lint.patterns import inside
from core.rulebook import (
    ANY_MANY,
    ANY_ONE,
    And,
    Cidr,
    Compare,
    Exists,
    Expr,
    Not,
    Null,
    Or,
    Regex,
    Text,
)
from core.sigma import compile_rules

FACTS = Facts(single=frozenset({"one", "n"}), there=frozenset({"one"}))


def compiled(tmp_path: Path, detection: str) -> Expr:
    lines = "\n".join(f"  {line}" for line in detection.splitlines())
    text = f"title: t\nlogsource: {{product: p, service: s}}\ndetection:\n{lines}\n"
    (tmp_path / "rule.yml").write_text(text)
    found = compile_rules([tmp_path / "rule.yml"])
    assert found.faults == ()
    return found.book.detection(0)


ALWAYS = [
    "s: {a: x}\ncondition: s or not s",
    "s: {one: '*'}\ncondition: s",
    "s: {one|exists: true}\ncondition: s",
    "s: {a: x}\nt: {one: '*'}\ncondition: 1 of them",
    "s:\n  - a: null\n  - a: '*'\ncondition: s",
    "s: {a|exists: true}\nt: {a|exists: false}\ncondition: s or t",
    "s: {a|startswith: x}\nt: {a: xyz}\ncondition: s or not t",
    "s: {a: [x, y]}\nt: {a: x}\nu: {a: y}\ncondition: not s or t or u",
    "s: {one: x}\nt: {one: y}\ncondition: not s or not t",
]
NEVER = [
    "s: {a: x}\ncondition: s and not s",
    "s: {a|startswith: xy}\nt: {a|startswith: x}\ncondition: s and not t",
    "s: {a: [x, y]}\nt: {a: x}\nu: {a: y}\ncondition: s and not t and not u",
    "s: {a: x}\nt: {a|exists: false}\ncondition: s and t",
    "s: {one: x}\nt: {one: y}\ncondition: s and t",
    "s: {one|contains: b}\nt: {one: [x, y]}\ncondition: s and t",
    "s: {one: x}\nt: {one: null}\ncondition: s and t",
    "s: {n|lt: 3}\nt: {n|gt: 5}\ncondition: s and t",
    "s: {n: 7}\nt: {n|gt: 9}\ncondition: s and t",
    "s: {n|gte: 3}\nt: {n|lt: 3}\ncondition: all of them",
    "s: {one|cidr: 10.0.0.0/8}\nt: {one: 192.0.2.1}\ncondition: s and t",
    "s: {one: 10.1.2.3}\nt: {one|cidr: 10.0.0.0/8}\ncondition: s and not t",
    "k: [abc]\nl: [b]\ncondition: k and not l",
    "s: {a|exists: false}\nt: {a: null}\ncondition: s and not t",
]
NEITHER = [
    "s: {a: x}\ncondition: s",
    "s: {a: x}\ncondition: not s",
    "s: {a: x}\nt: {a: y}\ncondition: s and t",  # a list may have both
    "s: {a|lt: 3}\nt: {a|gt: 5}\ncondition: s and t",
    "s: {a: '*'}\ncondition: s",  # not every record has an `a`
    "s: {a: x}\nt: {a: null}\ncondition: s and t",  # [null, x]
    "s: {one|cased: X}\nt: {one|cased: x}\ncondition: s or t",
    "s: {one|cased: X}\nt: {one: x}\ncondition: s and t",
    "s: {one: x}\nt: {one|cased: x}\ncondition: s and not t",
    "s: {one|re: ^x}\nt: {one|re: ^y}\ncondition: s and t",
    "s: {n|gte: 3}\nt: {n|lte: 3}\ncondition: s and t",
    "s: {one: '::ffff:10.0.0.1'}\nt: {one|cidr: 10.0.0.0/8}\ncondition: s and t",
    "s: {one|hour: 3}\nt: {one|minute: 4}\ncondition: s and t",
    "s: {a|cased: 'a?b'}\nt: {a: 'a?b'}\ncondition: s and not t",  # ß folds to two letters
    "k: [abc]\nl: [b]\ncondition: l and not k",
]


@pytest.mark.parametrize("detection", ALWAYS)
def test_what_holds_for_every_record_is_seen(tmp_path, detection):
    found = compiled(tmp_path, detection)
    assert always(found, FACTS)
    assert not never(found, FACTS)


@pytest.mark.parametrize("detection", NEVER)
def test_what_holds_for_no_record_is_seen(tmp_path, detection):
    found = compiled(tmp_path, detection)
    assert never(found, FACTS)
    assert not always(found, FACTS)


@pytest.mark.parametrize("detection", NEITHER)
def test_what_may_and_may_not_hold_is_left_alone(tmp_path, detection):
    found = compiled(tmp_path, detection)
    assert not never(found, FACTS)
    assert not always(found, FACTS)


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ("a: xy", "a|startswith: x", True),
        ("a|startswith: x", "a: xy", False),
        ("a|contains: bcd", "a|contains: c", True),
        ("a: 'x*y?z'", "a: 'x*z'", True),
        ("a: 'x?'", "a: 'x*'", True),
        ("a: 'x*'", "a: 'x?*'", False),
        ("a|cased: Xy", "a: xY", True),
        ("a: xy", "a|cased: xy", False),
        ("a: [x, y]", "a: [x, y, z]", True),
        ("a|cidr: 10.1.0.0/16", "a|cidr: 10.0.0.0/8", True),
        ("a: 10.1.2.3", "a|cidr: 10.0.0.0/8", True),
        ("a|gt: 5", "a|gte: 5", True),
        ("a|gte: 5", "a|gt: 5", False),
        ("a: 7", "a|gt: 5", True),
        ("a|re: x", "a: '*'", True),
        ("a: null", "a: '*'", False),
        ("a: x", "a|exists: true", True),
    ],
)  # fmt: skip
def test_one_test_is_inside_another(tmp_path, narrow, wide, expected):
    first = compiled(tmp_path, f"s: {{{narrow}}}\ncondition: s")
    second = compiled(tmp_path, f"s: {{{wide}}}\ncondition: s")
    assert implies(first, second, Facts()) is expected


def test_a_question_too_large_is_left_open():
    many = And(tuple(Or(tuple(Text(f"f{i}", (f"{j}",)) for j in range(9))) for i in range(40)))
    assert not never(many, Facts())
    assert implies(many, many, Facts()) in (True, False)


TEXTS = st.sampled_from(["a", "b", "ab", "B", "ß", "5", "7", "10.1.2.3"])
PIECES = st.lists(st.sampled_from(["a", "b", "A", ANY_MANY, ANY_ONE]), min_size=1, max_size=3)
PATTERNS = st.one_of(TEXTS.map(str.casefold), PIECES.map(tuple).filter(lambda p: ANY_MANY in p))
FIELDS = st.sampled_from(["one", "n", "a", "b"])
LEAVES = st.one_of(
    st.builds(
        Text,
        st.one_of(FIELDS, st.none()),
        st.lists(PATTERNS, min_size=1, max_size=2).map(tuple),
        st.booleans(),
    ),
    st.builds(Regex, FIELDS, st.sampled_from(["a", "^b", "5"])),
    st.builds(Cidr, FIELDS, st.sampled_from(["10.0.0.0/8", "10.1.0.0/16"])),
    st.builds(
        Compare, FIELDS, st.sampled_from(["eq", "lt", "lte", "gt", "gte"]), st.integers(4, 8)
    ),
    st.builds(Null, FIELDS),
    st.builds(Exists, FIELDS, st.booleans()),
)
EXPRS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: And(tuple(items))),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: Or(tuple(items))),
    ),
    max_leaves=8,
)
SCALARS = st.one_of(TEXTS, st.none(), st.integers(3, 9), st.booleans())
RECORDS = st.fixed_dictionaries(
    {"one": SCALARS.filter(lambda value: value is not None)},
    optional={
        "n": SCALARS,
        "a": st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
        "b": st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
    },
)


@settings(max_examples=300)
@given(EXPRS, EXPRS, st.lists(RECORDS, min_size=1, max_size=6))
def test_no_record_contradicts_what_is_said(first: Expr, second: Expr, records: list[Any]) -> None:
    for record in records:
        matched, other = holds(first, record, None), holds(second, record, None)
        assert not (matched and never(first, FACTS))
        assert matched or not always(first, FACTS)
        assert not (matched and not other and implies(first, second, FACTS))


@settings(max_examples=300)
@given(LEAVES, LEAVES, st.lists(SCALARS, max_size=3))
def test_a_value_of_the_inner_test_is_one_of_the_outer(
    inner: Expr, outer: Expr, value: Any
) -> None:
    if getattr(inner, "field", 0) == getattr(outer, "field", 1) and inside(inner, outer):
        record = {inner.field or "a": value}  # type: ignore[union-attr]
        if holds(inner, record, None):
            assert holds(outer, record, None)
