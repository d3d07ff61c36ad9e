"""The stream, the hunt and the brute-force oracle agree, on any stream, shuffled and duplicated."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.correlate import (
    Condition,
    Correlation,
    Correlator,
    Observation,
    Plan,
    all_of,
    any_of,
    correlate_all,
    none_of,
    occurs,
)
from core.errors import Busy
from core.memory import FakeClock, MemoryStore
from core.model import Rule

SPEC = importlib.util.spec_from_file_location(
    "correlation_definition", Path(__file__).with_name("test_correlate_definition.py")
)
ORACLE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(ORACLE)

LATENESS = 7
RULES = ("a", "b", "c")


def correlation(id, type, timespan, **more):
    more = {"rules": RULES, "lateness": LATENESS, **more}
    return Correlation(rule=Rule(id=id, title=id), type=type, timespan=timespan, **more)


def conditions(draw, most):
    ops = ["gte", "gte", "gt", "lt", "lte", "eq", "neq"]
    counts = [*range(1, most + 1)] * 3 + [0, -1, 1.5, most - 0.5]
    return tuple(
        Condition(draw.choice(ops), draw.choice(counts)) for _ in range(draw.randint(1, 2))
    )


def boolean(draw, depth=2):
    kind = draw.choice(["rule", "rule", "all", "any", "none"] if depth else ["rule"])
    if kind == "rule":
        return occurs(draw.choice(RULES))
    if kind == "none":
        return none_of(boolean(draw, depth - 1))
    join = all_of if kind == "all" else any_of
    return join([boolean(draw, depth - 1), boolean(draw, depth - 1)])


def correlations(draw, kind=None):
    kind = kind or draw.choice(sorted(SHAPES))
    timespan = draw.randint(1, 12)
    group_by = draw.choice([(), ("user",), ("user", "ip"), ("ip",)])
    return correlation("outer", timespan=timespan, group_by=group_by, **SHAPES[kind](draw))


def counted(draw):
    return {"type": "event_count", "conditions": conditions(draw, 4)}


def distinct(draw):
    fields = draw.choice([("value",), ("value", "zone")])
    return {"type": "value_count", "fields": fields, "conditions": conditions(draw, 3)}


def metric(type):
    def shape(draw):
        percentile = draw.choice([0, 10, 50, 99.9, 100])
        return {
            "type": type,
            "fields": ("size",),
            "conditions": conditions(draw, 6),
            "percentile": percentile,
        }

    return shape


def temporal(type):
    def shape(draw):
        how = draw.choice(["all", "count", "boolean"])
        rules = tuple(draw.sample(RULES, len(RULES)))
        more = {"conditions": conditions(draw, 3)} if how == "count" else {}
        if how == "boolean":
            more = {"terms": boolean(draw)}
        return {"type": type, "rules": rules, **more}

    return shape


def first_seen(draw):
    fields = draw.choice([("value",), ("value", "zone")])
    return {"type": "first_seen", "fields": fields, "learning": draw.randint(0, 6)}


def absence(draw):
    if draw.choice([True, False]):
        return {"type": "absence"}
    return {"type": "absence", "rules": ("a",), "after": ("b", "c")}


SHAPES = {
    "event_count": counted,
    "value_count": distinct,
    "temporal": temporal("temporal"),
    "temporal_ordered": temporal("temporal_ordered"),
    "value_sum": metric("value_sum"),
    "value_avg": metric("value_avg"),
    "value_min": metric("value_min"),
    "value_max": metric("value_max"),
    "value_percentile": metric("value_percentile"),
    "value_median": metric("value_median"),
    "first_seen": first_seen,
    "absence": absence,
}


def events(draw):
    """Up to 25 events in 40 ms; fields are lists, missing or null now and then."""
    made = []
    for number in range(draw.randint(1, 25)):
        values = {
            "user": draw.choice(["u", "u", "u", "v", None, ["u", "v"]]),
            "ip": draw.choice(["1", "1", "2"]),
            "zone": draw.choice(["n", "n", "s", None]),
            "value": draw.choice(["x", "y", "z", None, ["x", "y"]]),
            "size": draw.choice([0, 1, 2, -3, 2.5, 0.1, "n/a", None]),
        }
        time = draw.randint(0, 40)
        rules = draw.choice([("a",), ("b",), ("c",), ("a", "b"), ("a", "b", "c")])
        made += [
            Observation(rule=rule, uid=f"e{number:02}", time=time, values=values) for rule in rules
        ]
    return made


def arrivals(draw, seen):
    """(arrival, observation) in the order of delivery: late by up to LATENESS, some twice."""
    made = []
    for one in seen:
        late = draw.randint(0, LATENESS)
        made.append((one.time + late, one))
        if draw.randint(0, 3) == 0:
            made.append((one.time + late + draw.randint(0, 60), one))
    return sorted(made, key=lambda pair: pair[0])


class Stream:
    """A store, and what the correlators of many processes gave out over it."""

    def __init__(self, correlations):
        self.plan = Plan(correlations)
        self.clock = FakeClock(0)
        self.store = MemoryStore(self.clock)
        self.findings = {}
        self.crash_in = None

    def handle(self, firing):
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                self.crash_in = None
                raise Busy("killed")
        for uid in firing.replaces:
            self.findings.pop(uid, None)
        self.findings[firing.uid] = firing

    def process(self):
        return Correlator(self.plan, self.store, self.clock, self.handle)


def plain(firings):
    return {
        ORACLE.Found(
            one.rule.id,
            tuple(one.group.values()),
            one.time,
            one.last,
            one.first,
            one.completed_by,
            one.events,
        )
        for one in firings
    }


def streamed(draw, correlations, seen, *, crashes=False):
    """Deliver in batches, each to a fresh process, with the schedule running in between."""
    stream, waiting = Stream(correlations), arrivals(draw, seen)
    while waiting:
        size = draw.randint(1, 6)
        batch, waiting = waiting[:size], waiting[size:]
        if crashes and draw.choice([True, False]):
            stream.crash_in = draw.randint(0, 2)
            try:
                stream.process().observe(one for _, one in batch)
            except Busy:
                stream.process().observe(one for _, one in batch)
            stream.crash_in = None
        else:
            stream.process().observe(one for _, one in batch)
        stream.clock.now = max(stream.clock.now, batch[-1][0] - 1)
        if draw.choice([True, False]):
            stream.process().settle()
    stream.clock.now = max(stream.clock.now, max(one.time for one in seen) + LATENESS)
    return stream


def check(draw, every, seen, *, crashes=False):
    stream = streamed(draw, every, seen, crashes=crashes)
    until = stream.clock() - LATENESS
    if crashes:
        stream.crash_in = 0
        try:
            stream.process().settle()
        except Busy:
            stream.crash_in = None
    stream.process().settle()
    expected = ORACLE.oracle(every, seen, until)
    hunted = correlate_all(every, draw.sample(seen, len(seen)) + seen[:3], until)
    assert plain(hunted) == expected
    sizes = {"room": draw.choice([1, 4]), "piece": draw.choice([1, 3])}
    assert correlate_all(every, seen, until, **sizes) == hunted
    assert plain(stream.findings.values()) == expected
    assert set(stream.findings) == {one.uid for one in hunted}


CAREFUL = settings(
    max_examples=100,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a seed can't be shrunk
)


@pytest.mark.parametrize("kind", sorted(SHAPES))
@CAREFUL
@given(st.randoms(use_true_random=True))
def test_stream_hunt_and_oracle_agree(kind, draw):
    check(draw, [correlations(draw, kind)], events(draw))


@CAREFUL
@given(st.randoms(use_true_random=True))
def test_a_crash_between_the_state_and_the_finding_loses_nothing(draw):
    check(draw, [correlations(draw)], events(draw), crashes=True)


def chained(draw):
    """An inner correlation, and one or two that watch it."""
    kinds = sorted(SHAPES)
    inner = correlations(draw, draw.choice(kinds))
    inner = correlation("inner", **{name: getattr(inner, name) for name in COPIED})
    shape = SHAPES[draw.choice(kinds)](draw)
    if "terms" in shape:
        shape["terms"] = draw.choice([occurs("inner"), NOT_THEN])
    middle = {"rules": ("inner", "a") if not shape.get("after") else ("inner",)}
    if shape["type"] == "temporal_ordered":
        middle["rules"] = draw.choice([("inner", "a"), ("a", "inner")])
    shape["conditions"] = tuple(c for c in shape.get("conditions", ()) if c.count <= 3)
    if not shape["conditions"] and shape["type"] not in TAKE_NONE:
        shape["conditions"] = (Condition("gte", 2),)
    outer = correlation(
        "outer",
        timespan=draw.randint(1, 15),
        group_by=draw.choice([(), ("user",), ("ip",)]),
        **{**shape, **middle},
    )
    if draw.choice([True, False]):
        return [inner, outer]
    last = correlation(
        "last",
        "temporal_ordered",
        draw.randint(1, 15),
        rules=("outer", "b"),
        group_by=draw.choice([(), ("ip",)]),
    )
    return [inner, outer, last]


COPIED = ("type", "timespan", "rules", "group_by", "conditions", "terms", "fields", "percentile")
COPIED = (*COPIED, "learning", "after")
TAKE_NONE = ("temporal", "temporal_ordered", "first_seen", "absence")
NOT_THEN = all_of([occurs("a"), none_of(occurs("inner"))])


@settings(CAREFUL, max_examples=300)
@given(st.randoms(use_true_random=True))
def test_chains_agree_too(draw):
    check(draw, chained(draw), events(draw))


@settings(CAREFUL, max_examples=150)
@given(st.randoms(use_true_random=True))
def test_chains_bear_crashes_too(draw):
    check(draw, chained(draw), events(draw), crashes=True)
