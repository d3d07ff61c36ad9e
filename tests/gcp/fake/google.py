"""A small Google Cloud that remembers: what the methods that Vigil calls do, beyond their shapes.

Each behaviour that a verb may trip over is here on purpose: etags and metagenerations, policies
that lose their conditions when asked for in an old version, firewall rules that are world-open when
they name no source, and sinks that change their identity.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from typing import Any

from tests.gcp.fake.discovery import Asked

SHARED_WRITER = "serviceAccount:cloud-logs@system.gserviceaccount.com"


class Refused(Exception):
    """An error as Google's APIs give it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": status, "status": reason, "message": message}}


class Google:
    """State by full name, and the calls that were made.

    `refuse` holds ids of methods that are denied; `meanwhile` runs once, before the next write.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.wrong: list[str] = []
        self.refuse: set[str] = set()
        self.meanwhile: Callable[[], None] | None = None
        self.projects: dict[str, int] = {"example-project": 123456789012}
        self.things: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> Any:
        """What the method gives, after it has done what it does."""
        self.calls.append(asked.method.id)
        if asked.method.id in self.refuse:
            raise Refused(403, "PERMISSION_DENIED", f"{asked.method.id} denied")
        if asked.method.id.rpartition(".")[2] in WRITES and self.meanwhile:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        name = asked.method.id.rpartition(".")[2]
        if name in ("getIamPolicy", "setIamPolicy"):
            return POLICIES[name](self, asked)
        return METHODS[asked.method.id](self, asked)

    def thing(self, name: str) -> dict[str, Any]:
        """What is stored under this full name."""
        if name not in self.things:
            raise Refused(404, "NOT_FOUND", f"{name} was not found")
        return self.things[name]

    # What tests set up

    def service_account(self, email: str, project: str = "example-project") -> str:
        name = f"projects/{project}/serviceAccounts/{email}"
        self.things[name] = {
            "name": name,
            "projectId": project,
            "email": email,
            "uniqueId": "100000000000000000001",
        }
        return name

    def key(self, account: str, id: str, kind: str = "USER_MANAGED") -> str:
        name = f"{account}/keys/{id}"
        self.things[name] = {"name": name, "keyType": kind, "keyOrigin": "GOOGLE_PROVIDED"}
        return name

    def firewall(self, name: str, **fields: Any) -> str:
        full = f"projects/example-project/global/firewalls/{name}"
        allowed = [{"IPProtocol": "tcp", "ports": ["22"]}]
        rule = {"name": name, "direction": "INGRESS", "allowed": allowed, "priority": 1000}
        self.things[full] = _defaulted({**rule, **fields})
        return full

    def bucket(self, name: str, number: int = 123456789012, **configuration: Any) -> str:
        self.things[f"b/{name}"] = {
            "name": name,
            "projectNumber": str(number),
            "metageneration": "1",
            "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, **configuration},
        }
        return name

    def sink(self, name: str, **fields: Any) -> str:
        self.things[name] = {
            "name": name.rpartition("/")[2],
            "destination": "pubsub.googleapis.com/projects/example-project/topics/logs",
            "filter": 'logName:"cloudaudit.googleapis.com"',
            "writerIdentity": "serviceAccount:p123456789012-1@gcp-sa-logging.iam.gserviceaccount.com",
            **fields,
        }
        return name

    def exclusion(self, name: str, **fields: Any) -> str:
        filter_ = 'logName:"cloudaudit.googleapis.com"'
        self.things[name] = {"name": name.rpartition("/")[2], "filter": filter_, **fields}
        return name

    def policy(self, name: str, *bindings: dict[str, Any], **other: Any) -> str:
        self.policies[name] = {"bindings": list(bindings), "etag": _etag(1), **other}
        return name


def _etag(number: int) -> str:
    return base64.b64encode(f"etag-{number}".encode()).decode()


def _next(etag: str) -> str:
    return _etag(int(base64.b64decode(etag).decode().removeprefix("etag-")) + 1)


def _defaulted(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of ingress that names no source means the world."""
    sources = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
    if rule["direction"] == "INGRESS" and not any(rule.get(each) for each in sources):
        return {**rule, "sourceRanges": ["0.0.0.0/0"]}
    return rule


# Policies


def _policy_of(google: Google, asked: Asked) -> str:
    name = asked.path.get("resource") or f"b/{asked.path['bucket']}"
    if name not in google.policies:
        raise Refused(404, "NOT_FOUND", f"{name} was not found")
    return name


def _get_policy(google: Google, asked: Asked) -> Any:
    policy = copy.deepcopy(google.policies[_policy_of(google, asked)])
    options = (asked.body or {}).get("options", {})
    said = {name.rpartition(".")[2].casefold(): value for name, value in asked.query.items()}
    version = options.get("requestedPolicyVersion") or said.get("requestedpolicyversion")
    version = version or said.get("optionsrequestedpolicyversion") or 1
    conditional = any("condition" in each for each in policy["bindings"])
    if conditional and int(version) < 3:
        for binding in policy["bindings"]:
            if binding.pop("condition", None):
                binding["role"] += "_withcond_0123456789abcdef"
    elif conditional:
        policy["version"] = 3
    return policy


