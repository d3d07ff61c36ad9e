"""Anonymous access to blobs: the verb that turns it off, for an account or for one container.

State of an account: {"allowBlobPublicAccess": bool}; Azure takes an absent value for false.
State of a container: {"publicAccess": "None" | "Blob" | "Container"}.
"""

from __future__ import annotations

from core.model import State, Target
from functions.azure.actions.lens import Clients, Lens, arm, get, resource, there

__all__ = ["BLOCK_PUBLIC_STORAGE"]


def _read(clients: Clients, target: Target) -> State:
    path = resource(clients, target, ACCOUNT, CONTAINER)
    held = get(clients, path, VERSION).get("properties") or {}
    if _is_container(path):
        return {"publicAccess": held.get("publicAccess") or "None"}
    return {"allowBlobPublicAccess": held.get("allowBlobPublicAccess") is True}


def _want(target: Target, before: State, at: int) -> State:
    return {"publicAccess": "None"} if "publicAccess" in there(before) else dict(BLOCKED)


def _write(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    path = resource(clients, target, ACCOUNT, CONTAINER)
    arm(clients, "PATCH", path, VERSION, {"properties": dict(there(new))})


def _is_container(path: str) -> bool:
    return "/containers/" in path.lower()


VERSION = "2026-09-01"
ACCOUNT = "microsoft.storage/storageaccounts"
CONTAINER = "microsoft.storage/storageaccounts/blobservices/containers"
BLOCKED = {"allowBlobPublicAccess": False}

BLOCK_PUBLIC_STORAGE = Lens(_read, _want, _write)
