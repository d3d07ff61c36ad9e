"""An embedded AWS on the loopback, and Vigil's own resources in it, as Terraform would make them.

Nothing here can reach the real AWS: credentials are made up, the user's profiles are left out, and
every client is pointed at 127.0.0.1. This file knows nothing of the company or its intruder.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from core import rulebook
from functions.local.rulebooks import gather

__all__ = ["ACCOUNT", "REGION", "Aws", "Deployment", "deploy", "embedded_aws", "remember"]

ACCOUNT = "123456789012"
REGION = "eu-central-1"

PORT = 4566
"""Where people expect an embedded AWS; another one is taken while this is in use."""


class Aws(NamedTuple):
    """The embedded AWS: its address, and clients that go there and nowhere else."""

    endpoint: str
    session: Any

    def client(self, service: str) -> Any:
        """A client of a service."""
        return self.session.client(service, region_name=REGION)


class Deployment(NamedTuple):
    """Vigil's own resources."""

    events_queue: str
    actions_queue: str
    rejects_queue: str
    trail_bucket: str


@contextmanager
def embedded_aws() -> Iterator[Aws]:
    """The server while the block lasts; the process's environment points at it and is restored."""
    before = dict(os.environ)
    _make_environment()
    # Late: it reads the environment as it is imported.
    from localstack_client.session import Session
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port = _free_port()
    endpoint = f"http://127.0.0.1:{port}"
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    resolve = socket.getaddrinfo
    socket.getaddrinfo = _on_the_loopback(resolve)
    try:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        yield Aws(endpoint, Session(region_name=REGION))
    finally:
        socket.getaddrinfo = resolve
        server.stop()
        os.environ.clear()
        os.environ.update(before)


def deploy(
    aws: Aws, folder: Path, *, policy: Mapping[str, Any], webhook: Mapping[str, Any]
) -> Deployment:
    """Make Vigil's resources and set the environment of its functions."""
    aws.client("dynamodb").create_table(
        TableName="vigil",
        KeySchema=[
            {"AttributeName": "kind", "KeyType": "HASH"},
            {"AttributeName": "id", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "kind", "AttributeType": "S"},
            {"AttributeName": "id", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    _journal_bucket(aws, "vigil-journal-example")
    queue = aws.client("sqs").create_queue
    made = Deployment(
        events_queue=queue(QueueName="vigil-events")["QueueUrl"],
        actions_queue=queue(QueueName="vigil-actions")["QueueUrl"],
        rejects_queue=queue(QueueName="vigil-rejects")["QueueUrl"],
        trail_bucket="example-ltd-trail",
    )
    aws.client("ssm").put_parameter(
        Name="/vigil/policy", Type="String", Value=json.dumps(policy)
    )  # fmt: skip
    os.environ.update(_settings(aws, made, folder, webhook))
    return made


def remember(records: Iterable[Mapping[str, Any]]) -> None:
    """Let LookupEvents, which the embedded AWS lacks, answer with the writing calls."""
    from moto.cloudtrail.responses import CloudTrailResponse  # late, as in embedded_aws

    events = [
        {
            "EventId": record["eventID"],
            "EventName": record["eventName"],
            "EventTime": datetime.fromisoformat(record["eventTime"]).timestamp(),
            "ReadOnly": "false",
            "CloudTrailEvent": json.dumps(record),
        }
        for record in records
        if not record["readOnly"]
    ]
    answer = json.dumps({"Events": events})
    # The server finds its operations by name, so adding one is all it takes.
    CloudTrailResponse.lookup_events = lambda self: answer  # type: ignore[attr-defined]


def _settings(
    aws: Aws, made: Deployment, folder: Path, webhook: Mapping[str, Any]
) -> dict[str, str]:
    book = folder / "rulebook.json"
    book.write_bytes(rulebook.dump(gather(()).book))
    secret = aws.client("secretsmanager").create_secret
    return {
        "VIGIL_TABLE": "vigil",
        "VIGIL_JOURNAL": "vigil-journal-example",
        "VIGIL_ALERTS": aws.client("sns").create_topic(Name="vigil-alerts")["TopicArn"],
        "VIGIL_ACTIONS": made.actions_queue,
        "VIGIL_REJECTS": made.rejects_queue,
        "VIGIL_POLICY": "/vigil/policy",
        "VIGIL_APPROVE_URL": "https://approve.example.com/",
        "VIGIL_APPROVE_SECRET": secret(Name="vigil-approve", SecretString=secrets.token_hex(32))[
            "ARN"
        ],
        "VIGIL_WEBHOOKS": secret(Name="vigil-webhooks", SecretString=json.dumps([webhook]))["ARN"],
        "VIGIL_RULEBOOK": str(book.resolve()),
        "POWERTOOLS_SERVICE_NAME": "vigil",
        "POWERTOOLS_METRICS_NAMESPACE": "Vigil",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def _journal_bucket(aws: Aws, name: str) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={"LocationConstraint": REGION},
        ObjectLockEnabledForBucket=True,
    )
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
        },
    )


def _make_environment() -> None:
    """No profile, no real credentials, no other endpoint: only what this file says."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VIGIL_"))]:
        del os.environ[name]
    os.environ.update(
        {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
    )


def _on_the_loopback(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """S3 Control puts the account before the host; no resolver knows 123456789012.127.0.0.1."""

    def look_up(host: Any, *args: Any, **named: Any) -> Any:
        own = isinstance(host, str) and host.endswith(".127.0.0.1")
        return resolve("127.0.0.1" if own else host, *args, **named)

    return look_up


def _free_port() -> int:
    for port in (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
