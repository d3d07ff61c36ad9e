"""Where the command line's rules come from: the shipped ones, YAML, and built rulebooks.

It gathers and merges; what a rule means is core.sigma's and core.rulebook's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

import core
from core import rulebook
from core.errors import BadRule
from core.ports import system_clock
from core.rulebook import Rulebook
from core.sigma import Example, FilterExample, Written, compile_rules
from core.watch import correlations
from functions.local.sources import sources
from functions.local.terminal import fail, iso, warn

__all__ = ["SHIPPED", "Gathered", "gather", "usable"]

YAML = (".yml", ".yaml")

SHOWN = 20
"""Refused rules that a hunt names one by one."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """Rules from all places that were named, and what is wrong with some."""

    book: Rulebook
    faults: tuple[BadRule, ...] = ()
    warnings: tuple[BadRule, ...] = ()
    examples: Mapping[str, tuple[Example, ...]] = {}
    filter_examples: Mapping[str, tuple[FilterExample, ...]] = {}
    written: Mapping[str, Written] = {}


def gather(paths: Sequence[Path], *, with_shipped: bool = False, raw: bool = False) -> Gathered:
    """The rules of these files and folders; the shipped ones when none is named, or beside them.

    With `raw` no log source matters, and a rule for an unknown one is no reason to warn.

    A rule whose id an earlier place has already is left out, with a warning.
    """
    places = [*([SHIPPED] if with_shipped or not paths else []), *paths]
    for place in places:
        if not place.exists():
            fail(f"no rules at {place}; name a folder, a YAML file or a built rulebook")
    documents = [place for place in places if _is_yaml(place)]
    built = [_load(place) for place in places if not _is_yaml(place)]
    compiled = compile_rules(documents, () if raw else sources(), beside=built)
    book, warnings = _merged([compiled.book, *built])
    return Gathered(
        book=book,
        faults=compiled.faults,
        warnings=(*compiled.warnings, *warnings, *_expired(book, system_clock())),
        examples=compiled.examples,
        filter_examples=compiled.filter_examples,
        written=compiled.written,
    )


def usable(paths: Sequence[Path], *, with_shipped: bool = False, raw: bool = False) -> Rulebook:
    """As `gather`, for a hunt: refused rules are named on stderr, the others are used."""
    found = gather(paths, with_shipped=with_shipped, raw=raw)
    for fault in found.faults[:SHOWN]:
        warn(f"refused: {fault}")
    if len(found.faults) > SHOWN:
        warn(f"refused: {len(found.faults) - SHOWN} more rules; see them with `vigil rules lint`")
    if found.warnings:
        warn(
            f"{len(found.warnings)} rules or filters may not do what they should, the first:"
            f" {found.warnings[0]};"
            " see all with `vigil rules lint`"
        )
    if not found.book.entries:
        fail("no rule can be used; mend those named above, or leave out --rules")
    return found.book


def _is_yaml(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in YAML


def _load(path: Path) -> Rulebook:
    try:
        return rulebook.load(path.read_bytes())
    except BadRule as error:
        raise BadRule(error.reason, file=str(path), hint=error.hint or HINT) from error


def _merged(books: Iterable[Rulebook]) -> tuple[Rulebook, list[BadRule]]:
    """One book of all, and a warning for each rule or filter that is there twice."""
    first, *others = books
    entries, chains = {entry.id: entry for entry in first.entries}, _named(first)
    filters = {one.id: one for one in first.filters}
    doubles: list[str] = []
    for book in others:
        known = {*entries, *chains}
        rules, more = {entry.id: entry for entry in book.entries}, _named(book)
        doubles.extend(id for id in (*rules, *more) if id in known)
        entries |= {id: entry for id, entry in rules.items() if id not in known}
        chains |= {id: raw for id, raw in more.items() if id not in known}
        doubles.extend(one.id for one in book.filters if one.id in filters)
        filters = {one.id: one for one in book.filters} | filters
    merged = Rulebook(
        format=max(book.format for book in (first, *others)),
        entries=tuple(entries.values()),
        correlations=tuple(chains.values()),
        filters=tuple(filters.values()),
    )
    return merged, [
        BadRule(f"rule or filter {id} is there twice; the first is used") for id in doubles
    ]


def _expired(book: Rulebook, now: int) -> Iterable[BadRule]:
    """A warning for each filter that ended: it is still asked about what happened before."""
    for one in book.filters:
        if one.expires is not None and one.expires <= now:
            reason = (
                f"filter '{one.title}' ({one.owner or 'nobody owns it'}) expired at"
                f" {iso(one.expires)}: nothing that happened since is suppressed"
            )
            yield BadRule(reason, file=one.file)


def _named(book: Rulebook) -> dict[str, msgspec.Raw]:
    """The book's correlations by id."""
    return {
        one.id: raw for one, raw in zip(correlations(book), book.correlations, strict=True)
    }  # fmt: skip


HINT = "build one with `vigil rules build`; files of rules end in .yml or .yaml"

SHIPPED = Path(core.__file__).parent / "rules"
"""The rules that come with Vigil."""
