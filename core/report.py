"""Findings, actions and the audit chain as one self-contained HTML page.

Takes frozen values, gives text; knows no store, file or clock. The page fetches nothing, runs no
script and says so in its content security policy. Whatever came from an event is hostile: every
expression of the template is escaped, and characters that hide or reorder text are spelled out.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from core import charts
from core.alert import together
from core.audit import ChainVerdict
from core.hostile import printable
from core.model import LEVELS, Action, Decision, Event, Finding, Level, State

__all__ = ["Head", "Response", "count_by_level", "render", "response"]

SHOWN = 1000
"""Findings that are shown one by one: more make a page that browsers open slowly."""

EVIDENCE = 5
"""Events that are shown with one finding."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One action as the Store keeps it: how it was judged and what came of it.

    `before`, `wanted` and `after` are UNSET where the action never came that far; None is a state
    of its own (the thing was absent).
    """

    action: Action
    state: str
    decision: Decision | None = None
    before: State | msgspec.UnsetType = msgspec.UNSET
    wanted: State | msgspec.UnsetType = msgspec.UNSET
    after: State | msgspec.UnsetType = msgspec.UNSET
    reason: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What stands over the page."""

    title: str
    at: int
    """When it was made, epoch ms."""
    tally: Mapping[str, int | str] = {}
    """More numbers, by label: records read, rules used, ..."""
    notes: tuple[str, ...] = ()
    """Warnings that a reader must see: input set aside, kinds that could not be read."""
    states: tuple[tuple[str, Mapping[str, str]], ...] = ()
    """Moments in order, each with things as they were then: thing -> a few words. All moments have
    the same things."""


def response(value: Mapping[str, Any]) -> Response:
    """The response in a stored value of kind `action`."""
    return msgspec.convert(value, Response)


def render(
    head: Head,
    findings: Sequence[Finding],
    responses: Sequence[Response] = (),
    chains: Sequence[ChainVerdict] = (),
) -> str:
    """The page."""
    shown, left_out = _shown(findings)
    counts = count_by_level(findings)
    style = _style()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=head.title,
            made=_utc(head.at),
            period=_period(findings),
            style=Markup(style),  # noqa: S704  # our own file, nothing of an event in it
            style_hash=_csp_hash(style),
            levels=[(level, counts[level]) for level in reversed(LEVELS)],
            tiles=_tiles(findings, responses, head.tally),
            notes=head.notes,
            states=head.states,
            chart=charts.over_time([one for one in findings if one.time]),
            tactics=charts.tactics(findings),
            rules=_rules(findings),
            findings=[_finding(one) for one in shown],
            left_out=left_out,
            responses=_responses(responses),
            chains=chains,
        )
    )


def count_by_level(findings: Iterable[Finding]) -> Mapping[Level, int]:
    """How many findings each level has; every level is there."""
    counts = Counter(one.level for one in findings)
    return {level: counts[level] for level in LEVELS}


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters["number"] = lambda value: f"{value:,}" if isinstance(value, int) else value
    return environment


