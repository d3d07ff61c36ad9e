"""Audit logs: the verb that has them written and routed again, as far as is known what had been.

Three things of three states: a sink is {"disabled": bool} and is wanted enabled; an exclusion is
the same and is wanted disabled; the audit configuration of a project, folder or organization is
{"logged": ["service/LOG_TYPE", ...], "exempted": ["service/LOG_TYPE/member", ...]}, of what the
target names as taken away or exempted and no more. The filter that a sink had, and a sink that was
deleted, are known to nobody here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from core.errors import Reject
from core.model import State, Target
from functions.gcp.actions import policy as policies
from functions.gcp.actions.lens import Clients, Document, Lens, arg, own, there
from functions.gcp.rest import Request, path

__all__ = ["RESTORE_AUDIT_LOGGING"]

SHARED_WRITER = "serviceAccount:cloud-logs@"
"""Identity of a sink that has none of its own."""

REQUIRED = ("name", "destination", "filter")
"""Sent along as they are, since a sink and an exclusion want them; the mask leaves them alone."""


def _read(clients: Clients, target: Target) -> State:
    if "resource" in target.args:
        policy = policies.read(clients, target, arg(target, "resource"))
        held = _entries(policy)
        return {
            kind: [each for each in _named(target, kind) if each in held[kind]] for kind in held
        }
    return {"disabled": _router(clients, target).get("disabled", False)}


def _want(target: Target, before: State, at: int) -> State:
    if "resource" in target.args:
        return {"logged": _named(target, "logged"), "exempted": []}
    return {"disabled": "exclusion" in target.args}


def _write(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    if "resource" in target.args:
        edit = partial(_edited, target, there(new))
        policies.change(clients, target, arg(target, "resource"), edit, "auditConfigs")
        return
    router = _router(clients, target)
    body = {field: router[field] for field in REQUIRED if field in router}
    method, query = "PATCH", {"updateMask": "disabled"}
    if "sink" in target.args:
        # Said otherwise than it is, this gives the sink another identity, or is refused.
        writer = router.get("writerIdentity", SHARED_WRITER)
        query["uniqueWriterIdentity"] = str(not writer.startswith(SHARED_WRITER)).lower()
        method = "PUT"
    body["disabled"] = there(new)["disabled"]
    clients(target.account)(Request(method, "logging", _path(target), query=query, body=body))


def _router(clients: Clients, target: Target) -> Document:
    """The sink or the exclusion."""
    answer = clients(target.account)(Request("GET", "logging", _path(target)))
    document: Document = answer.json
    return document


def _path(target: Target) -> str:
    kind = "sink" if "sink" in target.args else "exclusion"
    return path("v2/{+name}", name=own(target, arg(target, kind)))


def _named(target: Target, kind: str) -> list[str]:
    """What the target names, in order; Reject what is no list of such entries."""
    named = target.args.get(kind) or []
    slashes = {"logged": 1, "exempted": 2}[kind]
    if not isinstance(named, list | tuple) or any(str(each).count("/") < slashes for each in named):
        raise Reject(f"target {target.uid} has {kind} that can't be read: {named!a:.80}")
    return sorted(map(str, named))


def _entries(policy: Document) -> dict[str, set[str]]:
    """What the policy has logged, and whom it exempts from that, flat."""
    logged, exempted = set(), set()
    for service, kind, members in _configs(policy):
        logged.add(f"{service}/{kind}")
        exempted |= {f"{service}/{kind}/{member}" for member in members}
    return {"logged": logged, "exempted": exempted}


def _configs(policy: Document) -> Iterable[tuple[str, str, list[str]]]:
    for config in policy.get("auditConfigs", ()):
        for log in config.get("auditLogConfigs", ()):
            yield config["service"], log["logType"], log.get("exemptedMembers", [])


def _edited(target: Target, state: Mapping[str, Any], policy: Document) -> Document:
    """The policy with what the target names as the state says; all else as it is."""
    tree: dict[str, dict[str, list[str]]] = {}
    for service, kind, members in _configs(policy):
        tree.setdefault(service, {})[kind] = list(members)
    for entry in _named(target, "exempted"):
        service, kind, member = entry.split("/", 2)
        members = tree.get(service, {}).get(kind, [])
        if entry not in state["exempted"] and member in members:
            members.remove(member)
        elif entry in state["exempted"] and member not in members:
            tree.setdefault(service, {}).setdefault(kind, []).append(member)
    for entry in _named(target, "logged"):
        service, kind = entry.split("/", 1)
        if entry in state["logged"]:
            tree.setdefault(service, {}).setdefault(kind, [])
        else:
            tree.get(service, {}).pop(kind, None)
    edited = [_config(service, logs) for service, logs in tree.items() if logs]
    same = _entries({"auditConfigs": edited}) == _entries(policy)
    return policy if same else {**policy, "auditConfigs": edited}


def _config(service: str, logs: Mapping[str, list[str]]) -> Document:
    return {
        "service": service,
        "auditLogConfigs": [
            {"logType": kind, **({"exemptedMembers": members} if members else {})}
            for kind, members in logs.items()
        ],
    }


RESTORE_AUDIT_LOGGING = Lens(_read, _want, _write)
