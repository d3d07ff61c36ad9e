"""Rules that say the same twice: equal ones, and one whose every record another one finds too.

Never all pairs: a rule is only compared with those that share its rarest exact text, or, where it
has none, its fields. A rule that is more severe than the one that swallows it is left alone: it
tells of the worse among the bad.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence

from core.lint.fields import asked
from core.lint.logic import implies
from core.lint.subject import Remark, Rules, Subject
from core.model import LEVELS
from core.rulebook import needs

__all__ = ["overlaps"]

MOST = 40
"""Rules that one rule is compared with. Past that many of one text, none is looked for."""


def overlaps(rules: Rules) -> Iterator[Remark]:
    """No rule is equal to another, or swallowed by one that is at least as severe."""
    plain = [one for one in rules.subjects.values() if one.looks_for is not None]
    demands = {one.rule.id: needs(one.looks_for) for one in plain if one.looks_for is not None}
    shelves: defaultdict[Hashable, list[Subject]] = defaultdict(list)
    for one in plain:
        for key in _keys(one, demands[one.rule.id]):
            shelves[key].append(one)
    order = {one.rule.id: number for number, one in enumerate(plain)}
    for one in plain:
        for other in _shelf(one, demands[one.rule.id], shelves):
            if _comparable(one, other, demands):
                yield from _compared(one, other, earlier=order[one.rule.id] < order[other.rule.id])


def _compared(one: Subject, other: Subject, *, earlier: bool) -> Iterator[Remark]:
    """What is to be said of `one`, beside `other`. Of two equal rules the later one is told."""
    if one.looks_for is None or other.looks_for is None:
        return
    facts = one.known.facts
    if not implies(one.looks_for, other.looks_for, facts):
        return
    line = one.written.at("detection")
    if implies(other.looks_for, one.looks_for, facts):
        if not earlier:
            text = f"looks for the same as '{other.rule.title}'"
            yield one.remark("same_detection", text, "keep one of them", line)
    elif LEVELS.index(one.rule.level) <= LEVELS.index(other.rule.level):
        text = f"fires on nothing that '{other.rule.title}' does not fire on"
        hint = "leave it out, take its records out of the other, or make it more severe"
        yield one.remark("swallowed", text, hint, line)


def _comparable(
    one: Subject, other: Subject, demands: Mapping[str, Mapping[str, frozenset[str]]]
) -> bool:
    """Whether `one` may imply `other`, by a cheap look: all that the other demands, it demands."""
    if one is other or one.rule.source != other.rule.source:
        return False
    mine, theirs = demands[one.rule.id], demands[other.rule.id]
    return all(field in mine and mine[field] <= texts for field, texts in theirs.items())


def _keys(one: Subject, demands: Mapping[str, frozenset[str]]) -> Iterator[Hashable]:
    if demands:
        yield from (
            (one.rule.source, field, text) for field, texts in demands.items() for text in texts
        )
    elif one.looks_for is not None:
        yield one.rule.source, frozenset(asked(one.looks_for))


def _shelf(
    one: Subject,
    demands: Mapping[str, frozenset[str]],
    shelves: Mapping[Hashable, Sequence[Subject]],
) -> Sequence[Subject]:
    """The fewest rules among which every rule that swallows this one must be."""
    fewest = min((shelves[key] for key in _keys(one, demands)), key=len, default=())
    return fewest if len(fewest) <= MOST else ()
