"""Grants of roles: the verb that takes back one assignment, of Azure's roles or of Entra's.

State of an assignment of Azure: {"properties": {...}} as it would be written, None when there is
none of that name; it comes back under the same name. State of an assignment of Entra:
{"assigned": bool}, as Graph gives one that comes back another id; it is known by who, which role
and where. Membership of a group and eligibility in PIM are other things, and are left alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import NotFound
from core.model import State, Target
from functions.azure.actions.lens import (
    Clients,
    Document,
    Lens,
    arg,
    arm,
    get,
    graph,
    graph_items,
    guid,
    resource,
    there,
)

__all__ = ["REMOVE_GRANT"]


def _read(clients: Clients, target: Target) -> State:
    if "resource" not in target.args:
        return {"assigned": bool(_assigned(clients, target))}
    held = _assignment(clients, target)
    return {"properties": held} if held else None


def _want(target: Target, before: State, at: int) -> State:
    return None if "resource" in target.args else {"assigned": False}


def _write(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    if "resource" not in target.args:
        _write_entra(clients, target, granted=there(new)["assigned"])
        return
    path = resource(clients, target, ASSIGNMENT)
    if new is not None:
        arm(clients, "PUT", path, VERSION, dict(new))
        return
    with contextlib.suppress(NotFound):  # gone already: reading back tells
        arm(clients, "DELETE", path, VERSION)


def _write_entra(clients: Clients, target: Target, *, granted: bool) -> None:
    found = _assigned(clients, target)
    if granted and not found:
        graph(clients, target, "POST", ENTRA, _entra(target))
    if granted:
        return
    for each in found:
        with contextlib.suppress(NotFound):
            graph(clients, target, "DELETE", f"{ENTRA}/{each['id']}")


def _facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`principal`: the id that the role was given to; `last_administrator`: no other is left."""
    if "resource" not in target.args:
        who, role = guid(target, "principal_id"), guid(target, "role")
        others = role != GLOBAL_ADMINISTRATOR or any(
            each["principalId"] != who and each["directoryScopeId"] == "/"
            for each in _holders(clients, target)
        )
        return {"principal": who, "last_administrator": not others}
    held = _assignment(clients, target)
    return {
        "principal": held.get("principalId", ""),
        "last_administrator": _is_last(clients, target, held),
    }


def _is_last(clients: Clients, target: Target, held: Document) -> bool:
    """Whether no other Owner or User Access Administrator is assigned at the scope or above it.

    Groups and applications count as they stand, since who is in them is not asked.
    """
    if _role(held) not in ADMINISTRATORS:
        return False
    path = resource(clients, target, ASSIGNMENT)
    scope = path[: path.lower().rindex(SEPARATOR)]
    found: Iterator[Any] = clients.rest.items(
        clients.cloud.arm,
        f"{scope}/providers/Microsoft.Authorization/roleAssignments",
        query={"api-version": VERSION, "$filter": "atScope()"},
    )
    return not any(
        _role(each["properties"]) in ADMINISTRATORS
        and each["properties"]["principalId"] != held["principalId"]
        for each in found
    )


def _role(properties: Document) -> str:
    return str(properties.get("roleDefinitionId", "")).rpartition("/")[2].lower()


def _assignment(clients: Clients, target: Target) -> Document:
    """What was assigned, {} if there is no such assignment (its scope may be gone as well)."""
    try:
        found = get(clients, resource(clients, target, ASSIGNMENT), VERSION)
    except NotFound:
        return {}
    held = found["properties"]
    return {name: held[name] for name in WRITTEN if held.get(name) is not None}


def _assigned(clients: Clients, target: Target) -> list[Document]:
    """The assignments of this role to this principal at this place: one, or none."""
    wanted = _entra(target)
    return [
        each
        for each in _holders(clients, target)
        if all(each.get(name) == value for name, value in wanted.items())
    ]


def _holders(clients: Clients, target: Target) -> list[Document]:
    """All assignments of the role, wherever in the directory they apply."""
    role = guid(target, "role")
    return list(graph_items(clients, target, ENTRA, filter=f"roleDefinitionId eq '{role}'"))


def _entra(target: Target) -> Document:
    return {
        "principalId": guid(target, "principal_id"),
        "roleDefinitionId": guid(target, "role"),
        "directoryScopeId": arg(target, "scope"),
    }


VERSION = "2022-04-01"
ASSIGNMENT = "microsoft.authorization/roleassignments"
SEPARATOR = "/providers/microsoft.authorization/roleassignments/"
ENTRA = "/roleManagement/directory/roleAssignments"

WRITTEN = (
    "roleDefinitionId",
    "principalId",
    "principalType",
    "description",
    "condition",
    "conditionVersion",
    "delegatedManagedIdentityResourceId",
)
"""What the body of a PUT may hold; Azure adds scope, times and authors."""

ADMINISTRATORS = frozenset(
    {"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"}
)
"""Owner and User Access Administrator: the built-in roles that can give others access again."""

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
"""The template of the role, which is its definition's id in every tenant."""

REMOVE_GRANT = Lens(_read, _want, _write, _facts)
