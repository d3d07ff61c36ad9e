"""A chunk's headers against a detector: most records are decided here and never opened.

It works where records of a source can be told from all others by a few columns (marks.py); what it
can't decide exactly it hands back, to be opened. It knows nothing of files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress
from typing import Any, TypeAlias

from core.detect import RAW, Detector, Suppressed
from core.detect.columns import Lesson, overlap
from core.detect.header import Answer, Header
from core.detect.matcher import Fields
from core.model import NativeRecord, Rule
from core.ports import Source
from core.scan.envelopes import KEYS, WRAPPERS
from core.scan.headers import UNSET, Layout, Paths, decode
from core.scan.marks import Marks, foreign
from core.scan.match import Match
from core.scan.parts import Needs, Parts, Reader
from core.scan.records import Records
from core.scan.suspects import Suspects

__all__ = ["OPEN", "Candidate", "Quick"]

LESSON = 60
"""After so many rules asked of records the header is made anew for those."""

_TEXT_OR_NONE_AT_ALL = frozenset({str, type(UNSET)})

MOST_KNOWN = 10_000
"""Combinations of rules that match together, for which is kept what to do."""

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


class Quick:
    """Headers of the records of one source; of raw records, if `source` is None."""

    def __init__(
        self,
        detector: Detector,
        source: Source | None,
        marks: Marks,
        needs: Needs,
        sample: NativeRecord | None = None,
    ) -> None:
        self.name = source.name if source is not None else RAW
        self._detector, self._source, self._needs = detector, source, needs
        self._marks = marks
        self._plan = detector.plan(self.name)
        self._header, self._sample = self._plan.header, sample or {}
        self._known: dict[tuple[int, ...], tuple[tuple[Rule, ...], Reader | None]] = {}
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
            self._renew(self._header.uncrowded())
        elif self.has_learned:
            refuted, opened = self._asked - self._matched, tuple(self._opened)
            lesson = Lesson(self._matched, refuted, self._suspects.through, opened)
            self._renew(self._header.learn(lesson))
        found = None if self._blocked else decode(data, self.layout, listed=listed)
        if found is None and self._header.lessons:
            self._stumble()
        return found

    def _stumble(self) -> None:
        """Perhaps what was learned stands in the way: a list on the way to it."""
        self._stumbles += 1
        if self._stumbles == STUMBLES:
            self._renew(self._header.unlearned())

    @property
    def has_learned(self) -> bool:
        """Would other headers serve better from here on?"""
        taught = self._questions > LESSON and self._header.may_learn
        return taught or bool(self._header.crowded)

    @property
    def step(self) -> int:
        """So many records at once: few at first, as more is learned from them than of many."""
        return STEP if not self._header.lessons and self._seen < YOUNG else MANY

    def candidates(
        self, headers: Sequence[Any], first: int, records: Records
    ) -> Iterator[Candidate]:
        """The records that some rule may match, or that are of another source, in order.

        `first` is the index of the first of them, `records` has all of them.

        What is done for every record is done here, by loops that run in C: a line of Python for
        each would cost more than decoding it.
        """
        self._seen += len(headers)
        self._under += len(headers)
        found = self._found(headers)
        self._header.notice(self._under)
        seen = set(found)
        asks = self._suspects.of(headers, found, seen, records, first)
        strange = self._foreign(headers)
        busy = {answer for answer in seen if answer.hits or answer.opens or answer is OPEN}
        indexes: Iterable[int] = ()
        if busy:
            indexes = compress(range(len(found)), map(busy.__contains__, found))
        if asks or strange:
            indexes = sorted({*indexes, *asks, *strange})
        for index in indexes:
            answer = OPEN if index in strange else found[index]
            more = asks.get(index)
            ask = (*answer.opens, *dict.fromkeys(more)) if more else answer.opens
            yield first + index, answer, ask, headers[index]

    def tell_times(self, headers: Sequence[Any], records: Records) -> None:
        """Tell the tally the times of all records, be they matched or not."""
        for index, header in enumerate(headers):
            tells = self._parts.of(self.layout, header)
            if tells is None and (record := records.seen(index)):
                tells = self._needs.told.of(record, self._source)
            records.tally.saw(tells[2] if tells else None)

    def judged(self, candidate: Candidate, records: Records) -> Match | None:
        """The rules that match, and what is wanted of the record; None when none does.

        The record is opened if the header is not enough, and where a filter is on a rule that
        matches.
        """
        index, answer, ask, header = candidate
        numbers = answer.hits
        if ask:
            some = self._asked_of(ask, header, index, records)
            if some is None or not (some or numbers):
                return None
            numbers = tuple(sorted((*numbers, *some)))
        suppressed: tuple[Suppressed, ...] = ()
        if self._filtered and not self._filtered.isdisjoint(numbers):
            record = records.record(index)
            if record is None:
                return None
            kept, suppressed = self._plan.sifted(numbers, record)
            numbers = tuple(kept)
        return self._match(index, numbers, suppressed, header, records)

    def _match(
        self,
        index: int,
        numbers: tuple[int, ...],
        suppressed: tuple[Suppressed, ...],
        header: Any,
        records: Records,
    ) -> Match | None:
        place, tells = records.chunk.first + index, None
        rules, reader = self._together(numbers)
        if self._needs.lean and (tells := self._parts.of(self.layout, header)):
            if reader is None:
                return Match(place, self.name, numbers, *tells, {}, suppressed)
            if (part := records.part(index, reader)) is not None:
                values = self._needs.asked.values(self.name, rules, part)
                return Match(place, self.name, numbers, *tells, {}, suppressed, values)
        record = records.record(index)
        if record is None:
            return None
        tells = tells or self._needs.told.of(record, self._source)
        values = self._needs.asked.values(self.name, rules, record)
        native = {} if self._needs.lean else record
        return Match(place, self.name, numbers, *tells, native, suppressed, values)

    def _together(self, numbers: tuple[int, ...]) -> tuple[tuple[Rule, ...], Reader | None]:
        """Rules that match together, and what reads as much of a record as they are asked for."""
        found = self._known.get(numbers)
        if found is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            rules = self._detector.rules(numbers)
            found = self._known[numbers] = rules, self._needs.asked.reader(self.name, rules)
        return found

    def _renew(self, header: Header) -> None:
        """Go on with another header; who scans next with this detector begins with it."""
        if header is self._header:
            self._count_anew()
            return
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
        self._parts = Parts(self._needs, self._source, (*columns, *told), self._sample)
        envelopes = WRAPPERS if self._source is None else KEYS
        read = {path.partition(".")[0] for path in (*columns, *told, *self._parts.names)}
        absent = dict.fromkeys((*own.absent, *(key for key in envelopes if key in read)))
        self.layout = Layout(
            Paths(exact, extra, told, sorted(header.columns.below)),
            (*present, *absent),
            self._parts.names,
            envelopes,
            self._sample,
        )
        self._beside, self._present = len(present) + len(absent), len(present)
        self._fields = _HeaderFields(self._plan.fields, header, self.layout)
        self._answers = header.answers
        self._under = 0
        """Records whose headers were such."""
        self._count_anew()

    def _count_anew(self) -> None:
        """What is learned from here on."""
        self._suspects = Suspects(self._header, self.layout)
        self._asked: Counter[int] = Counter()
        self._matched: Counter[int] = Counter()
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
        self, ask: tuple[int, ...], header: Any, index: int, records: Records
    ) -> list[int] | None:
        """Those of the rules that match; None when the record can't be read after all."""
        here = [number for number in ask if self._header.covers(number)]
        try:
            some = self._plan.match_some(header, here, self._fields) if here else []
        except RecursionError:  # its record is refused for that
            here, some = [], []
        if len(here) < len(ask):
            record = records.record(index)
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
