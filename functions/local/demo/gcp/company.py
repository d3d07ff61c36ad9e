"""Example Ltd in Google Cloud: the project that the demo fills, and how its state is read back.

Every reading goes to the stand-in over HTTP, past Vigil. This file knows no log entry.
"""

from __future__ import annotations

from typing import Any

from functions.local.demo.gcp.standin import Google
from functions.local.demo.loopback import Loopback
from functions.local.demo.scene import Reading, States

__all__ = ["BACKUP", "BREAK_GLASS", "BUCKET", "CI", "PROJECT", "RULE", "SINK", "found", "state"]

PROJECT = "example-project"
NUMBER = 123456789012
BUCKET = "example-ltd-customer-exports"
RULE = f"projects/{PROJECT}/global/firewalls/office-ssh"
SINK = f"projects/{PROJECT}/sinks/audit"
DOMAIN = f"{PROJECT}.iam.gserviceaccount.com"
CI, BACKUP, BREAK_GLASS = (f"{name}@{DOMAIN}" for name in ("ci-deploy", "backup", "break-glass"))


def found(google: Google) -> None:
    """Fill the project: an owner, accounts, a firewall, a bucket, a sink of audit logs."""
    google.things[f"projects/{PROJECT}"] = {"name": f"projects/{NUMBER}", "projectId": PROJECT}
    google.add_policy(
        f"projects/{PROJECT}",
        {"role": "roles/owner", "members": ["user:dana@example.com"]},
        {"role": "roles/viewer", "members": ["group:staff@example.com"]},
        {
            "role": "roles/resourcemanager.projectIamAdmin",
            "members": [f"serviceAccount:{CI}"],
            "condition": {"title": "build hours", "expression": "request.time.getHours() < 20"},
        },
    )
    google.policies[f"projects/{PROJECT}"]["version"] = 3
    for number, email in enumerate((CI, BACKUP, BREAK_GLASS), start=1):
        name = f"projects/{PROJECT}/serviceAccounts/{email}"
        google.things[name] = {
            "name": name,
            "projectId": PROJECT,
            "email": email,
            "uniqueId": f"10000000000000000000{number}",
        }
    google.things[RULE] = {
        "name": "office-ssh",
        "network": f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/global/networks/web",
        "direction": "INGRESS",
        "priority": 1000,
        "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
        "sourceRanges": ["192.0.2.0/24"],
        "disabled": False,
    }
    google.things[f"b/{BUCKET}"] = {
        "name": BUCKET,
        "projectNumber": str(NUMBER),
        "metageneration": "1",
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": True},
            "publicAccessPrevention": "inherited",
        },
    }
    google.add_policy(
        f"b/{BUCKET}", {"role": "roles/storage.admin", "members": ["user:dana@example.com"]}
    )
    google.things[SINK] = {
        "name": "audit",
        "destination": f"pubsub.googleapis.com/projects/{PROJECT}/topics/vigil-events",
        "filter": 'logName:"cloudaudit.googleapis.com"',
        "writerIdentity": f"serviceAccount:p{NUMBER}-1@gcp-sa-logging.iam.gserviceaccount.com",
    }


def state(loopback: Loopback) -> States:
    """What an intruder may have changed."""
    return {
        f"Owners of {PROJECT}": _members(_project_policy(loopback), "roles/owner"),
        "Keys of backup": _keys(loopback, BACKUP),
        "Keys of break-glass": _keys(loopback, BREAK_GLASS),
        "Sources of office-ssh": _sources(loopback),
        "Everybody's roles on the bucket": _everybody(loopback),
        "Public access to the bucket": _prevention(loopback),
        "Sink of audit logs": _sink(loopback),
    }


def _project_policy(loopback: Loopback) -> Any:
    asked = {"options": {"requestedPolicyVersion": 3}}
    return loopback.call("POST", f"/cloudresourcemanager/v3/projects/{PROJECT}:getIamPolicy", asked)


def _bindings(policy: Any) -> list[Any]:
    """Without the etag, which every write changes, and in an order of their own."""
    return sorted(
        [each["role"], sorted(each["members"]), each.get("condition")]
        for each in policy["bindings"]
    )


def _members(policy: Any, role: str) -> Reading:
    members = [
        member.rpartition(":")[2].partition("@")[0]
        for each in policy["bindings"]
        if each["role"] == role
        for member in each["members"]
    ]
    return Reading(", ".join(sorted(members)) or "none", _bindings(policy))


def _keys(loopback: Loopback, email: str) -> Reading:
    place = f"/iam/v1/projects/{PROJECT}/serviceAccounts/{email}/keys"
    keys = loopback.call("GET", place).get("keys", [])
    words = ", ".join(
        f"…{key['name'][-4:]} {'disabled' if key.get('disabled') else 'enabled'}" for key in keys
    )
    return Reading(words or "none", keys)


def _sources(loopback: Loopback) -> Reading:
    rule = loopback.call("GET", f"/compute/compute/v1/{RULE}")
    ranges = sorted(rule["sourceRanges"])
    return Reading(", ".join(ranges), {**rule, "sourceRanges": ranges})


def _everybody(loopback: Loopback) -> Reading:
    query = {"optionsRequestedPolicyVersion": "3"}
    policy = loopback.call("GET", f"/storage/storage/v1/b/{BUCKET}/iam", **query)
    roles = [
        each["role"].rpartition(".")[2]
        for each in policy["bindings"]
        if "allUsers" in each["members"]
    ]
    return Reading(", ".join(roles) or "none", _bindings(policy))


def _prevention(loopback: Loopback) -> Reading:
    bucket = loopback.call("GET", f"/storage/storage/v1/b/{BUCKET}")
    said = bucket["iamConfiguration"]["publicAccessPrevention"]
    return Reading("prevented" if said == "enforced" else "not prevented", said)


def _sink(loopback: Loopback) -> Reading:
    sink = loopback.call("GET", f"/logging/v2/{SINK}")
    off = sink.get("disabled", False)
    return Reading("disabled" if off else "enabled", {**sink, "disabled": off})
