"""Correlation documents: what is read from them, and what is refused by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.correlate import Condition, Correlation, Term
from core.errors import BadRule
from core.rulebook import Rulebook, dump, load
from core.sigma import Compiled, compile_rules
from core.watch import correlations

BASE = """\
title: {name}
id: id-{name}
name: {name}
logsource: {{product: aws, service: cloudtrail}}
detection: {{s: {{eventName: {name}}}, condition: s}}
"""
BASES = "---\n".join(BASE.format(name=name) for name in ("one", "two", "three"))

GOOD = """\
title: Many
id: many
level: high
tags: [attack.credential-access]
falsepositives: [a script]
respond: [disable_access_key]
correlation:
  type: event_count
  rules: [one]
  group-by: [user]
  timespan: 5m
  condition: {gte: 10}
"""
TEMPORAL = "correlation: {type: temporal, timespan: 1h, rules: [one, two]}\ntitle: T\nid: t\n"


def written(tmp_path: Path, *documents: str, bases: str = BASES) -> Compiled:
    (tmp_path / "a.yml").write_text("---\n".join(documents))
    (tmp_path / "b.yml").write_text(bases)
    return compile_rules([tmp_path])


def read(tmp_path: Path, *documents: str) -> Correlation:
    compiled = written(tmp_path, *documents)
    assert compiled.faults == ()
    return correlations(compiled.book)[0]


def changed(document: str = GOOD, **lines: Any) -> str:
    """The document with keys of its section replaced, added, or (None) left out."""
    kept = [
        line
        for line in document.splitlines()
        if line.strip().partition(":")[0].replace("-", "_") not in lines
    ]
    added = [f"  {key.replace('_', '-')}: {v}" for key, v in lines.items() if v is not None]
    return "\n".join([*kept, *added]) + "\n"


def test_a_correlation_keeps_what_it_says_about_itself(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert (found.rule.id, found.rule.title, found.rule.level) == ("many", "Many", "high")
    assert (found.rule.respond, found.rule.falsepositives) == (
        ("disable_access_key",),
        ("a script",),
    )
    assert (found.type, found.rules, found.group_by) == ("event_count", ("id-one",), ("user",))
    assert (found.timespan, found.conditions) == (300_000, (Condition("gte", 10),))
    assert found.generate is False


@pytest.mark.parametrize("reference", ["one", "id-one", "[one]"])
def test_a_rule_is_referred_to_by_name_or_id_in_whatever_file(
    tmp_path: Path, reference: str
) -> None:
    assert read(tmp_path, changed(rules=reference)).rules == ("id-one",)


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("90s", 90_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("1w", 604_800_000),
        ("1M", 2_629_746_000),
        ("1y", 31_556_952_000),
    ],
)
def test_a_timespan_is_a_number_and_a_unit(tmp_path: Path, written: str, milliseconds: int) -> None:
    assert read(tmp_path, changed(timespan=written)).timespan == milliseconds


def test_several_operators_are_a_range(tmp_path: Path) -> None:
    found = read(tmp_path, changed(condition="{gt: 100, lte: 200.5}"))
    assert found.conditions == (Condition("gt", 100), Condition("lte", 200.5))


def test_fields_and_percentile_are_in_the_condition(tmp_path: Path) -> None:
    condition = "{gte: 3, field: [a, b.c]}"
    found = read(tmp_path, changed(type="value_count", condition=condition))
    assert found.fields == ("a", "b.c")
    condition = "{gte: 3, field: size, percentile: 99}"
    found = read(tmp_path, changed(type="value_percentile", condition=condition))
    assert (found.fields, found.percentile) == (("size",), 99)


def test_aliases_are_by_name_or_id_too(tmp_path: Path) -> None:
    aliases = "{user: {one: a.b, id-two: c}}"
    found = read(tmp_path, changed(rules="[one, two]", aliases=aliases))
    assert found.aliases == {"user": {"id-one": "a.b", "id-two": "c"}}


def test_generate_counts_within_the_section_and_beside_it(tmp_path: Path) -> None:
    assert read(tmp_path, changed(generate="true")).generate
    assert read(tmp_path, GOOD + "generate: true\n").generate
    assert not read(tmp_path, changed(generate="false")).generate


def test_a_boolean_condition_names_rules_and_may_stand_for_them(tmp_path: Path) -> None:
    condition = "one and (two or not three)"
    found = read(tmp_path, changed(type="temporal", rules=None, condition=condition))
    assert found.rules == ("id-one", "id-two", "id-three")
    assert set(found.terms) == {
        Term(frozenset({"id-one", "id-two"})),
        Term(frozenset({"id-one"}), frozenset({"id-three"})),
    }
    assert found.conditions == ()


def test_a_boolean_condition_names_rules_however_they_are_called(tmp_path: Path) -> None:
    names = ("log-in", "2nd.step", "0AB1C2D3-0000-4000-8000-00000000000e")
    bases = "---\n".join(BASE.format(name=name) for name in names)
    bases = bases.replace(f"id: id-{names[2]}", f"id: {names[2]}").replace(
        f"name: {names[2]}\n", ""
    )
    condition = f"log-in and ({names[2].lower()} or not 2nd.step)"
    document = changed(type="temporal", rules=None, condition=condition)
    compiled = written(tmp_path, document, bases=bases)
    assert compiled.faults == ()
    (found,) = correlations(compiled.book)
    assert set(found.terms) == {
        Term(frozenset({"id-log-in", names[2]})),
        Term(frozenset({"id-log-in"}), frozenset({"id-2nd.step"})),
    }


def test_a_uuid_is_referred_to_in_either_case_and_a_title_where_nothing_else_fits(
    tmp_path: Path,
) -> None:
    uuid = "0AB1C2D3-0000-4000-8000-00000000000e"
    base = (
        BASE.format(name="x").replace("id: id-x", f"id: {uuid}").replace("title: x", "title: A b")
    )
    for reference in (uuid.lower(), uuid.upper(), "A b"):
        compiled = written(tmp_path, changed(rules=f"['{reference}']"), bases=base)
        assert compiled.faults == ()
        assert correlations(compiled.book)[0].rules == (uuid,)


def test_a_timeframe_is_a_timespan(tmp_path: Path) -> None:
    assert read(tmp_path, changed(timespan=None, timeframe="2m")).timespan == 120_000
    assert read(tmp_path, changed(timespan="1m", timeframe="2m")).timespan == 60_000


def test_our_own_types_have_keys_of_their_own(tmp_path: Path) -> None:
    first = changed(type="first_seen", condition=None, field="ip", learning="7d", lateness="1h")
    found = read(tmp_path, first)
    assert (found.fields, found.learning, found.lateness) == (("ip",), 604_800_000, 3_600_000)
    absent = read(tmp_path, changed(type="absence", condition=None, after="[two]"))
    assert (absent.rules, absent.after) == (("id-one",), ("id-two",))


def test_a_correlation_may_watch_one_that_comes_later(tmp_path: Path) -> None:
    outer = changed(rules="[many, two]", type="temporal", condition=None)
    compiled = written(tmp_path, outer.replace("id: many", "id: outer"), GOOD)
    assert compiled.faults == ()
    assert correlations(compiled.book)[0].rules == ("many", "id-two")


def test_a_rulebook_carries_correlations_and_older_ones_have_none(tmp_path: Path) -> None:
    book = written(tmp_path, TEMPORAL.replace("rules", "condition: one or two, rules")).book
    again = load(dump(book))
    assert (dump(again), correlations(again)) == (dump(book), correlations(book))
    assert load(b'{"format":1,"entries":[]}') == Rulebook(format=1)


def test_a_damaged_correlation_is_a_bad_rule(tmp_path: Path) -> None:
    damaged = dump(written(tmp_path, GOOD).book).replace(b'"event_count"', b'"event_cuont"')
    with pytest.raises(BadRule, match="damaged"):
        correlations(load(damaged))


@pytest.mark.parametrize(
    ("change", "at", "reason", "hint"),
    [
        ({"rules": "[oen]"}, "rules", "no rule has the id or name 'oen'", "'one'"),
        ({"rules": "[{a: b}]"}, "rules", "list of ids or names", ""),
        ({"rules": None}, "SECTION", "a correlation needs rules", ""),
        ({"rules": None, "rulse": "[one]"}, "rulse", "unknown key 'rulse'", "'rules'"),
        ({"type": "event_cuont"}, "type", "unknown type", "'event_count'"),
        ({"type": None}, "SECTION", "needs a type", ""),
        ({"timespan": None}, "SECTION", "needs a timespan", ""),
        ({"timespan": "5 minutes"}, "timespan", "'5 minutes' is no timespan", "10m"),
        ({"timespan": "0s"}, "correlation", "timespan must be more than nothing", ""),
        ({"timespan": "9" * 5000 + "s"}, "timespan", "is no timespan", ""),
        ({"group_by": "[{a: b}]"}, "group-by", "'group-by' must be a field", ""),
        ({"condition": "{gte: many}"}, "condition", "'gte' needs a number", ""),
        ({"condition": "{gte: true}"}, "condition", "'gte' needs a number", ""),
        ({"condition": "{gte: .inf}"}, "condition", "'gte' needs a number", ""),
        ({"condition": "{gte: " + "9" * 50 + "}"}, "condition", "'gte' needs a number", ""),
        ({"condition": "{get: 1}"}, "condition", "unknown key 'get'", "'gt'"),
        ({"condition": "{field: a}"}, "condition", "a condition needs one of gt", ""),
        ({"condition": "[1]"}, "condition", "a condition is a map", ""),
        ({"condition": None}, "correlation", "event_count needs a condition", ""),
        ({"condition": "one and two"}, "condition", "boolean condition is for the temporal", ""),
        ({"type": "value_count"}, "correlation", "value_count needs a field", ""),
        (
            {"type": "value_percentile", "condition": "{gt: 1, field: a}"},
            "condition",
            "needs a percentile",
            "",
        ),
        ({"aliases": "[a]"}, "aliases", "'aliases' must be a map", ""),
        ({"aliases": "{u: name}"}, "aliases", "alias 'u' must be a map", ""),
        ({"aliases": "{u: {oen: a}}"}, "aliases", "no rule has the id or name 'oen'", "'one'"),
        ({"aliases": "{u: {one: [a]}}"}, "aliases", "needs one field", ""),
        ({"generate": "perhaps"}, "generate", "must be true or false", ""),
        ({"rules": "[one, many]"}, "correlation", "it watches itself", ""),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_line(
    tmp_path: Path, change: dict[str, Any], at: str, reason: str, hint: str
) -> None:
    document = changed(**change)
    keys = [line.strip().partition(":")[0] for line in document.splitlines()]
    line = keys.index("correlation") + 2 if at == "SECTION" else keys.index(at) + 1
    compiled = written(tmp_path, document)
    faults = [(fault.line, fault.reason, fault.hint) for fault in compiled.faults]
    assert any(
        (place, reason in told, hint in tip) == (line, True, True) for place, told, tip in faults
    ), faults
    assert (len(compiled.book.entries), compiled.book.correlations) == (3, ())


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("one and", "condition 'one and'"),
        ("one and four", "no rule has the id or name 'four'"),
        ("one", "does not say what 'id-two' is for"),
        ("one and two and not one", "can't hold"),
        ("one and-two", "condition 'one and-two'"),
        ("one and rule_a", "no rule has the id or name 'rule_a'"),
        ("one and rule_b", "no rule has the id or name 'rule_b'"),
        ("not " * 3000 + "one", "condition"),
        ("(" * 400 + "one" + ")" * 400, "condition"),
        (
            " and ".join("(one or not two)" for _ in range(3)) + " and three and two",
            "does not watch",
        ),
    ],
)
def test_a_boolean_condition_that_cannot_be_honoured_is_refused(
    tmp_path: Path, condition: str, reason: str
) -> None:
    body = TEMPORAL.replace("timespan", f"condition: {condition}, timespan")
    assert any(reason in fault.reason for fault in written(tmp_path, body).faults)


def test_a_section_that_is_no_map_is_refused(tmp_path: Path) -> None:
    for section in ("[]", "{}", "text"):
        (fault,) = written(tmp_path, f"title: t\ncorrelation: {section}\n").faults
        assert "needs a type and rules" in fault.reason


def test_a_name_that_two_rules_have_must_not_be_used(tmp_path: Path) -> None:
    twin = BASE.format(name="one").replace("id-one", "id-other")
    (fault,) = written(tmp_path, GOOD, twin).faults
    assert "the name of 2 rules" in fault.reason


def test_what_watches_a_refused_rule_is_refused_all_the_way_out(tmp_path: Path) -> None:
    bases = BASES.replace("id: id-one", "level: hihg\nid: id-one")
    outer = changed(rules="[many]").replace("id: many", "id: outer")
    (tmp_path / "a.yml").write_text(f"{GOOD}---\n{outer}")
    (tmp_path / "b.yml").write_text(bases)
    reasons = [fault.reason for fault in compile_rules([tmp_path]).faults]
    assert reasons[1:] == [
        "it watches 'id-one', which is refused",
        "it watches 'many', which is refused",
    ]


def test_a_circle_is_refused_and_so_is_what_watches_it(tmp_path: Path) -> None:
    a, b, c = (
        changed(rules=f"[{rule}]").replace("id: many", f"id: {id}")
        for id, rule in (("a", "b"), ("b", "a"), ("c", "a"))
    )
    compiled = written(tmp_path, a, b, c, GOOD)
    assert len(compiled.faults) == 3
    assert sum("in a circle: " in fault.reason for fault in compiled.faults) == 2
    assert all(fault.line for fault in compiled.faults)
    assert [one.id for one in correlations(compiled.book)] == ["many"]


def test_an_id_is_taken_once_by_rules_and_correlations_together(tmp_path: Path) -> None:
    (fault,) = written(tmp_path, changed(rules="two").replace("id: many", "id: id-one")).faults
    assert "is taken by" in fault.reason


def test_what_may_never_fire_is_a_warning_with_its_line(tmp_path: Path) -> None:
    body = TEMPORAL.replace("timespan", "condition: {gte: 3, field: a}, timespan")
    warnings = written(tmp_path, body).warnings
    assert [(one.line, one.reason.split(":")[0]) for one in warnings] == [
        (1, "3 rules can't fire"),
        (1, "temporal looks at no field"),
    ]


@pytest.mark.parametrize(
    ("condition", "warned"), [("not one and not two", 1), ("not one or not two", 0), ("not one", 1)]
)
def test_a_condition_that_only_forbids_is_a_warning(
    tmp_path: Path, condition: str, warned: int
) -> None:
    document = changed(type="temporal", rules=None, condition=condition)
    warnings = written(tmp_path, document).warnings
    assert ["rules that must be absent" in one.reason for one in warnings] == [True] * warned


def test_an_example_of_a_correlation_has_several_events(tmp_path: Path) -> None:
    tests = "tests:\n  - {name: twice, fires: true, events: [{a: 1}, {a: 2}]}\n"
    (example,) = written(tmp_path, GOOD + tests).examples["many"]
    assert (example.name, example.fires) == ("twice", True)
    assert example.events == ({"a": 1}, {"a": 2})


@pytest.mark.parametrize(
    ("tests", "hint"),
    [
        ("[{name: x, fires: true, event: {a: 1}}]", "events"),
        ("[{name: x, fires: true, evnts: [{a: 1}]}]", "events"),
        ("[{name: x, fires: true, events: [1]}]", ""),
        ("[{name: x, fires: true, events: {a: 1}}]", ""),
    ],
)
def test_an_example_that_is_none_is_refused_by_line(tmp_path: Path, tests: str, hint: str) -> None:
    (fault,) = written(tmp_path, f"{GOOD}tests: {tests}\n").faults
    assert fault.line == GOOD.count("\n") + 1
    assert "events: [record, ...]" in fault.reason
    assert hint in fault.hint
