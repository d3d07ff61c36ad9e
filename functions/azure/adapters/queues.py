"""Queue, Rejects and a Sink on Storage Queues, and the queue of what is to be tried again.

A message is at most 64 KiB of XML, base64 as Functions expects it; so 48 KiB of ours. A larger one
is packed with gzip (`opened` takes it apart); what still is too large is cut where people read it
and refused where a function does (docs/decisions/0098).
Facts: https://learn.microsoft.com/rest/api/storageservices/put-message.
"""

from __future__ import annotations

import base64
import gzip
import io
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from core import alert as alerts
from core.errors import BadRecord, Reject
from core.model import Alert, NativeRecord, Rejected, to_json
from core.ports import Queue, Rejects, Sink
from functions.azure.adapters.own import Own

__all__ = ["alert_sink", "later", "opened", "queue", "rejects"]

MESSAGE_BYTES = 48 * 1024
"""64 KiB, before base64 makes four bytes of three."""

OPENED_BYTES = 16 * 1024 * 1024
"""More than an Event Hub's message can hold, packed or not."""

PAUSE_S = 60
"""How long a record that is to be tried again stays hidden: half the time of a lost lease."""

HEADERS: Mapping[str, str] = {"x-ms-version": "2021-12-02", "Content-Type": "application/xml"}
GZIP = b"\x1f\x8b"


def queue(own: Own, name: str) -> Queue:
    """Actions as JSON on the respond function's queue. Reject for one that no message can hold."""
    return lambda action: _send(own, name, _packed(to_json(action), f"action {action.uid}"))


def rejects(own: Own, name: str) -> Rejects:
    """Input that was set aside, as JSON, on a queue that an operator reads."""

    def put(rejected: Rejected) -> None:
        try:
            body = _packed(to_json(rejected), "")
        except Reject:
            short = {"reason": rejected.reason[:2_000], "place": rejected.place[:2_000]}
            body = to_json(Rejected(**short, excerpt=rejected.excerpt[:2_000]))
        _send(own, name, body)

    return put


def later(own: Own, name: str) -> Callable[[NativeRecord], None]:
    """Records that are to be tried again, each in a message of its own, a minute from now."""

    def put(record: NativeRecord) -> None:
        body = _packed(to_json(record), "record")
        _send(own, name, body, visibilitytimeout=str(PAUSE_S))

    return put


def alert_sink(own: Own, name: str) -> Sink:
    """Alerts as JSON `{key, kind, level, title, text}`, `text` being all that people should read.

    A queue can't drop a repeated message, so after a crash an alert may come twice, with its `key`.
    """

    def send(alert: Alert) -> None:
        text = alerts.plain(alert)
        fields = {"key": alert.key, "kind": alert.kind, "level": alert.level}
        fields["title"] = alert.title[:300]
        body = to_json({**fields, "text": text})
        if len(body) > MESSAGE_BYTES:
            body = _cut(fields, text)
        _send(own, name, body)

    return send


def opened(body: bytes) -> bytes:
    """The JSON in a message. BadRecord if it was packed and is damaged or far too large."""
    if not body.startswith(GZIP):
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            data = packed.read(OPENED_BYTES + 1)
    except (OSError, EOFError) as error:
        raise BadRecord(f"a message that can't be unpacked: {error}") from error
    if len(data) > OPENED_BYTES:
        raise BadRecord(f"a message of more than {OPENED_BYTES} bytes when unpacked")
    return data


def _packed(data: bytes, what: str) -> bytes:
    if len(data) <= MESSAGE_BYTES:
        return data
    packed = gzip.compress(data, mtime=0)
    if len(packed) > MESSAGE_BYTES:
        raise Reject(f"{what} takes {len(packed)} bytes; a message has {MESSAGE_BYTES}")
    return packed


def _cut(fields: Mapping[str, Any], text: str) -> bytes:
    """As much of the text as a message takes, whatever JSON makes of its characters."""
    note = "\n... (cut: too long for a queue)"
    room = MESSAGE_BYTES - len(to_json({**fields, "text": note}))
    shown = msgspec.json.encode(text)[1:-1][:room].decode(errors="ignore")
    while True:
        try:
            kept = msgspec.json.decode(f'"{shown}"')
            return to_json({**fields, "text": kept + note})
        except msgspec.DecodeError:  # the cut fell into an escape
            shown = shown[:-1]


def _send(own: Own, name: str, body: bytes, **query: str) -> None:
    """Nothing on a queue goes by itself: the time to live is for ever, not the seven days."""
    message = b"<QueueMessage><MessageText>%s</MessageText></QueueMessage>"
    own.call(
        "POST",
        f"/{name}/messages",
        query={"messagettl": "-1", **query},
        headers=HEADERS,
        body=message % base64.b64encode(body),
    )
