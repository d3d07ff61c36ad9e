"""What a verb would act on: from a CloudTrail event, or a resource of a sweep, to Targets.

Here live also the two things every reader of AWS records needs: how AWS nests values (`dig`, where
one item may stand without its list) and how it names resources (`arn`). The file knows no SDK and
no policy: it says what could be changed, never whether it should be.

A failed call gave nothing, so there is nothing to take back: created keys, grants, ingress,
storage and audit logs have no target then. The caller is real all the same: their session and
their own key remain targets, except where the failed call was a sign-in, which proves no identity
(else anybody could have a user's sessions ended by mistyping their password).

Names of users, roles and groups in requests lack the IAM path, so an ARN built from one is right
only for the path `/`; where the record itself holds the ARN, that is taken.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from core.model import Event, Json, Target
from core.native import dig, first, text
from functions.aws.entities import arn

__all__ = ["TARGETS", "targets"]


def targets(kind: str, event: Event) -> tuple[Target, ...]:
    """What a verb of this target kind (core.actions) would act on; () where there is nothing."""
    readers = POSTURE if event.source == "posture" else TARGETS
    reader = readers.get(kind)
    return reader(event) if reader else ()


def _access_key(event: Event) -> tuple[Target, ...]:
    """The key that the call created, else the caller's own long-lived key."""
    created = event.operation == "CreateAccessKey" and event.service == "iam.amazonaws.com"
    if created and event.outcome != "failure":
        key = first(event.record, "responseElements.accessKey.accessKeyId")
        user = first(
            event.record,
            "responseElements.accessKey.userName",
            "requestParameters.userName",
        )
        if not key or not user:  # root's own key: no user name, and no API to disable it
            return ()
        known = event.actor.uid if first(event.record, "userIdentity.userName") == user else ""
        return (_key(event, key, user, known or _identity(event, "user", user)),)
    key = first(event.record, "userIdentity.accessKeyId")
    user = first(event.record, "userIdentity.userName")
    owner = first(event.record, "userIdentity.arn")
    is_user = first(event.record, "userIdentity.type") == "IAMUser"
    if not is_user or not key.startswith("AKIA") or not user or not owner:
        return ()
    return (_key(event, key, user, owner),)


def _key(event: Event, key: str, user: str, owner: str) -> Target:
    """A key has no ARN; its id is unique over all of AWS and serves as uid."""
    return Target(
        kind="access_key",
        uid=key,
        provider="aws",
        account=_account(owner) or event.account,
        region=event.region,
        args={"user_name": user, "access_key_id": key},
        principal=owner,
    )


def _session(event: Event) -> tuple[Target, ...]:
    """The role or user whose sessions made the call. Root and AWS's own roles can't be changed."""
    if event.service == "signin.amazonaws.com" and event.outcome == "failure":
        return ()
    holder = HOLDERS.get(first(event.record, "userIdentity.type"))
    owner = first(event.record, holder) if holder else ""
    sort, _, path = owner.split(":", 5)[-1].partition("/")
    if sort not in {"user", "role"} or path.startswith(UNTOUCHABLE_PATHS):
        return ()
    return (
        Target(
            kind="session",
            uid=owner,
            provider="aws",
            account=_account(owner) or event.account,
            region=event.region,
            args={"principal_type": sort, "name": path.rpartition("/")[2]},
            principal=owner,
        ),
    )


def _grant(event: Event) -> tuple[Target, ...]:
    """The managed policy that the call attached, or the inline policy that it wrote."""
    match = GRANTS.fullmatch(event.operation)
    if not match or event.service != "iam.amazonaws.com" or event.outcome == "failure":
        return ()
    sort, field = match["sort"].lower(), "policyArn" if match["verb"] == "Attach" else "policyName"
    name = first(event.record, f"requestParameters.{sort}Name")
    policy = first(event.record, f"requestParameters.{field}")
    if not name or not policy:
        return ()
    principal = _identity(event, sort, name)
    return (
        Target(
            kind="grant",
            uid=f"{principal}#{policy}",
            provider="aws",
            account=event.account,
            region=event.region,
            args={
                "principal_type": sort,
                "name": name,
                "policy_arn" if field == "policyArn" else "policy_name": policy,
            },
            principal=principal,
        ),
    )


