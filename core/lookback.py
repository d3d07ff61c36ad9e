"""Which part of a log was read back already: a window that reaches from one look to the next.

A cloud's stream of events may miss one; its log, read again on a schedule, shows it, only late.
Where the log is and how it is asked is a platform's affair. An event seen before changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from core.errors import Conflict
from core.ports import Clock, Store

__all__ = ["MAX_WINDOW_MS", "Window", "looked", "window"]

MAX_WINDOW_MS = 3 * 60 * 60_000
"""After a longer pause only this much is read back; the rest is in `Window.unseen`."""


class Window(NamedTuple):
    """What is to be looked at, in epoch ms, and how much before it nobody has looked at."""

    since: int
    until: int
    unseen: int
    version: int


def window(store: Store, clock: Clock, place: str, late_ms: int) -> Window:
    """From the end of the last look, less how late a log shows what happened; at first that alone.

    `place` names the log: a region, a subscription.
    """
    now = clock()
    entry = store.get("lookup", place)
    wanted = (entry.value["until"] if entry else now) - late_ms
    since = max(wanted, now - MAX_WINDOW_MS)
    return Window(since, now, since - wanted, entry.version if entry else 0)


def looked(store: Store, place: str, look: Window) -> None:
    """The window was taken whole. If another sweep looked meanwhile, its mark is as good."""
    try:
        store.put("lookup", place, {"until": look.until}, version=look.version)
    except Conflict:
        return
