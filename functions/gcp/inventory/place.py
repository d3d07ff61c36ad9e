"""Where a sweep looks on Google Cloud, and reading lists page by page.

No kind of resource is known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from core.ports import Clock
from functions.gcp.rest import Call, Request

__all__ = ["Place", "days", "listed"]

DAY_MS = 86_400_000


class Place(NamedTuple):
    """Where a sweep looks, and when."""

    call: Call
    project: str
    clock: Clock
    provider: str = "gcp"

    @property
    def account(self) -> str:
        """The project, as events name it."""
        return self.project


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
