"""Where watched hits were read, and what was in them: kept until a hunt knows which correlations
fired.

In memory while they are few, and in a temporary file from then on, so that a hunt through years
needs no more memory than one through days. Nothing here knows correlations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from core.correlate.spool import ROOM, database

__all__ = ["Place", "Sighting", "Sightings"]


class Place(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where an event was read; the order is that of copies, of which the least counts."""

    source_file: str
    record: int
    event: str
    source: str


Key: TypeAlias = tuple[str, str, int]
"""Rule, id of the event, time."""


class Sighting(NamedTuple):
    """A watched rule fired on an event."""

    rule: str
    id: str
    time: int
    place: Place
    values: tuple[Any, ...]
    """Of the fields that were asked for, in their order."""


class Sightings:
    """All sightings, each once: of copies of an event, the one of the least place."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._near: dict[Key, tuple[Place, tuple[Any, ...]]] = {}
        self._far: Any = None

    def add(self, seen: Sighting) -> None:
        """Remember one; it does not matter in which order they come."""
        key = (seen.rule, seen.id, seen.time)
        known = self._near.get(key)
        if known is None or seen.place < known[0]:
            self._near[key] = (seen.place, seen.values)
        if len(self._near) >= self._room:
            self._empty()

    def __iter__(self) -> Iterator[Sighting]:
        """All of them, in no order."""
        if self._far is None:
            for (rule, id, time), (place, values) in self._near.items():
                yield Sighting(rule, id, time, place, values)
            return
        self._empty()
        for row in self._far.execute("SELECT * FROM sightings"):
            yield _read(row)

    def _empty(self) -> None:
        if self._far is None:
            self._far = database()
            self._far.execute(_TABLE)
        self._far.execute("BEGIN")
        self._far.executemany(_UPSERT, self._rows())
        self._far.execute("COMMIT")
        self._near.clear()

    def _rows(self) -> Iterable[tuple[Any, ...]]:
        for (rule, id, time), (place, values) in self._near.items():
            yield (
                *(_bytes(rule), _bytes(id), time),
                *(_bytes(place.source_file), place.record),
                *(_bytes(place.event), _bytes(place.source)),
                msgspec.json.encode(values),
            )


def _bytes(text: str) -> bytes:
    """File names and ids may be no valid Unicode. Their order as bytes is that as text."""
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _read(row: tuple[Any, ...]) -> Sighting:
    rule, id, time, file, record, event, source, values = row
    place = Place(_text(file), record, _text(event), _text(source))
    return Sighting(_text(rule), _text(id), time, place, tuple(msgspec.json.decode(values)))


_TABLE = """
CREATE TABLE sightings (
    rule BLOB, id BLOB, time INTEGER,
    file BLOB, record INTEGER, event BLOB, source BLOB, found BLOB,
    PRIMARY KEY (rule, id, time)
) WITHOUT ROWID
"""

_UPSERT = """
INSERT INTO sightings VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (rule, id, time) DO UPDATE SET
    file = excluded.file, record = excluded.record, event = excluded.event,
    source = excluded.source, found = excluded.found
WHERE (excluded.file, excluded.record, excluded.event, excluded.source)
    < (sightings.file, sightings.record, sightings.event, sightings.source)
"""
