"""What a message of AWS holds: EventBridge envelopes, S3 and SNS notifications, CloudTrail files.

Pure: no SDK, no network. It opens envelopes and leaves the records in them unread; events.py reads
those. A message of a shape that isn't known is a BadRecord that says what was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from core.errors import BadRecord
from core.hostile import kind_of, quoted
from core.model import NativeRecord
from core.native import decoded, dig, text

__all__ = ["S3Object", "Unwrapped", "unwrap"]


class S3Object(msgspec.Struct, frozen=True, kw_only=True):
    """A file to read. `key` is decoded; `size` in bytes, 0 when the message did not say."""

    bucket: str
    key: str
    version: str = ""
    size: int = 0


class Unwrapped(msgspec.Struct, frozen=True, kw_only=True):
    """What one message held. `ignored` has a printable reason for each part set aside on purpose.

    `records` are as they came, unread: `event` may still refuse one of them.
    """

    records: tuple[NativeRecord, ...] = ()
    objects: tuple[S3Object, ...] = ()
    ignored: tuple[str, ...] = ()


def unwrap(body: bytes | str | Mapping[str, Any]) -> Unwrapped:
    """What one SQS body or direct Lambda event carries; BadRecord, naming it, if it is neither
    CloudTrail records, nor names of CloudTrail files, nor a message known to carry none.

    Known: EventBridge envelopes (CloudTrail, S3 `Object Created`), S3 notifications, CloudTrail's
    own file notifications, the same through SNS, and CloudTrail records bare or in `Records`.
    """
    return _merged(_opened(decoded(body)))


def _opened(body: Any, depth: int = 0) -> Iterator[Unwrapped]:
    """The parts of a decoded body. Envelopes lie in envelopes: SNS in SQS, a file in SNS."""
    if not isinstance(body, Mapping):
        raise BadRecord(f"a message is an object, not {kind_of(body)}")
    if depth > DEPTH:
        raise BadRecord(f"more than {DEPTH} envelopes in one another")
    reader = next((reader for field, reader in MESSAGES.items() if field in body), None)
    if reader is None:
        raise BadRecord(f"unknown message with the fields {quoted(', '.join(sorted(body)))}")
    yield from reader(body, depth + 1)


def _bridged(body: Mapping[str, Any], _depth: int) -> Iterator[Unwrapped]:
    """An EventBridge envelope. Sign-ins come as `Sign In` and as `Signin`, so the end decides."""
    name, detail = text(body["detail-type"]), body.get("detail")
    if name.startswith("AWS Insight") or name in FINDINGS:
        yield _ignored(f"EventBridge detail-type {quoted(name)} is not read")
    elif not isinstance(detail, Mapping):
        raise BadRecord(f"EventBridge {quoted(name)} with a detail that is {kind_of(detail)}")
    elif name.endswith(" via CloudTrail"):
        yield Unwrapped(records=(detail,))
    elif name == "Object Created":
        yield _object(
            dig(detail, "bucket.name"),
            dig(detail, "object.key"),
            dig(detail, "object.version-id"),
            dig(detail, "object.size"),
        )
    elif body.get("source") == "aws.s3":
        yield _ignored(f"EventBridge detail-type {quoted(name)} is not read")
    else:
        raise BadRecord(f"unknown EventBridge detail-type {quoted(body['detail-type'])}")


def _notified(body: Mapping[str, Any], _depth: int) -> Iterator[Unwrapped]:
    """One record of an S3 notification. Its key is encoded as in a form: a space is a plus."""
    name = text(body.get("eventName"))
    if not name.removeprefix("s3:").startswith("ObjectCreated:"):
        yield _ignored(f"S3 notification {quoted(name)} is not read")
        return
    yield _object(
        dig(body, "s3.bucket.name"),
        [unquote_plus(text(key)) for key in dig(body, "s3.object.key")],
        dig(body, "s3.object.versionId"),
        dig(body, "s3.object.size"),
    )


def _listed(body: Mapping[str, Any], depth: int) -> Iterator[Unwrapped]:
    """The parts of an S3 notification, of a direct SNS trigger, or of a CloudTrail file."""
    if not isinstance(body["Records"], list):
        raise BadRecord(f"a message whose Records are {kind_of(body['Records'])}")
    for part in body["Records"]:
        yield from _opened(part, depth)


def _published(body: Mapping[str, Any], depth: int) -> Iterator[Unwrapped]:
    """What an SNS topic sent: a message in JSON, CloudTrail's greeting, or the topic's own."""
    sort, message = text(body["Type"]), body.get("Message")
    if sort in SNS_CONTROL:
        yield _ignored(f"SNS {sort} for {quoted(body.get('TopicArn'))}")
    elif sort != "Notification":
        raise BadRecord(f"unknown message with the Type {quoted(body['Type'])}")
    elif message == VALIDATION:
        yield _ignored(VALIDATION)
    else:
        yield from _opened(decoded(message), depth)


def _delivered(body: Mapping[str, Any], _depth: int) -> Iterator[Unwrapped]:
    """CloudTrail's own notification of the files it delivered; the keys are not encoded."""
    for key in dig(body, "s3ObjectKey") or [""]:
        yield _object(dig(body, "s3Bucket"), [key])


