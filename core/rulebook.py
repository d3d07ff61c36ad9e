"""The compiled form of rules: plain data that is dumped, loaded and turned into matchers lazily.

A Rulebook is JSON (msgspec, versioned, checked against the types below), never pickle, so it can
be signed and published. It knows nothing of YAML or pySigma, which made it (core.sigma), nor of
how records are matched (core.detect). Each rule is kept as raw JSON until somebody needs it: a
function that starts cold decodes the table of contents, not thousands of rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import msgspec

from core.errors import BadRule
from core.model import Rule, from_json, to_json

if TYPE_CHECKING:  # core.correlate reads values as core.detect does, which reads rulebooks
    from core.correlate.form import Correlation

__all__ = [
    "ANY_MANY",
    "ANY_ONE",
    "CATEGORIES",
    "And",
    "Cidr",
    "Compare",
    "Entry",
    "Exists",
    "Expr",
    "Filter",
    "Not",
    "Null",
    "Or",
    "Pattern",
    "Ref",
    "Regex",
    "Rulebook",
    "Text",
    "book",
    "covers",
    "dump",
    "fits",
    "load",
    "needs",
    "number_text",
    "packed",
]

_T = TypeVar("_T")

FORMAT, WITH_FILTERS = 1, 2
"""Of a book without filters, and of one with some; a book of another format is refused.

It grows when the meaning of the data changes: who does not know filters must refuse a book that
has some, and need not refuse others.
"""

ANY_MANY, ANY_ONE = 0, 1
"""The wildcards `*` and `?` inside a Pattern."""

Pattern: TypeAlias = str | tuple[str | int, ...]
"""Text that a value must equal; with wildcards, its pieces in order. Folded unless cased."""


class And(msgspec.Struct, frozen=True, array_like=True, tag="and"):
    """Every item holds."""

    items: tuple[Expr, ...]


class Or(msgspec.Struct, frozen=True, array_like=True, tag="or"):
    """At least one item holds."""

    items: tuple[Expr, ...]


class Not(msgspec.Struct, frozen=True, array_like=True, tag="not"):
    """The item does not hold."""

    item: Expr


class Text(msgspec.Struct, frozen=True, array_like=True, tag="text"):
    """A value of the field, as text, is like one of the patterns. Field None: any leaf at all."""

    field: str | None
    patterns: tuple[Pattern, ...]
    cased: bool = False


class Regex(msgspec.Struct, frozen=True, array_like=True, tag="re"):
    """The RE2 expression is found in a value of the field. Field None: in any leaf at all."""

    field: str | None
    pattern: str


class Cidr(msgspec.Struct, frozen=True, array_like=True, tag="cidr"):
    """A value of the field is an address (or network) within the network."""

    field: str
    network: str


class Compare(msgspec.Struct, frozen=True, array_like=True, tag="cmp"):
    """A value of the field, or the part of the date that it is, compares so with the number."""

    field: str
    op: Literal["eq", "lt", "lte", "gt", "gte"]
    number: int | float
    part: Literal["", "minute", "hour", "day", "week", "month", "year"] = ""


class Null(msgspec.Struct, frozen=True, array_like=True, tag="null"):
    """The field is absent, null or an empty list, or null is one of its values."""

    field: str


class Exists(msgspec.Struct, frozen=True, array_like=True, tag="exists"):
    """The field is there (or is not), whatever its value."""

    field: str
    wanted: bool


class Ref(msgspec.Struct, frozen=True, array_like=True, tag="ref"):
    """A value of the field equals, starts with, ends with or contains one of the other field."""

    field: str
    other: str
    how: Literal["is", "starts", "ends", "has"]
    cased: bool = False


Expr: TypeAlias = And | Or | Not | Text | Regex | Cidr | Compare | Null | Exists | Ref

CATEGORIES: Mapping[str, int] = {"api_activity": 6003, "authentication": 3002}
"""Neutral category of a logsource -> class_uid of the OCSF events that such rules are about."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule in the table of contents: what the index needs, the rest as raw JSON."""

    id: str
    source: str
    """As Rule.source: `product/service`, either may be `*`; `posture` or one of CATEGORIES; "" for
    any."""
    provider: str = ""
    """For posture and the neutral categories: the provider that the rule is limited to."""
    needs: Mapping[str, tuple[str, ...]] = {}
    """Field -> folded texts, one of which the field must have for the rule to match."""
    rule: msgspec.Raw
    detect: msgspec.Raw


class Filter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A suppression: a hit of a rule that it is on is kept only if what it demands holds."""

    id: str
    title: str
    owner: str = ""
    reason: str = ""
    expires: int | None = None
    """Epoch ms: events from then on are not its affair; None: it never ends."""
    rules: tuple[str, ...] = ()
    """Ids of the rules that it is on; none: every rule that reads nothing beyond its source."""
    source: str
    provider: str = ""
    """Both as an Entry's."""
    file: str = ""
    detect: msgspec.Raw
    """What it demands, usually that something does not hold."""

    def fits(self, source: str, provider: str) -> bool:
        """Does a rule of this source and provider read nothing that the filter does not?"""
        return fits(self.source, self.provider, source, provider)


