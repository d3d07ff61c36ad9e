"""What correlations see of the world: an observation, and the rows that groups make of it.

An observation says that a rule fired on an event, and gives the fields that `needed_fields` of
core.correlate.plan asks for. Nothing here knows records or how a field is found in one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

import msgspec

from core.correlate.form import METRICS, Correlation, monotone
from core.correlate.windows import Lens, Row
from core.detect.values import flat, number, text
from core.model import digest

__all__ = ["Intake", "Observation", "field_of", "of_firing", "parts", "short", "whole_texts"]

LONGEST = 64
"""Bytes of an id or value that are kept. A longer one keeps its beginning and a digest, so that
the size of a group's state is bounded and different values stay different."""

MOST = 64
"""Groups, or values, that one event may have when its fields are lists."""

EXACT = 1 << 53
"""Integers beyond it are floats in JSON as many read it."""


class Observation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rule fired on an event. Events without an id of their own must be given one: by it,
    duplicates are known.
    """

    rule: str
    uid: str
    time: int
    """Epoch ms, as the event says."""
    values: Mapping[str, Any] = {}
    """Field, as the rules write it -> its value, or a list of values. None is no value."""
    origin: str = ""
    """For the firing of a correlation: its group. Counts as one thing; "": the event does."""


class Intake:
    """How a correlation takes in what one of the rules that it watches sees."""

    def __init__(self, lens: Lens, rule: str) -> None:
        it = lens.correlation
        self.id, self._type, self._rule = it.id, it.type, it.watched.index(rule)
        self._groups = [field_of(it, rule, name) for name in it.group_by]
        self._fields = [field_of(it, rule, name) for name in it.fields]
        self._counts_none = it.type == "value_count" and not monotone(it)
        """A window without a value may be what is asked for."""
        self._carries = [(name, field_of(it, rule, name)) for name in lens.carries]

    def rows(self, seen: Observation) -> Iterable[tuple[tuple[str, ...], Row]]:
        """The groups that an observation belongs to, each with its row there.

        None, when a field of group-by is missing: there is nothing that such events have in common.
        None, when the field that is counted or reckoned with is missing; but a count of values that
        may be too small is asked there too.
        """
        have = seen.values.get
        groups = [_texts(have(field)) for field in self._groups]
        each = self._values(have)
        if not each or not all(groups):
            return ()
        carry = tuple([(name, _texts(have(field))) for name, field in self._carries])
        time, event, rule = seen.time, short(seen.uid), self._rule
        own = seen.origin or event
        rows = [Row(time, event, rule, term or own, values, carry) for term, values in each]
        return product(islice(product(*groups), MOST), rows)

    def _values(
        self, have: Callable[[str], Any]
    ) -> Sequence[tuple[str, tuple[str | int | float, ...]]]:
        """The values of each row, with what it counts as if that isn't the event."""
        if self._type in METRICS:
            numbers = tuple(islice(_numbers(map(have, self._fields)), MOST))
            return [("", numbers)] if numbers else []
        if self._type not in ("value_count", "first_seen"):
            return _EVENT
        texts = [_texts(have(field)) for field in self._fields]
        each = tuple(map(_together, islice(product(*texts), MOST)))
        if self._type == "first_seen":
            return [(value, (value,)) for value in each]
        return [("", each)] if each or self._counts_none else []


def of_firing(lens: Lens, group: Sequence[str], row: Row) -> Observation:
    """What the correlations that watch this one see of a window that met its condition."""
    it = lens.correlation
    values: dict[str, Any] = {name: list(texts) for name, texts in row.carry}
    values |= zip(it.group_by, group, strict=True)
    term = ""
    if it.type == "first_seen":
        term = str(row.values[0])
        values |= zip(it.fields, parts(it, term), strict=True)
    return Observation(
        rule=it.id,
        uid=row.event,
        time=row.time + lens.delay,
        values=values,
        origin=digest("group", it.id, *group, term)[:16],
    )


def field_of(correlation: Correlation, rule: str, name: str) -> str:
    """The field that a name of the correlation means in the events of a rule."""
    return correlation.aliases.get(name, {}).get(rule, name)


def parts(correlation: Correlation, value: str) -> tuple[str, ...]:
    """The values of the single fields that make a value together."""
    if len(correlation.fields) == 1:
        return (value,)
    return tuple(msgspec.json.decode(value, type=list[str]))


def _numbers(values: Iterable[Any]) -> Iterator[int | float]:
    for value in flat(list(values)):
        found = number(value)
        if found is None or abs(found) > EXACT**16 or not math.isfinite(found):
            continue
        yield found if abs(found) <= EXACT else float(found)


def _together(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else msgspec.json.encode(values).decode()


def _texts(value: Any) -> tuple[str, ...]:
    """The values as text that is kept, each once, in order; null and empty lists are none."""
    if type(value) is str:  # as nearly all are
        return (short(value),)
    return tuple(dict.fromkeys(map(short, whole_texts(value))))


def whole_texts(value: Any) -> Iterator[str]:
    """The values as text, whole."""
    return (found for one in flat([value]) if (found := text(one)) is not None)


def short(value: str) -> str:
    """An id or value as it is kept."""
    if len(value) <= LONGEST and value.isascii():
        return value
    data = value.encode("utf-8", "replace")
    if len(data) <= LONGEST:
        return data.decode()
    return f"{data[: LONGEST - 20].decode('utf-8', 'ignore')}..{digest(value)[:16]}"


_EVENT = (("", ()),)
"""Without values, an event counts as itself."""
