"""Secrets and the response policy, read from Secret Manager and kept for a short while.

What is in them is core.config's affair.
https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from core.errors import Reject, Unavailable
from core.hostile import quoted
from core.ports import Clock
from functions.gcp.rest import Call, Request, path

__all__ = ["secret"]


def secret(call: Call, name: str, clock: Clock, ttl: int) -> Callable[[], bytes]:
    """Reads the latest version of a secret (`projects/P/secrets/S`), at most `ttl` ms old.

    A rotated secret or a changed policy is soon picked up. When it can't be read again, the old one
    isn't used on: the policy holds the off switch. Whatever is wrong is for an operator to mend
    (a secret without a version, one that is disabled), so the caller's input waits: Unavailable.
    """
    where = path("v1/{+name}/versions/latest:access", name=name)
    kept: list[tuple[int, bytes]] = []

    def read() -> bytes:
        try:
            payload = call(Request("GET", "secretmanager", where)).json.get("payload", {})
            data = base64.b64decode(payload.get("data", ""), validate=True)
        except (Reject, binascii.Error) as error:
            raise Unavailable(f"secret {quoted(name)}: {error}") from error
        if not data:
            raise Unavailable(f"secret {quoted(name)} is empty")
        return data

    def get() -> bytes:
        if not kept or kept[0][0] <= clock():
            until = clock() + ttl
            kept[:] = [(until, read())]
        return kept[0][1]

    return get
