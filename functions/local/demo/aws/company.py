"""Example Ltd: the small company whose AWS account the demo fills, and how its state is read back.

Every reading goes to the embedded AWS through boto3, past Vigil. This file knows no event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import botocore.exceptions

from functions.local.demo.aws.cloud import REGION, Aws
from functions.local.demo.scene import Reading, States

__all__ = ["ADMINISTRATOR", "BUCKET", "TRAIL", "Company", "found", "state"]

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
BUCKET = "example-ltd-customer-exports"
TRAIL = "example-ltd-trail"


class Company(NamedTuple):
    """What the account holds and the story needs to name."""

    ci_key: str
    """Access key of ci-deploy: the one that leaked."""
    group_id: str
    """The security group of the web servers."""
    trail_arn: str


def found(aws: Aws) -> Company:
    """Fill the account: people, machines, buckets, a firewall, a trail."""
    return Company(ci_key=_people(aws), group_id=_network(aws), trail_arn=_storage(aws))


def state(aws: Aws, company: Company) -> States:
    """What an intruder may have changed."""
    return {
        "Keys of ci-deploy": _keys(aws, "ci-deploy"),
        "Keys of backup-operator": _keys(aws, "backup-operator"),
        "Keys of break-glass": _keys(aws, "break-glass"),
        "Grants of ci-deploy": _grants(aws, "ci-deploy"),
        "World-open ports of web": _ingress(aws, company.group_id),
        f"Public access to {BUCKET}": _public_access(aws),
        f"Logging of {TRAIL}": _logging(aws, company.trail_arn),
    }


def _people(aws: Aws) -> str:
    iam = aws.client("iam")
    iam.create_group(GroupName="administrators")
    iam.attach_group_policy(GroupName="administrators", PolicyArn=ADMINISTRATOR)
    for name in ("dana", "omar", "ci-deploy", "backup-operator", "break-glass"):
        iam.create_user(UserName=name)
    iam.add_user_to_group(GroupName="administrators", UserName="dana")
    iam.attach_user_policy(UserName="break-glass", PolicyArn=ADMINISTRATOR)
    iam.put_user_policy(
        UserName="ci-deploy",
        PolicyName="deploy",
        PolicyDocument=json.dumps(_allow("iam:*", "s3:*", "cloudtrail:StopLogging", "ec2:*")),
    )
    iam.create_role(
        RoleName="web-server",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Service": "ec2.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                },
            }
        ),
    )
    return str(iam.create_access_key(UserName="ci-deploy")["AccessKey"]["AccessKeyId"])


def _network(aws: Aws) -> str:
    ec2 = aws.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web servers")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            _port(443, "0.0.0.0/0", "the shop"),
            _port(22, "192.0.2.0/24", "from the office"),
        ],
    )
    return str(group)


def _storage(aws: Aws) -> str:
    s3 = aws.client("s3")
    for name in (BUCKET, "example-ltd-trail"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, True)
        )
    # Nobody remembers this one: no log tells of it, only a sweep does.
    s3.create_bucket(
        Bucket="example-ltd-old-website",
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    trail = aws.client("cloudtrail")
    arn = trail.create_trail(
        Name=TRAIL, S3BucketName="example-ltd-trail", IsMultiRegionTrail=True
    )["TrailARN"]  # fmt: skip
    trail.start_logging(Name=arn)
    return str(arn)


def _allow(*actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _port(port: int, cidr: str, why: str) -> dict[str, Any]:
    ranges = [{"CidrIp": cidr, "Description": why}]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}


def _keys(aws: Aws, user: str) -> Reading:
    keys = aws.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
    words = ", ".join(f"…{key['AccessKeyId'][-4:]} {key['Status']}" for key in keys)
    return Reading(words or "none", keys)


def _grants(aws: Aws, user: str) -> Reading:
    iam = aws.client("iam")
    attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
    inline = {
        name: iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
        for name in iam.list_user_policies(UserName=user)["PolicyNames"]
    }
    words = ", ".join([*(policy["PolicyName"] for policy in attached), *inline])
    return Reading(words or "none", [attached, inline])


def _ingress(aws: Aws, group: str) -> Reading:
    found = aws.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    ranges = sorted(
        (permission["FromPort"], permission["ToPort"], permission["IpProtocol"], *entry)
        for permission in found["IpPermissions"]
        for entry in _ranges(permission)
    )
    world = [f"{port} ({cidr})" for port, _, _, cidr, _ in ranges if cidr.endswith("/0")]
    return Reading(", ".join(world) or "none", ranges)


def _ranges(permission: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each range with its description; EC2 gives a new rule a new id, so ids are left out."""
    every = [*permission.get("IpRanges", ()), *permission.get("Ipv6Ranges", ())]
    return [
        (entry.get("CidrIp") or entry["CidrIpv6"], entry.get("Description", "")) for entry in every
    ]


def _public_access(aws: Aws) -> Reading:
    try:
        answer = aws.client("s3").get_public_access_block(Bucket=BUCKET)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        return Reading("no block", None)
    blocks = answer["PublicAccessBlockConfiguration"]
    words = "blocked" if all(blocks.get(name) for name in BLOCKS) else "partly blocked"
    return Reading(words, blocks)


def _logging(aws: Aws, arn: str) -> Reading:
    trail = aws.client("cloudtrail")
    on = trail.get_trail_status(Name=arn)["IsLogging"]
    selectors = trail.get_event_selectors(TrailName=arn)
    whole = [on, trail.get_trail(Name=arn)["Trail"], selectors.get("EventSelectors")]
    return Reading("on" if on else "off", whole)


BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
"""The four switches of S3's block of public access."""
