"""The intrusion in Google Cloud: what is really done to the stand-in, and the entries it leaves.

A leaked key of a build server's account makes that account owner, makes keys of others, opens the
firewall and a bucket, and disables the sink of the audit logs. Entries are written as Cloud Audit
Logs writes them, a long call as its first and its last; all of it is synthetic. This file knows
nothing of Vigil.
https://cloud.google.com/logging/docs/audit/understanding-audit-logs
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from functions.local.demo.gcp.company import (
    BACKUP,
    BREAK_GLASS,
    BUCKET,
    CI,
    PROJECT,
    RULE,
    SINK,
)
from functions.local.demo.loopback import Loopback
from functions.local.demo.machine import Native, Told

__all__ = ["POISON", "intrusion", "message", "ordinary"]

INTRUDER = "198.51.100.23"

AGENT = "google-cloud-sdk gcloud/550.0.0 \x1b]0;owned\x07<script>alert(1)</script> \u202egpj.exe"
"""The name of the program is the intruder's to choose: a terminal must not obey it."""

POISON = json.dumps(
    {
        "message": {"data": "eyJ0cnVuY2F0ZWQ", "messageId": "6"},
        "subscription": f"projects/{PROJECT}/subscriptions/vigil-events",
    }
)
"""Its data was cut off on the way: neither base64 nor JSON."""


def intrusion(loopback: Loopback, start: int) -> Iterator[Told]:
    """Carry out each step; `start` is epoch ms, a step is 20 seconds."""
    for number, (told, act) in enumerate(STEPS):
        entries = [
            _entry(f"step {number} {part}", start + 20_000 * number + 2_000 * part, CI, fields)
            for part, fields in enumerate(act(loopback))
        ]
        yield Told(told, entries)


def ordinary(start: int, count: int = 120) -> list[Native]:
    """What goes on in the project anyway."""
    return [
        _entry(
            f"ordinary {number}",
            start + 2_000 * number,
            "dana@example.com" if number % 4 == 0 else f"web@{PROJECT}.iam.gserviceaccount.com",
            dict(ORDINARY[number % len(ORDINARY)]),
            ip="192.0.2.17",
            agent="google-cloud-sdk gcloud/550.0.0",
        )
        for number in range(count)
    ]


def message(entries: Sequence[Native]) -> str:
    """One entry as Pub/Sub pushes it."""
    (entry,) = entries
    data = base64.b64encode(json.dumps(entry).encode()).decode()
    return json.dumps(
        {
            "message": {
                "data": data,
                "messageId": str(uuid.uuid5(uuid.NAMESPACE_URL, entry["insertId"]).int)[:16],
                "publishTime": entry["receiveTimestamp"],
            },
            "subscription": f"projects/{PROJECT}/subscriptions/vigil-events",
        }
    )


def _refused(loopback: Loopback) -> Iterator[Native]:
    yield {
        "serviceName": "cloudresourcemanager.googleapis.com",
        "methodName": "google.cloud.resourcemanager.v3.Folders.ListFolders",
        "resourceName": "organizations/123456789012",
        "status": {"code": 7, "message": "PERMISSION_DENIED"},
    }


def _take_power(loopback: Loopback) -> Iterator[Native]:
    place = f"/cloudresourcemanager/v3/projects/{PROJECT}"
    asked = {"options": {"requestedPolicyVersion": 3}}
    policy = loopback.call("POST", f"{place}:getIamPolicy", asked)
    owners = next(each for each in policy["bindings"] if each["role"] == "roles/owner")
    owners["members"].append(f"serviceAccount:{CI}")
    loopback.call("POST", f"{place}:setIamPolicy", {"policy": policy})
    yield {
        "serviceName": "cloudresourcemanager.googleapis.com",
        "methodName": "SetIamPolicy",
        "resourceName": f"projects/{PROJECT}",
        "serviceData": _added("roles/owner", f"serviceAccount:{CI}"),
    }


def _new_key(email: str) -> Callable[[Loopback], Iterator[Native]]:
    def act(loopback: Loopback) -> Iterator[Native]:
        name = f"projects/{PROJECT}/serviceAccounts/{email}"
        key = loopback.call("POST", f"/iam/v1/{name}/keys", {})
        kind = "type.googleapis.com/google.iam.admin.v1."
        yield {
            "serviceName": "iam.googleapis.com",
            "methodName": "google.iam.admin.v1.CreateServiceAccountKey",
            "resourceName": f"projects/-/serviceAccounts/{email}",
            "request": {"@type": f"{kind}CreateServiceAccountKeyRequest", "name": name},
            "response": {"@type": f"{kind}ServiceAccountKey", "name": key["name"], "key_type": 1},
        }

    return act


