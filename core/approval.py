"""A person's word on a held action: signed, expiring, single-use tokens, and what they release.

A token names one action and the digest of its plan; it is worth nothing for another, or for the
same one planned differently. Looking at a plan changes nothing. What is released goes back to the
respond function's queue and past the guard again; this file can change nothing in a cloud.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Literal

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer

from core.audit import Audit
from core.errors import BadToken
from core.guard import Approval
from core.model import Action, digest, to_json
from core.ports import Clock, Entry, Queue, Store

__all__ = ["TOKEN_MS", "Approvals", "Plan", "Released", "Word"]

TOKEN_MS = 30 * 60_000

Released = Literal["approved", "denied"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a person sees before saying yes or no."""

    action: Action
    because: tuple[str, ...]
    state: str
    expires: int


class Word(msgspec.Struct, frozen=True):
    """What a person said: yes or no, and who it was."""

    yes: bool
    by: str

    @property
    def released(self) -> Released:
        """What the word makes of the action."""
        return "approved" if self.yes else "denied"


class Approvals:
    """Issues tokens (the respond function) and takes them (the approve function)."""

    def __init__(self, key: str, url: str, clock: Clock) -> None:
        if len(key) < 32:
            raise ValueError("the approval key must have at least 32 characters")
        self._url, self._clock = url, clock
        self._signer = URLSafeSerializer(
            key,
            salt="vigil.approval",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def link(self, action: Action) -> str:
        """The address of the approval page of one action, good for TOKEN_MS."""
        token = self._signer.dumps(
            [action.uid, _plan(action), self._clock() + TOKEN_MS, secrets.token_urlsafe(12)]
        )
        return f"{self._url}?token={token}"

    def show(self, store: Store, token: str) -> Plan:
        """The plan that a token is for. Changes nothing. BadToken if it is forged or expired."""
        entry, expires = self._open(store, token)
        return Plan(
            action=msgspec.convert(entry.value["action"], Action),
            because=tuple(entry.value["decision"]["because"]),
            state=entry.value["state"],
            expires=expires,
        )

    def decide(self, store: Store, queue: Queue, audit: Audit, token: str, word: Word) -> Released:
        """Release the held action, or refuse it for good. BadToken when the token is spent.

        A second call with the same token after a crash puts an approved action on the queue
        again, which is harmless: respond does nothing twice.
        """
        entry, _ = self._open(store, token)
        action = msgspec.convert(entry.value["action"], Action)
        if entry.value["state"] == "held":
            approval = Approval(by=word.by, at=self._clock(), token=_spent(token))
            state = "approved" if word.yes else "refused"
            value = {**entry.value, "state": state, "approval": msgspec.to_builtins(approval)}
            audit.write(word.released, action.uid, by=word.by, verb=action.verb)
            store.put("action", action.uid, value, version=entry.version)
        elif (entry.value.get("approval") or {}).get("token") != _spent(token):
            raise BadToken(f"the action is {entry.value['state']} already")
        elif entry.value["state"] != "approved":
            raise BadToken("the token was used")
        if word.yes:
            queue(action)
        return word.released

    def _open(self, store: Store, token: str) -> tuple[Entry, int]:
        try:
            payload: Any = self._signer.loads(token)
        except BadSignature as error:
            raise BadToken("not a token of this deployment") from error
        uid, plan, expires, _ = payload
        if expires <= self._clock():
            raise BadToken("the token has expired")
        entry = store.get("action", uid)
        if entry is None or _plan(msgspec.convert(entry.value["action"], Action)) != plan:
            raise BadToken("the plan is no longer the one that was asked about")
        return entry, expires


def _plan(action: Action) -> str:
    return digest(to_json(action).decode())


def _spent(token: str) -> str:
    return digest("spent", token)
