"""Google's audit logs: fields as Sigma rules write them -> where the entries have them.

Rules were written after Elastic's names (`gcp.audit.*`), after a Pub/Sub message (`data.*`), and
with methods under other names than the log's. An alias is another path to a native value; where no
path leads there, a derived field says it (docs/decisions/0083-names-of-googles-methods.md).

Pure. It doesn't know what an event is; entries.py does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from core.model import Json, NativeRecord
from core.native import dig, first, text
from core.ports import Derive, Derived

__all__ = ["AUDIT", "AUDIT_DERIVED", "WORKSPACE", "WORKSPACE_DERIVED"]


def _method(record: NativeRecord) -> list[Json]:
    """The method as the log has it, and under every other name that rules know it by."""
    method = first(record, "protoPayload.methodName")
    return [method, *_other_names(method)] if method else []


def _other_names(method: str) -> Iterator[str]:
    """Without its version; as the REST method; as GKE's resources are named elsewhere."""
    if match := VERSIONED.fullmatch(method):
        yield match[1]
    yield from REST.get(method, ())
    if match := KUBERNETES.fullmatch(method):
        group, version, resource, verb = match.groups()
        yield f"{group}.k8s.io.{version}.{resource}.{verb}"
        if resource in KINDS and verb in WRITES:
            yield f"io.k8s.api.{group}.{version}.{KINDS[resource]}"


def _log(record: NativeRecord) -> list[Json]:
    """The log's full name, and the log alone, encoded and not."""
    name = text(record.get("logName"))
    log = name.rpartition("/logs/")[2]
    return [name, log, log.replace("%2F", "/")] if name else []


def _parameter(name: str, record: NativeRecord) -> list[Json]:
    """The values of one named parameter of Workspace's event."""
    return [
        leaf
        for each in dig(record, "protoPayload.metadata.event.parameter")
        if isinstance(each, Mapping) and text(each.get("name")).casefold() == name.casefold()
        for key in VALUES
        for leaf in dig(each, key)
    ]


PAYLOAD = (
    "serviceName",
    "resourceName",
    "authenticationInfo.principalEmail",
    "authenticationInfo.principalSubject",
    "authorizationInfo.granted",
    "authorizationInfo.permission",
    "authorizationInfo.resource",
    "requestMetadata.callerIp",
    "requestMetadata.callerSuppliedUserAgent",
    "status.code",
    "status.message",
    "request",
    "response",
    "metadata",
    "serviceData",
)

AUDIT: Mapping[str, tuple[str, ...]] = {
    **{f"data.protoPayload.{path}": (f"protoPayload.{path}",) for path in PAYLOAD},
    **dict.fromkeys(
        ("gcp.audit.method_name", "data.protoPayload.methodName"), ("protoPayload.methodName",)
    ),
    **dict.fromkeys(("data.protoPayload.logName", "data.logName"), ("logName",)),
    "data.protoPayload.resource.type": ("resource.type",),
    "data.protoPayload.resource.labels": ("resource.labels",),
    "data.resource.type": ("resource.type",),
    "gcp.audit.service_name": ("protoPayload.serviceName",),
    "gcp.audit.resource_name": ("protoPayload.resourceName",),
    "gcp.audit.status.code": ("protoPayload.status.code",),
    "gcp.audit.status.message": ("protoPayload.status.message",),
    "gcp.audit.authentication_info.principal_email": (
        "protoPayload.authenticationInfo.principalEmail",
    ),
    "gcp.audit.authorization_info.granted": ("protoPayload.authorizationInfo.granted",),
    "gcp.audit.authorization_info.permission": ("protoPayload.authorizationInfo.permission",),
    "gcp.audit.request_metadata.caller_ip": ("protoPayload.requestMetadata.callerIp",),
    "src_ip": ("protoPayload.requestMetadata.callerIp",),
    "protoPayload.Servicename": ("protoPayload.serviceName",),
}

WORKSPACE: Mapping[str, tuple[str, ...]] = {
    **AUDIT,
    **dict.fromkeys(("eventService", "eventSource"), ("protoPayload.serviceName",)),
    "eventName": ("protoPayload.metadata.event.eventName",),
    "eventType": ("protoPayload.metadata.event.eventType",),
}

VALUES = ("value", "intValue", "boolValue", "multiStrValue", "multiIntValue")
"""Where a parameter keeps what it says, by its type."""

PARAMETERS = (
    "api_client_name",
    "api_scopes",
    "application_name",
    "new_value",
    "old_value",
    "org_unit_name",
    "privilege_name",
    "role_name",
    "setting_name",
    "user_email",
)
"""Parameters of admin events, as rules write them; the log has them in capitals:
https://developers.google.com/workspace/admin/reports/v1/appendix/activity/admin-security-settings."""

METHOD: Derive = Derived(_method, ("protoPayload.methodName",))
LOG: Derive = Derived(_log, ("logName",))

AUDIT_DERIVED: Mapping[str, Derive] = {
    **dict.fromkeys(("gcp.audit.method_name", "data.protoPayload.methodName"), METHOD),
    **dict.fromkeys(("data.protoPayload.logName", "data.logName"), LOG),
}

WORKSPACE_DERIVED: Mapping[str, Derive] = {
    **AUDIT_DERIVED,
    **{name: partial(_parameter, name) for name in PARAMETERS},
}

VERSIONED = re.compile(r"(?:v[0-9]\w*|alpha|beta)\.(compute\..+)")

KUBERNETES = re.compile(r"io\.k8s\.([a-z]+)\.(v[0-9]\w*)\.([a-z]+)\.([a-z]+)")

KINDS: Mapping[str, str] = {"jobs": "Job", "cronjobs": "CronJob"}

WRITES = frozenset({"create", "update", "patch", "replace"})

IAM = "google.iam.admin.v1"

REST: Mapping[str, tuple[str, ...]] = {
    "google.privacy.dlp.v2.DlpService.ReidentifyContent": ("projects.content.reidentify",),
    **{
        f"{IAM}.{verb.capitalize()}ServiceAccount": (f"projects.serviceAccounts.{verb}",)
        for verb in ("create", "delete", "disable", "enable", "patch", "undelete", "update")
    },
}
"""gRPC method, as the log has it -> the REST method of the same call:
https://cloud.google.com/iam/docs/audit-logging,
https://cloud.google.com/sensitive-data-protection/docs/audit-logging."""
