"""An AWS on the loopback: moto's server, with what it lacks for running a deployment end to end.

    python tests/e2e/cloud.py --port 4566 --python build/ric/bin/python --logs build/e2e

Added: functions run for real (runtime_api.Sandbox); a poller delivers queues to functions as Lambda
does, with partial failures; LookupEvents. Mended: what rules deliver, conditions of bucket
policies, a refusal that AWS does not know, and an answer in which Terraform sees a change where
there is none.

Time runs faster in one place: a message that failed is visible again at once and not after the
queue's visibility timeout, so that five deliveries and the dead-letter queue take seconds.
"""

from __future__ import annotations

import argparse
import json
import logging
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
import flask
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.models import LambdaFunction
from moto.cloudtrail.responses import CloudTrailResponse
from moto.events.models import EventsBackend, Rule
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import FakeBucket, S3Backend
from moto.sqs.models import Queue
from runtime_api import Sandbox

log = logging.getLogger("cloud")
REGION = "us-east-1"


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--python", required=True, help="interpreter with awslambdaric and boto3")
    parser.add_argument("--logs", type=Path, required=True)
    chosen = parser.parse_args()
    chosen.logs.mkdir(parents=True, exist_ok=True)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    endpoint = f"http://127.0.0.1:{chosen.port}"
    run_functions(endpoint, chosen.python, chosen.logs)
    leave_queues_to_poller()
    deliver_rules_like_aws()
    keep_a_trail()
    read_conditions_of_bucket_policies()
    let_lock_rules_change()
    answer_like_aws()
    ThreadedMotoServer(ip_address="127.0.0.1", port=chosen.port).start()
    poll(endpoint)


def run_functions(endpoint: str, python: str, logs: Path) -> None:
    """Invoke a function by running its zip in a sandbox that stays warm until it is changed."""
    warm: dict[str, tuple[str, Sandbox]] = {}
    starting = threading.Lock()

    def sandbox(function: LambdaFunction) -> Sandbox:
        name = function.function_name
        version = json.dumps([function.code_sha_256, function.environment_vars, function.timeout])
        with starting:
            if name in warm and warm[name][0] == version:
                return warm[name][1]
            if name in warm:
                warm.pop(name)[1].close()
            package = logs / f"{name}.zip"
            package.write_bytes(function.code_bytes)
            started = Sandbox(
                package,
                function.handler,
                environment(function, endpoint),
                python=python,
                log=logs / f"{name}.log",
            )
            warm[name] = (version, started)
            return started

    def invoke(self: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
        body = event if isinstance(event, str) else json.dumps(event or {})
        reply = sandbox(self).invoke(body.encode(), timeout=float(self.timeout))
        return json.dumps(reply.body), reply.failed, ""

    LambdaFunction._invoke_lambda = invoke


def environment(function: LambdaFunction, endpoint: str) -> dict[str, str]:
    """What Lambda puts into the environment of a function, pointed at this server."""
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": function.region,
        "AWS_REGION": function.region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.function_name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
        "VIGIL_TEST_FUNCTION_ARN": function.function_arn,
        **{name: str(value) for name, value in (function.environment_vars or {}).items()},
    }


def leave_queues_to_poller() -> None:
    """Moto calls a function while a message is being sent, and knows no partial failures."""
    add_message = Queue.add_message

    def add_only(self: Queue, message: Any) -> None:
        self.lambda_event_source_mappings = {}
        add_message(self, message)

    Queue.add_message = add_only


def deliver_rules_like_aws() -> None:
    """Moto delivers for disabled rules too, and leaves the account out of what it delivers."""
    send = Rule.send_to_targets

    def send_whole(self: Rule, event: dict[str, Any], transform_input: bool = True) -> None:
        if self.state != "DISABLED":
            whole = {name: value for name, value in event.items() if name != "ingestion-time"}
            send(self, whole, transform_input=False)

    Rule.send_to_targets = send_whole


