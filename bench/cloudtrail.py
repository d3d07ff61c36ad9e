"""Synthetic CloudTrail files for the benchmarks: varied, seeded, about 1.4 KB a record.

The mix follows what accounts write. Three operations (AssumeRole, Decrypt, DescribeInstances) are
half of all records; five in six are reads, by users, services and infrastructure tools; answers to
reads are null. `hits` is the share of records that SigmaHQ's AWS rules match: in a real sample of
1,233 records it was 0.036, three quarters of them one rule ("AWS STS AssumeRole Misuse") that
matches any call of an assumed role, the rest operations that rules are about. It is made the same
way here. An account whose people all work through roles has many more: measure that with `hits`.
It knows nothing of the engine.
"""

from __future__ import annotations

import gzip
import json
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["HITS", "file", "records", "write"]

HITS = 0.036
"""Share of records that rules match, unless told otherwise."""


def records(count: int, seed: int, hits: float = HITS) -> Iterator[dict[str, Any]]:
    """`count` records, the same for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        yield _record(rng, number, hits)


def file(count: int, seed: int, hits: float = HITS) -> bytes:
    """A gzipped CloudTrail file."""
    body = {"Records": list(records(count, seed, hits))}
    return gzip.compress(json.dumps(body, separators=(",", ":")).encode(), 6)


def write(
    folder: Path, files: int, per_file: int = 2_500, seed: int = 1, hits: float = HITS
) -> list[Path]:
    """Gzipped CloudTrail files in `folder`; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"123456789012_CloudTrail_{seed:03}_{round(hits * 1000):04}_{per_file}"
    paths = [folder / f"{stem}_{number:04}.json.gz" for number in range(files)]
    for number, path in enumerate(paths):
        if not path.exists():
            path.write_bytes(file(per_file, seed * 10_000 + number, hits))
    return paths


def _record(rng: random.Random, number: int, hits: float) -> dict[str, Any]:
    hit = rng.random() < hits
    notable = hit and rng.random() < 0.25
    source, name = _operation(rng, notable)
    account = rng.choice(("123456789012", "111122223333"))
    denied = not notable and rng.random() < 0.06
    read = name.startswith(("Describe", "Get", "List", "Assume", "Decrypt"))
    service = source.split(".")[0]
    record: dict[str, Any] = {
        "eventVersion": rng.choice(("1.08", "1.09", "1.10")),
        "userIdentity": _identity(rng, account, source, role=hit and not notable),
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
            f"User: arn:aws:iam::{account}:user/user-{rng.randrange(300)} is not authorized to "
            f'perform: "{service}:{name}" because no identity-based policy allows it'
        )
    record["requestParameters"] = _request(rng, account, name)
    record["responseElements"] = None if denied else _response(rng, name, read=read)
    if name.startswith("Describe") or rng.random() < 0.1:
        record["additionalEventData"] = {"bytesTransferredOut": rng.randrange(9_000)}
    record |= {
        "requestID": _uuid(rng),
        "eventID": _uuid(rng),
        "readOnly": read,
    }
    if rng.random() < 0.4:
        kind = rng.choice(("IAM::Role", "KMS::Key", "S3::Bucket"))
        arn = f"arn:aws:iam::{account}:role/service-roles/team-{rng.randrange(9)}/r-{rng.randrange(200)}"
        record["resources"] = [{"accountId": account, "type": f"AWS::{kind}", "ARN": arn}]
    record |= {
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "vpcEndpointId": f"vpce-{_INSTANCES[rng.randrange(20)][2:]}",
    }
    if rng.random() < 0.77:
        record["tlsDetails"] = {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.eu-west-1.amazonaws.com",
        }
    return record


def _operation(rng: random.Random, notable: bool) -> tuple[str, str]:
    if notable:
        return rng.choice(_NOTABLE)
    roll = rng.random()
    if roll < 0.5:
        return rng.choices(_BUSY, (5, 3, 2))[0]
    return rng.choice(_READS if roll < 0.85 else _WRITES)


