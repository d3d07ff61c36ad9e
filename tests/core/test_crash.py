"""A process that dies at any port call, before or after its effect, loses and repeats nothing.

Death is a BaseException, so that no handler of ours can tidy up behind it: leases stay taken and
steps half done, as when a function is killed. Then time passes, the platform delivers everything
again, shuffled and thrice, to fresh processes.
"""

from __future__ import annotations

import random

import msgspec
import pytest

from core.audit import verify
from core.claim import LEASE_MS
from core.errors import Retry
from core.ports import Verb

KEY = "arn:aws:iam::123456789012:user/mallory/AKIAIOSFODNN7EXAMPLE"


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Counts calls through every port and dies at one of them."""

    def __init__(self, at: int, when: str) -> None:
        self.at, self.when, self.calls = at, when, 0

    def __call__(self, name, port):
        if isinstance(port, Verb):
            return Verb(
                read=self.around(port.read),
                want=port.want,
                write=self.around(port.write),
                facts=self.around(port.facts),
            )
        if name in ("store", "journal"):
            return _Through(port, self)
        return self.around(port)

    def around(self, call):
        def killed(*args, **kwargs):
            self.calls += 1
            if self.calls == self.at and self.when == "before":
                raise Killed
            result = call(*args, **kwargs)
            if self.calls == self.at:
                raise Killed
            return result

        return killed


class _Through:
    def __init__(self, port, killer: Killer) -> None:
        self._port, self._killer = port, killer

    def __getattr__(self, name):
        return self._killer.around(getattr(self._port, name))


def run(deployment, records) -> None:
    """What the platform does: deliver records, then what is on the respond queue."""
    for record in records:
        try:
            deployment.engine.observe("aws/cloudtrail", record)
        except Retry:
            continue
    for action in list(deployment.queue.seen):
        try:
            deployment.responder.handle(action)
        except Retry:
            continue


def calls_of_a_whole_run(deploy) -> int:
    counter = Killer(0, "before")
    deployment = deploy()
    deployment.wire(counter)
    run(deployment, [deployment.record()])
    assert deployment.world.world[KEY] == {"status": "Inactive"}
    return counter.calls


def settle(deployment, records, seed: int) -> None:
    """Deliver again, thrice and shuffled, to fresh processes, after every lease has run out."""
    for again in range(3):
        deployment.clock.advance(LEASE_MS + 1)
        deployment.wire()
        random.Random(seed + again).shuffle(records)
        run(deployment, records)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_call_loses_nothing_and_repeats_nothing(deploy, when):
    total = calls_of_a_whole_run(deploy)
    assert total > 30
    for at in range(1, total + 1):
        deployment = deploy()
        record = deployment.record()
        deployment.wire(Killer(at, when))
        with pytest.raises(Killed):
            run(deployment, [record])
        settle(deployment, [record] * 3, seed=at)

        here = f"killed {when} call {at}"
        assert deployment.world.writes == [(KEY, {"status": "Inactive"})], here
        # A sink that took an alert just before the crash gets it again under the same key, and
        # shows it once: that is the contract of core.ports.Sink.
        assert len({alert.key for alert in deployment.alerts.seen}) == 2, here
        assert len(deployment.alerts.seen) <= 3, here
        assert len(list(deployment.store.scan("finding"))) == 1, here
        assert [entry.value["state"] for _, entry in deployment.store.scan("finding")] == [
            "settled"
        ], here
        assert [entry.value["state"] for _, entry in deployment.store.scan("action")] == [
            "changed"
        ], here
        for chain in ("detect", "respond"):
            assert verify(deployment.journal, deployment.store, chain).ok, here
        assert "found" in deployment.audited("detect"), here
        kinds = deployment.audited("respond")
        assert kinds.index("decided") < kinds.index("attempting") < kinds.index("changed"), here


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_during_undo_still_ends_in_the_exact_former_state(deploy, when):
    from core.respond import undo_of

    def ready():
        deployment = deploy()
        run(deployment, [deployment.record()])
        action = deployment.queue.seen[0]
        return deployment, undo_of(deployment.store, action, by="alice", now=deployment.clock())

    counter = Killer(0, "before")
    deployment, undo = ready()
    deployment.wire(counter)
    deployment.responder.handle(undo)
    for at in range(1, counter.calls + 1):
        deployment, undo = ready()
        deployment.wire(Killer(at, when))
        with pytest.raises(Killed):
            deployment.responder.handle(undo)
        deployment.clock.advance(LEASE_MS + 1)
        deployment.wire()
        deployment.responder.handle(undo)
        here = f"killed {when} call {at}"
        assert deployment.world.world[KEY] == {"status": "Active"}, here
        assert len(deployment.world.writes) == 2, here
        assert deployment.action(undo.undoes)["state"] == "undone", here


def test_the_same_batch_three_times_shuffled_is_one_finding_one_alert_one_action(deploy):
    deployment = deploy()
    records = [deployment.record(), deployment.record(eventName="ListUsers", eventID="e-2")] * 3
    random.Random(7).shuffle(records)
    run(deployment, records)
    run(deployment, records)
    assert [alert.kind for alert in deployment.alerts.seen] == ["finding", "change"]
    assert len(deployment.queue.seen) == 1
    assert deployment.world.writes == [(KEY, {"status": "Inactive"})]
    assert deployment.audited("detect") == ["found", "proposed"]


def test_a_sink_that_is_down_is_told_later_and_the_others_only_once(deployment):
    from core.errors import Unavailable
    from core.memory import Recorder

    down = [True]
    late = Recorder()

    def flaky(alert):
        if down:
            down.pop()
            raise Unavailable("HTTP 503")
        late(alert)

    engine = msgspec.structs.replace(
        deployment.engine, sinks={"flaky": flaky, "sns": deployment.alerts}
    )
    record = deployment.record()
    with pytest.raises(Retry):
        engine.observe("aws/cloudtrail", record)
    engine.observe("aws/cloudtrail", record)
    assert len(late.seen) == len(deployment.alerts.seen) == 1
