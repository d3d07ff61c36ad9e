"""Rows of Log Analytics are read as the records that they were made of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.model import Event
from core.scan import Tally, read
from functions.azure.events import SOURCES

SIGN_IN: dict[str, Any] = {
    "TenantId": "99999999-0000-0000-0000-000000000000",
    "SourceSystem": "Azure AD",
    "TimeGenerated": "2026-03-01T12:00:00.1234567Z",
    "OperationName": "Sign-in activity",
    "OperationVersion": "1.0",
    "Category": "SignInLogs",
    "ResultType": "50126",
    "ResultDescription": "Invalid username or password.",
    "Location": "DE",
    "AADTenantId": "00000000-0000-0000-0000-000000000000",
    "Id": "11111111-1111-1111-1111-111111111111",
    "IPAddress": "192.0.2.1",
    "LocationDetails": '{"countryOrRegion":"DE"}',
    "Status": '{"errorCode":50126}',
    "ResourceIdentity": "resource-1",
    "ResourceDisplayName": "Microsoft Graph",
    "UserId": "u-1",
    "UserPrincipalName": "alice@example.com",
    "ConditionalAccessStatus": "notApplied",
    "Type": "SigninLogs",
}
AUDIT: dict[str, Any] = {
    "TimeGenerated": "2026-03-01T12:00:00Z",
    "OperationName": "Add member to role",
    "OperationVersion": "1.0",
    "Category": "RoleManagement",
    "AADOperationType": "Assign",
    "ActivityDisplayName": "Add member to role",
    "AADTenantId": "00000000-0000-0000-0000-000000000000",
    "Id": "Directory_1",
    "InitiatedBy": {"user": {"id": "u-1", "userPrincipalName": "alice@example.com"}},
    "LoggedByService": "Core Directory",
    "Result": "success",
    "TargetResources": [{"id": "u-2", "type": "User", "modifiedProperties": []}],
    "Type": "AuditLogs",
}


def events(*rows: dict[str, Any]) -> list[Event]:
    found = read(json.dumps(rows).encode(), SOURCES, Tally())
    return [one.source.event(one.native) for one in found if one.source is not None]


def test_a_sign_in_is_read_from_its_columns() -> None:
    (event,) = events(SIGN_IN)
    assert (event.source, event.uid) == ("azure/signinlogs", SIGN_IN["Id"])
    assert event.account == "00000000-0000-0000-0000-000000000000"
    assert (event.outcome, event.error, event.ip, event.region) == (
        "failure",
        "50126",
        "192.0.2.1",
        "DE",
    )
    assert (event.actor.uid, event.actor.name) == ("u-1", "alice@example.com")
    assert [(one.uid, one.name) for one in event.resources] == [("resource-1", "Microsoft Graph")]


def test_a_change_in_the_directory_is_read_from_its_columns() -> None:
    (event,) = events(AUDIT)
    assert (event.source, event.uid, event.operation) == (
        "azure/auditlogs",
        "Directory_1",
        "Add member to role",
    )
    assert (event.activity, event.outcome, event.actor.uid) == ("update", "success", "u-1")
    assert [one.uid for one in event.resources] == ["u-2"]
    assert event.record["properties"]["category"] == "RoleManagement"


@pytest.mark.parametrize(
    "odd",
    [
        SIGN_IN | {"Type": "OfficeActivity"},
        SIGN_IN | {"Type": ["SigninLogs"]},
        SIGN_IN | {"TimeGenerated": None},
    ],
)
def test_a_row_of_another_table_is_unknown(odd: dict[str, Any]) -> None:
    assert events(odd) == []


def test_text_that_only_begins_like_json_stays_text() -> None:
    (event,) = events(SIGN_IN | {"Status": "{broken", "ResultType": "0"})
    assert (event.outcome, event.record["properties"]["status"]) == ("success", "{broken")
