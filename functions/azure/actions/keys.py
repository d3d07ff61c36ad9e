"""Long-lived credentials: the verb that makes the keys of a storage account, or the secrets and
certificates of an application, unusable without deleting them.

State of a storage account: {"allowSharedKeyAccess": bool}; Azure takes an absent value for true.
State of an application: {"accountEnabled": bool} of its service principal in this tenant. One
secret can be removed but never put back, so all of the application's sign-ins are stopped instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import Reject
from core.model import State, Target
from functions.azure.actions.lens import (
    Clients,
    Document,
    Lens,
    arm,
    get,
    graph,
    guid,
    resource,
    there,
)

__all__ = ["DISABLE_ACCESS_KEY"]


def _read(clients: Clients, target: Target) -> State:
    if "resource" not in target.args:
        return {"accountEnabled": _principal(clients, target)["accountEnabled"]}
    account = get(clients, resource(clients, target, ACCOUNT), STORAGE)
    return {"allowSharedKeyAccess": account["properties"].get("allowSharedKeyAccess") is not False}


def _want(target: Target, before: State, at: int) -> State:
    return dict.fromkeys(there(before), False)


def _write(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    if "resource" in target.args:
        path = resource(clients, target, ACCOUNT)
        arm(clients, "PATCH", path, STORAGE, {"properties": dict(there(new))})
        return
    found = _principal(clients, target)
    graph(clients, target, "PATCH", f"/servicePrincipals/{found['id']}", dict(there(new)))


def _facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`principal`: the id of the service principal, where a log named the application."""
    if "resource" in target.args:
        return {}
    return {"principal": _principal(clients, target)["id"]}


def _principal(clients: Clients, target: Target) -> Document:
    """The service principal; Reject where Azure or Microsoft keeps it and not the tenant."""
    if "service_principal" in target.args:
        path = f"/servicePrincipals/{guid(target, 'service_principal')}"
    else:
        path = f"/servicePrincipals(appId='{_app_id(clients, target)}')"
    found = graph(clients, target, "GET", path, select=FIELDS)
    if found.get("servicePrincipalType") == "ManagedIdentity":
        raise Reject(f"{target.uid} is a managed identity: Azure keeps its keys; take its grants")
    if found.get("appOwnerOrganizationId") in MICROSOFT:
        raise Reject(f"{target.uid} is an application of Microsoft's own")
    return found


def _app_id(clients: Clients, target: Target) -> str:
    """The application id: as given, else that of the application object of this tenant."""
    if "app_id" in target.args:
        return guid(target, "app_id")
    path = f"/applications/{guid(target, 'application')}"
    return str(graph(clients, target, "GET", path, select="id,appId")["appId"])


STORAGE = "2026-09-01"
ACCOUNT = "microsoft.storage/storageaccounts"

FIELDS = "id,appId,accountEnabled,appOwnerOrganizationId,servicePrincipalType"

MICROSOFT = ("f8cdef31-a31e-4b4a-93e4-5f571e91255a", "72f988bf-86f1-41af-91ab-2d7cd011db47")
"""Tenants that own Microsoft's first-party applications (learn.microsoft.com,
troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in)."""

DISABLE_ACCESS_KEY = Lens(_read, _want, _write, _facts)
