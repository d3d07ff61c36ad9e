"""What a group has shown before: which of its values are new. Pure; rows come in order of time.

A value is new when the group has not shown it for a timespan. For `learning` after a group's first
event nothing is reported; a group that shows nothing for a timespan is forgotten and learns anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import msgspec

from core.correlate.form import Correlation
from core.correlate.windows import Completion, Row

__all__ = ["Memory", "novelties"]


class Memory(msgspec.Struct, frozen=True, array_like=True):
    """Values with the time at which each was last shown."""

    seen: Mapping[str, int] = {}
    since: int = 0
    """Time of the first event: learning starts here."""
    last: int | None = None
    """Time of the latest event; None before the first."""
    floor: int | None = None
    """When values had to be forgotten for the cap: the time of the latest such value."""


def novelties(
    correlation: Correlation, memory: Memory, rows: Sequence[Row], cap: int | None
) -> tuple[Memory, list[Completion]]:
    """What is new in these rows, and the memory after them. Beyond `cap` values, the one that was
    not seen for longest is forgotten.
    """
    seen, since, last = dict(memory.seen), memory.since, memory.last
    found: list[Completion] = []
    for time, group in groupby(rows, key=lambda row: row.time):
        if last is None or time - last > correlation.timespan:
            seen, since = {}, time
        shown: dict[str, str] = {}
        for row in group:
            for value in map(str, row.values):
                shown.setdefault(value, row.event)
        for value, event in sorted(shown.items()):
            new = value not in seen or time - seen[value] > correlation.timespan
            if new and time - since >= correlation.learning:
                found.append(Completion(time, event, value))
        seen.update(dict.fromkeys(shown, time))
        last = time
    kept, floor = _kept(seen, (last or 0) - correlation.timespan, cap)
    return Memory(kept, since, last, floor if floor is not None else memory.floor), found


def _kept(
    seen: Mapping[str, int], oldest: int, cap: int | None
) -> tuple[dict[str, int], int | None]:
    """The values that are still remembered, and the time of the latest that the cap took."""
    live = sorted((time, value) for value, time in seen.items() if time >= oldest)
    over = max(0, len(live) - cap) if cap is not None else 0
    return {value: time for time, value in live[over:]}, live[over - 1][0] if over else None
