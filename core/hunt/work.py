"""One file of a hunt: what its records match, and what they tell of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from core.detect import Detector
from core.hunt.files import opened
from core.scan import Match, Scanner, Tally, Told

__all__ = ["NO_LIMIT", "Setting", "Worker"]

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


class Worker:
    """Goes through files, one after the other. What it learns from one serves the next."""

    def __init__(self, setting: Setting) -> None:
        detector, told, lean, fields, self._limit, latest = setting
        self._scanner = Scanner(detector, told, fields, lean=lean, latest=latest)

    def matches(self, path: Path, tally: Tally) -> Iterator[Match]:
        """The records of a file that rules match, in order."""
        with opened(path, tally) as stream:
            yield from self._scanner.scan(stream, tally, name=str(path), limit=self._limit)
