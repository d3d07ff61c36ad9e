"""OCSF's fields in the words of Google's audit logs, for Cloud Audit Logs and for Workspace.

What a test here decides it decides for every well-formed entry; a Must only holds at least. What is
not here is looked up in the rendering (docs/decisions/0015-neutral-rules.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from core.model import Activity, Json, NativeRecord
from core.native import endpoint, first, only
from core.ports import Derived, Must, NeutralTable
from core.rulebook import And, Compare, Expr, Not, Or, Regex, Text
from core.vocabulary import ALWAYS, vocabulary
from functions.gcp.entities import ACCOUNT, CALLER, CALLER_IP, account, caller, caller_name
from functions.gcp.operations import AUDIT, AUTHENTICATION, FAILED, VERBS, WORKSPACE

__all__ = ["audit", "workspace"]


def audit() -> NeutralTable:
    """Cloud Audit Logs: never a sign-in; failed by a status code, unknown while a call runs."""
    failed = Not(_fine())
    began = And((Text("operation.first", ("true",)), Not(Text("operation.last", ("true",)))))
    words = vocabulary(
        "gcp",
        outcomes={
            "failure": failed,
            "unknown": And((_fine(), began)),
            "success": And((_fine(), Not(began))),
        },
        activities=_activities(),
    )
    return {
        **ENTITIES,
        **words,
        "metadata.labels": AUDIT.tests,
        "api.operation": METHOD,
        "metadata.event_code": METHOD,
        "api.service.name": "protoPayload.serviceName",
        "http_request.user_agent": "protoPayload.requestMetadata.callerSuppliedUserAgent",
        "status_detail": "protoPayload.status.message",
    }


def workspace() -> NeutralTable:
    """Workspace's entries. Of several events in one, the first says what the entry is."""
    names = tuple(AUTHENTICATION)
    return {
        **ENTITIES,
        **vocabulary(
            "gcp",
            sign_in=Must(Text(EVENT, names, cased=True)),
            other=Must(ALWAYS),
            outcomes={
                "success": Must(Or((_fine(), Not(Text(EVENT, tuple(FAILED), cased=True))))),
                "failure": Must(ALWAYS),
                "unknown": Must(Text("operation.first", ("true",))),
            },
        ),
        "metadata.labels": WORKSPACE.tests,
        "api.service.name": "protoPayload.serviceName",
        "http_request.user_agent": "protoPayload.requestMetadata.callerSuppliedUserAgent",
    }


def _fine() -> Expr:
    """The status has no code, or 0."""
    code = "protoPayload.status.code"
    return Not(Or((Compare(code, "gt", 0), Compare(code, "lt", 0))))


def _activities() -> Mapping[Activity, Expr | Must]:
    """By the verb of the method. Where that tells nothing, the kind of permission does."""
    known: dict[Activity, Expr] = {
        activity: Regex(METHOD, f"(?i)(^|\\.)({'|'.join(_starts(activity))})[^.]*$")
        for activity in dict.fromkeys(VERBS.values())
    }
    verbless = Not(Or(tuple(known.values())))
    return {**known, "read": Must(Or((known["read"], verbless))), "other": Must(verbless)}


def _starts(activity: Activity) -> list[str]:
    return [verb for verb, does in VERBS.items() if does == activity]


METHOD = "protoPayload.methodName"

EVENT = "protoPayload.metadata.event.eventName"


def _account(record: NativeRecord) -> list[Json]:
    return only(account(record))


def _address(record: NativeRecord, part: int) -> list[Json]:
    return only(endpoint(first(record, CALLER_IP))[part])


ENTITIES: NeutralTable = {
    "actor.user.uid": Derived(lambda record: only(caller(record)), CALLER),
    "actor.user.name": Derived(lambda record: [caller_name(record) or "unknown"], CALLER),
    "cloud.account.uid": Derived(_account, ACCOUNT),
    "metadata.tenant_uid": Derived(_account, ACCOUNT),
    "src_endpoint.ip": Derived(partial(_address, part=0), (CALLER_IP,)),
    "src_endpoint.domain": Derived(partial(_address, part=1), (CALLER_IP,)),
}
"""Fields that a few native ones tell. A caller without any name is called unknown."""
