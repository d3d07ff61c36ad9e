"""What each kind of verb would act on, from the entries that show it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.actions import CATALOGUE
from core.model import Event
from core.sweep import event as posture
from functions.gcp.actions import actions
from functions.gcp.actions.policy import KINDS
from functions.gcp.events import SOURCES, event
from functions.gcp.targets import GRANTABLE, TARGETS, targets
from tests.gcp.fake.google import Google
from tests.gcp.test_events import SCC

PROJECT = "example-project"
ROBOT = f"deploy@{PROJECT}.iam.gserviceaccount.com"
ACCOUNT = f"projects/{PROJECT}/serviceAccounts/{ROBOT}"
NIGHTS = {"title": "nights", "expression": "request.time.getHours('UTC') < 6"}
FAILED = {"status": {"code": 7, "message": "denied"}}


def call(
    service: str,
    method: str,
    resource: str,
    *,
    log: str = f"projects/{PROJECT}",
    by: str = "ana@example.com",
    **payload: Any,
) -> Event:
    who = {"principalEmail": by, **payload.pop("authenticationInfo", {})}
    return event(
        "gcp/gcp.audit",
        {
            "logName": f"{log}/logs/cloudaudit.googleapis.com%2Factivity",
            "timestamp": "2026-03-01T10:20:30Z",
            "insertId": "1",
            "protoPayload": {
                "serviceName": f"{service}.googleapis.com",
                "methodName": method,
                "resourceName": resource,
                "authenticationInfo": who,
                **payload,
            },
        },
    )


def delta(**deltas: Any) -> dict[str, Any]:
    return {"serviceData": {"policyDelta": deltas}}


def added(member: str = "user:mallory@example.net", **more: Any) -> dict[str, Any]:
    return {"action": "ADD", "role": "roles/owner", "member": member, **more}


def test_every_kind_of_the_catalogue_has_a_reader():
    assert set(TARGETS) == {entry.target for entry in CATALOGUE.values()}


@pytest.mark.parametrize(
    "resource",
    [
        "//cloudresourcemanager.googleapis.com/projects/p",
        "//cloudresourcemanager.googleapis.com/folders/1",
        "//cloudresourcemanager.googleapis.com/organizations/1",
        "//storage.googleapis.com/projects/_/buckets/b",
        "//storage.googleapis.com/projects/_/buckets/b/objects/o",
        "//iam.googleapis.com/projects/p/serviceAccounts/a",
        "//iam.googleapis.com/projects/p/serviceAccounts/a/keys/k",
        "//pubsub.googleapis.com/projects/p/topics/t",
        "//pubsub.googleapis.com/projects/p/subscriptions/s",
        "//run.googleapis.com/projects/p/locations/l/services/s",
        "//secretmanager.googleapis.com/projects/p/secrets/s",
        "//bigquery.googleapis.com/projects/p/datasets/d",
    ],
)
def test_a_grant_is_a_target_where_the_verb_knows_the_way_to_the_policy(resource):
    assert bool(GRANTABLE.match(resource)) == any(re.fullmatch(each, resource) for each in KINDS)


# Keys and sessions


@pytest.mark.parametrize("method", ["CreateServiceAccountKey", "UploadServiceAccountKey"])
def test_the_key_that_was_made_is_the_target_and_not_the_one_used(method):
    made = call(
        "iam",
        f"google.iam.admin.v1.{method}",
        "projects/-/serviceAccounts/100000000000000000001",
        authenticationInfo={"serviceAccountKeyName": f"//iam.googleapis.com/{ACCOUNT}/keys/used"},
        response={"name": f"{ACCOUNT}/keys/k1"},
    )
    (found,) = targets("access_key", made)
    assert (found.uid, found.account) == (f"//iam.googleapis.com/{ACCOUNT}/keys/k1", PROJECT)
    assert (found.args, found.principal) == (
        {"key": f"{ACCOUNT}/keys/k1"},
        f"serviceAccount:{ROBOT}",
    )


def test_a_key_that_could_not_be_made_leaves_the_one_that_was_used():
    used = call(
        "iam",
        "google.iam.admin.v1.CreateServiceAccountKey",
        "projects/-/serviceAccounts/1",
        authenticationInfo={
            "serviceAccountKeyName": "//iam.googleapis.com/projects/other-project/serviceAccounts/a@b.example/keys/k"
        },
        **FAILED,
    )
    (found,) = targets("access_key", used)
    assert (found.account, found.args["key"][-1]) == ("other-project", "k")


def test_a_call_without_a_key_has_none():
    assert targets("access_key", call("compute", "v1.compute.instances.insert", "x")) == ()


@pytest.mark.parametrize(
    ("email", "project"),
    [
        (ROBOT, PROJECT),
        ("deploy@other-project.iam.gserviceaccount.com", "other-project"),
        ("deploy@p.example.com.iam.gserviceaccount.com", "example.com:p"),
        ("123456789012-compute@developer.gserviceaccount.com", PROJECT),
        ("other-project@appspot.gserviceaccount.com", "other-project"),
        ("ana@example.com", ""),
        ("service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com", ""),
        ("service-123456789012@compute-system.iam.gserviceaccount.com", ""),
        ("123456789012@cloudservices.gserviceaccount.com", ""),
        ("system@google.com", ""),
        ("", ""),
    ],
)
def test_the_session_is_that_of_a_service_account_that_a_project_keeps(email, project):
    found = targets(
        "session", call("compute", "v1.compute.instances.insert", "x", by=email, **FAILED)
    )
    assert [each.account for each in found] == [project] * bool(project)
    for each in found:
        assert each.args == {"service_account": f"projects/{project}/serviceAccounts/{email}"}
        assert each.principal == f"serviceAccount:{email}"


# Grants


@pytest.mark.parametrize(
    ("service", "method", "named", "log", "resource", "account"),
    [
        ("cloudresourcemanager", "SetIamPolicy", "projects/example-project", "projects/example-project", "projects/example-project", PROJECT),
        ("cloudresourcemanager", "SetIamPolicy", "projects/123456789012", "projects/example-project", "projects/example-project", PROJECT),
        ("cloudresourcemanager", "SetIamPolicy", "organizations/1", "organizations/1", "organizations/1", "organizations/1"),
        ("cloudresourcemanager", "SetIamPolicy", "folders/2", "folders/2", "folders/2", "folders/2"),
        ("storage", "storage.setIamPermissions", "projects/_/buckets/acme", "projects/example-project", "projects/_/buckets/acme", PROJECT),
        ("iam", "google.iam.admin.v1.SetIAMPolicy", "projects/-/serviceAccounts/1", "projects/example-project", "projects/example-project/serviceAccounts/1", PROJECT),
        ("secretmanager", "google.cloud.secretmanager.v1.SecretManagerService.SetIamPolicy", "projects/123456789012/secrets/s", "projects/example-project", "projects/example-project/secrets/s", PROJECT),
    ],
)  # fmt: skip
def test_a_grant_is_the_member_that_the_call_added(service, method, named, log, resource, account):
    made = call(service, method, named, log=log, **delta(bindingDeltas=[added()]))
    (found,) = targets("grant", made)
    full = f"//{service}.googleapis.com/{resource}"
    assert found.args == {
        "resource": full,
        "role": "roles/owner",
        "member": "user:mallory@example.net",
    }
    assert (found.account, found.principal) == (account, "user:mallory@example.net")
    assert found.uid == f"{full}#roles/owner#user:mallory@example.net"


def test_each_member_that_was_added_is_a_target_and_none_that_was_removed():
    deltas = [
        added(),
        added("allUsers"),
        added("user:bob@example.com", action="REMOVE"),
        {"action": "ADD"},
        None,
        "x",
    ]
    made = call(
        "cloudresourcemanager", "SetIamPolicy", f"projects/{PROJECT}", **delta(bindingDeltas=deltas)
    )
    assert [each.args["member"] for each in targets("grant", made)] == [
        "user:mallory@example.net",
        "allUsers",
    ]


def test_deltas_of_newer_services_are_in_the_metadata():
    made = call("run", "google.cloud.run.v2.Services.SetIamPolicy", f"projects/{PROJECT}/locations/l/services/s",
                metadata={"policyDelta": {"bindingDeltas": [added("allUsers")]}})  # fmt: skip
    assert [each.args["member"] for each in targets("grant", made)] == ["allUsers"]


def test_a_condition_makes_another_grant_of_it():
    deltas = [added(), added(condition={**NIGHTS, "description": ""})]
    made = call(
        "cloudresourcemanager", "SetIamPolicy", f"projects/{PROJECT}", **delta(bindingDeltas=deltas)
    )
    plain, conditional = targets("grant", made)
    assert ("condition" in plain.args, conditional.args["condition"]) == (False, NIGHTS)
    assert plain.uid != conditional.uid


@pytest.mark.parametrize(
    "made",
    [
        call("cloudresourcemanager", "SetIamPolicy", f"projects/{PROJECT}", **delta(bindingDeltas=[added()]), **FAILED),
        call("compute", "v1.compute.images.setIamPolicy", f"projects/{PROJECT}/global/images/i", **delta(bindingDeltas=[added()])),
        call("cloudresourcemanager", "SetIamPolicy", f"projects/{PROJECT}", request={"policy": {}}),
        call("cloudresourcemanager", "SetIamPolicy", "", **delta(bindingDeltas=[added()])),
    ],
)  # fmt: skip
def test_what_was_not_granted_or_can_not_be_told_is_no_target(made):
    assert targets("grant", made) == ()


# Ingress, storage, audit logs


@pytest.mark.parametrize(
    "method",
    ["v1.compute.firewalls.insert", "beta.compute.firewalls.patch", "compute.firewalls.update", "google.cloud.compute.v1.Firewalls.Insert"],
)  # fmt: skip
def test_a_firewall_rule_that_was_changed_is_the_target_in_every_version(method):
    made = call(
        "compute", method, "projects/123456789012/global/firewalls/web", operation={"first": True}
    )
    (found,) = targets("ingress", made)
    assert found.args == {"firewall": f"projects/{PROJECT}/global/firewalls/web"}
    assert found.uid == f"//compute.googleapis.com/projects/{PROJECT}/global/firewalls/web"


@pytest.mark.parametrize(
    ("method", "resource", "more"),
    [
        ("v1.compute.firewalls.delete", f"projects/{PROJECT}/global/firewalls/web", {}),
        ("v1.compute.firewalls.insert", f"projects/{PROJECT}/global/firewalls/web", FAILED),
        ("v1.compute.firewalls.insert", f"projects/{PROJECT}/global/networks/web", {}),
        ("v1.compute.networkFirewalls.insert", f"projects/{PROJECT}/global/firewalls/web", {}),
    ],
)
def test_other_calls_open_no_ingress(method, resource, more):
    assert targets("ingress", call("compute", method, resource, **more)) == ()


@pytest.mark.parametrize(
    "method", ["storage.setIamPermissions", "storage.buckets.update", "storage.buckets.create"]
)
def test_a_bucket_that_was_changed_is_the_target(method):
    (found,) = targets("storage", call("storage", method, "projects/_/buckets/acme-data"))
    assert (found.args, found.account) == ({"bucket": "acme-data"}, PROJECT)


@pytest.mark.parametrize(
    ("method", "resource", "more"),
    [
        ("storage.buckets.delete", "projects/_/buckets/acme-data", {}),
        ("storage.setIamPermissions", "projects/_/buckets/acme-data", FAILED),
        ("storage.setIamPermissions", "projects/_/buckets/acme-data/objects/o", {}),
        ("storage.objects.create", "projects/_/buckets/acme-data/objects/o", {}),
    ],
)
def test_other_calls_open_no_bucket(method, resource, more):
    assert targets("storage", call("storage", method, resource, **more)) == ()


CONFIG = "google.logging.v2.ConfigServiceV2"


@pytest.mark.parametrize(
    ("method", "resource", "request_", "args", "account"),
    [
        ("UpdateSink", f"projects/{PROJECT}/sinks/s", {}, {"sink": f"projects/{PROJECT}/sinks/s"}, PROJECT),
        ("DeleteSink", "organizations/1/sinks/s", {}, {"sink": "organizations/1/sinks/s"}, "organizations/1"),
        ("UpdateExclusion", f"projects/{PROJECT}/exclusions/e", {}, {"exclusion": f"projects/{PROJECT}/exclusions/e"}, PROJECT),
        ("CreateExclusion", "projects/123456789012", {"exclusion": {"name": "e"}}, {"exclusion": f"projects/{PROJECT}/exclusions/e"}, PROJECT),
    ],
)  # fmt: skip
def test_a_sink_or_an_exclusion_that_was_changed_is_the_target(
    method, resource, request_, args, account
):
    log = f"projects/{PROJECT}" if account == PROJECT else account
    (found,) = targets(
        "audit_log", call("logging", f"{CONFIG}.{method}", resource, log=log, request=request_)
    )
    assert (found.args, found.account) == (args, account)
    assert found.uid == f"//logging.googleapis.com/{next(iter(args.values()))}"


def test_what_an_audit_configuration_lost_is_the_target():
    deltas = [
        {"action": "REMOVE", "service": "allServices", "logType": "DATA_READ"},
        {"action": "REMOVE", "service": "allServices", "logType": "DATA_READ", "exemptedMember": "user:bob@example.com"},
        {"action": "ADD", "service": "iam.googleapis.com", "logType": "ADMIN_READ"},
        {"action": "ADD", "service": "iam.googleapis.com", "logType": "ADMIN_READ", "exemptedMember": "user:mallory@example.net"},
        {"action": "REMOVE", "service": "storage.googleapis.com"},
    ]  # fmt: skip
    made = call(
        "cloudresourcemanager",
        "SetIamPolicy",
        f"projects/{PROJECT}",
        **delta(auditConfigDeltas=deltas),
    )
    (found,) = targets("audit_log", made)
    assert found.args == {
        "resource": f"//cloudresourcemanager.googleapis.com/projects/{PROJECT}",
        "logged": ["allServices/DATA_READ"],
        "exempted": ["iam.googleapis.com/ADMIN_READ/user:mallory@example.net"],
    }


@pytest.mark.parametrize(
    "made",
    [
        call("logging", f"{CONFIG}.UpdateSink", f"projects/{PROJECT}/sinks/s", **FAILED),
        call("logging", f"{CONFIG}.CreateExclusion", f"projects/{PROJECT}"),
        call("logging", f"{CONFIG}.DeleteExclusion", f"projects/{PROJECT}/exclusions/e"),
        call("cloudresourcemanager", "SetIamPolicy", f"projects/{PROJECT}", **delta(auditConfigDeltas=[{"action": "ADD", "service": "a", "logType": "DATA_READ"}])),
    ],
)  # fmt: skip
def test_other_calls_took_no_audit_log_away(made):
    assert targets("audit_log", made) == ()


@pytest.mark.parametrize(
    ("kind", "resource_type", "id", "attributes", "args"),
    [
        ("access_key", "access_key", f"//iam.googleapis.com/{ACCOUNT}/keys/k1", {}, {"key": f"{ACCOUNT}/keys/k1"}),
        ("ingress", "firewall_rule", f"//compute.googleapis.com/projects/{PROJECT}/global/firewalls/web", {"direction": "ingress", "action": "allow"}, {"firewall": f"projects/{PROJECT}/global/firewalls/web"}),
        ("storage", "storage_bucket", "//storage.googleapis.com/projects/_/buckets/acme", {}, {"bucket": "acme"}),
        ("audit_log", "audit_log", f"//logging.googleapis.com/projects/{PROJECT}/sinks/s", {}, {"sink": f"projects/{PROJECT}/sinks/s"}),
    ],
)  # fmt: skip
def test_a_resource_of_a_sweep_is_the_target_itself(kind, resource_type, id, attributes, args):
    (found,) = targets(kind, swept(resource_type, id, **attributes))
    assert (found.uid, found.account, found.args) == (id, PROJECT, args)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("ingress", {"resource_type": "firewall_rule", "direction": "egress", "action": "allow"}),
        ("ingress", {"resource_type": "firewall_rule", "direction": "ingress", "action": "deny"}),
        ("storage", {"resource_type": "firewall_rule"}),
        ("session", {"resource_type": "access_key"}),
    ],
)
def test_a_resource_that_lets_nobody_in_is_no_target(kind, found):
    assert targets(kind, swept(found.pop("resource_type"), "//x.googleapis.com/y", **found)) == ()


def swept(resource_type: str, id: str, **attributes: Any) -> Event:
    about = {"resource_type": resource_type, "id": id, "name": id, "attributes": attributes}
    return posture({**about, "provider": "gcp", "account": PROJECT, "time": 0})


# All of them


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "ADD", "REMOVE", "projects/-", "allServices"]) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["action", "role", "member", "name", "policyDelta", "bindingDeltas", "auditConfigDeltas", "exclusion", "condition"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [
            "SetIamPolicy",
            f"{CONFIG}.UpdateSink",
            f"{CONFIG}.CreateExclusion",
            "compute.firewalls.insert",
            "google.iam.admin.v1.CreateServiceAccountKey",
        ]
    ),
    ODD,
    ODD,
    ODD,
)
def test_no_entry_whatever_it_holds_breaks_the_reading(method, resource, payload, request_):
    made = call("cloudresourcemanager", method, resource, serviceData=payload, metadata=payload, request=request_, response=request_)  # fmt: skip
    for kind in TARGETS:
        for found in targets(kind, made):
            assert found.uid
            assert found.kind == kind


def test_what_an_entry_shows_is_what_the_verb_takes(google: Google, clients):
    """From the entry of an attack to the state without it, with nothing in between."""
    google.policy(f"projects/{PROJECT}", {"role": "roles/owner", "members": ["user:ana@example.com", "user:mallory@example.net"]})  # fmt: skip
    made = call(
        "cloudresourcemanager",
        "SetIamPolicy",
        "projects/123456789012",
        **delta(bindingDeltas=[added()]),
    )
    (aim,) = targets("grant", made)
    verb = actions(clients)["remove_grant"]
    before = verb.read(aim)
    verb.write(aim, before, verb.want(aim, before, 0))
    assert google.policies[f"projects/{PROJECT}"]["bindings"] == [
        {"role": "roles/owner", "members": ["user:ana@example.com"]}
    ]


@pytest.mark.parametrize("name", ["a\\", r"\1", r"\g<0>", r"\g<x>"])
def test_a_name_is_no_template_for_another(name):
    resource = "//cloudresourcemanager.googleapis.com/projects/123456789012"
    finding = {**SCC["finding"], "resourceName": resource}
    record = {
        **SCC,
        "finding": finding,
        "resource": {**SCC["resource"], "projectDisplayName": name},
    }
    (scc,) = [one for one in SOURCES if one.name == "gcp/scc"]
    found = scc.event(record)
    assert found.account == name
    assert [targets(kind, found) for kind in TARGETS] == [()] * len(TARGETS)
