"""Correlations over a stream, with their state in a Store: each call may be a fresh process.

One value per correlation and group, written on condition of its version; who loses the race takes
the winner's state and goes on from there. A firing is owed until the caller has taken it: a crash
in between gives it out again with the next delivery. Nothing here knows what a firing leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from core.correlate.group import Firing, State, Step, confirmed, settle, step
from core.correlate.observe import Observation, of_firing
from core.correlate.plan import Group, Inbox, Plan
from core.correlate.windows import Lens, Row
from core.errors import Busy, Conflict, Retry
from core.model import digest
from core.ports import Clock, Metrics, Store

__all__ = ["DEFERRED", "IMMEDIATE", "Correlator"]

IMMEDIATE, DEFERRED = "correlation", "correlation-deferred"
"""Kinds in the Store. The second is what the schedule has to go through."""

SLACK_MS = 86_400_000
"""A state is kept for a day longer than its window, so that a schedule that stood still for a
while finds what it has to decide."""

TRIES = 8


class Correlator:
    """Observations in, firings out to `handle`, which must bear being given one again.

    `handle` gets a firing when it is new and whenever it changed. A Retry that it raises is passed
    on when all others have been handled too, and the firing comes again. What only correlations in
    between see is handled too: whether it is a finding, `core.correlate.silent` says.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        clock: Clock,
        handle: Callable[[Firing], None],
        metrics: Metrics = lambda name, value: None,
    ) -> None:
        self._plan, self._store, self._clock = plan, store, clock
        self._handle, self._metrics = handle, metrics

    def observe(self, observations: Iterable[Observation]) -> None:
        """Take in what rules saw. Raises Busy, a Retry, when a group is contended."""
        inbox = Inbox()
        for seen in observations:
            self._plan.deliver(seen, inbox.put)
        self._run(inbox, None)

    def settle(self) -> None:
        """Decide what had to wait, by the clock. For the schedule: every few minutes.

        An event that comes later than its correlation's lateness may not be counted any more.
        """
        known = {lens.correlation.revision: lens.correlation.id for lens in self._plan.lenses}
        waiting: dict[str, set[Group]] = {}
        for _, entry in self._store.scan(DEFERRED):
            state = entry.value["state"]
            # Most groups of first_seen are mere memory, and nothing to decide.
            open_ = state.get("rows") or state.get("episodes")
            if open_ and entry.value["revision"] in known:
                id = known[entry.value["revision"]]
                waiting.setdefault(id, set()).add(tuple(entry.value["group"]))
        self._run(Inbox(), waiting)

    def _run(self, inbox: Inbox, waiting: Mapping[str, set[Group]] | None) -> None:
        """Those that are watched first. What they gave out is confirmed when all of it arrived.

        `waiting`: on the schedule, the groups that are to be decided; those that get something
        in the course of it are decided too, so that those who watch them don't go ahead of them.
        """
        done: list[_Done] = []
        owed: list[Retry] = []
        now = self._clock()
        for lens in self._plan.lenses:
            id = lens.correlation.id
            new, due = inbox.take(id), (waiting or {}).get(id, set())
            until = now - lens.lateness if waiting is not None else None
            for group in sorted(due.union(new)):
                one = self._apply(lens, group, new.get(group, ()), until)
                for row in one.step.passed:
                    self._plan.deliver(of_firing(lens, group, row), inbox.put)
                if not (failed := self._handed(one.step.firings)):
                    done.append(one)
                owed += failed
        for one in done:
            self._confirm(one)
        if owed:
            raise owed[0]

    def _handed(self, firings: Iterable[Firing]) -> list[Retry]:
        """Hand firings out; why some could not be handled yet."""
        failed: list[Retry] = []
        for firing in firings:
            try:
                self._handle(firing)
            except Retry as error:
                failed.append(error)
        return failed

    def _apply(self, lens: Lens, group: Group, new: Sequence[Row], until: int | None) -> _Done:
        for _ in range(TRIES):
            version, state = self._load(lens, group)
            result = step(lens, group, state, new)
            if until is not None:
                result = settle(lens, group, result.state, until)._replace(late=result.late)
            try:
                if not _same(state, result.state, new):
                    version = self._save(lens, group, result.state, version)
            except Conflict:
                continue
            if result.late:
                self._metrics("late", result.late)
            return _Done(lens, group, result, version)
        raise Busy(f"correlation {lens.correlation.id} is contended")

    def _confirm(self, one: _Done) -> None:
        """Mark what was taken. Left undone in a race, it is only given out once more."""
        if not one.step.firings and not one.step.passed:
            return
        state, version = one.step.state, one.version
        for _ in range(TRIES):
            taken = confirmed(state, one.step)
            if taken == state:
                return
            try:
                self._save(one.lens, one.group, taken, version)
                return
            except Conflict:
                version, state = self._load(one.lens, one.group)

    def _load(self, lens: Lens, group: Group) -> tuple[int, State]:
        entry = self._store.get(_kind(lens), _id(lens, group))
        if entry is None:
            return 0, State()
        return entry.version, msgspec.convert(entry.value["state"], State)

    def _save(self, lens: Lens, group: Group, state: State, version: int) -> int:
        it = lens.correlation
        value: dict[str, Any] = {
            "rule": it.id,
            "revision": it.revision,
            "group": group,
            "state": msgspec.to_builtins(state),
        }
        expires = self._clock() + it.timespan + lens.lateness + SLACK_MS
        return self._store.put(
            _kind(lens), _id(lens, group), value, version=version, expires=expires
        )


class _Done(NamedTuple):
    """What a group gave out, and the version under which its state was stored."""

    lens: Lens
    group: Group
    step: Step
    version: int


def _same(old: State, after: State, new: Sequence[Row]) -> bool:
    """Whether nothing is worth a write. That time went by alone isn't, unless rows came: they may
    have been taken in, decided upon and dropped already.
    """
    return old == (after if new else msgspec.structs.replace(after, decided=old.decided))


def _kind(lens: Lens) -> str:
    return DEFERRED if lens.deferred else IMMEDIATE


def _id(lens: Lens, group: Group) -> str:
    return digest("correlation", lens.correlation.revision, *group)
