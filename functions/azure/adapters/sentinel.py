"""A Sink for Microsoft Sentinel: rows of a custom table, through the Logs Ingestion API.

Endpoint, rule and stream are those of a data collection rule of kind Direct:
https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview. A call takes 1 MB.
The table keeps what it is sent, so an alert told again after a crash is a second row with its Key.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core import alert as alerts
from core.finding import trimmed
from core.model import Alert, to_json
from core.ports import Sink
from functions.azure.adapters.own import Own
from functions.azure.rest import Rest, Service

__all__ = ["sentinel_sink"]

TEXT_CHARS = 30_000
"""A column of text holds 64 KB."""

CALL_BYTES = 1_000_000


def sentinel_sink(rest: Rest, endpoint: str, rule: str, stream: str) -> Sink:
    """One row an alert: TimeGenerated, Key, Kind, Level, Title, Text, Finding (dynamic)."""
    # Scopes are named after the cloud: x.ingest.monitor.azure.com, ...azure.us, ...azure.cn.
    cloud = ".".join((urlsplit(endpoint).hostname or "").split(".")[-3:])
    own = Own(rest, Service(endpoint.rstrip("/"), f"https://{cloud}/.default"))
    path = f"/dataCollectionRules/{rule}/streams/{stream}"

    def send(alert: Alert) -> None:
        body = to_json([_row(alert, full=True)])
        if len(body) > CALL_BYTES:
            body = to_json([_row(alert, full=False)])
        own.call("POST", path, query={"api-version": "2023-01-01"}, body=body)

    return send


def _row(alert: Alert, *, full: bool) -> dict[str, Any]:
    finding = trimmed(alert.finding) if alert.finding and full else None
    return {
        "TimeGenerated": datetime.fromtimestamp(alert.at / 1000, UTC).isoformat(),
        "Key": alert.key,
        "Kind": alert.kind,
        "Level": alert.level,
        "Title": alert.title[:1_000],
        "Text": alerts.plain(alert)[:TEXT_CHARS],
        "Finding": msgspec.to_builtins(finding),
    }
