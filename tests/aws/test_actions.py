"""Each verb against an AWS in this process: there, back to the exact former state, and the traps.

A scene sets something up and names the target; the same questions are put to all of them.
"""

from __future__ import annotations

import contextlib
import json
from functools import cache
from pathlib import Path

import boto3
import pytest

from core.errors import Conflict, Forbidden, NotFound, Reject
from core.model import Target
from functions.aws.actions import ACTIONS, actions

ACCOUNT = "123456789012"
REGION = "eu-central-1"
AT = 1_700_000_000_123
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READER = "arn:aws:iam::aws:policy/ReadOnlyAccess"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
NO_TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/nothing"
PUBLIC_FLAGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
READS = ("Describe", "Get", "List")
WORLD = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
RIGHTS = json.loads(
    Path(__file__).parents[2].joinpath("functions/aws/permissions.json").read_text()
)


def target(kind, principal="", region=REGION, **args):
    return Target(
        kind=kind,
        uid=f"{kind}-1",
        provider="aws",
        account=ACCOUNT,
        region=region,
        args=args,
        principal=principal,
    )


@cache
def client(service, region=REGION):
    return boto3.client(service, region_name=region)


# Scenes


def active_key():
    iam = client("iam")
    iam.create_user(UserName="ana")
    key = iam.create_access_key(UserName="ana")["AccessKey"]["AccessKeyId"]
    return target("access_key", user_name="ana", access_key_id=key)


def role(name="deploy"):
    client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return name


def user(name="ana"):
    client("iam").create_user(UserName=name)
    return name


def group(name="ops"):
    client("iam").create_group(GroupName=name)
    return name


def role_sessions():
    return target("session", principal_type="role", name=role())


def user_sessions():
    return target("session", principal_type="user", name=user())


def role_sessions_revoked_before():
    name = role()
    client("iam").put_role_policy(
        RoleName=name, PolicyName="AWSRevokeOlderSessions", PolicyDocument=json.dumps(EVERYTHING)
    )
    return target("session", principal_type="role", name=name)


def managed_user_grant():
    client("iam").attach_user_policy(UserName=user(), PolicyArn=ADMIN)
    return target("grant", principal_type="user", name="ana", policy_arn=ADMIN)


def managed_role_grant():
    client("iam").attach_role_policy(RoleName=role(), PolicyArn=ADMIN)
    client("iam").attach_role_policy(RoleName="deploy", PolicyArn=READER)
    return target("grant", principal_type="role", name="deploy", policy_arn=ADMIN)


def managed_group_grant():
    client("iam").attach_group_policy(GroupName=group(), PolicyArn=ADMIN)
    return target("grant", principal_type="group", name="ops", policy_arn=ADMIN)


def own_policy_grant():
    arn = client("iam").create_policy(PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    arn = arn["Policy"]["Arn"]
    client("iam").attach_user_policy(UserName=user(), PolicyArn=arn)
    return target("grant", principal_type="user", name="ana", policy_arn=arn)


def inline_user_grant():
    client("iam").put_user_policy(
        UserName=user(), PolicyName="all", PolicyDocument=json.dumps(EVERYTHING)
    )
    return target("grant", principal_type="user", name="ana", policy_name="all")


def inline_role_grant():
    client("iam").put_role_policy(
        RoleName=role(), PolicyName="all", PolicyDocument=json.dumps(EVERYTHING)
    )
    return target("grant", principal_type="role", name="deploy", policy_name="all")


def inline_group_grant():
    client("iam").put_group_policy(
        GroupName=group(), PolicyName="all", PolicyDocument=json.dumps(EVERYTHING)
    )
    return target("grant", principal_type="group", name="ops", policy_name="all")


def security_group(*permissions, tags=()):
    ec2 = client("ec2")
    made = ec2.create_security_group(GroupName="web", Description="web servers")["GroupId"]
    for permission in permissions:
        ec2.authorize_security_group_ingress(
            GroupId=made,
            IpPermissions=[permission],
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": list(tags)}]
            if tags
            else [],
        )
    return made


def open_ingress():
    """World-open in both families, described and tagged, beside ranges that are not."""
    made = security_group(
        {
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "IpRanges": [
                {"CidrIp": "0.0.0.0/0", "Description": "quick fix"},
                {"CidrIp": "198.51.100.0/24", "Description": "office"},
            ],
            "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "quick fix too"}],
        },
        tags=[{"Key": "owner", "Value": "ana"}, {"Key": "case", "Value": "7"}],
    )
    client("ec2").authorize_security_group_ingress(
        GroupId=made, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    return target("ingress", group_id=made, permissions=[])


def bucket_without_block():
    client("s3", "us-east-1").create_bucket(Bucket="acme-data")
    return target("storage", bucket="acme-data")


def bucket_with_half_a_block():
    made = bucket_without_block()
    half = {flag: flag.endswith("Acls") for flag in PUBLIC_FLAGS}
    client("s3").put_public_access_block(Bucket="acme-data", PublicAccessBlockConfiguration=half)
    return made


def account_without_block():
    return target("storage", account_id=ACCOUNT)


def account_with_half_a_block():
    half = {flag: flag.endswith("Acls") for flag in PUBLIC_FLAGS}
    client("s3control").put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=half
    )
    return account_without_block()


def trail(region=REGION, **settings):
    client("s3", "us-east-1").create_bucket(Bucket="acme-trail")
    made = client("cloudtrail", region).create_trail(
        Name="main", S3BucketName="acme-trail", **settings
    )
    return target("audit_log", trail=made["TrailARN"])


def stopped_trail():
    return trail(IncludeGlobalServiceEvents=False)


def narrowed_trail():
    made = trail(IsMultiRegionTrail=True, EnableLogFileValidation=True)
    cloudtrail = client("cloudtrail")
    cloudtrail.start_logging(Name="main")
    cloudtrail.put_event_selectors(
        TrailName="main",
        EventSelectors=[
            {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True},
            {
                "ReadWriteType": "WriteOnly",
                "IncludeManagementEvents": False,
                "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::acme/"]}],
            },
        ],
    )
    return made


