"""Correlations in `vigil hunt`: what fires, what stays silent, and what a hit says."""

from __future__ import annotations

import json
import random

import pytest

from tests.local.samples import record

FAILED = """\
title: Failed
id: 00000000-0000-4000-8000-000000000001
name: failed
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Failed}, condition: s}
"""
PASSED = """\
title: Passed
id: 00000000-0000-4000-8000-000000000002
name: passed
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Passed}, condition: s}
"""
MADE = """\
title: Made
id: 00000000-0000-4000-8000-000000000003
name: made
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Made}, condition: s}
"""
RULES = {"failed": FAILED, "passed": PASSED, "made": MADE}


def correlation(kind, rules, *, name="many", top="", **more):
    body = {"type": kind, "rules": rules, "group-by": ["who"], "timespan": "1m", **more}
    return f"title: {name}\nid: id-{name}\nname: {name}\nlevel: high\n{top}correlation: {body}\n"


def happened(name, second, who="dana", **more):
    """A record at a second of one day; its uid tells what it is."""
    time = f"2026-01-31T12:{second // 60:02d}:{second % 60:02d}Z"
    uid = f"{name}-{second}"
    return record(1, **{"eventName": name, "eventTime": time, "eventID": uid, "who": who, **more})


@pytest.fixture
def hunted(vigil, tmp_path, logs):
    """Hits of a hunt with all three rules and the correlations given, over one file."""

    def run(documents, records, *options):
        path = tmp_path / "rules.yml"
        path.write_text("---\n".join([*documents, *RULES.values()]))
        folder = logs("a.json", *records)
        return vigil("hunt", folder, "--rules", path, "--emit", "hits", "--format", "json",
                     *options)  # fmt: skip

    return run


def events(ran, title="many"):
    assert (ran.code, "refused" in ran.err) == (0, False), ran.err
    return [line["event"] for line in ran.lines if line["title"] == title]


def five(name="Failed", step=10, **more):
    return [happened(name, step * number, **more) for number in range(5)]


def valued(*values):
    return [happened("Failed", 10 * n, size=value) for n, value in enumerate(values)]


COUNT = {"condition": {"gte": 3}}
ORDER = ["failed", "made", "passed"]
TYPES = {
    "event_count": ("failed", COUNT, five(), five(step=40), "Failed-20"),
    "value_count": (
        "failed",
        {"condition": {"gte": 3, "field": "size"}},
        valued("a", "b", "b", "c"),
        valued("a", "b", "a", "b"),
        "Failed-30",
    ),
    "temporal": (
        ORDER,
        {},
        [happened("Passed", 0), happened("Failed", 10), happened("Made", 60)],
        [happened("Passed", 0), happened("Failed", 10), happened("Made", 61)],
        "Made-60",
    ),
    "temporal_ordered": (
        ORDER,
        {},
        [happened("Failed", 0), happened("Made", 10), happened("Passed", 20)],
        [happened("Made", 0), happened("Failed", 10), happened("Passed", 20)],
        "Passed-20",
    ),
    "value_sum": (
        "failed",
        {"condition": {"gt": 100, "field": "size"}},
        valued(50, "50", 1),
        valued(50, 50),
        "Failed-20",
    ),
    "value_avg": (
        "failed",
        {"condition": {"gte": 2.5, "field": "size"}},
        valued(1, 2, 4.5),
        valued(1, 2, 4),
        "Failed-20",
    ),
    "value_percentile": (
        "failed",
        {"condition": {"gte": 9, "field": "size", "percentile": 90}},
        valued(1, 1, 20),
        valued(1, 1, 5),
        "Failed-20",
    ),
    "value_median": (
        "failed",
        {"condition": {"gt": 5, "field": "size"}},
        valued(1, 6, 9),
        valued(1, 2, 99),
        "Failed-20",
    ),
    "first_seen": (
        "failed",
        {"field": "size", "timespan": "1d", "learning": "20s"},
        valued("a", "b", "a", "c"),
        valued("a", "b", "a", "b"),
        "Failed-30",
    ),
    "absence": (
        "passed",
        {"after": "failed"},
        [happened("Failed", 0), happened("Made", 200)],
        [happened("Failed", 0), happened("Passed", 60), happened("Made", 200)],
        "Failed-0",
    ),
}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_fires_on_its_events_and_is_quiet_on_others(hunted, kind):
    rules, more, firing, quiet, completed_by = TYPES[kind]
    document = correlation(kind, rules, **more)
    assert events(hunted([document], firing)) == [completed_by]
    assert events(hunted([document], quiet)) == []


