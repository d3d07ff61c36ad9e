"""Cloud Logging entries.list: reads back the last minutes, so that a missed delivery is only late.

A sink delivers what it gets once its filter and rights are as they should be; the log itself is
whole, for 400 days. Admin Activity and Policy Denied are asked for, the logs that are always on.
Reads are counted, 60 a minute and project, so a page takes all that it may. Which window is looked
at is core.lookback's affair. An entry seen before changes nothing further on.
https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list and
https://cloud.google.com/logging/quotas.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from core.lookback import Window
from core.model import NativeRecord
from functions.gcp.rest import Call, Request

__all__ = ["LATE_MS", "missed"]

LATE_MS = 5 * 60_000
"""Entries show within seconds, as a rule; each window reaches back this far all the same."""

PAGE = 1_000


def missed(call: Call, account: str, look: Window) -> Iterator[NativeRecord]:
    """Every entry of the window that an account (`projects/p`, `folders/1`) owns, oldest first."""
    body: dict[str, Any] = {
        "resourceNames": [account],
        "filter": _filter(account, look),
        "orderBy": "timestamp asc",
        "pageSize": PAGE,
    }
    while True:
        answer = call(Request("POST", "logging", "/v2/entries:list", body=body, reads=True)).json
        yield from answer.get("entries", ())
        if not answer.get("nextPageToken"):
            return
        body["pageToken"] = answer["nextPageToken"]


def _filter(account: str, look: Window) -> str:
    logs = " OR ".join(f'"{account}/logs/cloudaudit.googleapis.com%2F{log}"' for log in LOGS)
    since, until = (
        datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
        for ms in (look.since, look.until)
    )
    return f'logName=({logs}) AND timestamp>="{since}" AND timestamp<"{until}"'


LOGS = ("activity", "policy")
