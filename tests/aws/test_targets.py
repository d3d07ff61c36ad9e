"""What each kind of verb would act on, from the calls and the resources that show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.actions import CATALOGUE
from core.model import Event
from core.native import dig
from functions.aws.events import event
from functions.aws.targets import TARGETS, arn, targets

GOLDEN = Path(__file__).parent / "golden"
ACCOUNT = "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/ops/alice"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/ci/deploy"
GROUP = "sg-0123456789abcdef0"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"

USER = {
    "type": "IAMUser",
    "arn": ALICE,
    "accountId": ACCOUNT,
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "userName": "alice",
}
ROLE = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/build-17",
    "accountId": ACCOUNT,
    "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": DEPLOY, "userName": "deploy"}},
}


def call(service: str, operation: str, request: Any = None, **more: Any) -> Event:
    return event(
        {
            "eventTime": "2026-03-01T10:20:30Z",
            "eventSource": f"{service}.amazonaws.com",
            "eventName": operation,
            "eventID": "00000000-0000-4000-8000-000000000000",
            "awsRegion": "us-east-1",
            "recipientAccountId": ACCOUNT,
            "userIdentity": USER,
            "requestParameters": request,
            **more,
        }
    )


def golden(name: str) -> Event:
    return event(json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))["record"])


def swept(resource_type: str, **fields: Any) -> Event:
    record = {"resource_type": resource_type, "provider": "aws", "account": ACCOUNT, **fields}
    return Event(
        uid="sweep",
        time=0,
        source="posture",
        provider="aws",
        account=ACCOUNT,
        region="us-east-1",
        record=record,
    )


def opened(request: Any, **more: Any) -> list[dict[str, Any]]:
    found = targets("ingress", call("ec2", "AuthorizeSecurityGroupIngress", request, **more))
    return [target.args for target in found]


def test_there_is_a_reader_for_every_kind_of_the_catalogue() -> None:
    assert {entry.target for entry in CATALOGUE.values()} == set(TARGETS)


def test_an_unknown_kind_has_no_targets() -> None:
    assert targets("volcano", call("iam", "CreateUser")) == ()


def test_a_created_key_is_the_target_and_not_the_callers() -> None:
    (target,) = targets("access_key", golden("create_access_key_for_other_user"))
    assert target.uid == "AKIAI44QH8DHBEXAMPLE"
    assert target.args == {"user_name": "bob", "access_key_id": "AKIAI44QH8DHBEXAMPLE"}
    assert target.principal == BOB


def test_a_key_created_for_oneself_hits_the_arn_that_the_record_holds() -> None:
    key = {"userName": "alice", "accessKeyId": "AKIAI44QH8DHBEXAMPLE"}
    (target,) = targets(
        "access_key", call("iam", "CreateAccessKey", responseElements={"accessKey": key})
    )
    assert target.principal == ALICE


def test_any_other_call_of_a_user_shows_their_own_long_lived_key() -> None:
    (target,) = targets("access_key", call("ec2", "RunInstances", errorCode="AccessDenied"))
    assert target.args == {"user_name": "alice", "access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    assert (target.principal, target.account) == (ALICE, ACCOUNT)


def test_a_failed_creation_gave_no_key_so_the_callers_own_is_the_target() -> None:
    failed = call("iam", "CreateAccessKey", {"userName": "bob"}, errorCode="AccessDenied")
    (target,) = targets("access_key", failed)
    assert target.uid == "AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    "identity",
    [
        ROLE,
        {**USER, "accessKeyId": "ASIAIOSFODNN7EXAMPLE"},
        {**USER, "type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "userName": None},
        {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        {},
        None,
    ],
)
def test_temporary_root_and_service_credentials_are_no_access_key(identity: Any) -> None:
    assert targets("access_key", call("ec2", "RunInstances", userIdentity=identity)) == ()


def test_roots_own_new_key_is_no_target() -> None:
    root = {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
    answer = {"accessKey": {"accessKeyId": "AKIAI44QH8DHBEXAMPLE", "status": "Active"}}
    made = call("iam", "CreateAccessKey", userIdentity=root, responseElements=answer)
    assert targets("access_key", made) == ()


@pytest.mark.parametrize(
    ("identity", "uid", "args"),
    [
        (USER, ALICE, {"principal_type": "user", "name": "alice"}),
        (ROLE, DEPLOY, {"principal_type": "role", "name": "deploy"}),
        (
            {"type": "FederatedUser", "sessionContext": {"sessionIssuer": {"arn": ALICE}}},
            ALICE,
            {"principal_type": "user", "name": "alice"},
        ),
    ],
)
def test_a_session_is_ended_at_the_user_or_role_behind_it(
    identity: Any, uid: str, args: Any
) -> None:
    failed = call("s3", "GetObject", userIdentity=identity, errorCode="AccessDenied")
    (target,) = targets("session", failed)
    assert (target.uid, target.principal, target.args) == (uid, uid, args)


def issued_by(issuer: str) -> dict[str, Any]:
    return {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": issuer}}}


@pytest.mark.parametrize(
    "identity",
    [
        {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT},
        {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        {"type": "AWSAccount", "accountId": "111122223333", "principalId": "AIDAEXAMPLE"},
        issued_by(f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/ForECS"),
        issued_by(f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/Admin"),
        issued_by(f"arn:aws:iam::{ACCOUNT}:root"),
        issued_by("deploy"),
        {"type": "IAMUser", "userName": "alice"},
        "alice",
    ],
)
def test_root_and_what_iam_will_not_change_have_no_session_to_end(identity: Any) -> None:
    assert targets("session", call("s3", "ListBuckets", userIdentity=identity)) == ()


def test_a_failed_sign_in_proves_no_identity_and_so_hits_nobody() -> None:
    failed = call("signin", "ConsoleLogin", responseElements={"ConsoleLogin": "Failure"})
    assert targets("session", failed) == ()


@pytest.mark.parametrize("sort", ["user", "role", "group"])
def test_an_attached_policy_is_a_grant(sort: str) -> None:
    request = {f"{sort}Name": "web", "policyArn": ADMIN}
    (target,) = targets("grant", call("iam", f"Attach{sort.title()}Policy", request))
    principal = f"arn:aws:iam::{ACCOUNT}:{sort}/web"
    assert target.args == {"principal_type": sort, "name": "web", "policy_arn": ADMIN}
    assert (target.principal, target.uid) == (principal, f"{principal}#{ADMIN}")


@pytest.mark.parametrize("sort", ["user", "role", "group"])
def test_an_inline_policy_is_a_grant(sort: str) -> None:
    request = {f"{sort}Name": "web", "policyName": "all", "policyDocument": "{}"}
    (target,) = targets("grant", call("iam", f"Put{sort.title()}Policy", request))
    assert target.args == {"principal_type": sort, "name": "web", "policy_name": "all"}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("CreatePolicyVersion", {"policyArn": ADMIN}),
        ("DetachUserPolicy", {"userName": "bob", "policyArn": ADMIN}),
        ("AttachUserPolicy", {"userName": "bob"}),
        ("AttachUserPolicy", {"policyArn": ADMIN}),
        ("AttachUserPolicy", None),
        ("AttachUserPolicy", "userName"),
    ],
)
def test_other_calls_and_half_requests_grant_nothing(operation: str, request_: Any) -> None:
    assert targets("grant", call("iam", operation, request_)) == ()


SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
FOUR, SIX = [{"CidrIp": "0.0.0.0/0"}], [{"CidrIpv6": "::/0"}]


def nested(ranges: Any, ranges6: Any = None) -> dict[str, Any]:
    rule = {
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "ipRanges": {"items": ranges} if ranges else {},
        "ipv6Ranges": {"items": ranges6} if ranges6 else {},
    }
    return {"groupId": GROUP, "ipPermissions": {"items": [rule]}}


@pytest.mark.parametrize(
    ("request_", "permissions"),
    [
        pytest.param(
            {
                "groupId": GROUP,
                "ipPermissions": {},
                "ipProtocol": "tcp",
                "fromPort": 22,
                "toPort": 22,
                "cidrIp": "0.0.0.0/0",
            },
            [{**SSH, "IpRanges": FOUR}],
            id="flat",
        ),
        pytest.param(
            nested([{"cidrIp": "0.0.0.0/0"}]), [{**SSH, "IpRanges": FOUR}], id="nested list"
        ),
        pytest.param(
            nested({"cidrIp": "0.0.0.0/0"}), [{**SSH, "IpRanges": FOUR}], id="nested object"
        ),
        pytest.param(
            nested([{"cidrIp": "198.51.100.9/0"}]),
            [{**SSH, "IpRanges": FOUR}],
            id="a prefix of no length, whatever the address",
        ),
        pytest.param(
            nested(None, [{"cidrIpv6": "::/0"}]), [{**SSH, "Ipv6Ranges": SIX}], id="only the twin"
        ),
        pytest.param(
            nested(
                [{"cidrIp": "192.0.2.0/24"}, {"cidrIp": "0.0.0.0/0"}], {"cidrIpv6": "2001:db8::/0"}
            ),
            [{**SSH, "IpRanges": FOUR, "Ipv6Ranges": SIX}],
            id="the narrow range stays, the twin goes",
        ),
        pytest.param(
            {"groupId": GROUP, "ipProtocol": "-1", "fromPort": -1, "cidrIp": "0.0.0.0/0"},
            [{"IpProtocol": "-1", "IpRanges": FOUR}],
            id="all protocols have no ports",
        ),
        pytest.param(
            {"groupId": GROUP, "ipProtocol": "6", "fromPort": "22", "toPort": "22"}
            | {"cidrIp": "0.0.0.0/0"},
            [{**SSH, "IpRanges": FOUR}],
            id="numbers as text",
        ),
    ],
)
def test_world_open_ranges_are_read_from_every_shape_of_request(
    request_: Any, permissions: Any
) -> None:
    assert opened(request_) == [{"group_id": GROUP, "permissions": permissions}]


@pytest.mark.parametrize(
    "request_",
    [
        nested([{"cidrIp": "192.0.2.0/24"}]),
        nested([{"cidrIp": "0.0.0.0"}, {"cidrIp": "world/0"}, {"cidrIp": None}, "0.0.0.0/0"]),
        {"ipProtocol": "tcp", "cidrIp": "0.0.0.0/0"},
        {"groupId": GROUP, "cidrIp": "0.0.0.0/0"},
        {"groupId": GROUP, "ipPermissions": "0.0.0.0/0"},
        None,
        [],
    ],
)
def test_without_a_group_a_protocol_or_a_world_open_range_nothing_is_closed(request_: Any) -> None:
    assert opened(request_) == []


def test_the_answer_names_the_rules_before_the_request_does() -> None:
    (target,) = targets("ingress", golden("authorize_ingress_nested"))
    assert target.uid == f"arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/{GROUP}"
    assert target.region == "eu-west-1"
    assert target.args == {
        "group_id": GROUP,
        "permissions": [{**SSH, "IpRanges": FOUR, "Ipv6Ranges": SIX}],
    }


def test_a_group_named_only_in_the_answer_is_found_there_and_egress_is_left() -> None:
    rule = {"groupId": GROUP, "isEgress": False, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}
    out = {**rule, "isEgress": True, "cidrIpv4": "0.0.0.0/0"}
    answer = {"securityGroupRuleSet": {"items": [{**rule, "cidrIpv6": "::/0"}, out]}}
    assert opened({"groupName": "default"}, responseElements=answer) == [
        {"group_id": GROUP, "permissions": [{**SSH, "Ipv6Ranges": SIX}]}
    ]


def test_a_modified_rule_is_read_in_its_own_shape() -> None:
    (target,) = targets("ingress", golden("modify_security_group_rules"))
    assert target.args == {
        "group_id": GROUP,
        "permissions": [
            {"IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389, "IpRanges": FOUR},
        ],
    }


@pytest.mark.parametrize(
    "operation",
    [
        "PutBucketPublicAccessBlock",
        "DeleteBucketPublicAccessBlock",
        "PutBucketAcl",
        "PutBucketPolicy",
    ],
)
def test_a_bucket_that_may_be_public_is_a_storage_target(operation: str) -> None:
    (target,) = targets("storage", call("s3", operation, {"bucketName": "example-reports"}))
    assert (target.uid, target.args) == (
        "arn:aws:s3:::example-reports",
        {"bucket": "example-reports"},
    )


@pytest.mark.parametrize(
    "operation", ["PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"]
)
def test_an_account_that_may_be_public_is_a_storage_target(operation: str) -> None:
    (target,) = targets("storage", call("s3", operation, {}))
    assert (target.uid, target.args) == (ACCOUNT, {"account_id": ACCOUNT})


def test_without_an_account_or_a_bucket_nothing_is_blocked() -> None:
    nowhere = {"recipientAccountId": None, "userIdentity": None}
    assert targets("storage", call("s3", "PutAccountPublicAccessBlock", {}, **nowhere)) == ()
    assert targets("storage", call("s3", "PutBucketAcl", {"bucketName": ["a", 7][1:]})) == ()


def test_other_calls_on_groups_buckets_and_trails_are_no_targets() -> None:
    narrowing = call("ec2", "RevokeSecurityGroupIngress", nested([{"cidrIp": "0.0.0.0/0"}]))
    assert targets("ingress", narrowing) == ()
    assert targets("storage", call("s3", "GetBucketAcl", {"bucketName": "b"})) == ()
    assert targets("audit_log", call("cloudtrail", "StartLogging", {"name": "main"})) == ()
    assert targets("audit_log", call("cloudtrail", "StopLogging", {"name": None})) == ()


TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"
ELSEWHERE = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/organization"


@pytest.mark.parametrize(
    ("operation", "request_", "answer", "uid"),
    [
        ("StopLogging", {"name": "main"}, None, TRAIL),
        ("DeleteTrail", {"name": ELSEWHERE}, None, ELSEWHERE),
        ("UpdateTrail", {"name": "main"}, {"trailARN": ELSEWHERE}, ELSEWHERE),
        ("PutEventSelectors", {"trailName": "main"}, {"trailARN": TRAIL}, TRAIL),
    ],
)
def test_a_trail_is_named_by_its_arn_and_found_in_its_home_region(
    operation: str, request_: Any, answer: Any, uid: str
) -> None:
    changed = call("cloudtrail", operation, request_, responseElements=answer)
    (target,) = targets("audit_log", changed)
    assert (target.uid, target.args) == (uid, {"trail": uid})
    assert [target.region, target.account] == uid.split(":")[3:5]


def test_names_are_in_the_partition_of_their_region() -> None:
    (target,) = targets("audit_log", golden("stop_logging_govcloud"))
    assert target.uid.startswith("arn:aws-us-gov:cloudtrail:us-gov-west-1:")
    assert arn("iam", "", ACCOUNT, "user/bob", within="cn-north-1").startswith("arn:aws-cn:iam::")


@pytest.mark.parametrize(
    ("kind", "service", "operation", "request_"),
    [
        ("grant", "iam", "AttachUserPolicy", {"userName": "bob", "policyArn": ADMIN}),
        (
            "ingress",
            "ec2",
            "AuthorizeSecurityGroupIngress",
            {"groupId": GROUP, "ipProtocol": "tcp", "cidrIp": "0.0.0.0/0"},
        ),
        ("storage", "s3", "PutBucketAcl", {"bucketName": "example-reports"}),
        ("storage", "s3", "DeleteAccountPublicAccessBlock", {}),
        ("audit_log", "cloudtrail", "StopLogging", {"name": "main"}),
    ],
)
def test_a_failed_call_gave_nothing_to_take_back(
    kind: str, service: str, operation: str, request_: Any
) -> None:
    assert len(targets(kind, call(service, operation, request_))) == 1
    assert targets(kind, call(service, operation, request_, errorCode="AccessDenied")) == ()


@pytest.mark.parametrize("kind", ["grant", "ingress", "storage", "audit_log"])
def test_the_same_operation_of_another_service_is_no_target(kind: str) -> None:
    for operation in ("AttachUserPolicy", "AuthorizeSecurityGroupIngress", "StopLogging"):
        request = {"userName": "b", "policyArn": ADMIN, "name": "main", **nested("0.0.0.0/0")}
        assert targets(kind, call("example", operation, request)) == ()


def test_a_swept_key_is_its_own_target() -> None:
    key = swept(
        "access_key", id="AKIAIOSFODNN7EXAMPLE", attributes={"owner": "alice", "age_days": 400}
    )
    (target,) = targets("access_key", key)
    assert target.args == {"user_name": "alice", "access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    assert target.principal == f"arn:aws:iam::{ACCOUNT}:user/alice"


def test_a_swept_key_of_a_user_with_a_path_hits_their_true_arn() -> None:
    key = swept("access_key", id="AKIAIOSFODNN7EXAMPLE", attributes={"owner": ALICE})
    (target,) = targets("access_key", key)
    assert (target.args["user_name"], target.principal) == ("alice", ALICE)


def test_a_swept_rule_closes_its_own_ports_and_no_others_of_the_group() -> None:
    attributes = {
        "group_id": GROUP,
        "direction": "ingress",
        "protocol": "tcp",
        "from_port": 22,
        "to_port": 22,
        "sources": ["0.0.0.0/0", "192.0.2.0/24", "::/0", "pl-0123456789abcdef0"],
    }
    (target,) = targets("ingress", swept("firewall_rule", id="sgr-1", attributes=attributes))
    assert target.args == {
        "group_id": GROUP,
        "permissions": [{**SSH, "IpRanges": FOUR, "Ipv6Ranges": SIX}],
    }
    out = swept("firewall_rule", attributes={**attributes, "direction": "egress"})
    assert targets("ingress", out) == ()


@pytest.mark.parametrize(
    "fields", [{"name": "example-reports"}, {"id": "arn:aws:s3:::example-reports"}]
)
def test_a_swept_bucket_is_a_storage_target(fields: Any) -> None:
    (target,) = targets("storage", swept("storage_bucket", **fields))
    assert target.args == {"bucket": "example-reports"}


@pytest.mark.parametrize("kind", [*TARGETS])
@pytest.mark.parametrize("resource_type", ["identity_user", "access_key", None])
def test_a_resource_of_another_kind_or_without_a_name_is_no_target(
    kind: str, resource_type: Any
) -> None:
    assert targets(kind, swept(resource_type, attributes=None)) == ()


def test_digging_goes_through_lists_and_past_wrong_kinds() -> None:
    value = {"a": [{"b": 1}, {"b": [2, None, 3]}, "text", None, {"c": 4}]}
    assert dig(value, "a.b") == [1, 2, 3]
    assert dig(value, "a.b.c") == []
    assert dig(None, "a") == []
