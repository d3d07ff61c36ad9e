"""Rules of network security groups: the verb that takes world-open sources out of one.

State: {"name": ..., "properties": {...}}, the rule as it would be written, None when there is no
such rule. Logs shout resource ids in capitals, so the name is the one that Azure answers with. A
rule that has other sources keeps those; one that has none goes, and comes back under its name with
all it had. It is not turned into a denial: that would also close what other rules open, among them
the network's own traffic (decision 0095). A write compares the rule again before it calls, and
sends its ETag along for what happens between the two.
"""

from __future__ import annotations

import contextlib

from core.errors import Conflict, NotFound
from core.model import State, Target
from functions.azure.actions.lens import Clients, Document, Lens, arm, get, resource, there
from functions.azure.targets import is_world

__all__ = ["CLOSE_INGRESS"]


def _read(clients: Clients, target: Target) -> State:
    return _state(_rule(clients, target))


def _want(target: Target, before: State, at: int) -> State:
    """Without the world-open sources; None when no source is left."""
    held = (before or {}).get("properties", {})
    inward = str(held.get("direction")).lower() == "inbound"
    allows = str(held.get("access")).lower() == "allow"
    single, several = held.get("sourceAddressPrefix"), held.get("sourceAddressPrefixes") or []
    if not (inward and allows and any(map(is_world, [single, *several]))):
        return before
    kept = [source for source in several if not is_world(source)]
    if single and not is_world(single):
        kept.append(single)
    if not kept:
        return None
    rest = {name: held[name] for name in held if name not in SOURCES}
    sources = (
        {"sourceAddressPrefix": kept[0]} if len(kept) == 1 else {"sourceAddressPrefixes": kept}
    )
    return {**there(before), "properties": {**rest, **sources}}


def _write(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    found = _rule(clients, target)
    if _state(found) == new:
        return
    group = _group(resource(clients, target, RULE))
    name = (new or there(old))["name"]
    path = f"{group}/securityRules/{name}"
    if _state(found) != old:
        raise Conflict(f"{path} was changed since it was read")
    if new is None:
        with contextlib.suppress(NotFound):  # gone meanwhile: reading back tells
            arm(clients, "DELETE", path, VERSION, If_Match=found["etag"])
        return
    condition = {"If_Match": found["etag"]} if found else {}
    arm(clients, "PUT", path, VERSION, {"properties": new["properties"]}, **condition)


def _state(rule: Document) -> State:
    return {"name": rule["name"], "properties": _written(rule["properties"])} if rule else None


def _rule(clients: Clients, target: Target) -> Document:
    """The rule, {} where its group has none of that name; NotFound when the group is gone."""
    path = resource(clients, target, RULE)
    try:
        return get(clients, path, VERSION)
    except NotFound:
        get(clients, _group(path), VERSION)
        return {}


def _group(path: str) -> str:
    """The network security group that a rule belongs to."""
    return path.rpartition("/")[0].rpartition("/")[0]


def _written(properties: Document) -> Document:
    """The properties without what Azure itself adds; lists in a fixed order, as they mean sets."""
    return {
        name: sorted(value) if name in SETS and isinstance(value, list) else value
        for name, value in properties.items()
        if name not in READ_ONLY and value not in (None, "", [])
    }


VERSION = "2026-03-01"
RULE = "microsoft.network/networksecuritygroups/securityrules"

SOURCES = frozenset({"sourceAddressPrefix", "sourceAddressPrefixes"})
READ_ONLY = frozenset({"provisioningState"})
SETS = frozenset(
    {
        "sourceAddressPrefixes",
        "destinationAddressPrefixes",
        "sourcePortRanges",
        "destinationPortRanges",
    }
)

CLOSE_INGRESS = Lens(_read, _want, _write)
