"""The guard's table: every situation that decides whether something may run."""

from __future__ import annotations

import msgspec
import pytest

from core.actions import CATALOGUE
from core.config import Policy, VerbPolicy
from core.guard import Approval, History, Situation, judge
from core.model import Action, Target

NOW = 1_700_000_000_000
MINUTE = 60_000
USER = "arn:aws:iam::123456789012:user/mallory"

ACTION = Action(
    uid="a1",
    verb="disable_access_key",
    target=Target(
        kind="access_key",
        uid=USER + "/AKIAIOSFODNN7EXAMPLE",
        provider="aws",
        account="123456789012",
        principal=USER,
    ),
    finding="f1",
    rule="r1",
    rule_status="test",
    title="Key made",
    level="high",
    event_time=NOW - MINUTE,
    requested_at=NOW,
)
UNDO = {"undoes": "a0", "requested_by": "alice"}
YES = Approval(by="alice", at=NOW, token="t")


def policy(mode: str = "auto", **fields) -> Policy:
    min_level = fields.pop("min_level", "high")
    verbs = {name: VerbPolicy(mode=mode, min_level=min_level) for name in CATALOGUE}
    return Policy(verbs=verbs, **fields)


# (name, action fields, policy, situation fields, verdict, a reason)
TABLE = [
    ("auto runs", {}, policy(), {}, "run", "policy: auto"),
    ("the default policy does nothing", {}, Policy(), {}, "refuse", "is off"),
    ("off refuses", {}, policy("off"), {}, "refuse", "is off"),
    ("rehearse rehearses", {}, policy("rehearse"), {}, "rehearse", "rehearse"),
    ("approve holds", {}, policy("approve"), {}, "hold", "approve"),
    ("approved runs", {}, policy("approve"), {"approval": YES}, "run", "approved by alice"),
    ("the kill switch", {}, policy(enabled=False), {}, "refuse", "kill switch"),
    ("the kill switch outranks a person", {}, policy(enabled=False), {"approval": YES},
     "refuse", "kill switch"),
    ("an unknown verb", {"verb": "launch_rockets"}, policy(), {}, "refuse", "no verb"),
    ("a protected identity", {}, policy(protected=("arn:aws:iam::*:user/mallory",)), {},
     "refuse", "protected"),
    ("protection ignores case", {}, policy(protected=("ARN:AWS:IAM::*:USER/MALLORY",)), {},
     "refuse", "protected"),
    ("a protected identity, approved", {}, policy(protected=("*mallory*",)), {"approval": YES},
     "refuse", "protected"),
    ("an identity whose path only the cloud knows", {}, policy(protected=("*user/admins/*",)),
     {"facts": {"principal": "arn:aws:iam::123456789012:user/admins/mallory"}},
     "refuse", "protected"),
    ("Vigil's own", {}, policy(own=("*:user/mallory",)), {}, "refuse", "own"),
    ("a floor of the platform", {}, policy(), {"floors": ("*:user/mallory",)}, "refuse", "never"),
    ("the last administrator", {}, policy(), {"facts": {"last_administrator": True}},
     "refuse", "administrator"),
    ("not the last administrator", {}, policy(), {"facts": {"last_administrator": False}},
     "run", "auto"),
    ("administrators that can't be told", {}, policy(), {"facts": {"last_administrator": None}},
     "hold", "could not tell"),
    ("an account that policy does not name", {}, policy(accounts=("111122223333",)), {},
     "refuse", "123456789012"),
    ("an account that it names", {}, policy(accounts=("123456789012",)), {}, "run", "auto"),
    ("a level too low", {"level": "medium"}, policy(), {}, "refuse", "below"),
    ("a level low enough", {"level": "medium"}, policy(min_level="medium"), {}, "run", "auto"),
    ("an event too old", {"event_time": NOW - 61 * MINUTE}, policy(), {}, "hold", "61 minutes"),
    ("an event just young enough", {"event_time": NOW - 60 * MINUTE}, policy(), {}, "run", "auto"),
    ("an old event, approved", {"event_time": 0}, policy(), {"approval": YES}, "run", "approved"),
    ("an experimental rule", {"rule_status": "experimental"}, policy(), {}, "hold", "experimental"),
    ("an experimental rule, allowed", {"rule_status": "experimental"}, policy(experimental=True),
     {}, "run", "auto"),
    ("the breaker", {}, policy(), {"history": History(last_hour=10)}, "refuse", "breaker"),
    ("one below the breaker", {}, policy(), {"history": History(last_hour=9)}, "run", "auto"),
    ("the breaker, approved", {}, policy("approve"),
     {"history": History(last_hour=10), "approval": YES}, "run", "approved"),
    ("a limit of none", {}, policy(max_actions_per_hour=0), {}, "refuse", "breaker"),
    ("a loop", {}, policy(), {"history": History(same_target_last_day=2)}, "hold", "2 times"),
    ("a drill", {"drill": True}, policy(), {}, "rehearse", "drill"),
    ("a drill with the verb off", {"drill": True}, policy("off"), {}, "refuse", "off"),
    ("an undo needs no mode", UNDO, policy("off"), {}, "run", "alice"),
    ("an undo nobody asked for", {"undoes": "a0"}, policy(), {}, "refuse", "asked by somebody"),
    ("an undo of something protected", UNDO, policy(protected=("*mallory*",)), {},
     "refuse", "protected"),
    ("an undo with the kill switch on", UNDO, policy(enabled=False), {}, "refuse", "kill switch"),
    ("an undo past the breaker", UNDO, policy(), {"history": History(last_hour=99)},
     "run", "alice"),
    ("an undo that weakens the defence", {**UNDO, "verb": "restore_audit_logging"}, policy(), {},
     "hold", "weakens"),
    ("such an undo, approved", {**UNDO, "verb": "restore_audit_logging"}, policy(),
     {"approval": YES}, "run", "approved"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "policy", "fields", "verdict", "reason"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_the_guard(action, policy, fields, verdict, reason):
    situation = Situation(
        action=msgspec.structs.replace(ACTION, **action), policy=policy, now=NOW, **fields
    )
    decision = judge(situation)
    assert decision.verdict == verdict
    assert any(reason in because for because in decision.because), decision.because
    assert decision.policy == policy.digest()


def test_every_reason_is_given_not_just_the_first():
    situation = Situation(
        action=ACTION, policy=Policy(enabled=False, protected=("*mallory*",)), now=NOW
    )
    assert len(judge(situation).because) == 3
