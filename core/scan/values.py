"""The JSON values of a chunk: in one go where all of it is sound, else one by one.

Around each element of a damaged list stands what stood around the list, so that an envelope is
opened as the whole would have been. It knows nothing of what is in a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from core.scan.chunks import Chunk, IsWrapper, around
from core.scan.headers import UNSET
from core.scan.salvage import Piece, pieces, rows

__all__ = ["apart", "values"]


def values(chunk: Chunk, is_wrapper: IsWrapper) -> Iterator[tuple[int, Any, str]]:
    """(position of its first record, bytes of one JSON value, fault) of all values of a chunk."""
    whole = _whole(chunk)
    if whole is not None:
        for position, data in enumerate(whole, chunk.first):
            yield position, data, ""
        return
    if chunk.listed:
        yield from _list(chunk.data, chunk.first)
        return
    for line, row in rows(chunk.data) or ((0, Piece(0, chunk.data, "damaged")),):
        if row.fault:
            for place, piece in _salvaged(row.data, is_wrapper):
                yield chunk.first + line + place, piece.data, piece.fault
        else:
            yield chunk.first + line, row.data, ""


def apart(data: bytes, is_wrapper: IsWrapper) -> Iterator[tuple[int, Piece]]:
    """(place in its list, piece) of the elements of a wrapper; none of what is no wrapper."""
    found = around(data, is_wrapper)
    if found is not None:
        yield from _Wrapped(0, *found).within(data)


def _list(data: bytes, first: int) -> Iterator[tuple[int, bytes, str]]:
    end, fault = 0, ""
    for piece in pieces(data):
        fault = piece.fault
        end = piece.start + len(piece.data)
        yield first, piece.data, piece.fault
        first += 1
    if not fault and b"]" not in data[end:]:
        yield first, b"", CUT


def _salvaged(data: bytes, is_wrapper: IsWrapper) -> Iterator[tuple[int, Piece]]:
    """(line, and place in its list, piece) of bytes that are not sound.

    Where an object is damaged that is only wrapped around a list, its elements count.
    """
    line = start = end = 0
    wrapped: _Wrapped | None = None
    for piece in pieces(data):
        line += data.count(b"\n", start, piece.start)
        if wrapped and b"]" in data[end : piece.start]:
            wrapped.ended = True
        start, end = piece.start, piece.start + len(piece.data)
        if wrapped and wrapped.ended:
            if piece.fault and _KEY.match(piece.data):  # the wrapper's, after its list
                continue
            wrapped = None
        if wrapped:
            yield wrapped.one(piece)
        elif piece.fault and (found := around(piece.data, is_wrapper)):
            wrapped = _Wrapped(line, *found)
            yield from wrapped.within(piece.data)
        else:
            yield line, piece
    if wrapped and not wrapped.ended and not wrapped.fault and b"]" not in data[end:]:
        yield wrapped.one(Piece(end, b"", CUT))


class _Wrapped:
    """The elements of a list in a wrapper, each with the wrapper around it."""

    def __init__(self, line: int, before: bytes, after: bytes) -> None:
        self._position, self.before, self._after = line, before, after
        self.ended, self.fault = False, ""

    def within(self, data: bytes) -> Iterator[tuple[int, Piece]]:
        """Those of a text that begins with the wrapper."""
        end = len(self.before)
        for piece in pieces(data[end:]):
            start = len(self.before) + piece.start
            self.ended = self.ended or b"]" in data[end:start]
            end = start + len(piece.data)
            if not (self.ended and piece.fault and _KEY.match(piece.data)):
                yield self.one(piece)
        self.ended = self.ended or b"]" in data[end:]

    def one(self, piece: Piece) -> tuple[int, Piece]:
        """The next of them."""
        data = piece.data if piece.fault else self.before + piece.data + self._after
        self._position += 1
        self.fault = piece.fault
        return self._position - 1, piece._replace(data=data)


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


class _Wrapper(msgspec.Struct):
    Records: list[msgspec.Raw] | msgspec.UnsetType = UNSET
    records: list[msgspec.Raw] | msgspec.UnsetType = UNSET


CUT = "cut short: the end of the list is missing"

_KEY = re.compile(rb'"[^"\\]*"\s*:')

_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ROWS = msgspec.json.Decoder(msgspec.Raw)
_WRAPPER = msgspec.json.Decoder(_Wrapper)
