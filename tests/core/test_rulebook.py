"""A rulebook is plain data: what is dumped is loaded, and what is no rulebook is refused."""

from __future__ import annotations

import msgspec
import pytest

from core.errors import BadRule
from core.model import Rule
from core.rulebook import (
    And,
    Compare,
    Expr,
    Filter,
    Not,
    Or,
    Rulebook,
    Text,
    book,
    dump,
    load,
    needs,
    number_text,
    packed,
)

STOP = Text("eventName", ("stoplogging",))
RULE = Rule(id="r", title="t", source="aws/cloudtrail")


def test_a_book_survives_dump_and_load() -> None:
    made = book([(RULE, And((STOP, Not(Text("a", (("x", 0, 1),))))), "aws")])
    again = load(dump(made))
    assert again == made
    assert again.rules == (RULE,)
    assert again.detection(0) == made.detection(0)
    assert dump(again) == dump(made)


FILTER = Filter(
    id="f",
    title="t",
    owner="dana",
    expires=1,
    rules=("r",),
    source="aws/*",
    detect=packed(Not(Text("a", ("x",)))),
)


def test_a_book_with_filters_survives_dump_and_load() -> None:
    made = book([(RULE, STOP, "")], filters=[FILTER])
    again = load(dump(made))
    assert again == made
    assert again.filters == (FILTER,)
    assert again.demand(0) == Not(Text("a", ("x",)))
    assert again.filtered == {0: (0,)}
    assert dump(again) == dump(made)


def test_only_a_book_with_filters_is_of_the_format_that_knows_them() -> None:
    """Who does not know filters would tell what is to be suppressed; other books mean the same."""
    without, made = book([(RULE, STOP, "")]), book([(RULE, STOP, "")], filters=[FILTER])
    assert (without.format, made.format) == (1, 2)
    for format in (0, 3):
        data = dump(made).replace(b'"format":2', f'"format":{format}'.encode())
        with pytest.raises(BadRule, match=f"format {format}, this version reads") as refused:
            load(data)
        assert "vigil rules build" in refused.value.hint


def test_a_book_from_before_there_were_filters_is_read_as_it_was() -> None:
    made = book([(RULE, STOP, "")])
    old = msgspec.json.decode(dump(made))
    del old["filters"]
    assert load(msgspec.json.encode(old)) == made


def test_a_damaged_filter_is_named_when_it_is_needed() -> None:
    made = book([(RULE, STOP, "")], filters=[FILTER])
    damaged = load(dump(made).replace(b'["not",', b'["nor",'))
    assert damaged.detection(0) == STOP
    with pytest.raises(BadRule, match="filter f in the rulebook is damaged"):
        damaged.demand(0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a rulebook"),
        (b"[]", "not a rulebook"),
        (b'{"entries":[]}', "not a rulebook"),
        (b'{"format":1,"entries":[{"id":1}]}', "not a rulebook"),
        (b'{"format":99,"entries":[]}', "format 99"),
        (b"\xff", "not a rulebook"),
    ],
)
def test_what_is_no_rulebook_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadRule, match=reason):
        load(data)


def test_a_damaged_rule_is_named_when_it_is_needed() -> None:
    made = book([(RULE, STOP, "")])
    damaged = dump(made).replace(b'["text",', b'["test",')
    assert damaged != dump(made)
    with pytest.raises(BadRule, match="rule r in the rulebook is damaged"):
        load(damaged).detection(0)


def test_an_empty_book_is_one() -> None:
    assert load(dump(book([]))) == Rulebook(format=1)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (STOP, {"eventName": {"stoplogging"}}),
        (Text("a", ("X",), cased=True), {"a": {"x"}}),
        (Text("a", ("x", ("y", 0))), {}),
        (Text(None, ("x",)), {}),
        (Not(STOP), {}),
        (And((STOP, Text("a", ("x",)))), {"eventName": {"stoplogging"}, "a": {"x"}}),
        (And((Text("a", ("x", "y")), Text("a", ("y",)))), {"a": {"y"}}),
        (Or((STOP, Text("a", ("x",)))), {}),
        (Or((And((STOP, Text("a", ("x",)))), Text("a", ("y",)))), {"a": {"x", "y"}}),
        (Compare("a", "eq", 1, "hour"), {}),
    ],
)
def test_needs_are_what_a_record_can_not_do_without(
    expr: Expr, expected: dict[str, set[str]]
) -> None:
    assert needs(expr) == expected


@pytest.mark.parametrize(
    ("number", "text"), [(5, "5"), (5.0, "5"), (-0.0, "0"), (1.5, "1.5"), (2**70, str(2**70))]
)
def test_equal_numbers_read_the_same(number: float, text: str) -> None:
    assert number_text(number) == text


def test_rules_are_not_decoded_before_they_are_needed() -> None:
    raw = msgspec.json.decode(dump(book([(RULE, STOP, "")])))
    raw["entries"][0]["rule"] = {"id": 5}
    loaded = load(msgspec.json.encode(raw))
    assert loaded.detection(0) == STOP
    with pytest.raises(BadRule, match="damaged"):
        loaded.rule(0)
