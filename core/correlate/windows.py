"""The figures of a sliding window, and the moments at which a window meets its condition.

A window is [t - timespan, t], both ends included, for each time t of an observation. Rows come in
order of time and leave in the same order, so that each costs the same however long the window is.
Nothing here keeps state between two calls, and nothing knows groups, findings or the Store.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any, Protocol

import msgspec

from core.correlate.form import LATENESS_MS, Condition, Correlation, Term, least, monotone

__all__ = ["Completion", "Lens", "Row", "absences", "completions", "scarce"]

Number = int | Fraction


class Row(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """One observation as a group keeps it. The order of the fields is the order of rows."""

    time: int
    event: str
    """uid of the event, or of the event that completed the watched correlation."""
    rule: int
    """Position in `Correlation.watched`."""
    origin: str
    """What counts as one thing: the event, or the group of the watched correlation."""
    values: tuple[str | int | float, ...] = ()
    carry: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Fields that correlations further out need of it."""
    fired: bool = False
    """A window that met the condition ended with it."""
    passed: bool = False
    """The correlations that watch this one have seen that."""

    @property
    def key(self) -> tuple[int, str, int, str]:
        """What makes it the same observation when it comes again."""
        return (self.time, self.event, self.rule, self.origin)


class Completion(msgspec.Struct, frozen=True):
    """The window that ended at `time` met the condition, and `event` was what it lacked."""

    time: int
    event: str
    term: str = ""
    """The value that is new, for first_seen."""


