"""Sigma documents to a Rulebook: what can be honoured is compiled, the rest is refused by line.

    compile_rules(paths) -> Compiled(book, faults, warnings, examples)

Reading order: document.py (YAML with lines), collection.py (documents that share keys), about.py
(what a rule says about itself), detection.py (what it looks for) with modifiers.py, condition.py
(which of it must hold), correlation.py (rules over rules), filter.py (hits that are suppressed);
only detection.py, modifiers.py, condition.py and correlation.py import pySigma.
Nothing here runs in a function: rules are compiled when a rulebook is built, and by the command
line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import msgspec

from core.correlate import Correlation
from core.errors import BadRule
from core.model import Rule
from core.ports import Source
from core.rulebook import Expr, Filter, Rulebook, book
from core.sigma.about import (
    Example,
    Reading,
    described,
    examples,
    provider,
    rule,
    unknown_source,
    unknown_taxonomy,
    unsaid,
)
from core.sigma.collection import ACTIONS, expanded
from core.sigma.correlation import Names, correlation, doubtful, same
from core.sigma.detection import Placeholders, parts
from core.sigma.document import Node, documents
from core.sigma.filter import FilterExample, Known, filter_tests, questionable, suppression
from core.sigma.written import Search, Written, written

__all__ = ["Compiled", "Example", "FilterExample", "Search", "Written", "compile_rules"]


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A rulebook of all rules that can be honoured, and what was wrong with the others."""

    book: Rulebook
    faults: tuple[BadRule, ...]
    """Each names file, line and reason; its rule is not in the book."""
    warnings: tuple[BadRule, ...]
    """The same for rules that are in the book and yet can't do what they should."""
    examples: Mapping[str, tuple[Example, ...]]
    """Rule id -> its `tests`."""
    filter_examples: Mapping[str, tuple[FilterExample, ...]] = {}
    """Filter id -> its `tests`."""
    written: Mapping[str, Written] = {}
    """Rule id -> where its parts lie."""


def compile_rules(
    paths: Iterable[Path],
    sources: Iterable[Source] = (),
    *,
    placeholders: Placeholders | None = None,
    beside: Iterable[Rulebook] = (),
) -> Compiled:
    """Compile every YAML document of the files, and of the files below the folders.

    `sources` are those that the deployment reads: a rule for another one is compiled, with a
    warning. `placeholders` are the values of the `expand` modifier. `beside` are built books that
    the rules are used with: filters may be on their rules, by id.
    """
    work = _Work(tuple(sources), placeholders or {})
    for path in paths:
        for file in _files(path, work.faults):
            work.read(file)
    correlations = work.correlations()
    filters = work.filters(correlations, beside)
    return Compiled(
        book=book(work.rules, correlations, filters),
        faults=tuple(work.faults),
        warnings=tuple(work.warnings),
        examples=work.examples,
        filter_examples=work.filter_examples,
        written=work.written,
    )


