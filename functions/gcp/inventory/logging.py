"""Log sinks as posture events: where a project's log entries are led, and which.

https://cloud.google.com/logging/docs/export/configure_export_v2.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model import Event
from functions.gcp.inventory.look import Look, Place, listed
from functions.gcp.rest import Request, path

__all__ = ["sinks"]


def sinks(place: Place) -> Iterator[Event]:
    """Every sink of the project. `covers_all_categories`: no filter and no exclusion holds back."""
    where = path("v2/projects/{project}/sinks", project=place.project)
    for sink in listed(place.call, Request("GET", "logging", where), "sinks"):
        excluded = [each for each in sink.get("exclusions", ()) if not each.get("disabled")]
        look = Look(
            enabled=not sink.get("disabled", False),
            destination=sink["destination"],
            filter=sink.get("filter", ""),
            exclusions=len(excluded),
            covers_all_categories=not sink.get("filter") and not excluded,
            writer=sink.get("writerIdentity", ""),
        )
        yield look.event(
            place,
            "audit_log",
            id=f"//logging.googleapis.com/projects/{place.project}/sinks/{sink['name']}",
            name=sink["name"],
        )
