"""The Scene in AWS: the real functions, on an embedded AWS that SQS and Lambda are played around.

What is done and shown is stage.py's affair.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.model import Action, to_json
from core.ports import system_clock
from functions.aws.adapters import DynamoStore, S3Journal
from functions.local.demo.aws.cloud import (
    ACCOUNT,
    REGION,
    Aws,
    Deployment,
    deploy,
    embedded_aws,
    remember,
)
from functions.local.demo.aws.company import Company, found, state
from functions.local.demo.aws.runtime import Runtime, envelope, running
from functions.local.demo.aws.story import Native, intrusion, ordinary
from functions.local.demo.inbox import Inbox
from functions.local.demo.scene import Late, States, Step

__all__ = ["staged"]


@contextmanager
def staged(home: Path, box: Inbox) -> Iterator[AwsScene]:
    """The embedded AWS with company and Vigil in it, while the block lasts; once a process."""
    with embedded_aws() as aws, running(aws, home / "functions.log") as runtime:
        company = found(aws)
        deployment = deploy(aws, home, policy=POLICY, webhook=box.hook)
        yield AwsScene(aws, deployment, company, runtime)


class AwsScene:
    """A Scene (functions.local.demo.scene)."""

    cloud = "AWS"

    def __init__(
        self, aws: Aws, deployment: Deployment, company: Company, runtime: Runtime
    ) -> None:
        self._aws, self._deployment = aws, deployment
        self._company, self._runtime = company, runtime
        self._records: list[Native] = []
        self.policy = POLICY
        self.store = DynamoStore(aws.client("dynamodb"), "vigil", system_clock)
        self.journal = S3Journal(aws.client("s3"), "vigil-journal-example")

    def about(self) -> Sequence[str]:
        """What there is."""
        return (
            f"{self._aws.endpoint}, account {ACCOUNT}, {REGION}: 5 users, 1 role, 3 buckets,",
            "1 security group, 1 trail; and Vigil's queues, table, journal and policy.",
        )

    def state(self) -> States:
        """The account as boto3 reads it."""
        return state(self._aws, self._company)

    def intrude(self, start: int) -> Iterator[Step]:
        """Each step, done through boto3."""
        records = ordinary(start)
        for told, record in intrusion(self._aws, self._company, start + 60_000):
            records.append(record)
            yield Step(record["eventTime"], told)
        remember(records)
        # One record never arrives, as happens with a delivery on best effort; the sweep must find
        # it.
        arrives = (record for record in records if record["eventName"] != "ConsoleLogin")
        self._records = sorted(arrives, key=lambda record: str(record["eventTime"]))

    def deliveries(self) -> Sequence[str]:
        """A record each, as EventBridge puts it on the queue."""
        bodies = [envelope(record) for record in self._records]
        bodies.insert(len(bodies) // 2, POISON)
        return bodies

    def detect(self, bodies: Sequence[str]) -> None:
        """Through the queue, by the function."""
        self._runtime.send(self._deployment.events_queue, bodies)
        self._runtime.drain(self._deployment.events_queue, "detect")

    def repeat(self) -> str:
        """The same records, as the file that the trail delivers."""
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/01/31/{ACCOUNT}_CloudTrail.json.gz"
        bucket = self._deployment.trail_bucket
        data = gzip.compress(json.dumps({"Records": self._records[::-1]}).encode())
        self._aws.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
        notice = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": len(data)}},
        }
        self.detect([json.dumps({"Records": [notice]})])
        return f"The same {len(self._records)} records again, as the trail's own file, backwards"

    def refused(self) -> Sequence[str]:
        """The reasons on the queue of rejects, which is empty then."""
        bodies = self._runtime.waiting(self._deployment.rejects_queue)
        return [str(json.loads(body)["reason"]) for body in bodies]

    def respond(self) -> None:
        """Through the queue, by the function."""
        self._runtime.drain(self._deployment.actions_queue, "respond")

    def approve(self, method: str, token: str) -> int:
        """By the function, as the HTTP API calls it."""
        event: dict[str, Any] = {
            "requestContext": {"http": {"method": method, "sourceIp": "192.0.2.17"}},
            "queryStringParameters": {"token": token},
        }
        if method == "POST":
            event["body"] = urlencode({"decision": "approve", "by": "dana", "token": token})
        return int(self._runtime.invoke("approve", event)["statusCode"])

    def late(self) -> Late:
        """What the schedule runs: the state of things, whatever the logs said."""
        result = self._runtime.invoke("sweep", {})
        told = (
            f"CloudTrail read back: {result['missed']} finding that the stream had missed."
            f" Inventory: {result['resources']} resources, {result['opened']} findings."
        )
        title = "Sweep: the function `sweep` looks at what is there"
        return Late(title, told, tuple(map(str, result["unseen"])))

    def order(self, action: Action) -> None:
        """Onto the queue."""
        self._runtime.send(self._deployment.actions_queue, [to_json(action).decode()])


POISON = '{"detail-type": "AWS API Call via CloudTrail", "detail": 7}'

POLICY: Mapping[str, Any] = {
    "verbs": {
        "disable_access_key": {"mode": "auto", "min_level": "medium"},
        "revoke_sessions": {"mode": "approve", "min_level": "high"},
        "remove_grant": {"mode": "approve"},
        "close_ingress": {"mode": "auto"},
        "block_public_storage": {"mode": "auto"},
        "restore_audit_logging": {"mode": "auto"},
    },
    "protected": ["arn:aws:iam::*:user/break-glass"],
    "own": ["arn:aws:iam::*:role/vigil-*"],
    "max_actions_per_hour": 30,
    "experimental": True,
}
"""What this deployment may do. Without it, nothing. The breaker has room for a whole
intrusion at once, to each step of which several rules answer."""
