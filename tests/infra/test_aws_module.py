"""What infra/aws would make, read from Terraform's own plan."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml
from moto.events.models import EventPattern

from core import config
from core.actions import CATALOGUE
from core.rulebook import CATEGORIES
from functions.aws.operations import TABLE
from tests.infra import terraform

PERMISSIONS = json.loads((terraform.ROOT / "functions/aws/permissions.json").read_text())
VERBS = sorted(name for name in PERMISSIONS if not name.startswith("_"))
READING = re.compile(r"[a-z0-9-]+:(BatchGet|Describe|Get|List|Lookup)[A-Za-z]*")


@pytest.fixture(scope="module")
def default(aws):
    return aws.plan()


@pytest.fixture(scope="module")
def armed(aws):
    """Every verb enabled and one of them set to run, a name protected."""
    return aws.plan(
        enabled_verbs=VERBS,
        policy={
            "verbs": {"disable_access_key": {"mode": "auto", "min_level": "critical"}},
            "protected": ["arn:aws:iam::*:user/break-glass", "*/BreakGlass*"],
        },
    )


@pytest.fixture(scope="module")
def one_verb(aws):
    return aws.plan(enabled_verbs=["disable_access_key"])


@pytest.fixture(scope="module")
def mixed(aws):
    """Several choices in one plan; a plan takes seconds and they don't touch each other."""
    return aws.plan(
        policy={"verbs": {"close_ingress": {"mode": "rehearse"}}},
        functions={"detect": {"timeout": 100}},
        trail={"bucket": "example-trail", "prefix": "logs/"},
        regions=["us-east-1", "eu-west-1"],
    )


def test_terraform_is_formatted():
    terraform.needs_terraform()
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", terraform.ROOT / "infra"],
        capture_output=True,
        text=True,
        check=False,
        env=terraform.environment(""),
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_module_is_valid(aws):
    assert json.loads(aws.run("validate", "-json").stdout)["diagnostics"] == []


def test_by_default_no_role_has_a_right_of_any_verb(default):
    assert resources(default, "aws_iam_role_policy", "verbs") == []


def test_by_default_the_policy_runs_nothing(default):
    assert dict(policy(default).verbs) == {}


def test_by_default_nothing_listens_on_the_internet(default):
    assert resources(default, "aws_apigatewayv2_api", "approve") == []
    assert resources(default, "aws_lambda_function_url") == []


def test_by_default_data_outlives_a_destroy(default):
    (table,) = resources(default, "aws_dynamodb_table")
    (bucket,) = resources(default, "aws_s3_bucket")
    assert (table["deletion_protection_enabled"], bucket["force_destroy"]) == (True, False)


def test_the_journal_is_write_once(default):
    (lock,) = resources(default, "aws_s3_bucket_object_lock_configuration")
    (bucket,) = resources(default, "aws_s3_bucket")
    assert bucket["object_lock_enabled"] is True
    assert lock["rule"][0]["default_retention"][0] == {
        "mode": "GOVERNANCE",
        "days": 365,
        "years": None,
    }


def test_sweep_may_only_look(default):
    (look,) = statements(default, "look")
    assert [right for right in look["Action"] if not READING.fullmatch(right)] == []
    assert set(look["Action"]) == {*PERMISSIONS["_sweep"], "cloudtrail:LookupEvents"}


def test_an_enabled_verb_adds_exactly_its_rights(armed):
    granted = {
        each["Sid"]: set(as_list(each["Action"]))
        for each in statements(armed, "verbs")
        if each["Effect"] == "Allow"
    }
    assert granted == {sid(verb): set(PERMISSIONS[verb]) for verb in VERBS}


def test_one_enabled_verb_brings_no_other_verbs_rights(one_verb):
    allowed = [each for each in statements(one_verb, "verbs") if each["Effect"] == "Allow"]
    assert [set(as_list(each["Action"])) for each in allowed] == [
        set(PERMISSIONS["disable_access_key"])
    ]


def test_enabling_a_verb_does_not_by_itself_let_it_run(one_verb):
    assert dict(policy(one_verb).verbs) == {}


def test_a_rehearsed_verb_gets_reading_rights_only(mixed):
    allowed = [each for each in statements(mixed, "verbs") if each["Effect"] == "Allow"]
    rights = [right for each in allowed for right in as_list(each["Action"])]
    assert rights
    assert [right for right in rights if not READING.fullmatch(right)] == []
    assert set(rights) <= set(PERMISSIONS["close_ingress"])


