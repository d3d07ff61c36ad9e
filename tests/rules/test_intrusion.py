"""One intrusion, told by three clouds: an identity comes to be, gets a key and all rights, and the
log stops. The same rules find the same four things, and what they say has the same form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core import ocsf
from core.audit import Audit
from core.detect import Detector
from core.engine import Engine
from core.memory import FakeClock, MemoryJournal, MemoryMetrics, MemoryStore, Recorder
from core.model import Action, Alert, Finding, Rule
from core.rulebook import And, Compare, Rulebook, Text, book
from core.scan import identify
from core.sigma import compile_rules
from functions.local.sources import sources

RULES = Path(__file__).parents[2] / "core" / "rules" / "cross"
SOURCES = sources()
IP = "198.51.100.23"
TENANT = "00000000-0000-4000-8000-0000000000aa"
SUBSCRIPTION = "00000000-0000-4000-8000-0000000000bb"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
ROBOT = "backup@example-project.iam.gserviceaccount.com"

NEW_IDENTITY = Rule(
    id="identity-created", title="Identity created", level="low", source="api_activity"
)

STEPS = {
    "Identity created": ("identity.create",),
    "Credential created for another": ("credential.create",),
    "Administrator rights granted": ("privilege.grant",),
    "Audit log disabled": ("logging.disable",),
}
"""What is found at each step -> the classes of its event."""


def trail(second: int, source: str, operation: str, **request: str) -> dict[str, Any]:
    return {
        "eventTime": f"2026-11-23T10:15:0{second}Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": operation,
        "eventID": f"00000000-0000-4000-8000-00000000000{second}",
        "awsRegion": "us-east-1",
        "sourceIPAddress": IP,
        "userAgent": "aws-cli/2.31.4",
        "readOnly": False,
        "recipientAccountId": "123456789012",
        "userIdentity": {
            "type": "IAMUser",
            "arn": "arn:aws:iam::123456789012:user/mallory",
            "accountId": "123456789012",
            "userName": "mallory",
        },
        "requestParameters": request,
    }


def directory(second: int, activity: str) -> dict[str, Any]:
    mallory = {"id": "mallory-id", "userPrincipalName": "mallory@example.com", "ipAddress": IP}
    return {
        "time": f"2026-11-23T10:15:0{second}Z",
        "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "operationName": activity,
        "category": "AuditLogs",
        "properties": {
            "id": f"Directory_{second}",
            "activityDisplayName": activity,
            "operationType": "Add",
            "loggedByService": "Core Directory",
            "result": "success",
            "initiatedBy": {"user": mallory},
            "targetResources": [
                {"id": "backup-id", "displayName": "backup", "type": "ServicePrincipal"}
            ],
        },
    }


def hub(second: int, operation: str, resource: str, **properties: str) -> dict[str, Any]:
    claims = "http://schemas.microsoft.com/identity/claims/"
    return {
        "time": f"2026-11-23T10:15:0{second}Z",
        "resourceId": f"/SUBSCRIPTIONS/{SUBSCRIPTION}/PROVIDERS/{resource}".upper(),
        "operationName": operation.upper(),
        "category": "Administrative",
        "resultType": "Success",
        "callerIpAddress": IP,
        "correlationId": f"c{second}",
        "identity": {
            "claims": {
                f"{claims}objectidentifier": "mallory-id",
                f"{claims}tenantid": TENANT,
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "mallory@example.com",
            }
        },
        "location": "global",
        "properties": properties,
    }


def entry(second: int, service: str, method: str, resource: str, **more: Any) -> dict[str, Any]:
    return {
        "logName": "projects/example-project/logs/cloudaudit.googleapis.com%2Factivity",
        "timestamp": f"2026-11-23T10:15:0{second}Z",
        "insertId": f"i{second}",
        "resource": {"type": "project", "labels": {"project_id": "example-project"}},
        "protoPayload": {
            "serviceName": f"{service}.googleapis.com",
            "methodName": method,
            "resourceName": resource,
            "authenticationInfo": {"principalEmail": "mallory@example.com"},
            "requestMetadata": {"callerIp": IP},
            "status": {},
            **more,
        },
    }


ROLE = {"Properties": {"RoleDefinitionId": f"/providers/x/roleDefinitions/{OWNER}"}}
GRANT = {"bindingDeltas": [{"action": "ADD", "role": "roles/owner", "member": ROBOT}]}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"

INTRUSION: Mapping[str, list[dict[str, Any]]] = {
    "aws": [
        trail(1, "iam", "CreateUser", userName="backup"),
        trail(2, "iam", "CreateAccessKey", userName="backup"),
        trail(3, "iam", "AttachUserPolicy", userName="backup", policyArn=ADMINISTRATOR),
        trail(4, "cloudtrail", "StopLogging", name="main"),
    ],
    "azure": [
        directory(1, "Add service principal"),
        directory(2, "Add service principal credentials"),
        hub(
            3,
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/a1",
            requestbody=json.dumps(ROLE),
        ),
        hub(
            4,
            "Microsoft.Insights/diagnosticSettings/delete",
            "Microsoft.Insights/diagnosticSettings/to-hub",
        ),
    ],
    "gcp": [
        entry(1, "iam", "google.iam.admin.v1.CreateServiceAccount", "projects/example-project"),
        entry(
            2,
            "iam",
            "google.iam.admin.v1.CreateServiceAccountKey",
            f"projects/-/serviceAccounts/{ROBOT}",
        ),
        entry(
            3,
            "cloudresourcemanager",
            "SetIamPolicy",
            "projects/example-project",
            serviceData={"policyDelta": GRANT},
        ),
        entry(
            4,
            "logging",
            "google.logging.v2.ConfigServiceV2.DeleteSink",
            "projects/example-project/sinks/vault",
        ),
    ],
}


@pytest.fixture(scope="module")
def rules() -> Rulebook:
    """The shipped neutral rules, and one more for the first step, which alone is no finding."""
    shipped = compile_rules([RULES], SOURCES).book
    made = And((Text("metadata.labels", ("identity.create",)), Compare("status_id", "eq", 1)))
    more = book([(NEW_IDENTITY, made, "")])
    return Rulebook(format=shipped.format, entries=(*more.entries, *shipped.entries))


def findings(rules: Rulebook, records: list[dict[str, Any]]) -> list[Finding]:
    """What the detect function would tell of these records, in order."""
    clock, journal, alerts = FakeClock(), MemoryJournal(), Recorder[Alert]()
    store = MemoryStore(clock)
    detector = Detector(rules, SOURCES)
    engine = Engine(
        match=detector.match,
        sources={one.name: one for one in reversed(SOURCES)},
        store=store,
        audit=Audit(journal, store, "detect", clock),
        sinks={"console": alerts},
        queue=Recorder[Action](),
        clock=clock,
        metrics=MemoryMetrics(),
    )
    for record in records:
        source = identify(record, SOURCES)
        assert source is not None
        engine.observe(source.name, record)
    return [alert.finding for alert in alerts.seen if alert.finding]


@pytest.mark.parametrize("cloud", INTRUSION)
def test_each_step_is_found_by_the_same_rule(rules: Rulebook, cloud: str) -> None:
    found = findings(rules, INTRUSION[cloud])
    assert [one.title for one in found] == list(STEPS)
    assert {one.provider for one in found} == {cloud}
    for one in found:
        (event,) = one.evidence
        assert event.labels == STEPS[one.title]
        assert event.outcome == "success"


def test_findings_of_three_clouds_say_the_same_in_the_same_fields(rules: Rulebook) -> None:
    told = [findings(rules, records) for records in INTRUSION.values()]
    for steps in zip(*told, strict=True):
        assert len({(one.rule, one.level, one.title, one.time) for one in steps}) == 1
        assert {one.ip for one in steps} == {IP}
        assert all("mallory" in one.actor.uid for one in steps)
        assert all("mallory" in one.actor.name for one in steps)
        assert all(one.account and one.resources and one.events for one in steps)
        shown = [ocsf.finding(one) for one in steps]
        assert len({frozenset(one) for one in shown}) == 1
        evidences = [one["evidences"][0] for one in shown]
        common = {"uid", "name", "actor", "api", "src_endpoint", "resources"}
        assert all(common <= evidence.keys() for evidence in evidences)
        assert len({frozenset(one["src_endpoint"]) for one in evidences}) == 1
        assert all({"uid", "name"} <= one["actor"]["user"].keys() for one in evidences)


def test_the_role_that_was_granted_is_among_the_resources(rules: Rulebook) -> None:
    granted = [findings(rules, records)[2].resources[-1].uid for records in INTRUSION.values()]
    assert granted == [ADMINISTRATOR, f"/providers/x/roledefinitions/{OWNER}", "roles/owner"]
