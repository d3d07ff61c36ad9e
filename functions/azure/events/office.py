"""Microsoft 365's audit records in neutral words: those of the Office 365 Management Activity API.

https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema
has the schema. Alerts of the compliance centre are the records whose Workload is
SecurityComplianceCenter: their Operation only says that an alert arose, their Name which.

Pure. It doesn't know how records are fetched, nor Azure's own logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from core.errors import BadRecord
from core.hostile import kind_of
from core.model import Activity, Actor, ActorType, Event, Json, NativeRecord, Outcome, Resource
from core.native import dig, first, text
from core.ports import Derive, Source
from functions.azure import neutral
from functions.azure.events.values import address, content_id, moment, named, part
from functions.azure.operations import OFFICE

__all__ = ["OFFICE_SOURCES", "office_event"]


def office_event(source: str, record: NativeRecord) -> Event:
    """A record of the Management Activity API as an event of `source`.

    BadRecord when it is no object or lacks Operation or a readable CreationTime. `Succeeded` of a
    sign-in only tells that the request was answered; LogonError then tells that it failed.
    """
    if not isinstance(record, Mapping):
        raise BadRecord(f"a record of {source} is an object, not {kind_of(record)}")
    operation = first(record, "Operation")
    if not operation:
        raise BadRecord(
            f"a record of {source} whose Operation is {kind_of(record.get('Operation'))}"
        )
    session, outcome = AUTHENTICATION.get(operation), _outcome(record)
    tenant = first(record, "OrganizationId")
    return Event(
        uid=first(record, "Id") or content_id(record, source),
        time=moment(record, f"a record of {source}", "CreationTime"),
        source=source,
        provider="azure",
        account=tenant,
        service=first(record, "Workload"),
        operation=operation,
        activity=session or _activity(operation),
        labels=OFFICE.labels("", operation),
        authentication=session is not None,
        outcome=outcome,
        error=first(record, "LogonError", "ResultStatus") if outcome == "failure" else "",
        message=first(record, "Name", "Comments"),
        actor=_actor(record, tenant),
        ip=next(filter(None, (address(first(record, path)) for path in ADDRESS)), ""),
        user_agent=first(record, "UserAgent") or _user_agent(record),
        request=first(record, "InterSystemsId", "ClientRequestId"),
        resources=tuple(_target(record, tenant)),
        record=record,
    )


def _target(record: NativeRecord, tenant: str) -> Iterator[Resource]:
    """The object, else the mailbox; Entra's records may have its id in a list alone."""
    uid, name = first(record, "ObjectId", "AlertId"), first(record, "Name")
    if uid.casefold() in UNKNOWN:
        uid, name = _property("targetObjectId", record), _property("targetName", record)
    mailbox = first(record, "MailboxGuid", "MailboxOwnerUPN")
    if uid:
        yield Resource(uid=uid, name=name, account=tenant)
    elif mailbox:
        owner = first(record, "MailboxOwnerUPN")
        yield Resource(uid=mailbox, name=owner, type="Mailbox", account=tenant)


def _user_agent(record: NativeRecord) -> str:
    """A sign-in has it by name, other records of Entra within the text of their details."""
    details = part({"text": _property("additionalDetails", record)}, "text")
    return _property("UserAgent", record) or first(details, "User-Agent")


def _actor(record: NativeRecord, tenant: str) -> Actor:
    return Actor(
        uid=first(record, "UserId", "UserKey"),
        name=first(record, "UserId"),
        type=ACTOR_TYPES.get(str(record.get("UserType")), "unknown"),
        account=tenant,
        issuer=first(record, "ApplicationId", "AppId", "ClientAppId"),
    )


def _outcome(record: NativeRecord) -> Outcome:
    if first(record, "LogonError") or first(record, "Operation") == "UserLoginFailed":
        return "failure"
    said = dig(record, "ResultStatus")
    words = [text(each).casefold() or str(each).casefold() for each in said]
    return OUTCOMES.get(words[0], "unknown") if words else "unknown"


def _activity(operation: str) -> Activity:
    words = operation.casefold()
    return next((does for start, does in VERBS.items() if words.startswith(start)), "other")


