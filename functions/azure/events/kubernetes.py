"""The audit log of an AKS cluster's API server in neutral words, as Sigma's kubernetes/audit.

The event is Kubernetes' own (https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1);
a diagnostic setting carries it as JSON text in `properties.log` of categories kube-audit and
kube-audit-admin (https://learn.microsoft.com/azure/aks/monitor-aks-reference). `audited` takes it
out and keeps the cluster's `resourceId` beside it, the one field that Kubernetes doesn't know.

Pure. It doesn't know what a message came wrapped in.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.errors import BadRecord
from core.hostile import kind_of, quoted
from core.model import Activity, Actor, Event, NativeRecord, Outcome, Resource
from core.native import dig, first, parsed, text
from core.ports import Source
from functions.azure.catalogue import KUBERNETES_AUDIT
from functions.azure.events.values import address, moment

__all__ = ["KUBERNETES_SOURCES", "audited", "kubernetes_event"]


def audited(record: NativeRecord) -> NativeRecord | None:
    """The audit event that a resource log of AKS carries; None if it is no such log.

    BadRecord when it should carry one and does not: long ones are cut by the service.
    """
    if text(record.get("category")).casefold() not in CATEGORIES:
        return None
    log = first(record, "properties.log")
    try:
        found = parsed(log)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRecord(
            f"an audit event of AKS that is not JSON ({error}): {quoted(log)}"
        ) from error
    if not isinstance(found, Mapping):
        raise BadRecord(f"an audit event of AKS is an object, not {kind_of(found)}")
    return {**found, "resourceId": first(record, "resourceId")}


def kubernetes_event(record: NativeRecord) -> Event:
    """A request to a cluster's API server. All stages of a request are one event."""
    if not isinstance(record, Mapping):
        raise BadRecord(f"a record of {KUBERNETES} is an object, not {kind_of(record)}")
    uid, verb = first(record, "auditID"), first(record, "verb")
    if not uid or not verb:
        raise BadRecord(f"a record of {KUBERNETES} without an auditID or a verb")
    cluster = first(record, "resourceId").lower()
    account = cluster.split("/")[2] if cluster.startswith("/subscriptions/") else ""
    outcome = _outcome(record)
    return Event(
        uid=uid,
        time=moment(record, f"a record of {KUBERNETES}", *TIME),
        source=KUBERNETES,
        provider="azure",
        account=account,
        service=first(record, "objectRef.apiGroup") or "core",
        operation=" ".join(filter(None, [verb, _resource(record)])),
        activity=VERBS.get(verb, "other"),
        outcome=outcome,
        error=first(record, "responseStatus.reason") if outcome == "failure" else "",
        message=first(record, "responseStatus.message"),
        actor=_actor(record, account),
        ip=next(filter(None, map(address, map(text, dig(record, "sourceIPs")))), ""),
        user_agent=first(record, "userAgent"),
        request=uid,
        resources=_resources(record, cluster, account),
        record=record,
    )


def _outcome(record: NativeRecord) -> Outcome:
    codes = [code for code in dig(record, "responseStatus.code") if isinstance(code, int)]
    if not codes:
        return "unknown"
    return "success" if codes[0] < 400 else "failure"


def _actor(record: NativeRecord, account: str) -> Actor:
    name = first(record, "impersonatedUser.username", "user.username")
    service = name.startswith("system:")
    return Actor(
        uid=first(record, "impersonatedUser.uid", "user.uid") or name,
        name=name,
        type="service" if service else "user" if name else "unknown",
        account=account,
        issuer=first(record, "user.username") if dig(record, "impersonatedUser") else "",
    )


def _resource(record: NativeRecord) -> str:
    """pods, or pods/exec."""
    parts = (first(record, "objectRef.resource"), first(record, "objectRef.subresource"))
    return "/".join(filter(None, parts))


def _resources(record: NativeRecord, cluster: str, account: str) -> tuple[Resource, ...]:
    """What was asked for, named below its cluster; the cluster itself if no object was named."""
    kind, name = _resource(record), first(record, "objectRef.name")
    path = "/".join(filter(None, [first(record, "objectRef.namespace"), kind, name]))
    uid = "/".join(filter(None, [cluster, path])) or first(record, "requestURI")
    if not uid:
        return ()
    return (Resource(uid=uid, name=name or kind, type=f"kubernetes/{kind}", account=account),)


KUBERNETES = "kubernetes/audit"

CATEGORIES = frozenset({"kube-audit", "kube-audit-admin"})

TIME = ("requestReceivedTimestamp", "stageTimestamp")

VERBS: Mapping[str, Activity] = {
    "create": "create",
    "get": "read",
    "list": "read",
    "watch": "read",
    "update": "update",
    "patch": "update",
    "delete": "delete",
    "deletecollection": "delete",
}

ALIASES: Mapping[str, tuple[str, ...]] = {
    "apiGroup": ("apiGroup", "objectRef.apiGroup"),
    "namespace": ("namespace", "objectRef.namespace"),
    "resource": ("resource", "objectRef.resource"),
    "subresource": ("subresource", "objectRef.subresource"),
    "username": ("username", "user.username"),
    "hostPath": (
        "requestObject.spec.volumes.hostPath",
        "requestObject.spec.template.spec.volumes.hostPath",
    ),
    "capabilities": (
        "requestObject.spec.containers.securityContext.capabilities",
        "requestObject.spec.template.spec.containers.securityContext.capabilities",
    ),
}
"""As SigmaHQ's rules for Kubernetes write them."""

KUBERNETES_SOURCES: tuple[Source, ...] = (
    Source(
        name=KUBERNETES,
        keys=("auditID", "verb", "stage"),
        route="verb",
        time="requestReceivedTimestamp",
        uid="auditID",
        event=kubernetes_event,
        aliases=ALIASES,
        provider="azure",
        fields=KUBERNETES_AUDIT,
    ),
)
