"""Filters on hits: which of a rulebook's filters suppresses a hit of a rule on a record, if any.

A filter is asked only once a rule has matched, so that rules without filters cost nothing more. It
knows nothing of how a rule matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from core.detect.matcher import Matcher, View, matcher
from core.detect.values import first, milliseconds
from core.rulebook import Rulebook

__all__ = ["Filters", "Suppressed"]


class Suppressed(NamedTuple):
    """A hit that a filter suppressed: the ids of both."""

    rule: str
    filter: str


class Filters:
    """The filters of a rulebook, for records whose time is in the first present of some fields."""

    def __init__(self, book: Rulebook, times: tuple[str, ...]) -> None:
        self._book, self._times = book, times
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
        when = milliseconds(first(view.record, self._times))
        return when is not None and when < expires

    def _matcher(self, number: int) -> Matcher:
        found = self._matchers.get(number)
        if found is None:
            found = self._matchers[number] = matcher(self._book.demand(number))
        return found
