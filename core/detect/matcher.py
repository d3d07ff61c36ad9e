"""Compiled expressions as closures over a record; nothing of a rule or record becomes code.

A matcher takes a View: a record that remembers what it has already been asked, so that rules which
look at the same field share the work. It knows nothing of rules' names or of the index.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from core.detect import values
from core.detect.networks import Networks
from core.detect.texts import OPS, like, regex_test
from core.rulebook import (
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
    "View",
    "matcher",
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
    tests = tuple(like(p) for p in expr.patterns if not isinstance(p, str))
    if not tests:
        return lambda view: not plain.isdisjoint(see(view, field))
    if len(tests) == 1 and not plain:
        test = tests[0]
        return lambda view: any(test(one) for one in see(view, field))
    return lambda view: any(
        one in plain or any(test(one) for test in tests) for one in see(view, field)
    )


def _regex(expr: Regex) -> Matcher:
    field, test = expr.field, regex_test(expr)
    return lambda view: any(map(test, view.cased(field)))


def _cidr(expr: Cidr) -> Matcher:
    return _within(expr.field, [expr])


def _within(field: str, networks: Iterable[Cidr]) -> Matcher:
    hold = Networks(one.network for one in networks).hold
    return lambda view: any(map(hold, values.flat(view.raw(field))))


def _compare(expr: Compare) -> Matcher:
    field, wanted, part, holds = expr.field, expr.number, expr.part, OPS[expr.op]

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


_LEAVES = 50
"""A search of every leaf costs more than anything that looks at one field."""

_RENDERED = 200
"""To render a record costs more than all that can be asked of it as it is."""

_COSTS: Mapping[type, int] = {Null: 1, Exists: 0, Ref: 2, Compare: 3, Regex: 5, Cidr: 6}

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
