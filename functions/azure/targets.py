"""What a verb would act on: from a record of Azure or Entra, or a resource of a sweep, to Targets.

The file knows no SDK and no policy: it says what could be changed, never whether it should be. A
failed call gave nothing, so there is nothing to take back; a call that only began (`Start`) has
given nothing yet. The caller is real all the same: a user's sessions and an application's secrets
remain targets, except where the failed call was a sign-in, which proves no identity.

Resources are named by their id in lower case, as logs differ in its case and Azure ignores it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from core.model import Event, Json, Target
from core.native import dig, first, text
from functions.azure.events.values import named, part

__all__ = ["TARGETS", "is_world", "targets"]


def targets(kind: str, event: Event) -> tuple[Target, ...]:
    """What a verb of this target kind (core.actions) would act on; () where there is nothing."""
    readers = POSTURE if event.source == "posture" else TARGETS
    reader = readers.get(kind)
    return reader(event) if reader else ()


def is_world(source: Json) -> bool:
    """Whether a source of a firewall rule is the whole internet: `*`, `Internet` or a /0."""
    name = text(source).strip()
    if name.casefold() in WORLD:
        return True
    try:
        return ipaddress.ip_network(name, strict=False).prefixlen == 0
    except ValueError:
        return False


def _access_key(event: Event) -> tuple[Target, ...]:
    """The storage account whose keys were read or made, or the application that got a secret;
    else the application that called.
    """
    if _succeeded(event, *KEY_READERS):
        return _resource("access_key", event, _uid(event), ACCOUNT)
    if event.source == AUDITLOGS and event.outcome != "failure":
        made = event.operation.replace("\u2013", "-").casefold() in CREDENTIALS
        for each in _changed(event) if made else ():
            field = APPLICATIONS.get(first(each, "type").casefold())
            if field:
                return _object("access_key", event, first(each, "id"), {field: first(each, "id")})
    failed_sign_in = event.authentication and event.outcome == "failure"
    if event.actor.type != "service" or failed_sign_in:
        return ()
    uid = event.actor.uid
    return _object("access_key", event, uid, {"service_principal": uid})


def _session(event: Event) -> tuple[Target, ...]:
    """The user who called or signed in, and since when what they hold is in doubt."""
    failed_sign_in = event.authentication and event.outcome == "failure"
    if event.actor.type != "user" or failed_sign_in:
        return ()
    uid = event.actor.uid
    return _object("session", event, uid, {"user": uid, "since": event.time})


def _grant(event: Event) -> tuple[Target, ...]:
    """The assignment that the call made: of a role of Azure, or of a role of Entra."""
    if _succeeded(event, "microsoft.authorization/roleassignments/write"):
        who = next(
            filter(None, (first(body, "properties.principalId") for body in _bodies(event))), ""
        )
        return _resource("grant", event, _uid(event), ASSIGNMENT, principal=who)
    if event.source != AUDITLOGS or event.operation.casefold() != "add member to role":
        return ()
    if event.outcome != "success":
        return ()
    for each in _changed(event):
        changed = next(named(each, "modifiedProperties", "displayName", "Role.TemplateId"), {})
        role, who = first(changed, "newValue").strip('"').lower(), first(each, "id").lower()
        if GUID.fullmatch(role):
            args = {"principal_id": who, "role": role, "scope": "/"}
            return _object("grant", event, f"{who}#{role}", args, principal=who)
    return ()


def _ingress(event: Event) -> tuple[Target, ...]:
    """The rule that the call wrote; of a whole group, each rule in its body that is world-open."""
    if _succeeded(event, f"{RULE}/write"):
        return _resource("ingress", event, _uid(event), RULE)
    if not _succeeded(event, f"{GROUP}/write"):
        return ()
    names = {
        first(rule, "name").lower()
        for body in _bodies(event)
        for rule in dig(body, "properties.securityRules")
        if _is_open(part(rule, "properties"))
    }
    return tuple(
        target
        for name in sorted(names)
        for target in _resource("ingress", event, f"{_uid(event)}/securityrules/{name}", RULE)
    )


def _is_open(rule: Mapping[str, Json]) -> bool:
    """Whether a rule lets the whole internet in."""
    sources = (*dig(rule, "sourceAddressPrefix"), *dig(rule, "sourceAddressPrefixes"))
    inward = first(rule, "direction").casefold() == "inbound"
    allows = first(rule, "access").casefold() == "allow"
    return inward and allows and any(map(is_world, sources))


def _storage(event: Event) -> tuple[Target, ...]:
    """The account or the container that the call wrote."""
    if not _succeeded(event, f"{ACCOUNT}/write", f"{CONTAINER}/write"):
        return ()
    return _resource("storage", event, _uid(event), ACCOUNT, CONTAINER)


def _audit_log(event: Event) -> tuple[Target, ...]:
    """The diagnostic setting that the call changed or deleted: of a resource, or of the tenant."""
    verbs = [f"{sort}/{verb}" for sort in (SETTING, ENTRA) for verb in ("write", "delete")]
    if not _succeeded(event, *verbs):
        return ()
    uid = _uid(event)
    if uid.startswith(f"/providers/{ENTRA}/"):
        return (
            Target(
                kind="audit_log",
                uid=uid,
                provider="azure",
                account=_tenant(event),
                args={"resource": uid},
            ),
        )
    return _resource("audit_log", event, uid, SETTING)


def _swept(kind: str, *sorts: str) -> Callable[[Event], tuple[Target, ...]]:
    """The resource of a sweep itself, if it is of a type that the verb can change."""
    return lambda event: _resource(kind, event, first(event.record, "id").lower(), *sorts)


def _succeeded(event: Event, *operations: str) -> bool:
    """Whether the event is one of these operations of Azure, carried out."""
    same = event.operation.casefold() in operations
    return same and event.source == ACTIVITYLOGS and event.outcome == "success"


def _changed(event: Event) -> list[Json]:
    """The objects that an entry of Entra's audit log changed, exported or as Graph has it."""
    return dig(part(event.record, "properties") or event.record, "targetResources")


