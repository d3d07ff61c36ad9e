"""World-open ranges of security groups: the verb that closes them.

State: {"permissions": [...]}, one flat permission for each range of prefix length 0, IPv4 or IPv6,
that the target means, with its description and tags. Rule ids are not part of it: EC2 gives a rule
that comes back a new one. Narrower ranges are never touched.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.model import State, Target
from core.native import is_world
from functions.aws.actions.lens import Clients, Document, Lens, arg, there
from functions.aws.adapters import calling

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

__all__ = ["CLOSE_INGRESS"]


def _read_ingress(clients: Clients, target: Target) -> State:
    return {"permissions": [flat for _, flat in _open_rules(clients, target)]}


def _want_ingress(target: Target, before: State, at: int) -> State:
    return {"permissions": []}


def _write_ingress(clients: Clients, target: Target, old: State, new: State) -> None:
    """Revoke what is there and not in `new`; authorize what is in `new` and not there.

    Ranges that are in neither state appeared meanwhile: they are left alone.
    """
    group, live = arg(target, "group_id"), _open_rules(clients, target)
    ec2: EC2Client = clients("ec2", target.region, target.account)
    keep = {_range(each) for each in there(new)["permissions"]}
    drop = {_range(each) for each in there(old)["permissions"]} - keep
    ids = [rule for rule, flat in live if _range(flat) in drop]
    have = {_range(flat) for _, flat in live}
    missing = [each for each in there(new)["permissions"] if _range(each) not in have]
    with calling():
        if ids:
            ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=ids)
        for tags, permissions in _by_tags(missing):
            ec2.authorize_security_group_ingress(
                GroupId=group,
                IpPermissions=[_permission(each) for each in permissions],
                TagSpecifications=[_tagged(tags)] if tags else [],
            )


def _open_rules(clients: Clients, target: Target) -> list[tuple[str, Document]]:
    """(rule id, flat permission) of the world-open ingress rules that the target means."""
    group, named = arg(target, "group_id"), set(_named(target))
    ec2: EC2Client = clients("ec2", target.region, target.account)
    found: list[tuple[str, Document]] = []
    with calling():
        rules = [
            rule
            for page in ec2.get_paginator("describe_security_group_rules").paginate(
                Filters=[{"Name": "group-id", "Values": [group]}]
            )
            for rule in page["SecurityGroupRules"]
        ]
        if not rules:  # a filter finds nothing in a group that is gone; this call says so
            ec2.describe_security_groups(GroupIds=[group])
    for rule in rules:
        cidr = rule.get("CidrIpv4") or rule.get("CidrIpv6") or ""
        if rule.get("IsEgress") or not is_world(cidr):
            continue
        flat = _flat(rule, cidr)
        if not named or _range(flat) in named:
            found.append((rule["SecurityGroupRuleId"], flat))
    return sorted(found, key=lambda each: _range(each[1]))


def _flat(rule: Any, cidr: str) -> Document:
    """One rule as JSON. Tags that AWS set can't be set again by anybody else, so they are out."""
    tags = {tag["Key"]: tag["Value"] for tag in rule.get("Tags", ())}
    return {
        "protocol": rule["IpProtocol"],
        "from_port": rule.get("FromPort", -1),
        "to_port": rule.get("ToPort", -1),
        "cidr": cidr,
        "description": rule.get("Description", ""),
        "tags": {key: value for key, value in sorted(tags.items()) if not key.startswith("aws:")},
    }


def _range(flat: Mapping[str, Any]) -> tuple[str, int, int, str]:
    """What makes a rule that rule: EC2 has no two with the same, whatever their description."""
    protocol = str(flat["protocol"])
    ports = (-1, -1) if protocol == "-1" else (flat["from_port"], flat["to_port"])
    return (protocol, *ports, str(ipaddress.ip_network(flat["cidr"], strict=False)))


def _named(target: Target) -> Iterator[tuple[str, int, int, str]]:
    """The world-open ranges that the target names, of EC2's IpPermissions."""
    for each in target.args.get("permissions") or ():
        cidrs = [item["CidrIp"] for item in each.get("IpRanges", ())]
        cidrs += [item["CidrIpv6"] for item in each.get("Ipv6Ranges", ())]
        protocol = PROTOCOLS.get(each["IpProtocol"], each["IpProtocol"])
        ports = {"from_port": each.get("FromPort", -1), "to_port": each.get("ToPort", -1)}
        for cidr in filter(is_world, cidrs):
            yield _range({"protocol": protocol, **ports, "cidr": cidr})


def _permission(flat: Mapping[str, Any]) -> Any:
    description = {"Description": flat["description"]} if flat["description"] else {}
    ranges, key = ("Ipv6Ranges", "CidrIpv6") if ":" in flat["cidr"] else ("IpRanges", "CidrIp")
    ports = {"FromPort": flat["from_port"], "ToPort": flat["to_port"]}
    return {
        "IpProtocol": flat["protocol"],
        **(ports if flat["protocol"] != "-1" else {}),
        ranges: [{key: flat["cidr"], **description}],
    }


def _by_tags(permissions: Sequence[Document]) -> Iterator[tuple[Document, list[Document]]]:
    """Permissions by their tags: one call gives all its new rules the same."""
    while permissions:
        tags = permissions[0]["tags"]
        yield tags, [each for each in permissions if each["tags"] == tags]
        permissions = [each for each in permissions if each["tags"] != tags]


def _tagged(tags: Mapping[str, str]) -> Any:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"ResourceType": "security-group-rule", "Tags": pairs}


PROTOCOLS: Mapping[str, str] = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
"""EC2 stores these numbers under their names."""

CLOSE_INGRESS = Lens(_read_ingress, _want_ingress, _write_ingress)
