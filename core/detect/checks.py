"""Many tests of one field at once: which texts could leave a rule possible?

A Check is what one answer asks of a field; a Guard is all checks of a field together, so that the
texts of a whole column are mostly told apart by one search. Words are what an answer asks of the
whole record, as bytes. It knows nothing of records or headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import re2

from core.detect.gates import Test
from core.detect.networks import Networks
from core.detect.texts import Sieve, compare_any, in_lines, one_of, regex_test, text_test
from core.detect.values import SHORT
from core.rulebook import Cidr, Compare, Exists, Pattern, Regex, Text

__all__ = ["WORDS", "Check", "Guard", "Words", "any_in", "literal", "may_hide", "words"]

WORDS = -1
"""Stands for the place of an extra field: what Words look at is the record's bytes."""

SEARCH_MEMORY = 64 << 20
"""Bytes that a search for many words may take; with less, RE2 searches slowly."""

KEPT = 10_000
"""Values of an extra field whose result is remembered."""


class Check:
    """Rules that stay possible only if a value of an extra field passes one of their tests."""

    def __init__(self, field: int, tests: Sequence[tuple[int, Test]]) -> None:
        self.field, self.leaves = field, tuple(leaf for _, leaf in tests)
        by_rule = _by_rule(tests)
        self.rules = tuple(by_rule)
        self._tests = [(number, _one_of(some)) for number, some in by_rule.items()]
        self._passing: dict[str, tuple[int, ...]] = {}

    def passing(self, value: str) -> tuple[int, ...]:
        """The rules that this text leaves possible."""
        found = self._passing.get(value)
        if found is None:
            found = tuple([number for number, test in self._tests if test(value)])
            if len(self._passing) >= KEPT:
                self._passing.clear()
            self._passing[value] = found
        return found


class Words:
    """Rules that stay possible only if a record's bytes have a word."""

    field = WORDS

    def __init__(self, tests: Sequence[tuple[int, Test]]) -> None:
        by_rule = _by_rule(tests)
        self.rules = tuple(by_rule)
        self._needles = [
            (n, [w for leaf in some for w in words(leaf)]) for n, some in by_rule.items()
        ]
        self.needles = frozenset(word for _, some in self._needles for word in some)

    def passing(self, raw: bytes) -> tuple[int, ...]:
        """The rules that these bytes leave possible."""
        if may_hide(raw):
            return self.rules
        raw = raw.lower()
        if not any_in(self.needles)(raw):
            return ()
        return tuple([n for n, some in self._needles if any(word in raw for word in some)])


def words(leaf: Test) -> tuple[bytes, ...]:
    """Texts in lower case of which one stands in the bytes of every record in which a value is as
    the test wants it, unless they `may_hide` it; () when there are none.
    """
    if not isinstance(leaf, Text | Regex):
        return ()
    if isinstance(leaf, Regex):
        found = [literal(leaf.pattern)]
    else:
        found = [max(_texts_of(pattern), key=len, default="") for pattern in leaf.patterns]
    plain = _PLAIN if leaf.field is None else _TOKEN
    sound = all(plain.fullmatch(word) and _LETTER.search(word) for word in found)
    return tuple(word.lower().encode() for word in found) if sound else ()


@lru_cache(maxsize=64)
def any_in(words: frozenset[bytes]) -> Callable[[bytes], bool]:
    """The test whether one of the words stands in some bytes: one pass, however many they are."""
    if len(words) <= 2:
        return lambda raw: any(word in raw for word in words)
    try:
        regex = _of_bytes(b"|".join(map(re2.escape, sorted(words))))
    except re2.error:  # too many for one expression
        return lambda raw: any(word in raw for word in words)
    return lambda raw: regex.search(raw) is not None


def _of_bytes(pattern: bytes) -> Any:
    options = re2.Options()
    options.log_errors, options.max_mem = False, SEARCH_MEMORY
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern, options)


def may_hide(raw: bytes) -> bool:
    """May JSON have a text that isn't seen in its bytes? By escapes, or by letters beside ASCII,
    some of which are the same as one of ASCII when case is left aside (the Kelvin sign).
    """
    return not raw.isascii() or _ESCAPED.search(raw) is not None


def _texts_of(pattern: Pattern) -> list[str]:
    if isinstance(pattern, str):
        return [pattern]
    return [piece for piece in pattern if isinstance(piece, str)]


