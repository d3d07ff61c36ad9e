"""The whole flow on one page: a native record in, a finding recorded, told and answered.

    record -> rules that match -> finding, once -> audit "found" -> alerts -> actions on the queue

What happens to an action is core.respond; who calls this, and with which ports, is a platform's
handler. Every step is marked in the Store before the next begins, so the same record delivered
again, late, shuffled or after a crash goes on where it stopped and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec

from core import alert
from core.audit import Audit
from core.claim import Lease, take
from core.errors import Retry
from core.finding import of_hit, trimmed
from core.model import Finding, Hit, NativeRecord, Rule
from core.ports import Clock, Metrics, Queue, Sink, Source, Store
from core.respond import plan

__all__ = ["Engine", "Match"]

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

    def observe(self, source: str, record: NativeRecord) -> int:
        """One record, all the way; the number of new findings.

        Raises BadRecord when a rule matches a record that is not an event, and Retry when the
        platform must deliver the record again; by then every hit has been tried.
        """
        return self.matched(source, record, self.match(source, record))

    def matched(self, source: str, record: NativeRecord, rules: tuple[Rule, ...]) -> int:
        """As `observe`, for a record of which it is known already which rules match."""
        if not rules:
            return 0
        event = self.sources[source].event(record)
        now = self.clock()
        return self.handle(of_hit(Hit(rule=rule, event=event), now) for rule in rules)

    def handle(self, findings: Iterable[Finding]) -> int:
        """Take each finding as far as it goes; the number of those that nobody had handled."""
        new, owed = 0, None
        for finding in findings:
            try:
                new += self._handle(finding)
            except Retry as error:
                owed = error
        if owed:
            raise owed
        return new

    def _handle(self, finding: Finding) -> bool:
        fresh = {"finding": msgspec.to_builtins(trimmed(finding)), "state": "open"}
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
        )
        self.metrics("findings", 1)
        lease.mark("found")

    def _told(self, lease: Lease, finding: Finding) -> None:
        def failed(sink: str, reason: str) -> None:
            self.audit.write("untold", finding.uid, sink=sink, reason=reason)

        alert.deliver(alert.of_finding(finding), self.sinks, lease.has, lease.mark, failed)

    def _proposed(self, lease: Lease, finding: Finding) -> None:
        event = finding.evidence[0]
        targets = self.sources[event.source].targets
        for action in plan(finding, event, targets, self.clock()):
            if lease.has(action.uid):
                continue
            self.audit.write(
                "proposed",
                action.uid,
                verb=action.verb,
                target=action.target.uid,
                finding=finding.uid,
            )
            self.queue(action)
            lease.mark(action.uid)
