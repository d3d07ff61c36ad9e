"""Which columns a header has: native paths, chosen by what the rules name and by what was asked.

The exact ones are told apart text by text, the extra ones are only searched. A field is known when
the exact columns hold every path that it may be found at. It knows nothing of answers or bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from core.detect.gates import gate_fields
from core.detect.matcher import Fields
from core.detect.partial import fields_of
from core.rulebook import Rulebook

__all__ = ["Barred", "Columns", "Lesson", "column_of", "is_sound", "overlap"]

MOST_EXACT = 8
MOST_EXTRA = 12
"""Columns of each kind. More would settle more rules, and cost each record more."""

MOST_COVERED = 200
"""Rules that are tried in turn for a header that has all they look at."""

BUSY_RULES, BUSY_SHARE = 4, 8
"""So many rules at most, of which each makes one in so many of all questions."""

FEW_TEXTS = 10
"""A field has few texts if it has one in so many records at most."""

UNBOUND = 1_000
"""Weight of a rule that no exact field holds back: it is asked for every record."""


class Lesson(NamedTuple):
    """What was asked beyond what the exact fields settle."""

    matched: Counter[int]
    refuted: Counter[int]
    """How often, by rule."""
    let_through: Counter[str]
    """How often an extra field left a rule possible, by field."""
    records: tuple[Any, ...] = ()
    """Some of the records that were opened."""

    def __add__(self, other: Lesson) -> Lesson:  # type: ignore[override]
        return Lesson(
            self.matched + other.matched,
            self.refuted + other.refuted,
            self.let_through + other.let_through,
            (*self.records, *other.records),
        )


class Barred(NamedTuple):
    """Native paths that make no columns."""

    everywhere: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    """No exact ones: they have too many texts."""


class Columns:
    """The columns for some rules."""

    def __init__(
        self,
        book: Rulebook,
        numbers: Sequence[int],
        fields: Fields,
        route: str,
        lesson: Lesson,
        barred: Barred,
    ) -> None:
        self._book, self._numbers, self._fields = book, numbers, fields
        self._route, self._lesson, self._barred = route, lesson, barred
        self.below: set[str] = set()
        """Paths that lead through columns; no record may have one of them as a dotted key."""
        self._columns: list[str] = []
        self._taken: set[str] = set()
        self._known: dict[str, bool] = {}
        self.exact = self._exact()
        """Native paths."""
        self._parts = [path.split(".") for path in self.exact]
        self.extra = self._extra()
        """Fields; what is at the first of their paths that exists is one column."""

    def knows(self, field: str) -> bool:
        """Do the exact columns tell the field?"""
        found = self._known.get(field)
        if found is None:
            reads = self._fields.reads(field)
            found = bool(reads) and all(path in self.exact or self._told(path) for path in reads)
            self._known[field] = found
        return found

    def paths(self, field: str) -> tuple[str, ...]:
        """The native paths of a field, without those that lead through another of them; none when
        it is derived or oddly named.
        """
        paths = self._fields.paths(field)
        if not all(map(is_sound, paths)):
            return ()
        return tuple(one for one in paths if not column_of(one, [p for p in paths if p != one]))

    def nested(self, field: str) -> bool:
        """May an object at one of the paths hold the field's value?"""
        return len(self.paths(field)) < len(self._fields.paths(field))

    @property
    def extra_paths(self) -> tuple[tuple[str, ...], ...]:
        """The native paths of the extra fields."""
        return tuple(map(self.paths, self.extra))

    def of_exact(self, values: Sequence[Any]) -> dict[str, Any]:
        """A record of which only the exact columns are there; UNSET is left out."""
        record: dict[str, Any] = {}
        for parts, value in zip(self._parts, values, strict=True):
            if value is not msgspec.UNSET:
                inner = record
                for key in parts[:-1]:
                    inner = inner.setdefault(key, {})
                inner[parts[-1]] = value
        return record

    def _told(self, path: str) -> bool:
        """Would an object in an exact column have it?"""
        return path in self.below and bool(column_of(path, self.exact))

    def _exact(self) -> tuple[str, ...]:
        """Columns of the route, then of fields that most rules name, or that rules name which match
        often and lack those.

        Not more: each is asked of every record, and each with many different texts makes the
        combinations many.
        """
        named = Counter(f for n in self._numbers for f in self._book.entries[n].needs)
        usual = [f for f, count in named.most_common(2) if count > 0.4 * len(self._numbers)]
        matched: Counter[str] = Counter()
        for number, times in self._lesson.matched.items():
            needs = self._book.entries[number].needs
            if needs.keys().isdisjoint((self._route, *usual)):
                matched.update(dict.fromkeys(needs, times))
        least = self._lesson.matched.total() // 50
        learned = [f for f, times in matched.most_common() if times > least]
        ranked = dict.fromkeys([self._route, *usual, *learned] if self._route else usual + learned)
        for field in (*ranked, *self._derived(), *self._of_busiest()):
            new = self._room(field)
            if new is None or len(self._columns) + len(new) > MOST_EXACT:
                continue
            if frozenset().union(*self._barred).isdisjoint(new):
                self._columns += new
                self.below.update(set(self._fields.reads(field)).difference(self._columns))
        return tuple(self._columns)

    def _of_busiest(self) -> Iterator[str]:
        """Fields of rules that were asked of a good part of the records: the header alone should
        decide those.
        """
        asked = self._lesson.refuted + self._lesson.matched
        for number, times in asked.most_common(BUSY_RULES):
            fields = fields_of(self._book.detection(number))
            missing = [f for f in fields if f is None or not self._is_told(f)]
            told = all(field and self._has_few_texts(field) for field in missing)
            if told and times * BUSY_SHARE > asked.total():
                yield from sorted(field for field in missing if field)

    def _is_told(self, field: str) -> bool:
        """By the columns so far."""
        reads = self._fields.reads(field)
        return bool(reads) and all(path in self._columns for path in reads)

    def _has_few_texts(self, field: str) -> bool:
        """Of many different ones there would be too many combinations."""
        find, records = self._fields.finder(field), self._lesson.records
        texts = {repr(find(record)) for record in records}
        return bool(self._fields.reads(field)) and len(texts) * FEW_TEXTS <= len(records)

    def _derived(self) -> Iterator[str]:
        """Derived fields without which some rule would be asked of every record: they can't be
        extra ones.
        """
        for number in self._numbers:
            fields = fields_of(self._book.detection(number))
            if fields and not any(f is None or self._fields.paths(f) for f in fields):
                yield from sorted(field for field in fields if field)

    def _room(self, field: str) -> list[str] | None:
        """The columns that the field would still take; None when it can't be told by columns."""
        new: list[str] = []
        for path in sorted(self._fields.reads(field), key=_depth):
            every = (*self._columns, *new)
            if not is_sound(path):
                return None
            if column_of(path, every):
                continue
            if any(overlap(path, other) for other in every):
                return None
            new.append(path)
        return new

    def _extra(self) -> tuple[str, ...]:
        """Fields that can rule out, or decide, rules that are asked often.

        Those that can rule out what is asked of every record come first.
        """
        tests: Counter[str] = Counter()
        for number in self._numbers:
            weight = self._lesson.refuted[number]
            if not any(map(self.knows, self._book.entries[number].needs)):
                weight += UNBOUND
            if weight:
                detection = self._book.detection(number)
                # More columns for one rule pay where it would be asked of every record.
                fields = gate_fields(detection, several=weight >= UNBOUND)
                tests.update(dict.fromkeys(sorted(field or "" for field in fields), weight))
        ranked = [field for field, _ in tests.most_common()]
        chosen = self._compatible([f for f in ranked if tests[f] >= UNBOUND], MOST_EXTRA)
        chosen += self._cover(chosen)
        return (*chosen, *self._compatible(ranked, MOST_EXTRA - len(chosen)))

    def _cover(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """The fields that let the header decide nearly all that was asked of records, or none.

        Short of that, most chunks would be decoded twice all the same, the fields read for nothing.
        """
        asked = self._lesson.refuted + self._lesson.matched
        before, added, decided = len(self._columns), tuple[str, ...](), 0
        for number, times in asked.most_common(MOST_COVERED):
            fields = fields_of(self._book.detection(number)).difference(chosen, added)
            missing = [field for field in fields if field is None or not self.knows(field)]
            # Further down lists are usual, which a header can't pass through.
            shallow = [
                f
                for f in sorted(filter(None, missing))
                if max(map(_depth, self.paths(f)), default=0) <= 1
            ]
            mark = len(self._columns)
            more = self._compatible(shallow, MOST_EXTRA - len(chosen) - len(added))
            if len(more) == len(missing):
                added, decided = added + more, decided + times
            else:
                del self._columns[mark:]
        if decided > 0.95 * asked.total():
            return added
        del self._columns[before:]
        return ()

    def _compatible(self, ranked: Iterable[str], most: int) -> tuple[str, ...]:
        """The first fields whose native paths are columns, or neither above nor below any."""
        chosen: list[str] = []
        for field in ranked:
            paths = self.paths(field)
            new = [path for path in paths if path not in self._columns]
            fits = not any(overlap(path, other) for path in new for other in self._columns)
            if (
                self.knows(field)
                or field in self._taken
                or not self._barred.everywhere.isdisjoint(paths)
            ):
                continue
            if paths and fits and len(chosen) < most:
                self._columns += new
                self.below.update(set(self._fields.paths(field)).difference(paths))
                chosen.append(field)
        self._taken.update(chosen)
        return tuple(chosen)


def column_of(path: str, columns: Iterable[str]) -> str:
    """The column that holds what is at the path: the path itself or one above; "" for none."""
    return next((one for one in columns if f"{path}.".startswith(f"{one}.")), "")


def is_sound(path: str) -> bool:
    """Can a header have a column for it? Not for a key that JSON writes with escapes, or none."""
    return all(path.split(".")) and not _ESCAPED.search(path)


def _depth(path: str) -> int:
    return path.count(".")


def overlap(one: str, two: str) -> bool:
    """Are the paths the same, or does one lead through the other?"""
    return f"{one}.".startswith(f"{two}.") or f"{two}.".startswith(f"{one}.")


_ESCAPED = re.compile(r'[\x00-\x1f"\\]')
