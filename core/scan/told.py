"""What a record tells of itself: its id and its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from core.detect.columns import is_sound
from core.detect.values import RARE_TIMES, TIMES, first, text, time_in, time_of
from core.errors import BadRecord
from core.model import NativeRecord
from core.ports import Source
from core.scan.headers import UNSET

__all__ = ["Quickly", "Tells", "Told"]

Tells: TypeAlias = tuple[str, bool, int | None]
"""(id or "", whether no other event has that id, time in epoch ms)."""

Quickly: TypeAlias = Callable[[tuple[Any, ...]], Tells | None]
"""From the values of some fields; None where they have to be looked at with more care."""


class Told:
    """Reads it where records usually have it; a user may say in which fields."""

    def __init__(self, time_field: str = "", uid_field: str = "") -> None:
        self._times = (time_field,) if time_field else TIMES
        self._uids = (uid_field,) if uid_field else _UIDS
        plain = all("." not in name and is_sound(name) for name in (*self._times, *self._uids))
        self.names = (self._times, self._uids) if plain else ()
        """Top-level fields that hold times, and ids; () if some are further down."""

    def own(self, source: Source | None) -> str:
        """Another field for ids, where none of the usual ones has one."""
        return source.uid if source is not None and self._uids == _UIDS else ""

    def of(self, record: NativeRecord, source: Source | None) -> Tells:
        """Of a whole record; `source` is None where none knows it."""
        time = time_in(record, self._times)
        if time is None and self._times == TIMES:
            time = _of_source(record, source)
        return (*self._id(record, source), time)

    def of_part(self, part: NativeRecord, source: Source | None) -> Tells | None:
        """The same by some fields of a record alone; None where only the others can tell."""
        time = time_in(part, self._times)
        if time is None:
            return None
        id, unique = self._id(part, source)
        if not id and any(part.get(name) is not None for name in (*self._uids, self.own(source))):
            return None
        return id, unique, time

    def quickly(self, times: Sequence[str], ids: Sequence[str], source: Source | None) -> Quickly:
        """The same for the values of such fields of which the last ones nearly always hold it."""
        last, others = len(times) - 1, len(times) + len(ids) - 2
        unique = self._is_unique(ids[-1], source)

        def quickly(values: tuple[Any, ...]) -> Tells | None:
            when, id = values[last], values[-1]
            if type(when) is not str or type(id) is not str or values.count(UNSET) != others:
                return None
            time = time_of(when)
            return (id, unique, time) if id and time is not None else None

        return quickly

    def _id(self, record: NativeRecord, source: Source | None) -> tuple[str, bool]:
        for name in self._uids:
            value = first(record, (name,))
            if id := value if type(value) is str else text(value) or "":
                return id, self._is_unique(name, source)
        own = self.own(source)
        return (text(first(record, (own,))) or "" if own else ""), True

    def _is_unique(self, name: str, source: Source | None) -> bool:
        return source is not None or self._uids != _UIDS or name in _UNIQUE


def _of_source(record: NativeRecord, source: Source | None) -> int | None:
    try:
        return source.event(record).time if source else time_in(record, RARE_TIMES)
    except BadRecord:
        return time_in(record, RARE_TIMES)


_UIDS = ("eventID", "insertId", "uid", "id")

_UNIQUE = ("eventID", "insertId")
"""They hold the id of an event wherever they stand; `uid` and `id` may be of anything."""
