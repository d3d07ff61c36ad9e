"""The correlations of a rulebook, over the hits of a hunt.

    hits -> observations -> core.correlate -> firings, each with the place of a hit

It knows where a record was read; how a field is found in one is core.watch's affair, and when a
correlation fires core.correlate's. docs/decisions/0075-correlations-in-a-hunt.md says what is kept
and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from core.correlate import Firing, Observation, correlate_all
from core.correlate.observe import short, whole_texts
from core.correlate.spool import ROOM
from core.detect import Detector
from core.errors import BadRecord
from core.hunt import Found, Tally, hits, hunt, moment
from core.model import NativeRecord
from core.sightings import Place, Sighting, Sightings
from core.watch import Watch, key

__all__ = ["Chains", "Fired", "fires", "reopened"]

NAMELESS = "\0"
"""Begins the ids that are given to records without one."""


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation fired in a hunt."""

    firing: Firing
    found: Found
    """The correlation's rule at the place of the event that completed it, without its record."""
    events: tuple[str, ...]
    """Ids of the contributing events as the records have them; `FILE:RECORD` where one has none."""


class Chains:
    """Takes in the hits of a hunt, in any order, and tells at its end which correlations fired.

    It keeps of each watched hit its id, time, place and the values asked for; never the record.
    """

    def __init__(self, detector: Detector, room: int = ROOM) -> None:
        self._watch, self._room = Watch(detector), room
        self._seen = Sightings(room)
        self._nameless: set[str] = set()
        """Files with records that have no id."""
        self._latest: int | None = None
        self.undated = 0
        """Watched hits without a readable time: they could take part in nothing."""

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """What a hunt has to be asked for, so that its hits have what is looked at here."""
        return self._watch.needed

    def see(self, found: Found) -> bool:
        """Take in a hit. Whether it is told too: not when its rule only feeds correlations."""
        if not self._watch.correlations:
            return True
        if found.time is not None:
            self._latest = found.time if self._latest is None else max(found.time, self._latest)
        if found.rule.id in self._watch.needed:
            self._keep(found)
        return found.rule.id not in self._watch.silent

    @property
    def waits(self) -> bool:
        """Whether it matters where the input ends: something is missed if it stays out."""
        return any(one.type == "absence" for one in self._watch.correlations)

    def fired(self, until: int | None = None) -> tuple[Fired, ...]:
        """Every firing that is told, by time. `until` (epoch ms, exclusive): where the input ends;
        by default at the latest hit.
        """
        silent, keys = self._watch.silent, self._keys()
        told = [firing for firing in self.firings(until) if firing.rule.id not in silent]
        named = {key for firing in told for key in (firing.completed_by, *firing.events)}
        places: dict[str, list[tuple[int, Place]]] = {key: [] for key in named}
        whole: dict[str, str] = {}
        for seen in self._seen:
            if (key := keys(seen.id)) in places:
                places[key].append((seen.time, seen.place))
                whole |= ((short(said), said) for one in seen.values for said in whole_texts(one))
        return tuple(_fired(_spelt_out(firing, whole), places) for firing in told)

    def firings(self, until: int | None = None) -> tuple[Firing, ...]:
        """As `fired`, those that only other correlations see included, and without their places."""
        keys = self._keys()
        seen = (
            Observation(
                rule=one.rule,
                uid=keys(one.id),
                time=one.time,
                values=dict(zip(self._watch.needed[one.rule], one.values, strict=True)),
            )
            for one in self._seen
        )
        end = self._latest if until is None else until - 1
        return correlate_all(self._watch.correlations, seen, end, self._room)

    def _keep(self, found: Found) -> None:
        """Remember a hit, if its record has a readable time."""
        if found.time is None:
            self.undated += 1
            return
        place = Place(found.source_file, found.record, found.event, found.source)
        id = found.event
        if not id or not found.unique:
            id = f"{NAMELESS}{found.source_file}:{found.record}"
            self._nameless.add(found.source_file)
        self._seen.add(Sighting(found.rule.id, id, found.time, place, found.values))

    def _keys(self) -> _Keys:
        return _Keys(self._nameless)


