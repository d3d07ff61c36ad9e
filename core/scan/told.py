"""What a record tells of itself: its id and its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

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
    """Reads it where its source has it, else where records usually do; a user may say in which
    fields.
    """

    def __init__(self, time_field: str = "", uid_field: str = "") -> None:
        self._time_field, self._uid_field = time_field, uid_field

    def times(self, source: Source | None) -> tuple[str, ...]:
        """Fields that may hold the time of a record, of which the first that reads as one does."""
        if self._time_field:
            return (self._time_field,)
        own = source.time if source is not None else ""
        return (own, *(field for field in TIMES if field != own)) if own else TIMES

    def ids(self, source: Source | None) -> tuple[str, ...]:
        """Fields that may hold the id of a record, of which the first that has one does."""
        if self._uid_field:
            return (self._uid_field,)
        own = source.uid if source is not None else ""
        return (*_UIDS, own) if own and own not in _UIDS else _UIDS

    def of(self, record: NativeRecord, source: Source | None) -> Tells:
        """Of a whole record; `source` is None where none knows it."""
        return (*self._id(record, source), self._time(record, source))

    def of_part(self, part: NativeRecord, source: Source | None) -> Tells | None:
        """The same by some fields of a record alone; None where only the others can tell."""
        own, *others = self.times(source)
        time = time_in(part, (own,))
        if time is None and first(part, (own,)) is None:
            time = time_in(part, others)
        if time is None:
            return None
        id, unique = self._id(part, source)
        if not id and any(part.get(name) is not None for name in self.ids(source)):
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

    def _time(self, record: NativeRecord, source: Source | None) -> int | None:
        """A source may read its own field where nobody else could, and where that has nothing."""
        own, *others = self.times(source)
        time = time_in(record, (own,))
        asked = time is None and first(record, (own,)) is not None and not self._time_field
        if asked:
            time = _of_source(record, source)
        if time is None:
            time = time_in(record, others)
        if time is None and not asked and not self._time_field:
            time = _of_source(record, source)
        return time_in(record, RARE_TIMES) if time is None and not self._time_field else time

    def _id(self, record: NativeRecord, source: Source | None) -> tuple[str, bool]:
        for name in self.ids(source):
            value = first(record, (name,))
            if id := value if type(value) is str else text(value) or "":
                return id, self._is_unique(name, source)
        return "", True

    def _is_unique(self, name: str, source: Source | None) -> bool:
        return source is not None or bool(self._uid_field) or name in _UNIQUE


def _of_source(record: NativeRecord, source: Source | None) -> int | None:
    try:
        return source.event(record).time if source is not None else None
    except BadRecord:
        return None


_UIDS = ("eventID", "insertId", "uid", "id")

_UNIQUE = ("eventID", "insertId")
"""They hold the id of an event wherever they stand; `uid` and `id` may be of anything."""
