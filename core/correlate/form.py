"""What a correlation is, as data: its type, the rules it watches, its window and its condition.

The semantics are those of docs/decisions/0070-correlation-windows.md. Nothing here evaluates, and
nothing knows how a correlation is written (Sigma) or where its state is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, floor
from typing import Literal, TypeAlias

import msgspec

from core.model import Rule, digest, to_json

__all__ = [
    "CAP",
    "LATENESS_MS",
    "METRICS",
    "Condition",
    "Correlation",
    "Term",
    "Type",
    "all_of",
    "any_of",
    "doubts",
    "faults",
    "least",
    "monotone",
    "none_of",
    "occurs",
]

CAP = 1_000
"""Observations kept per correlation and group. At about 150 bytes each, the state stays far below
the smallest platform's item (DynamoDB: 400 KB); the oldest give way, and the firing says so."""

LATENESS_MS = 900_000
"""CloudTrail delivers most events within 5 minutes and promises an average of 15 at most."""

MOST_TERMS = 64

Type: TypeAlias = Literal[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_min",
    "value_max",
    "value_percentile",
    "value_median",
    "first_seen",
    "absence",
]
"""Sigma's ten, and two of our own."""


class Condition(msgspec.Struct, frozen=True, array_like=True):
    """How the window's figure must compare with a number."""

    op: Literal["lt", "lte", "gt", "gte", "eq", "neq"]
    count: int | float


class Term(msgspec.Struct, frozen=True, array_like=True):
    """One way to meet a boolean condition: these rules fired in the window, and those did not."""

    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()


class Correlation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A correlation rule. Durations are milliseconds."""

    rule: Rule
    type: Type
    rules: tuple[str, ...]
    """Ids of the rules it watches, correlations included; for temporal_ordered, in their order."""
    timespan: int
    """Length of the window; for first_seen, how long a value is remembered; for absence, how long
    the silence must last."""
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = {}
    """Alias -> rule id -> field. A rule that an alias leaves out has a field of the alias' name."""
    conditions: tuple[Condition, ...] = ()
    """All must hold. None, for the temporal types: every rule must have fired."""
    terms: tuple[Term, ...] = ()
    """A boolean condition over rules, as alternatives: made by occurs, any_of, all_of, none_of."""
    fields: tuple[str, ...] = ()
    """What value_* and first_seen look at; several make one value together."""
    percentile: float = 50
    generate: bool = False
    """The rules it watches make findings of their own too."""
    learning: int = 0
    """first_seen: a group is only watched, not reported, for so long after its first event."""
    after: tuple[str, ...] = ()
    """absence: rules that the absent ones must follow; () when they must follow themselves."""
    lateness: int = LATENESS_MS

    @property
    def id(self) -> str:
        """The id of its rule."""
        return self.rule.id

    @property
    def watched(self) -> tuple[str, ...]:
        """All rules whose firing it must see, each once."""
        return tuple(dict.fromkeys((*self.rules, *self.after)))

    @property
    def revision(self) -> str:
        """What its state depends on: another revision starts with an empty one."""
        return digest(self.id, to_json(msgspec.structs.replace(self, rule=_NO_RULE)).decode())


def occurs(rule: str) -> tuple[Term, ...]:
    """The condition that a rule fired in the window."""
    return (Term(frozenset({rule})),)


def any_of(conditions: Iterable[tuple[Term, ...]]) -> tuple[Term, ...]:
    """The condition that at least one of them holds."""
    return _least({term for terms in conditions for term in terms})


def all_of(conditions: Iterable[tuple[Term, ...]]) -> tuple[Term, ...]:
    """The condition that all of them hold. ValueError when it has too many alternatives."""
    found = {Term()}
    for terms in conditions:
        found = {Term(a.present | b.present, a.absent | b.absent) for a in found for b in terms}
        found = set(_least(term for term in found if not term.present & term.absent))
        if len(found) > MOST_TERMS:
            raise ValueError(f"the condition has more than {MOST_TERMS} alternatives")
    return _least(found)


