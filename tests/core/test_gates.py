"""Gates: tests of which one holds whenever a rule matches, the cheapest there are."""

from __future__ import annotations

import pytest

from core.detect.gates import Cost, Test, gate, gate_fields
from core.rulebook import And, Cidr, Compare, Exists, Expr, Not, Null, Or, Ref, Regex, Text

A, B, C = Text("a", ("x",)), Regex("b", "y"), Cidr("c", "10.0.0.0/8")
D = Compare("d", "gt", 5)
ANY = ((0,),)


def cost(test: Test) -> Cost | None:
    """The later a field in the alphabet the more its tests cost; `z` is of no use."""
    return None if test.field in ("z", None) else (0, ord(test.field or ""))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (A, (A,)),
        (And((B, A, C)), (A,)),
        (And((Text("z", ("x",)), D)), (D,)),
        (Or((A, B)), (A, B)),
        (Or((And((A, B)), And((C, B)))), (A, B)),
        (And((Or((A, A)), D)), (D,)),
        (And((Or((A, B)), Not(A))), (A, B)),
        (Ref("b", "a", "is"), (Text("a", ANY),)),
        (Ref("z", "a", "is"), (Text("a", ANY),)),
        (Or((A, Text("z", ("x",)))), None),
        (Or((A, Not(B))), None),
        (Or(()), None),
        (And(()), None),
        (Not(A), None),
        (Null("a"), None),
        (Exists("a", wanted=True), (Exists("a", wanted=True),)),
        (Exists("a", wanted=False), None),
        (Text(None, ("x",)), None),
    ],
)
def test_an_and_needs_one_gate_and_an_or_all(expr: Expr, expected: tuple[Test, ...] | None) -> None:
    assert gate(expr, cost) == expected


def test_of_little_use_is_worse_than_dear() -> None:
    uses = {"a": (3, 0), "b": (0, 9), "c": (1, 1)}
    assert gate(And((A, B)), lambda test: uses[test.field or ""]) == (B,)
    assert gate(And((Or((A, B)), C)), lambda test: uses[test.field or ""]) == (C,)


@pytest.mark.parametrize(
    ("expr", "fields", "alone"),
    [
        (And((A, Not(B), Or((C, D)))), {"a", "c", "d"}, {"a"}),
        (Or((A, And((B, Null("z"))))), {"a", "b"}, set()),
        (Or((A, A)), {"a"}, {"a"}),
        (Or((A, Not(A))), set(), set()),
        (Or((A, Text(None, ("x",)))), {"a", None}, set()),
        (Ref("b", "a", "is"), {"a", "b"}, {"a", "b"}),
        (Not(A), set(), set()),
    ],
)
def test_fields_are_those_of_which_a_gate_may_be_made(
    expr: Expr, fields: set[str | None], alone: set[str | None]
) -> None:
    assert gate_fields(expr, several=True) == fields
    assert gate_fields(expr, several=False) == alone
