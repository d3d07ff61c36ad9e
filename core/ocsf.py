"""Events and findings in the words of OCSF 1.8.0, as plain dicts ready for JSON.

An event becomes exactly one class, never two, so that counting stays right: Authentication (3002)
for a sign-in or token issue, Cloud Resources Inventory Info (5023) for a resource of a sweep,
Detection Finding (2004) for what another product found, API Activity (6003) for all else. A finding
of ours becomes a Detection Finding, too. Only attributes that
1.8.0 does not deprecate are written, and none that is empty. The file knows no cloud and no rule
language; what an Event has no word for stays in `unmapped` under its native name.

The native record is not copied whole (`raw_data`): the mapped fields would be in it twice, and it
can hold live credentials. Those are masked wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core import attack as mitre
from core.actions import CATALOGUE
from core.hostile import masked
from core.model import Actor, Attack, Event, Finding, Resource

__all__ = ["PRODUCT_VERSION", "SCHEMA_VERSION", "activity", "finding"]

SCHEMA_VERSION = "1.8.0"

PRODUCT_VERSION = "0.1.0"


def activity(event: Event) -> dict[str, Any]:
    """The event as its one OCSF class: 2004, 3002, 5023 or 6003."""
    if event.source == "posture":
        return _inventory(event)
    if event.finding:
        return _foreign(event)
    return _authentication(event) if event.authentication else _api_activity(event)


def finding(found: Finding) -> dict[str, Any]:
    """The finding as Detection Finding (2004), with its evidence and what would help."""
    status, status_id, change = STATUSES[found.status]
    actor = _actor(found.actor) if _known(found.actor) else None
    return _filled(
        **_class(2004, 2 if change == 1 and found.count > 1 else change, CHANGES),
        **_when(found.found_at),
        start_time=found.began or found.time,
        start_time_dt=_iso(found.began or found.time),
        end_time=found.last_seen,
        end_time_dt=_iso(found.last_seen),
        severity_id=SEVERITIES[found.level],
        severity=found.level.title(),
        status_id=status_id,
        status=status,
        is_alert=found.status != "suppressed",
        message=found.title,
        count=found.count,
        metadata=_filled(
            version=SCHEMA_VERSION,
            product={"vendor_name": "Vigil", "name": "Vigil", "version": PRODUCT_VERSION},
            # `actor` belongs to a finding only by the host profile.
            profiles=["cloud", "datetime", *(["host"] if actor else [])],
            uid=found.uid,
            labels=["drill"] if found.drill else [],
            tenant_uid=found.account,
        ),
        cloud=_cloud(found.provider, found.account, found.region),
        actor=actor,
        finding_info=_finding_info(found),
        evidences=[_evidence(event) for event in found.evidence] or _bare_evidence(found),
        resources=_resources(found.resources),
        observables=_observables(found.actor, found.ip, "", "", found.resources),
        remediation=_remediation(found),
        unmapped=_filled(
            group=dict(found.group), capped=found.capped or None, former_uids=list(found.former)
        ),
    )


def _api_activity(event: Event) -> dict[str, Any]:
    return _filled(
        **_event(event, 6003, *ACTIVITIES.get(event.activity, (99, "Other"))),
        actor=_actor(event.actor),
        src_endpoint=_endpoint(event.ip, event.domain),
        resources=_resources(event.resources),
    )


def _authentication(event: Event) -> dict[str, Any]:
    """`user` is who signed in; a role taken on stays in `unmapped`: 3002 has no resources."""
    return _filled(
        **_event(event, 3002, *LOGONS.get(event.activity, (99, "Other"))),
        actor=_actor(event.actor),
        user=_user(event.actor),
        session=_session(event.actor),
        is_mfa=event.actor.mfa,
        service={"name": event.service or event.source},
        src_endpoint=_endpoint(event.ip, event.domain),
    )


def _inventory(event: Event) -> dict[str, Any]:
    """A resource as the sweep saw it; its state is `data` of the first resource."""
    named = [each for each in event.resources if each.uid or each.name]
    first, *others = named or [Resource(uid=event.uid or "unknown")]
    return _filled(
        **_class(5023, 2, {2: "Collect"}),
        **_when(event.time),
        severity_id=1,
        severity="Informational",
        metadata=_metadata(event),
        cloud=_cloud(event.provider, event.account, event.region),
        resources=[
            {**_resource(first), "data": masked(event.record)},
            *_resources(others),
        ],
    )


def _foreign(event: Event) -> dict[str, Any]:
    """What another product found. How grave it thinks that is, its record says."""
    actor = _actor(event.actor) if _known(event.actor) else None
    metadata = _metadata(event)
    profiles = [*metadata["profiles"], *(["host"] if actor else [])]
    return _filled(
        **_class(2004, 1, CHANGES),
        **_when(event.time),
        severity_id=0,
        severity="Unknown",
        message=event.message,
        metadata={**metadata, "profiles": profiles},
        cloud=_cloud(event.provider, event.account, event.region),
        actor=actor,
        finding_info={"uid": event.uid, "title": event.operation or "unknown"},
        evidences=[_evidence(event)],
        resources=_resources(event.resources),
        observables=_observables(
            event.actor, event.ip, event.domain, event.user_agent, event.resources
        ),
    )


def _event(event: Event, class_uid: int, activity_id: int, name: str) -> dict[str, Any]:
    """What 3002 and 6003 have in common."""
    status_id, status = OUTCOMES[event.outcome]
    return {
        **_class(class_uid, activity_id, {activity_id: name}),
        **_when(event.time),
        "severity_id": 1,
        "severity": "Informational",
        "status_id": status_id,
        "status": status,
        "status_code": event.error,
        "status_detail": event.message,
        "metadata": _metadata(event),
        "cloud": _cloud(event.provider, event.account, event.region),
        "api": _api(event),
        "http_request": _filled(user_agent=event.user_agent),
        "observables": _observables(
            event.actor, event.ip, event.domain, event.user_agent, event.resources
        ),
        "unmapped": _unmapped(event),
    }


def _class(class_uid: int, activity_id: int, names: Mapping[int, str]) -> dict[str, Any]:
    category_uid, category, name = CLASSES[class_uid]
    return {
        "activity_id": activity_id,
        "activity_name": names[activity_id],
        "category_uid": category_uid,
        "category_name": category,
        "class_uid": class_uid,
        "class_name": name,
        "type_uid": class_uid * 100 + activity_id,
        "type_name": f"{name}: {names[activity_id]}",
    }


def _when(time: int) -> dict[str, Any]:
    return {"time": time, "time_dt": _iso(time)}


def _metadata(event: Event) -> dict[str, Any]:
    vendor, _, name = event.source.rpartition("/")
    return _filled(
        version=SCHEMA_VERSION,
        product={"vendor_name": (vendor or event.provider).upper(), "name": name},
        profiles=["cloud", "datetime"],
        uid=event.uid,
        event_code=event.operation,
        log_name=event.source,
        correlation_uid=event.request,
        tenant_uid=event.account,
        labels=list(event.labels),
    )


def _cloud(provider: str, account: str, region: str) -> dict[str, Any]:
    """The cloud profile's object; the provider as OCSF's examples write it, in capitals."""
    return _filled(
        provider=provider.upper() or "unknown", account=_filled(uid=account), region=region
    )


def _api(event: Event) -> dict[str, Any]:
    """The call; API Activity demands an operation, so one without a name is called unknown."""
    failed = event.outcome == "failure"
    return _filled(
        operation=event.operation or "unknown",
        service=_filled(name=event.service),
        request=_filled(uid=event.request),
        response=_filled(error=event.error, error_message=event.message if failed else ""),
    )


def _known(actor: Actor) -> bool:
    return bool(actor.uid or actor.name or actor.account)


def _actor(actor: Actor) -> dict[str, Any]:
    return _filled(user=_user(actor), session=_session(actor))


def _user(actor: Actor) -> dict[str, Any]:
    """Both classes demand a user, so a caller without any name is called unknown."""
    type_id, name = ACTORS[actor.type]
    keyed = actor.credential and not actor.issuer
    return _filled(
        uid=actor.uid,
        name=actor.name if _known(actor) else "unknown",
        type_id=type_id,
        type=name,
        account=_filled(uid=actor.account),
        programmatic_credentials=[{"uid": actor.credential}] if keyed else [],
    )


def _session(actor: Actor) -> dict[str, Any]:
    """The session that somebody issued; a key used without one belongs to the user."""
    return _filled(
        issuer=actor.issuer,
        credential_uid=actor.credential if actor.issuer else "",
        is_mfa=actor.mfa,
    )


def _endpoint(ip: str, domain: str) -> dict[str, Any]:
    """API Activity demands an endpoint, so one without any address is called unknown."""
    return _filled(ip=ip, domain=domain) or {"name": "unknown"}


def _resources(resources: Iterable[Resource]) -> list[dict[str, Any]]:
    return [_resource(each) for each in resources if each.uid or each.name]


def _resource(resource: Resource) -> dict[str, Any]:
    return _filled(
        uid=resource.uid,
        name=resource.name,
        type=resource.type,
        region=resource.region,
        owner=_filled(account=_filled(uid=resource.account)),
    )


def _finding_info(found: Finding) -> dict[str, Any]:
    rule = found.rule
    return _filled(
        uid=found.uid,
        title=found.title,
        desc=rule.description,
        analytic={"type_id": 1, "type": "Rule", "uid": rule.id, "name": rule.title},
        attacks=[_attack(each) for each in rule.attacks if each.tactic or each.technique],
        created_time=found.found_at,
        created_time_dt=_iso(found.found_at),
        first_seen_time=found.began or found.time,
        first_seen_time_dt=_iso(found.began or found.time),
        last_seen_time=found.last_seen,
        last_seen_time_dt=_iso(found.last_seen),
        related_events=[{"uid": uid} for uid in found.events],
        related_events_count=found.count if found.began else len(found.events),
        data_sources=[rule.source] if rule.source else [],
    )


def _attack(attack: Attack) -> dict[str, Any]:
    """A slug and a number: T1685.002 is sub-technique 002 of T1685."""
    words = attack.tactic.replace("-", " ").title().replace(" And ", " and ")
    return _filled(
        version=mitre.VERSION,
        tactic=_filled(name=words),
        technique=_filled(uid=attack.technique.partition(".")[0]),
        sub_technique=_filled(uid=attack.technique if "." in attack.technique else ""),
    )


def _evidence(event: Event) -> dict[str, Any]:
    if event.source == "posture":
        named = _filled(uid=event.uid, resources=_resources(event.resources))
        return {**named, "data": masked(event.record)}
    return _filled(
        uid=event.uid,
        name=event.operation,
        actor=_actor(event.actor),
        api=_api(event),
        src_endpoint=_endpoint(event.ip, event.domain),
        http_request=_filled(user_agent=event.user_agent),
        resources=_resources(event.resources),
        data=_unmapped(event),
    )


def _bare_evidence(found: Finding) -> list[dict[str, Any]]:
    """What the finding itself says of its source, where it carries no event."""
    if not found.ip:
        return []
    actor = _actor(found.actor) if _known(found.actor) else None
    return [_filled(actor=actor, src_endpoint={"ip": found.ip})]


def _remediation(found: Finding) -> dict[str, Any]:
    summaries = [
        f"{verb}: {CATALOGUE[verb].summary}" for verb in found.rule.respond if verb in CATALOGUE
    ]
    if not summaries:
        return {}
    return _filled(desc=" ".join(summaries), references=list(found.rule.references))


def _observables(
    actor: Actor, ip: str, domain: str, agent: str, resources: Iterable[Resource]
) -> list[dict[str, Any]]:
    """What an analyst would search for, each value once, with where in the event it stands."""
    values = (
        ("src_endpoint.ip", 2, "IP Address", ip),
        ("src_endpoint.domain", 1, "Hostname", domain),
        ("actor.user.name", 4, "User Name", actor.name),
        ("actor.user.uid", 31, "User Object: uid", actor.uid),
        ("http_request.user_agent", 16, "HTTP User-Agent", agent),
        *(("resources.uid", 10, "Resource UID", each.uid) for each in resources),
    )
    return [
        {"name": name, "type_id": type_id, "type": kind, "value": value}
        for name, type_id, kind, value in dict.fromkeys(values)
        if value
    ]


def _unmapped(event: Event) -> dict[str, Any]:
    """The record's top-level fields whose value stands nowhere else, credentials masked."""
    carried = {
        event.uid,
        event.account,
        event.region,
        event.service,
        event.operation,
        event.error,
        event.message,
        event.ip,
        event.domain,
        event.user_agent,
        event.request,
    }
    return {
        key: value
        for key, value in masked(event.record).items()
        if value is not None and not (isinstance(value, str) and value in carried)
    }


