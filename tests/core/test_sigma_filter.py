"""Filter documents: what is read from them, what is refused by line, and pySigma's reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.collection import SigmaCollection

from core.detect import Detector
from core.detect.plain import plain_match
from core.errors import BadRule
from core.ports import Source
from core.rulebook import And, Not, Or, Text, dump, load
from core.sigma import Compiled, compile_rules

RULE = """\
title: {name}
id: {id}
name: {name}
logsource: {{product: aws, service: {service}}}
detection: {{s: {{eventName: {name}}}, condition: s}}
"""
RULES = "---\n".join(
    RULE.format(name=name, id=f"id-{name}", service=service)
    for name, service in (("one", "cloudtrail"), ("two", "cloudtrail"), ("else", "config"))
)
MANY = """\
title: Many
id: many
correlation: {type: event_count, rules: [one, two], timespan: 5m, condition: {gte: 2}}
"""
GOOD = """\
title: Robots are tame
id: tame
owner: dana@example.com
reason: The robot is ours.
expires: 2026-12-31
logsource:
  product: aws
  service: cloudtrail
filter:
  rules: [one]
  robot: {who: robot}
  condition: not robot
"""
MIDNIGHT = 1_798_761_600_000  # 2027-01-01T00:00:00Z


def written(tmp_path: Path, *documents: str, rules: str = RULES, **more: Any) -> Compiled:
    (tmp_path / "a.yml").write_text("---\n".join(documents))
    (tmp_path / "b.yml").write_text(rules)
    return compile_rules([tmp_path], **more)


def refused(tmp_path: Path, text: str, *others: str) -> BadRule:
    compiled = written(tmp_path, text, *others)
    (fault,) = compiled.faults
    assert fault.file == str(tmp_path / "a.yml")
    assert compiled.book.filters == ()
    return fault


def test_a_filter_keeps_what_it_says_about_itself(tmp_path: Path) -> None:
    compiled = written(tmp_path, GOOD)
    assert (compiled.faults, compiled.warnings) == ((), ())
    (found,) = compiled.book.filters
    assert (found.id, found.title, found.owner) == ("tame", "Robots are tame", "dana@example.com")
    assert (found.reason, found.expires, found.rules) == (
        "The robot is ours.",
        MIDNIGHT,
        ("id-one",),
    )
    assert found.source == "aws/cloudtrail"
    assert compiled.book.demand(0) == Not(Text("who", ("robot",)))
    assert load(dump(compiled.book)) == compiled.book


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    unnamed = GOOD.replace("id: tame\n", "")
    books = [written(tmp_path, unnamed, GOOD).book for _ in range(2)]
    assert dump(books[0]) == dump(books[1])
    assert len({one.id for one in books[0].filters}) == 2


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("one", ("id-one",)),
        ("[one, id-two, id-one]", ("id-one", "id-two")),
        ("any", ()),
        ("ANY", ()),
    ],
)
def test_rules_are_ids_or_names_or_any(
    tmp_path: Path, rules: str, expected: tuple[str, ...]
) -> None:
    compiled = written(tmp_path, GOOD.replace("[one]", rules))
    assert compiled.faults == ()
    assert compiled.book.filters[0].rules == expected


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ("id-nowhere", "no rule has the id or name 'id-nowhere'"),
        ("else", "rule 'id-else' reads 'aws/config'"),
        ("many", "'many' is a correlation"),
    ],
)
def test_what_a_filter_cannot_be_on_is_a_warning_where_it_is_on_others(
    tmp_path: Path, others: str, reason: str
) -> None:
    compiled = written(tmp_path, GOOD.replace("[one]", f"[{others}, one]"), MANY)
    assert (compiled.faults, compiled.book.filters[0].rules) == ((), ("id-one",))
    assert [reason in warning.reason for warning in compiled.warnings] == [True]


def test_a_filter_without_logsource_is_on_the_rules_that_it_names(tmp_path: Path) -> None:
    bare = GOOD.replace(GOOD[GOOD.index("logsource:") : GOOD.index("filter:")], "")
    compiled = written(tmp_path, bare.replace("[one]", "[one, else]"))
    assert (compiled.faults, compiled.book.filters[0].rules) == ((), ("id-one", "id-else"))
    assert ["has no logsource" in warning.reason for warning in compiled.warnings] == [True]
    assert "on any rule needs a logsource" in refused(tmp_path, bare.replace("[one]", "any")).reason


def test_keys_of_others_in_a_filter_are_left(tmp_path: Path) -> None:
    assert written(tmp_path, GOOD + "myown: {a: b}\n").faults == ()


def test_any_means_the_rules_that_the_logsource_covers(tmp_path: Path) -> None:
    narrow = GOOD.replace("[one]", "any")
    wide = narrow.replace("  service: cloudtrail\n", "").replace("id: tame", "id: wide")
    book = written(tmp_path, narrow, wide).book
    ids = {entry.id: number for number, entry in enumerate(book.entries)}
    assert book.filtered == {ids["id-one"]: (0, 1), ids["id-two"]: (0, 1), ids["id-else"]: (1,)}


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        ("2026-12-31", MIDNIGHT),
        ("'2026-12-31'", MIDNIGHT),
        ("2026-12-31T23:00:00-01:00", MIDNIGHT),
        ("2026-12-31 23:59:59.999Z", MIDNIGHT - 1),
        ("2027-01-01T00:00", MIDNIGHT),
        ("", None),
    ],
)
def test_a_day_ends_with_it_in_utc_and_a_moment_is_one(
    tmp_path: Path, expires: str, expected: int | None
) -> None:
    compiled = written(tmp_path, GOOD.replace("2026-12-31", expires))
    assert compiled.faults == ()
    assert compiled.book.filters[0].expires == expected


def test_the_reason_falls_back_to_the_description(tmp_path: Path) -> None:
    text = GOOD.replace("reason:", "description:")
    assert written(tmp_path, text).book.filters[0].reason == "The robot is ours."
    both = GOOD + "description: another\n"
    assert written(tmp_path, both).book.filters[0].reason == "The robot is ours."


@pytest.mark.parametrize(
    ("before", "after", "line", "says", "hint"),
    [
        ("title: Robots are tame\n", "", 1, "a filter needs a title", ""),
        ("title: Robots are tame", "titel: x", 1, "a filter needs a title", "'titel'"),
        ("logsource:", "logsorce:", 1, "a filter needs a logsource", "'logsorce'"),
        ("  product: aws", "  prodcut: aws", 7, "unknown key 'prodcut'", "'product'"),
        ("  rules: [one]\n", "", 9, "a filter needs rules", "any"),
        ("  rules: [one]", "  rule: [one]", 9, "a filter needs rules", "'rule'"),
        ("[one]", "[]", 10, "a filter needs rules", "any"),
        ("[one]", "", 10, "a filter needs rules", "any"),
        ("[one]", "{one: two}", 10, "'rules' must be any, or a list", ""),
        ("[one]", "[one, [two]]", 10, "'rules' must be any, or a list", ""),
        ("[one]", "[id-onne]", 10, "no rule has the id or name 'id-onne'", "'id-one'"),
        ("[one]", "[any]", 10, "no rule has the id or name 'any'", ""),
        ("[one]", "[else]", 6, "rule 'id-else' reads 'aws/config'", "a wider one"),
        ("2026-12-31", "soon", 5, "'soon' is no date", "2026-12-31"),
        ("2026-12-31", "2026-02-30", 5, "'2026-02-30' is no date", "2026-12-31"),
        ("2026-12-31", "20261231", 5, "'20261231' is no date", "2026-12-31"),
        ("2026-12-31", "9999-12-31", 5, "'9999-12-31' is no date", "2026-12-31"),
        ("2026-12-31", "[2026-12-31]", 5, "is no date", "2026-12-31"),
        ("expires:", "expire:", 5, "unknown key 'expire' of a filter", "'expires'"),
        ("owner:", "ownr:", 3, "unknown key 'ownr' of a filter", "'owner'"),
        ("owner: dana@example.com", "owner: {a: b}", 3, "'owner' must be plain text", ""),
        ("  condition: not robot\n", "", 9, "a filter needs one condition", "not selection"),
        ("not robot", "[not robot, robot]", 12, "a filter needs one condition", ""),
        ("not robot", "not robbot", 12, "'robbot', which is not there", "'robot'"),
        ("  robot: {who: robot}\n", "", 9, "a filter needs a selection", ""),
        ("robot: {who: robot}", "robot: {who|contians: r}", 11, "'contians'", "'contains'"),
        ("robot: {who: robot}", "robot: {who|re: '(?=x)'}", 11, "linear time", ""),
    ],
)
def test_a_fault_is_named_with_its_line_and_a_hint(
    tmp_path: Path, before: str, after: str, line: int, says: str, hint: str
) -> None:
    assert before in GOOD
    fault = refused(tmp_path, GOOD.replace(before, after))
    assert says in fault.reason
    assert fault.line == line
    assert hint in fault.hint


def test_a_filter_that_is_no_map_is_refused(tmp_path: Path) -> None:
    fault = refused(tmp_path, GOOD[: GOOD.index("  rules")].replace("filter:", "filter: none"))
    assert "a filter needs rules, a selection and a condition" in fault.reason
    assert fault.line == 9


def test_a_filter_on_a_correlation_is_refused_and_what_that_watches_named(tmp_path: Path) -> None:
    fault = refused(tmp_path, GOOD.replace("[one]", "[many]"), MANY)
    assert "'many' is a correlation" in fault.reason
    assert fault.hint == "name what it watches: id-one, id-two"


def test_an_id_that_a_rule_has_is_refused(tmp_path: Path) -> None:
    fault = refused(tmp_path, GOOD.replace("id: tame", "id: id-one"))
    assert "id 'id-one' is taken by" in fault.reason
    twice = written(tmp_path, GOOD, GOOD)
    assert len(twice.book.filters) == len(twice.faults) == 1


def test_a_refused_rule_leaves_the_filter_on_the_others(tmp_path: Path) -> None:
    bad = RULES.replace("eventName: two", "eventName|no: two")
    compiled = written(tmp_path, GOOD.replace("[one]", "[one, two]"), rules=bad)
    assert ["b.yml" in fault.file for fault in compiled.faults] == [True]
    assert compiled.book.filtered == {0: (0,)}
    alone = written(tmp_path, GOOD.replace("[one]", "[two]"), rules=bad)
    assert ["suppresses nothing: its rules are refused" in w.reason for w in alone.warnings] == [
        True
    ]


def test_rules_of_a_built_book_can_be_named_by_id(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    built = written(tmp_path / "rules", "").book
    (tmp_path / "filters").mkdir()

    def with_rules(rules: str) -> Compiled:
        text = GOOD.replace("[one]", rules)
        return written(tmp_path / "filters", text, rules="", beside=[built])

    assert with_rules("[id-two]").book.filters[0].rules == ("id-two",)
    assert with_rules("any").warnings == ()
    assert "no rule has the id or name 'two'" in with_rules("[two]").faults[0].reason


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("owner: dana@example.com\n", "", 1, "has no owner"),
        ("reason: The robot is ours.\n", "", 1, "has no reason"),
        ("expires: 2026-12-31\n", "", 1, "has no expires"),
        (GOOD[GOOD.index("owner") : GOOD.index("logs")], "", 1, "has no owner, reason and expires"),
        ("not robot", "robot", 12, "suppresses every hit that is not as its condition says"),
        ("service: cloudtrail", "service: other", 10, "suppresses nothing: no rule reads"),
    ],
)
def test_a_filter_that_is_used_and_may_disappoint_is_warned_of(
    tmp_path: Path, before: str, after: str, line: int, says: str
) -> None:
    assert before in GOOD
    compiled = written(tmp_path, GOOD.replace("[one]", "any").replace(before, after))
    assert (compiled.faults, len(compiled.book.filters)) == ((), 1)
    (warning,) = compiled.warnings
    assert says in warning.reason
    assert (warning.file, warning.line) == (str(tmp_path / "a.yml"), line)


TESTS = """\
tests:
  - {name: robot, suppresses: true, event: {who: robot}}
  - {name: dana, suppresses: false, rule: one, event: {who: dana}}
