"""Queue, Rejects and alerts on Pub/Sub topics, with google-cloud-pubsub.

The library is imported by the first message that goes out, not by a start: gRPC costs most of a
cold start, and most events find nothing. What is sent is core's affair.
https://cloud.google.com/pubsub/docs/publisher and https://cloud.google.com/pubsub/quotas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as Late
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from core.alert import plain
from core.errors import Reject, Unavailable
from core.hostile import printable
from core.model import Action, Alert, Rejected, to_json
from core.ports import Queue, Rejects, Sink

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

__all__ = ["Publish", "alerts", "publishing", "queue", "rejects"]

Publish: TypeAlias = Callable[[str, bytes, Mapping[str, str]], None]
"""Topic (`projects/P/topics/T`), data and attributes -> sent, when it returns."""

WAIT_S = 20.0
"""After this the platform delivers again; a message that was on its way may then come twice."""

TEXT_BYTES = 256 * 1024
"""Of an alert; a message may have 10 MB, which no chat and no mail takes."""


def publishing() -> Publish:
    """Sends messages one by one; the client is built on the first of them."""
    client = cache(_client)

    def publish(topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        from google.api_core.exceptions import GoogleAPIError, InvalidArgument
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.pubsub_v1.publisher.exceptions import MessageTooLargeError

        try:
            client().publish(topic, data, **attributes).result(timeout=WAIT_S)
        except (InvalidArgument, MessageTooLargeError) as error:
            raise Reject(_said(topic, error)) from error
        except (GoogleAPIError, GoogleAuthError, Late) as error:
            # Denied or missing, too: an operator mends the topic, and input waits until then.
            raise Unavailable(_said(topic, error)) from error

    return publish


def _client() -> PublisherClient:
    """One message a batch, since a function has nothing to collect and waits for each anyway.

    Attempts end when the waiting does: the library's own ten minutes would outlive the delivery.
    """
    from google.api_core import exceptions, retry
    from google.cloud.pubsub_v1 import PublisherClient
    from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions

    later = retry.if_exception_type(*(getattr(exceptions, name) for name in LATER))
    again = retry.Retry(predicate=later, initial=0.1, maximum=5.0, timeout=WAIT_S)
    return PublisherClient(
        BatchSettings(max_messages=1), PublisherOptions(retry=again, timeout=WAIT_S)
    )


def _said(topic: str, error: Exception) -> str:
    return printable(f"publish {topic}: {type(error).__name__}: {error}", 1000)


def queue(publish: Publish, topic: str) -> Queue:
    """Actions as JSON on the topic that the respond function listens to."""

    def put(action: Action) -> None:
        publish(topic, to_json(action), {"verb": action.verb})

    return put


def rejects(publish: Publish, topic: str) -> Rejects:
    """Input that was set aside, as JSON, on a topic whose subscription an operator reads."""

    def put(rejected: Rejected) -> None:
        publish(topic, to_json(rejected), {})

    return put


def alerts(publish: Publish, topic: str) -> Sink:
    """Alerts as JSON on a topic: `text` for people, the rest for programs.

    `key`, `kind` and `level` are attributes as well, for filters of subscriptions. A topic can't
    be asked to drop a repeated message, so after a crash an alert may come twice, with one `key`.
    """

    def send(alert: Alert) -> None:
        attributes = {"key": alert.key, "kind": alert.kind, "level": alert.level}
        publish(topic, msgspec.json.encode(_body(alert)), attributes)

    return send


def _body(alert: Alert) -> Mapping[str, Any]:
    """Without the finding itself: what it holds of the event is in the Store, and no chat's."""
    return {
        "key": alert.key,
        "kind": alert.kind,
        "level": alert.level,
        "at": alert.at,
        "title": printable(alert.title),
        "text": _cut(plain(alert)),
        "finding": alert.finding.uid if alert.finding else "",
        "action": alert.action.uid if alert.action else "",
    }


def _cut(text: str) -> str:
    data = text.encode()
    if len(data) <= TEXT_BYTES:
        return text
    return data[:TEXT_BYTES].decode(errors="ignore") + "\n... (cut)"


LATER = (
    "Aborted",
    "Cancelled",
    "DeadlineExceeded",
    "InternalServerError",
    "ResourceExhausted",
    "ServiceUnavailable",
    "Unknown",
)
"""Errors of google.api_core that another attempt may not meet, as Pub/Sub's guide has them:
https://cloud.google.com/pubsub/docs/retry-requests."""
