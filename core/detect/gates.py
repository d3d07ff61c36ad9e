"""What must hold of a record for a rule to be possible: tests of which one does if it matches.

A gate is cheap to ask of many records at once, and the rule is asked of those that pass. It knows
nothing of headers: which tests are of use, and what each costs, is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeGuard

from core.rulebook import ANY_MANY, And, Cidr, Compare, Exists, Expr, Or, Ref, Regex, Text

__all__ = ["Cost", "Test", "gate", "gate_fields"]

Test: TypeAlias = Text | Regex | Cidr | Compare | Exists
"""What can be asked of one text; that a field exists, and not that it doesn't."""

Cost: TypeAlias = tuple[int, int]
"""How little of use a test is, then what it takes."""


def gate(expr: Expr, cost: Callable[[Test], Cost | None]) -> tuple[Test, ...] | None:
    """The cheapest gate of the tests that have a cost; None when there is none."""
    found = _priced(expr, cost)
    return found[1] if found else None


def gate_fields(expr: Expr, *, several: bool) -> frozenset[str | None]:
    """The fields that a gate may look at, None for the whole record; empty if there is no gate.
    Without `several`, those of gates that look at one field.
    """
    if _is_test(expr):
        return frozenset({expr.field})
    if isinstance(expr, Ref):
        return frozenset({expr.field, expr.other})
    if isinstance(expr, And | Or):
        each = [gate_fields(item, several=several) for item in expr.items]
        fields = frozenset[str | None]().union(*each)
        if isinstance(expr, And) or (all(each) and (several or len(fields) == 1)):
            return fields
    return frozenset()


def _priced(
    expr: Expr, cost: Callable[[Test], Cost | None]
) -> tuple[Cost, tuple[Test, ...]] | None:
    """An AND is ruled out by a gate of any part, an OR only by gates of all."""
    if _is_test(expr):
        price = cost(expr)
        return None if price is None else (price, (expr,))
    if isinstance(expr, Ref):  # both have a value
        expr = And((Text(expr.field, (_ANY,)), Text(expr.other, (_ANY,))))
    if isinstance(expr, And):
        found = [one for item in expr.items if (one := _priced(item, cost))]
        return min(found, key=lambda one: one[0], default=None)
    if isinstance(expr, Or) and expr.items:
        every = [_priced(item, cost) for item in expr.items]
        some = [one for one in every if one]
        if len(some) == len(every):
            price = max(use for (use, _), _ in some), sum(takes for (_, takes), _ in some)
            return price, tuple(test for _, tests in some for test in tests)
    return None


def _is_test(expr: Expr) -> TypeGuard[Test]:
    return expr.wanted if isinstance(expr, Exists) else isinstance(expr, Test)


_ANY = (ANY_MANY,)
"""The pattern of any text."""
