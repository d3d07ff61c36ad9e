"""Each check of rules: a rule on which it makes its remark, and the like of it on which it is silent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.lint import Remark, lint
from core.lint.known import about
from core.ports import Source, Telemetry
from core.rulebook import dump, load
from core.sigma import compile_rules

OFF = (
    Telemetry("data", "data events", {"service": ("store",), "name": ("getobject", "putobject")}),
    Telemetry("read", "reads", {"name": ("get*", "list*")}, {"name": ("getsession",)}),
)


def source(name: str, **more: Any) -> Source:
    return Source(
        name=name,
        keys=("name", "time"),
        route="name",
        time="time",
        uid="id",
        event=lambda _: None,
        **more,
    )  # type: ignore[arg-type, return-value]


SOURCES = (
    source(
        "aws/cloudtrail",
        fields=("name", "service", "time", "id", "size", "user.arn", "tags[]", "request.*"),
        aliases={"Caller": ("user.arn",), "Operation": ("name",)},
        derived={"made": lambda _: ["up"]},
        off=OFF,
    ),
    source("azure/signinlogs", off=(Telemetry("premium", "sign-ins"),)),
)

GOOD = """\
title: {title}
id: {id}
status: test
description: Something happened.
level: {level}
tags: [attack.persistence, attack.t1098.001]
logsource: {{product: aws, service: cloudtrail}}
detection:
  sel: {sel}
  other: {other}
  condition: {condition}
tests:
  - {{name: a, fires: true, event: {{name: x}}}}
  - {{name: b, fires: false, event: {{name: y}}}}
"""

WATCH = """\
title: Many
id: many
status: test
description: Too many of them.
tags: [attack.persistence, attack.t1098.001]
correlation:
  type: event_count
  rules: [one]
  group-by: [user.arn]
  timespan: 5m
  condition: {gte: 10}
