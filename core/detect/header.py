"""What can be decided from a record's header, before the record is opened.

A header is a few fields: the exact ones, for each combination of whose texts the rules are settled
once and the answer kept, and some extra ones that can rule out what is left. Which fields these are
follows from the rules, and from which rules made records be opened so far (`learned`). It knows
nothing of bytes; core.scan decodes headers.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from core.detect.index import Index
from core.detect.matcher import Fields, Sieve, View, regex_test, text_test
from core.detect.partial import settle
from core.rulebook import And, Expr, Pattern, Regex, Rulebook, Text

__all__ = ["Answer", "Check", "Header", "Lesson"]

MOST_EXACT = 8
MOST_EXTRA = 8
"""Fields of each kind. More would settle more rules, and cost each record more."""

UNBOUND = 1_000
"""Weight of a rule that no exact field holds back: it is asked for every record."""

KEPT = 20_000
"""Values of an extra field whose result is remembered."""


class Check:
    """Rules that stay possible only if a value of an extra field passes their tests."""

    def __init__(self, field: int, tests: Sequence[tuple[int, Text | Regex]]) -> None:
        self.field = field
        self.rules = tuple(number for number, _ in tests)
        self._tests = [(number, _test(leaf)) for number, leaf in tests]
        self._words = [literal(one.pattern) for _, one in tests if isinstance(one, Regex)]
        patterns = [p for _, one in tests if isinstance(one, Text) for p in one.patterns]
        self._sieve = Sieve(map(_folded, patterns))
        self._passing: dict[str, tuple[int, ...]] = {}

    def passing(self, value: str) -> tuple[int, ...]:
        """The rules that this text leaves possible."""
        found = self._passing.get(value)
        if found is None:
            tests = self._tests if self._words or self._sieve.one(value) else ()
            found = tuple([number for number, test in tests if test(value)])
            if len(self._passing) >= KEPT:
                self._passing.clear()
            self._passing[value] = found
        return found

    def alive(self, values: Collection[str]) -> bool:
        """Could any of these texts leave a rule possible? No is certain, yes is not."""
        if self._words:
            joined = "\n".join(values)
            if any(word in joined for word in self._words):
                return True
        return self._sieve.any(values)


class Answer:
    """What one combination of header texts decides."""

    __slots__ = ("checks", "chunk", "hits", "live", "opens")

    def __init__(
        self,
        hits: tuple[int, ...] = (),
        checks: tuple[Check, ...] = (),
        opens: tuple[int, ...] = (),
    ) -> None:
        self.hits, self.checks, self.opens = hits, checks, opens
        self.chunk, self.live = 0, checks
        """For core.scan: the checks that are alive in a chunk, and its number."""


class Lesson(NamedTuple):
    """How often rules were asked of opened records."""

    matched: Counter[int]
    """In vain not: an exact field could have settled them without opening."""
    refuted: Counter[int]
    """In vain: an extra field could have ruled them out."""

    def __add__(self, other: Lesson) -> Lesson:  # type: ignore[override]
        return Lesson(self.matched + other.matched, self.refuted + other.refuted)


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
        self._lesson = lesson or Lesson(Counter(), Counter())
        self._exact_paths: list[str] = []
        self._checks: dict[tuple[int, tuple[tuple[int, Text | Regex], ...]], Check] = {}
        self.exact = self._exact()
        self.extra = self._extra()
        self._index = Index(book.entries, numbers, first=route, only=frozenset(self.exact))

    def path(self, field: str) -> str:
        """The one native path of a field; "" when it has several or is oddly named."""
        paths = self._fields.paths(field)
        return paths[0] if len(paths) == 1 and all(paths[0].split(".")) else ""

    def without(self, field: str) -> Header:
        """The same rules with a header that lacks one field among the exact ones."""
        return self._again(self._lesson, self._dropped | {field})

    def learn(self, lesson: Lesson) -> Header:
        """The same rules with a header that is made for the rules asked so often."""
        return self._again(self._lesson + lesson, self._dropped)

    def answer(self, found: tuple[Any, ...]) -> Answer:
        """The answer for values of `exact` (no list, no object); UNSET for an absent field."""
        known = {
            field: [] if value is msgspec.UNSET else [value]
            for field, value in zip(self.exact, found, strict=True)
        }
        view = View.known(known, self._fields)
        hits, opens = [], []
        checks: dict[int, list[tuple[int, Text | Regex]]] = defaultdict(list)
        for number in self._index.candidates(view):
            left = settle(self._book.detection(number), view, self.exact)
            if left is False:
                continue
            if left is True and not self._book.entries[number].provider:
                hits.append(number)
            elif leaf := self._checked(left):
                checks[self.extra.index(leaf.field or "")].append((number, leaf))
            else:
                opens.append(number)
        every = tuple(self._shared(field, tuple(tests)) for field, tests in sorted(checks.items()))
        return Answer(tuple(hits), every, tuple(opens))

    def _shared(self, field: int, tests: tuple[tuple[int, Text | Regex], ...]) -> Check:
        """The check of these tests; different answers often need the same one."""
        found = self._checks.get((field, tests))
        if found is None:
            found = self._checks[field, tests] = Check(field, tests)
        return found

    def _again(self, lesson: Lesson, dropped: frozenset[str]) -> Header:
        return Header(self._book, self._numbers, self._fields, self._route, lesson, dropped)

    def _exact(self) -> tuple[str, ...]:
        """The route, then fields that most rules name, or rules that often match.

        Not more: each is asked of every record, and each with many different texts makes the
        combinations many.
        """
        named = Counter(f for n in self._numbers for f in self._book.entries[n].needs)
        usual = [f for f, count in named.most_common(2) if count > 0.4 * len(self._numbers)]
        matched: Counter[str] = Counter()
        for number, times in self._lesson.matched.items():
            for field in self._book.entries[number].needs:
                matched[field] += times
        least = self._lesson.matched.total() // 50
        learned = [f for f, times in matched.most_common() if times > least]
        ranked = dict.fromkeys([self._route, *usual, *learned] if self._route else usual + learned)
        return self._compatible(ranked, MOST_EXACT, self._dropped)

    def _extra(self) -> tuple[str, ...]:
        """Fields whose text, one by one, can rule out rules that are asked often."""
        weights: Counter[str] = Counter()
        for number in self._numbers:
            weight = self._lesson.refuted[number]
            if set(self.exact).isdisjoint(self._book.entries[number].needs):
                weight += UNBOUND
            if weight:
                for leaf in _leaves(self._book.detection(number)):
                    if leaf.field not in self.exact:
                        weights[leaf.field or ""] += weight
        return self._compatible([f for f, _ in weights.most_common()], MOST_EXTRA, frozenset())

    def _compatible(
        self, ranked: Iterable[str], most: int, dropped: frozenset[str]
    ) -> tuple[str, ...]:
        """The first fields that have one native path which is neither above nor below another."""
        chosen: list[str] = []
        for field in ranked:
            path = self.path(field)
            if not path or field in dropped or len(chosen) == most:
                continue
            if not any(_overlap(path, other) for other in self._exact_paths):
                self._exact_paths.append(path)
                chosen.append(field)
        return tuple(chosen)

    def _checked(self, left: Expr | bool) -> Text | Regex | None:
        """The part of what is left that an extra field can rule out."""
        if isinstance(left, bool):
            return None
        leaves = [leaf for leaf in _leaves(left) if leaf.field in self.extra]
        return min(leaves, key=_cost, default=None)


def _overlap(one: str, two: str) -> bool:
    return f"{one}.".startswith(f"{two}.") or f"{two}.".startswith(f"{one}.")


def _leaves(expr: Expr) -> Iterator[Text | Regex]:
    """The parts of an AND that look at the text of one field."""
    for item in expr.items if isinstance(expr, And) else (expr,):
        if isinstance(item, Text | Regex) and item.field is not None:
            yield item


def _cost(leaf: Text | Regex) -> int:
    """Exact text is looked up, anything else is searched for."""
    if isinstance(leaf, Regex):
        return 2
    return 0 if all(isinstance(pattern, str) for pattern in leaf.patterns) else 1


def _test(leaf: Text | Regex) -> Callable[[str], bool]:
    if isinstance(leaf, Text):
        return text_test(leaf)
    test, word = regex_test(leaf), literal(leaf.pattern)
    return lambda text: word in text and test(text)


def _folded(pattern: Pattern) -> Pattern:
    if isinstance(pattern, str):
        return pattern.casefold()
    return tuple(p.casefold() if isinstance(p, str) else p for p in pattern)


def literal(regex: str) -> str:
    """A text that every match must contain: the longest run outside of all that is special."""
    if "|" in regex or "(?" in regex or "\\" in regex:
        return ""
    runs, run, depth = [""], "", 0
    plain = _CLASS.sub(".", regex)
    for at, char in enumerate(plain):
        depth += (char == "(") - (char == ")")
        if depth or char in _SPECIAL or plain[at + 1 : at + 2] in _REPEATS:
            runs.append(run)
            run = ""
        else:
            run += char
    return max([*runs, run], key=len)


_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")

_SPECIAL = frozenset(".^$*+?{}()[]0123456789,")
"""Digits and commas too: they may belong to a {1,2}."""

_REPEATS = frozenset({"*", "?", "{"})
