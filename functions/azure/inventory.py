"""What a sweep looks at on Azure: keys and secrets, NSG rules, storage accounts, the log's export.

One generator per kind, over ARM's and Graph's lists, which show what was just written; Resource
Graph needs fewer calls and lags by minutes, and a sweep that follows an action must not. A kind
that can't be listed raises; an attribute of one resource that can't be read is left out and named
in the record's `unknown`, for "could not look" is never "fine". What Azure says of no resource at
all (when a key was last used) is simply not there. Which resources are bad is the rules' affair.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from core.errors import Forbidden, NotFound
from core.model import Event, Json
from core.native import dig, first
from core.ports import Clock, Inventory
from core.sweep import event
from functions.azure.events.values import milliseconds
from functions.azure.rest import Cloud, Rest
from functions.azure.targets import is_world

__all__ = ["inventory"]

DAY_MS = 86_400_000


class Place(NamedTuple):
    """Where a sweep looks, and when."""

    rest: Rest
    cloud: Cloud
    subscriptions: tuple[str, ...]
    clock: Clock

    def arm(self, path: str, version: str) -> Iterator[Json]:
        """Every item of a list of ARM."""
        return self.rest.items(self.cloud.arm, path, query={"api-version": version})


class Look(NamedTuple):
    """The attributes of one resource, and the names of those that could not be read."""

    attributes: dict[str, Any]
    unknown: list[str]

    @contextlib.contextmanager
    def at(self, *names: str) -> Iterator[None]:
        """Around the reading of these attributes: a denied call leaves all of them unknown."""
        try:
            yield
        except Forbidden:
            self.unknown.extend(names)


def inventory(rest: Rest, cloud: Cloud, subscriptions: tuple[str, ...], clock: Clock) -> Inventory:
    """Resource kind -> all resources of it, in all the subscriptions."""
    place = Place(rest, cloud, subscriptions, clock)
    return {kind: partial(resources, place) for kind, resources in KINDS.items()}


def _accounts(place: Place) -> Iterator[tuple[str, Json]]:
    """(subscription, storage account as ARM has it)."""
    for subscription in place.subscriptions:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts"
        for account in place.arm(path, STORAGE):
            yield subscription, account


def _storage_buckets(place: Place) -> Iterator[Event]:
    """Every storage account: what it lets in, and whether a container is open to everybody."""
    for subscription, account in _accounts(place):
        if account.get("kind") == "FileStorage":
            continue  # it has no blobs, and ARM refuses to speak of any
        held = account.get("properties") or {}
        blocked = held.get("allowBlobPublicAccess") is not True  # Azure takes absent for false
        look = Look(
            {
                "public_access_block": blocked,
                "shared_key_access": held.get("allowSharedKeyAccess") is not False,
                "tls_only": held.get("supportsHttpsTrafficOnly") is True,
                "min_tls": first(held, "minimumTlsVersion") or "TLS1_0",
                "network_default_deny": _default_deny(held),
                "encrypted": True,
                "cmk": first(held, "encryption.keySource").casefold() == "microsoft.keyvault",
            },
            [],
        )
        try:
            with look.at("public", "public_containers"):
                look.attributes.update(_public(place, account["id"], blocked=blocked))
            with look.at("versioning", "soft_delete_days"):
                look.attributes.update(_blob_service(place, account["id"]))
        except NotFound:
            continue  # deleted while we looked
        yield _event(place, subscription, "storage_bucket", account, look)


def _public(place: Place, account: str, *, blocked: bool) -> dict[str, Any]:
    """`public`: some container is open to everybody and the account does not forbid it."""
    if blocked:
        return {"public": False}
    found = [
        first(each, "name")
        for each in place.arm(f"{account}/blobServices/default/containers", STORAGE)
        if first(each, "properties.publicAccess") in {"Blob", "Container"}
    ]
    return {"public": bool(found), "public_containers": found}


def _blob_service(place: Place, account: str) -> dict[str, Any]:
    answer = place.rest.call(
        place.cloud.arm,
        "GET",
        f"{account}/blobServices/default",
        query={"api-version": STORAGE},
    ).json()
    days = dig(answer, "properties.deleteRetentionPolicy.days")
    kept = dig(answer, "properties.deleteRetentionPolicy.enabled") == [True]
    return {
        "versioning": dig(answer, "properties.isVersioningEnabled") == [True],
        "soft_delete_days": days[0] if kept and days else 0,
    }


def _default_deny(held: Mapping[str, Json]) -> bool:
    closed = first(held, "publicNetworkAccess").casefold() in {"disabled", "securedbyperimeter"}
    return closed or first(held, "networkAcls.defaultAction").casefold() == "deny"


def _access_keys(place: Place) -> Iterator[Event]:
    """The keys of each storage account as one, for they are turned off as one."""
    for subscription, account in _accounts(place):
        held = account.get("properties") or {}
        made = [_days(place, first(held, f"keyCreationTime.{key}")) for key in ("key1", "key2")]
        ages = [age for age in made if age is not None]
        look = Look({"owner_type": "service", "is_user_managed": True}, [])
        look.attributes["owner"] = first(account, "id").lower()
        look.attributes["active"] = held.get("allowSharedKeyAccess") is not False
        look.attributes.update({"age_days": max(ages)} if ages else {})
        yield _event(place, subscription, "access_key", account, look)


def _application_keys(place: Place) -> Iterator[Event]:
    """Each secret and certificate of each application of the tenant."""
    fields = "id,appId,displayName,passwordCredentials,keyCredentials"
    for app in place.rest.items(place.cloud.graph, "/v1.0/applications", query={"$select": fields}):
        for path in ("passwordCredentials", "keyCredentials"):
            for key in dig(app, path):
                age, left = (_days(place, first(key, f"{end}DateTime")) for end in ("start", "end"))
                attributes = {
                    "owner": first(app, "id"),
                    "owner_type": "service",
                    "is_user_managed": True,
                    "active": left is None or left < 0,
                    "expires_in_days": None if left is None else -left,
                }
                attributes |= {"age_days": age} if age is not None else {}
                known = {
                    "id": f"/applications/{first(app, 'id')}/{path}/{first(key, 'keyId')}",
                    "name": first(app, "displayName"),
                }
                yield _event(place, "", "access_key", known, Look(attributes, []))


def _firewall_rules(place: Place) -> Iterator[Event]:
    """Every rule of every network security group, one event for each range of its ports.

    Whether a rule of higher priority takes back what one allows is not looked at.
    """
    for subscription in place.subscriptions:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Network/networkSecurityGroups"
        for group in place.arm(path, NETWORK):
            attached = bool(
                dig(group, "properties.subnets") or dig(group, "properties.networkInterfaces")
            )
            for rule in dig(group, "properties.securityRules"):
                known = {"location": group.get("location"), "tags": group.get("tags"), **rule}
                for ports in _both(rule, "destinationPortRange") or ["*"]:
                    attributes = {**_rule(rule, ports), "attached": attached}
                    attributes["group_id"] = first(group, "id").lower()
                    yield _event(place, subscription, "firewall_rule", known, Look(attributes, []))


def _rule(rule: Json, ports: str) -> dict[str, Any]:
    """`sources` are prefixes, tags or application groups; of an egress rule its destinations."""
    inward = first(rule, "properties.direction").casefold() == "inbound"
    end = "source" if inward else "destination"
    groups = dig(rule, f"properties.{end}ApplicationSecurityGroups.id")
    sources = [*_both(rule, f"{end}AddressPrefix"), *groups]
    low, _, high = ("0-65535" if ports == "*" else ports).partition("-")
    return {
        "direction": "ingress" if inward else "egress",
        "action": first(rule, "properties.access").casefold(),
        "enabled": True,
        "sources": sources,
        "protocol": first(rule, "properties.protocol").casefold(),
        "from_port": int(low) if low.isdecimal() else -1,
        "to_port": int(high or low) if (high or low).isdecimal() else -1,
        "priority": next(iter(dig(rule, "properties.priority")), None),
        "description": first(rule, "properties.description"),
        "world_open": any(map(is_world, sources))
        and first(rule, "properties.access").casefold() == "allow",
    }


def _both(rule: Json, field: str) -> list[str]:
    """Azure has one value in `xPrefix`, several in `xPrefixes`; unused ones are empty."""
    plural = f"{field}es" if field.endswith("x") else f"{field}s"
    found = [*dig(rule, f"properties.{field}"), *dig(rule, f"properties.{plural}")]
    return [each for each in found if isinstance(each, str) and each]


def _audit_logs(place: Place) -> Iterator[Event]:
    """The export of each subscription's Activity Log, over all its diagnostic settings."""
    for subscription in place.subscriptions:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Insights/diagnosticSettings"
        settings = list(place.arm(path, INSIGHTS))
        on = {
            first(log, "category").casefold()
            for setting in settings
            for log in dig(setting, "properties.logs")
            if isinstance(log, Mapping) and log.get("enabled") is True
        }
        missing = [each for each in NEEDED if each.casefold() not in on]
        attributes = {
            "enabled": bool(on),
            "covers_all_categories": not missing,
            "missing_categories": missing,
            "settings": len(settings),
        }
        known = {"id": f"/subscriptions/{subscription}", "name": subscription}
        yield _event(place, subscription, "audit_log", known, Look(attributes, []))


