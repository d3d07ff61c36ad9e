"""What a function says of hits that a filter suppressed: a count, and once a day who said so.

A line in the journal for every hit would be as many as a noisy rule has, so there is one for each
filter and day (UTC) on which it suppressed anything: its words, and the first hit. The rest is in
the rulebook and the logs: a hunt over the same records gives the same hits. It knows no platform
and nothing of how filters match.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.audit import Audit
from core.detect import Detector, Suppressed
from core.errors import Conflict
from core.model import NativeRecord, Rule, digest
from core.ports import Clock, Metrics, Store

__all__ = ["Suppressions"]

DAY_MS = 86_400_000


class Suppressions:
    """A detector whose suppressed hits are counted and noted."""

    def __init__(
        self, detector: Detector, store: Store, audit: Audit, clock: Clock, metrics: Metrics
    ) -> None:
        self._detector, self._store, self._audit = detector, store, audit
        self._clock, self._metrics = clock, metrics
        self._noted: set[str] = set()
        self._filters = {one.id: one for one in detector.book.filters}

    def match(self, source_name: str, record: NativeRecord) -> tuple[Rule, ...]:
        """The rules that match and are kept: an Engine's `match`. Raises as `note` does."""
        found = self._detector.judge(source_name, record)
        self.note(found.suppressed)
        return found.rules

    def note(self, suppressed: Iterable[Suppressed]) -> None:
        """Count hits, and write the day's line of their filters. Raises Retry when it can't."""
        first: dict[str, Suppressed] = {}
        count = 0
        for one in suppressed:
            first.setdefault(one.filter, one)
            count += 1
        for one in first.values():
            self._note(one)
        if count:
            self._metrics("suppressed", count)

    def _note(self, one: Suppressed) -> None:
        day = self._clock() // DAY_MS
        key = digest("suppressed", one.filter, str(day))
        if key in self._noted:
            return
        if self._store.get("suppressed", key) is None:
            filter = self._filters[one.filter]
            # Written before it is marked: after a crash the line comes twice rather than never.
            self._audit.write(
                "suppressed",
                filter.id,
                title=filter.title,
                owner=filter.owner,
                reason=filter.reason,
                expires=filter.expires,
                rule=one.rule,
            )
            try:
                value = {"filter": filter.id, "day": day}
                expires = (day + 2) * DAY_MS
                self._store.put("suppressed", key, value, version=0, expires=expires)
            except Conflict:
                pass  # another function wrote its line at the same time: two are no harm
        self._noted.add(key)