"""


def rule(
    sel: str = "{name: Stop}",
    other: str = "{name: Go}",
    condition: str = "sel",
    **more: str,
) -> str:
    values = {"title": "One", "id": "one", "level": "medium", **more}
    return GOOD.format(sel=sel, other=other, condition=condition, **values)


@pytest.fixture
def remarks(tmp_path: Path) -> Callable[..., tuple[Remark, ...]]:
    def ask(*documents: str) -> tuple[Remark, ...]:
        (tmp_path / "rule.yml").write_text("---\n".join(documents))
        found = compile_rules([tmp_path], SOURCES)
        assert found.faults == ()
        return lint(
            found.book,
            SOURCES,
            written=found.written,
            examples=found.examples,
            warnings=found.warnings,
        )

    return ask


def checks(found: tuple[Remark, ...]) -> list[str]:
    return [one.check for one in found]


def test_a_good_rule_and_a_good_correlation_have_no_remarks(remarks):
    assert remarks(rule(), WATCH) == ()


@pytest.mark.parametrize(
    ("check", "bad", "line", "good"),
    [
        ("no_example", rule()[: rule().index("tests:")], 1, rule()),
        ("no_firing_example", rule().replace("fires: true", "fires: false"), 12, rule()),
        ("no_quiet_example", rule().replace("fires: false", "fires: true"), 12, rule()),
        ("far_example", rule("{name: x}", "{service: s}", "sel and not other"), 12, rule("{name: x}", "{service: s}", "sel and not other").replace("event: {name: y}", "event: {name: x, service: s}")),
        ("far_example", rule("{name: x, size|gt: 5}"), 12, rule("{name: x}")),
        ("far_example", rule("{name: x, size|gt: 5}"), 12, rule("{name: x, made: up, size|gt: 5}")),
        ("far_example", rule("{name: x, size|gt: 5}"), 12, rule("{Operation: x, size|gt: 5}")),
        ("no_status", rule().replace("status: test\n", ""), 1, rule()),
        ("no_description", rule().replace("description: Something happened.\n", ""), 1, rule()),
        ("no_technique", rule().replace(", attack.t1098.001", ""), 6, rule()),
        ("no_tactic", rule().replace("attack.persistence, ", ""), 6, rule()),
        ("attack_unknown", rule().replace("t1098.001", "t1098.099"), 6, rule().replace("t1098.001", "t1098.003")),
        ("attack_unknown", rule().replace("attack.persistence", "attack.persistance, attack.persistence"), 6, rule().replace("attack.p", "attack.g0001, attack.s0002, attack.ta0003, attack.p")),
        ("attack_renumbered", rule().replace("persistence, attack.t1098.001", "defense-impairment, attack.t1562.008"), 6, rule().replace("persistence, attack.t1098.001", "defense-impairment, attack.t1685.002")),
        ("attack_renumbered", rule().replace("persistence, attack.t1098.001", "defense-evasion, attack.t1685"), 6, rule().replace("persistence, attack.t1098.001", "defense-impairment, attack.t1685")),
        ("attack_pair", rule().replace("attack.persistence", "attack.impact"), 6, rule().replace("attack.persistence", "attack.privilege-escalation")),
        ("attack_pair", rule().replace("attack.persistence", "attack.impact, attack.persistence"), 6, rule().replace("attack.persistence", "attack.privilege-escalation, attack.persistence")),
        ("unknown_field", rule("{name: x, reqest.a: y}"), 9, rule("{name: x, request.a.b: y, user: z}")),
        ("unknown_field", rule("{Name: x}"), 9, rule("{Operation: x, Caller: y}")),
        ("unknown_field", rule("{name|fieldref: nmae}"), 1, rule("{name|fieldref: service}")),
        ("unsaid_need", rule("{name: ListUsers}"), 11, rule("{name: [ListUsers, Stop]}")),
        ("unsaid_need", rule("{Operation: ListUsers}"), 11, rule("{Operation: Stop}")),
        ("unsaid_need", rule("{service: store, name: GetObject}"), 11, rule("{service: shop, name: PutObject}")),
        ("unsaid_need", rule("{name: GetUsers}"), 11, rule("{name: GetSession}")),
        ("unsaid_need", rule("{name: GetUsers}"), 11, rule("{name: GetObject}")),  # of which service?
        ("unsaid_need", rule("{name: GetUsers}"), 11, rule("{name: GetUsers}") + "needs: [read]\n"),
        ("always_true", rule(condition="sel or not sel"), 11, rule(condition="sel or not other")),
        ("always_true", rule("{name: '*'}", condition="sel"), 11, rule("{size: '*'}")),
        ("always_true", rule(other="{name|exists: true}", condition="sel and other"), 10, rule(other="{size|exists: true}", condition="sel and other")),
        ("always_true", rule(other="[{size: null}, {size: '*'}]", condition="sel and other"), 10, rule(other="[{size: null}, {size: 'x*'}]", condition="sel and other")),
        ("never_true", rule(condition="sel and other"), 11, rule("{tags: a}", "{tags: b}", "sel and other")),
        ("never_true", rule("{size|lt: 3}", "{size|gt: 5}", "all of them"), 11, rule("{size|gt: 3}", "{size|lt: 5}", "all of them")),
        ("never_true", rule("{name: Stop, Operation: Go}", "{name: x, name|startswith: y}", "sel or other"), 10, rule("{name: x, Operation: y}")),
        ("never_true", rule("{name: x, name|startswith: y}"), 9, rule("{name: x, service|startswith: y}")),
        ("never_true", rule("{service: [a, b]}", "{service|startswith: ''}", "sel and not other"), 11, rule("{service: [a, b]}", "{service: a}", "sel and not other")),
    ],
)  # fmt: skip
def test_a_check_sees_the_bad_rule_and_leaves_the_good_one(remarks, check, bad, line, good):
    assert [(one.check, one.line) for one in remarks(bad) if one.check == check] == [(check, line)]
    assert check not in checks(remarks(good))


@pytest.mark.parametrize(
    ("check", "bad", "line", "good"),
    [
        ("unreachable", "{gt: 5, lt: 6}", 11, "{gt: 5, lt: 7}"),
        ("unreachable", "{gte: 5, lt: 5}", 11, "{gte: 5, lte: 5}"),
        ("unreachable", "{lt: 1}", 11, "{lt: 2}"),
        ("unreachable", "{eq: 2.5}", 11, "{eq: 2}"),
        ("unreachable", "{eq: 2, neq: 2}", 11, "{gte: 2, neq: 2}"),
        ("doubtful", "{gte: 2000}", 6, "{gte: 1000}"),
    ],
)
def test_a_figure_that_can_not_be_reached_is_told(remarks, check, bad, line, good):
    assert [(one.check, one.line) for one in remarks(rule(), WATCH.replace("{gte: 10}", bad))] == [
        (check, line + rule().count("\n") + 1)
    ]
    assert remarks(rule(), WATCH.replace("{gte: 10}", good)) == ()


@pytest.mark.parametrize(
    ("field", "count", "told"),
    [
        ("name", 3, True),
        ("name", 2, False),
        ("service", 9, False),  # the rule does not say which services there are
        ("tags", 3, False),  # a list of other values too
    ],
)
def test_more_values_than_the_watched_rule_lists_can_not_come(remarks, field, count, told):
    watched = rule("{name: [a, b], tags: [c, d]}")
    values = WATCH.replace("event_count", "value_count").replace(
        "{gte: 10}", f"{{gte: {count}, field: {field}}}"
    )
    found = remarks(watched, values)
    assert checks(found) == (["unreachable"] if told else [])
    assert not told or "2 values" in found[0].text


def test_values_of_several_fields_or_of_a_watched_correlation_are_not_counted(remarks):
    values = WATCH.replace("event_count", "value_count")
    pairs = values.replace("{gte: 10}", "{gte: 9, field: [name, size]}")
    outer = values.replace("{gte: 10}", "{gte: 9, field: name}").replace("id: many", "id: outer")
    assert remarks(rule("{name: [a, b]}"), pairs) == ()
    assert remarks(rule("{name: a}"), WATCH, outer.replace("[one]", "[one, many]")) == ()


def test_a_field_is_single_and_there_only_where_every_source_of_the_name_says_so():
    one = source("p/s", fields=("name", "time", "id", "a", "b"))
    other = source("p/s", fields=("name", "time", "id", "a[]", "b"), aliases={"time": ("name",)})
    facts = about((one, other._replace(keys=("name", "time", "b"))), "p/s").facts
    assert facts.single == {"name", "id", "b"}
    assert facts.there == {"name"}
    assert about((one, source("p/s")), "p/s").facts.single == frozenset()


def test_a_rule_may_ask_for_what_any_of_its_sources_has():
    one, other = source("p/s", fields=("name", "a.b")), source("q/t", fields=("c",), also=("p/s",))
    known = about((one, other), "p/s")
    assert (known.has("a"), known.has("c"), known.has("a.c"), known.checked) == (
        True,
        True,
        False,
        True,
    )
    assert not about((one, other), "q/t").has("a")
    assert not about((one, source("p/u")), "p/*").checked
    assert not about((one,), "x/y").checked


def test_a_figure_over_numbers_may_lie_between_two_whole_ones(remarks):
    mean = WATCH.replace("event_count", "value_avg").replace(
        "{gte: 10}", "{gt: 5, lt: 6, field: size}"
    )
    assert remarks(rule(), mean) == ()


@pytest.mark.parametrize(
    ("change", "check", "hint"),
    [
        (("[user.arn]", "[user.arm]"), "correlation_field", "user.arn"),
        (("[user.arn]", "[who]\n  aliases: {who: {one: user.arm}}"), "correlation_field", "user.arn"),
        (("[user.arn]", "[user.arn]\n  aliases: {who: {one: Caller}}"), "unused_alias", ""),
        (("[user.arn]", "[who]\n  aliases: {who: {one: Caller}}"), "", ""),
        (("[user.arn]", "[request.any.thing]"), "", ""),
        (("{gte: 10}", "{gte: 10, field: siez}"), "correlation_field", "size"),
    ],
)  # fmt: skip
def test_a_field_that_a_watched_rule_never_has_is_told(remarks, change, check, hint):
    values = WATCH.replace("event_count", "value_count").replace(
        "{gte: 10}", "{gte: 10, field: size}"
    )
    document = WATCH.replace(*change) if "field" not in change[1] else values.replace("{gte: 10, field: size}", change[1])  # fmt: skip
    found = remarks(rule(), document.replace("type: event_count", "type: event_count"))
    assert checks(found) == ([check] if check else [])
    assert not check or hint in found[0].hint


@pytest.mark.parametrize(
    ("field", "told"), [("user.arn", False), ("size", False), ("who", False), ("siez", True)]
)
def test_a_watched_correlation_brings_the_fields_of_its_rules_and_its_own(remarks, field, told):
    inner = WATCH.replace("[user.arn]", "[user.arn, who]\n  aliases: {who: {one: Caller}}")
    outer = WATCH.replace("[one]", "[many]").replace("id: many", "id: outer")
    found = remarks(rule(), inner, outer.replace("[user.arn]", f"[{field}]"))
    assert [(one.check, one.rule) for one in found] == (
        [("correlation_field", "outer")] if told else []
    )


def test_a_boolean_condition_that_always_holds_is_told(remarks):
    temporal = WATCH.replace("event_count", "temporal").replace("{gte: 10}", "{}")
    assert checks(remarks(rule(), temporal.replace("{}", "one or not one"))) == ["always_true"]
    assert remarks(rule(), temporal.replace("{}", "one")) == ()


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (rule(), rule(id="two", title="Two"), [("same_detection", "two")]),
        (rule("{name: [Stop, Go]}"), rule("{name: [Go, Stop]}", id="two", title="Two"), [("same_detection", "two")]),
        (rule("{name: Stop, service: s}"), rule(id="two", title="Two"), [("swallowed", "one")]),
        (rule("{name: Stop, service: s}", level="high"), rule(id="two", title="Two"), []),
        (rule("{name: Stop}", "{service: s}", "sel and not other"), rule(id="two", title="Two"), [("swallowed", "one")]),
        (rule("{name: Stop}"), rule("{name: [Stop, Go]}", id="two", title="Two"), [("swallowed", "one")]),
        (rule("{request.a|contains: xyz}"), rule("{request.a|contains: y}", id="two", title="Two"), [("swallowed", "one")]),
        (rule("{name: Stop, service: s}"), rule("{name: Stop, service: t}", id="two", title="Two"), []),
        (rule("{request.a|contains: x}"), rule("{request.b|contains: x}", id="two", title="Two"), []),
        (rule(), rule(id="two", title="Two").replace("product: aws, service: cloudtrail", "product: gcp, service: gcp.audit"), []),
    ],
)  # fmt: skip
def test_rules_that_say_the_same_are_told_once(remarks, first, second, told):
    found = [one for one in remarks(first, second) if one.check in ("same_detection", "swallowed")]
    assert [(one.check, one.rule) for one in found] == told


def test_a_rule_that_only_feeds_a_correlation_is_no_double(remarks):
    assert remarks(rule("{tags: x}"), rule("{tags: x}", id="two", title="Two"), WATCH) == ()


def test_rules_for_two_clouds_are_no_doubles(remarks):
    first, second = (
        rule("{resource: x}", id=cloud, title=cloud).replace(
            "product: aws, service: cloudtrail", f"category: posture, product: {cloud}"
        )
        for cloud in ("aws", "azure")
    )
    assert {one.check for one in remarks(first, second)} == {"doubtful"}


def test_a_source_without_a_list_of_fields_is_not_checked(remarks):
    signin = rule("{whatever: x}").replace("product: aws, service: cloudtrail", "product: azure, service: signinlogs")  # fmt: skip
    assert checks(remarks(signin)) == ["unsaid_need"]
    assert remarks(signin + "needs: [premium]\n") == ()


def test_a_warning_of_the_compiler_is_a_remark(remarks):
    (found,) = remarks(rule().replace("cloudtrail", "cloudtrial"))
    assert (found.check, found.line, "no source" in found.text) == ("doubtful", 7, True)


def test_a_remark_names_place_rule_and_what_to_do(remarks, tmp_path):
    (found,) = remarks(rule("{nmae: x}"))
    place = f"{tmp_path / 'rule.yml'}:9"
    assert str(found) == (
        f"{place}: One: no record of aws/cloudtrail has a field 'nmae'"
        " (did you mean 'name'?) [unknown_field]"
    )
    assert found.rule == "one"


def test_rules_of_a_built_rulebook_are_checked_without_their_lines(tmp_path):
    (tmp_path / "rule.yml").write_text(rule(condition="sel and not sel"))
    book = load(dump(compile_rules([tmp_path], SOURCES).book))
    assert [(one.check, one.line) for one in lint(book, SOURCES)] == [
        ("never_true", 0),
        ("no_example", 0),
    ]


def test_of_a_full_shelf_the_simplest_rules_are_asked(remarks):
    many = [
        rule(f"{{name: Stop, request.a|contains: y{i}z}}", id=f"r{i}", title=f"R{i}")
        for i in range(60)
    ]
    found = [one for one in remarks(*many, rule()) if one.check == "swallowed"]
    assert len(found) == 60
    assert all("'One'" in one.text for one in found)
