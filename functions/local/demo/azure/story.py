"""The intrusion in Azure: what is really done to the stand-in, and the records it leaves.

Somebody is tricked into signing an intruder in, who makes that user an administrator, hands the
subscription out, opens a port and a storage account, and turns the log off. Records are written as
diagnostic settings send them to an Event Hub: Entra's with Graph's object in them, the Activity
Log's in pairs of Start and Success, with ids in capitals. All of it is synthetic. This file knows
nothing of Vigil.
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from functions.local.demo.azure.company import (
    ACCOUNT,
    BREAK_GLASS,
    CI,
    DANA,
    DIRECTORY,
    GLOBAL_ADMINISTRATOR,
    GRANTS,
    OMAR,
    OWNER,
    RULE,
    SETTING,
    SUBSCRIPTION,
    TENANT,
    VERSIONS,
    port,
)
from functions.local.demo.loopback import Loopback
from functions.local.demo.machine import Native, Told

__all__ = ["POISON", "body", "intrusion", "ordinary"]

INTRUDER = "198.51.100.23"
OFFICE = "192.0.2.17"

AGENT = "Mozilla/5.0 AADInternals \x1b]0;owned\x07<script>alert(1)</script> \u202egpj.exe"
"""The name of the program is the intruder's to choose: a terminal must not obey it."""

POISON = json.dumps({"records": ["cut off on the way", 7]})
"""Neither of its records is one."""


def intrusion(loopback: Loopback, start: int) -> Iterator[Told]:
    """Carry out each step; `start` is epoch ms, a step is 20 seconds."""
    for number, (told, act) in enumerate(STEPS):
        yield Told(told, list(act(loopback, start + 20_000 * number)))


