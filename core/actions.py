"""The catalogue of verbs: what each acts on, how it is undone and how much it can hurt.

One entry per verb, for all clouds. How a cloud carries it out is that cloud's `actions.py`; which
rights it needs is its `permissions.json`; whether it may run is core.guard and the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = ["CATALOGUE", "Entry", "Risk", "Undo"]

Undo = Literal["exact", "approval", "partial"]
"""exact: the former state comes back. approval: it does, but taking it back weakens the defence, so
a person must agree. partial: something is lost for good (a session, an address)."""

Risk = Literal["low", "medium", "high"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One verb. `target` is the kind that a platform's `targets` finds in an event."""

    target: str
    undo: Undo
    risk: Risk
    summary: str
    hits_principal: bool = False
    """The change takes rights from an identity: protected identities are refused."""


CATALOGUE: Mapping[str, Entry] = {
    "disable_access_key": Entry(
        target="access_key",
        undo="exact",
        risk="medium",
        hits_principal=True,
        summary="Make a long-lived credential unusable, without deleting it.",
    ),
    "revoke_sessions": Entry(
        target="session",
        undo="partial",
        risk="medium",
        hits_principal=True,
        summary="End the sessions that an identity holds now. New ones stay possible, unless the"
        " cloud can't tell them apart: then the identity is disabled until this is undone.",
    ),
    "remove_grant": Entry(
        target="grant",
        undo="exact",
        risk="high",
        hits_principal=True,
        summary="Take back exactly the permission that the event gave, and no other.",
    ),
    "close_ingress": Entry(
        target="ingress",
        undo="exact",
        risk="medium",
        summary="Revoke the world-open ranges of a firewall; narrower ranges stay.",
    ),
    "block_public_storage": Entry(
        target="storage",
        undo="exact",
        risk="medium",
        summary="Turn on the block of public access of a bucket or account.",
    ),
    "restore_audit_logging": Entry(
        target="audit_log",
        undo="approval",
        risk="low",
        summary="Turn audit logging back on, with the scope it should have.",
    ),
}
