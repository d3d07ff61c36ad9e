"""`vigil findings|actions|audit|report` over a local home, with AWS's verbs on an AWS in memory."""

from __future__ import annotations

import json
from typing import Any

import boto3
import msgspec
import pytest
from moto import mock_aws

from core.audit import Audit
from core.config import Policy, VerbPolicy
from core.engine import Engine
from core.memory import MemoryMetrics, Recorder
from core.model import Action, Finding, Rule
from core.ports import system_clock
from core.respond import Responder
from functions.aws.actions import actions as aws_verbs
from functions.aws.events import SOURCES
from functions.local import home as state
from tests.local.samples import record

RULE = Rule(
    id="rule-1", title="Key made for another", level="high", status="stable",
    respond=("disable_access_key",),
)  # fmt: skip


class Account:
    """An AWS account in memory with one user and one key."""

    def __init__(self) -> None:
        self.iam = boto3.client("iam", region_name="eu-central-1")
        self.iam.create_user(UserName="backup-operator")
        key = self.iam.create_access_key(UserName="backup-operator")["AccessKey"]
        self.key = key["AccessKeyId"]

    @property
    def status(self) -> str:
        [key] = self.iam.list_access_keys(UserName="backup-operator")["AccessKeyMetadata"]
        return key["Status"]

    def record(self) -> dict[str, Any]:
        answer = {"accessKey": {"accessKeyId": self.key, "userName": "backup-operator"}}
        return record(
            1, eventSource="iam.amazonaws.com", eventName="CreateAccessKey",
            requestParameters={"userName": "backup-operator"}, responseElements=answer,
        )  # fmt: skip


