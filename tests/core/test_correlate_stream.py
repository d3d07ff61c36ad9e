"""Correlations over a Store: many processes, late events, the schedule, crashes, races, caps."""

from __future__ import annotations

import pytest

from core.correlate import (
    CAP,
    EVENTS_KEPT,
    Condition,
    Correlation,
    Correlator,
    Observation,
    Plan,
    State,
    all_of,
    correlate_all,
    none_of,
    occurs,
    settle,
    step,
)
from core.correlate.plan import Inbox
from core.errors import Busy, Conflict
from core.memory import FakeClock, MemoryMetrics, MemoryStore
from core.model import Rule, to_json

MINUTE = 60_000


def correlation(id="many", type="event_count", **more):
    more = {"rules": ("failed",), "timespan": 5 * MINUTE, "group_by": ("user",), **more}
    return Correlation(rule=Rule(id=id, title=id), type=type, **more)


def at_least(count, **more):
    return correlation(conditions=(Condition("gte", count),), **more)


def seen(minute, rule="failed", uid="", user="mallory", **values):
    time = int(minute * MINUTE)
    return Observation(
        rule=rule, uid=uid or f"{rule}-{time}", time=time, values={"user": user, **values}
    )


def minutes(*firings):
    """When each was complete, and by which event, in minutes."""
    return [(one.time / MINUTE, one.last / MINUTE) for one in firings]


class Deployment:
    """A store, a clock, and what was handled."""

    def __init__(self, *correlations):
        self.plan, self.clock = Plan(correlations), FakeClock(0)
        self.store, self.metrics = MemoryStore(self.clock), MemoryMetrics()
        self.handled = []

    def observe(self, *observations):
        self.process().observe(observations)

    def settle(self, minute):
        self.clock.now = minute * MINUTE
        self.process().settle()

    def process(self, handle=None):
        handle = handle or self.handled.append
        return Correlator(self.plan, self.store, self.clock, handle, self.metrics)


def test_each_call_may_be_a_fresh_process():
    deployment = Deployment(at_least(3))
    for minute in (0, 1, 2, 3):
        deployment.observe(seen(minute))
    assert [one.count for one in deployment.handled] == [3, 4]
    assert len({one.uid for one in deployment.handled}) == 1


def test_nothing_new_is_neither_written_nor_told():
    deployment = Deployment(at_least(2))
    deployment.observe(seen(0), seen(1))
    before = dict(deployment.store.scan("correlation"))
    deployment.observe(seen(0), seen(1))
    assert dict(deployment.store.scan("correlation")) == before
    assert len(deployment.handled) == 1


def test_an_event_that_comes_late_moves_the_firing_and_says_what_it_was():
    deployment = Deployment(at_least(2))
    deployment.observe(seen(3), seen(4))
    deployment.observe(seen(1))
    early, moved = deployment.handled
    assert (moved.time, moved.first) == (3 * MINUTE, MINUTE)
    assert moved.replaces == (early.uid,)
    assert moved.uid == correlate_all([at_least(2)], [seen(1), seen(3), seen(4)])[0].uid


def test_an_event_that_comes_late_joins_two_firings():
    deployment = Deployment(at_least(2))
    deployment.observe(seen(0), seen(1))
    deployment.observe(seen(8), seen(9))
    deployment.observe(seen(5))
    first, second, joined = deployment.handled
    assert joined.uid == first.uid
    assert joined.replaces == (second.uid,)
    assert joined.count == 5


def test_an_event_that_comes_too_late_is_counted_as_such():
    deployment = Deployment(at_least(2, lateness=MINUTE))
    deployment.observe(seen(60))
    deployment.observe(seen(53), seen(54))
    assert deployment.metrics["late"] == 1


def test_what_could_still_be_undone_waits():
    deployment = Deployment(correlation(conditions=(Condition("eq", 1),), lateness=MINUTE))
    deployment.observe(seen(10))
    deployment.settle(10)
    assert deployment.handled == []
    deployment.settle(11)
    assert minutes(*deployment.handled) == [(10, 10)]
    deployment.settle(12)
    assert len(deployment.handled) == 1


def test_silence_is_found_by_the_schedule():
    deployment = Deployment(correlation(type="absence", lateness=MINUTE))
    deployment.observe(seen(10))
    deployment.settle(15)
    assert deployment.handled == []
    deployment.settle(16)
    assert minutes(*deployment.handled) == [(15, 15)]


def test_a_correlation_waits_for_what_those_it_watches_may_still_bring():
    inner = correlation("inner", conditions=(Condition("eq", 1),), lateness=20 * MINUTE)
    outer = at_least(1, id="outer", rules=("inner", "failed"), lateness=MINUTE)
    assert [lens.lateness for lens in Plan([outer, inner]).lenses] == [20 * MINUTE] * 2


def test_what_was_decided_stays_decided_when_what_decided_it_is_dropped():
    inner = correlation(
        "inner", conditions=(Condition("eq", 1),), timespan=MINUTE, group_by=(), lateness=0
    )
    terms = all_of([occurs("login"), none_of(occurs("inner"))])
    outer = correlation(
        "outer", "temporal", rules=("inner", "login"), terms=terms, group_by=(), lateness=0
    )
    deployment = Deployment(inner, outer)
    deployment.observe(seen(12, "login"), seen(10))
    deployment.settle(17)
    deployment.settle(20)
    assert [one.rule.id for one in deployment.handled] == ["inner"]


def test_what_could_not_be_handled_comes_again():
    deployment = Deployment(at_least(2))

    def broken(firing):
        raise Busy("a sink is down")

    with pytest.raises(Busy):
        deployment.process(broken).observe([seen(0), seen(1)])
    deployment.observe(seen(0), seen(1))
    assert [one.count for one in deployment.handled] == [2]


