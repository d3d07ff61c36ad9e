"""Entra ID's fields as Sigma rules write them -> where the native records have them.

Rules were written after the portal, after Log Analytics' columns and after tables in Microsoft's
guides; the records have none of those names. An alias is another path to a native value. Where no
path leads there, a derived field says what the portal would show: a result in words, a property
picked out by its name, an activity under the name that a guide gives it
(docs/decisions/0081-fields-that-no-record-holds.md has the reasons and sources).

Pure. It doesn't know what an event is; entra.py does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from core.model import Json, NativeRecord
from core.native import dig, first, text
from core.ports import Derive, Derived
from functions.azure.events.values import compact, named

__all__ = [
    "AUDIT",
    "AUDIT_DERIVED",
    "PIM",
    "PIM_DERIVED",
    "PIM_TYPES",
    "RISK",
    "RISK_DERIVED",
    "SIGNIN",
    "SIGNIN_DERIVED",
]


def _at(record: NativeRecord, path: str) -> list[Json]:
    """The values at a path of Graph's object, exported or alone."""
    return dig(record, f"properties.{path}") or dig(record, path)


def _activity(record: NativeRecord) -> list[Json]:
    """The activity, without the space that some end in, and under the names that guides use."""
    said = [text(each) for each in _at(record, "activityDisplayName")] or [
        first(record, "operationName")
    ]
    activity = said[0].strip()
    return [activity, *GUIDES.get(activity.casefold(), ())] if activity else []


def _message(record: NativeRecord) -> list[Json]:
    """The activity, and each changed property as the portal's raw text: name, old, new."""
    found = _activity(record)
    for each in _at(record, "targetResources.modifiedProperties"):
        if isinstance(each, Mapping):
            name, old, new = (each.get(key) for key in ("displayName", "oldValue", "newValue"))
            shown = compact({"displayName": name, "oldValue": old, "newValue": new})
            found.append(shown.removeprefix("{").removesuffix("}"))
            if name == "AppAddress" and found[0].casefold() == "update application":
                found.append("Update Application Sucess- Property Name AppAddress")
    return found


def _category(record: NativeRecord) -> list[Json]:
    """Graph's category. The export's own `category` only tells that it is the audit log."""
    found = dig(record, "properties.category") or dig(record, "category")
    if "AzureRBACRoleManagementElevateAccess" in found:
        found.append("Administrative")
    return found


def _audit_status(record: NativeRecord) -> list[Json]:
    """The portal shows the reason beside the result, under the same heading."""
    return [*_at(record, "result"), *_at(record, "resultReason")]


def _initiator(record: NativeRecord) -> list[Json]:
    """Who did it: the object, and its names one by one."""
    return [
        *_at(record, "initiatedBy"),
        *_at(record, "initiatedBy.user.userPrincipalName"),
        *_at(record, "initiatedBy.app.displayName"),
    ]


def _target_type(record: NativeRecord) -> list[Json]:
    """`ServicePrincipal`, and in the portal's spelling `Service Principal`."""
    found = [text(each) for each in _at(record, "targetResources.type")]
    return [*found, *(SPACE.sub(" ", each) for each in found if SPACE.search(each))]


def _modified(name: str, record: NativeRecord) -> list[Json]:
    """The new value of one property of the target, out of the JSON text that it is written in."""
    for path in ("properties.targetResources.modifiedProperties", MODIFIED):
        if found := list(named(record, path, "displayName", name)):
            return [text(each.get("newValue")).strip('"') for each in found]
    return []


def _result_code(record: NativeRecord) -> str:
    for value in (*dig(record, "resultType"), *_at(record, "status.errorCode")):
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return ""


def _outcome(record: NativeRecord) -> list[Json]:
    """The portal's word for the code: some codes stop a sign-in only until the user did more."""
    code = _result_code(record)
    if not code:
        return []
    return ["Success" if code == "0" else "Interrupted" if code in INTERRUPTED else "Failure"]


OUTCOMES = ("Success", "Failure", "Interrupted")


def _signin_status(record: NativeRecord) -> list[Json]:
    """The object with code, reason and details, and the portal's one word for it."""
    return [*_at(record, "status"), *_outcome(record)]


def _description(record: NativeRecord) -> list[Json]:
    """The reason in the record, the one of Microsoft's reference of error codes, and the word."""
    return [
        *dig(record, "resultDescription"),
        *_at(record, "status.failureReason"),
        *REFERENCE.get(_result_code(record), ()),
        *("Failure" for word in _outcome(record) if word != "Success"),
    ]


