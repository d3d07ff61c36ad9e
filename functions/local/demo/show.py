"""How the demo looks on a terminal. It shows and decides nothing; all text is made safe first."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from core.audit import ChainVerdict
from core.model import Finding
from core.report import Response
from functions.local.demo.scene import Late, Reading
from functions.local.terminal import STYLES, iso, plain, styled

__all__ = [
    "act", "approved", "chain", "changed", "decisions", "end", "findings", "late", "looked",
    "messages", "policy", "progress", "reports", "say", "states", "step", "tried_again", "undone",
]  # fmt: skip


def act(title: str) -> None:
    """The heading of an act."""
    out = _console()
    out.print()
    out.print(Rule(styled(title, "bold"), align="left", characters="─"))


def say(text: str) -> None:
    """A sentence."""
    _console().print(styled(text), soft_wrap=True)


def step(time: str, told: str) -> None:
    """One step of the story."""
    _console().print(styled(f"{time[11:19]}  ", "dim").append(styled(told)))


def policy(verbs: Mapping[str, Any]) -> None:
    """The response policy in two lines."""
    modes: dict[str, list[str]] = {}
    for name, verb in verbs["verbs"].items():
        modes.setdefault(verb["mode"], []).append(name)
    for mode, names in modes.items():
        say(f"Policy {mode}: {', '.join(names)}")
    say(f"Policy protected: {', '.join(verbs['protected'])}")


@contextmanager
def progress(total: int) -> Iterator[Any]:
    """A bar of records while stdout is a terminal."""
    console = _console()
    bar = Progress(
        TextColumn("records"), BarColumn(), MofNCompleteColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("records", total=total)
        yield lambda count: bar.advance(task, count)


def findings(found: Sequence[Finding]) -> None:
    """What was found."""
    if not found:
        return
    rows = [
        (
            styled(one.level, STYLES[one.level]),
            (iso(one.time) or "")[11:19],
            styled(one.title, "bold"),
            one.actor.name,
            one.ip,
        )
        for one in found
    ]
    _table(("Level", "Time", "Finding", "Actor", "From"), rows)


def decisions(actions: Sequence[Response]) -> None:
    """What the guard said to each action, and what became of it."""
    if not actions:
        return
    rows = [
        (
            styled(one.state, OUTCOMES.get(one.state, "")),
            one.action.verb,
            _target(one),
            "; ".join(one.decision.because) if one.decision else one.reason,
        )
        for one in actions
    ]
    _table(("Outcome", "Verb", "Target", "Because"), rows)
    for one in actions:
        if one.state == "changed":
            changed(one)
    # One plan is one plan, however many findings ask for it.
    plans = {(one.action.verb, one.action.target.uid): one for one in actions}
    for one in plans.values():
        if one.state == "rehearsed":
            _states(one, ("now", one.before), ("would be", one.wanted))


def changed(one: Response) -> None:
    """The states before and after one action, as the verb read them."""
    _states(one, ("before", one.before), ("after", one.after))


def _states(one: Response, *states: tuple[str, Any]) -> None:
    out = _console()
    out.print()
    line = styled(one.action.verb, "bold").append(styled(f" {_target(one)}", "dim"))
    out.print(line, soft_wrap=True)
    for name, state in states:
        out.print(styled(f"  {name:<10}", "dim").append(styled(_json(state))), soft_wrap=True)


def late(told: Late) -> None:
    """What came late, and what could not be looked at."""
    say(told.told)
    for reason in told.unseen:
        say(f"Could not look: {reason}")


def looked(one: Response, status: int, state: str) -> None:
    """Somebody, or some program, only looked at an approval link."""
    say(f"{_order(one)}: GET answers {status} and shows the plan; the action is still {state}.")


def approved(one: Response, status: int) -> None:
    """The link was used."""
    say(f"{_order(one)}: POST answers {status}; the action goes back to respond's queue.")


def tried_again(one: Response, status: int) -> None:
    """The link was used a second time."""
    say(f"{_order(one)}: POST with the same link again answers {status}.")


def messages(received: Sequence[Mapping[str, Any]], forged: int) -> None:
    """What arrived at the webhook."""
    for message in received:
        style = STYLES[message["level"]]
        line = styled(f"{message['kind']:<9}", "dim").append(styled(message["title"], style))
        _console().print(line, soft_wrap=True)
    kinds = Counter(str(message["kind"]) for message in received)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    say(f"{len(received)} messages ({counts}), every signature good, {forged} refused.")


def chain(verdict: ChainVerdict) -> None:
    """The verdict on one chain."""
    if verdict.ok:
        say(f"{verdict.chain}: {verdict.records} records, whole.")
    else:
        say(f"{verdict.chain}: BROKEN at record {verdict.broken}: {verdict.reason}")


def undone(undos: Sequence[Response]) -> None:
    """What became of each undo."""
    rows = [
        (
            styled(one.state, OUTCOMES.get(one.state, "")),
            one.action.verb,
            _target(one),
            "; ".join(one.decision.because) if one.decision else one.reason,
        )
        for one in undos
    ]
    _table(("Undo", "Verb", "Target", "Because"), rows)


def states(taken: Sequence[tuple[str, Mapping[str, Reading]]]) -> None:
    """The company as its cloud answers, before and after each act, a block for each thing."""
    out = _console()
    out.print()
    out.print(styled("The company, read past Vigil", "bold"))
    for thing in taken[0][1]:
        out.print(styled(f"  {thing}"))
        for name, state in taken:
            out.print(styled(f"    {name:<20}", "dim").append(styled(state[thing].words)))
    after, undo = dict(taken)["After the intrusion"], dict(taken)["After the undo"]
    same = sum(after[thing].whole == undo[thing].whole for thing in after)
    style = "bold green" if same == len(after) else "bold red"
    out.print(
        styled(f"  {same} of {len(after)} are, in every detail, as before the response.", style)
    )


def end(home: Path, report: Path, count: int, seconds: float) -> None:
    """The last lines: where to look next."""
    act(f"{count} findings, answered and taken back, in {seconds:.0f} seconds")
    say(f"Look again:  vigil findings list --home {home}")
    say(f"             vigil actions list --home {home}")
    say(f"             vigil audit verify --home {home}")
    say(f"Report:      {report}")


def reports(paths: Mapping[str, Path]) -> None:
    """Where the reports of several clouds are."""
    act(f"{len(paths)} clouds, the same story, a report each")
    for cloud, path in paths.items():
        say(f"{cloud:<6} {path}")


def _order(one: Response) -> str:
    return f"undo of {one.action.verb}" if one.action.undoes else one.action.verb


def _target(one: Response) -> str:
    """The target's name without service, region and account, for a person to read."""
    return PREFIX.sub("", one.action.target.uid)


def _json(value: Any) -> str:
    if value is msgspec.UNSET:
        return ""
    text = "absent" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= MOST else text[:MOST] + " …"


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    shown = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else styled(plain(cell)) for cell in row))
    _console().print(shown)


def _console() -> Console:
    wide = None if sys.stdout.isatty() else 120
    return Console(highlight=False, markup=False, emoji=False, width=wide)


MOST = 400
"""Characters of a state that are shown; the report has all."""

PREFIX = re.compile(
    r"^(?:arn:[^:]*:[^:]*:[^:]*:[^:]*:"
    r"|//[a-z]+\.googleapis\.com/(?:projects/[^/#]+/)?"
    r"|(?:/subscriptions/[^/]+)?(?:/resourcegroups/[^/]+)?/providers/[^/]+/)"
)
"""What all names of one account of a cloud begin with."""

OUTCOMES = {
    "changed": "bold green",
    "held": "bold yellow",
    "refused": "bold red",
    "failed": "bold white on red",
    "undone": "bold cyan",
}
