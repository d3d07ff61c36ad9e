"""What a sweep looks at on AWS: access keys, security-group rules and buckets, as posture events.

One generator per kind. A kind that can't be listed raises; an attribute of one resource that can't
be read is left out and named in the record's `unknown`, for "could not look" is never "fine".
Which resources are bad is the rules' affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from core.errors import Forbidden, NotFound
from core.look import Look
from core.model import Event
from core.native import is_world
from core.ports import Clock, Inventory
from functions.aws.actions import Clients
from functions.aws.adapters import calling
from functions.aws.entities import arn

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3control import S3ControlClient

__all__ = ["inventory"]

DAY_MS = 86_400_000

PUBLIC_GROUPS = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)
"""Grantees of a bucket ACL that are everybody, with an AWS account or without."""


class Place(NamedTuple):
    """Where a sweep looks, and when."""

    clients: Clients
    account: str
    regions: tuple[str, ...]
    clock: Clock
    provider: str = "aws"


def inventory(clients: Clients, account: str, regions: tuple[str, ...], clock: Clock) -> Inventory:
    """Resource kind -> all resources of it. IAM and S3 list the whole account, EC2 `regions`."""
    place = Place(clients, account, regions, clock)
    return {kind: partial(resources, place) for kind, resources in KINDS.items()}


def _access_keys(place: Place) -> Iterator[Event]:
    """Keys of all IAM users. `last_used_days` is null for a key that was never used."""
    iam: IAMClient = place.clients("iam", "", place.account)
    for user in _all(iam, "list_users", "Users"):
        try:
            keys = list(
                _all(iam, "list_access_keys", "AccessKeyMetadata", UserName=user["UserName"])
            )
        except NotFound:
            continue  # deleted while we looked
        for key in keys:
            look = Look(
                owner=user["Arn"],
                owner_type="user",
                is_user_managed=True,
                active=key["Status"] == "Active",
                age_days=_days(place, key["CreateDate"]),
            )
            with look.at("last_used_days", "never_used") as found, calling():
                answer = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
                used = answer["AccessKeyLastUsed"].get("LastUsedDate")
                found["last_used_days"] = _days(place, used) if used else None
                found["never_used"] = used is None
            yield look.event(place, "access_key", id=key["AccessKeyId"], name=user["UserName"])


def _firewall_rules(place: Place) -> Iterator[Event]:
    """Every security-group rule, one event each. Protocol -1 covers all ports: 0 to 65535."""
    for region in place.regions:
        ec2: EC2Client = place.clients("ec2", region, place.account)
        attached = _attached(ec2)
        for rule in _all(ec2, "describe_security_group_rules", "SecurityGroupRules"):
            look = Look(**_rule(rule))
            if attached is None:
                look.unknown.append("attached")
            else:
                look.attributes["attached"] = rule["GroupId"] in attached
            name = rule["SecurityGroupRuleId"]
            yield look.event(
                place,
                "firewall_rule",
                id=arn("ec2", region, place.account, f"security-group-rule/{name}", within=region),
                name=name,
                region=region,
                tags=_tags(rule.get("Tags", ())),
            )


def _attached(ec2: EC2Client) -> set[str] | None:
    """Groups that some network interface has; None if that can't be read."""
    try:
        return {
            group["GroupId"]
            for interface in _all(ec2, "describe_network_interfaces", "NetworkInterfaces")
            for group in interface["Groups"]
        }
    except Forbidden:
        return None


def _rule(rule: Any) -> dict[str, Any]:
    """`sources` are CIDRs, a prefix list or a group; of an egress rule they are destinations."""
    every = rule["IpProtocol"] == "-1"
    group = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    found = (rule.get("CidrIpv4"), rule.get("CidrIpv6"), rule.get("PrefixListId"), group)
    sources = [source for source in found if source]
    return {
        "direction": "egress" if rule["IsEgress"] else "ingress",
        "action": "allow",
        "enabled": True,
        "sources": sources,
        "protocol": rule["IpProtocol"],
        "from_port": 0 if every else rule.get("FromPort", -1),
        "to_port": 65535 if every else rule.get("ToPort", -1),
        "group_id": rule["GroupId"],
        "description": rule.get("Description", ""),
        "world_open": any(map(is_world, sources)),
    }


def _buckets(place: Place) -> Iterator[Event]:
    """Every bucket of the account, asked in its own region."""
    s3: S3Client = place.clients("s3", "", place.account)
    account_wide = _account_block(place)
    # Only a listing with a page size says the regions, and only paging gets past 10,000 buckets.
    pages = {"PaginationConfig": {"PageSize": 1000}}
    for bucket in _all(s3, "list_buckets", "Buckets", **pages):
        region = bucket.get("BucketRegion", "")
        try:
            look = _bucket(place.clients("s3", region, place.account), bucket["Name"], account_wide)
        except NotFound as error:
            if ": NoSuchBucket: " not in str(error):
                raise
            continue  # deleted while we looked
        yield look.event(
            place,
            "storage_bucket",
            id=arn("s3", "", "", bucket["Name"], within=region),
            name=bucket["Name"],
            region=region,
            tags=look.attributes.pop("tags", {}),
        )


