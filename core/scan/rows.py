"""Rows of Log Analytics as the records that they were made of.

A workspace stores a diagnostic record with its keys as columns: those of the record itself and
those of its `properties` side by side, capitalized. Rules, aliases and events know the record, so
that is made again, once, here. It knows the columns of the directory's tables and no meaning of
theirs; the Activity Log's table differs more, and is a source of its own.
Source: https://learn.microsoft.com/azure/azure-monitor/reference/tables/signinlogs, .../auditlogs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.native import parsed

__all__ = ["KEY", "record"]

KEY = "OperationVersion"
"""A column that each of the tables has, and no record."""


def record(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record that became the row; None when it is a row of no table known here."""
    kind, time = row.get("Type"), row.get("TimeGenerated")
    category = _CATEGORIES.get(kind) if isinstance(kind, str) else None
    if category is None or not isinstance(time, str):
        return None
    found: dict[str, Any] = {"category": category}
    properties: dict[str, Any] = {}
    for column, value in row.items():
        if column in _BESIDE:
            found[_BESIDE[column]] = value
        elif column not in _OF_THE_WORKSPACE:
            properties[_INSIDE.get(column) or column[:1].lower() + column[1:]] = _parsed(value)
    return found | {"properties": properties}


def _parsed(value: Any) -> Any:
    """Objects and lists are text in some tables' columns."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return parsed(value)
        except (ValueError, RecursionError):
            return value
    return value


_CATEGORIES: Mapping[str, str] = {
    "AuditLogs": "AuditLogs",
    "SigninLogs": "SignInLogs",
    "AADNonInteractiveUserSignInLogs": "NonInteractiveUserSignInLogs",
    "AADServicePrincipalSignInLogs": "ServicePrincipalSignInLogs",
    "AADManagedIdentitySignInLogs": "ManagedIdentitySignInLogs",
    "ADFSSignInLogs": "ADFSSignInLogs",
}
"""Table -> category of the diagnostic setting that fills it."""

_BESIDE: Mapping[str, str] = {
    "TimeGenerated": "time",
    "ResourceId": "resourceId",
    "OperationName": "operationName",
    "OperationVersion": "operationVersion",
    "ResultType": "resultType",
    "ResultSignature": "resultSignature",
    "ResultDescription": "resultDescription",
    "DurationMs": "durationMs",
    "CorrelationId": "correlationId",
    "Identity": "identity",
    "Level": "Level",
    "Location": "location",
    "AADTenantId": "tenantId",
}
"""Column -> key beside `properties`."""

_INSIDE: Mapping[str, str] = {
    "IPAddress": "ipAddress",
    "AADOperationType": "operationType",
    "LocationDetails": "location",
    "ResourceIdentity": "resourceId",
}
"""Column -> key within `properties`, where it is not the column with a small letter."""

_OF_THE_WORKSPACE = ("TenantId", "SourceSystem", "Type")
"""What the workspace says of itself."""