def _identity(rng: random.Random, account: str, source: str, *, role: bool) -> dict[str, Any]:
    if role:
        return _role(rng, account)
    if rng.random() < 0.2:
        return {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
    user = f"user-{rng.randrange(300)}"
    found: dict[str, Any] = {
        "type": "IAMUser",
        "principalId": f"AIDAEXAMPLE{rng.randrange(10**9):09}",
        "arn": f"arn:aws:iam::{account}:user/{user}",
        "accountId": account,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": user,
        "sessionContext": {
            "attributes": {
                "creationDate": f"2026-03-{rng.randrange(1, 29):02}T06:12:{rng.randrange(60):02}Z",
                "mfaAuthenticated": "false",
            }
        },
    }
    if rng.random() < 0.2:
        found["invokedBy"] = source
    return found


def _role(rng: random.Random, account: str) -> dict[str, Any]:
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


def _request(rng: random.Random, account: str, name: str) -> dict[str, Any] | None:
    if rng.random() < 0.1:
        return None
    if name == "AssumeRole":
        role = f"arn:aws:iam::{account}:role/service-role-{rng.randrange(200)}"
        request: dict[str, Any] = {
            "roleArn": role,
            "roleSessionName": f"session-{rng.randrange(10**6)}",
            "durationSeconds": rng.choice((900, 3600)),
        }
        if rng.random() < 0.1:
            statement = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [role]}
            request["policy"] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return request
    if name == "Decrypt":
        context = {"aws:lambda:FunctionArn": f"{_LAMBDA}{rng.randrange(200)}"}
        return {"encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    ids = [_INSTANCES[rng.randrange(400)] for _ in range(rng.choice((1, 4, 12)))]
    return {"maxResults": rng.choice((100, 1000)), "includeAllInstances": False, "instanceIds": ids}


def _response(rng: random.Random, name: str, *, read: bool) -> dict[str, Any] | None:
    if name == "AssumeRole":
        key, token = "ASIAIOSFODNN7EXAMPLE", "".join(rng.choices(_BASE64, k=340))
        until = "Mar 1, 2026, 7:12:19 AM"
        return {"credentials": {"accessKeyId": key, "sessionToken": token, "expiration": until}}
    if read:
        return None
    parts = {f"attribute{n}": f"value-{rng.randrange(10**4)}" for n in range(rng.randrange(6))}
    return {"requestId": _uuid(rng), "_return": True, "settings": parts}


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_INSTANCES = tuple(f"i-{number * 0x9E3779B97F4A7C15 % 2**68:017x}" for number in range(400))
_LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:worker-"

_AGENTS = (
    "Boto3/1.34.11 md/Botocore#1.34.11 ua/2.0 os/linux#5.10 md/arch#x86_64 lang/python#3.11.6",
    "aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21.5 md/GOOS#linux md/GOARCH#amd64 api/ec2#1.141.0",
    "aws-cli/2.15.10 Python/3.11.6 Linux/5.10.201 exe/x86_64.amzn.2 prompt/off command/s3.ls",
    "APN/1.0 HashiCorp/1.0 Terraform/1.6.6 (+https://www.terraform.io) aws-sdk-go/1.49.0 (go1.21.3;"
    " linux; amd64) terraform-provider-aws/5.31.0 (+https://registry.terraform.io/providers)",
    "[aws-sdk-java/2.21.46 Linux/5.10.201-191.748.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.9+9-LTS "
    "Java/17.0.9 vendor/Amazon.com_Inc. io/sync http/Apache cfg/retry-mode/standard]",
)

_BUSY = (
    ("sts.amazonaws.com", "AssumeRole"),
    ("kms.amazonaws.com", "Decrypt"),
    ("ec2.amazonaws.com", "DescribeInstances"),
)

_THINGS = (
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


def _operations(verbs: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((f"{s}.amazonaws.com", f"{verb}{thing}") for s, thing in _THINGS for verb in verbs)


_READS = _operations(("Describe", "Get", "List", "BatchGet", "ListTagsFor", "DescribeAccount"))
_WRITES = _operations(("Create", "Tag", "Put"))

_NOTABLE = (
    ("cloudtrail.amazonaws.com", "StopLogging"),
    ("cloudtrail.amazonaws.com", "DeleteTrail"),
    ("iam.amazonaws.com", "CreateAccessKey"),
    ("iam.amazonaws.com", "UpdateLoginProfile"),
    ("guardduty.amazonaws.com", "DeleteDetector"),
    ("s3.amazonaws.com", "DeleteBucket"),
    ("ec2.amazonaws.com", "CreateRoute"),
    ("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress"),
)
