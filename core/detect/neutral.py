"""Rules in OCSF's words, put into the words of one source: index and headers serve them too.

A rule of a neutral category (`api_activity`, `authentication`) means fields of the OCSF rendering
of a record (core.ocsf). A record is rendered only where nothing cheaper can tell: a source says
which OCSF fields are native ones, and which native test decides, or must at least hold for, a
value (`Source.neutral`). What is not in that table is looked up in the rendering. The plain matcher
knows nothing of this file: it renders every record. docs/decisions/0015-neutral-rules.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import msgspec

from core.detect import values
from core.detect.matcher import PREFIX
from core.errors import BadRecord
from core.model import NativeRecord
from core.ports import Derived, Must, NeutralTable, Source
from core.rulebook import (
    ANY_MANY,
    ANY_ONE,
    CATEGORIES,
    And,
    Cidr,
    Compare,
    Entry,
    Exists,
    Expr,
    Not,
    Null,
    Or,
    Ref,
    Regex,
    Rulebook,
    Text,
    needs,
)

__all__ = ["Rendering", "covers", "lower", "lowered"]

EVERYTHING = f"{PREFIX}*"
"""All leaves of the rendering: what a keyword looks at."""

UNMAPPED = "unmapped"
"""Field of a rendering that holds what an event has no word for."""

Leaf: TypeAlias = Text | Regex | Cidr | Compare | Null | Exists | Ref

Test = Callable[[Expr, Any], bool]
"""Does a leaf hold for a value?"""


def covers(entry: Entry, source: Source) -> bool:
    """Is the rule a neutral one that is asked about the records of this source?"""
    cloud = source.name.partition("/")[0]
    return (
        entry.source in CATEGORIES
        and source.neutral is not None
        and entry.provider in ("", source.provider or cloud)
    )


def lowered(
    book: Rulebook, numbers: list[int], source: Source, rendering: Rendering, test: Test
) -> tuple[Rulebook, list[int]]:
    """The book with its neutral rules in the words of the source, itself when it has none; and the
    numbers without those of rules that no record of the source can match.
    """
    neutral = [number for number in numbers if covers(book.entries[number], source)]
    if not neutral:
        return book, numbers
    table, entries = rendering.table, list(book.entries)
    never: set[int] = set()
    for number in neutral:
        entry = entries[number]
        of_class = Text("class_uid", (str(CATEGORIES[entry.source]),))
        expr = lower(And((of_class, book.detection(number))), table, source, test)
        never.update([number] if expr == Or(()) else [])
        entries[number] = msgspec.structs.replace(
            entry,
            provider="",
            needs={
                field: tuple(sorted(texts))
                for field, texts in needs(expr).items()
                if not field.startswith(PREFIX)
            },
            detect=msgspec.Raw(msgspec.json.encode(expr)),
        )
    asked = [number for number in numbers if number not in never]
    return msgspec.structs.replace(book, entries=tuple(entries)), asked


def lower(expr: Expr, table: NeutralTable, source: Source, test: Test) -> Expr:
    """The expression over OCSF fields as one over fields of the source, equal to it."""
    if isinstance(expr, Not):
        return Not(lower(expr.item, table, source, test))
    if isinstance(expr, And | Or):
        return _flat(type(expr), [lower(item, table, source, test) for item in expr.items])
    return _leaf(expr, table, source, test)


def _flat(kind: type[And | Or], items: Iterable[Expr]) -> Expr:
    """One AND for ANDs within ANDs, so that what is cheap in any of them is asked first.

    What always or never holds decides it, or drops out.
    """
    ends = Or(()) if kind is And else And(())
    found: list[Expr] = []
    for item in items:
        if item == ends:
            return ends
        found.extend(item.items if isinstance(item, kind) else (item,))
    return found[0] if len(found) == 1 else kind(tuple(found))


def _leaf(expr: Leaf, table: NeutralTable, source: Source, test: Test) -> Expr:
    if isinstance(expr, Ref):
        return Ref(PREFIX + expr.field, PREFIX + expr.other, expr.how, expr.cased)
    if expr.field is None:
        return msgspec.structs.replace(expr, field=EVERYTHING)
    known = table.get(expr.field)
    rendered = msgspec.structs.replace(expr, field=PREFIX + expr.field)
    if known is None or isinstance(known, Derived):
        return rendered
    if isinstance(expr, Null) or (isinstance(expr, Exists) and not expr.wanted):
        # No field of the table is ever null in a rendering: it is there or it isn't.
        return Not(_leaf(Exists(expr.field, wanted=True), table, source, test))
    if isinstance(known, str):
        return _native(expr, known, source)
    told = [how for value, how in known.items() if test(expr, value)]
    either = _flat(Or, [how.expr if isinstance(how, Must) else how for how in told])
    return _flat(And, [either, rendered]) if any(isinstance(how, Must) for how in told) else either


def _native(expr: Text | Regex | Cidr | Compare | Exists, field: str, source: Source) -> Expr:
    """A leaf over a field that the record has under another name, there as text or not at all."""
    assert field not in source.aliases
    assert field not in source.derived
    some = Text(field, ((ANY_ONE, ANY_MANY),))
    if isinstance(expr, Exists):
        return some
    found = msgspec.structs.replace(expr, field=field)
    # An empty text is no value in the rendering.
    return found if isinstance(expr, Cidr | Compare) else And((some, found))


class Rendering:
    """The OCSF rendering of the records of one source; the last one is kept.

    A field that the source's table derives from native ones is taken from there: it costs a tenth.
    What stands in `unmapped` is the record itself, masked, which costs more than all else: it is
    left out unless it is asked for.
    """

    def __init__(self, source: Source) -> None:
        self._event, self._neutral = source.event, source.neutral
        self._record: NativeRecord | None = None
        self._rendered: Mapping[str, Any] = {}
        self._whole = False

    @cached_property
    def table(self) -> NeutralTable:
        """What the source says of OCSF's fields; nothing if it is asked no neutral rules."""
        return self._neutral() if self._neutral else {}

    def reads(self, field: str) -> tuple[str, ...]:
        """The native paths that tell a field (with PREFIX); none when it takes a rendering."""
        known = self.table.get(field.removeprefix(PREFIX))
        if isinstance(known, str):
            return (known,)
        return known.reads if isinstance(known, Derived) else ()

    def finder(self, field: str) -> Callable[[Any], list[Any]]:
        """The function that finds the values of a field (with PREFIX) in a record's rendering."""
        if field == EVERYTHING:
            return lambda record: list(values.leaves(self.of(record, whole=True)))
        name = field.removeprefix(PREFIX)
        known = self.table.get(name)
        if isinstance(known, Derived):
            return known.of
        if isinstance(known, str):
            return _named(known)
        find, whole = values.finder((name,)), name.partition(".")[0] == UNMAPPED
        return lambda record: find(self.of(record, whole=whole))

    def of(self, record: NativeRecord, *, whole: bool) -> Mapping[str, Any]:
        """The rendering; nothing of what is no event after all."""
        if self._record is not record or (whole and not self._whole):
            from core import ocsf

            try:
                event = self._event(record)
                shown = event if whole else msgspec.structs.replace(event, record={})
                self._rendered = ocsf.activity(shown)
            except BadRecord:
                self._rendered = {}
            self._record, self._whole = record, whole
        return self._rendered


def _named(field: str) -> Callable[[Any], list[Any]]:
    """The finder of a native field that is one of OCSF's: only text counts, and some of it."""
    find = values.finder((field,))
    return lambda record: [value for value in find(record) if type(value) is str and value]
