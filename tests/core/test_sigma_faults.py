"""What is wrong with a rule is said with file, line, reason and the nearest right name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.model import Attack
from core.ports import Source
from core.sigma import Compiled, Example, compile_rules

GOOD = """\
title: Trail stopped
id: 11111111-1111-1111-1111-111111111111
status: test
level: high
tags: [attack.defense-evasion, attack.t1562.008]
logsource: {product: aws, service: cloudtrail}
detection:
  selection:
    eventName: StopLogging
  condition: selection
respond: [restore_audit_logging]
needs: [read]
tests:
  - name: stopped
    fires: true
    event: {eventName: StopLogging, when: 2026-03-01}
"""


def written(tmp_path: Path, text: str, **settings: Any) -> Compiled:
    (tmp_path / "rule.yml").write_text(text, encoding="utf-8")
    return compile_rules([tmp_path / "rule.yml"], **settings)


def test_a_rule_keeps_what_it_says_about_itself(tmp_path: Path) -> None:
    compiled = written(tmp_path, GOOD)
    rule = compiled.book.rules[0]
    assert compiled.faults == ()
    assert rule.id == "11111111-1111-1111-1111-111111111111"
    assert (rule.title, rule.level, rule.status) == ("Trail stopped", "high", "test")
    assert rule.source == "aws/cloudtrail"
    assert (rule.respond, rule.needs) == (("restore_audit_logging",), ("read",))
    assert rule.tags == ("attack.defense-evasion", "attack.t1562.008")
    assert rule.attacks == (Attack(tactic="defense-impairment", technique="T1685.002"),)
    assert rule.file == str(tmp_path / "rule.yml")


def test_examples_are_data_with_dates_as_text(tmp_path: Path) -> None:
    (example,) = written(tmp_path, GOOD).examples["11111111-1111-1111-1111-111111111111"]
    event = {"eventName": "StopLogging", "when": "2026-03-01"}
    assert example == Example(name="stopped", fires=True, event=event)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason", "hint"),
    [
        ("eventName: Stop", "eventName|contians: Stop", 9, "unknown modifier 'contians'", "contains"),
        ("condition: selection", "condition: selektion", 10, "'selektion', which is not", "selection"),
        ("condition: selection", "condition: selection an x", 10, "condition 'selection an", ""),
        ("condition: selection", "condition: 1 of selektio*", 10, "'of selektio*' chooses nothing", "selection"),
        ("condition: selection", "condition: (selection", 10, "condition '(selection'", ""),
        ("condition: selection", "condition: selection | count() > 5", 10, "pipe", "type event_count"),
        ("condition: selection", "condition: 3 of sel*", 10, "there are 1 to choose from", ""),
        ("condition: selection", "conditoin: selection", 8, "no condition", "conditoin"),
        ("condition: selection", "condition: 5", 10, "a condition must be text", ""),
        ("eventName: StopLogging", "eventName|re: '(?!x)y'", 9, "linear time", ""),
        ("eventName: StopLogging", r"eventName|re: '(a)\1'", 9, "linear time", ""),
        ("eventName: StopLogging", "eventName|re: '(a'", 9, "malformed", ""),
        ("eventName: StopLogging", "eventName|expand: '%who%'", 9, "%who% has no value", ""),
        ("eventName: StopLogging", "eventName|cidr: 10.0.0.1/99", 9, "can't be honoured", ""),
        ("eventName: StopLogging", "eventName|gt: x", 9, "can't be honoured", ""),
        ("eventName: StopLogging", "eventName|exists: x", 9, "can't be honoured", ""),
        ("eventName: StopLogging", "eventName|base64: 'x*'", 9, "wildcards", ""),
        ("eventName: StopLogging", "eventName|hour|day: 3", 9, "'hour' and 'day' can't stand", ""),
        ("eventName: StopLogging", "eventName|contains|startswith: x", 9, "can't stand together", ""),
        ("eventName: StopLogging", "eventName|gt|lt: 5", 9, "can't stand together", ""),
        ("eventName: StopLogging", "eventName|wide|utf16: x", 9, "can't stand together", ""),
        ("eventName: StopLogging", "eventName|base64|base64offset: x", 9, "can't stand together", ""),
        ("eventName: StopLogging", "eventName|base64|wide: x", 9, "'wide' must stand before", ""),
        ("eventName: StopLogging", "eventName|base64|expand: x", 9, "'expand' must stand before", ""),
        ("eventName: StopLogging", "eventName|expand|base64: '%who%'", 9, "%who% has no value", ""),
        ("eventName: StopLogging", "eventName|exists: [true, false]", 9, "there or it is not", ""),
        ("eventName: StopLogging", "eventName|re: null", 9, "null is no expression", ""),
        ("eventName: StopLogging", "eventName|re: []", 9, "no expression is given", ""),
        ("eventName: StopLogging", "eventName|base64offset: ''", 9, "base64offset of nothing", ""),
        ("eventName: StopLogging", "eventName|hour: 1.5", 9, "a whole number", ""),
        ("eventName: StopLogging", "eventName[any]: x", 9, "no quantifier before Sigma 3", "elements"),
        ("eventName: StopLogging", "eventName: !!bool maybe", 0, "not YAML", ""),
        ("eventName: StopLogging", "eventName: !!int ''", 0, "not YAML", ""),
        ("condition: selection", "condition: " + "9" * 5_000 + " of them", 10, "condition '999", ""),
        ("level: high", "level: high\nsigma-version: '" + "9" * 5_000 + "'", 5, "written for Sigma 9", ""),
        ("eventName: StopLogging", "eventName|wide|contains: é", 9, "base64 must follow", ""),
        ("eventName: StopLogging", "eventName|windash: ' -a -b -c -d'", 9, "3 dashes", ""),
        ("condition: selection", "condition: 1 of selec-*", 10, "'of selec-*' chooses nothing", ""),
        ("level: high", "level: high\nsigma-version: 3.0.0", 5, "written for Sigma 3", ""),
        ("eventName: StopLogging", "eventName: {a: b}", 9, "must be plain text or a number", ""),
        ("eventName: StopLogging", "eventName: [[a]]", 9, "must be plain text or a number", ""),
        ("eventName: StopLogging", "'|gt': 5", 9, "a comparison needs a field", ""),
        ("eventName: StopLogging", "'': null", 9, "a keyword can't be empty", ""),
        ("  selection:\n    eventName: StopLogging", "  selection: {}", 8, "matches nothing", ""),
        ("  selection:\n    eventName: StopLogging", "  selection: []", 8, "matches nothing", ""),
        ("level: high", "level: hihg", 4, "unknown level 'hihg'", "high"),
        ("status: test", "status: tset", 3, "unknown status 'tset'", "test"),
        ("[restore_audit_logging]", "[restore_audit_loging]", 11, "unknown respond", "restore_audit_logging"),
        ("needs: [read]", "needs: [reed]", 12, "unknown needs 'reed'", "read"),
        ("service: cloudtrail", "servise: cloudtrail", 6, "unknown key 'servise'", "service"),
        ("logsource: {product: aws, service: cloudtrail}", "logsource: {zone: x}", 6, "needs a product", ""),
        ("logsource:", "logsorce:", 1, "a rule needs a logsource", "logsorce"),
        ("title: Trail stopped", "titel: x", 1, "a rule needs a title", "titel"),
        ("detection:", "detektion:", 1, "a rule needs a detection", ""),
        ("    fires: true", "    fires: maybe", 14, "an example is", ""),
        ("    fires: true", "    fire: true", 14, "an example is", "fires"),
        ("level: high", "level: high\nlevel: low", 5, "'level' is given twice", ""),
        ("level: high", "level: [high", 5, "not YAML", ""),
    ],
)  # fmt: skip
def test_a_fault_names_its_line_and_the_nearest_name(
    tmp_path: Path, old: str, new: str, line: int, reason: str, hint: str
) -> None:
    assert old in GOOD
    compiled = written(tmp_path, GOOD.replace(old, new, 1))
    assert compiled.book.rules == ()
    fault = compiled.faults[0]
    assert (fault.file, fault.line) == (str(tmp_path / "rule.yml"), line)
    assert reason in fault.reason
    assert hint in fault.hint


def test_all_faults_of_a_rule_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("level: high", "level: hihg").replace("condition: sel", "condition: xsel")
    assert [fault.line for fault in written(tmp_path, text).faults] == [4, 10]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title: t\naction: global\n", "in a file with rules"),
        ("title: t\naction: globl\n", "an action is one of global, reset, repeat"),
        ("- a\n- b\n", "a rule is a map"),
    ],
)
def test_other_kinds_of_documents_are_refused_by_name(
    tmp_path: Path, text: str, reason: str
) -> None:
    (fault,) = written(tmp_path, text).faults
    assert reason in fault.reason
    assert fault.line >= 1


def test_one_bad_document_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = GOOD.replace("11111111-1111", "22222222-1111").replace("level: high", "level: no")
    third = GOOD.replace("11111111-1111", "33333333-1111")
    compiled = written(tmp_path, f"{GOOD}---\n{bad}---\n{third}")
    assert [rule.id[:8] for rule in compiled.book.rules] == ["11111111", "33333333"]
    assert [fault.line for fault in compiled.faults] == [4 + 17]


def test_the_second_rule_of_an_id_is_refused(tmp_path: Path) -> None:
    compiled = written(tmp_path, f"{GOOD}---\n{GOOD}")
    assert len(compiled.book.rules) == 1
    assert "is taken by" in compiled.faults[0].reason
    assert compiled.faults[0].line == 19


def test_a_missing_path_and_an_unreadable_file_are_faults(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"title: \xff")
    compiled = compile_rules([tmp_path / "none.yml", tmp_path / "a.yml"])
    assert [
        "no such file" in compiled.faults[0].reason,
        "can't be read" in compiled.faults[1].reason,
    ] == [True, True]


def test_folders_are_read_in_order_and_only_for_yaml(tmp_path: Path) -> None:
    for number, name in enumerate(("b.yml", "a.yaml", "c.txt", "d.YML")):
        text = GOOD.replace("11111111-1111", f"{number}1111111-1111")
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [rule.id[0] for rule in compile_rules([tmp_path]).book.rules] == ["1", "0", "3"]


def test_an_unknown_source_is_a_warning_with_the_nearest_name(tmp_path: Path) -> None:
    source = Source("aws/cloudtrail", ("eventName",), "eventName", "t", "u", event=lambda r: r)  # type: ignore[arg-type,return-value]
    text = GOOD.replace("service: cloudtrail", "service: cloudtrial")
    compiled = written(tmp_path, text, sources=[source])
    assert len(compiled.book.rules) == 1
    assert (compiled.warnings[0].line, compiled.warnings[0].hint) == (
        6,
        "did you mean 'aws/cloudtrail'?",
    )
    assert written(tmp_path, GOOD, sources=[source]).warnings == ()


def test_a_neutral_rule_is_silent_only_where_no_source_speaks_neutrally(tmp_path: Path) -> None:
    source = Source("aws/cloudtrail", ("eventName",), "eventName", "t", "u", event=lambda r: r)  # type: ignore[arg-type,return-value]
    text = GOOD.replace("{product: aws, service: cloudtrail}", "{category: api_activity}")
    assert "stays silent" in written(tmp_path, text, sources=[source]).warnings[0].reason
    speaks = source._replace(neutral=dict)
    assert written(tmp_path, text, sources=[speaks]).warnings == ()


def test_an_unknown_taxonomy_is_a_warning(tmp_path: Path) -> None:
    (warning,) = written(tmp_path, GOOD + "taxonomy: ecs\n").warnings
    assert (warning.line, "taxonomy 'ecs' is not known" in warning.reason) == (17, True)
    assert written(tmp_path, GOOD + "taxonomy: sigma\n").warnings == ()


def test_keys_that_change_nothing_are_read_over(tmp_path: Path) -> None:
    more = """\