class _Keys:
    """The ids of events as correlations see them: short, and those given to records without one in
    the order of their places, as the order of ids decides which of equal times came first.
    """

    def __init__(self, nameless: Iterable[str]) -> None:
        self._ranks = {file: rank for rank, file in enumerate(sorted(nameless))}

    def __call__(self, id: str) -> str:
        """The key of an event."""
        if not id.startswith(NAMELESS):
            return key(id)
        file, _, record = id.removeprefix(NAMELESS).rpartition(":")
        if file in self._ranks and record.isdecimal():
            return f"{NAMELESS}{self._ranks[file]:08}:{record:>012}"
        return key(id)


def fires(detector: Detector, correlation: str, records: Sequence[NativeRecord]) -> bool:
    """Whether a correlation fires in a hunt over these records, which ends at the latest of them.

    For its examples. BadRecord when one of them is of no known source or has no readable time.
    """
    chains, tally = Chains(detector), Tally()
    for found in hits(records, detector, tally, chains.fields):
        chains.see(found)
    times = [time for record in records if (time := moment(record, detector.sources)) is not None]
    if tally.unknown or tally.rejections:
        raise BadRecord("holds a record of no source known here")
    if len(times) < len(records):
        raise BadRecord("holds a record without a readable time")
    firings = chains.firings(max(times, default=0) + 1)
    return any(firing.rule.id == correlation for firing in firings)


def reopened(
    fired: Iterable[Fired], detector: Detector, *, time_field: str = "", uid_field: str = ""
) -> Iterator[Found]:
    """What was found for each firing, with its record: the files in question are read again.

    A file that can't be read twice (a pipe) leaves its records empty.
    """
    every = tuple(fired)
    wanted: dict[str, set[int]] = {}
    for one in every:
        wanted.setdefault(one.found.source_file, set()).add(one.found.record)
    natives: dict[tuple[str, int], NativeRecord] = {}
    for file, records in wanted.items():
        natives |= _natives(file, records, detector, time_field, uid_field)
    for one in every:
        native = natives.get((one.found.source_file, one.found.record), {})
        yield msgspec.structs.replace(one.found, native=native)


def _natives(
    file: str, records: set[int], detector: Detector, time_field: str, uid_field: str
) -> Mapping[tuple[str, int], NativeRecord]:
    path = Path(file)
    if not path.is_file():
        return {}
    found = hunt([path], detector, Tally(), time_field=time_field, uid_field=uid_field)
    return {(file, one.record): one.native for one in found if one.record in records}


def _spelt_out(firing: Firing, whole: Mapping[str, str]) -> Firing:
    """With the values of its group as its events have them, not as they are kept."""
    group = {name: whole.get(value, value) for name, value in firing.group.items()}
    return msgspec.structs.replace(firing, group=group)


def _fired(firing: Firing, places: Mapping[str, list[tuple[int, Place]]]) -> Fired:
    place = _nearest(places[firing.completed_by], firing.time)
    found = Found(
        rule=firing.rule,
        event=place.event,
        unique=True,
        time=firing.time,
        source=place.source,
        source_file=place.source_file,
        record=place.record,
        native={},
    )
    events = (_nearest(places[key], firing.last) for key in firing.events)
    return Fired(
        firing=firing,
        found=found,
        events=tuple(one.event or f"{one.source_file}:{one.record}" for one in events),
    )


def _nearest(places: list[tuple[int, Place]], time: int) -> Place:
    """The place of the latest that is no later than `time`: ids may come again at other times."""
    latest = max((one[0] for one in places if one[0] <= time), default=None)
    return min(place for at, place in places if latest is None or at == latest)
