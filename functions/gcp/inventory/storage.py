"""Buckets as posture events: who may read them, and what stands in the way.

A bucket is public by its policy or, unless access is uniform, by its access lists. Public access
prevention stands in the way of both, the bucket's own or that of the organization's policy.
https://cloud.google.com/storage/docs/public-access-prevention.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import Forbidden, NotFound
from core.model import Event
from functions.gcp.inventory.look import Look, Place, listed
from functions.gcp.rest import Request, path

__all__ = ["buckets"]

EVERYBODY = frozenset({"allUsers", "allAuthenticatedUsers"})

PREVENTED = "v2/projects/{project}/policies/storage.publicAccessPrevention:getEffectivePolicy"


def buckets(place: Place) -> Iterator[Event]:
    """Every bucket of the project."""
    prevented = _prevented(place)
    request = Request("GET", "storage", "/storage/v1/b", {"project": place.project})
    for bucket in listed(place.call, request, "items"):
        try:
            look = _look(place, bucket, prevented)
        except NotFound:
            continue  # deleted while we looked
        yield look.event(
            place,
            "storage_bucket",
            id=f"//storage.googleapis.com/projects/_/buckets/{bucket['name']}",
            name=bucket["name"],
            region=bucket.get("location", "").lower(),
            tags=bucket.get("labels", {}),
        )


def _look(place: Place, bucket: Mapping[str, Any], prevented: bool | None) -> Look:
    access = bucket.get("iamConfiguration", {})
    uniform = access.get("uniformBucketLevelAccess", {}).get("enabled", False)
    look = Look(
        uniform_access=uniform,
        versioning=bucket.get("versioning", {}).get("enabled", False),
        encrypted=True,  # Google leaves no choice
        cmk="defaultKmsKeyName" in bucket.get("encryption", {}),
        logging="logBucket" in bucket.get("logging", {}),
        immutability={
            "days": int(bucket.get("retentionPolicy", {}).get("retentionPeriod", 0)) // 86_400,
            "locked": bucket.get("retentionPolicy", {}).get("isLocked", False),
        },
    )
    block = True if access.get("publicAccessPrevention") == "enforced" else prevented
    if block is None:
        look.unknown.append("public_access_block")
    else:
        look.attributes["public_access_block"] = block
    with look.at("public_policy") as found:
        found["public_policy"] = _public_policy(place, bucket["name"])
    with look.at("acl_public") as found:
        found["acl_public"] = not uniform and _public_lists(place, bucket["name"])
    _judge(look, block)
    return look


def _judge(look: Look, block: bool | None) -> None:
    """`public`: a policy or a list opens the bucket and nothing stands in the way."""
    opened = [look.attributes.get(name) for name in ("public_policy", "acl_public")]
    if block or opened == [False, False]:
        look.attributes["public"] = False
    elif block is None or (None in opened and True not in opened):
        look.unknown.append("public")
    else:
        look.attributes["public"] = True


def _public_policy(place: Place, bucket: str) -> bool:
    """Whether a binding names everybody; one under a condition counts."""
    where = path("storage/v1/b/{bucket}/iam", bucket=bucket)
    query = {"optionsRequestedPolicyVersion": "3"}
    policy = place.call(Request("GET", "storage", where, query)).json
    members = (member for each in policy.get("bindings", ()) for member in each.get("members", ()))
    return not EVERYBODY.isdisjoint(members)


def _public_lists(place: Place, bucket: str) -> bool:
    """Whether everybody is on the list of the bucket, or on that which new objects get."""
    return any(
        entry.get("entity") in EVERYBODY
        for which in ("acl", "defaultObjectAcl")
        for entry in listed(
            place.call,
            Request("GET", "storage", path(f"storage/v1/b/{{bucket}}/{which}", bucket=bucket)),
            "items",
        )
    )


def _prevented(place: Place) -> bool | None:
    """Whether the organization's policy enforces prevention in the project; None if unread.

    A rule under a condition (tags) says nothing of all buckets.
    """
    where = path(PREVENTED, project=place.project)
    try:
        policy = place.call(Request("GET", "orgpolicy", where)).json
    except Forbidden:
        return None
    rules = policy.get("spec", {}).get("rules", ())
    return any(rule.get("enforce") and "condition" not in rule for rule in rules)
