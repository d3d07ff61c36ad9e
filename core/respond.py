"""From finding to change and back: plan -> guard -> verb -> verify -> record; hold and undo.

An action is one stored subject with a lease. Before the first write to a cloud, the state before
and the state wanted are stored; so whoever takes over after a crash reads the target once more and
knows whether the change is still to do, done, or overtaken by somebody else. Undo is the same walk
with the two states exchanged. This file knows verbs only as lenses (core.ports.Verb).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from core import alert as alerts
from core.actions import CATALOGUE
from core.approval import Approvals
from core.audit import Audit
from core.breaker import Breaker
from core.claim import Lease, take
from core.config import Policy
from core.errors import BadRecord, Drifted, Reject, Retry, Unavailable
from core.guard import Approval, History, Situation, judge
from core.model import (
    Action,
    Alert,
    Change,
    Decision,
    Event,
    Finding,
    State,
    Target,
    digest,
    to_json,
)
from core.ports import Clock, Sink, Store, Verb, Verbs

__all__ = ["TAKEABLE", "Responder", "between", "plan", "undo_of"]

WAITS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each reading back: the clouds show a change late (AWS IAM after 3 to 4 s)."""

TAKEABLE = ("proposed", "approved", "running")
"""States in which there is something left to do."""

FRUITLESS = ("failed", "refused", "rehearsed")
"""States in which an order ended and the target was not changed."""


def plan(
    finding: Finding,
    event: Event,
    targets: Callable[[str, Event], tuple[Target, ...]],
    now: int,
) -> tuple[Action, ...]:
    """The actions that would help: each verb the rule names, on each target the event shows."""
    return tuple(
        Action(
            uid=digest("action", verb, to_json(target).decode(), finding.uid),
            verb=verb,
            target=target,
            finding=finding.uid,
            rule=finding.rule.id,
            rule_status=finding.rule.status,
            title=finding.title,
            level=finding.level,
            event_time=event.time,
            requested_at=now,
            drill=finding.drill,
        )
        for verb in finding.rule.respond
        if verb in CATALOGUE
        for target in targets(CATALOGUE[verb].target, event)
    )


def undo_of(store: Store, action: Action, *, by: str, now: int) -> Action:
    """The order to take an action back, asked by a person.

    Asked twice it is the same order, unless the first one ended without a change: then it is new.
    """
    uid = digest("undo", action.uid)
    while (entry := store.get("action", uid)) and entry.value["state"] in FRUITLESS:
        uid = digest("undo", uid)
    return msgspec.structs.replace(
        action,
        uid=uid,
        undoes=action.uid,
        requested_by=by,
        requested_at=now,
    )


def between(current: State, before: State, wanted: State) -> bool:
    """Whether a write from one state to the other, cut short, could have left this one.

    Each field is as before or as wanted; of a list, some of the items of both.
    """
    if not (isinstance(current, Mapping) and isinstance(before, Mapping)):
        return False
    ends = (before, wanted if isinstance(wanted, Mapping) else {})
    for field, value in current.items():
        known = [end[field] for end in ends if field in end]
        if value in known:
            continue
        if not isinstance(value, list):
            return False
        items = [item for end in known if isinstance(end, list) for item in end]
        if any(item not in items for item in value):
            return False
    return True


