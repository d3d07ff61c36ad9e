"""A chunk's headers against a detector: most records are decided here and never opened.

It works where records of a source can be told by their top-level keys; what it can't decide
exactly it hands back, to be opened. It knows nothing of files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from core.detect import RAW, Detector
from core.detect.checks import Check, Guard
from core.detect.header import Answer, Header, Lesson
from core.detect.matcher import Fields
from core.detect.values import text
from core.model import NativeRecord, Rule
from core.ports import Source
from core.scan.envelopes import KEYS, WRAPPERS
from core.scan.headers import UNSET, Layout, decode

__all__ = ["OPEN", "Candidate", "Quick", "likely", "suits"]

LESSON = 60
"""After so many rules asked of records the header is made anew for those."""

_AS_THEY_ARE = frozenset({str, type(None), type(UNSET)})

STUMBLES = 2
"""Chunks that could not be read by their headers, until what was learned is given up."""

STEP, YOUNG, MANY = 250, 2_500, 1 << 30
"""Records looked at together: at first, until so many were seen, and from then on."""

OPEN = Answer()
"""Compared by identity: nothing is settled; begin with the whole record, its source included."""

Candidate: TypeAlias = tuple[int, Answer, tuple[int, ...], Any]
"""(index, answer, rules still to be asked, header) of a record that counts."""


class Quick:
    """Headers of the records of one source; of raw records, if `source` is None."""

    def __init__(
        self,
        detector: Detector,
        source: Source | None,
        wanted: Sequence[tuple[str, ...]] = (),
        sample: NativeRecord | None = None,
    ) -> None:
        self.name = source.name if source is not None else RAW
        self._detector, self._source, self._asked_for = detector, source, wanted
        self._plan = detector.plan(self.name)
        self._header, self._sample = self._plan.header, sample or {}
        self._rules: dict[tuple[int, ...], tuple[Rule, ...]] = {}
        self._seen = self._stumbles = 0
        self._prepare()

    def headers(self, data: bytes, *, listed: bool) -> list[Any] | None:
        """The headers of all records of a chunk; None when it must go the slow way."""
        if self._header.crowded:
            self._renew(self._header.without(self._header.crowded))
        elif self.has_learned:
            lesson = Lesson(self._matched, self._asked - self._matched, self._through)
            self._renew(self._header.learn(lesson))
        found = decode(data, self.layout, listed=listed)
        if found is None and self._header.lessons and self._stumbles < STUMBLES:
            # Perhaps what was learned stands in the way: a list on the way to a field.
            self._stumbles += 1
            if self._stumbles == STUMBLES:
                self._renew(self._header.unlearned())
        return found

    @property
    def has_learned(self) -> bool:
        """Would other headers serve better from here on?"""
        return self._questions > LESSON and self._header.may_learn

    @property
    def step(self) -> int:
        """So many records at once: few at first, as more is learned from them than of many."""
        return STEP if not self._header.lessons and self._seen < YOUNG else MANY

    def candidates(self, headers: Sequence[Any], first: int) -> Iterator[Candidate]:
        """The records that some rule may match, or that are of another source, in order.

        `first` is the index of the first of them.

        What is done for every record is done here, by loops that run in C: a line of Python for
        each would cost more than decoding it.
        """
        self._seen += len(headers)
        found = self._found(headers)
        seen = set(found)
        asks = self._suspects(headers, found, seen)
        foreign = self._foreign(headers)
        busy = {answer for answer in seen if answer.hits or answer.opens or answer is OPEN}
        indexes = [n for n, answer in enumerate(found) if answer in busy] if busy else []
        if asks or foreign:
            indexes = sorted({*indexes, *asks, *foreign})
        for index in indexes:
            answer = OPEN if index in foreign else found[index]
            more = asks.get(index)
            ask = (*answer.opens, *more) if more else answer.opens
            yield first + index, answer, ask, headers[index]

    def matched(
        self,
        answer: Answer,
        ask: tuple[int, ...],
        header: Any,
        whole: Callable[[], NativeRecord | None],
    ) -> tuple[Rule, ...]:
        """The rules that match, in order; the record is opened if the header is not enough."""
        numbers = answer.hits
        if ask:
            some = self._asked_of(ask, header, whole)
            if some is None:
                return ()
            numbers = tuple(sorted((*numbers, *some)))
        found = self._rules.get(numbers)
        if found is None:
            found = self._rules[numbers] = tuple(self._detector.rule(n) for n in numbers)
        return found

    def part(self, header: Any) -> NativeRecord | None:
        """What is wanted of the record; None when only the record itself can tell."""
        if not self._lean:
            return None
        values = self._part(header)
        if len(self._wanted) == self._groups and None not in values and UNSET not in values:
            return dict(zip(self._wanted, values, strict=True))
        found = {k: v for k, v in zip(self._wanted, values, strict=True) if v is not UNSET}
        told = all(any(found.get(name) is not None for name in names) for names in self._asked_for)
        return found if told else None

    def _renew(self, header: Header) -> None:
        """Go on with another header; who scans next with this detector begins with it."""
        self._plan.header = self._header = header
        self._prepare()

    def _prepare(self) -> None:
        header = self._header
        exact = [header.path(field) for field in header.exact]
        extra = [header.path(field) for field in header.extra]
        through = {path.split(".")[0] for path in (*exact, *extra) if "." in path}
        wanted = tuple(dict.fromkeys(name for names in self._asked_for for name in names))
        self._lean, self._groups = bool(wanted) and through.isdisjoint(wanted), len(self._asked_for)
        self._wanted = wanted if self._lean else ()
        keys, others = _marks(self._detector, self._source)
        absent = others or ()
        self._marked = tuple(exact.index(key) for key in keys if key in exact)
        present = tuple(key for key in keys if key not in exact)
        self.layout = Layout(
            exact,
            extra,
            (*present, *absent),
            self._wanted,
            WRAPPERS if self._source is None else KEYS,
            self._sample,
        )
        self._marks, self._present = len(present) + len(absent), len(present)
        self._part = self.layout.part
        self._fields = Fields.known(self.layout.finders(header.exact, header.extra))
        self._answers = header.answers
        self._asked: Counter[int] = Counter()
        self._matched: Counter[int] = Counter()
        self._through: Counter[str] = Counter()
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
        # Only texts are remembered: 1, 1.0 and True are one key of a dict.
        if not all(value is UNSET or type(value) is str for value in found):
            return self._fresh(found)
        answer = self._answers.get(found)
        return self._header.keep(found, self._fresh(found)) if answer is None else answer

    def _fresh(self, found: tuple[Any, ...]) -> Answer:
        if any(found[mark] is UNSET for mark in self._marked):
            return OPEN
        if any(isinstance(value, list | dict) for value in found):
            return OPEN
        return self._header.answer(found)

    def _suspects(
        self, headers: Sequence[Any], found: Sequence[Answer], seen: set[Answer]
    ) -> dict[int, list[int]]:
        """Index of a record -> rules that its extra fields leave possible."""
        asks: dict[int, list[int]] = {}
        for field, checked in _by_field(seen).items():
            indexes: Sequence[int] = range(len(headers))
            if 4 * len(checked) < len(seen):
                indexes = [n for n, answer in enumerate(found) if answer in checked]
            some = headers if len(indexes) == len(headers) else [headers[n] for n in indexes]
            column = _texts(self.layout.column(some, field))
            for place in _standing_out(column, self._header.guards[field]):
                index = indexes[place]
                rules = [
                    number
                    for check in found[index].checks
                    if check.field == field
                    for number in _passing(check, column[place])
                ]
                if rules:
                    asks.setdefault(index, []).extend(rules)
                    self._through[self._header.extra[field]] += len(rules)
        return asks

    def _foreign(self, headers: Sequence[Any]) -> set[int]:
        """Records that lack a mark of the source, or have that of an earlier one."""
        indexes: set[int] = set()
        for number in range(self._marks):
            wanted = number < self._present
            column = self.layout.beside(headers, number)
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
            some += self._plan.match_some(record, [n for n in ask if n not in here])
        self._asked.update(ask)
        self._matched.update(some)
        self._questions += len(ask)
        return some


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
    if _AS_THEY_ARE.issuperset(map(type, column)):
        return column
    return [v if type(v) in _AS_THEY_ARE or type(v) is list else text(v) for v in column]


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


def suits(detector: Detector, source: Source | None) -> bool:
    """Can records of the source be told from all others by the presence of keys?"""
    if source is None:
        return detector.raw
    return not source.only and _marks(detector, source)[1] is not None


def _marks(
    detector: Detector, source: Source | None
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Keys that a record of the source has, and keys of earlier sources that it must not have."""
    if source is None:
        return (), ()
    absent = []
    for other in detector.sources:
        if other is source:
            break
        mark = next((key for key in other.keys if key not in source.keys), None)
        if mark is None:
            return source.keys, None
        absent.append(mark)
    return source.keys, tuple(dict.fromkeys(absent))