def none_of(condition: tuple[Term, ...]) -> tuple[Term, ...]:
    """The condition that it does not hold. ValueError when it has too many alternatives."""
    return all_of(
        any_of(
            [
                *((Term(frozenset(), frozenset({rule})),) for rule in term.present),
                *(occurs(rule) for rule in term.absent),
            ]
        )
        for term in condition
    )


def monotone(correlation: Correlation) -> bool:
    """Whether one more event can only make more windows meet the condition, never fewer."""
    if correlation.type not in ("event_count", "value_count", "temporal", "temporal_ordered"):
        return False
    rising = all(condition.op in ("gt", "gte") for condition in correlation.conditions)
    return rising and not any(term.absent for term in correlation.terms)


def least(conditions: Iterable[Condition]) -> int:
    """The least whole figure that is not too small for any of them; 0 where none asks for any."""
    asked = (
        floor(one.count) + 1 if one.op == "gt" else ceil(one.count)
        for one in conditions
        if one.op in ("gt", "gte", "eq")
    )
    return max((0, *asked))


def faults(correlation: Correlation) -> tuple[str, ...]:
    """Why it can't be honoured, one sentence each; () when it can."""
    return tuple(text for broken, text in _checks(correlation) if broken)


def doubts(correlation: Correlation) -> tuple[str, ...]:
    """Why it may never fire, one sentence each, though it can be honoured."""
    temporal = correlation.type in ("temporal", "temporal_ordered")
    if correlation.terms and all(
        not term.present and term.absent.issuperset(correlation.rules) for term in correlation.terms
    ):
        return ("it can't fire: it is only asked at events of rules that must be absent",)
    if not temporal and correlation.type not in ("event_count", "value_count"):
        return ()
    wanted = least(correlation.conditions)
    if temporal and wanted > len(set(correlation.rules)):
        return (f"{wanted} rules can't fire: it watches {len(set(correlation.rules))}",)
    if not temporal and wanted > CAP:
        return (f"{wanted} is beyond the stream, which keeps {CAP} events of a group; a hunt can",)
    return ()


def _checks(it: Correlation) -> list[tuple[bool, str]]:
    temporal = it.type in ("temporal", "temporal_ordered")
    own = it.type in ("first_seen", "absence")
    return [
        (not it.rules, "it watches no rule"),
        (it.timespan <= 0, "timespan must be more than nothing"),
        (it.lateness < 0 or it.learning < 0, "a duration must not be negative"),
        (it.id in it.watched, "it watches itself"),
        (
            it.type == "temporal_ordered" and len(set(it.rules)) < len(it.rules),
            "an order in which a rule comes twice can't be told",
        ),
        (it.type in METRICS and len(it.fields) != 1, f"{it.type} needs one field"),
        (it.type in ("value_count", "first_seen") and not it.fields, f"{it.type} needs a field"),
        (not 0 <= it.percentile <= 100, "percentile must be from 0 to 100"),
        (not (temporal or own or it.conditions), f"{it.type} needs a condition"),
        (own and bool(it.conditions), f"{it.type} takes no condition"),
        (bool(it.terms) and not temporal, "a boolean condition is for the temporal types"),
        (bool(it.terms and it.conditions), "a boolean condition and a count exclude each other"),
        (bool(it.after) and it.type != "absence", "only absence has an `after`"),
        (bool(set(it.after) & set(it.rules)), "what is absent can't be what it must follow"),
        (
            any(not term.present | term.absent <= set(it.rules) for term in it.terms),
            "its condition names a rule that it does not watch",
        ),
        (bool(it.learning) and it.type != "first_seen", "only first_seen learns"),
    ]


def _least(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Terms that no other one makes needless, in a fixed order."""
    every = set(terms)
    kept = [
        term
        for term in every
        if not any(
            other != term and other.present <= term.present and other.absent <= term.absent
            for other in every
        )
    ]
    return tuple(sorted(kept, key=lambda term: (sorted(term.present), sorted(term.absent))))


METRICS = (
    *("value_sum", "value_avg", "value_min", "value_max"),
    *("value_percentile", "value_median"),
)
"""Types that reckon with numbers."""

_NO_RULE = Rule(id="", title="")
