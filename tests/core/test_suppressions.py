"""Suppressed hits in a function: counted each time, on record once a day for each filter."""

from __future__ import annotations

from typing import Any

import pytest

from core.audit import Audit, records, verify
from core.detect import Detector
from core.errors import Unavailable
from core.memory import FakeClock, MemoryJournal, MemoryMetrics, MemoryStore
from core.model import Record
from core.rulebook import Filter, Not, Text, packed
from core.suppressions import DAY_MS, Suppressions
from tests.core.test_detect import CLOUDTRAIL, rules


def screen(id: str, who: str) -> Filter:
    return Filter(
        id=id,
        title=f"Title of {id}",
        owner="dana@example.com",
        reason="It is ours.",
        expires=10**14,
        source="",
        detect=packed(Not(Text("who", (who,)))),
    )


BOOK = rules(
    Text("eventName", ("stop",)),
    Text("eventName", ("stop", "start")),
    filters=[screen("f", "robot"), screen("g", "crawler")],
)


class Deployment:
    def __init__(self) -> None:
        self.clock, self.metrics = FakeClock(), MemoryMetrics()
        self.store, self.journal = MemoryStore(self.clock), MemoryJournal()

    def process(self, chain: str = "detect", journal: Any = None) -> Suppressions:
        audit = Audit(journal or self.journal, self.store, chain, self.clock)
        detector = Detector(BOOK, [CLOUDTRAIL])
        return Suppressions(detector, self.store, audit, self.clock, self.metrics)

    def lines(self, chain: str = "detect") -> list[Record]:
        return list(records(self.journal, chain))


def record(name: str, who: str) -> dict[str, Any]:
    return {"eventName": name, "who": who, "eventTime": 1}


def test_what_is_kept_goes_on_and_leaves_no_trace_here() -> None:
    deployment = Deployment()
    kept = deployment.process().match("aws/cloudtrail", record("Stop", "dana"))
    assert [rule.id for rule in kept] == ["0", "1"]
    assert (deployment.lines(), deployment.metrics.totals) == ([], {})


def test_hits_are_counted_and_each_filter_is_on_record_once_a_day() -> None:
    deployment = Deployment()
    for process in (deployment.process(), deployment.process()):
        for who in ("robot", "robot", "crawler", "dana"):
            kept = process.match("aws/cloudtrail", record("Stop", who))
            assert bool(kept) is (who == "dana")
    assert deployment.metrics.totals == {"suppressed": 12}
    first, second = deployment.lines()
    assert (first.kind, first.subject, second.subject) == ("suppressed", "f", "g")
    assert first.data == {
        "title": "Title of f",
        "owner": "dana@example.com",
        "reason": "It is ours.",
        "expires": 10**14,
        "rule": "0",
    }
    deployment.clock.advance(DAY_MS)
    deployment.process().match("aws/cloudtrail", record("Start", "robot"))
    assert [line.subject for line in deployment.lines()] == ["f", "g", "f"]
    assert deployment.lines()[-1].data["rule"] == "1"
    assert verify(deployment.journal, deployment.store, "detect").ok


def test_the_store_is_asked_once_a_day_and_not_for_every_hit() -> None:
    class Asked(MemoryStore):
        times = 0

        def get(self, kind: str, id: str) -> Any:
            self.times += kind == "suppressed"
            return super().get(kind, id)

    deployment = Deployment()
    deployment.store = store = Asked(deployment.clock)
    process = deployment.process()
    for _ in range(5):
        process.match("aws/cloudtrail", record("Stop", "robot"))
    assert store.times == 1
    deployment.clock.advance(DAY_MS)
    process.match("aws/cloudtrail", record("Stop", "robot"))
    assert store.times == 2


def test_two_functions_share_the_day_and_neither_chain_breaks() -> None:
    deployment = Deployment()
    for chain in ("detect", "sweep"):
        deployment.process(chain).match("aws/cloudtrail", record("Stop", "robot"))
    assert [len(deployment.lines(chain)) for chain in ("detect", "sweep")] == [1, 0]


def test_a_line_that_can_not_be_written_is_owed_and_the_hit_not_counted() -> None:
    deployment = Deployment()

    class Down(MemoryJournal):
        def append(self, chain: str, seq: int, line: bytes) -> None:
            raise Unavailable("down")

    process = deployment.process(journal=Down())
    with pytest.raises(Unavailable):
        process.match("aws/cloudtrail", record("Stop", "robot"))
    assert deployment.metrics.totals == {}
    deployment.process().match("aws/cloudtrail", record("Stop", "robot"))
    assert [line.subject for line in deployment.lines()] == ["f"]


def test_what_is_marked_lasts_its_day_and_is_forgotten_later() -> None:
    deployment = Deployment()
    deployment.process().match("aws/cloudtrail", record("Stop", "robot"))
    ((_, entry),) = deployment.store.scan("suppressed")
    assert entry.value["filter"] == "f"
    deployment.clock.advance(2 * DAY_MS)
    assert list(deployment.store.scan("suppressed")) == []
