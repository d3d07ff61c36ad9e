"""Alerts of Microsoft Defender in neutral words, as azure/securityalert: Sentinel's SecurityAlert.

Defender for Cloud exports them to an Event Hub (names in capitals), ARM lists them, and Graph has
those of all Defenders in its second version of alerts:
https://learn.microsoft.com/azure/defender-for-cloud/export-to-siem,
https://learn.microsoft.com/rest/api/defenderforcloud/alerts,
https://learn.microsoft.com/graph/api/resources/security-alert. SigmaHQ has no name for them, so the
logsource is called after the table that people search.

Pure. An alert is somebody else's finding; which ones matter is for rules to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from core.errors import BadRecord
from core.hostile import kind_of
from core.model import Actor, Event, Json, NativeRecord, Resource
from core.native import dig, first, parsed, text
from core.ports import Source
from functions.azure.catalogue import SECURITY_ALERT
from functions.azure.events.values import address, moment

__all__ = ["ALERT_SOURCES", "alert_event"]


def alert_event(record: NativeRecord) -> Event:
    """An alert of any of the shapes. All its updates are one event: they have its id.

    BadRecord when it is no object or lacks its id, its kind or a readable time.
    """
    if not isinstance(record, Mapping):
        raise BadRecord(f"a record of {ALERTS} is an object, not {kind_of(record)}")
    uid, kind = first(record, *UID), first(record, *KIND)
    if not uid or not kind:
        raise BadRecord(f"a record of {ALERTS} without its id or its kind")
    resources = tuple(_resources(record))
    return Event(
        uid=uid,
        time=moment(record, f"a record of {ALERTS}", *TIME),
        source=ALERTS,
        provider="azure",
        account=next((each.account for each in resources if each.account), "")
        or first(record, *TENANT),
        service=first(record, *PRODUCT),
        operation=kind,
        finding=True,
        message=first(record, *TITLE),
        actor=_actor(record),
        ip=next(filter(None, map(address, _ips(record))), ""),
        request=uid,
        resources=resources,
        record=record,
    )


def _resources(record: NativeRecord) -> Iterator[Resource]:
    """Azure's resources that the alert names, each once, else what it calls compromised."""
    seen = {""}
    for path in RESOURCES:
        for found in dig(record, path):
            uid = text(found).lower()
            if uid in seen:
                continue
            seen.add(uid)
            parts = uid.split("/")
            account = parts[2] if parts[:2] == ["", "subscriptions"] and len(parts) > 2 else ""
            yield Resource(uid=uid, name=uid.rpartition("/")[2], account=account)
    entity = first(record, *ENTITY)
    if len(seen) == 1 and entity:
        yield Resource(uid=entity, name=entity)


def _entities(record: NativeRecord) -> Iterator[Mapping[str, Json]]:
    """Log Analytics has them as the text of a list."""
    for path in ("Entities", "properties.entities", "evidence"):
        for each in dig(record, path):
            some = _listed(each) if isinstance(each, str) else (each,)
            yield from (one for one in some if isinstance(one, Mapping))


def _listed(value: str) -> list[Json]:
    try:
        found = parsed(value)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return []
    return found if isinstance(found, list) else []


def _actor(record: NativeRecord) -> Actor:
    """The account among the entities."""
    for each in _entities(record):
        if _kind(each) in {"account", "userevidence"}:
            name = first(each, "userAccount.userPrincipalName", "Name", "name")
            uid = first(each, "AadUserId", "aadUserId", "userAccount.azureAdUserId") or name
            return Actor(uid=uid, name=name, type="user" if uid else "unknown")
    return Actor()


def _ips(record: NativeRecord) -> Iterator[str]:
    for each in _entities(record):
        if _kind(each) in {"ip", "ipevidence"}:
            yield first(each, "Address", "address", "ipAddress")


def _kind(entity: Mapping[str, Json]) -> str:
    said = (text(entity.get(key)) for key in ("Type", "type", "@odata.type"))
    return next(filter(None, said), "").rpartition(".")[2].casefold()


ALERTS = "azure/securityalert"

UID = ("SystemAlertId", "properties.systemAlertId", "id")
KIND = ("AlertType", "properties.alertType", "alertType", "detectorId", "title")
TITLE = ("AlertDisplayName", "AlertName", "properties.alertDisplayName", "title")
TIME = (
    "StartTimeUtc",
    "properties.startTimeUtc",
    "StartTime",
    "TimeGenerated",
    "firstActivityDateTime",
    "createdDateTime",
)
PRODUCT = ("ProductName", "properties.productName", "productName", "serviceSource")
SEVERITY = ("Severity", "AlertSeverity", "properties.severity", "severity")
STATUS = ("Status", "properties.status", "status")
TACTICS = ("Intent", "Tactics", "properties.intent", "category")
ENTITY = ("CompromisedEntity", "properties.compromisedEntity")
TENANT = ("AzureResourceTenantId", "ResourceIdentifiers.AadTenantId", "tenantId", "TenantId")
RESOURCES = (
    "AzureResourceId",
    "ResourceIdentifiers.AzureResourceId",
    "properties.resourceIdentifiers.azureResourceId",
    "evidence.resourceId",
    "ResourceId",
)
"""Native paths, one for each shape; the first that exists counts."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("AlertType", "alertType"), KIND),
    **dict.fromkeys(("AlertName", "AlertDisplayName", "DisplayName", "title", "Title"), TITLE),
    **dict.fromkeys(("AlertSeverity", "Severity", "severity"), SEVERITY),
    **dict.fromkeys(("Status", "status"), STATUS),
    **dict.fromkeys(("Tactics", "Intent", "category"), TACTICS),
    **dict.fromkeys(("ProductName", "serviceSource"), PRODUCT),
    "CompromisedEntity": ENTITY,
    "ResourceId": RESOURCES,
}
"""As Log Analytics' SecurityAlert and Graph write them; alike for every shape."""


def _shape(keys: tuple[str, ...], time: str, uid: str) -> Source:
    return Source(
        name=ALERTS,
        keys=keys,
        route="",
        time=time,
        uid=uid,
        event=alert_event,
        aliases=ALIASES,
        records="value",
        fields=SECURITY_ALERT,
    )


ALERT_SOURCES: tuple[Source, ...] = (
    _shape(("SystemAlertId", "AlertType"), "StartTimeUtc", "SystemAlertId"),
    _shape(("providerAlertId", "serviceSource", "severity"), "createdDateTime", "id"),
    Source(
        name=ALERTS,
        keys=("type", "name", "properties"),
        only={"type": ("Microsoft.Security/Locations/alerts", "Microsoft.Security/alerts")},
        route="",
        time="properties.startTimeUtc",
        uid="properties.systemAlertId",
        event=alert_event,
        aliases=ALIASES,
        records="value",
        fields=SECURITY_ALERT,
    ),
)
"""Event Hub and Log Analytics, Graph, ARM."""