def _event(
    place: Place, subscription: str, kind: str, resource: Mapping[str, Json], look: Look
) -> Event:
    """The posture event of a resource of ARM (see core.sweep.event for its fields)."""
    return event(
        {
            "resource_type": kind,
            "id": first(resource, "id").lower(),
            "name": first(resource, "name"),
            "provider": "azure",
            "account": subscription,
            "region": first(resource, "location"),
            "time": place.clock(),
            "tags": resource.get("tags") or {},
            "attributes": look.attributes,
            "unknown": look.unknown,
        }
    )


def _days(place: Place, since: str) -> int | None:
    """Whole days since a time, negative before it; None where there is none."""
    found = milliseconds(since)
    return None if found is None else (place.clock() - found) // DAY_MS


STORAGE = "2026-09-01"
NETWORK = "2026-03-01"
INSIGHTS = "2021-05-01-preview"

NEEDED = ("Administrative", "Security", "Policy", "Alert")
"""Categories of the Activity Log that rules read, as CIS asks for them."""

KINDS: Mapping[str, Callable[[Place], Iterable[Event]]] = {
    "access_key": _access_keys,
    "application_key": _application_keys,
    "audit_log": _audit_logs,
    "firewall_rule": _firewall_rules,
    "storage_bucket": _storage_buckets,
}
"""What is listed -> how. Applications' keys are of resource type access_key too; they are listed
apart, since reading the directory is a right of its own that a deployment may not have."""
