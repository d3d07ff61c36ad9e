"""One resource of a sweep as a platform puts it together: what was read, and what could not be.

An attribute that can't be read is left out and named in the record's `unknown`, for "could not
look" is never "fine". No kind of resource is known here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

from core.errors import Forbidden
from core.model import Event
from core.ports import Clock
from core.sweep import event

__all__ = ["Look", "Place"]


class Place(Protocol):
    """Where a sweep looks, and when: what all resources found there have in common."""

    @property
    def provider(self) -> str:
        """The cloud, by the name that events have."""

    @property
    def account(self) -> str:
        """Whose resources these are."""

    @property
    def clock(self) -> Clock:
        """The time of the look."""


class Look:
    """The attributes of one resource, and the names of those that could not be read."""

    def __init__(self, **attributes: Any) -> None:
        self.attributes: dict[str, Any] = attributes
        self.unknown: list[str] = []

    @contextlib.contextmanager
    def at(self, *names: str) -> Iterator[dict[str, Any]]:
        """Around the reading of these attributes: a denied call leaves all of them unknown."""
        found: dict[str, Any] = {}
        try:
            yield found
        except Forbidden:
            self.unknown += names
        else:
            self.attributes |= found

    def event(self, place: Place, kind: str, **fields: Any) -> Event:
        """The posture event of the resource (see core.sweep.event for its fields)."""
        return event(
            {
                "resource_type": kind,
                "provider": place.provider,
                "account": place.account,
                "time": place.clock(),
                "tags": {},
                **fields,
                "attributes": self.attributes,
                "unknown": self.unknown,
            }
        )
