"""Which fields an audit log entry may have, and which entries Google writes only when it is asked.

Facts for the checks of rules; nothing here reads an entry. Sources:
https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry,
https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog,
https://cloud.google.com/logging/docs/audit/configure-data-access and
https://support.google.com/a/answer/9320190 (sharing Workspace's logs).
"""

from __future__ import annotations

from core.ports import Telemetry

__all__ = ["AUDIT_OFF", "FIELDS", "NOTIFICATION", "WORKSPACE_OFF"]

PAYLOAD = (
    "@type",
    "authenticationInfo.authoritySelector",
    "authenticationInfo.oauthInfo.*",
    "authenticationInfo.principalEmail",
    "authenticationInfo.principalSubject",
    "authenticationInfo.serviceAccountDelegationInfo[].*",
    "authenticationInfo.serviceAccountKeyName",
    "authenticationInfo.serviceDelegationHistory.*",
    "authenticationInfo.thirdPartyPrincipal.*",
    "authorizationInfo[].granted",
    "authorizationInfo[].permission",
    "authorizationInfo[].permissionType",
    "authorizationInfo[].resource",
    "authorizationInfo[].resourceAttributes.*",
    "metadata.*",
    "methodName",
    "numResponseItems",
    "policyViolationInfo.*",
    "request.*",
    "requestMetadata.callerIp",
    "requestMetadata.callerNetwork",
    "requestMetadata.callerSuppliedUserAgent",
    "requestMetadata.destinationAttributes.*",
    "requestMetadata.requestAttributes.*",
    "resourceLocation.currentLocations[]",
    "resourceLocation.originalLocations[]",
    "resourceName",
    "resourceOriginalState.*",
    "response.*",
    "serviceData.*",
    "serviceName",
    "status.code",
    "status.details[].*",
    "status.message",
)

NOTIFICATION = ("notificationConfigName", "finding.*", "resource.*")
"""Of Security Command Center, whose findings have some sixty parts and get more every month:
https://cloud.google.com/security-command-center/docs/reference/rest/v1/organizations.sources.findings."""

FIELDS: tuple[str, ...] = (
    *(f"protoPayload.{field}" for field in PAYLOAD),
    "apphub.*",
    "apphubDestination.*",
    "apphubSource.*",
    "errorGroups[].*",
    "httpRequest.*",
    "insertId",
    "labels.*",
    "logName",
    "operation.first",
    "operation.id",
    "operation.last",
    "operation.producer",
    "otel.*",
    "receiveTimestamp",
    "resource.labels.*",
    "resource.type",
    "severity",
    "sourceLocation.*",
    "spanId",
    "split.index",
    "split.totalSplits",
    "split.uid",
    "timestamp",
    "trace",
    "traceSampled",
)
"""As core.ports.Source.fields has them; what services themselves write is open."""

AUDIT_OFF: tuple[Telemetry, ...] = (
    Telemetry(
        "data",
        "Data Access audit logs",
        {
            "protoPayload.methodName": (
                "*.get",
                "*.list",
                "*.aggregatedlist",
                "*.testiampermissions",
                "*.accesssecretversion",
                "*generateaccesstoken",
                "*generateidtoken",
                "*.signblob",
                "*.signjwt",
                "storage.objects.*",
            )
        },
        {"protoPayload.serviceName": ("bigquery*",)},
    ),
)
"""All but BigQuery's are off until a policy turns them on, service by service."""

WORKSPACE_OFF: tuple[Telemetry, ...] = (
    Telemetry("workspace", "logs of Google Workspace, which it shares only when it is told to"),
)
