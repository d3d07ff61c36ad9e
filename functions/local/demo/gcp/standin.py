"""A Google Cloud that remembers: the few methods of five APIs that the story and its answer call.

Resource Manager, IAM, Compute, Storage and Logging, as Google's discovery documents have them; a
test holds every exchange of the demo against those. State is a resource by its full name and a
policy by the name of what it is on. This file knows nothing of the company or its intruder.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from functions.local.demo.loopback import Asked, Given

__all__ = ["Google"]

Body = dict[str, Any]


class Gone(Exception):
    """There is nothing of this name."""


class Google:
    """`answer` is what the loopback serves; the first part of a path names the service."""

    def __init__(self) -> None:
        self.things: dict[str, Body] = {}
        self.policies: dict[str, Body] = {}

    def answer(self, asked: Asked) -> Given:
        """The answer of whichever method it is; 404 where there is none, or no such thing."""
        target = urlsplit(asked.target)
        place, query = unquote(target.path), parse_qs(target.query)
        body = json.loads(asked.body) if asked.body else {}
        for method, pattern, does in METHODS:
            match = re.fullmatch(pattern, place)
            if match and method == asked.method:
                try:
                    return does(self, match["name"], body, query)
                except Gone as gone:
                    return _error(404, "NOT_FOUND", f"{gone} was not found")
        return _error(404, "NOT_FOUND", f"{asked.method} {place} is not stood in for")

    def thing(self, name: str) -> Body:
        """The resource of this name; Gone if there is none."""
        if name not in self.things:
            raise Gone(name)
        return self.things[name]

    def policy(self, name: str) -> Body:
        """The policy of what has this name; Gone if there is none."""
        if name not in self.policies:
            raise Gone(name)
        return self.policies[name]

    def add_policy(self, name: str, *bindings: Body) -> None:
        """The policy of what has this name."""
        self.policies[name] = {"version": 1, "etag": _etag(1), "bindings": list(bindings)}


Query = Mapping[str, list[str]]
Does = Callable[[Google, str, Body, Query], Given]


def _get(google: Google, name: str, body: Body, query: Query) -> Given:
    return Given(200, google.thing(name))


def _get_policy(google: Google, name: str, body: Body, query: Query) -> Given:
    return Given(200, google.policy(name))


def _set_policy(google: Google, name: str, body: Body, query: Query) -> Given:
    """Written whole, on condition of the etag. Storage takes the policy bare."""
    sent, held = body.get("policy", body), google.policy(name)
    if sent.get("etag", held["etag"]) != held["etag"]:
        return _error(409, "ABORTED", "the policy was changed by somebody else")
    number = int(base64.b64decode(held["etag"])) + 1
    google.policies[name] = {**sent, "version": sent.get("version", 1), "etag": _etag(number)}
    return Given(200, google.policy(name))


def _new_key(google: Google, name: str, body: Body, query: Query) -> Given:
    """A key; its private half is only in this one answer, and made up."""
    google.thing(name)  # or there is nobody to make it for
    count = sum(each.startswith(f"{name}/keys/") for each in google.things)
    made = hashlib.sha1(f"{name} {count}".encode(), usedforsecurity=False)
    full = f"{name}/keys/{made.hexdigest()}"
    key = {"name": full, "keyType": "USER_MANAGED", "keyOrigin": "GOOGLE_PROVIDED"}
    google.things[full] = key
    secret = base64.b64encode(b'{"private_key": "made up"}').decode()
    return Given(200, {**key, "privateKeyData": secret})


def _keys(google: Google, name: str, body: Body, query: Query) -> Given:
    found = [each for full, each in google.things.items() if full.startswith(f"{name}/keys/")]
    return Given(200, {"keys": found} if found else {})


def _disable(google: Google, name: str, body: Body, query: Query) -> Given:
    google.thing(name)["disabled"] = True
    return Given(200, {})


def _enable(google: Google, name: str, body: Body, query: Query) -> Given:
    google.thing(name).pop("disabled", None)
    return Given(200, {})


def _patch_rule(google: Google, name: str, body: Body, query: Query) -> Given:
    google.thing(name).update(body)
    operation = {"kind": "compute#operation", "name": "operation-1", "status": "DONE"}
    return Given(200, operation)


def _patch_bucket(google: Google, name: str, body: Body, query: Query) -> Given:
    """On condition of the metageneration, where it is given."""
    bucket = google.thing(name)
    if query.get("ifMetagenerationMatch", [bucket["metageneration"]]) != [bucket["metageneration"]]:
        return _error(412, "", "at least one of the preconditions did not hold")
    bucket["iamConfiguration"] = {**bucket["iamConfiguration"], **body["iamConfiguration"]}
    bucket["metageneration"] = str(int(bucket["metageneration"]) + 1)
    return Given(200, bucket)


def _update_sink(google: Google, name: str, body: Body, query: Query) -> Given:
    """The fields of the mask; a sink keeps the identity that it writes with."""
    for field in query["updateMask"][0].split(","):
        google.thing(name)[field] = body[field]
    return Given(200, google.thing(name))


def _etag(number: int) -> str:
    return base64.b64encode(f"{number:09}".encode()).decode()


def _error(status: int, reason: str, message: str) -> Given:
    return Given(status, {"error": {"code": status, "status": reason, "message": message}})


PROJECT = r"(?P<name>projects/[^/:]+)"
ACCOUNT = r"(?P<name>projects/[^/]+/serviceAccounts/[^/:]+)"
EITHER = r"(?P<name>projects/[^/]+/serviceAccounts/[^/:]+(?:/keys/[^/:]+)?)"
RULE = r"/compute/compute/v1/(?P<name>projects/[^/]+/global/firewalls/[^/]+)"
BUCKET = r"/storage/storage/v1/(?P<name>b/[^/]+)"
SINK = r"/logging/v2/(?P<name>projects/[^/]+/sinks/[^/]+)"

METHODS: tuple[tuple[str, str, Does], ...] = (
    ("GET", f"/cloudresourcemanager/v3/{PROJECT}", _get),
    ("POST", f"/cloudresourcemanager/v3/{PROJECT}:getIamPolicy", _get_policy),
    ("POST", f"/cloudresourcemanager/v3/{PROJECT}:setIamPolicy", _set_policy),
    ("GET", f"/iam/v1/{EITHER}", _get),
    ("GET", f"/iam/v1/{ACCOUNT}/keys", _keys),
    ("POST", f"/iam/v1/{ACCOUNT}/keys", _new_key),
    ("POST", f"/iam/v1/{EITHER}:disable", _disable),
    ("POST", f"/iam/v1/{EITHER}:enable", _enable),
    ("GET", RULE, _get),
    ("PATCH", RULE, _patch_rule),
    ("GET", BUCKET, _get),
    ("PATCH", BUCKET, _patch_bucket),
    ("GET", f"{BUCKET}/iam", _get_policy),
    ("PUT", f"{BUCKET}/iam", _set_policy),
    ("GET", SINK, _get),
    ("PUT", SINK, _update_sink),
)
"""Method, path and what it does."""
