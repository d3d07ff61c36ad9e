"""Records out of bytes that are not as a whole JSON: cut short, damaged in places, pretty-printed.

It finds where objects begin and end by their brackets, and after a damaged one goes on at the next
place where a record could begin. It never recurses, so no depth of nesting can hurt it. It knows
nothing of sources, rules or what is in a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec

from core.native import TOKEN

__all__ = ["Piece", "pieces", "rows", "whole"]

BLOCK = 1 << 24
"""Bytes that may always be looked at once more; see _LOOKS."""

_LOOKS = 20
"""How often, on average, a byte may be looked at. Every damaged record may cost a look at all that
follows it: without a bound, a hostile file of many would take quadratic time."""


class Piece(NamedTuple):
    """Some bytes that are a JSON object, or, with a fault, some that are not."""

    start: int
    data: bytes
    fault: str = ""


def pieces(data: bytes) -> Iterator[Piece]:
    """Every object of an array, of a {"Records": [...]} or of a row of objects, in order."""
    work, at, end = _Work(data), 0, len(data)
    while at < end:
        if (noise := _NOISE.match(data, at)) and noise.end() > at:
            at = noise.end()
        elif wrapper := _WRAPPER.match(data, at):
            at = wrapper.end()
        else:
            piece = work.object(at) if data[at] == _OPEN else _stray(data, at)
            yield piece
            at = piece.start + len(piece.data)


def whole(data: bytes) -> Iterator[Piece]:
    """The objects that are sound, up to the first that is not, or is not all there."""
    work, at = _Work(data), 0
    while noise := _NOISE.match(data, at):
        at = noise.end()
        found = work.whole(at) if data[at : at + 1] == b"{" else b""
        if not found:
            return
        yield Piece(at, found)
        at += len(found)


def rows(data: bytes) -> Iterator[tuple[int, Piece]] | None:
    """(line, piece) of JSON Lines with gaps or damage: what is an object by itself is one, whatever
    stands beside it; a line with a fault may hold sound pieces. None where lines don't hold
    objects, or objects over lines are all sound.

    A line that was cut looks like the beginning of an object that goes on, and to look for its end
    would cost all that follows, and with many of them the budget.
    """
    lines = data.split(b"\n")
    begun = [line[:1] == b"{" for line in lines]
    sound = [begins and not _fault(line) for begins, line in zip(begun, lines, strict=True)]
    many = sum(is_sound and len(line) > _EMPTY for is_sound, line in zip(sound, lines, strict=True))
    going_on = sum(
        not begins and bool(line.strip()) for begins, line in zip(begun, lines, strict=True)
    )
    if not many or (going_on * _SHARE > sum(begun) and many * _SHARE < sum(begun)):
        return None  # parts of objects that are written over lines
    others = any(not is_sound and line.strip() for is_sound, line in zip(sound, lines, strict=True))
    if others and all(not piece.fault for piece in pieces(data)):
        return None
    return _rows(lines, sound)


def _rows(lines: list[bytes], sound: list[bool]) -> Iterator[tuple[int, Piece]]:
    number = 0
    for is_sound, group in groupby(zip(sound, lines, strict=True), key=itemgetter(0)):
        some = [line for _, line in group]
        if is_sound:
            yield from ((number + place, Piece(0, line)) for place, line in enumerate(some))
        else:
            yield from _between(number, some)
        number += len(some)


def _between(number: int, lines: list[bytes]) -> Iterator[tuple[int, Piece]]:
    """Lines that are no objects by themselves: together they may be, else each is damaged."""
    together = b"\n".join(lines)
    whole = list(pieces(together))
    if any(piece.fault for piece in whole):
        for place, line in enumerate(lines):
            yield number + place, Piece(0, line, _fault(line))
        return
    for piece in whole:
        yield number + together.count(b"\n", 0, piece.start), piece


class _Work:
    """The bytes, and how much looking for brackets is still allowed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.budget = _LOOKS * len(data) + BLOCK

    def object(self, start: int) -> Piece:
        """The object that begins here, or all up to the next place where a whole one does."""
        found, fault = self._looked_at(start)
        if found:
            return Piece(start, found)
        for border in _BORDER.finditer(self.data, start + 1):
            if self.budget <= 0:
                return Piece(start, self.data[start:], "too damaged to go on from here")
            begin = border.end() - 1
            if self.whole(begin):
                return Piece(start, self.data[start:begin], fault)
        return Piece(start, self.data[start:], fault)

    def whole(self, start: int) -> bytes:
        """The sound object that begins here; empty where there is none."""
        return self._looked_at(start)[0]

    def _looked_at(self, start: int) -> tuple[bytes, str]:
        end = self._balanced(start)
        if end < 0:
            return b"", "cut short or unbalanced: its end is missing"
        piece = self.data[start:end]
        fault = _fault(piece)
        return (b"", fault) if fault else (piece, "")

    def _balanced(self, start: int) -> int:
        """Where the object that begins here ends; -1 when it does not."""
        depth, end = 0, -1
        for token in _TOKEN.finditer(self.data, start):
            first = self.data[token.start()]
            if first in _OPENING:
                depth += 1
            elif first in _CLOSING:
                depth -= 1
                if depth == 0:
                    end = token.end()
                    break
        self.budget -= (end if end > 0 else len(self.data)) - start
        return end


def _stray(data: bytes, start: int) -> Piece:
    """Something that is no object: up to the end of the line or the next comma."""
    found = _STRAY_END.search(data, start + 1)
    end = found.start() if found else len(data)
    return Piece(start, data[start:end], _fault(data[start:end]) or "not an object")


def _fault(data: bytes) -> str:
    """Why the bytes are no JSON; "" when they are."""
    try:
        _CHECK.decode(data)
        data.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} (byte {error.start})"
    except RecursionError:
        return "nested too deeply"
    except (msgspec.DecodeError, ValueError) as error:
        return str(error)
    return ""


_SHARE = 10
"""One in so many lines that begin like an object has to be one, where that many others go on."""

_EMPTY = 4
"""Bytes of a line of which an object over lines may have any number: `{}`."""

_CHECK = msgspec.json.Decoder(msgspec.Raw)

_OPEN = ord("{")
_OPENING = frozenset(b"{[")
_CLOSING = frozenset(b"}]")

_TOKEN = re.compile(TOKEN)

# What stands between records. A lone `}` closes the wrapper; a byte order mark begins a file that
# was put behind another.
_NOISE = re.compile(rb"(?:[\s,\]\[}]|\xef\xbb\xbf)*")

_WRAPPER = re.compile(rb'\{\s*"[Rr]ecords"\s*:\s*\[')

# After a damaged record: the next element of the list, or row, or an object at the start of a line.
_BORDER = re.compile(rb"(?:\}\s*,?\s*|\n\s*)\{")

_STRAY_END = re.compile(rb"[,\n]")
