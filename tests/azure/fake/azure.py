"""The stateful part: resources by id, objects of a directory, and what each operation does to them.

`azure.faults` is what broke the contract, asked or answered; a test that leaves any has failed.
`azure.calls` is every operation that was asked for, `azure.refuse` those that are denied.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.azure.fake import graph
from tests.azure.fake.contract import Route, arm_routes

NETWORK = "azure.mgmt.network.operations._operations"
STORAGE = "azure.mgmt.storage.operations._operations"
ROLES = "azure.mgmt.authorization.v2022_04_01.operations._role_assignments_operations"
MONITOR = "azure.mgmt.monitor.v2021_05_01_preview.operations._diagnostic_settings_operations"
CONDITIONS = ("if-match",)

ARM = [
    (NETWORK, "build_network_security_groups_get_request", None, "NetworkSecurityGroup"),
    (NETWORK, "build_security_rules_get_request", None, "SecurityRule"),
    (NETWORK, "build_security_rules_create_or_update_request", "SecurityRule", "SecurityRule", CONDITIONS),
    (NETWORK, "build_security_rules_delete_request", None, None, CONDITIONS),
    (STORAGE, "build_storage_accounts_get_properties_request", None, "StorageAccount"),
    (STORAGE, "build_storage_accounts_update_request", "StorageAccountUpdateParameters", "StorageAccount"),
    (STORAGE, "build_blob_containers_get_request", None, "BlobContainer"),
    (STORAGE, "build_blob_containers_update_request", "BlobContainer", "BlobContainer"),
    (ROLES, "build_get_request", None, "RoleAssignment"),
    (ROLES, "build_create_request", "RoleAssignmentCreateParameters", "RoleAssignment"),
    (ROLES, "build_delete_request", None, "RoleAssignment"),
    (ROLES, "build_list_for_scope_request", None, "RoleAssignmentListResult", (), ("$filter",)),
    (MONITOR, "build_get_request", None, "DiagnosticSettingsResource"),
    (MONITOR, "build_create_or_update_request", "DiagnosticSettingsResource", "DiagnosticSettingsResource"),
]  # fmt: skip
"""(module of the SDK, builder of the request, model taken, model given, headers, query). The SDK
has no If-Match for rules; Azure's guidelines for its APIs give every resource one."""


@cache
def routes() -> list[Route]:
    """All that may be asked, Entra's own diagnostic settings included.

    Those are in no SDK: path and version are those of the service's description (microsoft.aadiam
    2017-04-01 in Azure's REST API specifications), the body is the one of Azure Monitor.
    """
    known = arm_routes(ARM)
    entra = [
        each._replace(
            name=ENTRA_SETTING,
            path=re.compile(
                r"/providers/microsoft\.aadiam/diagnosticSettings/[^/]+", re.IGNORECASE
            ),
            version="2017-04-01",
            needs=(
                f"tenant:microsoft.aadiam/diagnosticSettings/{'read' if each.method == 'GET' else 'write'}",
            ),
        )
        for each in known
        if "diagnosticSettings" in each.name
    ]
    return [*entra, *known, *graph.ROUTES]


