"""What a verb on AWS is made of: read what is there, say what should be, make it so.

A state is the part of the target that the verb changes, in the words of the AWS API, and no more.
A write makes only the calls by which the two states differ, and each call may be repeated. No
service is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from core.errors import Reject
from core.model import State, Target

__all__ = ["Clients", "Document", "Lens", "arg", "there"]

Clients: TypeAlias = Callable[[str, str, str], Any]
"""(service, region, account) -> boto3 client; region "" for services that have none."""

Document: TypeAlias = dict[str, Any]
"""A JSON object."""


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


def there(state: State) -> Mapping[str, Any]:
    """A state that is never absent."""
    if state is None:
        raise Reject("this verb's state is never absent")
    return state
