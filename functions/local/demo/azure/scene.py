"""The Scene in Azure: what functions/azure has, put together on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.azure import envelopes
from functions.azure.actions import Clients, actions
from functions.azure.events import SOURCES
from functions.azure.rest import Cloud, Rest, Service
from functions.azure.targets import targets
from functions.azure.wiring import of_ends
from functions.local.demo.azure.company import BREAK_GLASS, SUBSCRIPTION, TENANT, found, state
from functions.local.demo.azure.standin import Azure
from functions.local.demo.azure.story import POISON, body, intrusion, ordinary
from functions.local.demo.inbox import Inbox
from functions.local.demo.loopback import Loopback, serving
from functions.local.demo.machine import Machine, Opened, Part, machine

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

__all__ = ["staged"]

LONGEST_PAUSE = 0.05
"""Seconds between two questions how far an operation is: nothing takes long here."""


@contextmanager
def staged(home: Path, box: Inbox) -> Iterator[Machine]:
    """The stand-in with the company in it, and Vigil beside it, while the block lasts."""
    azure = Azure()
    found(azure)
    with serving(azure.answer) as loopback, machine(_part(loopback), box) as scene:
        yield scene


class _MadeUp:
    """A credential that is worth nothing anywhere."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token that says that it is none."""
        from azure.core.credentials import AccessToken

        return AccessToken("made-up", int(time.time()) + 3600)


def _part(loopback: Loopback) -> Part:
    rest = Rest(
        _MadeUp(),
        agent="vigil/demo",
        pause=lambda seconds: time.sleep(min(seconds, LONGEST_PAUSE)),
    )
    here = Service(loopback.url, "made-up/.default")
    clients = Clients(rest, Cloud(here, here), frozenset({SUBSCRIPTION}), TENANT)
    return Part(
        cloud="Azure",
        about=(
            f"{loopback.url} stands in for ARM and Microsoft Graph: a tenant with 3 users and",
            "1 application; a subscription with 1 security group, 1 storage account, 1 log.",
        ),
        policy=POLICY,
        sources=[source._replace(targets=targets) for source in SOURCES],
        verbs=actions(clients),
        unwrap=_opened,
        state=partial(state, loopback),
        story=partial(intrusion, loopback),
        ordinary=ordinary,
        time=lambda record: str(record["time"]),
        envelope=body,
        together=10,
        poison=POISON,
        arrival="Event Hub",
        loopback=loopback,
        folded=lambda match: of_ends(match, match),
    )


def _opened(message: str) -> Opened:
    found = envelopes.unwrap(message)
    return Opened(found.records, found.refused)


POLICY: Mapping[str, Any] = {
    "verbs": {
        "revoke_sessions": {"mode": "rehearse", "min_level": "medium"},
        "remove_grant": {"mode": "approve"},
        "close_ingress": {"mode": "auto"},
        "block_public_storage": {"mode": "auto"},
        "restore_audit_logging": {"mode": "auto"},
    },
    "protected": [BREAK_GLASS],
    "accounts": [SUBSCRIPTION, TENANT],
    "max_actions_per_hour": 30,
}
"""What Vigil may do here. Without it, nothing. The breaker has room for a whole
intrusion at once, to each step of which several rules answer."""
