"""A Scene on one machine: core's own path, with the ports of functions/local and a cloud's parts.

The cloud's envelopes, events, targets, REST caller and verbs are those of its functions; what its
platform would hold is here in SQLite and files, as for a sweep from a desk. So neither its SDKs nor
its emulators are needed. What the intruder does and what the company is, the cloud's Part says.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec

from core import approval_page, config
from core.alert import above
from core.approval import Approvals, Word
from core.audit import Audit
from core.detect import Detector
from core.engine import Engine, Match
from core.errors import Reject, Retry
from core.incident import Incidents
from core.model import Action, NativeRecord, Rejected
from core.ports import Source, Verbs, system_clock
from core.respond import Responder
from core.scan import identify
from core.watch import Watch
from core.webhook import sink
from functions.local.adapters import FileJournal, RejectFile, SqliteQueue, SqliteStore
from functions.local.demo.inbox import Inbox
from functions.local.demo.loopback import Loopback
from functions.local.demo.scene import Late, States, Step
from functions.local.rulebooks import gather

__all__ = ["Machine", "Native", "Opened", "Part", "Told", "machine"]

Native = dict[str, Any]

TRIES = 6
"""Deliveries of one action before it would be poison."""


class Told(NamedTuple):
    """A step of the story in words, and the records that it leaves."""

    words: str
    records: Sequence[Native]


class Opened(NamedTuple):
    """What was in a message: records, and why other parts of it can't be read."""

    records: Sequence[NativeRecord]
    refused: Sequence[str] = ()


class Part(NamedTuple):
    """What one cloud brings."""

    cloud: str
    about: Sequence[str]
    policy: Mapping[str, Any]

    sources: Sequence[Source]
    """The cloud's own, each with its targets."""

    verbs: Verbs
    unwrap: Callable[[str], Opened]
    """BadRecord for a message that can't be read at all."""

    state: Callable[[], States]
    story: Callable[[int], Iterator[Told]]
    """Does each step as it is told; the records of the last one come late."""

    ordinary: Callable[[int], list[Native]]
    time: Callable[[Native], str]
    """When a record happened, RFC 3339."""

    envelope: Callable[[Sequence[Native]], str]
    """Records as the cloud delivers them."""

    together: int
    """Records in one message."""

    poison: str
    """A message that can't be read, or not all of it."""

    arrival: str
    """How its messages come: "Event Hub"."""

    loopback: Loopback
    floors: Sequence[str] = ()
    folded: Callable[[Match], Match] = lambda match: match
    """Makes one of the several records that tell of one operation."""


@contextmanager
def machine(part: Part, box: Inbox) -> Iterator[Machine]:
    """The machine, with its state in a folder that lasts as long as the block."""
    with TemporaryDirectory(prefix="vigil-demo-") as folder, ExitStack() as ends:
        store = SqliteStore(Path(folder) / "vigil.db", system_clock)
        ends.callback(store.close)
        queue = SqliteQueue(Path(folder) / "queue.db", system_clock)
        ends.callback(queue.close)
        yield Machine(part, box, Path(folder), store, queue)


