"""Example Ltd in Azure: tenant and subscription that the demo fills, and their state read back.

Every reading goes to the stand-in over HTTP, past Vigil. This file knows no record.
"""

from __future__ import annotations

from typing import Any

from functions.local.demo.azure.standin import Azure
from functions.local.demo.loopback import Loopback
from functions.local.demo.scene import Reading, States

__all__ = [
    "ACCOUNT",
    "BREAK_GLASS",
    "CI",
    "DANA",
    "DIRECTORY",
    "GLOBAL_ADMINISTRATOR",
    "GRANTS",
    "OMAR",
    "OWNER",
    "RULE",
    "SETTING",
    "SUBSCRIPTION",
    "TENANT",
    "VERSIONS",
    "found",
    "port",
    "state",
]

TENANT = "00000000-0000-4000-8000-0000000000aa"
SUBSCRIPTION = "00000000-0000-4000-8000-0000000000bb"
DANA, OMAR, BREAK_GLASS, CI = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in "1234")
NAMES = {DANA: "dana", OMAR: "omar", BREAK_GLASS: "break-glass", CI: "ci-deploy"}

SUBSCRIBED = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUBSCRIBED}/resourceGroups/shop/providers"
SECURITY_GROUP = f"{GROUP}/Microsoft.Network/networkSecurityGroups/web"
RULE = f"{SECURITY_GROUP}/securityRules/allow-ssh"
ACCOUNT = f"{GROUP}/Microsoft.Storage/storageAccounts/exampleltdexports"
SETTING = f"{SUBSCRIBED}/providers/Microsoft.Insights/diagnosticSettings/to-hub"
GRANTS = f"{SUBSCRIBED}/providers/Microsoft.Authorization/roleAssignments"
DIRECTORY = "/v1.0/roleManagement/directory/roleAssignments"

OWNER = (
    f"{SUBSCRIBED}/providers/Microsoft.Authorization/roleDefinitions"
    "/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
)
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
"""Built-in roles; their ids are Microsoft's and the same everywhere."""

VERSIONS = {
    RULE: "2026-03-01",
    SECURITY_GROUP: "2026-03-01",
    ACCOUNT: "2026-09-01",
    SETTING: "2021-05-01-preview",
    GRANTS: "2022-04-01",
}
"""Version of ARM's API that each is asked with."""


def found(azure: Azure) -> None:
    """Fill tenant and subscription: people, grants, a firewall, a storage account, logging."""
    for uid, name in NAMES.items():
        azure.users[uid] = {
            "id": uid,
            "userPrincipalName": f"{name}@example.com",
            "userType": "Member",
            "signInSessionsValidFromDateTime": "2026-01-05T08:00:00Z",
        }
    del azure.users[CI]  # an application, not a person
    azure.assign(DANA, GLOBAL_ADMINISTRATOR)
    azure.add(
        f"{GRANTS}/00000000-0000-4000-8000-0000000000d1",
        {"roleDefinitionId": OWNER, "principalId": DANA, "principalType": "User"},
        type="Microsoft.Authorization/roleAssignments",
    )
    azure.add(SECURITY_GROUP, {}, location="westeurope")
    azure.add(f"{SECURITY_GROUP}/securityRules/allow-https", port("443", 100))
    azure.add(
        ACCOUNT,
        {"allowBlobPublicAccess": False, "minimumTlsVersion": "TLS1_2"},
        location="westeurope",
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
    )
    azure.add(
        SETTING,
        {
            "eventHubAuthorizationRuleId": f"{GROUP}/Microsoft.EventHub/namespaces/logs"
            "/authorizationRules/RootManageSharedAccessKey",
            "eventHubName": "vigil",
            "logs": [
                {"category": "Administrative", "enabled": True},
                {"category": "Security", "enabled": True},
                {"category": "Autoscale", "enabled": False},
            ],
        },
    )


def port(number: str, priority: int) -> dict[str, Any]:
    """A rule that lets the world reach a port."""
    return {
        "protocol": "Tcp",
        "sourcePortRange": "*",
        "destinationPortRange": number,
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "*",
        "access": "Allow",
        "priority": priority,
        "direction": "Inbound",
    }


def state(loopback: Loopback) -> States:
    """What an intruder may have changed."""
    return {
        "Global Administrators": _administrators(loopback),
        "Owners of the subscription": _owners(loopback),
        "World-open ports of web": _ports(loopback),
        "Public access to exampleltdexports": _public_access(loopback),
        "Logging of the subscription": _logging(loopback),
        "Sessions of omar": _sessions(loopback),
    }


def _administrators(loopback: Loopback) -> Reading:
    """Graph gives an assignment that comes back a new id, so ids are left out."""
    filter_ = {"$filter": f"roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'"}
    held = loopback.call("GET", DIRECTORY, **filter_)["value"]
    whole = sorted((each["principalId"], each["directoryScopeId"]) for each in held)
    return Reading(_names(uid for uid, _ in whole), whole)


def _owners(loopback: Loopback) -> Reading:
    filter_ = {"$filter": "atScope()"}
    held = _arm(loopback, GRANTS, **filter_)["value"]
    whole = sorted(held, key=lambda each: str(each["name"]))
    owners = (each["properties"] for each in whole)
    return Reading(
        _names(each["principalId"] for each in owners if each["roleDefinitionId"] == OWNER), whole
    )


def _ports(loopback: Loopback) -> Reading:
    held = _arm(loopback, SECURITY_GROUP)["properties"]["securityRules"]
    whole = {each["name"]: each for each in held}
    rules = (each["properties"] for each in held)
    ports = [
        each["destinationPortRange"]
        for each in rules
        if each["access"] == "Allow" and each.get("sourceAddressPrefix") == "*"
    ]
    return Reading(", ".join(sorted(ports)) or "none", whole)


def _public_access(loopback: Loopback) -> Reading:
    held = _arm(loopback, ACCOUNT)
    allowed = held["properties"]["allowBlobPublicAccess"]
    return Reading("allowed" if allowed else "not allowed", held)


def _logging(loopback: Loopback) -> Reading:
    """Its categories are a set; in which order they are given says nothing."""
    held = _arm(loopback, SETTING)
    logs = sorted(held["properties"]["logs"], key=lambda each: str(each["category"]))
    on = [each["category"] for each in logs if each["enabled"]]
    whole = {**held, "properties": {**held["properties"], "logs": logs}}
    return Reading(", ".join(on) or "nothing", whole)


def _sessions(loopback: Loopback) -> Reading:
    select = {"$select": "userPrincipalName,signInSessionsValidFromDateTime"}
    since = loopback.call("GET", f"/v1.0/users/{OMAR}", **select)["signInSessionsValidFromDateTime"]
    return Reading(f"valid since {since}", since)


def _arm(loopback: Loopback, path: str, **query: str) -> Any:
    return loopback.call("GET", path, **{"api-version": VERSIONS[path], **query})


def _names(principals: Any) -> str:
    return ", ".join(sorted(NAMES[each] for each in principals)) or "none"
