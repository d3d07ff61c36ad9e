"""Where a record has its time and its id."""

from __future__ import annotations

from collections.abc import Sequence

from core.detect.columns import is_sound
from core.detect.values import RARE_TIMES, TIMES, first, text, time_in
from core.errors import BadRecord
from core.model import NativeRecord
from core.ports import Source

__all__ = ["Told"]


class Told:
    """What a record tells of itself. A user may say in which fields."""

    def __init__(self, time_field: str = "", uid_field: str = "") -> None:
        self._times = (time_field,) if time_field else TIMES
        self._uids = (uid_field,) if uid_field else _UIDS
        plain = all("." not in name and is_sound(name) for name in (*self._times, *self._uids))
        self.names = (self._times, (*self._uids, "")) if plain else ()
        """Top-level fields, of each group the first that has a value; () if some are further down.
        """

    def of(self, record: NativeRecord, shapes: Sequence[Source]) -> tuple[str, int | None]:
        """(id, time) of a record. Where none of the usual fields holds them, its source says, whose
        shapes differ in where the id is.
        """
        uid, time = self.uid(record), self.time(record)
        if not uid and self._uids is _UIDS:
            uid = text(first(record, [shape.uid for shape in shapes])) or ""
        if time is None and self._times is TIMES:
            time = self._of_source(record, shapes)
        return uid, time

    def _of_source(self, record: NativeRecord, shapes: Sequence[Source]) -> int | None:
        try:
            return shapes[0].event(record).time if shapes else _rarely(record)
        except BadRecord:
            return _rarely(record)

    def moment(self, record: NativeRecord, source: Source | None) -> int | None:
        """The time of a record, epoch ms."""
        return self.of(record, () if source is None else (source,))[1]

    def has_time(self, record: NativeRecord) -> bool:
        """Does what is there of the record tell its time?"""
        return self.time(record) is not None

    def time(self, record: NativeRecord) -> int | None:
        """Epoch milliseconds of the first field that reads as a time."""
        return time_in(record, self._times)

    def uid(self, record: NativeRecord) -> str:
        """The first id that is there, as text."""
        value = first(record, self._uids)
        return value if type(value) is str else text(value) or ""


def _rarely(record: NativeRecord) -> int | None:
    return time_in(record, RARE_TIMES)


_UIDS = ("eventID", "insertId", "uid", "id")