def _set_policy(google: Google, asked: Asked) -> Any:
    name = _policy_of(google, asked)
    held, sent = google.policies[name], asked.body.get("policy", asked.body)
    if sent.get("etag", held["etag"]) != held["etag"]:
        raise Refused(409, "ABORTED", "the policy was changed by somebody else")
    conditional = any("condition" in each for each in sent.get("bindings", ()))
    if sent.get("version") != 3 and (conditional or held.get("version") == 3):
        raise Refused(400, "INVALID_ARGUMENT", "conditional bindings need version 3")
    if any(not each.get("members") for each in sent.get("bindings", ())):
        raise Refused(400, "INVALID_ARGUMENT", "a binding without members")
    for part in asked.body.get("updateMask", "bindings,etag").split(","):
        if part != "etag":
            held[part] = copy.deepcopy(sent.get(part, []))
    held["etag"] = _next(held["etag"])
    return copy.deepcopy(held)


# The rest


def _get(google: Google, asked: Asked) -> Any:
    return google.thing(next(iter(asked.path.values())))


def _disable(google: Google, asked: Asked) -> Any:
    google.thing(asked.path["name"])["disabled"] = True
    return {}


def _enable(google: Google, asked: Asked) -> Any:
    google.thing(asked.path["name"]).pop("disabled", None)
    return {}


def _project(google: Google, asked: Asked) -> Any:
    id = asked.path["name"].removeprefix("projects/")
    if id not in google.projects:
        raise Refused(403, "PERMISSION_DENIED", f"project {id}, or it may not exist")
    return {"name": f"projects/{google.projects[id]}", "projectId": id}


def _firewall_name(asked: Asked) -> str:
    return f"projects/{asked.path['project']}/global/firewalls/{asked.path['firewall']}"


def _get_firewall(google: Google, asked: Asked) -> Any:
    return google.thing(_firewall_name(asked))


def _patch_firewall(google: Google, asked: Asked) -> Any:
    name = _firewall_name(asked)
    google.things[name] = _defaulted({**google.thing(name), **asked.body})
    return {"kind": "compute#operation", "name": "operation-1", "status": "RUNNING"}


def _get_bucket(google: Google, asked: Asked) -> Any:
    return google.thing(f"b/{asked.path['bucket']}")


def _patch_bucket(google: Google, asked: Asked) -> Any:
    bucket = google.thing(f"b/{asked.path['bucket']}")
    if (
        asked.query.get("ifMetagenerationMatch", bucket["metageneration"])
        != bucket["metageneration"]
    ):
        raise Refused(412, "", "at least one of the preconditions did not hold")
    prevention = asked.body["iamConfiguration"]["publicAccessPrevention"]
    if prevention not in ("inherited", "enforced"):
        raise Refused(400, "INVALID_ARGUMENT", f"no such prevention: {prevention}")
    bucket["iamConfiguration"] = {**bucket["iamConfiguration"], **asked.body["iamConfiguration"]}
    bucket["metageneration"] = str(int(bucket["metageneration"]) + 1)
    return bucket


def _update_sink(google: Google, asked: Asked) -> Any:
    sink = google.thing(asked.path["sinkName"])
    unique = asked.query.get("uniqueWriterIdentity", "false") == "true"
    writer = sink.get("writerIdentity", SHARED_WRITER)
    if writer != SHARED_WRITER and not unique:
        raise Refused(400, "INVALID_ARGUMENT", "the sink would lose its writer identity")
    if writer == SHARED_WRITER and unique:
        sink["writerIdentity"] = "serviceAccount:another@gcp-sa-logging.iam.gserviceaccount.com"
    return _masked(sink, asked)


def _update_exclusion(google: Google, asked: Asked) -> Any:
    return _masked(google.thing(asked.path["name"]), asked)


def _masked(thing: dict[str, Any], asked: Asked) -> Any:
    if "filter" not in asked.body or "name" not in asked.body:
        raise Refused(400, "INVALID_ARGUMENT", "name and filter are required")
    for field in asked.query["updateMask"].split(","):
        thing[field] = asked.body[field]
    return thing


WRITES = ("disable", "enable", "patch", "setIamPolicy", "update")

POLICIES: dict[str, Callable[[Google, Asked], Any]] = {
    "getIamPolicy": _get_policy,
    "setIamPolicy": _set_policy,
}

METHODS: dict[str, Callable[[Google, Asked], Any]] = {
    "cloudresourcemanager.projects.get": _project,
    "compute.firewalls.get": _get_firewall,
    "compute.firewalls.patch": _patch_firewall,
    "iam.projects.serviceAccounts.disable": _disable,
    "iam.projects.serviceAccounts.enable": _enable,
    "iam.projects.serviceAccounts.get": _get,
    "iam.projects.serviceAccounts.keys.disable": _disable,
    "iam.projects.serviceAccounts.keys.enable": _enable,
    "iam.projects.serviceAccounts.keys.get": _get,
    "storage.buckets.get": _get_bucket,
    "storage.buckets.patch": _patch_bucket,
    **{
        f"logging.{owner}.{method}": does
        for owner in ("projects", "folders", "organizations")
        for method, does in {
            "exclusions.get": _get,
            "exclusions.patch": _update_exclusion,
            "sinks.get": _get,
            "sinks.update": _update_sink,
        }.items()
    },
}