def _open_rule(loopback: Loopback) -> Iterator[Native]:
    """A long call: an entry as it begins, which has the request, and one as it ends."""
    ranges = ["192.0.2.0/24", "0.0.0.0/0"]
    loopback.call("PATCH", f"/compute/compute/v1/{RULE}", {"sourceRanges": ranges})
    call = {
        "serviceName": "compute.googleapis.com",
        "methodName": "v1.compute.firewalls.patch",
        "resourceName": RULE,
    }
    operation = {"id": "operation-1700000000000-example", "producer": "compute.googleapis.com"}
    request = {
        "@type": "type.googleapis.com/compute.firewalls.patch",
        "alloweds": [{"IPProtocol": "tcp", "ports": ["22"]}],
        "sourceRanges": ranges,
    }
    yield {**call, "request": request, "operation": {**operation, "first": True}}
    yield {
        **call,
        "request": {"@type": "type.googleapis.com/compute.firewalls.patch"},
        "operation": {**operation, "last": True},
    }


def _open_bucket(loopback: Loopback) -> Iterator[Native]:
    place = f"/storage/storage/v1/b/{BUCKET}/iam"
    policy = loopback.call("GET", place, optionsRequestedPolicyVersion="3")
    policy["bindings"].append({"role": "roles/storage.objectViewer", "members": ["allUsers"]})
    loopback.call("PUT", place, policy)
    yield {
        "serviceName": "storage.googleapis.com",
        "methodName": "storage.setIamPermissions",
        "resourceName": f"projects/_/buckets/{BUCKET}",
        "serviceData": _added("roles/storage.objectViewer", "allUsers"),
    }


def _lights_out(loopback: Loopback) -> Iterator[Native]:
    sink = loopback.call("GET", f"/logging/v2/{SINK}")
    body = {
        **{name: sink[name] for name in ("name", "destination", "filter")},
        "disabled": True,
    }
    loopback.call(
        "PUT", f"/logging/v2/{SINK}", body, updateMask="disabled", uniqueWriterIdentity="true"
    )
    yield {
        "serviceName": "logging.googleapis.com",
        "methodName": "google.logging.v2.ConfigServiceV2.UpdateSink",
        "resourceName": SINK,
        "request": {"sinkName": SINK, "sink": body, "updateMask": "disabled"},
    }


def _added(role: str, member: str) -> Native:
    delta = {"action": "ADD", "role": role, "member": member}
    return {
        "@type": "type.googleapis.com/google.iam.v1.logging.AuditData",
        "policyDelta": {"bindingDeltas": [delta]},
    }


def _entry(
    name: str, time: int, caller: str, fields: Native, *, ip: str = INTRUDER, agent: str = AGENT
) -> Native:
    """A log entry; its id comes from its name and time."""
    moment = datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    operation = {"operation": fields.pop("operation")} if "operation" in fields else {}
    kind = RESOURCES[fields["methodName"].rpartition(".")[2]]
    return {
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "status": {},
            "authenticationInfo": {"principalEmail": caller},
            "requestMetadata": {"callerIp": ip, "callerSuppliedUserAgent": agent},
            **fields,
        },
        "insertId": uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {time}").hex[:13],
        "resource": {"type": kind, "labels": {"project_id": PROJECT}},
        "timestamp": moment,
        "severity": "ERROR" if fields.get("status") else "NOTICE",
        "logName": f"projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Factivity",
        "receiveTimestamp": moment,
        **operation,
    }


RESOURCES = {
    "ListFolders": "organization",
    "SetIamPolicy": "project",
    "CreateServiceAccountKey": "service_account",
    "patch": "gce_firewall_rule",
    "setIamPermissions": "gcs_bucket",
    "UpdateSink": "logging_sink",
    "start": "gce_instance",
    "create": "gcs_bucket",
    "UpdateService": "cloud_run_revision",
}
"""Last word of a method -> type of the resource that its entries are about."""

ORDINARY: tuple[dict[str, Any], ...] = (
    {
        "serviceName": "compute.googleapis.com",
        "methodName": "v1.compute.instances.start",
        "resourceName": f"projects/{PROJECT}/zones/europe-west1-b/instances/web-1",
    },
    {
        "serviceName": "storage.googleapis.com",
        "methodName": "storage.objects.create",
        "resourceName": f"projects/_/buckets/{BUCKET}/objects/export.csv",
    },
    {
        "serviceName": "run.googleapis.com",
        "methodName": "google.cloud.run.v2.Services.UpdateService",
        "resourceName": f"projects/{PROJECT}/locations/europe-west1/services/shop",
    },
)
"""Calls of a working day."""

STEPS: tuple[tuple[str, Callable[[Loopback], Iterator[Native]]], ...] = (
    ("the leaked key of ci-deploy asks for the organisation's folders, and is refused", _refused),
    ("ci-deploy makes itself owner of the project", _take_power),
    ("a key of the account backup", _new_key(BACKUP)),
    ("a key of the account break-glass", _new_key(BREAK_GLASS)),
    ("the rule office-ssh is opened to the world", _open_rule),
    (f"everybody may read {BUCKET}", _open_bucket),
    ("the sink of the audit logs is disabled", _lights_out),
)
"""What happens, in order."""