def _filled(**fields: Any) -> dict[str, Any]:
    """The fields that hold something; false and zero do."""
    return dict(_kept(fields.items()))


def _kept(fields: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in fields if value not in (None, "", [], {}))


def _iso(time: int) -> str:
    moment = EPOCH + timedelta(milliseconds=time)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CLASSES: Mapping[int, tuple[int, str, str]] = {
    2004: (2, "Findings", "Detection Finding"),
    3002: (3, "Identity & Access Management", "Authentication"),
    5023: (5, "Discovery", "Cloud Resources Inventory Info"),
    6003: (6, "Application Activity", "API Activity"),
}
"""class_uid -> (category_uid, category_name, class_name)."""

ACTIVITIES: Mapping[str, tuple[int, str]] = {
    "create": (1, "Create"),
    "read": (2, "Read"),
    "update": (3, "Update"),
    "delete": (4, "Delete"),
}

LOGONS: Mapping[str, tuple[int, str]] = {"logon": (1, "Logon"), "logoff": (2, "Logoff")}

CHANGES: Mapping[int, str] = {1: "Create", 2: "Update", 3: "Close"}

STATUSES: Mapping[str, tuple[str, int, int]] = {
    "new": ("New", 1, 1),
    "suppressed": ("Suppressed", 3, 2),
    "closed": ("Resolved", 4, 3),
}
"""Status of a finding -> (status, status_id, activity_id)."""

OUTCOMES: Mapping[str, tuple[int, str]] = {
    "success": (1, "Success"),
    "failure": (2, "Failure"),
    "unknown": (0, "Unknown"),
}

SEVERITIES: Mapping[str, int] = {
    "informational": 1,
    "low": 2,
    "medium": 3,
    "high": 4,
    "critical": 5,
}

ACTORS: Mapping[str, tuple[int, str]] = {
    "user": (1, "User"),
    "admin": (2, "Admin"),
    "system": (3, "System"),
    "service": (4, "Service"),
    "role": (99, "Role"),
    "unknown": (0, "Unknown"),
}
"""A role is worn by people and by machines alike, so it is neither User nor Service."""
