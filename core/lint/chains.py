"""Correlations that can't fire, or that look at fields which the rules they watch never have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import ceil, floor, inf

from core.correlate import Condition, Correlation, none_of
from core.correlate.form import METRICS
from core.lint.fields import nearest
from core.lint.subject import Remark, Rules, Subject
from core.rulebook import needs

__all__ = ["always_met", "correlation_fields", "unreachable"]


def unreachable(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """Some figure meets the condition."""
    it = subject.correlation
    if it is None or not it.conditions:
        return
    most = _most(it, rules.watched(subject)) if it.type == "value_count" else inf
    if any(_meets(figure, it.conditions) for figure in _figures(it, most)):
        return
    line = subject.written.at("condition", "correlation")
    asked = ", ".join(f"{one.op}: {one.count}" for one in it.conditions)
    if any(_meets(figure, it.conditions) for figure in _figures(it, inf)):
        text = (
            f"{asked} can't be reached: '{it.fields[0]}' has {most} values in the rules it watches"
        )
        yield subject.remark("unreachable", text, "lower it, or widen their lists", line)
    else:
        text = f"no figure of {it.type} meets {asked}"
        yield subject.remark("unreachable", text, "all operators must hold at once", line)


def always_met(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A boolean condition asks for something."""
    it = subject.correlation
    if it is None or not it.terms:
        return
    try:
        met = not none_of(it.terms)
    except ValueError:
        return  # too large to be turned round
    if met:
        line = subject.written.at("condition", "correlation")
        text = "the condition holds whatever the rules do"
        yield subject.remark("always_true", text, "say which of them must fire", line)


def correlation_fields(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """Every field of the correlation may be there in the records of each rule that it watches."""
    it = subject.correlation
    if it is None:
        return
    for name in dict.fromkeys((*it.group_by, *it.fields)):
        key = "group-by" if name in it.group_by else "condition"
        line = subject.written.at("aliases" if name in it.aliases else key, key, "field")
        for one in rules.watched(subject):
            field = it.aliases.get(name, {}).get(one.rule.id, name)
            if _never_brings(one, field, rules):
                text = f"no event of '{one.rule.title}' has a field '{field}'"
                known = next(rule.known for rule in rules.below(one))
                yield subject.remark("correlation_field", text, nearest(field, known), line)
    for alias in it.aliases:
        if alias not in (*it.group_by, *it.fields):
            text = f"alias '{alias}' is neither grouped by nor looked at"
            yield subject.remark("unused_alias", text, line=subject.written.at("aliases"))


def _never_brings(one: Subject, field: str, rules: Rules) -> bool:
    """Whether no event that a watched rule fires on, or that completes a correlation, has it."""
    if one.correlation is not None and field in one.correlation.group_by:
        return False
    return all(rule.known.checked and not rule.known.has(field) for rule in rules.below(one))


def _most(it: Correlation, watched: Iterable[Subject]) -> float:
    """How many values the field may have at most, where rules list them."""
    name, every = it.fields[0], set[str]()
    seen = {rule.rule.id: rule for rule in watched}
    if len(it.fields) > 1:
        return inf
    for id, rule in seen.items():
        field = it.aliases.get(name, {}).get(id, name)
        listed = needs(rule.looks_for).get(field) if rule.looks_for is not None else None
        if listed is None or field not in rule.known.facts.single:
            return inf
        every |= listed
    return len(every)


def _figures(it: Correlation, most: float) -> Iterator[float]:
    """Figures at, beside and between the bounds: one of them meets whatever can be met."""
    bounds = sorted(one.count for one in it.conditions)
    near = [bounds[0] - 1, *bounds, bounds[-1] + 1]
    if it.type in METRICS:
        yield from near
        yield from ((low + high) / 2 for low, high in pairwise(bounds))
        return
    least = 0 if it.type == "value_count" else 1
    whole = {edge + step for one in near for edge in (floor(one), ceil(one)) for step in (-1, 0, 1)}
    yield from (figure for figure in {*whole, least} if least <= figure <= most)


def _meets(figure: float, conditions: Iterable[Condition]) -> bool:
    return all(
        {
            "lt": figure < one.count,
            "lte": figure <= one.count,
            "gt": figure > one.count,
            "gte": figure >= one.count,
            "eq": figure == one.count,
            "neq": figure != one.count,
        }[one.op]
        for one in conditions
    )
