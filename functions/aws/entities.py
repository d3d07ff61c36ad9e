"""Whom and what a CloudTrail record is about: account, caller, address and resources.

Each is a function of the record that reads a few paths of it, so that one can be told without the
others. What a whole record says is events.py's affair. Text in a record is hostile and of any
shape: a field of a wrong kind counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from core.model import NativeRecord, Resource
from core.native import dig, endpoint, first, text

__all__ = [
    "ACCOUNT",
    "CALLER",
    "CALLER_NAME",
    "account",
    "address",
    "arn",
    "caller",
    "caller_name",
    "named",
    "resources",
    "short_name",
]


def account(record: NativeRecord) -> str:
    """The account that the record is about."""
    return first(record, *ACCOUNT)


def caller(record: NativeRecord) -> str:
    """The caller's uid. A failed sign-in has no ARN, a service only its name."""
    return first(record, *CALLER)


def caller_name(record: NativeRecord) -> str:
    """The caller's name. Root has none, and what acts through a service may have an ARN alone."""
    kind, last = first(record, "userIdentity.type"), _last(first(record, "userIdentity.arn"))
    if kind == "FederatedUser" and last:  # whose issuer is who federated it
        return last
    name = first(record, *USER_NAME)
    if name or kind == "Root":
        return name or "root"
    return last or first(record, *SIGNED_IN, *BEHIND)


def _last(arn_of: str) -> str:
    return arn_of.rpartition("/")[2]


def address(record: NativeRecord) -> tuple[str, str]:
    """(ip, domain): sourceIPAddress is an address, a service's DNS name or `AWS Internal`."""
    return endpoint(text(record.get("sourceIPAddress")))


def resources(record: NativeRecord, service: str) -> Iterator[Resource]:
    """What the record lists, then what its request or answer names, each once."""
    region = text(record.get("awsRegion"))
    for uid, sort, whose in named(record, service):
        yield Resource(uid=uid, name=short_name(uid), type=sort, region=region, account=whose)


def named(record: NativeRecord, service: str) -> Iterator[tuple[str, str, str]]:
    """The same as (uid, CloudFormation type, account)."""
    region, owner = text(record.get("awsRegion")), account(record)
    listed = (
        (first(each, "ARN", "ARNPrefix"), first(each, "type"), first(each, "accountId"))
        for each in dig(record, "resources")
    )
    derived = (
        (_uid(value, pattern, OWNERS.get(sort, service), region, owner), sort, owner)
        for path, sort, pattern in _derived(service, text(record.get("eventName")))
        for value in dig(record, path)
        if text(value) not in ("", "*")
    )
    seen = {""}
    for uid, sort, whose in (*listed, *derived):
        if uid not in seen:
            seen.add(uid)
            yield uid, sort, whose


def _derived(service: str, operation: str) -> tuple[tuple[str, str, str | None], ...]:
    """Calls of Systems Manager about documents have their names where others have a parameter's."""
    if service == "ssm.amazonaws.com" and "Document" in operation:
        return DOCUMENT
    return DERIVED.get(service, ())


def arn(service: str, region: str, account: str, name: str, *, within: str) -> str:
    """An ARN in the partition of the region `within`. IAM and S3 leave `region` empty."""
    return f"arn:{_partition(within)}:{service}:{region}:{account}:{name}"


def _partition(region: str) -> str:
    return next((name for start, name in PARTITIONS.items() if region.startswith(start)), "aws")


def _uid(value: str, pattern: str | None, service: str, region: str, account: str) -> str:
    """The ARN that a name stands for. An ARN, and what has none, is its own uid."""
    if value.startswith("arn:") or pattern is None:
        return value
    family = service.partition(".")[0]
    where = "" if family in {"iam", "s3"} else region
    who = "" if family == "s3" else account
    rest = value.removeprefix("/") if pattern.endswith("/") else value
    return arn(family, where, who, pattern + rest, within=region)


def short_name(uid: str) -> str:
    """The name within an ARN, without the word for its kind; what is no ARN is its own name.

    Callers may write what only begins like one.
    """
    parts = uid.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return uid
    family, rest = parts[2], parts[5]
    if family == "iam":
        return rest.rpartition("/")[2]
    return rest if family == "s3" else KIND.sub("", rest) or rest


ACCOUNT = ("recipientAccountId", "userIdentity.accountId")

BEHIND = ("userIdentity.onBehalfOf.userId", "userIdentity.invokedBy")

USER_NAME = ("userIdentity.userName", "userIdentity.sessionContext.sessionIssuer.userName")

SIGNED_IN = ("additionalEventData.UserName",)
"""Identity Center names who signs in beside an identity that has an opaque id only."""

CALLER_NAME = (*USER_NAME, "userIdentity.type", "userIdentity.arn", *SIGNED_IN, *BEHIND)
"""All that the caller's name is made of."""

CALLER = ("userIdentity.arn", "userIdentity.principalId", *BEHIND)
"""Paths of the caller's uid, the first that has a text counts."""

KIND = re.compile(r"^[a-z-]+[:/]")

