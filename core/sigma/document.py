"""YAML documents as nodes that remember their line, so that every fault can name it.

It knows YAML and nothing of Sigma. Aliases are expanded, but only so far (a small file can't grow
into a huge rule); dates stay the text that was written; a key given twice is a fault.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import yaml

from core.errors import BadRule

__all__ = ["Node", "Place", "Value", "documents", "near"]

MOST_NODES = 100_000
"""Nodes of one document with its aliases expanded."""

MOST_DEPTH = 60

Value = dict[str, "Node"] | list["Node"] | str | int | float | bool | None


class Node(msgspec.Struct, frozen=True):
    """A YAML value: a scalar, a list of nodes, or a map from key to node."""

    line: int
    """Where it begins, 1-based."""
    value: Any
    text: str = ""
    """A scalar as it was written."""
    lines: dict[str, int] = {}
    """Of a map: key -> line of the key."""

    @property
    def map(self) -> dict[str, Node]:
        """Its entries; empty when it is no map."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def list(self) -> list[Node]:
        """Its items; a single value counts as a list of one, and null as none."""
        if self.value is None:
            return []
        return self.value if isinstance(self.value, list) else [self]

    @property
    def is_scalar(self) -> bool:
        """Text, number, boolean or null."""
        return not isinstance(self.value, dict | list)

    def plain(self) -> Any:
        """Itself as JSON-like data, without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class Place:
    """Where a fault would lie."""

    def __init__(self, file: str, line: int) -> None:
        self.file, self.line = file, line

    def bad(self, reason: str, hint: str = "") -> BadRule:
        """The fault, for whoever raises it."""
        return BadRule(reason, file=self.file, line=self.line, hint=hint)

    def at(self, line: int) -> Place:
        """Another line of the same file."""
        return Place(self.file, line)


def documents(text: str, file: str) -> Iterator[Node]:
    """Each document that is not empty, in order. BadRule at the first that is no YAML."""
    _refuse_depth(text, file)
    try:
        loader = _LOADER(text)
    except yaml.YAMLError as error:
        raise _fault(error, file) from error
    try:
        while loader.check_node():
            node = _build(loader, loader.get_node(), file, [MOST_NODES], MOST_DEPTH)
            if node.value is not None:
                yield node
    except (yaml.YAMLError, RecursionError, ValueError, LookupError) as error:
        raise _fault(error, file) from error
    finally:
        loader.dispose()


def near(name: str, choices: Iterable[str], least: float = 0.6) -> str:
    """A hint with the choice that looks most like the name; "" when none does.

    `least` is from 0 to 1, as difflib measures likeness.
    """
    found = difflib.get_close_matches(name, [str(one) for one in choices], n=1, cutoff=least)
    return f"did you mean '{found[0]}'?" if found else ""


def _refuse_depth(text: str, file: str) -> None:
    """Libyaml's composer recurses in C and takes the process down with it; its parser does not."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MOST_DEPTH:
                raise BadRule("nested too deeply", file=file, line=_line(event))
    except yaml.YAMLError:
        return  # the documents before the fault are still read; then it is reported with its line


def _build(loader: Any, node: Any, file: str, budget: list[int], depth: int) -> Node:
    line = _line(node)
    budget[0] -= 1
    if budget[0] < 0 or depth < 0:
        raise BadRule("too much nested or repeated by aliases to be a rule", file=file, line=line)
    if isinstance(node, yaml.ScalarNode):
        return Node(line, _scalar(loader, node), node.value)
    if isinstance(node, yaml.SequenceNode):
        return Node(line, [_build(loader, n, file, budget, depth - 1) for n in node.value])
    _merge(loader, node, file)
    found = {key.value: _build(loader, value, file, budget, depth - 1) for key, value in node.value}
    return Node(line, found, "", {key.value: _line(key) for key, _ in node.value})


def _merge(loader: Any, node: yaml.MappingNode, file: str) -> None:
    """Bring in what the key `<<` names; a map's own keys go before those."""
    own: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise BadRule("a key must be plain text", file=file, line=_line(key))
        if key.value in own:
            raise BadRule(f"key '{key.value}' is given twice", file=file, line=_line(key))
        own.add(key.value)
    loader.flatten_mapping(node)
    node.value = list({key.value: (key, value) for key, value in node.value}.values())


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _scalar(loader: Any, node: yaml.ScalarNode) -> Any:
    if node.tag.rpartition(":")[2] in ("timestamp", "binary", "value", "merge"):
        return node.value
    found = loader.construct_object(node)
    if found == node.value and not node.style and _FLOAT.fullmatch(found):
        return float(found)  # 1.5e3: a number in YAML 1.2, of which PyYAML knows nothing
    return found


def _fault(error: Exception, file: str) -> BadRule:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    return BadRule(f"not YAML: {problem}", file=file, line=mark.line + 1 if mark else 0)


_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
