"""Google Cloud's and Google Workspace's records in neutral words, fields as rules say.

Reading order: entries.py (audit log entry -> Event), fields.py (fields of Sigma's rules), scc.py
(findings of Security Command Center). No SDK.
"""

from __future__ import annotations

from core.ports import Source
from functions.gcp.events import entries, scc
from functions.gcp.events.entries import event

__all__ = ["SOURCES", "event"]

SOURCES: tuple[Source, ...] = (*entries.SOURCES, scc.SOURCE)
