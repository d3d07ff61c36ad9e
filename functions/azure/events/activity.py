"""Azure's Activity Log in neutral words, in each of the shapes in which it reaches people.

Event Hub and storage (`operationName` is text), the REST API and the portal (`operationName.value`)
and Log Analytics (`OperationNameValue`), as documented in
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema and
https://learn.microsoft.com/azure/azure-monitor/reference/tables/azureactivity; and Event Grid's
notice of a subscription's resources, which comes within seconds and holds no request body:
https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions.

Pure. It doesn't know Entra's records, nor what a message came wrapped in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial

from core.errors import BadRecord
from core.hostile import kind_of
from core.model import (
    Activity,
    Actor,
    ActorType,
    Event,
    Json,
    NativeRecord,
    Outcome,
    Resource,
    digest,
)
from core.native import first, text
from core.ports import Derive, Source
from functions.azure import catalogue, neutral, operations
from functions.azure.events.grants import assigned_role
from functions.azure.events.values import address, content_id, moment, part

__all__ = ["ACTIVITY_SOURCES", "activity_event", "ended"]


def activity_event(record: NativeRecord) -> Event:
    """A record of the Activity Log, of any shape, in neutral words.

    BadRecord when it is no object or lacks an operation or a readable time. What ARM did has the
    same id in every shape; for the rest it is the one that Azure gave, or made from the content.
    """
    if not isinstance(record, Mapping):
        raise BadRecord(f"a record of the Activity Log is an object, not {kind_of(record)}")
    operation = first(record, *OPERATION)
    if not operation:
        raise BadRecord("a record of the Activity Log without an operationName")
    target, status = first(record, *RESOURCE_ID), first(record, *STATUS)
    subscription = _subscription(record, target)
    outcome = OUTCOMES.get(status.casefold(), "unknown")
    time = moment(record, "a record of the Activity Log", *TIME)
    return Event(
        uid=_uid(record, operation, outcome, time),
        time=time,
        source=ACTIVITYLOGS,
        provider="azure",
        account=subscription or _tenant(record),
        region=first(record, "location"),
        service=_provider(record).casefold(),
        operation=operation,
        activity=_activity(record, operation),
        labels=operations.ACTIVITY.labels("", operation),
        outcome=outcome,
        error=_error(record, status) if outcome == "failure" else "",
        message=first(record, "properties.statusMessage", "resultDescription"),
        actor=_actor(record),
        ip=next(filter(None, (address(first(record, path)) for path in ADDRESS)), ""),
        request=first(record, *CORRELATION),
        resources=(*_resources(target, subscription), *assigned_role(record, operation)),
        record=record,
    )


def ended(record: NativeRecord) -> NativeRecord | None:
    """The record that says an operation was begun or accepted, as its end will be if it succeeds.

    None for any other record. What a rule says of both, it says of the operation and not of its
    beginning.
    """
    for path, word in ENDS.items():
        field, _, inner = path.partition(".")
        if first(record, path).casefold() in BEGUN:
            end = {inner: word} if inner else word
            return {**record, field: end, **{key: "" for key in SIGNATURES if key in record}}
    return None


def _uid(record: NativeRecord, operation: str, outcome: Outcome, time: int) -> str:
    """What ARM did is named by correlation, operation, resource, outcome and hour: no shape has
    an id that another has too, and a caller may choose the correlation (decision 0099).
    """
    correlation = first(record, *CORRELATION)
    said = [correlation, operation, first(record, *RESOURCE_ID)]
    if correlation and _administrative(record):
        return digest(ACTIVITYLOGS, *map(str.casefold, said), outcome, str(time // HOUR_MS))
    given = first(record, "eventDataId", "EventDataId", "id")
    if given or not correlation:
        return given or content_id(record, ACTIVITYLOGS)
    said += [first(record, *STATUS), first(record, "resultSignature"), first(record, *TIME)]
    return digest(ACTIVITYLOGS, json.dumps(said))


def _administrative(record: NativeRecord) -> bool:
    """Other categories tell several things of one resource under one correlation."""
    found = first(record, *CATEGORY).casefold()
    return found in ADMINISTRATIVE or text(record.get("eventType") or record.get("type")) in (
        GRID_TYPES
    )


def _subscription(record: NativeRecord, target: str) -> str:
    match = SUBSCRIPTION.match(target)
    found = match[1] if match else first(record, *SUBSCRIPTION_ID)
    return found.lower()


def _tenant(record: NativeRecord) -> str:
    match = TENANT.match(first(record, *RESOURCE_ID))
    return (
        first(record, "tenantId", "TenantId", "data.tenantId")
        or text(_claims(record).get(TENANT_CLAIM))
        or (match[1] if match else "")
    )


def _claims(record: NativeRecord) -> Mapping[str, Json]:
    """The caller's token: an object, or JSON text in Log Analytics."""
    for holder in (part(record, "identity"), record, part(record, "data")):
        found = part(holder, "claims") or part(holder, "Claims")
        if found:
            return found
    return {}


