"""Cloud Audit Logs and Google Workspace's audit logs in neutral words.

Both are log entries whose `protoPayload` is an AuditLog; Workspace's, which an organization may
share with Cloud Logging, keep what happened in `metadata.event`. GKE's are Cloud Audit Logs too.
https://cloud.google.com/logging/docs/audit/understanding-audit-logs,
https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog and
https://cloud.google.com/logging/docs/audit/gsuite-audit-logging.

Pure: no SDK, no network, no clock. How rules write the fields is fields.py's affair, what could be
changed is targets.py's.
Text in an entry is hostile and of any shape: a field of a wrong kind counts as absent, and only an
entry whose very identity can't be read is a BadRecord.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial

from core.errors import BadRecord
from core.hostile import kind_of, quoted
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
from core.native import dig, endpoint, first, milliseconds, text
from core.ports import Source
from functions.gcp import neutral, operations
from functions.gcp.catalogue import AUDIT_OFF, FIELDS, WORKSPACE_OFF
from functions.gcp.entities import CALLER_IP, account, caller, caller_name
from functions.gcp.events.fields import AUDIT, AUDIT_DERIVED, WORKSPACE, WORKSPACE_DERIVED
from functions.gcp.events.grants import granted_roles
from functions.gcp.operations import AUTHENTICATION, FAILED, VERBS
from functions.gcp.targets import targets

__all__ = ["SOURCES", "actor_type", "event", "moment"]


def event(source: str, record: NativeRecord) -> Event:
    """A log entry as an event of `source`.

    BadRecord when it is no object or lacks protoPayload.methodName or a readable timestamp. Google
    tells entries apart by log, time and insertId together; an entry without insertId gets an id
    from its content. The two entries of a long-running call are one event, seen twice.
    """
    if not isinstance(record, Mapping):
        raise BadRecord(f"a log entry is an object, not {kind_of(record)}")
    method = first(record, "protoPayload.methodName")
    if not method:
        raise BadRecord("a log entry without a protoPayload.methodName")
    service = first(record, "protoPayload.serviceName")
    workspace = source != AUDIT_LOGS
    happened = first(record, HAPPENED) if workspace else ""
    session = AUTHENTICATION.get(happened)
    outcome = _outcome(record, happened)
    ip, domain = endpoint(first(record, CALLER_IP))
    return Event(
        uid=_uid(record),
        time=moment(record.get("timestamp"), "a log entry whose timestamp"),
        source=source,
        provider="gcp",
        account=account(record),
        region=_region(record),
        service=service,
        operation=happened or method,
        activity=session or _activity(record, method),
        labels=_events_labels(record, service)
        if workspace
        else operations.AUDIT.labels(service, method),
        authentication=session is not None,
        outcome=outcome,
        error=_code(record) if outcome == "failure" else "",
        message=first(record, "protoPayload.status.message"),
        actor=_actor(record),
        ip=ip,
        domain=domain,
        user_agent=first(record, "protoPayload.requestMetadata.callerSuppliedUserAgent"),
        request=first(record, "operation.id", "trace"),
        resources=(*_resources(record), *granted_roles(record)),
        record=record,
    )


def moment(value: Json, what: str) -> int:
    """A time (RFC 3339, to the nanosecond) in epoch milliseconds; BadRecord if it is none.

    `what` begins the reason: `a log entry whose timestamp`.
    """
    try:
        return milliseconds(datetime.fromisoformat(text(value)))
    except (ValueError, OverflowError) as error:
        shown = quoted(value) if text(value) else kind_of(value)
        raise BadRecord(f"{what} is {shown}") from error


def _uid(record: NativeRecord) -> str:
    """Of log, time and insertId; both entries of one long-running call have the same."""
    parts = _shared(record) or [text(record.get(key)) for key in IDENTITY]
    try:
        return digest("gcp", json.dumps(parts if all(parts) else record, sort_keys=True))
    except (RecursionError, TypeError, ValueError) as error:
        raise BadRecord(f"a log entry without insertId that is no JSON: {error}") from error


def _shared(record: NativeRecord) -> list[str]:
    """What the entries of a call have in common that is written when it begins and when it ends.

    [] for a call of one entry, which is first and last (docs/decisions/0094).
    """
    operation = first(record, "operation.id")
    whole = dig(record, "operation.first") == dig(record, "operation.last") == [True]
    if not operation or whole:
        return []
    producer = first(record, "operation.producer", "protoPayload.serviceName")
    method = first(record, "protoPayload.methodName")
    return [text(record.get("logName")), producer, operation, method]


def _region(record: NativeRecord) -> str:
    """A region, a zone or `global`, as the resource has it."""
    return first(record, *(f"resource.labels.{key}" for key in ("region", "location", "zone")))


def _events_labels(record: NativeRecord, service: str) -> tuple[str, ...]:
    """The classes of all that happened in an entry of Workspace."""
    names = filter(text, dig(record, HAPPENED))
    return tuple(
        sorted({one for name in names for one in operations.WORKSPACE.labels(service, name)})
    )


def _outcome(record: NativeRecord, happened: str) -> Outcome:
    """An absent or empty status is success; a call that only began has none yet."""
    told = dig(record, "protoPayload.metadata.event.status.success") if happened else []
    if happened in FAILED or told == [False]:
        return "failure"
    if _code(record):
        return "failure"
    began = dig(record, "operation.first") == [True] and dig(record, "operation.last") != [True]
    return "unknown" if began else "success"


def _code(record: NativeRecord) -> str:
    """The name of the status code; "" when there is none or it is 0."""
    for code in dig(record, "protoPayload.status.code"):
        if isinstance(code, int) and not isinstance(code, bool) and code:
            return CODES.get(code, str(code))
    return ""


def _actor(record: NativeRecord) -> Actor:
    """The caller. Google leaves the address out of some denied calls; then nobody is named."""
    said = "protoPayload.authenticationInfo"
    email = first(record, f"{said}.principalEmail")
    subject = first(record, f"{said}.principalSubject")
    match = SERVICE_ACCOUNT.fullmatch(email)
    delegated = f"{said}.serviceAccountDelegationInfo"
    return Actor(
        uid=caller(record),
        name=caller_name(record),
        type=actor_type(email, subject),
        account=match["project"] or "" if match else "",
        credential=first(record, f"{said}.serviceAccountKeyName"),
        issuer=first(
            record,
            f"{delegated}.firstPartyPrincipal.principalEmail",
            f"{delegated}.principalSubject",
        ),
    )


def actor_type(email: str, subject: str) -> ActorType:
    """What a caller is, by the form of its name."""
    if email.startswith("system:") or email == "system@google.com":
        return "system"
    if email.endswith("gserviceaccount.com") or subject.startswith("serviceAccount:"):
        return "service"
    if subject.startswith(FEDERATED):
        return "role"
    return "user" if "@" in email or subject.startswith("user:") else "unknown"


def _activity(record: NativeRecord, method: str) -> Activity:
    """The verb of the method, else what the permission says: `ADMIN_READ`, `DATA_READ`."""
    verb = method.rpartition(".")[2].casefold()
    found = next((does for start, does in VERBS.items() if verb.startswith(start)), None)
    reads = first(record, "protoPayload.authorizationInfo.permissionType").endswith("_READ")
    return found or ("read" if reads else "other")


def _resources(record: NativeRecord) -> tuple[Resource, ...]:
    """The resource, by its full name: `//compute.googleapis.com/projects/p/zones/z/instances/i`.

    GKE names objects within their cluster only, so that is put before them.
    """
    name = first(record, "protoPayload.resourceName")
    if not name:
        return ()
    service = first(record, "protoPayload.serviceName")
    owner = cluster if (cluster := _cluster(record)) else f"//{service}"
    return (
        Resource(
            uid=name if name.startswith("//") else f"{owner}/{name}",
            name=name.rstrip("/").rpartition("/")[2],
            type=first(record, "resource.type"),
            region=_region(record),
            account=account(record),
        ),
    )


def _cluster(record: NativeRecord) -> str:
    if first(record, "resource.type") != "k8s_cluster":
        return ""
    keys = ("project_id", "location", "cluster_name")
    project, location, name = (first(record, f"resource.labels.{key}") for key in keys)
    where = f"projects/{project}/locations/{location}/clusters/{name}"
    return f"//container.googleapis.com/{where}/k8s"


AUDIT_LOGS = "gcp/gcp.audit"

HAPPENED = "protoPayload.metadata.event.eventName"
"""What happened, in an entry of Workspace."""

IDENTITY = ("logName", "timestamp", "insertId")


SERVICE_ACCOUNT = re.compile(r"[^@]+@((?P<project>[^.@]+)\.iam\.)?[^@]*gserviceaccount\.com")

FEDERATED = ("principal://", "principalSet://")

CODES: Mapping[int, str] = {
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
    16: "UNAUTHENTICATED",
}
"""google.rpc.Code."""


def _source(name: str, only: Mapping[str, tuple[str, ...]]) -> Source:
    return Source(
        name=name,
        keys=("protoPayload", "logName"),
        only=only,
        route="" if only else "gcp.audit.method_name",
        time="timestamp",
        uid="insertId",
        event=partial(event, name),
        aliases=WORKSPACE if only else AUDIT,
        derived=WORKSPACE_DERIVED if only else AUDIT_DERIVED,
        neutral=neutral.workspace if only else neutral.audit,
        fields=FIELDS,
        off=WORKSPACE_OFF if only else AUDIT_OFF,
        targets=targets,
    )


SERVICE = "protoPayload.serviceName"

SOURCES: tuple[Source, ...] = (
    _source("gcp/google_workspace.admin", {SERVICE: ("admin.googleapis.com",)}),
    _source("gcp/google_workspace.login", {SERVICE: ("login.googleapis.com",)}),
    _source(AUDIT_LOGS, {}),
)
"""Workspace first: its entries are Cloud Audit Logs in all but the service that wrote them."""
