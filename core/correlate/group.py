"""One correlation, one group: observations in, episodes and firings out. Pure, and all of it JSON.

An episode is a maximal run of windows that meet the condition and overlap; it is one finding. Its
uid comes from the rule, the group and the time at which it was first complete. `step` takes
observations in any order and any number of times; `settle` decides what had to wait until no
earlier event could come. docs/decisions/0071-correlation-episodes.md says why it is so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from core.correlate.form import CAP
from core.correlate.novelty import Memory, novelties
from core.correlate.observe import parts
from core.correlate.windows import Completion, Lens, Row, absences, completions
from core.model import Rule, digest

__all__ = [
    "EVENTS_KEPT",
    "LONG_AGO",
    "Episode",
    "Firing",
    "State",
    "Step",
    "confirmed",
    "settle",
    "step",
]

EVENTS_KEPT = 200
"""Events named in a firing, the earliest; `count` counts all."""

LONG_AGO = -(1 << 53)
"""Before every event; JSON numbers are exact from here on."""


class Episode(msgspec.Struct, frozen=True, array_like=True):
    """A run of overlapping windows. What is counted here is what `State.rows` holds no more."""

    start: int
    """Time at which it was first complete."""
    last: int
    completed_by: str
    term: str = ""
    count: int = 0
    first: int | None = None
    events: tuple[str, ...] = ()
    former: tuple[int, ...] = ()
    """Earlier starts: late events have moved it, or joined it to others."""
    owed: bool = False
    """It changed, and nobody has confirmed that its firing was taken."""


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is remembered of a group."""

    rows: tuple[Row, ...] = ()
    episodes: tuple[Episode, ...] = ()
    memory: Memory = Memory()
    newest: int = LONG_AGO
    decided: int = LONG_AGO
    """Deferred: up to here all is final, and what comes later with an earlier time is too late."""
    floor: int = LONG_AGO
    """Time of the newest row that had to give way to the cap."""


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation fired: what is wrong, where, and which events show it. Times in epoch ms."""

    uid: str
    rule: Rule
    group: Mapping[str, str]
    """Name as in group-by -> value; for first_seen also field -> the new value."""
    time: int
    """When it was first complete."""
    last: int
    """When it last was: as long as it lasts, the firing is updated."""
    first: int
    """Time of the earliest event that contributed."""
    completed_by: str
    """uid of the event that completed it: the place of the hit."""
    events: tuple[str, ...]
    """uids of the events that contributed, by time; the first EVENTS_KEPT."""
    count: int
    """How many events contributed."""
    capped: bool = False
    """More events came than are kept, so that it may have been more."""
    replaces: tuple[str, ...] = ()
    """uids that it had before late events came; a finding of that uid is now this one."""


class Step(NamedTuple):
    """What came of it: the new state, and what nobody has confirmed yet."""

    state: State
    firings: tuple[Firing, ...]
    """New or changed, by time."""
    passed: tuple[Row, ...]
    """Rows that ended a window, for the correlations that watch this one."""
    late: int = 0
    """How many observations came too late to be looked at."""


def step(
    lens: Lens, group: Sequence[str], state: State, rows: Iterable[Row], cap: int | None = CAP
) -> Step:
    """Take in observations. Those that are known, or too late, change nothing."""
    oldest = max(_horizon(lens, state), state.floor + 1)
    known = {row.key for row in state.rows}
    offered = {row.key: row for row in rows if row.key not in known}
    fresh = sorted(row for row in offered.values() if row.time >= oldest)
    if not fresh:
        return _concluded(lens, group, state, state, [], cap)._replace(late=len(offered))
    new = msgspec.structs.replace(
        state,
        rows=tuple(sorted((*state.rows, *fresh))),
        newest=max(state.newest, fresh[-1].time),
    )
    found: list[Completion] = []
    if not lens.deferred:
        place = _place(new.rows, fresh[0].time - lens.correlation.timespan)
        found = list(completions(lens, new.rows[place:], fresh[0].time - 1))
    done = _concluded(lens, group, state, new, found, cap)
    return done._replace(late=len(offered) - len(fresh))


def settle(
    lens: Lens, group: Sequence[str], state: State, until: int, cap: int | None = CAP
) -> Step:
    """Decide all up to `until`: no event of that time or before is expected any more."""
    if not lens.deferred or until <= state.decided:
        return _concluded(lens, group, state, state, [], cap)
    kind, after = lens.correlation.type, state.decided
    rows, memory = state.rows[: _place(state.rows, until + 1)], state.memory
    if kind == "first_seen":
        ready = rows[_place(rows, after + 1) :]
        memory, found = novelties(lens.correlation, memory, ready, cap)
    elif kind == "absence":
        found = list(absences(lens, rows, after, until))
    else:
        found = list(completions(lens, rows, after))
    new = msgspec.structs.replace(state, decided=until, memory=memory)
    return _concluded(lens, group, state, new, found, cap)


def confirmed(state: State, done: Step) -> State:
    """The state with all that this step gave out marked as taken, unless it changed since."""
    taken = {episode for episode in done.state.episodes if episode.owed}
    passed = {row.key for row in done.passed}
    return msgspec.structs.replace(
        state,
        episodes=tuple(
            msgspec.structs.replace(episode, owed=False) if episode in taken else episode
            for episode in state.episodes
        ),
        rows=tuple(
            msgspec.structs.replace(row, passed=True) if row.key in passed else row
            for row in state.rows
        ),
    )


def _concluded(
    lens: Lens,
    group: Sequence[str],
    old: State,
    new: State,
    found: Sequence[Completion],
    cap: int | None,
) -> Step:
    """Completions become episodes; what changed is owed; what is of no use any more is dropped."""
    if not (found or old.episodes or lens.watched_by_others):  # as nearly always
        return Step(_pruned(lens, new, cap), (), ())
    rows = _marked(lens, new, found)
    episodes = _merged(lens, old.episodes, found)
    passed = tuple(row for row in rows if row.fired and not row.passed)
    new = _pruned(lens, msgspec.structs.replace(new, rows=rows, episodes=episodes), cap)
    before = {firing.uid: firing for firing in _firings(lens, group, old)}
    after = _firings(lens, group, new)
    owed = tuple(
        msgspec.structs.replace(episode, owed=episode.owed or before.get(firing.uid) != firing)
        for episode, firing in zip(new.episodes, after, strict=True)
    )
    firings = tuple(firing for episode, firing in zip(owed, after, strict=True) if episode.owed)
    horizon = _horizon(lens, new)
    kept = tuple(episode for episode in owed if episode.owed or episode.last >= horizon)
    return Step(msgspec.structs.replace(new, episodes=kept), firings, passed)


def _horizon(lens: Lens, state: State) -> int:
    """Rows before it can have no part in anything that is still open."""
    timespan = lens.correlation.timespan
    if lens.correlation.type == "first_seen":
        return state.decided + 1
    if lens.deferred:
        return state.decided - timespan
    return state.newest - timespan - lens.lateness


def _marked(lens: Lens, state: State, found: Sequence[Completion]) -> tuple[Row, ...]:
    """Rows with those noted as fired that ended a window, when another correlation watches."""
    if not found or not lens.watched_by_others:
        return state.rows
    fired = {(one.time - lens.delay, one.term) for one in found}
    follow = len(set(lens.correlation.rules)) if lens.correlation.after else 0
    terms = lens.correlation.type == "first_seen"
    return tuple(
        msgspec.structs.replace(row, fired=True)
        if row.rule >= follow
        and any((row.time, str(term)) in fired for term in (row.values if terms else ("",)))
        else row
        for row in state.rows
    )


def _merged(
    lens: Lens, episodes: Sequence[Episode], found: Sequence[Completion]
) -> tuple[Episode, ...]:
    """Episodes with the completions in them; those less than a timespan apart become one."""
    gap = lens.correlation.timespan if lens.correlation.type != "first_seen" else -1
    known = {(episode.start, episode.term) for episode in episodes}
    fresh = tuple(Episode(one.time, one.time, one.event, one.term) for one in found)
    merged: list[Episode] = []
    # A fresh one goes before a stored one of the same start: it names the completing event anew.
    for episode in sorted((*fresh, *episodes), key=lambda one: (one.start, one.term)):
        last = merged[-1] if merged else None
        same = last is not None and (last.start, last.term) == (episode.start, episode.term)
        if last is None or not (same or episode.start - last.last <= gap):
            merged.append(episode)
            continue
        moved = (episode.start,) if not same and (episode.start, episode.term) in known else ()
        merged[-1] = Episode(
            last.start,
            max(last.last, episode.last),
            last.completed_by,
            last.term,
            last.count + episode.count,
            min((one for one in (last.first, episode.first) if one is not None), default=None),
            (*last.events, *episode.events)[:EVENTS_KEPT],
            tuple(dict.fromkeys((*last.former, *episode.former, *moved))),
            last.owed or episode.owed,
        )
    return tuple(merged)


def _pruned(lens: Lens, state: State, cap: int | None) -> State:
    """Without rows that are of no use any more, and the oldest beyond the cap. Episodes count
    those that they lose; a row that others have yet to see, and what follows it, is of use.
    """
    horizon = _horizon(lens, state)
    place = next(
        (
            number
            for number, row in enumerate(state.rows)
            if row.time >= horizon or (row.fired and not row.passed)
        ),
        len(state.rows),
    )
    most = len(state.rows) - cap if cap is not None else 0
    floor = state.rows[most - 1].time if most > place else state.floor
    gone, kept = state.rows[: max(place, most)], state.rows[max(place, most) :]
    if not gone:
        return state
    episodes = tuple(_counting(lens, episode, gone) for episode in state.episodes)
    return msgspec.structs.replace(
        state, rows=kept, episodes=episodes, floor=max(state.floor, floor)
    )


def _counting(lens: Lens, episode: Episode, gone: Sequence[Row]) -> Episode:
    """The episode with those of the rows in it that were its own."""
    own = _own(lens, episode, gone)
    if not own:
        return episode
    events = _new(episode, own)
    return msgspec.structs.replace(
        episode,
        count=episode.count + len(events),
        first=own[0].time if episode.first is None else min(episode.first, own[0].time),
        events=(*episode.events, *events)[:EVENTS_KEPT],
    )


def _new(episode: Episode, rows: Iterable[Row]) -> tuple[str, ...]:
    """Events of these rows that the episode doesn't name yet: in a chain, one comes repeatedly."""
    named = set(episode.events)
    return tuple(dict.fromkeys(row.event for row in rows if row.event not in named))


