"""A hit becomes a finding: its uid from content, its evidence fit to be kept.

The same rule on the same event is the same finding, whichever way the event came.
"""

from __future__ import annotations

import msgspec

from core.hostile import masked
from core.model import Event, Finding, Hit, digest, to_json

__all__ = ["EVIDENCE_BYTES", "of_hit", "trimmed"]

EVIDENCE_BYTES = 200_000
"""A stored finding must fit the smallest of the platforms' items (DynamoDB: 400 KB)."""


def of_hit(hit: Hit, now: int) -> Finding:
    """The finding that a hit is."""
    rule, event = hit.rule, hit.event
    return Finding(
        uid=digest("finding", rule.id, event.provider, event.uid),
        rule=rule,
        level=rule.level,
        title=rule.title,
        time=event.time,
        last_seen=event.time,
        found_at=now,
        provider=event.provider,
        account=event.account,
        region=event.region,
        actor=event.actor,
        ip=event.ip,
        resources=event.resources,
        events=(event.uid,),
        evidence=(event,),
    )


def trimmed(finding: Finding) -> Finding:
    """The finding as it is stored: no credential in it, and of too large a record just a part."""
    return msgspec.structs.replace(finding, evidence=tuple(map(_trimmed, finding.evidence)))


def _trimmed(event: Event) -> Event:
    event = msgspec.structs.replace(event, record=masked(event.record))
    size = len(to_json(event))
    if size <= EVIDENCE_BYTES:
        return event
    short = {
        key: value
        for key, value in event.record.items()
        if len(msgspec.json.encode(value)) <= 2_000
    }
    return msgspec.structs.replace(event, record={**short, "vigil_trimmed_bytes": size})