def _protocol(record: NativeRecord) -> list[Json]:
    """The protocol in the words of Microsoft's guide to monitoring applications."""
    said = [text(each) for each in _at(record, "authenticationProtocol")]
    return [PROTOCOLS[each.casefold()] for each in said if each.casefold() in PROTOCOLS]


def _networks(record: NativeRecord) -> list[Json]:
    """The named locations as one JSON text, so that there being none can be asked for: `[]`."""
    for holder in (record.get("properties"), record):
        if isinstance(holder, Mapping) and "networkLocationDetails" in holder:
            value = holder["networkLocationDetails"]
            return [value if isinstance(value, str) else compact(value)]
    return []


def _client(record: NativeRecord) -> list[Json]:
    """The client, and the older names that rules know it by."""
    found = [text(each) for each in _at(record, "clientAppUsed")]
    return [*found, *(CLIENTS[each.casefold()] for each in found if each.casefold() in CLIENTS)]


def _risk(record: NativeRecord) -> list[Json]:
    """The kind of risk, and its name before Defender for Cloud Apps' prefix was put to it."""
    found = [text(each) for each in _at(record, "riskEventType")]
    return [*found, *(RISKS[each] for each in found if each in RISKS)]


def _alert(record: NativeRecord) -> list[Json]:
    """PIM's alert as Graph's type: of the incident, or by the title in the audit log."""
    kind = text(record.get("@odata.type")).rpartition(".")[2]
    titles = [first(each, "displayName") for each in _at(record, "targetResources")]
    found = (
        [kind] if kind else [PIM_TITLES[t.casefold()] for t in titles if t.casefold() in PIM_TITLES]
    )
    return [*found, *(PIM_NAMES[each] for each in found if each in PIM_NAMES)]


def _graph(*fields: str) -> dict[str, tuple[str, ...]]:
    """Aliases for fields of Graph's object, as they are and as Log Analytics capitalizes them."""
    return {
        written: (f"properties.{field}", field)
        for field in fields
        for written in (field, field[0].upper() + field[1:])
    }


MODIFIED = "targetResources.modifiedProperties"

SPACE = re.compile(r"(?<=[a-z])(?=[A-Z])")

TARGETS = ("properties.targetResources", "targetResources")

ACTIVITY = ("properties.activityDisplayName", "activityDisplayName", "operationName")

ACTIVITY_NAMES = (
    "operationName",
    "OperationName",
    "Operation",
    "activityDisplayName",
    "ActivityDisplayName",
    "activityType",
    "ActivityType",
    "Activity",
    "activity",
)

AUDIT: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*ACTIVITY_NAMES, "properties.message"), ACTIVITY),
    **dict.fromkeys(("category", "Category"), ("properties.category", "category")),
    **dict.fromkeys(("status", "Status"), ("properties.result", "result")),
    **dict.fromkeys(
        ("initiatedBy", "InitiatedBy", "Initiatedby", "Initiatied.By"),
        ("properties.initiatedBy", "initiatedBy"),
    ),
    **_graph("loggedByService", "operationType", "resultReason", "targetResources"),
    **_graph("additionalDetails", "activityDateTime", "result"),
    **dict.fromkeys(("Target", "properties.targetResources"), TARGETS),
    "properties.initiatedBy": ("properties.initiatedBy", "initiatedBy"),
    "properties.result": ("properties.result", "result"),
    **{
        f"{target}.{changed}": tuple(f"{path}.modifiedProperties" for path in TARGETS)
        for target in ("TargetResources", "targetResources")
        for changed in ("modifiedProperties", "ModifiedProperties")
    },
    **{
        f"{target}.{changed}.{written}": tuple(
            f"{path}.modifiedProperties.{key}" for path in TARGETS
        )
        for target in ("TargetResources", "targetResources")
        for changed in ("modifiedProperties", "ModifiedProperties")
        for key in ("displayName", "oldValue", "newValue")
        for written in (key, key[0].upper() + key[1:])
    },
    **{
        f"{target}.{written}": tuple(f"{path}.{key}" for path in TARGETS)
        for target in ("TargetResources", "targetResources")
        for key in ("displayName", "id", "type", "userPrincipalName")
        for written in (key, key[0].upper() + key[1:])
    },
    "additionalDetails.additionalInfo": (
        "properties.additionalDetails.value",
        "additionalDetails.value",
    ),
    "failure_status_reason": ("properties.resultReason", "resultReason"),
}


