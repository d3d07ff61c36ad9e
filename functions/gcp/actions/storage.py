"""Public access prevention of a bucket: the verb that enforces it.

State: {"publicAccessPrevention": "inherited" | "enforced"}. Enforced, it overrides every grant to
allUsers and allAuthenticatedUsers without taking it back, so undoing exposes what was exposed.
https://cloud.google.com/storage/docs/public-access-prevention.
"""

from __future__ import annotations

from core.errors import NotFound
from core.model import State, Target
from functions.gcp.actions.lens import Clients, Document, Lens, again, arg, there
from functions.gcp.rest import Request, path

__all__ = ["BLOCK_PUBLIC_STORAGE", "own_bucket"]


def _read_prevention(clients: Clients, target: Target) -> State:
    bucket = own_bucket(clients, target, arg(target, "bucket"))
    said = bucket.get("iamConfiguration", {}).get("publicAccessPrevention")
    return {"publicAccessPrevention": "enforced" if said == "enforced" else "inherited"}


def _want_prevention(target: Target, before: State, at: int) -> State:
    return {"publicAccessPrevention": "enforced"}


def _write_prevention(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return

    def once() -> None:
        bucket = own_bucket(clients, target, arg(target, "bucket"))
        clients(target.account)(
            Request(
                "PATCH",
                "storage",
                path("storage/v1/b/{bucket}", bucket=arg(target, "bucket")),
                query={"ifMetagenerationMatch": bucket["metageneration"]},
                body={"iamConfiguration": dict(there(new))},
            )
        )

    again(once)


def own_bucket(clients: Clients, target: Target, name: str) -> Document:
    """The bucket of this name, if it lies in the target's project.

    A deleted bucket's name may belong to anybody by now, and a bucket knows its project by number.
    """
    call = clients(target.account)
    owner = call(
        Request("GET", "cloudresourcemanager", path("v3/projects/{id}", id=target.account))
    )
    bucket: Document = call(
        Request("GET", "storage", path("storage/v1/b/{bucket}", bucket=name))
    ).json
    if owner.json["name"] != f"projects/{bucket['projectNumber']}":
        raise NotFound(f"project {target.account} has no bucket {name}; another one has")
    return bucket


BLOCK_PUBLIC_STORAGE = Lens(_read_prevention, _want_prevention, _write_prevention)
