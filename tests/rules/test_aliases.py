"""Rules that write fields as SigmaHQ's do, on records as the clouds write them.

Each case is one way in which rules and records disagree about a name or a value. Records are
written after the vendors' documentation, never from the alias tables. A derived field goes before an alias:
it is put beside the record's own, where both matchers find it as if the record held it.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.detect import Detector
from core.detect.plain import plain_match
from core.ports import Source
from core.scan import identify
from core.sigma import compile_rules
from functions.aws.events import SOURCES as AWS
from functions.azure.events import SOURCES as AZURE
from functions.gcp.events import SOURCES as GCP

SOURCES = (*AWS, *AZURE, *GCP)

TENANT = "00000000-0000-4000-8000-0000000000aa"
SUBSCRIPTION = "00000000-0000-4000-8000-0000000000bb"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/web"
NSG = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/front"

EVENT_HUB = {
    "time": "2026-03-01T10:20:30.1234567Z",
    "resourceId": NSG.upper(),
    "operationName": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WRITE",
    "category": "Administrative",
    "resultType": "Success",
    "resultSignature": "Succeeded.OK",
    "correlationId": "00000000-0000-4000-8000-000000000001",
    "properties": {"eventCategory": "Administrative", "message": "Update security group"},
}
REST = {
    "eventTimestamp": "2026-03-01T10:20:30.1234567Z",
    "eventDataId": "00000000-0000-4000-8000-000000000002",
    "operationName": {"value": "Microsoft.Network/networkSecurityGroups/write"},
    "category": {"value": "Administrative", "localizedValue": "Administrative"},
    "status": {"value": "Succeeded"},
    "resourceId": NSG,
    "resourceProviderName": {"value": "Microsoft.Network"},
}
LOG_ANALYTICS = {
    "TimeGenerated": "2026-03-01T10:20:30.123Z",
    "OperationName": "Create or Update Network Security Group",
    "OperationNameValue": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WRITE",
    "CategoryValue": "Administrative",
    "ActivityStatusValue": "Success",
    "ResourceProviderValue": "MICROSOFT.NETWORK",
    "_ResourceId": NSG.lower(),
}
EVENT_GRID = {
    "id": "00000000-0000-4000-8000-000000000003",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "eventTime": "2026-03-01T10:20:30.123Z",
    "subject": NSG,
    "data": {
        "operationName": "Microsoft.Network/networkSecurityGroups/write",
        "resourceUri": NSG,
        "status": "Succeeded",
    },
}
SHAPES = {
    "event hub": EVENT_HUB,
    "rest": REST,
    "log analytics": LOG_ANALYTICS,
    "event grid": EVENT_GRID,
}

AUDIT = {
    "time": "2026-03-01T10:20:30.1234567Z",
    "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
    "operationName": "Update user",
    "category": "AuditLogs",
    "tenantId": TENANT,
    "properties": {
        "id": "Directory_0001",
        "category": "UserManagement",
        "result": "success",
        "resultReason": "",
        "activityDisplayName": "Update user",
        "activityDateTime": "2026-03-01T10:20:30.1234567+00:00",
        "loggedByService": "Core Directory",
        "initiatedBy": {"user": {"id": "u-1", "userPrincipalName": "alice@example.com"}},
        "targetResources": [
            {
                "id": "u-2",
                "displayName": "Bob",
                "type": "User",
                "modifiedProperties": [
                    {"displayName": "Department", "oldValue": '["IT"]', "newValue": '["HR"]'}
                ],
            }
        ],
        "additionalDetails": [{"key": "User-Agent", "value": "curl/8"}],
    },
}

TRAIL = {
    "eventVersion": "1.09",
    "eventTime": "2026-03-01T10:20:30Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "DeleteSAMLProvider",
    "requestParameters": {"sAMLProviderArn": "arn:aws:iam::123456789012:saml-provider/x"},
}
POLICY = '{"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]}'

SIGNIN = {
    "time": "2026-03-01T10:20:30.1234567Z",
    "operationName": "Sign-in activity",
    "category": "SignInLogs",
    "tenantId": TENANT,
    "resultType": "0",
    "location": "DE",
    "properties": {
        "id": "00000000-0000-4000-8000-000000000004",
        "createdDateTime": "2026-03-01T10:20:28.1234567+00:00",
        "userPrincipalName": "alice@example.com",
        "clientAppUsed": "Browser",
        "userAgent": "Mozilla/5.0",
        "authenticationRequirement": "singleFactorAuthentication",
        "authenticationProtocol": "none",
        "conditionalAccessStatus": "success",
        "riskState": "none",
        "resourceDisplayName": "Microsoft Graph",
        "networkLocationDetails": [
            {"networkType": "trustedNamedLocation", "networkNames": ["Office"]}
        ],
        "deviceDetail": {"deviceId": "d-1", "isCompliant": True, "trustType": "Azure AD joined"},
        "location": {"city": "Berlin", "countryOrRegion": "DE"},
        "status": {"errorCode": 0, "additionalDetails": "MFA requirement satisfied"},
    },
}

RISK = {
    "time": "3/1/2026 10:20:30 AM",
    "operationName": "User Risk Detection",
    "category": "UserRiskEvents",
    "tenantId": TENANT,
    "properties": {"id": "r-1", "riskEventType": "anonymizedIPAddress", "riskState": "atRisk"},
}

INCIDENT = {
    "@odata.type": "#microsoft.graph.staleSignInAlertIncident",
    "id": "i-1",
    "assigneeId": "u-1",
    "lastSignInDateTime": "2025-03-01T10:20:30Z",
}

OFFICE = {
    "CreationTime": "2026-03-01T10:20:30",
    "Id": "00000000-0000-4000-8000-000000000005",
    "Operation": "UserLoggedIn",
    "OrganizationId": TENANT,
    "RecordType": 15,
    "ResultStatus": "Success",
    "UserId": "alice@example.com",
    "UserType": 0,
    "Workload": "AzureActiveDirectory",
    "ExtendedProperties": [
        {"Name": "UserAgent", "Value": "Mozilla/5.0"},
        {"Name": "RequestType", "Value": "OAuth2:Authorize"},
    ],
}
ALERT = {
    **OFFICE,
    "Operation": "AlertTriggered",
    "RecordType": 40,
    "ResultStatus": "Succeeded",
    "Workload": "SecurityComplianceCenter",
    "Name": "Mass download by a single user",
    "Category": "ThreatManagement",
    "Source": "Cloud App Security",
    "Status": "Active",
    "Data": "{}",
}

ENTRY = {
    "logName": "projects/example-project/logs/cloudaudit.googleapis.com%2Factivity",
    "timestamp": "2026-03-01T10:20:30.123456789Z",
    "insertId": "abc123",
    "resource": {"type": "gce_firewall_rule", "labels": {"project_id": "example-project"}},
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": "compute.googleapis.com",
        "methodName": "v1.compute.firewalls.insert",
        "resourceName": "projects/example-project/global/firewalls/open",
        "authorizationInfo": [
            {"permission": "compute.firewalls.create", "granted": True},
            {"permission": "compute.networks.updatePolicy", "granted": True},
        ],
    },
}
WORKSPACE = {
    "logName": "organizations/123456789012/logs/cloudaudit.googleapis.com%2Factivity",
    "timestamp": "2026-03-01T10:20:30.123Z",
    "insertId": "def456",
    "resource": {"type": "audited_resource", "labels": {"service": "admin.googleapis.com"}},
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": "admin.googleapis.com",
        "methodName": "google.admin.AdminService.changeTwoStepVerification",
        "metadata": {
            "event": [
                {
                    "eventType": "SECURITY_SETTINGS",
                    "eventName": "CHANGE_TWO_STEP_VERIFICATION",
                    "parameter": [
                        {"name": "SETTING_NAME", "value": "Enforcement", "type": "TYPE_STRING"},
                        {"name": "OLD_VALUE", "value": "true", "type": "TYPE_STRING"},
                        {"name": "NEW_VALUE", "value": "false", "type": "TYPE_STRING"},
                    ],
                }
            ]
        },
    },
}

REQUEST = {"properties.message": "Request Approved/Denied"}


def changed(record: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The record with `a__b=value` set at its path `a.b`; an index into a list is a number."""
    made = copy.deepcopy(record)
    for path, value in values.items():
        *way, last = path.split("__")
        at: Any = made
        for key in way:
            at = at[int(key)] if isinstance(at, list) else at[key]
        at[last] = value
    return made