def trail_narrowed_by_advanced_selectors():
    made = stopped_trail()
    client("cloudtrail").put_event_selectors(
        TrailName="main",
        AdvancedEventSelectors=[
            {
                "Name": "little",
                "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Management"]},
                    {"Field": "readOnly", "Equals": ["true"]},
                ],
            },
            {
                "Name": "objects",
                "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Data"]},
                    {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                ],
            },
        ],
    )
    return made


SCENES = {
    "disable_access_key": [active_key],
    "revoke_sessions": [role_sessions, user_sessions, role_sessions_revoked_before],
    "remove_grant": [
        managed_user_grant,
        managed_role_grant,
        managed_group_grant,
        own_policy_grant,
        inline_user_grant,
        inline_role_grant,
        inline_group_grant,
    ],
    "close_ingress": [open_ingress],
    "block_public_storage": [
        bucket_without_block,
        bucket_with_half_a_block,
        account_without_block,
        account_with_half_a_block,
    ],
    "restore_audit_logging": [stopped_trail, narrowed_trail, trail_narrowed_by_advanced_selectors],
}

each_scene = pytest.mark.parametrize(
    ("verb", "scene"), [(verb, scene) for verb, scenes in SCENES.items() for scene in scenes]
)


def states(verb, aim):
    before = verb.read(aim)
    return before, verb.want(aim, before, AT)


# What holds for all


@each_scene
def test_a_write_brings_the_state_that_was_wanted(clients, verb, scene):
    lens, aim = actions(clients)[verb], scene()
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    assert before != wanted
    assert lens.read(aim) == wanted


@each_scene
def test_a_write_with_the_states_exchanged_brings_back_the_exact_former_state(clients, verb, scene):
    lens, aim = actions(clients)[verb], scene()
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    lens.write(aim, wanted, before)
    assert lens.read(aim) == before


@each_scene
def test_a_write_done_twice_is_a_write_done_once(clients, verb, scene):
    lens, aim = actions(clients)[verb], scene()
    before, wanted = states(lens, aim)
    for _ in range(2):
        lens.write(aim, before, wanted)
    assert lens.read(aim) == wanted
    for _ in range(2):
        lens.write(aim, wanted, before)
    assert lens.read(aim) == before


@each_scene
def test_a_state_survives_being_stored_as_json(clients, verb, scene):
    lens, aim = actions(clients)[verb], scene()
    for state in states(lens, aim):
        assert json.loads(json.dumps(state)) == state


@each_scene
def test_a_state_that_is_as_wanted_is_left_alone(clients, verb, scene):
    lens, aim = actions(clients)[verb], scene()
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    clients.calls.clear()
    assert lens.want(aim, wanted, AT) == wanted
    lens.write(aim, wanted, wanted)
    assert not [
        name for _, name in clients.calls if not name.startswith(("Describe", "Get", "List"))
    ]


