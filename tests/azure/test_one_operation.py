"""One operation of ARM in all its records: begun and ended, by Event Hub, Event Grid and REST."""

from __future__ import annotations

import pytest

from core.model import Rule
from functions.azure.events.activity import activity_event, ended
from functions.azure.wiring import of_ends
from tests.azure.deployment import activity
from tests.azure.scenes import RULE

OPERATION = "Microsoft.Network/networkSecurityGroups/securityRules/write"
CORRELATION = activity()["correlationId"]
AT = "2026-11-25T10:20:30.1234567Z"

HUB = activity(time=AT)
REST = {
    "eventTimestamp": "2026-11-25T10:20:31Z",
    "eventDataId": "event-1",
    "operationName": {"value": OPERATION},
    "resourceId": RULE,
    "category": {"value": "Administrative"},
    "status": {"value": "Succeeded"},
    "correlationId": CORRELATION,
}
ANALYTICS = {
    "TimeGenerated": "2026-11-25T10:20:33Z",
    "OperationNameValue": OPERATION.upper(),
    "_ResourceId": RULE.lower(),
    "CategoryValue": "Administrative",
    "ActivityStatusValue": "Success",
    "CorrelationId": CORRELATION,
    "EventDataId": "event-2",
}
GRID = {
    "id": "grid-1",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "eventTime": "2026-11-25T10:20:32Z",
    "data": {
        "resourceUri": RULE,
        "operationName": OPERATION,
        "status": "Succeeded",
        "correlationId": CORRELATION,
    },
}
CLOUD_EVENT = {
    "id": "grid-2",
    "specversion": "1.0",
    "type": GRID["eventType"],
    "time": GRID["eventTime"],
    "data": GRID["data"],
}
SHAPES = {
    "hub": HUB,
    "rest": REST,
    "analytics": ANALYTICS,
    "grid": GRID,
    "cloud_event": CLOUD_EVENT,
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_names_one_operation_alike(name):
    assert activity_event(SHAPES[name]).uid == activity_event(HUB).uid


@pytest.mark.parametrize(
    "changed",
    [
        {"correlationId": "another"},
        {"operationName": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WRITE"},
        {"resourceId": RULE + "2"},
        {"resultType": "Failure"},
        {"time": "2026-11-25T11:20:30Z"},
    ],
)
def test_what_differs_in_anything_that_matters_is_another(changed):
    assert activity_event({**HUB, **changed}).uid != activity_event(HUB).uid


def test_two_findings_of_one_policy_check_stay_two():
    """Policies say several things of one resource under one correlation, in the same second."""
    policy = {**HUB, "category": "Policy", "properties": {"eventCategory": "Policy"}}
    other = {**policy, "time": "2026-11-25T10:20:30.1234568Z"}
    assert activity_event(policy).uid != activity_event(other).uid


BEGINNINGS = [
    ({**HUB, "resultType": "Start", "resultSignature": "Started."}, "resultType", "Success"),
    ({**HUB, "resultType": "Accept"}, "resultType", "Success"),
    ({**REST, "status": {"value": "Started"}}, "status", {"value": "Succeeded"}),
    ({**ANALYTICS, "ActivityStatusValue": "start"}, "ActivityStatusValue", "Success"),
]


@pytest.mark.parametrize(("record", "field", "word"), BEGINNINGS)
def test_a_beginning_is_compared_with_the_end_that_it_would_have(record, field, word):
    end = ended(record)
    assert end[field] == word
    assert end.get("resultSignature", "") == ""


@pytest.mark.parametrize("record", [*SHAPES.values(), {**HUB, "resultType": "Failure"}, {}])
def test_an_end_is_no_beginning(record):
    assert ended(record) is None


def matching(*tests):
    """A matcher of rules, each with what it asks of resultType."""
    rules = [(Rule(id=str(n), title="t"), test) for n, test in enumerate(tests)]
    return lambda source, record: tuple(rule for rule, test in rules if test(record))


def found(match, record):
    return [rule.id for rule in of_ends(match, match)("azure/activitylogs", record)]


def test_a_rule_waits_for_the_end_unless_it_asks_for_the_beginning():
    match = matching(
        lambda record: True,
        lambda record: record["resultType"] == "Start",
        lambda record: record["resultType"] == "Success",
        lambda record: record["resultType"] != "Failure",
        lambda record: record.get("resultSignature") == "Started.",
    )
    start, end = BEGINNINGS[0][0], HUB
    assert found(match, start) == ["1", "4"]
    assert found(match, end) == ["0", "2", "3"]


def test_an_operation_that_fails_is_told_by_its_end():
    match = matching(lambda record: True)
    assert found(match, BEGINNINGS[0][0]) == []
    assert found(match, {**HUB, "resultType": "Failure"}) == ["0"]
