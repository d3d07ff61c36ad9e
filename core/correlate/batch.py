"""Correlations over all there is, at once: for hunts. Exact, without cap, lateness or Store."""

from __future__ import annotations

from collections.abc import Iterable

from core.correlate.form import Correlation
from core.correlate.group import Firing, State, settle, step
from core.correlate.observe import Observation, of_firing
from core.correlate.plan import Inbox, Plan

__all__ = ["correlate_all"]


def correlate_all(
    correlations: Iterable[Correlation],
    observations: Iterable[Observation],
    until: int | None = None,
) -> tuple[Firing, ...]:
    """Every firing, inner ones included, in order of time; the same for any order of input.

    `until` (epoch ms): how far the input reaches, for what is missing at its end; by default to
    the latest observation.
    """
    plan, end = Plan(correlations), until or 0
    inbox: Inbox = {}
    for seen in observations:
        plan.deliver(seen, inbox)
        end = max(end, seen.time) if until is None else until
    firings: list[Firing] = []
    for lens in plan.lenses:
        for group, found in inbox.pop(lens.correlation.id, {}).items():
            done = step(lens, group, State(), found, cap=None)
            if lens.deferred:
                done = settle(lens, group, done.state, end, cap=None)
            firings.extend(done.firings)
            for row in done.passed:
                plan.deliver(of_firing(lens, group, row), inbox)
    return tuple(sorted(firings, key=lambda one: (one.time, one.rule.id, one.uid)))
