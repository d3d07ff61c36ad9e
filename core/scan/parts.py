"""What is wanted of a matching record beside its hits: told by its header where that is possible.

Its time and id, in groups of top-level fields, and for some rules the fields that correlations look
at. It knows neither bytes nor what rules look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from core.detect import Plan
from core.detect.columns import overlap
from core.model import NativeRecord, Rule
from core.scan.headers import UNSET, Layout

__all__ = ["Parts", "Wanted"]

MOST = 16
"""Columns that are decoded of every record for the few that match."""


class Wanted(NamedTuple):
    """What a reader of matches needs of their records; without any group, all of it."""

    groups: tuple[tuple[str, ...], ...] = ()
    """Top-level fields: of each group the first that has a value. "" at the end of one: it may have
    none."""
    fields: Mapping[str, Sequence[str]] = {}
    """Rule id -> fields, as the rule means them, of the records that it matches."""


class Parts:
    """The columns for what is wanted of records of one source, beside others that are decoded."""

    def __init__(self, wanted: Wanted, plan: Plan, columns: Sequence[str], *, deep: bool) -> None:
        self._groups = wanted.groups
        names = tuple(dict.fromkeys(name for group in wanted.groups for name in group if name))
        within = {path.partition(".")[0] for path in columns if "." in path}
        self.lean = bool(names) and within.isdisjoint(names)
        self.names = names if self.lean else ()
        """Top-level fields."""
        self._paths: dict[str, tuple[str, ...] | None] = {}
        self._columns = (*columns, *self.names)
        self.paths: tuple[str, ...] = ()
        """Native paths beside."""
        self._ways: dict[str, _Way] = {}
        for number in plan.numbers if self.lean else ():
            id = plan.book.entries[number].id
            if id in wanted.fields:
                rule = plan.book.rule(number)
                self._paths[id] = self._room(plan, rule, wanted.fields[id]) if deep else None

    def of(self, layout: Layout, header: Any, rules: Iterable[Rule]) -> NativeRecord | None:
        """What is wanted of a record that these rules match; None when only it itself can tell.

        `layout` is the one that was made for these columns.
        """
        if not self.lean:
            return None
        found = self._named(layout, header)
        if found is None:
            return None
        for rule in rules:
            paths = self._paths.get(rule.id, ())
            if paths is None:
                return None
            for path in paths:
                _put(found, self._way(layout, path), header)
        return found

    def _named(self, layout: Layout, header: Any) -> dict[str, Any] | None:
        """What stands at the top; None when some group has nothing there."""
        values = zip(self.names, layout.part(header), strict=True)
        found = {name: value for name, value in values if value is not UNSET}
        for group in self._groups:
            for name in group:
                if not name or found.get(name) is not None:
                    break
            else:
                return None
        return found

    def _way(self, layout: Layout, path: str) -> _Way:
        way = self._ways.get(path)
        if way is None:
            *above, last = path.split(".")
            way = self._ways[path] = _Way(layout.finder((path,)), tuple(above), last)
        return way

    def _room(self, plan: Plan, rule: Rule, fields: Iterable[str]) -> tuple[str, ...] | None:
        """The paths of a rule's fields, made columns; None when a header can't tell them all."""
        paths = [plan.path(rule, field) for field in fields]
        every = (*self._columns, *self.paths)
        new = [path for path in dict.fromkeys(paths) if path not in every]
        if not all(paths) or len(self.paths) + len(new) > MOST:
            return None
        if any(overlap(path, other) for path in new for other in (*every, *new) if path != other):
            return None
        self.paths += tuple(new)
        return tuple(paths)


class _Way(NamedTuple):
    """From a header to where a record would have what is at a path."""

    find: Callable[[Any], list[Any]]
    above: tuple[str, ...]
    last: str


def _put(record: dict[str, Any], way: _Way, header: Any) -> None:
    """Put a value that a header has where a record would have it."""
    for value in way.find(header):
        inner = record
        for key in way.above:
            inner = inner.setdefault(key, {})
        inner[way.last] = value
