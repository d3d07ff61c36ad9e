"""Leases: one worker at a time, and a crashed one is followed by another."""

from __future__ import annotations

import pytest

from core.claim import LEASE_MS, take
from core.errors import Busy, Conflict
from core.memory import FakeClock, MemoryStore


@pytest.fixture
def claim():
    clock = FakeClock()
    store = MemoryStore(clock)

    def take_it():
        return take(store, clock, "finding", "f", {"state": "open"}, open_states=("open",))

    take_it.clock, take_it.store = clock, store
    return take_it


def test_a_new_subject_is_taken_once(claim):
    lease = claim()
    assert (lease.attempt, lease.value["state"]) == (1, "open")
    with pytest.raises(Busy):
        claim()


def test_what_is_settled_is_not_taken_again(claim):
    claim().settle("settled", note="x")
    assert claim() is None
    assert claim.store.get("finding", "f").value["note"] == "x"


def test_when_the_lease_runs_out_the_next_worker_goes_on_behind_the_marked_steps(claim):
    claim().mark("found")
    claim.clock.advance(LEASE_MS + 1)
    lease = claim()
    assert lease.attempt == 2
    assert lease.has("found")
    assert not lease.has("told")


def test_a_mark_renews_the_lease(claim):
    lease = claim()
    claim.clock.advance(LEASE_MS - 1)
    lease.mark("found")
    claim.clock.advance(LEASE_MS - 1)
    with pytest.raises(Busy):
        claim()


def test_a_worker_that_lost_its_lease_can_not_write_any_more(claim):
    slow = claim()
    claim.clock.advance(LEASE_MS + 1)
    claim().mark("found")
    with pytest.raises(Conflict):
        slow.settle("settled")


def test_a_released_lease_is_free_at_once(claim):
    claim().release()
    assert claim().attempt == 2
