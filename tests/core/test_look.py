"""One resource of a sweep: what was read of it, and what could not be."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from core.errors import Forbidden, Unavailable
from core.look import Look
from core.ports import Clock
from core.sweep import SOURCE


class Here(NamedTuple):
    provider: str = "aws"
    account: str = "123456789012"
    clock: Clock = lambda: 1_700_000_000_000


def test_an_attribute_that_may_not_be_read_is_unknown_and_not_there():
    look = Look(active=True)
    with look.at("last_used_days", "never_used") as found:
        found["never_used"] = True
        raise Forbidden("no right")
    assert (look.attributes, look.unknown) == ({"active": True}, ["last_used_days", "never_used"])


def test_what_was_read_is_known():
    look = Look()
    with look.at("versioning") as found:
        found["versioning"] = False
    assert (look.attributes, look.unknown) == ({"versioning": False}, [])


def test_a_call_that_may_succeed_later_is_no_unknown_attribute():
    look = Look()
    with pytest.raises(Unavailable), look.at("versioning"):
        raise Unavailable("come back")
    assert look.unknown == []


def test_the_event_says_where_when_and_what_is_unknown():
    look = Look(active=True)
    look.unknown.append("never_used")
    event = look.event(Here(), "access_key", id="key", name="alice", region="eu-west-1")
    assert (event.source, event.uid, event.operation) == (SOURCE, "key", "access_key")
    assert (event.provider, event.account, event.region) == ("aws", "123456789012", "eu-west-1")
    assert event.time == 1_700_000_000_000
    assert event.record["attributes"] == {"active": True}
    assert event.record["unknown"] == ["never_used"]
    assert event.record["tags"] == {}
