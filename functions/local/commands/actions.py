"""`vigil actions`: what was proposed, judged and done; a person's yes; the way back.

Approving and undoing place an order. A deployment's respond function judges, carries out and
records it; for a folder of local state the same is done here, under the folder's policy and with
the caller's own cloud credentials.
"""

from __future__ import annotations

import getpass
import secrets
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from core.actions import CATALOGUE
from core.approval import Approvals, Word
from core.audit import Audit
from core.model import Action
from core.ports import Queue, system_clock
from core.report import Response
from core.respond import TAKEABLE, Responder, undo_of
from functions.local import aws
from functions.local import home as state
from functions.local.adapters import console_sink
from functions.local.commands.options import formats, home_option
from functions.local.home import Home
from functions.local.terminal import STYLES, fail, iso, line, say, styled, table

__all__ = ["actions"]

POLL_S = 1.0
"""Between two looks at what became of an order."""

_F = TypeVar("_F", bound=Callable[..., Any])


def _order_options(command: _F) -> _F:
    """--by, --wait and --no-wait: what placing an order takes."""
    by = click.option("--by", default="", help="Who asks; without it, the login name.")
    wait = click.option(
        "--wait", type=click.FloatRange(min=0), default=60.0, show_default=True, metavar="SECONDS",
        help="How long to wait for a deployment to carry it out.",
    )  # fmt: skip
    no_wait = click.option("--no-wait", is_flag=True, help="Place the order and leave.")
    return by(wait(no_wait(command)))


@click.command("list")
@home_option
@formats("table", "json")
@click.option("--state", "only", default="", help="Those in this state: held, changed, ...")
def list_(home: Path, format: str, only: str) -> None:
    """List actions in the order asked."""
    with state.opened(home) as opened:
        found = [one for one in state.responses(opened) if only in ("", one.state)]
    if format == "json":
        for one in found:
            line(msgspec.to_builtins(one))
    elif found:
        table(COLUMNS, map(_row, found))
    say(f"{len(found)} actions")


@click.command()
@click.argument("uid")
@home_option
@formats("table", "json")
def show(uid: str, home: Path, format: str) -> None:
    """Show one action: why, how it was judged, the states before and after."""
    with state.opened(home) as opened:
        one = state.one_response(opened, uid)
    if format == "json":
        line(msgspec.to_builtins(one))
        return
    table((("Field", "left"), ("Value", "fold")), _facts(one))


@click.command()
@click.argument("uid")
@home_option
@_order_options
def approve(uid: str, home: Path, by: str, wait: float, no_wait: bool) -> int:
    """Release a held action; it is judged again and carried out."""
    with state.opened(home) as opened:
        one = state.one_response(opened, uid)
        if one.state not in ("held", "approved"):
            fail(f"action {one.action.uid} is {one.state}; only a held one can be approved")
        audit, queue = _ways(opened, one.action)
        if one.state == "held":
            approvals = Approvals(secrets.token_hex(32), "", system_clock)
            token = approvals.link(one.action).partition("token=")[2]
            word = Word(yes=True, by=_asker(opened, by))
            approvals.decide(opened.store, queue, audit, token, word)
        else:
            # Released already, but the order may never have been queued; twice does no harm.
            queue(one.action)
        return _outcome(opened, one.action.uid, wait, no_wait=no_wait)


@click.command()
@click.argument("uid")
@home_option
@_order_options
def undo(uid: str, home: Path, by: str, wait: float, no_wait: bool) -> int:
    """Take an action back: the former state, exactly, unless somebody changed it since."""
    with state.opened(home) as opened:
        one = state.one_response(opened, uid)
        if one.state != "changed" or one.action.undoes:
            fail(f"action {one.action.uid} is {one.state}; only a changed one can be taken back")
        _, queue = _ways(opened, one.action)
        order = undo_of(opened.store, one.action, by=_asker(opened, by), now=system_clock())
        queue(order)
        return _outcome(opened, order.uid, wait, no_wait=no_wait)


