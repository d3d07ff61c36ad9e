"""Correlations over all there is, at once: for hunts. Exact, without cap, lateness or Store.

Memory is bounded by the windows, not by the input: rows go through a spool, group by group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain

from core.correlate.form import Correlation
from core.correlate.group import Firing, State, Step, confirmed, settle, step
from core.correlate.observe import Observation, of_firing
from core.correlate.plan import Group, Plan
from core.correlate.spool import PIECE, ROOM, Spool
from core.correlate.windows import Lens, Row, scarce

__all__ = ["correlate_all"]


def correlate_all(
    correlations: Iterable[Correlation],
    observations: Iterable[Observation],
    until: int | None = None,
    room: int = ROOM,
    piece: int = PIECE,
) -> tuple[Firing, ...]:
    """Every firing, inner ones included, in order of time; the same for any order of input.

    `until` (epoch ms): how far the input reaches, for what is missing at its end; by default to
    the latest observation. `room`: rows that are kept in memory; `piece`: of a group, that are
    looked at together, at least, when they are not.
    """
    plan, end = Plan(correlations), until or 0
    firings: list[Firing] = []
    with closing(Spool(room, piece)) as spool:
        for seen in observations:
            plan.deliver(seen, spool.put)
            end = max(end, seen.time) if until is None else until
        for lens in plan.lenses:
            too_few = scarce(lens)
            for group, pieces in spool.take(lens.correlation.id):
                first = next(pieces)
                if len(first) < piece and too_few(first):
                    continue  # there is no more of it, as most groups are small
                found: dict[str, Firing] = {}
                for done in _steps(lens, group, chain((first,), pieces), end):
                    found |= {firing.uid: firing for firing in done.firings}
                    for row in done.passed:
                        plan.deliver(of_firing(lens, group, row), spool.put)
                firings.extend(found.values())
    return tuple(sorted(firings, key=lambda one: (one.time, one.rule.id, one.uid)))


def _steps(lens: Lens, group: Group, pieces: Iterator[list[Row]], end: int) -> Iterator[Step]:
    """What comes of a group's rows; each piece is later than the one before."""
    state = State()
    for piece in pieces:
        done = step(lens, group, state, piece, cap=None)
        if lens.deferred:
            last = max(row.time for row in piece)
            done = settle(lens, group, done.state, min(last, end), cap=None)
        yield done
        state = confirmed(done.state, done)
    if lens.deferred:
        yield settle(lens, group, state, end, cap=None)
