"""One file of a hunt: what its records match, and what they tell of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from core.detect import Detector
from core.hunt.files import opened
from core.hunt.told import Told
from core.scan import Match, Scanner, Tally

__all__ = ["NO_LIMIT", "Seen", "Setting", "Worker"]

NO_LIMIT = 1 << 62
"""A user's own files are read whole, however large; memory stays bounded anyway."""


class Setting(NamedTuple):
    """What must be known to go through files."""

    detector: Detector
    told: Told = Told()
    lean: bool = False
    """Hits are enough: of records no more is needed than their time and id."""
    fields: Mapping[str, Sequence[str]] = {}
    limit: int = NO_LIMIT
    latest: bool = False
    """The tally is to know the time of the latest record."""


class Seen(NamedTuple):
    """A record that rules match."""

    match: Match
    event: str
    """Its own id; "" when it has none."""
    time: int | None
    """Epoch milliseconds; None when there is no readable one."""


class Worker:
    """Goes through files, one after the other. What it learns from one serves the next."""

    def __init__(self, setting: Setting) -> None:
        self._setting, self._detector = setting, setting.detector
        told, lean, latest = setting.told, setting.lean, setting.latest
        self._scanner = Scanner(
            setting.detector,
            told.names if lean or latest else (),
            setting.fields,
            told.has_time,
            told.moment if latest else None,
            whole=not lean,
        )

    def seen(self, path: Path, tally: Tally) -> Iterator[Seen]:
        """The records of a file that rules match, in order."""
        told, shapes = self._setting.told.of, self._detector.shapes
        with opened(path, tally) as stream:
            found = self._scanner.scan(stream, tally, name=str(path), limit=self._setting.limit)
            for match in found:
                yield Seen(match, *told(match.native, shapes(match.source)))
