"""Correlations by their definition, with no trick at all: the twin that core.correlate must equal.

Every window is looked at anew, every chain of events is tried. It takes observations in any order,
and gives plain tuples: rule, group, start, last, first, completed_by, events.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from typing import NamedTuple

from core.correlate import Condition, Correlation, Observation
from core.model import Rule

OPS = {
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
}


class Seen(NamedTuple):
    rule: str
    uid: str
    time: int
    values: dict
    origin: tuple


class Found(NamedTuple):
    rule: str
    group: tuple
    time: int
    last: int
    first: int
    completed_by: str
    events: tuple


def oracle(correlations, observations, until=None):
    """All firings. Correlations must be given with those that are watched first."""
    world = {Seen(o.rule, o.uid, o.time, Frozen(o.values), ("event", o.uid)) for o in observations}
    end = until if until is not None else max((one.time for one in world), default=0)
    spans = {one.id: one.timespan for one in correlations}
    found = []
    for it in correlations:
        for group, members in groups(it, world).items():
            ends = [(t, why) for t, why in moments(it, members, spans, end) if t <= end]
            for term in sorted({why for _, why in ends}, key=str):
                times = sorted({t for t, why in ends if why == term})
                found.extend(episodes(it, group, term, times, members, spans))
            world |= chained(it, group, members, ends)
    return set(found)


class Frozen(dict):
    def __hash__(self):
        return hash(repr(sorted(self.items())))


def values(it, one, name):
    field = it.aliases.get(name, {}).get(one.rule, name)
    value = one.values.get(field)
    several = value if isinstance(value, list | tuple) else [value]
    return [v for v in several if v is not None]


def groups(it, world):
    made = {}
    for one in world:
        if one.rule not in (*it.rules, *it.after):
            continue
        if it.fields and not any_value(it, one):
            continue
        for group in product(*({str(v) for v in values(it, one, n)} for n in it.group_by)):
            made.setdefault(group, []).append(one)
    return made


def any_value(it, one):
    if it.type.startswith("value_") and it.type != "value_count":
        return bool(numbers(it, one))
    may_be_low = any(c.op not in ("gt", "gte") for c in it.conditions)  # as none is, at least
    return may_be_low or all(values(it, one, name) for name in it.fields)


def numbers(it, one):
    return [v for v in values(it, one, it.fields[0]) if isinstance(v, int | float)]


def moments(it, members, spans, end):
    times = sorted({one.time for one in members})
    if it.type == "first_seen":
        return novel(it, members, times)
    if it.type == "absence":
        return [(t + it.timespan, "") for t in times if silent_after(it, members, t)]
    return [(t, "") for t in times if holds(it, window(it, members, t), spans)]


def window(it, members, t):
    return [one for one in members if t - it.timespan <= one.time <= t]


def holds(it, inside, spans):
    if it.type in ("temporal", "temporal_ordered") and it.terms:
        return any(
            not any(one.rule in term.absent for one in inside)
            and has_all(it, inside, [r for r in it.rules if r in term.present])
            for term in it.terms
        )
    figure = FIGURES[it.type](it, inside, spans)
    wanted = it.conditions or ([None] if it.type.startswith("temporal") else [])
    return all(
        figure >= len(set(it.rules)) if c is None else OPS[c.op](figure, c.count) for c in wanted
    )


def has_all(it, inside, rules):
    if it.type == "temporal":
        return set(rules) <= {one.rule for one in inside}
    return not rules or in_order(inside, rules)


def in_order(inside, rules):
    times = [[one.time for one in inside if one.rule == rule] for rule in rules]
    return any(list(chain) == sorted(chain) for chain in product(*times))


def longest(it, inside, spans):
    best = 0
    for keep in product([False, True], repeat=len(it.rules)):
        rules = [rule for rule, kept in zip(it.rules, keep, strict=True) if kept]
        if len(rules) > best and in_order(inside, rules):
            best = len(rules)
    return best


def things(it, inside, spans):
    count = 0
    for origin in {one.origin for one in inside}:
        mine = sorted((one.time, spans.get(one.rule, 0)) for one in inside if one.origin == origin)
        gaps = [b[0] - a[0] > b[1] for a, b in pairwise(mine)]
        count += 1 + sum(gaps)
    return count


def distinct(it, inside, spans):
    return len({v for one in inside for v in product(*(values(it, one, f) for f in it.fields))})


def all_numbers(it, inside):
    once = {(one.uid, tuple(numbers(it, one))) for one in inside}
    return sorted(Fraction(n) for _, several in once for n in several)


def total(it, inside, spans):
    return sum(all_numbers(it, inside))


def mean(it, inside, spans):
    every = all_numbers(it, inside)
    return sum(every) / len(every)


def quantile(it, inside, spans):
    every = all_numbers(it, inside)
    share = Fraction(50 if it.type == "value_median" else it.percentile) / 100
    rank = share * (len(every) - 1)
    low = rank.numerator // rank.denominator
    high = min(low + 1, len(every) - 1)
    return every[low] * (1 - (rank - low)) + every[high] * (rank - low)


FIGURES = {
    "event_count": things,
    "value_count": distinct,
    "temporal": lambda it, inside, spans: len({one.rule for one in inside}),
    "temporal_ordered": longest,
    "value_sum": total,
    "value_avg": mean,
    "value_min": lambda it, inside, spans: min(all_numbers(it, inside)),
    "value_max": lambda it, inside, spans: max(all_numbers(it, inside)),
    "value_median": quantile,
    "value_percentile": quantile,
}


def silent_after(it, members, t):
    if it.after and not any(one.time == t and one.rule in it.after for one in members):
        return False
    due = t + it.timespan
    came = [one.time for one in members if one.rule in it.rules]
    return not any((t <= c if it.after else t < c) and c <= due for c in came)


def novel(it, members, times):
    found = []
    for t in times:
        since = t
        for earlier in reversed([e for e in times if e < t]):
            if since - earlier > it.timespan:
                break
            since = earlier
        if t - since < it.learning:
            continue
        for term in {v for one in members if one.time == t for v in terms(it, one)}:
            before = [
                one for one in members if term in terms(it, one) and t - it.timespan <= one.time < t
            ]
            if not before:
                found.append((t, term))
    return found


def terms(it, one):
    return set(product(*([str(v) for v in values(it, one, f)] for f in it.fields)))


def episodes(it, group, term, times, members, spans):
    gap = -1 if it.type == "first_seen" else it.timespan
    runs = []
    for t in times:
        if runs and t - runs[-1][-1] <= gap:
            runs[-1].append(t)
        else:
            runs.append([t])
    for run in runs:
        own = [one for one in members if contributes(it, one, term, run)]
        events = tuple(dict.fromkeys(uid for _, uid in sorted({(o.time, o.uid) for o in own})))
        yield Found(
            it.id,
            (*group, *(term or ())),
            run[0],
            run[-1],
            min(one.time for one in own),
            completing(it, members, term, run[0], spans),
            events,
        )


def contributes(it, one, term, run):
    if it.type == "first_seen":
        return one.time in run and term in terms(it, one)
    return any(t - it.timespan <= one.time <= t for t in run)


def completing(it, members, term, t, spans):
    if it.type == "absence":
        mine = [
            o for o in members if o.time == t - it.timespan and o.rule in (it.after or it.rules)
        ]
        return max(one.uid for one in mine)
    ties = [one for one in members if one.time == t]
    if it.type == "first_seen":
        return min(one.uid for one in ties if term in terms(it, one))
    names = [*it.rules]
    if it.type == "temporal_ordered":
        ties.sort(key=lambda one: (names.index(one.rule), one.uid))
    else:
        ties.sort(key=lambda one: (one.uid, names.index(one.rule)))
    before = [one for one in window(it, members, t) if one.time < t]
    for number in range(1, len(ties) + 1):
        if holds(it, before + ties[:number], spans):
            return ties[number - 1].uid
    raise AssertionError("the window holds, so all of it holds")


def chained(it, group, members, ends):
    """What correlations further out see: each event at which a window ended that met it."""
    made = set()
    delay = it.timespan if it.type == "absence" else 0
    for t, term in ends:
        for one in members:
            if one.time != t - delay or (it.after and one.rule not in it.after):
                continue
            if term and term not in terms(it, one):
                continue
            fields = Frozen(one.values)
            fields.update(zip(it.group_by, group, strict=True))
            if term:
                fields.update(zip(it.fields, term, strict=True))
            made.add(Seen(it.id, one.uid, t, fields, (it.id, group, term)))
    return made


def test_the_oracle_counts_in_a_window():
    rule = Correlation(
        rule=Rule(id="r", title="r"),
        type="event_count",
        rules=("a",),
        timespan=5,
        group_by=("user",),
        conditions=(Condition("gte", 2),),
    )
    events = [
        Observation(rule="a", uid=str(time), time=time, values={"user": "u"}) for time in (0, 5, 20)
    ]
    assert oracle([rule], events) == {Found("r", ("u",), 5, 5, 0, "5", ("0", "5"))}


def test_the_oracle_looks_for_an_order():
    rule = Correlation(
        rule=Rule(id="r", title="r"), type="temporal_ordered", rules=("a", "b"), timespan=5
    )
    events = [Observation(rule=rule_, uid=rule_, time=t) for rule_, t in (("b", 0), ("a", 1))]
    assert oracle([rule], events) == set()
    events.append(Observation(rule="b", uid="later", time=2))
    assert {one.completed_by for one in oracle([rule], events)} == {"later"}
