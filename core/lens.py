"""A verb before it is given its clients: read what is there, say what should be, make it so.

A platform writes its verbs as lenses over whatever it calls with, and `verbs` gives them that. What
is called and what a state looks like is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from core.errors import Reject
from core.model import State, Target
from core.ports import Verb, Verbs

__all__ = ["Lens", "arg", "there", "verbs"]

C = TypeVar("C")
"""What a platform calls with."""


class Lens(NamedTuple, Generic[C]):
    """A Verb (core.ports) whose functions take the clients first."""

    read: Callable[[C, Target], State]
    want: Callable[[Target, State, int], State]
    write: Callable[[C, Target, State, State], None]
    facts: Callable[[C, Target], Mapping[str, Any]] = lambda clients, target: {}


def verbs(lenses: Mapping[str, Lens[C]], clients: C) -> Verbs:
    """Every verb, on these clients."""
    return {
        name: Verb(
            read=partial(lens.read, clients),
            want=lens.want,
            write=partial(lens.write, clients),
            facts=partial(lens.facts, clients),
        )
        for name, lens in lenses.items()
    }


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
