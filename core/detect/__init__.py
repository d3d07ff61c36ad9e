"""Rules on records: the indexed detector, and beside it the plain matcher that is its oracle.

    Detector(book, sources).match("aws/cloudtrail", record) -> rules, in rulebook order

Reading order: values.py (fields and how they read), texts.py (tests of texts), matcher.py
(expressions as closures), index.py (which rules to try), gates.py, columns.py, header.py and
checks.py (what a few fields decide), filters.py (which hits are suppressed), plain.py (the oracle,
which no function that runs imports).
Nothing here knows bytes or files: core.scan does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from core.detect.filters import Filters, Suppressed, When, when_of
from core.detect.index import Index
from core.detect.matcher import PREFIX, Fields, Matcher, View, matcher
from core.detect.neutral import Rendering, covers, lower, lowered
from core.detect.partial import leaf_fields
from core.detect.values import text
from core.model import NativeRecord, Rule
from core.ports import Source
from core.rulebook import CATEGORIES, Entry, Expr, Rulebook

if TYPE_CHECKING:
    from core.detect.header import Header

__all__ = ["NO_MATCH", "RAW", "Detector", "Matched", "Plan", "Suppressed"]

RAW = "raw"
"""The name of the source of a raw detector's records."""


class Matched(NamedTuple):
    """What came of a record: the rules that match, without the hits that a filter suppressed."""

    rules: tuple[Rule, ...]
    """In rulebook order."""
    suppressed: tuple[Suppressed, ...]


NO_MATCH = Matched((), ())


class Detector:
    """A rulebook made ready for the records of some sources.

    With `raw` there are no sources: every rule is tried on every record, whatever its logsource,
    and fields are those that the rules write. A record's time, by which filters expire, is read by
    its source, raw in the usual places; in `time_field` if that is given.
    """

    def __init__(
        self,
        book: Rulebook,
        sources: Iterable[Source],
        *,
        raw: bool = False,
        time_field: str = "",
    ) -> None:
        self.book, self.raw, self.time_field = book, raw, time_field
        self.sources: tuple[Source, ...] = () if raw else tuple(sources)
        """In the order in which a record is tried on them."""
        self._first: dict[str, Source] = {}
        for source in self.sources:
            self._first.setdefault(source.name, source)
        self._plans: dict[str, Plan] = {}
        self._rules: dict[int, Rule] = {}

    def match(self, source_name: str, record: NativeRecord) -> tuple[Rule, ...]:
        """The rules that match a record of the source, in rulebook order."""
        plan = self.plan(source_name)
        numbers = plan.match(record)
        return self._judged(plan, numbers, record).rules if numbers else ()

    def judge(self, source_name: str, record: NativeRecord) -> Matched:
        """The same, with the hits that were suppressed."""
        plan = self.plan(source_name)
        numbers = plan.match(record)
        return self._judged(plan, numbers, record) if numbers else NO_MATCH

    def source(self, name: str) -> Source | None:
        """The source of this name, the first of several shapes; None when there is none."""
        return self._first.get(name)

    def plan(self, source_name: str) -> Plan:
        """What is prepared for one source; made when it is first asked for."""
        found = self._plans.get(source_name)
        if found is None:
            source = self.source(source_name)
            when = when_of(source, self.time_field)
            found = Plan(self.book, source_name, source, raw=self.raw, when=when)
            self._plans[source_name] = found
        return found

    def rule(self, number: int) -> Rule:
        """The rule at this position of the rulebook."""
        found = self._rules.get(number)
        if found is None:
            found = self._rules[number] = self.book.rule(number)
        return found

    def rules(self, numbers: Iterable[int]) -> tuple[Rule, ...]:
        """The rules at these positions."""
        return tuple([self.rule(number) for number in numbers])

    def _judged(self, plan: Plan, numbers: list[int], record: NativeRecord) -> Matched:
        kept, suppressed = plan.sifted(numbers, record)
        return Matched(self.rules(kept), suppressed)


