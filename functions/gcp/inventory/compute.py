"""VPC firewall rules as posture events, one for each span of ports that a rule names.

All events of a rule have the rule's id, so that a posture rule which matches one of them has found
the firewall rule. Priorities and the policies of folders and organizations are not weighed.
https://cloud.google.com/firewall/docs/firewalls#rule_components.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from core.model import Event
from functions.gcp.inventory.look import Look, Place, listed
from functions.gcp.rest import Request, path

__all__ = ["firewall_rules"]


def firewall_rules(place: Place) -> Iterator[Event]:
    """Every rule of every network. `world_open`: it is on, allows, and names the whole world."""
    where = path("compute/v1/projects/{project}/global/firewalls", project=place.project)
    for rule in listed(place.call, Request("GET", "compute", where), "items"):
        full = f"projects/{place.project}/global/firewalls/{rule['name']}"
        for action in ("allowed", "denied"):
            for part in rule.get(action, ()):
                for low, high in _spans(part):
                    look = _look(rule, action, part["IPProtocol"].lower(), low, high)
                    yield look.event(
                        place,
                        "firewall_rule",
                        id=f"//compute.googleapis.com/{full}",
                        name=rule["name"],
                        region="global",
                    )


def _look(rule: Mapping[str, Any], action: str, protocol: str, low: int, high: int) -> Look:
    """`sources` of an egress rule are its destinations."""
    egress = rule.get("direction") == "EGRESS"
    ranges = rule.get("destinationRanges" if egress else "sourceRanges", ())
    tags = () if egress else (*rule.get("sourceTags", ()), *rule.get("sourceServiceAccounts", ()))
    enabled, allow = not rule.get("disabled", False), action == "allowed"
    return Look(
        direction="egress" if egress else "ingress",
        action="allow" if allow else "deny",
        enabled=enabled,
        sources=[*ranges, *tags],
        protocol=protocol,
        from_port=low,
        to_port=high,
        priority=rule.get("priority", 1000),
        network=rule.get("network", ""),
        description=rule.get("description", ""),
        world_open=enabled and allow and any(map(_is_world, ranges)),
    )


def _spans(part: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """The ports, span by span: all of them where none is named, none for a protocol without."""
    if part["IPProtocol"].lower() not in PORTED:
        yield (-1, -1)
        return
    for span in part.get("ports") or ["0-65535"]:
        low, _, high = span.partition("-")
        yield int(low), int(high or low)


def _is_world(range_: str) -> bool:
    try:
        return ipaddress.ip_network(range_, strict=False).prefixlen == 0
    except ValueError:
        return False


PORTED = frozenset({"all", "tcp", "udp", "sctp", "6", "17", "132"})
"""Protocols that have ports, by name and number."""
