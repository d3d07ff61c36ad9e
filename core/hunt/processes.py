"""The files of a hunt in several processes: the same result, in the same order.

A process does for a record all that can be done there, so that little is left for the one that
gathers results; what goes back is one text of JSON for a file. It knows nothing of what is sought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from core.detect import Detector
from core.hunt import turns
from core.hunt.files import size
from core.hunt.work import Setting, Worker
from core.ports import Source
from core.rulebook import dump, load
from core.scan import Match, Tally

__all__ = ["matches"]

LEAST, MOST = 1 << 18, 1 << 20
"""Stored bytes of the files that make up an errand: each errand costs the same."""

MOST_FILES = 64

EACH = 16
"""Errands for each process, if the files are enough for that: none should wait for the last."""


def matches(
    todo: Iterable[Path],
    setting: Setting,
    tally: Tally,
    jobs: int,
    begin: Callable[[], None],
    progress: Callable[[int], None],
) -> Iterator[tuple[Path, Iterable[Match]]]:
    """Of each of the files the records that rules match, in order. `begin` is called in each
    process that is started; it is a function of some module, so that it can be sent.

    This process is one of the `jobs`: rather than wait for what is next it does an errand itself.
    """
    # A forked process has the detector already, with all that it has learned.
    given = setting if turns.method() == "fork" else _portable(setting)
    errands = list(_errands([(path, size(path)) for path in todo], jobs))
    own = _errand_of(Worker(setting), errands)
    results = turns.in_order(len(errands), jobs, own, _begin, (given, errands, begin))
    with closing(results):
        for number, result in results:
            for (path, amount), (found, counted) in zip(errands[number], result, strict=True):
                tally.add(counted)
                yield path, _decode(found)
                progress(amount)


def _errands(todo: Sequence[tuple[Path, int]], jobs: int) -> Iterator[_Errand]:
    """The files in order, as many together as are worth an errand; fewer towards the end."""
    together, have = list[tuple[Path, int]](), 0
    left = sum(amount for _, amount in todo)
    for path, amount in todo:
        together.append((path, amount))
        have += amount
        most = min(max(left // (jobs * EACH), LEAST), MOST)
        if have >= most or len(together) == MOST_FILES:
            yield together
            left -= have
            together, have = list[tuple[Path, int]](), 0
    if together:
        yield together


class _Portable(NamedTuple):
    """A setting as data that can be sent to another process."""

    book: bytes
    sources: tuple[Source, ...]
    raw: bool
    time_field: str
    others: tuple[Any, ...]


def _portable(setting: Setting) -> _Portable:
    """A hunt asks for no targets, and what finds them can't always be sent."""
    detector, *others = setting
    sources = tuple(source._replace(targets=_unused) for source in detector.sources)
    settings = (detector.raw, detector.time_field)
    return _Portable(dump(detector.book), sources, *settings, tuple(others))


def _unused(*_: Any) -> Any:
    raise AssertionError("a hunt asks for no targets")


def _begin(
    given: Setting | _Portable, errands: Sequence[_Errand], begin: Callable[[], None]
) -> Callable[[int], list[_Told]]:
    """In a new process: make what it does its errands with."""
    if isinstance(given, _Portable):
        book, sources, raw, time_field, others = given
        detector = Detector(load(book), sources, raw=raw, time_field=time_field)
        given = Setting(detector, *others)
    begin()
    return _errand_of(Worker(given), errands)


def _errand_of(worker: Worker, errands: Sequence[_Errand]) -> Callable[[int], list[_Told]]:
    return lambda number: [_file(worker, path) for path, _ in errands[number]]


def _file(worker: Worker, path: Path) -> _Told:
    """All that one file has, each match written as soon as it is found. To keep the matches until
    the file is read costs 8 % where memory is busy: what they hold lies among what is freed.
    """
    tally, written = Tally(), bytearray(b"[")
    for match in worker.matches(path, tally):
        _encode(match, written, -1)
        written += b","
    written[-1:] = b"]" if len(written) > 1 else b"[]"
    return bytes(written), tally


_Told: TypeAlias = tuple[bytes, Tally]
"""What a file has: its matches as JSON, as deep records can't be pickled."""

_Errand: TypeAlias = list[tuple[Path, int]]
"""Files that one process goes through at a time, with their stored bytes."""

_encode = msgspec.json.Encoder().encode_into

_decode = msgspec.json.Decoder(list[Match]).decode
