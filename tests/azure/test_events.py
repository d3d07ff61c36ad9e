"""Azure's, Entra's and Microsoft 365's records, and the envelopes that bring them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.detect import Detector
from core.errors import BadRecord
from core.hunt import Tally, hunt
from core.model import Actor, Resource, Rule, from_json, to_json
from core.ocsf import activity
from core.rulebook import Not, Text, book
from core.scan import identify
from functions.azure.envelopes import unwrap
from functions.azure.events import SOURCES
from tests.damage import JSON, damaged, tried

TENANT = "00000000-0000-4000-8000-0000000000aa"
SUBSCRIPTION = "00000000-0000-4000-8000-0000000000bb"
VAULT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/web/providers/Microsoft.KeyVault/vaults/keys"
ASSIGNMENT = f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/a1"
SCHEMAS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
CLAIMS = {
    "appid": "app-1",
    "http://schemas.microsoft.com/claims/authnmethodsreferences": "pwd,mfa",
    "http://schemas.microsoft.com/identity/claims/objectidentifier": "object-1",
    "http://schemas.microsoft.com/identity/claims/tenantid": TENANT,
    f"{SCHEMAS}/upn": "alice@example.com",
    "uti": "token-1",
}
EVIDENCE = {"role": "Owner", "principalId": "object-1", "principalType": "User"}
AT = 1_772_360_430_123

HUB: dict[str, Any] = {
    "time": "2026-03-01T10:20:30.1234567Z",
    "resourceId": ASSIGNMENT.upper(),
    "operationName": "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE",
    "category": "Administrative",
    "resultType": "Success",
    "resultSignature": "Succeeded.Created",
    "callerIpAddress": "192.0.2.7:52100",
    "correlationId": "correlation-1",
    "identity": {"authorization": {"evidence": EVIDENCE}, "claims": CLAIMS},
    "location": "global",
    "properties": {"statusCode": "Created", "eventCategory": "Administrative"},
}
REST: dict[str, Any] = {
    "authorization": {"action": "x", "evidence": EVIDENCE},
    "caller": "alice@example.com",
    "claims": CLAIMS,
    "correlationId": "correlation-1",
    "eventDataId": "event-1",
    "eventTimestamp": "2026-03-01T10:20:30.1234567Z",
    "category": {"value": "Administrative"},
    "httpRequest": {"clientIpAddress": "192.0.2.7", "method": "PUT"},
    "operationName": {"value": "Microsoft.Authorization/roleAssignments/write"},
    "resourceId": ASSIGNMENT,
    "status": {"value": "Succeeded"},
    "subStatus": {"value": "Created"},
    "subscriptionId": SUBSCRIPTION,
}
ANALYTICS: dict[str, Any] = {
    "TimeGenerated": "2026-03-01T10:20:30.1234567Z",
    "OperationName": "Create role assignment",
    "OperationNameValue": "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE",
    "ActivityStatusValue": "Success",
    "ActivitySubstatusValue": "Created",
    "Authorization": json.dumps({"evidence": EVIDENCE}),
    "Caller": "alice@example.com",
    "CallerIpAddress": "192.0.2.7",
    "CategoryValue": "Administrative",
    "Claims": json.dumps(CLAIMS),
    "CorrelationId": "correlation-1",
    "EventDataId": "event-1",
    "SubscriptionId": SUBSCRIPTION,
    "_ResourceId": ASSIGNMENT.lower(),
}
GRID: dict[str, Any] = {
    "id": "event-1",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "eventTime": "2026-03-01T10:20:30.1234567Z",
    "subject": ASSIGNMENT,
    "data": {
        "authorization": {"evidence": EVIDENCE},
        "claims": CLAIMS,
        "correlationId": "correlation-1",
        "httpRequest": {"clientIpAddress": "192.0.2.7"},
        "operationName": "Microsoft.Authorization/roleAssignments/write",
        "resourceUri": ASSIGNMENT,
        "status": "Succeeded",
        "subscriptionId": SUBSCRIPTION,
    },
}
CLOUD_EVENT: dict[str, Any] = {
    **{key: GRID[key] for key in ("id", "subject", "data")},
    "specversion": "1.0",
    "type": GRID["eventType"],
    "time": GRID["eventTime"],
}


def exported(category: str, **properties: Any) -> dict[str, Any]:
    return {
        "time": "2026-03-01T10:20:30.1234567Z",
        "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "operationName": "Sign-in activity",
        "category": category,
        "callerIpAddress": "192.0.2.7",
        "correlationId": "correlation-1",
        "properties": {"id": "event-1", **properties},
    }


ALICE = {"id": "object-1", "userPrincipalName": "alice@example.com", "ipAddress": "2001:db8::1"}
AUDIT = exported(
    "AuditLogs",
    activityDisplayName="Update application – Certificates and secrets management ",
    activityDateTime="2026-03-01T10:20:30.1234567+00:00",
    operationType="Update",
    loggedByService="Core Directory",
    result="success",
    initiatedBy={"user": ALICE},
    targetResources=[{"id": "app-2", "displayName": "Payroll", "type": "Application"}],
    additionalDetails=[{"key": "User-Agent", "value": "curl/8"}],
)
SIGNIN = {
    **exported(
        "SignInLogs",
        createdDateTime="2026-03-01T10:20:28Z",
        userId="object-1",
        userPrincipalName="alice@example.com",
        appId="app-1",
        resourceId="resource-1",
        resourceDisplayName="Microsoft Graph",
        ipAddress="192.0.2.7",
        userAgent="Mozilla/5.0",
        authenticationRequirement="multiFactorAuthentication",
        status={"errorCode": 0},
        location={"countryOrRegion": "DE"},
        uniqueTokenIdentifier="token-1",
    ),
    "resultType": "0",
}
WORKLOAD = {
    **exported(
        "ServicePrincipalSignInLogs",
        createdDateTime="2026-03-01T10:20:28Z",
        servicePrincipalId="principal-1",
        servicePrincipalName="Backup",
        appId="app-1",
        userId=None,
        status={"errorCode": 7000222, "failureReason": "The client secret keys are expired."},
    ),
    "resultType": "7000222",
}
RISK = exported("UserRiskEvents", riskEventType="passwordSpray", userId="object-1")
RISK["time"] = "3/1/2026 10:20:30 PM"
INCIDENT = {
    "@odata.type": "#microsoft.graph.staleSignInAlertIncident",
    "id": "incident-1",
    "assigneeId": "object-1",
    "assigneeUserPrincipalName": "alice@example.com",
    "assignmentCreatedDateTime": "2026-03-01T10:20:30Z",
}
TRIGGERED = {**copy.deepcopy(AUDIT), "operationName": "Triggered PIM alert"}
TRIGGERED["properties"]["activityDisplayName"] = "Triggered PIM alert"
OFFICE: dict[str, Any] = {
    "CreationTime": "2026-03-01T10:20:30",
    "Id": "event-1",
    "Operation": "UserLoggedIn",
    "OrganizationId": TENANT,
    "RecordType": 15,
    "ResultStatus": "Success",
    "UserId": "alice@example.com",
    "UserType": 0,
    "Workload": "AzureActiveDirectory",
    "ClientIP": "[2001:db8::1]:443",
    "ApplicationId": "app-1",
    "ExtendedProperties": [{"Name": "UserAgent", "Value": "Mozilla/5.0"}],
}
EXCHANGE = {
    **OFFICE,
    "Operation": "New-InboxRule",
    "Workload": "Exchange",
    "ResultStatus": "True",
    "UserType": 2,
}
ALERT = {
    **OFFICE,
    "Operation": "AlertTriggered",
    "Workload": "SecurityComplianceCenter",
    "Name": "Mass download",
}
GRAPH_SIGNIN = {**SIGNIN["properties"], "conditionalAccessStatus": "success"}
GRAPH_RISK = {**RISK["properties"], "detectedDateTime": "2026-03-01T10:20:30Z"}

RECORDS = {
    "activity, Event Hub": ("azure/activitylogs", HUB),
    "activity, REST": ("azure/activitylogs", REST),
    "activity, Log Analytics": ("azure/activitylogs", ANALYTICS),
    "activity, Event Grid": ("azure/activitylogs", GRID),
    "activity, CloudEvents": ("azure/activitylogs", CLOUD_EVENT),
    "audit": ("azure/auditlogs", AUDIT),
    "audit, Graph": ("azure/auditlogs", AUDIT["properties"]),
    "sign-in": ("azure/signinlogs", SIGNIN),
    "sign-in, Graph": ("azure/signinlogs", GRAPH_SIGNIN),
    "sign-in, quiet": ("azure/signinlogs", {**SIGNIN, "category": "NonInteractiveUserSignInLogs"}),
    "sign-in of a principal": ("azure/signinlogs", WORKLOAD),
    "sign-in of an identity": (
        "azure/signinlogs",
        {**WORKLOAD, "category": "ManagedIdentitySignInLogs"},
    ),
    "sign-in, AD FS": ("azure/signinlogs", {**SIGNIN, "category": "ADFSSignInLogs"}),
    "sign-in, Microsoft's own": (
        "azure/signinlogs",
        {**WORKLOAD, "category": "MicrosoftServicePrincipalSignInLogs"},
    ),
    "risk": ("azure/riskdetection", RISK),
    "risk, Graph": ("azure/riskdetection", GRAPH_RISK),
    "PIM, Graph": ("azure/pim", INCIDENT),
    "PIM, audit log": ("azure/pim", TRIGGERED),
    "Microsoft 365": ("m365/audit", OFFICE),
    "Exchange": ("m365/exchange", EXCHANGE),
    "alert": ("m365/threat_management", ALERT),
}
ACTIVITY = [name for name in RECORDS if name.startswith("activity")]


def event(record: Any) -> Any:
    source = identify(record, SOURCES)
    assert source is not None
    return source.event(record)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_known_by_its_marks_and_becomes_an_event(name: str) -> None:
    source, record = RECORDS[name]
    found = event(record)
    assert (found.source, found.provider, found.record) == (source, "azure", record)
    assert found.uid
    assert found.operation
    assert activity(found)
    assert from_json(to_json(found), type(found)) == found


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"eventName": "CreateUser", "eventSource": "iam.amazonaws.com"},
        {**HUB, "category": "AuditEvent"},
        {**HUB, "category": ["Administrative"]},
        {**GRID, "eventType": "Microsoft.Storage.BlobCreated"},
        exported("MicrosoftGraphActivityLogs"),
    ],
)
def test_a_record_of_another_kind_is_nobodys(record: dict[str, Any]) -> None:
    assert identify(record, SOURCES) is None


@pytest.mark.parametrize("name", ACTIVITY)
def test_every_shape_of_the_activity_log_says_the_same(name: str) -> None:
    found = event(RECORDS[name][1])
    assert found.time == AT
    assert found.operation.casefold() == "microsoft.authorization/roleassignments/write"
    assert found.service == "microsoft.authorization"
    assert (found.account, found.outcome, found.ip) == (SUBSCRIPTION, "success", "192.0.2.7")
    assert found.request == "correlation-1"
    assert found.actor == Actor(
        uid="object-1",
        name="alice@example.com",
        type="user",
        account=TENANT,
        credential="token-1",
        issuer="app-1",
        mfa=True,
    )
    (resource,) = found.resources
    assert (resource.uid, resource.name.casefold()) == (ASSIGNMENT.lower(), "a1")
    assert resource.type == "microsoft.authorization/roleassignments"
    assert resource.account == SUBSCRIPTION


@pytest.mark.parametrize("name", ACTIVITY[:3])
def test_a_write_that_made_something_is_a_create(name: str) -> None:
    assert event(RECORDS[name][1]).activity == "create"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("MICROSOFT.STORAGE/STORAGEACCOUNTS/WRITE", "update"),
        ("Microsoft.Storage/storageAccounts/delete", "delete"),
        ("Microsoft.Storage/storageAccounts/listKeys/action", "other"),
        ("Frobnicate", "other"),
    ],
)
def test_the_activity_is_the_last_word_of_the_operation(operation: str, expected: str) -> None:
    said = {"operationName": operation, "resultSignature": "Succeeded.OK", "properties": {}}
    assert event({**HUB, **said}).activity == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Start", "unknown"),
        ("Started", "unknown"),
        ("Accept", "success"),
        ("Success", "success"),
        ("Succeeded", "success"),
        ("Failure", "failure"),
        ("Failed", "failure"),
        ("Active", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_start_is_neither_success_nor_failure(status: str, expected: str) -> None:
    found = event({**HUB, "resultType": status, "resultSignature": "Failed.Forbidden"})
    assert found.outcome == expected
    assert found.error == ("Forbidden" if expected == "failure" else "")


def test_start_and_success_of_one_call_are_two_events_and_a_second_delivery_is_none() -> None:
    start = {**HUB, "resultType": "Start"}
    assert event(HUB).uid == event(copy.deepcopy(HUB)).uid != event(start).uid


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:443", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:10.11.12.13", "10.11.12.13"),
        ("[::ffff:10.11.12.13]:443", "10.11.12.13"),
        ("999.0.2.7:443", ""),
        ("example.com", ""),
        ("", ""),
    ],
)
def test_an_address_comes_without_its_port(value: str, expected: str) -> None:
    assert event({**HUB, "callerIpAddress": value}).ip == expected


def test_an_application_is_a_service() -> None:
    found = event({**HUB, "identity": {"claims": {"appid": "app-1", "idtyp": "app"}}}).actor
    assert (found.uid, found.name, found.type, found.mfa) == ("app-1", "app-1", "service", None)


def test_an_audit_record_tells_who_changed_what() -> None:
    found = event(AUDIT)
    assert found.operation == "Update application – Certificates and secrets management"
    assert (found.time, found.account, found.service) == (AT, TENANT, "Core Directory")
    assert (found.activity, found.outcome, found.user_agent) == ("update", "success", "curl/8")
    assert (found.actor.uid, found.actor.name) == ("object-1", "alice@example.com")
    assert found.ip == "2001:db8::1"
    assert found.resources == (
        Resource(uid="app-2", name="Payroll", type="Application", account=TENANT),
    )


def test_a_change_by_an_application_names_its_service_principal() -> None:
    app = {"appId": "app-1", "displayName": "Sync", "servicePrincipalId": "principal-1"}
    record = copy.deepcopy(AUDIT)
    record["properties"]["initiatedBy"] = {"app": app, "user": None}
    found = event(record).actor
    assert (found.uid, found.name, found.type) == ("principal-1", "Sync", "service")


def test_a_sign_in_is_judged_by_its_code() -> None:
    found = event(SIGNIN)
    assert (found.authentication, found.activity, found.outcome) == (True, "logon", "success")
    assert (found.actor.mfa, found.actor.credential, found.region) == (True, "token-1", "DE")
    failed = event(WORKLOAD)
    assert (failed.outcome, failed.error) == ("failure", "7000222")
    assert (failed.actor.uid, failed.actor.name) == ("principal-1", "Backup")
    assert failed.actor.type == "service"
    assert event({**SIGNIN, "resultType": 50126}).error == "50126"


@pytest.mark.parametrize(
    ("time", "hour"),
    [("12:00:00 AM", 0), ("12:00:00 PM", 12), ("1:02:03 AM", 1), ("10:20:30 PM", 22)],
)
def test_a_time_in_american_writing_is_read(time: str, hour: int) -> None:
    assert event({**RISK, "time": f"1/1/1970 {time}"}).time // 3_600_000 == hour


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59"])
def test_a_time_outside_of_the_years_is_none(time: str) -> None:
    with pytest.raises(BadRecord, match="time"):
        event({**RISK, "time": time})


@pytest.mark.parametrize("time", ["13:00:00 PM", "0:00:00 AM", "yesterday", "\x1b[31m"])
def test_an_unreadable_time_gives_way_to_the_objects_own_or_is_refused(time: str) -> None:
    properties = {**RISK["properties"], "detectedDateTime": "1970-01-01T00:00:01Z"}
    record = {**RISK, "time": f"1/1/1970 {time}"}
    assert event({**record, "properties": properties}).time == 1_000
    with pytest.raises(BadRecord, match="time") as caught:
        event(record)
    assert str(caught.value).isprintable()


def test_a_sign_in_to_microsoft_365_fails_by_its_logon_error() -> None:
    found = event(OFFICE)
    assert (found.account, found.ip, found.user_agent) == (TENANT, "2001:db8::1", "Mozilla/5.0")
    assert (found.authentication, found.outcome, found.actor.type) == (True, "success", "user")
    failed = event({**OFFICE, "ResultStatus": "Succeeded", "LogonError": "InvalidPassword"})
    assert (failed.outcome, failed.error) == ("failure", "InvalidPassword")


def test_a_cmdlet_says_true_for_success() -> None:
    assert event(EXCHANGE).outcome == "success"
    assert event({**EXCHANGE, "ResultStatus": "False"}).outcome == "failure"
    assert event({**EXCHANGE, "ResultStatus": False}).outcome == "failure"
    assert event(EXCHANGE).activity == "create"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.name} {source.keys}")
@pytest.mark.parametrize("value", [None, [], "text", 3, {}])
def test_what_lacks_its_identity_is_refused_by_the_name_of_its_source(
    source: Any, value: Any
) -> None:
    with pytest.raises(BadRecord, match=f"{source.name}|Activity Log|azure/auditlogs"):
        source.event(value)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_shape_of_a_record_is_anything_but_an_event_or_refused(data: st.DataObject) -> None:
    name, original = RECORDS[data.draw(st.sampled_from(sorted(RECORDS)))]
    record = damaged(data, original)
    identify(record, SOURCES)
    for source in (one for one in SOURCES if one.name == name):
        for read in source.derived.values():
            assert isinstance(read(record), list)
        found = tried(source.event, record)
        assert isinstance(found, BadRecord) or to_json(found)


@pytest.mark.parametrize(
    "body",
    [
        {"records": [HUB, AUDIT]},
        [{"records": [HUB]}, {"records": [AUDIT]}],
        [HUB, AUDIT],
        {"value": [HUB, AUDIT]},
    ],
)
def test_records_come_out_of_every_envelope(body: Any) -> None:
    assert unwrap(json.dumps(body)).records == (HUB, AUDIT)
    assert unwrap(json.dumps(body).encode()).records == (HUB, AUDIT)
    assert unwrap(body).records == (HUB, AUDIT)


def test_a_record_alone_is_one() -> None:
    assert unwrap(REST).records == (REST,)


def test_event_grid_brings_resource_events_and_nothing_else() -> None:
    validation = {"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {}}
    blob = {"type": "Microsoft.Storage.BlobCreated", "specversion": "1.0", "data": {}}
    found = unwrap([GRID, CLOUD_EVENT, validation, blob])
    assert found.records == (GRID, CLOUD_EVENT)
    assert len(found.ignored) == 2
    assert "SubscriptionValidationEvent" in found.ignored[0]


def test_a_part_that_is_no_record_is_refused_and_the_others_go_on() -> None:
    found = unwrap({"records": [HUB, 3, None, "x", AUDIT]})
    assert found.records == (HUB, AUDIT)
    assert len(found.refused) == 3


@pytest.mark.parametrize("body", [b"\xff", "{'records': []}", "3", "null", b"", [[[[[[{}]]]]]]])
def test_what_can_not_be_read_is_refused(body: Any) -> None:
    with pytest.raises(BadRecord) as caught:
        unwrap(body)
    assert str(caught.value).isprintable()


@settings(deadline=None)
@given(JSON | st.binary() | st.text())
def test_no_message_is_anything_but_unwrapped_or_refused(body: Any) -> None:
    found = tried(unwrap, body)
    if not isinstance(found, BadRecord):
        assert all(isinstance(each, dict) for each in found.records)
        assert all(each.isprintable() for each in (*found.ignored, *found.refused))


@pytest.mark.parametrize(
    ("number", "kind"),
    [(0, "user"), ("0", "user"), (2, "admin"), ("5", "service"), (1, "unknown"), (True, "unknown")],
)
def test_the_type_of_a_user_of_microsoft_365_may_be_text(number: Any, kind: str) -> None:
    assert event({**OFFICE, "UserType": number}).actor.type == kind


@pytest.mark.parametrize("record", [AUDIT, SIGNIN, WORKLOAD, RISK])
@pytest.mark.parametrize("lean", [False, True])
def test_a_hunt_names_an_exported_record_by_the_id_of_its_object(
    tmp_path: Path, record: dict[str, Any], lean: bool
) -> None:
    """Shapes of one logsource differ in where the id is."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps([record, record["properties"]]))
    name = identify(record, SOURCES).name
    rule = (Rule(id="any", title="t", source=name), Not(Text("x", ("y",))), "")
    found = list(hunt([path], Detector(book([rule]), SOURCES), Tally(), lean=lean))
    uid = record["properties"]["id"]
    assert {one.event for one in found} == {uid}
    assert found[0].record == 0


