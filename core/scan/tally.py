"""What was seen of files so far, and what had to be set aside."""

from __future__ import annotations

import builtins

import msgspec

from core.model import Rejected

__all__ = ["Tally"]

MOST_KEPT = 1_000
"""Rejections kept with their reasons; all are counted."""


class Tally(msgspec.Struct, kw_only=True):
    """What was seen so far; grows while files are read."""

    files: int = 0
    bytes: int = 0
    """As stored, before decompression."""
    records: int = 0
    """All that were found, the unknown ones too and the rejected ones not."""
    opened: int = 0
    unknown: int = 0
    rejected: list[Rejected] = []
    rejections: int = 0
    """How many were rejected; `rejected` keeps the first of them."""
    skipped: list[Rejected] = []
    """Files that are no data at all: a licence, a picture."""
    suppressed: dict[str, int] = {}
    """Filter id -> hits that it suppressed; core.hunt counts them, as it knows what is wanted."""

    latest: int | None = None
    """Time of the latest record, epoch ms, where that was asked for."""

    def saw(self, time: int | None) -> None:
        """A record of this time; None: it has none."""
        if time is not None and (self.latest is None or time > self.latest):
            self.latest = time

    def reject(self, reason: str, place: str, excerpt: builtins.bytes = b"") -> None:
        """Count input that was set aside."""
        self.rejections += 1
        if len(self.rejected) < MOST_KEPT:
            shown = excerpt[:120].decode("utf-8", "backslashreplace")
            shown = "".join(c if c.isprintable() else " " for c in shown)
            self.rejected.append(Rejected(reason=reason, place=place, excerpt=shown))

    def add(self, other: Tally) -> None:
        """Count in what another has seen: hits that were suppressed are not among it."""
        for name in ("files", "bytes", "records", "opened", "unknown", "rejections"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.saw(other.latest)
        self.rejected.extend(other.rejected[: max(0, MOST_KEPT - len(self.rejected))])
        self.skipped.extend(other.skipped)
