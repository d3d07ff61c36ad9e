"""What infra/gcp would make, read from Terraform's own plan and from a state without a cloud."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from core import config
from core.actions import CATALOGUE
from functions.gcp import main
from functions.gcp.wiring import SETTINGS
from tests.infra import terraform

PERMISSIONS = json.loads((terraform.ROOT / "functions/gcp/permissions.json").read_text())
VERBS = sorted(name for name in PERMISSIONS if not name.startswith("_"))
READING = re.compile(r"[a-zA-Z.]+\.(get|getIamPolicy|list|query|search)")
ABOVE = re.compile(r"resourcemanager\.(folders|organizations)\.")
PROJECT = {"project": "example-project"}


@pytest.fixture(scope="module")
def default(gcp):
    return gcp.plan(**PROJECT)


@pytest.fixture(scope="module")
def armed(gcp):
    """Every verb enabled, one of them set to run, a name protected."""
    return gcp.plan(
        **PROJECT,
        enabled_verbs=VERBS,
        policy={
            "verbs": {"disable_access_key": {"mode": "auto", "min_level": "critical"}},
            "protected": ["user:break-glass@example.com"],
        },
    )


@pytest.fixture(scope="module")
def above(gcp):
    """The whole organization watched, every verb enabled."""
    return gcp.plan(**PROJECT, organization="123456789012", enabled_verbs=VERBS)


@pytest.fixture(scope="module")
def mixed(gcp):
    """Several choices in one plan that don't touch each other."""
    return gcp.plan(
        **PROJECT,
        organization="123456789012",
        folder="111122223333",
        policy={"verbs": {"close_ingress": {"mode": "rehearse"}}},
        functions={"detect": {"timeout": 100}},
        accounts=["other-project", "folders/111122223333"],
        alert_emails=["security@example.com"],
        journal={"days": 30, "locked": True},
        protect_data=False,
        sweep_minutes=15,
    )


@pytest.fixture(scope="module")
def applied(gcp, tmp_path_factory):
    """Everything made, by a provider that makes nothing; in a copy, to leave the plans alone."""
    copy = tmp_path_factory.mktemp("applied") / "vigil"
    shutil.copytree(gcp.folder.parents[1], copy, symlinks=True)
    made = terraform.Module(copy / "infra" / "gcp", gcp.env)
    said = {"enabled_verbs": VERBS, "webhooks_secret": "projects/example-project/secrets/h"}
    made.apply(**PROJECT, **said)
    yield made
    made.run("destroy", "-auto-approve", "-input=false", *terraform.options({**PROJECT, **said}))


@pytest.fixture(scope="module")
def state(applied):
    shown = json.loads(applied.run("show", "-json").stdout)
    return {"planned_values": shown["values"]}


def test_module_is_valid(gcp):
    assert json.loads(gcp.run("validate", "-json").stdout)["diagnostics"] == []


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("state.tf", "is_locked ", "locked "),
        ("ingest.tf", "unique_writer_identity = true", "unique_writer = true"),
        ("ingest.tf", 'maximum_backoff = "600s"', "maximum_backoff = [600]"),
        ("schedule.tf", "pubsub_target {", "pubsub_target = {"),
        ("function.tf", "google_service_account.build.id", "google_service_account.build.ids"),
    ],
)
def test_an_argument_that_the_provider_does_not_have_fails(gcp, tmp_path, file, right, wrong):
    """Else the stub would prove nothing."""
    copy = tmp_path / "vigil"
    shutil.copytree(gcp.folder.parents[1], copy, symlinks=True)
    broken = copy / "infra" / "gcp" / file
    text = broken.read_text()
    assert right in text
    broken.write_text(text.replace(right, wrong, 1))
    done = terraform.Module(copy / "infra" / "gcp", gcp.env).run("validate", "-json", check=False)
    assert json.loads(done.stdout)["valid"] is False


# By default


def test_by_default_no_role_has_a_right_of_any_verb(default):
    held = roles(default)
    assert set(held) == {"vigil_sweep", "vigilState"}
    assert [right for right in held["vigil_sweep"] if not READING.fullmatch(right)] == []


def test_by_default_the_policy_runs_nothing(default):
    assert dict(policy(default).verbs) == {}


