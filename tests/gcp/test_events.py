"""Google's audit log entries, and the messages that bring them."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRecord
from core.model import Event, Resource, from_json, to_json
from core.ocsf import activity
from core.scan import identify
from functions.gcp.envelopes import unwrap
from functions.gcp.events import SOURCES
from functions.gcp.events.entries import actor_type
from tests.damage import JSON, damaged, tried

BY_NAME = {one.name: one for one in SOURCES}
ROBOT = "deploy@example-project.iam.gserviceaccount.com"
KEY = f"//iam.googleapis.com/projects/example-project/serviceAccounts/{ROBOT}/keys/k1"

ENTRY: dict[str, Any] = {
    "logName": "projects/example-project/logs/cloudaudit.googleapis.com%2Factivity",
    "timestamp": "2026-03-01T10:20:30.123456789Z",
    "receiveTimestamp": "2026-03-01T10:20:31Z",
    "insertId": "abc123",
    "severity": "NOTICE",
    "resource": {
        "type": "gce_firewall_rule",
        "labels": {"project_id": "example-project", "location": "global"},
    },
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": "compute.googleapis.com",
        "methodName": "v1.compute.firewalls.insert",
        "resourceName": "projects/example-project/global/firewalls/open",
        "authenticationInfo": {
            "principalEmail": ROBOT,
            "serviceAccountKeyName": KEY,
            "serviceAccountDelegationInfo": [
                {"firstPartyPrincipal": {"principalEmail": "alice@example.com"}}
            ],
        },
        "authorizationInfo": [{"permission": "compute.firewalls.create", "granted": True}],
        "requestMetadata": {
            "callerIp": "192.0.2.7",
            "callerSuppliedUserAgent": "google-cloud-sdk gcloud/500.0.0",
        },
        "status": {},
    },
    "operation": {"id": "operation-1", "first": True, "last": True},
}
GKE: dict[str, Any] = {
    **ENTRY,
    "resource": {
        "type": "k8s_cluster",
        "labels": {
            "project_id": "example-project",
            "location": "europe-west1",
            "cluster_name": "prod",
        },
    },
    "protoPayload": {
        **ENTRY["protoPayload"],
        "serviceName": "k8s.io",
        "methodName": "io.k8s.core.v1.secrets.delete",
        "resourceName": "core/v1/namespaces/default/secrets/token",
        "authenticationInfo": {"principalEmail": "system:serviceaccount:default:app"},
    },
}


def workspace(service: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "logName": "organizations/123456789012/logs/cloudaudit.googleapis.com%2Fdata_access",
        "timestamp": "2026-03-01T10:20:30.123Z",
        "insertId": "def456",
        "resource": {"type": "audited_resource", "labels": {"service": service}},
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": service,
            "methodName": "google.login.LoginService.loginFailure",
            "resourceName": "organizations/123456789012",
            "authenticationInfo": {"principalEmail": "alice@example.com"},
            "requestMetadata": {"callerIp": "2001:db8::1"},
            "metadata": {"event": [{"eventName": name, "eventType": "login", **more}]},
        },
    }


SCC: dict[str, Any] = {
    "notificationConfigName": "organizations/123456789012/notificationConfigs/vigil",
    "finding": {
        "name": "organizations/123456789012/sources/456/findings/0a1b",
        "parent": "organizations/123456789012/sources/456",
        "resourceName": "//cloudresourcemanager.googleapis.com/projects/123456789012",
        "state": "ACTIVE",
        "category": "Persistence: IAM Anomalous Grant",
        "eventTime": "2026-03-01T10:20:30.123Z",
        "createTime": "2026-03-01T10:20:31Z",
        "severity": "HIGH",
        "findingClass": "THREAT",
        "access": {
            "principalEmail": "mallory@example.com",
            "callerIp": "192.0.2.7",
            "userAgent": "gcloud",
        },
    },
    "resource": {
        "name": "//cloudresourcemanager.googleapis.com/projects/123456789012",
        "projectDisplayName": "example-project",
        "project": "//cloudresourcemanager.googleapis.com/projects/123456789012",
        "type": "google.cloud.resourcemanager.Project",
        "displayName": "example-project",
    },
}

LOGIN = workspace("login.googleapis.com", "login_failure")
ADMIN = workspace("admin.googleapis.com", "CREATE_USER")

RECORDS = {
    "compute": ("gcp/gcp.audit", ENTRY),
    "kubernetes": ("gcp/gcp.audit", GKE),
    "sign-in": ("gcp/google_workspace.login", LOGIN),
    "admin": ("gcp/google_workspace.admin", ADMIN),
    "scc": ("gcp/scc", SCC),
}


def event(record: Any, source: str = "gcp/gcp.audit") -> Event:
    return BY_NAME[source].event(record)


def payload(**fields: Any) -> dict[str, Any]:
    return {**ENTRY, "protoPayload": {**ENTRY["protoPayload"], **fields}}


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def pushed(value: Any) -> dict[str, Any]:
    message = {"data": encoded(value), "messageId": "1", "attributes": {}}
    return {"message": message, "subscription": "projects/example-project/subscriptions/vigil"}


@pytest.mark.parametrize("name", RECORDS)
def test_an_entry_becomes_an_event_of_its_source(name: str) -> None:
    source, record = RECORDS[name]
    found = event(record, source)
    assert (found.source, found.provider, found.record) == (source, "gcp", record)
    assert found.time == 1_772_360_430_123
    assert activity(found)
    assert from_json(to_json(found), Event) == found


@pytest.mark.parametrize("record", [ENTRY, GKE])
def test_an_audit_entry_is_known_by_its_marks(record: dict[str, Any]) -> None:
    source = identify(record, SOURCES)
    assert source is not None
    assert source.name == "gcp/gcp.audit"


@pytest.mark.parametrize("record", [{}, {"logName": "x", "textPayload": "y"}, {"protoPayload": {}}])
def test_what_is_no_audit_entry_is_nobodys(record: dict[str, Any]) -> None:
    assert identify(record, SOURCES) is None


def test_an_entry_tells_who_did_what_from_where() -> None:
    found = event(ENTRY)
    assert (found.account, found.region) == ("example-project", "global")
    assert (found.service, found.operation) == (
        "compute.googleapis.com",
        "v1.compute.firewalls.insert",
    )
    assert (found.activity, found.outcome, found.ip) == ("create", "success", "192.0.2.7")
    assert (found.user_agent, found.request) == ("google-cloud-sdk gcloud/500.0.0", "operation-1")
    assert (found.actor.uid, found.actor.name, found.actor.type) == (ROBOT, ROBOT, "service")
    assert (found.actor.account, found.actor.credential) == ("example-project", KEY)
    assert found.actor.issuer == "alice@example.com"
    assert found.resources == (
        Resource(
            uid="//compute.googleapis.com/projects/example-project/global/firewalls/open",
            name="open",
            type="gce_firewall_rule",
            region="global",
            account="example-project",
        ),
    )


def test_an_object_of_kubernetes_is_named_within_its_cluster() -> None:
    found = event(GKE)
    cluster = "projects/example-project/locations/europe-west1/clusters/prod"
    secret = "core/v1/namespaces/default/secrets/token"
    assert found.resources[0].uid == f"//container.googleapis.com/{cluster}/k8s/{secret}"
    assert (found.actor.type, found.activity) == ("system", "delete")


@pytest.mark.parametrize(
    ("status", "operation", "outcome", "error"),
    [
        ({}, {}, "success", ""),
        (None, None, "success", ""),
        ({"code": 0}, {}, "success", ""),
        ({"code": 7, "message": "denied"}, {}, "failure", "PERMISSION_DENIED"),
        ({"code": 16}, {}, "failure", "UNAUTHENTICATED"),
        ({"code": 99}, {}, "failure", "99"),
        ({}, {"first": True}, "unknown", ""),
        ({}, {"last": True}, "success", ""),
        ({"code": 5}, {"last": True}, "failure", "NOT_FOUND"),
        ({"code": 7}, {"first": True}, "failure", "PERMISSION_DENIED"),
    ],
)
def test_an_outcome_is_the_status_and_unknown_while_the_call_runs(
    status: Any, operation: Any, outcome: str, error: str
) -> None:
    found = event({**payload(status=status), "operation": operation})
    assert (found.outcome, found.error) == (outcome, error)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("v1.compute.firewalls.insert", "create"),
        ("google.iam.admin.v1.CreateServiceAccountKey", "create"),
        ("storage.buckets.delete", "delete"),
        ("storage.setIamPermissions", "update"),
        ("SetIamPolicy", "update"),
        ("google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion", "read"),
        ("beta.compute.packetMirrorings.aggregatedList", "read"),
        ("Frobnicate", "other"),
    ],
)
def test_the_activity_is_the_verb_of_the_method(method: str, expected: str) -> None:
    assert event(payload(methodName=method)).activity == expected


def test_a_method_without_a_known_verb_is_a_read_by_its_permission() -> None:
    info = [{"permission": "x", "permissionType": "DATA_READ", "granted": True}]
    assert event(payload(methodName="Frobnicate", authorizationInfo=info)).activity == "read"


@pytest.mark.parametrize(
    ("who", "uid", "sort"),
    [
        ({"principalEmail": "alice@example.com"}, "alice@example.com", "user"),
        ({"principalSubject": "user:alice@example.com"}, "user:alice@example.com", "user"),
        ({"principalEmail": "123@cloudservices.gserviceaccount.com"}, None, "service"),
        ({"principalSubject": "principal://iam.googleapis.com/x"}, None, "role"),
        ({}, "", "unknown"),
        ("alice", "", "unknown"),
    ],
)
def test_a_caller_is_told_by_its_name(who: Any, uid: str | None, sort: str) -> None:
    found = event(payload(authenticationInfo=who)).actor
    assert found.type == sort
    assert uid is None or found.uid == uid


@pytest.mark.parametrize(
    ("value", "ip", "domain"),
    [
        ("192.0.2.7", "192.0.2.7", ""),
        ("2001:db8::1", "2001:db8::1", ""),
        ("private", "", "private"),
        ("gce-internal-ip", "", "gce-internal-ip"),
        (7, "", ""),
    ],
)
def test_a_caller_address_is_one_or_a_word(value: Any, ip: str, domain: str) -> None:
    found = event(payload(requestMetadata={"callerIp": value}))
    assert (found.ip, found.domain) == (ip, domain)


@pytest.mark.parametrize(
    ("log", "account"),
    [
        ("projects/other/logs/x", "other"),
        ("organizations/123456789012/logs/x", "organizations/123456789012"),
        ("folders/7/logs/x", "folders/7"),
    ],
)
def test_the_account_is_the_owner_of_the_log(log: str, account: str) -> None:
    record = {**ENTRY, "logName": log, "resource": {"type": "x"}}
    assert event(record).account == account


def test_a_sign_in_to_workspace_is_one_and_can_fail() -> None:
    found = event(LOGIN, "gcp/google_workspace.login")
    assert (found.operation, found.authentication) == ("login_failure", True)
    assert (found.activity, found.outcome, found.ip) == ("logon", "failure", "2001:db8::1")
    ended = event(workspace("login.googleapis.com", "logout"), "gcp/google_workspace.login")
    assert (ended.activity, ended.outcome) == ("logoff", "success")
    told = workspace("login.googleapis.com", "2sv_enroll", status={"success": False})
    assert event(told, "gcp/google_workspace.login").outcome == "failure"


def test_an_id_is_of_log_time_and_insert_id_and_else_of_the_content() -> None:
    first, again = event(ENTRY), event({**copy.deepcopy(ENTRY), "receiveTimestamp": "later"})
    assert first.uid == again.uid
    assert first.uid != event({**ENTRY, "insertId": "other"}).uid
    bare = {key: value for key, value in ENTRY.items() if key != "insertId"}
    assert event(bare).uid == event(copy.deepcopy(bare)).uid != first.uid


def running(**operation: Any) -> dict[str, Any]:
    said = {"id": "operation-7", "producer": "compute.googleapis.com", **operation}
    at = f"2026-03-01T10:20:{30 + len(operation)}Z"
    return {**ENTRY, "operation": said, "insertId": str(said), "timestamp": at}


def test_the_entries_of_one_long_running_call_are_one_event() -> None:
    began, went_on, ended = running(first=True), running(), running(last=True)
    assert event(began).uid == event(went_on).uid == event(ended).uid
    assert [event(each).outcome for each in (began, ended)] == ["unknown", "success"]


def test_calls_of_one_entry_or_of_other_operations_are_apart() -> None:
    whole = running(first=True, last=True)
    entries = [
        whole,
        {**whole, "insertId": "other"},
        running(first=True),
        running(id="operation-8"),
        running(producer="example.com"),
        {**running(first=True), "logName": "projects/other/logs/x"},
        {**running(first=True), "protoPayload": {"methodName": "v1.compute.disks.insert"}},
    ]
    assert len({event(each).uid for each in entries}) == len(entries)


def test_a_finding_of_security_command_center_tells_what_who_and_where() -> None:
    found = event(SCC, "gcp/scc")
    assert (found.finding, found.operation) == (True, "Persistence: IAM Anomalous Grant")
    assert (found.account, found.ip, found.user_agent) == ("example-project", "192.0.2.7", "gcloud")
    assert (found.actor.uid, found.actor.type) == ("mallory@example.com", "user")
    assert found.resources[0].uid == SCC["finding"]["resourceName"]
    assert activity(found)["class_uid"] == 2004


def test_a_finding_told_again_is_one_event_and_reopened_another() -> None:
    def told(**fields: Any) -> str:
        return event({**SCC, "finding": {**SCC["finding"], **fields}}, "gcp/scc").uid

    assert told() == told(mute="MUTED", severity="LOW")
    assert len({told(), told(state="INACTIVE"), told(eventTime="2026-03-02T00:00:00Z")}) == 3


@pytest.mark.parametrize(
    ("finding", "reason"),
    [({}, "no name"), ("x", "no name"), ({"name": "x"}, "eventTime"), ({"name": "x", "eventTime": "\x1b"}, "eventTime")],
)  # fmt: skip
def test_a_notification_without_its_identity_is_refused(finding: Any, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason) as caught:
        event({**SCC, "finding": finding}, "gcp/scc")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "an object"),
        ([], "an object"),
        ({}, "methodName"),
        ({**ENTRY, "protoPayload": "x"}, "methodName"),
        ({**ENTRY, "timestamp": None}, "timestamp"),
        ({**ENTRY, "timestamp": "\x1b[31m"}, "timestamp"),
        ({**ENTRY, "timestamp": 7}, "timestamp"),
        ({**ENTRY, "timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
    ],
)
def test_an_entry_without_its_identity_is_refused_with_the_reason(record: Any, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason) as caught:
        event(record)
    assert str(caught.value).isprintable()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_shape_of_an_entry_is_anything_but_an_event_or_refused(data: st.DataObject) -> None:
    name, original = RECORDS[data.draw(st.sampled_from(sorted(RECORDS)))]
    record = damaged(data, original)
    for read in BY_NAME[name].derived.values():
        assert isinstance(read(record), list)
    identify(record, SOURCES)
    found = tried(BY_NAME[name].event, record)
    assert isinstance(found, BadRecord) or to_json(found)


@pytest.mark.parametrize(
    "body",
    [
        ENTRY,
        pushed(ENTRY),
        pushed(ENTRY)["message"],
        {"specversion": "1.0", "type": "google.cloud.pubsub.topic.v1.messagePublished", "data": pushed(ENTRY)},
        {"specversion": "1.0", "type": "google.cloud.audit.log.v1.written", "data": ENTRY},
    ],
    ids=["entry", "push", "message", "cloudevent", "eventarc"],
)  # fmt: skip
def test_an_entry_comes_out_of_every_envelope(body: dict[str, Any]) -> None:
    assert unwrap(body).records == (ENTRY,)
    assert unwrap(json.dumps(body)).records == (ENTRY,)
    assert unwrap(json.dumps(body).encode()).records == (ENTRY,)


def test_a_finding_of_security_command_center_comes_out_of_a_push() -> None:
    (record,) = unwrap(pushed(SCC)).records
    assert identify(record, SOURCES) == BY_NAME["gcp/scc"]


def test_what_is_known_and_not_read_is_ignored_with_a_reason() -> None:
    deleted = {"notificationConfigName": "organizations/1/x", "deletedFinding": "x"}
    assert "deleted" in unwrap(pushed(deleted)).ignored[0]
    assert "Cloud Monitoring" in unwrap(pushed({"incident": {}, "version": "1.2"})).ignored[0]
    assert "without data" in unwrap({"message": {"messageId": "1"}}).ignored[0]


def nested(depth: int) -> dict[str, Any]:
    return ENTRY if not depth else {"message": nested(depth - 1)}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        "[]",
        "3",
        {"a": 1},
        {"data": "*not base64*"},
        {"data": base64.b64encode(b"\xff").decode()},
        {"data": encoded([1])},
        nested(9),
    ],
)
def test_what_can_not_be_read_is_refused(body: Any) -> None:
    with pytest.raises(BadRecord) as caught:
        unwrap(body)
    assert str(caught.value).isprintable()


@settings(deadline=None)
@given(JSON | st.binary() | st.text())
def test_no_message_is_anything_but_unwrapped_or_refused(body: Any) -> None:
    for each in (body, {"data": body}, {"message": body}, {"message": {"data": body}}):
        found = tried(unwrap, each)
        if not isinstance(found, BadRecord):
            assert all(isinstance(one, dict) for one in found.records)


def test_googles_own_system_is_no_user() -> None:
    assert actor_type("system@google.com", "") == "system"
    assert actor_type("alice@example.com", "user:alice@example.com") == "user"
