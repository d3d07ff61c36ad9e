"""Suppressions on the command line: used, named, tested, and never silent."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.local.samples import RULE, RULE_ID, record

FILTER = """\
title: The robot may
id: tame
owner: dana@example.com
reason: It recreates trails.
expires: 2999-12-31
logsource: {product: aws, service: cloudtrail}
filter:
  rules: [11111111-2222-3333-4444-555555555555]
  selection: {userIdentity.userName: robot}
  condition: not selection
"""
TESTS = """\
tests:
  - name: the robot
    suppresses: true
    event: {eventSource: cloudtrail.amazonaws.com, eventName: StopLogging, userIdentity: {userName: robot}}
  - name: a person
    suppresses: false
    event: {eventSource: cloudtrail.amazonaws.com, eventName: StopLogging, userIdentity: {userName: dana}}
"""
HITS = ("--emit", "hits", "--format", "json")


@pytest.fixture
def screened(rule):
    """The folder of the rule with a filter in it, changed as asked."""

    def write(*changes, text=FILTER):
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (rule.parent / "filter.yml").write_text(text)
        return rule.parent

    return write


@pytest.fixture
def folder(logs):
    """Four hits, of which the robot's two are the second and the fourth."""
    robot = {"userIdentity": {"type": "IAMUser", "userName": "robot"}}
    return logs("a.json", record(1), record(2, **robot), record(3), record(4, **robot))


def events(ran):
    assert ran.code == 0
    return [line["event"] for line in ran.lines]


def test_a_hunt_leaves_out_what_a_filter_suppresses_and_says_so(vigil, screened, folder):
    ran = vigil("hunt", folder, "--rules", screened(), *HITS)
    assert events(ran) == ["event-1", "event-3"]
    says = "filter 'The robot may' (dana@example.com) suppressed 2 hits; it expires at 3000-01-01"
    assert says in ran.err
    assert ", in " not in ran.err


def test_findings_report_and_processes_agree(vigil, screened, folder, tmp_path):
    report = tmp_path / "hunt.html"
    ran = vigil("hunt", folder, "--rules", screened(), "--format", "json", "--report", report,
                "--jobs", 2)  # fmt: skip
    assert len(ran.lines) == 2
    assert "suppressed 2 hits" in ran.err
    assert "suppressed 2 hits" in report.read_text()


def test_a_filter_ends_by_the_time_of_events_so_that_a_hunt_stays_the_same(vigil, screened, folder):
    rules = screened(("2999-12-31", "2026-01-31T12:00:03Z"))
    ran = vigil("hunt", folder, "--rules", rules, *HITS)
    assert events(ran) == ["event-1", "event-3", "event-4"]
    assert "suppressed 1 hits; it expired at 2026-01-31T12:00:03Z" in ran.err
    moved = vigil("hunt", folder, "--rules", rules, "--time-field", "awsRegion", *HITS)
    assert len(events(moved)) == 4  # a region is no time, and what has none is not suppressed


def test_a_filter_that_ends_soon_is_called_to_mind(vigil, screened, folder):
    day = (datetime.now(UTC) + timedelta(days=5)).date()
    ran = vigil("hunt", folder, "--rules", screened(("2999-12-31", str(day))), *HITS)
    assert ", in 5 days" in ran.err


@pytest.mark.parametrize(("gone", "says"), [("owner: dana@example.com\n", "(nobody owns it)"),
                                            ("expires: 2999-12-31\n", "it never expires")])  # fmt: skip
def test_a_filter_of_others_works_with_a_warning(vigil, screened, folder, gone, says):
    rules = screened((gone, ""))
    ran = vigil("hunt", folder, "--rules", rules, *HITS)
    assert events(ran) == ["event-1", "event-3"]
    assert says in ran.err
    lacks = f"has no {gone.partition(':')[0]}"
    assert lacks in vigil("rules", "build", "--rules", rules, "-o", "book.json").err
    linted = vigil("rules", "lint", "--rules", rules)
    assert (linted.code, lacks in linted.out, "filter.yml:1" in linted.out) == (1, True, True)


def test_an_expired_filter_is_named_by_build_and_lint_also_from_a_built_book(vigil, screened):
    rules = screened(("2999-12-31", "2026-01-01"))
    says = "filter 'The robot may' (dana@example.com) expired at 2026-01-02T00:00:00Z"
    built = vigil("rules", "build", "--rules", rules, "-o", "book.json")
    assert (built.code, says in built.err) == (0, True)
    assert "1 rules and 1 filters compiled" in built.err
    for place in (rules, "book.json"):
        linted = vigil("rules", "lint", "--rules", place)
        assert linted.code == 1
        assert says in linted.out


def test_a_built_book_keeps_its_filters_and_so_does_merging(vigil, screened, folder, tmp_path):
    rules = screened()
    vigil("rules", "build", "--rules", rules, "-o", "book.json")
    assert events(vigil("hunt", folder, "--rules", "book.json", *HITS)) == ["event-1", "event-3"]
    beside = vigil("hunt", folder, "--rules", rules / "logging_stopped.yml",
                   "--rules", "book.json", *HITS)  # fmt: skip
    assert events(beside) == ["event-1", "event-3"]
    twice = vigil("rules", "list", "--rules", rules, "--rules", "book.json", "--format", "json")
    assert [line["id"] for line in twice.lines] == [RULE_ID, "tame"]
    vigil("rules", "build", "--rules", rules / "logging_stopped.yml",
          "--rules", "book.json", "-o", "both.json")  # fmt: skip
    both = json.loads((tmp_path / "both.json").read_bytes())
    assert (both["format"], len(both["filters"])) == (2, 1)
    (rules / "filter.yml").unlink()
    vigil("rules", "build", "--rules", rules, "-o", "plain.json")
    alone = tmp_path / "mine.yml"
    alone.write_text(FILTER)
    onto = vigil("hunt", folder, "--rules", "plain.json", "--rules", alone, *HITS)
    assert events(onto) == ["event-1", "event-3"]