def _own(lens: Lens, episode: Episode, rows: Sequence[Row]) -> Sequence[Row]:
    """Those of the rows that contributed: all in a window of the episode."""
    if lens.correlation.type == "first_seen":
        at = rows[_place(rows, episode.start) : _place(rows, episode.start + 1)]
        return [row for row in at if episode.term in row.values]
    first = episode.start - lens.correlation.timespan
    return rows[_place(rows, first) : _place(rows, episode.last + 1)]


def _firings(lens: Lens, group: Sequence[str], state: State) -> tuple[Firing, ...]:
    return tuple(_firing(lens, group, state, episode) for episode in state.episodes)


def _firing(lens: Lens, group: Sequence[str], state: State, episode: Episode) -> Firing:
    it, live = lens.correlation, _own(lens, episode, state.rows)
    events = _new(episode, live)
    firsts = [episode.first] if episode.first is not None else [row.time for row in live[:1]]
    names = dict(zip(it.group_by, group, strict=True))
    if it.type == "first_seen":
        names |= dict(zip(it.fields, parts(it, episode.term), strict=True))
    lost = max(state.floor, LONG_AGO if state.memory.floor is None else state.memory.floor)
    return Firing(
        uid=_uid(it.id, group, episode.term, episode.start),
        rule=it.rule,
        group=names,
        time=episode.start,
        last=episode.last,
        first=min(firsts, default=episode.start),
        completed_by=episode.completed_by,
        events=(*episode.events, *events)[:EVENTS_KEPT],
        count=episode.count + len(events),
        capped=lost >= episode.start - it.timespan,
        replaces=tuple(_uid(it.id, group, episode.term, start) for start in episode.former),
    )


def _uid(rule: str, group: Sequence[str], term: str, start: int) -> str:
    return digest("correlation", rule, *group, term, str(start))


def _place(rows: Sequence[Row], time: int) -> int:
    """Position of the first row at or after a time."""
    return bisect_left(rows, time, key=lambda row: row.time)