def test_respond_can_not_touch_vigils_roles_or_its_journal(armed):
    denied = {each["Sid"]: each for each in statements(armed, "verbs") if each["Effect"] == "Deny"}
    assert denied["NeverOwn"]["Resource"] == "arn:aws:iam::123456789012:role/vigil-*"
    assert denied["NeverJournal"]["Resource"] == [
        "arn:aws:s3:::vigil-journal-123456789012-us-east-1/*",
        "arn:aws:s3:::vigil-journal-123456789012-us-east-1",
    ]


def test_respond_can_not_touch_a_protected_identity(armed):
    (denied,) = [each for each in statements(armed, "verbs") if each["Sid"] == "NeverProtected"]
    assert (denied["Action"], denied["Resource"]) == ("iam:*", "arn:aws:iam::*:user/break-glass")


def test_the_policy_says_what_the_variable_said(armed):
    said = policy(armed)
    assert said.verbs["disable_access_key"] == config.VerbPolicy(mode="auto", min_level="critical")
    assert set(said.protected) == {"arn:aws:iam::*:user/break-glass", "*/BreakGlass*"}
    assert "arn:aws:iam::123456789012:role/vigil-*" in said.own


def test_the_defaults_of_the_policy_are_those_of_the_code(default):
    assert policy(default) == config.Policy(own=policy(default).own)


def test_every_permitted_verb_is_in_the_catalogue():
    assert set(VERBS) <= set(CATALOGUE)


def test_wrong_verbs_and_modes_are_refused_with_words(aws):
    said = aws.refusal(
        policy={
            "verbs": {
                "close_ingres": {"mode": "off"},
                "close_ingress": {"mode": "auto", "min_level": "severe"},
                "disable_access_key": {"mode": "yes"},
            }
        }
    )
    assert [words for words in POLICY_FAULTS if words not in said] == []


def test_other_wrong_variables_are_refused_all_at_once(aws):
    said = aws.refusal(
        enabled_verbs=["delete_everything"],
        journal={"mode": "NONE", "days": 0},
        sweep_minutes=300,
        settle_minutes=0,
        name="Vigil!",
        functions={"detect": {"timeout": 1000}},
    )
    assert [words for words in FAULTS if words not in said] == []


def test_patterns_fit_into_eventbridge(default):
    rules = resources(default, "aws_cloudwatch_event_rule")
    assert {each["name"] for each in rules} >= {"vigil-calls-1", "vigil-root", "vigil-sign-ins"}
    assert [each["name"] for each in rules if len(each["event_pattern"]) > 2048] == []


def test_rules_of_eventbridge_let_read_only_calls_through(default):
    states = {each["state"] for each in resources(default, "aws_cloudwatch_event_rule")}
    assert states == {"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}


def test_every_shipped_rule_gets_its_events(default):
    patterns = [
        EventPattern.load(each["event_pattern"])
        for each in resources(default, "aws_cloudwatch_event_rule")
    ]
    examples = list(firing_examples())
    deaf = {
        file: event.get("eventName")
        for file, event in examples
        if not any(pattern.matches_event(envelope(event)) for pattern in patterns)
    }
    assert examples
    assert deaf == {}


def test_every_event_name_of_a_shipped_rule_is_asked_for(default):
    asked = set()
    for each in resources(default, "aws_cloudwatch_event_rule"):
        asked |= (
            set(json.loads(each["event_pattern"])["detail"].get("eventName", []))
            if ("detail" in json.loads(each["event_pattern"]))
            else set()
        )
    named = {name for rule in cloudtrail_rules() for name in event_names(rule.get("detection", {}))}
    assert named - asked - SIGN_IN_EVENTS == set()


def test_a_queue_waits_six_times_the_timeout_of_its_function(mixed):
    waits = {
        each["name"]: each["visibility_timeout_seconds"]
        for each in resources(mixed, "aws_sqs_queue")
        if each["name"] in ("vigil-events", "vigil-respond")
    }
    assert waits == {"vigil-events": 600, "vigil-respond": 360}


def test_correlations_decide_every_few_minutes_and_a_sweep_stays_a_sweep(default):
    schedules = {each["name"]: each for each in resources(default, "aws_scheduler_schedule")}
    settle, sweep = schedules["vigil-settle"], schedules["vigil-sweep"]
    assert settle["schedule_expression"] == "rate(5 minutes)"
    assert json.loads(settle["target"][0]["input"]) == {"task": "settle"}
    assert sweep["target"][0]["input"] is None


def test_a_sweep_that_does_not_finish_is_an_alarm_however_often_its_function_runs(default):
    alarms = {
        each["alarm_name"]: each for each in resources(default, "aws_cloudwatch_metric_alarm")
    }
    for name, minutes in (("sweeps", 60), ("settlings", 5)):
        alarm = alarms[f"vigil-{name}-missed"]
        assert (alarm["namespace"], alarm["metric_name"]) == ("Vigil", name)
        assert (alarm["period"], alarm["treat_missing_data"]) == (60 * minutes, "breaching")


def test_files_of_a_trail_come_in_by_eventbridge_too(mixed):
    (rule,) = [
        each
        for each in resources(mixed, "aws_cloudwatch_event_rule")
        if each["name"] == "vigil-trail-files"
    ]
    wanted = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "example-trail"}, "object": {"key": "logs/x.json.gz"}},
    }
    assert EventPattern.load(rule["event_pattern"]).matches_event(wanted)


