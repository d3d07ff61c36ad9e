"""Reading native records of any shape: a path that leads nowhere, or to another kind, is absent.

Clouds give an object where there is one thing and a list where there are several, leave fields
out and write null; hostile ones do worse. So a path goes through lists and past what is missing,
and never raises. It knows no cloud and no field.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.model import Json

__all__ = ["dig", "first", "items", "text"]


def dig(value: Json, path: str) -> list[Json]:
    """All values at a dotted path, through lists on the way; nulls and wrong kinds are absent."""
    keys = path.split(".")
    for place, key in enumerate(keys):
        if type(value) is not dict:  # the usual way on is plain objects; it is the quicker one
            return _spread(value, keys[place:])
        value = value.get(key)
    return [leaf for leaf in items(value) if leaf is not None]


def _spread(value: Json, keys: list[str]) -> list[Json]:
    found = items(value)
    for key in keys:
        found = [
            leaf
            for each in found
            if isinstance(each, Mapping)
            for leaf in items(each.get(key))
            if leaf is not None
        ]
    return found


def first(value: Json, *paths: str) -> str:
    """The first text that is not empty at any of the paths; "" if there is none."""
    return next((leaf for path in paths for leaf in dig(value, path) if text(leaf)), "")


def text(value: Json) -> str:
    """The value if it is text, else "": a field of a wrong kind counts as absent."""
    return value if isinstance(value, str) else ""


def items(value: Json) -> list[Json]:
    """A list as it is, anything else as its only item, null as none."""
    return value if isinstance(value, list) else [] if value is None else [value]
