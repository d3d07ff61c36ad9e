"""Compiled expressions as closures over a record; nothing of a rule or record becomes code.

A matcher takes a View: a record that remembers what it has already been asked, so that rules which
look at the same field share the work. It knows nothing of rules' names or of the index.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import re2

from core.detect import values
from core.detect.networks import Networks
from core.rulebook import (
    ANY_MANY,
    And,
    Cidr,
    Compare,
    Exists,
    Expr,
    Not,
    Null,
    Or,
    Pattern,
    Ref,
    Regex,
    Text,
)

__all__ = [
    "PREFIX",
    "Fields",
    "Matcher",
    "Sieve",
    "View",
    "compare_any",
    "in_lines",
    "matcher",
    "one_of",
    "regex_test",
    "text_test",
]

Matcher: TypeAlias = Callable[["View"], bool]


PREFIX = "ocsf:"
"""Begins the name of a field of a record's OCSF rendering, among those of the record itself."""


class Rendered(Protocol):
    """The fields of records' OCSF renderings, their names with PREFIX."""

    def finder(self, field: str) -> Callable[[Any], list[Any]]:
        """The function that finds the field's values, given the record."""

    def reads(self, field: str) -> tuple[str, ...]:
        """The native paths that tell the field; none when it takes the whole record."""


class Fields:
    """Field names as rules write them -> how to find them in the records of one source."""

    def __init__(
        self,
        aliases: Mapping[str, tuple[str, ...]] | None = None,
        derived: Mapping[str, Callable[[Any], list[Any]]] | None = None,
        rendered: Rendered | None = None,
    ) -> None:
        self._aliases, self._derived = aliases or {}, derived or {}
        self._rendered = rendered
        self._finders: dict[str, Callable[[Any], list[Any]]] = {**self._derived}

    @classmethod
    def known(cls, finders: Mapping[str, Callable[[Any], list[Any]]]) -> Fields:
        """Fields of something that is no record: how to find each is told."""
        return cls(derived=finders)

    def paths(self, field: str) -> tuple[str, ...]:
        """The native paths of a field, the first that exists counts; none when it is derived."""
        if field in self._derived or self._renderer(field):
            return ()
        return self._aliases.get(field, (field,))

    def reads(self, field: str) -> tuple[str, ...]:
        """The native paths that tell the field; none when it takes the whole record."""
        if renderer := self._renderer(field):
            return renderer.reads(field)
        return self.paths(field) or getattr(self._derived.get(field), "reads", ())

    def says(self, field: str) -> tuple[str, ...] | None:
        """The texts that the field may have beside those of the record; None when any."""
        return () if self.paths(field) else getattr(self._derived.get(field), "says", None)

    def finder(self, field: str) -> Callable[[Any], list[Any]]:
        """The function that finds the field's values in a record."""
        found = self._finders.get(field)
        if found is None:
            renderer = self._renderer(field)
            found = renderer.finder(field) if renderer else values.finder(self.paths(field))
            self._finders[field] = found
        return found

    def _renderer(self, field: str) -> Rendered | None:
        """What knows the field, if it is one of a rendering."""
        return self._rendered if field.startswith(PREFIX) else None


