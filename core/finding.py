"""A hit becomes a finding: its uid from content, its evidence small enough to be kept.

The same rule on the same event is the same finding, whichever way the event came.
"""

from __future__ import annotations

import msgspec

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
    """The finding as it is stored: of a record too large to keep, its size and short fields."""
    return msgspec.structs.replace(finding, evidence=tuple(map(_trimmed, finding.evidence)))


def _trimmed(event: Event) -> Event:
    size = len(to_json(event))
    if size <= EVIDENCE_BYTES:
        return event
    short = {
        key: value
        for key, value in event.record.items()
        if len(msgspec.json.encode(value)) <= 2_000
    }
    return msgspec.structs.replace(event, record={**short, "vigil_trimmed_bytes": size})
