"""A CloudTrail record in neutral words: who did what, to what, from where, and did it succeed.

Pure: no SDK, no network, no clock. It doesn't know rules, nor what is done about an event; what a
record came wrapped in is envelopes.py's affair, what could be changed is targets.py's. Text in a
record is hostile and of any shape: a field of a wrong kind counts as absent, and only a record
whose very identity can't be read (no object, no operation, no time) is a BadRecord.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from core.errors import BadRecord
from core.hostile import kind_of, quoted
from core.model import (
    Activity,
    Actor,
    ActorType,
    Event,
    Json,
    NativeRecord,
    Outcome,
    Resource,
    digest,
)
from core.native import dig, first, items, text
from core.ports import NeutralTable, Source
from functions.aws.catalogue import FIELDS, OFF
from functions.aws.operations import ANSWERS, AUTHENTICATION, OPERATIONS, READS, SIGN_IN, VERBS
from functions.aws.targets import arn, targets

__all__ = ["SOURCES", "event"]


def event(record: NativeRecord) -> Event:
    """A CloudTrail record in neutral words.

    BadRecord when it is no object or lacks eventSource, eventName or a readable eventTime. A record
    without eventID (version 1.0 had none) gets an id from its content.
    """
    if not isinstance(record, Mapping):
        raise BadRecord(f"a CloudTrail record is an object, not {kind_of(record)}")
    service, operation = _required(record, "eventSource"), _required(record, "eventName")
    session = AUTHENTICATION.get((service, operation))
    ip, domain = _address(text(record.get("sourceIPAddress")))
    outcome = _outcome(record, service, operation)
    return Event(
        uid=text(record.get("eventID")) or _content_id(record),
        time=_time(record),
        source=CLOUDTRAIL,
        provider="aws",
        account=_account(record),
        region=text(record.get("awsRegion")),
        service=service,
        operation=operation,
        activity=session or _activity(record.get("readOnly"), operation),
        labels=OPERATIONS.labels(service, operation),
        authentication=session is not None,
        outcome=outcome,
        error=text(record.get("errorCode")),
        message=text(record.get("errorMessage")),
        actor=_actor(record),
        ip=ip,
        domain=domain,
        user_agent=text(record.get("userAgent")),
        request=text(record.get("requestID")),
        resources=tuple(_resources(record, service)),
        record=record,
    )


def _required(record: NativeRecord, field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value:
        raise BadRecord(f"a CloudTrail record whose {field} is {kind_of(value)}")
    return value


def _time(record: NativeRecord) -> int:
    """The eventTime (ISO 8601; UTC when it names no zone) in epoch milliseconds."""
    value = _required(record, "eventTime")
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"a CloudTrail record with the eventTime {quoted(value)}") from error


def _content_id(record: NativeRecord) -> str:
    # The standard library's encoder: it takes whatever a decoder gave, lone surrogates too.
    try:
        return digest(CLOUDTRAIL, json.dumps(record, sort_keys=True))
    except (RecursionError, TypeError, ValueError) as error:
        raise BadRecord(f"a CloudTrail record without eventID that is no JSON: {error}") from error


def _account(record: NativeRecord) -> str:
    return first(record, "recipientAccountId", "userIdentity.accountId")


def _actor(record: NativeRecord) -> Actor:
    """The caller. A failed sign-in has no ARN, a service only its name, root no user name."""
    name = first(
        record,
        "userIdentity.userName",
        "userIdentity.sessionContext.sessionIssuer.userName",
    )
    uid = first(record, "userIdentity.arn")
    by = first(record, "userIdentity.onBehalfOf.userId", "userIdentity.invokedBy")
    kind = first(record, "userIdentity.type")
    return Actor(
        uid=uid or first(record, "userIdentity.principalId") or by,
        name=name or ("root" if kind == "Root" else uid.rpartition("/")[2] or by),
        type=ACTOR_TYPES.get(kind, "unknown"),
        account=first(record, "userIdentity.accountId"),
        credential=first(record, "userIdentity.accessKeyId"),
        issuer=first(record, "userIdentity.sessionContext.sessionIssuer.arn"),
        mfa=_mfa(record),
    )


def _mfa(record: NativeRecord) -> bool | None:
    """Whether a second factor was used, where the record says so: as Yes/No or as true/false."""
    said = [
        *dig(record, "additionalEventData.MFAUsed"),
        *dig(record, "userIdentity.sessionContext.attributes.mfaAuthenticated"),
    ]
    known = (YES_NO.get(text(each).lower()) if text(each) else each for each in said)
    return next((each for each in known if isinstance(each, bool)), None)


def _address(value: str) -> tuple[str, str]:
    """(ip, domain): sourceIPAddress is an address, a service's DNS name or `AWS Internal`."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "", value
    return ("", value) if "%" in value else (value, "")


def _outcome(record: NativeRecord, service: str, operation: str) -> Outcome:
    """A sign-in answers `{ConsoleLogin: Success}`; any other call fails by an error code."""
    if first(record, "errorCode"):
        return "failure"
    if service == SIGN_IN:
        answer = first(record, f"responseElements.{operation}") if operation in ANSWERS else ""
        return OUTCOMES.get(answer, "unknown")
    return "success"