"""


def test_examples_name_their_rule_or_mean_the_only_one(tmp_path: Path) -> None:
    compiled = written(tmp_path, GOOD + TESTS)
    assert compiled.faults == ()
    assert [(e.name, e.suppresses, e.rule) for e in compiled.filter_examples["tame"]] == [
        ("robot", True, "id-one"),
        ("dana", False, "id-one"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("suppresses: true", "supresses: true", 14, "an example of a filter is"),
        ("suppresses: true", "suppresses: yes please", 14, "an example of a filter is"),
        ("event: {who: robot}", "event: robot", 14, "an example of a filter is"),
        ("rule: one", "rule: onne", 15, "no rule has the id or name 'onne'"),
        ("rule: one", "rule: two", 15, "the filter is not on rule 'two'"),
        (TESTS, "tests: {name: x}\n", 13, "'tests' must be a list"),
        ("[one]", "[one, two]", 14, "an example of a filter is"),
    ],
)
def test_an_example_that_is_none_is_refused(
    tmp_path: Path, before: str, after: str, line: int, says: str
) -> None:
    fault = refused(tmp_path, (GOOD + TESTS).replace(before, after))
    assert says in fault.reason
    assert fault.line == line


def unused(record: Any) -> Any:
    raise AssertionError


TRAIL = Source(
    name="aws/cloudtrail",
    keys=("eventName",),
    route="eventName",
    time="eventTime",
    uid="eventID",
    event=unused,
)

BASE = """\
title: Base
id: 11111111-1111-4111-8111-111111111111
name: base
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: Stop}
  _hidden: {who: nobody}
  filter_me: {who: root}
  condition: 1 of selection* and not filter_me
