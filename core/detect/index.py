"""The index: from the texts that a record has to the few rules that could match it.

A tree over the fields that rules name exactly. Each level asks the record for one field and goes
on below the branches of its texts, and below the branch of the rules that do not name that field.
Levels are built when a record first reaches them, so a big rulebook costs only what is used. It
knows nothing of sources or of how a rule matches. `only` limits the fields that may be asked for:
those that are known before a record is opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from core.detect.matcher import View
from core.rulebook import Entry

__all__ = ["Index"]

FEW = 3
"""So many rules are quicker tried than told apart."""


class Index:
    """Rules by number, below one branch of the tree (or all of them, at its root)."""

    __slots__ = ("_asked", "_branches", "_entries", "_field", "_numbers", "_only", "_others")

    def __init__(
        self,
        entries: Sequence[Entry],
        numbers: Sequence[int],
        asked: frozenset[str] = frozenset(),
        first: str = "",
        only: Collection[str] | None = None,
    ) -> None:
        self._entries, self._numbers, self._asked = entries, numbers, asked
        self._only = only
        self._branches: dict[str, list[int] | Index] = {}
        self._others: Index | None = None
        self._field = first or self._best()
        if self._field:
            self._split()

    def candidates(self, view: View) -> list[int]:
        """Numbers of the rules that the record may match, in order, each once."""
        found = list(self.collect(view))
        return sorted(set(found)) if len(found) > 1 else found

    def collect(self, view: View) -> Iterator[int]:
        """The same in no order, some perhaps twice."""
        if self._others is None:
            yield from self._numbers
            return
        for text in view.folded(self._field):
            branch = self._branches.get(text)
            if branch is None:
                continue
            if isinstance(branch, list):
                branch = self._below(branch)
                self._branches[text] = branch
            yield from branch.collect(view)
        yield from self._others.collect(view)

    def _best(self) -> str:
        """The field that the most rules name exactly; "" when telling apart does not pay."""
        if len(self._numbers) <= FEW:
            return ""
        counts = Counter(
            field
            for number in self._numbers
            for field in self._entries[number].needs
            if field not in self._asked and (self._only is None or field in self._only)
        )
        field, count = max(counts.items(), key=lambda one: one[1], default=("", 0))
        return field if count > 1 else ""

    def _split(self) -> None:
        others = []
        for number in self._numbers:
            texts = self._entries[number].needs.get(self._field)
            if texts is None:
                others.append(number)
                continue
            for text in texts:
                branch = self._branches.setdefault(text, [])
                assert isinstance(branch, list)
                branch.append(number)
        self._others = self._below(others)

    def _below(self, numbers: list[int]) -> Index:
        return Index(self._entries, numbers, self._asked | {self._field}, "", self._only)
