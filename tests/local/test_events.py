"""`vigil events`: a record of every source, as it lies in files, in valid OCSF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.ocsf import SCHEMA_VERSION
from functions.local.sources import sources
from tests.azure.test_events import RECORDS as AZURE
from tests.azure.test_other_events import ALERTS, AUDIT
from tests.gcp.test_events import RECORDS as GCP
from tests.ocsf_schema import faults

GOLDEN = Path(__file__).parents[1] / "aws" / "golden"
AWS = {
    f"aws {path.stem}": ("aws/cloudtrail", json.loads(path.read_text())["record"])
    for path in sorted(GOLDEN.glob("*.json"))
}
SWEPT = {
    "resource_type": "storage_bucket",
    "id": "arn:aws:s3:::example",
    "provider": "aws",
    "account": "123456789012",
    "attributes": {"public_access_block": False},
}
SAMPLES = {
    **AWS,
    **AZURE,
    **GCP,
    **{f"alert {name}": ("azure/securityalert", record) for name, record in ALERTS.items()},
    "kubernetes": ("kubernetes/audit", AUDIT),
    "posture": ("posture", SWEPT),
}


@pytest.fixture
def folder(tmp_path):
    """Each sample in a file of its own, in one of the shapes that files have."""
    for number, (_, record) in enumerate(SAMPLES.values()):
        shapes = ([record], {"records": [record]}, record)
        (tmp_path / f"{number:03}.json").write_text(json.dumps(shapes[number % 3]))
    return tmp_path


def test_every_source_is_there_and_every_record_becomes_a_valid_event(vigil, folder):
    assert {name for name, _ in SAMPLES.values()} >= {one.name for one in sources()}
    ran = vigil("events", folder)
    assert ran.code == 0
    assert len(ran.lines) == len(SAMPLES)
    assert "0 of unknown source, 0 set aside" in ran.err
    for (source, _), event in zip(SAMPLES.values(), ran.lines, strict=True):
        assert event["metadata"]["version"] == SCHEMA_VERSION
        assert event["metadata"].get("log_name", source) == source
        assert faults(event) == []
