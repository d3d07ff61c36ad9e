"""A chunk's headers against a detector: most records are decided here and never opened.

It works where records of a source can be told from all others by a few columns (marks.py); what it
can't decide exactly it hands back, to be opened. It knows nothing of files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Protocol, TypeAlias

from core.detect import NO_MATCH, RAW, Detector, Matched
from core.detect.checks import WORDS, Check, Guard, Words
from core.detect.columns import Lesson, overlap
from core.detect.header import BYTES, Answer, Header
from core.detect.matcher import Fields
from core.detect.values import text
from core.model import NativeRecord, Rule
from core.ports import Source
from core.scan.envelopes import KEYS, WRAPPERS
from core.scan.headers import UNSET, Layout, Paths, decode
from core.scan.marks import Marks, foreign
from core.scan.parts import Parts, Wanted

__all__ = ["OPEN", "Candidate", "Quick", "likely"]

LESSON = 60
"""After so many rules asked of records the header is made anew for those."""

_AS_THEY_ARE = frozenset({str, type(None), type(UNSET)})

_BOOLEANS = {value: text(value) for value in (True, False)}

_TEXT_OR_NONE_AT_ALL = frozenset({str, type(UNSET)})

NOTHING_WANTED = Wanted()

SAMPLE = 40
"""Opened records that are kept to learn from."""

STUMBLES = 2
"""Chunks that could not be read by their headers, until what was learned is given up."""

STEP, YOUNG, MANY = 250, 2_500, 1 << 30
"""Records looked at together: at first, until so many were seen, and from then on."""

OPEN = Answer()
"""Compared by identity: nothing is settled; begin with the whole record, its source included."""

Candidate: TypeAlias = tuple[int, Answer, tuple[int, ...], Any]
"""(index, answer, rules still to be asked, header) of a record that counts."""


class Raws(Protocol):
    """The bytes of a chunk's records."""

    def raw(self, index: int) -> bytes:
        """Those of one record."""

    def lack(self, words: frozenset[bytes]) -> bool:
        """Is it sure that none of the words (in lower case) stands in any of the records?"""


