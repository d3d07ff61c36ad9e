"""IAM policies: how each kind of resource has its own read and written, and the verb on grants.

A policy is always asked for in version 3 and written back with its etag: an older version shows
conditional bindings without their conditions, and writing that back would make them unconditional.
https://cloud.google.com/iam/docs/policies#versions. State of a grant: {"granted": bool}, where a
grant is a member in the binding of one role under one condition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from core.errors import Reject
from core.model import State, Target
from functions.gcp.actions.lens import Clients, Document, Lens, again, arg, own, there
from functions.gcp.actions.storage import own_bucket
from functions.gcp.rest import Request, path

__all__ = ["KINDS", "REMOVE_GRANT", "change", "read"]

VERSION = 3

Edit: TypeAlias = Callable[[Document], Document]
"""A policy -> the policy as it should be; the argument is left as it is."""


class Way(NamedTuple):
    """How the policy of one kind of resource is reached: by which calls, and how wrapped."""

    service: str
    get: tuple[str, str]
    """Method and path."""
    set: tuple[str, str]
    version: str
    """Query parameter that asks for a version; "" where the body does."""
    wrapped: bool = True
    """Whether the policy goes in an envelope, which may say what of it is meant (updateMask)."""


def read(clients: Clients, target: Target, resource: str) -> Document:
    """The policy of the resource with this full name, in version 3."""
    way, name = _way(target, resource)
    if way.service == "storage":
        own_bucket(clients, target, name)
    method, template = way.get
    asked = {"options": {"requestedPolicyVersion": VERSION}}
    answer = clients(target.account)(
        Request(
            method,
            way.service,
            path(template, name=name),
            query={way.version: str(VERSION)} if way.version else {},
            body=None if way.version else asked,
            reads=True,
        )
    )
    policy: Document = answer.json
    return policy


def change(clients: Clients, target: Target, resource: str, edit: Edit, part: str = "") -> None:
    """Read, edit and write the bindings, or the `part` named; again if another was faster.

    Nothing is written where the edit changes nothing.
    """
    way, name = _way(target, resource)
    method, template = way.set

    def once() -> None:
        policy = read(clients, target, resource)
        edited = edit(policy)
        if edited == policy:
            return
        edited["version"] = VERSION
        mask = {"updateMask": f"{part},etag"} if part else {}
        body = {"policy": edited, **mask} if way.wrapped else edited
        clients(target.account)(Request(method, way.service, path(template, name=name), body=body))

    again(once)


def _way(target: Target, resource: str) -> tuple[Way, str]:
    """The way to a resource's policy, and its name there; only a bucket's has no project in it."""
    for pattern, way in KINDS.items():
        if match := re.fullmatch(pattern, resource):
            bucket = way.service == "storage"
            return way, match["name"] if bucket else own(target, match["name"])
    raise Reject(f"the policy of {resource} is of a kind that no verb changes")


def _read_grant(clients: Clients, target: Target) -> State:
    policy = read(clients, target, arg(target, "resource"))
    return {"granted": any(True for _ in _binding(target, policy))}


def _want_grant(target: Target, before: State, at: int) -> State:
    return {"granted": False}


def _write_grant(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    edit = _given if there(new)["granted"] else _taken
    change(clients, target, arg(target, "resource"), partial(edit, target))


def _binding(target: Target, policy: Document) -> Iterator[Document]:
    """The bindings that hold the grant: of its role, under its condition, with its member."""
    for binding in policy.get("bindings", ()):
        if _is_for(target, binding) and arg(target, "member") in binding.get("members", ()):
            yield binding


def _is_for(target: Target, binding: Document) -> bool:
    same = _condition(binding) == _condition(target.args)
    return same and binding["role"] == arg(target, "role")


def _condition(holder: Mapping[str, Any]) -> Document:
    """The condition, {} for none; a part that is empty is as good as absent."""
    return {name: value for name, value in (holder.get("condition") or {}).items() if value}


def _taken(target: Target, policy: Document) -> Document:
    """The policy without the grant. A binding that has no member left is none."""
    member = arg(target, "member")
    kept = [
        {**each, "members": [one for one in each.get("members", ()) if one != member]}
        if _is_for(target, each)
        else each
        for each in policy.get("bindings", ())
    ]
    return {**policy, "bindings": [each for each in kept if each.get("members")]}


def _given(target: Target, policy: Document) -> Document:
    """The policy with the grant, in the binding that it belongs to or one of its own."""
    if any(True for _ in _binding(target, policy)):
        return policy
    bindings, member = list(policy.get("bindings", ())), arg(target, "member")
    place = next((at for at, each in enumerate(bindings) if _is_for(target, each)), None)
    if place is None:
        condition = _condition(target.args)
        under = {"condition": condition} if condition else {}
        return {
            **policy,
            "bindings": [*bindings, {"role": arg(target, "role"), "members": [member], **under}],
        }
    bindings[place] = {**bindings[place], "members": [*bindings[place].get("members", ()), member]}
    return {**policy, "bindings": bindings}


def _grant_facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`last_administrator`: taking the grant would leave the resource's own policy without one.

    Those who administer it through a folder or organization above are not counted, nor is a
    binding under a condition. So a project that is run from above refuses too often, never too
    rarely.
    """
    resource = arg(target, "resource")
    if arg(target, "role") not in ADMINISTRATORS or not resource.startswith(HIERARCHY):
        return {"last_administrator": False}
    left = {
        (binding["role"], member)
        for binding in read(clients, target, resource).get("bindings", ())
        if binding["role"] in ADMINISTRATORS and not binding.get("condition")
        for member in binding.get("members", ())
        if not member.startswith(NOBODY)
    }
    if not target.args.get("condition"):
        left.discard((arg(target, "role"), arg(target, "member")))
    return {"last_administrator": not left}