OWNERS: Mapping[str, str] = {"AWS::EC2::Instance": "ec2.amazonaws.com"}
"""Types whose ARN is another service's, whoever is asked about them."""

DOCUMENT: tuple[tuple[str, str, str | None], ...] = (
    ("requestParameters.name", "AWS::SSM::Document", "document/"),
)
"""As DERIVED has them."""

PARTITIONS: Mapping[str, str] = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
"""Start of a region's name -> partition; all others are in `aws` (botocore, partitions.json)."""

MODIFIED = "requestParameters.ModifySecurityGroupRulesRequest"

DERIVED: Mapping[str, tuple[tuple[str, str, str | None], ...]] = {
    "iam.amazonaws.com": (
        ("requestParameters.userName", "AWS::IAM::User", "user/"),
        ("responseElements.accessKey.userName", "AWS::IAM::User", "user/"),
        ("requestParameters.roleName", "AWS::IAM::Role", "role/"),
        ("requestParameters.groupName", "AWS::IAM::Group", "group/"),
        ("requestParameters.instanceProfileName", "AWS::IAM::InstanceProfile", "instance-profile/"),
        ("requestParameters.policyArn", "AWS::IAM::ManagedPolicy", None),
        ("responseElements.policy.arn", "AWS::IAM::ManagedPolicy", None),
        ("requestParameters.accessKeyId", "AWS::IAM::AccessKey", None),
        ("responseElements.accessKey.accessKeyId", "AWS::IAM::AccessKey", None),
    ),
    "sts.amazonaws.com": (("requestParameters.roleArn", "AWS::IAM::Role", None),),
    "s3.amazonaws.com": (("requestParameters.bucketName", "AWS::S3::Bucket", ""),),
    "cloudtrail.amazonaws.com": (
        ("responseElements.trailARN", "AWS::CloudTrail::Trail", None),
        ("requestParameters.name", "AWS::CloudTrail::Trail", "trail/"),
        ("requestParameters.trailName", "AWS::CloudTrail::Trail", "trail/"),
    ),
    "ec2.amazonaws.com": (
        ("requestParameters.groupId", "AWS::EC2::SecurityGroup", "security-group/"),
        (f"{MODIFIED}.GroupId", "AWS::EC2::SecurityGroup", "security-group/"),
        ("responseElements.groupId", "AWS::EC2::SecurityGroup", "security-group/"),
        ("requestParameters.instanceId", "AWS::EC2::Instance", "instance/"),
        ("requestParameters.instancesSet.items.instanceId", "AWS::EC2::Instance", "instance/"),
        ("responseElements.instancesSet.items.instanceId", "AWS::EC2::Instance", "instance/"),
        ("requestParameters.snapshotId", "AWS::EC2::Snapshot", "snapshot/"),
        ("requestParameters.volumeId", "AWS::EC2::Volume", "volume/"),
        ("requestParameters.imageId", "AWS::EC2::Image", "image/"),
        ("requestParameters.vpcId", "AWS::EC2::VPC", "vpc/"),
        (
            "requestParameters.DeleteFlowLogsRequest.FlowLogId.content",
            "AWS::EC2::FlowLog",
            "vpc-flow-log/",
        ),
    ),
    "lambda.amazonaws.com": (
        ("requestParameters.functionName", "AWS::Lambda::Function", "function:"),
    ),
    "rds.amazonaws.com": (
        ("requestParameters.dBInstanceIdentifier", "AWS::RDS::DBInstance", "db:"),
        ("requestParameters.dBSnapshotIdentifier", "AWS::RDS::DBSnapshot", "snapshot:"),
        ("requestParameters.dBClusterIdentifier", "AWS::RDS::DBCluster", "cluster:"),
        (
            "requestParameters.dBClusterSnapshotIdentifier",
            "AWS::RDS::DBClusterSnapshot",
            "cluster-snapshot:",
        ),
    ),
    "secretsmanager.amazonaws.com": (
        ("requestParameters.secretId", "AWS::SecretsManager::Secret", None),
        ("requestParameters.secretIdList", "AWS::SecretsManager::Secret", None),
    ),
    "ssm.amazonaws.com": (
        ("requestParameters.name", "AWS::SSM::Parameter", "parameter/"),
        ("requestParameters.instanceId", "AWS::EC2::Instance", "instance/"),
        ("requestParameters.instanceIds", "AWS::EC2::Instance", "instance/"),
        ("requestParameters.documentName", "AWS::SSM::Document", "document/"),
    ),
    "ec2-instance-connect.amazonaws.com": (
        ("requestParameters.instanceId", "AWS::EC2::Instance", "instance/"),
    ),
    "sns.amazonaws.com": (("requestParameters.topicArn", "AWS::SNS::Topic", None),),
    "guardduty.amazonaws.com": (
        ("requestParameters.detectorId", "AWS::GuardDuty::Detector", "detector/"),
    ),
    "logs.amazonaws.com": (
        ("requestParameters.logGroupName", "AWS::Logs::LogGroup", "log-group:"),
    ),
}
"""eventSource -> (path of a name, CloudFormation type, how the last part of its ARN starts). None:
the value is the full name already. An IAM name lacks its path: right for the path `/` only."""
