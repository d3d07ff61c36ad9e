"""What Lambda and SQS do around the functions: batches in, partial failures back on the queue.

The handlers are the real ones of functions/aws; they read the environment that cloud.py set.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from functions.local.demo.aws.cloud import ACCOUNT, REGION, Aws

__all__ = ["Runtime", "envelope", "running"]

TRIES = 6
"""Deliveries of one message before it would go to the dead-letter queue."""


class Context(NamedTuple):
    """What a function may ask of its invocation."""

    function_name: str
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    memory_limit_in_mb: int = 512

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"


@contextmanager
def running(aws: Aws, log: Path) -> Iterator[Runtime]:
    """The functions, with their logs in a file that stays open as long as they may write."""
    with log.open("w", encoding="utf-8") as stream:
        yield Runtime(aws, stream)


class Runtime:
    """Runs the functions."""

    def __init__(self, aws: Aws, log: TextIO) -> None:
        self._sqs, self._log = aws.client("sqs"), log

    def send(self, queue: str, bodies: Iterable[str]) -> None:
        """Put messages on a queue, ten to a call."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        for first in range(0, len(entries), 10):
            self._sqs.send_message_batch(QueueUrl=queue, Entries=entries[first : first + 10])

    def drain(self, queue: str, function: str) -> int:
        """Give a function its queue until it is empty; the number of messages dealt with."""
        done, tries = 0, TRIES
        while messages := self._receive(queue):
            failed = self._deliver(queue, function, messages)
            done += len(messages) - failed
            tries -= failed > 0
            if not tries:
                raise RuntimeError(f"{function} keeps failing; see {self._log.name}")
        return done

    def waiting(self, queue: str) -> list[str]:
        """The bodies on a queue that no function reads."""
        found = []
        while messages := self._receive(queue):
            found += [message["Body"] for message in messages]
            self._delete(queue, messages)
        return found

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Call a function; its log lines go to the file."""
        with contextlib.redirect_stdout(self._log), warnings.catch_warnings():
            # Metrics are off here, and the library warns that it publishes none.
            warnings.simplefilter("ignore", UserWarning)
            return _entry(function)(event, Context(f"vigil-{function}"))

    def _receive(self, queue: str) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=60
        )  # fmt: skip
        return list(answer.get("Messages", ()))

    def _delete(self, queue: str, messages: list[dict[str, Any]]) -> None:
        entries = [
            {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}
            for message in messages
        ]
        if entries:
            self._sqs.delete_message_batch(QueueUrl=queue, Entries=entries)

    def _deliver(self, queue: str, function: str, messages: list[dict[str, Any]]) -> int:
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.rpartition('/')[2]}",
                "awsRegion": REGION,
            }
            for message in messages
        ]
        answer = self.invoke(function, {"Records": records})
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        done = [message for message in messages if message["MessageId"] not in failed]
        self._delete(queue, done)
        for message in messages:
            if message["MessageId"] in failed:
                self._sqs.change_message_visibility(
                    QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        return len(failed)


def envelope(record: dict[str, Any]) -> str:
    """A record as EventBridge delivers it."""
    sign_in = record["eventType"] == "AwsConsoleSignIn"
    return json.dumps(
        {
            "version": "0",
            "id": record["eventID"],
            "detail-type": f"AWS {'Console Sign In' if sign_in else 'API Call'} via CloudTrail",
            "source": "aws." + record["eventSource"].partition(".")[0],
            "account": ACCOUNT,
            "time": record["eventTime"],
            "region": REGION,
            "resources": [],
            "detail": record,
        }
    )


def _entry(function: str) -> Callable[[dict[str, Any], Any], Any]:
    # Late: it needs the extra `aws`, and is wired on first use from the environment.
    from functions.aws import handler

    entries = {
        "detect": handler.detect,
        "respond": handler.respond,
        "sweep": handler.sweep,
        "approve": handler.approve,
    }
    return entries[function]
