"""What is wanted of a matching record beside its hits.

Its time and id, which a header tells where that is possible; and for some rules the fields that
correlations look at, for which that part of the record is decoded: to decode it of every record,
for the few that match, would cost more. It knows neither bytes nor what rules look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import msgspec

from core.detect import Detector
from core.detect.columns import is_sound
from core.model import NativeRecord, Rule
from core.ports import Source
from core.scan.headers import UNSET, Layout
from core.scan.told import Quickly, Tells, Told

__all__ = ["Asked", "Needs", "Parts", "Reader", "Values"]

Values: TypeAlias = tuple[Any, ...]
"""Of some fields, each its value, or a list where there is not exactly one."""

Reader: TypeAlias = Callable[[Any], NativeRecord]
"""Reads a record, or a part of it, from its bytes. It raises what msgspec does."""


class Needs(NamedTuple):
    """What is to be known of records."""

    told: Told
    asked: Asked
    lean: bool
    """Of those that match their time and id, what is asked for, and no more."""
    timed: bool
    """Of each its time."""


class Parts:
    """The columns for a record's time and id, beside others that are decoded."""

    def __init__(
        self, needs: Needs, source: Source | None, columns: Iterable[str], sample: NativeRecord
    ) -> None:
        """`sample`: what records are like."""
        told = self._told = needs.told
        self._source = source
        wanted = needs.lean or needs.timed
        times, ids = self._groups = _groups(told, source, sample) if wanted else ((), ())
        names = tuple(dict.fromkeys(name for group in self._groups for name in group if name))
        within = {path.partition(".")[0] for path in columns if "." in path}
        self.names = names if within.isdisjoint(names) else ()
        """Top-level fields."""
        self._quickly: Quickly = lambda values: None
        if times and ids and self.names and len(names) == len(times) + len(ids):
            self._quickly = told.quickly(times, ids, source)

    def of(self, layout: Layout, header: Any) -> Tells | None:
        """What a record tells of itself; None when only it itself can tell.

        `layout` is the one that was made for these columns.
        """
        if not self.names:
            return None
        values = layout.part(header)
        return self._quickly(values) or self._carefully(dict(zip(self.names, values, strict=True)))

    def _carefully(self, found: NativeRecord) -> Tells | None:
        for group in self._groups:
            for name in group:
                if not name or found[name] not in _NOTHING:
                    break
            else:
                return None
        part = {name: value for name, value in found.items() if value is not UNSET}
        return self._told.of_part(part, self._source)


def _groups(
    told: Told, source: Source | None, sample: NativeRecord
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields for times, and for ids, of each group the first that has a value; () if a header,
    which has top-level fields only, can't tell those. "" at the end of one: it may have none.
    """
    times, every = told.times(source), told.ids(source)
    if not all(map(_is_above, times)):
        return (), ()
    ids = tuple(filter(_is_above, every))
    ids = (*ids, "") if ids == every else ids
    return likely(times, sample), likely(ids, sample)


def _is_above(field: str) -> bool:
    return "." not in field and is_sound(field)


def likely(names: tuple[str, ...], record: NativeRecord) -> tuple[str, ...]:
    """Those names that must be looked at if other records are like this one."""
    for number, name in enumerate(names):
        if record.get(name) is not None:
            return names[: number + 1]
    return names


class Asked:
    """The fields that are asked for of what some rules match."""

    def __init__(self, detector: Detector, fields: Mapping[str, Sequence[str]]) -> None:
        self._detector, self._fields = detector, fields
        self._finders: dict[tuple[str, str], tuple[Callable[[Any], list[Any]], ...]] = {}

    def values(
        self, source: str, rules: Iterable[Rule], record: NativeRecord
    ) -> tuple[Values, ...]:
        """For each of the rules, of the fields asked for of it; () if none are of any."""
        if not self._fields:
            return ()
        found = tuple([self._values(source, rule, record) for rule in rules])
        return found if any(found) else ()

    def reader(self, source: str, rules: Sequence[Rule]) -> Reader | None:
        """What reads as much of a record as these rules' fields take; None if they have none."""
        wanted = [(rule, name) for rule in rules for name in self._fields.get(rule.id, ())]
        if not wanted:
            return None
        plan = self._detector.plan(source)
        reads = [plan.fields.reads(plan.named(rule, name)) for rule, name in wanted]
        paths = tuple(sorted(set(chain(*reads))))
        return reader(paths) if all(reads) and all(map(is_sound, paths)) else _RECORD.decode

    def _values(self, source: str, rule: Rule, record: NativeRecord) -> Values:
        finders = self._finders.get((source, rule.id))
        if finders is None:
            plan, names = self._detector.plan(source), self._fields.get(rule.id, ())
            finders = tuple(plan.fields.finder(plan.named(rule, name)) for name in names)
            self._finders[source, rule.id] = finders
        return tuple([one[0] if len(one := find(record)) == 1 else one for find in finders])


@lru_cache(maxsize=256)
def reader(paths: tuple[str, ...]) -> Reader:
    """What reads as much of a record as the paths lead through: the top-level fields that they
    begin with, a key that contains dots among them.
    """
    split = [path.split(".") for path in paths]
    keys = sorted({".".join(one[:end]) for one in split for end in range(1, len(one) + 1)})
    names = {f"f{number}": key for number, key in enumerate(keys)}
    fields = [(name, Any, UNSET) for name in names]
    decode = msgspec.json.Decoder(msgspec.defstruct("Part", fields, rename=names)).decode
    get = attrgetter(*names) if len(names) > 1 else lambda part: (part.f0,)

    def read(data: Any) -> NativeRecord:
        found = zip(keys, get(decode(data)), strict=True)
        return {key: value for key, value in found if value is not UNSET}

    return read


_RECORD: msgspec.json.Decoder[NativeRecord] = msgspec.json.Decoder()

_NOTHING = (None, UNSET)