class Guard:
    """All checks of one extra field at once: most texts pass none of them."""

    def __init__(self) -> None:
        self._leaves: set[Test] = set()
        self.nothing: tuple[Any, ...] = (msgspec.UNSET, None)
        """What passes no check because it is no value; null is one where it is asked for."""
        self.bad: set[Any] = set(self.nothing)
        """Values that are known to pass none, no value at all among them."""
        self._good: set[str] = set()
        self._word_in: Callable[[str], bool] = lambda text: False
        self._regex: Callable[[str], bool] = lambda text: False
        self._in_lines: Callable[[str], bool] = lambda joined: False
        self._tests: list[Callable[[str], bool]] = []
        """For what can't be told of all texts at once."""
        self._sieve: Sieve | None = None

    def add(self, check: Check) -> None:
        """From now on one of its tests counts too."""
        if not self._leaves.issuperset(check.leaves):
            self._leaves.update(check.leaves)
            if any(isinstance(one, Exists) for one in check.leaves):
                self.nothing = (msgspec.UNSET,)
            self._good, self.bad, self._sieve = set(), set(self.nothing), None

    def suspects(self, texts: set[str]) -> set[str]:
        """Those of the texts that could pass a check."""
        sieve = self._sieve or self._prepared()
        if len(self._good) + len(self.bad) > KEPT:
            self._good, self.bad = set(), set(self.nothing)
        if unknown := texts - self.bad - self._good:
            joined, longest = "\n".join(unknown), max(map(len, unknown))
            good: set[str] = set()
            if self._in_lines(joined):
                good.update(filter(self._regex, unknown))
            for test in self._tests:
                good.update(filter(test, unknown))
            if self._word_in(joined) or sieve.any(unknown, joined):
                good |= {t for t in unknown if self._word_in(t) or sieve.one(t)}
            if good:
                self._good |= good
                unknown -= good
            self.bad |= unknown
            if longest >= SHORT:
                return self._without_long(texts)
        return texts & self._good

    def _without_long(self, texts: set[str]) -> set[str]:
        """The same, and from now on long texts are not kept."""
        found = texts & self._good
        self._good = {text for text in self._good if len(text) < SHORT}
        self.bad = {one for one in self.bad if type(one) is not str or len(one) < SHORT}
        return found

    def _prepared(self) -> Sieve:
        regexes = [one.pattern for one in self._leaves if isinstance(one, Regex)]
        unusual = [pattern for pattern in regexes if not literal(pattern)]
        self._word_in = one_of({re2.escape(word) for word in map(literal, regexes) if word})
        if unusual:
            self._regex, self._in_lines = one_of(unusual), in_lines(unusual)
        self._tests = _together(self._leaves)
        patterns = [p for one in self._leaves if isinstance(one, Text) for p in one.patterns]
        self._sieve = Sieve(set(map(_folded, patterns)))
        return self._sieve


def _by_rule(tests: Iterable[tuple[int, Test]]) -> dict[int, list[Test]]:
    found: dict[int, list[Test]] = {}
    for number, leaf in tests:
        found.setdefault(number, []).append(leaf)
    return found


def _one_of(leaves: Sequence[Test]) -> Callable[[str], bool]:
    """The test whether any of them could hold."""
    tests = _together(leaves)
    for leaf in leaves:
        if isinstance(leaf, Text):
            tests.append(text_test(leaf))
        elif isinstance(leaf, Regex):
            tests.append(_regex_test(leaf))
    return tests[0] if len(tests) == 1 else lambda text: any(test(text) for test in tests)


def _together(leaves: Collection[Test]) -> list[Callable[[str], bool]]:
    """Tests of one text that stand for many: all networks, all comparisons, being there."""
    tests: list[Callable[[str], bool]] = []
    if networks := [leaf.network for leaf in leaves if isinstance(leaf, Cidr)]:
        tests.append(Networks(networks).hold)
    if compared := [leaf for leaf in leaves if isinstance(leaf, Compare)]:
        tests.append(compare_any(compared))
    if any(isinstance(leaf, Exists) for leaf in leaves):
        tests.append(lambda text: True)
    return tests


def _regex_test(leaf: Regex) -> Callable[[str], bool]:
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


_ESCAPED = _of_bytes(rb"\\[u/]")
"""What could stand for any other character. RE2 finds it seventy times as fast as `in` does."""

_PLAIN = re.compile(r"[ !#-\[\]-~]+")
"""Nothing that JSON always writes as an escape."""

_TOKEN = re.compile(r"(?!:)[ !#-+./0-Z^-z|~-]+")
"""Nothing that stands between values either: an object reads as its JSON without spaces."""

_LETTER = re.compile(r"[^0-9+.eE-]")
"""Something that no number has: those are written in several ways."""

_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")

_SPECIAL = frozenset(".^$*+?{}()[]0123456789,")
"""Digits and commas too: they may belong to a {1,2}."""

_REPEATS = frozenset({"*", "?", "{"})