def resources(plan, kind, name=None):
    """Values of the planned resources of a type."""
    return [
        each["values"]
        for each in plan["planned_values"]["root_module"]["resources"]
        if each["type"] == kind and each["mode"] == "managed" and name in (None, each["name"])
    ]


def statements(plan, name):
    """Statements of the planned inline policy of that name."""
    (found,) = resources(plan, "aws_iam_role_policy", name)
    return as_list(json.loads(found["policy"])["Statement"])


def policy(plan):
    """The response policy as the functions will read it."""
    (found,) = resources(plan, "aws_ssm_parameter", "policy")
    return config.policy(found["value"])


def as_list(value):
    return value if isinstance(value, list) else [value]


def sid(verb):
    return verb.replace("_", " ").title().replace(" ", "")


def envelope(event):
    """A CloudTrail record as EventBridge brings it."""
    kind = "AWS Console Sign In" if event.get("eventName") in SIGN_IN_EVENTS else "AWS API Call"
    source = event.get("eventSource", "x.amazonaws.com").replace(".amazonaws.com", "")
    return {"detail-type": f"{kind} via CloudTrail", "source": f"aws.{source}", "detail": event}


def cloudtrail_rules():
    """Rules about CloudTrail or about every cloud, and the correlations of the same files."""
    for folder in ("aws", "cross"):
        for file in sorted((terraform.ROOT / "core/rules" / folder).rglob("*.yml")):
            for rule in yaml.safe_load_all(file.read_text()):
                logsource = rule.get("logsource", {})
                if "category" not in logsource or logsource["category"] in CATEGORIES:
                    yield {**rule, "file": file.name}


def firing_examples():
    for rule in cloudtrail_rules():
        for example in rule.get("tests", []):
            for event in example.get("events", [example.get("event")]):
                if example["fires"] and "eventName" in event:
                    yield f"{rule['file']}: {example['name']}", event


def event_names(detection):
    """Every plain value that a detection asks of eventName, or means by a class of operations."""
    if isinstance(detection, list):
        return {name for each in detection for name in event_names(each)}
    if not isinstance(detection, dict):
        return set()
    named = {
        name
        for key, value in detection.items()
        for name in (as_list(value) if key == "eventName" else event_names(value))
    }
    classes = as_list(detection.get("metadata.labels", []))
    meant = {name for one in classes for names in TABLE[one].values() for name in names}
    return named | meant


SIGN_IN_EVENTS = {"ConsoleLogin"}
"""Events that CloudTrail marks as sign-ins, for which there is a rule without names."""

POLICY_FAULTS = (
    "policy.verbs holds a verb that",
    "mode is off, rehearse, approve or auto",
    "min_level is informational",
    "must be in enabled_verbs too",
)
FAULTS = (
    "enabled_verbs holds a verb that",
    "GOVERNANCE or COMPLIANCE",
    "days is 1 to 36500",
    "5 to 150",
    "1 to 60",
    "lower-case",
    "1 to 900 seconds",
)
"""What Terraform says of each wrong variable."""
