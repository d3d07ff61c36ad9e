"""Findings of correlations in a deployment: opened once, then updated; silent rules; evidence."""

from __future__ import annotations

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from core import alert
from core.claim import LEASE_MS
from core.correlate import Condition, Correlation, Observation, correlate_all
from core.errors import Busy, Retry, Unavailable
from core.incident import EVIDENCE, SLACK_MS
from core.model import Hit, Rule
from core.rulebook import Text, book

MINUTE = 60_000
START = 1_700_000_000_000


def rule(id, **more):
    return Rule(id=id, title=id, source="aws/cloudtrail", **more)


def named(*ids):
    """Rules that match the events whose eventName is theirs."""
    return [(rule(id, level="low"), Text("eventName", (id.casefold(),)), "") for id in ids]


def burst(count=3, id="burst", level="high", **more):
    more = {
        "rules": ("Failed",),
        "type": "event_count",
        "timespan": 10 * MINUTE,
        "group_by": ("user",),
        "conditions": (Condition("gte", count),),
        **more,
    }
    respond = more.pop("respond", ("disable_access_key",))
    return Correlation(rule=Rule(id=id, title=id, level=level, respond=respond), **more)


SILENCE = burst(id="silence", type="absence", conditions=(), timespan=30 * MINUTE)


def happened(minute, name="Failed", **more):
    return {
        "eventName": name,
        "eventID": f"{name}-{minute}",
        "time": START + int(minute * MINUTE),
        "user": "mallory",
        **more,
    }


@pytest.fixture
def deployed(deploy):
    """A deployment of these correlations over the rules Failed and Passed."""

    def make(*correlations):
        deployment = deploy(book=book(named("Failed", "Passed"), correlations))
        deployment.clock.now = START
        return deployment

    return make


def deliver(deployment, *records):
    """One by one, each to a fresh process; the number of new findings."""
    new = 0
    for record in records:
        deployment.wire()
        deployment.clock.now = max(deployment.clock.now, record["time"])
        new += deployment.engine.observe("aws/cloudtrail", record)
    return new


def only(deployment):
    (finding,) = deployment.findings()
    return finding


def test_what_is_wrong_together_is_one_finding_told_and_answered_once(deployed):
    deployment = deployed(burst())
    assert deliver(deployment, happened(1), happened(2)) == 0
    assert deployment.findings() == []
    assert deliver(deployment, happened(3), happened(4), happened(5)) == 1
    finding = only(deployment)
    assert (finding.rule.id, finding.group, finding.count) == ("burst", {"user": "mallory"}, 5)
    assert finding.events == tuple(f"Failed-{minute}" for minute in range(1, 6))
    assert (finding.began, finding.time, finding.last_seen) == tuple(
        START + minute * MINUTE for minute in (1, 3, 5)
    )
    assert [alert.kind for alert in deployment.alerts.seen] == ["finding"]
    assert [action.finding for action in deployment.queue.seen] == [finding.uid]


def test_the_finding_is_about_whom_and_where_its_evidence_says(deployed):
    deployment = deployed(burst())
    deliver(deployment, *map(happened, range(1, 4)))
    finding = only(deployment)
    assert (finding.actor.name, finding.ip, finding.provider) == ("mallory", "192.0.2.7", "aws")
    assert [event.uid for event in finding.evidence] == ["Failed-3", "Failed-1", "Failed-2"]


def test_a_rule_that_only_feeds_a_correlation_says_nothing_itself(deployed):
    deployment = deployed(burst(99))
    deliver(deployment, happened(1), happened(2, "Passed"))
    assert [one.rule.id for one in deployment.findings()] == ["Passed"]


def test_with_generate_it_speaks_too(deployed):
    deployment = deployed(burst(2, generate=True))
    deliver(deployment, happened(1), happened(2))
    assert sorted(one.rule.id for one in deployment.findings()) == ["Failed", "Failed", "burst"]


def test_without_correlations_nothing_is_kept(deployed):
    deployment = deployed()
    deliver(deployment, happened(1))
    assert list(deployment.store.scan("evidence")) == []


