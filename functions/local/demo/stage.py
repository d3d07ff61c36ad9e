"""The acts of the demo, played on the Scene of any cloud and shown as they happen.

Whatever is shown of the company is read from its cloud's stand-in, past Vigil; what is shown of
findings, decisions and the audit chain is what Vigil stored. This file knows no cloud.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from core.audit import verify
from core.finding import stored
from core.model import LEVELS, Finding
from core.ports import system_clock
from core.report import Response, response
from core.respond import undo_of
from functions.local.demo import show
from functions.local.demo.inbox import Inbox, inbox
from functions.local.demo.keep import fresh, keep
from functions.local.demo.scene import Played, Scene, States

__all__ = ["Stage", "Staged", "act_out", "play"]

BATCH = 10
"""Messages that are delivered together."""


class Stage(NamedTuple):
    """Everything that the acts share."""

    scene: Scene
    inbox: Inbox
    states: list[tuple[str, States]]


Staged = Callable[[Path, Inbox], AbstractContextManager[Scene]]
"""Home and inbox -> a cloud to play in, while the block lasts."""


def play(home: Path, staged: Staged) -> Path:
    """All acts in one cloud, in order, and what they leave behind; the report's path."""
    started = time.monotonic()
    fresh(home)
    with inbox(secrets.token_hex(16)) as box, staged(home, box) as scene:
        played = act_out(scene, box)
        report = keep(home, scene, played)
    show.end(home, report, played.findings, time.monotonic() - started)
    return report


def act_out(scene: Scene, box: Inbox) -> Played:
    """All acts, in order."""
    stage = Stage(scene, box, [])
    _company(stage)
    _intrusion(stage)
    messages, refused = _detection(stage)
    _response(stage)
    _approval(stage)
    _late(stage)
    _alerts(stage)
    _audit(stage)
    _undo(stage)
    return Played(messages, refused, len(_findings(stage)), stage.states)


def _company(stage: Stage) -> None:
    show.act(f"{stage.scene.cloud} on this machine, and a small company in it")
    for sentence in stage.scene.about():
        show.say(sentence)
    show.policy(stage.scene.policy)
    stage.states.append(("Before", stage.scene.state()))


def _intrusion(stage: Stage) -> None:
    show.act("The intrusion")
    for step in stage.scene.intrude(system_clock() - 10 * 60_000):
        show.step(step.time, step.told)
    stage.states.append(("After the intrusion", stage.scene.state()))


def _detection(stage: Stage) -> tuple[int, Sequence[str]]:
    """How many messages there were, and why some were set aside."""
    show.act("Detection: `detect` reads what arrives")
    bodies = stage.scene.deliveries()
    with show.progress(len(bodies)) as advance:
        for first in range(0, len(bodies), BATCH):
            batch = bodies[first : first + BATCH]
            stage.scene.detect(batch)
            advance(len(batch))
    found = _findings(stage)
    show.findings(found)
    agent = next(event.user_agent for one in found for event in one.evidence if event.user_agent)
    show.say(f"The intruder's program calls itself {agent!a}: shown, not obeyed.")
    refused = stage.scene.refused()
    for reason in refused:
        show.say(f"Set aside: {reason}")
    again = stage.scene.repeat()
    show.say(f"{again}: {len(_findings(stage)) - len(found)} new findings.")
    return len(bodies), refused


def _response(stage: Stage) -> None:
    show.act("Response: `respond` asks the guard about each action")
    stage.scene.respond()
    show.decisions(_actions(stage))


def _approval(stage: Stage) -> None:
    show.act("Approval: dana opens the links that arrived in the chat")
    _approve_all(stage)
    for one in _actions(stage):
        if one.decision and any(reason.startswith("approved") for reason in one.decision.because):
            show.changed(one)


def _approve_all(stage: Stage) -> None:
    """Approve what is held, let it run, and try each link once more."""
    held = [one for one in [*_actions(stage), *_actions(stage, undos=True)] if one.state == "held"]
    for one in held:
        looked = _open_link(stage, one, "GET")
        kept = stage.scene.store.get("action", one.action.uid)
        show.looked(one, looked, str(kept.value["state"]) if kept else "gone")
        show.approved(one, _open_link(stage, one, "POST"))
    stage.scene.respond()
    for one in held:
        show.tried_again(one, _open_link(stage, one, "POST"))


def _open_link(stage: Stage, one: Response, method: str) -> int:
    """Open the approval link that was sent for an action; the HTTP status."""
    token = parse_qs(urlsplit(stage.inbox.link(one.action.uid)).query)["token"][0]
    return stage.scene.approve(method, token)


def _late(stage: Stage) -> None:
    """What the stream did not bring in time is found all the same, and answered."""
    before = {one.uid for one in _findings(stage)}
    late = stage.scene.late()
    show.act(late.title)
    show.late(late)
    show.findings([one for one in _findings(stage) if one.uid not in before])
    stage.scene.respond()
    show.decisions([one for one in _actions(stage) if one.action.finding not in before])
    stage.states.append(("After the response", stage.scene.state()))


def _alerts(stage: Stage) -> None:
    show.act("Alerts: what the webhook receiver got")
    show.messages(stage.inbox.messages, stage.inbox.forged)


def _audit(stage: Stage) -> None:
    show.act("Audit: the chained record of every decision")
    for chain in stage.scene.journal.chains():
        show.chain(verify(stage.scene.journal, stage.scene.store, chain))


def _undo(stage: Stage) -> None:
    show.act("Undo: it was an exercise, so all of it is taken back")
    changed = [one for one in _actions(stage) if one.state == "changed"]
    for one in reversed(changed):
        order = undo_of(stage.scene.store, one.action, by="dana", now=system_clock())
        stage.scene.order(order)
    stage.scene.respond()
    _approve_all(stage)
    stage.states.append(("After the undo", stage.scene.state()))
    show.undone(_actions(stage, undos=True))
    show.states(stage.states)
    _audit(stage)


def _findings(stage: Stage) -> list[Finding]:
    every = (stored(entry.value) for _, entry in stage.scene.store.scan("finding"))
    found = [one for one in every if one is not None]
    return sorted(found, key=lambda one: (one.time, -LEVELS.index(one.level)))


def _actions(stage: Stage, *, undos: bool = False) -> list[Response]:
    found = [response(entry.value) for _, entry in stage.scene.store.scan("action")]
    found = [one for one in found if bool(one.action.undoes) == undos]
    return sorted(found, key=lambda one: (one.action.event_time, one.action.verb))