def test_what_can_not_be_confirmed_comes_again():
    deployment = Deployment(at_least(2))
    store, racing = deployment.store, Racing(deployment.store, None)

    def handle(firing):
        deployment.handled.append(firing)
        racing.always = True

    deployment.store = racing
    deployment.process(handle).observe([seen(0), seen(1)])
    deployment.store = store
    deployment.observe(seen(0))
    assert [one.count for one in deployment.handled] == [2, 2]


def test_the_schedule_leaves_alone_what_no_rule_of_today_wrote():
    deployment = Deployment(correlation(type="absence", lateness=0))
    deployment.observe(seen(0))
    deployment.plan = Plan([correlation(type="absence", lateness=1)])
    deployment.settle(99)
    assert deployment.handled == []


class Racing:
    """A Store on which another process writes first, once or always."""

    def __init__(self, store, rival, always=False):
        self.store, self.rival, self.always = store, rival, always

    def get(self, kind, id):
        return self.store.get(kind, id)

    def put(self, kind, id, value, *, version, expires=None):
        rival, self.rival = self.rival, None
        if rival:
            rival()
        if self.always:
            raise Conflict("again")
        return self.store.put(kind, id, value, version=version, expires=expires)

    def scan(self, kind):
        return self.store.scan(kind)


def test_who_loses_a_race_goes_on_from_the_winners_state():
    deployment = Deployment(at_least(2))
    store = deployment.store
    deployment.store = Racing(
        store,
        lambda: Correlator(
            deployment.plan, store, deployment.clock, deployment.handled.append
        ).observe([seen(0)]),
    )
    deployment.observe(seen(1))
    assert [one.count for one in deployment.handled] == [2]


def test_a_race_while_confirming_gives_out_again_only_what_changed():
    deployment = Deployment(at_least(2))
    deployment.observe(seen(0))
    store = deployment.store
    rival = Correlator(deployment.plan, store, deployment.clock, deployment.handled.append)

    def handle(firing):
        deployment.handled.append(firing)
        rival.observe([seen(2)])

    deployment.process(handle).observe([seen(1)])
    assert [one.count for one in deployment.handled] == [2, 3]
    deployment.observe(seen(2))
    assert len(deployment.handled) == 2


def test_who_never_wins_asks_to_be_delivered_again():
    deployment = Deployment(at_least(2))
    deployment.store = Racing(deployment.store, None, always=True)
    with pytest.raises(Busy):
        deployment.observe(seen(0))


def test_a_group_keeps_no_more_than_the_cap_and_says_so():
    lens = Plan([at_least(3)]).lenses[0]
    state, firings = State(), ()
    for minute in range(9):
        state, firings, *_ = step(lens, ("mallory",), state, rows_of(lens, minute), cap=4)
        assert len(state.rows) <= 4
    assert firings[0].capped
    assert firings[0].count == 9
    again = step(lens, ("mallory",), state, rows_of(lens, 0), cap=4)
    assert again.state.rows == state.rows
    assert not step(lens, ("mallory",), State(), rows_of(lens, 0), cap=4).firings


def rows_of(lens, minute):
    inbox = Inbox()
    Plan([lens.correlation]).deliver(seen(minute), inbox.put)
    return inbox.take("many")["mallory",]


def test_a_memory_keeps_no_more_than_the_cap_and_says_so():
    rule = correlation(type="first_seen", fields=("n",), timespan=900 * MINUTE, lateness=0)
    lens, state = Plan([rule]).lenses[0], State()
    found = []
    for minute in range(5):
        inbox = Inbox()
        Plan([rule]).deliver(seen(minute, n=minute), inbox.put)
        state = step(lens, ("mallory",), state, inbox.take("many")["mallory",], cap=2).state
        done = settle(lens, ("mallory",), state, minute * MINUTE, cap=2)
        state, found = done.state, [*found, *done.firings[-1:]]
    assert len(state.memory.seen) == 2
    assert [one.capped for one in found] == [False, False, True, True, True]


def test_no_more_events_are_named_than_are_kept():
    times = [i / 100 for i in range(EVENTS_KEPT + 50)]
    firing, *_ = correlate_all([at_least(2)], [seen(minute) for minute in times])
    assert (len(firing.events), firing.count) == (EVENTS_KEPT, EVENTS_KEPT + 50)


def test_a_full_state_fits_the_smallest_platform():
    rule = at_least(2, group_by=("user", "ip"), rules=("failed", "odd"))
    deployment = Deployment(rule)
    hostile = "\u20ac" * 500
    deployment.observe(
        *(seen(i / 1000, uid=f"{i}{hostile}", user=hostile, ip=hostile) for i in range(CAP + 5))
    )
    (_, entry), *_ = deployment.store.scan("correlation")
    assert len(to_json(entry.value)) < 400_000


def test_a_state_is_forgotten_when_its_window_is_long_past():
    deployment = Deployment(at_least(2, lateness=MINUTE))
    deployment.observe(seen(0))
    deployment.clock.advance(2 * 86_400_000)
    assert list(deployment.store.scan("correlation")) == []


def test_another_revision_of_a_rule_starts_anew():
    deployment = Deployment(at_least(2))
    deployment.observe(seen(0))
    deployment.plan = Plan([at_least(2, timespan=6 * MINUTE)])
    deployment.observe(seen(1))
    assert deployment.handled == []
    retitled = Correlation(
        rule=Rule(id="many", title="another title"), type="event_count", rules=("failed",),
        timespan=5 * MINUTE, group_by=("user",), conditions=(Condition("gte", 2),),
    )  # fmt: skip
    assert retitled.revision == at_least(2).revision