class Quick:
    """Headers of the records of one source; of raw records, if `source` is None."""

    def __init__(
        self,
        detector: Detector,
        source: Source | None,
        marks: Marks,
        wanted: Wanted = NOTHING_WANTED,
        sample: NativeRecord | None = None,
    ) -> None:
        self.name = source.name if source is not None else RAW
        self._detector, self._source, self._wanted = detector, source, wanted
        self._marks = marks
        self._plan = detector.plan(self.name)
        self._header, self._sample = self._plan.header, sample or {}
        self._matches: dict[tuple[int, ...], Matched] = {}
        self._filtered = detector.book.filtered.keys()
        self._seen = self._stumbles = 0
        while wrong := self._through_list():
            self._renew(self._header.without(wrong))
        self._prepare()

    def _through_list(self) -> str:
        """A column that in records like this one leads through a list, which no header can."""
        for path in (*self._header.exact, *chain(*self._header.columns.extra_paths)):
            value: Any = self._sample
            for key in path.split(".")[:-1]:
                value = value.get(key) if isinstance(value, dict) else None
                if isinstance(value, list):
                    return path
        return ""

    def headers(self, data: bytes, *, listed: bool) -> list[Any] | None:
        """The headers of all records of a chunk; None when it must go the slow way."""
        if self._header.crowded:
            self._renew(self._header.without(self._header.crowded))
        elif self.has_learned:
            refuted, opened = self._asked - self._matched, tuple(self._opened)
            lesson = Lesson(self._matched, refuted, self._through, opened)
            self._renew(self._header.learn(lesson))
        found = None if self._blocked else decode(data, self.layout, listed=listed)
        if found is None and (self._header.lessons or self._parts.paths):
            self._stumble()
        return found

    def _stumble(self) -> None:
        """Perhaps what was learned, or is wanted, stands in the way: a list on the way to it."""
        self._stumbles += 1
        if self._stumbles == STUMBLES:
            self._renew(self._header.unlearned() if self._header.lessons else self._header)

    @property
    def has_learned(self) -> bool:
        """Would other headers serve better from here on?"""
        return self._questions > LESSON and self._header.may_learn

    @property
    def step(self) -> int:
        """So many records at once: few at first, as more is learned from them than of many."""
        return STEP if not self._header.lessons and self._seen < YOUNG else MANY

    def candidates(self, headers: Sequence[Any], first: int, raws: Raws) -> Iterator[Candidate]:
        """The records that some rule may match, or that are of another source, in order.

        `first` is the index of the first of them, `raws` has the bytes of all.

        What is done for every record is done here, by loops that run in C: a line of Python for
        each would cost more than decoding it.
        """
        self._seen += len(headers)
        found = self._found(headers)
        seen = set(found)
        asks = self._suspects(headers, found, seen)
        self._worded(found, seen, first, raws, asks)
        strange = self._foreign(headers)
        busy = {answer for answer in seen if answer.hits or answer.opens or answer is OPEN}
        indexes = [n for n, answer in enumerate(found) if answer in busy] if busy else []
        if asks or strange:
            indexes = sorted({*indexes, *asks, *strange})
        for index in indexes:
            answer = OPEN if index in strange else found[index]
            more = asks.get(index)
            ask = (*answer.opens, *more) if more else answer.opens
            yield first + index, answer, ask, headers[index]

    def matched(
        self,
        answer: Answer,
        ask: tuple[int, ...],
        header: Any,
        whole: Callable[[], NativeRecord | None],
    ) -> Matched:
        """The rules that match, in order; the record is opened if the header is not enough.

        A record is opened too where a filter is on a rule that matches.
        """
        numbers = answer.hits
        if ask:
            some = self._asked_of(ask, header, whole)
            if some is None:
                return NO_MATCH
            numbers = tuple(sorted((*numbers, *some)))
        if self._filtered and not self._filtered.isdisjoint(numbers):
            record = whole()
            return NO_MATCH if record is None else self._sifted(numbers, record)
        found = self._matches.get(numbers)
        if found is None:
            found = self._matches[numbers] = Matched(self._rules(numbers), ())
        return found

    def _sifted(self, numbers: tuple[int, ...], record: NativeRecord) -> Matched:
        kept, suppressed = self._plan.sifted(numbers, record)
        return Matched(self._rules(kept), suppressed)

    def _rules(self, numbers: Iterable[int]) -> tuple[Rule, ...]:
        return tuple(self._detector.rule(number) for number in numbers)

    def part(self, header: Any, rules: Iterable[Rule]) -> NativeRecord | None:
        """What is wanted of a record that these rules match; None when only it itself can tell."""
        return self._parts.of(self.layout, header, rules)

    def _renew(self, header: Header) -> None:
        """Go on with another header; who scans next with this detector begins with it."""
        self._plan.header = self._header = header
        self._prepare()

    def _prepare(self) -> None:
        header = self._header
        exact, extra = header.exact, header.columns.extra_paths
        own = self._marks
        self._marked = tuple(exact.index(key) for key in own.present if key in exact)
        present = tuple(key for key in own.present if key not in exact)
        columns = (*exact, *chain(*extra))
        told = [path for path in own.paths if path not in columns]
        self._blocked = any(overlap(path, one) for path in told for one in columns)
        told = [] if self._blocked else told
        deep = self._stumbles < STUMBLES
        parts = self._parts = Parts(self._wanted, self._plan, (*columns, *told), deep=deep)
        self.layout = Layout(
            Paths(exact, extra, (*told, *parts.paths), sorted(header.columns.below)),
            (*present, *own.absent),
            parts.names,
            WRAPPERS if self._source is None else KEYS,
            self._sample,
        )
        self._beside, self._present = len(present) + len(own.absent), len(present)
        self._fields = _HeaderFields(self._plan.fields, header, self.layout)
        self._answers = header.answers
        self._asked: Counter[int] = Counter()
        self._matched: Counter[int] = Counter()
        self._through: Counter[str] = Counter()
        self._opened: list[NativeRecord] = []
        self._questions = 0

    def _found(self, headers: Sequence[Any]) -> list[Answer]:
        """The answer for each record."""
        try:
            found = self.layout.answers(headers, self._answers.get)
        except TypeError:  # a list or an object where a text was expected
            return [self._answer(values) for values in self.layout.exact(headers)]
        if None in found:
            exact = self.layout.exact(headers)
            found = [one or self._answer(values) for values, one in zip(exact, found, strict=True)]
        return found

    def _answer(self, found: tuple[Any, ...]) -> Answer:
        """The answer for a combination that may not have been met before."""
        kinds = set(map(type, found))
        if list in kinds or dict in kinds:
            return OPEN
        key = found
        if not kinds <= _TEXT_OR_NONE_AT_ALL:  # 1, 1.0 and True are one key of a dict
            key = tuple([v if type(v) is str else (type(v).__name__, v) for v in found])
        answer = self._answers.get(key)
        return self._header.keep(key, self._fresh(found)) if answer is None else answer

    def _fresh(self, found: tuple[Any, ...]) -> Answer:
        if any(found[mark] is UNSET for mark in self._marked):
            return OPEN
        return self._header.answer(found)

    def _suspects(
        self, headers: Sequence[Any], found: Sequence[Answer], seen: set[Answer]
    ) -> dict[int, list[int]]:
        """Index of a record -> rules that its extra fields leave possible."""
        asks: dict[int, list[int]] = {}
        for field, checked in _by_field(seen).items():
            if field == WORDS:
                continue
            indexes: Sequence[int] = range(len(headers))
            if 4 * len(checked) < len(seen):
                indexes = [n for n, answer in enumerate(found) if answer in checked]
            some = headers if len(indexes) == len(headers) else [headers[n] for n in indexes]
            column = self.layout.column(some, field)
            nested = self._header.columns.nested(self._header.extra[field])
            column = _texts(_asked(column) if nested else column)
            known: dict[tuple[Answer, str], list[int]] = {}
            for place in _standing_out(column, self._header.guards[field]):
                index, value = indexes[place], column[place]
                answer = found[index]
                rules = known.get((answer, value)) if type(value) is str else None
                if rules is None:
                    rules = _possible(answer, field, value)
                    if type(value) is str:
                        known[answer, value] = rules
                if rules:
                    asks.setdefault(index, []).extend(rules)
                    self._through[self._header.extra[field]] += len(rules)
        return asks

    def _worded(
        self,
        found: Sequence[Answer],
        seen: set[Answer],
        first: int,
        raws: Raws,
        asks: dict[int, list[int]],
    ) -> None:
        """Add the rules that the bytes of a record leave possible."""
        checked = _by_field(seen).get(WORDS)
        if not checked:
            return
        every = [one for answer in checked for one in answer.checks if isinstance(one, Words)]
        if raws.lack(frozenset().union(*(one.needles for one in every))):
            return
        for index in [n for n, answer in enumerate(found) if answer in checked]:
            for check in found[index].checks:
                if isinstance(check, Words) and (rules := check.passing(raws.raw(first + index))):
                    asks.setdefault(index, []).extend(rules)
                    self._through[BYTES] += len(rules)

    def _foreign(self, headers: Sequence[Any]) -> set[int]:
        """Records that lack a mark of the source, or have that of an earlier one."""
        indexes: set[int] = set()
        if self._marks.paths:
            told = self.layout.told(headers, self._marks.paths)
            indexes = foreign(self._marks, told, len(headers))
        for number in range(self._beside):
            wanted = number < self._present
            column = self.layout.beside(headers, number)
            if column.count(UNSET) != (0 if wanted else len(column)):
                indexes.update([n for n, v in enumerate(column) if (v is UNSET) is wanted])
        return indexes

    def _asked_of(
        self, ask: tuple[int, ...], header: Any, whole: Callable[[], NativeRecord | None]
    ) -> list[int] | None:
        """Those of the rules that match; None when the record can't be read after all."""
        here = [number for number in ask if self._header.covers(number)]
        some = self._plan.match_some(header, here, self._fields) if here else []
        if len(here) < len(ask):
            record = whole()
            if record is None:
                return None
            if len(self._opened) < SAMPLE and self._header.may_learn:
                self._opened.append(record)
            some += self._plan.match_some(record, [n for n in ask if n not in here])
        self._asked.update(ask)
        self._matched.update(some)
        self._questions += len(ask)
        return some