def _uid(event: Event) -> str:
    return event.resources[0].uid if event.resources else ""


def _bodies(event: Event) -> Iterator[Mapping[str, Json]]:
    """What was answered and what was asked, where the record holds them (as JSON text)."""
    held = part(event.record, "properties")
    for name in ("responseBody", "responsebody", "requestbody", "requestBody"):
        yield part(held, name)


def _resource(
    kind: str, event: Event, uid: str, *sorts: str, principal: str = ""
) -> tuple[Target, ...]:
    """A target that ARM knows by this id, if it is of one of the types."""
    match = LAST_PROVIDER.fullmatch(uid)
    names = match[1].split("/") if match else []
    subscription = SUBSCRIPTION.match(uid)
    if "/".join([*names[:1], *names[1::2]]) not in sorts or len(names) % 2 == 0:
        return ()
    return (
        Target(
            kind=kind,
            uid=uid,
            provider="azure",
            account=subscription[1] if subscription else "",
            region=event.region,
            args={"resource": uid},
            principal=principal,
        ),
    )


def _object(
    kind: str, event: Event, uid: str, args: Mapping[str, Any], principal: str = ""
) -> tuple[Target, ...]:
    """A target in the directory. Names are not ids: one without an id is no target."""
    principal = principal or uid
    if not GUID.fullmatch(principal):
        return ()
    return (
        Target(
            kind=kind,
            uid=uid,
            provider="azure",
            account=_tenant(event),
            args=args,
            principal=principal,
        ),
    )


def _tenant(event: Event) -> str:
    """The tenant of the directory, which of a resource's event only the caller's token tells."""
    if event.source == ACTIVITYLOGS:
        return (event.actor.account or first(event.record, "tenantId", "TenantId")).lower()
    return event.actor.account.lower() or event.account.lower()


ACTIVITYLOGS, AUDITLOGS = "azure/activitylogs", "azure/auditlogs"

WORLD = frozenset({"*", "internet", "any"})

ACCOUNT = "microsoft.storage/storageaccounts"
CONTAINER = f"{ACCOUNT}/blobservices/containers"
GROUP = "microsoft.network/networksecuritygroups"
RULE = f"{GROUP}/securityrules"
SETTING = "microsoft.insights/diagnosticsettings"
ENTRA = "microsoft.aadiam/diagnosticsettings"
ASSIGNMENT = "microsoft.authorization/roleassignments"
"""Types of resources that a verb can change."""

KEY_READERS = tuple(
    f"{ACCOUNT}/{action}/action"
    for action in ("listkeys", "regeneratekey", "listaccountsas", "listservicesas")
)

CREDENTIALS = frozenset(
    {
        "update application - certificates and secrets management",
        "add service principal credentials",
    }
)

APPLICATIONS: Mapping[str, str] = {
    "application": "application",
    "serviceprincipal": "service_principal",
}
"""Type of an object that was changed -> what its id is called in a target."""

GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
SUBSCRIPTION = re.compile(rf"/subscriptions/({GUID.pattern})/")
LAST_PROVIDER = re.compile(r"(?:/[^/?#%\s]+)*/providers/([^/?#%\s]+(?:/[^/?#%\s]+)+)")

TARGETS: Mapping[str, Callable[[Event], tuple[Target, ...]]] = {
    "access_key": _access_key,
    "session": _session,
    "grant": _grant,
    "ingress": _ingress,
    "storage": _storage,
    "audit_log": _audit_log,
}
"""Target kind -> its reader of records."""

POSTURE: Mapping[str, Callable[[Event], tuple[Target, ...]]] = {
    "access_key": _swept("access_key", ACCOUNT),
    "ingress": _swept("ingress", RULE),
    "storage": _swept("storage", ACCOUNT, CONTAINER),
    "audit_log": _swept("audit_log", SETTING),
}
"""Target kind -> its reader of resources of a sweep; kinds that no resource shows are absent.

An old secret of an application is no target: all of the application would have to stop for it."""
