"""Correlations together: who watches whom, in which order, and which fields that takes.

A correlation may watch others: those come first. What is said here follows from the rules alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from core.correlate.form import Correlation, faults, monotone
from core.correlate.observe import Intake, Observation, field_of
from core.correlate.windows import Lens, Row
from core.errors import BadRule

__all__ = ["Group", "Inbox", "Plan", "Put", "needed_fields", "silent"]

Group: TypeAlias = tuple[str, ...]
"""The values of group-by, in its order."""

Put: TypeAlias = Callable[[str, Group, Row], None]
"""Give a group of a correlation a row that it has yet to take in."""


class Inbox:
    """Rows that groups have yet to take in, by correlation."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Group, list[Row]]] = {}

    def put(self, id: str, group: Group, row: Row) -> None:
        """As Put says."""
        self._rows.setdefault(id, {}).setdefault(group, []).append(row)

    def take(self, id: str) -> dict[Group, list[Row]]:
        """All of a correlation; from then on it has none."""
        return self._rows.pop(id, {})

    def drain(self) -> Iterator[tuple[str, Group, Row]]:
        """All there are; from then on there are none."""
        rows, self._rows = self._rows, {}
        for id, groups in rows.items():
            for group, many in groups.items():
                yield from ((id, group, row) for row in many)


class Plan:
    """Correlations ready to run. BadRule for one that can't be honoured."""

    def __init__(self, correlations: Iterable[Correlation]) -> None:
        ordered = _ordered(correlations)
        watched = {rule for one in ordered for rule in one.watched}
        carries = _carries(ordered)
        deferred: dict[str, bool] = {}
        lateness: dict[str, int] = {}
        spans = {one.id: one.timespan for one in ordered}
        for one in ordered:
            deferred[one.id] = _deferred(one, deferred)
            inner = (lateness.get(rule, 0) for rule in one.watched)
            lateness[one.id] = max(one.lateness, *inner)
        self.lenses: tuple[Lens, ...] = tuple(
            Lens(
                correlation=one,
                deferred=deferred[one.id],
                watched_by_others=one.id in watched,
                spans=tuple(spans.get(rule, 0) for rule in one.watched),
                carries=carries[one.id],
                lateness=lateness[one.id],
            )
            for one in ordered
        )
        """Those that are watched before those that watch them."""
        self._intakes: Mapping[str, tuple[Intake, ...]] = {
            rule: tuple(
                Intake(lens, rule) for lens in self.lenses if rule in lens.correlation.watched
            )
            for rule in watched
        }

    def concerns(self, seen: Observation) -> bool:
        """Whether the observation belongs to any group: not without the fields that make one."""
        return any(True for one in self._intakes.get(seen.rule, ()) for _ in one.rows(seen))

    def deliver(self, seen: Observation, put: Put) -> None:
        """Give an observation to every group that it belongs to."""
        for intake in self._intakes.get(seen.rule, ()):
            for group, row in intake.rows(seen):
                put(intake.id, group, row)


def needed_fields(correlations: Iterable[Correlation]) -> dict[str, frozenset[str]]:
    """For each rule that is watched and no correlation: the fields its observations must have."""
    ordered = _ordered(correlations)
    inner, carries = {one.id for one in ordered}, _carries(ordered)
    needed: dict[str, set[str]] = {}
    for one in ordered:
        for rule in one.watched:
            if rule not in inner:
                names = (*one.group_by, *one.fields, *carries[one.id])
                needed.setdefault(rule, set()).update(field_of(one, rule, name) for name in names)
    return {rule: frozenset(fields) for rule, fields in needed.items()}


def silent(correlations: Iterable[Correlation]) -> frozenset[str]:
    """Ids of the rules that make no finding of their own: they only feed correlations.

    One `generate` among those that watch a rule lets it speak; a correlation that is watched
    speaks when it says generate itself, too.
    """
    every = tuple(correlations)
    fed = {rule for one in every for rule in one.watched}
    loud = {rule for one in every if one.generate for rule in (one.id, *one.watched)}
    return frozenset(fed - loud)


def _ordered(correlations: Iterable[Correlation]) -> Sequence[Correlation]:
    """Each after those that it watches; otherwise in the order given."""
    every: dict[str, Correlation] = {}
    for one in correlations:
        for fault in faults(one):
            raise BadRule(f"correlation {one.id}: {fault}", file=one.rule.file)
        if one.id in every:
            raise BadRule(f"correlation {one.id} is there twice", file=one.rule.file)
        every[one.id] = one
    graph = {id: [rule for rule in one.watched if rule in every] for id, one in every.items()}
    try:
        return [every[id] for id in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise BadRule(
            f"correlations watch each other in a circle: {circle}",
            file=every[error.args[1][0]].rule.file,
        ) from error


def _deferred(one: Correlation, inner: Mapping[str, bool]) -> bool:
    """Whether an event that comes late, or an inner correlation's, could undo what was decided."""
    counts_episodes = one.type == "event_count" and any(rule in inner for rule in one.watched)
    waits = any(inner.get(rule, False) for rule in one.watched)
    return not monotone(one) or counts_episodes or waits


def _carries(ordered: Sequence[Correlation]) -> dict[str, tuple[str, ...]]:
    """For each correlation, the fields of its events that those that watch it ask for."""
    wanted: dict[str, dict[str, None]] = {one.id: {} for one in ordered}
    for one in reversed(ordered):
        for rule in one.watched:
            for name in (*one.group_by, *one.fields, *wanted[one.id]):
                if rule in wanted:
                    wanted[rule][field_of(one, rule, name)] = None
    known = {
        one.id: {*one.group_by, *(one.fields if one.type == "first_seen" else ())}
        for one in ordered
    }
    return {
        id: tuple(name for name in names if name not in known[id]) for id, names in wanted.items()
    }
