"""`vigil hunt` and `vigil events`: what scripts rely on."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pytest

from tests.local.samples import RULE_ID, record

HOSTILE = "\x1b[31m[bold red]dana[/]\x9b2J \u202eexe"


def test_hits_are_one_line_per_rule_and_record_with_its_place(vigil, rule, logs):
    folder = logs("a.json", record(1, eventName="StartLogging"), record(2))
    ran = vigil("hunt", folder, "--rules", rule, "--emit", "hits", "--format", "json")
    expected = {
        "rule": RULE_ID,
        "title": "Logging stopped",
        "event": "event-2",
        "time": "2026-01-31T12:00:02Z",
        "level": "high",
        "source_file": str(folder / "a.json"),
        "record": 1,
    }
    assert (ran.code, ran.lines) == (0, [expected])


def test_equal_records_are_two_hits_and_one_finding(vigil, rule, logs):
    folder = logs("a.json", record(1), record(1))
    hits = vigil("hunt", folder, "--rules", rule, "--emit", "hits", "--format", "json")
    findings = vigil("hunt", folder, "--rules", rule, "--format", "json")
    assert [len(hits.lines), len(findings.lines)] == [2, 1]


def test_findings_are_ocsf_and_the_same_on_every_run(vigil, rule, logs):
    folder = logs("a.json", record(1), record(2))
    first = vigil("hunt", folder, "--rules", rule, "--format", "json")
    second = vigil("hunt", folder, "--rules", rule, "--format", "json")
    assert [line["class_uid"] for line in first.lines] == [2004, 2004]
    assert first.out == second.out


def test_several_processes_give_the_same_lines_in_the_same_order(vigil, rule, logs):
    for number in range(6):
        folder = logs(f"{number}.json", record(number), record(number + 10))
    options = ("hunt", folder, "--rules", rule, "--emit", "hits", "--format", "json")
    assert vigil(*options, "--jobs", 3).out == vigil(*options, "--jobs", 1).out != ""


def test_a_hunt_without_options_uses_the_shipped_rules(vigil, logs):
    ran = vigil("hunt", logs("a.json", record(1)))
    assert ran.code == 0
    assert "critical" in ran.out
    assert "2 findings by 2 rules" in ran.err  # AWS's own rule, and the one for every cloud


def test_default_rules_can_be_used_beside_others(vigil, rule, logs):
    folder = logs("a.json", record(1))
    ran = vigil("hunt", folder, "--rules", rule, "--with-default", "--emit", "hits",
                "--format", "json")  # fmt: skip
    assert len({line["rule"] for line in ran.lines}) == 3


@pytest.mark.parametrize(
    ("level", "code"), [("critical", 0), ("high", 1), ("medium", 1), ("informational", 1)]
)
@pytest.mark.parametrize("emit", ["hits", "findings"])
def test_fail_on_decides_the_exit_code(vigil, rule, logs, level, code, emit):
    folder = logs("a.json", record(1))
    ran = vigil("hunt", folder, "--rules", rule, "--fail-on", level, "--emit", emit)
    assert ran.code == code


def test_the_table_says_what_happened_and_no_terminal_obeys_an_event(vigil, rule, logs):
    identity = {"type": "IAMUser", "userName": HOSTILE, "arn": "arn:aws:iam::123456789012:user/x"}
    ran = vigil("hunt", logs("a.json", record(1, userIdentity=identity)), "--rules", rule)
    assert "Logging stopped" in ran.out
    assert "2026-01-31 12:00:01 " in ran.out
    assert "event-1" in ran.out
    assert "[bold red]dana" in ran.out
    assert not {"\x1b", "\x9b", "\u202e"} & set(ran.out + ran.err)


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_a_table_loses_no_character_of_a_long_name(vigil, rule, logs, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("functions.local.terminal.WIDE", columns)
    identity = {"type": "IAMUser", "userName": "abcdefghijklmnopqrstuvwxyz0123456789"}
    ran = vigil("hunt", logs("a.json", record(1, userIdentity=identity)), "--rules", rule)
    shown = "".join(line[-40:].strip() for line in ran.out.splitlines()[1:])
    assert set(identity["userName"]) <= set(shown)


def test_json_lines_are_ascii_whatever_an_event_holds(vigil, rule, logs):
    folder = logs("a.json", record(1, eventID=HOSTILE, userAgent=HOSTILE))
    for options in (["--emit", "hits"], ["--emit", "findings"]):
        ran = vigil("hunt", folder, "--rules", rule, "--format", "json", *options)
        assert ran.out.isascii()
        assert "\x1b" not in ran.out
        assert ran.lines


def test_input_that_can_not_be_read_is_counted_named_and_written_down(vigil, rule, logs, tmp_path):
    folder = logs("a.json", record(1), 7, {"some": "thing else"})
    (folder / "cut.json.gz").write_bytes(gzip.compress(b'{"Records": []}' * 99)[:-9])
    ran = vigil("hunt", folder, "--rules", rule, "--rejects", "rejects.jsonl")
    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert ran.code == 0
    assert "not an object" in ran.err
    assert "1 of unknown source" in ran.err
    assert any("a.json" in reject["place"] for reject in rejects)
    assert any("cut.json.gz" in reject["place"] for reject in rejects)
    assert "Logging stopped" in ran.out


def test_raw_records_need_no_source_and_name_their_own_fields(vigil, tmp_path):
    (tmp_path / "rule.yml").write_text(
        "title: Boiler hot\nid: 99999999-2222-3333-4444-555555555555\nlevel: low\n"
        "logsource: {product: factory}\n"
        "detection:\n  hot: {state: hot}\n  condition: hot\n"
    )
    (tmp_path / "log.jsonl").write_text('{"state":"hot","at":"2026-01-31T12:00:00Z","no":"b1"}\n')
    ran = vigil("hunt", "log.jsonl", "--rules", "rule.yml", "--source", "raw", "--emit", "hits",
                "--format", "json", "--time-field", "at", "--uid-field", "no")  # fmt: skip
    [hit] = ran.lines
    assert (hit["event"], hit["time"]) == ("b1", "2026-01-31T12:00:00Z")


def test_a_record_without_time_has_null(vigil, rule, tmp_path):
    (tmp_path / "log.jsonl").write_text(
        '{"eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging"}'
    )
    options = ("hunt", "log.jsonl", "--rules", rule, "--source", "aws/cloudtrail")
    [hit] = vigil(*options, "--emit", "hits", "--format", "json").lines
    assert hit["time"] is None
    ran = vigil(*options, "--report", "r.html")
    assert ran.code == 0
    assert "1970" not in ran.out + (tmp_path / "r.html").read_text()


def test_since_is_included_and_until_is_not(vigil, rule, logs):
    folder = logs("a.json", record(1), record(2), record(3))
    ran = vigil("hunt", folder, "--rules", rule, "--emit", "hits", "--format", "json",
                "--since", "2026-01-31T12:00:02Z", "--until", "2026-01-31T12:00:03")  # fmt: skip
    assert [line["event"] for line in ran.lines] == ["event-2"]


def test_a_report_can_be_written_beside_hits(vigil, rule, logs, tmp_path):
    ran = vigil("hunt", logs("a.json", record(1)), "--rules", rule, "--emit", "hits",
                "--format", "json", "--report", "out/report.html")  # fmt: skip
    assert len(ran.lines) == 1
    assert "Logging stopped" in (tmp_path / "out" / "report.html").read_text()


def test_events_are_ocsf_lines_and_what_is_none_is_counted(vigil, logs):
    folder = logs("a.json", record(1), record(2, eventTime="soon"), {"some": "thing else"})
    ran = vigil("events", folder)
    assert [line["class_uid"] for line in ran.lines] == [6003]
    assert "eventTime" in ran.err
    assert "1 of unknown source" in ran.err
    assert "1 set aside" in ran.err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["hunt"], "Missing argument"),
        (["hunt", "nowhere"], "nowhere"),
        (["hunt", ".", "--rulez", "x"], "--rules"),
        (["hunt", ".", "--since", "soon"], "2026-01-31"),
        (["hunt", ".", "--rules", "nowhere"], "no rules at nowhere"),
        (["hunt", ".", "--rules", "junk.json"], "not a rulebook"),
        (["hunt", ".", "--rules", "empty"], "no rule can be used"),
        (["hunt", ".", "--source", "aws/nothing"], "aws/cloudtrail"),
        (["hunt", ".", "--format", "xml"], "'table', 'json'"),
        (["hunt", ".", "--report", "junk.json/report.html"], "another place"),
        (["events", "nowhere"], "nowhere"),
        (["rules", "build", "-o", "junk.json/book"], "another place"),
        (["findings", "list"], "--home"),
        (["audit", "verify"], "--home"),
        (["nonsense"], "nonsense"),
        (["hunt", "\x1b[31mhostile"], "\\x1b[31mhostile"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(vigil, tmp_path, args, says):
    (tmp_path / "junk.json").write_text("junk")
    (tmp_path / "empty").mkdir()
    ran = vigil(*args)
    *_, last = ran.err.splitlines()
    assert (ran.code, ran.out) == (2, "")
    assert last.startswith("vigil: ")
    assert says in last
    assert "Traceback" not in ran.err
    assert sum(line.startswith("vigil: ") for line in ran.err.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_error(rule, logs):
    folder = logs("a.json", *(record(number % 60) for number in range(5000)))
    command = f"{sys.executable} -m functions.local.handler hunt {folder} --rules {rule}"
    shell = f"set -o pipefail; {command} --emit hits --format json | head -n 1"
    ran = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert ran.stdout.count("\n") == 1
    assert ran.returncode == 141
    assert "Traceback" not in ran.stderr
    assert "Broken" not in ran.stderr
