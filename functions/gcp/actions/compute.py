"""World-open ranges of VPC firewall rules: the verb that closes them.

State: {"sourceRanges": [...], "disabled": bool}, the ranges in order. A range of prefix length 0,
IPv4 or IPv6, is taken out of the rule. A rule that has no other is disabled instead and keeps it:
Google reads a rule without sources as one for the whole world.
https://cloud.google.com/firewall/docs/firewalls#rule_components.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from core.errors import Conflict, Reject
from core.model import State, Target
from functions.gcp.actions.lens import Clients, Document, Lens, arg, own, there
from functions.gcp.rest import Request, path

__all__ = ["CLOSE_INGRESS"]

RULE = "compute/v1/{+name}"


def _read_rule(clients: Clients, target: Target) -> State:
    rule = _rule(clients, target)
    return {
        "sourceRanges": sorted(rule.get("sourceRanges", ())),
        "disabled": rule.get("disabled", False),
    }


def _want_rule(target: Target, before: State, at: int) -> State:
    state = there(before)
    kept = [each for each in state["sourceRanges"] if not _is_world(each)]
    if state["disabled"] or len(kept) == len(state["sourceRanges"]):
        return before
    return {**state, "sourceRanges": kept} if kept else {**state, "disabled": True}


def _write_rule(clients: Clients, target: Target, old: State, new: State) -> None:
    """Take out and put back what the states differ by. Ranges in neither appeared meanwhile."""
    before, after = there(old), there(new)
    if before == after:
        return
    body: Document = {}
    if before["disabled"] != after["disabled"]:
        body["disabled"] = after["disabled"]
    if before["sourceRanges"] != after["sourceRanges"]:
        body["sourceRanges"] = _merged(
            _rule(clients, target).get("sourceRanges", ()),
            drop={*before["sourceRanges"]} - {*after["sourceRanges"]},
            add={*after["sourceRanges"]} - {*before["sourceRanges"]},
        )
    request = Request("PATCH", "compute", path(RULE, name=_name(target)), body=body)
    _finished(clients(target.account)(request).json, target)


def _merged(live: Iterable[str], drop: set[str], add: set[str]) -> list[str]:
    ranges = sorted(({*live} - drop) | add)
    if not ranges:
        raise Conflict("the other ranges of the rule are gone, and without one it is world-open")
    return ranges


def _finished(operation: Document, target: Target) -> None:
    """The change goes on by itself; reading back waits for it. But it may have failed already."""
    for error in operation.get("error", {}).get("errors", ()):
        raise Reject(f"{target.uid}: {error.get('code')}: {error.get('message')}")


def _rule(clients: Clients, target: Target) -> Document:
    """The rule; Reject unless it lets something in."""
    answer = clients(target.account)(Request("GET", "compute", path(RULE, name=_name(target))))
    rule: Document = answer.json
    if rule.get("direction") == "EGRESS" or not rule.get("allowed"):
        raise Reject(f"{target.uid} lets nothing in: it is a rule of egress, or one that denies")
    return rule


def _name(target: Target) -> str:
    return own(target, arg(target, "firewall"))


def _is_world(range_: str) -> bool:
    try:
        return ipaddress.ip_network(range_, strict=False).prefixlen == 0
    except ValueError:
        return False


CLOSE_INGRESS = Lens(_read_rule, _want_rule, _write_rule)
