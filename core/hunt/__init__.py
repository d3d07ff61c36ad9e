"""A hunt: files and folders of log records against a detector, in order, with or without processes.

    files.py -> work.py (one file) or processes.py (several at a time) -> Found, ...

Pure orchestration over paths for the command line: it reads files and prints nothing. It keeps no
state, so the same input gives the same hits. How a file is read is core.scan's affair.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec

from core import scan
from core.detect import Detector
from core.hunt import processes
from core.hunt.files import files, opened, size, total_size
from core.hunt.work import NO_LIMIT, Setting, Worker
from core.model import NativeRecord, Rule
from core.ports import Source
from core.scan import Match, Tally, Told

__all__ = ["Found", "Tally", "files", "hits", "hunt", "moment", "read", "total_size"]


class Found(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rule fired on a record of a file."""

    rule: Rule
    event: str
    """The record's own id; "" when it has none."""
    unique: bool
    """Whether no other event has that id; see core.scan.match."""
    time: int | None
    """Epoch milliseconds; None when the record has no readable time."""
    source: str
    source_file: str
    record: int
    """0-based position in Records, records or the array, or the line."""
    native: NativeRecord
    """The whole record; {} of a `lean` hunt."""
    values: tuple[Any, ...] = ()
    """Of the fields that were asked for of such hits, each its value, or a list where there is not
    exactly one."""


def hunt(  # noqa: PLR0913 - a command line has many options
    paths: Iterable[Path],
    detector: Detector,
    tally: Tally,
    *,
    since: int | None = None,
    until: int | None = None,
    jobs: int = 1,
    progress: Callable[[int], None] = lambda size: None,
    time_field: str = "",
    uid_field: str = "",
    lean: bool = False,
    fields: Mapping[str, Sequence[str]] | None = None,
    limit: int = NO_LIMIT,
    latest: bool = False,
) -> Iterator[Found]:
    """Every hit, in order of path, position and rulebook; the same for any number of jobs.

    `since` (inclusive) and `until` (exclusive) are epoch milliseconds; a record without a readable
    time is never left out. Hits that a filter suppresses are counted in the tally and not given.
    `lean`: records are not needed, which is quicker. `fields` (by rule id, as the rule means
    them): a hit of such a rule has their values. `progress` is told the bytes read since the last
    call. With `latest` the tally knows the time of the latest record. A path that is not there is a
    BadRecord that names it.
    """
    _settle()
    setting = Setting(
        detector, Told(time_field, uid_field), lean, dict(fields or {}), limit, latest
    )
    todo = files(paths)
    if jobs > 1:
        found = processes.matches(todo, setting, tally, jobs, _settle, progress)
    else:
        found = _matches(todo, setting, tally, progress)
    for path, matches in found:
        if since is not None or until is not None:
            matches = _within(matches, since, until)  # noqa: PLW2901 - the same, fewer of them
        yield from _found(matches, detector, tally, str(path))


def hits(
    records: Iterable[NativeRecord],
    detector: Detector,
    tally: Tally,
    fields: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[Found]:
    """Every hit as a hunt over one file of these records has it: for the examples of rules."""
    data = b"\n".join(msgspec.json.encode(record) for record in records)
    matches = scan.Scanner(detector, fields=fields).scan(data, tally)
    yield from _found(matches, detector, tally, "")


def moment(record: NativeRecord, sources: Iterable[Source]) -> int | None:
    """The time of a record as a hunt reads it, epoch milliseconds; None where there is none."""
    return Told().of(record, scan.identify(record, sources))[2]


def read(
    paths: Iterable[Path],
    sources: Iterable[Source],
    tally: Tally,
    *,
    progress: Callable[[int], None] = lambda size: None,
    limit: int = NO_LIMIT,
) -> Iterator[tuple[Source | None, NativeRecord, str, int]]:
    """Every record with its source (None when none knows it), file and position."""
    known = tuple(sources)
    for path in files(paths):
        with opened(path, tally) as stream:
            for one in scan.read(stream, known, tally, name=str(path), limit=limit):
                yield one.source, one.native, str(path), one.position
        progress(size(path))


def _matches(
    todo: Iterable[Path], setting: Setting, tally: Tally, progress: Callable[[int], None]
) -> Iterator[tuple[Path, Iterable[Match]]]:
    """Of each of the files the records that rules match, in this process."""
    worker = Worker(setting)
    for path in todo:
        yield path, worker.matches(path, tally)
        progress(size(path))


def _within(matches: Iterable[Match], since: int | None, until: int | None) -> Iterator[Match]:
    """Those that may be of that time."""
    for one in matches:
        time = one.time
        if time is None or ((since is None or time >= since) and (until is None or time < until)):
            yield one


def _found(
    matches: Iterable[Match], detector: Detector, tally: Tally, file: str
) -> Iterator[Found]:
    rule_of = detector.rule
    for match in matches:
        for one in match.suppressed:
            tally.suppressed[one.filter] = tally.suppressed.get(one.filter, 0) + 1
        for number, values in zip(match.numbers, match.values or repeat(()), strict=False):
            yield Found(
                rule=rule_of(number),
                event=match.event,
                unique=match.unique,
                time=match.time,
                source=match.source,
                source_file=file,
                record=match.position,
                native=match.native,
                values=values,
            )


@cache
def _settle() -> None:
    """Make a process ready for a long run through files: once is enough.

    What is there already, rules above all, is there to stay: the garbage collector need not look
    through it again and again, and forked processes share its pages. (Nor need it look now: next to
    nothing of it is garbage.) It need not look so often either: what a hunt makes goes without its
    help, and much of it is kept for a while.

    The C library is to keep the pages of one file's buffers for the next file's. glibc gives large
    blocks back to the system as soon as they are free, and the system clears every page that is
    asked for again: a fifth of a hunt's time. It stops doing so for blocks of up to the size of one
    that was freed (mallopt(3), M_MMAP_THRESHOLD), of 32 MB at most. Nothing is written to the
    block; elsewhere than on glibc it does nothing.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    bytes((32 << 20) - (64 << 10))
