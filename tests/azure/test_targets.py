"""What each kind of verb would act on, from the records and the resources that show it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from core.actions import CATALOGUE
from core.model import Actor, Event, Resource
from functions.azure.events import SOURCES
from functions.azure.targets import TARGETS, is_world, targets

RULES = Path(__file__).parents[2] / "core" / "rules" / "azure"
BY_NAME = {one.name: one for one in SOURCES}
SUBSCRIPTION = "00000000-0000-4000-8000-0000000000bb"
TENANT = "00000000-0000-4000-8000-0000000000aa"
ALICE = "00000000-0000-4000-8000-000000000001"
BOB = "00000000-0000-4000-8000-000000000002"
PAYROLL = "00000000-0000-4000-8000-000000000003"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/web/providers/microsoft.network/networksecuritygroups/web"
STORE = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/web/providers/microsoft.storage/storageaccounts/acmedata"


def example(rule, start):
    """The record of an example whose name begins so, as an event."""
    document = yaml.safe_load((RULES / f"{rule}.yml").read_text(encoding="utf-8"))
    record = next(each["event"] for each in document["tests"] if each["name"].startswith(start))
    return BY_NAME[f"azure/{document['logsource']['service']}"].event(record)


def activity(operation, resource="", *, outcome="success", actor=None, record=None):
    return Event(
        uid="e",
        time=7,
        source="azure/activitylogs",
        provider="azure",
        account=SUBSCRIPTION,
        operation=operation,
        outcome=outcome,
        actor=actor or Actor(uid=ALICE, type="user", account=TENANT),
        resources=(Resource(uid=resource.lower()),) if resource else (),
        record=record or {},
    )


def swept(uid):
    return Event(
        uid="s",
        time=0,
        source="posture",
        provider="azure",
        account=SUBSCRIPTION,
        record={"id": uid},
    )


def only(kind, event):
    (found,) = targets(kind, event)
    return found


def test_there_is_a_reader_for_every_kind_of_the_catalogue():
    assert {entry.target for entry in CATALOGUE.values()} == set(TARGETS)


@pytest.mark.parametrize(
    ("kind", "rule", "start", "uid", "account", "args", "principal"),
    [
        ("ingress", "azure_nsg_opened_to_world", "SSH is opened", f"{GROUP}/securityrules/allow-ssh", SUBSCRIPTION,
         {"resource": f"{GROUP}/securityrules/allow-ssh"}, ""),
        ("ingress", "azure_nsg_opened_to_world", "a group is written whole", f"{GROUP}/securityrules/rdp", SUBSCRIPTION,
         {"resource": f"{GROUP}/securityrules/rdp"}, ""),
        ("storage", "azure_storage_public_access_allowed", "an account allows", STORE, SUBSCRIPTION, {"resource": STORE}, ""),
        ("storage", "azure_storage_public_access_allowed", "the blobs", f"{STORE}/blobservices/default/containers/public",
         SUBSCRIPTION, {"resource": f"{STORE}/blobservices/default/containers/public"}, ""),
        ("access_key", "azure_storage_keys_listed_by_user", "a user lists the keys", STORE, SUBSCRIPTION, {"resource": STORE}, ""),
        ("access_key", "entra_application_credential_added", "an application gets", PAYROLL, TENANT, {"application": PAYROLL}, PAYROLL),
        ("access_key", "entra_application_credential_added", "a service principal gets", BOB, TENANT, {"service_principal": BOB}, BOB),
        ("grant", "azure_privileged_role_assigned", "Owner is assigned",
         f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.authorization/roleassignments/00000000-0000-4000-8000-0000000000a1",
         SUBSCRIPTION,
         {"resource": f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.authorization/roleassignments/00000000-0000-4000-8000-0000000000a1"},
         BOB),
        ("grant", "entra_privileged_role_assigned", "somebody is made Global Adm", f"{BOB}#62e90394-69f5-4237-9190-012177145e10", TENANT,
         {"principal_id": BOB, "role": "62e90394-69f5-4237-9190-012177145e10", "scope": "/"}, BOB),
        ("audit_log", "azure_diagnostic_setting_tamper", "a setting loses",
         f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.insights/diagnosticsettings/to-hub", SUBSCRIPTION,
         {"resource": f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.insights/diagnosticsettings/to-hub"}, ""),
        ("audit_log", "azure_diagnostic_setting_tamper", "the setting of Entra", "/providers/microsoft.aadiam/diagnosticsettings/to-hub",
         TENANT, {"resource": "/providers/microsoft.aadiam/diagnosticsettings/to-hub"}, ""),
    ],
)  # fmt: skip
def test_the_call_shows_its_target(kind, rule, start, uid, account, args, principal):  # noqa: PLR0917
    found = only(kind, example(rule, start))
    assert (found.uid, found.account, found.args, found.principal) == (
        uid,
        account,
        args,
        principal,
    )
    assert (found.kind, found.provider) == (kind, "azure")


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ("entra_device_code_sign_in", "a user signs in with"),
        ("azure_disk_exported", "a user gets"),
        ("entra_conditional_access_weakened", "a policy is deleted"),
    ],
)
def test_sessions_are_those_of_the_user_who_acted_up_to_then(rule, start):
    event = example(rule, start)
    found = only("session", event)
    assert (found.uid, found.account, found.principal) == (ALICE, TENANT, ALICE)
    assert found.args == {"user": ALICE, "since": event.time}


@pytest.mark.parametrize("kind", ["access_key", "grant", "ingress", "storage", "audit_log"])
@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ("azure_privileged_role_assigned", "Owner is about to be"),
        ("azure_privileged_role_assigned", "Owner is asked for and denied"),
        ("azure_nsg_opened_to_world", "opening SSH is begun"),
        ("azure_nsg_opened_to_world", "opening SSH is denied"),
        ("azure_storage_public_access_allowed", "allowing public access is denied"),
        ("azure_storage_keys_listed_by_user", "listing keys is begun"),
        ("azure_diagnostic_setting_tamper", "deleting is denied"),
        ("entra_privileged_role_assigned", "making a Global Administrator fails"),
        ("entra_application_credential_added", "adding a secret fails"),
    ],
)
def test_what_failed_or_only_began_gave_nothing_to_take_back(kind, rule, start):
    assert targets(kind, example(rule, start)) == ()


def test_a_sign_in_that_failed_proves_no_identity():
    event = example("entra_device_code_sign_in", "a device code is refused")
    assert targets("session", event) == targets("access_key", event) == ()


def test_an_application_that_acts_can_have_its_own_secrets_stopped():
    event = activity(
        "Microsoft.Compute/disks/write", actor=Actor(uid=PAYROLL, type="service", account=TENANT)
    )
    found = only("access_key", event)
    assert (found.args, found.account) == ({"service_principal": PAYROLL}, TENANT)
    assert targets("session", event) == ()


def test_a_name_is_no_id():
    event = activity("x", actor=Actor(uid="alice@example.com", type="user", account=TENANT))
    assert targets("session", event) == ()


def test_a_group_has_a_target_for_each_rule_that_lets_the_world_in():
    def rule(name, **properties):
        held = {"access": "Allow", "direction": "Inbound", "sourceAddressPrefix": "*", **properties}
        return {"name": name, "properties": held}

    body = {
        "properties": {
            "securityRules": [
                rule("B"),
                rule("a", sourceAddressPrefix=None, sourceAddressPrefixes=["10.0.0.0/8", "::/0"]),
                rule("closed", access="Deny"),
                rule("out", direction="Outbound"),
                rule("office", sourceAddressPrefix="198.51.100.0/24"),
            ]
        }
    }
    event = activity(
        "Microsoft.Network/networkSecurityGroups/write",
        GROUP,
        record={"properties": {"responseBody": json.dumps(body)}},
    )
    names = [found.uid.rpartition("/")[2] for found in targets("ingress", event)]
    assert names == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "world"),
    [
        ("*", True),
        ("Internet", True),
        ("INTERNET", True),
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("203.0.113.7/0", True),
        ("0.0.0.0", False),
        ("0.0.0.0/1", False),
        ("VirtualNetwork", False),
        ("198.51.100.0/24", False),
        ("", False),
        (None, False),
        (["*"], False),
    ],
)
def test_the_world_is_known_in_all_its_spellings(source, world):
    assert is_world(source) is world


def test_a_name_with_a_slash_in_it_makes_no_target():
    event = activity(
        "Microsoft.Network/networkSecurityGroups/securityRules/write", f"{GROUP}/securityrules/a/b"
    )
    assert targets("ingress", event) == ()
    event = activity(
        "Microsoft.Network/networkSecurityGroups/securityRules/write", f"{GROUP}/securityrules/a?x"
    )
    assert targets("ingress", event) == ()


def test_a_collection_is_no_resource():
    assert targets("ingress", swept(f"{GROUP}/securityrules")) == ()


@pytest.mark.parametrize(
    ("kind", "uid"),
    [
        ("ingress", f"{GROUP}/securityRules/Allow-SSH"),
        ("storage", STORE),
        ("storage", f"{STORE}/blobServices/default/containers/public"),
        ("access_key", STORE),
    ],
)
def test_a_swept_resource_is_its_own_target(kind, uid):
    assert only(kind, swept(uid)).args == {"resource": uid.lower()}
    others = {"ingress", "storage", "access_key", "audit_log"} - {kind}
    types = {other for other in others if targets(other, swept(uid))}
    assert types <= {"storage", "access_key"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["properties", "responseBody", "targetResources", "id", "x"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    record=st.dictionaries(st.sampled_from(["properties", "targetResources", "id"]), json_values),
    operation=st.sampled_from(
        [
            "Add member to role",
            "Microsoft.Network/networkSecurityGroups/write",
            "Microsoft.Authorization/roleAssignments/write",
        ]
    ),
    kind=st.sampled_from(sorted(TARGETS)),
    source=st.sampled_from(["azure/activitylogs", "azure/auditlogs", "posture"]),
    uid=st.text(max_size=20),
)
def test_no_record_however_odd_breaks_the_reader(record, operation, kind, source, uid):
    event = Event(
        uid="e", time=0, source=source, provider="azure", operation=operation, outcome="success",
        actor=Actor(uid=uid, type="user"), resources=(Resource(uid=uid),), record=record,
    )  # fmt: skip
    for found in targets(kind, event):
        assert found.provider == "azure"
        assert found.kind == kind
