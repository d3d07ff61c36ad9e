"""Synthetic CloudTrail files for the benchmarks: varied, seeded, about 1.4 KB a record.

The mix follows what a busy account writes: three operations (AssumeRole, Decrypt,
DescribeInstances) are half of all records, some hundred others share the rest, and one record in
a thousand is something that a rule is about. It knows nothing of the engine.
"""

from __future__ import annotations

import gzip
import json
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["records", "write"]


def records(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """`count` records, the same for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        yield _record(rng, number)


def write(folder: Path, files: int, per_file: int = 2_500, seed: int = 1) -> list[Path]:
    """Gzipped CloudTrail files in `folder`; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"123456789012_CloudTrail_{seed:03}_{n:04}.json.gz" for n in range(files)]
    for number, path in enumerate(paths):
        if not path.exists():
            body = {"Records": list(records(per_file, seed * 10_000 + number))}
            text = json.dumps(body, separators=(",", ":")).encode()
            path.write_bytes(gzip.compress(text, 6))
    return paths


def _record(rng: random.Random, number: int) -> dict[str, Any]:
    roll = rng.random()
    if roll < 0.5:
        source, name = rng.choices(_BUSY, (5, 3, 2))[0]
    elif roll < 0.999:
        source, name = rng.choice(_USUAL)
    else:
        source, name = rng.choice(_NOTABLE)
    account = rng.choice(("123456789012", "111122223333"))
    denied = rng.random() < 0.03
    record: dict[str, Any] = {
        "eventVersion": rng.choice(("1.08", "1.09", "1.10")),
        "userIdentity": _identity(rng, account),
        "eventTime": f"2026-03-{1 + number % 28:02}T{number // 100 % 24:02}:{number % 60:02}:07Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": rng.choice(("us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2")),
        "sourceIPAddress": rng.choice((f"192.0.2.{rng.randrange(255)}", "lambda.amazonaws.com")),
        "userAgent": rng.choice(_AGENTS),
    }
    if denied:
        record["errorCode"] = "AccessDenied"
        record["errorMessage"] = (
            f'User is not authorized to perform: "{name}" with an explicit deny'
        )
    record["requestParameters"] = _request(rng, account)
    record["responseElements"] = None if denied or name.startswith("Describe") else _response(rng)
    record |= {
        "requestID": _uuid(rng),
        "eventID": _uuid(rng),
        "readOnly": name.startswith(("Describe", "Get", "List", "Assume", "Decrypt")),
        "resources": [
            {
                "accountId": account,
                "type": "AWS::IAM::Role",
                "ARN": f"arn:aws:iam::{account}:role/r",
            }
        ],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "sharedEventID": _uuid(rng),
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{source.split('.')[0]}.eu-west-1.amazonaws.com",
        },
    }
    return record


def _identity(rng: random.Random, account: str) -> dict[str, Any]:
    if rng.random() < 0.15:
        return {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
    role = f"service-role-{rng.randrange(200)}"
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE{rng.randrange(10**9):09}:session-{rng.randrange(10**6)}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/session-{rng.randrange(10**6)}",
        "accountId": account,
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": f"AROAEXAMPLE{rng.randrange(10**9):09}",
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": role,
            },
            "attributes": {"creationDate": "2026-03-01T06:12:19Z", "mfaAuthenticated": "false"},
        },
    }


def _request(rng: random.Random, account: str) -> dict[str, Any]:
    role = f"arn:aws:iam::{account}:role/service-role-{rng.randrange(200)}"
    request: dict[str, Any] = {
        "roleArn": role,
        "roleSessionName": f"session-{rng.randrange(10**6)}",
        "durationSeconds": rng.choice((900, 3600)),
    }
    if rng.random() < 0.1:
        statement = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [role]}
        request["policy"] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    if rng.random() < 0.3:
        request["filterSet"] = {
            "items": [
                {"name": "instance-state-name", "valueSet": {"items": [{"value": "running"}]}}
            ]
        }
    return request


def _response(rng: random.Random) -> dict[str, Any]:
    return {
        "credentials": {
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionToken": "".join(rng.choices(_BASE64, k=240)),
            "expiration": "Mar 1, 2026, 7:12:19 AM",
        }
    }


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

_AGENTS = (
    "Boto3/1.34.11 md/Botocore#1.34.11 ua/2.0 os/linux#5.10 md/arch#x86_64 lang/python#3.11.6",
    "aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21.5 md/GOOS#linux md/GOARCH#amd64 api/ec2#1.141.0",
    "aws-cli/2.15.10 Python/3.11.6 Linux/5.10.201 exe/x86_64.amzn.2 prompt/off command/s3.ls",
    "APN/1.0 HashiCorp/1.0 Terraform/1.6.6 (+https://www.terraform.io) aws-sdk-go/1.49.0",
    "lambda.amazonaws.com",
)

_BUSY = (
    ("sts.amazonaws.com", "AssumeRole"),
    ("kms.amazonaws.com", "Decrypt"),
    ("ec2.amazonaws.com", "DescribeInstances"),
)

_USUAL = tuple(
    (f"{service}.amazonaws.com", f"{verb}{thing}")
    for service, thing in (
        ("ec2", "Volumes"),
        ("ec2", "NetworkInterfaces"),
        ("s3", "BucketAcl"),
        ("iam", "RolePolicy"),
        ("lambda", "FunctionConfiguration"),
        ("logs", "LogStreams"),
        ("dynamodb", "Table"),
        ("ecr", "AuthorizationToken"),
        ("rds", "DBInstances"),
        ("monitoring", "Alarms"),
        ("secretsmanager", "SecretValue"),
        ("elasticloadbalancing", "TargetHealth"),
    )
    for verb in ("Describe", "Get", "List", "BatchGet", "Create", "Tag")
)

_NOTABLE = (
    ("cloudtrail.amazonaws.com", "StopLogging"),
    ("cloudtrail.amazonaws.com", "DeleteTrail"),
    ("iam.amazonaws.com", "CreateAccessKey"),
    ("iam.amazonaws.com", "UpdateLoginProfile"),
    ("guardduty.amazonaws.com", "DeleteDetector"),
    ("s3.amazonaws.com", "PutBucketPolicy"),
    ("signin.amazonaws.com", "ConsoleLogin"),
    ("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress"),
)
