"""Filters on hits: which of a rulebook's filters suppresses a hit of a rule on a record, if any.

A filter is asked only once a rule has matched, so that rules without filters cost nothing more. It
knows nothing of how a rule matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from core.detect.matcher import Matcher, View, matcher
from core.detect.values import RARE_TIMES, TIMES, time_in
from core.errors import BadRecord
from core.model import NativeRecord
from core.ports import Source
from core.rulebook import Expr, Rulebook

__all__ = ["Filters", "Suppressed", "When", "when_of"]

When: TypeAlias = Callable[[NativeRecord], int | None]
"""The time of a record in epoch ms; None when it has none that can be read."""


class Suppressed(NamedTuple):
    """A hit that a filter suppressed: the ids of both."""

    rule: str
    filter: str


class Filters:
    """The filters of a rulebook, for records of one source.

    `demand` tells what the filter at a position demands, in the words of the source.
    """

    def __init__(self, book: Rulebook, when: When, demand: Callable[[int], Expr]) -> None:
        self._book, self._when, self._demand = book, when, demand
        self._on = book.filtered
        self._matchers: dict[int, Matcher] = {}

    def concern(self, rules: Iterable[int]) -> bool:
        """Is a filter on any of these rules (by number)?"""
        return bool(self._on) and not self._on.keys().isdisjoint(rules)

    def sift(
        self, rules: Iterable[int], view: View
    ) -> tuple[tuple[int, ...], tuple[Suppressed, ...]]:
        """Of rules that match the whole record in the view: those kept, and what is suppressed."""
        kept, suppressed = [], []
        for number in rules:
            if filter := self._suppressor(number, view):
                suppressed.append(Suppressed(self._book.entries[number].id, filter))
            else:
                kept.append(number)
        return tuple(kept), tuple(suppressed)

    def _suppressor(self, rule: int, view: View) -> str:
        """Id of the first filter that is in force and whose demand is not met; "" if none is."""
        for number in self._on.get(rule, ()):
            if self._in_force(number, view) and not self._matcher(number)(view):
                return self._book.filters[number].id
        return ""

    def _in_force(self, number: int, view: View) -> bool:
        """By the event's time, so that it does not matter when one looks.

        A record without a readable time could be of after the end: it is not suppressed.
        """
        expires = self._book.filters[number].expires
        if expires is None:
            return True
        when = self._when(view.record)
        return when is not None and when < expires

    def _matcher(self, number: int) -> Matcher:
        found = self._matchers.get(number)
        if found is None:
            found = self._matchers[number] = matcher(self._demand(number))
        return found


def when_of(source: Source | None, time_field: str) -> When:
    """How the time of records is read: as their source reads it, unless a field is named."""
    if source is not None and not time_field:
        return lambda record: _told(source, record)
    fields = (time_field,) if time_field else (*TIMES, *RARE_TIMES)
    return lambda record: time_in(record, fields)


def _told(source: Source, record: NativeRecord) -> int | None:
    try:
        return source.event(record).time or None  # a resource without a time is of time 0
    except BadRecord:
        return None
