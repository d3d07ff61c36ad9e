"""What a sweep sees of an AWS account: each kind's attributes, and what it could not look at."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import boto3
import pytest

from core.errors import Forbidden
from functions.aws.inventory import inventory
from functions.aws.targets import targets

ACCOUNT = "123456789012"
REGION = "eu-central-1"
DAY = 86_400_000
PUBLIC_FLAGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
RIGHTS = json.loads(
    Path(__file__).parents[2].joinpath("functions/aws/permissions.json").read_text()
)


@cache
def client(service, region=REGION):
    return boto3.client(service, region_name=region)


def days_from_now(days=0):
    return lambda: int(datetime.now(UTC).timestamp() * 1000) + days * DAY


def look(clients, kind, regions=(REGION,), clock=None):
    kinds = inventory(clients, ACCOUNT, regions, clock or days_from_now())
    return list(kinds[kind]())


def only(events):
    (event,) = events
    return event


def test_every_kind_of_an_empty_account_is_empty_but_for_its_default_groups(clients):
    kinds = inventory(clients, ACCOUNT, (REGION,), days_from_now())
    assert {kind: bool(list(resources())) for kind, resources in kinds.items()} == {
        "access_key": False,
        "firewall_rule": True,
        "storage_bucket": False,
    }


def test_nothing_is_read_before_a_kind_is_asked_for(clients):
    inventory(clients, ACCOUNT, (REGION,), days_from_now())
    assert clients.calls == []


# Access keys


@pytest.fixture
def key(aws):
    client("iam").create_user(UserName="ana")
    return client("iam").create_access_key(UserName="ana")["AccessKey"]["AccessKeyId"]


def test_an_access_key_says_whose_it_is_and_how_old(clients, key):
    event = only(look(clients, "access_key", clock=days_from_now(100)))
    assert event.record["id"] == key
    assert event.record["name"] == "ana"
    assert event.record["attributes"] == {
        "owner": f"arn:aws:iam::{ACCOUNT}:user/ana",
        "owner_type": "user",
        "is_user_managed": True,
        "active": True,
        "age_days": 100,
        "last_used_days": None,
        "never_used": True,
    }


def test_an_inactive_key_is_told_apart(clients, key):
    client("iam").update_access_key(UserName="ana", AccessKeyId=key, Status="Inactive")
    assert only(look(clients, "access_key")).record["attributes"]["active"] is False


def test_a_key_whose_use_can_not_be_read_says_so_and_nothing_false(clients, key):
    clients.refuse = {("iam", "GetAccessKeyLastUsed")}
    record = only(look(clients, "access_key")).record
    assert record["unknown"] == ["last_used_days", "never_used"]
    assert not {"last_used_days", "never_used"} & record["attributes"].keys()


def test_users_that_can_not_be_listed_raise(clients, key):
    clients.refuse = {("iam", "ListUsers")}
    with pytest.raises(Forbidden):
        look(clients, "access_key")


# Security-group rules


def open_group(region=REGION, **permission):
    ec2 = client("ec2", region)
    group = ec2.create_security_group(GroupName="web", Description="web servers")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **permission}],
    )
    return group


def rules_of(events, group, direction="ingress"):
    return [
        event
        for event in events
        if event.record["attributes"]["group_id"] == group
        and event.record["attributes"]["direction"] == direction
    ]


def test_a_rule_is_one_event_with_its_ports_and_sources(clients):
    group = open_group(IpRanges=[{"CidrIp": "198.51.100.0/24", "Description": "office"}])
    event = only(rules_of(look(clients, "firewall_rule"), group))
    assert event.record["attributes"] == {
        "direction": "ingress",
        "action": "allow",
        "enabled": True,
        "sources": ["198.51.100.0/24"],
        "protocol": "tcp",
        "from_port": 22,
        "to_port": 22,
        "group_id": group,
        "description": "office",
        "world_open": False,
        "attached": False,
    }
    assert event.region == REGION
    assert event.record["id"].startswith(f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group-rule/sgr-")


@pytest.mark.parametrize(
    "ranges",
    [{"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}],
)
def test_both_families_can_be_open_to_the_world(clients, ranges):
    group = open_group(**ranges)
    event = only(rules_of(look(clients, "firewall_rule"), group))
    assert event.record["attributes"]["world_open"] is True


def test_all_traffic_covers_every_port(clients):
    group = open_group(IpRanges=[{"CidrIp": "198.51.100.0/24"}])
    attributes = only(rules_of(look(clients, "firewall_rule"), group, "egress")).record[
        "attributes"
    ]
    assert (attributes["protocol"], attributes["from_port"], attributes["to_port"]) == (
        "-1",
        0,
        65535,
    )


def test_a_rule_for_another_group_names_it(clients):
    other = client("ec2").create_security_group(GroupName="db", Description="databases")["GroupId"]
    group = open_group(UserIdGroupPairs=[{"GroupId": other}])
    attributes = only(rules_of(look(clients, "firewall_rule"), group)).record["attributes"]
    assert (attributes["sources"], attributes["world_open"]) == ([other], False)


def test_a_group_that_an_interface_has_is_attached(clients):
    group = open_group(IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    ec2 = client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    ec2.create_network_interface(SubnetId=subnet, Groups=[group])
    event = only(rules_of(look(clients, "firewall_rule"), group))
    assert event.record["attributes"]["attached"] is True


def test_attachment_that_can_not_be_read_is_unknown(clients):
    group = open_group(IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    clients.refuse = {("ec2", "DescribeNetworkInterfaces")}
    record = only(rules_of(look(clients, "firewall_rule"), group)).record
    assert record["unknown"] == ["attached"]
    assert "attached" not in record["attributes"]


def test_every_region_that_is_named_is_looked_at(clients):
    groups = {
        region: open_group(region, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
        for region in (REGION, "us-east-1")
    }
    events = look(clients, "firewall_rule", regions=tuple(groups))
    assert {only(rules_of(events, group)).region: group for group in groups.values()} == groups


# Buckets


@pytest.fixture
def bucket(aws):
    client("s3").create_bucket(
        Bucket="acme-data", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return "acme-data"


def anybody_may_read(bucket):
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    client("s3").put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def block(bucket, *flags):
    client("s3").put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={flag: flag in flags for flag in PUBLIC_FLAGS},
    )


def block_account(*flags):
    client("s3control").put_public_access_block(
        AccountId=ACCOUNT,
        PublicAccessBlockConfiguration={flag: flag in flags for flag in PUBLIC_FLAGS},
    )


def seen(clients):
    return only(look(clients, "storage_bucket")).record


def test_a_plain_bucket_is_neither_public_nor_protected(clients, bucket):
    record = seen(clients)
    assert record["id"] == "arn:aws:s3:::acme-data"
    assert record["attributes"] == {
        "public_access_block": False,
        "public_policy": False,
        "acl_public": False,
        "versioning": False,
        "encrypted": False,
        "logging": False,
        "public": False,
    }
    assert record["unknown"] == []


def test_what_protects_a_bucket_is_seen(clients, bucket):
    s3 = client("s3")
    block(bucket, *PUBLIC_FLAGS)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "data"}]})
    record = seen(clients)
    assert record["tags"] == {"team": "data"}
    for attribute in ("public_access_block", "versioning", "encrypted"):
        assert record["attributes"][attribute] is True


def test_a_policy_for_anybody_makes_a_bucket_public(clients, bucket):
    anybody_may_read(bucket)
    attributes = seen(clients)["attributes"]
    assert (attributes["public_policy"], attributes["public"]) == (True, True)


def test_an_acl_for_anybody_makes_a_bucket_public(clients, bucket):
    client("s3").put_bucket_acl(Bucket=bucket, ACL="public-read")
    attributes = seen(clients)["attributes"]
    assert (attributes["acl_public"], attributes["public"]) == (True, True)


@pytest.mark.parametrize(
    ("flag", "public"), [("RestrictPublicBuckets", False), ("IgnorePublicAcls", True)]
)
@pytest.mark.parametrize("level", ["bucket", "account"])
def test_the_block_that_matters_takes_the_policy_back(clients, bucket, flag, public, level):
    anybody_may_read(bucket)
    if level == "bucket":
        block(bucket, flag)
    else:
        block_account(flag)
    attributes = seen(clients)["attributes"]
    assert attributes["public_access_block"] is False
    assert attributes["public"] is public


def test_the_block_of_the_account_covers_every_bucket(clients, bucket):
    block_account(*PUBLIC_FLAGS)
    assert seen(clients)["attributes"]["public_access_block"] is True


def test_bucket_and_account_may_each_set_some_of_the_flags(clients, bucket):
    block(bucket, *PUBLIC_FLAGS[:2])
    block_account(*PUBLIC_FLAGS[2:])
    assert seen(clients)["attributes"]["public_access_block"] is True


@pytest.mark.parametrize(
    ("call", "lost"),
    [
        (("s3", "GetBucketPolicyStatus"), ["public_policy", "public"]),
        (("s3", "GetBucketAcl"), ["acl_public", "public"]),
        (("s3", "GetBucketVersioning"), ["versioning"]),
        (("s3", "GetBucketEncryption"), ["encrypted"]),
        (("s3", "GetBucketLogging"), ["logging"]),
        (("s3", "GetBucketTagging"), ["tags"]),
        (("s3", "GetPublicAccessBlock"), ["public_access_block", "public"]),
        (("s3control", "GetPublicAccessBlock"), ["public_access_block", "public"]),
    ],
)
def test_an_attribute_that_is_denied_is_unknown_and_never_false(clients, bucket, call, lost):
    clients.refuse = {call}
    record = seen(clients)
    assert record["unknown"] == lost
    assert not set(lost) & record["attributes"].keys()


def test_a_full_block_of_the_account_settles_it_though_the_bucket_can_not_be_read(clients, bucket):
    block_account(*PUBLIC_FLAGS)
    clients.refuse = {("s3", "GetPublicAccessBlock"), ("s3", "GetBucketAcl")}
    record = seen(clients)
    assert record["attributes"]["public_access_block"] is True
    assert record["attributes"]["public"] is False


# For all


def test_a_resource_is_the_same_event_in_each_sweep_but_for_the_time(clients, bucket, key):
    for kind in ("access_key", "firewall_rule", "storage_bucket"):
        first = {event.uid for event in look(clients, kind)}
        second = {event.uid for event in look(clients, kind, clock=days_from_now(1))}
        assert first == second
        assert "" not in first


def test_a_verb_finds_its_target_in_what_a_sweep_sees(clients, bucket, key):
    group = open_group(IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    (aim,) = targets("access_key", only(look(clients, "access_key")))
    assert aim.args == {"user_name": "ana", "access_key_id": key}
    (aim,) = targets("ingress", only(rules_of(look(clients, "firewall_rule"), group)))
    assert aim.args["group_id"] == group
    (aim,) = targets("storage", only(look(clients, "storage_bucket")))
    assert aim.args == {"bucket": "acme-data"}


def test_the_rights_of_the_sweep_are_those_of_its_calls_and_the_lookup(clients, bucket, key):
    for resources in inventory(clients, ACCOUNT, (REGION,), days_from_now()).values():
        list(resources())
    needed = {RIGHTS_OF.get(call, f"{call[0]}:{call[1]}") for call in clients.calls}
    assert sorted({*needed, "cloudtrail:LookupEvents"}) == RIGHTS["_sweep"]


RIGHTS_OF = {
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}
"""Where the right has another name than the call (Service Authorization Reference)."""