def _status(record: NativeRecord) -> list[Json]:
    """The outcome in one word, which CloudTrail itself has not; and a field of that name."""
    service, operation = text(record.get("eventSource")), text(record.get("eventName"))
    return [*items(record.get("status")), _outcome(record, service, operation)]


def _request(record: NativeRecord) -> list[Json]:
    """The request as it is, and with the JSON that is written as text in it (policies) opened, so
    that a search for a part of a policy finds it as people write it.
    """
    if "requestParameters" not in record:
        return []
    request = record["requestParameters"]
    if not isinstance(request, Mapping):
        return [request]
    opened = {key: _opened(value) for key, value in request.items()}
    return [request] if opened == request else [request, opened]


def _opened(value: Json) -> Json:
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return value


def _activity(read_only: Any, operation: str) -> Activity:
    """CloudTrail's own word first; where it is silent or says no more than `writes`, the verb."""
    verb = operation.removeprefix("Batch")
    if read_only is True or (read_only is None and verb.startswith(READS)):
        return "read"
    return next((activity for start, activity in VERBS.items() if verb.startswith(start)), "other")


def _resources(record: NativeRecord, service: str) -> Iterator[Resource]:
    """What the record lists, then what its request or answer names, each once."""
    region, account = text(record.get("awsRegion")), _account(record)
    listed = (
        (first(each, "ARN", "ARNPrefix"), first(each, "type"), first(each, "accountId"))
        for each in dig(record, "resources")
    )
    named = (
        (_uid(value, pattern, service, region, account), sort, account)
        for path, sort, pattern in DERIVED.get(service, ())
        for value in dig(record, path)
        if text(value)
    )
    seen = {""}
    for uid, sort, owner in (*listed, *named):
        if uid not in seen:
            seen.add(uid)
            yield Resource(uid=uid, name=_name(uid), type=sort, region=region, account=owner)


def _uid(value: str, pattern: str | None, service: str, region: str, account: str) -> str:
    """The ARN that a name stands for. An ARN, and what has none, is its own uid."""
    if value.startswith("arn:") or pattern is None:
        return value
    family = service.partition(".")[0]
    where = "" if family in {"iam", "s3"} else region
    who = "" if family == "s3" else account
    rest = value.removeprefix("/") if pattern.endswith("/") else value
    return arn(family, where, who, pattern + rest, within=region)


def _name(uid: str) -> str:
    """The name within an ARN, without the word for its kind; what is no ARN is its own name."""
    if not uid.startswith("arn:"):
        return uid
    family, rest = uid.split(":", 3)[2], uid.split(":", 5)[-1]
    if family == "iam":
        return rest.rpartition("/")[2]
    return rest if family == "s3" else KIND.sub("", rest) or rest


def _neutral() -> NeutralTable:
    # Imported when a rulebook first asks for it: cold starts are short.
    from functions.aws.neutral import neutral

    return neutral()


CLOUDTRAIL = "aws/cloudtrail"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

KIND = re.compile(r"^[a-z-]+[:/]")

YES_NO: Mapping[str, bool] = {"yes": True, "true": True, "no": False, "false": False}

OUTCOMES: Mapping[str, Outcome] = {"Success": "success", "Failure": "failure"}

ACTOR_TYPES: Mapping[str, ActorType] = {
    "Root": "admin",
    "IAMUser": "user",
    "FederatedUser": "user",
    "SAMLUser": "user",
    "WebIdentityUser": "user",
    "IdentityCenterUser": "user",
    "Directory": "user",
    "AssumedRole": "role",
    "Role": "role",
    "AWSService": "service",
}
"""userIdentity.type; another account (AWSAccount) and Unknown tell no more than unknown."""

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
    ),
    "lambda.amazonaws.com": (
        ("requestParameters.functionName", "AWS::Lambda::Function", "function:"),
    ),
    "rds.amazonaws.com": (
        ("requestParameters.dBInstanceIdentifier", "AWS::RDS::DBInstance", "db:"),
        ("requestParameters.dBSnapshotIdentifier", "AWS::RDS::DBSnapshot", "snapshot:"),
    ),
    "secretsmanager.amazonaws.com": (
        ("requestParameters.secretId", "AWS::SecretsManager::Secret", None),
    ),
    "ssm.amazonaws.com": (("requestParameters.name", "AWS::SSM::Parameter", "parameter/"),),
    "guardduty.amazonaws.com": (
        ("requestParameters.detectorId", "AWS::GuardDuty::Detector", "detector/"),
    ),
    "logs.amazonaws.com": (
        ("requestParameters.logGroupName", "AWS::Logs::LogGroup", "log-group:"),
    ),
}
"""eventSource -> (path of a name, CloudFormation type, how the last part of its ARN starts). None:
the value is the full name already. An IAM name lacks its path: right for the path `/` only."""

SOURCES: tuple[Source, ...] = (
    Source(
        name=CLOUDTRAIL,
        keys=("eventSource", "eventName"),
        route="eventName",
        time="eventTime",
        uid="eventID",
        event=event,
        aliases={"src_ip": ("sourceIPAddress",)},
        derived={"status": _status, "requestParameters": _request},
        neutral=_neutral,
        records="Records",
        targets=targets,
        fields=FIELDS,
        off=OFF,
    ),
)
"""Every kind of native record that this file reads."""
