"""What was read and what was not, in words: the last line of a hunt and the notes of its report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from core.hunt import Tally
from functions.local.terminal import fail, say, warn

__all__ = ["notes", "set_aside", "summary"]

REASONS = 5
"""Different reasons that are named."""


def summary(tally: Tally, outcome: str = "") -> None:
    """The last lines on stderr: what was set aside and why, then the numbers."""
    for note in notes(tally):
        warn(note)
    parts = [
        f"{tally.files:,} files",
        f"{tally.records:,} records read",
        f"{tally.unknown:,} of unknown source",
        f"{tally.rejections:,} set aside",
    ]
    say(", ".join(parts) + (f": {outcome}" if outcome else ""))


def notes(tally: Tally) -> tuple[str, ...]:
    """What a reader must know was not looked at, each with its first reasons and places."""
    found = []
    if tally.rejections:
        found.append(f"{tally.rejections:,} set aside: {_reasons(tally)}")
    if tally.skipped:
        first = tally.skipped[0]
        found.append(
            f"{len(tally.skipped):,} files hold no records, the first: {first.place}:"
            f" {first.reason}"
        )
    if tally.unknown:
        found.append(f"{tally.unknown:,} records are of no source known here")
    return tuple(found)


def _reasons(tally: Tally) -> str:
    counts = Counter(one.reason for one in tally.rejected)
    places = {one.reason: one.place for one in reversed(tally.rejected)}
    named = [
        f"{reason} ({count:,}, first in {places[reason]})"
        for reason, count in counts.most_common(REASONS)
    ]
    more = len(counts) - len(named)
    return "; ".join(named) + (f"; and {more} more reasons" if more else "")


def set_aside(path: Path, tally: Tally) -> None:
    """Write what was set aside, one JSON object a line, over what the file held."""
    from core.model import to_json

    try:
        path.write_bytes(b"".join(to_json(one) + b"\n" for one in tally.rejected))
    except OSError as error:
        fail(f"can't write {path}: {error.strerror}; choose another place for --rejects")
    if tally.rejections > len(tally.rejected):
        warn(f"{path} has the first {len(tally.rejected):,} of {tally.rejections:,} set aside")
