"""How much ran lately, kept so that the limit holds even when two functions judge at once.

One stored list of what ran within a day. A decision to run is only good once its entry is
written on the version it was judged on; whoever loses that race judges again with what the winner
added. An action that is already in the list does not count against itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.errors import Conflict
from core.guard import DAY_MS, HOUR_MS, History
from core.model import Action, Decision
from core.ports import Store

__all__ = ["Breaker"]

TRIES = 16


class Breaker:
    """The list, in the Store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reserve(
        self, action: Action, now: int, decide: Callable[[History], Decision]
    ) -> Decision:  # fmt: skip
        """The decision on what ran so far; if it is to run, the action is in the list."""
        for _ in range(TRIES):
            entry = self._store.get("breaker", "ran")
            listed: list[dict[str, Any]] = entry.value["ran"] if entry else []
            ran = [one for one in listed if one["at"] > now - DAY_MS]
            others = [one for one in ran if one["action"] != action.uid]
            target = f"{action.verb} {action.target.uid}"
            decision = decide(
                History(
                    last_hour=sum(one["at"] > now - HOUR_MS for one in others),
                    same_target_last_day=sum(one["what"] == target for one in others),
                )
            )
            # An undo neither trips the breaker nor counts as a repeat: a person asked for it.
            if decision.verdict != "run" or action.undoes:
                return decision
            mine = {"action": action.uid, "what": target, "at": now}
            try:
                self._store.put(
                    "breaker",
                    "ran",
                    {"ran": [*others, mine]},
                    version=entry.version if entry else 0,
                )
            except Conflict:
                continue
            return decision
        raise Conflict("too many actions are judged at once")
