"""What infra/azure would make, read from Terraform's own plan and from an apply without a cloud."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from core import config
from core.actions import CATALOGUE
from tests.infra import terraform
from tests.infra.stub.mirror import mirror

PERMISSIONS = json.loads((terraform.ROOT / "functions/azure/permissions.json").read_text())
VERBS = sorted(name for name in PERMISSIONS if not name.startswith("_"))
SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
WHERE = {"location": "westeurope", "subscriptions": [SUBSCRIPTION, OTHER]}


@pytest.fixture(scope="module")
def default(azure):
    return azure.plan(**WHERE)


@pytest.fixture(scope="module")
def armed(azure):
    """Every verb enabled and one of them set to run, a name protected, every lane open."""
    return azure.plan(
        **WHERE,
        enabled_verbs=VERBS,
        fast_lane=True,
        entra=["AuditLogs", "SignInLogs"],
        management_groups=["acme"],
        policy={
            "verbs": {"disable_access_key": {"mode": "auto", "min_level": "critical"}},
            "protected": ["break-glass@example.com"],
        },
    )


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    """Everything applied; ids are made up, and differ for what differs. Its own copy, for its state."""
    terraform.needs_terraform()
    folder = tmp_path_factory.mktemp("applied")
    made = terraform.module("azure", folder, "", mirror("azurerm", folder / "mirror"))
    made.apply(**WHERE, enabled_verbs=VERBS)
    return made


@pytest.fixture(scope="module")
def state(applied):
    shown = json.loads(applied.run("show", "-json").stdout)
    return {"planned_values": shown["values"]}


def resources(plan, kind, name=None):
    return [
        {**each["values"], "_key": each.get("index")}
        for each in plan["planned_values"]["root_module"]["resources"]
        if each["type"] == kind and name in (None, each["name"])
    ]


def keyed(plan, kind, name):
    return {each["_key"]: each for each in resources(plan, kind, name)}


def plain(verb):
    return {right for right in PERMISSIONS[verb] if not re.match(r"[a-z]+:", right)}


def policy(plan):
    (secret,) = resources(plan, "azurerm_key_vault_secret", "policy")
    return secret["value"]


# What is there by default


def test_module_is_valid(azure):
    assert json.loads(azure.run("validate", "-json").stdout)["diagnostics"] == []


def test_by_default_no_identity_has_a_right_of_any_verb(default):
    assert resources(default, "azurerm_role_definition", "verb") == []
    assert resources(default, "azurerm_role_assignment", "verb") == []


def test_by_default_there_is_no_page_on_the_internet(default):
    apps = keyed(default, "azurerm_function_app_flex_consumption", "this")
    assert set(apps) == {"detect", "respond", "sweep"}
    assert {each["site_config"][0]["ip_restriction_default_action"] for each in apps.values()} == {
        "Deny"
    }
    assert not any("VIGIL_APPROVE_URL" in each.get("app_settings", {}) for each in apps.values())


def test_by_default_data_outlives_a_destroy(default):
    (vault,) = resources(default, "azurerm_key_vault")
    (lock,) = resources(default, "azurerm_management_lock")
    assert vault["purge_protection_enabled"] is True
    assert lock["lock_level"] == "CanNotDelete"


def test_by_default_the_journal_is_write_once_and_can_still_be_undone(default):
    (held,) = resources(default, "azurerm_storage_container_immutability_policy")
    assert held["immutability_period_in_days"] == 365
    assert (held["locked"], held["protected_append_writes_enabled"]) == (False, False)


@pytest.mark.parametrize("fixture", ["default", "armed"])
def test_no_storage_account_has_a_key_that_works_or_a_public_blob(fixture, request):
    accounts = resources(request.getfixturevalue(fixture), "azurerm_storage_account")
    assert len(accounts) in (4, 5)
    for each in accounts:
        assert each["shared_access_key_enabled"] is False
        assert each["allow_nested_items_to_be_public"] is False
        assert each["min_tls_version"] == "TLS1_2"
        assert re.fullmatch(r"[a-z][a-z0-9]{2,23}", each["name"])


def test_every_subscription_is_watched_and_nothing_else(default, armed):
    plain_targets = {
        each["target_resource_id"]
        for each in resources(default, "azurerm_monitor_diagnostic_setting")
    }
    assert plain_targets == {f"/subscriptions/{SUBSCRIPTION}", f"/subscriptions/{OTHER}"}
    all_targets = {
        each["target_resource_id"]
        for each in resources(armed, "azurerm_monitor_diagnostic_setting")
    }
    assert all_targets - plain_targets == {"/providers/Microsoft.Management/managementGroups/acme"}
    for each in resources(armed, "azurerm_monitor_diagnostic_setting"):
        assert {log["category"] for log in each["enabled_log"]} == {
            "Administrative",
            "Policy",
            "Security",
        }


def test_entra_and_the_fast_lane_come_only_when_asked_for(default, armed):
    for kind in (
        "azurerm_monitor_aad_diagnostic_setting",
        "azurerm_eventgrid_system_topic",
        "azurerm_eventgrid_system_topic_event_subscription",
    ):
        assert (len(resources(default, kind)), len(resources(armed, kind))) == (0, 1)
    (entra,) = resources(armed, "azurerm_monitor_aad_diagnostic_setting")
    assert {log["category"] for log in entra["enabled_log"]} == {"AuditLogs", "SignInLogs"}


def test_enabling_a_verb_takes_no_right_away_that_the_lock_would_keep(default, armed):
    without, with_verbs = (
        set(keyed(plan, "azurerm_role_assignment", "work")) for plan in (default, armed)
    )
    assert without == with_verbs


# What verbs bring


def test_an_enabled_verb_adds_exactly_its_rights_in_each_subscription(armed):
    granted = {
        key: (set(each["permissions"][0]["actions"]), each["scope"])
        for key, each in keyed(armed, "azurerm_role_definition", "verb").items()
    }
    assert granted == {
        f"{verb}/{subscription}": (plain(verb), f"/subscriptions/{subscription}")
        for verb in VERBS
        if plain(verb)
        for subscription in (SUBSCRIPTION, OTHER)
    }


def test_what_terraform_can_not_grant_is_said(armed, default):
    asked = {right for verb in VERBS for right in PERMISSIONS[verb]} - {
        right for verb in VERBS for right in plain(verb)
    }
    outputs = armed["planned_values"]["outputs"]
    assert set(outputs["directory_rights"]["value"]["respond"]) == asked
    assert all(right.startswith(("graph:", "tenant:")) for right in asked)
    assert default["planned_values"]["outputs"]["directory_rights"]["value"]["respond"] == []


def test_one_enabled_verb_brings_no_other_verbs_rights(azure):
    plan = azure.plan(**WHERE, enabled_verbs=["close_ingress"])
    roles = resources(plan, "azurerm_role_definition", "verb")
    assert {tuple(sorted(each["permissions"][0]["actions"])) for each in roles} == {
        tuple(sorted(PERMISSIONS["close_ingress"]))
    }


def test_a_verb_that_is_only_rehearsed_gets_the_reading_part(azure):
    plan = azure.plan(**WHERE, policy={"verbs": {verb: {"mode": "rehearse"} for verb in VERBS}})
    for each in resources(plan, "azurerm_role_definition", "verb"):
        assert all(action.endswith("/read") for action in each["permissions"][0]["actions"])
    rights = plan["planned_values"]["outputs"]["directory_rights"]["value"]["respond"]
    assert rights == ["graph:User.Read.All", "tenant:microsoft.aadiam/diagnosticSettings/read"]


def test_vigil_can_give_or_take_no_role_of_its_own(state):
    identities = {
        each["principal_id"] for each in resources(state, "azurerm_user_assigned_identity")
    }
    assigned = keyed(state, "azurerm_role_assignment", "verb")
    for key, each in assigned.items():
        writes = "Microsoft.Authorization/roleAssignments/write" in PERMISSIONS[key.split("/")[0]]
        assert (each["condition_version"] == "2.0") is writes
        assert (each["condition"] is not None) is writes
        if writes:
            assert each["condition"].count("GuidNotEquals") == 2
            assert all(each["condition"].count(identity) == 2 for identity in identities)


def test_the_guard_reads_the_policy_as_it_is_written_and_vigils_own_are_in_it(state):
    found = config.policy(policy(state))
    assert dict(found.verbs) == {}
    identities = {
        each["principal_id"] for each in resources(state, "azurerm_user_assigned_identity")
    }
    assert identities < set(found.own)
    assert any(
        glob.startswith("azurerm_resource_group") and glob.endswith("/*") for glob in found.own
    )


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"enabled_verbs": ["open_everything"]}, "does not know"),
        (
            {"policy": {"verbs": {"close_ingress": {"mode": "auto"}}}},
            "must be in enabled_verbs too",
        ),
        (
            {"policy": {"verbs": {"close_ingress": {"mode": "maybe"}}}},
            "off, rehearse, approve or auto",
        ),
        ({"policy": {"verbs": {"open_everything": {}}}}, "does not know"),
        ({"subscriptions": ["Production"]}, "named by its id"),
        ({"sweep_minutes": 7}, "sweep_minutes is"),
        ({"journal": {"days": 0}}, "journal.days is"),
        ({"functions": {"detect": {"memory": 1024}}}, "512, 2048 or 4096"),
        ({"name": "Vigil!"}, "name is"),
    ],
)
def test_a_wrong_choice_is_refused_with_its_reason(azure, variables, reason):
    assert reason in azure.refusal(**{**WHERE, **variables})


# Who may what


def rights_of(state):
    """Function -> (what, role) of every assignment, verbs aside."""
    identities = {
        each["principal_id"]: each["_key"]
        for each in resources(state, "azurerm_user_assigned_identity")
    }
    assert len(identities) == 4
    found = {name: set() for name in identities.values()}
    for each in resources(state, "azurerm_role_assignment", "work"):
        function, _, what = each["_key"].partition("/")
        assert identities[each["principal_id"]] == function
        found[function].add((what, each["role_definition_name"] or "own"))
    return found


COMMON = {("journal", "own"), ("state", "own"), ("telemetry", "Monitoring Metrics Publisher")}
SENDER, PROCESSOR, READER = (
    f"Storage Queue Data {each}" for each in ("Message Sender", "Message Processor", "Reader")
)
SECRET = "Key Vault Secrets User"


def test_each_function_has_the_rights_of_its_work_alone(state):
    assert rights_of(state) == {
        "detect": COMMON
        | {
            ("logs", "Azure Event Hubs Data Receiver"),
            ("reads redo", PROCESSOR),
            ("counts redo", READER),
        }
        | {
            (f"writes {queue}", SENDER)
            for queue in ("actions", "alerts", "redo", "redo-poison", "rejects")
        },
        "respond": COMMON
        | {("reads actions", PROCESSOR), ("counts actions", READER)}
        | {(f"writes {queue}", SENDER) for queue in ("actions-poison", "alerts", "rejects")}
        | {("policy", SECRET), ("approvals", SECRET)},
        "sweep": COMMON
        | {(f"writes {queue}", SENDER) for queue in ("actions", "alerts", "rejects")},
        "approve": COMMON | {("writes actions", SENDER), ("approvals", SECRET)},
    }


def test_only_respond_has_verbs(state):
    (respond,) = (
        each["principal_id"]
        for each in resources(state, "azurerm_user_assigned_identity")
        if each["_key"] == "respond"
    )
    assert {
        each["principal_id"] for each in resources(state, "azurerm_role_assignment", "verb")
    } == {respond}


def test_each_function_has_an_identity_a_plan_and_a_storage_account_of_its_own(state):
    apps = keyed(state, "azurerm_function_app_flex_consumption", "this")
    assert set(apps) == {"detect", "respond", "sweep", "approve"}
    for field in (
        "service_plan_id",
        "storage_container_endpoint",
        "storage_user_assigned_identity_id",
    ):
        assert len({each[field] for each in apps.values()}) == 4
    for name, each in apps.items():
        settings = each["app_settings"]
        assert settings["VIGIL_FUNCTION"] == name
        ids = {settings[key] for key in settings if key.endswith("__clientId")} | {
            settings["AZURE_CLIENT_ID"]
        }
        assert len(ids) == 1


def test_no_role_of_vigils_making_has_a_wildcard_or_deletes_what_it_writes(state):
    made = resources(state, "azurerm_role_definition")
    for each in made:
        rights = [
            *(each["permissions"][0].get("actions") or ()),
            *(each["permissions"][0].get("data_actions") or ()),
        ]
        assert rights
        assert not any("*" in right for right in rights)
    kept = keyed(state, "azurerm_role_definition", "keep")
    assert not any("delete" in right for right in kept["keep"]["permissions"][0]["data_actions"])
    (append,) = resources(state, "azurerm_role_definition", "append")
    assert not any("delete" in right for right in append["permissions"][0]["data_actions"])


def test_no_built_in_role_is_given_beyond_the_resource_that_it_is_for(state):
    for each in resources(state, "azurerm_role_assignment", "work"):
        assert not re.fullmatch(r"/subscriptions/[^/]+(/resourceGroups/[^/]+)?", each["scope"])
        assert each["role_definition_name"] not in {
            "Owner",
            "Contributor",
            "Storage Blob Data Owner",
        }


# What the functions are told


EVERYWHERE = {
    *(
        "VIGIL_TABLES",
        "VIGIL_TABLE",
        "VIGIL_BLOBS",
        "VIGIL_JOURNAL",
        "VIGIL_QUEUES",
        "VIGIL_ACTIONS",
    ),
    *(
        "VIGIL_REDO",
        "VIGIL_REJECTS",
        "VIGIL_ALERTS",
        "VIGIL_VAULT",
        "VIGIL_POLICY",
        "VIGIL_APPROVE_SECRET",
    ),
    *("VIGIL_SUBSCRIPTION", "VIGIL_TENANT", "VIGIL_RULEBOOK", "VIGIL_FUNCTION", "AZURE_CLIENT_ID"),
}


def test_every_function_is_told_where_things_are(state):
    for name, each in keyed(state, "azurerm_function_app_flex_consumption", "this").items():
        settings = each["app_settings"]
        assert set(settings) >= EVERYWHERE
        assert all(settings.values())
        assert ("VIGIL_APPROVE_URL" in settings) is (name != "approve")
    assert settings["VIGIL_SUBSCRIPTION"] == f"{SUBSCRIPTION},{OTHER}"


def test_what_starts_a_function_is_read_with_its_identity(state):
    apps = keyed(state, "azurerm_function_app_flex_consumption", "this")
    connections = {
        name: {
            key.partition("__")[0] for key in each["app_settings"] if key.endswith("__credential")
        }
        for name, each in apps.items()
    }
    assert connections == {
        "detect": {"AzureWebJobsStorage", "VIGIL_EVENTHUB", "VIGIL_ACTIONS_STORAGE"},
        "respond": {"AzureWebJobsStorage", "VIGIL_ACTIONS_STORAGE"},
        "sweep": {"AzureWebJobsStorage"},
        "approve": {"AzureWebJobsStorage"},
    }
    for each in apps.values():
        assert not any(
            "AccountKey=" in value or "SharedAccessKey" in value
            for value in each["app_settings"].values()
        )


def test_the_approval_secret_is_in_no_state(applied):
    (secret,) = (
        each
        for each in json.loads((applied.folder / "terraform.tfstate").read_text())["resources"]
        if (each["type"], each["name"]) == ("azurerm_key_vault_secret", "approve")
    )
    assert secret["instances"][0]["attributes"]["value_wo"] is None


def test_a_second_apply_has_nothing_to_do(applied):
    done = applied.run(
        "plan",
        "-input=false",
        "-detailed-exitcode",
        *terraform.options({**WHERE, "enabled_verbs": VERBS}),
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_settings_are_written_again_without_the_one_that_the_provider_adds(state):
    """A connection string without a key would hide the identity from the host."""
    apps = keyed(state, "azurerm_function_app_flex_consumption", "this")
    for name, each in keyed(
        state, "azurerm_resource_group_template_deployment", "settings"
    ).items():
        (made,) = json.loads(each["template_content"])["resources"]
        assert made["name"] == f"{apps[name]['name']}/appsettings"
        assert "AzureWebJobsStorage" not in made["properties"]
        assert made["properties"].pop("APPLICATIONINSIGHTS_CONNECTION_STRING")
        assert made["properties"] == apps[name]["app_settings"]


def test_whatever_changes_an_app_writes_its_settings_again(applied):
    plan = applied.plan(**WHERE, enabled_verbs=VERBS, sweep_minutes=30)
    changed = {each["address"]: each["change"]["actions"] for each in plan["resource_changes"]}
    for name in ("detect", "respond", "sweep", "approve"):
        assert changed[f'azurerm_function_app_flex_consumption.this["{name}"]'] == ["update"]
        settings = changed[f'azurerm_resource_group_template_deployment.settings["{name}"]']
        assert settings == ["delete", "create"]


# The stub provider notices


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("state.tf", "shared_access_key_enabled ", "shared_key_enabled ", "Unsupported argument"),
        ("ingest.tf", "  partition_count = var.partitions\n", "", "Missing required argument"),
        ("function.tf", "  identity {", "  identity = {", "Unsupported argument"),
        ("outputs.tf", "azurerm_eventhub.logs.name", "azurerm_eventhub.logs.nam", "Unsupported attribute"),
        ("alert.tf", "azurerm_monitor_action_group.people.id", "azurerm_monitor_action_group.person.id", "Reference to undeclared resource"),
        ("schedule.tf", '"azurerm_role_definition" "look"', '"azurerm_role_def" "look"', "Invalid resource type"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_module_is_found(azure, tmp_path, file, old, new, message):
    copy = tmp_path / "infra" / "azure"
    shutil.copytree(azure.folder, copy)
    shutil.copytree(azure.folder.parents[1] / "functions", tmp_path / "functions")
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new))
    done = terraform.Module(copy, azure.env).run("validate", "-json", check=False)
    found = [each["summary"] for each in json.loads(done.stdout)["diagnostics"]]
    assert message in found


def test_every_verb_of_the_catalogue_has_rights_on_azure():
    assert set(VERBS) == set(CATALOGUE)


def test_the_sweep_reads_and_no_more(azure, default):
    looks = resources(default, "azurerm_role_definition", "look")
    reads = {right for right in PERMISSIONS.get("_sweep", ()) if not re.match(r"[a-z]+:", right)}
    assert len(looks) == (2 if reads else 0)
    assert all(set(each["permissions"][0]["actions"]) == reads for each in looks)
    assert all(right.lower().endswith("/read") for right in reads)
