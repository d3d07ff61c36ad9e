"""What can be decided from a record's header, before the record is opened.

A header is a few columns, native paths: the exact ones, for each combination of whose texts the
rules are settled once and the answer kept, and some extra ones that rule out, or decide, what is
left. A field is known when the exact columns hold every path that it may be found at. Which columns
there are follows from the rules, and from which rules were asked so far (`learn`). It knows nothing
of bytes; core.scan decodes headers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from core.detect.checks import WORDS, Check, Guard, Words, words
from core.detect.columns import Barred, Columns, Lesson, column_of
from core.detect.gates import Cost, Test, gate
from core.detect.index import Index
from core.detect.matcher import Fields, View
from core.detect.partial import fields_of, settle
from core.detect.values import SHORT
from core.rulebook import And, Exists, Rulebook, Text

__all__ = ["BYTES", "NOTHING", "Answer", "Header", "Lesson"]

BYTES = "\0"
"""Stands for the bytes among the names of fields."""

IN_BYTES = 3
"""What it costs to look for a word in the bytes; see _cost."""

LESSONS = 4
"""So often a header is made anew for what was learned."""

MOST_ANSWERS = 20_000
"""Combinations of header texts remembered; when there are more, all are forgotten."""

CROWD = 1_000
"""So many answers, if half of the records had one of their own, are a sign of a crowded column."""

MOST_SETTLED = 50_000
"""Results of rules for texts of exact fields that are remembered."""


class Answer:
    """What one combination of header texts decides: rules by number."""

    __slots__ = ("checks", "hits", "opens")

    def __init__(
        self,
        hits: tuple[int, ...] = (),
        checks: tuple[Check | Words, ...] = (),
        opens: tuple[int, ...] = (),
    ) -> None:
        self.hits, self.checks, self.opens = hits, checks, opens
        """Those that match; what can make some possible; those that must be asked anyway."""


NOTHING = Answer()
"""No rule can match."""


class _Of(NamedTuple):
    """What the header has of a rule."""

    places: tuple[int, ...]
    """The exact columns that it looks at."""
    covered: bool
    """Whether it looks at nothing beside the header."""


_Left: TypeAlias = tuple[Test, ...] | bool | None
"""Settled, or tests of which one holds if the rule matches, or None: it must be asked."""


class Header:
    """The header fields for some rules, and what they decide."""

    def __init__(
        self,
        book: Rulebook,
        numbers: Sequence[int],
        fields: Fields,
        route: str,
        lesson: Lesson | None = None,
        barred: Barred | None = None,
    ) -> None:
        self._book, self._numbers, self._fields = book, numbers, fields
        self._route, self._barred = route, barred or Barred()
        self._lesson = lesson or Lesson(Counter(), Counter(), Counter())
        self._checks: dict[tuple[int, tuple[tuple[int, Test], ...]], Check | Words] = {}
        self._settled: dict[tuple[int, tuple[Any, ...]], _Left] = {}
        self._of_rule: dict[int, _Of] = {}
        self.columns = Columns(book, numbers, fields, route, self._lesson, self._barred)
        self.exact, self.extra = self.columns.exact, self.columns.extra
        self.answers: dict[tuple[Any, ...], Answer] = {}
        """By the texts of the exact fields; see `keep`."""
        self.lessons = 0
        self.crowded = ""
        """An exact column with so many different texts that it had better be an extra one."""
        self.guards = tuple(Guard() for _ in self.extra)
        named = {field for number in numbers for field in book.entries[number].needs}
        only = frozenset(filter(self.columns.knows, named))
        self._index = Index(book.entries, numbers, first=self._first(), only=only)

    def without(self, column: str) -> Header:
        """The same rules with a header that lacks one of the columns."""
        barred = self._barred._replace(everywhere=self._barred.everywhere | {column})
        return self._again(self._lesson, self.lessons, barred)

    def uncrowded(self) -> Header:
        """The same rules with a header whose exact columns lack the crowded one."""
        barred = self._barred._replace(exact=self._barred.exact | {self.crowded})
        return self._again(self._lesson, self.lessons, barred)

    def learn(self, lesson: Lesson) -> Header:
        """The same rules with a header that is made for the rules asked so often; where that is as
        this one is, this one with all its answers.
        """
        learned = self._lesson + lesson
        better = self._again(learned, self.lessons + 1)
        if better.likeness() != self.likeness():
            return better
        self._lesson, self.lessons = learned, better.lessons
        return self

    def likeness(self) -> tuple[Any, ...]:
        """Headers for the same rules that have this in common give the same answers."""
        uses = [self._use(field) for field in (*self.extra, BYTES)]
        return self.exact, self.extra, uses

    @property
    def may_learn(self) -> bool:
        """Not too often: each time the rules must be settled again."""
        return self.lessons < LESSONS

    def unlearned(self) -> Header:
        """The same rules with the header that they had at first; it learns no more."""
        return self._again(Lesson(Counter(), Counter(), Counter()), LESSONS)

    def answer(self, found: tuple[Any, ...]) -> Answer:
        """The answer for values of `exact` (no list, no object); UNSET for what is absent."""
        view = View(self.columns.of_exact(found), self._fields)
        hits, opens = [], []
        checks: dict[int, list[tuple[int, Test]]] = defaultdict(list)
        for number in self._index.candidates(view):
            left = self._left(number, found, view)
            if left is True:
                hits.append(number)
            elif left is None:
                opens.append(number)
            elif left is not False:
                for test in left:
                    in_extra = test.field in self.extra
                    place = self.extra.index(test.field or "") if in_extra else WORDS
                    checks[place].append((number, test))
        every = tuple(self._shared(field, tuple(tests)) for field, tests in sorted(checks.items()))
        return Answer(tuple(hits), every, tuple(opens)) if hits or every or opens else NOTHING

    def keep(self, found: tuple[Any, ...], answer: Answer) -> Answer:
        """Remember the answer for these texts, if they are short."""
        if any(type(text) is str and len(text) >= SHORT for text in found):
            return answer
        if len(self.answers) >= MOST_ANSWERS:
            self._forget()
        self.answers[found] = answer
        return answer

    def notice(self, records: int) -> None:
        """See whether a column is crowded, after so many records."""
        many = len(self.answers)
        if many >= CROWD and 2 * many > records:
            self.crowded = self._most_texts(many // 2)

    def _forget(self) -> None:
        """All answers."""
        self.crowded = self._most_texts(MOST_ANSWERS // 50)
        self.answers.clear()

    def _most_texts(self, least: int) -> str:
        """The column that repeats least among the answers, if it has more than so many texts; never
        the first, the route.
        """
        texts = [len({key[place] for key in self.answers}) for place in range(len(self.exact))]
        worst = max(range(1, len(self.exact)), key=texts.__getitem__, default=0)
        return self.exact[worst] if worst and texts[worst] > least else ""

    def covers(self, number: int) -> bool:
        """Does the header have all that the rule looks at?"""
        return self._about(number).covered

    def _left(self, number: int, found: tuple[Any, ...], view: View) -> _Left:
        """What the exact fields leave of a rule; kept, as few of them matter to any one rule."""
        key = tuple([found[place] for place in self._about(number).places])
        sound = all(
            len(value) < SHORT if type(value) is str else value is msgspec.UNSET for value in key
        )
        if sound and (number, key) in self._settled:
            return self._settled[number, key]
        left = settle(self._book.detection(number), view, self.columns.knows)
        if left is True and self._book.entries[number].provider:
            left = And(())
        result = left if isinstance(left, bool) else gate(left, self._hope)
        if sound:
            if len(self._settled) > MOST_SETTLED:
                self._settled.clear()
            self._settled[number, key] = result
        return result

    def _about(self, number: int) -> _Of:
        known = self._of_rule.get(number)
        if known is None:
            fields = fields_of(self._book.detection(number))
            told = {field for field in fields if field is not None and self.columns.knows(field)}
            columns = {
                column_of(path, self.exact) for field in told for path in self._fields.reads(field)
            }
            places = tuple(n for n, column in enumerate(self.exact) if column in columns)
            within = fields.issubset(
                told.union(f for f in self.extra if not self.columns.nested(f))
            )
            covered = within and not self._book.entries[number].provider
            known = self._of_rule[number] = _Of(places, covered)
        return known

    def _shared(self, field: int, tests: tuple[tuple[int, Test], ...]) -> Check | Words:
        """The check of these tests; different answers often need the same one."""
        found = self._checks.get((field, tests))
        if found is None:
            found = Words(tests) if field == WORDS else Check(field, tests)
            if isinstance(found, Check):
                self.guards[field].add(found)
            self._checks[field, tests] = found
        return found

    def _again(self, lesson: Lesson, lessons: int, barred: Barred | None = None) -> Header:
        barred = barred or self._barred
        other = Header(self._book, self._numbers, self._fields, self._route, lesson, barred)
        other.lessons = lessons
        return other

    def _first(self) -> str:
        """The route, if the header tells it."""
        return self._route if self._route and self.columns.knows(self._route) else ""

    def _hope(self, leaf: Test) -> Cost | None:
        """How little of use a test has been so far, then what it costs; None for one that neither
        an extra field nor the bytes can answer.
        """
        if leaf.field in self.extra:
            return self._use(leaf.field or ""), _cost(leaf)
        return (self._use(BYTES), IN_BYTES) if self._in_bytes(leaf) else None

    def _use(self, field: str) -> int:
        """How little of use tests of the field, or of the bytes, were."""
        return self._lesson.let_through[field].bit_length()

    def _in_bytes(self, leaf: Test) -> bool:
        """Does a record that the test is true of have a word of it in its bytes?"""
        says = () if leaf.field is None else self._fields.says(leaf.field)
        needles = words(leaf) if says is not None else ()
        folded = [text.lower().encode() for text in says or ()]
        return bool(needles) and not any(word in text for word in needles for text in folded)


def _cost(leaf: Test) -> int:
    """Exact text is looked up, anything else is searched for; that a field is there says least."""
    if isinstance(leaf, Exists):
        return 4
    if not isinstance(leaf, Text):
        return 2
    return 0 if all(isinstance(pattern, str) for pattern in leaf.patterns) else 1