def _asker(home: Home, by: str) -> str:
    """Who asks: the name given, and beside it whom the cloud takes the caller for."""
    name = by or getpass.getuser()
    return f"{name} ({home.caller})" if home.caller else name


def _outcome(home: Home, uid: str, wait: float, *, no_wait: bool) -> int:
    """Tell what became of an order. To leave before that is known is only right when asked for."""
    until = time.monotonic() + (0 if no_wait else wait)
    while (one := state.stored_response(home, uid)) is None or one.state in TAKEABLE:
        if time.monotonic() >= until:
            say(
                f"ordered, and {one.state if one else 'not yet taken up'}:"
                f" see what becomes of it with `vigil actions show {uid} --home {home.path}`"
            )
            return 0 if no_wait else 2
        time.sleep(POLL_S)
    because = "; ".join(one.decision.because) if one.decision else ""
    say(f"{one.state}: {one.reason or because}")
    return 0 if one.state in ("changed", "nothing", "rehearsed", "held") else 2


def _ways(home: Home, action: Action) -> tuple[Audit, Queue]:
    """Where a person's word is recorded, and where the order goes that comes of it."""
    audit = Audit(home.journal, home.store, home.chain, system_clock)
    return audit, home.queue or _carried_out_here(home, action, audit)


def _carried_out_here(home: Home, action: Action, audit: Audit) -> Queue:
    """A queue at whose end stands the respond path itself, with the verbs of the action's cloud."""
    if action.target.provider not in PROVIDERS:
        fail(f"no verbs for '{action.target.provider}' here; known: {', '.join(PROVIDERS)}")
    verbs, floors = PROVIDERS[action.target.provider](action)
    responder = Responder(
        verbs=verbs,
        store=home.store,
        audit=audit,
        sinks={"terminal": console_sink(sys.stderr)},
        policy=partial(state.policy, home.path),
        clock=system_clock,
        sleep=time.sleep,
        floors=floors,
    )

    def queue(order: Action) -> None:
        responder.handle(order)

    return queue


def _facts(one: Response) -> list[tuple[object, ...]]:
    action, decision = one.action, one.decision
    entry = CATALOGUE.get(action.verb)
    facts = {
        "Verb": action.verb,
        "What it does": entry.summary if entry else "",
        "Target": action.target.uid,
        "State": one.state,
        "Finding": f"{action.finding} {action.title}",
        "Asked": iso(action.requested_at),
        "Asked by": action.requested_by,
        "Undoes": action.undoes,
        "Guard": f"{decision.verdict}: {'; '.join(decision.because)}" if decision else "",
        "Before": _state(one.before),
        "Wanted": _state(one.wanted),
        "After": _state(one.after),
        "Reason": one.reason,
    }
    return [("Action", action.uid), *((name, text) for name, text in facts.items() if text)]


def _state(value: Any) -> str:
    if value is msgspec.UNSET:
        return ""
    return "absent" if value is None else msgspec.json.encode(value).decode()


def _row(one: Response) -> tuple[object, ...]:
    verb = f"undo {one.action.verb}" if one.action.undoes else one.action.verb
    return (
        styled(one.state, "bold"),
        verb,
        one.action.target.uid,
        styled(one.action.level, STYLES[one.action.level]),
        "; ".join(one.decision.because) if one.decision else one.reason,
        one.action.uid[:12],
    )


COLUMNS = (
    ("State", "left"),
    ("Verb", "left"),
    ("Target", "fold"),
    ("Level", "left"),
    ("Because", "fold"),
    ("Uid", "left"),
)

PROVIDERS = {"aws": aws.verbs}
"""Cloud -> its verbs with the caller's credentials, and its floors."""

actions = click.Group(
    "actions",
    help="What was proposed, judged and done, and the way back.",
    commands={"list": list_, "show": show, "approve": approve, "undo": undo},
)
