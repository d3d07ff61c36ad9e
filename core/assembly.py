"""The detect path and the respond path, put together from what a platform's wiring has.

What the parts are made of (clients, names, secrets) is the platform's. Which parts go where is the
same everywhere; so is that nothing of correlations is loaded where the rulebook has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from core import config
from core.alert import above
from core.approval import Approvals
from core.audit import Audit
from core.detect import Detector
from core.engine import Engine, Match
from core.ports import Clock, Metrics, Queue, Sink, Source, Store, Verbs
from core.respond import Responder
from core.suppressions import Suppressions
from core.webhook import sink as webhook

if TYPE_CHECKING:
    from core.incident import Incidents

__all__ = ["Parts", "engine", "responder", "suppressions", "webhooks"]

RESPOND = "respond"
"""The chain of the function that acts."""


class Parts(Protocol):
    """A platform's wiring, as far as both paths know it."""

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
    def sleep(self) -> Callable[[float], None]:
        """Waits for so many seconds."""

    @property
    def metrics(self) -> Metrics:
        """What counts."""

    @property
    def policy(self) -> Callable[[], config.Policy]:
        """What may be done, as it is now."""

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


def responder(
    parts: Parts, verbs: Verbs, floors: tuple[str, ...], approvals: Approvals | None
) -> Responder:
    """What carries out actions.

    `floors`: targets that no policy can open. Without `approvals` nobody can be asked.
    """
    return Responder(
        verbs=verbs,
        store=parts.store,
        audit=parts.audit(RESPOND),
        sinks=parts.sinks,
        policy=parts.policy,
        clock=parts.clock,
        sleep=parts.sleep,
        approvals=approvals,
        floors=floors,
    )


def suppressions(parts: Parts, chain: str) -> Suppressions:
    """What becomes of hits that a filter suppressed, on the chain of the function."""
    audit = parts.audit(chain)
    return Suppressions(parts.detector, parts.store, audit, parts.clock, parts.metrics)


def webhooks(document: str | bytes, clock: Clock) -> dict[str, Sink]:
    """The sinks of a document of webhooks. BadConfig names each fault in it."""
    return {
        hook.name: above(hook.min_level, webhook(hook, clock)) for hook in config.webhooks(document)
    }


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
