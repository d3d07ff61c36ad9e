"""`vigil findings|actions|audit|report` over a deployment, its functions the real ones."""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path

import pytest
from moto.core import set_initial_no_auth_action_count

from functions.local.aws import OUTPUTS
from tests.aws.deployment import (
    ACCOUNT,
    CONTEXT,
    REGION,
    batch,
    deployed,
    detected,
    envelope,
    handler,
    respond_all,
)

ROOT = Path(__file__).parents[2]
MODES = {mode: {"disable_access_key": {"mode": mode}} for mode in ("auto", "approve")}


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    with deployed(tmp_path, monkeypatch) as cloud:
        monkeypatch.delenv("AWS_DEFAULT_REGION")  # the outputs say where the deployment is
        yield cloud


@pytest.fixture
def outputs(cloud):
    """What `terraform output -json` says, as values."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:actions"
    return {
        "alerts_topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",
        "journal": "journal",
        "queues": {"events": "https://example.com/events", "respond": cloud.urls["actions"]},
        "queue_arns": {"events": arn.replace("actions", "events"), "respond": arn},
        "table": "state",
    }


def written(path: Path, outputs) -> Path:
    document = {name: {"sensitive": False, "value": value} for name, value in outputs.items()}
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def run(vigil, cloud, outputs, tmp_path, monkeypatch):
    """The command line on the deployment, after the functions had one record to deal with."""
    monkeypatch.setenv("VIGIL_HOME", str(written(tmp_path / "vigil-aws.json", outputs)))

    def after(mode: str):
        cloud.policy(MODES[mode])
        assert detected(envelope(cloud.record())) == []
        assert respond_all(cloud) == []
        return vigil

    return after


def only_action(vigil):
    [action] = vigil("actions", "list", "--format", "json").lines
    return action


def test_findings_and_actions_of_a_deployment_are_listed_and_shown(run, cloud):
    vigil = run("auto")
    [finding] = vigil("findings", "list", "--format", "json").lines
    action = only_action(vigil)
    assert finding["class_uid"] == 2004
    assert (action["state"], action["before"], action["after"]) == (
        "changed",
        {"status": "Active"},
        {"status": "Inactive"},
    )
    assert "CreateAccessKey" in vigil("findings", "show", finding["metadata"]["uid"]).out
    assert cloud.key in vigil("actions", "show", action["action"]["uid"][:10]).out


def test_looking_writes_nothing(run, cloud):
    vigil = run("auto")
    uid = only_action(vigil)["action"]["uid"]
    before = everything(cloud)
    for words in ("findings list", f"actions show {uid}", "audit verify", "audit show", "report"):
        assert vigil(*words.split()).code == 0
    assert everything(cloud) == before


def everything(cloud):
    table = cloud.client("dynamodb").scan(TableName="state")["Items"]
    lines = cloud.client("s3").list_object_versions(Bucket="journal")["Versions"]
    return table, [(line["Key"], line["VersionId"]) for line in lines], cloud.received("actions")


def test_the_report_of_a_deployment_holds_findings_actions_and_the_verdict(run, tmp_path):
    assert run("auto")("report", "-o", "report.html").code == 0
    text = (tmp_path / "report.html").read_text()
    assert "Access Key Created For Another User" in text
    assert ">whole<" in text


def test_the_chains_verify_and_a_changed_line_is_named(run, cloud):
    vigil = run("auto")
    assert vigil("audit", "verify").code == 0
    s3, key = cloud.client("s3"), "journal/respond/000000000002.json"
    line = s3.get_object(Bucket="journal", Key=key)["Body"].read()
    s3.put_object(Bucket="journal", Key=key, Body=line.replace(b"Active", b"active"))
    ran = vigil("audit", "verify")
    assert ran.code == 1
    assert "respond: BROKEN at record 2: was changed after it was written" in ran.out
    assert "detect: whole" in ran.out


def test_a_line_that_is_no_text_is_named_and_the_rest_is_shown(run, cloud):
    vigil = run("auto")
    cloud.client("s3").put_object(
        Bucket="journal", Key="journal/respond/000000000002.json", Body=b'{"kind":"\xff"}'
    )
    ran = vigil("audit", "show", "respond", "--format", "json")
    assert [line["kind"] for line in ran.lines] == ["decided", "changed"]
    assert "record 2 of respond is no record" in ran.err


def test_an_undo_goes_through_the_queue_and_brings_the_key_back(run, cloud):
    vigil = run("auto")
    uid = only_action(vigil)["action"]["uid"]
    assert cloud.key_status() == "Inactive"
    ordered = vigil("actions", "undo", uid, "--by", "dana", "--no-wait")
    assert (ordered.code, cloud.key_status()) == (0, "Inactive")
    assert "not yet taken up" in ordered.err

    assert respond_all(cloud) == []
    assert cloud.key_status() == "Active"
    actions = vigil("actions", "list", "--format", "json").lines
    states = {one["action"].get("undoes"): one for one in actions}
    assert (states[None]["state"], states[uid]["state"]) == ("undone", "changed")
    [because] = states[uid]["decision"]["because"]
    assert re.fullmatch(rf"asked by dana \(arn:aws:sts::{ACCOUNT}:.+\)", because)
    assert vigil("audit", "verify").code == 0


def delivery(cloud, state: dict) -> threading.Thread:
    """What SQS and Lambda do: hand the next order to the respond function, once there is one."""

    def deliver():
        while not state.get("over"):
            if orders := cloud.received("actions"):
                state["failures"] = handler.respond(batch(*orders), CONTEXT)["batchItemFailures"]
                return

    thread = threading.Thread(target=deliver)
    thread.start()
    return thread


def test_the_outcome_of_an_order_is_waited_for_and_told(run, cloud):
    vigil, state = run("auto"), {}
    uid = only_action(vigil)["action"]["uid"]
    thread = delivery(cloud, state)
    try:
        ran = vigil("actions", "undo", uid, "--by", "dana", "--wait", 600)
    finally:
        state["over"] = True
        thread.join()
    assert (ran.code, state["failures"]) == (0, [])
    assert "changed: asked by dana" in ran.err
    assert cloud.key_status() == "Active"


def test_an_undo_that_the_respond_function_refuses_is_a_failure(run, cloud):
    vigil = run("auto")
    uid = only_action(vigil)["action"]["uid"]
    cloud.client("iam").delete_access_key(UserName="victim", AccessKeyId=cloud.key)
    vigil("actions", "undo", uid, "--no-wait")
    respond_all(cloud)
    [undo] = vigil("actions", "list", "--state", "failed", "--format", "json").lines
    assert undo["action"]["undoes"] == uid
    assert vigil("actions", "undo", undo["action"]["uid"]).code == 2


def test_to_give_up_waiting_is_no_success(run, cloud):
    vigil = run("auto")
    uid = only_action(vigil)["action"]["uid"]
    ran = vigil("actions", "undo", uid, "--wait", 0)
    assert ran.code == 2
    assert "vigil actions show" in ran.err
    assert len(cloud.received("actions")) == 1


def test_a_held_action_is_released_through_the_queue_and_recorded_as_the_operator_s_word(
    run, cloud
):
    vigil = run("approve")
    uid = only_action(vigil)["action"]["uid"]
    assert vigil("actions", "approve", uid[:10], "--by", "dana", "--no-wait").code == 0
    assert cloud.key_status() == "Active"
    assert respond_all(cloud) == []
    assert cloud.key_status() == "Inactive"
    [word] = vigil("audit", "show", "operator", "--format", "json").lines
    assert (word["kind"], word["subject"]) == ("approved", uid)
    assert word["data"]["by"].startswith("dana (arn:aws:sts::")
    assert "approved by dana" in vigil("actions", "show", uid).out
    assert vigil("audit", "verify").code == 0
    assert vigil("actions", "approve", uid).code == 2


def test_an_approval_whose_order_was_lost_can_be_given_again(run, cloud):
    vigil = run("approve")
    uid = only_action(vigil)["action"]["uid"]
    ran = vigil("actions", "approve", uid, "--wait", 0)
    assert ran.code == 2
    assert "ordered, and approved:" in ran.err
    assert len(cloud.received("actions")) == 1  # and nobody carries it out
    vigil("actions", "approve", uid, "--no-wait")
    assert respond_all(cloud) == []
    assert cloud.key_status() == "Inactive"
    kinds = [line["kind"] for line in vigil("audit", "show", "operator", "--format", "json").lines]
    assert kinds == ["approved"]


@pytest.mark.parametrize("gone", OUTPUTS)
def test_a_missing_output_is_named(vigil, outputs, tmp_path, gone):
    name, _, key = gone.partition(".")
    if key:
        del outputs[name][key]
    else:
        del outputs[name]
    ran = vigil("findings", "list", "--home", written(tmp_path / "some.json", outputs))
    assert ran.code == 2
    assert f"lacks the outputs {gone};" in ran.err


@pytest.mark.parametrize("text", ["{}", "[]", "3", '{"table": 1, "journal": {"value": {}}}'])
def test_another_json_file_is_told_all_that_it_lacks(vigil, cloud, tmp_path, text):
    (tmp_path / "other.json").write_text(text)
    ran = vigil("actions", "list", "--home", "other.json")
    assert ran.code == 2
    assert ", ".join(OUTPUTS) in ran.err
    assert "terraform output -json" in ran.err


@pytest.mark.parametrize("data", [b"", b"vigil", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_not_json_is_one_line(vigil, cloud, tmp_path, data):
    (tmp_path / "other.json").write_bytes(data)
    ran = vigil("audit", "verify", "--home", "other.json")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "other.json is not JSON" in ran.err


def test_a_queue_without_a_place_is_named(vigil, outputs, tmp_path):
    outputs["queue_arns"]["respond"] = "actions"
    ran = vigil("findings", "list", "--home", written(tmp_path / "some.json", outputs))
    assert ran.code == 2
    assert "queue_arns.respond is not the ARN of a queue" in ran.err


def test_what_is_needed_is_what_terraform_puts_out():
    text = (ROOT / "infra/aws/outputs.tf").read_text()
    declared = set(re.findall(r'^output "(\w+)"', text, re.MULTILINE))
    assert {name.partition(".")[0] for name in OUTPUTS} <= declared


def test_no_credentials_is_one_line_that_says_how_to_choose_some(run, monkeypatch, tmp_path):
    vigil = run("auto")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ran = vigil("findings", "list")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "Unable to locate credentials" in ran.err
    assert "AWS_PROFILE" in ran.err


def test_an_unknown_profile_is_one_line(run, monkeypatch):
    vigil = run("auto")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    ran = vigil("findings", "list")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "nobody" in ran.err


def test_another_account_s_credentials_are_refused(run, monkeypatch):
    vigil = run("auto")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111122223333")
    ran = vigil("findings", "list")
    assert ran.code == 2
    assert f"for account 111122223333, the deployment is in {ACCOUNT}" in ran.err


def test_a_deployment_that_is_gone_is_one_line(run, cloud):
    vigil = run("auto")
    cloud.client("dynamodb").delete_table(TableName="state")
    ran = vigil("findings", "list")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "vigil-aws.json still right?" in ran.err


def test_without_the_sdk_the_extra_is_named(run, monkeypatch):
    vigil = run("auto")
    monkeypatch.setitem(sys.modules, "boto3", None)
    ran = vigil("findings", "list")
    assert ran.code == 2
    assert "cloud-vigil[aws]" in ran.err


def documented(heading: str) -> list[str]:
    """The rights that infra/aws/README.md lists for one use."""
    text = (ROOT / "infra/aws/README.md").read_text()
    [row] = [line for line in text.splitlines() if line.startswith(f"| {heading} |")]
    return re.findall(r"`([a-z0-9]+:[A-Za-z]+)`", row)


@pytest.fixture
def as_operator(cloud, monkeypatch):
    """Run something as a user who has these rights and no other."""

    def act(rights, work):
        iam = cloud.client("iam")
        iam.create_user(UserName="operator")
        # AWS answers GetCallerIdentity to everybody; moto wants a right for it.
        statement = {
            "Effect": "Allow",
            "Action": ["sts:GetCallerIdentity", *rights],
            "Resource": "*",
        }
        iam.put_user_policy(
            UserName="operator",
            PolicyName="rights",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        key = iam.create_access_key(UserName="operator")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        return set_initial_no_auth_action_count(0)(work)()

    return act


def test_who_may_not_look_is_told_what_was_denied_and_where_the_rights_are_listed(run, as_operator):
    vigil = run("auto")
    ran = as_operator([], lambda: vigil("findings", "list"))
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "dynamodb:Query" in ran.err
    assert "infra/aws/README.md" in ran.err


def test_the_documented_rights_to_look_are_enough_to_look_and_not_to_order(run, as_operator):
    vigil = run("auto")
    uid = only_action(vigil)["action"]["uid"]
    looks = ("findings list", "actions list", f"actions show {uid}", "audit verify", "audit show")

    def work():
        return [vigil(*words.split()).code for words in looks], vigil("actions", "undo", uid)

    codes, undo = as_operator(documented("Look"), work)
    assert codes == [0] * len(looks)
    assert undo.code == 2
    assert "sqs:SendMessage" in undo.err


@pytest.mark.parametrize(("mode", "word", "use"), [("auto", "undo", "Undo"), ("approve", "approve", "Approve")])  # fmt: skip
def test_the_documented_rights_are_enough_for_an_order(run, cloud, as_operator, mode, word, use):
    vigil = run(mode)
    uid = only_action(vigil)["action"]["uid"]
    rights = [*documented("Look"), *documented(use)]
    ran = as_operator(rights, lambda: vigil("actions", word, uid, "--no-wait"))
    assert ran.code == 0, ran.err
