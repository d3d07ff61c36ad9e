"""The shipped rules for Azure and Entra, on records as they come: wrapped, in any case and shape.

tests/rules/test_rules.py holds every rule to its own examples; here is what only Azure does.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path

import pytest
import yaml

from core.detect import Detector
from core.detect.plain import plain_match
from core.rulebook import dump, load
from core.scan import identify
from core.sigma import compile_rules
from functions.azure.envelopes import unwrap
from functions.azure.events import SOURCES

FILES = sorted((Path(__file__).parents[2] / "core" / "rules" / "azure").glob("*.yml"))
BY_NAME = {one.name: one for one in SOURCES}
"""Of a name's several shapes the streamed one, which is last."""


@cache
def compiled():
    return compile_rules(FILES, BY_NAME.values())


@cache
def detector():
    return Detector(load(dump(compiled().book)), BY_NAME.values())


def documents():
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in FILES]


def source_of(rule):
    return f"azure/{rule['logsource']['service']}"


def examples(fires, service=None):
    return [
        pytest.param(rule, each["event"], id=f"{rule['name']}: {each['name']}")
        for rule in documents()
        for each in rule["tests"]
        if each["fires"] is fires and service in (None, rule["logsource"]["service"])
    ]


def hits(name, record):
    found = detector().match(name, record)
    assert found == plain_match(compiled().book, BY_NAME[name], record)
    return [Path(rule.file).stem for rule in found]


firing = pytest.mark.parametrize(("rule", "record"), examples(True))
firing_in_azure = pytest.mark.parametrize(("rule", "record"), examples(True, "activitylogs"))


def test_there_are_twelve_rules_or_more():
    assert len(FILES) >= 12


@firing
def test_a_record_out_of_an_event_hub_is_known_and_fires(rule, record):
    (found,) = unwrap(json.dumps({"records": [record]})).records
    source = identify(found, SOURCES)
    assert source.name == source_of(rule)
    assert rule["name"] in hits(source.name, found)


@firing
def test_the_event_says_who_did_what_and_that_it_was_done(rule, record):
    event = BY_NAME[source_of(rule)].event(record)
    assert event.outcome == "success"
    assert event.actor.uid == "00000000-0000-4000-8000-000000000001"
    assert event.account
    assert event.resources


@firing_in_azure
@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_the_case_of_an_operation_makes_no_difference(rule, record, change):
    changed = {**record, "operationName": change(record["operationName"])}
    assert rule["name"] in hits(source_of(rule), changed)


@firing_in_azure
def test_only_the_record_of_the_success_fires(rule, record):
    """Azure writes two or three records of one operation, under one correlation id."""
    begun = {**copy.deepcopy(record), "resultType": "Start", "resultSignature": "Started."}
    accepted = {**copy.deepcopy(record), "resultType": "Accept", "resultSignature": "Accepted."}
    failed = {**copy.deepcopy(record), "resultType": "Failure", "resultSignature": "Failed."}
    fired = [hits(source_of(rule), each) for each in (begun, accepted, record, failed)]
    assert [rule["name"] in each for each in fired] == [False, False, True, False]


@firing_in_azure
def test_the_shape_of_the_rest_api_fires_too(rule, record):
    identity = record["identity"]
    rest = {
        "eventTimestamp": record["time"],
        "eventDataId": record["correlationId"],
        "operationName": {"value": record["operationName"]},
        "status": {"value": "Succeeded"},
        "category": {"value": "Administrative"},
        "resourceId": record["resourceId"].lower(),
        "claims": identity["claims"],
        "authorization": identity["authorization"],
        "identity": identity,
        "properties": record["properties"],
    }
    assert identify(rest, SOURCES).name == source_of(rule)
    assert rule["name"] in hits(source_of(rule), rest)


@pytest.mark.parametrize(("rule", "record"), examples(True))
def test_a_rule_fires_alone(rule, record):
    """Two rules on one record would tell one thing twice."""
    assert hits(source_of(rule), record) == [rule["name"]]
