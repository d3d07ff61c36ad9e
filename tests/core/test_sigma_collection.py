"""Documents of Sigma 1's collections take over what `action` says; and what a rule may leave out."""

from __future__ import annotations

from pathlib import Path

from core.detect import Detector
from core.sigma import Compiled, compile_rules

HEAD = "title: t\nlogsource: {product: p, service: s}\n"


def written(tmp_path: Path, text: str) -> Compiled:
    (tmp_path / "rules.yml").write_text(text, encoding="utf-8")
    return compile_rules([tmp_path / "rules.yml"])


def looks_for(value: str) -> str:
    return f"detection:\n  s: {{a: {value}}}\n  condition: s\n"


def fired(compiled: Compiled, record: dict[str, str]) -> list[str]:
    return [rule.id for rule in Detector(compiled.book, (), raw=True).match("raw", record)]


def test_what_is_global_is_taken_over_by_all_that_follow_until_reset(tmp_path: Path) -> None:
    compiled = written(
        tmp_path,
        f"action: global\nlevel: high\n{HEAD}---\nid: a\n{looks_for('x')}---\nid: b\nlevel: low\n"
        f"{looks_for('x')}---\naction: reset\n---\nid: c\n{HEAD}{looks_for('x')}",
    )
    assert compiled.faults == ()
    assert [(r.id, r.level) for r in compiled.book.rules] == [
        ("a", "high"),
        ("b", "low"),
        ("c", "medium"),
    ]


def test_maps_of_a_collection_add_up(tmp_path: Path) -> None:
    compiled = written(
        tmp_path,
        f"action: global\n{HEAD}detection:\n  condition: s and t\n  t: {{b: y}}\n---\n"
        "id: a\ndetection:\n  s: {a: x}\n",
    )
    assert fired(compiled, {"a": "x", "b": "y"}) == ["a"]
    assert fired(compiled, {"a": "x"}) == []


def test_repeat_takes_over_the_rule_before(tmp_path: Path) -> None:
    compiled = written(
        tmp_path,
        f"id: a\n{HEAD}{looks_for('x')}---\naction: repeat\nid: b\ndetection:\n  s: {{a: y}}\n",
    )
    assert fired(compiled, {"a": "y"}) == ["b"]
    assert [rule.title for rule in compiled.book.rules] == ["t", "t"]


def test_an_id_that_several_take_over_gets_a_number(tmp_path: Path) -> None:
    compiled = written(
        tmp_path, f"action: global\nid: a\n{HEAD}---\n{looks_for('x')}---\n{looks_for('y')}"
    )
    assert compiled.faults == ()
    assert (fired(compiled, {"a": "x"}), fired(compiled, {"a": "y"})) == (["a"], ["a#2"])


def test_an_id_that_is_repeated_gets_a_number(tmp_path: Path) -> None:
    repeated = f"action: repeat\ndetection:\n  s: {{a: y}}\n---\n{looks_for('z')}action: repeat\n"
    for key in ("id", "name"):
        compiled = written(tmp_path, f"{key}: a\n{HEAD}{looks_for('x')}---\n{repeated}")
        assert compiled.faults == ()
        assert [fired(compiled, {"a": value}) for value in "xyz"] == [["a"], ["a#2"], ["a#3"]]


def test_a_name_that_stands_for_an_id_gets_a_number_too(tmp_path: Path) -> None:
    both = f"{looks_for('x')}---\n{looks_for('y')}"
    compiled = written(tmp_path, f"action: global\nname: a\n{HEAD}---\n{both}")
    assert [rule.id for rule in compiled.book.rules] == ["a", "a#2"]


def test_a_repeat_of_nothing_is_refused(tmp_path: Path) -> None:
    (fault,) = written(tmp_path, f"action: repeat\nid: a\n{HEAD}{looks_for('x')}").faults
    assert "an action is one of" in fault.reason


def test_a_fault_in_a_part_names_the_line_of_the_part(tmp_path: Path) -> None:
    (fault,) = written(tmp_path, f"action: global\n{HEAD}---\nid: a\ndetection: {{}}\n").faults
    assert fault.line == 6


def test_a_rule_without_title_or_logsource_is_honoured_and_warned_about(tmp_path: Path) -> None:
    compiled = written(tmp_path, f"name: quiet_trail\n{looks_for('x')}")
    (rule,) = compiled.book.rules
    assert (rule.title, rule.source) == ("quiet_trail", "")
    assert [warning.reason for warning in compiled.warnings] == [
        "the rule has no title: its name or id stands for it",
        "the rule has no logsource: it is asked about every record",
    ]


def test_an_empty_logsource_is_none(tmp_path: Path) -> None:
    for empty in ("", "{}"):
        compiled = written(tmp_path, f"title: t\nlogsource: {empty}\n{looks_for('x')}")
        assert [rule.source for rule in compiled.book.rules] == [""]
        (warning,) = compiled.warnings
        assert warning.reason == "the rule has no logsource: it is asked about every record"


def test_a_rule_that_nothing_names_is_refused(tmp_path: Path) -> None:
    (fault,) = written(tmp_path, looks_for("x")).faults
    assert "needs a title" in fault.reason
