"""Access keys, sessions and grants: the verbs that change IAM.

States: {"status": "Active" | "Inactive"} of a key; {"document": {...} | None} of an inline policy;
{"attached": bool} of a managed one. IAM shows a change some seconds late; that is waited for in
core.respond, not here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from core.errors import NotFound, Reject
from core.model import State, Target
from functions.aws.actions.lens import Clients, Document, Lens, arg, there
from functions.aws.adapters import calling

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

__all__ = ["DISABLE_ACCESS_KEY", "REMOVE_GRANT", "REVOKE_SESSIONS"]

SESSION_POLICY = "AWSRevokeOlderSessions"
"""The name that the IAM console gives the same policy, so that a reader knows what it is."""


def _read_key(clients: Clients, target: Target) -> State:
    user, key = arg(target, "user_name"), arg(target, "access_key_id")
    with calling():
        pages = _iam(clients, target).get_paginator("list_access_keys").paginate(UserName=user)
        for page in pages:
            for found in page["AccessKeyMetadata"]:
                if found["AccessKeyId"] == key:
                    return {"status": found["Status"]}
    raise NotFound(f"user {user} has no access key {key}")


def _want_key(target: Target, before: State, at: int) -> State:
    return {"status": "Inactive"}


def _write_key(clients: Clients, target: Target, old: State, new: State) -> None:
    user, key = arg(target, "user_name"), arg(target, "access_key_id")
    if old != new:
        with calling():
            _iam(clients, target).update_access_key(
                UserName=user, AccessKeyId=key, Status=there(new)["status"]
            )


def _read_sessions(clients: Clients, target: Target) -> State:
    return {"document": _inline(clients, target, SESSION_POLICY)}


def _want_sessions(target: Target, before: State, at: int) -> State:
    """Deny all to sessions issued before the decision; rounded up, for the second it fell in."""
    until = datetime.fromtimestamp(-(-at // 1000), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    statement = {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": until}},
    }
    return {"document": {"Version": "2012-10-17", "Statement": [statement]}}


def _write_sessions(clients: Clients, target: Target, old: State, new: State) -> None:
    if old != new:
        _put_inline(clients, target, SESSION_POLICY, there(new)["document"])


def _read_grant(clients: Clients, target: Target) -> State:
    policy = target.args.get("policy_arn")
    if not policy:
        return {"document": _inline(clients, target, arg(target, "policy_name"))}
    sort, name = _principal(target)
    with calling():
        pages = (
            _iam(clients, target)
            .get_paginator(ATTACHED[sort])  # type: ignore[call-overload]  # three literals
            .paginate(**{f"{sort}Name": name})
        )
        held = [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]]
    return {"attached": policy in held}


def _want_grant(target: Target, before: State, at: int) -> State:
    return {"attached": False} if target.args.get("policy_arn") else {"document": None}


def _write_grant(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    policy = target.args.get("policy_arn")
    if not policy:
        _put_inline(clients, target, arg(target, "policy_name"), there(new)["document"])
        return
    sort, name = _principal(target)
    iam = _iam(clients, target)
    with calling():
        if there(new)["attached"]:
            getattr(iam, f"attach_{sort.lower()}_policy")(
                **{f"{sort}Name": name, "PolicyArn": policy}
            )
            return
        try:
            getattr(iam, f"detach_{sort.lower()}_policy")(
                **{f"{sort}Name": name, "PolicyArn": policy}
            )
        except iam.exceptions.NoSuchEntityException:
            return  # detached already, or all of it gone: reading back tells


def _key_facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`principal`: the owner's ARN as IAM has it, with the path that a log leaves out."""
    return {"principal": _full_name(clients, target, "User", arg(target, "user_name"))}


def _session_facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`principal`: the identity's ARN as IAM has it."""
    return {"principal": _full_name(clients, target, *_principal(target))}