class Responder(msgspec.Struct, frozen=True, kw_only=True):
    """The respond function's ports, and what it does with one action from its queue."""

    verbs: Verbs
    store: Store
    audit: Audit
    sinks: Mapping[str, Sink]
    policy: Callable[[], Policy]
    clock: Clock
    sleep: Callable[[float], None]
    approvals: Approvals | None = None
    floors: tuple[str, ...] = ()

    def handle(self, action: Action) -> str:
        """Carry one action as far as it may go; its state afterwards.

        Raises Retry when the platform should deliver it again. Delivered again when all is done,
        it answers "settled" and changes nothing.
        """
        fresh = {"action": msgspec.to_builtins(action), "state": "proposed"}
        lease = take(self.store, self.clock, "action", action.uid, fresh, open_states=TAKEABLE)
        if lease is None:
            return "settled"
        if lease.value["action"] != fresh["action"]:
            # What was judged and approved is the stored order, not a later one of the same name.
            action = msgspec.convert(lease.value["action"], Action)
        try:
            return self._attempt(lease, action)
        except Retry as error:
            self._interrupted(lease, action, error)
            raise
        except Exception as error:
            self._interrupted(lease, action, error)
            raise Unavailable(f"{action.verb} on {action.target.uid}: {error!r}") from error

    def _attempt(self, lease: Lease, action: Action) -> str:
        try:
            return self._walk(lease, action)
        except Reject as error:
            self.audit.write("failed", action.uid, verb=action.verb, reason=str(error))
            self._tell(lease, alerts.of_failure(action, str(error), self.clock()))
            lease.settle("failed", reason=str(error))
            return "failed"

    def _walk(self, lease: Lease, action: Action) -> str:
        verb = self.verbs.get(action.verb)
        if verb is None:
            raise BadRecord(f"{action.verb} is not carried out on {action.target.provider}")
        if lease.has("writing"):
            # Half a change is worse than a whole one; until then policy may think again.
            return self._run(lease, action, verb, lease.value["decision"]["at"])
        decision = self._decide(lease, action, verb)
        if decision.verdict == "run":
            return self._run(lease, action, verb, decision.at)
        if decision.verdict == "rehearse":
            before = verb.read(action.target)
            wanted = verb.want(action.target, before, decision.at)
            self.audit.write("rehearsed", action.uid, before=before, wanted=wanted)
            lease.settle("rehearsed", before=before, wanted=wanted)
            return "rehearsed"
        if decision.verdict == "hold":
            link = self.approvals.link(action) if self.approvals else ""
            self._tell(lease, alerts.of_hold(action, decision, link))
            lease.settle("held")
            return "held"
        lease.settle("refused")
        return "refused"

    def _decide(self, lease: Lease, action: Action, verb: Verb) -> Decision:
        approval = lease.value.get("approval")
        bare = Situation(
            action=action,
            policy=self.policy(),
            now=self.clock(),
            floors=self.floors,
            approval=msgspec.convert(approval, Approval) if approval else None,
        )
        facts: Mapping[str, Any] | None = None

        def decide(history: History) -> Decision:
            """The cloud is only asked when it matters: a verb that is off has no rights."""
            nonlocal facts
            situation = msgspec.structs.replace(bare, history=history)
            decision = judge(situation)
            if decision.verdict == "refuse":
                return decision
            facts = verb.facts(action.target) if facts is None else facts
            return judge(msgspec.structs.replace(situation, facts=facts))

        decision = Breaker(self.store).reserve(action, bare.now, decide)
        self.audit.write(
            "decided",
            action.uid,
            verb=action.verb,
            target=action.target.uid,
            finding=action.finding,
            verdict=decision.verdict,
            because=decision.because,
            policy=decision.policy,
            undoes=action.undoes,
        )
        lease.mark(decision=msgspec.to_builtins(decision))
        return decision

    def _run(self, lease: Lease, action: Action, verb: Verb, at: int) -> str:
        if "wanted" not in lease.value:
            before, wanted = self._states(action, verb, at)
            lease.mark(state="running", before=before, wanted=wanted)
        before, wanted = lease.value["before"], lease.value["wanted"]
        if before == wanted:
            self.audit.write("unchanged", action.uid, state=before)
            lease.settle("nothing")
            return "nothing"
        if not lease.has("changed"):
            self._change(lease, action, verb)
        change = Change(
            action=action.uid, before=before, wanted=wanted, after=wanted, at=lease.value["at"]
        )
        told = "undone" if action.undoes else "changed"
        self._tell(lease, alerts.of_change(action, change, told=told))
        if action.undoes:
            self._mark_undone(action)
        lease.settle("changed")
        return "changed"

    def _states(self, action: Action, verb: Verb, at: int) -> tuple[State, State]:
        """Before and wanted; for an undo those of the original, exchanged, unless it drifted."""
        current = verb.read(action.target)
        if not action.undoes:
            return current, verb.want(action.target, current, at)
        original = self.store.get("action", action.undoes)
        if original is None or original.value["state"] not in ("changed", "undone"):
            state = original.value["state"] if original else "unknown"
            raise BadRecord(f"nothing to undo: action {action.undoes} is {state}")
        before, wanted = original.value["before"], original.value["wanted"]
        if current == before:
            return before, before
        if current != wanted:
            raise Drifted(f"{action.target.uid} is no longer as the action left it")
        return wanted, before

    def _change(self, lease: Lease, action: Action, verb: Verb) -> None:
        before, wanted = lease.value["before"], lease.value["wanted"]
        self.audit.write(
            "attempting", action.uid, attempt=lease.attempt, before=before, wanted=wanted
        )
        current = verb.read(action.target)
        if current != wanted:
            # Only somebody who wrote before us may have left it half-way, and that was us.
            half = lease.has("writing") and between(current, before, wanted)
            if current != before and not half:
                raise Drifted(f"{action.target.uid} was changed by somebody else meanwhile")
            if not lease.has("writing"):
                lease.mark("writing")
            verb.write(action.target, current, wanted)
        after = self._read_back(action, verb, wanted)
        self.audit.write(
            "undone" if action.undoes else "changed", action.uid, before=before, after=after
        )
        lease.mark("changed", after=after, at=self.clock())

    def _read_back(self, action: Action, verb: Verb, wanted: State) -> State:
        after: State = None
        for wait in WAITS:
            self.sleep(wait)
            after = verb.read(action.target)
            if after == wanted:
                return after
        raise Unavailable(f"{action.target.uid} does not show the change yet")

    def _mark_undone(self, action: Action) -> None:
        original = self.store.get("action", action.undoes)
        if original and original.value["state"] != "undone":
            value = {**original.value, "state": "undone"}
            self.store.put("action", action.undoes, value, version=original.version)

    def _interrupted(self, lease: Lease, action: Action, error: Exception) -> None:
        """Not final: the reason goes on record and the lease back, if the ports still work."""
        try:
            self.audit.write(
                "interrupted", action.uid, attempt=lease.attempt, reason=f"{error!r:.500}"
            )
            lease.release()
        except Retry:
            return

    def _tell(self, lease: Lease, alert: Alert) -> None:
        def failed(sink: str, reason: str) -> None:
            self.audit.write("untold", alert.key, sink=sink, reason=reason)

        alerts.deliver(alert, self.sinks, lease.has, lease.mark, failed)