def _ingress(event: Event) -> tuple[Target, ...]:
    """The world-open ranges that the call opened; the answer's list of rules before the request."""
    if event.service != "ec2.amazonaws.com" or event.outcome == "failure":
        return ()
    if event.operation not in {"AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"}:
        return ()
    answer = [
        rule
        for rule in dig(event.record, "responseElements.securityGroupRuleSet.items")
        if isinstance(rule, Mapping) and rule.get("isEgress") is not True
    ]
    asked = dig(event.record, "requestParameters")
    changed = dig(asked, "ModifySecurityGroupRulesRequest.SecurityGroupRule.SecurityGroupRule")
    listed = dig(asked, "ipPermissions.items")
    group = first(
        event.record,
        "requestParameters.groupId",
        "requestParameters.ModifySecurityGroupRulesRequest.GroupId",
        "responseElements.securityGroupRuleSet.items.groupId",
    )
    return _opened(event, group, answer or [*listed, *changed, *asked])


def _opened(event: Event, group: str, rules: Iterable[Json]) -> tuple[Target, ...]:
    """One target for the world-open ranges in the rules, grouped by protocol and ports."""
    grouped: dict[tuple[str, int | None, int | None], dict[str, Any]] = {}
    for rule in rules:
        protocol = _protocol(rule)
        if not protocol:
            continue
        low, high = (None, None) if protocol == "-1" else (_port(rule, "from"), _port(rule, "to"))
        for field, key, cidr in _world_open(rule):
            entry = grouped.setdefault((protocol, low, high), _permission(protocol, low, high))
            ranges = entry.setdefault(field, [])
            if {key: cidr} not in ranges:
                ranges.append({key: cidr})
    if not group or not grouped:
        return ()
    return (
        Target(
            kind="ingress",
            uid=arn(
                "ec2", event.region, event.account, f"security-group/{group}", within=event.region
            ),
            provider="aws",
            account=event.account,
            region=event.region,
            args={"group_id": group, "permissions": list(grouped.values())},
        ),
    )


def _permission(protocol: str, low: int | None, high: int | None) -> dict[str, Any]:
    """An EC2 IpPermission without ranges. Protocol -1 means all of it and has no ports."""
    ports = {"FromPort": low, "ToPort": high}
    return {"IpProtocol": protocol, **{k: v for k, v in ports.items() if v is not None}}


def _world_open(rule: Json) -> Iterable[tuple[str, str, str]]:
    """(list, key, CIDR) of each /0 range, as EC2 keeps it: 203.0.113.9/0 is stored 0.0.0.0/0."""
    for path in CIDR_PATHS:
        for value in dig(rule, path):
            try:
                network = ipaddress.ip_network(text(value), strict=False)
            except ValueError:
                continue
            if network.prefixlen == 0:
                four = network.version == 4
                field, key = ("IpRanges", "CidrIp") if four else ("Ipv6Ranges", "CidrIpv6")
                yield field, key, str(network)


def _protocol(rule: Json) -> str:
    name = first(rule, "ipProtocol", "IpProtocol").lower()
    return PROTOCOLS.get(name, name)


def _port(rule: Json, end: str) -> int | None:
    for value in [*dig(rule, f"{end}Port"), *dig(rule, f"{end.title()}Port")]:
        if isinstance(value, str) and PORT.fullmatch(value):
            return int(value)
        if isinstance(value, int) and -1 <= value <= 65535:
            return value
    return None


def _storage(event: Event) -> tuple[Target, ...]:
    """The bucket, or the account, whose public access the call may have opened."""
    if event.service != "s3.amazonaws.com" or event.outcome == "failure":
        return ()
    if event.operation in {"PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"}:
        if not event.account:
            return ()
        return (_stored(event, event.account, {"account_id": event.account}),)
    bucket = first(event.record, "requestParameters.bucketName")
    if event.operation not in BUCKET_OPENERS or not bucket:
        return ()
    return (_bucket(event, bucket),)


def _bucket(event: Event, name: str) -> Target:
    return _stored(event, arn("s3", "", "", name, within=event.region), {"bucket": name})


def _stored(event: Event, uid: str, args: Mapping[str, str]) -> Target:
    """An account has no ARN of its own in S3; its number is the uid."""
    return Target(
        kind="storage",
        uid=uid,
        provider="aws",
        account=event.account,
        region=event.region,
        args=args,
    )


