"""May it run? Action + policy + history + facts -> run, rehearse, hold or refuse, and why.

Pure: reads no clock, no store, no cloud, so the table in its test is the whole truth. Refusals
come first and an approval can't lift them; what only asks for a person is lifted by one. Every
reason that applies is given, not just the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from core.actions import CATALOGUE
from core.config import Policy
from core.model import LEVELS, Action, Decision, Verdict

__all__ = ["DAY_MS", "HOUR_MS", "Approval", "History", "Situation", "judge"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's release of one held action."""

    by: str
    at: int
    token: str
    """Digest of the single-use token."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What ran before, this action left out."""

    last_hour: int = 0
    same_target_last_day: int = 0


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """All that the guard may look at."""

    action: Action
    policy: Policy
    now: int
    history: History = History()
    facts: Mapping[str, Any] = {}
    """From the verb: last_administrator (True, False, or None where it could not be told), and
    principal, the full name of the identity as the cloud has it: a log may name it without a path.
    """
    floors: tuple[str, ...] = ()
    """Globs that the platform never touches: root, service-linked roles, ..."""
    approval: Approval | None = None


def judge(situation: Situation) -> Decision:
    """The decision, with every reason that led to it."""
    verdict, because = _judge(situation)
    return Decision(
        action=situation.action.uid,
        verdict=verdict,
        because=tuple(because),
        policy=situation.policy.digest(),
        at=situation.now,
    )


def _judge(situation: Situation) -> tuple[Verdict, list[str]]:
    refusals = _reasons(REFUSALS, situation)
    if refusals:
        return "refuse", refusals
    if _mode(situation) == "rehearse" or situation.action.drill:
        return "rehearse", ["a drill" if situation.action.drill else "policy: rehearse"]
    doubts = _reasons(DOUBTS, situation)
    if situation.approval:
        return "run", [f"approved by {situation.approval.by}", *doubts]
    if doubts:
        return "hold", doubts
    return "run", [f"asked by {_asker(situation)}"] if situation.action.undoes else ["policy: auto"]


Check = Callable[[Situation], str]
"""A reason, or empty when the check has nothing to say."""


def _reasons(checks: Iterable[Check], situation: Situation) -> list[str]:
    return [reason for check in checks if (reason := check(situation))]


def _mode(situation: Situation) -> str:
    entry = situation.policy.verbs.get(situation.action.verb)
    return entry.mode if entry else "off"


def _asker(situation: Situation) -> str:
    return situation.action.requested_by or "nobody"


def _kill_switch(situation: Situation) -> str:
    return "" if situation.policy.enabled else "the kill switch is on"


def _unknown_verb(situation: Situation) -> str:
    verb = situation.action.verb
    return "" if verb in CATALOGUE else f"no verb {verb} in the catalogue"


def _verb_off(situation: Situation) -> str:
    """An undo is asked by a person and gives back what was there: it needs no mode."""
    if situation.action.undoes:
        return "" if situation.action.requested_by else "an undo must be asked by somebody"
    verb = situation.action.verb
    return f"policy: {verb} is off" if _mode(situation) == "off" else ""


def _protected(situation: Situation) -> str:
    return _touches(situation, situation.policy.protected, "protected by policy")


def _own(situation: Situation) -> str:
    return _touches(situation, situation.policy.own, "Vigil's own")


def _floor(situation: Situation) -> str:
    return _touches(situation, situation.floors, "never touched on this platform")


def _touches(situation: Situation, globs: Iterable[str], what: str) -> str:
    target = situation.action.target
    for name in (target.uid, target.principal, str(situation.facts.get("principal") or "")):
        for glob in globs:
            if name and fnmatchcase(name.casefold(), glob.casefold()):
                return f"{name} is {what} ({glob})"
    return ""


def _last_administrator(situation: Situation) -> str:
    if situation.action.undoes or situation.facts.get("last_administrator") is not True:
        return ""
    return "nobody else would be left as administrator"


def _foreign_account(situation: Situation) -> str:
    accounts, account = situation.policy.accounts, situation.action.target.account
    if not accounts or account in accounts:
        return ""
    return f"account {account or '(unknown)'} is not one that policy names"


def _too_low(situation: Situation) -> str:
    entry = situation.policy.verbs.get(situation.action.verb)
    if entry is None or situation.action.undoes:
        return ""
    level = situation.action.level
    if LEVELS.index(level) >= LEVELS.index(entry.min_level):
        return ""
    return f"level {level} is below the {entry.min_level} that policy asks for"


def _breaker(situation: Situation) -> str:
    """A person's word outranks the breaker: it is there to stop the machine."""
    if situation.approval or situation.action.undoes:
        return ""
    limit, ran = situation.policy.max_actions_per_hour, situation.history.last_hour
    return f"breaker: {ran} actions ran within the hour, limit {limit}" if ran >= limit else ""


def _asks_approval(situation: Situation) -> str:
    if situation.action.undoes:
        entry = CATALOGUE.get(situation.action.verb)
        weakens = entry is not None and entry.undo == "approval"
        return "taking this back weakens the defence" if weakens else ""
    return "policy: approve" if _mode(situation) == "approve" else ""


def _old_event(situation: Situation) -> str:
    if situation.action.undoes:
        return ""
    minutes = (situation.now - situation.action.event_time) // 60_000
    limit = situation.policy.max_event_age_minutes
    return f"the event is {minutes} minutes old, limit {limit}" if minutes > limit else ""


def _repeats(situation: Situation) -> str:
    if situation.action.undoes:
        return ""
    times, limit = situation.history.same_target_last_day, situation.policy.max_repeats_per_day
    return f"ran {times} times on this target within a day, limit {limit}" if times >= limit else ""


def _experimental(situation: Situation) -> str:
    if situation.action.undoes or situation.policy.experimental:
        return ""
    return "the rule is experimental" if situation.action.rule_status == "experimental" else ""


def _unknown_administrators(situation: Situation) -> str:
    unknown = situation.facts.get("last_administrator", False) is None
    return "could not tell whether another administrator is left" if unknown else ""


REFUSALS: tuple[Check, ...] = (
    _kill_switch,
    _unknown_verb,
    _verb_off,
    _protected,
    _own,
    _floor,
    _last_administrator,
    _foreign_account,
    _too_low,
    _breaker,
)
"""An approval can't lift these, but for the breaker, which a person may pass."""

DOUBTS: tuple[Check, ...] = (
    _asks_approval,
    _old_event,
    _repeats,
    _experimental,
    _unknown_administrators,
)
"""These ask for a person."""