"""

SECTIONS: list[dict[str, Any]] = [
    {"selection": {"who": "robot"}, "condition": "not selection"},
    {"selection": {"who": "robot"}, "condition": "selection"},
    {"selection": {"who": ["robot", "d*"]}, "condition": "not selection"},
    {"selection": [{"who": "robot"}, {"ip|cidr": "192.0.2.0/24"}], "condition": "not selection"},
    {"selection": {"who": "robot", "ip": "192.0.2.1"}, "condition": "not selection"},
    {"a_1": {"who": "robot"}, "a_2": {"who": "eve"}, "condition": "not 1 of a_*"},
    {"a_1": {"who": "robot"}, "a_2": {"ip": "192.0.2.1"}, "condition": "not all of them"},
    {"a_1": {"who": "robot"}, "b": {"ip": "192.0.2.1"}, "condition": "not (a_1 and not b)"},
    {"a_1": {"who": "robot"}, "b": {"ip": "192.0.2.1"}, "condition": "not a_1 or b"},
    {"filter_me": {"who": "robot"}, "condition": "not filter_me"},
    {"selection": ["robot"], "condition": "not selection"},
    {"selection": {"who": None}, "condition": "not selection"},
    {"selection": {"who|re": "^[a-d]"}, "condition": "not selection"},
]

RECORDS = [
    {"eventName": name, **more}
    for name in ("Stop", "stop", "Start")
    for more in (
        {},
        {"who": "robot"},
        {"who": "Robot", "ip": "192.0.2.1"},
        {"who": "dana", "ip": "192.0.2.9"},
        {"who": "eve", "ip": "198.51.100.1"},
        {"who": "root", "ip": "192.0.2.1"},
        {"who": None},
        {"note": "a robot did it"},
    )
]


def hits(compiled: Compiled) -> list[bool]:
    assert compiled.faults == ()
    detector = Detector(compiled.book, [TRAIL])
    found = [bool(detector.match("aws/cloudtrail", one)) for one in RECORDS]
    assert found == [bool(plain_match(compiled.book, TRAIL, one)) for one in RECORDS]
    return found


@pytest.mark.parametrize("section", SECTIONS, ids=str)
@pytest.mark.parametrize(
    ("rules", "logsource"),
    [
        ("any", {"product": "aws"}),
        (["base"], {"product": "aws", "service": "cloudtrail"}),
        (["11111111-1111-4111-8111-111111111111"], {"service": "cloudtrail"}),
        ("base", {"product": "aws"}),
    ],
    ids=str,
)
def test_hits_are_those_of_the_rule_that_pysigma_makes_of_rule_and_filter(
    tmp_path: Path, section: dict[str, Any], rules: Any, logsource: dict[str, str]
) -> None:
    screen = {"title": "F", "logsource": logsource, "filter": {"rules": rules, **section}}
    ours = written(tmp_path, yaml.safe_dump(screen), rules=BASE)
    (merged,) = SigmaCollection.from_dicts([yaml.safe_load(BASE), screen]).rules
    (tmp_path / "a.yml").write_text(yaml.safe_dump(merged.to_dict()))
    (tmp_path / "b.yml").unlink()
    theirs = compile_rules([tmp_path])
    assert theirs.book.detection(0) != ours.book.detection(0)  # it has the filter in itself
    assert hits(ours) == hits(theirs)


def test_two_filters_are_one_rule_with_both_in_pysigma(tmp_path: Path) -> None:
    screens = [
        {
            "title": f"F{n}",
            "logsource": {"product": "aws"},
            "filter": {"rules": "any", **SECTIONS[n]},
        }
        for n in (0, 3)
    ]
    ours = written(tmp_path, *map(yaml.safe_dump, screens), rules=BASE)
    (merged,) = SigmaCollection.from_dicts([yaml.safe_load(BASE), *screens]).rules
    (tmp_path / "a.yml").write_text(yaml.safe_dump(merged.to_dict()))
    (tmp_path / "b.yml").unlink()
    assert hits(ours) == hits(compile_rules([tmp_path]))


@pytest.mark.parametrize(
    ("logsource", "says"),
    [
        ({"product": "aws", "service": "config"}, "reads 'aws/cloudtrail'"),
        ({"product": "gcp"}, "reads 'aws/cloudtrail'"),
        ({"category": "posture", "product": "aws"}, "reads 'aws/cloudtrail'"),
    ],
)
def test_a_rule_that_pysigma_leaves_as_it_is_in_silence_is_a_fault_here(
    tmp_path: Path, logsource: dict[str, str], says: str
) -> None:
    screen = {"title": "F", "logsource": logsource, "filter": {"rules": ["base"], **SECTIONS[0]}}
    (untouched,) = SigmaCollection.from_dicts([yaml.safe_load(BASE), screen]).rules
    assert untouched.to_dict()["detection"]["condition"] == "1 of selection* and not filter_me"
    (fault,) = written(tmp_path, yaml.safe_dump(screen), rules=BASE).faults
    assert says in fault.reason


POSTURE = """\
title: Posture
id: posture-{cloud}
name: posture_{cloud}
logsource: {{category: posture, product: {cloud}}}
detection: {{s: {{resource_type: bucket}}, condition: s}}
"""


def test_a_filter_on_posture_rules_is_on_those_of_its_cloud(tmp_path: Path) -> None:
    rules = "---\n".join((RULES, *(POSTURE.format(cloud=cloud) for cloud in ("aws", "gcp"))))
    posture = "logsource: {category: posture, product: aws}"
    narrow = GOOD.replace("[one]", "any").replace(GOOD[GOOD.index("logs") : GOOD.index("filt")], posture + "\n")  # fmt: skip
    wide = narrow.replace(", product: aws", "").replace("id: tame", "id: wide")
    book = written(tmp_path, narrow, wide, rules=rules).book
    names = {book.entries[number].id: on for number, on in book.filtered.items()}
    assert names == {"posture-aws": (0, 1), "posture-gcp": (1,)}


def test_what_0085_says_of_pysigma_is_so() -> None:
    def merged(rules: Any = "any", logsource: Any = None, **section: Any) -> str:
        screen = {
            "title": "F",
            "logsource": logsource or {"product": "aws"},
            "filter": {"rules": rules, **(section or SECTIONS[0])},
        }
        (rule,) = SigmaCollection.from_dicts([base, screen]).rules
        return str(rule.detection.condition[0])

    base = yaml.safe_load(BASE)
    untouched = base["detection"]["condition"]
    assert merged(rules=[]) != untouched
    assert merged(rules=["nobody"]) == untouched
    assert "(not __filt_" in merged(_mine={"who": "robot"}, condition="not _mine")
    base["logsource"]["category"] = "audit"
    assert merged(logsource={"product": "aws", "category": "audit"}) != untouched
    base["logsource"] = {"category": "posture", "product": "aws"}
    assert merged() != untouched


def test_a_selection_may_begin_with_an_underscore(tmp_path: Path) -> None:
    text = GOOD.replace("robot: {", "_robot: {").replace("not robot", "not _robot")
    assert written(tmp_path, text).book.demand(0) == Not(Text("who", ("robot",)))


def test_placeholders_are_filled_in_a_filter_too(tmp_path: Path) -> None:
    text = GOOD.replace("{who: robot}", "{who|expand: '%robots%'}")
    compiled = written(tmp_path, text, placeholders={"robots": ["r1", "r2"]})
    assert compiled.book.demand(0) == Not(Text("who", ("r1", "r2")))
    assert "has no value" in refused(tmp_path, text).reason


def test_a_condition_may_be_as_long_as_a_rules(tmp_path: Path) -> None:
    text = GOOD.replace(
        "  condition: not robot", "  b: {ip: x}\n  condition: not (robot and b) or b"
    )
    demand = written(tmp_path, text).book.demand(0)
    robot, other = Text("who", ("robot",)), Text("ip", ("x",))
    assert demand == Or((Not(And((robot, other))), other))
