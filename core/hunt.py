"""A hunt: files and folders of log records against a detector, in order, with or without processes.

Pure orchestration over paths for the command line: it reads files and prints nothing. It keeps no
state, so the same input gives the same hits. How a file is read is core.scan's affair.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import msgspec

from core import scan
from core.detect import Detector, Suppressed
from core.detect.values import TIMES, first, milliseconds, text
from core.errors import BadRecord
from core.model import NativeRecord, Rule
from core.ports import Source
from core.rulebook import dump, load
from core.scan import Tally

__all__ = ["Found", "Tally", "files", "hits", "hunt", "moment", "read", "total_size"]

ERRAND_BYTES, ERRAND_FILES = 1 << 18, 64
"""Files are sent to another process together up to so much; stored bytes."""

NO_LIMIT = 1 << 62
"""A user's own files are read whole, however large; memory stays bounded anyway."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A rule fired on a record of a file."""

    rule: Rule
    event: str
    """The record's own id; "" when it has none."""
    time: int | None
    """Epoch milliseconds; None when the record has no readable time."""
    source: str
    source_file: str
    record: int
    """0-based position in Records, records or the array, or the line."""
    native: NativeRecord
    """The whole record; with `lean`, at least the fields of time and id."""


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
) -> Iterator[Found]:
    """Every hit, in order of path, position and rulebook; the same for any number of jobs.

    `since` (inclusive) and `until` (exclusive) are epoch milliseconds; a record without a readable
    time is never left out. Hits that a filter suppresses are counted in the tally and not given.
    `lean`: whole records are not needed, which is quicker; of hits of some rules, only `fields` (by
    rule id, as the rule means them). `progress` is told the bytes read since the last call. A path
    that is not there is a BadRecord that names it.
    """
    _keep_freed_memory()
    place = _Fields(time_field, uid_field)
    todo = files(paths)
    setting = _Setting(detector, place.names if lean else (), dict(fields or {}), limit)
    found = (
        _one_by_one(todo, setting.scanner(), tally, limit, progress)
        if jobs <= 1
        else _in_processes(todo, setting, tally, progress, jobs)
    )
    for file, match in found:
        event, when = place.told(match.native, detector.source(match.source))
        if when is not None and (
            (since is not None and when < since) or (until is not None and when >= until)
        ):
            continue
        for one in match.suppressed:
            tally.suppressed[one.filter] = tally.suppressed.get(one.filter, 0) + 1
        yield from _found(match, file, event, when)


def hits(records: Iterable[NativeRecord], detector: Detector, tally: Tally) -> Iterator[Found]:
    """Every hit as a hunt over one file of these records has it: for the examples of rules."""
    place = _Fields("", "")
    data = b"\n".join(msgspec.json.encode(record) for record in records)
    for match in scan.Scanner(detector).scan(data, tally):
        event, when = place.told(match.native, detector.source(match.source))
        yield from _found(match, "", event, when)


def moment(record: NativeRecord, sources: Iterable[Source]) -> int | None:
    """The time of a record as a hunt reads it, epoch milliseconds; None where there is none."""
    return _Fields("", "").told(record, scan.identify(record, sources))[1]


def _found(match: scan.Match, file: str, event: str, time: int | None) -> Iterator[Found]:
    for rule in match.rules:
        yield Found(
            rule=rule,
            event=event,
            time=time,
            source=match.source,
            source_file=file,
            record=match.position,
            native=match.native,
        )


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
        with _open(path, tally) as stream:
            for one in scan.read(stream, known, tally, name=str(path), limit=limit):
                yield one.source, one.native, str(path), one.position
        progress(_size(path))


def files(paths: Iterable[Path]) -> list[Path]:
    """The files that are meant: those named, and all below the folders named, in sorted order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(sorted(p for p in path.rglob("*") if p.is_file()))
        elif path.exists():
            found.append(path)
        else:
            raise BadRecord(f"no such file or folder: {path}")
    return found


def total_size(paths: Iterable[Path]) -> int:
    """Bytes of all files that are meant, as stored."""
    return sum(_size(path) for path in files(paths))


class _Fields:
    """Where a record's time and id are."""

    def __init__(self, time_field: str, uid_field: str) -> None:
        self._times = (time_field,) if time_field else TIMES
        self._uids = (uid_field,) if uid_field else _UIDS
        plain = all("." not in name for name in (*self._times, *self._uids))
        self.names = (self._times, (*self._uids, "")) if plain else ()

    def told(self, record: NativeRecord, source: Source | None) -> tuple[str, int | None]:
        """(id, time) of a record. Where none of the usual fields holds them, its source says."""
        uid, time = self.uid(record), self.time(record)
        if source is None or (uid and time is not None):
            return uid, time
        if not uid and self._uids is _UIDS:
            uid = text(first(record, (source.uid,))) or ""
        if time is None and self._times is TIMES:
            try:
                time = source.event(record).time
            except BadRecord:
                time = None
        return uid, time

    def time(self, record: NativeRecord) -> int | None:
        """Epoch milliseconds of the first field that is there."""
        value = first(record, self._times)
        return _milliseconds(value) if type(value) is str else milliseconds(value)

    def uid(self, record: NativeRecord) -> str:
        """The first id that is there, as text."""
        value = first(record, self._uids)
        return value if type(value) is str else text(value) or ""


@lru_cache(maxsize=4_096)
def _milliseconds(value: str) -> int | None:
    """Records come in order of time, so that the same second is read again and again."""
    return milliseconds(value)


def _one_by_one(
    todo: Iterable[Path],
    scanner: scan.Scanner,
    tally: Tally,
    limit: int,
    progress: Callable[[int], None],
) -> Iterator[tuple[str, scan.Match]]:
    for path in todo:
        with _open(path, tally) as stream:
            for match in scanner.scan(stream, tally, name=str(path), limit=limit):
                yield str(path), match
        progress(_size(path))


