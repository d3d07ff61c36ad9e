"""What Cloud Functions looks for: the four entry points, by the names that Terraform gives.

In the package this file lies at the root. It knows the framework and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import functions_framework

from functions.gcp import handler

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent
    from flask import Request

__all__ = ["approve", "detect", "respond", "sweep"]


@functions_framework.cloud_event
def detect(event: CloudEvent) -> None:
    """A message of a log sink or of Security Command Center."""
    handler.detect(event.data)


@functions_framework.cloud_event
def respond(event: CloudEvent) -> None:
    """An action from the topic of actions."""
    handler.respond(event.data)


@functions_framework.cloud_event
def sweep(event: CloudEvent) -> None:
    """A message of Cloud Scheduler; what it says does not matter."""
    handler.sweep(event.data)


@functions_framework.http
def approve(request: Request) -> Any:
    """The approval page."""
    return handler.approve(request)
