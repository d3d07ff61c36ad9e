"""Inventory -> posture events -> the same detect path; opens, refreshes and closes findings.

A resource that a posture rule matches is one finding for as long as it stays so: each sweep that
sees it again refreshes it, the first sweep that sees it well closes it, and if it goes bad again
that is a new finding. What could not be looked at (a kind, or an attribute of a resource) is
counted as unseen and closes nothing: "could not look" is never "fine".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from core.engine import Engine
from core.errors import BadRecord, Conflict, VigilError
from core.finding import of_hit
from core.model import Event, Finding, Hit, NativeRecord, Resource, Target, digest
from core.native import MOMENTS
from core.ports import Inventory, Source

__all__ = ["SOURCE", "Swept", "event", "source", "sweep"]

SOURCE = "posture"


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What one sweep did. `unseen` says, for each kind or resource, why it could not be judged."""

    resources: int = 0
    opened: int = 0
    refreshed: int = 0
    closed: int = 0
    unseen: tuple[str, ...] = ()


def sweep(engine: Engine, inventory: Inventory) -> Swept:
    """Look at every kind once. Raises Retry when a finding could not be recorded or told."""
    total = Swept()
    for kind, resources in inventory.items():
        seen, unseen = _collect(kind, resources)
        partial = [
            f"{event.resources[0].uid}: {', '.join(_unknown(event))}"
            for event in seen
            if _unknown(event)
        ]
        judged = _judge(engine, kind, seen, complete=not unseen)
        total = _add(total, judged, Swept(unseen=(*unseen, *partial)))
    engine.audit.write("swept", SOURCE, **msgspec.to_builtins(total))
    engine.metrics("unseen", len(total.unseen))
    return total


def _collect(
    kind: str, resources: Callable[[], Iterable[Event]]
) -> tuple[list[Event], tuple[str, ...]]:
    """All resources of a kind, and why the listing ended early if it did."""
    seen: list[Event] = []
    try:
        seen.extend(resources())
    except VigilError as error:
        return seen, (f"{kind}: {error}",)
    return seen, ()


def _judge(engine: Engine, kind: str, events: Sequence[Event], *, complete: bool) -> Swept:
    opened = refreshed = 0
    failing: set[str] = set()
    unjudged: set[str] = set()
    for event in events:
        resource = event.resources[0].uid
        if _unknown(event):
            unjudged.add(resource)
        hits = [Hit(rule=rule, event=event) for rule in engine.match(SOURCE, event.record)]
        engine.correlate(hits)
        for hit in engine.speaking(hits):
            failing.add(digest("posture", hit.rule.id, resource))
            new = _open(engine, kind, hit)
            opened, refreshed = opened + new, refreshed + (not new)
    closed = _close(engine, kind, failing, unjudged) if complete else 0
    return Swept(resources=len(events), opened=opened, refreshed=refreshed, closed=closed)


def _open(engine: Engine, kind: str, hit: Hit) -> bool:
    """Open or refresh the finding of one rule on one resource; whether it is new."""
    rule, resource = hit.rule, hit.event.resources[0].uid
    key = digest("posture", rule.id, resource)
    entry = engine.store.get("posture", key)
    was = entry.value if entry else {"round": 0, "open": False}
    now = engine.clock()
    round_ = was["round"] if was["open"] else was["round"] + 1
    finding = _finding(hit, round_, first=was["first"] if was["open"] else now, now=now)
    # The finding is recorded and told before the index says it is open, so a crash between
    # the two is taken up by the next sweep and not forgotten.
    new = bool(engine.handle([finding]))
    value = {
        "round": round_, "open": True, "kind": kind, "rule": rule.id, "resource": resource,
        "finding": finding.uid, "first": finding.time, "last": now,
    }  # fmt: skip
    engine.store.put("posture", key, value, version=entry.version if entry else 0)
    return new


def _finding(hit: Hit, round_: int, *, first: int, now: int) -> Finding:
    return msgspec.structs.replace(
        of_hit(hit, now),
        uid=digest("finding", hit.rule.id, hit.event.resources[0].uid, str(round_)),
        time=first,
        last_seen=now,
    )