def _in_processes(
    todo: list[Path],
    setting: _Setting,
    tally: Tally,
    progress: Callable[[int], None],
    jobs: int,
) -> Iterator[tuple[str, scan.Match]]:
    """Files are handed out a few ahead, small ones together, and their results taken in order."""
    method = _start_method()
    with ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context(method),
        initializer=_begin,
        # A forked process has the detector already, with all that it has learned.
        initargs=(setting if method == "fork" else setting.portable(),),
    ) as pool:
        ahead: deque[tuple[list[Path], Future[list[tuple[list[_Sent], Tally]]]]] = deque()
        number = {entry.id: place for place, entry in enumerate(setting.detector.book.entries)}
        waiting = _errands(todo)
        while True:
            for paths in islice(waiting, jobs * 4 - len(ahead)):
                ahead.append((paths, pool.submit(_scan_files, paths)))
            if not ahead:
                return
            paths, result = ahead.popleft()
            for path, (matches, seen) in zip(paths, result.result(), strict=True):
                _add(tally, seen)
                for position, source, ids, native, suppressed in matches:
                    rules = tuple(setting.detector.rule(number[id]) for id in ids)
                    record = msgspec.json.decode(native)
                    yield str(path), scan.Match(position, source, rules, record, suppressed)
                progress(_size(path))


def _errands(todo: Iterable[Path]) -> Iterator[list[Path]]:
    """The files in order, as many together as are worth sending to another process."""
    together, size = list[Path](), 0
    for path in todo:
        together.append(path)
        size += _size(path)
        if size >= ERRAND_BYTES or len(together) == ERRAND_FILES:
            yield together
            together, size = [], 0
    if together:
        yield together


class _Setting(NamedTuple):
    """What a process must know to scan files."""

    detector: Detector
    wanted: tuple[tuple[str, ...], ...]
    fields: Mapping[str, Sequence[str]]
    limit: int

    def scanner(self) -> scan.Scanner:
        """What reads files so."""
        return scan.Scanner(self.detector, self.wanted, self.fields)

    def portable(self) -> tuple[Any, ...]:
        """Itself as data that can be sent to another process."""
        detector, sources = self.detector, _portable(self.detector.sources)
        settings = (sources, detector.raw, detector.time_field)
        return dump(detector.book), *settings, self.wanted, self.fields, self.limit


def _begin(given: _Setting | tuple[Any, ...]) -> None:
    """In a new process: make the scanner that it will use for every file."""
    _keep_freed_memory()
    if not isinstance(given, _Setting):
        book, sources, raw, time_field, *others = given
        given = _Setting(Detector(load(book), sources, raw=raw, time_field=time_field), *others)
    _WORKER.append((given.scanner(), given.limit))


_WORKER: list[tuple[scan.Scanner, int]] = []
"""The scanner of this process, when it is one of a pool."""

_Sent: TypeAlias = tuple[int, str, tuple[str, ...], bytes, tuple[Suppressed, ...]]
"""A match on its way between processes: position, source, ids of rules, the record as JSON, and
what was suppressed."""


def _scan_files(paths: Iterable[Path]) -> list[tuple[list[_Sent], Tally]]:
    """What each of the files has."""
    return [_scan_file(path) for path in paths]


def _scan_file(path: Path) -> tuple[list[_Sent], Tally]:
    """All matches of one file, records as JSON: deep ones can't be pickled."""
    scanner, limit = _WORKER[-1]
    tally = Tally()
    with _open(path, tally) as stream:
        found = scanner.scan(stream, tally, name=str(path), limit=limit)
        sent = [
            (
                one.position,
                one.source,
                tuple([rule.id for rule in one.rules]),
                msgspec.json.encode(one.native),
                one.suppressed,
            )
            for one in found
        ]
    return sent, tally


def _portable(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Sources without what finds targets: a hunt asks for none, and not all can be sent."""
    return tuple(source._replace(targets=_unused) for source in sources)


def _unused(*_: Any) -> Any:
    raise AssertionError("a hunt asks for no targets")


def _keep_freed_memory() -> None:
    """Have the C library keep the pages of one file's buffers for the next file's.

    glibc gives large blocks back to the system as soon as they are free, and the system clears
    every page that is asked for again: a fifth of a hunt's time. It stops doing so for blocks of
    up to the size of one that was freed (mallopt(3), M_MMAP_THRESHOLD), of 32 MB at most. Nothing
    is written to the block, so it costs nothing; elsewhere than on glibc it does nothing.
    """
    bytes((32 << 20) - (64 << 10))


def _start_method() -> str:
    """Fork is the quickest, and safe only while there are no other threads."""
    methods = multiprocessing.get_all_start_methods()
    return "fork" if "fork" in methods and threading.active_count() == 1 else "spawn"


def _add(tally: Tally, seen: Tally) -> None:
    for name in ("files", "bytes", "records", "opened", "unknown", "rejections"):
        setattr(tally, name, getattr(tally, name) + getattr(seen, name))
    tally.rejected.extend(seen.rejected[: max(0, scan.MOST_KEPT - len(tally.rejected))])
    tally.skipped.extend(seen.skipped)


def _open(path: Path, tally: Tally) -> BinaryIO:
    """The file, counted; one that can't be opened is rejected and reads as empty."""
    tally.files += 1
    tally.bytes += _size(path)
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        tally.reject(f"can't be read: {error.strerror}", str(path))
        return Path(os.devnull).open("rb")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


_UIDS = ("eventID", "uid", "id", "insertId")
