"""Which stretch of time a sweep reads back from a cloud's own log, for what no delivery brought.

Deliveries are on best effort, and a function can be broken for a while; the log itself is whole.
Windows join: each begins where the last one that was taken whole ended, less what shows late. The
mark is in the Store. How a log is read is a platform's affair.
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


def window(store: Store, clock: Clock, place: str, *, late: int) -> Window:
    """From the end of the last look at a place, less `late` ms; the first look takes `late` alone.

    A place is what the log is kept for: a region, a project.
    """
    now = clock()
    entry = store.get("lookup", place)
    wanted = (entry.value["until"] if entry else now) - late
    since = max(wanted, now - MAX_WINDOW_MS)
    return Window(since, now, since - wanted, entry.version if entry else 0)


def looked(store: Store, place: str, look: Window) -> None:
    """The window was taken whole. If another sweep looked meanwhile, its mark is as good."""
    try:
        store.put("lookup", place, {"until": look.until}, version=look.version)
    except Conflict:
        return
