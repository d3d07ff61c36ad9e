"""CloudTrail LookupEvents: reads back the last minutes, so that a missed delivery is only late.

EventBridge delivers on best effort, and drops events over 256 KB. LookupEvents holds every
management event of 90 days in its region, at two requests a second and 50 events each, as JSON in
a string. Only writing calls are asked for: the reading ones would drown the quota. Which window was
looked at is kept in the Store. An event seen before changes nothing further on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core import lookback
from core.lookback import MAX_WINDOW_MS, Window, looked
from core.ports import Clock, Store
from functions.aws.adapters import calling

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

__all__ = ["LATE_MS", "MAX_WINDOW_MS", "Window", "looked", "missed", "window"]

LATE_MS = 15 * 60_000
"""CloudTrail shows a call up to 15 minutes late, so each window reaches back that far."""

PAUSE_S = 0.5


def window(store: Store, clock: Clock, region: str) -> Window:
    """From the end of the last look, less the lateness; the first look takes the lateness alone."""
    return lookback.window(store, clock, region, LATE_MS)


def missed(client: CloudTrailClient, look: Window, sleep: Callable[[float], None]) -> Iterator[str]:
    """The JSON text of every writing management event of the window, newest first."""
    request: dict[str, Any] = {
        "LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
        "StartTime": datetime.fromtimestamp(look.since / 1000, UTC),
        "EndTime": datetime.fromtimestamp(look.until / 1000, UTC),
        "MaxResults": 50,
    }
    while True:
        with calling():
            page = client.lookup_events(**request)
        for event in page.get("Events", ()):
            yield event.get("CloudTrailEvent", "")
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]
        sleep(PAUSE_S)
