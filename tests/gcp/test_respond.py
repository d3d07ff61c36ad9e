"""Orders carried out on Google Cloud by core's own walk: judged, changed, read back, undone."""

from __future__ import annotations

from core.audit import Audit
from core.config import Policy, VerbPolicy
from core.memory import FakeClock, MemoryJournal, MemoryStore, Recorder
from core.model import Action
from core.respond import Responder, undo_of
from functions.gcp.actions import actions
from tests.gcp.test_actions import (
    ANA,
    MALLORY,
    PROJECT,
    ROBOT,
    account,
    each_scene,
    grant,
    narrowed_audit_configuration,
    only_member,
    open_rule,
    target,
    unordered,
    world,
)

VERBS = ("disable_access_key", "revoke_sessions", "remove_grant", "close_ingress",
         "block_public_storage", "restore_audit_logging")  # fmt: skip


class Deployment:
    """A responder on Google Cloud's verbs; everything else is in memory."""

    def __init__(self, clients, **policy):
        self.clock = FakeClock()
        self.store, self.alerts = MemoryStore(self.clock), Recorder()
        auto = dict.fromkeys(VERBS, VerbPolicy(mode="auto"))
        self.responder = Responder(
            verbs=actions(clients),
            store=self.store,
            audit=Audit(MemoryJournal(), self.store, "respond", self.clock),
            sinks={"alerts": self.alerts},
            policy=lambda: Policy(verbs=auto, **policy),
            clock=self.clock,
            sleep=lambda seconds: None,
        )

    def order(self, verb, aim):
        return Action(
            uid=f"{verb} {aim.uid}",
            verb=verb,
            target=aim,
            finding="finding-1",
            rule="rule-1",
            title="something is wrong",
            level="critical",
            event_time=self.clock(),
            requested_at=self.clock(),
        )

    def undo(self, action):
        undo = undo_of(self.store, action, by="alice", now=self.clock())
        return self.responder.handle(undo)

    def approved(self, action):
        """As a person would who agrees: the undo of audit logging waits for one."""
        undo = undo_of(self.store, action, by="alice", now=self.clock())
        entry = self.store.get("action", undo.uid)
        given = {"by": "alice", "at": self.clock(), "token": "t"}
        value = {**entry.value, "state": "approved", "approval": given}
        self.store.put("action", undo.uid, value, version=entry.version)
        return self.responder.handle(undo)


def with_an_administrator_left(google):
    for policy in google.policies.values():
        role = "roles/resourcemanager.projectIamAdmin"
        policy["bindings"].append({"role": role, "members": ["user:eve@example.com"]})


@each_scene
def test_an_order_is_carried_out_once_and_taken_back_exactly(google, clients, verb, scene):
    deployment, aim = Deployment(clients), scene(google)
    with_an_administrator_left(google)
    found = unordered(world(google))
    action = deployment.order(verb, aim)
    assert deployment.responder.handle(action) == "changed"
    changed = world(google)
    assert deployment.responder.handle(action) == "settled"
    assert world(google) == changed
    outcome = deployment.undo(action)
    if outcome == "held":
        outcome = deployment.approved(action)
    assert outcome == "changed"
    assert unordered(world(google)) == found


def test_taking_back_what_restored_an_audit_log_waits_for_a_person(google, clients):
    deployment = Deployment(clients)
    action = deployment.order("restore_audit_logging", narrowed_audit_configuration(google))
    deployment.responder.handle(action)
    assert deployment.undo(action) == "held"


def test_an_undo_refuses_when_somebody_changed_the_rule_since(google, clients):
    deployment, aim = Deployment(clients), open_rule(google)
    action = deployment.order("close_ingress", aim)
    deployment.responder.handle(action)
    google.things[aim.args["firewall"]]["sourceRanges"] = ["192.0.2.0/24"]
    assert deployment.undo(action) == "failed"
    assert "no longer as the action left it" in deployment.alerts.seen[-1].text
    assert google.things[aim.args["firewall"]]["sourceRanges"] == ["192.0.2.0/24"]


def test_an_undo_of_what_somebody_took_back_already_changes_nothing(google, clients):
    deployment, aim = Deployment(clients), account(google)
    action = deployment.order("revoke_sessions", aim)
    deployment.responder.handle(action)
    google.things[aim.args["service_account"]].pop("disabled")
    google.calls.clear()
    assert deployment.undo(action) == "nothing"
    assert not any(each.endswith((".enable", ".disable")) for each in google.calls)


def test_the_last_administrator_is_spared(google, clients):
    deployment, found = Deployment(clients), only_member(google)
    assert deployment.responder.handle(deployment.order("remove_grant", found)) == "refused"
    assert google.policies["projects/example-project"]["bindings"][0]["members"] == [MALLORY]


def test_a_protected_account_is_spared_also_where_the_log_names_it_by_number(google, clients):
    deployment = Deployment(clients, protected=(f"serviceAccount:{ROBOT}",))
    name = google.service_account(ROBOT)
    by_number = "projects/example-project/serviceAccounts/100000000000000000001"
    google.things[by_number] = google.things[name]
    aim = target("session", service_account=by_number)
    assert deployment.responder.handle(deployment.order("revoke_sessions", aim)) == "refused"
    assert "disabled" not in google.things[name]


def test_a_protected_member_keeps_its_grant(google, clients):
    deployment = Deployment(clients, protected=(MALLORY,))
    google.policy("projects/example-project", {"role": "roles/owner", "members": [ANA, MALLORY]})
    aim = grant(principal=MALLORY)
    assert deployment.responder.handle(deployment.order("remove_grant", aim)) == "refused"


def test_an_account_that_nobody_looks_after_is_a_failure_that_is_told(google, clients):
    deployment = Deployment(clients)
    resource = PROJECT.replace("example-project", "other-project")
    aim = target("grant", "other-project", resource=resource, role="roles/viewer", member=ANA)
    assert deployment.responder.handle(deployment.order("remove_grant", aim)) == "failed"
    assert "not one that Vigil looks after" in deployment.alerts.seen[-1].text
    assert google.calls == []


def test_a_target_that_is_gone_is_a_failure_that_is_told(google, clients):
    deployment = Deployment(clients)
    aim = target("audit_log", sink="projects/example-project/sinks/deleted")
    order = deployment.order("restore_audit_logging", aim)
    assert deployment.responder.handle(order) == "failed"
    assert "404 NOT_FOUND" in deployment.alerts.seen[-1].text
