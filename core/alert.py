"""Findings, held actions, changes and failures -> messages for people, and their delivery.

Delivery remembers which sinks are still owed, so a retry tells only those. Text of events loses
its hidden characters here; markup is escaped by each sink for its own medium. No sink is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from core.errors import Reject, Retry
from core.hostile import printable
from core.model import LEVELS, Action, Alert, Change, Decision, Finding, Level, State, to_json
from core.ports import Sink

__all__ = [
    "above",
    "deliver",
    "of_change",
    "of_failure",
    "of_finding",
    "of_hold",
    "plain",
    "together",
    "utc",
]

SHOWN = 300
"""Characters of one value that a message shows."""

TITLE = 200


def of_finding(finding: Finding) -> Alert:
    """What was found, where, by whom."""
    return Alert(
        key=finding.uid,
        kind="finding",
        level=finding.level,
        title=printable(finding.title, TITLE),
        text=finding.rule.description or finding.title,
        finding=finding,
        facts=_facts(
            {
                "Rule": finding.rule.title,
                "When": utc(finding.time),
                **together(finding),
                "Account": f"{finding.provider} {finding.account} {finding.region}".strip(),
                "Actor": finding.actor.uid or finding.actor.name,
                "From": finding.ip,
                "Resources": ", ".join(item.uid for item in finding.resources),
                "ATT&CK": ", ".join(a.technique for a in finding.rule.attacks if a.technique),
                "Would help": ", ".join(finding.rule.respond),
            }
        ),
        at=finding.found_at,
    )


def of_hold(action: Action, decision: Decision, link: str) -> Alert:
    """An action waits for a person."""
    return Alert(
        key=f"{action.uid}-held",
        kind="approval",
        level=action.level,
        title=printable(f"Approve {action.verb}? {action.title}", TITLE),
        text="Nothing is changed until somebody approves; the request expires.",
        action=action,
        links={"Review": link} if link else {},
        facts=_facts({**_about(action), "Because": "; ".join(decision.because)}),
        at=decision.at,
    )


def of_change(action: Action, change: Change, *, told: str) -> Alert:
    """An action was carried out (or taken back), with the states before and after."""
    return Alert(
        key=f"{action.uid}-{told}",
        kind="change",
        level=action.level,
        title=printable(f"{told.capitalize()}: {action.verb}. {action.title}", TITLE),
        text="The former state is kept and can be brought back.",
        action=action,
        facts=_facts(
            {
                **_about(action),
                "Before": _state(change.before),
                "After": _state(change.after),
                "Undo": "" if action.undoes else f"vigil actions undo {action.uid}",
            }
        ),
        at=change.at,
    )


def of_failure(action: Action, reason: str, at: int) -> Alert:
    """An action could not be carried out and will not be tried again by itself."""
    return Alert(
        key=f"{action.uid}-failed",
        kind="failure",
        level="high",
        title=printable(f"Failed: {action.verb}. {action.title}", TITLE),
        text=printable(reason, SHOWN),
        action=action,
        facts=_facts(_about(action)),
        at=at,
    )


def plain(alert: Alert) -> str:
    """All of it as plain text; no value from an event starts a line that would look like ours."""
    lines = [f"[{alert.level}] {_one_line(alert.title)}", ""]
    lines += map(printable, alert.text.splitlines())
    for heading, table in (("Facts", alert.facts), ("Links", alert.links)):
        if table:
            lines += ["", f"{heading}:"]
            lines += [f"  {_one_line(name)}: {_one_line(value)}" for name, value in table.items()]
    return "\n".join([*lines, "", f"Alert {_one_line(alert.key)}"])


def above(level: Level, sink: Sink) -> Sink:
    """The sink, told only what is at that level or over it."""

    def told(alert: Alert) -> None:
        if LEVELS.index(alert.level) >= LEVELS.index(level):
            sink(alert)

    return told


def deliver(
    alert: Alert,
    sinks: Mapping[str, Sink],
    has: Callable[[str], bool],
    mark: Callable[[str], None],
    failed: Callable[[str, str], None],
) -> None:
    """Tell every sink that is still owed the alert; raise Retry if one is owed it afterwards.

    `has` and `mark` ask for and keep the step `told:<key>:<sink>`; `failed` is told sink and
    reason when a sink refuses for good, which then counts as settled.
    """
    owed: Retry | None = None
    for name, sink in sinks.items():
        step = f"told:{alert.key}:{name}"
        if has(step):
            continue
        try:
            sink(alert)
        except Retry as error:
            owed = error
            continue
        except Reject as error:
            failed(name, str(error))
        mark(step)
    if owed:
        raise owed


def together(finding: Finding) -> dict[str, str]:
    """What a correlation's finding has beside others: what its events have in common, when they
    were and how many. {} for the finding of a single event.
    """
    if not finding.began:
        return {}
    more = " or more" if finding.capped else ""
    return {
        "Group": ", ".join(f"{name}={value}" for name, value in finding.group.items()),
        "Window": f"{utc(finding.began)} to {utc(finding.last_seen)}",
        "Events": f"{finding.count}{more}",
    }


def utc(time: int) -> str:
    """Epoch milliseconds as `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _about(action: Action) -> dict[str, str]:
    return {
        "Verb": action.verb,
        "Target": action.target.uid,
        "Account": f"{action.target.provider} {action.target.account}".strip(),
        "Finding": action.finding,
    }


def _facts(facts: Mapping[str, str]) -> dict[str, str]:
    return {label: printable(value, SHOWN) for label, value in facts.items() if value}


def _state(state: State) -> str:
    return "absent" if state is None else to_json(state).decode()
