"""The ports on AWS: Store on DynamoDB, Journal on S3 Object Lock, Sink on SNS, Queue on SQS.

Clients are passed in, built by the handler; nothing is opened here. What is stored, told or queued
is core's affair. Every AWS error becomes one of core.errors in `as_vigil`, so that a caller only
asks who must act.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from botocore import exceptions as boto
from botocore.config import Config

from core.alert import plain
from core.errors import (
    BadConfig,
    Conflict,
    Forbidden,
    NotFound,
    Reject,
    Unavailable,
    VigilError,
)
from core.model import Action, Alert, Rejected, to_json
from core.ports import Clock, Entry, Queue, Rejects, Sink, check_id, check_line

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

__all__ = [
    "DynamoStore",
    "S3Journal",
    "as_vigil",
    "calling",
    "client_config",
    "own",
    "secret",
    "sns_sink",
    "sqs_queue",
    "sqs_rejects",
    "ssm_policy",
]

ITEM_BYTES = 400 * 1024
"""DynamoDB's limit of an item, names of attributes included."""

ITEM_OVERHEAD = 128
"""More than the names of the attributes and the two numbers of an item take."""

MESSAGE_BYTES = 256 * 1024 - 4096
"""SNS takes 256 KB in all; the rest is for the subject and the attributes."""

SUBJECT_CHARS = 100
GET_THREADS = 8

_T = TypeVar("_T")


def client_config(version: str) -> Config:
    """How every client of Vigil is built: known by its user agent, short waits, few retries.

    CloudTrail shows the user agent, so that a reader of the log knows Vigil's own calls.
    """
    return Config(
        user_agent_extra=f"vigil/{version}",
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=3,
        read_timeout=10,
    )


def as_vigil(error: boto.ClientError | boto.BotoCoreError) -> VigilError:
    """The AWS error in Vigil's words: who must act? Unknown ones count as Reject."""
    if not isinstance(error, boto.ClientError):
        for known, kind in SDK_ERRORS.items():
            if isinstance(error, known):
                return kind(f"{type(error).__name__}: {error}")
        return Reject(f"{type(error).__name__}: {error}")
    body = error.response.get("Error", {})
    code = body.get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    kind = CODES.get(code.removesuffix("Exception")) or _by_status(status)
    return kind(f"{error.operation_name}: {code}: {body.get('Message', '')}")


def _by_status(status: int) -> type[VigilError]:
    if status >= 500 or status == 429:
        return Unavailable
    return {403: Forbidden, 404: NotFound}.get(status, Reject)


@contextlib.contextmanager
def calling() -> Iterator[None]:
    """Around calls of AWS: their errors leave it as core.errors, the cause kept."""
    try:
        yield
    except (boto.ClientError, boto.BotoCoreError) as error:
        raise as_vigil(error) from error


@contextlib.contextmanager
def own() -> Iterator[None]:
    """Around calls to Vigil's own table, bucket, topic and queues.

    What is denied or missing there is for an operator to mend (or for IAM to settle after an
    apply), so input waits to be delivered again and isn't set aside.
    """
    try:
        with calling():
            yield
    except (Forbidden, NotFound) as error:
        raise Unavailable(str(error)) from error


