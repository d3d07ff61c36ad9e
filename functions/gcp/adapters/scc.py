"""Findings as findings of Security Command Center, under a source of Vigil's own.

One PATCH creates or updates; the name comes from the finding's uid, so that a repeated alert is the
same finding there. Alerts about actions are not findings and stay away.
https://cloud.google.com/security-command-center/docs/reference/rest/v1/organizations.sources.findings
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.hostile import printable
from core.model import Alert, Finding, Level
from core.ports import Sink
from functions.gcp.adapters.own import own
from functions.gcp.rest import Call, Request, path

__all__ = ["findings"]

NAME_CHARS = 32
"""A finding's id is 1 to 32 letters and digits; a uid of core.model.digest is just that."""

RESOURCE_CHARS = 512
TEXT_CHARS = 2_000


def findings(call: Call, source: str) -> Sink:
    """A sink that keeps findings under `source`: `organizations/1/sources/2`."""

    def send(alert: Alert) -> None:
        if alert.finding is None:
            return
        where = path("v1/{+source}/findings/{id}", source=source, id=alert.finding.uid[:NAME_CHARS])
        with own():
            call(
                Request("PATCH", "securitycenter", where, body=_finding(alert.finding, alert.text))
            )

    return send


def _finding(found: Finding, text: str) -> Mapping[str, Any]:
    """No update mask goes with it: every field that can change is replaced."""
    moment = datetime.fromtimestamp(found.time / 1000, UTC).isoformat(timespec="milliseconds")
    posture = any(event.source == "posture" for event in found.evidence)
    about = {
        "rule": found.rule.id,
        "rule_title": found.title,
        "account": found.account,
        "actor": found.actor.uid or found.actor.name,
        "ip": found.ip,
        "techniques": ", ".join(each.technique for each in found.rule.attacks if each.technique),
    }
    return {
        "state": "INACTIVE" if found.status == "closed" else "ACTIVE",
        "resourceName": _resource(found),
        "category": printable(found.title, 200),
        "description": printable(text, TEXT_CHARS),
        "severity": SEVERITIES[found.level],
        "findingClass": "MISCONFIGURATION" if posture else "THREAT",
        "eventTime": moment.replace("+00:00", "Z"),
        "sourceProperties": {key: printable(value, 500) for key, value in about.items() if value},
    }


def _resource(found: Finding) -> str:
    """The full name of the first resource that has one, else of the project."""
    names = (each.uid for each in found.resources if each.uid.startswith("//"))
    owner = found.account if "/" in found.account else f"projects/{found.account}"
    name = next(names, f"//cloudresourcemanager.googleapis.com/{owner}")
    return printable(name)[:RESOURCE_CHARS]


SEVERITIES: Mapping[Level, str] = {
    "informational": "LOW",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "critical": "CRITICAL",
}
