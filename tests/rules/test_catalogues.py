"""The lists of fields against every record that the tests know: none has a field that is not listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.lint.known import about
from core.lint.subject import Known
from core.rulebook import CATEGORIES
from core.sigma.about import NEEDS
from functions.local.sources import sources
from tests.azure.test_events import RECORDS as AZURE
from tests.azure.test_other_events import ALERTS, AUDIT
from tests.gcp.test_events import RECORDS as GCP

ROOT = Path(__file__).parents[2]


def samples() -> Iterator[Any]:
    for name, (source, record) in AZURE.items():
        yield pytest.param(source, record, id=name)
    for name, record in ALERTS.items():
        yield pytest.param("azure/securityalert", record, id=f"alert-{name}")
    yield pytest.param("kubernetes/audit", AUDIT, id="kubernetes")
    for name, (source, record) in GCP.items():
        yield pytest.param(source, record, id=name)
    for path in sorted((ROOT / "tests" / "aws" / "golden").glob("*.json")):
        yield pytest.param("aws/cloudtrail", json.loads(path.read_text())["record"], id=path.stem)
    for path in sorted((ROOT / "core" / "rules").rglob("*.yml")):
        for document in yaml.safe_load_all(path.read_text()):
            if "correlation" not in document and source_of(document) not in CATEGORIES:
                for number, example in enumerate(document["tests"]):
                    name = f"{document['name']}-{number}"
                    yield pytest.param(source_of(document), example["event"], id=name)


def source_of(document: dict[str, Any]) -> str:
    logsource = document["logsource"]
    return logsource.get("category") or f"{logsource['product']}/{logsource['service']}"


def unlisted(value: Any, known: Known, path: str = "") -> Iterator[str]:
    """Fields of a record that are not known, and those known as single that are not."""
    if isinstance(value, list):
        for one in value:
            yield from unlisted(one, known, path)
    elif isinstance(value, dict) and path not in known.open:
        for key, inner in value.items():
            below = f"{path}.{key}" if path else key
            if not known.has(below):
                yield below
            elif below in known.facts.single and isinstance(inner, list | dict):
                yield f"{below} is not single"
            yield from unlisted(inner, known, below)


@pytest.mark.parametrize(("source", "record"), list(samples()))
def test_every_field_of_a_sample_is_listed(source, record):
    known = about(sources(), source)
    if known.checked:
        assert list(unlisted(record, known)) == []


@pytest.mark.parametrize("source", sorted({one.name for one in sources()} - {"m365/audit"}))
def test_a_source_lists_its_fields_unless_it_says_why_not(source):
    assert about(sources(), source).checked is not source.startswith("m365/")


def test_what_is_off_is_something_that_a_rule_can_say_it_needs():
    assert {one.need for source in sources() for one in source.off} == set(NEEDS)


@pytest.mark.parametrize("source", sources(), ids=lambda one: f"{one.name} {one.keys[-1]}")
def test_the_fields_that_mark_and_read_a_record_are_listed(source):
    known = about(sources(), source.name)
    wanted = {*source.keys, *source.only, source.route, source.time, source.uid} - {""}
    if known.checked:
        assert {field for field in wanted if not known.has(field)} == set()