def test_a_hit_has_the_place_of_the_event_that_completed_it_and_its_group(hunted, tmp_path):
    ran = hunted([correlation("event_count", "failed", **COUNT)], five())
    assert ran.lines == [
        {
            "rule": "id-many",
            "title": "many",
            "event": "Failed-20",
            "time": "2026-01-31T12:00:20Z",
            "level": "high",
            "source_file": str(tmp_path / "logs" / "a.json"),
            "record": 2,
            "group": {"who": "dana"},
        }
    ]


def test_other_rules_hits_carry_no_group(hunted):
    ran = hunted([correlation("event_count", "failed", **COUNT)], [happened("Made", 1)])
    assert [(line["title"], "group" in line) for line in ran.lines] == [("Made", False)]


def test_groups_do_not_mix_and_an_event_without_one_takes_no_part(hunted):
    records = [happened("Failed", n, who=who) for n, who in enumerate(["a", "b", "a", None, "b"])]
    assert events(hunted([correlation("event_count", "failed", **COUNT)], records)) == []


def test_an_alias_names_the_group_by_its_own_name(hunted):
    aliases = {"user": {"failed": "userIdentity.userName", "passed": "who"}}
    more = {"group-by": ["user"], "aliases": aliases}
    document = correlation("temporal", ["failed", "passed"], **more)
    ran = hunted([document], [happened("Failed", 0, who="x"), happened("Passed", 5)])
    assert [line["group"] for line in ran.lines] == [{"user": "dana"}]


def test_a_group_is_told_by_its_whole_value(hunted):
    roles = [f"arn:aws:sts::123456789012:assumed-role/{'Long' * 12}/{n}" for n in range(2)]
    records = [happened("Failed", n, who=[roles[n % 2], 5]) for n in range(5)]
    ran = hunted([correlation("event_count", "failed", condition={"gte": 2})], records)
    assert sorted(line["group"]["who"] for line in ran.lines) == sorted([*roles, "5"])


def test_in_raw_mode_fields_are_as_the_rules_write_them(hunted):
    records = [{"eventName": "Failed", "who": "dana", "time": n, "id": n} for n in range(3)]
    ran = hunted([correlation("event_count", "failed", **COUNT)], records, "--source", "raw")
    assert events(ran) == ["2"]


def test_in_raw_mode_records_that_share_an_id_by_chance_are_several(hunted):
    """`id` and `uid` may be of anything there; where --uid-field says so they are of the event."""
    records = [{"eventName": "Failed", "who": "dana", "time": 5, "id": 7, "n": n} for n in range(3)]
    many = correlation("event_count", "failed", **COUNT)
    assert len(hunted([many], records, "--source", "raw").lines) == 1
    assert hunted([many], records, "--source", "raw", "--uid-field", "id").lines == []
    assert len(hunted([many], records, "--source", "raw", "--uid-field", "n").lines) == 1
    for own in ({"eventID": "e"}, {"insertId": "e"}, {"eventID": None, "insertId": "e"}):
        same = [{**one, **own} for one in records]
        assert hunted([many], same, "--source", "raw").lines == []
    for none in ({"eventID": None}, {"insertId": None}, {"eventID": []}):
        several = [{**one, **none} for one in records]
        assert len(hunted([many], several, "--source", "raw").lines) == 1
    apart = [{**one, "insertId": f"i-{one['n']}"} for one in records]
    for emit in ("hits", "findings"):
        assert len(hunted([many], apart, "--source", "raw", "--emit", emit).lines) == 1


def test_a_count_of_values_may_be_none(hunted):
    document = correlation("value_count", "failed", condition={"eq": 0, "field": "ip"})
    assert events(hunted([document], [happened("Failed", 0)])) == ["Failed-0"]
    assert events(hunted([document], [happened("Failed", 0, ip="1")])) == []