class _HeaderFields(Fields):
    """The fields of a source, as they are found in headers."""

    def __init__(self, fields: Fields, header: Header, layout: Layout) -> None:
        super().__init__()
        self._whole, self._header, self._layout = fields, header, layout
        self._finders |= {
            field: layout.finder(paths)
            for field, paths in zip(header.extra, header.columns.extra_paths, strict=True)
        }

    def finder(self, field: str) -> Callable[[Any], list[Any]]:
        """The function that finds the field's values in a header that tells the field."""
        found = self._finders.get(field)
        if found is None:
            paths = self._whole.paths(field)
            simple = len(paths) == 1 and paths[0] in self._header.exact
            found = self._layout.finder(paths) if simple else self._assembled(field)
            self._finders[field] = found
        return found

    def _assembled(self, field: str) -> Callable[[Any], list[Any]]:
        find, header = self._whole.finder(field), self._header
        return lambda one: find(header.columns.of_exact(self._layout.values(one)))


def _by_field(answers: Iterable[Answer]) -> dict[int, set[Answer]]:
    """Extra fields that are to be checked, each with the answers that ask for it."""
    found: dict[int, set[Answer]] = defaultdict(set)
    for answer in answers:
        for check in answer.checks:
            found[check.field].add(answer)
    return found