@pytest.mark.parametrize(
    ("record", "graph", "field"),
    [(SIGNIN, GRAPH_SIGNIN, "createdDateTime"), (RISK, GRAPH_RISK, "detectedDateTime")],
)
@pytest.mark.parametrize("lean", [False, True])
def test_what_happened_is_older_than_its_export(
    tmp_path: Path, record: dict[str, Any], graph: dict[str, Any], field: str, lean: bool
) -> None:
    """An event, a hunt and Graph's object have the same time."""
    said = "2026-03-01T08:00:00Z"
    object = {**graph, field: said}
    export = {**record, "properties": object}
    assert event(export).time == event(object).time == 1_772_352_000_000
    path = tmp_path / "a.json"
    path.write_text("\n".join(map(json.dumps, (export, object))))
    name = identify(export, SOURCES).name
    rule = (Rule(id="any", title="t", source=name), Not(Text("x", ("y",))), "")
    found = hunt([path], Detector(book([rule]), SOURCES), Tally(), lean=lean)
    assert [one.time for one in found] == [1_772_352_000_000] * 2


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("1/9/2007 09:41:00", 1_168_335_660_000),
        ("01/09/2007 21:41:00", 1_168_378_860_000),
        ("1/9/2007 10:41:00 AM +01:00", 1_168_335_660_000),
    ],
)
def test_american_times_may_have_24_hours_or_an_offset(time: str, at: int) -> None:
    assert event({**HUB, "time": time}).time == at