def _audit_log(event: Event) -> tuple[Target, ...]:
    """The trail that the call stopped, deleted or narrowed. Its ARN names its home region."""
    if event.service != "cloudtrail.amazonaws.com" or event.outcome == "failure":
        return ()
    trail = first(
        event.record,
        "responseElements.trailARN",
        "requestParameters.name",
        "requestParameters.trailName",
    )
    if event.operation not in TRAIL_CHANGERS or not trail:
        return ()
    if not trail.startswith("arn:"):
        trail = arn(
            "cloudtrail", event.region, event.account, f"trail/{trail}", within=event.region
        )
    parts = [*trail.split(":", 5), *[""] * 5]
    return (
        Target(
            kind="audit_log",
            uid=trail,
            provider="aws",
            account=parts[4] or event.account,
            region=parts[3] or event.region,
            args={"trail": trail},
        ),
    )


def _swept_key(event: Event) -> tuple[Target, ...]:
    """The access key itself: `id` is its id, `attributes.owner` its user's ARN or name."""
    key, owner = first(event.record, "id"), first(event.record, "attributes.owner")
    user = owner.rpartition("/")[2]
    if not key.startswith("AKIA") or not user:
        return ()
    principal = owner if owner.startswith("arn:") else _identity(event, "user", user)
    return (_key(event, key, user, principal),)


def _swept_rule(event: Event) -> tuple[Target, ...]:
    """The world-open ranges of one security-group rule, and no others of its group."""
    if first(event.record, "attributes.direction") != "ingress":
        return ()
    rule = {
        field: dig(event.record, f"attributes.{attribute}")
        for field, attribute in SWEPT_RULE.items()
    }
    return _opened(event, first(event.record, "attributes.group_id"), [rule])


def _swept_bucket(event: Event) -> tuple[Target, ...]:
    name = first(event.record, "name") or first(event.record, "id").rpartition(":")[2]
    return (_bucket(event, name),) if name else ()


def _swept(kind: str, reader: Callable[[Event], tuple[Target, ...]]) -> Callable[[Event], Any]:
    """The reader, for resources of this kind only."""
    return lambda event: reader(event) if event.record.get("resource_type") == kind else ()


def _identity(event: Event, sort: str, name: str) -> str:
    return arn("iam", "", event.account, f"{sort}/{name}", within=event.region)


def _account(name: str) -> str:
    """The account in an ARN, "" in anything else."""
    parts = name.split(":", 5)
    return parts[4] if len(parts) == 6 else ""


GRANTS = re.compile(r"(?P<verb>Attach|Put)(?P<sort>User|Role|Group)Policy")

PORT = re.compile(r"-1|[0-9]{1,5}")

SWEPT_RULE: Mapping[str, str] = {
    "ipProtocol": "protocol",
    "fromPort": "from_port",
    "toPort": "to_port",
    "cidrIp": "sources",
}
"""Field of a security-group rule in a call -> attribute of a firewall_rule in a sweep."""

HOLDERS: Mapping[str, str] = {
    "IAMUser": "userIdentity.arn",
    "AssumedRole": "userIdentity.sessionContext.sessionIssuer.arn",
    "FederatedUser": "userIdentity.sessionContext.sessionIssuer.arn",
}
"""Type of caller -> ARN of the user or role that a change must reach to end its sessions."""

UNTOUCHABLE_PATHS = ("aws-service-role/", "aws-reserved/")
"""IAM refuses changes to service-linked roles and to those that IAM Identity Center keeps."""

CIDR_PATHS = (
    "cidrIp",
    "cidrIpv4",
    "cidrIpv6",
    "CidrIpv4",
    "CidrIpv6",
    "ipRanges.items.cidrIp",
    "ipv6Ranges.items.cidrIpv6",
)
"""Where a security-group rule may hold a range: flat, listed, in an answer, in a modification."""

PROTOCOLS: Mapping[str, str] = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
"""EC2 stores these numbers under their names."""

BUCKET_OPENERS = (
    "PutBucketPublicAccessBlock",
    "DeleteBucketPublicAccessBlock",
    "PutBucketAcl",
    "PutBucketPolicy",
)
"""CloudTrail's names, which are not those of the S3 API for the access block."""

TRAIL_CHANGERS = ("StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors")

TARGETS: Mapping[str, Callable[[Event], tuple[Target, ...]]] = {
    "access_key": _access_key,
    "session": _session,
    "grant": _grant,
    "ingress": _ingress,
    "storage": _storage,
    "audit_log": _audit_log,
}
"""Target kind -> its reader of CloudTrail events."""

POSTURE: Mapping[str, Callable[[Event], tuple[Target, ...]]] = {
    "access_key": _swept("access_key", _swept_key),
    "ingress": _swept("firewall_rule", _swept_rule),
    "storage": _swept("storage_bucket", _swept_bucket),
}
"""Target kind -> its reader of resources of a sweep; kinds that no resource shows are absent."""
