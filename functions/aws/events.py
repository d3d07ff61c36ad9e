"""A CloudTrail record in neutral words: who did what, to what, from where, and did it succeed.

Pure: no SDK, no network, no clock. It doesn't know rules, nor what is done about an event; what a
record came wrapped in is envelopes.py's affair, what could be changed is targets.py's. Text in a
record is hostile and of any shape: a field of a wrong kind counts as absent, and only a record
whose very identity can't be read (no object, no operation, no time) is a BadRecord.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

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
    Target,
    digest,
)
from core.native import dig, first, items, milliseconds, parsed, text
from core.ports import Derived, NeutralTable, Source
from functions.aws.catalogue import FIELDS, OFF
from functions.aws.entities import account, address, caller, caller_name, resources
from functions.aws.operations import (
    ANSWERED,
    ANSWERS,
    AUTHENTICATION,
    OPERATIONS,
    READS,
    SIGN_IN,
    VERBS,
)

__all__ = ["SOURCES", "event"]


def event(record: NativeRecord) -> Event:
    """A CloudTrail record in neutral words.

    BadRecord when it is no object or lacks eventSource, eventName or a readable eventTime. A record
    without eventID (version 1.0 had none) gets an id from its content.
    """
    if not isinstance(record, Mapping):
        raise BadRecord(f"a CloudTrail record is an object, not {kind_of(record)}")
    service, operation = _required(record, "eventSource"), _required(record, "eventName")
    session = AUTHENTICATION.get((service, operation))
    ip, domain = address(record)
    outcome = _outcome(record, service, operation)
    return Event(
        uid=text(record.get("eventID")) or _content_id(record),
        time=_time(record),
        source=CLOUDTRAIL,
        provider="aws",
        account=account(record),
        region=text(record.get("awsRegion")),
        service=service,
        operation=operation,
        activity=session or _activity(record.get("readOnly"), operation),
        labels=OPERATIONS.labels(service, operation),
        authentication=session is not None,
        outcome=outcome,
        error=text(record.get("errorCode")),
        message=text(record.get("errorMessage")),
        actor=_actor(record),
        ip=ip,
        domain=domain,
        user_agent=text(record.get("userAgent")),
        request=text(record.get("requestID")),
        resources=tuple(resources(record, service)),
        record=record,
    )


def _required(record: NativeRecord, field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value:
        raise BadRecord(f"a CloudTrail record whose {field} is {kind_of(value)}")
    return value


def _time(record: NativeRecord) -> int:
    """The eventTime (ISO 8601; UTC when it names no zone) in epoch milliseconds."""
    value = _required(record, "eventTime")
    try:
        return milliseconds(datetime.fromisoformat(value))
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"a CloudTrail record with the eventTime {quoted(value)}") from error


def _content_id(record: NativeRecord) -> str:
    # The standard library's encoder: it takes whatever a decoder gave, lone surrogates too.
    try:
        return digest(CLOUDTRAIL, json.dumps(record, sort_keys=True))
    except (RecursionError, TypeError, ValueError) as error:
        raise BadRecord(f"a CloudTrail record without eventID that is no JSON: {error}") from error


def _actor(record: NativeRecord) -> Actor:
    return Actor(
        uid=caller(record),
        name=caller_name(record),
        type=ACTOR_TYPES.get(first(record, "userIdentity.type"), "unknown"),
        account=first(record, "userIdentity.accountId"),
        credential=first(record, "userIdentity.accessKeyId"),
        issuer=first(record, "userIdentity.sessionContext.sessionIssuer.arn"),
        mfa=_mfa(record),
    )


def _mfa(record: NativeRecord) -> bool | None:
    """Whether a second factor was used, where the record says so: as Yes/No or as true/false."""
    said = [
        *dig(record, "additionalEventData.MFAUsed"),
        *dig(record, "userIdentity.sessionContext.attributes.mfaAuthenticated"),
    ]
    known = (YES_NO.get(text(each).lower()) if text(each) else each for each in said)
    return next((each for each in known if isinstance(each, bool)), None)


def _outcome(record: NativeRecord, service: str, operation: str) -> Outcome:
    """A sign-in answers `{ConsoleLogin: Success}`; any other call fails by an error code."""
    if first(record, "errorCode"):
        return "failure"
    if service != SIGN_IN:
        return "success"
    known = ANSWERED if operation in ANSWERS else ()
    said = {text(each) for part in known for each in dig(record, f"{part}.{operation}")}
    return "failure" if "Failure" in said else "success" if "Success" in said else "unknown"


def _status(record: NativeRecord) -> list[Json]:
    """The outcome in one word, which CloudTrail itself has not; and a field of that name."""
    service, operation = text(record.get("eventSource")), text(record.get("eventName"))
    return [*items(record.get("status")), _outcome(record, service, operation)]


def _request(record: NativeRecord) -> list[Json]:
    """The request as it is, and with the JSON that is written as text in it (policies) opened, so
    that a search for a part of a policy finds it as people write it.
    """
    if "requestParameters" not in record:
        return []
    request = record["requestParameters"]
    if not isinstance(request, Mapping):
        return [request]
    opened = {key: _opened(value) for key, value in request.items()}
    return [request] if opened == request else [request, opened]


def _opened(value: Json) -> Json:
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return parsed(value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return value


def _activity(read_only: Any, operation: str) -> Activity:
    """CloudTrail's own word first; where it is silent or says no more than `writes`, the verb."""
    verb = operation.removeprefix("Batch")
    if read_only is True or (read_only is None and verb.startswith(READS)):
        return "read"
    return next((activity for start, activity in VERBS.items() if verb.startswith(start)), "other")


def _neutral() -> NeutralTable:
    # Imported when a rulebook first asks for it: cold starts are short.
    from functions.aws.neutral import neutral

    return neutral()


def _targets(kind: str, event: Event) -> tuple[Target, ...]:
    # Likewise: most events are about nothing that anybody acts on.
    from functions.aws.targets import targets

    return targets(kind, event)


CLOUDTRAIL = "aws/cloudtrail"


YES_NO: Mapping[str, bool] = {"yes": True, "true": True, "no": False, "false": False}

ACTOR_TYPES: Mapping[str, ActorType] = {
    "Root": "admin",
    "IAMUser": "user",
    "FederatedUser": "user",
    "SAMLUser": "user",
    "WebIdentityUser": "user",
    "IdentityCenterUser": "user",
    "Directory": "user",
    "AssumedRole": "role",
    "Role": "role",
    "AWSService": "service",
}
"""userIdentity.type; another account (AWSAccount) and Unknown tell no more than unknown."""

SOURCES: tuple[Source, ...] = (
    Source(
        name=CLOUDTRAIL,
        keys=("eventSource", "eventName"),
        route="eventName",
        time="eventTime",
        uid="eventID",
        event=event,
        aliases={"src_ip": ("sourceIPAddress",)},
        derived={"status": _status, "requestParameters": Derived(_request, says=())},
        neutral=_neutral,
        records="Records",
        targets=_targets,
        fields=FIELDS,
        off=OFF,
    ),
)
"""Every kind of native record that this file reads."""
