"""What watched hits looked like, kept for as long as a correlation may still fire because of them.

A firing names the ids of its events; people and verbs need the events themselves. One value in the
Store per event, trimmed, written once. Nothing here knows correlations or findings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import msgspec

from core.errors import Conflict
from core.finding import trimmed_event
from core.model import Event
from core.ports import Store
from core.watch import key

__all__ = ["EVENT_BYTES", "KIND", "keep", "recall"]

KIND = "evidence"

EVENT_BYTES = 20_000
"""Of one event. A CloudTrail record has about 1.5 KB, and a finding shows ten events at most."""


def keep(store: Store, event: Event, until: int) -> Event:
    """Keep an event until then (epoch ms); as it is kept. Nothing is written for a known one."""
    id = key(event.uid)
    entry = store.get(KIND, id)
    if entry is not None:
        return msgspec.convert(entry.value["event"], Event)
    kept = trimmed_event(event, EVENT_BYTES)
    with contextlib.suppress(Conflict):  # another worker keeps the same event
        store.put(KIND, id, {"event": msgspec.to_builtins(kept)}, version=0, expires=until)
    return kept


def recall(store: Store, keys: Iterable[str], most: int) -> tuple[Event, ...]:
    """The first `most` events that are kept under these keys, in their order."""
    found: list[Event] = []
    for one in keys:
        if len(found) == most:
            break
        entry = store.get(KIND, one)
        if entry is not None:
            found.append(msgspec.convert(entry.value["event"], Event))
    return tuple(found)