class DynamoStore:
    """A Store in one table: key `kind`, `id`; `value` (JSON text), `version`, `expires` (s, TTL).

    DynamoDB deletes an expired item when it gets to it, hours later. Until then the item counts
    as absent here, in reads and in conditions alike.
    """

    def __init__(self, client: DynamoDBClient, table: str, clock: Clock) -> None:
        self._client, self._table, self._clock = client, table, clock

    def get(self, kind: str, id: str) -> Entry | None:
        """The value as last written; None if there is none or it expired."""
        check_id(id)
        with own():
            answer = self._client.get_item(
                TableName=self._table,
                Key={"kind": {"S": kind}, "id": {"S": id}},
                ConsistentRead=True,
            )
        return self._live(answer.get("Item"))

    def put(
        self,
        kind: str,
        id: str,
        value: Mapping[str, Any],
        *,
        version: int,
        expires: int | None = None,
    ) -> int:
        """Write on condition of the version; the new version. Reject over 400 KB."""
        check_id(id)
        text = to_json(value)
        size = len(text) + len(id.encode()) + len(kind.encode()) + ITEM_OVERHEAD
        if size > ITEM_BYTES:
            raise Reject(f"{kind} {id} takes {size} bytes; DynamoDB stores {ITEM_BYTES}")
        request: PutItemInputTypeDef = {
            "TableName": self._table,
            "Item": {
                "kind": {"S": kind},
                "id": {"S": id},
                "value": {"S": text.decode()},
                "version": {"N": str(version + 1)},
            },
            "ConditionExpression": UNCHANGED if version else ABSENT,
            "ExpressionAttributeNames": {"#expires": "expires", "#version": "version"},
            "ExpressionAttributeValues": {":now": {"N": str(self._clock() // 1000)}},
        }
        if expires is not None:
            # Rounded up: a value must not be gone before its time.
            request["Item"] = {**request["Item"], "expires": {"N": str(-(-expires // 1000))}}
        if version:
            values = {**request["ExpressionAttributeValues"], ":version": {"N": str(version)}}
            request["ExpressionAttributeValues"] = values
        with own():
            self._client.put_item(**request)
        return version + 1

    def scan(self, kind: str) -> Iterator[tuple[str, Entry]]:
        """Every live value of a kind; a sort key of text is in order of its UTF-8 bytes."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="#kind = :kind",
            ExpressionAttributeNames={"#kind": "kind"},
            ExpressionAttributeValues={":kind": {"S": kind}},
        )
        for page in _pages(pages):
            for item in page["Items"]:
                entry = self._live(item)
                if entry:
                    yield item["id"]["S"], entry

    def _live(self, item: Mapping[str, Any] | None) -> Entry | None:
        if not item:
            return None
        if "expires" in item and int(item["expires"]["N"]) <= self._clock() // 1000:
            return None
        return Entry(msgspec.json.decode(item["value"]["S"]), int(item["version"]["N"]))


class S3Journal:
    """A Journal of one object per line, in a bucket whose Object Lock retains each by default.

    Each object is created on condition that there is none. Nothing here overwrites or deletes;
    that nobody else does is the lock's affair, and core.audit finds out.
    """

    def __init__(self, client: S3Client, bucket: str, prefix: str = "journal/") -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def append(self, chain: str, seq: int, line: bytes) -> None:
        """Write line `seq`; Conflict if that number is taken or being taken."""
        check_line(chain, seq, line)
        with own():
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(chain, seq),
                Body=line,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )

    def read(self, chain: str, start: int = 1) -> Iterator[tuple[int, bytes]]:
        """(seq, line) from `start` on; objects of other names beside them are no lines."""
        folder = f"{self._prefix}{chain}/"
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=folder, StartAfter=self._key(chain, start - 1)
        )
        with ThreadPoolExecutor(GET_THREADS) as pool:
            for page in _pages(pages):
                names = [item["Key"].removeprefix(folder) for item in page.get("Contents", ())]
                numbers = [int(name[:12]) for name in names if LINE_NAME.fullmatch(name)]
                keys = [self._key(chain, seq) for seq in numbers]
                yield from zip(numbers, pool.map(self._get, keys), strict=True)

    def chains(self) -> Iterator[str]:
        """The names of all chains."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
        )
        for page in _pages(pages):
            for folder in page.get("CommonPrefixes", ()):
                yield folder["Prefix"].removeprefix(self._prefix).rstrip("/")

    def _key(self, chain: str, seq: int) -> str:
        return f"{self._prefix}{chain}/{seq:012d}.json"

    def _get(self, key: str) -> bytes:
        with own():
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()


def _pages(pages: Any) -> Iterator[Any]:
    """The pages, with errors in our words while fetching, yet not while the caller works."""
    pending = iter(pages)
    while True:
        with own():
            page = next(pending, None)
        if page is None:
            return
        yield page


def sns_sink(client: SNSClient, topic: str) -> Sink:
    """Alerts as plain text on a topic; `key`, `kind` and `level` are there for filter policies.

    SNS can't be asked to drop a repeated message, so after a crash an alert may come twice,
    with the same `key`.
    """

    def send(alert: Alert) -> None:
        attributes = {"key": alert.key, "kind": alert.kind, "level": alert.level}
        with own():
            client.publish(
                TopicArn=topic,
                Subject=_subject(alert),
                Message=_cut(plain(alert), MESSAGE_BYTES),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            )

    return send


def _subject(alert: Alert) -> str:
    """SNS wants printable ASCII, at most 100 characters, no line break, and no space first."""
    text = f"[{alert.level}] {' '.join(alert.title.split())}"
    return re.sub(r"[^ -~]", "?", text)[:SUBJECT_CHARS]


def _cut(text: str, limit: int) -> str:
    data = text.encode()
    if len(data) <= limit:
        return text
    note = "\n... (cut: too long for SNS)"
    return data[: limit - len(note)].decode(errors="ignore") + note


def sqs_queue(client: SQSClient, url: str) -> Queue:
    """Actions as JSON on the respond function's queue."""
    return lambda action: _send(client, url, action)


def sqs_rejects(client: SQSClient, url: str) -> Rejects:
    """Input that was set aside, as JSON, on a queue that an operator reads."""
    return lambda rejected: _send(client, url, rejected)


def _send(client: SQSClient, url: str, value: Action | Rejected) -> None:
    # ASCII only: SQS refuses some characters (U+FFFF and others) that an event may well hold.
    body = json.dumps(msgspec.to_builtins(value), ensure_ascii=True, separators=(",", ":"))
    with own():
        client.send_message(QueueUrl=url, MessageBody=body)


def ssm_policy(
    client: SSMClient, name: str, clock: Clock, ttl: int = 30_000
) -> Callable[[], bytes]:
    """Reads the policy's JSON from a parameter, at most `ttl` ms old.

    The policy holds the off switch: when it can't be read again, the old one isn't used on.
    """

    def read() -> bytes:
        with own():
            answer = client.get_parameter(Name=name, WithDecryption=True)
        return answer["Parameter"].get("Value", "").encode()

    return _cached(read, clock, ttl)


def secret(
    client: SecretsManagerClient, arn: str, clock: Clock, ttl: int = 300_000
) -> Callable[[], str]:
    """Reads a secret's text, at most `ttl` ms old, so that a rotated one is soon picked up."""

    def read() -> str:
        with own():
            text = client.get_secret_value(SecretId=arn).get("SecretString")
        if not text:
            raise BadConfig([f"secret {arn} holds no text"])
        return text

    return _cached(read, clock, ttl)


def _cached(read: Callable[[], _T], clock: Clock, ttl: int) -> Callable[[], _T]:
    kept: list[tuple[int, _T]] = []

    def get() -> _T:
        if not kept or kept[0][0] <= clock():
            until = clock() + ttl
            kept[:] = [(until, read())]
        return kept[0][1]

    return get


ABSENT = "attribute_not_exists(#version) OR #expires <= :now"
UNCHANGED = "#version = :version AND (attribute_not_exists(#expires) OR #expires > :now)"

LINE_NAME = re.compile(r"[0-9]{12}\.json", re.ASCII)

CODES: Mapping[str, type[VigilError]] = {
    "ConditionalCheckFailed": Conflict,
    "ConditionalRequestConflict": Conflict,
    "PreconditionFailed": Conflict,
    "InvalidPermission.Duplicate": Conflict,  # somebody added the rule since it was read
    "InvalidSecurityGroupRuleId.NotFound": Conflict,  # somebody revoked the rule since it was read
    "BandwidthLimitExceeded": Unavailable,
    "ConcurrentModification": Unavailable,
    "EntityTemporarilyUnmodifiable": Unavailable,
    "ExpiredToken": Unavailable,  # the next invocation has fresh credentials
    "InternalError": Unavailable,
    "InternalFailure": Unavailable,
    "KMS.Throttling": Unavailable,
    "KMSThrottling": Unavailable,
    "KmsThrottled": Unavailable,
    "OperationAborted": Unavailable,
    "PriorRequestNotComplete": Unavailable,
    "ProvisionedThroughputExceeded": Unavailable,
    "RequestExpired": Unavailable,
    "RequestLimitExceeded": Unavailable,
    "RequestThrottled": Unavailable,
    "RequestTimeout": Unavailable,
    "ServiceUnavailable": Unavailable,
    "SlowDown": Unavailable,
    "Throttled": Unavailable,
    "Throttling": Unavailable,
    "TooManyRequests": Unavailable,
    "TransactionConflict": Unavailable,
    "AccessDenied": Forbidden,
    "AuthFailure": Forbidden,
    "AuthorizationError": Forbidden,
    "InvalidClientTokenId": Forbidden,
    "KMS.AccessDenied": Forbidden,
    "KMSAccessDenied": Forbidden,
    "KmsAccessDenied": Forbidden,
    "NotAuthorized": Forbidden,
    "UnauthorizedOperation": Forbidden,
    "UnrecognizedClient": Forbidden,
    "InvalidGroup.NotFound": NotFound,
    "NoSuchEntity": NotFound,
    "ParameterNotFound": NotFound,
    "QueueDoesNotExist": NotFound,
    "AWS.SimpleQueueService.NonExistentQueue": NotFound,
    "ResourceNotFound": NotFound,
    "TrailNotFound": NotFound,
}
"""Error code, without a final `Exception`, -> who must act. Other codes go by the HTTP status."""

SDK_ERRORS: Mapping[type[boto.BotoCoreError], type[VigilError]] = {
    boto.HTTPClientError: Unavailable,
    boto.ConnectionError: Unavailable,
    boto.CredentialRetrievalError: Unavailable,
    boto.MetadataRetrievalError: Unavailable,
    boto.NoCredentialsError: Forbidden,
    boto.PartialCredentialsError: Forbidden,
}