class _Work:
    """The compilation so far."""

    def __init__(self, sources: tuple[Source, ...], placeholders: Placeholders) -> None:
        self.sources, self.placeholders = sources, placeholders
        self.rules: list[tuple[Rule, Expr, str]] = []
        self.faults: list[BadRule] = []
        self.warnings: list[BadRule] = []
        self.examples: dict[str, tuple[Example, ...]] = {}
        self.filter_examples: dict[str, tuple[FilterExample, ...]] = {}
        self.places: dict[str, str] = {}
        self.written: dict[str, Written] = {}
        self.names = Names()
        self.waiting: list[Reading] = []
        """Correlations: they are compiled once everything that they may name is read."""
        self.sieves: list[Reading] = []
        """Filters, which may name anything too."""

    def read(self, file: Path) -> None:
        """Compile the documents of one file; a fault ends its document, not the file."""
        try:
            text = file.read_text(encoding="utf-8-sig")
            for document in expanded(documents(text, str(file))):
                self._compile(document, str(file))
        except BadRule as fault:
            self.faults.append(fault)
        except (OSError, UnicodeDecodeError) as error:
            self.faults.append(BadRule(f"can't be read: {error}", file=str(file)))

    def _compile(self, document: Node, file: str) -> None:
        reading = Reading(document, file)
        kind = _kind(document)
        if kind == "correlation":
            self.waiting.append(reading)
            self.names.add(reading, described(reading).id)
            reading.faults.clear()
            return
        if kind == "filter":
            self.sieves.append(reading)
            return
        if kind != "rule":
            self.faults.append(_KINDS[kind](document, file))
            return
        found, tests = rule(reading), examples(reading)
        looks_for, searches = self._expression(reading)
        self._refuse_twice(reading, found.id)
        self.names.add(reading, found.id)
        self.faults.extend(reading.faults)
        if reading.faults or looks_for is None:
            return
        self.places[found.id] = f"{file}:{document.line}"
        self.rules.append((found, looks_for, provider(reading)))
        self.written[found.id] = written(document, searches)
        doubts = (unknown_source(reading, found.source, self.sources), unknown_taxonomy(reading))
        self.warnings.extend(doubt for doubt in doubts if doubt is not None)
        self.warnings.extend(reading.doubts)
        self.warnings.extend(unsaid(reading))
        if tests:
            self.examples[found.id] = tests

    def correlations(self) -> list[Correlation]:
        """Compile the correlations, and refuse those that watch what was refused or each other."""
        found: dict[str, tuple[Correlation, Reading]] = {}
        tests: dict[str, tuple[Example, ...]] = {}
        for reading in self.waiting:
            one = correlation(reading, self.names)
            shown = examples(reading, together=True)
            if one is not None:
                self._refuse_twice(reading, one.id)
            self.faults.extend(reading.faults)
            if one is not None and not reading.faults:
                self.places[one.id] = f"{reading.file}:{reading.document.line}"
                self.written[one.id] = written(reading.document, {})
                found[one.id], tests[one.id] = (one, reading), shown
        while wrong := _circle(found) or _bereft(found, {rule.id for rule, _, _ in self.rules}):
            for id, reason in wrong.items():
                _, reading = found.pop(id)
                line = reading.document.lines["correlation"]
                self.faults.append(BadRule(reason, file=reading.file, line=line))
        for one, reading in found.values():
            self.warnings.extend(doubtful(reading, one))
            self.warnings.extend(reading.doubts)
            if tests[one.id]:
                self.examples[one.id] = tests[one.id]
        return [one for one, _ in found.values()]

    def filters(
        self, correlations: Iterable[Correlation], beside: Iterable[Rulebook]
    ) -> list[Filter]:
        """Compile the filters."""
        rules = {
            entry.id: (entry.source, entry.provider) for one in beside for entry in one.entries
        }
        rules |= {rule.id: (rule.source, provider) for rule, _, provider in self.rules}
        ids = {same(id): id for id in rules}
        watched = {one.id: one.watched for one in correlations}
        known = Known(self.names, rules, ids, watched)
        found = []
        for reading in self.sieves:
            one = suppression(reading, known, self.placeholders)
            if one is not None:
                self._refuse_twice(reading, one.id)
                tests = filter_tests(reading, one, known)
            self.faults.extend(reading.faults)
            if one is None or reading.faults:
                continue
            self.places[one.id] = f"{reading.file}:{reading.document.line}"
            self.warnings.extend(reading.doubts)
            self.warnings.extend(questionable(reading, one, known))
            self.filter_examples |= {one.id: tests} if tests else {}
            found.append(one)
        return found

    def _expression(self, reading: Reading) -> tuple[Expr | None, dict[str, Expr]]:
        detection = reading.nodes.get("detection")
        if detection is None or not detection.map:
            line = detection.line if detection else reading.document.line
            reading.fault(line, "a rule needs a detection with a search and a condition")
            return None, {}
        try:
            return parts(detection, reading.file, self.placeholders)
        except BadRule as fault:
            reading.faults.append(fault)
            return None, {}

    def _refuse_twice(self, reading: Reading, id: str) -> None:
        if id in self.places:
            node = reading.nodes.get("id", reading.document)
            reading.fault(node.line, f"id '{id}' is taken by {self.places[id]}")


def _circle(found: Mapping[str, tuple[Correlation, Reading]]) -> dict[str, str]:
    """The correlations that watch each other in a circle, with the reason to refuse them."""
    graph = {id: [rule for rule in one.watched if rule in found] for id, (one, _) in found.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))  # graphlib's begins with what is watched
        reason = f"correlations watch each other in a circle: {' -> '.join(circle)}"
        return dict.fromkeys(circle, reason)
    return {}


def _bereft(
    found: Mapping[str, tuple[Correlation, Reading]], rules: set[str]
) -> dict[str, str]:  # fmt: skip
    """The correlations that watch what is refused."""
    return {
        id: f"it watches '{gone[0]}', which is refused"
        for id, (one, _) in found.items()
        if (gone := [rule for rule in one.watched if rule not in rules and rule not in found])
    }


def _files(path: Path, faults: list[BadRule]) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in _YAML)
    elif path.exists():
        yield path
    else:
        faults.append(BadRule("no such file or folder", file=str(path)))


def _kind(document: Node) -> str:
    """rule, correlation, filter, action (Sigma 1's collections) or other."""
    if not isinstance(document.value, dict):
        return "other"
    kinds = ("correlation", "filter", *_KINDS)
    return next((kind for kind in kinds if kind in document.map), "rule")


def _refusal(reason: str) -> Callable[[Node, str], BadRule]:
    def refuse(document: Node, file: str) -> BadRule:
        line = next((document.lines[k] for k in _KINDS if k in document.lines), document.line)
        return BadRule(reason, file=file, line=line)

    return refuse


_YAML = (".yml", ".yaml")

_KINDS: Mapping[str, Callable[[Node, str], Any]] = {
    "action": _refusal(f"an action is one of {', '.join(ACTIONS)}, in a file with rules"),
    "other": _refusal("a rule is a map of keys"),
}