class Plan:
    """The rules about one source, indexed, with their matchers made when first needed."""

    def __init__(
        self,
        book: Rulebook,
        name: str,
        source: Source | None,
        *,
        raw: bool,
        when: When,
    ) -> None:
        self.numbers = [
            number
            for number, entry in enumerate(book.entries)
            if raw or _reads(entry, name) or (source is not None and _reads_also(entry, source))
        ]
        self.fields, self.book = Fields(), book
        self._rendering: Rendering | None = None
        if source is not None:
            self._rendering = Rendering(source)
            self.fields = Fields(source.aliases, source.derived, self._rendering)
            self.book, self.numbers = lowered(book, self.numbers, source, self._rendering, _holds)
        self._source = source
        self.index = Index(self.book.entries, self.numbers, first=_route(source))
        self._header: Header | None = None
        self._raw, self._route = raw, _route(source)
        self._matchers: dict[int, Matcher] = {}
        self.filters = Filters(book, when, self.demand)

    def match(self, record: NativeRecord) -> list[int]:
        """Numbers of the rules that match, in order."""
        view = View(record, self.fields)
        return [n for n in self.index.candidates(view) if self.matcher(n)(view)]

    def match_some(
        self, record: Any, numbers: Iterable[int], fields: Fields | None = None
    ) -> list[int]:
        """Those of the rules that match a record, or what stands for one if `fields` are given."""
        view = View(record, fields or self.fields)
        return [n for n in numbers if self.matcher(n)(view)]

    def sifted(
        self, numbers: Sequence[int], record: NativeRecord
    ) -> tuple[Sequence[int], tuple[Suppressed, ...]]:
        """Of rules that match a whole record: those kept, and the hits that are suppressed."""
        if not self.filters.concern(numbers):
            return numbers, ()
        return self.filters.sift(numbers, View(record, self.fields))

    def demand(self, number: int) -> Expr:
        """What the filter at this position demands of a hit, in the words of the source."""
        expr, source = self.book.demand(number), self._source
        neutral = self.book.filters[number].source in CATEGORIES
        if not neutral or source is None or self._rendering is None:
            return expr
        return lower(expr, self._rendering.table, source, _holds)

    def named(self, rule: Rule, field: str) -> str:
        """The name of a field as this rule means it, among `fields`."""
        return PREFIX + field if rule.source in CATEGORIES and not self._raw else field

    @property
    def header(self) -> Header:
        """What can be decided before a record is opened; a reader may set a better one."""
        if self._header is None:
            # Imported when a reader of files first asks for it: cold starts are short.
            from core.detect.header import Header

            self._header = Header(self.book, self.numbers, self.fields, self._route)
        return self._header

    @header.setter
    def header(self, better: Header) -> None:
        self._header = better

    def matcher(self, number: int) -> Matcher:
        """The matcher of the rule at this position of the rulebook."""
        found = self._matchers.get(number)
        if found is None:
            found = matcher(self.book.detection(number))
            if (provider := self.book.entries[number].provider) and not self._raw:
                found = _of_provider(provider, found)
            self._matchers[number] = found
        return found


def _reads(entry: Entry, name: str) -> bool:
    """Is the rule about records of this source? Either part of its own may be `*`."""
    if entry.source in ("", name):
        return True
    product, slash, service = entry.source.partition("/")
    have_product, have_slash, have_service = name.partition("/")
    return slash == have_slash and product in ("*", have_product) and service in ("*", have_service)


def _reads_also(entry: Entry, source: Source) -> bool:
    return covers(entry, source) or any(_reads(entry, name) for name in source.also)


def _holds(leaf: Expr, value: Any) -> bool:
    """Does a test of one field hold for a value?"""
    (field,) = leaf_fields(leaf)
    return matcher(leaf)(View.known({field: [value]}, Fields()))


def _route(source: Source | None) -> str:
    return source.route if source is not None else ""


def _of_provider(provider: str, inner: Matcher) -> Matcher:
    def test(view: View) -> bool:
        have = text(view.record.get("provider"))
        return have is not None and have.lower() == provider and inner(view)

    return test
