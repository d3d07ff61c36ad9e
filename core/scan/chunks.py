"""A stream of blocks as chunks of whole records: most files are one chunk, huge ones are many.

A chunk is JSON text by itself (an array, a {"Records": [...]}, one object, or a row of objects), so
that it can be decoded in one go. Memory is bounded by the chunk, not by the file. It knows nothing
of sources or rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from core.errors import BadRecord

__all__ = ["CHUNK", "Chunk", "chunks"]

CHUNK = 1 << 24
"""Bytes of a chunk, about; a record that is larger than four of them is not looked for."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some whole records of a file."""

    data: bytes
    first: int = 0
    """Position in the file of its first record (of its first line, for a row of objects)."""
    listed: bool = False
    """It is an array or a wrapper around one; else a row of objects."""
    fault: str = ""
    """Why the file ends here, when it should not."""


def chunks(blocks: Iterator[bytes]) -> Iterator[Chunk]:
    """The records of the stream in order. The last chunk says why, if the stream broke off."""
    stream = _Stream(blocks)
    whole = stream.take(CHUNK)
    data = whole.lstrip()
    opening = _LIST.match(data)
    line = 0 if opening else whole.count(b"\n", 0, len(whole) - len(data))
    if stream.ended:
        if data or stream.fault:
            yield Chunk(data=data, first=line, listed=bool(opening), fault=stream.fault)
    elif opening:
        yield from _lists(stream, data[opening.end() :])
    else:
        yield from _rows(stream, data, line)


class _Stream:
    """Blocks, gathered on demand; a fault of the stream is its end."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self.ended, self.fault = blocks, False, ""

    def take(self, size: int) -> bytes:
        """At least `size` bytes, or all that is left."""
        found, have = [], 0
        while have <= size and not self.ended:
            try:
                block = next(self._blocks)
            except StopIteration:
                self.ended = True
            except BadRecord as error:
                self.ended, self.fault = True, str(error)
            else:
                found.append(block)
                have += len(block)
        return b"".join(found)


def _lists(stream: _Stream, data: bytes) -> Iterator[Chunk]:
    """Pieces of one long array, each cut after a whole element and put in brackets again."""
    first = 0
    while not stream.ended:
        cut, count = _after_elements(data)
        if not cut and len(data) > 4 * CHUNK:  # damaged: what follows is taken as it comes
            cut, count = len(data), 0
        if cut:
            yield Chunk(data=b"[" + data[:cut] + b"]", first=first, listed=True)
            first += count
            data = data[cut:].lstrip(b" \t\r\n,")
        data += stream.take(CHUNK)
    yield Chunk(data=b"[" + data, first=first, listed=True, fault=stream.fault)


def _after_elements(data: bytes) -> tuple[int, int]:
    """Where the last whole element ends that can be told, and how many there are up to there.

    What begins as a list of elements and decodes as one ends between two of them: no guess is made.
    """
    end = len(data)
    for _ in range(_TRIES):
        found = max(
            data.rfind(b"},", 0, end), data.rfind(b"}\n", 0, end), data.rfind(b"} ", 0, end)
        )
        if found < 0:
            break
        try:
            return found + 1, len(_ELEMENTS.decode(b"[" + data[: found + 1] + b"]"))
        except (msgspec.DecodeError, RecursionError):
            end = found
    return 0, 0


def _rows(stream: _Stream, data: bytes, line: int) -> Iterator[Chunk]:
    """Lines, cut where a line begins with an object. `line` is the number of the first."""
    while not stream.ended:
        cut = data.rfind(b"\n{") + 1
        if not cut and len(data) > 4 * CHUNK:
            cut = len(data)
        if cut:
            yield Chunk(data=data[:cut], first=line)
            line += data.count(b"\n", 0, cut)
            data = data[cut:]
        data += stream.take(CHUNK)
    yield Chunk(data=data, first=line, fault=stream.fault)


_TRIES = 50

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])

_LIST = re.compile(rb'\s*(?:\[|\{\s*"[Rr]ecords"\s*:\s*\[)')
