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


def keep(store: Store, event: Event, until: int) -> None:
    """Keep an event until then (epoch ms). Nothing is written for a known one."""
    id = key(event.uid)
    if store.get(KIND, id) is not None:
        return
    kept = trimmed_event(event, EVENT_BYTES)
    with contextlib.suppress(Conflict):  # another worker keeps the same event
        store.put(KIND, id, {"event": msgspec.to_builtins(kept)}, version=0, expires=until)


def recall(store: Store, keys: Iterable[str]) -> tuple[Event, ...]:
    """The events that are kept under these keys (core.watch.key), in their order."""
    entries = (store.get(KIND, one) for one in keys)
    return tuple(msgspec.convert(one.value["event"], Event) for one in entries if one is not None)
