"""The whole flow on one page: a native record in, a finding recorded, told and answered.

    record -> rules that match -> finding, once -> audit "found" -> alerts -> actions on the queue
                              `-> seen by correlations -> finding of many events -> the same

What happens to an action is core.respond; who calls this, and with which ports, is a platform's
handler. Every step is marked in the Store before the next begins, so the same record delivered
again, late, shuffled or after a crash goes on where it stopped and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from core import alert
from core.audit import Audit
from core.claim import Lease, take
from core.errors import Retry
from core.finding import Trimmer, of_hit, trimmed
from core.model import Action, Finding, Hit, NativeRecord, Rule
from core.ports import Clock, Metrics, Queue, Sink, Source, Store
from core.respond import plan

if TYPE_CHECKING:  # loaded only where the rulebook has correlations
    from core.incident import Incidents

__all__ = ["Engine", "Later", "Match"]

Later: TypeAlias = list[Hit]
"""Hits that correlations are to see together: a write per group instead of one per hit."""

Match: TypeAlias = Callable[[str, NativeRecord], tuple[Rule, ...]]
"""Source name and record -> the rules that match: the `match` of a core.detect.Detector."""


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """The detect function's ports."""

    match: Match
    sources: Mapping[str, Source]
    store: Store
    audit: Audit
    sinks: Mapping[str, Sink]
    queue: Queue
    clock: Clock
    metrics: Metrics
    incidents: Incidents | None = None
    """The rulebook's correlations; None where it has none."""

    def observe(self, source: str, record: NativeRecord) -> int:
        """One record, all the way; the number of new findings.

        Raises BadRecord when a rule matches a record that is not an event, and Retry when the
        platform must deliver the record again; by then every hit has been tried.
        """
        return self.matched(source, record, self.match(source, record))

    def matched(
        self, source: str, record: NativeRecord, rules: tuple[Rule, ...], later: Later | None = None
    ) -> int:
        """As `observe`, for a record of which it is known already which rules match.

        With `later`, the hits that correlations want to see are left there, for `correlate`.
        """
        if not rules:
            return 0
        event, now = self.sources[source].event(record), self.clock()
        hits = [Hit(rule=rule, event=event) for rule in rules]
        found = [of_hit(hit, now) for hit in self.speaking(hits)]
        if later is None:
            return _each([partial(self.handle, found), partial(self.correlate, hits)])
        later.extend(self.incidents.watched(hits) if self.incidents else ())
        return self.handle(found)

    def speaking(self, hits: list[Hit]) -> list[Hit]:
        """The hits that are findings of their own, and do not only feed correlations."""
        return self.incidents.speaking(hits) if self.incidents else hits

    def correlate(self, hits: Iterable[Hit]) -> int:
        """Let correlations see hits; the number of new findings. Raises as `observe` does."""
        return self.incidents.observe(hits, self._handle) if self.incidents else 0

    def settle(self) -> int:
        """Decide what correlations could not decide at once. For a schedule, every few minutes."""
        return self.incidents.settle(self._handle) if self.incidents else 0

    def handle(self, findings: Iterable[Finding]) -> int:
        """Take each finding as far as it goes; the number of those that nobody had handled."""
        trim = Trimmer()
        return _each(partial(self._handle, finding, trim) for finding in findings)

    def _handle(self, finding: Finding, trim: Trimmer | None = None) -> bool:
        fresh = {"finding": msgspec.to_builtins(trimmed(finding, trim)), "state": "open"}
        lease = take(self.store, self.clock, "finding", finding.uid, fresh, open_states=("open",))
        if lease is None:
            return False
        try:
            self._found(lease, finding)
            self._told(lease, finding)
            self._proposed(lease, finding)
        except Retry:
            lease.release()
            raise
        lease.settle("settled")
        return True

    def _found(self, lease: Lease, finding: Finding) -> None:
        if lease.has("found"):
            return
        self.audit.write(
            "found",
            finding.uid,
            rule=finding.rule.id,
            title=finding.title,
            level=finding.level,
            event=finding.events,
            actor=finding.actor.uid,
            account=finding.account,
            **({"group": finding.group} if finding.group else {}),
        )
        self.metrics("findings", 1)
        lease.mark("found")

    def _told(self, lease: Lease, finding: Finding) -> None:
        def failed(sink: str, reason: str) -> None:
            self.audit.write("untold", finding.uid, sink=sink, reason=reason)

        alert.deliver(alert.of_finding(finding), self.sinks, lease.has, lease.mark, failed)

    def _proposed(self, lease: Lease, finding: Finding) -> None:
        for event in finding.evidence:
            targets = self.sources[event.source].targets
            for action in plan(finding, event, targets, self.clock()):
                if not lease.has(action.uid):
                    self._propose(lease, action)

    def _propose(self, lease: Lease, action: Action) -> None:
        target, verb = action.target.uid, action.verb
        self.audit.write("proposed", action.uid, verb=verb, target=target, finding=action.finding)
        self.queue(action)
        lease.mark(action.uid)


def _each(work: Iterable[Callable[[], int]]) -> int:
    """The sum of all; a Retry of one is raised when all have been tried."""
    total, owed = 0, None
    for one in work:
        try:
            total += one()
        except Retry as error:
            owed = error
    if owed:
        raise owed
    return total
