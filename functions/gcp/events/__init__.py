"""Google Cloud's and Google Workspace's audit logs: entries in neutral words, fields as rules say.

Reading order: entries.py (log entry -> Event), fields.py (fields of Sigma's rules). No SDK.
"""

from __future__ import annotations

from functions.gcp.events.entries import SOURCES, event

__all__ = ["SOURCES", "event"]
