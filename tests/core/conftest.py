"""A small deployment in memory: every port recorded, a clock that stands still, one rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from core.actions import CATALOGUE
from core.approval import Approvals
from core.audit import Audit
from core.config import Policy, VerbPolicy
from core.detect import Detector
from core.engine import Engine
from core.finding import stored
from core.incident import Incidents
from core.memory import (
    FakeClock,
    MemoryJournal,
    MemoryMetrics,
    MemoryStore,
    MemoryVerbs,
    Recorder,
)
from core.model import Action, Actor, Alert, Event, Finding, Rule, Target
from core.ports import Source
from core.respond import Responder
from core.rulebook import Rulebook
from core.watch import Watch

KEY = "arn:aws:iam::123456789012:user/mallory/AKIAIOSFODNN7EXAMPLE"
USER = "arn:aws:iam::123456789012:user/mallory"

RULE = Rule(
    id="11111111-1111-1111-1111-111111111111",
    title="Access key made for another user",
    level="high",
    status="test",
    source="aws/cloudtrail",
    respond=("disable_access_key",),
)


def one_rule(source: str, record: Any) -> tuple[Rule, ...]:
    """A detector's `match` that knows one rule: `eventName` is CreateAccessKey."""
    return (RULE,) if record.get("eventName") == "CreateAccessKey" else ()


def event_of(record: Any) -> Event:
    return Event(
        uid=record["eventID"],
        time=record["time"],
        source="aws/cloudtrail",
        provider="aws",
        account="123456789012",
        operation=record["eventName"],
        outcome="success",
        actor=Actor(uid=USER, name="mallory", type="user"),
        ip="192.0.2.7",
        record=record,
    )


def targets_of(kind: str, event: Event) -> tuple[Target, ...]:
    if kind != "access_key":
        return ()
    return (Target(kind=kind, uid=KEY, provider="aws", account="123456789012", principal=USER),)


SOURCE = Source(
    name="aws/cloudtrail",
    keys=("eventName", "eventID"),
    route="eventName",
    time="eventTime",
    uid="eventID",
    event=event_of,
    targets=targets_of,
)


class Deployment:
    """All ports of the detect and respond functions, and the two wired to them.

    `through` wraps every port once more: the crash tests put their killer there. With a `book` its
    rules and correlations are used, else one rule.
    """

    def __init__(
        self,
        through: Callable[[str, Any], Any] = lambda name, port: port,
        book: Rulebook | None = None,
    ) -> None:
        self.detector = None if book is None else Detector(book, [SOURCE])
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.journal = MemoryJournal()
        self.alerts: Recorder[Alert] = Recorder()
        self.queue: Recorder[Action] = Recorder()
        self.metrics = MemoryMetrics()
        self.world = MemoryVerbs({KEY: {"status": "Active"}})
        self.policy = Policy(
            verbs={name: VerbPolicy(mode="auto", min_level="low") for name in CATALOGUE}
        )
        self.wire(through)

    def wire(self, through: Callable[[str, Any], Any] = lambda name, port: port) -> None:
        """A fresh process over the same ports."""
        store, journal = through("store", self.store), through("journal", self.journal)
        sinks = {"sns": through("sink", self.alerts)}
        self.approvals = Approvals("k" * 32, "https://approve.example.com/", self.clock)
        audit = Audit(journal, store, "detect", self.clock)
        incidents = None
        if self.detector is not None:
            incidents = Incidents(
                watch=Watch(self.detector),
                store=store,
                audit=audit,
                clock=self.clock,
                metrics=self.metrics,
            )
        self.engine = Engine(
            match=self.detector.match if self.detector is not None else one_rule,
            sources={"aws/cloudtrail": SOURCE},
            store=store,
            audit=audit,
            sinks=sinks,
            queue=through("queue", self.queue),
            clock=self.clock,
            metrics=self.metrics,
            incidents=incidents,
        )
        self.responder = Responder(
            verbs={name: through("verb", verb) for name, verb in self.world.verbs.items()},
            store=store,
            audit=Audit(journal, store, "respond", self.clock),
            sinks=sinks,
            policy=lambda: self.policy,
            clock=self.clock,
            sleep=lambda _: None,
            approvals=self.approvals,
        )

    def record(self, **fields: Any) -> dict[str, Any]:
        return {
            "eventName": "CreateAccessKey",
            "eventID": "e-1",
            "time": self.clock(),
            **fields,
        }

    def findings(self) -> list[Finding]:
        """Those that are not another one by now."""
        every = (stored(entry.value) for _, entry in self.store.scan("finding"))
        return [one for one in every if one is not None]

    def audited(self, chain: str) -> list[str]:
        """The kinds of the chain's records, in order."""
        return [msgspec.json.decode(line)["kind"] for _, line in self.journal.read(chain)]

    def action(self, uid: str) -> dict[str, Any]:
        entry = self.store.get("action", uid)
        assert entry is not None
        return dict(entry.value)


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    return Deployment()


@pytest.fixture
def deploy() -> type[Deployment]:
    return Deployment
