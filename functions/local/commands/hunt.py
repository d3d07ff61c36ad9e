"""`vigil hunt`: rules over local files, with hits, findings, a table or a report.

A hunt keeps no state. How files are read and records matched is core's affair; here options are
read and results shown.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from core import ocsf
from core.alert import together
from core.chains import Chains, Fired, reopened
from core.detect import Detector
from core.errors import BadRecord
from core.finding import of_firing, of_hit
from core.hunt import Found, Tally, total_size
from core.hunt import hunt as hits_of
from core.model import LEVELS, Event, Finding, Hit, Level, digest, to_json
from core.ports import Source, system_clock
from functions.local.commands.filters import suppressions
from functions.local.commands.options import INPUT, MOMENT, formats, level_option, rules_options
from functions.local.commands.summary import notes, set_aside, summary
from functions.local.rulebooks import usable
from functions.local.sources import chosen
from functions.local.terminal import (
    STYLES,
    iso,
    line,
    progress,
    say,
    styled,
    table,
    warn,
    write_text,
)

__all__ = ["hunt"]

MANY_BYTES = 64 * 1024 * 1024
"""From here on a hunt uses all cores: below, starting processes costs more than it saves."""

EVIDENCE = 1000
"""Findings of one rule that keep their records for the report: a rule may fire a million times."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a hunt, as given."""

    paths: tuple[Path, ...]
    rules: tuple[Path, ...]
    with_default: bool
    emit: str
    format: str
    report: Path | None
    fail_on: Level | None
    jobs: int
    since: int | None
    until: int | None
    source: str
    time_field: str
    uid_field: str
    rejects: Path | None


class Group(msgspec.Struct, kw_only=True):
    """The findings of one rule so far, for the table."""

    title: str
    level: Level
    count: int = 0
    first: int | None = None
    last: int | None = None
    actors: Counter[str] = msgspec.field(default_factory=Counter)
    example: str = ""


class Results:
    """What came of a hunt: told line by line, or gathered until its end."""

    def __init__(self, options: Options, sources: dict[str, Source]) -> None:
        self._options, self._sources = options, sources
        self.groups: dict[str, Group] = {}
        self.findings: list[Finding] = []
        self.rows: list[tuple[Any, ...]] = []
        self.worst = -1
        self._seen: set[str] = set()

    def add(self, found: Found, fired: Fired | None = None) -> None:
        """Take one hit, of a rule or of a correlation that fired."""
        self.worst = max(self.worst, LEVELS.index(found.rule.level))
        if self._options.emit == "hits":
            self._hit(found, fired)
        if not _needs_records(self._options):
            return
        finding = _finding(found, fired, self._sources.get(found.source))
        if finding.uid in self._seen:
            return
        self._seen.add(finding.uid)
        self._count(finding, found)
        if self._options.emit == "findings" and self._options.format == "json":
            line(ocsf.finding(finding))
        if self._options.report:
            many = self.groups[finding.rule.id].count > EVIDENCE
            self.findings.append(
                msgspec.structs.replace(finding, evidence=()) if many else finding
            )  # fmt: skip

    def _hit(self, found: Found, fired: Fired | None) -> None:
        group = fired.firing.group if fired is not None else {}
        if self._options.format == "json":
            hit = {
                "rule": found.rule.id,
                "title": found.rule.title,
                "event": found.event,
                "time": iso(found.time),
                "level": found.rule.level,
                "source_file": found.source_file,
                "record": found.record,
            }
            line(hit if fired is None else hit | {"group": group})
            return
        level = styled(found.rule.level, STYLES[found.rule.level])
        place = f"{found.source_file}:{found.record}"
        named = ", ".join(f"{name}={value}" for name, value in group.items())
        title = f"{found.rule.title} ({named})" if named else found.rule.title
        self.rows.append((level, iso(found.time) or "", title, found.event, place))

    def _count(self, finding: Finding, found: Found) -> None:
        group = self.groups.setdefault(
            finding.rule.id,
            Group(
                title=finding.title,
                level=finding.level,
                example=_example(finding, found),
            ),
        )
        group.count += 1
        if who := finding.actor.name or finding.actor.uid:
            group.actors[who] += 1
        if found.time is not None:
            group.first = found.time if group.first is None else min(group.first, found.time)
            group.last = found.time if group.last is None else max(group.last, found.time)

    def show(self) -> None:
        """The table, when one was asked for."""
        if self._options.format != "table":
            return
        if self._options.emit == "hits":
            if self.rows:
                table(HIT_COLUMNS, self.rows)
            return
        order = sorted(
            self.groups.values(), key=lambda one: (-LEVELS.index(one.level), one.first or 0)
        )
        if order:
            table(COLUMNS, map(_row, order))


