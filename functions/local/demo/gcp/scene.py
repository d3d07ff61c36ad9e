"""The Scene in Google Cloud: what functions/gcp has, put together on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from core.errors import Forbidden
from functions.gcp import envelopes
from functions.gcp.actions import actions
from functions.gcp.events import SOURCES
from functions.gcp.rest import Call, Rest
from functions.gcp.targets import targets
from functions.gcp.wiring import FLOORS
from functions.local.demo.gcp.company import PROJECT, found, state
from functions.local.demo.gcp.standin import Google
from functions.local.demo.gcp.story import POISON, intrusion, message, ordinary
from functions.local.demo.inbox import Inbox
from functions.local.demo.loopback import Loopback, serving
from functions.local.demo.machine import Machine, Opened, Part, machine

__all__ = ["staged"]


@contextmanager
def staged(home: Path, box: Inbox) -> Iterator[Machine]:
    """The stand-in with the company in it, and Vigil beside it, while the block lasts."""
    google = Google()
    found(google)
    with serving(google.answer) as loopback, machine(_part(loopback), box) as scene:
        yield scene


def _part(loopback: Loopback) -> Part:
    # Without credentials: nothing that could be sent elsewhere by mistake.
    call = Rest(None, agent="vigil/demo", endpoint=lambda service: f"{loopback.url}/{service}")

    def client(account: str) -> Call:
        if account != PROJECT:
            raise Forbidden(f"{account} is not one that Vigil looks after")
        return call

    return Part(
        cloud="Google Cloud",
        about=(
            f"{loopback.url} stands in for five of its APIs. Project {PROJECT}: an owner,",
            "3 service accounts, 1 bucket, 1 firewall rule, 1 sink of audit logs.",
        ),
        policy=POLICY,
        sources=[source._replace(targets=targets) for source in SOURCES],
        verbs=actions(client),
        unwrap=lambda body: Opened(envelopes.unwrap(body).records),
        state=partial(state, loopback),
        story=partial(intrusion, loopback),
        ordinary=ordinary,
        time=lambda entry: str(entry["timestamp"]),
        envelope=message,
        together=1,
        poison=POISON,
        arrival="Pub/Sub",
        loopback=loopback,
        floors=FLOORS,
    )


POLICY: Mapping[str, Any] = {
    "verbs": {
        "disable_access_key": {"mode": "auto", "min_level": "medium"},
        "remove_grant": {"mode": "approve"},
        "close_ingress": {"mode": "auto"},
        "block_public_storage": {"mode": "rehearse"},
        "restore_audit_logging": {"mode": "auto"},
    },
    "protected": ["serviceAccount:break-glass@*"],
    "accounts": [PROJECT],
    "max_actions_per_hour": 30,
}
"""What Vigil may do here. Without it, nothing. The breaker has room for a whole
intrusion at once, to each step of which several rules answer."""
