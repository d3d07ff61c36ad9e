"""The records of a chunk whose headers could be read: opened, whole or in part, one by one.

Opening the first costs as much as half of all headers; what can't be read after all is rejected.
"""

from __future__ import annotations

from typing import Any

import msgspec

from core.detect.checks import any_in, may_hide
from core.model import NativeRecord
from core.native import is_deep, parsed
from core.scan.chunks import Chunk
from core.scan.headers import UNSET, raws
from core.scan.parts import Reader
from core.scan.tally import Tally

__all__ = ["Records", "decoded"]


class Records:
    """They are found in the chunk once somebody asks for one."""

    def __init__(self, chunk: Chunk, tally: Tally, name: str) -> None:
        self.chunk, self.tally, self.name = chunk, tally, name
        self._raws: list[Any] = []
        self._lacking: dict[frozenset[bytes], bool] = {}
        self._last: tuple[int, NativeRecord | None] = (-1, None)

    def record(self, index: int) -> NativeRecord | None:
        """The record, opened; None when it can't be read after all, which counts as rejected."""
        if self._last[0] == index:
            return self._last[1]
        place = f"{self.name}:record {self.chunk.first + index}"
        found = decoded(self._data(index), place, self.tally)
        if found is UNSET:
            self.tally.records -= 1
            found = None
        else:
            self.tally.opened += 1
        self._last = (index, found)
        return self._last[1]

    def seen(self, index: int) -> NativeRecord | None:
        """The same for a look only: nothing is counted."""
        return decoded(self._data(index), "", Tally()) or None

    def part(self, index: int, reader: Reader) -> NativeRecord | None:
        """What a reader has of a record; None when that can't be read."""
        if self._last[0] == index:
            return self._last[1]
        try:
            data = self._data(index)
            return None if is_deep(bytes(data)) else reader(data)
        except (msgspec.DecodeError, RecursionError, ValueError):  # a number too large, say
            return None

    def raw(self, index: int) -> bytes:
        """The record's bytes."""
        return bytes(self._data(index))

    def _data(self, index: int) -> Any:
        self._raws = self._raws or raws(self.chunk.data, listed=self.chunk.listed)
        return self._raws[index]

    def lack(self, words: frozenset[bytes]) -> bool:
        """Is it sure that none of the words (in lower case) stands in any of the records?"""
        found = self._lacking.get(words)
        if found is None:
            data = self.chunk.data
            lower = b"" if may_hide(data) else data.lower()
            found = bool(lower) and not any_in(words)(lower)
            self._lacking[words] = found
        return found


def decoded(data: Any, place: str, tally: Tally) -> Any:
    """The JSON value; UNSET, and a rejection, when it can't be read."""
    try:
        return parsed(data)
    except RecursionError:
        reason = "nested too deeply"
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: {error.reason}"
    except (msgspec.DecodeError, ValueError) as error:
        reason = str(error)
    tally.reject(reason, place, bytes(data))
    return UNSET