class View:
    """One record under examination."""

    __slots__ = ("_cased", "_fields", "_folded", "_raw", "record")

    def __init__(self, record: Any, fields: Fields) -> None:
        self.record, self._fields = record, fields
        self._raw: dict[str, list[Any]] = {}
        self._cased: dict[str | None, tuple[str, ...]] = {}
        self._folded: dict[str | None, tuple[str, ...]] = {}

    @classmethod
    def known(cls, found: dict[str, list[Any]], fields: Fields) -> View:
        """A record of which only these values of fields are known."""
        view = cls({}, fields)
        view._raw.update(found)
        return view

    def raw(self, field: str) -> list[Any]:
        """The values of the field, lists still whole; [] when it is absent."""
        found = self._raw.get(field)
        if found is None:
            found = self._raw[field] = self._fields.finder(field)(self.record)
        return found

    def cased(self, field: str | None) -> tuple[str, ...]:
        """The values of the field as text; of None: every leaf of the record."""
        found = self._cased.get(field)
        if found is None:
            raw = None if field is None else self.raw(field)
            if not raw:
                found = () if raw is not None else _texts(values.leaves(self.record))
            elif len(raw) == 1 and type(raw[0]) is str:  # as nearly all are
                found = (raw[0],)
            else:
                found = _texts(values.flat(raw))
            self._cased[field] = found
        return found

    def folded(self, field: str | None) -> tuple[str, ...]:
        """The same without case."""
        found = self._folded.get(field)
        if found is None:
            found = self._folded[field] = tuple([text.casefold() for text in self.cased(field)])
        return found


def _texts(found: Iterable[Any]) -> tuple[str, ...]:
    return tuple(text for one in found if (text := values.text(one)) is not None)


def matcher(expr: Expr) -> Matcher:
    """The closure that tells whether `expr` holds for a view."""
    return _MAKERS[type(expr)](expr)


def _and(expr: And) -> Matcher:
    if not expr.items:
        return lambda view: True
    first, *rest = (matcher(item) for item in sorted(expr.items, key=_cost))
    if len(rest) == 1:
        second = rest[0]
        return lambda view: first(view) and second(view)
    return lambda view: first(view) and all(one(view) for one in rest)


def _or(expr: Or) -> Matcher:
    networks: dict[str, list[Cidr]] = {}
    for item in expr.items:
        if isinstance(item, Cidr):
            networks.setdefault(item.field, []).append(item)
    others = sorted((item for item in expr.items if not isinstance(item, Cidr)), key=_cost)
    items = (
        *(matcher(item) for item in others),
        *(_within(field, some) for field, some in networks.items()),
    )
    return lambda view: any(one(view) for one in items)


def _not(expr: Not) -> Matcher:
    item = matcher(expr.item)
    return lambda view: not item(view)


def _text(expr: Text) -> Matcher:
    field = expr.field
    see = View.cased if expr.cased else View.folded
    plain = frozenset(p for p in expr.patterns if isinstance(p, str))
    tests = tuple(_like(p) for p in expr.patterns if not isinstance(p, str))
    if not tests:
        return lambda view: not plain.isdisjoint(see(view, field))
    if len(tests) == 1 and not plain:
        test = tests[0]
        return lambda view: any(test(one) for one in see(view, field))
    return lambda view: any(
        one in plain or any(test(one) for test in tests) for one in see(view, field)
    )


def text_test(expr: Text) -> Callable[[str], bool]:
    """The test for one text, as it is written."""
    plain = frozenset(p for p in expr.patterns if isinstance(p, str))
    tests = tuple(_like(p) for p in expr.patterns if not isinstance(p, str))

    def test(text: str) -> bool:
        text = text if expr.cased else text.casefold()
        return text in plain or any(one(text) for one in tests)

    return test


def compare_any(exprs: Iterable[Compare]) -> Callable[[str], bool]:
    """Could one of the tests hold for what is written so? Each text is read once, however many they
    are. At times true when none holds: at a bound, and for a number that is too long as text.
    """
    by_part: dict[str, list[Compare]] = {}
    for expr in exprs:
        by_part.setdefault(expr.part, []).append(expr)
    tests = [_beyond(part, some) for part, some in by_part.items()]
    return lambda text: len(text) > values.LONGEST_NUMBER or any(test(text) for test in tests)


