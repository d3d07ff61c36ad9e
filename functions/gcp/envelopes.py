"""What a message of Google Cloud holds: Pub/Sub messages, pushed or as CloudEvents, with a record.

Pure: no SDK, no network. It opens envelopes and leaves the record in them (a log entry, or a
finding of Security Command Center) unread; events reads that. A message of a shape that isn't known
is a BadRecord that says what was seen. Shapes:
https://cloud.google.com/pubsub/docs/push#receive_push,
https://cloud.google.com/eventarc/docs/cloudevents and
https://cloud.google.com/security-command-center/docs/how-to-notifications.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from core.errors import BadRecord
from core.hostile import kind_of, quoted
from core.model import NativeRecord

__all__ = ["Unwrapped", "unwrap"]


class Unwrapped(msgspec.Struct, frozen=True, kw_only=True):
    """What one message held. `ignored` has a printable reason for each part set aside on purpose.

    `records` are as they came, unread: `event` may still refuse one of them.
    """

    records: tuple[NativeRecord, ...] = ()
    ignored: tuple[str, ...] = ()


def unwrap(body: bytes | str | Mapping[str, Any]) -> Unwrapped:
    """What one Pub/Sub push, CloudEvent or bare record carries; BadRecord if it is none.

    Known are a push request (`message` beside `subscription`), the same as the data of a
    CloudEvent, a Pub/Sub message alone, Eventarc's own audit log event, and a log entry alone.
    """
    return _opened(_decoded(body))


def _opened(body: Any, depth: int = 0) -> Unwrapped:
    if not isinstance(body, Mapping):
        raise BadRecord(f"a message is an object, not {kind_of(body)}")
    if depth > DEPTH:
        raise BadRecord(f"more than {DEPTH} envelopes in one another")
    if any(payload in body for payload in PAYLOADS) or body.keys() >= NOTIFICATION:
        return Unwrapped(records=(body,))
    if other := next((key for key in NOT_ENTRIES if key in body), None):
        return Unwrapped(ignored=(NOT_ENTRIES[other],))
    inner = body.get("message", body.get("data"))
    if isinstance(inner, str | Mapping):
        return _opened(_unpacked(inner) if isinstance(inner, str) else inner, depth + 1)
    if "messageId" in body or "message_id" in body:
        return Unwrapped(ignored=("a Pub/Sub message without data",))
    raise BadRecord(f"unknown message with the fields {quoted(', '.join(sorted(map(str, body))))}")


def _unpacked(data: str) -> Any:
    try:
        return _decoded(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadRecord(f"data that is not base64 ({error}): {quoted(data)}") from error


def _decoded(body: Any) -> Any:
    if not isinstance(body, bytes | bytearray | str):
        return body
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRecord(f"a message that is not JSON ({error}): {quoted(body)}") from error


DEPTH = 4
"""Envelopes in one another: a CloudEvent with a push request with a message makes three."""

PAYLOADS = ("protoPayload", "jsonPayload", "textPayload")
"""One of these makes an object a log entry. Which of them are read is for the sources to say."""

NOTIFICATION = frozenset({"notificationConfigName", "finding"})
"""Together they make a notification of Security Command Center."""

NOT_ENTRIES: Mapping[str, str] = {
    "notificationConfigName": "a finding of Security Command Center was deleted",
    "incident": "an incident of Cloud Monitoring is not read",
}
"""Field that gives another product's message away -> why it is not read."""