def test_by_default_nothing_listens_on_the_internet(default):
    ingress = {
        each["name"]: each["service_config"][0]["ingress_settings"]
        for each in resources(default, "google_cloudfunctions2_function")
    }
    assert ingress == dict.fromkeys(
        ("vigil-detect", "vigil-respond", "vigil-sweep"), "ALLOW_INTERNAL_ONLY"
    )
    assert not [each for each in grants(default) if each.get("member", "").startswith("all")]


def test_by_default_data_outlives_a_destroy(default):
    (database,) = resources(default, "google_firestore_database")
    (journal,) = resources(default, "google_storage_bucket", "journal")
    secrets = resources(default, "google_secret_manager_secret")
    assert database["delete_protection_state"] == "DELETE_PROTECTION_ENABLED"
    assert journal["force_destroy"] is False
    assert all(each["deletion_protection"] for each in secrets)


def test_the_journal_is_write_once_and_not_locked_for_ever_unasked(default, mixed):
    (journal,) = resources(default, "google_storage_bucket", "journal")
    assert journal["retention_policy"] == [{"retention_period": 365 * 86400, "is_locked": False}]
    (journal,) = resources(mixed, "google_storage_bucket", "journal")
    assert journal["retention_policy"] == [{"retention_period": 30 * 86400, "is_locked": True}]


def test_buckets_can_not_be_made_public(default):
    buckets = resources(default, "google_storage_bucket")
    assert {each["public_access_prevention"] for each in buckets} == {"enforced"}
    assert all(each["uniform_bucket_level_access"] for each in buckets)


def test_the_defaults_of_the_policy_are_those_of_the_code(default):
    assert policy(default) == config.Policy(own=policy(default).own)


# Rights


def test_an_enabled_verb_adds_exactly_its_rights(above):
    held = roles(above, "google_organization_iam_custom_role")
    wanted = {f"vigil_{verb}": set(PERMISSIONS[verb]) for verb in VERBS}
    assert held == {**wanted, "vigil_sweep": set(PERMISSIONS["_sweep"])}


def test_a_projects_role_leaves_out_what_only_folders_and_organizations_have(armed):
    held = roles(armed)
    for verb in VERBS:
        wanted = {right for right in PERMISSIONS[verb] if not ABOVE.match(right)}
        assert held[f"vigil_{verb}"] == wanted


def test_one_enabled_verb_brings_no_other_verbs_rights(gcp):
    plan = gcp.plan(**PROJECT, enabled_verbs=["disable_access_key"])
    assert set(roles(plan)) == {"vigil_disable_access_key", "vigil_sweep", "vigilState"}
    assert dict(policy(plan).verbs) == {}


def test_a_rehearsed_verb_gets_reading_rights_only(mixed):
    held = roles(mixed, "google_organization_iam_custom_role")["vigil_close_ingress"]
    assert held == {"compute.firewalls.get"}


def test_rights_to_change_are_held_by_respond_alone(state):
    """Of all grants on the project: who holds a role that can do more than look."""
    ids = {
        f"google_project_iam_custom_role/{name}": rights for name, rights in roles(state).items()
    }
    holders = {}
    for each in resources(state, "google_project_iam_member"):
        rights = next((ids[id] for id in ids if each["role"] == f"{id}.id"), set())
        changing = {right for right in rights if not READING.fullmatch(right)}
        if changing and "vigilState" not in each["role"]:
            holders.setdefault(each["member"], set()).update(changing)
    assert set(holders) == {"google_service_account/vigil-respond.member"}


def test_state_is_kept_in_its_own_database_and_never_deleted(state):
    rights = roles(state)["vigilState"]
    assert not [right for right in rights if right.endswith("delete")]
    conditions = [
        each["condition"][0]["expression"]
        for each in resources(state, "google_project_iam_member", "state")
    ]
    wanted = 'resource.name == "google_firestore_database/vigil.id"'
    assert conditions == [wanted] * 4


def test_values_expire_and_neither_time_nor_value_is_indexed(default):
    fields = {
        each["field"]: (each["collection"], len(each["ttl_config"]), each["index_config"])
        for each in resources(default, "google_firestore_field")
    }
    no_index = [{"indexes": []}]
    assert fields == {"expires": ("entries", 1, no_index), "value": ("entries", 0, no_index)}


def test_the_journal_can_be_read_and_appended_to(state):
    held = resources(state, "google_storage_bucket_iam_member", "journal")
    assert {each["role"] for each in held} == {
        "roles/storage.objectCreator",
        "roles/storage.objectViewer",
    }