HIERARCHY = "//cloudresourcemanager.googleapis.com/"

ADMINISTRATORS = frozenset(
    {
        "roles/owner",
        "roles/resourcemanager.folderAdmin",
        "roles/resourcemanager.organizationAdmin",
        "roles/resourcemanager.projectIamAdmin",
    }
)
"""Who holds one of these may give it to others: https://cloud.google.com/iam/docs/roles-overview."""

NOBODY = ("deleted:", "allUsers", "allAuthenticatedUsers")

OPTION = "options.requestedPolicyVersion"


def _usual(service: str, version: str, get: str = "GET") -> Way:
    return Way(
        service,
        get=(get, f"{version}/{{+name}}:getIamPolicy"),
        set=("POST", f"{version}/{{+name}}:setIamPolicy"),
        version=OPTION,
    )


KINDS: Mapping[str, Way] = {
    rf"{HIERARCHY}(?P<name>(projects|folders|organizations)/[^/]+)": Way(
        "cloudresourcemanager",
        get=("POST", "v3/{+name}:getIamPolicy"),
        set=("POST", "v3/{+name}:setIamPolicy"),
        version="",
    ),
    r"//storage\.googleapis\.com/projects/_/buckets/(?P<name>[^/]+)": Way(
        "storage",
        get=("GET", "storage/v1/b/{name}/iam"),
        set=("PUT", "storage/v1/b/{name}/iam"),
        version="optionsRequestedPolicyVersion",
        wrapped=False,
    ),
    r"//iam\.googleapis\.com/(?P<name>projects/[^/]+/serviceAccounts/[^/]+)": _usual(
        "iam", "v1", "POST"
    ),
    r"//pubsub\.googleapis\.com/(?P<name>projects/[^/]+/(topics|subscriptions)/[^/]+)": _usual(
        "pubsub", "v1"
    ),
    r"//run\.googleapis\.com/(?P<name>projects/[^/]+/locations/[^/]+/services/[^/]+)": _usual(
        "run", "v2"
    ),
    r"//secretmanager\.googleapis\.com/(?P<name>projects/[^/]+/secrets/[^/]+)": _usual(
        "secretmanager", "v1"
    ),
}
"""Full name of a resource -> the way to its policy. BigQuery's datasets and Compute's images keep
theirs in other forms, and are left out."""

REMOVE_GRANT = Lens(_read_grant, _want_grant, _write_grant, _grant_facts)