def audit(activity: str, **values: Any) -> dict[str, Any]:
    named = {"operationName": activity, "properties__activityDisplayName": activity}
    return changed(AUDIT, **named, **values)


def modified(name: str, old: str, new: str) -> dict[str, Any]:
    value = [{"displayName": name, "oldValue": old, "newValue": new}]
    return {"properties__targetResources__0__modifiedProperties": value}


def method(name: str, **values: Any) -> dict[str, Any]:
    return changed(ENTRY, protoPayload__methodName=name, **values)


def fires(folder: Path, source: str, selection: Any, record: dict[str, Any]) -> bool:
    """Does a rule with this selection fire? By the index and by its plain twin, which agree."""
    product, service = source.split("/")
    rule = {
        "title": "Case",
        "id": "5f0a3c1e-0000-4000-8000-000000000001",
        "logsource": {"product": product, "service": service},
        "detection": {"selection": selection, "condition": "selection"},
    }
    file = folder / "case.yml"
    file.write_text(yaml.safe_dump(rule))
    compiled = compile_rules([file], SOURCES)
    assert not compiled.faults
    reads = identify(record, SOURCES)
    assert reads is not None
    found = Detector(compiled.book, SOURCES).match(reads.name, record)
    assert found == plain_match(compiled.book, reads, record)
    return bool(found)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("selection", "other"),
    [
        (
            {"operationName": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WRITE"},
            {"operationName": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/DELETE"},
        ),
        (
            {"OperationNameValue|endswith": "/write"},
            {"OperationNameValue|endswith": "/delete"},
        ),
        (
            {"ResourceProviderValue": "Microsoft.Network"},
            {"ResourceProviderValue": "Microsoft.Storage"},
        ),
        ({"ResourceId|contains": "/front"}, {"ResourceId|contains": "/back"}),
        (
            {"ActivityStatusValue|startswith": "Succe"},
            {"ActivityStatusValue|startswith": "Fail"},
        ),
        (
            ["microsoft.network/networksecuritygroups/write"],
            ["microsoft.network/networksecuritygroups/delete"],
        ),
    ],
)
def test_a_rule_on_the_activity_log_fires_on_every_shape_of_it(
    tmp_path: Path, shape: str, selection: Any, other: Any
) -> None:
    assert fires(tmp_path, "azure/activitylogs", selection, SHAPES[shape])
    assert not fires(tmp_path, "azure/activitylogs", other, SHAPES[shape])


@pytest.mark.parametrize("shape", ["event hub", "rest", "log analytics"])
def test_the_category_of_the_activity_log_is_that_of_the_event(tmp_path: Path, shape: str) -> None:
    written = {"CategoryValue": "Administrative"}
    assert fires(tmp_path, "azure/activitylogs", written, SHAPES[shape])
    older = changed(EVENT_HUB, category="Write")
    assert fires(tmp_path, "azure/activitylogs", written, older)
    assert not fires(tmp_path, "azure/activitylogs", {"CategoryValue": "Policy"}, SHAPES[shape])


TWO_FACTOR = modified(
    "StrongAuthenticationRequirement", '[{"RelyingParty":"*","State":1}]', '[{"State":0}]'
)
MEMBER = modified("UserType", '["Guest"]', '["Member"]')
CONSENT = modified("ConsentContext.IsAdminConsent", '""', '"False"')
TITLE = "Potential stale accounts in a privileged role"
MANIFEST = '{"metadata":{"labels":{"image-policy.k8s.io/break-glass":"true"}}}'
APPLIED = {"kubectl.kubernetes.io/last-applied-configuration": MANIFEST}

CASES: dict[str, tuple[str, Any, dict[str, Any], dict[str, Any]]] = {
    "an activity under any of its names": (
        "azure/auditlogs",
        {"OperationName": "Add owner to group", "ActivityType|contains": "owner"},
        audit("Add owner to group"),
        AUDIT,
    ),
    "an activity that ends in a space": (
        "azure/auditlogs",
        {"properties.message": "Update application – Certificates and secrets management"},
        audit("Update application – Certificates and secrets management "),
        audit("Update application"),
    ),
    "Graph's category, not the export's": (
        "azure/auditlogs",
        {"Category": "UserManagement", "LoggedByService": "Core Directory"},
        AUDIT,
        changed(AUDIT, properties__category="Policy"),
    ),
    "a result under the portal's heading": (
        "azure/auditlogs",
        {"Status": "failure"},
        changed(AUDIT, properties__result="failure"),
        AUDIT,
    ),
    "a reason under the portal's heading": (
        "azure/auditlogs",
        {"Status": "User registered an app password"},
        changed(AUDIT, properties__resultReason="User registered an app password"),
        AUDIT,
    ),
    "a reason by the name of a guide": (
        "azure/auditlogs",
        {"failure_status_reason|endswith": "BlockedForRiskyApps"},
        changed(AUDIT, properties__resultReason="Example.BlockedForRiskyApps"),
        AUDIT,
    ),
    "a text within the targets": (
        "azure/auditlogs",
        {"TargetResources|contains": ["Owners", "Administrator"]},
        audit("Add member to role", **modified("Role.DisplayName", "", '"Cloud Administrator"')),
        AUDIT,
    ),
    "the kind of a target with a space": (
        "azure/auditlogs",
        {"targetResources.type": "Service Principal"},
        changed(AUDIT, properties__targetResources__0__type="ServicePrincipal"),
        AUDIT,
    ),
    "a changed property and its value": (
        "azure/auditlogs",
        {
            "TargetResources.ModifiedProperties.DisplayName": "StrongAuthenticationRequirement",
            "TargetResources.ModifiedProperties.NewValue|contains": 'State":0',
        },
        changed(AUDIT, **TWO_FACTOR),
        AUDIT,
    ),
    "a changed property as raw text": (
        "azure/auditlogs",
        {
            "properties.message": '"displayName":"UserType","oldValue":"[\\"Guest\\"]","newValue":"[\\"Member\\"]"'
        },
        changed(AUDIT, **MEMBER),
        AUDIT,
    ),
    "a changed property as the field": (
        "azure/auditlogs",
        {"ConsentContext.IsAdminConsent": "false"},
        audit("Consent to application", **CONSENT),
        AUDIT,
    ),
    "a detail by its value": (
        "azure/auditlogs",
        {"additionalDetails.additionalInfo|contains": "by device id"},
        changed(
            AUDIT,
            properties__additionalDetails=[
                {"key": "Additional Info", "value": "Read a password by device id x"}
            ],
        ),
        AUDIT,
    ),
    "who did it by name": (
        "azure/auditlogs",
        {"InitiatedBy": "alice@example.com"},
        AUDIT,
        changed(AUDIT, properties__initiatedBy={"app": {"displayName": "Sync"}}),
    ),
    "an approval as a guide calls it": (
        "azure/auditlogs",
        REQUEST,
        audit("Add member to role request denied (PIM activation)"),
        audit("Add member to role requested (PIM activation)"),
    ),
    "an eligible assignment as a guide calls it": (
        "azure/auditlogs",
        {"properties.message": "Add eligible member (permanent)"},
        audit("Add eligible member to role in PIM completed (permanent)"),
        audit("Add eligible member to role in PIM completed (timebound)"),
    ),
    "a number that the record has as text": (
        "azure/signinlogs",
        {"ResultType": 50053},
        changed(SIGNIN, resultType="50053"),
        SIGNIN,
    ),
    "the portal's word for a result": (
        "azure/signinlogs",
        {"Status": "Success", "AuthenticationRequirement": "singleFactorAuthentication"},
        SIGNIN,
        changed(SIGNIN, resultType="50126", properties__status__errorCode=50126),
    ),
    "a text within the status": (
        "azure/signinlogs",
        {"Status|contains": "MFA denied"},
        changed(SIGNIN, properties__status__additionalDetails="MFA denied; user declined"),
        SIGNIN,
    ),
    "an error in the words of the reference": (
        "azure/signinlogs",
        {"ResultType": 53003, "Resultdescription": "Blocked by Conditional Access"},
        changed(SIGNIN, resultType="53003"),
        changed(SIGNIN, resultType="50126"),
    ),
    "a device's field in another case": (
        "azure/signinlogs",
        {"DeviceDetail.trusttype": "", "DeviceDetail.isCompliant": "false"},
        changed(
            SIGNIN, properties__deviceDetail={"deviceId": "", "trustType": "", "isCompliant": False}
        ),
        SIGNIN,
    ),
    "no named location": (
        "azure/signinlogs",
        {"NetworkLocationDetails": "[]"},
        changed(SIGNIN, properties__networkLocationDetails=[]),
        SIGNIN,
    ),
    "a protocol in the words of a guide": (
        "azure/signinlogs",
        {"properties.message": "Device Code"},
        changed(SIGNIN, properties__authenticationProtocol="deviceCode"),
        SIGNIN,
    ),
    "a client under an older name": (
        "azure/signinlogs",
        {"ClientApp": ["Other client", "IMAP"]},
        changed(SIGNIN, properties__clientAppUsed="Other clients"),
        SIGNIN,
    ),
    "a field of Graph without its place": (
        "azure/signinlogs",
        {
            "ResourceDisplayName": "Microsoft Graph",
            "conditionalAccessStatus": "success",
            "userAgent|contains": "mozilla",
            "location": "DE",
        },
        SIGNIN,
        changed(SIGNIN, properties__conditionalAccessStatus="failure"),
    ),
    "a kind of risk": (
        "azure/riskdetection",
        {"riskEventType": "anonymizedIPAddress"},
        RISK,
        changed(RISK, properties__riskEventType="passwordSpray"),
    ),
    "a kind of risk without its prefix": (
        "azure/riskdetection",
        {"riskEventType": "impossibleTravel"},
        changed(RISK, properties__riskEventType="mcasImpossibleTravel"),
        RISK,
    ),
    "an alert of PIM as Graph has it": (
        "azure/pim",
        {"riskEventType": "staleSignInAlertIncident"},
        INCIDENT,
        {**INCIDENT, "@odata.type": "#microsoft.graph.redundantAssignmentAlertIncident"},
    ),
    "an alert of PIM in the audit log": (
        "azure/pim",
        {"riskEventType": "staleSignInAlertIncident"},
        audit("Triggered PIM alert", properties__targetResources=[{"displayName": TITLE}]),
        audit("Triggered PIM alert", properties__targetResources=[{"displayName": "Other"}]),
    ),
    "a property of a sign-in to Microsoft 365": (
        "m365/audit",
        {"Operation": "UserLoggedIn", "RequestType": "OAuth2:Authorize"},
        OFFICE,
        changed(OFFICE, ExtendedProperties=[{"Name": "UserAgent", "Value": "OAuth2:Authorize"}]),
    ),
    "a cmdlet that worked": (
        "m365/exchange",
        {"eventSource": "Exchange", "eventName": "New-InboxRule", "status": "success"},
        changed(OFFICE, Workload="Exchange", Operation="New-InboxRule", ResultStatus="True"),
        changed(OFFICE, Workload="Exchange", Operation="New-InboxRule", ResultStatus="False"),
    ),
    "an alert by its name": (
        "m365/threat_management",
        {
            "eventSource": "SecurityComplianceCenter",
            "eventName": "Mass download by a single user",
            "status": "success",
        },
        ALERT,
        changed(ALERT, Name="Elevation of Exchange admin privilege"),
    ),
    "the other logsource of alerts": (
        "m365/threat_detection",
        {"eventName": "Mass download by a single user"},
        ALERT,
        changed(ALERT, Name="Other"),
    ),
    "a cmdlet with its parameters": (
        "m365/threat_management",
        {"Payload|contains|all": ["New-Example", "Export", "pst"]},
        changed(ALERT, Operation="New-Example", Parameters='-Export -Format "PerUserPst"'),
        changed(ALERT, Operation="New-Example", Parameters="-Export"),
    ),
    "a method by Elastic's name": (
        "gcp/gcp.audit",
        {"gcp.audit.method_name": ["v*.Compute.Firewalls.Insert", "v*.Compute.Firewalls.Patch"]},
        ENTRY,
        method("v1.compute.firewalls.delete"),
    ),
    "a method without its version": (
        "gcp/gcp.audit",
        {"gcp.audit.method_name": "compute.vpnTunnels.insert"},
        method("beta.compute.vpnTunnels.insert"),
        ENTRY,
    ),
    "a call of gRPC by its method of REST": (
        "gcp/gcp.audit",
        {"gcp.audit.method_name|endswith": ".serviceAccounts.disable"},
        method("google.iam.admin.v1.DisableServiceAccount"),
        method("google.iam.admin.v1.DisableServiceAccountKey"),
    ),
    "a resource of Kubernetes by its group": (
        "gcp/gcp.audit",
        {
            "gcp.audit.method_name|startswith": "admissionregistration.k8s.io.v",
            "gcp.audit.method_name|contains": ".mutatingwebhookconfigurations.",
            "gcp.audit.method_name|endswith": "create",
        },
        method("io.k8s.admissionregistration.v1.mutatingwebhookconfigurations.create"),
        method("io.k8s.admissionregistration.v1.mutatingwebhookconfigurations.delete"),
    ),
    "a resource of Kubernetes by its kind": (
        "gcp/gcp.audit",
        {"gcp.audit.method_name": ["io.k8s.api.batch.v*.Job", "io.k8s.api.batch.v*.CronJob"]},
        method("io.k8s.batch.v1.cronjobs.create"),
        method("io.k8s.batch.v1.cronjobs.get"),
    ),
    "what a message of Pub/Sub held": (
        "gcp/gcp.audit",
        {
            "data.protoPayload.serviceName": "compute.googleapis.com",
            "data.protoPayload.authorizationInfo.permission": "compute.networks.updatePolicy",
            "data.protoPayload.authorizationInfo.granted": "true",
            "data.protoPayload.resource.type": "gce_firewall_rule",
        },
        ENTRY,
        changed(ENTRY, resource__type="gce_instance"),
    ),
    "a log by its short name": (
        "gcp/gcp.audit",
        {"data.protoPayload.logName": "cloudaudit.googleapis.com/activity"},
        ENTRY,
        changed(ENTRY, logName="projects/p/logs/cloudaudit.googleapis.com%2Fdata_access"),
    ),
    "a word inside a manifest that was applied": (
        "gcp/gcp.audit",
        ["image-policy.k8s.io/break-glass"],
        changed(ENTRY, protoPayload__request={"metadata": {"annotations": APPLIED}}),
        ENTRY,
    ),
    "an event of Workspace": (
        "gcp/google_workspace.admin",
        {"eventService": "admin.googleapis.com", "eventName": "CHANGE_TWO_STEP_VERIFICATION"},
        WORKSPACE,
        changed(WORKSPACE, protoPayload__metadata__event__0__eventName="CREATE_USER"),
    ),
    "a parameter of Workspace": (
        "gcp/google_workspace.admin",
        {"new_value": "false", "setting_name|startswith": "Enforce"},
        WORKSPACE,
        changed(WORKSPACE, protoPayload__metadata__event__0__parameter__2__value="true"),
    ),
    "a rule of one log on records of another that tell it too": (
        "azure/activitylogs",
        {"operationName": "Update device"},
        audit("Update device"),
        audit("Update user"),
    ),
    "an alert by its second logsource": (
        "m365/threat_detection",
        {"eventName": "Mass download by a single user"},
        ALERT,
        changed(ALERT, Name="Activity from a trusted address"),
    ),
    "the outcome of a call in one word": (
        "aws/cloudtrail",
        {"eventName": "DeleteSAMLProvider", "status": "success"},
        TRAIL,
        changed(TRAIL, errorCode="AccessDenied"),
    ),
    "a part of a policy that the record has as text": (
        "aws/cloudtrail",
        {"requestParameters|contains|all": ['"s3:GetObject"', '"Allow"', "\\\\"]},
        changed(TRAIL, requestParameters={"policyDocument": POLICY, "path": "a\\b"}),
        changed(TRAIL, requestParameters={"policyDocument": "no JSON", "path": "a\\b"}),
    ),
    "a service in another case": (
        "gcp/google_workspace.login",
        {
            "protoPayload.Servicename": "login.googleapis.com",
            "protoPayload.metadata.event.eventName": "suspicious_login",
        },
        changed(
            WORKSPACE,
            protoPayload__serviceName="login.googleapis.com",
            protoPayload__metadata__event=[{"eventName": "suspicious_login"}],
        ),
        WORKSPACE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_finds_what_it_means_and_is_quiet_on_what_differs(tmp_path: Path, name: str) -> None:
    source, selection, meant, other = CASES[name]
    assert fires(tmp_path, source, selection, meant)
    assert not fires(tmp_path, source, selection, other)


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: f"{one.name} {one.keys[0]}")
def test_no_record_is_too_odd_for_a_derived_field(source: Source) -> None:
    for record in ({}, {"properties": "x"}, {"properties": [1, None]}, {"protoPayload": 3}, ODD):
        for read in source.derived.values():
            assert isinstance(read(record), list)


def test_shapes_of_one_logsource_differ_in_their_marks_alone() -> None:
    for one in SOURCES:
        other = next(each for each in SOURCES if each.name == one.name)
        for part in ("aliases", "derived", "also", "targets"):
            assert getattr(one, part) == getattr(other, part), (one.name, part)


ODD: dict[str, Any] = {
    "requestParameters": {"policyDocument": "{" * 2_000, "other": "[1,"},
    "status": [None, {"a": []}],
    "eventName": 7,
    "targetResources": [None, 3, {"modifiedProperties": "x"}],
}


def test_two_activities_in_one_record_are_never_there(tmp_path: Path) -> None:
    """A rule that asks one record for both asks for a correlation."""
    both = {"properties.message|contains|all": ["Add user", "Add member to role"]}
    for activity in ("Add user", "Add member to role"):
        assert not fires(tmp_path, "azure/auditlogs", both, audit(activity))