def _reading(of: Derive, *paths: str) -> Derive:
    """A derived field that is told by paths of Graph's object, exported or alone."""
    return Derived(of, tuple(found for path in paths for found in (f"properties.{path}", path)))


AUDIT_DERIVED: Mapping[str, Derive] = {
    **dict.fromkeys(
        ACTIVITY_NAMES,
        Derived(
            _activity,
            ("properties.activityDisplayName", "activityDisplayName", "operationName"),
        ),
    ),
    "properties.message": _message,
    **dict.fromkeys(("category", "Category"), _reading(_category, "category")),
    **dict.fromkeys(("status", "Status"), _reading(_audit_status, "result", "resultReason")),
    **dict.fromkeys(("initiatedBy", "InitiatedBy", "Initiatedby", "Initiatied.By"), _initiator),
    **dict.fromkeys(
        ("targetResources.type", "targetResources.Type", "TargetResources.type"), _target_type
    ),
    "TargetResources.Type": _target_type,
    "ConsentContext.IsAdminConsent": partial(_modified, "ConsentContext.IsAdminConsent"),
    "ConsentContext.OnBehalfOfAll": partial(_modified, "ConsentContext.OnBehalfOfAll"),
}

SIGNIN: Mapping[str, tuple[str, ...]] = {
    **_graph("userPrincipalName", "userId", "userDisplayName", "userType", "appId"),
    **_graph("appDisplayName", "ipAddress", "userAgent", "isInteractive", "crossTenantAccessType"),
    **_graph("resourceDisplayName", "homeTenantId", "resourceTenantId", "servicePrincipalId"),
    **_graph("servicePrincipalName", "clientAppUsed", "conditionalAccessStatus"),
    **_graph("appliedConditionalAccessPolicies", "authenticationDetails", "mfaDetail"),
    **_graph("authenticationRequirement", "authenticationProtocol", "autonomousSystemNumber"),
    **_graph("riskState", "riskDetail", "riskLevelAggregated", "riskLevelDuringSignIn"),
    **_graph("riskEventTypes", "riskEventTypes_v2", "incomingTokenType", "deviceDetail"),
    **_graph("networkLocationDetails", "status"),
    "ClientApp": ("properties.clientAppUsed", "clientAppUsed"),
    **dict.fromkeys(
        ("resultDescription", "ResultDescription", "Resultdescription"),
        ("resultDescription", "properties.status.failureReason", "status.failureReason"),
    ),
    **{
        f"{whole}.{written}": (f"properties.deviceDetail.{field}", f"deviceDetail.{field}")
        for whole in ("DeviceDetail", "deviceDetail")
        for field in ("deviceId", "displayName", "browser", "operatingSystem", "trustType")
        for written in (field, field.lower(), field[0].upper() + field[1:])
    },
    **{
        f"{whole}.{written}": (f"properties.deviceDetail.{field}", f"deviceDetail.{field}")
        for whole in ("DeviceDetail", "deviceDetail")
        for field in ("isCompliant", "isManaged")
        for written in (field, field.lower(), field[0].upper() + field[1:])
    },
    **dict.fromkeys(
        ("resultType", "ResultType"),
        ("resultType", "properties.status.errorCode", "status.errorCode"),
    ),
    **dict.fromkeys(
        ("Username", "UserName", "user"), ("properties.userPrincipalName", "userPrincipalName")
    ),
    **dict.fromkeys(
        ("location", "Location"),
        ("properties.location.countryOrRegion", "location.countryOrRegion", "location"),
    ),
    **dict.fromkeys(("ActivityDetails", "OperationName"), ("operationName",)),
}

SIGNIN_DERIVED: Mapping[str, Derive] = {
    **dict.fromkeys(("status", "Status"), Derived(_signin_status, says=OUTCOMES)),
    **dict.fromkeys(
        ("resultDescription", "ResultDescription", "Resultdescription"),
        Derived(
            _description,
            (
                *("resultType", "resultDescription"),
                *("properties.status.errorCode", "status.errorCode"),
                *("properties.status.failureReason", "status.failureReason"),
            ),
        ),
    ),
    "properties.message": _reading(_protocol, "authenticationProtocol"),
    **dict.fromkeys(("networkLocationDetails", "NetworkLocationDetails"), _networks),
    **dict.fromkeys(
        ("ClientApp", "ClientAppUsed", "clientAppUsed"), _reading(_client, "clientAppUsed")
    ),
}