def _bucket(s3: S3Client, name: str, account_wide: Mapping[str, bool] | None) -> Look:
    look = Look()
    for attribute, read in BUCKET.items():
        with look.at(attribute) as found, calling():
            found[attribute] = read(s3, name)
    flags = look.attributes.pop("public_access_block", None)
    block = _effective(flags, account_wide)
    if block is None:
        look.unknown = sorted({*look.unknown, "public_access_block"})
    else:
        look.attributes["public_access_block"] = all(block.values())
    look.attributes |= _public(look.attributes, block, look)
    return look


def _effective(
    bucket: Mapping[str, bool] | None, account: Mapping[str, bool] | None
) -> dict[str, bool] | None:
    """Each flag holds if the bucket or the account sets it; None if what is unread could matter."""
    if bucket is None or account is None:
        known = bucket or account or {}
        return dict(known) if known and all(known.values()) else None
    return {flag: bucket[flag] or account[flag] for flag in FLAGS}


def _public(
    attributes: Mapping[str, Any], block: Mapping[str, bool] | None, look: Look
) -> dict[str, bool]:
    """`public`: a policy or an ACL opens the bucket and no block takes that back."""
    if block and all(block.values()):
        return {"public": False}
    if block is None or not {"public_policy", "acl_public"} <= attributes.keys():
        look.unknown.append("public")
        return {}
    by_policy = attributes["public_policy"] and not block["RestrictPublicBuckets"]
    by_acl = attributes["acl_public"] and not block["IgnorePublicAcls"]
    return {"public": bool(by_policy or by_acl)}


def _account_block(place: Place) -> Mapping[str, bool] | None:
    """The account's four flags; None if they can't be read."""
    client: S3ControlClient = place.clients("s3control", "", place.account)
    try:
        with calling():
            found = _unless(
                "NoSuchPublicAccessBlockConfiguration",
                lambda: client.get_public_access_block(AccountId=place.account),
            )
    except Forbidden:
        return None
    return _flags(found)


def _flags(found: Mapping[str, Any] | None) -> dict[str, bool]:
    block = (found or {}).get("PublicAccessBlockConfiguration", {})
    return {flag: bool(block.get(flag)) for flag in FLAGS}


def _block(s3: S3Client, name: str) -> dict[str, bool]:
    return _flags(
        _unless(
            "NoSuchPublicAccessBlockConfiguration",
            lambda: s3.get_public_access_block(Bucket=name),
        )
    )


def _public_policy(s3: S3Client, name: str) -> bool:
    found = _unless("NoSuchBucketPolicy", lambda: s3.get_bucket_policy_status(Bucket=name))
    return bool((found or {}).get("PolicyStatus", {}).get("IsPublic"))


def _acl_public(s3: S3Client, name: str) -> bool:
    grants = s3.get_bucket_acl(Bucket=name).get("Grants", ())
    return any(grant.get("Grantee", {}).get("URI") in PUBLIC_GROUPS for grant in grants)


def _versioning(s3: S3Client, name: str) -> bool:
    return s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled"


def _encrypted(s3: S3Client, name: str) -> bool:
    missing = "ServerSideEncryptionConfigurationNotFoundError"
    return _unless(missing, lambda: s3.get_bucket_encryption(Bucket=name)) is not None


def _logging(s3: S3Client, name: str) -> bool:
    return "LoggingEnabled" in s3.get_bucket_logging(Bucket=name)


def _bucket_tags(s3: S3Client, name: str) -> dict[str, str]:
    found = _unless("NoSuchTagSet", lambda: s3.get_bucket_tagging(Bucket=name))
    return _tags((found or {}).get("TagSet", ()))


def _unless(code: str, call: Callable[[], Any]) -> Mapping[str, Any] | None:
    """The answer; None for the error by which S3 says that nothing is configured."""
    try:
        answer: Mapping[str, Any] = call()
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
        return None
    return answer


def _all(client: Any, operation: str, items: str, **request: Any) -> Iterator[Any]:
    """Every item of every page."""
    pages = iter(client.get_paginator(operation).paginate(**request))
    while True:
        with calling():
            page = next(pages, None)
        if page is None:
            return
        yield from page.get(items, ())


def _tags(pairs: Any) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _days(place: Place, since: datetime) -> int:
    return (place.clock() - int(since.timestamp() * 1000)) // DAY_MS


FLAGS = (
    "BlockPublicAcls",
    "BlockPublicPolicy",
    "IgnorePublicAcls",
    "RestrictPublicBuckets",
)

BUCKET: Mapping[str, Callable[[Any, str], Any]] = {
    "public_access_block": _block,
    "public_policy": _public_policy,
    "acl_public": _acl_public,
    "versioning": _versioning,
    "encrypted": _encrypted,
    "logging": _logging,
    "tags": _bucket_tags,
}
"""Attribute of a bucket -> how it is read."""

KINDS: Mapping[str, Callable[[Place], Iterator[Event]]] = {
    "access_key": _access_keys,
    "firewall_rule": _firewall_rules,
    "storage_bucket": _buckets,
}
