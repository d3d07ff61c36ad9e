"""An action from its queue to the world and back."""

from __future__ import annotations

import msgspec
import pytest

from core.approval import Word
from core.config import Policy, VerbPolicy
from core.errors import BadToken, Busy, Forbidden, Unavailable
from core.model import Action
from core.ports import Verb
from core.respond import between, undo_of

KEY = "arn:aws:iam::123456789012:user/mallory/AKIAIOSFODNN7EXAMPLE"


def proposed(deployment) -> Action:
    deployment.engine.observe("aws/cloudtrail", deployment.record())
    return deployment.queue.seen[0]


def with_policy(deployment, **fields) -> None:
    verbs = {"disable_access_key": VerbPolicy(mode=fields.pop("mode", "auto"))}
    deployment.policy = Policy(verbs=verbs, **fields)


def test_an_enabled_verb_changes_the_target_and_says_so(deployment):
    action = proposed(deployment)
    assert deployment.responder.handle(action) == "changed"
    assert deployment.world.world[KEY] == {"status": "Inactive"}
    assert deployment.audited("respond") == ["decided", "attempting", "changed"]
    assert [alert.kind for alert in deployment.alerts.seen] == ["finding", "change"]
    stored = deployment.action(action.uid)
    assert (stored["before"], stored["after"]) == ({"status": "Active"}, {"status": "Inactive"})


def test_by_default_nothing_acts(deployment):
    deployment.policy = Policy()
    assert deployment.responder.handle(proposed(deployment)) == "refused"
    assert deployment.world.writes == []
    assert deployment.audited("respond") == ["decided"]


def test_the_cloud_is_not_asked_about_what_is_refused_anyway(deployment):
    deployment.policy = Policy()
    verb = deployment.world.verbs["disable_access_key"]

    def no_rights(_):
        raise Forbidden("iam:GetUser was denied")

    deployment.responder.verbs["disable_access_key"] = verb._replace(facts=no_rights)
    assert deployment.responder.handle(proposed(deployment)) == "refused"


def test_the_last_administrator_is_spared(deployment):
    deployment.world.facts["last_administrator"] = True
    assert deployment.responder.handle(proposed(deployment)) == "refused"
    assert deployment.world.writes == []


def test_a_rehearsal_reads_and_plans_but_writes_nothing(deployment):
    with_policy(deployment, mode="rehearse")
    action = proposed(deployment)
    assert deployment.responder.handle(action) == "rehearsed"
    assert deployment.world.writes == []
    assert deployment.action(action.uid)["wanted"] == {"status": "Inactive"}


def test_what_is_already_as_wanted_is_left_alone(deployment):
    deployment.world.world[KEY] = {"status": "Inactive"}
    assert deployment.responder.handle(proposed(deployment)) == "nothing"
    assert deployment.world.writes == []


def test_a_missing_target_is_a_failure_that_is_told_and_never_retried(deployment):
    del deployment.world.world[KEY]
    action = proposed(deployment)
    assert deployment.responder.handle(action) == "failed"
    assert deployment.alerts.seen[-1].kind == "failure"
    assert deployment.responder.handle(action) == "settled"


def test_undo_returns_the_exact_former_state_and_is_recorded(deployment):
    action = proposed(deployment)
    deployment.responder.handle(action)
    undo = undo_of(deployment.store, action, by="alice", now=deployment.clock())
    assert deployment.responder.handle(undo) == "changed"
    assert deployment.world.world[KEY] == {"status": "Active"}
    assert deployment.action(action.uid)["state"] == "undone"
    assert deployment.audited("respond")[-3:] == ["decided", "attempting", "undone"]
    assert deployment.responder.handle(undo) == "settled"


def test_undo_refuses_when_the_resource_has_drifted_and_can_be_asked_again(deployment):
    action = proposed(deployment)
    deployment.responder.handle(action)
    deployment.world.world[KEY] = {"status": "Inactive", "tag": "somebody was here"}
    undo = undo_of(deployment.store, action, by="alice", now=deployment.clock())
    assert deployment.responder.handle(undo) == "failed"
    assert deployment.world.world[KEY]["tag"] == "somebody was here"
    deployment.world.world[KEY] = {"status": "Inactive"}
    again = undo_of(deployment.store, action, by="alice", now=deployment.clock())
    assert again.uid != undo.uid
    assert deployment.responder.handle(again) == "changed"


def test_only_what_was_changed_can_be_undone(deployment):
    deployment.policy = Policy()
    action = proposed(deployment)
    deployment.responder.handle(action)
    undo = undo_of(deployment.store, action, by="alice", now=deployment.clock())
    assert deployment.responder.handle(undo) == "failed"
    assert "nothing to undo" in deployment.alerts.seen[-1].text