def test_filters_are_listed_after_the_rules_whose_lines_stay_as_they_were(vigil, screened):
    rules = screened()
    listed = vigil("rules", "list", "--rules", rules, "--format", "json").lines
    assert "kind" not in listed[0]
    assert listed[1] == {
        "kind": "filter",
        "id": "tame",
        "title": "The robot may",
        "owner": "dana@example.com",
        "reason": "It recreates trails.",
        "expires": "3000-01-01T00:00:00Z",
        "source": "aws/cloudtrail",
        "rules": [RULE_ID],
        "file": str(rules / "filter.yml"),
    }
    table = vigil("rules", "list", "--rules", screened(("[1111", "any # [1111"))).out
    assert "The robot may" in table
    assert "any of aws/cloudtrail" in table


def test_a_filter_that_silences_a_rules_own_example_fails_the_test_and_both_are_named(
    vigil, screened
):
    changes = [("userIdentity.userName: robot", "eventName: S*")]
    for expires in ("2999-12-31", "2000-01-01"):  # the outcome does not depend on the day
        ran = vigil("rules", "test", "--rules", screened(*changes, ("2999-12-31", expires)))
        assert ran.code == 1
        assert "Logging stopped: example 'stopped' is silenced by filter 'The robot may'" in ran.out
        assert "filter.yml" in ran.out
        assert "1 of 2 examples pass" in ran.err


def test_a_filter_does_not_mend_a_rule_that_fires_where_it_should_not(vigil, rule, screened):
    rule.write_text(RULE.replace("eventName: StopLogging}", "eventName: '*Logging'}", 1))
    ran = vigil("rules", "test", "--rules", screened(("userIdentity.userName: robot", "eventName: StartLogging")))  # fmt: skip
    assert ran.code == 1
    assert "example 'started' fires, and should not" in ran.out


def test_examples_of_filters_are_run(vigil, screened):
    ran = vigil("rules", "test", "--rules", screened(text=FILTER + TESTS))
    assert (ran.code, ran.out) == (0, "")
    assert "4 of 4 examples pass, for 1 rules and 1 filters" in ran.err


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("suppresses: true", "suppresses: false", "'the robot' is suppressed, and should not be"),
        ("suppresses: false", "suppresses: true", "'a person' is not suppressed"),
        ("eventName: StopLogging, userIdentity: {userName: dana}", "eventName: StartLogging",
         f"'a person' does not make rule {RULE_ID} fire"),
        ("eventSource: cloudtrail.amazonaws.com, eventName: StopLogging, userIdentity: {userName: dana}",
         "cloud: none", f"'a person' does not make rule {RULE_ID} fire"),
    ],
)  # fmt: skip
def test_an_example_of_a_filter_that_fails_is_named(vigil, screened, before, after, says):
    ran = vigil("rules", "test", "--rules", screened((before, after), text=FILTER + TESTS))
    assert ran.code == 1
    assert f"The robot may: example {says}" in ran.out
    assert "3 of 4 examples pass" in ran.err


def test_the_example_for_users_is_as_it_says(vigil, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "suppressions.md").read_text()
    (tmp_path / "mine.yml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    ran = vigil("rules", "test", "--with-default", "--rules", "mine.yml")
    assert (ran.code, ran.out) == (0, "")
    assert "and 1 filters" in ran.err


def test_a_refused_filter_is_named_and_the_rules_are_used(vigil, screened, folder):
    rules = screened(("[11111111", "[21111111"))
    ran = vigil("hunt", folder, "--rules", rules, *HITS)
    assert len(events(ran)) == 4
    assert "refused: " in ran.err
    assert f"did you mean '{RULE_ID}'?" in ran.err
    assert vigil("rules", "build", "--rules", rules, "-o", "book.json").code == 2


def test_processes_that_start_anew_read_the_time_of_events_too(vigil, screened, folder):
    """A thread means that processes are not forked: they get the sources as data."""
    rules = screened(("2999-12-31", "2026-01-31T12:00:03Z"))
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        ran = vigil("hunt", folder, "--rules", rules, "--jobs", 2, *HITS)
    finally:
        done.set()
        thread.join()
    assert events(ran) == ["event-1", "event-3", "event-4"]


def test_a_suppressed_hit_feeds_no_correlation(vigil, screened, folder):
    (screened() / "many.yml").write_text(
        "title: Many\nid: many\ncorrelation:\n  type: event_count\n  timespan: 1h\n"
        f"  rules: ['{RULE_ID}']\n  group-by: [awsRegion]\n  condition: {{gte: 3}}\n  generate: true\n"
    )
    with_filter = vigil("hunt", folder, "--rules", "rules", *HITS)
    assert events(with_filter) == ["event-1", "event-3"]
    (folder.parent / "rules" / "filter.yml").unlink()
    without = vigil("hunt", folder, "--rules", "rules", *HITS)
    assert [json.loads(line)["rule"] for line in without.out.splitlines()].count("many") == 1