def _evidence(record: NativeRecord) -> Mapping[str, Json]:
    """What the authorization was based on: role, kind and id of the principal."""
    for holder in (part(record, "identity"), record, part(record, "data")):
        given = part(holder, "authorization") or part(holder, "Authorization")
        if given:
            return part(given, "evidence")
    return {}


def _actor(record: NativeRecord) -> Actor:
    """The caller: the object id of the token, since names change and an application has none."""
    claims, evidence = _claims(record), _evidence(record)
    upn = text(claims.get(UPN_CLAIM)) or text(claims.get(NAME_CLAIM))
    caller = first(record, "caller", "Caller")
    app = text(claims.get("appid"))
    sort = text(evidence.get("principalType")) or text(claims.get("idtyp"))
    known = ACTOR_TYPES.get(sort.casefold())
    return Actor(
        uid=text(claims.get(OBJECT_CLAIM)) or text(evidence.get("principalId")) or caller or app,
        name=upn or caller or text(claims.get("name")) or app,
        type=known or ("user" if "@" in (upn or caller) else "service" if app else "unknown"),
        account=text(claims.get(TENANT_CLAIM)),
        credential=text(claims.get("uti")),
        issuer=app,
        mfa=_mfa(text(claims.get(METHODS_CLAIM))),
    )


def _mfa(methods: str) -> bool | None:
    """Methods of sign-in, `pwd,mfa`; an application's token has none."""
    return "mfa" in methods.split(",") if methods else None


def _provider(record: NativeRecord) -> str:
    """The resource provider: as named, else that of the resource, else that of the operation."""
    named = first(record, "resourceProviderName.value", "ResourceProviderValue")
    match = PROVIDER.search(first(record, *RESOURCE_ID))
    return named or (match[1] if match else first(record, *OPERATION).partition("/")[0])


def _activity(record: NativeRecord, operation: str) -> Activity:
    """By the last word of the operation; a write that made something says `Created`."""
    found = VERBS.get(operation.rpartition("/")[2].casefold(), "other")
    made = first(record, "properties.statusCode", "subStatus.value", "ActivitySubstatusValue")
    signed = first(record, "resultSignature").casefold().endswith(".created")
    if found == "update" and (made.casefold() == "created" or signed):
        return "create"
    return found


def _error(record: NativeRecord, status: str) -> str:
    signature = first(record, "resultSignature").rpartition(".")[2]
    return signature or first(record, "properties.statusCode", "subStatus.value") or status


def _resources(target: str, subscription: str) -> tuple[Resource, ...]:
    """The resource. Ids have no case, and shapes differ in it, so the uid is in lower case."""
    if not target:
        return ()
    match = PROVIDER.search(target)
    names = list(filter(None, target[match.end() :].split("/"))) if match else []
    sort = "/".join([match[1], *names[::2]]).lower() if match else ""
    name = target.rstrip("/").rpartition("/")[2]
    return (Resource(uid=target.lower(), name=name, type=sort, account=subscription),)


def _resource_provider(record: NativeRecord) -> list[Json]:
    """ResourceProviderValue is a column of Log Analytics; elsewhere it lies in the resource id."""
    found = _provider(record)
    return [found] if found else []


ACTIVITYLOGS = "azure/activitylogs"

OPERATION = ("operationName.value", "OperationNameValue", "operationName", "data.operationName")
RESOURCE_ID = ("resourceId", "ResourceId", "_ResourceId", "data.resourceUri")
STATUS = ("resultType", "status.value", "ActivityStatusValue", "ActivityStatus", "data.status")
CATEGORY = ("category.value", "CategoryValue", "properties.eventCategory", "category")
TIME = ("time", "eventTimestamp", "TimeGenerated", "eventTime")
SUBSCRIPTION_ID = ("subscriptionId", "SubscriptionId", "data.subscriptionId")
CORRELATION = ("correlationId", "CorrelationId", "data.correlationId")
"""Native paths, one for each shape; the first that exists counts. An Event Hub record's own
`category` may be the kind of operation (`Write`), so the event's category goes before it."""

ADDRESS = (
    "callerIpAddress",
    "httpRequest.clientIpAddress",
    "CallerIpAddress",
    "data.httpRequest.clientIpAddress",
    "identity.claims.ipaddr",
    "claims.ipaddr",
    "data.claims.ipaddr",
)

CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
UPN_CLAIM, NAME_CLAIM = f"{CLAIMS}upn", f"{CLAIMS}name"
OBJECT_CLAIM = "http://schemas.microsoft.com/identity/claims/objectidentifier"
TENANT_CLAIM = "http://schemas.microsoft.com/identity/claims/tenantid"
METHODS_CLAIM = "http://schemas.microsoft.com/claims/authnmethodsreferences"

SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
TENANT = re.compile(r"/tenants/([^/]+)/", re.IGNORECASE)
PROVIDER = re.compile(r".*/providers/([^/]+)", re.IGNORECASE | re.DOTALL)
"""The last provider of a resource id: that of an extension such as a role assignment."""

OUTCOMES: Mapping[str, Outcome] = {
    **dict.fromkeys(("success", "succeeded", "accept", "accepted"), "success"),
    **dict.fromkeys(("failure", "failed", "cancel", "canceled", "cancelled"), "failure"),
}
"""Folded status; `Start` and `Started` tell that it was begun, so its outcome is unknown."""

BEGUN = frozenset({"start", "started", "accept", "accepted"})

ENDS: Mapping[str, str] = {
    "resultType": "Success",
    "status.value": "Succeeded",
    "ActivityStatusValue": "Success",
    "ActivityStatus": "Succeeded",
}
"""Where each shape has the status, and its word for an operation that succeeded."""

SIGNATURES = ("resultSignature", "subStatus", "ActivitySubstatusValue", "ActivitySubstatus")

ADMINISTRATIVE = frozenset({"administrative", "write", "delete", "action"})

HOUR_MS = 3_600_000

VERBS: Mapping[str, Activity] = {"write": "update", "delete": "delete", "read": "read"}

ACTOR_TYPES: Mapping[str, ActorType] = {
    "user": "user",
    "serviceprincipal": "service",
    "managedidentity": "service",
    "app": "service",
}
"""principalType of the evidence, else idtyp of the token."""

CATEGORIES = (
    "Administrative",
    "Policy",
    "Security",
    "Alert",
    "Autoscale",
    "Recommendation",
    "ServiceHealth",
    "ResourceHealth",
    "Write",
    "Delete",
    "Action",
)
"""The Activity Log's categories; the last three are those of older Event Hub exports."""

GRID_TYPES = tuple(
    f"Microsoft.Resources.Resource{verb}{end}"
    for verb in ("Write", "Delete", "Action")
    for end in ("Success", "Failure", "Cancel")
)

ALIASES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("operationName", "OperationNameValue", "operation_name"), OPERATION),
    "OperationName": ("OperationName", "operationName.localizedValue", *OPERATION),
    **dict.fromkeys(("category", "Category", "CategoryValue"), CATEGORY),
    **dict.fromkeys(("resourceId", "ResourceId", "resource_id"), RESOURCE_ID),
    **dict.fromkeys(("status", "Status", "ActivityStatusValue", "ActivityStatus"), STATUS),
    **dict.fromkeys(("resultType", "ResultType"), STATUS),
    **dict.fromkeys(("callerIpAddress", "CallerIpAddress"), ADDRESS),
    **dict.fromkeys(
        ("caller", "Caller"),
        (
            "caller",
            "Caller",
            f"identity.claims.{UPN_CLAIM}",
            f"data.claims.{UPN_CLAIM}",
            "identity.claims.appid",
            "data.claims.appid",
        ),
    ),
    "ResourceProviderValue": ("ResourceProviderValue", "resourceProviderName.value"),
    "properties.message": ("properties.message", *OPERATION),
    "Level": ("level", "Level"),
    "SubscriptionId": SUBSCRIPTION_ID,
    "correlationId": CORRELATION,
}
"""As SigmaHQ's rules and Log Analytics write them; alike for every shape."""

DERIVED: Mapping[str, Derive] = {"ResourceProviderValue": _resource_provider}


def _shape(keys: tuple[str, ...], only: Mapping[str, tuple[str, ...]], time: str) -> Source:
    return Source(
        name=ACTIVITYLOGS,
        keys=keys,
        only=only,
        route="operationName",
        time=time,
        uid="eventDataId",
        event=activity_event,
        aliases=ALIASES,
        derived=DERIVED,
        neutral=partial(neutral.activity, OUTCOMES),
        records="records",
        fields=catalogue.ACTIVITY,
    )


ACTIVITY_SOURCES: tuple[Source, ...] = (
    _shape(("eventTimestamp", "operationName", "eventDataId"), {}, "eventTimestamp"),
    _shape(("TimeGenerated", "OperationNameValue", "ActivityStatusValue"), {}, "TimeGenerated"),
    _shape(("eventType", "eventTime", "data"), {"eventType": GRID_TYPES}, "eventTime"),
    _shape(("specversion", "time", "data"), {"type": GRID_TYPES}, "time"),
    _shape(("operationName", "time", "resourceId"), {"category": CATEGORIES}, "time"),
)
"""REST and portal, Log Analytics, Event Grid's own schema and CloudEvents, Event Hub.

All are one logsource with one table of aliases.
"""