def test_who_may_order_actions_and_who_may_not(state):
    publishers = {}
    for each in resources(state, "google_pubsub_topic_iam_member", "publish"):
        topic = each["topic"].removeprefix("google_pubsub_topic/vigil-").removesuffix(".id")
        name = each["member"].removeprefix("google_service_account/vigil-").removesuffix(".member")
        publishers.setdefault(topic, set()).add(name)
    assert publishers == {
        "actions": {"detect", "sweep", "approve"},
        "alerts": {"detect", "respond", "sweep"},
        "rejects": {"detect", "respond", "sweep"},
    }


def test_who_may_read_which_secret(state):
    readers = {
        (
            each["secret_id"].rpartition("/")[2].removesuffix(".id"),
            each["member"].rpartition("-")[2],
        )
        for each in resources(state, "google_secret_manager_secret_iam_member")
    }
    assert readers == {
        ("vigil-policy", "respond.member"),
        ("vigil-approve", "respond.member"),
        ("vigil-approve", "approve.member"),
        ("h", "detect.member"),
        ("h", "respond.member"),
        ("h", "sweep.member"),
    }


def test_functions_let_in_pushes_of_their_own_account_alone(state):
    held = resources(state, "google_cloud_run_v2_service_iam_member")
    members = {each["member"] for each in held if "approve" not in each["name"]}
    assert members == {"google_service_account/vigil-push.member"}
    assert [each["member"] for each in held if "approve" in each["name"]] == ["allUsers"]


# Messages


def test_every_message_that_can_not_be_worked_on_is_kept_for_an_operator(state):
    subscriptions = resources(state, "google_pubsub_subscription")
    topics = {each["name"] for each in resources(state, "google_pubsub_topic")}
    assert {topic_of(each["topic"]) for each in subscriptions} == topics
    for each in subscriptions:
        assert each["expiration_policy"] == [{"ttl": ""}]
        if each["push_config"]:
            (dead,) = each["dead_letter_policy"]
            assert topic_of(dead["dead_letter_topic"]) == f"{each['name']}-dead"
            assert each["retry_policy"] == [{"minimum_backoff": "10s", "maximum_backoff": "600s"}]
        else:
            assert each["name"].endswith(("-dead", "-alerts", "-rejects"))


def test_pubsub_may_move_dead_letters(state):
    given = resources(state, "google_pubsub_topic_iam_member", "dead")
    taken = resources(state, "google_pubsub_subscription_iam_member", "dead")
    agents = {each["member"] for each in (*given, *taken)}
    assert (len(given), len(taken)) == (3, 3)
    assert len(agents) == 1
    assert agents.pop().endswith("@gcp-sa-pubsub.iam.gserviceaccount.com")


def test_a_push_waits_longer_than_the_function_works(mixed):
    waits = {
        each["name"]: each["ack_deadline_seconds"]
        for each in resources(mixed, "google_pubsub_subscription", "work")
    }
    assert waits == {"vigil-events": 130, "vigil-actions": 90, "vigil-sweep": 570}


def test_functions_are_told_where_everything_is(state):
    for each in resources(state, "google_cloudfunctions2_function"):
        said = each["service_config"][0]["environment_variables"]
        others = {"VIGIL_RULEBOOK", "VIGIL_WEBHOOKS", "VIGIL_APPROVE_URL"}
        behind = {"VIGIL_APPROVE_URL"} if "approve" in each["name"] else set()
        assert set(said) == {*SETTINGS, *others} - behind
        assert said["VIGIL_ACTIONS"] == "google_pubsub_topic/vigil-actions.id"
        assert said["VIGIL_DATABASE"] == "vigil"


def test_every_entry_point_is_one_of_the_package(state):
    points = {
        each["name"].removeprefix("vigil-"): each["build_config"][0]["entry_point"]
        for each in resources(state, "google_cloudfunctions2_function")
    }
    assert points == {name: name for name in main.__all__}


def test_accounts_beside_the_own_project_are_named_to_the_functions(mixed):
    planned = resources(mixed, "google_cloudfunctions2_function", "this")
    assert planned
    changes = {
        each["address"]: each["change"]
        for each in mixed["resource_changes"]
        if each["type"] == "google_cloudfunctions2_function"
    }
    for change in changes.values():
        said = change["after"]["service_config"][0]["environment_variables"]
        assert said["VIGIL_ACCOUNTS"] == "folders/111122223333,other-project"


