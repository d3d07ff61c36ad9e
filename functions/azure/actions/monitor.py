"""Diagnostic settings: the verb that turns the logs of one back on.

State: {"logs": [...]}, the setting's list of categories, each with its `enabled`. Where the logs go
is not in it: what it had been is in no event, and a wrong place would end the logging for good. A
setting that was deleted can't be made again for the same reason. A subscription's and a resource's
setting are Azure Monitor's; a tenant's is Entra's, under another provider.
"""

from __future__ import annotations

from core.errors import NotFound, Reject
from core.model import State, Target
from functions.azure.actions.lens import (
    Clients,
    Document,
    Lens,
    arg,
    arm,
    get,
    own,
    resource,
    there,
)

__all__ = ["RESTORE_AUDIT_LOGGING"]


def _read(clients: Clients, target: Target) -> State:
    logs = [
        {name: each[name] for name in LOG if each.get(name) is not None}
        for each in _setting(clients, target)["properties"].get("logs") or ()
    ]
    return {"logs": sorted(logs, key=_category)}


def _want(target: Target, before: State, at: int) -> State:
    """What tells who did what is on, the rest as it stands, for it may be off to save money.

    A setting of which nothing is on was blinded: all of it is turned on. Where single categories
    are listed the groups stay as they are, since Azure takes the one or the other.
    """
    logs = there(before)["logs"]
    singles = any("category" in each for each in logs)
    blind = not any(each.get("enabled") for each in logs)

    def wanted(log: Document) -> bool:
        if singles and "category" not in log:
            return bool(log.get("enabled"))
        audits = _category(log).lower() in AUDITS
        return bool(log.get("enabled")) or audits or blind

    return {"logs": [{**each, "enabled": wanted(each)} for each in logs]}


def _write(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    held = _setting(clients, target)["properties"]
    path, version = _place(clients, target)
    kept = {name: held[name] for name in held if held[name] is not None}
    arm(clients, "PUT", path, version, {"properties": {**kept, "logs": there(new)["logs"]}})


def _setting(clients: Clients, target: Target) -> Document:
    try:
        return get(clients, *_place(clients, target))
    except NotFound as error:
        raise NotFound(
            f"{target.uid} is gone, and where its logs went is not known: make it again by hand"
        ) from error


def _place(clients: Clients, target: Target) -> tuple[str, str]:
    """The setting's path and the version of the API that knows it."""
    path = arg(target, "resource")
    if not path.lower().startswith(ENTRA):
        return resource(clients, target, SETTING), MONITOR
    name = path[len(ENTRA) :]
    if not name or "/" in name:
        raise Reject(f"{path!a} is no diagnostic setting of Entra")
    own(clients, target)
    return f"{ENTRA}{name}", AADIAM


def _category(log: Document) -> str:
    return str(log.get("category") or log.get("categoryGroup"))


MONITOR = "2021-05-01-preview"
"""The only version that knows category groups; Azure's own SDK and portal use it."""

AADIAM = "2017-04-01"
SETTING = "microsoft.insights/diagnosticsettings"
ENTRA = "/providers/microsoft.aadiam/diagnosticsettings/"
LOG = ("category", "categoryGroup", "enabled", "retentionPolicy")

AUDITS = frozenset(
    {
        *("administrative", "security", "policy"),
        *("auditlogs", "signinlogs", "noninteractiveusersigninlogs"),
        *("serviceprincipalsigninlogs", "managedidentitysigninlogs"),
        *("userriskevents", "serviceprincipalriskevents", "microsoftgraphactivitylogs"),
        *("audit", "alllogs", "auditevent", "kube-audit", "kube-audit-admin", "guard"),
    }
)
"""Categories and groups, in lower case, of subscriptions, Entra, Key Vault and Kubernetes."""

RESTORE_AUDIT_LOGGING = Lens(_read, _want, _write)
