"""Event Hub's capture files hold messages, and can't ask for more than that."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import pytest

from core.scan import Tally, scan
from tests.core.test_scan import AZURE, DETECTOR, QUIET, STOP


def capture(*bodies: bytes | None, codec: str = "null") -> bytes:
    """A capture file as Event Hubs writes it."""
    schema = {
        "type": "record",
        "name": "EventData",
        "namespace": "Microsoft.ServiceBus.Messaging",
        "fields": [
            {"name": "SequenceNumber", "type": "long"},
            {"name": "Properties", "type": {"type": "map", "values": ["long", "string"]}},
            {"name": "Body", "type": ["null", "bytes"]},
        ],
    }
    out = io.BytesIO()
    entries = [{"SequenceNumber": n, "Properties": {}, "Body": b} for n, b in enumerate(bodies)]
    fastavro.writer(out, fastavro.parse_schema(schema), entries, codec=codec)
    return out.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_a_capture_file_holds_messages(codec):
    pretty = json.dumps({"records": [AZURE, QUIET]}, indent=2).encode()
    data = capture(*[pretty, json.dumps({"records": [STOP]}).encode()], codec=codec)
    tally = Tally()
    found = list(scan(data, DETECTOR, tally))
    assert [one.source for one in found] == ["azure/activitylogs", "aws/cloudtrail"]
    assert tally.records == 3


def test_a_capture_file_that_is_damaged_is_told_with_what_could_be_read():
    whole = capture(*[json.dumps({"records": [STOP]}).encode()] * 3)
    tally = Tally()
    list(scan(whole[:-20], DETECTOR, tally))
    assert tally.rejections == 1
    assert "damaged Avro file" in tally.rejected[0].reason


def test_an_avro_file_that_is_no_capture_is_refused():
    out = io.BytesIO()
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}
    fastavro.writer(out, fastavro.parse_schema(schema), [{"a": 1}])
    tally = Tally()
    assert not list(scan(out.getvalue(), DETECTOR, tally))
    assert "no Event Hub capture has" in tally.rejected[0].reason


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ([{"name": "next", "type": ["null", "R"]}], b"\x02" * 5_000),
        ([{"name": "many", "type": {"type": "array", "items": "null"}}], b"\xfe\xff\xff\x7f\0"),
    ],
)
def test_an_avro_file_can_not_ask_for_endless_depth_or_room(fields: Any, data: bytes) -> None:
    body = {"name": "Body", "type": ["null", "bytes"]}
    schema = {"type": "record", "name": "R", "fields": [*fields, body]}
    meta = {"avro.schema": json.dumps(schema).encode(), "avro.codec": b"null"}
    out = io.BytesIO()
    out.write(b"Obj\x01")
    fastavro.schemaless_writer(out, {"type": "map", "values": "bytes"}, meta)
    out.write(b"s" * 16)
    fastavro.schemaless_writer(out, {"type": "long"}, 1)
    fastavro.schemaless_writer(out, {"type": "bytes"}, data)
    out.write(b"s" * 16)
    tally = Tally()
    assert not list(scan(out.getvalue(), DETECTOR, tally))
    assert "no Event Hub capture has" in tally.rejected[0].reason


def test_an_entry_of_a_capture_without_a_body_hides_no_other() -> None:
    one = json.dumps({"records": [STOP]}).encode()
    tally = Tally()
    assert len(list(scan(capture(one, None, one), DETECTOR, tally))) == 2
    assert tally.rejections == 0
