"""Bytes of a log file to the records that rules match; the rest is only counted.

    scan(data, detector, tally) -> Match(position, source, rules, native), ...
    read(data, sources, tally) -> every record, opened

Reading order: unpack.py (gzip, Avro, limits), chunks.py (bounded memory), headers.py and quick.py
(most records are never opened), envelopes.py, rows.py and identify.py (those that are), salvage.py
(damaged files).
Every record is counted as read, of unknown source, or rejected with reason and place; nothing is
skipped in silence. It knows nothing of paths, processes or printing: core.hunt does.
"""

from __future__ import annotations

import builtins
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import msgspec

from core.detect import RAW, Detector, Suppressed
from core.detect.checks import any_in, may_hide
from core.model import NativeRecord, Rejected, Rule
from core.ports import Source
from core.scan.chunks import Chunk, chunks
from core.scan.envelopes import unwrapped
from core.scan.headers import UNSET, raws
from core.scan.identify import Identify, identify
from core.scan.marks import Marks, marks
from core.scan.parts import Wanted
from core.scan.quick import OPEN, Candidate, Quick, likely
from core.scan.salvage import pieces
from core.scan.unpack import blocks

__all__ = ["LIMIT", "Match", "Opened", "Scanner", "Tally", "identify", "read", "scan"]

LIMIT = 512 * 1024 * 1024
"""Decompressed bytes of one file from a source that is not trusted."""

MOST_KEPT = 1_000
"""Rejections kept with their reasons; all are counted."""


class Tally(msgspec.Struct, kw_only=True):
    """What was seen so far; grows while files are read."""

    files: int = 0
    bytes: int = 0
    """As stored, before decompression."""
    records: int = 0
    """All that were found, the unknown ones too and the rejected ones not."""
    opened: int = 0
    unknown: int = 0
    rejected: list[Rejected] = []
    rejections: int = 0
    """How many were rejected; `rejected` keeps the first of them."""
    skipped: list[Rejected] = []
    """Files that are no data at all: a licence, a picture."""
    suppressed: dict[str, int] = {}
    """Filter id -> hits that it suppressed; core.hunt counts them, as it knows what is wanted."""

    def reject(self, reason: str, place: str, excerpt: builtins.bytes = b"") -> None:
        """Count input that was set aside."""
        self.rejections += 1
        if len(self.rejected) < MOST_KEPT:
            shown = excerpt[:120].decode("utf-8", "backslashreplace")
            shown = "".join(c if c.isprintable() else " " for c in shown)
            self.rejected.append(Rejected(reason=reason, place=place, excerpt=shown))


class Match(NamedTuple):
    """A record that at least one rule matches, be it that all its hits are suppressed."""

    position: int
    """0-based position in the list, or the line."""
    source: str
    rules: tuple[Rule, ...]
    """In rulebook order."""
    native: NativeRecord
    suppressed: tuple[Suppressed, ...] = ()
    """Hits beside those, that a filter suppressed."""


class Opened(NamedTuple):
    """A record that was decoded whole. `source` is None when no source knows it."""

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
    for chunk in _chunks(data, tally, name, limit):
        for position, record in _records(chunk, tally, name, raw=False):
            tally.records += 1
            tally.opened += 1
            source = known(record)
            tally.unknown += source is None
            yield Opened(position, source, record)


