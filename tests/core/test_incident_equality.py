"""Deployed functions and a hunt find the same, on any stream: late, shuffled, twice, in batches."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.chains import Chains
from core.detect import Detector
from core.hunt import Tally, hunt
from core.model import Rule
from core.rulebook import Text, book
from tests.core.conftest import SOURCE, Deployment
from tests.core.test_correlate_oracle import (
    CAREFUL,
    LATENESS,
    RULES,
    SHAPES,
    arrivals,
    chained,
    correlations,
    events,
)

BASE = 1_700_000_000_000
"""The oracle's streams begin at 0; a record's time must read as milliseconds."""


def watched(every):
    """The rulebook: a record names the rules that match it."""
    plain = [
        (Rule(id=id, title=id, source="aws/cloudtrail"), Text("kinds", (id,)), "") for id in RULES
    ]
    return book(plain, every)


def records(seen):
    """The observations of each event as one record."""
    found = {}
    for one in seen:
        record = found.setdefault(
            one.uid,
            {
                "eventName": "Called",
                "eventID": one.uid,
                "time": BASE + one.time,
                "kinds": [],
                **one.values,
            },
        )
        record["kinds"].append(one.rule)
    return found


def plain(findings):
    return {
        (
            one.uid,
            one.rule.id,
            tuple(sorted(one.group.items())),
            (one.began, one.time, one.last_seen),
            one.events,
            one.count,
        )
        for one in findings
    }


def hunted(every, given, until):
    """What a hunt over one file finds, in the words of `plain`."""
    detector = Detector(watched(every), [SOURCE])
    chains = Chains(detector, room=random.choice([1, 3, 1_000]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.json"
        path.write_text("\n".join(map(json.dumps, given)))
        for found in hunt([path], detector, Tally(), fields=chains.fields):
            chains.see(found)
        fired = chains.fired(until + 1)
    return {
        (
            one.firing.uid,
            one.firing.rule.id,
            tuple(sorted(one.firing.group.items())),
            (one.firing.first, one.firing.time, one.firing.last),
            one.events,
            one.firing.count,
        )
        for one in fired
    }


def streamed(draw, deployment, deliveries, *, most):
    """Deliver in order, up to `most` records to a process, with the schedule in between."""
    waiting = list(deliveries)
    while waiting:
        size = draw.randint(1, most)
        batch, waiting = waiting[:size], waiting[size:]
        deployment.wire()
        engine, later = deployment.engine, []
        for _, record in batch:
            rules = deployment.detector.match("aws/cloudtrail", record)
            engine.matched("aws/cloudtrail", record, rules, later if most > 1 else None)
        engine.correlate(later)
        deployment.clock.now = max(deployment.clock.now, BASE + batch[-1][0] - 1)
        if draw.choice([True, False]):
            engine.settle()


def told_once(deployment):
    """Nobody is told of what was told before under another uid."""
    keys = [alert.key for alert in deployment.alerts.seen]
    assert len(keys) == len(set(keys))
    for place, alert in enumerate(deployment.alerts.seen):
        assert not set(alert.finding.former) & set(keys[:place])
    for finding in deployment.findings():
        if finding.rule.id not in RULES:
            assert {finding.uid, *finding.former} & set(keys)
            assert finding.evidence


def check(draw, every):
    seen = events(draw)
    given = records(seen)
    end = BASE + max(one.time for one in seen) + LATENESS
    whole = [(arrival, given[one.uid]) for arrival, one in arrivals(draw, seen)]
    found = []
    for most in (1, 6):
        deployment = Deployment(book=watched(every))
        deployment.clock.now = BASE
        streamed(draw, deployment, whole, most=most)
        deployment.clock.now = max(deployment.clock.now, end)
        deployment.engine.settle()
        told_once(deployment)
        spoken = [one for one in deployment.findings() if one.rule.id not in RULES]
        found.append((plain(spoken), deployment.clock.now - LATENESS))
    for those, until in found:
        shuffled = draw.sample(list(given.values()), len(given))
        assert those == hunted(every, [*shuffled, *shuffled[:3]], until)


@pytest.mark.parametrize("kind", sorted(SHAPES))
@settings(CAREFUL, max_examples=25)
@given(st.randoms(use_true_random=True))
def test_one_by_one_in_batches_and_as_a_hunt_the_same_is_found(kind, draw):
    check(draw, [correlations(draw, kind)])


@settings(CAREFUL, max_examples=75)
@given(st.randoms(use_true_random=True))
def test_chains_of_correlations_agree_too(draw):
    check(draw, chained(draw))
