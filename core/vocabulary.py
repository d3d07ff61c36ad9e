"""OCSF's words for class, outcome and activity, each with the native test that decides it.

A source says when an event of its is a sign-in, a success, a deletion; this file says which values
of which OCSF fields that makes (`Source.neutral`), from the tables that render events (core.ocsf),
so that a rule and a rendering can't disagree about a word. It knows no cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from core.model import Activity, Outcome
from core.ocsf import ACTIVITIES, CLASSES, LOGONS, OUTCOMES
from core.ports import Must, NeutralTable
from core.rulebook import And, Expr, Or

__all__ = ["ALWAYS", "NEVER", "Test", "vocabulary"]

Test: TypeAlias = Expr | Must
"""A native test that decides, or one that must hold at least."""

ALWAYS: Expr = And(())
NEVER: Expr = Or(())

AUTHENTICATION, API_ACTIVITY = 3002, 6003


def vocabulary(
    provider: str,
    *,
    sign_in: Test = NEVER,
    other: Test = ALWAYS,
    outcomes: Mapping[Outcome, Test] | None = None,
    activities: Mapping[Activity, Test] | None = None,
) -> NeutralTable:
    """OCSF field -> its values -> the test of each.

    `sign_in` is the test of Authentication (3002), `other` that of API Activity (6003). Outcomes
    and activities are all that an event of the source can have; left out, nothing is said of them.
    """
    classes = {AUTHENTICATION: sign_in, API_ACTIVITY: other}
    words: list[tuple[str, str | int, Test]] = [("cloud.provider", provider.upper(), ALWAYS)]
    for uid, test in classes.items():
        category, category_name, name = CLASSES[uid]
        words += [("class_uid", uid, test), ("class_name", name, test)]
        words += [("category_uid", category, test), ("category_name", category_name, test)]
        for activity, done in (activities or {}).items():
            known = ACTIVITIES if uid == API_ACTIVITY else LOGONS
            number, word = known.get(activity, (99, "Other"))
            both = _joined(And, (test, done))
            words += [("activity_id", number, both), ("activity_name", word, both)]
            words += [("type_uid", uid * 100 + number, both)]
    for outcome, test in (outcomes or {}).items():
        number, word = OUTCOMES[outcome]
        words += [("status_id", number, test), ("status", word, test)]
    return _table(words)


def _table(words: Iterable[tuple[str, str | int, Test]]) -> NeutralTable:
    """What is said of one value more than once is an alternative."""
    found: dict[str, dict[str | int | bool, list[Test]]] = {}
    for field, value, test in words:
        if test != NEVER:
            found.setdefault(field, {}).setdefault(value, []).append(test)
    return {
        field: {value: _joined(Or, tests) for value, tests in values.items()}
        for field, values in found.items()
    }


def _joined(kind: type[And | Or], tests: Iterable[Test]) -> Test:
    """All or any of the tests; not more than a Must where one of them is no more."""
    every = tuple(tests)
    exprs: Any = tuple(one.expr if isinstance(one, Must) else one for one in every)
    if kind is And:
        exprs = tuple(one for one in exprs if one != ALWAYS)
        if NEVER in exprs:
            return NEVER
    joined = exprs[0] if len(exprs) == 1 else kind(exprs)
    return Must(joined) if any(isinstance(one, Must) for one in every) else joined