RISK: Mapping[str, tuple[str, ...]] = {
    **_graph("riskEventType", "riskState", "riskLevel", "riskDetail", "riskType", "source"),
    **_graph("activity", "detectionTimingType", "ipAddress", "userPrincipalName", "userId"),
}

RISK_DERIVED: Mapping[str, Derive] = dict.fromkeys(
    ("riskEventType", "RiskEventType"), _reading(_risk, "riskEventType")
)

PIM: Mapping[str, tuple[str, ...]] = {
    **_graph("assigneeId", "assigneeUserPrincipalName", "roleDefinitionId", "roleDisplayName"),
}

PIM_DERIVED: Mapping[str, Derive] = {"riskEventType": _alert}

GUIDES: Mapping[str, tuple[str, ...]] = {
    "add member to group": ("Add member from group",),
    "add member to role request approved (pim activation)": ("Request Approved/Denied",),
    "add member to role request denied (pim activation)": ("Request Approved/Denied",),
    "add eligible member to role in pim completed (permanent)": (
        "Add eligible member (permanent)",
    ),
    "add eligible member to role in pim completed (timebound)": ("Add eligible member (eligible)",),
    "remove eligible member from role in pim completed (permanent)": (
        "Remove eligible member (permanent)",
    ),
    "remove eligible member from role in pim completed (timebound)": (
        "Remove eligible member (eligible)",
    ),
    "user has elevated their access to user access administrator for their azure resources": (
        "Assigns the caller to user access admin",
    ),
}
"""Folded activityDisplayName -> what Microsoft's guides, and rules made from them, call it:
https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities (native),
https://learn.microsoft.com/entra/architecture/security-operations-privileged-accounts (guide)."""

INTERRUPTED = frozenset(
    {"16000", "50055", "50058", "50072", "50074", "50076", "50079", "50097", "50125", "50140"}
    | {"50158", "50203", "65001"}
)
"""Error codes that ask the user for more; the portal counts them as interrupted, not failed."""

REFERENCE: Mapping[str, tuple[str, ...]] = {
    "50057": ("User account is disabled. The account has been disabled by an administrator.",),
    "50074": ("UserStrongAuthClientAuthNRequired - Strong Auth required",),
    "50097": ("Device authentication is required",),
    "50155": ("DeviceAuthenticationFailed",),
    "50158": ("ExternalSecurityChallenge - External security challenge was not satisfied",),
    "53003": ("Blocked by Conditional Access",),
    "500121": ("Authentication failed during strong authentication request",),
}
"""Error code -> its description in
https://learn.microsoft.com/entra/identity-platform/reference-error-codes as rules quote it."""

PROTOCOLS: Mapping[str, str] = {"devicecode": "Device Code", "ropc": "ROPC"}

CLIENTS: Mapping[str, str] = {
    "other clients": "Other client",
    "imap4": "IMAP",
    "pop": "POP3",
    "mapi over http": "MAPI",
    "authenticated smtp": "SMTP",
}

RISKS: Mapping[str, str] = {
    "mcasImpossibleTravel": "impossibleTravel",
    "mcasSuspiciousInboxForwarding": "suspiciousInboxForwarding",
}

OUTSIDE = "rolesAssignedOutsidePrivilegedIdentityManagementAlert"

PIM_NAMES: Mapping[str, str] = {f"{OUTSIDE}Incident": f"{OUTSIDE}Configuration"}
"""One rule names the alert's configuration where it means its incident."""

PIM_TITLES: Mapping[str, str] = {
    "roles are being assigned outside of privileged identity management": f"{OUTSIDE}Incident",
    "roles are being assigned outside of pim": f"{OUTSIDE}Incident",
    "potential stale accounts in a privileged role": "staleSignInAlertIncident",
    "administrators aren't using their privileged roles": "redundantAssignmentAlertIncident",
    "roles don't require multi-factor authentication for activation": (
        "noMfaOnRoleActivationAlertIncident"
    ),
    "there are too many global administrators": "tooManyGlobalAdminsAssignedToTenantAlertIncident",
    "roles are being activated too frequently": "sequentialActivationRenewalsAlertIncident",
    "the organization doesn't have microsoft entra id p2 or microsoft entra id governance": (
        "invalidLicenseAlertIncident"
    ),
}
"""Folded title of an alert -> Graph's type of its incidents:
https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-how-to-configure-security-alerts."""

PIM_TYPES = tuple(f"#microsoft.graph.{kind}" for kind in dict.fromkeys(PIM_TITLES.values()))
