"""Which rules correlations watch, and what they see of a hit: the same in a hunt and in a function.

A Watch is made of a detector once. It knows how a field is found in a record, since that is how the
rules themselves find it; when a correlation fires is core.correlate's affair, and what comes of it
is for core.chains (a hunt) and core.incident (a deployment) to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from core.correlate import Correlation, Plan, needed_fields, silent
from core.detect import Detector
from core.errors import BadRule
from core.model import NativeRecord, Rule, digest
from core.rulebook import Rulebook

__all__ = ["Watch", "correlations", "key"]

LONGEST = 64
"""Bytes of an event's id that core.correlate keeps as they are."""


class Watch:
    """The correlations of a detector's rulebook. BadRule for one that can't be honoured."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.correlations = correlations(detector.book)
        needed = needed_fields(self.correlations)
        self.needed: Mapping[str, tuple[str, ...]] = {
            rule: tuple(sorted(fields)) for rule, fields in needed.items()
        }
        """Rule that is watched and no correlation -> the fields that an observation must have."""
        self.silent = silent(self.correlations)
        """Rules that make no finding of their own."""

    @cached_property
    def plan(self) -> Plan:
        """The correlations, ready to run."""
        return Plan(self.correlations)

    @cached_property
    def reach(self) -> Mapping[str, int]:
        """Watched rule -> milliseconds after its event in which a firing may first name it."""
        reach: dict[str, int] = {}
        for lens in reversed(self.plan.lenses):
            one = lens.correlation
            # What first_seen remembers for so long are values; it only names the latest event.
            window = 0 if one.type == "first_seen" else one.timespan
            far = window + lens.lateness + reach.get(one.id, 0)
            for rule in one.watched:
                reach[rule] = max(far, reach.get(rule, 0))
        return reach

    def values(self, rule: Rule, source: str, record: NativeRecord) -> dict[str, list[Any]]:
        """The fields of a record that the correlations which watch the rule ask for."""
        plan = self._detector.plan(source)
        find = plan.fields.finder
        return {name: find(plan.named(rule, name))(record) for name in self.needed[rule.id]}


def correlations(book: Rulebook) -> tuple[Correlation, ...]:
    """The correlations of a rulebook."""
    try:
        return tuple(map(_CORRELATION.decode, book.correlations))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRule(f"a correlation in the rulebook is damaged: {error}") from error


def key(event: str) -> str:
    """An event's id as correlations see it: a long one as a digest."""
    if len(event) <= LONGEST and event.isascii():
        return event
    data = event.encode("utf-8", "replace")
    return data.decode() if len(data) <= LONGEST else digest("event", data.decode())


_CORRELATION = msgspec.json.Decoder(Correlation)
