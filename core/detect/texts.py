"""Tests of one text, and of many texts at once: patterns, expressions, numbers.

What stands for many tests may say yes where none of them holds, and never no where one does: those
are for ruling out. It knows nothing of fields or records.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import re2

from core.detect import values
from core.rulebook import ANY_MANY, Compare, Pattern, Regex, Text

__all__ = [
    "END",
    "OPS",
    "Sieve",
    "compare_any",
    "in_lines",
    "like",
    "one_of",
    "regex_of",
    "regex_test",
    "text_test",
]

END = r"(?:\n?\z)"
"""The end of a text, a last line break aside, which is what `$` is in other engines."""

OPS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
"""How a comparison is called, and what it is."""


def text_test(expr: Text) -> Callable[[str], bool]:
    """The test for one text, as it is written."""
    plain = frozenset(p for p in expr.patterns if isinstance(p, str))
    tests = tuple(like(p) for p in expr.patterns if not isinstance(p, str))

    def test(text: str) -> bool:
        text = text if expr.cased else text.casefold()
        return text in plain or any(one(text) for one in tests)

    return test


def compare_any(exprs: Iterable[Compare]) -> Callable[[str], bool]:
    """Could one of the tests hold for what is written so? Each text is read once, however many they
    are. At times true when none holds: at a bound, and for a number that is too long as text.
    """
    by_part: dict[str, list[Compare]] = {}
    for expr in exprs:
        by_part.setdefault(expr.part, []).append(expr)
    tests = [_beyond(part, some) for part, some in by_part.items()]
    return lambda text: len(text) > values.LONGEST_NUMBER or any(test(text) for test in tests)


def _beyond(part: str, exprs: Iterable[Compare]) -> Callable[[str], bool]:
    """Is the number at one of the bounds, or beyond it?"""
    numbers: dict[str, list[float]] = {op: [] for op in OPS}
    for expr in exprs:
        numbers[expr.op].append(expr.number)
    least = min(numbers["gt"] + numbers["gte"], default=math.inf)
    most = max(numbers["lt"] + numbers["lte"], default=-math.inf)
    equal = frozenset(numbers["eq"])

    def test(text: str) -> bool:
        found = values.date_part(text, part) if part else values.number(text)
        return found is not None and (found >= least or found <= most or found in equal)

    return test


def regex_test(expr: Regex) -> Callable[[str], bool]:
    """The test for one text."""
    regex = regex_of(expr.pattern)
    return lambda text: _search(regex, text)


def one_of(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Could one of the expressions be found in the text? Searched for as one, where RE2 has the
    room for it; else the answer is always yes.
    """
    every = sorted(patterns)
    if not every:
        return lambda text: False
    try:
        regex = regex_of("|".join(f"(?:{one})" for one in every))
    except re2.error:  # too large as one, though none of them is
        return lambda text: True
    return lambda text: _search(regex, text)


def in_lines(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Could one of the expressions be found in a line of a text? One search for all lines. At times
    true when it is in none, never false when it is in one.
    """
    every = sorted(one.replace(END, "$") for one in patterns)
    if any(map(_BY_TEXT.search, every)):
        return lambda joined: True
    try:  # so that the edges of a line are taken for those of a text
        regex = regex_of(f"(?m:{'|'.join(f'(?:{one})' for one in every)})")
    except re2.error:  # too large as one
        return lambda joined: True
    return lambda joined: _search(regex, joined)


class Sieve:
    """Many patterns at once: could a text, case aside, be like one of them?"""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        many = tuple(patterns)
        self._plain = frozenset(p for p in many if isinstance(p, str))
        starts, ends, inside, others = _sorted_out(p for p in many if not isinstance(p, str))
        self._starts, self._first = starts, sorted({len(p) for p in starts})
        self._ends, self._last = ends, sorted({len(p) for p in ends})
        self._inside = regex_of("|".join(map(re2.escape, sorted(inside)))) if inside else None
        self._others = others

    def one(self, text: str) -> bool:
        """Of this text."""
        text = text.casefold()
        return (
            text in self._plain
            or self._edges(text)
            or (self._inside is not None and _search(self._inside, text))
        )

    def any(self, texts: Collection[str], joined: str) -> bool:
        """Of any of these texts; at times true when none is, as they are searched as one.

        `joined` is all of them, a line each.
        """
        joined = joined.casefold()
        if self._inside is not None and _search(self._inside, joined):
            return True
        if not (self._plain or self._first or self._last or self._others):
            return False
        folded = set(joined.split("\n"))
        if joined.count("\n") >= len(texts):  # a text has line breaks itself
            folded = {text.casefold() for text in texts}
        return (
            not self._plain.isdisjoint(folded)
            or any(not self._starts.isdisjoint({t[:size] for t in folded}) for size in self._first)
            or any(not self._ends.isdisjoint({t[-size:] for t in folded}) for size in self._last)
            or any(other(text) for other in self._others for text in folded)
        )

    def _edges(self, text: str) -> bool:
        return (
            any(text[:size] in self._starts for size in self._first)
            or any(text[-size:] in self._ends for size in self._last)
            or any(other(text) for other in self._others)
        )


def _sorted_out(
    patterns: Iterable[Pattern],
) -> tuple[set[str], set[str], set[str], list[Callable[[str], bool]]]:
    """What texts may start with, end with and contain; tests for all other patterns."""
    starts, ends, inside = set(), set(), set()
    others = []
    for pattern in patterns:
        match pattern:
            case (str(part), 0):
                starts.add(part)
            case (0, str(part)):
                ends.add(part)
            case (0, str(part), 0):
                inside.add(part)
            case _:
                others.append(like(pattern))
    return starts, ends, inside, others


def like(pattern: Pattern) -> Callable[[str], bool]:
    """A test for text with wildcards: the usual shapes by str methods, others by RE2."""
    match pattern:
        case (0,):
            return lambda one: True
        case (0, str(part), 0):
            return lambda one: part in one
        case (str(part), 0):
            return lambda one: one.startswith(part)
        case (0, str(part)):
            return lambda one: one.endswith(part)
    source = "".join(
        re2.escape(p) if isinstance(p, str) else ".*" if p == ANY_MANY else "." for p in pattern
    )
    regex = regex_of(rf"(?s)\A{source}\z")
    return lambda one: _search(regex, one)


def regex_of(source: str) -> Any:
    """The expression, compiled by RE2; an re2.error where it has no room for it."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(source, options)


def _search(regex: Any, text: str) -> bool:
    try:
        return regex.search(text) is not None
    except UnicodeEncodeError:  # half of a surrogate pair, which RE2 has no bytes for
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return regex.search(whole) is not None


_BY_TEXT = re.compile(r"\\[AzC]|\(\?\w*-")
"""What may tell the edges of a text from those of a line, or take a line break for less."""
