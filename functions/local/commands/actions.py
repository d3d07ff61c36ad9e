"""`vigil actions`: what was proposed, judged and done; a person's yes; the way back.

Approving and undoing go the way that the respond function goes: judged by the guard under the
home's policy, recorded in its journal, carried out with the caller's own cloud credentials.
"""

from __future__ import annotations

import getpass
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from core.actions import CATALOGUE
from core.approval import Approvals, Word
from core.audit import Audit
from core.memory import Recorder
from core.model import Action
from core.ports import system_clock
from core.report import Response
from core.respond import Responder, undo_of
from functions.local import home as state
from functions.local.adapters import console_sink
from functions.local.commands.options import formats, home_option
from functions.local.home import Home
from functions.local.terminal import STYLES, fail, iso, line, say, styled, table

__all__ = ["actions"]

CHAIN = "local"
"""The chain that a person's commands are recorded in."""


@click.command("list")
@home_option
@formats("table", "json")
@click.option("--state", "only", default="", help="Those in this state: held, changed, ...")
def list_(home: Path, format: str, only: str) -> None:
    """List actions in the order asked."""
    with state.opened(home) as local:
        found = [one for one in state.responses(local) if only in ("", one.state)]
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
    with state.opened(home) as local:
        one = state.one_response(local, uid)
    if format == "json":
        line(msgspec.to_builtins(one))
        return
    table((("Field", "left"), ("Value", "fold")), _facts(one))


@click.command()
@click.argument("uid")
@home_option
@click.option("--by", default="", help="Who approves; without it, the login name.")
def approve(uid: str, home: Path, by: str) -> int:
    """Release a held action and carry it out."""
    with state.opened(home) as local:
        one = state.one_response(local, uid)
        if one.state != "held":
            fail(f"action {one.action.uid} is {one.state}; only a held one can be approved")
        responder = _responder(local, one.action)
        approvals = Approvals(secrets.token_hex(32), "", system_clock)
        token = approvals.link(one.action).partition("token=")[2]
        queue: Recorder[Action] = Recorder()
        approvals.decide(
            local.store, queue, responder.audit, token, Word(yes=True, by=by or getpass.getuser())
        )
        return _carry_out(local, responder, queue.seen[0])


@click.command()
@click.argument("uid")
@home_option
@click.option("--by", default="", help="Who asks; without it, the login name.")
def undo(uid: str, home: Path, by: str) -> int:
    """Take an action back: the former state, exactly, unless somebody changed it since."""
    with state.opened(home) as local:
        one = state.one_response(local, uid)
        if one.state != "changed" or one.action.undoes:
            fail(f"action {one.action.uid} is {one.state}; only a changed one can be taken back")
        responder = _responder(local, one.action)
        order = undo_of(
            local.store, one.action, by=by or getpass.getuser(), now=system_clock()
        )  # fmt: skip
        return _carry_out(local, responder, order)


def _carry_out(local: Home, responder: Responder, action: Action) -> int:
    result = responder.handle(action)
    one = state.one_response(local, action.uid)
    because = "; ".join(one.decision.because) if one.decision else ""
    say(f"{result}: {one.reason or because}")
    return 0 if result in ("changed", "nothing", "rehearsed", "held") else 2


def _responder(local: Home, action: Action) -> Responder:
    """The respond path over the local state, with the verbs of the action's cloud."""
    if action.target.provider not in PROVIDERS:
        fail(f"no verbs for '{action.target.provider}' here; known: {', '.join(PROVIDERS)}")
    verbs, floors = PROVIDERS[action.target.provider](action)
    return Responder(
        verbs=verbs,
        store=local.store,
        audit=Audit(local.journal, local.store, CHAIN, system_clock),
        sinks={"terminal": console_sink(sys.stderr)},
        policy=local.policy,
        clock=system_clock,
        sleep=time.sleep,
        floors=floors,
    )


def _aws(action: Action) -> tuple[Any, tuple[str, ...]]:
    """AWS verbs with the caller's own credentials, and what they never touch."""
    import boto3  # the extra `aws`; needed by nothing else of the command line

    from functions.aws.actions import actions as verbs
    from functions.aws.wiring import FLOORS

    session = boto3.Session(region_name=action.target.region or None)
    account = session.client("sts").get_caller_identity()["Account"]
    if action.target.account and account != action.target.account:
        fail(
            f"these credentials are for account {account}, the action is in"
            f" {action.target.account}; choose others with AWS_PROFILE"
        )

    def client(service: str, region: str = "", account: str = "") -> Any:
        return session.client(service, region_name=region or None)  # type: ignore[call-overload]

    return verbs(client), FLOORS


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

PROVIDERS = {"aws": _aws}
"""Cloud -> its verbs and its floors."""

actions = click.Group(
    "actions",
    help="What was proposed, judged and done, and the way back.",
    commands={"list": list_, "show": show, "approve": approve, "undo": undo},
)
