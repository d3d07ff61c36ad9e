"""Incidents: hits that are wrong together, as one finding that is updated rather than repeated.

    watched hit -> evidence kept -> observation -> core.correlate -> firing -> finding

The counterpart of core.chains for deployed functions, where events come one by one, late and more
than once. A firing's finding is opened as a hit's is, by the engine; what is stored already is
updated, told to nobody again and orders nothing again. Late events may give a firing another uid:
then the finding with the former uid is this finding. Which correlations fire is decided elsewhere.
docs/decisions/0076-findings-of-correlations.md says what is written when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from core import evidence
from core.audit import Audit
from core.correlate import Correlator, Firing, Observation
from core.errors import Busy, Conflict
from core.finding import REPLACED, of_firing
from core.model import LEVELS, Event, Finding, Hit, to_json
from core.ports import Clock, Entry, Metrics, Store
from core.watch import Watch, key

__all__ = ["EVIDENCE", "Handle", "Incidents"]

Handle: TypeAlias = Callable[[Finding], bool]
"""Take a finding as far as it goes, as the engine does that of a hit; whether it was new."""

EVIDENCE = 10
"""Events that a finding shows, the one that completed it first."""

SLACK_MS = 86_400_000
"""Evidence outlives the last moment at which it may be asked for by a day, as states do."""

TRIES = 8


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """The correlations of a deployment, and the ports that they need."""

    watch: Watch
    store: Store
    audit: Audit
    clock: Clock
    metrics: Metrics

    def speaking(self, hits: Iterable[Hit]) -> list[Hit]:
        """Those that are findings of their own: not when their rule only feeds correlations."""
        return [hit for hit in hits if hit.rule.id not in self.watch.silent]

    def watched(self, hits: Iterable[Hit]) -> list[Hit]:
        """Those that a correlation wants to see."""
        return [hit for hit in hits if hit.rule.id in self.watch.needed]

    def observe(self, hits: Iterable[Hit], handle: Handle) -> int:
        """Let correlations see hits, all at once; the number of new findings.

        Raises Retry when the same hits must come again; by then every firing has been tried.
        """
        every = [(hit, self._seen(hit)) for hit in self.watched(hits)]
        given = [(hit, seen) for hit, seen in every if self.watch.plan.concerns(seen)]
        if not given:
            return 0
        self._keep([hit for hit, _ in given])
        return self._run(handle, lambda correlator: correlator.observe(seen for _, seen in given))

    def settle(self, handle: Handle) -> int:
        """Decide what had to wait, by the clock; the number of new findings."""
        return self._run(handle, lambda correlator: correlator.settle())

    def _run(self, handle: Handle, work: Callable[[Correlator], None]) -> int:
        new: list[Firing] = []

        def fired(firing: Firing) -> None:
            if firing.rule.id not in self.watch.silent and self._take(firing, handle):
                new.append(firing)

        work(Correlator(self.watch.plan, self.store, self.clock, fired, self.metrics))
        return len(new)

    def _keep(self, watched: Sequence[Hit]) -> None:
        """Before anything else: a firing without evidence could order nothing."""
        until: dict[str, int] = {}
        for hit in watched:
            reach = self.watch.reach[hit.rule.id]
            until[hit.event.uid] = max(reach, until.get(hit.event.uid, 0))
        for uid, event in {hit.event.uid: hit.event for hit in watched}.items():
            evidence.keep(self.store, event, self.clock() + until[uid] + SLACK_MS)

    def _seen(self, hit: Hit) -> Observation:
        event = hit.event
        values = self.watch.values(hit.rule, event.source, event.record)
        return Observation(rule=hit.rule.id, uid=key(event.uid), time=event.time, values=values)

    def _take(self, firing: Firing, handle: Handle) -> bool:
        """Bring the finding of a firing up to date; whether it is a new one."""
        for _ in range(TRIES):
            new = self._taken(firing, handle)
            if new is not None:
                return new
        raise Busy(f"finding {firing.uid} is contended")

    def _taken(self, firing: Firing, handle: Handle) -> bool | None:
        """As `_take`; None when another worker wrote in between, so that all must be read anew."""
        entry = self._finished(firing.uid, handle)
        if entry is not None and entry.value["state"] == REPLACED:
            return False  # an older look at the group: it has become another finding since
        own = () if entry is None else (_finding(entry),)
        merged = {uid for one in own for uid in one.former}
        former: list[Finding] = []
        for uid in firing.replaces:
            if uid not in merged:
                taken = self._replaced(uid, firing.uid, handle)
                if taken is None:
                    return None
                former += taken
        old = (*own, *former)
        if not old:
            return handle(self._opened(firing)) or None
        return self._updated(firing, entry, old)

    def _finished(self, uid: str, handle: Handle) -> Entry | None:
        """The stored finding, after what was left undone of it (by a crash) is done as it stood."""
        entry = self.store.get("finding", uid)
        if entry is not None and entry.value["state"] == "open":
            handle(_finding(entry))
            entry = self.store.get("finding", uid)
        return entry

    def _replaced(self, uid: str, by: str, handle: Handle) -> list[Finding] | None:
        """Note that a finding is another one now, even if it never came to be: a slower worker may
        be about to open it. The finding that it was, if any; None when somebody wrote in between.
        """
        entry = self._finished(uid, handle)
        value = entry.value if entry is not None else {"attempt": 0, "done": ()}
        if entry is None or value["state"] != REPLACED:
            value = {**value, "state": REPLACED, "by": by, "lease": 0}
            if not self._put(uid, value, entry):
                return None
        return [msgspec.convert(value["finding"], Finding)] if "finding" in value else []

    def _opened(self, firing: Firing) -> Finding:
        wanted = list(dict.fromkeys((firing.completed_by, *firing.events)))[:EVIDENCE]
        shown = evidence.recall(self.store, wanted)
        return of_firing(firing, shown, _names(firing, shown), self.clock())

    def _updated(self, firing: Firing, entry: Entry | None, old: Sequence[Finding]) -> bool | None:
        """Write what is new of a finding that was told; False, or None as in `_taken`.

        The Store always has the latest. The journal gets a line when the count has doubled since
        its last, when the level rose, and when findings became one.
        """
        before = old[0]
        if entry is not None and (firing.count, firing.last) < (before.count, before.last_seen):
            return False  # an older look at the group
        after = self._merged(firing, old)
        if entry is not None and to_json(after) == to_json(before):
            return False
        noted = entry.value.get("noted", before.count) if entry is not None else before.count
        if after.count >= 2 * noted or after.former != before.former or after.level != before.level:
            noted = after.count
            self.audit.write(
                "updated",
                after.uid,
                rule=after.rule.id,
                level=after.level,
                count=after.count,
                last_seen=after.last_seen,
                former=after.former,
            )
        value = entry.value if entry is not None else {"attempt": 0, "done": (), "lease": 0}
        state = {"finding": msgspec.to_builtins(after), "state": "settled", "noted": noted}
        return False if self._put(after.uid, {**value, **state}, entry) else None

    def _merged(self, firing: Firing, old: Sequence[Finding]) -> Finding:
        """The firing's finding, with what is known of it already: evidence, state, the level."""
        known = {key(event.uid): event for one in old for event in one.evidence}
        wanted = list(dict.fromkeys((firing.completed_by, *known, *firing.events)))[:EVIDENCE]
        fresh = evidence.recall(self.store, [one for one in wanted if one not in known])
        known |= {key(event.uid): event for event in fresh}
        shown = tuple(known[one] for one in wanted if one in known)
        former = dict.fromkeys(uid for one in old for uid in (*one.former, one.uid))
        former |= dict.fromkeys(firing.replaces)
        return msgspec.structs.replace(
            of_firing(firing, shown, _names(firing, shown), old[0].found_at),
            level=max(firing.rule.level, *(one.level for one in old), key=LEVELS.index),
            status=old[0].status,
            capped=firing.capped or any(one.capped for one in old),
            former=tuple(uid for uid in former if uid != firing.uid),
        )

    def _put(self, uid: str, value: Mapping[str, Any], entry: Entry | None) -> bool:
        try:
            self.store.put("finding", uid, value, version=entry.version if entry else 0)
        except Conflict:
            return False
        return True


def _finding(entry: Entry) -> Finding:
    return msgspec.convert(entry.value["finding"], Finding)


def _names(firing: Firing, shown: Iterable[Event]) -> tuple[str, ...]:
    """Ids of the contributing events, as their records have them where those are at hand."""
    names = {key(event.uid): event.uid for event in shown}
    return tuple(names.get(one, one) for one in firing.events)
