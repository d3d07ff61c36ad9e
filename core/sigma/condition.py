"""The condition of a rule: pySigma's grammar over named searches, and what writers mean beside it.

Operators count in any case, and `2 of ...` as `1 of ...` does: both are in rules that other engines
take. It knows nothing of what a search looks for.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from itertools import combinations, count
from math import comb
from typing import Any

import re2
from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
    SigmaCondition,
)
from sigma.exceptions import SigmaError
from sigma.rule.detection import EmptySigmaDetections

from core.errors import BadRule
from core.rulebook import And, Expr, Not, Or, Text
from core.sigma.document import Node, Place, near

__all__ = ["all_of", "any_of", "condition", "lowered"]

MOST_CHOICES = 1_000
"""Ways to choose that `2 of ...` may stand for."""


def condition(node: Node, file: str, named: Mapping[str, Expr]) -> Expr:
    """What a condition asks of the named searches. BadRule when it can't be honoured."""
    place = Place(file, node.line)
    if not isinstance(node.value, str):
        raise place.bad("a condition must be text")
    try:
        text = _spelt_out(lowered(node.value, named), named, place)
        text, plain = _plainly_named(text, named)
        tree = SigmaCondition(text, EmptySigmaDetections()).parse(postprocess=False)
        return _resolve(tree, {**named, **plain}, place)
    except SigmaError as error:
        raise place.bad(
            f"condition '{node.value}': {_first_line(error)}", _hint(node.value, named)
        ) from error
    except RecursionError as error:
        raise place.bad("the condition is nested too deeply") from error


def lowered(text: str, names: Container[str]) -> str:
    """The condition with its operators in lower case; what is a name stays as it is."""

    def lower(word: re.Match[str]) -> str:
        small = word[0].lower()
        return small if small in _OPERATORS and word[0] not in names else word[0]

    return _WORD.sub(lower, text)


def all_of(items: Sequence[Expr]) -> Expr:
    """Every item holds."""
    return items[0] if len(items) == 1 else And(tuple(items))


def any_of(items: Sequence[Expr]) -> Expr:
    """One holds; as one Text where all look at the same field, so that a set lookup can do it."""
    texts = [item for item in items if isinstance(item, Text)]
    if texts and len(texts) == len(items) and len({(t.field, t.cased) for t in texts}) == 1:
        first = texts[0]
        return Text(first.field, tuple(p for t in texts for p in t.patterns), first.cased)
    return items[0] if len(items) == 1 else Or(tuple(items))


def _spelt_out(text: str, named: Mapping[str, Expr], place: Place) -> str:
    """`2 of a*` as (a1 and a2) or (a1 and a3) or ..., which pySigma's grammar has, and so `1 of
    a-*`, as its patterns have letters, digits and `_` only.
    """

    def choices(found: re.Match[str]) -> str:
        chosen = _selected(found[2], named)
        if not found[1].isdecimal() or int(found[1]) < 2:
            if _PATTERN.fullmatch(found[2]):
                return found[0]
            if not chosen:
                raise _chooses_nothing(found[2], named, place)
            return f"({(' and ' if found[1] == 'all' else ' or ').join(chosen)})"
        many = int(found[1])
        if len(chosen) < many:
            raise place.bad(f"'{found[0]}' can't hold: there are {len(chosen)} to choose from")
        if comb(len(chosen), many) > MOST_CHOICES:
            raise place.bad(f"'{found[0]}' can be met in too many ways: more than {MOST_CHOICES}")
        every = (" and ".join(some) for some in combinations(chosen, many))
        return "(" + " or ".join(f"({some})" for some in every) + ")"

    return _SEVERAL.sub(choices, text)


def _plainly_named(text: str, named: Mapping[str, Expr]) -> tuple[str, dict[str, Expr]]:
    """The condition with names that pySigma's grammar has, and what those stand for: a search may
    be named with any letters.
    """
    names: dict[str, str] = {}

    def plain(word: re.Match[str]) -> str:
        if word[0] not in named or _NAME.fullmatch(word[0]):
            return word[0]
        free = (one for number in count() if (one := f"search{number}") not in named)
        return names.setdefault(word[0], next(one for one in free if one not in names.values()))

    text = _WORD.sub(plain, text)
    return text, {plain: named[name] for name, plain in names.items()}


def _resolve(tree: Any, named: Mapping[str, Expr], place: Place) -> Expr:
    """Names in a parsed condition become what they stand for."""
    if isinstance(tree, ConditionIdentifier):
        if tree.identifier not in named:
            hint = near(tree.identifier, named)
            raise place.bad(f"the condition names '{tree.identifier}', which is not there", hint)
        return named[tree.identifier]
    if isinstance(tree, ConditionSelector):
        chosen = [named[name] for name in _selected(tree.pattern, named)]
        if not chosen:
            raise _chooses_nothing(tree.pattern, named, place)
        return all_of(chosen) if tree.cond_class is ConditionAND else any_of(chosen)
    if isinstance(tree, ConditionNOT):
        return Not(_resolve(tree.args[0], named, place))
    if isinstance(tree, ConditionAND | ConditionOR):
        items = [_resolve(arg, named, place) for arg in tree.args]
        return all_of(items) if isinstance(tree, ConditionAND) else any_of(items)
    return _resolve(tree[0], named, place)  # pyparsing wraps what stands in brackets


def _chooses_nothing(pattern: str, named: Mapping[str, Expr], place: Place) -> BadRule:
    return place.bad(f"'of {pattern}' chooses nothing", near(pattern.rstrip("*_"), named))


def _selected(pattern: str, named: Mapping[str, Expr]) -> list[str]:
    """Names that `them` or a pattern with `*` means; names that begin with `_` only if it does."""
    if pattern == "them":
        return [name for name in named if not name.startswith("_")]
    regex = re2.compile(".*".join(map(re2.escape, pattern.split("*"))))
    hidden = pattern.startswith("_")
    return [n for n in named if regex.fullmatch(n) and (hidden or not n.startswith("_"))]


def _hint(text: str, named: Mapping[str, Expr]) -> str:
    """What was looked for in vain, said in words of today."""
    if "|" in text:
        return "counting is a correlation's affair since Sigma 2: write one of type event_count"
    known = {*named, *_OPERATORS, "1"}
    for word in re.findall(r"[\w*-]+", text):
        if word not in known and "*" not in word and (hint := near(word.lower(), known)):
            return f"'{word}': {hint}"
    return ""


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


_OPERATORS = ("and", "or", "not", "of", "them", "all", "any")

_WORD = re.compile(r"[^\s()]+")

_NAME, _PATTERN = re.compile(r"[A-Za-z0-9_-]+"), re.compile(r"[A-Za-z0-9_*]+")
"""What pySigma's grammar has for the name of a search, and for what chooses several."""

_SEVERAL = re.compile(r"(?<![^\s()])([0-9]{1,4}|any|all)\s+of\s+([^\s()]+)")