@click.command()
@click.argument("paths", nargs=-1, required=True, type=INPUT)
@rules_options
@click.option(
    "--emit",
    type=click.Choice(["hits", "findings"]),
    default="findings",
    help="hits: every rule on every record. findings: each thing that is wrong, once.",
)
@formats("table", "json")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write a page.")
@level_option("--fail-on", help="Exit with 1 when something of this level or above is found.")
@click.option("--jobs", type=click.IntRange(min=0), default=0, help="Processes; 0: as it pays.")
@click.option("--since", type=MOMENT, help="From this time on: 2026-01-31, 2026-01-31T12:00Z, 7d.")
@click.option("--until", type=MOMENT, help="Before this time.")
@click.option("--source", default="", help="Take every record as of this source; raw: as it is.")
@click.option("--time-field", default="", help="Field that holds a record's time.")
@click.option("--uid-field", default="", help="Field that holds a record's id.")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what was set aside to this file.",
)
def hunt(**given: Any) -> int:
    """Run rules over files and folders of logs.

    Reads .json, .jsonl and .ndjson, plain or gzipped: CloudTrail files, arrays, lines, EventBridge
    envelopes. Without --rules the shipped rules are used.
    """
    options = Options(**given)
    raw = options.source == "raw"
    sources = () if raw else chosen(options.source)
    book = usable(options.rules, with_shipped=options.with_default, raw=raw)
    detector = Detector(book, sources, raw=raw, time_field=options.time_field)
    tally = Tally()
    results = Results(options, {source.name: source for source in sources})
    chains = Chains(detector)
    for found in _hits(options, detector, tally, chains):
        if chains.see(found):
            results.add(found)
    _correlate(options, detector, chains, results, tally)
    results.show()
    silenced = suppressions(book, tally.suppressed, system_clock())
    if options.report:
        _report(options, results, (*notes(tally), *silenced), tally)
    if options.rejects:
        set_aside(options.rejects, tally)
    for one in silenced:
        say(one)
    summary(tally, _outcome(options, results))
    least = LEVELS.index(options.fail_on) if options.fail_on else len(LEVELS)
    return 1 if results.worst >= least else 0


def _hits(options: Options, detector: Detector, tally: Tally, chains: Chains) -> Iterator[Found]:
    size = total_size(options.paths)
    jobs = options.jobs or ((os.cpu_count() or 1) if size >= MANY_BYTES else 1)
    with progress(size, "hunting") as advance:
        yield from hits_of(
            options.paths,
            detector,
            tally,
            since=options.since,
            until=options.until,
            jobs=jobs,
            progress=advance,
            time_field=options.time_field,
            uid_field=options.uid_field,
            lean=not _needs_records(options),
            fields=chains.fields,
            latest=chains.waits and options.until is None,
        )


def _needs_records(options: Options) -> bool:
    """Whether hits alone are not enough."""
    return options.emit != "hits" or options.report is not None


def _correlate(
    options: Options, detector: Detector, chains: Chains, results: Results, tally: Tally
) -> None:
    """Add what correlations made of the hits."""
    end = tally.latest + 1 if tally.latest is not None else None
    fired = chains.fired(end if options.until is None else options.until)
    places = [one.found for one in fired]
    if _needs_records(options):
        fields = {"time_field": options.time_field, "uid_field": options.uid_field}
        places = list(reopened(fired, detector, **fields))
    for one, found in zip(fired, places, strict=True):
        results.add(found, one)
    if chains.undated:
        warn(f"{chains.undated:,} hits have no readable time and took part in no correlation")


def _example(finding: Finding, found: Found) -> str:
    """Of a correlation what its first finding is about, of any other rule an event."""
    facts = together(finding)
    if not facts:
        return found.event or f"{found.source_file}:{found.record}"
    return ", ".join(filter(None, (facts["Group"], f"{facts['Events']} events")))


def _finding(found: Found, fired: Fired | None, source: Source | None) -> Finding:
    """The finding of a hit or a firing, dated by its event: the same input gives the same bytes."""
    event = _event(found, source)
    if fired is not None:
        return of_firing(fired.firing, (event,), fired.events, fired.firing.time)
    return of_hit(Hit(rule=found.rule, event=event), event.time)


def _event(found: Found, source: Source | None) -> Event:
    """The event of a record. A record that is none for its source is kept as it stands."""
    try:
        if source is not None:
            return source.event(found.native)
    except BadRecord:
        pass  # it matched, so it is found; only its neutral words are missing
    return Event(
        uid=found.event or digest("record", to_json(found.native).decode()),
        time=found.time or 0,
        source=found.source,
        provider=source.name.partition("/")[0] if source else "raw",
        record=found.native,
    )


def _outcome(options: Options, results: Results) -> str:
    if options.emit == "hits" and not options.report:
        return ""
    count = sum(group.count for group in results.groups.values())
    return f"{count:,} findings by {len(results.groups):,} rules"


def _report(options: Options, results: Results, notes: tuple[str, ...], tally: Tally) -> None:
    from core.report import Head, render

    head = Head(
        title=f"Hunt in {', '.join(path.name or str(path) for path in options.paths)}",
        at=system_clock(),
        tally={"Records read": tally.records, "Files": tally.files},
        notes=notes,
    )
    assert options.report
    write_text(options.report, render(head, results.findings))
    say(f"report: {options.report}")


def _row(group: Group) -> tuple[Any, ...]:
    actors = [name for name, _ in group.actors.most_common(3)]
    more = len(group.actors) - len(actors)
    return (
        styled(group.level, STYLES[group.level]),
        f"{group.count:,}",
        styled(group.title, "bold").append("\n").append(styled(group.example, "dim")),
        _period(group.first, group.last),
        ", ".join(actors) + (f" and {more} more" if more else ""),
    )


def _period(first: int | None, last: int | None) -> str:
    """From when to when in UTC, the day said once where it is the same."""
    start, end = ((iso(each) or "").rstrip("Z").partition("T") for each in (first, last))
    if start == end:
        return f"{start[0]} {start[2]}".strip()
    return f"{start[0]} {start[2]} to {end[2] if start[0] == end[0] else ' '.join(end[::2])}"


COLUMNS = (
    ("Level", "left"),
    ("Count", "right"),
    ("Rule, and an event", "wide"),
    ("When (UTC)", "left"),
    ("Actors", "fold"),
)

HIT_COLUMNS = (
    ("Level", "left"),
    ("Time", "left"),
    ("Rule", "fold"),
    ("Event", "fold"),
    ("Place", "fold"),
)
