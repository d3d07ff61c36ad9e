"""A chunk's headers against a detector: most records are decided here and never opened.

It works where records of a source can be told by their top-level keys; what it can't decide
exactly it hands back, to be opened. It knows nothing of files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from core.detect import RAW, Detector
from core.detect.header import Answer, Check, Lesson
from core.model import NativeRecord, Rule
from core.ports import Source
from core.scan.headers import ENVELOPES, UNSET, Layout, decode

__all__ = ["OPEN", "Candidate", "Quick", "suits"]

KEPT = 20_000
"""Combinations of header texts remembered; when there are more, a field is dropped."""

LESSONS, LESSON = 4, 200
"""So often, after so many rules asked of opened records, the header is made anew for those."""

OPEN = Answer()
"""Compared by identity: nothing is settled; begin with the whole record, its source included."""

Candidate: TypeAlias = tuple[int, Answer, tuple[int, ...], Any]
"""(index, answer, rules still to ask of the whole record, header) of a record that counts."""


class Quick:
    """Headers of the records of one source; of raw records, if `source` is None."""

    def __init__(
        self, detector: Detector, source: Source | None, wanted: tuple[str, ...] = ()
    ) -> None:
        self.name = source.name if source is not None else RAW
        self._detector, self._source, self._asked_for = detector, source, wanted
        self._plan = detector.plan(self.name)
        self._header, self._drop, self._lessons = self._plan.header, "", LESSONS
        self._rules: dict[tuple[int, ...], tuple[Rule, ...]] = {}
        self._chunk = 0
        self._prepare()

    def headers(self, data: bytes, *, listed: bool) -> list[Any] | None:
        """The headers of all records of a chunk; None when it must go the slow way."""
        if self._drop:
            self._header, self._drop = self._header.without(self._drop), ""
            self._prepare()
        elif self.has_learned:
            lesson = Lesson(self._matched, self._asked - self._matched)
            self._header, self._lessons = self._header.learn(lesson), self._lessons - 1
            self._prepare()
        return decode(data, self.layout, listed=listed)

    @property
    def has_learned(self) -> bool:
        """Would other headers serve better from here on?"""
        return self._questions > LESSON and self._lessons > 0

    def candidates(self, headers: Sequence[Any], start: int) -> Iterator[Candidate]:
        """The records from `start` on that some rule may match, or that are of another source."""
        answers, beside = self._answers, self._beside
        values = _Values(self.layout, headers)
        self._chunk += 1
        for index, found in enumerate(values.exact(start), start):
            try:
                answer = answers[found]
            except (KeyError, TypeError):
                answer = self._answer(found)
            if beside and self._foreign(headers[index]):
                answer = OPEN
            if answer is None:
                continue
            if answer.chunk != self._chunk:
                answer.chunk = self._chunk
                answer.live = tuple(c for c in answer.checks if values.alive(c))
            ask = answer.opens
            for check in answer.live:
                ask += _passing(check, values.column(check.field)[index])
            if ask or answer.hits or answer is OPEN:
                yield index, answer, ask, headers[index]

    def matched(
        self, answer: Answer, ask: tuple[int, ...], record: NativeRecord
    ) -> tuple[Rule, ...]:
        """The rules that match, in order; the record is whole if any rule must still be asked."""
        numbers = answer.hits
        if ask:
            some = self._plan.match_some(record, ask)
            self._matched.update(some)
            self._asked.update(ask)
            self._questions += len(ask)
            numbers = tuple(sorted((*numbers, *some)))
        found = self._rules.get(numbers)
        if found is None:
            found = self._rules[numbers] = tuple(self._detector.rule(n) for n in numbers)
        return found

    def part(self, header: Any) -> NativeRecord:
        """The wanted fields of the record, those that it has."""
        return {
            k: v for k, v in zip(self._wanted, self._part(header), strict=True) if v is not UNSET
        }

    def _prepare(self) -> None:
        header = self._header
        exact = [header.path(field) for field in header.exact]
        extra = [header.path(field) for field in header.extra]
        through = {path.split(".")[0] for path in (*exact, *extra) if "." in path}
        self.lean = bool(self._asked_for) and through.isdisjoint(self._asked_for)
        """Can `part` tell the wanted fields? Not one that the header itself takes apart."""
        self._wanted = self._asked_for if self.lean else ()
        keys, others = _marks(self._detector, self._source)
        absent = others or ()
        self._marked = tuple(exact.index(key) for key in keys if key in exact)
        present = tuple(key for key in keys if key not in exact)
        self.layout = Layout(
            exact,
            extra,
            (*present, *absent),
            self._wanted,
            ENVELOPES[:2] if self._source is None else ENVELOPES,
        )
        self._beside, self._present = bool(present or absent), len(present)
        self._part = self.layout.part
        self._answers: dict[tuple[Any, ...], Answer | None] = {}
        self._asked: Counter[int] = Counter()
        self._matched: Counter[int] = Counter()
        self._questions = 0

    def _answer(self, found: tuple[Any, ...]) -> Answer | None:
        """The answer for a combination that was not met before; None when no rule can match."""
        if any(found[mark] is UNSET for mark in self._marked):
            answer: Answer | None = OPEN
        elif any(isinstance(value, list | dict) for value in found):
            return OPEN
        else:
            answer = self._header.answer(found)
            answer = answer if answer.hits or answer.checks or answer.opens else None
        # Only texts are remembered: 1, 1.0 and True are one key of a dict.
        if all(value is UNSET or type(value) is str for value in found):
            self._keep(found, answer)
        return answer

    def _keep(self, found: tuple[Any, ...], answer: Answer | None) -> None:
        if len(self._answers) >= KEPT:
            self._shrink()
        self._answers[found] = answer

    def _shrink(self) -> None:
        """Forget all answers; from the next chunk on the field that repeats least is left out.

        The first field stays: it is the route.
        """
        fields = self._header.exact
        texts = [len({key[place] for key in self._answers}) for place in range(len(fields))]
        self._answers.clear()
        worst = max(range(1, len(fields)), key=texts.__getitem__, default=0)
        self._drop = fields[worst] if worst and texts[worst] > KEPT // 50 else ""

    def _foreign(self, header: Any) -> bool:
        """Does it lack a mark of the source, or have that of an earlier one?"""
        beside, present = self.layout.beside(header), self._present
        return UNSET in beside[:present] or any(value is not UNSET for value in beside[present:])


class _Values:
    """The values of a chunk's headers, column by column."""

    def __init__(self, layout: Layout, headers: Sequence[Any]) -> None:
        self._layout, self._headers = layout, headers
        self._columns: dict[int, list[Any]] = {}
        self._texts: dict[int, set[str] | None] = {}
        self._alive: dict[int, bool] = {}

    def exact(self, start: int) -> list[tuple[Any, ...]]:
        """The exact values of each record from `start` on."""
        headers = self._headers[start:]
        try:
            return list(map(self._layout.values, headers))
        except AttributeError:
            return list(map(self._layout.careful, headers))

    def column(self, field: int) -> list[Any]:
        """The values of one extra field, of all records."""
        found = self._columns.get(field)
        if found is None:
            found = self._columns[field] = self._layout.column(self._headers, field)
        return found

    def alive(self, check: Check) -> bool:
        """Could the check leave a rule possible for any record of the chunk?"""
        found = self._alive.get(id(check))
        if found is None:
            texts = self._known_texts(check.field)
            found = self._alive[id(check)] = texts is None or check.alive(texts)
        return found

    def _known_texts(self, field: int) -> set[str] | None:
        """The texts of a column; None when there are other values, which only records can tell."""
        if field not in self._texts:
            column = [v for v in self.column(field) if v is not UNSET and v is not None]
            texts = {v for v in column if type(v) is str}
            self._texts[field] = texts if all(type(v) is str for v in column) else None
        return self._texts[field]


def _passing(check: Check, value: Any) -> tuple[int, ...]:
    if type(value) is str:
        return check.passing(value)
    return () if value is UNSET or value is None else check.rules


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
    for other in detector.sources.values():
        if other is source:
            break
        mark = next((key for key in other.keys if key not in source.keys), None)
        if mark is None:
            return source.keys, None
        absent.append(mark)
    return source.keys, tuple(dict.fromkeys(absent))
