"""Which source is a record of? The first whose marks it has.

It looks at a few keys and values of an opened record; core.scan.quick tells the same by headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from core.detect.values import finder, text
from core.model import NativeRecord
from core.ports import Source

__all__ = ["Identify", "identify"]


class Identify:
    """Sources, in the order in which a record is tried on them, made ready for many records."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._marks = [(one, frozenset(one.keys), _values(one)) for one in sources]

    def __call__(self, record: NativeRecord) -> Source | None:
        """The source; None when none knows the record."""
        keys = record.keys()
        for source, needed, values in self._marks:
            if needed <= keys and all(
                any((text(value) or "").casefold() in allowed for value in find(record))
                for find, allowed in values
            ):
                return source
        return None


def identify(record: NativeRecord, sources: Iterable[Source]) -> Source | None:
    """The same for one record."""
    return Identify(sources)(record)


def _values(source: Source) -> list[tuple[Callable[[Any], list[Any]], frozenset[str]]]:
    return [
        (finder((path,)), frozenset(one.casefold() for one in allowed))
        for path, allowed in source.only.items()
    ]