# Logs


def test_a_project_watches_itself_an_organization_and_a_folder_all_below(default, above, mixed):
    kinds = {
        "project": default,
        "organization": above,
        "folder": mixed,
    }
    for kind, plan in kinds.items():
        sinks = {other: resources(plan, f"google_logging_{other}_sink") for other in kinds}
        assert {other for other, found in sinks.items() if found} == {kind}
        (sink,) = sinks[kind]
        if kind == "project":
            assert sink["unique_writer_identity"] is True
        else:
            assert sink["include_children"] is True


def test_rights_are_granted_on_what_is_watched(default, above, mixed):
    assert resources(default, "google_project_iam_member", "work")
    (organization,) = {
        each["org_id"] for each in resources(above, "google_organization_iam_member")
    }
    (folder,) = {each["folder"] for each in resources(mixed, "google_folder_iam_member")}
    assert (organization, folder) == ("123456789012", "folders/111122223333")
    for plan in (above, mixed):
        assert not resources(plan, "google_project_iam_member", "work")


def test_every_shipped_rule_gets_its_entries(default):
    (sink,) = resources(default, "google_logging_project_sink")
    assert len(sink["filter"]) <= 20_000
    examples = list(firing_examples())
    assert examples
    deaf = [name for name, entry in examples if not passes(sink["filter"], entry)]
    assert deaf == []


def test_the_filter_lets_no_entry_of_another_log_through(default):
    (sink,) = resources(default, "google_logging_project_sink")
    flow = {"logName": "projects/example-project/logs/compute.googleapis.com%2Fvpc_flows"}
    assert not passes(sink["filter"], flow)
    read = {
        "logName": "projects/example-project/logs/cloudaudit.googleapis.com%2Fdata_access",
        "protoPayload": {"serviceName": "storage.googleapis.com"},
    }
    assert not passes(sink["filter"], read)
    assert passes(sink["filter"], {**read, "protoPayload": {"serviceName": "iam.googleapis.com"}})


@pytest.mark.parametrize(
    ("minutes", "cron"), [(5, "*/5 * * * *"), (60, "0 */1 * * *"), (120, "0 */2 * * *")]
)
def test_the_sweep_runs_as_often_as_asked(gcp, minutes, cron):
    plan = gcp.plan(**PROJECT, sweep_minutes=minutes)
    jobs = {each["name"]: each for each in resources(plan, "google_cloud_scheduler_job")}
    assert {name: each["schedule"] for name, each in jobs.items()} == {
        "vigil-sweep": cron,
        "vigil-settle": "*/5 * * * *",
    }
    said = {
        name: json.loads(base64.b64decode(each["pubsub_target"][0]["data"]))
        for name, each in jobs.items()
    }
    assert said == {"vigil-sweep": {}, "vigil-settle": {"task": "settle"}}


# Alerts, policy, variables


def test_trouble_is_told_by_mail(mixed):
    (channel,) = resources(mixed, "google_monitoring_notification_channel")
    assert channel["labels"] == {"email_address": "security@example.com"}
    names = {each["display_name"] for each in resources(mixed, "google_monitoring_alert_policy")}
    assert names >= {
        "vigil-alerts",
        "vigil-rejects-not-empty",
        "vigil-events-dead-not-empty",
        "vigil-events-late",
        "vigil-respond-errors",
        "vigil-sweep-missed",
        "vigil-settle-missed",
    }


def test_a_sweep_that_did_not_finish_is_missed_though_the_function_is_called_to_settle(default):
    lines = {
        each["name"]: re.findall(r'jsonPayload\.message="(\w+)"', each["filter"])
        for each in resources(default, "google_logging_metric")
    }
    assert lines == {"vigil-swept": ["swept"], "vigil-settled": ["settled"]}
    source = Path(terraform.ROOT / "functions/gcp/handler.py").read_text()
    assert '"swept"' in source
    missed = resources(default, "google_monitoring_alert_policy", "missed")
    waits = {
        each["display_name"]: each["conditions"][0]["condition_absent"][0]["duration"]
        for each in missed
    }
    assert waits == {"vigil-sweep-missed": "7200s", "vigil-settle-missed": "1800s"}


