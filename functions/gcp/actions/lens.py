"""What a verb on Google Cloud is made of: read what is there, say what should be, make it so.

A state is the part of the target that the verb changes, in the words of Google's APIs, and no
more. A write makes only the calls by which the two states differ, and each call may be repeated.
No service is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from core.errors import Conflict, Reject
from core.model import State, Target
from functions.gcp.rest import Call

__all__ = ["Clients", "Document", "Lens", "again", "arg", "own", "there"]

Clients: TypeAlias = Callable[[str], Call]
"""Account -> caller of its APIs. An account is a project's id, `folders/1` or `organizations/1`;
one that Vigil doesn't look after is Forbidden."""

Document: TypeAlias = dict[str, Any]
"""A JSON object."""

ATTEMPTS = 3


class Lens(NamedTuple):
    """A Verb before it is given its clients."""

    read: Callable[[Clients, Target], State]
    want: Callable[[Target, State, int], State]
    write: Callable[[Clients, Target, State, State], None]
    facts: Callable[[Clients, Target], Mapping[str, Any]] = lambda clients, target: {}


def arg(target: Target, name: str) -> str:
    """A text that the target must have; Reject without it."""
    value = target.args.get(name)
    if not isinstance(value, str) or not value:
        raise Reject(f"target {target.uid} of kind {target.kind} lacks {name}")
    return value


def own(target: Target, name: str) -> str:
    """The name, which must lie in the target's account: policy was asked about that one."""
    account = target.account if "/" in target.account else f"projects/{target.account}"
    if not target.account or (name != account and not name.startswith(f"{account}/")):
        raise Reject(f"{name} does not lie in the account {target.account or '(unknown)'}")
    return name


def there(state: State) -> Mapping[str, Any]:
    """A state that is never absent."""
    if state is None:
        raise Reject("this verb's state is never absent")
    return state


def again(change: Callable[[], None]) -> None:
    """Read, change and write once more when somebody wrote in between; Conflict at the third."""
    for _ in range(ATTEMPTS - 1):
        try:
            return change()
        except Conflict:
            continue
    return change()
