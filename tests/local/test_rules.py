"""`vigil rules`: what is refused is named, what is sound is used."""

from __future__ import annotations

import json

import pytest

from tests.local.samples import RULE, RULE_ID, record


def test_a_built_rulebook_is_listed_and_hunted_with(vigil, rule, logs):
    built = vigil("rules", "build", "--rules", rule, "-o", "out/book.json")
    listed = vigil("rules", "list", "--rules", "out/book.json", "--format", "json")
    hunted = vigil("hunt", logs("a.json", record()), "--rules", "out/book.json",
                   "--emit", "hits", "--format", "json")  # fmt: skip
    assert built.code == 0
    assert "1 rules compiled" in built.err
    assert [(line["id"], line["level"], line["respond"]) for line in listed.lines] == [
        (RULE_ID, "high", ["restore_audit_logging"])
    ]
    assert [line["rule"] for line in hunted.lines] == [RULE_ID]


def test_a_refused_rule_is_named_with_line_and_nearest_name_and_the_others_build(
    vigil, rule, tmp_path
):
    bad = tmp_path / "rules" / "bad.yml"
    bad.write_text(RULE.replace("level: high", "level: hihg").replace(RULE_ID, RULE_ID[::-1]))
    built = vigil("rules", "build", "--rules", "rules", "-o", "book.json")
    listed = vigil("rules", "list", "--rules", "book.json", "--format", "json")
    assert built.code == 2
    assert "bad.yml:5" in built.err
    assert "high" in built.err
    assert "1 rules compiled, 1 refused" in built.err
    assert [line["id"] for line in listed.lines] == [RULE_ID]


def test_the_shipped_rules_build_pass_their_examples_and_have_no_remarks(vigil):
    assert vigil("rules", "build", "-o", "book.json").code == 0
    assert vigil("rules", "test").code == 0
    assert vigil("rules", "lint").out == ""


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("fires: true", "fires: false", "fires, and should not"),
        ("fires: false", "fires: true", "does not fire"),
    ],
)
def test_an_example_that_fails_is_named_and_the_exit_code_is_1(vigil, rule, before, after, says):
    rule.write_text(RULE.replace(before, after))
    ran = vigil("rules", "test", "--rules", rule)
    assert ran.code == 1
    assert says in ran.out
    assert "1 of 2 examples pass" in ran.err


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("fires: false", "fires: true", "stay quiet"),
        ("fires: true", "fires: false", "must fire"),
        (RULE[RULE.index("tests:") :], "", "no example"),
        ("attack.defense-impairment, attack.t1685.002", "", "ATT&CK technique"),
        ("status: stable\n", "", "no status"),
        ("description: Somebody turned the trail off.\n", "", "no description"),
        ("service: cloudtrail", "service: cloudtrial", "no source delivers"),
    ],
)
def test_lint_says_what_a_rule_lacks(vigil, rule, before, after, says):
    assert before in RULE
    rule.write_text(RULE.replace(before, after))
    ran = vigil("rules", "lint", "--rules", rule)
    assert ran.code == 1
    assert says in ran.out
    assert "logging_stopped.yml" in ran.out


def test_lint_refuses_a_verb_that_nobody_knows(vigil, rule):
    rule.write_text(RULE.replace("[restore_audit_logging]", "[restore_audit_loging]"))
    ran = vigil("rules", "lint", "--rules", rule)
    assert ran.code == 2
    assert "restore_audit_logging" in ran.err


def test_a_rule_that_two_places_have_is_used_once(vigil, rule):
    vigil("rules", "build", "--rules", rule, "-o", "book.json")
    ran = vigil("rules", "list", "--rules", rule, "--rules", "book.json", "--format", "json")
    assert len(ran.lines) == 1


def test_lint_gives_a_line_of_json_for_each_remark(vigil, rule):
    rule.write_text(RULE.replace("eventName: StopLogging}", "eventNmae: StopLogging}"))
    ran = vigil("rules", "lint", "--rules", rule, "--format", "json")
    (remark,) = ran.lines
    assert ran.code == 1
    assert (remark["check"], remark["line"], remark["rule"]) == ("unknown_field", 9, RULE_ID)
    assert "eventName" in remark["hint"]
    assert remark["file"].endswith("logging_stopped.yml")


def test_lint_of_sound_rules_says_nothing_and_exits_with_0(vigil, rule):
    ran = vigil("rules", "lint", "--rules", rule, "--format", "json")
    assert (ran.code, ran.out) == (0, "")
    assert "1 rules checked, 0 remarks" in ran.err


TOGETHER = f"""\
title: Logging stopped twice
id: 99999999-2222-3333-4444-555555555555
status: test
description: It happened twice within ten minutes.
level: high
tags: [attack.defense-impairment, attack.t1685.002]
correlation:
  type: event_count
  rules: ['{RULE_ID}']
  group-by: [userIdentity.userName]
  timespan: 10m
  condition: {{gte: 2}}
tests:
  - name: twice
    fires: true
    events: [EVENTS]
  - name: apart
    fires: false
    events: [APART]
---
{RULE}"""


def twice(minute):
    events = (record(1), record(2, eventTime=f"2026-01-31T12:{minute:02d}:01Z"))
    return ", ".join(map(json.dumps, events))


def together(events=10, apart=11):
    return TOGETHER.replace("EVENTS", twice(events)).replace("APART", twice(apart))


def test_the_examples_of_a_correlation_are_run_as_a_hunt_is(vigil, rule):
    rule.write_text(together())
    ran = vigil("rules", "test", "--rules", rule)
    assert (ran.code, ran.out) == (0, "")
    assert "4 of 4 examples pass, for 2 rules" in ran.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (together(events=11), "example 'twice' does not fire"),
        (together(apart=10), "example 'apart' fires, and should not"),
        (together().replace("eventSource", "eventSauce", 1), "'twice' holds a record of no source"),
        (together().replace("eventTime", "eventTim", 1), "'twice' holds a record without a read"),
    ],
)
def test_an_example_of_a_correlation_that_fails_is_named(vigil, rule, text, says):
    rule.write_text(text)
    ran = vigil("rules", "test", "--rules", rule)
    assert ran.code == 1
    assert says in ran.out


def test_an_example_of_silence_ends_with_its_last_record(vigil, rule):
    """Whatever it is: that no rule matches it says that the log went on."""
    last = record(3, eventName="ListUsers", eventTime="2026-01-31T12:20:00Z")
    text = together().replace("event_count", "absence").replace("  condition: {gte: 2}\n", "")
    events = f"{json.dumps(record(1))}, {json.dumps(last)}"
    rule.write_text(text.replace(twice(10), events).replace(twice(11), json.dumps(record(1))))
    ran = vigil("rules", "test", "--rules", rule)
    assert (ran.code, ran.out) == (0, "")