def test_the_policy_says_what_the_variable_said(armed):
    said = policy(armed)
    assert said.verbs["disable_access_key"] == config.VerbPolicy(mode="auto", min_level="critical")
    assert set(said.protected) == {"user:break-glass@example.com"}
    assert "serviceAccount:vigil-*@example-project.iam.gserviceaccount.com" in said.own


def test_every_permitted_verb_is_in_the_catalogue():
    assert set(VERBS) <= set(CATALOGUE)


def test_wrong_verbs_and_modes_are_refused_with_words(gcp):
    said = gcp.refusal(
        **PROJECT,
        policy={
            "verbs": {
                "close_ingres": {"mode": "off"},
                "close_ingress": {"mode": "auto", "min_level": "severe"},
                "disable_access_key": {"mode": "yes"},
            }
        },
    )
    assert [words for words in POLICY_FAULTS if words not in said] == []


def test_other_wrong_variables_are_refused_all_at_once(gcp):
    said = gcp.refusal(
        project="Example!",
        enabled_verbs=["delete_everything"],
        folder="111122223333",
        journal={"days": 0},
        settle_minutes=7,
        sweep_minutes=7,
        name="Vigil!",
        functions={"detect": {"timeout": 1000}},
    )
    assert [words for words in FAULTS if words not in said] == []


def test_what_was_applied_needs_no_change_but_for_the_key_that_no_state_holds(applied):
    """The stub knows no write-only arguments; a real provider keeps the key out of the state."""
    plan = applied.plan(
        **PROJECT, enabled_verbs=VERBS, webhooks_secret="projects/example-project/secrets/h"
    )
    changed = {
        each["address"]
        for each in plan["resource_changes"]
        if each["change"]["actions"] != ["no-op"]
    }
    assert changed == {"google_secret_manager_secret_version.approve"}


def test_outputs_name_what_an_operator_needs(applied):
    said = applied.outputs()
    assert said["approve_url"].endswith(".service_config.uri")
    assert set(said["subscriptions"]) == set(said["topics"])
    assert set(said["accounts"]) == {"detect", "respond", "sweep", "approve"}


def resources(plan, kind, name=None):
    """Values of the planned resources of a type."""
    return [
        each["values"]
        for each in plan["planned_values"]["root_module"]["resources"]
        if each["type"] == kind and each["mode"] == "managed" and name in (None, each["name"])
    ]


def roles(plan, kind="google_project_iam_custom_role"):
    """Rights by the id of the role."""
    return {each["role_id"]: set(each["permissions"]) for each in resources(plan, kind)}


def grants(plan):
    """Values of every resource that gives somebody a role."""
    return [
        each["values"]
        for each in plan["planned_values"]["root_module"]["resources"]
        if each["type"].endswith("_iam_member")
    ]


def policy(plan):
    """The response policy as the functions will read it."""
    (found,) = resources(plan, "google_secret_manager_secret_version", "policy")
    return config.policy(found["secret_data"])


def topic_of(id):
    return id.rpartition("/")[2].removesuffix(".id")


def passes(filter_, entry):
    """The sink's filter on an entry, as far as this one filter uses the language."""
    log = entry["logName"].rpartition("/logs/")[2].replace("%2F", "/")
    for part in re.split(r" OR (?=log_id|\()", filter_):
        (named,) = re.findall(r'log_id\("([^"]+)"\)', part)
        services = re.findall(r'"([a-z]+\.googleapis\.com)"', part)
        service = entry.get("protoPayload", {}).get("serviceName")
        if named == log and (not services or service in services):
            return True
    return False


def firing_examples():
    for file in sorted(Path(terraform.ROOT / "core/rules/gcp").glob("*.yml")):
        for rule in yaml.safe_load_all(file.read_text()):
            for example in rule["tests"]:
                for entry in example.get("events", [example.get("event")]):
                    if example["fires"]:
                        yield f"{rule['name']}: {example['name']}", entry


POLICY_FAULTS = (
    "policy.verbs holds a verb that",
    "mode is off, rehearse, approve or auto",
    "min_level is informational",
    "must be in enabled_verbs too",
)
FAULTS = (
    "project is a project's id",
    "enabled_verbs holds a verb that",
    "needs organization",
    "days is 1 to 36500",
    "minutes that divide an hour",
    "5, 10, 15, 20, 30, 60 or 120",
    "lower-case",
    "1 to 540 seconds",
)
"""What Terraform says of each wrong variable."""
