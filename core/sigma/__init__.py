"""Sigma documents to a Rulebook: what can be honoured is compiled, the rest is refused by line.

    compile_rules(paths) -> Compiled(book, faults, warnings, examples)

Reading order: document.py (YAML with lines), about.py (what a rule says about itself),
detection.py (what it looks for; the only importer of pySigma). Nothing here runs in a function:
rules are compiled when a rulebook is built, and by the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.errors import BadRule
from core.model import Rule
from core.ports import Source
from core.rulebook import Expr, Rulebook, book
from core.sigma.about import Example, Reading, examples, provider, rule, unknown_source
from core.sigma.detection import Placeholders, expression
from core.sigma.document import Node, documents

__all__ = ["Compiled", "Example", "compile_rules"]


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A rulebook of all rules that can be honoured, and what was wrong with the others."""

    book: Rulebook
    faults: tuple[BadRule, ...]
    """Each names file, line and reason; its rule is not in the book."""
    warnings: tuple[BadRule, ...]
    """The same for rules that are in the book and yet can't do what they should."""
    examples: Mapping[str, tuple[Example, ...]]
    """Rule id -> its `tests`."""


def compile_rules(
    paths: Iterable[Path],
    sources: Iterable[Source] = (),
    *,
    placeholders: Placeholders | None = None,
) -> Compiled:
    """Compile every YAML document of the files, and of the files below the folders.

    `sources` are those that the deployment reads: a rule for another one is compiled, with a
    warning. `placeholders` are the values of the `expand` modifier.
    """
    work = _Work(tuple(sources), placeholders or {})
    for path in paths:
        for file in _files(path, work.faults):
            work.read(file)
    return Compiled(
        book=book(work.rules),
        faults=tuple(work.faults),
        warnings=tuple(work.warnings),
        examples=work.examples,
    )


class _Work:
    """The compilation so far."""

    def __init__(self, sources: tuple[Source, ...], placeholders: Placeholders) -> None:
        self.sources, self.placeholders = sources, placeholders
        self.rules: list[tuple[Rule, Expr, str]] = []
        self.faults: list[BadRule] = []
        self.warnings: list[BadRule] = []
        self.examples: dict[str, tuple[Example, ...]] = {}
        self.places: dict[str, str] = {}

    def read(self, file: Path) -> None:
        """Compile the documents of one file; a fault ends its document, not the file."""
        try:
            for document in documents(file.read_text(encoding="utf-8-sig"), str(file)):
                self._compile(document, str(file))
        except BadRule as fault:
            self.faults.append(fault)
        except (OSError, UnicodeDecodeError) as error:
            self.faults.append(BadRule(f"can't be read: {error}", file=str(file)))

    def _compile(self, document: Node, file: str) -> None:
        reading = Reading(document, file)
        kind = _kind(document)
        if kind != "rule":
            self.faults.append(_KINDS[kind](document, file))
            return
        found, tests = rule(reading), examples(reading)
        looks_for = self._expression(reading)
        self._refuse_twice(reading, found)
        self.faults.extend(reading.faults)
        if reading.faults or looks_for is None:
            return
        self.places[found.id] = f"{file}:{document.line}"
        self.rules.append((found, looks_for, provider(reading)))
        if warning := unknown_source(reading, found.source, self.sources):
            self.warnings.append(warning)
        if tests:
            self.examples[found.id] = tests

    def _expression(self, reading: Reading) -> Expr | None:
        detection = reading.nodes.get("detection")
        if detection is None or not detection.map:
            line = detection.line if detection else reading.document.line
            reading.fault(line, "a rule needs a detection with a search and a condition")
            return None
        try:
            return expression(detection, reading.file, self.placeholders)
        except BadRule as fault:
            reading.faults.append(fault)
            return None

    def _refuse_twice(self, reading: Reading, found: Rule) -> None:
        if found.id in self.places:
            node = reading.nodes.get("id", reading.document)
            reading.fault(node.line, f"id '{found.id}' is taken by {self.places[found.id]}")


def _files(path: Path, faults: list[BadRule]) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(p for p in path.rglob("*") if p.suffix in (".yml", ".yaml"))
    elif path.exists():
        yield path
    else:
        faults.append(BadRule("no such file or folder", file=str(path)))


def _kind(document: Node) -> str:
    """rule, correlation, filter, action (Sigma 1's collections) or other."""
    if not isinstance(document.value, dict):
        return "other"
    return next((kind for kind in _KINDS if kind in document.map), "rule")


def _refusal(reason: str) -> Callable[[Node, str], BadRule]:
    def refuse(document: Node, file: str) -> BadRule:
        line = next((document.lines[k] for k in _KINDS if k in document.lines), document.line)
        return BadRule(reason, file=file, line=line)

    return refuse


_KINDS: Mapping[str, Callable[[Node, str], Any]] = {
    "correlation": _refusal("correlations are not supported yet"),
    "filter": _refusal("filters are not supported yet"),
    "action": _refusal("collections (`action: global`) are not part of Sigma 2: repeat the keys"),
    "other": _refusal("a rule is a map of keys"),
}
