"""Rules that say the same twice: equal ones, and one whose every record another one finds too.

Never all pairs: a rule is compared with those that stand on a shelf of one of its exact texts, and
each rule stands on the shelves of the one field that fewest rules share; those without exact texts
stand by their fields. Of a full shelf the simplest rules are asked, which take in most. A rule that
is more severe than the one that swallows it is left alone, since it tells of the worse among the
bad; and so are rules that only feed correlations, which tell nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from core.lint.fields import asked
from core.lint.logic import implies
from core.lint.subject import Remark, Rules, Subject
from core.model import LEVELS
from core.rulebook import needs

__all__ = ["overlaps"]

MOST = 40
"""Rules of a shelf that one rule is compared with."""

Demands: TypeAlias = Mapping[str, frozenset[str]]
"""Field -> folded texts, one of which a matching record has."""


def overlaps(rules: Rules) -> Iterator[Remark]:
    """No rule is equal to another, or swallowed by one that is at least as severe."""
    plain = [one for one in rules.subjects.values() if one.looks_for is not None and not one.silent]
    demands = {one.rule.id: needs(one.looks_for) for one in plain if one.looks_for is not None}
    shelves = _shelved(plain, demands)
    order = {one.rule.id: number for number, one in enumerate(plain)}
    for one in plain:
        others = (
            other
            for key in _asked_at(one, demands[one.rule.id], shelves)
            for other in shelves.get(key, ())[:MOST]
            if _comparable(one, other, demands)
        )
        remarks = (
            remark
            for other in others
            for remark in _compared(one, other, earlier=order[one.rule.id] < order[other.rule.id])
        )
        yield from islice(remarks, 1)  # which other one it is, is enough to know once


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


def _comparable(one: Subject, other: Subject, demands: Mapping[str, Demands]) -> bool:
    """Whether `one` may imply `other`, by a cheap look: all that the other demands, it demands."""
    if one is other or one.rule.source != other.rule.source:
        return False
    if other.provider not in ("", one.provider):
        return False
    mine, theirs = demands[one.rule.id], demands[other.rule.id]
    return all(field in mine and mine[field] <= texts for field, texts in theirs.items())


def _shelved(
    plain: Sequence[Subject], demands: Mapping[str, Demands]
) -> Mapping[Hashable, Sequence[Subject]]:
    """Shelf -> the rules on it, simplest first."""
    crowd = Counter(
        (one.rule.source, field, text)
        for one in plain
        for field, texts in demands[one.rule.id].items()
        for text in texts
    )
    shelves: defaultdict[Hashable, list[Subject]] = defaultdict(list)
    for one in sorted(plain, key=lambda one: (len(_fields(one)), one.rule.id)):
        source, mine = one.rule.source, demands[one.rule.id]
        rarest = min(
            mine,
            key=lambda field: (max(crowd[source, field, text] for text in mine[field]), field),
            default="",
        )
        for text in mine.get(rarest, ()):
            shelves[source, rarest, text].append(one)
        if not mine:
            shelves[source, frozenset(_fields(one))].append(one)
    return shelves


def _asked_at(
    one: Subject, mine: Demands, shelves: Mapping[Hashable, Sequence[Subject]]
) -> Iterator[Hashable]:
    """Shelves that hold every rule which may swallow this one: it has all texts of a field."""
    source = one.rule.source
    if not mine:
        yield source, frozenset(_fields(one))
    for field, texts in mine.items():
        keys = [(source, field, text) for text in sorted(texts)]
        yield min(keys, key=lambda key: len(shelves.get(key, ())))


def _fields(one: Subject) -> Sequence[str]:
    return list(asked(one.looks_for)) if one.looks_for is not None else []
