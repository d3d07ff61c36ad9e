"""A hit, or the firing of a correlation, becomes a finding: its uid from content, its evidence fit
to be kept.

The same rule on the same event is the same finding, whichever way the event came. How findings are
stored and updated is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from core.hostile import masked
from core.model import Event, Finding, Hit, digest, to_json

if TYPE_CHECKING:  # a function whose rulebook has no correlation loads nothing of them
    from core.correlate import Firing

__all__ = [
    "EVIDENCE_BYTES",
    "REPLACED",
    "Trimmer",
    "of_firing",
    "of_hit",
    "stored",
    "trimmed",
    "trimmed_event",
]

EVIDENCE_BYTES = 200_000
"""A stored finding must fit the smallest of the platforms' items (DynamoDB: 400 KB)."""

FIELD_BYTES = 2_000
"""Of a record that is too large, fields up to this size stay."""

RESOURCES = 20
"""Of an event that is too large even so, resources that stay."""

REPLACED = "replaced"
"""State of a stored finding that is another one now, which `by` names."""


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


def of_firing(
    firing: Firing, evidence: tuple[Event, ...], events: tuple[str, ...], now: int
) -> Finding:
    """The finding that a firing is: who, where and what are those of the first of the evidence.

    `evidence` begins with the event that completed it and may be empty when nothing was kept;
    `events` are the ids of the contributing ones as their records have them.
    """
    event = evidence[0] if evidence else Event(uid="", time=0, source="", provider="")
    return msgspec.structs.replace(
        of_hit(Hit(rule=firing.rule, event=event), now),
        uid=firing.uid,
        time=firing.time,
        last_seen=firing.last,
        events=events,
        count=firing.count,
        evidence=evidence,
        group=firing.group,
        began=firing.first,
        capped=firing.capped,
        former=firing.replaces,
    )


def stored(value: Mapping[str, Any]) -> Finding | None:
    """The finding in a stored value of kind `finding`; None for one that is another one now.

    KeyError or msgspec.ValidationError when it is no such value.
    """
    if value.get("state") == REPLACED:
        return None
    return msgspec.convert(value["finding"], Finding)


def trimmed(finding: Finding, trim: Callable[[Event], Event] | None = None) -> Finding:
    """The finding as it is stored: no credential in it, and of too large a record just a part."""
    events = tuple(map(trim or trimmed_event, finding.evidence))
    return msgspec.structs.replace(finding, evidence=events)


class Trimmer:
    """trimmed_event for events that come several times in a row: rules match the same one."""

    def __init__(self) -> None:
        self._last: tuple[Event | None, Event | None] = (None, None)

    def __call__(self, event: Event) -> Event:
        """The event as it is stored."""
        last, found = self._last
        if found is None or last is not event:
            found = trimmed_event(event)
            self._last = event, found
        return found


def trimmed_event(event: Event, most: int = EVIDENCE_BYTES) -> Event:
    """The event as it is stored, in at most about `most` bytes of JSON."""
    event = msgspec.structs.replace(event, record=masked(event.record))
    size = len(to_json(event))
    if size <= most:
        return event
    small = {
        key: value
        for key, value in event.record.items()
        if len(msgspec.json.encode(value)) <= FIELD_BYTES
    }
    short = msgspec.structs.replace(event, record={**small, "vigil_trimmed_bytes": size})
    if len(to_json(short)) <= most:
        return short
    return msgspec.structs.replace(
        event, record={"vigil_trimmed_bytes": size}, resources=event.resources[:RESOURCES]
    )
