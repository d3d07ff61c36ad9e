"""The records of which something beside their exact columns leaves rules possible.

Two things can: the texts of extra columns, and words in a record's bytes. What is done for every
record is done by loops that run in C. It knows nothing of files, nor of how a rule is decided.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import Any, TypeAlias

from core.detect.checks import WORDS, Check, Guard, Words
from core.detect.header import BYTES, Answer, Header
from core.detect.values import SHORT, text
from core.scan.headers import UNSET, Layout
from core.scan.records import Records

__all__ = ["Asks", "Suspects"]

MOST_LEFT = 20_000
"""Combinations of an answer and a text for which is kept what they leave possible."""

FEW = 8
"""Of one in so many records the bytes are searched record by record, of more all at once first."""

Asks: TypeAlias = dict[int, list[int]]
"""Index of a record -> rules that must be asked of it."""


class Suspects:
    """Looks for them in the headers of one layout."""

    def __init__(self, header: Header, layout: Layout) -> None:
        self._header, self._layout = header, layout
        self._known: dict[tuple[Answer, int, str], tuple[int, ...]] = {}
        self.through: Counter[str] = Counter()
        """How often an extra field, or BYTES, left a rule possible."""

    def of(
        self,
        headers: Sequence[Any],
        found: Sequence[Answer],
        seen: set[Answer],
        records: Records,
        first: int,
    ) -> Asks:
        """Those among some headers. `found` has the answer for each and `seen` all there are;
        `first` is the index among the records of the first of them.
        """
        asks: Asks = {}
        everywhere: tuple[Sequence[int], Sequence[Any]] = range(len(headers)), headers
        narrowed: dict[frozenset[Answer], tuple[Sequence[int], Sequence[Any]]] = {}
        for field, checked in _by_field(seen).items():
            if field == WORDS:
                self._by_words(found, checked, records, first, asks)
                continue
            indexes, some = everywhere
            if 4 * len(checked) < len(seen):  # often the same ones for several fields
                few = frozenset(checked)
                if few not in narrowed:
                    narrowed[few] = _narrowed(few, found, headers)
                indexes, some = narrowed[few]
            for index, rules in self._by_text(field, some, indexes, found, checked):
                asks.setdefault(index, []).extend(rules)
                self.through[self._header.extra[field]] += len(rules)
        return asks

    def _by_text(
        self,
        field: int,
        headers: Sequence[Any],
        indexes: Sequence[int],
        found: Sequence[Answer],
        checked: set[Answer],
    ) -> Iterator[tuple[int, Sequence[int]]]:
        """(index, rules that the value of an extra field leaves possible) where there are any."""
        column, values = self._column(headers, field)
        guard = self._header.guards[field]
        texts, others = _standing_out(column, values, guard)
        told: Iterable[tuple[int, Any]] = zip(indexes, column, strict=True)
        if not others and len(texts) * len(checked) <= len(column):
            lively = {one for one in checked if any(self._left(one, field, v) for v in texts)}
            told = [(n, v) for n, v in told if found[n] in lively] if lively else []
        for index, value in told:
            wanted = value in texts if type(value) is str else value not in guard.nothing
            if wanted and (rules := self._left(found[index], field, value)):
                yield index, rules

    def _column(self, headers: Sequence[Any], field: int) -> tuple[list[Any], set[Any] | None]:
        """The values of an extra field, as texts where they are one, and the different ones; None
        where some are lists.
        """
        column = self._layout.column(headers, field)
        values = _distinct(column)
        if values is None or not _AS_THEY_ARE.issuperset(map(type, values)):
            nested = self._header.columns.nested(self._header.extra[field])
            column = _texts(_asked(column) if nested else column)
            values = _distinct(column)
        return column, values

    def _left(self, answer: Answer, field: int, value: Any) -> Sequence[int]:
        """Rules that the value of an extra field leaves possible."""
        if type(value) is not str:  # it must be looked at as a whole
            return [
                number for check in answer.checks if check.field == field for number in check.rules
            ]
        key = answer, field, value
        rules = self._known.get(key)
        if rules is None:
            rules = tuple(
                number
                for check in answer.checks
                if isinstance(check, Check) and check.field == field
                for number in check.passing(value)
            )
            if len(self._known) >= MOST_LEFT:
                self._known.clear()
            if len(value) < SHORT:
                self._known[key] = rules
        return rules

    def _by_words(
        self,
        found: Sequence[Answer],
        checked: set[Answer],
        records: Records,
        first: int,
        asks: Asks,
    ) -> None:
        """Add the rules that the bytes of a record leave possible."""
        indexes = list(compress(range(len(found)), map(checked.__contains__, found)))
        if FEW * len(indexes) > len(found):
            every = [one for answer in checked for one in answer.checks if isinstance(one, Words)]
            if records.lack(frozenset().union(*(one.needles for one in every))):
                return
        for index in indexes:
            raw = records.raw(first + index)
            for check in found[index].checks:
                if isinstance(check, Words) and (rules := check.passing(raw)):
                    asks.setdefault(index, []).extend(rules)
                    self.through[BYTES] += len(rules)


def _by_field(answers: Iterable[Answer]) -> dict[int, set[Answer]]:
    """Extra fields that are to be checked, each with the answers that ask for it."""
    found: dict[int, set[Answer]] = defaultdict(set)
    for answer in answers:
        for check in answer.checks:
            found[check.field].add(answer)
    return found


def _narrowed(
    few: frozenset[Answer], found: Sequence[Answer], headers: Sequence[Any]
) -> tuple[list[int], list[Any]]:
    """The indexes that have one of these answers, and the headers there."""
    wanted = list(map(few.__contains__, found))
    return list(compress(range(len(found)), wanted)), list(compress(headers, wanted))


def _distinct(column: list[Any]) -> set[Any] | None:
    """Its different values; None when some are lists or objects."""
    try:
        return set(column)
    except TypeError:
        return None


def _standing_out(
    column: list[Any], values: set[Any] | None, guard: Guard
) -> tuple[set[str], bool]:
    """The texts that could pass a check, and whether there are values that are no text."""
    if values is None:
        return guard.suspects({v for v in column if type(v) is str}), True
    unknown = values - guard.bad  # which is often much larger: `-=` would go through all of it
    texts = {v for v in unknown if type(v) is str}
    return guard.suspects(texts) if texts else texts, len(texts) < len(unknown)


def _texts(column: list[Any]) -> list[Any]:
    """Numbers, booleans and objects as the texts they read as; lists stay, as they are many."""
    kinds = set(map(type, column)) - _AS_THEY_ARE
    if not kinds:
        return column
    if kinds == {bool}:  # quicker, and no number is there that would be taken for one
        return [_BOOLEANS.get(v, v) for v in column]
    return [v if type(v) in _AS_THEY_ARE or type(v) is list else _text(v) for v in column]


def _text(value: Any) -> Any:
    try:
        return text(value)
    except RecursionError:  # nested too deeply, for which its record is refused
        return [value]


def _asked(column: list[Any]) -> list[Any]:
    """Objects in lists: what is no text by itself is always asked about."""
    return [[v] if type(v) is dict else v for v in column]


_AS_THEY_ARE = frozenset({str, type(None), type(UNSET)})

_BOOLEANS = {value: text(value) for value in (True, False)}
