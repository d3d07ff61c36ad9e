"""What can be said of a rule when only some of a record's fields are known.

`settle` puts the known fields into an expression and gives back what is left to ask: True, False,
or a smaller expression. It is used on misses of a cache only, so it is plain rather than quick.
"""

from __future__ import annotations

from collections.abc import Callable

from core.detect.matcher import View, matcher
from core.rulebook import And, Expr, Not, Or, Ref

__all__ = ["Leaf", "fields_of", "leaf_fields", "settle"]

Leaf = Expr


def settle(expr: Expr, view: View, known: Callable[[str], bool]) -> Expr | bool:
    """What remains of the expression once the view has answered for the known fields."""
    if isinstance(expr, Not):
        inner = settle(expr.item, view, known)
        return not inner if isinstance(inner, bool) else Not(inner)
    if isinstance(expr, And | Or):
        return _settle_all(expr, view, known)
    fields = leaf_fields(expr)
    if fields and all(map(known, fields)):
        return matcher(expr)(view)
    return expr


def leaf_fields(leaf: Leaf) -> tuple[str, ...]:
    """The fields that a test looks at; () when it looks at the whole record."""
    if isinstance(leaf, Ref):
        return (leaf.field, leaf.other)
    field = getattr(leaf, "field", None)
    return () if field is None else (field,)


def fields_of(expr: Expr) -> set[str | None]:
    """All fields of an expression; None among them when a part looks at the whole record."""
    if isinstance(expr, Not):
        return fields_of(expr.item)
    if isinstance(expr, And | Or):
        return set().union(*(fields_of(item) for item in expr.items))
    return set(leaf_fields(expr)) or {None}


def _settle_all(expr: And | Or, view: View, known: Callable[[str], bool]) -> Expr | bool:
    """AND ends at the first False, OR at the first True; the other answer drops out."""
    ends = isinstance(expr, Or)
    left: list[Expr] = []
    for item in expr.items:
        found = settle(item, view, known)
        if found is ends:
            return ends
        if not isinstance(found, bool):
            left.append(found)
    if not left:
        return not ends
    if len(left) == 1:
        return left[0]
    make: Callable[[tuple[Expr, ...]], Expr] = Or if ends else And
    return make(tuple(left))