def ordinary(start: int, count: int = 160) -> list[Native]:
    """What goes on in the subscription anyway."""
    found: list[Native] = []
    for number in range(count // 2):
        operation, resource = ORDINARY[number % len(ORDINARY)]
        found += _pair(operation, resource, start + 3_000 * number, None, DANA, OFFICE)
    return found


def body(records: Sequence[Native]) -> str:
    """Records as one message of an Event Hub holds them."""
    return json.dumps({"records": list(records)})


def _sign_in(loopback: Loopback, time: int) -> Iterator[Native]:
    yield {
        **_entra("Sign-in activity", "SignInLogs", time),
        "properties": {
            "id": _id("sign-in", time),
            "createdDateTime": _moment(time),
            "userPrincipalName": "omar@example.com",
            "userId": OMAR,
            "appId": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            "appDisplayName": "Microsoft Azure CLI",
            "ipAddress": INTRUDER,
            "userAgent": AGENT,
            "authenticationProtocol": "deviceCode",
            "conditionalAccessStatus": "notApplied",
            "status": {"errorCode": 0},
            "resourceDisplayName": "Azure Resource Manager",
        },
        "resultType": "0",
    }


def _administrator(loopback: Loopback, time: int) -> Iterator[Native]:
    assigned = {
        "principalId": OMAR,
        "roleDefinitionId": GLOBAL_ADMINISTRATOR,
        "directoryScopeId": "/",
    }
    loopback.call("POST", DIRECTORY, assigned)
    changed = {
        "Role.DisplayName": "Global Administrator",
        "Role.TemplateId": GLOBAL_ADMINISTRATOR,
    }
    yield {
        **_entra("Add member to role", "AuditLogs", time),
        "properties": {
            "id": _id("Directory", time),
            "category": "RoleManagement",
            "result": "success",
            "resultReason": "",
            "activityDisplayName": "Add member to role",
            "activityDateTime": _moment(time),
            "loggedByService": "Core Directory",
            "operationType": "Assign",
            "initiatedBy": {
                "user": {
                    "id": OMAR,
                    "userPrincipalName": "omar@example.com",
                    "ipAddress": INTRUDER,
                }
            },
            "targetResources": [
                {
                    "id": OMAR,
                    "type": "User",
                    "userPrincipalName": "omar@example.com",
                    "modifiedProperties": [
                        {"displayName": name, "oldValue": None, "newValue": f'"{value}"'}
                        for name, value in changed.items()
                    ],
                }
            ],
            "additionalDetails": [{"key": "User-Agent", "value": AGENT}],
        },
    }


def _owner(principal: str, sort: str, name: str) -> Callable[[Loopback, int], Iterator[Native]]:
    def act(loopback: Loopback, time: int) -> Iterator[Native]:
        granted = {"roleDefinitionId": OWNER, "principalId": principal, "principalType": sort}
        path = f"{GRANTS}/{name}"
        answer = _written(loopback, "PUT", path, granted, VERSIONS[GRANTS])
        yield from _pair("Microsoft.Authorization/roleAssignments/write", path, time, answer)

    return act


def _open_port(loopback: Loopback, time: int) -> Iterator[Native]:
    answer = _written(loopback, "PUT", RULE, port("22", 110), VERSIONS[RULE])
    operation = "Microsoft.Network/networkSecurityGroups/securityRules/write"
    yield from _pair(operation, RULE, time, answer)


def _open_account(loopback: Loopback, time: int) -> Iterator[Native]:
    opened = {"allowBlobPublicAccess": True}
    answer = _written(loopback, "PATCH", ACCOUNT, opened, VERSIONS[ACCOUNT])
    yield from _pair("Microsoft.Storage/storageAccounts/write", ACCOUNT, time, answer)


def _lights_out(loopback: Loopback, time: int) -> Iterator[Native]:
    version = VERSIONS[SETTING]
    held = loopback.call("GET", SETTING, **{"api-version": version})["properties"]
    dark = {**held, "logs": [{**each, "enabled": False} for each in held["logs"]]}
    answer = _written(loopback, "PUT", SETTING, dark, version)
    yield from _pair("Microsoft.Insights/diagnosticSettings/write", SETTING, time, answer)


def _written(loopback: Loopback, method: str, path: str, properties: Native, version: str) -> Any:
    return loopback.call(method, path, {"properties": properties}, **{"api-version": version})


def _pair(
    operation: str, resource: str, time: int, answer: Any, who: str = OMAR, ip: str = INTRUDER
) -> Iterator[Native]:
    """An operation of ARM as the Activity Log tells it: once as it begins, once as it ends."""
    correlation = _id(operation + resource, time)
    shared = {
        "resourceId": resource.upper(),
        "operationName": operation.upper(),
        "category": "Administrative",
        "callerIpAddress": ip,
        "correlationId": correlation,
        "identity": {
            "authorization": {
                "scope": resource,
                "action": operation,
                "evidence": {"role": "Owner", "principalId": who, "principalType": "User"},
            },
            "claims": {
                "http://schemas.microsoft.com/identity/claims/objectidentifier": who,
                "http://schemas.microsoft.com/identity/claims/tenantid": TENANT,
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": UPNS[who],
                "appid": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
                "ipaddr": ip,
                "uti": "made-up-token-id",
            },
        },
        "level": "Information",
        "location": "global",
    }
    told = {
        "eventCategory": "Administrative",
        "entity": resource,
        "message": operation,
        "hierarchy": f"{TENANT}/{SUBSCRIPTION}",
    }
    yield {
        **shared,
        "time": _moment(time),
        "resultType": "Start",
        "resultSignature": "Started.",
        "properties": told,
    }
    held = {"responseBody": json.dumps(answer, separators=(",", ":"))} if answer else {}
    yield {
        **shared,
        "time": _moment(time + 2_000),
        "resultType": "Success",
        "resultSignature": "Succeeded.OK",
        "properties": {**told, "statusCode": "OK", **held},
    }


def _entra(operation: str, category: str, time: int) -> Native:
    return {
        "time": _moment(time),
        "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "operationName": operation,
        "operationVersion": "1.0",
        "category": category,
        "tenantId": TENANT,
        "callerIpAddress": INTRUDER,
        "correlationId": _id(operation, time),
        "Level": 4,
    }


def _moment(time: int) -> str:
    """With seven digits behind the point, as Azure writes it."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _id(name: str, time: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {time}"))


UPNS = {DANA: "dana@example.com", OMAR: "omar@example.com"}

MACHINES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.Compute"

ORDINARY: tuple[tuple[str, str], ...] = (
    (
        "Microsoft.Compute/virtualMachines/start/action",
        f"{MACHINES}/virtualMachines/web-1",
    ),
    ("Microsoft.Compute/disks/write", f"{MACHINES}/disks/web-1"),
    ("Microsoft.Resources/tags/write", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"),
)
"""Operations of a working day."""

STEPS: tuple[tuple[str, Callable[[Loopback, int], Iterator[Native]]], ...] = (
    ("omar enters a code that a stranger sent, and signs the stranger in", _sign_in),
    ("omar's session makes omar Global Administrator", _administrator),
    (
        "the application ci-deploy becomes Owner of the subscription",
        _owner(CI, "ServicePrincipal", "00000000-0000-4000-8000-0000000000d2"),
    ),
    (
        "and so does the user break-glass",
        _owner(BREAK_GLASS, "User", "00000000-0000-4000-8000-0000000000d3"),
    ),
    ("port 22 of the web servers is opened to the world", _open_port),
    ("the storage account exampleltdexports allows public access", _open_account),
    ("the subscription's log is told to log nothing", _lights_out),
)
"""What happens, in order."""
