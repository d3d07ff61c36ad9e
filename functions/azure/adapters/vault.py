"""Secrets and the response policy, from Key Vault. What is in them is core.config's affair.

https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from core.errors import BadConfig
from core.model import Json
from core.native import text
from core.ports import Clock
from functions.azure.adapters.own import Own
from functions.azure.rest import Rest, Service

__all__ = ["Vault"]

SECRET_MS = 300_000
"""A rotated secret is picked up within this time."""

POLICY_MS = 30_000
"""The policy holds the off switch: when it can't be read again, the old one isn't used on."""


class Vault:
    """One vault, by its url; values are read when asked for and kept for a while."""

    def __init__(self, rest: Rest, url: str, clock: Clock) -> None:
        # Scopes are named after the cloud: x.vault.azure.net, x.vault.usgovcloudapi.net, ...
        cloud = (urlsplit(url).hostname or "").partition(".")[2]
        self._own = Own(rest, Service(url.rstrip("/"), f"https://{cloud}/.default"))
        self._clock = clock

    def secret(self, name: str) -> Callable[[], str]:
        """Reads a secret's text, at most five minutes old."""
        return self._kept(name, SECRET_MS)

    def policy(self, name: str) -> Callable[[], str]:
        """Reads the policy's JSON, at most 30 seconds old."""
        return self._kept(name, POLICY_MS)

    def _kept(self, name: str, ttl: int) -> Callable[[], str]:
        kept: list[tuple[int, str]] = []

        def get() -> str:
            if not kept or kept[0][0] <= self._clock():
                until = self._clock() + ttl
                kept[:] = [(until, self._read(name))]
            return kept[0][1]

        return get

    def _read(self, name: str) -> str:
        answer: Json = self._own.call(
            "GET", f"/secrets/{name}", query={"api-version": "7.4"}
        ).json()
        value = text(answer.get("value")) if isinstance(answer, dict) else ""
        if not value:
            raise BadConfig([f"secret {name} holds no text"])
        return value
