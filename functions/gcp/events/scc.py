"""Notifications of Security Command Center in neutral words: another product's finding as an event.

A notification is `{"notificationConfigName", "finding", "resource"}`, one for each change of a
finding; rules name its fields as they stand (`finding.category`). Pure: no SDK, no clock. Text in
it is hostile and of any shape: a field of a wrong kind counts as absent.
https://cloud.google.com/security-command-center/docs/how-to-notifications and
https://cloud.google.com/security-command-center/docs/reference/rest/v1/organizations.sources.findings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.errors import BadRecord
from core.hostile import kind_of
from core.model import Actor, Event, NativeRecord, Resource, digest
from core.native import endpoint, first
from core.ports import Source
from functions.gcp.catalogue import NOTIFICATION
from functions.gcp.events.entries import actor_type, moment

__all__ = ["SOURCE", "event"]

NAME = "gcp/scc"


def event(record: NativeRecord) -> Event:
    """A notification as an event; BadRecord when its finding has no name or no readable time.

    The same finding in the same state since the same time is the same event, however often it is
    told; when it is reopened or changes, that is a new one.
    """
    if not isinstance(record, Mapping):
        raise BadRecord(f"a notification is an object, not {kind_of(record)}")
    name = first(record, "finding.name")
    if not name:
        raise BadRecord("a notification whose finding has no name")
    happened = first(record, "finding.eventTime", "finding.createTime")
    ip, domain = endpoint(first(record, "finding.access.callerIp"))
    account, region = _account(record), first(record, "resource.location")
    return Event(
        uid=digest("gcp", NAME, name, happened, first(record, "finding.state")),
        time=moment(happened, "a finding whose eventTime"),
        source=NAME,
        provider="gcp",
        account=account,
        region=region,
        service="securitycenter.googleapis.com",
        operation=first(record, "finding.category"),
        finding=True,
        message=first(record, "finding.description"),
        actor=_actor(record),
        ip=ip,
        domain=domain,
        user_agent=first(record, "finding.access.userAgent"),
        resources=_resources(record, account, region),
        record=record,
    )


def _account(record: NativeRecord) -> str:
    """The project by its id, as log entries have it; by its number where there is no more."""
    shown = first(record, "resource.projectDisplayName", "resource.gcpMetadata.projectDisplayName")
    full = first(record, "resource.project", "resource.gcpMetadata.project", "finding.resourceName")
    match = PROJECT.search(full)
    return shown or (match[1] if match else "")


def _actor(record: NativeRecord) -> Actor:
    """Who is behind it, where the finding names an access."""
    email = first(record, "finding.access.principalEmail")
    subject = first(record, "finding.access.principalSubject")
    return Actor(
        uid=subject or email,
        name=email or subject,
        type=actor_type(email, subject),
        credential=first(record, "finding.access.serviceAccountKeyName"),
    )


def _resources(record: NativeRecord, account: str, region: str) -> tuple[Resource, ...]:
    uid = first(record, "finding.resourceName", "resource.name")
    if not uid:
        return ()
    name = first(record, "resource.displayName") or uid.rstrip("/").rpartition("/")[2]
    kind = first(record, "resource.type")
    return (Resource(uid=uid, name=name, type=kind, region=region, account=account),)


PROJECT = re.compile(r"/projects/([^/]+)")

SOURCE = Source(
    name=NAME,
    keys=("notificationConfigName", "finding"),
    route="",
    time="finding.eventTime",
    uid="finding.name",
    event=event,
    fields=NOTIFICATION,
)