def test_an_audit_record_tells_its_address_and_reason_wherever_they_stand() -> None:
    record = copy.deepcopy(AUDIT)
    del record["callerIpAddress"]
    record["resultDescription"] = "updated by an administrator"
    record["properties"]["initiatedBy"] = {"user": {"id": "object-1"}}
    record["properties"]["additionalDetails"] = [{"key": "ipaddr", "value": "192.0.2.9"}]
    found = event(record)
    assert (found.ip, found.message) == ("192.0.2.9", "updated by an administrator")


@pytest.mark.parametrize("tenants", ["tenants", "TeNaNtS"])
def test_a_tenants_own_activity_is_the_tenants(tenants: str) -> None:
    target = f"/{tenants}/{TENANT}/providers/Microsoft.aadiam"
    claims = {key: HUB[key] for key in HUB if key not in ("tenantId", "identity", "resourceId")}
    found = event({**claims, "resourceId": target})
    assert found.account == TENANT
    assert [each.type for each in found.resources] == ["microsoft.aadiam"]
    assert event({**AUDIT, "resourceId": target}).account == TENANT


def test_a_placeholder_is_no_object_of_microsoft_365() -> None:
    bare = {**OFFICE, "ObjectId": "Unknown"}
    assert event(bare).resources == ()
    named = [
        {"Name": "targetObjectId", "Value": "object-2"},
        {"Name": "targetName", "Value": "siem"},
        {"Name": "additionalDetails", "Value": '{"User-Agent":"EvoSTS"}'},
    ]
    found = event({**bare, "ObjectId": "Not Available", "ExtendedProperties": named})
    assert found.resources == (Resource(uid="object-2", name="siem", account=TENANT),)
    assert found.user_agent == "EvoSTS"
    assert event({**OFFICE, "UserAgent": "curl/8"}).user_agent == "curl/8"


def test_what_is_done_in_a_mailbox_names_it() -> None:
    mailbox = {"MailboxGuid": "box-1", "MailboxOwnerUPN": "bob@example.com"}
    (found,) = event({**EXCHANGE, **mailbox}).resources
    assert (found.uid, found.name, found.type) == ("box-1", "bob@example.com", "Mailbox")


def test_graphs_search_of_the_audit_log_holds_records_as_objects(tmp_path: Path) -> None:
    row = {"id": "r", "auditLogRecordType": "azureActiveDirectory", "auditData": OFFICE}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"@odata.context": "c", "value": [row]}))
    rule = (Rule(id="any", title="t", source="m365/audit"), Not(Text("x", ("y",))), "")
    (found,) = hunt([path], Detector(book([rule]), SOURCES), Tally())
    assert found.event == "event-1"
