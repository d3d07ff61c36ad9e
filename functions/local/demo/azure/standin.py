"""An Azure that remembers: what the story and its answer ask of ARM and of Microsoft Graph.

Resources and objects are kept as they were written; a test holds every exchange of the demo against
Microsoft's own SDKs. Ids of resources have no case. This file knows nothing of the company or its
intruder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from functions.local.demo.loopback import Asked, Given

__all__ = ["Azure"]

Body = dict[str, Any]


class Azure:
    """`answer` is what the loopback serves; paths below /v1.0 are Graph's, all others ARM's."""

    def __init__(self) -> None:
        self.resources: dict[str, Body] = {}
        self._spelled: dict[str, str] = {}
        self.users: dict[str, Body] = {}
        self.assigned: dict[str, Body] = {}
        """Roles of the directory, by the assignment's id."""

        self._count = 0

    def add(self, path: str, properties: Body, **more: Any) -> None:
        """A resource with this id."""
        self.resources[path.lower()] = {**self.named(path), **more, "properties": properties}

    def named(self, path: str) -> Body:
        """Id and name of a resource: however a caller writes them, they are spelled as at first."""
        spelled = self._spelled.setdefault(path.lower(), path)
        return {"id": spelled, "name": spelled.rpartition("/")[2]}

    def assign(self, principal: str, role: str, scope: str = "/") -> Body:
        """A role of the directory to somebody."""
        self._count += 1
        uid = f"made-up-assignment-{self._count}"
        self.assigned[uid] = {
            "id": uid,
            "principalId": principal,
            "roleDefinitionId": role,
            "directoryScopeId": scope,
        }
        return self.assigned[uid]

    def answer(self, asked: Asked) -> Given:
        """The answer of whichever operation it is; 404 where there is none, or no such thing."""
        target = urlsplit(asked.target)
        path, query = unquote(target.path), dict(parse_qsl(target.query))
        body = json.loads(asked.body) if asked.body else {}
        for method, pattern, does in OPERATIONS:
            if method == asked.method and re.fullmatch(pattern, path, re.IGNORECASE):
                return does(self, path, query, body)
        held = self.resources.get(path.lower())
        if asked.headers.get("if-match", "*") not in ("*", _etag(held)):
            return _error(412, "PreconditionFailed", "the ETag is another one")
        write = ARM.get(asked.method)
        given = write(self, path, held, body) if write else _missing(path)
        return given._replace(headers=_later(asked) if given.status < 300 else {})


Query = Mapping[str, str]


def _get(azure: Azure, path: str, held: Body | None, body: Body) -> Given:
    return Given(200, _shown(azure, held)) if held else _missing(path)


def _put(azure: Azure, path: str, held: Body | None, body: Body) -> Given:
    """What was sent stands for all that there was."""
    made = {**(held or azure.named(path)), **body}
    azure.resources[path.lower()] = made
    return Given(200 if held else 201, _shown(azure, made))


def _patch(azure: Azure, path: str, held: Body | None, body: Body) -> Given:
    if held is None:
        return _missing(path)
    held["properties"] = {**held["properties"], **body["properties"]}
    return Given(200, held)


def _delete(azure: Azure, path: str, held: Body | None, body: Body) -> Given:
    if held is None:
        return Given(204)
    del azure.resources[path.lower()]
    return Given(202) if RULES in path.lower() else Given(200, held)


def _later(asked: Asked) -> Mapping[str, str]:
    """Networks change in the background: whoever changes one is told where to ask how far it is."""
    if asked.method == "GET" or RULES not in asked.target.lower():
        return {}
    return {"Azure-AsyncOperation": f"http://{asked.headers['host']}{OPERATION}"}


def _done(azure: Azure, path: str, query: Query, body: Body) -> Given:
    return Given(200, {"status": "Succeeded"})


def _shown(azure: Azure, held: Body) -> Body:
    """As Azure answers: a rule with its ETag, a security group with its rules."""
    uid = held["id"].lower()
    if RULES in uid:
        properties = {"provisioningState": "Succeeded", **held["properties"]}
        return {**held, "etag": _etag(held), "properties": properties}
    if GROUPS.search(uid):
        rules = [
            _shown(azure, each)
            for other, each in azure.resources.items()
            if other.startswith(f"{uid}/securityrules/")
        ]
        return {**held, "properties": {**held["properties"], "securityRules": rules}}
    return held


def _etag(held: Body | None) -> str:
    if held is None:
        return ""
    content = json.dumps(held["properties"], sort_keys=True).encode()
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'


def _grants(azure: Azure, path: str, query: Query, body: Body) -> Given:
    """The assignments at a scope and above it, as the filter atScope() has them."""
    scope = path.lower().removesuffix(GRANTS)
    found = [
        each
        for other, each in azure.resources.items()
        if GRANTS in other and scope.startswith(other.partition(GRANTS)[0])
    ]
    return Given(200, {"value": found})


def _user(azure: Azure, path: str, query: Query, body: Body) -> Given:
    user = azure.users.get(path.split("/")[3].lower())
    if user is None:
        return _missing(path, "Request_ResourceNotFound")
    chosen = {name: user.get(name) for name in query["$select"].split(",")}
    return Given(200, {"@odata.context": "#users/$entity", **chosen})


def _holders(azure: Azure, path: str, query: Query, body: Body) -> Given:
    role = query["$filter"].rpartition(" eq ")[2].strip("'")
    found = [each for each in azure.assigned.values() if each["roleDefinitionId"] == role]
    return Given(200, {"value": found})


def _assign(azure: Azure, path: str, query: Query, body: Body) -> Given:
    made = azure.assign(body["principalId"], body["roleDefinitionId"], body["directoryScopeId"])
    return Given(201, made)


def _unassign(azure: Azure, path: str, query: Query, body: Body) -> Given:
    gone = azure.assigned.pop(path.rpartition("/")[2], None)
    return Given(204) if gone else _missing(path, "Request_ResourceNotFound")


def _missing(path: str, code: str = "ResourceNotFound") -> Given:
    return _error(404, code, f"{path} was not found")


def _error(status: int, code: str, message: str) -> Given:
    return Given(status, {"error": {"code": code, "message": message}})


RULES = "/securityrules/"
GROUPS = re.compile(r"/networksecuritygroups/[^/]+$")
GRANTS = "/providers/microsoft.authorization/roleassignments"
OPERATION = "/providers/Microsoft.Network/operations/made-up"
DIRECTORY = r"/v1\.0/roleManagement/directory/roleAssignments"

OPERATIONS: tuple[tuple[str, str, Callable[[Azure, str, Query, Body], Given]], ...] = (
    ("GET", re.escape(OPERATION), _done),
    ("GET", f".*{GRANTS}", _grants),
    ("GET", r"/v1\.0/users/[^/]+", _user),
    ("GET", DIRECTORY, _holders),
    ("POST", DIRECTORY, _assign),
    ("DELETE", f"{DIRECTORY}/[^/]+", _unassign),
)
"""Method, path and what it does, where that is not what ARM does with any resource."""

ARM: Mapping[str, Callable[[Azure, str, Body | None, Body], Given]] = {
    "GET": _get,
    "PUT": _put,
    "PATCH": _patch,
    "DELETE": _delete,
}
"""Method -> what it does with the resource of a path."""
