"""The detect path, put together from what a platform's wiring has.

What the parts are made of (clients, names, secrets) is the platform's. That correlations go with
the engine, and that nothing of them is loaded where the rulebook has none, is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from core.audit import Audit
from core.detect import Detector
from core.engine import Engine, Match
from core.ports import Clock, Metrics, Queue, Sink, Source, Store

if TYPE_CHECKING:
    from core.incident import Incidents

__all__ = ["Parts", "engine"]


class Parts(Protocol):
    """A platform's wiring, as far as the detect path knows it."""

    @property
    def detector(self) -> Detector:
        """The rulebook, ready to match."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """What is read, by name."""

    @property
    def store(self) -> Store:
        """State."""

    @property
    def sinks(self) -> Mapping[str, Sink]:
        """Who is told, by name."""

    @property
    def queue(self) -> Queue:
        """The respond function's."""

    @property
    def clock(self) -> Clock:
        """Now."""

    @property
    def metrics(self) -> Metrics:
        """What counts."""

    def audit(self, chain: str) -> Audit:
        """The chain of one function."""


def engine(parts: Parts, chain: str, match: Match) -> Engine:
    """The engine, writing to the chain of the function that runs it."""
    audit = parts.audit(chain)
    return Engine(
        match=match,
        sources=parts.sources,
        store=parts.store,
        audit=audit,
        sinks=parts.sinks,
        queue=parts.queue,
        clock=parts.clock,
        metrics=parts.metrics,
        incidents=_incidents(parts, audit),
    )


def _incidents(parts: Parts, audit: Audit) -> Incidents | None:
    """The rulebook's correlations; None, and nothing of them loaded, where it has none."""
    if not parts.detector.book.correlations:
        return None
    from core.incident import Incidents
    from core.watch import Watch

    return Incidents(
        watch=Watch(parts.detector),
        store=parts.store,
        audit=audit,
        clock=parts.clock,
        metrics=parts.metrics,
    )