@pytest.mark.parametrize(
    ("inner", "outer", "top", "told"),
    [
        (False, False, "", {"outer"}),
        (True, False, "", {"many", "outer", "Failed"}),
        (False, True, "", {"many", "outer", "Passed"}),
        (False, False, "generate: true\n", {"many", "outer", "Passed"}),
    ],
)
def test_what_only_feeds_a_correlation_is_silent_unless_it_says_generate(
    hunted, inner, outer, top, told
):
    documents = [
        correlation("temporal_ordered", ["many", "passed"], name="outer", generate=outer, top=top),
        correlation("event_count", "failed", generate=inner, **COUNT),
    ]
    ran = hunted(documents, [*five(), happened("Passed", 50), happened("Passed", 500)])
    assert {line["title"] for line in ran.lines} == told
    assert events(ran, "outer") == ["Passed-50"]


def test_a_boolean_condition_is_honoured(hunted):
    document = correlation("temporal", ["failed", "passed", "made"],
                           condition="failed and (passed or made)")  # fmt: skip
    assert events(hunted([document], [happened("Failed", 0), happened("Made", 9)])) == ["Made-9"]
    assert events(hunted([document], [happened("Passed", 0), happened("Made", 9)])) == []


def test_an_event_that_is_there_twice_counts_once(hunted):
    document = correlation("event_count", "failed", **COUNT)
    twice = [happened("Failed", 0), happened("Failed", 10)] * 2
    assert events(hunted([document], twice)) == []


def test_records_without_an_id_are_different_events(hunted):
    document = correlation("event_count", "failed", **COUNT)
    ran = hunted([document], [happened("Failed", 0, eventID=None)] * 3)
    assert [(line["event"], line["record"]) for line in ran.lines] == [("", 2)]


def test_a_long_id_is_told_whole(hunted):
    ids = [f"{'x' * 90}{number}" for number in range(3)]
    records = [happened("Failed", 1, eventID=id) for id in ids]
    (told,) = events(hunted([correlation("event_count", "failed", **COUNT)], records))
    assert told in ids


def test_an_id_that_comes_again_later_is_another_event_and_the_place_is_the_right_one(hunted):
    records = [happened("Failed", second, eventID="same") for second in (300, 20, 10, 0)]
    ran = hunted([correlation("event_count", "failed", **COUNT)], records)
    assert [line["record"] for line in ran.lines] == [1]


@pytest.mark.parametrize(("until", "told"), [("12:01:01", ["Failed-0"]), ("12:01:00", [])])
def test_silence_is_judged_up_to_where_the_input_ends(hunted, until, told):
    document = correlation("absence", "failed")
    records = [happened("Failed", 0)]
    assert events(hunted([document], records)) == []
    assert events(hunted([document], records, "--until", f"2026-01-31T{until}")) == told


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    ("later", "options"),
    [
        ([happened("Other", 60)], ()),
        ([happened("Other", 60, eventTime="n/a", time="2026-01-31T12:01:00Z")], ()),
        ([happened("Other", 60), happened("Other", 20)], ()),
        ([{"unknown": 1, "time": "2026-01-31T12:01:00Z"}], ()),
        ([happened("Other", 60)], ("--source", "raw")),
        ([happened("Other", 2, at={"t": "2026-01-31T12:01:00Z"})], ("--time-field", "at.t")),
    ],
)
def test_the_input_ends_at_its_latest_record_though_no_rule_matches_that(
    vigil, tmp_path, logs, later, options, jobs
):
    rules = tmp_path / "rules.yml"
    rules.write_text("---\n".join([correlation("absence", "failed"), FAILED]))
    first = happened("Failed", 0, at={"t": "2026-01-31T12:00:00Z"})
    logs("a.json", first)
    folder = logs("b.json", *later)
    options = ("--rules", rules, "--format", "json", "--jobs", jobs, *options)
    hits = vigil("hunt", folder, "--emit", "hits", *options)
    assert [line["event"] for line in hits.lines] == ["Failed-0"]
    assert len(vigil("hunt", folder, *options).lines) == 1
    short = vigil("hunt", folder / "a.json", "--emit", "hits", *options)
    assert short.lines == []


def test_hits_without_a_time_take_no_part_and_are_counted(hunted):
    records = [happened("Failed", n, eventTime="long ago") for n in range(5)]
    ran = hunted([correlation("event_count", "failed", **COUNT)], records)
    assert events(ran) == []
    assert "5 hits have no readable time" in ran.err