def test_an_action_that_somebody_else_overtook_is_not_forced(deployment):
    action = proposed(deployment)
    verb = deployment.world.verbs["disable_access_key"]
    reads = iter([{"status": "Active"}, {"status": "Deleted soon"}])
    deployment.responder.verbs["disable_access_key"] = verb._replace(read=lambda _: next(reads))
    assert deployment.responder.handle(action) == "failed"
    assert deployment.world.writes == []


def test_a_held_action_runs_once_a_person_approves_and_the_token_is_single_use(deployment):
    with_policy(deployment, mode="approve")
    action = proposed(deployment)
    assert deployment.responder.handle(action) == "held"
    assert deployment.responder.handle(action) == "settled"
    token = deployment.alerts.seen[-1].links["Review"].split("token=")[1]
    shown = deployment.approvals.show(deployment.store, token)
    assert (shown.action, shown.state) == (action, "held")
    assert deployment.world.writes == []
    audit = deployment.engine.audit
    decide = deployment.approvals.decide
    decide(deployment.store, deployment.queue, audit, token, Word(True, "alice"))
    assert deployment.responder.handle(deployment.queue.seen[-1]) == "changed"
    with pytest.raises(BadToken, match="used"):
        decide(deployment.store, deployment.queue, audit, token, Word(True, "alice"))


def test_a_denied_action_never_runs(deployment):
    with_policy(deployment, mode="approve")
    action = proposed(deployment)
    deployment.responder.handle(action)
    token = deployment.alerts.seen[-1].links["Review"].split("token=")[1]
    audit = deployment.engine.audit
    before = len(deployment.queue.seen)
    deployment.approvals.decide(
        deployment.store, deployment.queue, audit, token, Word(False, "alice")
    )
    assert len(deployment.queue.seen) == before
    assert deployment.responder.handle(action) == "settled"
    assert deployment.world.writes == []


@pytest.mark.parametrize("spoil", ["x", "", "."])
def test_a_forged_token_is_refused(deployment, spoil):
    with_policy(deployment, mode="approve")
    deployment.responder.handle(proposed(deployment))
    token = deployment.alerts.seen[-1].links["Review"].split("token=")[1]
    with pytest.raises(BadToken):
        deployment.approvals.show(deployment.store, token[:-2] + spoil)


def test_an_expired_token_is_refused(deployment):
    with_policy(deployment, mode="approve")
    deployment.responder.handle(proposed(deployment))
    token = deployment.alerts.seen[-1].links["Review"].split("token=")[1]
    deployment.clock.advance(31 * 60_000)
    with pytest.raises(BadToken, match="expired"):
        deployment.approvals.show(deployment.store, token)


def test_a_queued_action_that_differs_from_the_judged_one_does_not_replace_it(deployment):
    with_policy(deployment, mode="approve")
    action = proposed(deployment)
    deployment.responder.handle(action)
    token = deployment.alerts.seen[-1].links["Review"].split("token=")[1]
    deployment.approvals.decide(
        deployment.store, deployment.queue, deployment.engine.audit, token, Word(True, "alice")
    )
    other = msgspec.structs.replace(action.target, uid="arn:aws:iam::123456789012:user/boss/KEY")
    deployment.world.world[other.uid] = {"status": "Active"}
    forged = msgspec.structs.replace(action, target=other)
    assert deployment.responder.handle(forged) == "changed"
    assert deployment.world.writes == [(KEY, {"status": "Inactive"})]


def test_a_verb_that_is_denied_fails_for_good(deployment):
    action = proposed(deployment)

    def denied(*_):
        raise Forbidden("iam:UpdateAccessKey was denied")

    verb = deployment.world.verbs["disable_access_key"]
    deployment.responder.verbs["disable_access_key"] = verb._replace(write=denied)
    assert deployment.responder.handle(action) == "failed"
    assert deployment.audited("respond") == ["decided", "attempting", "failed"]


@pytest.mark.parametrize("fault", [Unavailable("throttled"), RuntimeError("a bug")])
def test_a_passing_fault_is_recorded_and_the_action_goes_on_when_delivered_again(deployment, fault):
    action = proposed(deployment)
    verb = deployment.world.verbs["disable_access_key"]

    def faulty(*_):
        raise fault

    deployment.responder.verbs["disable_access_key"] = verb._replace(write=faulty)
    with pytest.raises(Unavailable):
        deployment.responder.handle(action)
    assert deployment.audited("respond")[-1] == "interrupted"
    deployment.responder.verbs["disable_access_key"] = verb
    assert deployment.responder.handle(action) == "changed"
    assert deployment.world.writes == [(KEY, {"status": "Inactive"})]


def test_two_workers_never_work_on_one_action_at_once(deployment):
    action = proposed(deployment)
    verb = deployment.world.verbs["disable_access_key"]

    def meanwhile(target):
        with pytest.raises(Busy):
            deployment.responder.handle(action)
        return verb.read(target)

    deployment.responder.verbs["disable_access_key"] = Verb(
        read=meanwhile, want=verb.want, write=verb.write
    )
    assert deployment.responder.handle(action) == "changed"