def _standing_out(column: list[Any], guard: Guard) -> list[int]:
    """Indexes of the values that could pass a check: some texts, and all that are no text."""
    try:
        values = set(column)
    except TypeError:  # a list or an object is among them
        values = None
    if values is not None:
        values -= guard.bad
        if not values:
            return []
    texts = guard.suspects({v for v in values or column if type(v) is str})
    if values is not None and all(type(v) is str for v in values):
        return [n for n, v in enumerate(column) if v in texts] if texts else []
    return [
        n
        for n, v in enumerate(column)
        if (v in texts if type(v) is str else v is not UNSET and v is not None)
    ]


def _texts(column: list[Any]) -> list[Any]:
    """Numbers, booleans and objects as the texts they read as; lists stay, as they are many."""
    kinds = set(map(type, column)) - _AS_THEY_ARE
    if not kinds:
        return column
    if kinds == {bool}:  # quicker, and no number is there that would be taken for one
        return [_BOOLEANS.get(v, v) for v in column]
    return [v if type(v) in _AS_THEY_ARE or type(v) is list else text(v) for v in column]


def _asked(column: list[Any]) -> list[Any]:
    """Objects in lists: what is no text by itself is always asked about."""
    return [[v] if type(v) is dict else v for v in column]


def _possible(answer: Answer, field: int, value: Any) -> list[int]:
    """Rules that the value of an extra field leaves possible."""
    return [
        number
        for check in answer.checks
        if isinstance(check, Check) and check.field == field
        for number in _passing(check, value)
    ]


def _passing(check: Check, value: Any) -> tuple[int, ...]:
    if type(value) is str:
        return check.passing(value)
    return () if value is UNSET or value is None else check.rules


def likely(names: tuple[str, ...], record: NativeRecord) -> tuple[str, ...]:
    """Those names that must be looked at if other records are like this one."""
    for number, name in enumerate(names):
        if record.get(name) is not None:
            return names[: number + 1]
    return names
