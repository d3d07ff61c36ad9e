"""What a verb on Azure is made of: read what is there, say what should be, make it so.

A state is the part of the target that the verb changes, in the words of Azure's API, and no more.
A write makes only the calls by which the two states differ, and each call may be repeated. Here
live also the two gates of every call: a resource lies in a subscription that is ours, an object of
the directory in our tenant. No service is known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from core.errors import Forbidden, Reject
from core.model import Json, State, Target
from functions.azure.rest import Cloud, Rest

__all__ = [
    "Clients",
    "Document",
    "Lens",
    "arg",
    "arm",
    "get",
    "graph",
    "graph_items",
    "guid",
    "own",
    "resource",
    "there",
]

Document: TypeAlias = dict[str, Any]
"""A JSON object."""


class Clients(NamedTuple):
    """Who calls, and what is ours: subscriptions and tenant as ids in lower case."""

    rest: Rest
    cloud: Cloud
    subscriptions: frozenset[str]
    tenant: str


class Lens(NamedTuple):
    """A Verb before it is given its clients."""

    read: Callable[[Clients, Target], State]
    want: Callable[[Target, State, int], State]
    write: Callable[[Clients, Target, State, State], None]
    facts: Callable[[Clients, Target], Mapping[str, Any]] = lambda clients, target: {}


def arg(target: Target, name: str) -> str:
    """A text that the target must have; Reject without it."""
    value = target.args.get(name)
    if not isinstance(value, str) or not value:
        raise Reject(f"target {target.uid} of kind {target.kind} lacks {name}")
    return value


def there(state: State) -> Mapping[str, Any]:
    """A state that is never absent."""
    if state is None:
        raise Reject("this verb's state is never absent")
    return state


def guid(target: Target, name: str) -> str:
    """An id of the directory that the target must have, in lower case; Reject otherwise."""
    value = arg(target, name)
    if not GUID.fullmatch(value):
        raise Reject(f"target {target.uid} of kind {target.kind}: {name} is no id of an object")
    return value.lower()


def resource(clients: Clients, target: Target, *sorts: str) -> str:
    """The id of the target's resource, as ARM takes it in a path.

    `sorts` are the types it may be of, whole and in lower case. Reject when it is of another,
    Forbidden when it lies in no subscription of ours.
    """
    path = arg(target, "resource")
    match = RESOURCE.fullmatch(path)
    parts = match["rest"].split("/") if match else []
    sort = "/".join([parts[0], *parts[1::2]]).lower() if parts else ""
    if match is None or sort not in sorts:
        raise Reject(
            f"target {target.uid} of kind {target.kind}: {sort or 'that'} can't be changed"
        )
    subscription = SUBSCRIPTION.match(path)
    if subscription is None or subscription[1].lower() not in clients.subscriptions:
        raise Forbidden(f"{path} is in none of the subscriptions that are Vigil's to change")
    return path


def arm(
    clients: Clients,
    method: str,
    path: str,
    version: str,
    body: Json = None,
    **headers: str,
) -> Document:
    """One call of ARM; its answer, {} where it has none. `If_Match=` is the header If-Match."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    query = {"api-version": version}
    answer = clients.rest.call(
        clients.cloud.arm, method, path, query=query, headers=named, body=body
    )
    return answer.json() or {}


def get(clients: Clients, path: str, version: str) -> Document:
    """A resource as ARM has it. NotFound if there is none."""
    return arm(clients, "GET", path, version)


def graph(
    clients: Clients,
    target: Target,
    method: str,
    path: str,
    body: Json = None,
    **query: str,
) -> Document:
    """One call of Microsoft Graph v1.0; `select=` is the option $select. Forbidden if not ours."""
    own(clients, target)
    options = {f"${name}": value for name, value in query.items()}
    answer = clients.rest.call(
        clients.cloud.graph, method, f"/v1.0{path}", query=options, body=body
    )
    return answer.json() or {}


def graph_items(clients: Clients, target: Target, path: str, **query: str) -> Iterator[Json]:
    """All items of a list of Microsoft Graph, page by page."""
    own(clients, target)
    options = {f"${name}": value for name, value in query.items()}
    return clients.rest.items(clients.cloud.graph, f"/v1.0{path}", query=options)


def own(clients: Clients, target: Target) -> None:
    """Forbidden unless the target is of our tenant: ids of two tenants may be alike in a log."""
    if not clients.tenant or target.account.lower() != clients.tenant:
        raise Forbidden(f"{target.uid} is of tenant {target.account or '(unknown)'}, not ours")


GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
SUBSCRIPTION = re.compile(rf"/subscriptions/({GUID.pattern})(?:/|$)", re.IGNORECASE)
RESOURCE = re.compile(
    r"(?:/[^/?#%\s]+)*/providers/(?P<rest>[^/?#%\s]+(?:/[^/?#%\s]+/[^/?#%\s]+)+)", re.IGNORECASE
)
"""Up to its last provider, and from there: `Microsoft.Network/networkSecurityGroups/web`."""