class Scanner:
    """A detector made ready for bytes. What it learns from one file serves the next.

    With `wanted`, groups of top-level fields, a match's `native` has at least the first field of
    each group that has a value, and records need not be opened to tell it; without, it is the
    whole record. A group that ends with "" is that of ids: it may have none, and the field where
    the source has its ids counts too. `fields` (rule id -> fields as the rule means them) are there
    too in what these rules match.
    """

    def __init__(
        self,
        detector: Detector,
        wanted: tuple[tuple[str, ...], ...] = (),
        fields: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._detector, self._wanted, self._fields = detector, wanted, fields or {}
        self._identify = Identify(detector.sources)
        self._quick: dict[int, Quick | None] = {}

    def scan(
        self, data: bytes | BinaryIO, tally: Tally, *, name: str = "", limit: int = LIMIT
    ) -> Iterator[Match]:
        """The records of a file that rules match, in order. `name` is for places."""
        for chunk in _chunks(data, tally, name, limit):
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
            record = _DECODER.decode(first.data)
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
        groups = tuple(likely(_with_own(names, source), record) for names in self._wanted)
        return Quick(self._detector, source, found, Wanted(groups, self._fields), record)

    def _quickly(
        self, quick: Quick, headers: list[Any], chunk: Chunk, tally: Tally, name: str
    ) -> Iterator[Match]:
        """Matches by headers; they are made anew when records taught better ones."""
        whole = _Whole(chunk, tally, name)
        found: list[Any] | None = headers
        start, count = 0, len(headers)
        tally.records += count
        while found is not None and start < count:
            stop = start + quick.step
            for one in quick.candidates(found[start:stop], start, whole):
                yield from self._tried(quick, one, whole)
            if stop < count and quick.has_learned:
                found = quick.headers(chunk.data, listed=chunk.listed)
            start = stop
        for index in range(start, count):
            yield from self._reopened(index, whole)

    def _tried(self, quick: Quick, candidate: Candidate, whole: _Whole) -> Iterator[Match]:
        index, answer, ask, header = candidate
        if answer is OPEN:
            yield from self._reopened(index, whole)
            return
        rules, suppressed = quick.matched(answer, ask, header, partial(whole.record, index))
        if rules or suppressed:
            record = quick.part(header, rules) or whole.record(index)
            if record is not None:
                yield Match(whole.chunk.first + index, quick.name, rules, record, suppressed)

    def _reopened(self, index: int, whole: _Whole) -> Iterator[Match]:
        """A record whose header said nothing: it is counted anew."""
        record = whole.record(index)
        if record is not None:
            whole.tally.records -= 1
            whole.tally.opened -= 1
            yield from self._slowly(whole.chunk.first + index, record, whole.tally)

    def _slowly(self, position: int, record: NativeRecord, tally: Tally) -> Iterator[Match]:
        tally.records += 1
        tally.opened += 1
        if self._detector.raw:
            name = RAW
        elif source := self._identify(record):
            name = source.name
        else:
            tally.unknown += 1
            return
        rules, suppressed = self._detector.judge(name, record)
        if rules or suppressed:
            yield Match(position, name, rules, record, suppressed)


def _with_own(names: tuple[str, ...], source: Source | None) -> tuple[str, ...]:
    if names[-1] or source is None:
        return names
    deep = "." in source.uid  # a header has top-level fields only: the record must be asked
    return names[:-1] if deep else (*names[:-1], source.uid, "")


class _Whole:
    """The whole records of a chunk whose headers could be read."""

    def __init__(self, chunk: Chunk, tally: Tally, name: str) -> None:
        self.chunk, self.tally, self._name = chunk, tally, name
        self._raws: list[Any] = []
        self._lacking: dict[frozenset[bytes], bool] = {}
        self._last: tuple[int, NativeRecord | None] = (-1, None)

    def record(self, index: int) -> NativeRecord | None:
        """The record, opened; None when it can't be read after all, which counts as rejected."""
        if self._last[0] == index:
            return self._last[1]
        place = f"{self._name}:record {self.chunk.first + index}"
        found = _decoded(self.raw(index), place, self.tally)
        if found is UNSET:
            self.tally.records -= 1
            found = None
        else:
            self.tally.opened += 1
        self._last = (index, found)
        return self._last[1]

    def raw(self, index: int) -> bytes:
        """The record's bytes."""
        self._raws = self._raws or raws(self.chunk.data, listed=self.chunk.listed)
        return bytes(self._raws[index])

    def lack(self, words: frozenset[bytes]) -> bool:
        """Is it sure that none of the words (in lower case) stands in any of the records?"""
        found = self._lacking.get(words)
        if found is None:
            data = self.chunk.data
            lower = b"" if may_hide(data) else data.lower()
            found = bool(lower) and not any_in(words)(lower)
            self._lacking[words] = found
        return found


def _chunks(data: bytes | BinaryIO, tally: Tally, name: str, limit: int) -> Iterator[Chunk]:
    """The chunks of a file; none of one that is no data."""
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    for number, chunk in enumerate(chunks(blocks(stream, limit))):
        if not number and not chunk.fault and not _DATA.search(chunk.data):
            tally.skipped.append(Rejected(reason="no line begins like JSON", place=name))
            return
        yield chunk


def _records(
    chunk: Chunk, tally: Tally, name: str, *, raw: bool
) -> Iterator[tuple[int, NativeRecord]]:
    """Every record of the chunk with its position; what is none is rejected."""
    told = False
    for position, data, fault in _values(chunk):
        place = f"{name}:record {position}"
        if fault:
            broken = bool(chunk.fault) and not told and fault.startswith("cut short")
            tally.reject(chunk.fault if broken else fault, place, data)
            told = told or broken
            continue
        value = _decoded(data, place, tally)
        for index, record in enumerate(() if value is UNSET else unwrapped(value, raw=raw)):
            if isinstance(record, dict):
                yield position + index, record
            else:
                tally.reject("not an object", f"{name}:record {position + index}", bytes(data))
    if chunk.fault and not told:
        tally.reject(chunk.fault, name)


def _values(chunk: Chunk) -> Iterator[tuple[int, Any, str]]:
    """(position, bytes of one JSON value, fault) of a chunk, the quick way if it is sound."""
    whole = _whole(chunk)
    if whole is not None:
        for position, data in enumerate(whole, chunk.first):
            yield position, data, ""
        return
    line, at = chunk.first, 0
    for count, piece in enumerate(pieces(chunk.data)):
        line += chunk.data.count(b"\n", at, piece.start)
        at = piece.start
        yield chunk.first + count if chunk.listed else line, piece.data, piece.fault


def _whole(chunk: Chunk) -> list[Any] | None:
    """The records of a list, or the lines, when all of it is valid JSON; None when it is not."""
    try:
        if not chunk.listed:
            return _lines(chunk.data)
        if chunk.data[:1] == b"[":
            return _ARRAY.decode(chunk.data)
        wrapper = _WRAPPER.decode(chunk.data)
        found: Any = wrapper.records if wrapper.Records is UNSET else wrapper.Records
        return None if found is UNSET else list(found)
    except (msgspec.DecodeError, RecursionError):
        return None


def _lines(data: bytes) -> list[Any] | None:
    """One value a line; None when a line is empty or broken, so that places must be looked for."""
    found: list[Any] = _ROWS.decode_lines(data)
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    return found if len(found) == lines else None


def _decoded(data: Any, place: str, tally: Tally) -> Any:
    """The JSON value; UNSET, and a rejection, when it can't be read."""
    try:
        return _DECODER.decode(data)
    except RecursionError:
        reason = "nested too deeply"
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: {error.reason}"
    except (msgspec.DecodeError, ValueError) as error:
        reason = str(error)
    tally.reject(reason, place, bytes(data))
    return UNSET


class _Wrapper(msgspec.Struct):
    Records: list[msgspec.Raw] | msgspec.UnsetType = UNSET
    records: list[msgspec.Raw] | msgspec.UnsetType = UNSET


_DATA = re.compile(rb"^[ \t]*[{\[]", re.MULTILINE)

_DECODER = msgspec.json.Decoder()
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ROWS = msgspec.json.Decoder(msgspec.Raw)
_WRAPPER = msgspec.json.Decoder(_Wrapper)
