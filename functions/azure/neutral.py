"""OCSF's fields in Azure's, Entra's and Microsoft 365's words, a function for each kind of record.

What a test here decides it decides for every well-formed record; a Must only holds at least. Fields
that an export may have as JSON text, or in several places, are left to the rendering
(docs/decisions/0015-neutral-rules.md). It doesn't know how a record is read: events/ does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.model import Activity, Outcome
from core.ports import Must, NeutralTable
from core.rulebook import Expr, Not, Null, Or, Pattern, Text
from core.vocabulary import ALWAYS, NEVER, vocabulary
from functions.azure.operations import ACTIVITY, DIRECTORY, OFFICE

__all__ = ["activity", "alerts", "directory", "office", "risks", "sign_ins"]


def activity(outcomes: Mapping[str, Outcome]) -> NeutralTable:
    """The Activity Log, whose fields are aliases over its shapes; `outcomes` by folded status."""
    known = {
        outcome: Text("status", tuple(word for word, so in outcomes.items() if so == outcome))
        for outcome in dict.fromkeys(outcomes.values())
    }
    return {
        **vocabulary("azure", outcomes={**known, "unknown": Not(Or(tuple(known.values())))}),
        "metadata.labels": ACTIVITY.tests,
    }


def directory(outcomes: Mapping[str, Outcome]) -> NeutralTable:
    """Entra's audit log. An activity has guides' names for it too: none of them has a class."""
    known: dict[Outcome, Must] = {
        outcome: Must(
            Not(_says("result", (word for word, so in outcomes.items() if so != outcome)))
        )
        for outcome in dict.fromkeys(outcomes.values())
    }
    return {
        **vocabulary(
            "azure",
            outcomes={**known, "unknown": Must(Not(_says("result", outcomes)))},
        ),
        "metadata.labels": DIRECTORY.tests,
    }


def sign_ins() -> NeutralTable:
    """Entra's sign-ins: an export has the error code at its top, where "0" is success."""
    fine, silent = Text("resultType", ("0",)), Null("resultType")
    outcomes: dict[Outcome, Must] = {
        "success": Must(Or((fine, silent))),
        "failure": Must(Not(fine)),
        "unknown": Must(Not(fine)),
    }
    return {
        **vocabulary(
            "azure",
            sign_in=ALWAYS,
            other=NEVER,
            outcomes=outcomes,
            activities={"logon": ALWAYS},
        ),
        "metadata.labels": {},
    }


def risks() -> NeutralTable:
    """What Identity Protection found: no call, so it has no outcome and no class of operation."""
    words = vocabulary("azure", outcomes={"unknown": ALWAYS}, activities={"other": ALWAYS})
    return {**words, "metadata.labels": {}}


def alerts() -> NeutralTable:
    """PIM's alerts, some of which are entries of the audit log."""
    return vocabulary("azure")


def office(authentication: Mapping[str, Activity]) -> NeutralTable:
    """Microsoft 365; `authentication` has the operations that open or end a session."""
    sign_in = Text("Operation", tuple(authentication), cased=True)
    return {
        **vocabulary("azure", sign_in=sign_in, other=Not(sign_in)),
        "metadata.labels": OFFICE.tests,
        "api.operation": "Operation",
        "metadata.event_code": "Operation",
        "api.service.name": "Workload",
    }


def _says(field: str, words: Iterable[str]) -> Expr:
    """Graph's object has the field below `properties`, or is the record."""
    patterns: tuple[Pattern, ...] = tuple(words)
    return Or((Text(f"properties.{field}", patterns), Text(field, patterns)))
