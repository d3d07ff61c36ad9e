"""What a scan gives."""

from __future__ import annotations

from typing import Any

import msgspec

from core.detect import Suppressed
from core.model import NativeRecord

__all__ = ["Match"]


class Match(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that at least one rule matches, be it that all its hits are suppressed.

    It can be written as JSON, which is how one process tells another.
    """

    position: int
    """0-based position in the list, or the line."""
    source: str
    numbers: tuple[int, ...]
    """The rules, by their places in the rulebook."""
    event: str
    """The record's own id; "" when it has none."""
    unique: bool
    """Whether no other event has that id. Of raw records few fields are known to hold such."""
    time: int | None
    """Epoch milliseconds; None when there is no readable one."""
    native: NativeRecord
    """The whole record; {} where hits are all that is wanted."""
    suppressed: tuple[Suppressed, ...] = ()
    """Hits beside those, that a filter suppressed."""
    values: tuple[tuple[Any, ...], ...] = ()
    """For each of the rules, of the fields that were wanted of it; () if none were of any."""