def _printable(value: Any) -> Any:
    """Applied to every expression of the template, so that none can be forgotten."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "\n".join(map(printable, value.split("\n")))


@cache
def _style() -> str:
    return (HERE / "report.css").read_text(encoding="utf-8")


def _csp_hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _shown(findings: Sequence[Finding]) -> tuple[list[Finding], int]:
    """The gravest findings that fit, in order of time, and how many do not fit."""
    gravest = sorted(findings, key=lambda one: (-LEVELS.index(one.level), one.time))
    kept = gravest[:SHOWN]
    return sorted(kept, key=lambda one: (one.time, one.uid)), len(gravest) - len(kept)


def _tiles(
    findings: Sequence[Finding], responses: Sequence[Response], tally: Mapping[str, int | str]
) -> list[tuple[str, int | str]]:
    """The numbers of the head, label first."""
    tiles: list[tuple[str, int | str]] = [
        ("Findings", len(findings)),
        ("Rules that fired", len({one.rule.id for one in findings})),
        ("Actors", len({_who(one) for one in findings if _who(one)})),
    ]
    if responses:
        ran = [one for one in responses if one.state in ("changed", "undone")]
        tiles.append(("Actions carried out", sum(not one.action.undoes for one in ran)))
    return [*tiles, *tally.items()]


def _period(findings: Sequence[Finding]) -> str:
    first, last = _span(findings)
    return _utc(first) if first == last else f"{_utc(first)} to {_utc(last)}"


def _span(findings: Sequence[Finding]) -> tuple[int, int]:
    """First and last time of those that have one; 0 where none has."""
    dated = [one for one in findings if one.time]
    return (
        min((one.time for one in dated), default=0),
        max((one.last_seen for one in dated), default=0),
    )


def _who(finding: Finding) -> str:
    return finding.actor.uid or finding.actor.name


def _where(finding: Finding) -> str:
    names = [item.name or item.uid for item in finding.resources]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}" if names else ""


def _rules(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """A line per rule that fired, gravest first."""
    groups: dict[str, list[Finding]] = {}
    for one in findings:
        groups.setdefault(one.rule.id, []).append(one)
    lines = [
        {
            "title": group[0].rule.title,
            "level": max((one.level for one in group), key=LEVELS.index),
            "count": sum(one.count for one in group),
            "first": _utc(_span(group)[0]),
            "last": _utc(_span(group)[1]),
            "actors": _some([one.actor.name or one.actor.uid for one in group]),
        }
        for group in groups.values()
    ]
    return sorted(lines, key=lambda line: (-LEVELS.index(line["level"]), line["first"]))


def _some(names: Iterable[str], most: int = 3) -> str:
    """The commonest names, and how many more there are."""
    ranked = [name for name, _ in Counter(name for name in names if name).most_common()]
    more = f" and {len(ranked) - most} more" if len(ranked) > most else ""
    return ", ".join(ranked[:most]) + more


def _finding(finding: Finding) -> dict[str, Any]:
    attacks = dict.fromkeys(one.technique for one in finding.rule.attacks if one.technique)
    facts = {
        "Finding": finding.uid,
        "Rule": finding.rule.id,
        "Account": " ".join(filter(None, (finding.provider, finding.account, finding.region))),
        "Actor": _who(finding),
        "Credential": finding.actor.credential,
        "From": finding.ip,
        "Resources": ", ".join(item.uid for item in finding.resources),
        **together(finding),
        "Seen": f"{finding.count} times, last {_utc(finding.last_seen)}"
        if finding.count > 1 and not finding.began
        else "",
        "ATT&CK": ", ".join(attacks),
        "Would help": ", ".join(finding.rule.respond),
        "May be harmless when": "; ".join(finding.rule.falsepositives),
        "Status": "" if finding.status == "new" else finding.status,
    }
    return {
        "uid": finding.uid,
        "level": finding.level,
        "title": finding.title,
        "text": finding.rule.description,
        "time": _utc(finding.time),
        "actor": finding.actor.name or finding.actor.uid,
        "where": _where(finding),
        "facts": {label: value for label, value in facts.items() if value},
        "evidence": [_evidence(event) for event in finding.evidence[:EVIDENCE]],
        "more": max(0, len(finding.evidence) - EVIDENCE),
    }


def _evidence(event: Event) -> tuple[str, str]:
    return f"{event.operation or event.source} {event.uid}", _pretty(event.record)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _responses(responses: Sequence[Response]) -> list[dict[str, Any]]:
    """Every ordinary action in the order asked; an undo is shown with what it took back."""
    undos = {one.action.undoes: one for one in responses if one.action.undoes}
    return [
        _response(one, undos.get(one.action.uid))
        for one in sorted(responses, key=lambda one: (one.action.requested_at, one.action.uid))
        if not one.action.undoes
    ]


def _response(one: Response, undo: Response | None) -> dict[str, Any]:
    end = one.after if one.after is not msgspec.UNSET else one.wanted
    planned = one.before is not msgspec.UNSET and end is not msgspec.UNSET
    decision = one.decision
    return {
        "uid": one.action.uid,
        "verb": one.action.verb,
        "target": one.action.target.uid,
        "finding": one.action.finding,
        "title": one.action.title,
        "level": one.action.level,
        "state": one.state,
        "because": list(decision.because) if decision else [],
        "verdict": decision.verdict if decision else "",
        "policy": decision.policy if decision else "",
        "reason": one.reason,
        "end": "After" if one.after is not msgspec.UNSET else "Wanted",
        "diff": _difference(one.before, end) if planned else None,
        "undo": _undo(one, undo) if undo else None,
    }


def _undo(one: Response, undo: Response) -> dict[str, Any]:
    return {
        "state": undo.state,
        "by": undo.action.requested_by,
        "at": _utc(undo.action.requested_at),
        "exact": undo.after is not msgspec.UNSET and undo.after == one.before,
        "because": list(undo.decision.because) if undo.decision else [],
        "reason": undo.reason,
    }


def _difference(before: Any, after: Any) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Both states as lines, each with its mark: same, gone or new."""
    left = _state_lines(before)
    right = _state_lines(after)
    gone: list[tuple[str, str]] = []
    new: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes():
        gone += [("same" if kind == "equal" else "gone", line) for line in left[a:b]]
        new += [("same" if kind == "equal" else "new", line) for line in right[c:d]]
    return gone, new


def _state_lines(state: Any) -> list[str]:
    return ["(absent)"] if state is None else _pretty(state).splitlines()


def _utc(time: int) -> str:
    """The time for a reader; empty for 0, which a record without readable time has."""
    if not time:
        return ""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


HERE = Path(__file__).parent