class Machine:
    """A Scene (functions.local.demo.scene)."""

    def __init__(
        self, part: Part, box: Inbox, folder: Path, store: SqliteStore, queue: SqliteQueue
    ) -> None:
        self._part, self._folder, self._queue = part, folder, queue
        self.cloud, self.policy, self.store = part.cloud, part.policy, store
        self.loopback = part.loopback
        self.journal = FileJournal(folder / "journal")
        self._rejects = RejectFile(folder / "rejects.jsonl")
        self._sources = {source.name: source for source in part.sources}
        hooks = config.webhooks(json.dumps([box.hook]))
        self._sinks = {hook.name: above(hook.min_level, sink(hook, system_clock)) for hook in hooks}
        self._approvals = Approvals(
            secrets.token_hex(32), "https://approve.example.com/", system_clock
        )
        self._records: list[Native] = []
        self._late: Sequence[Native] = ()

    def about(self) -> Sequence[str]:
        """What there is."""
        return (
            *self._part.about,
            "Vigil runs on this machine: its readers, rules, guard and verbs as in that cloud,",
            "its store in SQLite, its queue too, its journal in files.",
        )

    def state(self) -> States:
        """The company as the stand-in answers."""
        return self._part.state()

    def intrude(self, start: int) -> Iterator[Step]:
        """Each step, done in the stand-in."""
        records = self._part.ordinary(start)
        for told in self._part.story(start + 60_000):
            records += self._late
            self._late = told.records
            yield Step(self._part.time(told.records[0]), told.words)
        self._records = sorted(records, key=self._part.time)

    def deliveries(self) -> Sequence[str]:
        """All but the records that are late."""
        bodies = self._bodies(self._records)
        bodies.insert(len(bodies) // 2, self._part.poison)
        return bodies

    def detect(self, bodies: Sequence[str]) -> None:
        """Envelope, records, rules, findings; what can't be read is set aside by itself."""
        for body in bodies:
            place = f"{self._part.arrival} message"
            try:
                opened = self._part.unwrap(body)
            except Reject as error:
                self._set_aside(str(error), place, body)
                continue
            for reason in opened.refused:
                self._set_aside(reason, place, body)
            for record in opened.records:
                self._observe(record, place)

    def repeat(self) -> str:
        """Every message again, as happens where delivery is at least once; the last one first."""
        bodies = self._bodies(self._records)
        self.detect(bodies[::-1])
        return f"The same {len(self._records)} records in {len(bodies)} messages again, backwards"

    def refused(self) -> Sequence[str]:
        """The reasons in the file of rejects."""
        lines = (self._folder / "rejects.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Rejected).reason for line in lines]

    def respond(self) -> None:
        """Every action of the queue. RuntimeError for one that keeps failing."""
        while received := self._queue.receive(hide_ms=0):
            try:
                self._responder.handle(received.action)
            except Retry as error:
                if received.attempt >= TRIES:
                    raise RuntimeError(f"{received.action.verb} keeps failing: {error}") from error
                continue
            self._queue.delete(received.receipt)

    def approve(self, method: str, token: str) -> int:
        """The page that every cloud's function answers with."""
        audit = Audit(self.journal, self.store, "approve", system_clock)
        answer = approval_page.answer(
            method,
            token,
            {"decision": "approve", "by": "dana", "token": token} if method == "POST" else {},
            show=lambda token: self._approvals.show(self.store, token),
            decide=lambda token, word: self._approvals.decide(
                self.store, self._queue, audit, token, Word(word.yes, f"{word.by} (192.0.2.17)")
            ),
        )
        return answer.status

    def late(self) -> Late:
        """The records of the last step, minutes after all others."""
        self.detect(self._bodies(list(self._late)))
        title = "Late: a record that its cloud was slow to deliver"
        count = len(self._late)
        came = f"{count} records of the last step come" if count > 1 else "The last record comes"
        return Late(title, f"{came} when the answer to all others is given.")

    def order(self, action: Action) -> None:
        """Onto the queue."""
        self._queue(action)

    def _bodies(self, records: Sequence[Native]) -> list[str]:
        size = self._part.together
        return [
            self._part.envelope(records[first : first + size])
            for first in range(0, len(records), size)
        ]

    def _observe(self, record: NativeRecord, place: str) -> None:
        source = identify(record, self._part.sources)
        if source is None:
            self._set_aside("a record that no source reads", place, json.dumps(record))
            return
        try:
            self._engine.observe(source.name, record)
        except Reject as error:
            self._set_aside(str(error), place, json.dumps(record))

    def _set_aside(self, reason: str, place: str, body: str) -> None:
        self._rejects(Rejected(reason=reason, place=place, excerpt=ascii(body[:300])))

    @cached_property
    def _engine(self) -> Engine:
        """The shipped rules, correlations included."""
        audit = Audit(self.journal, self.store, "detect", system_clock)
        detector = Detector(gather(()).book, tuple(self._part.sources))
        return Engine(
            match=self._part.folded(detector.match),
            sources=self._sources,
            store=self.store,
            audit=audit,
            sinks=self._sinks,
            queue=self._queue,
            clock=system_clock,
            metrics=_uncounted,
            incidents=Incidents(
                watch=Watch(detector),
                store=self.store,
                audit=audit,
                clock=system_clock,
                metrics=_uncounted,
            ),
        )

    @cached_property
    def _responder(self) -> Responder:
        policy = config.policy(json.dumps(self.policy))
        return Responder(
            verbs=self._part.verbs,
            store=self.store,
            audit=Audit(self.journal, self.store, "respond", system_clock),
            sinks=self._sinks,
            policy=lambda: policy,
            clock=system_clock,
            sleep=time.sleep,
            approvals=self._approvals,
            floors=tuple(self._part.floors),
        )


def _uncounted(name: str, value: float) -> None:
    """Nobody looks at metrics here."""