@pytest.mark.parametrize("verb", SCENES)
def test_the_rights_listed_for_a_verb_are_those_of_the_calls_that_it_makes(
    account, clients_of_accounts, verb
):
    lens = actions(clients_of_accounts)[verb]
    for scene in [*SCENES[verb], *MORE_SCENES.get(verb, [])]:
        with account():
            aim = scene()
            lens.facts(aim)
            with contextlib.suppress(NotFound):
                before, wanted = states(lens, aim)
                lens.write(aim, before, wanted)
                lens.write(aim, lens.read(aim), before)
    needed = {right for call in clients_of_accounts.calls for right in rights(*call)}
    assert sorted(needed) == RIGHTS[verb]


def rights(service, operation):
    return RIGHTS_OF.get((service, operation), (f"{service}:{operation}",))


RIGHTS_OF = {
    ("ec2", "AuthorizeSecurityGroupIngress"): (
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
    ),
    ("s3", "GetPublicAccessBlock"): ("s3:GetBucketPublicAccessBlock",),
    ("s3", "PutPublicAccessBlock"): ("s3:PutBucketPublicAccessBlock",),
    ("s3", "DeletePublicAccessBlock"): ("s3:PutBucketPublicAccessBlock",),
    ("s3control", "GetPublicAccessBlock"): ("s3:GetAccountPublicAccessBlock",),
    ("s3control", "PutPublicAccessBlock"): ("s3:PutAccountPublicAccessBlock",),
    ("s3control", "DeletePublicAccessBlock"): ("s3:PutAccountPublicAccessBlock",),
}
"""Where the right has another name than the call (Service Authorization Reference), or two."""


def test_a_scene_stands_for_every_verb():
    assert set(SCENES) == set(ACTIONS)