def _tested(body: Mapping[str, Any], _depth: int) -> Iterator[Unwrapped]:
    """What S3 sends once when a notification is set up."""
    if body["Event"] != "s3:TestEvent":
        raise BadRecord(f"unknown message with the Event {quoted(body['Event'])}")
    yield _ignored("s3:TestEvent")


def _bare(body: Mapping[str, Any], _depth: int) -> Iterator[Unwrapped]:
    yield Unwrapped(records=(body,))


def _object(buckets: list[Any], keys: list[Any], *more: list[Any]) -> Unwrapped:
    """The file of that bucket and key (and version and size), unless it can't hold records."""
    bucket, key = (text(next(iter(found), "")) for found in (buckets, keys))
    if not bucket or not key:
        raise BadRecord(f"a file with the bucket {quoted(bucket)} and the key {quoted(key)}")
    if any(part in f"/{key}" for part in NOT_EVENTS) or not key.endswith(ENDINGS):
        return _ignored(f"no CloudTrail events in {quoted(key)}")
    said = [value for values in more for value in values]
    version = next((value for value in said if text(value)), "")
    size = next((value for value in said if isinstance(value, int) and value > 0), 0)
    return Unwrapped(objects=(S3Object(bucket=bucket, key=key, version=version, size=size),))


def _ignored(reason: str) -> Unwrapped:
    return Unwrapped(ignored=(reason,))


def _merged(parts: Iterator[Unwrapped]) -> Unwrapped:
    every = list(parts)
    return Unwrapped(
        records=tuple(each for part in every for each in part.records),
        objects=tuple(each for part in every for each in part.objects),
        ignored=tuple(each for part in every for each in part.ignored),
    )


DEPTH = 5
"""Envelopes in one another: SNS in SQS holding an S3 notification makes three."""

VALIDATION = "CloudTrail validation message."
"""What CloudTrail publishes when a topic is first given to a trail; the only one not JSON."""

MESSAGES: Mapping[str, Callable[[Mapping[str, Any], int], Iterator[Unwrapped]]] = {
    "detail-type": _bridged,
    "s3": _notified,
    "Records": _listed,
    "Sns": lambda body, depth: _opened(body["Sns"], depth),
    "Type": _published,
    "s3Bucket": _delivered,
    "Event": _tested,
    "eventSource": _bare,
}
"""The field that gives a message away -> its reader; the first that the message has counts."""

SNS_CONTROL = ("SubscriptionConfirmation", "UnsubscribeConfirmation")

NOT_EVENTS = ("/CloudTrail-Digest/", "/CloudTrail-Insight/")
"""Folders beside /CloudTrail/ whose files hold no CloudTrail records."""

ENDINGS = (".json.gz", ".json")

FINDINGS = (
    "GuardDuty Finding",
    "Security Hub Findings - Imported",
    "Findings Imported V2",
    "Access Analyzer Finding",
    "Macie Finding",
    "Inspector2 Finding",
)
"""Detail types of other products' findings; known, and not read as CloudTrail records."""