def test_a_record_that_no_rule_matches_costs_no_call_of_a_port(deployed):
    deployment = deployed(burst())
    calls = []
    deployment.wire(lambda name, port: Counting(port, calls) if name == "store" else port)
    deployment.engine.observe("aws/cloudtrail", happened(1, "Other"))
    assert calls == []


class Counting:
    """A Store that notes what is called."""

    def __init__(self, store, calls):
        self.store, self.calls = store, calls

    def get(self, kind, id):
        self.calls.append(("get", kind))
        return self.store.get(kind, id)

    def put(self, kind, id, value, **more):
        self.calls.append(("put", kind))
        return self.store.put(kind, id, value, **more)

    def scan(self, kind):
        self.calls.append(("scan", kind))
        return self.store.scan(kind)


def writes(deployment, *records):
    """Kinds that are written when these are delivered."""
    calls = []
    deployment.wire(lambda name, port: Counting(port, calls) if name == "store" else port)
    for record in records:
        deployment.engine.observe("aws/cloudtrail", record)
    return [kind for call, kind in calls if call == "put"]


def test_a_watched_hit_is_written_once_as_evidence_and_a_known_one_not_at_all(deployed):
    deployment = deployed(burst(), burst(5, id="more"))
    assert writes(deployment, happened(1)).count("evidence") == 1
    assert writes(deployment, happened(1)) == []


def test_a_watched_hit_that_belongs_to_no_group_is_not_written(deployed):
    deployment = deployed(burst())
    assert writes(deployment, happened(1, user=None)) == []


def test_evidence_is_gone_when_no_firing_can_name_it_any_more(deployed):
    deployment = deployed(burst(lateness=MINUTE))
    deliver(deployment, happened(0))
    deployment.clock.now = START + 11 * MINUTE + SLACK_MS - 1
    assert len(list(deployment.store.scan("evidence"))) == 1
    deployment.clock.now += 1
    assert list(deployment.store.scan("evidence")) == []


