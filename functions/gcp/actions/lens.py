"""What a verb on Google Cloud is made of: read what is there, say what should be, make it so.

A state is the part of the target that the verb changes, in the words of Google's APIs, and no
more. A write makes only the calls by which the two states differ, and each call may be repeated.
No service is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from core import lens
from core.errors import Conflict, Reject
from core.lens import arg, there
from core.model import Target
from functions.gcp.rest import Call

__all__ = ["Clients", "Document", "Lens", "again", "arg", "own", "there"]

Clients: TypeAlias = Callable[[str], Call]
"""Account -> caller of its APIs. An account is a project's id, `folders/1` or `organizations/1`;
one that Vigil doesn't look after is Forbidden."""

Document: TypeAlias = dict[str, Any]
"""A JSON object."""

Lens: TypeAlias = lens.Lens[Clients]
"""A verb of this platform before it is given its clients."""

ATTEMPTS = 3


def own(target: Target, name: str) -> str:
    """The name, which must lie in the target's account: policy was asked about that one."""
    account = target.account if "/" in target.account else f"projects/{target.account}"
    if not target.account or (name != account and not name.startswith(f"{account}/")):
        raise Reject(f"{name} does not lie in the account {target.account or '(unknown)'}")
    return name


def again(change: Callable[[], None]) -> None:
    """Read, change and write once more when somebody wrote in between; Conflict at the third."""
    for _ in range(ATTEMPTS - 1):
        try:
            return change()
        except Conflict:
            continue
    return change()