def _close(engine: Engine, kind: str, failing: set[str], unjudged: set[str]) -> int:
    closed = 0
    for key, entry in list(engine.store.scan("posture")):
        value = entry.value
        ours = value["open"] and value["kind"] == kind
        if not ours or key in failing or value["resource"] in unjudged:
            continue
        _close_finding(engine, value["finding"])
        engine.audit.write("closed", value["finding"], resource=value["resource"])
        engine.store.put("posture", key, {**value, "open": False}, version=entry.version)
        closed += 1
    return closed


def _close_finding(engine: Engine, uid: str) -> None:
    entry = engine.store.get("finding", uid)
    if entry is None:
        return
    finding = {**entry.value["finding"], "status": "closed", "last_seen": engine.clock()}
    try:
        engine.store.put("finding", uid, {**entry.value, "finding": finding}, version=entry.version)
    except Conflict:
        _close_finding(engine, uid)


def _unknown(event: Event) -> tuple[str, ...]:
    return tuple(event.record.get("unknown") or ())


def _add(*parts: Swept) -> Swept:
    return Swept(
        resources=sum(part.resources for part in parts),
        opened=sum(part.opened for part in parts),
        refreshed=sum(part.refreshed for part in parts),
        closed=sum(part.closed for part in parts),
        unseen=tuple(reason for part in parts for reason in part.unseen),
    )


def source(targets: Callable[[str, Event], tuple[Target, ...]]) -> Source:
    """Posture events as a Source, for the engine, for rules and for their examples."""
    return Source(
        name=SOURCE,
        keys=("resource_type", "attributes"),
        route="resource_type",
        time="time",
        uid="id",
        event=event,
        targets=targets,
        fields=FIELDS,
    )


def event(record: NativeRecord) -> Event:
    """The Event of one resource as an inventory or an example writes it (docs/flow.md).

    `id`, `name`, `provider`, `account`, `region`, `time` (epoch ms) are read; BadRecord without an
    id, since a finding must name its resource.
    """
    uid, kind = record.get("id"), record.get("resource_type")
    if not (isinstance(uid, str) and uid and isinstance(kind, str)):
        raise BadRecord("a resource needs a text `id` and `resource_type`")
    texts = {
        name: value
        for name in ("provider", "account", "region")
        if isinstance(value := record.get(name), str)
    }
    time = record.get("time")
    name = record.get("name")
    resource = Resource(
        uid=uid,
        name=name if isinstance(name, str) else "",
        type=kind,
        region=texts.get("region", ""),
        account=texts.get("account", ""),
    )
    return Event(
        uid=uid,
        time=time if type(time) is int and time in MOMENTS else 0,
        source=SOURCE,
        provider=texts.get("provider", ""),
        account=texts.get("account", ""),
        region=texts.get("region", ""),
        operation=kind,
        resources=(resource,),
        record=record,
    )


ATTRIBUTES = (
    "acl_public",
    "action",
    "active",
    "age_days",
    "attached",
    "cmk",
    "covers_all_categories",
    "description",
    "destination",
    "direction",
    "enabled",
    "encrypted",
    "exclusions",
    "expires_at",
    "expires_in_days",
    "filter",
    "from_port",
    "group_id",
    "immutability.days",
    "immutability.locked",
    "is_user_managed",
    "last_used_days",
    "logging",
    "min_tls",
    "missing_categories[]",
    "network",
    "network_default_deny",
    "never_used",
    "owner",
    "owner_type",
    "priority",
    "protocol",
    "public",
    "public_access_block",
    "public_containers[]",
    "public_policy",
    "settings",
    "shared_key_access",
    "soft_delete_days",
    "sources[]",
    "tls_only",
    "to_port",
    "uniform_access",
    "versioning",
    "world_open",
    "writer",
)
"""Every attribute that some inventory gives a resource; a rule that asks for another is wrong."""

FIELDS = (
    *("resource_type", "provider", "account", "region", "time", "id", "name", "tags.*"),
    "unknown[]",
    *(f"attributes.{name}" for name in ATTRIBUTES),
)
"""The fields of a posture event."""
