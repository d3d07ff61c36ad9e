"""A deployment on an AWS in memory: its resources, its settings, and its functions' input.

The functions are the real ones; what delivers to them in a cloud is played by the caller.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import boto3
from moto import mock_aws

from core import rulebook
from core.sigma import compile_rules
from functions.aws import handler
from functions.aws.events import SOURCES
from functions.aws.wiring import wiring

REGION = "us-east-1"
ACCOUNT = "123456789012"
RULE = """
title: Access Key Created For Another User
id: 8f0a1f4e-0000-4000-8000-000000000001
name: test_rule
status: test
level: high
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: CreateAccessKey, errorCode: null}
  condition: selection
respond: [disable_access_key]
"""
CONTEXT = SimpleNamespace(
    function_name="vigil-detect",
    memory_limit_in_mb=512,
    invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:vigil-detect",
    aws_request_id="00000000-0000-0000-0000-000000000000",
    get_remaining_time_in_millis=lambda: 60_000,
)


class Cloud:
    """One deployment's resources, and a user with a key."""

    def __init__(self, tmp_path: Path, monkeypatch, rules: str) -> None:
        self.client = lambda name: boto3.client(name, region_name=REGION)
        self.client("dynamodb").create_table(
            TableName="state",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "kind", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "kind", "AttributeType": "S"},
                {"AttributeName": "id", "AttributeType": "S"},
            ],
        )
        s3 = self.client("s3")
        s3.create_bucket(Bucket="journal", ObjectLockEnabledForBucket=True)
        s3.create_bucket(Bucket="trail")
        sqs, sns = self.client("sqs"), self.client("sns")
        self.urls = {
            name: sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in ("actions", "rejects", "told")
        }
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
        )
        self.policy({})
        secret = self.client("secretsmanager").create_secret(Name="approve", SecretString="k" * 40)
        book = tmp_path / "rulebook.json"
        (tmp_path / "rule.yml").write_text(rules)
        book.write_bytes(rulebook.dump(compile_rules([tmp_path / "rule.yml"], SOURCES).book))
        iam = self.client("iam")
        iam.create_user(UserName="victim")
        self.key = iam.create_access_key(UserName="victim")["AccessKey"]["AccessKeyId"]
        for name, value in {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "VIGIL_TABLE": "state",
            "VIGIL_JOURNAL": "journal",
            "VIGIL_ALERTS": topic,
            "VIGIL_ACTIONS": self.urls["actions"],
            "VIGIL_REJECTS": self.urls["rejects"],
            "VIGIL_POLICY": "/vigil/policy",
            "VIGIL_APPROVE_SECRET": secret["ARN"],
            "VIGIL_APPROVE_URL": "https://approve.example.com/",
            "VIGIL_RULEBOOK": str(book),
            "POWERTOOLS_SERVICE_NAME": "test",
            "POWERTOOLS_METRICS_NAMESPACE": "Vigil",
            "POWERTOOLS_TRACE_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)

    def policy(self, verbs) -> None:
        self.client("ssm").put_parameter(
            Name="/vigil/policy", Value=json.dumps({"verbs": verbs}), Type="String", Overwrite=True
        )
        wiring.cache_clear()

    def record(self, **fields):
        return {
            "eventVersion": "1.08",
            "eventID": "e-1",
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "iam.amazonaws.com",
            "eventName": "CreateAccessKey",
            "awsRegion": REGION,
            "sourceIPAddress": "192.0.2.1",
            "userAgent": "<script>alert(1)</script>\u202e",
            "recipientAccountId": ACCOUNT,
            "userIdentity": {
                "type": "IAMUser",
                "arn": f"arn:aws:iam::{ACCOUNT}:user/mallory",
                "userName": "mallory",
                "accountId": ACCOUNT,
            },
            "requestParameters": {"userName": "victim"},
            "responseElements": {
                "accessKey": {"userName": "victim", "accessKeyId": self.key, "status": "Active"}
            },
            **fields,
        }

    def received(self, queue: str) -> list[dict]:
        sqs, found = self.client("sqs"), []
        while True:
            messages = sqs.receive_message(
                QueueUrl=self.urls[queue], MaxNumberOfMessages=10, VisibilityTimeout=0
            ).get("Messages", [])
            if not messages:
                return found
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(
                    QueueUrl=self.urls[queue], ReceiptHandle=message["ReceiptHandle"]
                )

    def key_status(self) -> str:
        keys = self.client("iam").list_access_keys(UserName="victim")["AccessKeyMetadata"]
        return keys[0]["Status"]

    def findings(self) -> list[dict]:
        return [
            json.loads(item["value"]["S"])
            for item in self.client("dynamodb").scan(TableName="state")["Items"]
            if item["kind"]["S"] == "finding"
        ]


@contextlib.contextmanager
def deployed(tmp_path, monkeypatch, rules=RULE):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    wiring.cache_clear()
    handler._tools.cache_clear()
    with mock_aws():
        yield Cloud(tmp_path, monkeypatch, rules)
    wiring.cache_clear()
    handler._tools.cache_clear()


def batch(*bodies) -> dict:
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": "r",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:events",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


def envelope(record) -> dict:
    return {
        "version": "0",
        "id": "x",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.iam",
        "account": ACCOUNT,
        "time": record["eventTime"],
        "region": REGION,
        "resources": [],
        "detail": record,
    }


def detected(*bodies):
    return handler.detect(batch(*bodies), CONTEXT)["batchItemFailures"]


def respond_all(cloud) -> list:
    actions = cloud.received("actions")
    return handler.respond(batch(*actions), CONTEXT)["batchItemFailures"]