license: MIT
date: 2026-03-01
modified: 2026-03-02
related: [{id: 22222222-2222-2222-2222-222222222222, type: similar}]
fields: [userAgent]
scope: [server]
custom: {ours: true}
"""
    compiled = written(tmp_path, GOOD.replace("service: ", "definition: a trail, service: ") + more)
    assert (compiled.faults, compiled.warnings) == ((), ())
    assert compiled.book.rules == written(tmp_path, GOOD).book.rules


@pytest.mark.parametrize(
    ("logsource", "source"),
    [
        ("{product: aws}", "aws/*"),
        ("{service: cloudtrail}", "*/cloudtrail"),
        ("{category: posture, product: aws}", "posture"),
        ("{product: windows, category: process_creation}", "windows/process_creation"),
        ("{Product: aws, product: AWS, service: CloudTrail}", "aws/cloudtrail"),
    ],
)
def test_logsource_becomes_a_source(tmp_path: Path, logsource: str, source: str) -> None:
    text = GOOD.replace("{product: aws, service: cloudtrail}", logsource)
    compiled = written(tmp_path, text)
    found = [rule.source for rule in compiled.book.rules]
    assert found == ([source] if "Product" not in logsource else [])


def test_a_rule_without_id_gets_one_from_its_content(tmp_path: Path) -> None:
    text = GOOD.replace("id: 11111111-1111-1111-1111-111111111111\n", "")
    first, again = written(tmp_path, text), written(tmp_path, text)
    assert first.book.rules[0].id == again.book.rules[0].id
    assert len(first.book.rules[0].id) == 32


@pytest.mark.parametrize(
    "text",
    ["[" * 5_000, "a: &a [*a]", "- " * 5_000, "a: !!python/object:os.x 1", "a: \x00", "{? [a]: b}"],
)
def test_hostile_yaml_is_refused_and_hurts_nobody(tmp_path: Path, text: str) -> None:
    compiled = written(tmp_path, text)
    assert compiled.book.rules == ()
    assert len(compiled.faults) == 1


def test_a_condition_nested_beyond_reason_is_refused(tmp_path: Path) -> None:
    deep = "not " * 3_000 + "selection"
    (fault,) = written(tmp_path, GOOD.replace("condition: selection", f"condition: {deep}")).faults
    assert "nested too deeply" in fault.reason


def test_a_map_may_take_over_another_and_say_some_of_it_anew(tmp_path: Path) -> None:
    tests = """tests:
  - {name: a, fires: true, event: &a {one: 1, two: {x: 1}}}
  - {name: b, fires: true, event: &b {<<: *a, one: 2}}
  - {name: c, fires: true, event: {<<: *b, three: 3}}
  - {name: d, fires: true, event: *b}
"""
    body = GOOD[: GOOD.index("tests:")] if "tests:" in GOOD else GOOD
    compiled = written(tmp_path, body + tests)
    assert compiled.faults == ()
    (found,) = compiled.examples.values()
    assert [one.event for one in found] == [
        {"one": 1, "two": {"x": 1}},
        {"one": 2, "two": {"x": 1}},
        {"one": 2, "two": {"x": 1}, "three": 3},
        {"one": 2, "two": {"x": 1}},
    ]


@pytest.mark.parametrize("tests", ["[{input: x, match: true}]", "./tests/rule.json", "{cases: 3}"])
def test_tests_of_somebody_else_are_left_and_a_warning(tmp_path: Path, tests: str) -> None:
    compiled = written(tmp_path, GOOD[: GOOD.index("tests:")] + f"tests: {tests}\n")
    assert (compiled.faults, len(compiled.book.rules), compiled.examples) == ((), 1, {})
    assert ["its tests are not run" in warning.reason for warning in compiled.warnings] == [True]
