"""Sigma 1's collections: documents of one file that share what `action: global` says.

Sigma 2 has done without them, and files that are older than it still come. It knows how documents
add up, and nothing of what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from core.sigma.document import Node

__all__ = ["ACTIONS", "expanded"]

ACTIONS = ("global", "reset", "repeat")


def expanded(documents: Iterable[Node]) -> Iterator[Node]:
    """The documents of a file, each with what it takes over from those before it.

    `global` is taken over by all that follow, up to `reset`; `repeat` takes over the rule before.
    An id that is taken over gets a number from the second rule of that id on, as ids are of one
    rule only; so does a name that stands for one. A document with an action of another name is left
    as it is, as are a `global` that nothing follows and a `repeat` of nothing.
    """
    shared, last, idle = _NOTHING, _NOTHING, _NOTHING
    used: dict[str, int] = {}
    for document in documents:
        action = document.map.get("action", _NOTHING).text
        own = _without(document, "action") if action in ACTIONS else document
        if action == "global":
            shared, idle = _merged(shared, own), document
        elif action == "reset":
            shared, idle = _NOTHING, _NOTHING
        elif action == "repeat" and last is _NOTHING:
            yield document
        else:
            below = last if action == "repeat" else shared
            last, idle = own if below is _NOTHING else _merged(below, own), _NOTHING
            yield _numbered(last, own, used)
    if idle is not _NOTHING:
        yield idle


def _merged(below: Node, above: Node) -> Node:
    """Maps key by key, all else as it stands above."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    found = dict(below.value)
    for key, node in above.value.items():
        found[key] = _merged(found[key], node) if key in found else node
    return Node(above.line, found, "", {**below.lines, **above.lines})


def _without(document: Node, key: str) -> Node:
    kept = {name: node for name, node in document.map.items() if name != key}
    return msgspec.structs.replace(document, value=kept)


def _numbered(document: Node, own: Node, used: dict[str, int]) -> Node:
    key = next((key for key in ("id", "name") if key in document.map), "")
    id = document.map.get(key, _NOTHING)
    if not id.is_scalar or not id.text:
        return document
    used[id.text] = used.get(id.text, 0) + 1
    if used[id.text] == 1 or key in own.map:
        return document
    name = f"{id.text}#{used[id.text]}"
    numbered = msgspec.structs.replace(id, value=name, text=name)
    return msgspec.structs.replace(document, value={**document.map, key: numbered})


_NOTHING = Node(0, None)
