"""A stream of blocks as chunks of whole records: most files are one chunk, huge ones are many.

A chunk is JSON text by itself (an array, a {"Records": [...]}, one object, or a row of objects), so
that it can be decoded in one go. Memory is bounded by the chunk, not by the file. It knows nothing
of sources or rules, nor which objects are only wrapped around a list of records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from core.errors import BadRecord
from core.hostile import mended
from core.native import TOKEN
from core.scan.salvage import pieces, whole

__all__ = ["CHUNK", "Chunk", "IsWrapper", "around", "chunks"]

CHUNK = 1 << 24
"""Bytes of a chunk, about; a record that is larger than four of them is not looked for."""


MOST_BEFORE = 1 << 16
"""Bytes that may stand before the list that an object is wrapped around."""


IsWrapper: TypeAlias = Callable[[bytes, bytes], bool]
"""Given what stands before and after the elements of a list: is all of it only around them?"""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some whole records of a file."""

    data: bytes
    first: int = 0
    """Position in the file of its first record (of its first line, for a row of objects)."""
    listed: bool = False
    """It is an array or a wrapper around one; else a row of objects."""
    fault: str = ""
    """Why the file ends here, when it should not."""


def chunks(
    blocks: Iterator[bytes],
    is_wrapper: IsWrapper = lambda before, after: False,
) -> Iterator[Chunk]:
    """The records of the stream in order. The last chunk says why, if the stream broke off.

    `is_wrapper`: given what stands before and after the elements of a list, whether all of it is no
    more than a wrapper around them. If it is, and large, each of its chunks has them around it.
    """
    stream = _Stream(blocks)
    data, line = _begun(stream)
    opening = _LIST.match(data)
    if opening:
        line = 0
    if stream.ended:
        if data or stream.fault:
            yield Chunk(data=data, first=line, listed=bool(opening), fault=stream.fault)
    elif opening:
        before = opening[0]
        yield from _lists(stream, data, before, b"]" if before[:1] == b"[" else b"]}")
    elif not _after_rows(data) and (found := around(data, is_wrapper)):
        yield from _lists(stream, data, *found, first=line, listed=False)
    else:
        yield from _rows(stream, data, line)


def _begun(stream: _Stream) -> tuple[bytes, int]:
    """The first bytes from the first that is no space on, and the number of their line."""
    data, line = b"", 0
    while not data and not stream.ended:
        found = stream.take(CHUNK)
        data = found.lstrip()
        line += found.count(b"\n", 0, len(found) - len(data))
    return data, line


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
            except OSError as error:
                self.ended, self.fault = True, f"can't be read on: {error.strerror}"
            else:
                found.append(block)
                have += len(block)
        return b"".join(found)


def around(data: bytes, is_wrapper: IsWrapper) -> tuple[bytes, bytes] | None:
    """What stands before the elements of the list that an object is wrapped around, and what closes
    it after them; None if it is not.
    """
    closing, tried = b"", 0
    for token in re.finditer(TOKEN, data[:MOST_BEFORE]):
        bracket = token[0]
        if bracket in _CLOSED_BY:
            closing = _CLOSED_BY[bracket] + closing
        elif bracket == closing[:1]:
            closing = closing[1:]
        if bracket != b"[":
            continue
        if is_wrapper(before := data[: token.end()], closing):
            return before, closing
        tried += 1
        if tried == _TRIES:
            break
    return None


def _lists(
    stream: _Stream,
    data: bytes,
    before: bytes,
    after: bytes,
    *,
    first: int = 0,
    listed: bool = True,
) -> Iterator[Chunk]:
    """Pieces of one long array, each cut after a whole element, with what stands around it."""
    data = data[len(before) :].lstrip(_SPACE)
    while not stream.ended:
        cut, count = _after_elements(data)
        if not cut and len(data) > 4 * CHUNK:
            cut, count = _after_damage(data)
        if cut:
            yield Chunk(data=before + data[:cut] + after, first=first, listed=listed)
            first += count
            data = data[cut:].lstrip(_SPACE + b",")
        data += stream.take(CHUNK)
    yield Chunk(data=before + data, first=first, listed=listed, fault=stream.fault)


def _after_elements(data: bytes) -> tuple[int, int]:
    """Where the last whole element ends that can be told, and how many there are up to there.

    What begins as a list of elements and decodes as one ends between two of them: no guess is made.
    Most elements begin with the same key, and few objects within them do. Where that does not help,
    the elements are gone through one by one, up to the first that is damaged, or not all there.
    """
    tries = 0
    for cut in _ends(data):
        try:
            return cut, len(_ELEMENTS.decode(b"[" + mended(data[:cut]) + b"]"))
        except (msgspec.DecodeError, RecursionError):
            tries += 1
        if tries == _TRIES:
            break
    return _after_whole(data)


def _after_whole(data: bytes) -> tuple[int, int]:
    """Where the last ends of the objects that stand at the beginning, and how many there are."""
    cut = count = 0
    for piece in whole(mended(data)):
        cut, count = piece.start + len(piece.data), count + 1
    return cut, count


def _ends(data: bytes) -> Iterator[int]:
    """Where elements may end that another one like the first follows, from the last on."""
    opening = _OPENING.match(data)
    if opening is None:
        return
    end, closing = len(data), _CLOSED_BY[opening[0][:1]]
    while (end := data.rfind(opening[0], 1, end)) > 0:
        comma = _before(data, end)
        cut = _before(data, comma)
        if data[comma : comma + 1] == b"," and data[cut : cut + 1] == closing:
            yield cut + 1


def _before(data: bytes, end: int) -> int:
    """The place of the last byte before `end` that is no space; -1 where there is none."""
    end -= 1
    while end >= 0 and data[end] in _SPACE:
        end -= 1
    return end


def _after_damage(data: bytes) -> tuple[int, int]:
    """The same where the first element is damaged: after about a half of what is there, so that
    whether an element is whole is known by what follows it.
    """
    cut = count = 0
    for piece in pieces(mended(data)):
        cut, count = piece.start + len(piece.data), count + 1
        if 2 * cut > len(data):
            break
    return cut or len(data), count


def _rows(stream: _Stream, data: bytes, line: int) -> Iterator[Chunk]:
    """Rows, cut where a line begins with an object. `line` is the number of the first."""
    while not stream.ended:
        cut = _after_rows(data)
        if not cut and len(data) > 4 * CHUNK:
            cut = len(data)
        if cut:
            yield Chunk(data=data[:cut], first=line)
            line += data.count(b"\n", 0, cut)
            data = data[cut:]
        data += stream.take(CHUNK)
    yield Chunk(data=data, first=line, fault=stream.fault)


def _after_rows(data: bytes) -> int:
    """Where the last row begins, as far as that can be told. Only between two rows does one object
    follow another without a comma; a line may begin with one that is within a row.
    """
    begin = len(data)
    while (begin := data.rfind(b"\n{", 0, begin)) >= 0:
        end = _before(data, begin)
        if data[end : end + 1] == b"}":
            return begin + 1
    return _after_whole(data)[0]


_TRIES = 50

_SPACE = b" \t\r\n"

_OPENING = re.compile(rb'\{\s*"[^"\\]*"|\[')

_CLOSED_BY = {b"[": b"]", b"{": b"}"}

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])

_LIST = re.compile(rb'\s*(?:\[|\{\s*"[Rr]ecords"\s*:\s*\[)')
