"""Reading back with LookupEvents: the windows join, and a fault leaves them open."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from core.errors import Unavailable
from core.memory import FakeClock, MemoryStore
from functions.aws.lookup import LATE_MS, MAX_WINDOW_MS, looked, missed, window

REGION = "eu-west-1"


@pytest.fixture
def clock():
    return FakeClock(1_700_000_000_000)


@pytest.fixture
def client():
    return boto3.client(
        "cloudtrail", region_name=REGION, aws_access_key_id="t", aws_secret_access_key="t"
    )


def request(look, **more):
    return {
        "LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
        "StartTime": datetime.fromtimestamp(look.since / 1000, UTC),
        "EndTime": datetime.fromtimestamp(look.until / 1000, UTC),
        "MaxResults": 50,
        **more,
    }


def test_the_first_look_takes_what_may_be_late(clock):
    look = window(MemoryStore(clock), clock, REGION)
    assert (look.until - look.since, look.unseen) == (LATE_MS, 0)


def test_the_next_look_begins_where_the_last_one_ended_less_the_lateness(clock):
    store = MemoryStore(clock)
    looked(store, REGION, window(store, clock, REGION))
    clock.advance(300_000)
    look = window(store, clock, REGION)
    assert look.until - look.since == LATE_MS + 300_000


def test_after_a_long_pause_what_is_not_read_back_is_named(clock):
    store = MemoryStore(clock)
    looked(store, REGION, window(store, clock, REGION))
    clock.advance(MAX_WINDOW_MS + 3_600_000)
    look = window(store, clock, REGION)
    assert look.until - look.since == MAX_WINDOW_MS
    assert look.unseen == 3_600_000 + LATE_MS


def test_two_sweeps_at_once_leave_one_mark(clock):
    store = MemoryStore(clock)
    one, two = window(store, clock, REGION), window(store, clock, REGION)
    looked(store, REGION, one)
    looked(store, REGION, two)
    assert store.get("lookup", REGION).value == {"until": one.until}


def test_all_pages_are_read_without_haste(clock, client):
    look, pauses = window(MemoryStore(clock), clock, REGION), []
    with Stubber(client) as stub:
        first = {"Events": [{"CloudTrailEvent": "{}"}], "NextToken": "n"}
        stub.add_response("lookup_events", first, request(look))
        last = {"Events": [{"CloudTrailEvent": "[]"}, {}]}
        stub.add_response("lookup_events", last, request(look, NextToken="n"))
        assert list(missed(client, look, pauses.append)) == ["{}", "[]", ""]
        stub.assert_no_pending_responses()
    assert pauses == [0.5]


def test_throttling_is_for_later(clock, client):
    look = window(MemoryStore(clock), clock, REGION)
    with Stubber(client) as stub:
        stub.add_client_error("lookup_events", "ThrottlingException", http_status_code=400)
        with pytest.raises(Unavailable):
            list(missed(client, look, lambda _: None))
