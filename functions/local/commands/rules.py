"""`vigil rules`: build a rulebook, list rules, run their examples, check their craft.

What a rule means is core.sigma's affair; here it is shown, and refusals are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import click
import msgspec

import core.lint
from core import rulebook
from core.chains import fires
from core.detect import Detector
from core.detect.plain import plain_match
from core.errors import BadRecord
from core.model import LEVELS, NativeRecord, Rule
from core.ports import Source
from core.rulebook import Filter, Rulebook
from core.scan import identify
from core.sigma import Example, FilterExample
from core.watch import correlations
from functions.local.commands import filters
from functions.local.commands.options import formats, rules_options
from functions.local.rulebooks import SHOWN, Gathered, gather
from functions.local.sources import sources
from functions.local.terminal import STYLES, fail, line, plain, say, styled, table, warn

__all__ = ["rules"]


@click.command()
@rules_options
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Where the rulebook is written.",
)  # fmt: skip
def build(rules: tuple[Path, ...], with_default: bool, output: Path) -> int:
    """Compile rules into one rulebook.

    A refused rule is named with file, line and reason, and the exit code is 2; the rulebook is
    written all the same, with the rules that can be honoured.
    """
    found = gather(rules, with_shipped=with_default)
    _tell_faults(found)
    _tell_warnings(found)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(rulebook.dump(found.book))
    except OSError as error:
        fail(f"can't write {output}: {error.strerror}; choose another place with -o")
    refused = f", {len(found.faults)} refused" if found.faults else ""
    chains = len(found.book.correlations)
    also = f" and {chains} correlations" if chains else ""
    also += f" and {len(found.book.filters)} filters" if found.book.filters else ""
    say(f"{len(found.book.entries)} rules{also} compiled{refused}: {output}")
    return 2 if found.faults else 0


@click.command("list")
@rules_options
@formats("table", "json")
def list_(rules: tuple[Path, ...], with_default: bool, format: str) -> int:
    """List rules, and the filters on them."""
    found = gather(rules, with_shipped=with_default)
    _tell_faults(found)
    every = (*found.book.rules, *(one.rule for one in correlations(found.book)))
    if format == "json":
        for rule in every:
            line(_summary(rule))
        for one in found.book.filters:
            line(filters.fields(one))
    else:
        order = sorted(every, key=lambda rule: (rule.source, -LEVELS.index(rule.level), rule.title))
        table(COLUMNS, map(_row, order))
        if found.book.filters:
            table(filters.COLUMNS, map(filters.row, found.book.filters))
    return 2 if found.faults else 0


@click.command()
@rules_options
def test(rules: tuple[Path, ...], with_default: bool) -> int:
    """Run the examples of rules, correlations and filters; exit with 1 when one fails.

    An example on which a rule must fire fails when a filter silences it.
    """
    found = gather(rules, with_shipped=with_default)
    _tell_faults(found)
    count, failed = 0, 0
    outcomes: Iterator[tuple[Rule | Filter, Example | FilterExample, str]] = chain(
        _run(found), filters.outcomes(found)
    )
    for one, example, wrong in outcomes:
        count += 1
        if wrong:
            failed += 1
            click.echo(plain(f"{one.file}: {one.title}: example '{example.name}' {wrong}"))
    every = (*found.book.rules, *(one.rule for one in correlations(found.book)))
    silent = sum(rule.id not in found.examples for rule in every)
    say(
        f"{count - failed} of {count} examples pass, for {len(found.examples)} rules"
        + (f" and {len(found.filter_examples)} filters" if found.filter_examples else "")
        + (f"; {silent} rules have none" if silent else "")
    )
    if found.faults:
        return 2
    return 1 if failed else 0


@click.command()
@rules_options
@formats("table", "json")
def lint(rules: tuple[Path, ...], with_default: bool, format: str) -> int:
    """Check the craft of rules; exit with 1 when there is something to mend, 2 when one is refused.

    A verb, level, status or source that nobody knows is refused as the rule is read.
    """
    found = gather(rules, with_shipped=with_default)
    _tell_faults(found)
    remarks = core.lint.lint(
        found.book,
        sources(),
        written=found.written,
        examples=found.examples,
        warnings=found.warnings,
    )
    for remark in remarks:
        if format == "json":
            line(msgspec.to_builtins(remark))
        else:
            click.echo(plain(remark))
    chains = len(found.book.correlations)
    also = f" and {chains} correlations" if chains else ""
    also += f" and {len(found.book.filters)} filters" if found.book.filters else ""
    say(f"{len(found.book.entries)} rules{also} checked, {len(remarks)} remarks")
    if found.faults:
        return 2
    return 1 if remarks else 0


def _tell_faults(found: Gathered) -> None:
    for fault in found.faults:
        warn(f"refused: {fault}")


def _tell_warnings(found: Gathered) -> None:
    for warning in found.warnings[:SHOWN]:
        warn(str(warning))
    if len(found.warnings) > SHOWN:
        warn(f"{len(found.warnings) - SHOWN} more like these; see them with `vigil rules lint`")


def _run(found: Gathered) -> Iterator[tuple[Rule, Example, str]]:
    """Each example with what is wrong about its outcome, empty when it is as it should be."""
    detector = Detector(filters.endless(found.book), sources())
    for rule in found.book.rules:
        for example in found.examples.get(rule.id, ()):
            yield rule, example, _wrong(detector, detector.book, rule, example)
    for one in correlations(found.book):
        for example in found.examples.get(one.id, ()):
            yield one.rule, example, _wrong_together(detector, detector.book, one.rule, example)


def _wrong(detector: Detector, book: Rulebook, rule: Rule, example: Example) -> str:
    """An example is about the rule: a filter neither mends a rule nor may silence it there."""
    source = identify(example.event, detector.sources) or detector.source(rule.source)
    if source is None:
        return "is a record of no source known here"
    if _differs(detector, book, source, example.event):
        return DIFFERS
    fired = any(one.id == rule.id for one in detector.match(source.name, example.event))
    silencer = filters.silencer(detector, source.name, example.event, rule.id)
    if silencer and example.fires:
        return f"is silenced by filter {silencer}"
    return _outcome(fired or bool(silencer), example)


def _wrong_together(detector: Detector, book: Rulebook, rule: Rule, example: Example) -> str:
    try:
        fired = fires(detector, rule.id, example.events)
    except BadRecord as error:
        return str(error)
    for event in example.events:
        source = identify(event, detector.sources)
        if source is not None and _differs(detector, book, source, event):
            return DIFFERS
    return _outcome(fired, example)


def _differs(detector: Detector, book: Rulebook, source: Source, event: NativeRecord) -> bool:
    return detector.match(source.name, event) != plain_match(book, source, event)


def _outcome(fired: bool, example: Example) -> str:
    if fired == example.fires:
        return ""
    return "does not fire" if example.fires else "fires, and should not"


def _summary(rule: Rule) -> Mapping[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "source": rule.source,
        "respond": list(rule.respond),
        "file": rule.file,
    }


def _row(rule: Rule) -> tuple[object, ...]:
    return (
        styled(rule.level, STYLES[rule.level]),
        rule.source,
        styled(rule.title, "bold"),
        ", ".join(rule.respond),
        rule.id,
    )


DIFFERS = "is matched differently with the index and without it: a fault of Vigil"

COLUMNS = (
    ("Level", "left"),
    ("Source", "left"),
    ("Title", "fold"),
    ("Would help", "fold"),
    ("Id", "fold"),
)

rules = click.Group(
    "rules",
    help="Build, list, test and check rules.",
    commands={"build": build, "list": list_, "test": test, "lint": lint},
)