def _property(name: str, record: NativeRecord) -> str:
    """One of the named values that sign-ins keep in a list."""
    for path in ("ExtendedProperties", "DeviceProperties"):
        for each in named(record, path, "Name", name):
            return text(each.get("Value"))
    return ""


def _extended(name: str, record: NativeRecord) -> list[Json]:
    """A top-level value, else the extended property of that name."""
    found = dig(record, name) or [_property(name, record)]
    return [each for each in found if each != ""]


def _status(record: NativeRecord) -> list[Json]:
    """`success` or `failure`, whatever the workload calls it; an alert that arose is a success."""
    outcome = _outcome(record)
    raised = first(record, "Operation") in ALERTS and not dig(record, "ResultStatus")
    if raised:
        return ["success"]
    return [outcome] if outcome != "unknown" else []


def _payload(record: NativeRecord) -> list[Json]:
    """What was run or seen: a cmdlet with its parameters, or an alert's own data."""
    fields = ("Operation", "Parameters", "NonPIIParameters", "Data", "Name", "Payload")
    return [each for field in fields for each in dig(record, field)]


UNKNOWN = ("not available", "unknown")
"""What stands for an ObjectId that there is none."""

ADDRESS = ("ClientIP", "ClientIPAddress", "ActorIpAddress")

ALERTS = ("AlertTriggered", "AlertEntityGenerated", "AlertUpdated")

OUTCOMES: Mapping[str, Outcome] = {
    **dict.fromkeys(("succeeded", "success", "true", "partiallysucceeded"), "success"),
    **dict.fromkeys(("failed", "failure", "false"), "failure"),
}

ACTOR_TYPES: Mapping[str, ActorType] = {
    "0": "user",
    "2": "admin",
    "3": "admin",
    "4": "system",
    "5": "service",
    "6": "service",
    "7": "system",
    "8": "system",
}
"""UserType, a number that some exports write as text: regular, (reserved), admin, datacenter admin,
system, application, service principal, custom policy, system policy."""

AUTHENTICATION: Mapping[str, Activity] = {
    "UserLoggedIn": "logon",
    "UserLoginFailed": "logon",
    "MailboxLogin": "logon",
    "TeamsSessionStarted": "logon",
    "UserLoggedOff": "logoff",
}

VERBS: Mapping[str, Activity] = {
    **dict.fromkeys(("add", "new", "create", "enable-", "upload", "filecreated"), "create"),
    **dict.fromkeys(("delete", "remove", "harddelete", "softdelete", "filedeleted"), "delete"),
    **dict.fromkeys(("set", "update", "change", "disable", "reset", "filemodified"), "update"),
    **dict.fromkeys(("get-", "search", "view", "fileaccessed", "mailitemsaccessed"), "read"),
}
"""How an operation starts, folded: activities of Entra and cmdlets of Exchange alike."""

DERIVED: Mapping[str, Derive] = {
    "status": _status,
    "Payload": _payload,
    "RequestType": partial(_extended, "RequestType"),
    "UserAgent": partial(_extended, "UserAgent"),
}

ALIASES: Mapping[str, tuple[str, ...]] = {
    "eventSource": ("Workload",),
    "src_ip": ADDRESS,
    "ApplicationId": ("ApplicationId", "AppId", "ClientAppId"),
}

COMMON = ("CreationTime", "Operation", "RecordType")


def _workload(
    name: str, workload: str, event_name: tuple[str, ...], also: tuple[str, ...] = ()
) -> Source:
    return Source(
        name=name,
        keys=COMMON,
        only={"Workload": (workload,)} if workload else {},
        route="Operation",
        time="CreationTime",
        uid="Id",
        event=partial(office_event, name),
        aliases={**ALIASES, "eventName": event_name},
        derived=DERIVED,
        neutral=partial(neutral.office, AUTHENTICATION),
        provider="azure",
        also=also,
    )


OFFICE_SOURCES: tuple[Source, ...] = (
    _workload("m365/exchange", "Exchange", ("Operation",)),
    _workload(
        "m365/threat_management",
        "SecurityComplianceCenter",
        ("Name", "Operation"),
        ("m365/threat_detection",),
    ),
    _workload("m365/audit", "", ("Operation",)),
)
"""By workload; all others are the audit log's.

Alerts are one kind of record that SigmaHQ files under two logsources.
"""