def _beyond(part: str, exprs: Iterable[Compare]) -> Callable[[str], bool]:
    """Is the number at one of the bounds, or beyond it?"""
    numbers: dict[str, list[float]] = {op: [] for op in _OPS}
    for expr in exprs:
        numbers[expr.op].append(expr.number)
    least = min(numbers["gt"] + numbers["gte"], default=math.inf)
    most = max(numbers["lt"] + numbers["lte"], default=-math.inf)
    equal = frozenset(numbers["eq"])

    def test(text: str) -> bool:
        found = values.date_part(text, part) if part else values.number(text)
        return found is not None and (found >= least or found <= most or found in equal)

    return test


def regex_test(expr: Regex) -> Callable[[str], bool]:
    """The test for one text."""
    regex = _regex_of(expr.pattern)
    return lambda text: _search(regex, text)


def one_of(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Could one of the expressions be found in the text? Searched for as one, where RE2 has the
    room for it; else the answer is always yes.
    """
    every = sorted(patterns)
    if not every:
        return lambda text: False
    try:
        regex = _regex_of("|".join(f"(?:{one})" for one in every))
    except re2.error:  # too large as one, though none of them is
        return lambda text: True
    return lambda text: _search(regex, text)


def in_lines(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Could one of the expressions be found in a line of a text? One search for all lines. At times
    true when it is in none, never false when it is in one.
    """
    every = sorted(patterns)
    if any(map(_BY_TEXT.search, every)):
        return lambda joined: True
    try:  # so that the edges of a line are taken for those of a text
        regex = _regex_of(f"(?m:{'|'.join(f'(?:{one})' for one in every)})")
    except re2.error:  # too large as one
        return lambda joined: True
    return lambda joined: _search(regex, joined)


class Sieve:
    """Many patterns at once: could a text, case aside, be like one of them?"""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        many = tuple(patterns)
        self._plain = frozenset(p for p in many if isinstance(p, str))
        starts, ends, inside, others = _sorted_out(p for p in many if not isinstance(p, str))
        self._starts, self._first = starts, sorted({len(p) for p in starts})
        self._ends, self._last = ends, sorted({len(p) for p in ends})
        self._inside = _regex_of("|".join(map(re2.escape, sorted(inside)))) if inside else None
        self._others = others

    def one(self, text: str) -> bool:
        """Of this text."""
        text = text.casefold()
        return (
            text in self._plain
            or self._edges(text)
            or (self._inside is not None and _search(self._inside, text))
        )

    def any(self, texts: Collection[str], joined: str) -> bool:
        """Of any of these texts; at times true when none is, as they are searched as one.

        `joined` is all of them, a line each.
        """
        joined = joined.casefold()
        if self._inside is not None and _search(self._inside, joined):
            return True
        if not (self._plain or self._first or self._last or self._others):
            return False
        folded = set(joined.split("\n"))
        if joined.count("\n") >= len(texts):  # a text has line breaks itself
            folded = {text.casefold() for text in texts}
        return (
            not self._plain.isdisjoint(folded)
            or any(not self._starts.isdisjoint({t[:size] for t in folded}) for size in self._first)
            or any(not self._ends.isdisjoint({t[-size:] for t in folded}) for size in self._last)
            or any(other(text) for other in self._others for text in folded)
        )

    def _edges(self, text: str) -> bool:
        return (
            any(text[:size] in self._starts for size in self._first)
            or any(text[-size:] in self._ends for size in self._last)
            or any(other(text) for other in self._others)
        )


def _sorted_out(
    patterns: Iterable[Pattern],
) -> tuple[set[str], set[str], set[str], list[Callable[[str], bool]]]:
    """What texts may start with, end with and contain; tests for all other patterns."""
    starts, ends, inside = set(), set(), set()
    others = []
    for pattern in patterns:
        match pattern:
            case (str(part), 0):
                starts.add(part)
            case (0, str(part)):
                ends.add(part)
            case (0, str(part), 0):
                inside.add(part)
            case _:
                others.append(_like(pattern))
    return starts, ends, inside, others


def _like(pattern: Pattern) -> Callable[[str], bool]:
    """A test for text with wildcards: the usual shapes by str methods, others by RE2."""
    match pattern:
        case (0,):
            return lambda one: True
        case (0, str(part), 0):
            return lambda one: part in one
        case (str(part), 0):
            return lambda one: one.startswith(part)
        case (0, str(part)):
            return lambda one: one.endswith(part)
    source = "".join(
        re2.escape(p) if isinstance(p, str) else ".*" if p == ANY_MANY else "." for p in pattern
    )
    regex = _regex_of(rf"(?s)\A{source}\z")
    return lambda one: _search(regex, one)


def _regex(expr: Regex) -> Matcher:
    field, regex = expr.field, _regex_of(expr.pattern)
    return lambda view: any(_search(regex, one) for one in view.cased(field))


def _regex_of(source: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(source, options)


def _search(regex: Any, text: str) -> bool:
    return regex.search(text) is not None


def _cidr(expr: Cidr) -> Matcher:
    return _within(expr.field, [expr])


def _within(field: str, networks: Iterable[Cidr]) -> Matcher:
    hold = Networks(one.network for one in networks).hold
    return lambda view: any(map(hold, values.flat(view.raw(field))))


def _compare(expr: Compare) -> Matcher:
    field, wanted, part, holds = expr.field, expr.number, expr.part, _OPS[expr.op]

    def test(value: Any) -> bool:
        found = values.date_part(value, part) if part else values.number(value)
        return found is not None and holds(found, wanted)

    return lambda view: any(test(one) for one in values.flat(view.raw(field)))


def _null(expr: Null) -> Matcher:
    field = expr.field

    def test(view: View) -> bool:
        every = list(values.flat(view.raw(field)))
        return not every or None in every

    return test


def _exists(expr: Exists) -> Matcher:
    field, wanted = expr.field, expr.wanted
    return lambda view: bool(view.raw(field)) is wanted


def _ref(expr: Ref) -> Matcher:
    field, other, holds = expr.field, expr.other, _REFS[expr.how]
    see = View.cased if expr.cased else View.folded
    return lambda view: any(holds(one, two) for one in see(view, field) for two in see(view, other))


def _cost(expr: Expr) -> int:
    """Cheap tests first; the sort is stable, so equal ones keep the author's order."""
    if isinstance(expr, And | Or):
        return 2 + max((_cost(item) for item in expr.items), default=0)
    if isinstance(expr, Not):
        return 1 + _cost(expr.item)
    if (expr.field or "").startswith(PREFIX):
        return _RENDERED
    if isinstance(expr, Text):
        return _LEAVES if expr.field is None else 0 if _all_plain(expr.patterns) else 1
    return _LEAVES + 1 if isinstance(expr, Regex) and expr.field is None else _COSTS[type(expr)]


def _all_plain(patterns: Iterable[Pattern]) -> bool:
    return all(isinstance(pattern, str) for pattern in patterns)


_BY_TEXT = re.compile(r"\\[AzC]|\(\?\w*-")
"""What may tell the edges of a text from those of a line, or take a line break for less."""

_LEAVES = 50
"""A search of every leaf costs more than anything that looks at one field."""

_RENDERED = 200
"""To render a record costs more than all that can be asked of it as it is."""

_COSTS: Mapping[type, int] = {Null: 1, Exists: 0, Ref: 2, Compare: 3, Regex: 5, Cidr: 6}

_OPS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}

_REFS: Mapping[str, Callable[[str, str], bool]] = {
    "is": operator.eq,
    "starts": str.startswith,
    "ends": str.endswith,
    "has": operator.contains,
}

_MAKERS: Mapping[type, Callable[[Any], Matcher]] = {
    And: _and,
    Or: _or,
    Not: _not,
    Text: _text,
    Regex: _regex,
    Cidr: _cidr,
    Compare: _compare,
    Null: _null,
    Exists: _exists,
    Ref: _ref,
}