class Rulebook(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Rules in the order in which they were compiled; that is the order of hits too."""

    format: int
    entries: tuple[Entry, ...] = ()
    correlations: tuple[msgspec.Raw, ...] = ()
    """Each a core.correlate.Correlation; core.chains reads them."""
    filters: tuple[Filter, ...] = ()
    """In the order in which they were compiled; of several that suppress a hit the first counts."""

    @cached_property
    def filtered(self) -> Mapping[int, tuple[int, ...]]:
        """Positions of rules that have filters -> positions of those, in order."""
        named: dict[str, list[int]] = {}
        for position, one in enumerate(self.filters):
            for id in one.rules:
                named.setdefault(id, []).append(position)
        fitting: dict[tuple[str, str], list[int]] = {}
        found: dict[int, tuple[int, ...]] = {}
        for number, entry in enumerate(self.entries if self.filters else ()):
            reads = (entry.source, entry.provider)
            if reads not in fitting:
                wide = (n for n, one in enumerate(self.filters) if not one.rules)
                fitting[reads] = [n for n in wide if self.filters[n].fits(*reads)]
            if on := {*named.get(entry.id, ()), *fitting[reads]}:
                found[number] = tuple(sorted(on))
        return found

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """What every rule says about itself."""
        return tuple(self.rule(number) for number in range(len(self.entries)))

    def rule(self, number: int) -> Rule:
        """What the rule at this position says about itself."""
        return _decode(f"rule {self.entries[number].id}", self.entries[number].rule, _RULE)

    def detection(self, number: int) -> Expr:
        """What the rule at this position looks for."""
        return _decode(f"rule {self.entries[number].id}", self.entries[number].detect, _EXPR)

    def demand(self, number: int) -> Expr:
        """What the filter at this position demands of a hit."""
        return _decode(f"filter {self.filters[number].id}", self.filters[number].detect, _EXPR)


def book(
    rules: Iterable[tuple[Rule, Expr, str]],
    correlations: Iterable[Correlation] = (),
    filters: Iterable[Filter] = (),
) -> Rulebook:
    """A rulebook of (rule, what it looks for, provider or ""), correlations of rules, filters."""
    entries = tuple(
        Entry(
            id=rule.id,
            source=rule.source,
            provider=provider,
            needs={field: tuple(sorted(texts)) for field, texts in needs(expr).items()},
            rule=msgspec.Raw(to_json(rule)),
            detect=packed(expr),
        )
        for rule, expr, provider in rules
    )
    chains = tuple(msgspec.Raw(to_json(correlation)) for correlation in correlations)
    screens = tuple(filters)
    return Rulebook(
        format=WITH_FILTERS if screens else FORMAT,
        entries=entries,
        correlations=chains,
        filters=screens,
    )


def dump(book: Rulebook) -> bytes:
    """The book as JSON; equal books give equal bytes."""
    return to_json(book)


def load(data: bytes) -> Rulebook:
    """The book that `dump` wrote. BadRule when it is none, or one of another format."""
    try:
        loaded = from_json(data, Rulebook)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRule(f"not a rulebook: {error}") from error
    if loaded.format not in (FORMAT, WITH_FILTERS):
        raise BadRule(
            f"rulebook of format {loaded.format}, this version reads formats {FORMAT} and"
            f" {WITH_FILTERS}",
            hint="build it again with `vigil rules build`",
        )
    return loaded


def packed(expr: Expr) -> msgspec.Raw:
    """The expression as it lies in a book."""
    return msgspec.Raw(msgspec.json.encode(expr))


def covers(wanted: str, name: str) -> bool:
    """Does a source, either part of which may be `*`, read all records that source `name` reads?"""
    if not wanted or wanted == name:
        return True
    product, _, service = wanted.partition("/")
    have_product, _, have_service = name.partition("/")
    return product in ("*", have_product) and service in ("*", have_service) and "/" in name


def fits(source: str, provider: str, other: str, of: str) -> bool:
    """Do a source and a provider take in all that others (`other`, `of`) do? As an Entry's."""
    return provider in ("", of) and covers(source, other)


def needs(expr: Expr) -> dict[str, frozenset[str]]:
    """Fields that must have one of some folded texts, or else `expr` can't hold.

    Both of two demands on one field of an AND are true of the record, but a list may meet them
    with different elements: so the smaller set is kept, never their intersection.
    """
    match expr:
        case Text(field=str(field), patterns=patterns):
            plain = frozenset(p.casefold() for p in patterns if isinstance(p, str))
            return {field: plain} if plain and all(map(_is_text, patterns)) else {}
        case And(items=items):
            found: dict[str, frozenset[str]] = {}
            for item in items:
                for field, texts in needs(item).items():
                    if field not in found or len(texts) < len(found[field]):
                        found[field] = texts
            return found
        case Or(items=items) if items:
            each = [needs(item) for item in items]
            shared = set(each[0]).intersection(*each[1:])
            return {field: frozenset().union(*(e[field] for e in each)) for field in shared}
    return {}


def number_text(number: float) -> str:
    """A number as text, the same for 5, 5.0 and 5e0: rules and values are compared so."""
    if isinstance(number, float) and number.is_integer():
        return str(int(number))
    return str(number)


def _is_text(pattern: Pattern) -> bool:
    return isinstance(pattern, str)


def _decode(what: str, raw: msgspec.Raw, decoder: msgspec.json.Decoder[_T]) -> _T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRule(f"{what} in the rulebook is damaged: {error}") from error


_RULE = msgspec.json.Decoder(Rule)
_EXPR: msgspec.json.Decoder[Expr] = msgspec.json.Decoder(Expr)
