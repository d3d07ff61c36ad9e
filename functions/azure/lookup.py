"""The Activity Log's REST API: reads back the last minutes, so a missed delivery is only late.

Event Hubs and Event Grid deliver at least once, yet a diagnostic setting can be taken away. The log
itself can't be: it keeps 90 days, and shows a call up to 20 minutes late.
https://learn.microsoft.com/rest/api/monitor/activity-logs/list. An event seen before changes
nothing further on, since its id is the same in every shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from core import lookback
from core.lookback import Window, looked
from core.model import Json
from core.ports import Clock, Store
from functions.azure.rest import Rest, Service

__all__ = ["LATE_MS", "looked", "missed", "window"]

LATE_MS = 20 * 60_000

VERSION = "2015-04-01"
PATH = "/subscriptions/{}/providers/Microsoft.Insights/eventtypes/management/values"


def window(store: Store, clock: Clock, subscription: str) -> Window:
    """From the end of the last look, less the lateness; the first look takes the lateness alone."""
    return lookback.window(store, clock, subscription, LATE_MS)


def missed(rest: Rest, arm: Service, subscription: str, look: Window) -> Iterator[Json]:
    """Every event of the window in one subscription, newest first."""
    since, until = (_iso(ms) for ms in (look.since, look.until))
    condition = f"eventTimestamp ge '{since}' and eventTimestamp le '{until}'"
    query = {"api-version": VERSION, "$filter": condition}
    return rest.items(arm, PATH.format(subscription), query=query)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
