"""Writes the pages of docs/reference from what the repository itself says; `--check` only compares.

One function per page, and PAGES names them. A page is text made from data: nothing of the time or
the machine goes in, so the same repository gives the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, so that the repository need not be installed

from constructs import SECTIONS, Construct  # noqa: E402

from core.correlate import Correlation, silent  # noqa: E402
from core.errors import BadConfig  # noqa: E402
from core.model import Rule  # noqa: E402
from core.sigma import compile_rules  # noqa: E402
from core.sigma.about import NEEDS  # noqa: E402
from core.watch import correlations  # noqa: E402

REFERENCE = ROOT / "docs" / "reference"
RULES = ROOT / "core" / "rules"
TESTS = ROOT / "tests" / "core"
NOTE = "<!-- Written by docs/generate.py (`make docs`). Do not edit. -->"


def main() -> int:
    """Write every page, or say which are stale: 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name stale pages")
    check = parser.parse_args().check
    stale = [name for name, page in PAGES.items() if _differs(REFERENCE / name, page())]
    for name in stale:
        if check:
            print(f"docs/reference/{name} is stale: run `make docs`", file=sys.stderr)
        else:
            REFERENCE.mkdir(parents=True, exist_ok=True)
            (REFERENCE / name).write_text(PAGES[name](), encoding="utf-8")
            print(f"wrote docs/reference/{name}")
    return 1 if check and stale else 0


def rules_page() -> str:
    """All shipped rules: a table for each folder, then what each rule says.

    Rules that only feed a correlation are told of with it.
    """
    compiled = compile_rules([RULES])
    if compiled.faults:
        raise BadConfig(str(fault) for fault in compiled.faults)
    chains = {one.id: one for one in correlations(compiled.book)}
    fed = silent(chains.values())
    every = (*compiled.book.rules, *(one.rule for one in chains.values()))
    told = [rule for rule in every if rule.id not in fed]
    many = sum(rule.id in chains for rule in told)
    titles = {rule.id: rule.title for rule in every}
    folders: dict[str, list[Rule]] = {}
    for rule in sorted(told, key=_stem):
        folders.setdefault(Path(rule.file).parent.name, []).append(rule)
    lines = [
        NOTE,
        "",
        "# Rules",
        "",
        f"{len(told)} rules ship with Vigil, in `core/rules`.",
        f"{many} of them are correlations: several events that are wrong together.",
        "A rule names what would help (`respond`); only the policy of a deployment lets it run.",
        "`needs` marks rules that see nothing without telemetry that is off by default:",
        "",
        *(f"- `{name}`: {what}." for name, what in NEEDS.items()),
    ]
    for folder, rules in sorted(folders.items()):
        lines += ["", f"## {folder}", "", *_table(rules)]
    for rule in sorted(told, key=_stem):
        together = _together(chains[rule.id], titles) if rule.id in chains else []
        lines += ["", *_section(rule, len(compiled.examples.get(rule.id, ())), together)]
    return "\n".join(lines) + "\n"


def sigma_page() -> str:
    """All constructs of Sigma, with a link to the test of each; BadConfig where one is dead."""
    dead = [
        f"docs/constructs.py: {one.name}: there is no test {one.test}"
        for constructs in SECTIONS.values()
        for one in constructs
        if not _is_there(one.test)
    ]
    if dead:
        raise BadConfig(dead)
    lines = [
        NOTE,
        "",
        "# What is honoured of Sigma",
        "",
        "The constructs of Sigma 2.1, and what each means on a JSON record.",
        "What is not honoured is refused with file and line, never misread.",
        "[Decision 0010](../decisions/0010-sigma-semantics.md) has the reasons.",
        "[Decision 0075](../decisions/0075-correlations-in-a-hunt.md) has those for correlations.",
    ]
    for title, constructs in SECTIONS.items():
        lines += ["", f"## {title}", "", "| Construct | | Meaning | Shown by |"]
        lines += ["| --- | --- | --- | --- |", *map(_construct, constructs)]
    return "\n".join(lines) + "\n"


def _construct(one: Construct) -> str:
    name = one.name if "`" in one.name else one.name.replace("_", "\\_")
    name = name.replace("|", "\\|")
    file, _, test = one.test.partition("::")
    shown = f"[`{test or file}`](../../tests/core/{file})"
    return f"| {name} | {'yes' if one.supported else 'no'} | {one.meaning} | {shown} |"


def _is_there(test: str) -> bool:
    """Whether a test function, or a row of a table of tests, has the name."""
    file, _, name = test.partition("::")
    path = TESTS / file
    if not path.exists():
        return False
    return not name or any(
        (isinstance(node, ast.FunctionDef) and node.name == name)
        or (isinstance(node, ast.Tuple) and _begins_with(node, name))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def _begins_with(row: ast.Tuple, name: str) -> bool:
    return bool(row.elts) and isinstance(row.elts[0], ast.Constant) and row.elts[0].value == name


def _together(one: Correlation, titles: Mapping[str, str]) -> list[str]:
    """What a correlation looks at, as a line of its section."""
    group = f" per {_code(one.group_by)}" if one.group_by else ""
    fields = f" of {_code(one.fields)}" if one.fields else ""
    least = "".join(f", {each.op} {each.count}" for each in one.conditions)
    learning = f", after learning for {_span(one.learning)}" if one.learning else ""
    return [
        f"- Correlation: {one.type}{fields}{group} within {_span(one.timespan)}{least}{learning}",
        f"- Watches: {_cell('; '.join(titles[rule] for rule in one.watched))}",
    ]


def _span(ms: int) -> str:
    """A duration in the largest unit that leaves no rest."""
    units = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000}
    return next(
        (f"{ms // size} {name}" for name, size in units.items() if ms % size == 0),
        f"{ms / 1000:g} seconds",
    )


def _table(rules: Iterable[Rule]) -> list[str]:
    rows = [
        f"| [{_stem(rule)}](#{_stem(rule)}) | {rule.level} | {_techniques(rule)} "
        f"| {', '.join(rule.needs)} | {_code(rule.respond)} |"
        for rule in rules
    ]
    return [
        "| Rule | Level | ATT&CK | Needs | Would help |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]


def _section(rule: Rule, examples: int, together: list[str]) -> list[str]:
    path = Path(rule.file).relative_to(ROOT)
    tactics = ", ".join(tag.removeprefix("attack.") for tag in rule.tags if "attack.t" not in tag)
    return [
        f"### {_stem(rule)}",
        "",
        f"**{_cell(rule.title)}** · {rule.level} · {tactics} ({_techniques(rule)})",
        "",
        *(_cell(line) for line in rule.description.splitlines()),
        "",
        f"- Id: `{rule.id}`",
        *together,
        *(f"- May be harmless: {_cell(one)}" for one in rule.falsepositives),
        f"- Would help: {_code(rule.respond) or 'a person'}",
        f"- [{path}](../../{path}), {examples} examples",
        *(f"- <{link}>" for link in rule.references),
    ]


def _stem(rule: Rule) -> str:
    return Path(rule.file).stem


def _techniques(rule: Rule) -> str:
    return ", ".join(dict.fromkeys(one.technique for one in rule.attacks if one.technique))


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    """Text that Markdown shows as it stands."""
    return "".join(f"\\{one}" if one in "\\|<>*_[]`" else one for one in text)


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


PAGES: Mapping[str, Callable[[], str]] = {
    "rules.md": rules_page,
    "sigma.md": sigma_page,
}

if __name__ == "__main__":
    raise SystemExit(main())
