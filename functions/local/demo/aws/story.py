"""The intrusion, step by step: what is really done to the embedded AWS, and the record it leaves.

A leaked key of a build server is tried, makes itself administrator, keeps a way back, opens the
firewall and a bucket, and turns the light off. Records are written as CloudTrail writes them, with
the ids that the embedded AWS gave. All of it is synthetic. This file knows nothing of Vigil.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from functions.local.demo.aws.cloud import ACCOUNT, REGION, Aws
from functions.local.demo.aws.company import ADMINISTRATOR, BUCKET, TRAIL, Company

__all__ = ["Step", "intrusion", "ordinary"]

INTRUDER = "198.51.100.23"
OFFICE = "192.0.2.17"

Native = dict[str, Any]


class Step(NamedTuple):
    """One thing that happened, in words, and its record."""

    told: str
    record: Native


def intrusion(aws: Aws, company: Company, start: int) -> Iterator[Step]:
    """Carry out each step; `start` is epoch ms, a step is 20 seconds."""
    for number, (told, act) in enumerate(STEPS):
        record = act(aws, company)
        identity = record.pop("userIdentity", None) or _user("ci-deploy", company.ci_key)
        yield Step(
            told, _record(f"step {number}", start + 20_000 * number, identity, INTRUDER, record)
        )


def ordinary(start: int, count: int = 160) -> list[Native]:
    """What goes on in the account anyway: a few minutes of calls that mean nothing."""
    return [
        _record(
            f"ordinary {number}",
            start + 1_500 * number,
            _user("dana", "ASIAIOSFODNN7EXAMPLE") if number % 5 == 0 else _machine(),
            OFFICE if number % 5 == 0 else "192.0.2.40",
            dict(ORDINARY[number % len(ORDINARY)]),
        )
        for number in range(count)
    ]


def _try_key(aws: Aws, company: Company) -> Native:
    # The name of the program is the intruder's to choose: a terminal must not obey it.
    agent = "TruffleHog/3 \x1b]0;owned\x07<script>alert(1)</script> \u202egpj.exe"
    return {
        "eventSource": "sts.amazonaws.com",
        "eventName": "GetCallerIdentity",
        "userAgent": agent,
        "readOnly": True,
        "requestParameters": None,
    }


def _refused(aws: Aws, company: Company) -> Native:
    return {
        "eventSource": "organizations.amazonaws.com",
        "eventName": "ListAccounts",
        "errorCode": "AccessDenied",
        "errorMessage": "not authorized to perform organizations:ListAccounts",
        "readOnly": True,
        "requestParameters": None,
    }


def _take_power(aws: Aws, company: Company) -> Native:
    request = {"UserName": "ci-deploy", "PolicyArn": ADMINISTRATOR}
    aws.client("iam").attach_user_policy(**request)
    return {
        "eventSource": "iam.amazonaws.com",
        "eventName": "AttachUserPolicy",
        "requestParameters": {"userName": "ci-deploy", "policyArn": ADMINISTRATOR},
    }


def _new_key(user: str) -> Callable[[Aws, Company], Native]:
    def act(aws: Aws, company: Company) -> Native:
        key = aws.client("iam").create_access_key(UserName=user)["AccessKey"]
        answer = {"accessKeyId": key["AccessKeyId"], "status": "Active", "userName": user}
        return {
            "eventSource": "iam.amazonaws.com",
            "eventName": "CreateAccessKey",
            "requestParameters": {"userName": user},
            "responseElements": {"accessKey": answer},
        }

    return act


def _sign_in(aws: Aws, company: Company) -> Native:
    return {
        "userIdentity": _user("omar", ""),
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "eventType": "AwsConsoleSignIn",
        "requestParameters": None,
        "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {"MFAUsed": "No", "MobileVersion": "No"},
    }


def _open_port(aws: Aws, company: Company) -> Native:
    aws.client("ec2").authorize_security_group_ingress(
        GroupId=company.group_id,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            }
        ],
    )
    opened = {
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "groups": {},
        "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
        "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]},
        "prefixListIds": {},
    }
    return {
        "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress",
        "requestParameters": {"groupId": company.group_id, "ipPermissions": {"items": [opened]}},
        "responseElements": {"_return": True},
    }


def _open_bucket(aws: Aws, company: Company) -> Native:
    aws.client("s3").delete_public_access_block(Bucket=BUCKET)
    return {
        "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteBucketPublicAccessBlock",
        "requestParameters": {"bucketName": BUCKET, "publicAccessBlock": ""},
    }


def _lights_out(aws: Aws, company: Company) -> Native:
    aws.client("cloudtrail").stop_logging(Name=company.trail_arn)
    return {
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "requestParameters": {"name": company.trail_arn},
    }


def _record(name: str, time: int, identity: Native, ip: str, fields: Native) -> Native:
    """A CloudTrail record; its id comes from its name and time."""
    return {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "awsRegion": REGION,
        "sourceIPAddress": ip,
        "userAgent": "aws-cli/2.17.0",
        "responseElements": None,
        "requestID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"request {name} {time}")),
        "eventID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"event {name} {time}")),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **fields,
    }


def _user(name: str, key: str) -> Native:
    identity = {
        "type": "IAMUser",
        "principalId": f"AIDA{uuid.uuid5(uuid.NAMESPACE_URL, name).hex[:17].upper()}",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "accountId": ACCOUNT,
        "userName": name,
    }
    return {**identity, "accessKeyId": key} if key else identity


def _machine() -> Native:
    role = f"arn:aws:iam::{ACCOUNT}:role/web-server"
    issuer = {"type": "Role", "arn": role, "accountId": ACCOUNT, "userName": "web-server"}
    return {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLEWEBSERVER1:i-0abcdef1234567890",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/web-server/i-0abcdef1234567890",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
    }


ORDINARY: tuple[Native, ...] = (
    {"eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "readOnly": True},
    {"eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "readOnly": True},
    {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "readOnly": True},
    {"eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "readOnly": True},
    {"eventSource": "cloudtrail.amazonaws.com", "eventName": "GetTrailStatus", "readOnly": True},
)
"""Calls of a working day."""

STEPS: tuple[tuple[str, Callable[[Aws, Company], Native]], ...] = (
    ("the leaked key of ci-deploy is tried with a hacking tool", _try_key),
    ("it asks for the organisation's accounts, and is refused", _refused),
    ("ci-deploy makes itself administrator", _take_power),
    ("a second key, on backup-operator", _new_key("backup-operator")),
    ("a third key, on break-glass", _new_key("break-glass")),
    ("omar's password is used to sign in, without a second factor", _sign_in),
    ("port 22 is opened to the world, IPv4 and IPv6", _open_port),
    (f"the block of public access comes off {BUCKET}", _open_bucket),
    (f"the trail {TRAIL} is stopped", _lights_out),
)
"""What happens, in order."""
