"""Leases over the Store: who works on a finding or an action, and how far it has come.

A stored subject is `{"state": ..., "lease": until, "attempt": n, "done": [steps], ...}`. Whoever
takes it writes a lease; whoever crashes lets the lease run out, and the next delivery goes on
behind the last step that was marked. Nothing here knows what the steps are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.errors import Busy, Conflict
from core.ports import Clock, Store

__all__ = ["LEASE_MS", "Lease", "take"]

LEASE_MS = 120_000
"""Longer than a function may run, shorter than the queue waits before it delivers again."""

TRIES = 8


class Lease:
    """A subject that this worker holds; each write renews the lease and fails if it was lost."""

    def __init__(
        self, store: Store, clock: Clock, kind: str, id: str, value: Mapping[str, Any], version: int
    ) -> None:
        self._store, self._clock, self._kind, self._id = store, clock, kind, id
        self.value, self._version = value, version

    @property
    def attempt(self) -> int:
        """1 for the first worker, one more for each that took over."""
        return int(self.value["attempt"])

    def has(self, step: str) -> bool:
        """Whether a worker, this or an earlier one, marked the step."""
        return step in self.value["done"]

    def mark(self, step: str = "", /, **fields: Any) -> None:
        """Remember a step as done, with fields beside it, and renew the lease."""
        done = [*self.value["done"], step] if step else self.value["done"]
        self._write({**self.value, **fields, "done": done, "lease": self._clock() + LEASE_MS})

    def settle(self, state: str, /, **fields: Any) -> None:
        """Finish: the subject gets its state and nobody's lease."""
        self._write({**self.value, **fields, "state": state, "lease": 0})

    def release(self) -> None:
        """Give the lease back unfinished, so that the next delivery need not wait for its end."""
        self._write({**self.value, "lease": 0})

    def _write(self, value: Mapping[str, Any]) -> None:
        self._version = self._store.put(self._kind, self._id, value, version=self._version)
        self.value = value


def take(
    store: Store,
    clock: Clock,
    kind: str,
    id: str,
    fresh: Mapping[str, Any],
    *,
    open_states: Collection[str],
) -> Lease | None:
    """The lease on a subject; None when there is nothing left to do on it.

    `fresh` (with its "state") is stored when the subject is new. Raises Busy while another
    worker holds the lease: the platform must deliver again, since that worker may yet crash.
    """
    for _ in range(TRIES):
        entry = store.get(kind, id)
        old = entry.value if entry else {**fresh, "attempt": 0, "done": []}
        if old["state"] not in open_states:
            return None
        if old.get("lease", 0) > clock():
            raise Busy(f"{kind} {id} is being worked on by another")
        value = {**old, "attempt": old["attempt"] + 1, "lease": clock() + LEASE_MS}
        try:
            version = store.put(kind, id, value, version=entry.version if entry else 0)
        except Conflict:
            continue
        return Lease(store, clock, kind, id, value, version)
    raise Busy(f"{kind} {id} is contended")
