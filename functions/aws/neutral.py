"""OCSF's fields in CloudTrail's words: what a rule of a neutral category asks of the header.

Each test here holds exactly where events.py renders that value; what is not here is looked up in
the rendering (docs/decisions/0015-neutral-rules.md). tests/rules/test_neutral.py holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from core.model import Activity, Json, NativeRecord
from core.native import first, only, text
from core.ports import Derive, Derived, NeutralTable
from core.rulebook import ANY_MANY, ANY_ONE, And, Expr, Not, Null, Or, Text
from core.vocabulary import vocabulary
from functions.aws.entities import (
    ACCOUNT,
    CALLER,
    CALLER_NAME,
    account,
    address,
    caller,
    caller_name,
    named,
    short_name,
)
from functions.aws.operations import (
    ANSWERED,
    ANSWERS,
    AUTHENTICATION,
    OPERATIONS,
    READS,
    SIGN_IN,
    VERBS,
)

__all__ = ["neutral"]


def neutral() -> NeutralTable:
    """OCSF field -> the native field, or the native test of each value."""
    sign_in = _called(AUTHENTICATION)
    refused, console = Text("errorCode", SOME), Text("eventSource", (SIGN_IN,), cased=True)
    failed = Or((refused, _answered("Failure")))
    passed = And((Not(failed), Or((_answered("Success"), Not(console)))))
    words = vocabulary(
        "aws",
        sign_in=sign_in,
        other=Not(sign_in),
        outcomes={"success": passed, "failure": failed, "unknown": Not(Or((passed, failed)))},
        activities=_activities(sign_in),
    )
    return {
        **NAMES,
        **ENTITIES,
        **words,
        "metadata.labels": OPERATIONS.tests,
        "is_mfa": {value: And((sign_in, test)) for value, test in _mfa().items()},
    }


def _activities(sign_in: Expr) -> Mapping[Activity, Expr]:
    """A session's is known by name; else CloudTrail's own word, and the verb where it is silent."""
    sessions: dict[Activity, Expr] = {
        activity: _called(one for one, does in AUTHENTICATION.items() if does == activity)
        for activity in ("logon", "logoff")
    }
    silent = And((Null("readOnly"), _starts(READS)))
    reads = Or((Text("readOnly", ("true",)), silent))
    verbs = {
        activity: _starts(verb for verb, does in VERBS.items() if does == activity)
        for activity in dict.fromkeys(VERBS.values())
    }
    known: dict[Activity, Expr] = {
        "read": And((Not(sign_in), reads)),
        **{one: And((Not(sign_in), Not(reads), test)) for one, test in verbs.items()},
        **sessions,
    }
    return {**known, "other": Not(Or(tuple(known.values())))}


def _mfa() -> Mapping[str | int | bool, Expr]:
    """The sign-in's own word goes before the session's."""
    session = "userIdentity.sessionContext.attributes.mfaAuthenticated"
    yes, no = (Text("additionalEventData.MFAUsed", words) for words in (YES, NO))
    earlier, without = (Text(session, words) for words in (YES, NO))
    return {True: Or((yes, And((Not(no), earlier)))), False: Or((no, And((Not(yes), without))))}


def _called(operations: Iterable[tuple[str, str]]) -> Expr:
    """One of these (eventSource, eventName), in this very case."""
    services: dict[str, list[str]] = {}
    for service, name in operations:
        services.setdefault(service, []).append(name)
    return Or(
        tuple(
            And(
                (Text("eventSource", (service,), cased=True), Text("eventName", tuple(names), True))
            )
            for service, names in services.items()
        )
    )


def _answered(word: str) -> Expr:
    """A sign-in's outcome stands in its answer."""
    return Or(
        tuple(
            And((*_both(operation), Text(f"{part}.{operation}", (word,), cased=True)))
            for operation in ANSWERS
            for part in ANSWERED
        )
    )


def _both(operation: str) -> tuple[Expr, Expr]:
    return (
        Text("eventSource", (SIGN_IN,), cased=True),
        Text("eventName", (operation,), cased=True),
    )


def _starts(verbs: Iterable[str]) -> Expr:
    """The operation's first word, a `Batch` before it left aside."""
    each = tuple(verbs)
    starts = (*each, *(f"Batch{verb}" for verb in each))
    return Text("eventName", tuple((start, ANY_MANY) for start in starts), cased=True)


SOME = ((ANY_ONE, ANY_MANY),)
"""Any text that is not empty."""

YES, NO = ("yes", "true"), ("no", "false")

NAMES: NeutralTable = {
    "api.operation": "eventName",
    "metadata.event_code": "eventName",
    "api.service.name": "eventSource",
    "cloud.region": "awsRegion",
    "http_request.user_agent": "userAgent",
    "api.response.error": "errorCode",
    "status_code": "errorCode",
    "status_detail": "errorMessage",
    "api.request.uid": "requestID",
    "metadata.correlation_uid": "requestID",
}
"""Fields whose text is a native field's, unchanged."""


def _signs_in(record: NativeRecord) -> bool:
    return (text(record.get("eventSource")), text(record.get("eventName"))) in AUTHENTICATION


def _name(record: NativeRecord) -> list[Json]:
    """Both classes demand a user, so that one without any name has one all the same."""
    found = caller_name(record)
    known = found or caller(record) or first(record, "userIdentity.accountId")
    return only(found) if known else ["unknown"]


def _user(of: Derive) -> Derive:
    """`user` is who signs in; only Authentication has it."""
    return lambda record: of(record) if _signs_in(record) else []


def _resource(part: Callable[[str], str]) -> Derived:
    """Something of each resource's uid; Authentication has no resources."""

    def of(record: NativeRecord) -> list[Json]:
        if _signs_in(record):
            return []
        every = named(record, text(record.get("eventSource")))
        return [found for uid, _, _ in every if (found := part(uid))]

    return Derived(of, (*OPERATION, *ACCOUNT, *RESOURCES))


def _uid(record: NativeRecord) -> list[Json]:
    return only(caller(record))


OPERATION = ("eventSource", "eventName")

NAME = ("userIdentity.principalId", "userIdentity.accountId", *CALLER_NAME)

RESOURCES = ("awsRegion", "resources", "requestParameters", "responseElements")

ENTITIES: NeutralTable = {
    "actor.user.uid": Derived(_uid, CALLER),
    "actor.user.name": Derived(_name, NAME),
    "user.uid": Derived(_user(_uid), (*OPERATION, *CALLER)),
    "user.name": Derived(_user(_name), (*OPERATION, *NAME)),
    "cloud.account.uid": Derived(lambda record: only(account(record)), ACCOUNT),
    "metadata.tenant_uid": Derived(lambda record: only(account(record)), ACCOUNT),
    "src_endpoint.ip": Derived(lambda record: only(address(record)[0]), ("sourceIPAddress",)),
    "src_endpoint.domain": Derived(lambda record: only(address(record)[1]), ("sourceIPAddress",)),
    "resources.uid": _resource(str),
    "resources.name": _resource(short_name),
}
"""Fields that a few native ones tell."""
