"""What a sweep looks at on Google Cloud: keys, firewall rules, buckets and log sinks, by kind.

Reading order: look.py (one resource, and what could not be read of it), then a file per service:
iam.py, compute.py, storage.py, logging.py. A kind that can't be listed raises; an attribute that
can't be read is left out and named in the record's `unknown`, for "could not look" is never "fine".
Which resources are bad is the rules' affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from core.errors import VigilError
from core.model import Event
from core.ports import Clock, Inventory
from functions.gcp.actions.lens import Clients
from functions.gcp.inventory import compute, iam, logging, storage
from functions.gcp.inventory.look import Place

__all__ = ["inventory"]


def inventory(clients: Clients, projects: tuple[str, ...], clock: Clock) -> Inventory:
    """Resource kind -> all resources of it in these projects, given by id."""
    return {
        kind: partial(_everywhere, resources, clients, projects, clock)
        for kind, resources in KINDS.items()
    }


def _everywhere(
    resources: Callable[[Place], Iterator[Event]],
    clients: Clients,
    projects: tuple[str, ...],
    clock: Clock,
) -> Iterator[Event]:
    """One project after the other. One that can't be looked at raises when the others are done."""
    fault: VigilError | None = None
    for project in projects:
        try:
            yield from resources(Place(clients(project), project, clock))
        except VigilError as error:
            fault = fault or error
    if fault:
        raise fault


KINDS: Mapping[str, Callable[[Place], Iterator[Event]]] = {
    "access_key": iam.access_keys,
    "firewall_rule": compute.firewall_rules,
    "storage_bucket": storage.buckets,
    "audit_log": logging.sinks,
}
