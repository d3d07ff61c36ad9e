"""Which values a test of one field takes in, compared with another test: inside, apart, or unknown.

Answers are sound and not complete: True is certain, False only means "not shown". It knows one
field at a time; logic.py puts fields together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.detect.plain import as_number, like, within
from core.rulebook import ANY_MANY, ANY_ONE, Cidr, Compare, Exists, Expr, Null, Pattern, Text

__all__ = ["ANYTHING", "exact", "inside", "takes"]

ANYTHING: Pattern = (ANY_MANY,)
"""The pattern `*`: any value but null."""


def inside(inner: Expr, outer: Expr) -> bool:
    """Whether every value that `inner` takes, `outer` takes too. Both are about one field."""
    found = inner == outer
    match inner, outer:
        case Text(), Text():
            found = all(
                any(_covers(wide, outer.cased, narrow, inner.cased) for wide in outer.patterns)
                for narrow in inner.patterns
            )
        case Text(), _ if (texts := exact(inner)) is not None:
            found = all(takes(outer, text) is True for text in texts)
        case _, Text() if not isinstance(inner, Null | Exists):
            found = ANYTHING in outer.patterns
        case Cidr(), Cidr():
            found = within(inner.network, outer.network)
        case Compare(), Compare() if inner.part == outer.part:
            found = _narrower(inner, outer)
    return found


def exact(test: Expr) -> tuple[str, ...] | None:
    """The texts that a test takes, when it lists them all; folded unless it minds case."""
    if isinstance(test, Text) and all(isinstance(pattern, str) for pattern in test.patterns):
        return tuple(str(pattern) for pattern in test.patterns)
    return None


def takes(test: Expr, text: str) -> bool | None:
    """Whether a test takes a text, in any case that it may be written in; None if that matters."""
    match test:
        case Text(cased=False):
            return any(like(text, pattern, cased=False) for pattern in test.patterns)
        case Text():
            folded = Text(test.field, tuple(map(_folded, test.patterns)))
            return None if takes(folded, text) else False
        case Cidr():
            return within(text, test.network)
        case Compare(part=""):
            return _compares(as_number(text), test)
    return None


def _compares(value: float | None, test: Compare) -> bool:
    if value is None:
        return False
    low, low_in, high, high_in = _range(test)
    above = value > low or (low_in and value == low)
    return above and (value < high or (high_in and value == high))


def _narrower(inner: Compare, outer: Compare) -> bool:
    low, low_in, high, high_in = _range(inner)
    least, least_in, most, most_in = _range(outer)
    from_below = low > least or (low == least and (least_in or not low_in))
    return from_below and (high < most or (high == most and (most_in or not high_in)))


def _range(test: Compare) -> tuple[float, bool, float, bool]:
    """Lower end, whether it counts, upper end, whether it counts."""
    ends = {
        "eq": (test.number, True, test.number, True),
        "gt": (test.number, False, float("inf"), True),
        "gte": (test.number, True, float("inf"), True),
        "lt": (float("-inf"), True, test.number, False),
        "lte": (float("-inf"), True, test.number, True),
    }
    return ends[test.op]


def _covers(wide: Pattern, wide_cased: bool, narrow: Pattern, narrow_cased: bool) -> bool:
    """Whether all texts of one pattern are of the other. A star is only covered by a star."""
    if wide_cased and not narrow_cased:
        return wide == ANYTHING
    if narrow_cased and not wide_cased:
        narrow = _folded(narrow)
    tokens = list(_tokens(narrow))
    reached = {0}
    for piece in (wide,) if isinstance(wide, str) else wide:
        reached = _step(reached, piece, tokens)
    return len(tokens) in reached


def _step(reached: set[int], piece: str | int, tokens: Sequence[str | int]) -> set[int]:
    if piece == ANY_MANY:
        return set(range(min(reached), len(tokens) + 1)) if reached else set()
    if piece == ANY_ONE:
        return {at + 1 for at in reached if at < len(tokens) and tokens[at] != ANY_MANY}
    word = list(str(piece))
    return {at + len(word) for at in reached if tokens[at : at + len(word)] == word}


def _tokens(pattern: Pattern) -> Iterator[str | int]:
    """A pattern letter by letter, its wildcards as they are."""
    for piece in (pattern,) if isinstance(pattern, str) else pattern:
        if isinstance(piece, str):
            yield from piece
        else:
            yield piece


def _folded(pattern: Pattern) -> Pattern:
    """What the pattern's texts are like once folded: a letter may become two, so `?` is any."""
    if isinstance(pattern, str):
        return pattern.casefold()
    return tuple(piece.casefold() if isinstance(piece, str) else ANY_MANY for piece in pattern)