@pytest.mark.parametrize(
    ("verb", "aim"),
    [
        ("disable_access_key", target("access_key", user_name="nobody", access_key_id="AKIA0")),
        ("revoke_sessions", target("session", principal_type="role", name="nobody")),
        ("remove_grant", target("grant", principal_type="user", name="nobody", policy_name="all")),
        ("remove_grant", target("grant", principal_type="group", name="nobody", policy_arn=ADMIN)),
        ("close_ingress", target("ingress", group_id="sg-0123456789abcdef0", permissions=[])),
        ("block_public_storage", target("storage", bucket="acme-nothing")),
        ("restore_audit_logging", target("audit_log", trail="nothing")),
        ("restore_audit_logging", target("audit_log", trail=NO_TRAIL)),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_not_found(clients, verb, aim):
    with pytest.raises(NotFound):
        actions(clients)[verb].read(aim)


def test_a_denied_call_is_forbidden(clients):
    aim = active_key()
    clients.refuse = {("iam", "UpdateAccessKey")}
    with pytest.raises(Forbidden, match="UpdateAccessKey"):
        actions(clients)["disable_access_key"].write(
            aim, {"status": "Active"}, {"status": "Inactive"}
        )


def test_a_target_that_lacks_a_part_is_rejected_and_the_part_named(clients):
    with pytest.raises(Reject, match="access_key_id"):
        actions(clients)["disable_access_key"].read(target("access_key", user_name="ana"))


def team_user():
    client("iam").create_user(UserName="ana", Path="/team/")
    return f"arn:aws:iam::{ACCOUNT}:user/team/ana"


def team_role():
    client("iam").create_role(
        RoleName="deploy", Path="/team/", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    return f"arn:aws:iam::{ACCOUNT}:role/team/deploy"


def team_group():
    client("iam").create_group(GroupName="ops", Path="/team/")
    return f"arn:aws:iam::{ACCOUNT}:group/team/ops"


@pytest.mark.parametrize(
    ("verb", "make", "aim"),
    [
        ("disable_access_key", team_user, target("access_key", user_name="ana")),
        ("revoke_sessions", team_role, target("session", principal_type="role", name="deploy")),
        (
            "remove_grant",
            team_group,
            target("grant", principal_type="group", name="ops", policy_arn=READER),
        ),
    ],
)
def test_the_guard_is_told_the_full_name_of_the_identity_that_is_hit(clients, verb, make, aim):
    full_name = make()
    assert actions(clients)[verb].facts(aim)["principal"] == full_name


# disable_access_key


def test_a_key_of_another_user_is_not_found(clients):
    aim = active_key()
    user("ben")
    stranger = target("access_key", user_name="ben", access_key_id=aim.args["access_key_id"])
    with pytest.raises(NotFound):
        actions(clients)["disable_access_key"].read(stranger)


# revoke_sessions


def test_sessions_issued_before_the_decision_are_denied_everything(clients):
    lens, aim = actions(clients)["revoke_sessions"], role_sessions()
    _, wanted = states(lens, aim)
    assert wanted["document"]["Statement"] == [
        {
            "Effect": "Deny",
            "Action": ["*"],
            "Resource": ["*"],
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2023-11-14T22:13:21Z"}},
        }
    ]


@pytest.mark.parametrize(
    ("name", "principal"),
    [
        ("AWSServiceRoleForSupport", ""),
        ("AWSReservedSSO_Admin_0123456789abcdef", ""),
        ("odd", f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/odd"),
    ],
)
def test_a_role_that_only_aws_can_change_is_rejected(clients, name, principal):
    aim = target("session", principal, principal_type="role", name=name)
    with pytest.raises(Reject, match="nobody else"):
        actions(clients)["revoke_sessions"].read(aim)


def test_other_policies_of_the_role_are_left_alone(clients):
    lens, aim = actions(clients)["revoke_sessions"], role_sessions()
    iam = client("iam")
    iam.put_role_policy(RoleName="deploy", PolicyName="own", PolicyDocument=json.dumps(EVERYTHING))
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    lens.write(aim, wanted, before)
    assert iam.list_role_policies(RoleName="deploy")["PolicyNames"] == ["own"]


# remove_grant


def last_administrator(clients, aim):
    return actions(clients)["remove_grant"].facts(aim)["last_administrator"]


def other_admin_user():
    client("iam").attach_user_policy(UserName=user("ben"), PolicyArn=ADMIN)


def other_admin_role():
    client("iam").attach_role_policy(RoleName=role("rescue"), PolicyArn=ADMIN)


def admin_group_with_a_member():
    iam = client("iam")
    iam.attach_group_policy(GroupName=group("admins"), PolicyArn=ADMIN)
    iam.add_user_to_group(GroupName="admins", UserName=user("ben"))


def empty_admin_group():
    client("iam").attach_group_policy(GroupName=group("admins"), PolicyArn=ADMIN)


@pytest.mark.parametrize(
    ("others", "last"),
    [
        ([], True),
        ([other_admin_user], False),
        ([other_admin_role], False),
        ([admin_group_with_a_member], False),
        ([empty_admin_group], True),
    ],
)
@pytest.mark.parametrize(
    "scene", [managed_user_grant, managed_group_grant, own_policy_grant, inline_role_grant]
)
def test_the_last_administrator_is_known(clients, scene, others, last):
    aim = scene()
    for other in others:
        other()
    assert last_administrator(clients, aim) is last


def test_a_grant_that_makes_no_administrator_takes_none_away(clients):
    client("iam").attach_user_policy(UserName=user(), PolicyArn=READER)
    aim = target("grant", principal_type="user", name="ana", policy_arn=READER)
    assert last_administrator(clients, aim) is False


def test_an_inline_policy_for_one_service_makes_no_administrator(clients):
    narrow = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    client("iam").put_user_policy(
        UserName=user(),
        PolicyName="s3",
        PolicyDocument=json.dumps({"Version": "2012-10-17", **narrow}),
    )
    aim = target("grant", principal_type="user", name="ana", policy_name="s3")
    assert last_administrator(clients, aim) is False


def test_a_policy_with_one_statement_outside_a_list_is_read(clients):
    lone = {"Version": "2012-10-17", "Statement": EVERYTHING["Statement"][0]}
    client("iam").put_user_policy(
        UserName=user(), PolicyName="all", PolicyDocument=json.dumps(lone)
    )
    aim = target("grant", principal_type="user", name="ana", policy_name="all")
    assert last_administrator(clients, aim) is True


def test_only_the_policy_that_is_named_is_detached(clients):
    lens, aim = actions(clients)["remove_grant"], managed_role_grant()
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    left = client("iam").list_attached_role_policies(RoleName="deploy")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in left] == [READER]


# close_ingress


def rules(group_id):
    found = client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group_id]}]
    )["SecurityGroupRules"]
    return sorted(
        (
            rule.get("CidrIpv4") or rule.get("CidrIpv6"),
            rule["FromPort"],
            rule.get("Description", ""),
            json.dumps(sorted(rule["Tags"], key=lambda tag: tag["Key"])),
        )
        for rule in found
        if not rule["IsEgress"]
    )


