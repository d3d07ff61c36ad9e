"""Whether a detection can hold, always holds, or implies another: by a tableau.

A branch of the tableau is a set of leaves that hold and leaves that don't; it closes when two of
them can't be true of one record. All branches closed: it can never hold. Answers are sound: True is
certain, and False only means "not shown", also where the budget ran out. It knows no rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from core.lint.patterns import ANYTHING, exact, inside, takes
from core.rulebook import And, Compare, Exists, Expr, Not, Null, Or, Ref, Text

__all__ = ["Facts", "always", "implies", "never"]

BUDGET = 600
"""Steps that one question may take: about 10 ms."""

Literal: TypeAlias = tuple[Expr, bool]
"""A leaf, and whether it holds."""


class Facts(msgspec.Struct, frozen=True):
    """What is true of every record of a source."""

    single: frozenset[str] = frozenset()
    """Fields that have at most one value."""
    there: frozenset[str] = frozenset()
    """Fields that every record has, with a value."""


def never(looks_for: Expr, facts: Facts) -> bool:
    """Whether no record can match."""
    return _Tableau(facts).closes([(looks_for, True)], {})


def always(looks_for: Expr, facts: Facts) -> bool:
    """Whether every record matches."""
    return _Tableau(facts).closes([(looks_for, False)], {})


def implies(first: Expr, second: Expr, facts: Facts) -> bool:
    """Whether every record that matches the first matches the second."""
    return _Tableau(facts).closes([(first, True), (second, False)], {})


class _Tableau:
    """One question; it counts its steps."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.left = BUDGET

    def closes(self, todo: Sequence[Literal], known: dict[str, tuple[Literal, ...]]) -> bool:
        """Whether every branch that these formulas open, with what is known, closes."""
        straight, forks = list(todo), []
        known = dict(known)
        while straight:
            self.left -= 1
            if self.left < 0:
                return False
            formula, holds = straight.pop()
            match formula:
                case Not(item=item):
                    straight.append((item, not holds))
                case And(items=items) | Or(items=items):
                    if isinstance(formula, And) == holds:
                        straight += [(item, holds) for item in items]
                    else:
                        forks.append((items, holds))
                case _ if self._clashes(formula, holds, known):
                    return True
        return self._fork(forks, known)

    def _fork(
        self, forks: list[tuple[tuple[Expr, ...], bool]], known: dict[str, tuple[Literal, ...]]
    ) -> bool:
        """Split on the fork with the fewest branches; all of them must close."""
        if not forks:
            return False
        forks = sorted(forks, key=lambda fork: len(fork[0]))
        (items, holds), *others = forks
        later = [(And(rest) if not held else Or(rest), held) for rest, held in others]
        return all(self.closes([*later, (item, holds)], known) for item in items)

    def _clashes(self, leaf: Expr, holds: bool, known: dict[str, tuple[Literal, ...]]) -> bool:
        """Add a leaf to what is known of its field. Whether that can't be."""
        leaf, holds = _plain(leaf, holds)
        field = getattr(leaf, "field", None) or ""
        if isinstance(leaf, Exists) and not holds and field in self.facts.there:
            return True
        literals = (*known.get(field, ()), (leaf, holds))
        known[field] = literals
        return _impossible(literals, field, self.facts)


def _plain(leaf: Expr, holds: bool) -> Literal:
    """`exists: false` as the negation of `exists: true`."""
    if isinstance(leaf, Exists) and not leaf.wanted:
        return Exists(leaf.field, wanted=True), not holds
    return leaf, holds


def _impossible(literals: Sequence[Literal], field: str, facts: Facts) -> bool:
    """Whether literals on one field can't all be true."""
    held = [leaf for leaf, holds in literals if holds]
    denied = [leaf for leaf, holds in literals if not holds]
    return (
        _denied(held, denied)
        or (bool(field) and _absent(held, denied, there=field in facts.there))
        or (field in facts.single and _apart(held, denied))
    )


def _denied(held: Iterable[Expr], denied: Sequence[Expr]) -> bool:
    """Something holds, and all that it could hold by is denied."""
    texts = [leaf for leaf in denied if isinstance(leaf, Text)]
    unions = [
        Text(some[0].field, tuple(pattern for leaf in some for pattern in leaf.patterns), cased)
        for cased in (False, True)
        if (some := [leaf for leaf in texts if leaf.cased is cased])
    ]
    return any(inside(one, other) for one in held for other in (*denied, *unions))


def _absent(held: Sequence[Expr], denied: Sequence[Expr], *, there: bool) -> bool:
    """A test on a field that isn't there; or a field that must have a value, and has none."""
    missing = any(isinstance(leaf, Exists) for leaf in denied)
    filled = any(not isinstance(leaf, Null | Exists) for leaf in held)
    if missing and filled:
        return True
    not_null = any(isinstance(leaf, Null) for leaf in denied)
    empty = any(isinstance(leaf, Text) and ANYTHING in leaf.patterns for leaf in denied)
    return (not_null and (missing or empty)) or (there and empty)


def _apart(held: Sequence[Expr], denied: Sequence[Expr]) -> bool:
    """Tests that no one value can pass together."""
    tests = [leaf for leaf in held if not isinstance(leaf, Exists | Ref)]
    if any(isinstance(leaf, Null) for leaf in tests):
        return any(not isinstance(leaf, Null) for leaf in tests)
    for one in tests:
        if isinstance(one, Text) and not one.cased and (texts := exact(one)) is not None:
            others = [leaf for leaf in tests if leaf is not one]
            return not any(
                all(takes(leaf, text) is not False for leaf in others)
                and not any(takes(leaf, text) is True for leaf in denied)
                for text in texts
            )
    return _no_number([leaf for leaf in tests if isinstance(leaf, Compare)])


def _no_number(tests: Sequence[Compare]) -> bool:
    """Whether the ranges have nothing in common; of each part of a date apart."""
    for part in {test.part for test in tests}:
        some = [test for test in tests if test.part == part]
        low = max((t.number for t in some if t.op in ("gt", "gte", "eq")), default=None)
        high = min((t.number for t in some if t.op in ("lt", "lte", "eq")), default=None)
        if low is None or high is None:
            continue
        open_ends = any(
            (t.op == "gt" and t.number == low) or (t.op == "lt" and t.number == high) for t in some
        )
        if low > high or (low == high and open_ends):
            return True
    return False