class Lens(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation, and what follows from the others that it watches or that watch it."""

    correlation: Correlation
    deferred: bool = False
    """It is decided only once its lateness has passed: an event that comes late could undo it."""
    watched_by_others: bool = False
    spans: tuple[int, ...] = ()
    """For each watched rule: its timespan when it is a correlation, else 0."""
    carries: tuple[str, ...] = ()
    """Fields of its events that those that watch it ask for."""
    lateness: int = LATENESS_MS
    """The longest of its own and of those that it watches."""

    @property
    def delay(self) -> int:
        """From the last event of a window to the moment at which it meets the condition."""
        return self.correlation.timespan if self.correlation.type == "absence" else 0


class Window(Protocol):
    """What a type of correlation makes of the rows in the window."""

    def add(self, row: Row) -> None:
        """A row enters; none before it is newer."""

    def drop(self, row: Row) -> None:
        """The oldest row leaves."""

    def holds(self, since: int) -> bool:
        """Whether the rows, of which none is older than `since`, meet the condition."""


def completions(lens: Lens, rows: Sequence[Row], after: int) -> Iterator[Completion]:
    """Each time later than `after` whose window meets the condition.

    Rows of the same time enter together: which of two logs wrote first within a millisecond, or
    within CloudTrail's second, can't be known. Where the order of rules counts, it decides.
    """
    timespan = lens.correlation.timespan
    window, head = WINDOWS[lens.correlation.type](lens), 0
    ordered = lens.correlation.type == "temporal_ordered"
    for time, group in groupby(rows, key=lambda row: row.time):
        ties = sorted(group, key=lambda row: (row.rule, row.event) if ordered else row.key)
        while rows[head].time < time - timespan:
            window.drop(rows[head])
            head += 1
        completing = None
        for row in ties:
            window.add(row)
            if time > after and completing is None and window.holds(time - timespan):
                completing = row.event
        if completing is not None and window.holds(time - timespan):
            yield Completion(time, completing)


def scarce(lens: Lens) -> Callable[[Sequence[Row]], bool]:
    """Whether no window of some rows could meet the condition, however close together they are.

    For the usual conditions (at least so many) that is seen without looking at time.
    """
    it = lens.correlation
    wanted = least(it.conditions)
    if it.type == "first_seen":  # what comes within so long after the first event is learned
        return lambda rows: (
            max(row.time for row in rows) - it.learning < min(row.time for row in rows)
        )
    if not monotone(it) or it.terms:
        return lambda rows: False
    if it.type == "event_count":
        return lambda rows: len(rows) < wanted
    if it.type == "value_count":
        return lambda rows: len({value for row in rows for value in row.values}) < wanted
    rules = wanted if it.conditions else len(set(it.rules))
    return lambda rows: len({row.rule for row in rows}) < rules


def absences(lens: Lens, rows: Sequence[Row], after: int, until: int) -> Iterator[Completion]:
    """Each moment in (after, until] at which what should have come had not come for a timespan."""
    correlation = lens.correlation
    follow = len(set(correlation.rules))
    opens = [row for row in rows if not correlation.after or row.rule >= follow]
    expected = sorted(row.time for row in rows if row.rule < follow)
    for time, group in groupby(opens, key=lambda row: row.time):
        due = time + correlation.timespan
        if not after < due <= until:
            continue
        start = time if correlation.after else time + 1
        place = bisect_left(expected, start)
        if place == len(expected) or expected[place] > due:
            yield Completion(due, list(group)[-1].event)


class EventCount:
    """How many things there were. A watched correlation counts once for each of its episodes:
    rows of one group that are no further apart than its timespan.
    """

    def __init__(self, lens: Lens) -> None:
        self._conditions, self._spans = lens.correlation.conditions, lens.spans
        self._times: dict[str, deque[int]] = defaultdict(deque)
        self._count = 0

    def add(self, row: Row) -> None:
        """Count it, unless it belongs to the thing counted last."""
        times = self._times[row.origin]
        self._count += not times or row.time - times[-1] > self._spans[row.rule]
        times.append(row.time)

    def drop(self, row: Row) -> None:
        """Take it back, if nothing of the same thing is left."""
        times = self._times[row.origin]
        times.popleft()
        self._count -= not times or times[0] - row.time > self._spans[row.rule]
        if not times:
            del self._times[row.origin]

    def holds(self, since: int) -> bool:
        """Whether the number is right."""
        return _meets(self._count, self._conditions)


class ValueCount:
    """How many different values there were."""

    def __init__(self, lens: Lens) -> None:
        self._conditions = lens.correlation.conditions
        self._values: Counter[str | int | float] = Counter()

    def add(self, row: Row) -> None:
        """Count its values."""
        self._values.update(row.values)

    def drop(self, row: Row) -> None:
        """Forget its values, unless another row has them too."""
        for value in row.values:
            self._values[value] -= 1
            if not self._values[value]:
                del self._values[value]

    def holds(self, since: int) -> bool:
        """Whether the number is right."""
        return _meets(len(self._values), self._conditions)


class Temporal:
    """Which rules fired."""

    def __init__(self, lens: Lens) -> None:
        it = lens.correlation
        self._conditions = it.conditions or (Condition("gte", len(set(it.rules))),)
        self._terms = _numbered(it)
        self._rules: Counter[int] = Counter()

    def add(self, row: Row) -> None:
        """Note its rule."""
        self._rules[row.rule] += 1

    def drop(self, row: Row) -> None:
        """Forget its rule, unless another row has it too."""
        self._rules[row.rule] -= 1
        if not self._rules[row.rule]:
            del self._rules[row.rule]

    def holds(self, since: int) -> bool:
        """Whether the boolean condition holds, or else the number of rules is right."""
        rules = self._rules.keys()
        if self._terms:
            return any(
                rules >= set(present) and not rules & absent for present, absent in self._terms
            )
        return _meets(len(rules), self._conditions)


class Ordered:
    """Which rules fired in their order, equal times being in any order that is asked for.

    For each rule and length: the latest start of a chain of so many rules that ends with this
    one. It never falls, so that nothing need be dropped; a chain counts if it started in time.
    """

    def __init__(self, lens: Lens) -> None:
        it = lens.correlation
        self._conditions = it.conditions or (Condition("gte", len(it.rules)),)
        self._terms = _numbered(it)
        self._size = len(it.watched)
        self._chains: list[list[int | None]] = [[None] * self._size for _ in range(self._size)]
        self._starts: list[list[int | None]] = [[None] * len(term[0]) for term in self._terms]
        self._last: dict[int, int] = {}

    def add(self, row: Row) -> None:
        """Let it begin chains and go on with those of the rules before its own."""
        self._last[row.rule] = row.time
        for (present, _), starts in zip(self._terms, self._starts, strict=True):
            if row.rule in present:
                place = present.index(row.rule)
                starts[place] = row.time if not place else starts[place - 1]
        own = self._chains[row.rule]
        own[0] = row.time
        for length in range(1, row.rule + 1):
            own[length] = _latest(self._chains[rule][length - 1] for rule in range(row.rule))

    def drop(self, row: Row) -> None:
        """Nothing: what is too old is seen by its start."""

    def holds(self, since: int) -> bool:
        """Whether a chain that makes the condition true started no earlier than `since`."""
        if self._terms:
            recent = {rule for rule, time in self._last.items() if time >= since}
            return any(
                not recent & absent and (not starts or _in_time(starts[-1], since))
                for (_, absent), starts in zip(self._terms, self._starts, strict=True)
            )
        longest = max(
            (
                length
                for length in range(self._size)
                if any(_in_time(chain[length], since) for chain in self._chains)
            ),
            default=-1,
        )
        return _meets(longest + 1, self._conditions)


class Metric:
    """A figure over the numbers, each event's once. Reckoned in fractions: the order of adding
    and taking away must not show in the last digits.
    """

    def __init__(self, lens: Lens) -> None:
        it = lens.correlation
        self._conditions, self._type = it.conditions, it.type
        self._percentile = Fraction(PERCENTILES.get(it.type, it.percentile))
        self._rows: Counter[tuple[str, tuple[Any, ...]]] = Counter()
        self._numbers: list[Number] = []
        self._sum: Number = 0

    def add(self, row: Row) -> None:
        """Take in its numbers, unless this event's are there already."""
        self._rows[row.event, row.values] += 1
        if self._rows[row.event, row.values] == 1:
            for number in map(_exact, row.values):
                insort(self._numbers, number)
                self._sum += number

    def drop(self, row: Row) -> None:
        """Take its numbers out, unless another rule saw the same event."""
        self._rows[row.event, row.values] -= 1
        if not self._rows[row.event, row.values]:
            del self._rows[row.event, row.values]
            for number in map(_exact, row.values):
                del self._numbers[bisect_left(self._numbers, number)]
                self._sum -= number

    def holds(self, since: int) -> bool:
        """Whether the figure is right."""
        return _meets(self._figure(), self._conditions)

    def _figure(self) -> Number:
        if self._type == "value_sum":
            return self._sum
        if self._type == "value_avg":
            return Fraction(self._sum) / len(self._numbers)
        rank = self._percentile / 100 * (len(self._numbers) - 1)
        below = int(rank)
        low, high = self._numbers[below], self._numbers[min(below + 1, len(self._numbers) - 1)]
        return low + (high - low) * (rank - below)


def _meets(figure: Number, conditions: tuple[Condition, ...]) -> bool:
    return all(OPERATORS[condition.op](figure, condition.count) for condition in conditions)


def _numbered(correlation: Correlation) -> list[tuple[tuple[int, ...], frozenset[int]]]:
    place = correlation.watched.index

    def numbers(term: Term) -> tuple[tuple[int, ...], frozenset[int]]:
        return tuple(sorted(map(place, term.present))), frozenset(map(place, term.absent))

    return [numbers(term) for term in correlation.terms]


def _latest(times: Iterator[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)


def _in_time(start: int | None, since: int) -> bool:
    return start is not None and start >= since


def _exact(value: str | float) -> Number:
    return value if isinstance(value, int) else Fraction(value)


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}

WINDOWS: Mapping[str, Callable[[Lens], Window]] = {
    "event_count": EventCount,
    "value_count": ValueCount,
    "temporal": Temporal,
    "temporal_ordered": Ordered,
    "value_sum": Metric,
    "value_avg": Metric,
    "value_min": Metric,
    "value_max": Metric,
    "value_percentile": Metric,
    "value_median": Metric,
}

PERCENTILES: Mapping[str, int] = {"value_min": 0, "value_median": 50, "value_max": 100}
"""Types that are a percentile by another name."""