def closed(clients, aim):
    lens = actions(clients)["close_ingress"]
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    return before, wanted


def test_narrower_ranges_stay_open(clients):
    aim = open_ingress()
    closed(clients, aim)
    assert [rule[0] for rule in rules(aim.args["group_id"])] == ["198.51.100.0/24"]


def test_descriptions_and_tags_of_all_rules_come_back(clients):
    aim = open_ingress()
    was = rules(aim.args["group_id"])
    before, wanted = closed(clients, aim)
    actions(clients)["close_ingress"].write(aim, wanted, before)
    assert rules(aim.args["group_id"]) == was


def test_only_the_ranges_that_the_target_names_are_closed(clients):
    made = open_ingress().args["group_id"]
    named = {**WORLD, "IpRanges": [{"CidrIp": "203.0.113.9/0"}]}
    closed(clients, target("ingress", group_id=made, permissions=[named]))
    left = [(rule[0], rule[1]) for rule in rules(made)]
    assert left == [("0.0.0.0/0", -1), ("198.51.100.0/24", 22), ("::/0", 22)]


def test_a_named_range_that_is_not_world_open_is_not_closed(clients):
    made = open_ingress().args["group_id"]
    named = {**WORLD, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}
    aim = target("ingress", group_id=made, permissions=[named, WORLD])
    closed(clients, aim)
    assert "198.51.100.0/24" in [rule[0] for rule in rules(made)]


def test_all_traffic_is_matched_whether_or_not_ports_are_given(clients):
    made = open_ingress().args["group_id"]
    named = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    before, _ = closed(clients, target("ingress", group_id=made, permissions=[named]))
    assert [each["protocol"] for each in before["permissions"]] == ["-1"]


def test_egress_is_not_touched(clients):
    aim = open_ingress()
    closed(clients, aim)
    found = client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [aim.args["group_id"]]}]
    )["SecurityGroupRules"]
    assert [rule["CidrIpv4"] for rule in found if rule["IsEgress"]] == ["0.0.0.0/0"]


def test_a_range_that_appeared_after_the_reading_is_left_for_the_next_finding(clients):
    lens = actions(clients)["close_ingress"]
    aim = target("ingress", group_id=security_group(WORLD), permissions=[])
    before, wanted = states(lens, aim)
    late = {**WORLD, "FromPort": 3389, "ToPort": 3389}
    client("ec2").authorize_security_group_ingress(
        GroupId=aim.args["group_id"], IpPermissions=[late]
    )
    lens.write(aim, before, wanted)
    assert [each["from_port"] for each in lens.read(aim)["permissions"]] == [3389]


def test_tags_of_aws_itself_are_not_part_of_the_state(clients):
    made = security_group(WORLD, tags=[{"Key": "owner", "Value": "ana"}])
    rule = client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [made]}]
    )["SecurityGroupRules"]
    ids = [each["SecurityGroupRuleId"] for each in rule if not each["IsEgress"]]
    tag_as_aws(ids[0], "aws:cloudformation:stack-name", "web")
    state = actions(clients)["close_ingress"].read(target("ingress", group_id=made))
    assert state["permissions"][0]["tags"] == {"owner": "ana"}


def tag_as_aws(rule, key, value):
    """The API refuses such tags from its users; the fake's store takes them."""
    from moto.backends import get_backend

    get_backend("ec2")[ACCOUNT][REGION].tags[rule][key] = value


# block_public_storage


def test_a_bucket_that_is_blocked_already_has_nothing_to_do(clients):
    lens, aim = actions(clients)["block_public_storage"], bucket_without_block()
    client("s3").put_public_access_block(
        Bucket="acme-data", PublicAccessBlockConfiguration=dict.fromkeys(PUBLIC_FLAGS, True)
    )
    before, wanted = states(lens, aim)
    assert before == wanted


def test_s3_is_told_whose_the_bucket_must_be(clients):
    asked = []
    s3 = clients("s3", REGION, ACCOUNT)
    s3.meta.events.register("provide-client-params.s3", lambda params, **_: asked.append(params))
    lens, aim = actions(clients)["block_public_storage"], bucket_without_block()
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    lens.write(aim, wanted, before)
    assert [params["ExpectedBucketOwner"] for params in asked] == [ACCOUNT] * 3


# restore_audit_logging


