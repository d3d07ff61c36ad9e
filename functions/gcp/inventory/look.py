"""One resource of a sweep as it is put together, and reading lists page by page.

No kind of resource is known here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from core.errors import Forbidden
from core.model import Event
from core.ports import Clock
from core.sweep import event
from functions.gcp.rest import Call, Request

__all__ = ["DAY_MS", "Look", "Place", "days", "listed"]

DAY_MS = 86_400_000


class Place(NamedTuple):
    """Where a sweep looks, and when."""

    call: Call
    project: str
    clock: Clock


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
                "provider": "gcp",
                "account": place.project,
                "time": place.clock(),
                "tags": {},
                **fields,
                "attributes": self.attributes,
                "unknown": self.unknown,
            }
        )


def listed(call: Call, request: Request, items: str) -> Iterator[Mapping[str, Any]]:
    """Every item of every page."""
    while True:
        page = call(request).json
        yield from page.get(items, ())
        if not page.get("nextPageToken"):
            return
        request = request._replace(query={**request.query, "pageToken": page["nextPageToken"]})


def days(place: Place, since: str) -> int:
    """Whole days since a time as Google writes it."""
    return (place.clock() - int(datetime.fromisoformat(since).timestamp() * 1000)) // DAY_MS
