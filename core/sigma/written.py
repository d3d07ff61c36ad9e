"""How a rule is written, for whoever has something to say about it: lines, and searches by name.

What is here is not in a rulebook: it matters to authors alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from core.rulebook import Expr
from core.sigma.document import Node

__all__ = ["Search", "Written", "written"]


class Search(msgspec.Struct, frozen=True):
    """One named search of a detection."""

    line: int
    looks_for: Expr


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of a document lie. Lines are 1-based, 0 where there is none."""

    line: int = 0
    lines: Mapping[str, int] = {}
    """Key of the document, or of its `correlation` -> its line; keys of the latter win."""
    fields: Mapping[str, int] = {}
    """Field of the detection -> the first line that names it."""
    searches: Mapping[str, Search] = {}

    def at(self, *keys: str) -> int:
        """The line of the first of the keys that is there, else of the document."""
        return next((self.lines[key] for key in keys if key in self.lines), self.line)


def written(document: Node, searches: Mapping[str, Expr]) -> Written:
    """How a document is written whose searches have been read."""
    detection = document.map.get("detection", Node(0, None))
    correlation = document.map.get("correlation", Node(0, None))
    fields: dict[str, int] = {}
    for name, line in _keys(detection):
        fields.setdefault(name, line)
    return Written(
        line=document.line,
        lines={**document.lines, **detection.lines, **correlation.lines},
        fields=fields,
        searches={
            name: Search(detection.lines[name], looks_for) for name, looks_for in searches.items()
        },
    )


def _keys(node: Node) -> Iterator[tuple[str, int]]:
    """Each field of a detection with its line."""
    for one in node.map.values() if node.map else node.list:
        for key, line in one.lines.items():
            yield key.partition("|")[0], line
        if one is not node:
            yield from _keys(one)
