"""What tells the records of one source from all others, column by column, before they are opened.

A record is a source's if it has the source's marks and no source before it claims it. What a
header can't tell for sure is called foreign: such a record is opened and identified as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from core.ports import Source
from core.scan.headers import UNSET

__all__ = ["Marks", "foreign", "marks"]

Values = tuple[tuple[str, frozenset[str]], ...]
"""Native paths, each with the folded texts of which it has one."""


class Marks(NamedTuple):
    """The marks of one source among others."""

    present: tuple[str, ...] = ()
    """Top-level keys that its records have."""
    absent: tuple[str, ...] = ()
    """Keys that some source before it demands, and it does not."""
    own: Values = ()
    others: tuple[Values, ...] = ()
    """Of sources before it that are known by values: what their records have."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The native paths whose values count."""
        return tuple(
            dict.fromkeys(path for values in (self.own, *self.others) for path, _ in values)
        )


def marks(source: Source, sources: Iterable[Source]) -> Marks | None:
    """The marks of a source; None when one before it takes whatever could be its."""
    absent: dict[str, None] = {}
    others: list[Values] = []
    for other in sources:
        if other is source:
            break
        beyond = [key for key in other.keys if key not in source.keys]
        if other.only:
            others.append(_values(other.only))
        elif beyond:
            absent.setdefault(next((key for key in beyond if key in absent), beyond[0]))
        else:
            return None
    return Marks(source.keys, tuple(absent), _values(source.only), tuple(others))


def foreign(found: Marks, columns: Mapping[str, Sequence[Any]], count: int) -> set[int]:
    """Indexes of the records that by the values at `Marks.paths` may not be the source's."""
    indexes: set[int] = set()
    for path, allowed in found.own:
        column = columns[path]
        sure = {v for v in _texts(column) if v.casefold() in allowed}
        indexes.update(n for n, v in enumerate(column) if type(v) is not str or v not in sure)
    for values in found.others:
        claimed: set[int] | None = None
        for path, allowed in values:
            fitting = _fitting(columns[path], allowed)
            claimed = fitting if claimed is None else claimed & fitting
            if not claimed:
                break
        indexes |= claimed or set()
    return indexes


def _fitting(column: Sequence[Any], allowed: frozenset[str]) -> set[int]:
    """Indexes of the values that are one of the texts, or no text at all: a list may hold one."""
    if column.count(UNSET) == len(column):
        return set()
    no = {v for v in _texts(column) if v.casefold() not in allowed}
    return {
        n for n, v in enumerate(column) if v is not UNSET and (type(v) is not str or v not in no)
    }


def _texts(column: Sequence[Any]) -> set[str]:
    try:
        return {v for v in set(column) if type(v) is str}
    except TypeError:  # a list or an object is among them
        return {v for v in column if type(v) is str}


def _values(only: Mapping[str, tuple[str, ...]]) -> Values:
    return tuple(
        (path, frozenset(one.casefold() for one in allowed)) for path, allowed in only.items()
    )