def test_order_of_files_and_number_of_processes_change_nothing(vigil, tmp_path):
    document = correlation("event_count", "failed", condition={"gte": 4})
    rules = tmp_path / "rules.yml"
    rules.write_text(f"{document}---\n{FAILED}")
    records = [
        happened("Failed", second, who=who, eventID=f"{who}{second % 70}-{second}")
        for second in range(0, 600, 7)
        for who in "ab"
    ]
    records += [happened("Failed", 14, who="ab"[n % 2], eventID="copy") for n in range(9)]
    records += [happened("Failed", 14, who="c", eventID=None) for n in range(9)]
    chance = random.Random(7)
    chance.shuffle(records)
    files = []
    for number in range(8):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps({"Records": records[number::8]}))
    options = ("--rules", rules, "--emit", "hits", "--format", "json")
    first = vigil("hunt", *files, *options, "--jobs", 1)
    assert len(first.lines) == 3
    for jobs in (1, 3):
        chance.shuffle(files)
        again = vigil("hunt", *files, *options, "--jobs", jobs)
        assert again.out == first.out


def test_a_finding_of_a_correlation_counts_all_its_events_and_shows_the_last(
    vigil, tmp_path, logs
):  # fmt: skip
    rules = tmp_path / "rules.yml"
    rules.write_text("---\n".join([correlation("event_count", "failed", **COUNT), FAILED]))
    folder = logs("a.json", *five())
    ran = vigil("hunt", folder, "--rules", rules, "--format", "json")
    (finding,) = ran.lines
    assert finding["finding_info"]["title"] == "many"
    assert finding["count"] == 5
    assert ran.out == vigil("hunt", folder, "--rules", rules, "--format", "json").out
    assert "Failed-20" in ran.out
    assert "198.51.100.7" in ran.out
    table = vigil("hunt", folder, "--rules", rules, "--report", tmp_path / "r.html")
    assert "1 findings by 1 rules" in table.err


def test_fail_on_looks_at_what_is_told(hunted):
    loud = FAILED.replace("title", "level: critical\ntitle").replace("name: failed", "name: loud")
    loud = loud.replace("000001", "000009")
    document = correlation("event_count", "loud", **COUNT)
    assert hunted([document, loud], [happened("Failed", 0)], "--fail-on", "critical").code == 0
    assert hunted([document, loud], five(), "--fail-on", "high").code == 1


def test_a_built_rulebook_fires_alike(vigil, tmp_path, logs):
    rules, book = tmp_path / "rules.yml", tmp_path / "book.json"
    rules.write_text("---\n".join([correlation("event_count", "failed", **COUNT), FAILED]))
    built = vigil("rules", "build", "--rules", rules, "-o", book)
    assert built.code == 0
    assert "1 rules and 1 correlations compiled" in built.err
    assert "warning" not in built.err
    folder = logs("a.json", *five())
    hits = ("--emit", "hits", "--format", "json")
    by_book = vigil("hunt", folder, "--rules", book, *hits)
    assert by_book.out == vigil("hunt", folder, "--rules", rules, *hits).out != ""
    both = vigil("hunt", folder, "--rules", book, "--rules", rules, *hits)
    assert both.out == by_book.out
    listed = vigil("rules", "list", "--rules", book, "--format", "json")
    assert {line["title"] for line in listed.lines} == {"Failed", "many"}


def test_a_finding_says_what_its_events_have_in_common_when_and_how_many(vigil, tmp_path, logs):
    rules, folder = tmp_path / "rules.yml", logs("a.json", *five())
    rules.write_text("---\n".join([correlation("event_count", "failed", **COUNT), FAILED]))
    found = vigil("hunt", folder, "--rules", rules, "--format", "json")
    (finding,) = found.lines
    assert finding["unmapped"] == {"group": {"who": "dana"}}
    assert finding["count"] == finding["finding_info"]["related_events_count"] == 5
    assert finding["start_time_dt"] == "2026-01-31T12:00:00.000Z"
    assert finding["end_time_dt"] == "2026-01-31T12:00:40.000Z"
    assert "who=dana, 5 events" in vigil("hunt", folder, "--rules", rules).out
    page = tmp_path / "r.html"
    vigil("hunt", folder, "--rules", rules, "--report", page)
    assert "who=dana" in page.read_text()
    assert "2026-01-31T12:00:00Z to 2026-01-31T12:00:40Z" in page.read_text()
