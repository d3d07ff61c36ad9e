"""What can be decided from a record's header, before the record is opened.

A header is a few columns, native paths: the exact ones, for each combination of whose texts the
rules are settled once and the answer kept, and some extra ones that rule out, or decide, what is
left. A field is known when the exact columns hold every path that it may be found at. Which columns
there are follows from the rules, and from which rules were asked so far (`learn`). It knows nothing
of bytes; core.scan decodes headers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from core.detect.checks import WORDS, Check, Guard, Test, Words, words
from core.detect.index import Index
from core.detect.matcher import Fields, View
from core.detect.partial import fields_of, settle
from core.rulebook import And, Cidr, Expr, Regex, Rulebook, Text

__all__ = ["BYTES", "NOTHING", "Answer", "Header", "Lesson", "overlap"]

MOST_EXACT = 8
MOST_EXTRA = 12
"""Columns of each kind. More would settle more rules, and cost each record more."""

MOST_COVERED = 200
"""Rules that are tried in turn for a header that has all they look at."""

BYTES = "\0"
"""Stands for the bytes among the names of fields."""

IN_BYTES = 3
"""What it costs to look for a word in the bytes; see _cost."""

BUSY_RULES, BUSY_SHARE = 4, 8
"""So many rules at most, of which each makes one in so many of all questions."""

FEW_TEXTS = 10
"""A field has few texts if it has one in so many records at most."""

UNBOUND = 1_000
"""Weight of a rule that no exact field holds back: it is asked for every record."""

LESSONS = 4
"""So often a header is made anew for what was learned."""

MOST_ANSWERS = 20_000
"""Combinations of header texts remembered; when there are more, a field is dropped."""

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


class Lesson(NamedTuple):
    """What was asked beyond what the exact fields settle."""

    matched: Counter[int]
    refuted: Counter[int]
    """How often, by rule."""
    let_through: Counter[str]
    """How often an extra field left a rule possible, by field."""
    records: tuple[Any, ...] = ()
    """Some of the records that were opened."""

    def __add__(self, other: Lesson) -> Lesson:  # type: ignore[override]
        return Lesson(
            self.matched + other.matched,
            self.refuted + other.refuted,
            self.let_through + other.let_through,
            (*self.records, *other.records),
        )


class _Of(NamedTuple):
    """What the header has of a rule."""

    places: tuple[int, ...]
    """The exact columns that it looks at."""
    covered: bool
    """Whether it looks at nothing beside the header."""


_Left: TypeAlias = Test | bool | None
"""Settled, or a test that can rule the rule out, or None: it must be asked."""


class Header:
    """The header fields for some rules, and what they decide."""

    def __init__(
        self,
        book: Rulebook,
        numbers: Sequence[int],
        fields: Fields,
        route: str,
        lesson: Lesson | None = None,
        dropped: frozenset[str] = frozenset(),
    ) -> None:
        self._book, self._numbers, self._fields = book, numbers, fields
        self._route, self._dropped = route, dropped
        self._lesson = lesson or Lesson(Counter(), Counter(), Counter())
        self.below: set[str] = set()
        """Paths that lead through columns; no record may have one of them as a dotted key."""
        self._columns: list[str] = []
        self._taken: set[str] = set()
        self._known: dict[str, bool] = {}
        self._checks: dict[tuple[int, tuple[tuple[int, Test], ...]], Check | Words] = {}
        self._settled: dict[tuple[int, tuple[Any, ...]], _Left] = {}
        self._of_rule: dict[int, _Of] = {}
        self.exact = self._exact()
        """Native paths."""
        self._parts = [path.split(".") for path in self.exact]
        self.extra = self._extra()
        """Fields; what is at the first of their paths that exists is one column."""
        self.answers: dict[tuple[Any, ...], Answer] = {}
        """By the texts of the exact fields; see `keep`."""
        self.lessons = 0
        self.crowded = ""
        """A column with so many different texts that a header without it would be better."""
        self.guards = tuple(Guard() for _ in self.extra)
        named = {field for number in numbers for field in book.entries[number].needs}
        only = frozenset(filter(self.knows, named))
        self._index = Index(book.entries, numbers, first=self._first(), only=only)

    def paths(self, field: str) -> tuple[str, ...]:
        """The native paths of a field, without those that lead through another of them; none when
        it is derived or oddly named.
        """
        paths = self._fields.paths(field)
        if not all(map(_is_sound, paths)):
            return ()
        return tuple(one for one in paths if not _column_of(one, [p for p in paths if p != one]))

    def nested(self, field: str) -> bool:
        """May an object at one of the paths hold the field's value?"""
        return len(self.paths(field)) < len(self._fields.paths(field))

    @property
    def extra_paths(self) -> tuple[tuple[str, ...], ...]:
        """The native paths of the extra fields."""
        return tuple(map(self.paths, self.extra))

    def knows(self, field: str) -> bool:
        """Do the exact columns tell the field?"""
        found = self._known.get(field)
        if found is None:
            reads = self._fields.reads(field)
            found = bool(reads) and all(path in self.exact or self._told(path) for path in reads)
            self._known[field] = found
        return found

    def _told(self, path: str) -> bool:
        """Would an object in an exact column have it?"""
        return path in self.below and bool(_column_of(path, self.exact))

    def of_exact(self, values: Sequence[Any]) -> dict[str, Any]:
        """A record of which only the exact columns are there; UNSET is left out."""
        record: dict[str, Any] = {}
        for parts, value in zip(self._parts, values, strict=True):
            if value is not msgspec.UNSET:
                inner = record
                for key in parts[:-1]:
                    inner = inner.setdefault(key, {})
                inner[parts[-1]] = value
        return record

    def without(self, column: str) -> Header:
        """The same rules with a header that lacks one of the columns."""
        other = self._again(self._lesson, self._dropped | {column})
        other.lessons = self.lessons
        return other

    def learn(self, lesson: Lesson) -> Header:
        """The same rules with a header that is made for the rules asked so often."""
        better = self._again(self._lesson + lesson, self._dropped)
        better.lessons = self.lessons + 1
        return better

    @property
    def may_learn(self) -> bool:
        """Not too often: each time the rules must be settled again."""
        return self.lessons < LESSONS

    def unlearned(self) -> Header:
        """The same rules with the header that they had at first; it learns no more."""
        plain = self._again(Lesson(Counter(), Counter(), Counter()), self._dropped)
        plain.lessons = LESSONS
        return plain

    def answer(self, found: tuple[Any, ...]) -> Answer:
        """The answer for values of `exact` (no list, no object); UNSET for what is absent."""
        view = View(self.of_exact(found), self._fields)
        hits, opens = [], []
        checks: dict[int, list[tuple[int, Test]]] = defaultdict(list)
        for number in self._index.candidates(view):
            left = self._left(number, found, view)
            if left is True:
                hits.append(number)
            elif left is None:
                opens.append(number)
            elif left is not False:
                in_extra = left.field in self.extra
                place = self.extra.index(left.field or "") if in_extra else WORDS
                checks[place].append((number, left))
        every = tuple(self._shared(field, tuple(tests)) for field, tests in sorted(checks.items()))
        return Answer(tuple(hits), every, tuple(opens)) if hits or every or opens else NOTHING

    def keep(self, found: tuple[Any, ...], answer: Answer) -> Answer:
        """Remember the answer for these texts."""
        if len(self.answers) >= MOST_ANSWERS:
            self._forget()
        self.answers[found] = answer
        return answer

    def _forget(self) -> None:
        """All answers; the column that repeats least is named, the first, the route, never."""
        texts = [len({key[place] for key in self.answers}) for place in range(len(self.exact))]
        self.answers.clear()
        worst = max(range(1, len(self.exact)), key=texts.__getitem__, default=0)
        self.crowded = self.exact[worst] if worst and texts[worst] > MOST_ANSWERS // 50 else ""

    def covers(self, number: int) -> bool:
        """Does the header have all that the rule looks at?"""
        return self._about(number).covered

    def _left(self, number: int, found: tuple[Any, ...], view: View) -> _Left:
        """What the exact fields leave of a rule; kept, as few of them matter to any one rule."""
        key = tuple([found[place] for place in self._about(number).places])
        sound = all(type(value) is str or value is msgspec.UNSET for value in key)
        if sound and (number, key) in self._settled:
            return self._settled[number, key]
        left = settle(self._book.detection(number), view, self.knows)
        if left is True and self._book.entries[number].provider:
            left = And(())
        result = left if isinstance(left, bool) else self._checked(left)
        if sound:
            if len(self._settled) > MOST_SETTLED:
                self._settled.clear()
            self._settled[number, key] = result
        return result

    def _about(self, number: int) -> _Of:
        known = self._of_rule.get(number)
        if known is None:
            fields = fields_of(self._book.detection(number))
            told = {field for field in fields if field is not None and self.knows(field)}
            columns = {
                _column_of(path, self.exact) for field in told for path in self._fields.reads(field)
            }
            places = tuple(n for n, column in enumerate(self.exact) if column in columns)
            within = fields.issubset(told.union(f for f in self.extra if not self.nested(f)))
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

    def _again(self, lesson: Lesson, dropped: frozenset[str]) -> Header:
        return Header(self._book, self._numbers, self._fields, self._route, lesson, dropped)

    def _first(self) -> str:
        """The route, if the header tells it."""
        return self._route if self._route and self.knows(self._route) else ""

    def _exact(self) -> tuple[str, ...]:
        """Columns of the route, then of fields that most rules name, or that rules name which match
        often and lack those.

        Not more: each is asked of every record, and each with many different texts makes the
        combinations many.
        """
        named = Counter(f for n in self._numbers for f in self._book.entries[n].needs)
        usual = [f for f, count in named.most_common(2) if count > 0.4 * len(self._numbers)]
        matched: Counter[str] = Counter()
        for number, times in self._lesson.matched.items():
            needs = self._book.entries[number].needs
            if needs.keys().isdisjoint((self._route, *usual)):
                matched.update(dict.fromkeys(needs, times))
        least = self._lesson.matched.total() // 50
        learned = [f for f, times in matched.most_common() if times > least]
        ranked = dict.fromkeys([self._route, *usual, *learned] if self._route else usual + learned)
        for field in (*ranked, *self._derived(), *self._of_busiest()):
            new = self._room(field)
            if new is None or len(self._columns) + len(new) > MOST_EXACT:
                continue
            if self._dropped.isdisjoint(new):
                self._columns += new
                self.below.update(set(self._fields.reads(field)).difference(self._columns))
        return tuple(self._columns)

    def _of_busiest(self) -> Iterator[str]:
        """Fields of rules that were asked of a good part of the records: the header alone should
        decide those.
        """
        asked = self._lesson.refuted + self._lesson.matched
        for number, times in asked.most_common(BUSY_RULES):
            fields = fields_of(self._book.detection(number))
            told = all(field and self._has_few_texts(field) for field in fields)
            if told and times * BUSY_SHARE > asked.total():
                yield from sorted(field for field in fields if field)

    def _has_few_texts(self, field: str) -> bool:
        """Of many different ones there would be too many combinations."""
        find, records = self._fields.finder(field), self._lesson.records
        texts = {repr(find(record)) for record in records}
        return bool(self._fields.reads(field)) and len(texts) * FEW_TEXTS <= len(records)

    def _derived(self) -> Iterator[str]:
        """Derived fields without which some rule would be asked of every record: they can't be
        extra ones.
        """
        for number in self._numbers:
            fields = fields_of(self._book.detection(number))
            if fields and not any(f is None or self._fields.paths(f) for f in fields):
                yield from (field for field in fields if field)

    def _room(self, field: str) -> list[str] | None:
        """The columns that the field would still take; None when it can't be told by columns."""
        new: list[str] = []
        for path in sorted(self._fields.reads(field), key=_depth):
            every = (*self._columns, *new)
            if not _is_sound(path):
                return None
            if _column_of(path, every):
                continue
            if any(overlap(path, other) for other in every):
                return None
            new.append(path)
        return new

    def _extra(self) -> tuple[str, ...]:
        """Fields that can rule out, or decide, rules that are asked often.

        Those that can rule out what is asked of every record come first.
        """
        tests: Counter[str] = Counter()
        for number in self._numbers:
            weight = self._lesson.refuted[number]
            if not any(map(self.knows, self._book.entries[number].needs)):
                weight += UNBOUND
            if weight:
                leaves = {leaf.field for leaf in _leaves(self._book.detection(number))}
                tests.update({field or "": weight for field in leaves})
        ranked = [field for field, _ in tests.most_common()]
        chosen = self._compatible([f for f in ranked if tests[f] >= UNBOUND], MOST_EXTRA)
        chosen += self._cover(chosen)
        return (*chosen, *self._compatible(ranked, MOST_EXTRA - len(chosen)))

    def _cover(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """The fields that let the header decide nearly all that was asked of records, or none.

        Short of that, most chunks would be decoded twice all the same, the fields read for nothing.
        """
        asked = self._lesson.refuted + self._lesson.matched
        before, added, decided = len(self._columns), tuple[str, ...](), 0
        for number, times in asked.most_common(MOST_COVERED):
            fields = fields_of(self._book.detection(number)).difference(chosen, added)
            missing = [field for field in fields if field is None or not self.knows(field)]
            # Further down lists are usual, which a header can't pass through.
            shallow = [f for f in missing if f and max(map(_depth, self.paths(f)), default=0) <= 1]
            mark = len(self._columns)
            more = self._compatible(shallow, MOST_EXTRA - len(chosen) - len(added))
            if len(more) == len(missing):
                added, decided = added + more, decided + times
            else:
                del self._columns[mark:]
        if decided > 0.95 * asked.total():
            return added
        del self._columns[before:]
        return ()

    def _compatible(self, ranked: Iterable[str], most: int) -> tuple[str, ...]:
        """The first fields whose native paths are columns, or neither above nor below any."""
        chosen: list[str] = []
        for field in ranked:
            paths = self.paths(field)
            new = [path for path in paths if path not in self._columns]
            fits = not any(overlap(path, other) for path in new for other in self._columns)
            if self.knows(field) or field in self._taken or not self._dropped.isdisjoint(paths):
                continue
            if paths and fits and len(chosen) < most:
                self._columns += new
                self.below.update(set(self._fields.paths(field)).difference(paths))
                chosen.append(field)
        self._taken.update(chosen)
        return tuple(chosen)

    def _checked(self, left: Expr) -> Test | None:
        """The part of what is left that an extra field, or the bytes, can rule out."""
        leaves = [
            leaf for leaf in _leaves(left) if leaf.field in self.extra or self._in_bytes(leaf)
        ]
        return min(leaves, key=self._hope, default=None)

    def _hope(self, leaf: Test) -> tuple[int, int]:
        """How little of use a test has been so far, then what it costs."""
        through = self._lesson.let_through
        if leaf.field in self.extra:
            return through[leaf.field or ""].bit_length(), _cost(leaf)
        return through[BYTES].bit_length(), IN_BYTES

    def _in_bytes(self, leaf: Test) -> bool:
        """Does a record that the test is true of have a word of it in its bytes?"""
        says = () if leaf.field is None else self._fields.says(leaf.field)
        needles = words(leaf) if says is not None else ()
        folded = [text.lower().encode() for text in says or ()]
        return bool(needles) and not any(word in text for word in needles for text in folded)


def _column_of(path: str, columns: Iterable[str]) -> str:
    """The column that holds what is at the path: the path itself or one above; "" for none."""
    return next((one for one in columns if f"{path}.".startswith(f"{one}.")), "")


def _is_sound(path: str) -> bool:
    return all(path.split("."))


def _depth(path: str) -> int:
    return path.count(".")


def overlap(one: str, two: str) -> bool:
    """Are the paths the same, or does one lead through the other?"""
    return f"{one}.".startswith(f"{two}.") or f"{two}.".startswith(f"{one}.")


def _leaves(expr: Expr) -> Iterator[Test]:
    """The parts of an AND that can be asked of the text of one field, or of any."""
    if isinstance(expr, And):
        for item in expr.items:
            yield from _leaves(item)
    elif isinstance(expr, Text | Regex | Cidr):
        yield expr


def _cost(leaf: Test) -> int:
    """Exact text is looked up, anything else is searched for."""
    if not isinstance(leaf, Text):
        return 2
    return 0 if all(isinstance(pattern, str) for pattern in leaf.patterns) else 1