def test_a_restored_trail_logs_everywhere_with_validation(clients):
    lens, aim = actions(clients)["restore_audit_logging"], stopped_trail()
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    cloudtrail = client("cloudtrail")
    found = cloudtrail.describe_trails(trailNameList=["main"])["trailList"][0]
    assert cloudtrail.get_trail_status(Name="main")["IsLogging"]
    assert found["IsMultiRegionTrail"]
    assert found["IncludeGlobalServiceEvents"]
    assert found["LogFileValidationEnabled"]


def test_selectors_for_data_stay_and_management_events_are_all_taken(clients):
    lens, aim = actions(clients)["restore_audit_logging"], narrowed_trail()
    before, wanted = states(lens, aim)
    data = [each for each in before["selectors"] if each["DataResources"]]
    assert wanted["selectors"][:-1] == data
    assert wanted["selectors"][-1]["IncludeManagementEvents"]
    assert wanted["selectors"][-1]["ReadWriteType"] == "All"


def test_the_narrowing_advanced_selector_gives_way(clients):
    lens, aim = actions(clients)["restore_audit_logging"], trail_narrowed_by_advanced_selectors()
    _, wanted = states(lens, aim)
    assert [each["Name"] for each in wanted["advanced"]] == ["objects", "All management events"]


def test_leaving_out_what_is_only_loud_is_not_narrowing(clients):
    lens, aim = actions(clients)["restore_audit_logging"], stopped_trail()
    quiet = {
        "Name": "all but kms",
        "FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Management"]},
            {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
        ],
    }
    client("cloudtrail").put_event_selectors(TrailName="main", AdvancedEventSelectors=[quiet])
    _, wanted = states(lens, aim)
    assert [each["Name"] for each in wanted["advanced"]] == ["all but kms"]


def test_five_data_selectors_leave_room_by_widening_the_last(clients):
    lens, aim = actions(clients)["restore_audit_logging"], stopped_trail()
    five = [
        {
            "ReadWriteType": "WriteOnly",
            "IncludeManagementEvents": False,
            "DataResources": [{"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::acme-{n}/"]}],
        }
        for n in range(5)
    ]
    client("cloudtrail").put_event_selectors(TrailName="main", EventSelectors=five)
    before, wanted = states(lens, aim)
    assert len(wanted["selectors"]) == 5
    assert wanted["selectors"][:4] == before["selectors"][:4]
    assert wanted["selectors"][4]["IncludeManagementEvents"]
    assert wanted["selectors"][4]["DataResources"] == before["selectors"][4]["DataResources"]


def test_a_trail_is_changed_in_its_home_region_and_its_key_and_bucket_stay(clients):
    made = trail(region="us-east-1", KmsKeyId="alias/trail", IsMultiRegionTrail=True)
    aim = target("audit_log", trail="main")
    lens = actions(clients)["restore_audit_logging"]
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    home = client("cloudtrail", "us-east-1")
    found = home.describe_trails(trailNameList=[made.args["trail"]])["trailList"][0]
    assert home.get_trail_status(Name=made.args["trail"])["IsLogging"]
    assert found["LogFileValidationEnabled"]
    assert found["KmsKeyId"] == "alias/trail"
    assert found["S3BucketName"] == "acme-trail"


def test_logging_starts_before_anything_that_could_fail(clients):
    lens, aim = actions(clients)["restore_audit_logging"], stopped_trail()
    before, wanted = states(lens, aim)
    clients.refuse = {("cloudtrail", "UpdateTrail")}
    with pytest.raises(Forbidden):
        lens.write(aim, before, wanted)
    assert client("cloudtrail").get_trail_status(Name="main")["IsLogging"]


def test_a_rule_that_somebody_else_revoked_meanwhile_is_a_conflict(clients):
    from botocore.exceptions import ClientError

    from functions.aws.adapters import as_vigil

    gone = ClientError({"Error": {"Code": "InvalidSecurityGroupRuleId.NotFound"}}, "Revoke")
    assert isinstance(as_vigil(gone), Conflict)


def grant_beside_an_empty_group_of_administrators():
    empty_admin_group()
    return inline_role_grant()


def group_that_is_gone():
    return target("ingress", group_id="sg-0123456789abcdef0", permissions=[])


MORE_SCENES = {
    "remove_grant": [grant_beside_an_empty_group_of_administrators],
    "close_ingress": [group_that_is_gone],
}
"""Scenes that only matter for the calls that they lead to."""