class Azure:
    """`handle(Asked) -> (status, headers, body)`, for tests.azure.scripted.serving."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.resources: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, dict[str, Any]] = {}
        self.assignments: list[dict[str, str]] = []
        self.faults: list[str] = []
        self.calls: list[Route] = []
        self.refuse: set[str] = set()
        self.before_write = lambda: None
        self._operations: dict[str, list[str]] = {}
        self._now = datetime(2026, 11, 25, 12, tzinfo=UTC)

    # What a test sets up

    def empty(self) -> None:
        """Away with all that is there."""
        for held in (self.resources, self.objects, self.assignments):
            held.clear()

    def add(self, path: str, properties: dict[str, Any], **more: Any) -> str:
        """A resource of this id, with what Azure adds to every one."""
        self.resources[path.lower()] = {
            "id": path,
            "name": path.rpartition("/")[2],
            "properties": properties,
            **more,
        }
        return path

    def add_object(self, sort: str, **properties: Any) -> str:
        """A user, service principal or application."""
        uid = properties.setdefault("id", str(uuid.uuid4()))
        self.objects[uid] = {"sort": sort, **properties}
        return uid

    def assign(self, principal: str, role: str, scope: str = "/") -> None:
        """A role of the directory."""
        self.assignments.append(
            {
                "id": f"assigned-{uuid.uuid4().hex}",
                "principalId": principal,
                "roleDefinitionId": role,
                "directoryScopeId": scope,
            }
        )

    def writes(self) -> list[str]:
        return [f"{call.method} {call.name}" for call in self.calls if call.method != "GET"]

    # What a client sees

    def handle(self, asked) -> tuple[int, dict[str, str], bytes]:
        target = urlsplit(asked.target)
        path, query = unquote(target.path), dict(parse_qsl(target.query))
        if path in self._operations:
            return _json(200, {"status": self._operations[path].pop(0)})
        body = json.loads(asked.body) if asked.body else None
        route = self._checked(asked, path, query, body)
        if route is None:
            return _error(400, "OutOfContract", "; ".join(self.faults))
        self.calls.append(route)
        if f"{route.method} {route.name}" in self.refuse:
            return _error(403, "AuthorizationFailed", "not allowed")
        if route.method != "GET":
            self.before_write()
            self.before_write = lambda: None
        act = self._graph if path.startswith("/v1.0/") else self._arm
        status, headers, answer = act(route, path, query, body, asked.headers)
        if answer is not None and route.gives and status < 300:
            self.faults += [
                f"answer of {route.name}: {each}" for each in route.gives(answer, "$", False)
            ]
        return status, headers, b"" if answer is None else json.dumps(answer).encode()

    def _checked(self, asked, path, query, body) -> Route | None:
        if not asked.headers.get("authorization", "").startswith("Bearer "):
            self.faults.append(f"{asked.method} {path}: no token")
            return None
        there = [each for each in routes() if each.path.fullmatch(path)]
        route = next((each for each in there if each.method == asked.method), None)
        if route is None:
            self.faults.append(f"{asked.method} {path}: no such operation")
            return None
        self.faults += [
            f"{asked.method} {path}: {each}" for each in _wrong(route, asked, query, body)
        ]
        return None if self.faults else route

    def _arm(self, route, path, query, body, headers):
        if route.name.endswith("/roleAssignments"):
            return self._list(path)
        held = self.resources.get(path.lower())
        if route.method == "GET":
            return (200, {}, _shown(held)) if held else self._missing(path)
        if route.method == "DELETE" and held is None:
            return 204, {}, None
        parent = path.lower().rpartition("/")[0].rpartition("/")[0]
        if "securityrules" in path.lower() and parent not in self.resources:
            return self._missing(parent)
        if condition := _lost(held, headers):
            return condition
        return getattr(self, f"_{route.method.lower()}")(route, path, held, body)

    def _put(self, route, path, held, body):
        if "/roleassignments/" in path.lower() and held is None and self._twin(path, body):
            return 409, {}, _body("RoleAssignmentExists", "the role assignment already exists")
        name = held["name"] if held else path.rpartition("/")[2]
        made = {**(held or {}), **body, "id": path, "name": name, "properties": body["properties"]}
        self.resources[path.lower()] = made
        return (200 if held else 201), self._later(path), _shown(made)

    def _patch(self, route, path, held, body):
        if held is None:
            return self._missing(path)
        held["properties"] = {**held["properties"], **body["properties"]}
        return 200, {}, _shown(held)

    def _delete(self, route, path, held, body):
        del self.resources[path.lower()]
        if "/roleassignments/" in path.lower():
            return 200, {}, _shown(held)
        return 202, self._later(path), None

    def _twin(self, path, body) -> bool:
        same = ("principalId", "roleDefinitionId")
        scope = path.lower().rpartition("/")[0]
        return any(
            other.rpartition("/")[0] == scope
            and all(each["properties"][name] == body["properties"][name] for name in same)
            for other, each in self.resources.items()
        )

    def _list(self, path):
        """Assignments at the scope or above it, as the filter atScope() has them."""
        scope = path.lower().removesuffix("/providers/microsoft.authorization/roleassignments")
        found = [
            _shown(each)
            for other, each in self.resources.items()
            if "/providers/microsoft.authorization/roleassignments/" in other
            and scope.startswith(
                other.partition("/providers/microsoft.authorization/roleassign")[0]
            )
        ]
        return 200, {}, {"value": found}

    def _later(self, path) -> dict[str, str]:
        """Networks change in the background: the caller has to ask until it is done."""
        if "/networksecuritygroups/" not in path.lower():
            return {}
        operation = f"/subscriptions/operations/{uuid.uuid4()}"
        self._operations[operation] = ["InProgress", "Succeeded"]
        return {"Azure-AsyncOperation": f"{self.endpoint}{operation}", "Retry-After": "1"}

    def _missing(self, path):
        child = path.lower().rpartition("/")[0].rpartition("/")[0] in self.resources
        code = "NotFound" if child else "ResourceNotFound"
        if "/roleassignments/" in path.lower():
            code = "RoleAssignmentNotFound"
        return 404, {}, _body(code, f"{path} was not found")

    def _graph(self, route, path, query, body, headers):
        if path.startswith(graph.ASSIGNMENTS):
            return self._directory_roles(route, path, query, body)
        found = self._object(path)
        if found is None:
            return 404, {}, _body("Request_ResourceNotFound", f"{path} does not exist")
        if route.name == "user-revokesigninsessions":
            self._now += timedelta(seconds=1)
            found["signInSessionsValidFromDateTime"] = self._now.strftime("%Y-%m-%dT%H:%M:%SZ")
            return 200, {}, {"value": True}
        if route.method == "PATCH":
            found.update(body)
            return 204, {}, None
        chosen = query["$select"].split(",")
        return 200, {}, {"@odata.context": "#", **{name: found.get(name) for name in chosen}}

    def _object(self, path):
        sort = re.match(r"/v1\.0/(\w+)", path)[1]
        named = re.search(r"appId='([^']+)'", path)
        for each in self.objects.values():
            if each["sort"] == sort and (
                each.get("appId") == named[1] if named else each["id"] == path.split("/")[3]
            ):
                return each
        return None

    def _directory_roles(self, route, path, query, body):
        """One assignment a page, so that whoever reads only the first page is found out."""
        if route.method == "POST":
            self.assign(body["principalId"], body["roleDefinitionId"], body["directoryScopeId"])
            return 201, {}, self.assignments[-1]
        if route.method == "DELETE":
            uid = path.rpartition("/")[2]
            kept = [each for each in self.assignments if each["id"] != uid]
            gone, self.assignments = len(self.assignments) - len(kept), kept
            if not gone:
                return 404, {}, _body("Request_ResourceNotFound", f"{uid} does not exist")
            return 204, {}, None
        role = re.fullmatch(r"roleDefinitionId eq '([^']+)'", query["$filter"])[1]
        found = [each for each in self.assignments if each["roleDefinitionId"] == role]
        at = int(query.get("$skiptoken", 0))
        page: dict[str, Any] = {"value": found[at : at + 1]}
        if found[at + 1 :]:
            page["@odata.nextLink"] = (
                f"{self.endpoint}{path}?$filter=roleDefinitionId%20eq%20'{role}'&$skiptoken={at + 1}"
            )
        return 200, {}, page


def _wrong(route: Route, asked, query, body):
    """What in a request is not as the contract has it."""
    if route.version and query.get("api-version") != route.version:
        yield f"api-version {query.get('api-version')} is not {route.version}"
    if extra := query.keys() - {"api-version", *route.query}:
        yield f"unknown query {sorted(extra)}"
    if not route.version and "api-version" in query:
        yield "Graph has no api-version"
    for name in CONDITIONS:
        if name in asked.headers and name not in route.headers:
            yield f"unknown header {name}"
    if chosen := query.get("$select"):
        known = graph.OBJECTS[SELECTS[route.name]]
        yield from (f"$select: unknown {name}" for name in chosen.split(",") if name not in known)
    if (body is None) != (route.takes is None):
        yield f"a body is {'not ' if route.takes is None else ''}expected"
    elif body is not None:
        yield from route.takes(body, "$", True)


def _lost(held, headers):
    match = headers.get("if-match")
    if match and (held is None or match != _etag(held)):
        return 412, {}, _body("PreconditionFailed", "the ETag is another one")
    return None


def _shown(held) -> dict[str, Any]:
    """A resource as it is answered: with an ETag and lists that are empty, where it is a rule."""
    if "/securityrules/" not in held["id"].lower():
        return held
    empty = {name: [] for name in LISTS}
    properties = {"provisioningState": "Succeeded", **empty, **held["properties"]}
    return {**held, "etag": _etag(held), "properties": properties}


def _etag(held) -> str:
    return f'W/"{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(held["properties"], sort_keys=True))}"'


def _body(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _json(status: int, value: Any) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps(value).encode()


def _error(status: int, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    return _json(status, _body(code, message))


def rights(route: Route) -> tuple[str, ...]:
    """What a call needs: as the route says, else the action that ARM derives from type and method."""
    if route.needs:
        return route.needs
    parts = route.name.rpartition("/providers/")[2].split("/")
    sort = "/".join(
        [parts[0], *(part for part in parts[1:] if not part.startswith(("{", "default")))]
    )
    return (f"{sort}/{ACTIONS[route.method]}",)


ACTIONS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
ENTRA_SETTING = "/providers/microsoft.aadiam/diagnosticSettings/{name}"
LISTS = (
    "sourceAddressPrefixes",
    "destinationAddressPrefixes",
    "sourcePortRanges",
    "destinationPortRanges",
)
SELECTS = {
    "user-get": "User",
    "application-get": "Application",
    "serviceprincipal-get": "ServicePrincipal",
}