def test_evidence_holds_no_credential_and_not_too_much(deployed):
    deployment = deployed(burst(2))
    answer = {"sessionToken": "secret", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"}
    big = happened(1, answer=answer, blob="x" * 100_000)
    many = [happened(1 + n / 100, blob="x" * 100_000) for n in range(1, 3 * EVIDENCE)]
    deliver(deployment, big, *many)
    finding = only(deployment)
    assert len(finding.evidence) == EVIDENCE
    assert "secret" not in repr(finding)
    assert len(msgspec.json.encode(finding)) < 300_000


def test_a_thousand_events_are_counted_in_the_finding_and_noted_ten_times_in_the_journal(deployed):
    deployment = deployed(burst(2))
    deliver(deployment, *(happened(n / 1000) for n in range(300)))
    assert only(deployment).count == 300
    assert deployment.audited("detect") == ["found", "proposed", *["updated"] * 7]


def test_an_update_raises_the_level_and_never_lowers_it(deployed, deploy):
    deployment = deployed(burst(2, level="medium"))
    deliver(deployment, happened(1), happened(2))
    for level, expected in (("critical", "critical"), ("low", "critical")):
        changed = deployed(burst(2, level=level))
        deployment.detector = changed.detector
        minute = 3 if level == "critical" else 4
        deliver(deployment, happened(minute))
        assert only(deployment).level == expected
    assert len(deployment.alerts.seen) == 1


def test_what_an_operator_said_of_a_finding_outlives_an_update(deployed):
    deployment = deployed(burst(2))
    deliver(deployment, happened(1), happened(2))
    uid = only(deployment).uid
    entry = deployment.store.get("finding", uid)
    value = {**entry.value, "finding": {**entry.value["finding"], "status": "suppressed"}}
    deployment.store.put("finding", uid, value, version=entry.version)
    deliver(deployment, happened(3))
    assert (only(deployment).status, only(deployment).count) == ("suppressed", 3)


def test_an_event_that_comes_late_moves_the_finding_and_tells_nobody_again(deployed):
    deployment = deployed(burst(2))
    deliver(deployment, happened(3), happened(4))
    former = only(deployment).uid
    deliver(deployment, happened(1))
    finding = only(deployment)
    assert (finding.former, finding.count) == ((former,), 3)
    assert finding.uid != former
    assert finding.time == START + 3 * MINUTE
    assert [event.uid for event in finding.evidence] == ["Failed-3", "Failed-4", "Failed-1"]
    assert (len(deployment.alerts.seen), len(deployment.queue.seen)) == (1, 1)
    assert deployment.store.get("finding", former).value["by"] == finding.uid
    assert deployment.audited("detect")[-1] == "updated"


def test_an_event_that_comes_late_makes_two_findings_one(deployed):
    deployment = deployed(burst(2))
    deliver(deployment, happened(0), happened(1), happened(16), happened(17))
    first, second = sorted(deployment.findings(), key=lambda one: one.time)
    deliver(deployment, happened(9))
    finding = only(deployment)
    assert (finding.uid, finding.former, finding.count) == (first.uid, (second.uid,), 5)
    assert {event.uid for event in finding.evidence} >= {"Failed-0", "Failed-16"}
    assert len(deployment.alerts.seen) == 2


def test_a_slow_worker_can_not_open_what_has_become_another_finding(deployed):
    deployment, early = deployed(burst(2)), []
    deliver(deployment, happened(3))

    def slow(finding):
        early.append(finding)
        raise Busy("not yet")

    with pytest.raises(Busy):
        deployment.engine.incidents.observe([hit(deployment, happened(4))], slow)
    deliver(deployment, happened(1))
    assert deployment.engine.handle(early) == 0
    assert only(deployment).former == (early[0].uid,)
    assert len(deployment.alerts.seen) == 1


def hit(deployment, record):
    (matched,) = deployment.detector.match("aws/cloudtrail", record)
    return Hit(rule=matched, event=deployment.engine.sources["aws/cloudtrail"].event(record))


def test_an_older_look_at_the_group_does_not_undo_a_newer_one(deployed):
    deployment = deployed(burst(2))
    deliver(deployment, *map(happened, range(1, 4)))
    newest = only(deployment)
    assert take(deployment, firing_of(2)) is False
    assert only(deployment) == newest


def test_two_workers_that_open_the_same_finding_lose_none_of_its_events(deployed):
    deployment = deployed(burst(2))

    def overtaken(finding):
        """Another worker opens it with fewer events just before this one."""
        take(deployment, firing_of(2))
        return deployment.engine._handle(finding)

    take(deployment, firing_of(3), overtaken)
    assert only(deployment).count == 3


def take(deployment, firing, handle=None):
    """What a worker does with a firing that it got from its look at the group."""
    return deployment.engine.incidents._take(firing, handle or deployment.engine._handle)


def observed(minute):
    return Observation(
        rule="Failed",
        uid=f"Failed-{minute:g}",
        time=START + int(minute * MINUTE),
        values={"user": "mallory"},
    )


def firing_of(count):
    """The firing of the first so many events."""
    (firing,) = correlate_all([burst(2)], map(observed, range(1, count + 1)))
    return firing


def test_silence_is_found_by_the_schedule_with_its_evidence_and_what_would_help(deployed):
    deployment = deployed(SILENCE)
    deliver(deployment, happened(1))
    deployment.clock.now = START + 31 * MINUTE + SILENCE.lateness - 1
    assert deployment.engine.settle() == 0
    deployment.clock.now += 1
    assert deployment.engine.settle() == 1
    finding = only(deployment)
    assert (finding.time, finding.began) == (START + 31 * MINUTE, START + MINUTE)
    assert [event.uid for event in finding.evidence] == ["Failed-1"]
    assert len(deployment.queue.seen) == 1
    assert deployment.engine.settle() == 0


def test_what_was_never_heard_is_not_missed(deployed):
    deployment = deployed(SILENCE)
    deployment.clock.now += 10**12
    assert deployment.engine.settle() == 0
    assert deployment.findings() == []


def test_a_finding_that_a_sink_still_owes_is_told_by_the_next_delivery_of_any_event(deployed):
    deployment = deployed(burst(2))
    deliver(deployment, happened(1))

    def down(alert):
        raise Unavailable("HTTP 503")

    engine = msgspec.structs.replace(deployment.engine, sinks={"sns": down})
    with pytest.raises(Retry):
        engine.observe("aws/cloudtrail", happened(2))
    with pytest.raises(Retry):
        engine.observe("aws/cloudtrail", happened(2))
    assert deployment.alerts.seen == []
    deployment.engine.observe("aws/cloudtrail", happened(1))
    assert len(deployment.alerts.seen) == 1
    assert only(deployment).count == 2


def test_a_sink_that_is_down_for_one_finding_does_not_keep_back_the_others(deployed):
    deployment = deployed(burst(1, id="one"), burst(1, id="two"))
    told = []

    def picky(alert):
        if alert.title == "one":
            raise Unavailable("HTTP 503")
        told.append(alert.title)

    engine = msgspec.structs.replace(deployment.engine, sinks={"sns": picky})
    with pytest.raises(Retry):
        engine.observe("aws/cloudtrail", happened(1))
    assert told == ["two"]


def test_actions_come_from_all_of_the_evidence_each_once(deployed, deploy):
    deployment = deployed(burst(2))
    source = deployment.engine.sources["aws/cloudtrail"]

    def targets(kind, event):
        (target,) = source.targets("access_key", event)
        return (msgspec.structs.replace(target, uid=event.record["key"]),)

    own = {"aws/cloudtrail": source._replace(targets=targets)}
    engine = msgspec.structs.replace(deployment.engine, sources=own)
    for record in (happened(1, key="a"), happened(2, key="b"), happened(3, key="c")):
        engine.observe("aws/cloudtrail", record)
    assert [action.target.uid for action in deployment.queue.seen] == ["b", "a"]


def test_many_hits_at_once_are_a_write_per_group(deployed):
    deployment = deployed(burst(3))
    calls, later = [], []
    deployment.wire(lambda name, port: Counting(port, calls) if name == "store" else port)
    for minute in range(6):
        record = happened(minute)
        rules = deployment.detector.match("aws/cloudtrail", record)
        assert deployment.engine.matched("aws/cloudtrail", record, rules, later) == 0
    assert deployment.engine.correlate(later) == 1
    assert calls.count(("put", "correlation")) == 2  # the state, and that its firing was taken
    assert only(deployment).count == 6


def test_a_capped_firing_says_so_in_its_finding_and_its_alert(deployed):
    deployment = deployed(burst(2))
    take(deployment, msgspec.structs.replace(firing_of(3), capped=True))
    finding = only(deployment)
    assert finding.capped
    assert alert.of_finding(finding).facts["Events"] == "3 or more"


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Counts the calls of store, journal, sink and queue, and dies before or after one of them."""

    def __init__(self, at, when):
        self.at, self.when, self.calls = at, when, 0

    def __call__(self, name, port):
        if name in ("store", "journal"):
            return Through(port, self)
        return self.around(port) if name in ("sink", "queue") else port

    def around(self, call):
        def killed(*args, **kwargs):
            self.calls += 1
            if self.calls == self.at and self.when == "before":
                raise Killed
            if self.calls == self.at and self.when == "raises":
                raise Unavailable("HTTP 503")
            result = call(*args, **kwargs)
            if self.calls == self.at and self.when == "after":
                raise Killed
            return result

        return killed


class Through:
    def __init__(self, port, killer):
        self._port, self._killer = port, killer

    def __getattr__(self, name):
        return self._killer.around(getattr(self._port, name))


MOVED = [happened(minute) for minute in (3, 4, 6, 1, 5)]
"""The second opens a finding, the third changes it, the fourth comes late and moves it."""

JOINED = [happened(minute) for minute in (3, 4, 19, 20, 11)]
"""Two findings, and a late event that makes them one."""


def run(deployment, records):
    for record in records:
        try:
            deployment.engine.observe("aws/cloudtrail", record)
        except Retry:
            continue


@pytest.mark.parametrize("when", ["before", "after", "raises"])
@pytest.mark.parametrize(("stream", "most"), [(MOVED, 1), (JOINED, 2)], ids=["moved", "joined"])
def test_a_crash_at_any_call_loses_nothing_and_repeats_nothing(deployed, stream, most, when):
    counter = Killer(0, "before")
    deployment = deployed(burst(2))
    deployment.wire(counter)
    run(deployment, stream)
    assert counter.calls > 50
    for at in range(1, counter.calls + 1):
        deployment = deployed(burst(2))
        deployment.wire(Killer(at, when))
        with contextlib.suppress(Killed):
            run(deployment, stream)
        redelivered(deployment, stream, seed=at)
        here = f"killed {when} call {at}"
        finding = only(deployment)
        assert (finding.count, finding.time) == (5, only_of(stream).time), here
        assert finding.evidence[0].uid == only_of(stream).completed_by, here
        assert 1 <= len({alert.key for alert in deployment.alerts.seen}) <= most, here
        assert len(deployment.alerts.seen) <= most + 1, here  # a sink may get one key twice (0004)
        assert 1 <= len({action.uid for action in deployment.queue.seen}) <= most, here
        assert "found" in deployment.audited("detect"), here


def redelivered(deployment, stream, seed):
    """Everything again, thrice and shuffled, to fresh processes, after every lease has run out."""
    for again in range(3):
        deployment.clock.advance(LEASE_MS + 1)
        deployment.wire()
        records = stream * 3
        random.Random(seed + again).shuffle(records)
        run(deployment, records)


def only_of(stream):
    """The firing that there is when all is known."""
    minutes = [(record["time"] - START) / MINUTE for record in stream]
    (firing,) = correlate_all([burst(2)], map(observed, minutes))
    return firing


@pytest.mark.parametrize("stream", [MOVED, JOINED], ids=["moved", "joined"])
def test_workers_side_by_side_end_with_one_finding(deployed, stream):
    deployment = deployed(burst(2))

    def work(seed):
        records = stream * 2
        random.Random(seed).shuffle(records)
        for record in records:
            for _ in range(10_000):
                with contextlib.suppress(Retry):
                    deployment.engine.observe("aws/cloudtrail", record)
                    break
            else:
                raise AssertionError("never came to an end")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    run(deployment, stream)
    finding = only(deployment)
    assert (finding.count, finding.time) == (5, only_of(stream).time)
    for place, told in enumerate(deployment.alerts.seen):
        keys = {one.key for one in deployment.alerts.seen[:place]}
        assert not keys & {told.key, *told.finding.former}


def test_a_crash_while_the_schedule_decides_loses_nothing_and_repeats_nothing(deployed):
    def waiting():
        deployment = deployed(SILENCE)
        deliver(deployment, happened(1))
        deployment.clock.now = START + 46 * MINUTE
        return deployment

    counter, deployment = Killer(0, "before"), waiting()
    deployment.wire(counter)
    assert deployment.engine.settle() == 1
    for when in ("before", "after"):
        for at in range(1, counter.calls + 1):
            deployment = waiting()
            deployment.wire(Killer(at, when))
            with pytest.raises(Killed):
                deployment.engine.settle()
            for _ in range(3):
                deployment.clock.advance(LEASE_MS + 1)
                deployment.wire()
                deployment.engine.settle()
            here = f"killed {when} call {at}"
            assert only(deployment).count == 1, here
            assert len({alert.key for alert in deployment.alerts.seen}) == 1, here
            assert len({action.uid for action in deployment.queue.seen}) == 1, here


def test_the_same_events_three_times_shuffled_are_one_finding(deployed):
    deployment = deployed(burst(2))
    records = MOVED * 3
    random.Random(7).shuffle(records)
    run(deployment, records)
    assert only(deployment).count == 5
    assert (len(deployment.alerts.seen), len(deployment.queue.seen)) == (1, 1)
