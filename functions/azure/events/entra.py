"""Entra ID's records in neutral words: directory audit, sign-ins, risk detections, PIM's alerts.

They come through a diagnostic setting, where `properties` holds the object of Microsoft Graph and
`category` says which, or from Graph itself, where the object stands alone:
https://learn.microsoft.com/graph/api/resources/directoryaudit, .../signin, .../riskdetection and
.../unifiedrolemanagementalertincident;
https://learn.microsoft.com/entra/identity/monitoring-health/concept-diagnostic-settings-logs-options.

Pure. It doesn't know the Activity Log, nor how rules write the fields: entra_fields.py does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import msgspec

from core.errors import BadRecord
from core.hostile import kind_of
from core.model import Activity, Actor, Event, Json, NativeRecord, Outcome, Resource
from core.native import dig, first, text
from core.ports import Source
from functions.azure import catalogue, neutral
from functions.azure.events.entra_fields import (
    AUDIT,
    AUDIT_DERIVED,
    PIM,
    PIM_DERIVED,
    PIM_TYPES,
    RISK,
    RISK_DERIVED,
    SIGNIN,
    SIGNIN_DERIVED,
)
from functions.azure.events.grants import directory_roles
from functions.azure.events.values import address, content_id, moment, named, part
from functions.azure.operations import DIRECTORY

__all__ = ["ENTRA_SOURCES", "audit_event", "pim_event", "risk_event", "signin_event"]


def audit_event(record: NativeRecord) -> Event:
    """A change in the directory. BadRecord without an activity or a readable time."""
    held = _held(record, AUDITLOGS)
    operation = (first(held, "activityDisplayName") or first(record, "operationName")).strip()
    if not operation:
        raise BadRecord("a record of azure/auditlogs without an activityDisplayName")
    user, app = part(part(held, "initiatedBy"), "user"), part(part(held, "initiatedBy"), "app")
    outcome = OUTCOMES.get(first(held, "result").casefold(), "unknown")
    return Event(
        uid=first(held, "id") or content_id(record, AUDITLOGS),
        time=_time(record, AUDITLOGS, "activityDateTime"),
        source=AUDITLOGS,
        provider="azure",
        account=_tenant(record),
        service=first(held, "loggedByService"),
        operation=operation,
        activity=ACTIVITIES.get(first(held, "operationType").casefold(), "other"),
        labels=DIRECTORY.labels("", operation),
        outcome=outcome,
        error=first(held, "resultReason") if outcome == "failure" else "",
        message=first(held, "resultReason", "resultDescription")
        or first(record, "resultDescription"),
        actor=_initiator(record, user, app),
        ip=address(
            first(user, "ipAddress") or first(record, "callerIpAddress") or _detail(held, "ipaddr")
        ),
        user_agent=_detail(held, "User-Agent"),
        request=first(record, "correlationId") or first(held, "correlationId"),
        resources=(
            *_targets(held, _tenant(record)),
            *directory_roles(held, _tenant(record)),
        ),
        record=record,
    )


def signin_event(record: NativeRecord) -> Event:
    """A sign-in of a user, an application or a managed identity. BadRecord without its time."""
    held = _held(record, SIGNINLOGS)
    code = _code(record, held)
    failed = code not in ("", "0")
    return Event(
        uid=first(held, "id") or content_id(record, SIGNINLOGS),
        time=_happened(record, SIGNINLOGS, "createdDateTime"),
        source=SIGNINLOGS,
        provider="azure",
        account=_tenant(record),
        region=first(held, "location.countryOrRegion") or first(record, "location"),
        service=first(held, "resourceDisplayName", "appDisplayName"),
        operation=first(record, "operationName") or "Sign-in activity",
        activity="logon",
        authentication=True,
        outcome="failure" if failed else "success" if code else "unknown",
        error=code if failed else "",
        message=first(record, "resultDescription") or first(held, "status.failureReason"),
        actor=_who(record, held),
        ip=address(first(held, "ipAddress") or first(record, "callerIpAddress")),
        user_agent=first(held, "userAgent"),
        request=first(record, "correlationId") or first(held, "correlationId"),
        resources=tuple(_application(held)),
        record=record,
    )


def risk_event(record: NativeRecord) -> Event:
    """What Identity Protection found about a user or a workload. BadRecord without its kind."""
    held = _held(record, RISKDETECTION)
    operation = first(held, "riskEventType", "riskType")
    if not operation:
        raise BadRecord("a record of azure/riskdetection without a riskEventType")
    return Event(
        uid=first(held, "id") or content_id(record, RISKDETECTION),
        time=_happened(record, RISKDETECTION, "detectedDateTime"),
        source=RISKDETECTION,
        provider="azure",
        account=_tenant(record),
        region=first(held, "location.countryOrRegion") or first(record, "location"),
        service=first(held, "source") or "IdentityProtection",
        operation=operation,
        message=first(held, "riskDetail"),
        actor=_who(record, held),
        ip=address(first(held, "ipAddress") or first(record, "callerIpAddress")),
        request=first(held, "requestId", "correlationId"),
        record=record,
    )


def pim_event(record: NativeRecord) -> Event:
    """What raised an alert of Privileged Identity Management: an incident of Graph, or the entry
    of the audit log that says so. BadRecord when it is neither.
    """
    held = _held(record, PIM_LOGS)
    kind = text(record.get("@odata.type")).rpartition(".")[2]
    if not kind:
        return msgspec.structs.replace(audit_event(record), source=PIM_LOGS)
    person = first(held, "assigneeUserPrincipalName", "assigneeId")
    return Event(
        uid=first(held, "id") or content_id(record, PIM_LOGS),
        time=moment(record, "a record of azure/pim", *PIM_TIMES),
        source=PIM_LOGS,
        provider="azure",
        account=_tenant(record),
        service="PIM",
        operation=kind,
        actor=Actor(
            uid=first(held, "assigneeId") or person,
            name=person or first(held, "assigneeDisplayName"),
            type="user" if person else "unknown",
        ),
        record=record,
    )


def _held(record: NativeRecord, source: str) -> Mapping[str, Json]:
    """The object of Graph: below `properties`, or the record itself."""
    if not isinstance(record, Mapping):
        raise BadRecord(f"a record of {source} is an object, not {kind_of(record)}")
    return part(record, "properties") or record


def _time(record: NativeRecord, source: str, field: str) -> int:
    return moment(record, f"a record of {source}", "time", f"properties.{field}", field)


def _happened(record: NativeRecord, source: str, field: str) -> int:
    """When it happened: `time` of an export may be minutes later, or when it was last updated."""
    return moment(record, f"a record of {source}", f"properties.{field}", field, "time")


def _tenant(record: NativeRecord) -> str:
    """The tenant, else the one in `/tenants/<id>/providers/Microsoft.aadiam`."""
    named_in = first(record, "resourceId").split("/")
    inside = named_in[0] == "" and "".join(named_in[1:2]).casefold() == "tenants"
    at = named_in[2] if inside and len(named_in) > 2 else ""
    return first(record, "tenantId", "properties.homeTenantId", "homeTenantId") or at


def _initiator(record: NativeRecord, user: Mapping[str, Json], app: Mapping[str, Json]) -> Actor:
    if app and not first(user, "id", "userPrincipalName"):
        return Actor(
            uid=first(app, "servicePrincipalId", "appId"),
            name=first(app, "displayName", "servicePrincipalName"),
            type="service",
            account=_tenant(record),
            issuer=first(app, "appId"),
        )
    return Actor(
        uid=first(user, "id", "userPrincipalName"),
        name=first(user, "userPrincipalName", "displayName") or first(record, "identity"),
        type="user" if user else "unknown",
        account=_tenant(record),
    )


def _who(record: NativeRecord, held: Mapping[str, Json]) -> Actor:
    """Who signed in: a user, else the service principal."""
    user = first(held, "userId", "userPrincipalName")
    return Actor(
        uid=user or first(held, "servicePrincipalId", "appId"),
        name=first(held, "userPrincipalName" if user else "servicePrincipalName")
        or first(held, "userDisplayName", "servicePrincipalDisplayName")
        or first(record, "identity"),
        type="user" if user else "service" if first(held, "servicePrincipalId") else "unknown",
        account=first(held, "homeTenantId") or _tenant(record),
        credential=first(held, "uniqueTokenIdentifier", "servicePrincipalCredentialKeyId"),
        issuer=first(held, "appId"),
        mfa=_mfa(held),
    )


def _mfa(held: Mapping[str, Json]) -> bool | None:
    """True when it was required and the sign-in succeeded, False when one factor was enough."""
    said = first(held, "authenticationRequirement")
    if said == "multiFactorAuthentication":
        return True if dig(held, "status.errorCode") == [0] else None
    return False if said == "singleFactorAuthentication" else None


def _code(record: NativeRecord, held: Mapping[str, Json]) -> str:
    """The error code, a number or its text; "0" is success."""
    for value in (*dig(record, "resultType"), *dig(held, "status.errorCode")):
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
    return ""


def _detail(held: Mapping[str, Json], key: str) -> str:
    each = next(named(held, "additionalDetails", "key", key), {})
    return text(each.get("value"))


def _targets(held: Mapping[str, Json], tenant: str) -> Iterator[Resource]:
    """What was changed, each once."""
    seen = {""}
    for each in dig(held, "targetResources"):
        uid = first(each, "id", "userPrincipalName", "displayName")
        if uid not in seen:
            seen.add(uid)
            yield Resource(
                uid=uid,
                name=first(each, "userPrincipalName", "displayName"),
                type=first(each, "type"),
                account=tenant,
            )


def _application(held: Mapping[str, Json]) -> Iterator[Resource]:
    uid = first(held, "resourceId", "resourceServicePrincipalId")
    if uid:
        name = first(held, "resourceDisplayName")
        owner = first(held, "resourceTenantId")
        yield Resource(uid=uid, name=name, type="ServicePrincipal", account=owner)


AUDITLOGS, SIGNINLOGS = "azure/auditlogs", "azure/signinlogs"
RISKDETECTION, PIM_LOGS = "azure/riskdetection", "azure/pim"

PIM_TIMES = ("time", "createdDateTime", "assignmentCreatedDateTime", "lastSignInDateTime")
"""Graph's incidents have no time of their own in common; the collector's, else the nearest."""

OUTCOMES: Mapping[str, Outcome] = {
    "success": "success",
    "failure": "failure",
    "timeout": "failure",
    "clienterror": "failure",
}

ACTIVITIES: Mapping[str, Activity] = {
    "add": "create",
    "create": "create",
    "update": "update",
    "assign": "update",
    "unassign": "update",
    "delete": "delete",
    "read": "read",
}
"""operationType, folded."""

SIGN_INS = (
    "SignInLogs",
    "NonInteractiveUserSignInLogs",
    "ServicePrincipalSignInLogs",
    "ManagedIdentitySignInLogs",
    "MicrosoftServicePrincipalSignInLogs",
    "ADFSSignInLogs",
)

EXPORTED = ("category", "time", "properties")

ENTRA_SOURCES: tuple[Source, ...] = (
    Source(
        name=PIM_LOGS,
        keys=EXPORTED,
        only={"category": ("AuditLogs",), "operationName": ("Triggered PIM alert",)},
        route="",
        time="time",
        uid="properties.id",
        event=pim_event,
        aliases=PIM,
        derived=PIM_DERIVED,
        neutral=neutral.alerts,
        fields=catalogue.PIM,
        off=catalogue.PIM_OFF,
        records="records",
    ),
    Source(
        name=PIM_LOGS,
        keys=("@odata.type",),
        only={"@odata.type": PIM_TYPES},
        route="",
        time="time",
        uid="id",
        event=pim_event,
        aliases=PIM,
        derived=PIM_DERIVED,
        neutral=neutral.alerts,
        fields=catalogue.PIM,
        off=catalogue.PIM_OFF,
        records="value",
    ),
    Source(
        name=AUDITLOGS,
        keys=("activityDisplayName", "activityDateTime", "targetResources"),
        route="",
        time="activityDateTime",
        uid="id",
        event=audit_event,
        aliases=AUDIT,
        derived=AUDIT_DERIVED,
        neutral=partial(neutral.directory, OUTCOMES),
        fields=catalogue.AUDIT,
        also=("azure/activitylogs",),
        records="value",
    ),
    Source(
        name=SIGNINLOGS,
        keys=("createdDateTime", "appId", "status", "conditionalAccessStatus"),
        route="",
        time="createdDateTime",
        uid="id",
        event=signin_event,
        aliases=SIGNIN,
        derived=SIGNIN_DERIVED,
        neutral=neutral.sign_ins,
        fields=catalogue.SIGNIN,
        off=catalogue.SIGNIN_OFF,
        records="value",
    ),
    Source(
        name=RISKDETECTION,
        keys=("riskEventType", "detectedDateTime"),
        route="riskEventType",
        time="detectedDateTime",
        uid="id",
        event=risk_event,
        aliases=RISK,
        derived=RISK_DERIVED,
        neutral=neutral.risks,
        fields=catalogue.RISK,
        off=catalogue.RISK_OFF,
        records="value",
    ),
    Source(
        name=AUDITLOGS,
        keys=EXPORTED,
        only={"category": ("AuditLogs",)},
        route="operationName",
        time="time",
        uid="properties.id",
        event=audit_event,
        aliases=AUDIT,
        derived=AUDIT_DERIVED,
        neutral=partial(neutral.directory, OUTCOMES),
        fields=catalogue.AUDIT,
        also=("azure/activitylogs",),
        records="records",
    ),
    Source(
        name=SIGNINLOGS,
        keys=EXPORTED,
        only={"category": SIGN_INS},
        route="",
        time="properties.createdDateTime",
        uid="properties.id",
        event=signin_event,
        aliases=SIGNIN,
        derived=SIGNIN_DERIVED,
        neutral=neutral.sign_ins,
        fields=catalogue.SIGNIN,
        off=catalogue.SIGNIN_OFF,
        records="records",
    ),
    Source(
        name=RISKDETECTION,
        keys=EXPORTED,
        only={"category": ("UserRiskEvents", "ServicePrincipalRiskEvents")},
        route="",
        time="properties.detectedDateTime",
        uid="properties.id",
        event=risk_event,
        aliases=RISK,
        derived=RISK_DERIVED,
        neutral=neutral.risks,
        fields=catalogue.RISK,
        off=catalogue.RISK_OFF,
        records="records",
    ),
)
"""PIM's alerts before the audit log, which carries them; Graph's objects before the export."""
