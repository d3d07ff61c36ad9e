"""Posture: a resource that stays bad is one finding; what can't be looked at is never fine."""

from __future__ import annotations

import msgspec
import pytest

from core.correlate import Condition, Correlation
from core.detect import Detector
from core.errors import Forbidden
from core.incident import Incidents
from core.model import Event, Resource, Rule
from core.ocsf import activity
from core.rulebook import Text, book
from core.sweep import SOURCE, event, source, sweep
from core.watch import Watch

RULE = Rule(id="p-1", title="Bucket open to the public", level="high", source="posture")
ARN = "arn:aws:s3:::example"


def bucket(public: bool, *, name: str = ARN, unknown=()) -> Event:
    record = {"resource_type": "storage_bucket", "attributes": {"public": public}}
    if unknown:
        record = {**record, "unknown": list(unknown)}
    return Event(
        uid=name, time=0, source=SOURCE, provider="aws", resources=(Resource(uid=name),),
        record=record,
    )  # fmt: skip


class Sweeper:
    def __init__(self, deployment) -> None:
        self.d = deployment
        self.engine = msgspec.structs.replace(
            deployment.engine,
            match=lambda source, record: (RULE,) if record["attributes"]["public"] else (),
            sources={SOURCE: next(iter(deployment.engine.sources.values()))},
        )

    def __call__(self, *events: Event, error: Exception | None = None):
        self.d.clock.advance(60_000)

        def listing():
            yield from events
            if error:
                raise error

        return sweep(self.engine, {"storage_bucket": listing})

    def statuses(self) -> list[str]:
        return [
            entry.value["finding"].get("status", "new") for _, entry in self.d.store.scan("finding")
        ]


@pytest.fixture
def swept(deployment):
    return Sweeper(deployment)


def test_a_bad_resource_is_found_once_and_refreshed(swept):
    assert swept(bucket(True)).opened == 1
    assert swept(bucket(True)).refreshed == 1
    assert len(swept.d.alerts.seen) == 1
    ((_, entry),) = swept.d.store.scan("posture")
    assert entry.value["last"] - entry.value["first"] == 60_000


def test_a_mended_resource_closes_its_finding(swept):
    swept(bucket(True))
    assert swept(bucket(False)).closed == 1
    assert swept.statuses() == ["closed"]
    assert swept(bucket(False)).closed == 0


def test_a_deleted_resource_closes_its_finding(swept):
    swept(bucket(True))
    assert swept().closed == 1


def test_a_resource_that_goes_bad_again_is_a_new_finding(swept):
    swept(bucket(True))
    swept(bucket(False))
    assert swept(bucket(True)).opened == 1
    assert len(swept.d.alerts.seen) == 2
    assert sorted(swept.statuses()) == ["closed", "new"]


def test_a_kind_that_can_not_be_listed_is_unseen_and_closes_nothing(swept):
    swept(bucket(True))
    result = swept(error=Forbidden("s3:ListAllMyBuckets was denied"))
    assert (result.closed, result.unseen) == (
        0,
        ("storage_bucket: s3:ListAllMyBuckets was denied",),
    )
    assert swept.statuses() == ["new"]
    assert swept.d.metrics["unseen"] == 1


def test_what_was_listed_before_the_fault_is_still_judged(swept):
    assert swept(bucket(True), error=Forbidden("denied")).opened == 1


def test_a_resource_with_an_unreadable_attribute_keeps_its_finding_open(swept):
    swept(bucket(True))
    result = swept(bucket(False, unknown=["public"]))
    assert (result.closed, result.unseen) == (0, (f"{ARN}: public",))


def test_a_sweep_is_on_record(swept):
    swept(bucket(True))
    assert swept.d.audited("detect")[-1] == "swept"


def test_a_posture_rule_that_only_feeds_a_correlation_makes_no_finding_of_its_own(deployment):
    many = Correlation(
        rule=Rule(id="many", title="Many public buckets", level="high"),
        type="value_count",
        rules=(RULE.id,),
        timespan=60_000,
        fields=("id",),
        conditions=(Condition("gte", 2),),
    )
    rules = book([(RULE, Text("attributes.public", ("true",)), "")], [many])
    reads = source(lambda kind, event: ())
    detector = Detector(rules, [reads])
    incidents = Incidents(
        watch=Watch(detector),
        store=deployment.store,
        audit=deployment.engine.audit,
        clock=deployment.clock,
        metrics=deployment.metrics,
    )
    engine = msgspec.structs.replace(
        deployment.engine, match=detector.match, sources={SOURCE: reads}, incidents=incidents
    )
    resources = []
    for name in ("a", "b"):
        one = bucket(True, name=name)
        resources.append(msgspec.structs.replace(one, record={**one.record, "id": name}))
    swept = sweep(engine, {"storage_bucket": lambda: resources})
    assert (swept.resources, swept.opened) == (2, 0)
    (finding,) = deployment.findings()
    assert (finding.rule.id, finding.count, finding.events) == ("many", 2, ("a", "b"))


@pytest.mark.parametrize("time", [True, 10**30, -(10**30), 1.5, "2026-03-01", None])
def test_a_time_that_is_none_is_left_out(time):
    """A resource need not have one."""
    resource = {"id": "a", "resource_type": "bucket", "provider": "aws", "time": time}
    found = event(resource)
    assert (found.time, type(found.time)) == (0, int)
    assert activity(found)
    assert event({**resource, "time": 1_772_409_600_000}).time == 1_772_409_600_000