@pytest.fixture
def account(monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Account()


def respond(home, account: Account, mode: str) -> Action:
    """Take one record all the way into the local home, the key's verb in this mode."""
    policy = Policy(
        verbs={"disable_access_key": VerbPolicy(mode=mode)}, max_event_age_minutes=10**9
    )  # fmt: skip
    with state.opened(home, create=True) as local:
        (home / "policy.json").write_bytes(msgspec.json.encode(policy))
        queue: Recorder[Action] = Recorder()
        audit = Audit(local.journal, local.store, "detect", system_clock)
        Engine(
            match=lambda source, record: (RULE,),
            sources={source.name: source for source in SOURCES},
            store=local.store, audit=audit, sinks={}, queue=queue, clock=system_clock,
            metrics=MemoryMetrics(),
        ).observe("aws/cloudtrail", account.record())  # fmt: skip
        [action] = queue.seen
        Responder(
            verbs=aws_verbs(lambda service, region="", account="": boto3.client(
                service, region_name=region or "eu-central-1")),
            store=local.store, audit=Audit(local.journal, local.store, "respond", system_clock),
            sinks={}, policy=lambda: policy, clock=system_clock, sleep=lambda seconds: None,
        ).handle(action)  # fmt: skip
        return action


@pytest.fixture
def home(tmp_path):
    return tmp_path / ".vigil"


def test_findings_are_listed_and_shown_with_their_evidence(vigil, home, account):
    respond(home, account, "auto")
    listed = vigil("findings", "list", "--format", "json")
    [line] = listed.lines
    shown = vigil("findings", "show", line["metadata"]["uid"][:8])
    assert line["class_uid"] == 2004
    assert "Key made for another" in shown.out
    assert "CreateAccessKey" in shown.out
    assert vigil("findings", "list", "--level", "critical", "--format", "json").lines == []


def test_a_changed_action_is_taken_back_to_the_exact_former_state(vigil, home, account):
    action = respond(home, account, "auto")
    assert account.status == "Inactive"
    undone = vigil("actions", "undo", action.uid[:10], "--by", "dana")
    states = {line["action"]["uid"]: line["state"] for line in
              vigil("actions", "list", "--format", "json").lines}  # fmt: skip
    assert (undone.code, account.status) == (0, "Active")
    assert states[action.uid] == "undone"
    assert vigil("audit", "verify").code == 0


def test_an_undo_refuses_when_somebody_changed_the_thing_since(vigil, home, account):
    action = respond(home, account, "auto")
    account.iam.delete_access_key(UserName="backup-operator", AccessKeyId=account.key)
    ran = vigil("actions", "undo", action.uid, "--by", "dana")
    assert ran.code == 2
    assert "failed" in ran.err


def test_a_held_action_runs_once_a_person_approves_it(vigil, home, account):
    action = respond(home, account, "approve")
    assert account.status == "Active"
    ran = vigil("actions", "approve", action.uid, "--by", "dana")
    assert (ran.code, account.status) == (0, "Inactive")
    assert "approved by dana" in vigil("actions", "show", action.uid).out
    assert vigil("actions", "approve", action.uid).code == 2


def test_what_did_not_run_can_not_be_taken_back(vigil, home, account):
    action = respond(home, account, "off")
    ran = vigil("actions", "undo", action.uid)
    assert ran.code == 2
    assert "refused" in ran.err


def test_another_account_s_credentials_are_refused_before_anything_is_read(
    vigil, home, account, monkeypatch
):
    action = respond(home, account, "auto")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111122223333")
    ran = vigil("actions", "undo", action.uid)
    assert ran.code == 2
    assert "111122223333" in ran.err


def test_any_changed_byte_of_the_journal_is_found_and_its_record_named(vigil, home, account):
    respond(home, account, "auto")
    path = home / "journal" / "respond.journal"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert vigil("audit", "verify").code == 0
    for number, line in enumerate(lines, 1):
        forged = line.replace(b"disable", b"enable_", 1).replace(b'"at":1', b'"at":2', 1)
        assert forged != line
        path.write_bytes(b"".join([*lines[: number - 1], forged, *lines[number:]]))
        ran = vigil("audit", "verify", "--format", "json")
        verdicts = {one["chain"]: one for one in ran.lines}
        assert (ran.code, verdicts["respond"]["broken"]) == (1, number)
        assert verdicts["detect"]["ok"]


@pytest.mark.parametrize("keep", [0, 1, -1])
def test_a_journal_cut_short_is_found(vigil, home, account, keep):
    respond(home, account, "auto")
    path = home / "journal" / "respond.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:keep]))
    ran = vigil("audit", "verify", "respond")
    assert ran.code == 1
    assert f"BROKEN at record {len(lines[:keep]) + 1}" in ran.out


def test_a_journal_that_was_deleted_is_found(vigil, home, account):
    respond(home, account, "auto")
    (home / "journal" / "respond.journal").unlink()
    assert "respond: BROKEN at record 1" in vigil("audit", "verify").out


def test_the_records_of_a_chain_are_shown_in_order(vigil, home, account):
    respond(home, account, "auto")
    shown = vigil("audit", "show", "respond", "--format", "json").lines
    assert [line["kind"] for line in shown] == ["decided", "attempting", "changed"]
    assert "decided" in vigil("audit", "show").out


def test_the_report_holds_findings_actions_and_the_verdict(vigil, home, account, tmp_path):
    respond(home, account, "auto")
    ran = vigil("report", "-o", "report.html")
    text = (tmp_path / "report.html").read_text()
    assert ran.code == 0
    assert "Key made for another" in text
    assert "disable_access_key" in text
    assert ">whole<" in text


def test_an_unknown_or_ambiguous_uid_is_one_line(vigil, home, account):
    respond(home, account, "auto")
    assert vigil("actions", "show", "zzz").code == 2
    assert "no action begins with 'zzz'" in vigil("actions", "show", "zzz").err
    assert "findings list" in vigil("findings", "show", "zzz").err


def test_a_policy_with_faults_names_its_file_and_every_fault(vigil, home, account):
    action = respond(home, account, "auto")
    (home / "policy.json").write_text(json.dumps({"enabld": True, "max_actions_per_hour": -1}))
    ran = vigil("actions", "undo", action.uid)
    assert ran.code == 2
    assert "policy.json" in ran.err
    assert "enabld" in ran.err
    assert "max_actions_per_hour" in ran.err


def test_a_finding_of_a_correlation_says_what_it_is_about_and_is_found_by_a_former_uid(
    vigil, tmp_path
):
    finding = Finding(
        uid="f" * 32, rule=RULE, level="high", title="Burst", time=1_700_000_060_000,
        last_seen=1_700_000_120_000, found_at=1_700_000_200_000, provider="aws", count=7,
        group={"user": "dana"}, began=1_700_000_000_000, capped=True, former=("e" * 32,),
    )  # fmt: skip
    with state.opened(tmp_path / "home", create=True) as home:
        value = {"finding": msgspec.to_builtins(finding), "state": "settled"}
        home.store.put("finding", finding.uid, value, version=0)
        home.store.put("finding", "e" * 32, {"state": "replaced", "by": finding.uid}, version=0)
    listed = vigil("findings", "list", "--home", "home")
    assert "user=dana, 7 or more events" in listed.out
    assert "1 findings" in listed.err
    shown = vigil("findings", "show", "e" * 32, "--home", "home")
    assert finding.uid in shown.out
    assert "2023-11-14T22:13:20Z to 2023-11-14T22:15:20Z" in shown.out
    (line,) = vigil("findings", "list", "--home", "home", "--format", "json").lines
    assert line["unmapped"] == {
        "group": {"user": "dana"}, "capped": True, "former_uids": ["e" * 32],
    }  # fmt: skip