def _grant_facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`principal` as above, and `last_administrator`: nobody else would be left as one."""
    return {
        **_session_facts(clients, target),
        "last_administrator": _is_last_administrator(clients, target),
    }


def _is_last_administrator(clients: Clients, target: Target) -> bool:
    """Whether taking the grant leaves nobody who holds AdministratorAccess.

    Only holders of that managed policy count as administrators who remain, groups if they have
    members. So an account that is run by other means refuses too often, never too rarely.
    """
    iam = _iam(clients, target)
    with calling():
        if not _gives_all(clients, target):
            return False
        sort, name = _principal(target)
        arn = f"arn:{_partition(target)}:iam::aws:policy/AdministratorAccess"
        for page in iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn):
            users = {("User", each["UserName"]) for each in page["PolicyUsers"]}
            roles = {("Role", each["RoleName"]) for each in page["PolicyRoles"]}
            if (users | roles) - {(sort, name)}:
                return False
            for group in page["PolicyGroups"]:
                other = (sort, name) != ("Group", group["GroupName"])
                if other and _has_members(iam, group["GroupName"]):
                    return False
    return True


def _gives_all(clients: Clients, target: Target) -> bool:
    """Whether the grant is one of an administrator: Allow, every action, every resource."""
    policy = target.args.get("policy_arn", "")
    if ":iam::aws:policy/" in policy:
        return bool(policy.endswith(":iam::aws:policy/AdministratorAccess"))
    if not policy:
        return _allows_all(_inline(clients, target, arg(target, "policy_name")))
    iam = _iam(clients, target)
    version = iam.get_policy(PolicyArn=policy)["Policy"].get("DefaultVersionId", "")
    found = iam.get_policy_version(PolicyArn=policy, VersionId=version)
    return _allows_all(_document(found["PolicyVersion"].get("Document")))


def _allows_all(document: Document | None) -> bool:
    return any(
        each.get("Effect") == "Allow"
        and {"*", "*:*"} & set(_list(each.get("Action")))
        and "*" in _list(each.get("Resource"))
        for each in _list((document or {}).get("Statement"))
    )


def _has_members(iam: IAMClient, group: str) -> bool:
    return any(page["Users"] for page in iam.get_paginator("get_group").paginate(GroupName=group))


def _inline(clients: Clients, target: Target, policy: str) -> Document | None:
    """The document of an inline policy, None if there is none; NotFound if its holder is gone.

    IAM answers NoSuchEntity for both, hence the list first.
    """
    sort, name = _principal(target)
    iam = _iam(clients, target)
    who = {f"{sort}Name": name}
    with calling():
        pages = iam.get_paginator(INLINE[sort]).paginate(**who)  # type: ignore[call-overload]
        if not any(policy in page["PolicyNames"] for page in pages):
            return None
        found = getattr(iam, f"get_{sort.lower()}_policy")(**who, PolicyName=policy)
    return _document(found["PolicyDocument"])


def _put_inline(clients: Clients, target: Target, policy: str, document: Document | None) -> None:
    sort, name = _principal(target)
    iam = _iam(clients, target)
    which = {f"{sort}Name": name, "PolicyName": policy}
    with calling():
        if document is not None:
            put = getattr(iam, f"put_{sort.lower()}_policy")
            put(**which, PolicyDocument=json.dumps(document))
            return
        try:
            getattr(iam, f"delete_{sort.lower()}_policy")(**which)
        except iam.exceptions.NoSuchEntityException:
            return  # deleted already, or its holder is gone: reading back tells


def _document(value: Any) -> Document | None:
    """A policy document: IAM sends it URL-encoded, boto3 mostly has it decoded already."""
    text = unquote(value) if isinstance(value, str) else json.dumps(value)
    document: Document | None = json.loads(text)
    return document


def _principal(target: Target) -> tuple[str, str]:
    """(User | Role | Group, name). Reject for roles that only AWS itself can change."""
    sort, name = arg(target, "principal_type").title(), arg(target, "name")
    if sort not in INLINE:
        raise Reject(f"{target.uid}: a {sort.lower()} has no policies of IAM")
    if sort == "Role" and (
        name.startswith(("AWSServiceRoleFor", "AWSReservedSSO_"))
        or "/aws-service-role/" in target.principal
    ):
        raise Reject(
            f"role {name} belongs to an AWS service or IAM Identity Center, and IAM lets nobody"
            " else change it; use a permission set or a service control policy"
        )
    return sort, name


def _full_name(clients: Clients, target: Target, sort: str, name: str) -> str:
    with calling():
        found = getattr(_iam(clients, target), f"get_{sort.lower()}")(**{f"{sort}Name": name})
    return str(found[sort]["Arn"])


def _iam(clients: Clients, target: Target) -> IAMClient:
    client: IAMClient = clients("iam", "", target.account)
    return client


def _partition(target: Target) -> str:
    return target.principal.partition("arn:")[2].partition(":")[0] or "aws"


def _list(value: Any) -> list[Any]:
    """IAM takes one item without its list."""
    return value if isinstance(value, list) else [] if value is None else [value]


ATTACHED: Mapping[str, str] = {
    "User": "list_attached_user_policies",
    "Role": "list_attached_role_policies",
    "Group": "list_attached_group_policies",
}

INLINE: Mapping[str, str] = {
    "User": "list_user_policies",
    "Role": "list_role_policies",
    "Group": "list_group_policies",
}

DISABLE_ACCESS_KEY = Lens(_read_key, _want_key, _write_key, _key_facts)
REVOKE_SESSIONS = Lens(_read_sessions, _want_sessions, _write_sessions, _session_facts)
REMOVE_GRANT = Lens(_read_grant, _want_grant, _write_grant, _grant_facts)
