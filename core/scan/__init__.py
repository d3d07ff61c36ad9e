"""Bytes of a log file to the records that rules match; the rest is only counted.

    scan(data, detector, tally) -> Match(position, source, numbers of rules, native), ...
    read(data, sources, tally) -> every record, opened

Reading order: unpack.py (gzip, Avro, limits), chunks.py (bounded memory), headers.py and quick.py
(most records are never opened), values.py, envelopes.py, rows.py and identify.py (those that are),
salvage.py (damaged files).
Every record is counted as read, of unknown source, or rejected with reason and place; nothing is
skipped in silence. It knows nothing of paths, processes or printing: core.hunt does.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import msgspec

from core.detect import RAW, Detector
from core.hostile import mended
from core.model import NativeRecord, Rejected
from core.ports import Source
from core.scan.chunks import Chunk, chunks
from core.scan.envelopes import unwrapped, wraps
from core.scan.headers import UNSET
from core.scan.identify import Identify, identify
from core.scan.marks import Marks, marks
from core.scan.match import Match
from core.scan.parts import Asked, Needs
from core.scan.quick import OPEN, Quick
from core.scan.records import Records, decoded
from core.scan.salvage import pieces
from core.scan.tally import Tally
from core.scan.told import Told
from core.scan.unpack import blocks
from core.scan.values import apart, values

__all__ = ["LIMIT", "Match", "Opened", "Scanner", "Tally", "Told", "identify", "read", "scan"]

LIMIT = 512 * 1024 * 1024
"""Decompressed bytes of one file from a source that is not trusted."""


class Opened(NamedTuple):
    """A record. `source` is None when no source knows it."""

    position: int
    source: Source | None
    native: NativeRecord


def scan(
    data: bytes | BinaryIO,
    detector: Detector,
    tally: Tally,
    *,
    name: str = "",
    limit: int = LIMIT,
) -> Iterator[Match]:
    """The records of a file that rules of the detector match, in order. `name` is for places."""
    return Scanner(detector).scan(data, tally, name=name, limit=limit)


def read(
    data: bytes | BinaryIO,
    sources: Iterable[Source],
    tally: Tally,
    *,
    name: str = "",
    limit: int = LIMIT,
) -> Iterator[Opened]:
    """Every record of a file, decoded, with the source that knows it."""
    known = Identify(sources)
    for chunk in _chunks(data, tally, name, limit, raw=False):
        for position, record in _records(chunk, tally, name, raw=False):
            tally.records += 1
            tally.opened += 1
            source = known(record)
            tally.unknown += source is None
            yield Opened(position, source, record)


class Scanner:
    """A detector made ready for bytes. What it learns from one file serves the next.

    A match has the values of `fields` (rule id -> fields as the rule means them). `lean`: beside
    those hits are all that is wanted, and few records need be opened; else a match has its whole
    record. `latest`: the tally is told the time of every record.
    """

    def __init__(
        self,
        detector: Detector,
        told: Told | None = None,
        fields: Mapping[str, Sequence[str]] | None = None,
        *,
        lean: bool = False,
        latest: bool = False,
    ) -> None:
        self._detector = detector
        self._needs = Needs(told or Told(), Asked(detector, fields or {}), lean, latest)
        self._identify = Identify(detector.sources)
        self._quick: dict[int, Quick | None] = {}

    def scan(
        self, data: bytes | BinaryIO, tally: Tally, *, name: str = "", limit: int = LIMIT
    ) -> Iterator[Match]:
        """The records of a file that rules match, in order. `name` is for places."""
        for chunk in _chunks(data, tally, name, limit, raw=self._detector.raw):
            quick = self._guess(chunk)
            headers = quick.headers(chunk.data, listed=chunk.listed) if quick else None
            if quick is None or headers is None or chunk.fault:
                for position, record in _records(chunk, tally, name, raw=self._detector.raw):
                    yield from self._slowly(position, record, tally)
            else:
                yield from self._quickly(quick, headers, chunk, tally, name)

    def _guess(self, chunk: Chunk) -> Quick | None:
        """What to read headers with, by the first record of the chunk."""
        first = next(pieces(chunk.data), None)
        if first is None or first.fault:
            return None
        try:
            record = msgspec.json.decode(first.data)
        except (msgspec.DecodeError, RecursionError, ValueError):  # a number too large, say
            return None
        source = None if self._detector.raw else self._identify(record)
        key = id(source)  # shapes of one logsource are sources of one name
        if key not in self._quick:
            self._quick[key] = self._made(source, record)
        return self._quick[key]

    def _made(self, source: Source | None, record: NativeRecord) -> Quick | None:
        """None where records of the source can't be told by headers, or the first is nobody's."""
        found = Marks() if self._detector.raw else None
        if source is not None:
            found = marks(source, self._detector.sources)
        if found is None:
            return None
        return Quick(self._detector, source, found, self._needs, record)

    def _quickly(
        self, quick: Quick, headers: list[Any], chunk: Chunk, tally: Tally, name: str
    ) -> Iterator[Match]:
        """Matches by headers; they are made anew when records taught better ones."""
        records = Records(chunk, tally, name)
        found: list[Any] | None = headers
        start, count = 0, len(headers)
        tally.records += count
        if self._needs.timed:
            quick.tell_times(headers, records)
        while found is not None and start < count:
            stop = start + quick.step
            for one in quick.candidates(found[start:stop], start, records):
                index, answer, _, _ = one
                if answer is OPEN:
                    yield from self._reopened(index, records)
                elif match := quick.judged(one, records):
                    yield match
            if stop < count and quick.has_learned:
                found = quick.headers(chunk.data, listed=chunk.listed)
            start = stop
        for index in range(start, count):
            yield from self._reopened(index, records)

    def _reopened(self, index: int, records: Records) -> Iterator[Match]:
        """A record whose header said nothing: it is counted anew."""
        record = records.record(index)
        if record is None:
            return
        tally, position = records.tally, records.chunk.first + index
        tally.records -= 1
        tally.opened -= 1
        some = unwrapped(record, raw=self._detector.raw)
        for place, one in _dicts(position, some, records.raw(index), tally, records.name):
            yield from self._slowly(place, one, tally)

    def _slowly(self, position: int, record: NativeRecord, tally: Tally) -> Iterator[Match]:
        tally.records += 1
        tally.opened += 1
        source = None if self._detector.raw else self._identify(record)
        told, asked, lean, timed = self._needs
        if timed:
            tally.saw(told.of(record, source)[2])
        if source is None and not self._detector.raw:
            tally.unknown += 1
            return
        name = source.name if source is not None else RAW
        plan = self._detector.plan(name)
        if matching := plan.match(record):
            numbers, suppressed = plan.sifted(matching, record)
            values = asked.values(name, self._detector.rules(numbers), record)
            native = {} if lean else record
            tells = told.of(record, source)
            yield Match(position, name, tuple(numbers), *tells, native, suppressed, values)


def _chunks(
    data: bytes | BinaryIO, tally: Tally, name: str, limit: int, *, raw: bool
) -> Iterator[Chunk]:
    """The chunks of a file; none of one that is no data."""
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    is_wrapper = partial(wraps, raw=raw)
    for number, chunk in enumerate(chunks(blocks(stream, limit), is_wrapper)):
        if not number and not chunk.fault and not _DATA.search(chunk.data):
            tally.skipped.append(Rejected(reason="no line begins like JSON", place=name))
            return
        yield chunk


def _records(
    chunk: Chunk, tally: Tally, name: str, *, raw: bool
) -> Iterator[tuple[int, NativeRecord]]:
    """Every record of the chunk with its position; what is none is rejected."""
    chunk = msgspec.structs.replace(chunk, data=mended(chunk.data))
    is_wrapper, told = partial(wraps, raw=raw), False
    for position, data, fault in values(chunk, is_wrapper):
        if not fault:
            yield from _opened(position, bytes(data), tally, name, raw=raw)
            continue
        broken = bool(chunk.fault) and not told and fault.startswith("cut short")
        tally.reject(chunk.fault if broken else fault, f"{name}:record {position}", data)
        told = told or broken
    if chunk.fault and not told:
        tally.reject(chunk.fault, name)


def _opened(
    position: int, data: bytes, tally: Tally, name: str, *, raw: bool
) -> Iterator[tuple[int, NativeRecord]]:
    """The records of one JSON value. Where it can't be read, and is only wrapped around a list,
    each element is read by itself.
    """
    value = decoded(data, f"{name}:record {position}", attempt := Tally())
    if value is not UNSET:
        yield from _dicts(position, unwrapped(value, raw=raw), data, tally, name)
        return
    parts = list(apart(data, partial(wraps, raw=raw)))
    if not parts:
        tally.reject(attempt.rejected[0].reason, attempt.rejected[0].place, data)
    for place, piece in parts:
        where = f"{name}:record {position + place}"
        if piece.fault:
            tally.reject(piece.fault, where, piece.data)
        elif (value := decoded(piece.data, where, tally)) is not UNSET:
            some = unwrapped(value, raw=raw)
            yield from _dicts(position + place, some, piece.data, tally, name)


def _dicts(
    position: int, some: list[Any], data: bytes, tally: Tally, name: str
) -> Iterator[tuple[int, NativeRecord]]:
    for place, record in enumerate(some, position):
        if isinstance(record, dict):
            yield place, record
        else:
            tally.reject("not an object", f"{name}:record {place}", data)


_DATA = re.compile(rb"^[ \t]*[{\[]", re.MULTILINE)