def test_the_breaker_stops_the_machine_but_not_a_person(deployment):
    with_policy(deployment, max_actions_per_hour=2, max_repeats_per_day=99)
    states = []
    for number in range(4):
        deployment.world.world[KEY] = {"status": "Active"}
        deployment.engine.observe("aws/cloudtrail", deployment.record(eventID=f"e-{number}"))
        states.append(deployment.responder.handle(deployment.queue.seen[-1]))
    assert states == ["changed", "changed", "refused", "refused"]
    first = deployment.queue.seen[1]
    undo = undo_of(deployment.store, first, by="alice", now=deployment.clock())
    deployment.world.world[KEY] = {"status": "Inactive"}
    assert deployment.responder.handle(undo) == "changed"


def test_the_third_time_on_one_target_within_a_day_waits_for_a_person(deployment):
    states = []
    for number in range(3):
        deployment.world.world[KEY] = {"status": "Active"}
        deployment.engine.observe("aws/cloudtrail", deployment.record(eventID=f"e-{number}"))
        states.append(deployment.responder.handle(deployment.queue.seen[-1]))
    assert states == ["changed", "changed", "held"]


class Stepwise:
    """A verb on a world of two fields that is written one call at a time, and may break between."""

    def __init__(self, deployment) -> None:
        self.world = {"logging": False, "regions": ["a"]}
        self.breaks = [RuntimeError("killed between two calls")]
        deployment.responder.verbs["disable_access_key"] = Verb(
            read=lambda _: dict(self.world),
            want=lambda *_: {"logging": True, "regions": ["a", "b", "c"]},
            write=self.write,
        )

    def write(self, target, old, new) -> None:
        self.world["logging"] = new["logging"]
        if self.breaks:
            self.world["regions"] = ["a", "b"]
            raise self.breaks.pop()
        self.world["regions"] = new["regions"]


def test_a_write_that_was_cut_short_is_gone_on_with(deployment):
    action = proposed(deployment)
    verb = Stepwise(deployment)
    with pytest.raises(Unavailable):
        deployment.responder.handle(action)
    assert verb.world == {"logging": True, "regions": ["a", "b"]}
    assert deployment.responder.handle(action) == "changed"
    assert verb.world == {"logging": True, "regions": ["a", "b", "c"]}


def test_what_somebody_else_did_to_a_half_written_target_is_drift(deployment):
    action = proposed(deployment)
    verb = Stepwise(deployment)
    with pytest.raises(Unavailable):
        deployment.responder.handle(action)
    verb.world["regions"] = ["a", "elsewhere"]
    assert deployment.responder.handle(action) == "failed"
    assert verb.world["regions"] == ["a", "elsewhere"]


@pytest.mark.parametrize(
    ("current", "half_way"),
    [
        ({"a": 1, "b": 2}, True),
        ({"a": 1, "b": 9}, False),
        ({"a": 1, "c": 1}, False),
        ({}, True),
        (None, False),
        ({"l": []}, True),
        ({"l": [2]}, True),
        ({"l": [3]}, False),
    ],
)
def test_what_lies_between_two_states(current, half_way):
    before, wanted = {"a": 1, "b": 1, "l": [1, 2]}, {"a": 2, "b": 2, "l": []}
    assert between(current, before, wanted) is half_way


def test_an_undo_that_was_refused_can_be_asked_again_once_it_may_run(deployment):
    action = proposed(deployment)
    deployment.responder.handle(action)
    with_policy(deployment, enabled=False)
    undo = undo_of(deployment.store, action, by="alice", now=deployment.clock())
    assert deployment.responder.handle(undo) == "refused"
    with_policy(deployment)
    again = undo_of(deployment.store, action, by="alice", now=deployment.clock())
    assert deployment.responder.handle(again) == "changed"
    assert deployment.world.world[KEY] == {"status": "Active"}


def test_the_kill_switch_stops_an_action_that_was_interrupted_before_it_wrote(deployment):
    action = proposed(deployment)
    verb = deployment.world.verbs["disable_access_key"]
    reads = [{"status": "Active"}]

    def fading(target):
        if reads:
            return reads.pop()
        raise Unavailable("throttled")

    deployment.responder.verbs["disable_access_key"] = verb._replace(read=fading)
    with pytest.raises(Unavailable):
        deployment.responder.handle(action)
    assert deployment.action(action.uid)["state"] == "running"
    deployment.responder.verbs["disable_access_key"] = verb
    with_policy(deployment, enabled=False)
    assert deployment.responder.handle(action) == "refused"
    assert deployment.world.writes == []


def test_what_has_begun_to_write_is_finished_whatever_policy_says_now(deployment):
    action = proposed(deployment)
    verb = Stepwise(deployment)
    with pytest.raises(Unavailable):
        deployment.responder.handle(action)
    with_policy(deployment, enabled=False)
    assert deployment.responder.handle(action) == "changed"
    assert verb.world == {"logging": True, "regions": ["a", "b", "c"]}
