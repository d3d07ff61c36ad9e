"""What correlations see of a hit: fields as the rules mean them, short ids, and for how long."""

from __future__ import annotations

import pytest

from core.correlate import Condition, Correlation
from core.detect import Detector
from core.errors import BadRule
from core.model import Rule
from core.rulebook import Rulebook, Text, book
from core.watch import Watch, key
from tests.core.conftest import SOURCE
from tests.core.test_neutral import KEY, TOY

HOUR = 3_600_000


def correlation(id, *rules, **more):
    more = {
        "type": "event_count",
        "timespan": HOUR,
        "lateness": 60_000,
        "conditions": (Condition("gte", 2),),
        **more,
    }
    return Correlation(rule=Rule(id=id, title=id), rules=rules, **more)


def watch(*correlations, sources=(SOURCE,)):
    rules = [
        (Rule(id=id, title=id, source="aws/cloudtrail"), Text("a", ("b",)), "") for id in "abc"
    ]
    return Watch(Detector(book(rules, correlations), sources))


def test_a_neutral_rules_fields_are_those_of_the_rendering():
    rule = Rule(id="n", title="n", source="api_activity")
    one = correlation("many", "n", group_by=("actor.user.uid", "api.operation"))
    rules = book([(rule, Text("api.operation", ("createkey",)), "")], [one])
    found = Watch(Detector(rules, [TOY])).values(rule, TOY.name, KEY)
    assert found == {"actor.user.uid": ["alice"], "api.operation": ["CreateKey"]}


def test_evidence_lasts_as_long_as_a_firing_may_name_it_first():
    reach = watch(
        correlation("short", "a", timespan=HOUR),
        correlation("long", "a", timespan=3 * HOUR),
        correlation("outer", "short", "b", timespan=5 * HOUR),
    ).reach
    assert reach["b"] == 5 * HOUR + 60_000
    assert reach["a"] == HOUR + 5 * HOUR + 2 * 60_000


def test_what_is_remembered_for_months_does_not_keep_evidence_for_months():
    first = correlation("new", "a", type="first_seen", conditions=(), fields=("f",))
    assert watch(first).reach == {"a": 60_000}


@pytest.mark.parametrize("id", ["", "e-1", "x" * 64, "\ud800"])
def test_a_short_id_is_its_own_key(id):
    assert key(id) == id.encode("utf-8", "replace").decode()


def test_a_long_id_is_known_by_a_digest_that_is_its_own():
    assert len(key("x" * 65)) <= 64
    assert key("x" * 65) != key("x" * 66)


def test_a_damaged_correlation_is_refused_by_name():
    damaged = Rulebook(format=1, correlations=(b'{"rule": 1}',))
    with pytest.raises(BadRule, match="a correlation in the rulebook is damaged"):
        Watch(Detector(damaged, [SOURCE]))
