"""Larger rulebooks for the benchmarks, made of a smaller one and of invented rules.

It knows the compiled form of rules and nothing of how they are matched.
"""

from __future__ import annotations

import random

from core.model import Rule
from core.rulebook import And, Expr, Not, Rulebook, Text, book

__all__ = ["many"]

HOT = ("assumerole", "decrypt", "describeinstances")


def many(base: Rulebook, count: int, hot: float, seed: int = 7) -> Rulebook:
    """The rules of `base` and others up to `count`; a share `hot` of these on three busy names.

    Each invented rule names a service and an operation and asks one or two things more: a text in
    the request, the caller's name or address, an error.
    """
    rng = random.Random(seed)
    rules: list[tuple[Rule, Expr, str]] = [
        (base.rule(n), base.detection(n), base.entries[n].provider)
        for n in range(len(base.entries))
    ]
    while len(rules) < count:
        number = len(rules)
        name = rng.choice(HOT) if rng.random() < hot else f"operation{number % 1_500}"
        rule = Rule(id=f"bench-{number}", title=f"Invented {number}", source="aws/cloudtrail")
        rules.append((rule, And((Text("eventName", (name,)), *_more(rng, number))), ""))
    return book(rules)


def _more(rng: random.Random, number: int) -> list[Expr]:
    choices: list[Expr] = [
        Text("requestParameters.roleArn", ((0, f":role/admin-{number}"),)),
        Text("userIdentity.arn", ((0, f"/intruder-{number}", 0),)),
        Text("sourceIPAddress", (f"203.0.113.{number % 256}",)),
        Text("errorCode", ("accessdenied",)),
        Text("requestParameters.roleSessionName", (f"session-x{number}",)),
        Text("userAgent", ((0, f"tool-{number}", 0),)),
        Not(Text("userIdentity.invokedBy", ((0, ".amazonaws.com"),))),
    ]
    rng.shuffle(choices)
    found = choices[: rng.choice((1, 2))]
    if all(isinstance(one, Not) or one == Text("errorCode", ("accessdenied",)) for one in found):
        found.append(Text("requestParameters.roleArn", ((0, f":role/owner-{number}"),)))
    return found