def keep_a_trail() -> None:
    """LookupEvents, which moto has not: it gives back every record that was put on any bus.

    A record on a bus without rules is one that CloudTrail has and EventBridge did not deliver.
    """
    trail: list[str] = []
    put_events = EventsBackend.put_events

    def put_and_keep(self: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        trail.extend(each["Detail"] for each in events if each["Source"].startswith("aws."))
        return put_events(self, events)

    def lookup_events(self: CloudTrailResponse) -> str:
        return json.dumps({"Events": [{"CloudTrailEvent": text} for text in reversed(trail)]})

    EventsBackend.put_events = put_and_keep
    CloudTrailResponse.lookup_events = lookup_events


def read_conditions_of_bucket_policies() -> None:
    """Moto takes every condition of a bucket's policy for met; the two that Vigil uses are read.

    The loopback has no TLS and stands in for a connection that has.
    """

    def met(condition: dict[str, Any]) -> bool:
        if condition == {"Bool": {"aws:SecureTransport": "false"}}:
            return False
        if condition == {"Null": {"s3:if-none-match": "true"}}:
            return not (flask.has_request_context() and "If-None-Match" in flask.request.headers)
        return True

    def get_permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(self.policy)
        document["Statement"] = [
            {name: value for name, value in statement.items() if name != "Condition"}
            for statement in document["Statement"]
            if met(statement.get("Condition", {}))
        ]
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def let_lock_rules_change() -> None:
    """Moto takes a bucket's Object Lock rule only while the bucket is empty; AWS at any time."""

    def put(
        self: S3Backend,
        bucket_name: str,
        lock_enabled: bool,
        mode: str | None = None,
        days: int | None = None,
        years: int | None = None,
    ) -> None:
        bucket = self.get_bucket(bucket_name)
        bucket.object_lock_enabled = bucket.object_lock_enabled or lock_enabled
        bucket.default_lock_mode = mode
        bucket.default_lock_days, bucket.default_lock_years = days, years

    S3Backend.put_object_lock_configuration = put


def answer_like_aws() -> None:
    """AWS gives a redrive policy back as the compact JSON that it got; moto adds blanks."""
    attributes = Queue.attributes.fget

    def compact(self: Queue) -> dict[str, Any]:
        found: dict[str, Any] = attributes(self)
        if found.get("RedrivePolicy"):
            policy = json.loads(found["RedrivePolicy"])
            found["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"))
        return found

    Queue.attributes = property(compact)


def poll(endpoint: str) -> None:
    """Deliver queues to their functions, for ever."""
    session = boto3.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION
    )
    functions, queues = (
        session.client(name, endpoint_url=endpoint, config=PATIENT) for name in ("lambda", "sqs")
    )
    while True:
        try:
            for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
                deliver(functions, queues, mapping)
        except (BotoCoreError, ClientError) as error:
            # A mapping, function or queue that Terraform is taking away just now.
            log.warning("poller: %s", error)
        time.sleep(0.1)


def deliver(functions: Any, queues: Any, mapping: dict[str, Any]) -> None:
    """One batch from one queue to its function, and what Lambda does with the answer."""
    source = mapping["EventSourceArn"]
    url = queues.get_queue_url(QueueName=source.rpartition(":")[2])["QueueUrl"]
    batch = queues.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=min(mapping["BatchSize"], 10),
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    if not batch:
        return
    answer = functions.invoke(
        FunctionName=mapping["FunctionArn"],
        Payload=json.dumps({"Records": [record(message, source) for message in batch]}),
    )
    failed = failures(answer, batch, mapping)
    for message in batch:
        handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
        if message["MessageId"] in failed:
            queues.change_message_visibility(**handle, VisibilityTimeout=0)
        else:
            queues.delete_message(**handle)


def record(message: dict[str, Any], source: str) -> dict[str, Any]:
    """A message as Lambda hands it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": source,
        "awsRegion": REGION,
    }


def failures(answer: Any, batch: list[dict[str, Any]], mapping: dict[str, Any]) -> set[str]:
    """Ids of the messages to deliver again: all on an error, else those that the answer names."""
    every = {message["MessageId"] for message in batch}
    if "FunctionError" in answer:
        return every
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return set()
    body = json.loads(answer["Payload"].read() or b"null") or {}
    named = {failure["itemIdentifier"] for failure in body.get("batchItemFailures") or []}
    return every if named - every else named


PATIENT = Config(read_timeout=900, retries={"max_attempts": 0})


if __name__ == "__main__":
    main()
