"""Reading native records of any shape: a path that leads nowhere, or to another kind, is absent.

Clouds give an object where there is one thing and a list where there are several, leave fields
out and write null; hostile ones do worse. So a path goes through lists and past what is missing,
and never raises; only `decoded` does, for what is no JSON has no shape. It knows no cloud and no
field.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from core.errors import BadRecord
from core.hostile import quoted
from core.model import Json

__all__ = [
    "decoded",
    "dig",
    "endpoint",
    "first",
    "is_world",
    "items",
    "mended",
    "only",
    "parsed",
    "text",
]


def decoded(body: Any) -> Any:
    """A message from its JSON, or as it is if somebody decoded it; BadRecord if it is no JSON."""
    if not isinstance(body, bytes | bytearray | str):
        return body
    try:
        return parsed(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRecord(f"a message that is not JSON ({error}): {quoted(body)}") from error


def parsed(body: Any) -> Any:
    """The value of a JSON text, halves of surrogate pairs read as U+FFFD.

    JSON may have such halves, and no text can: whoever is able to write one into a log must not get
    his record lost by it. Otherwise raises what msgspec does.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        whole = body.encode() if isinstance(body, str) else bytes(body)
        if (found := mended(whole)) == whole:
            raise
        return msgspec.json.decode(found)


def mended(data: bytes) -> bytes:
    """JSON with U+FFFD for each half of a surrogate pair."""
    return _HALVES.sub(lambda found: rb"\ufffd" if found[1] else found[0], data)


def dig(value: Json, path: str) -> list[Json]:
    """All values at a dotted path, through lists on the way; nulls and wrong kinds are absent."""
    keys = _keys(path)
    for place, key in enumerate(keys):
        if type(value) is not dict:  # the usual way on is plain objects; it is the quicker one
            return [] if value is None else _spread(value, keys[place:])
        value = value.get(key)
    if type(value) is list:
        return [leaf for leaf in value if leaf is not None]
    return [] if value is None else [value]


@lru_cache(maxsize=1_024)
def _keys(path: str) -> Sequence[str]:
    """Readers of records know a few hundred paths, and ask for each again and again."""
    return path.split(".")


def _spread(value: Json, keys: Sequence[str]) -> list[Json]:
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


def endpoint(value: str) -> tuple[str, str]:
    """(ip, domain) of where a call came from: an address, or whatever else a cloud writes there."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "", value
    return ("", value) if "%" in value else (value, "")


def only(value: str) -> list[Json]:
    """A text as the one value of a field; an empty one is none."""
    return [value] if value else []


def is_world(value: Json) -> bool:
    """Whether a network is the whole internet: a /0, by any address and of either version."""
    try:
        return ipaddress.ip_network(text(value), strict=False).prefixlen == 0
    except ValueError:
        return False  # no network: the name of a group, a list, a tag


_HALVES = re.compile(
    rb"\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
"""Escapes in JSON: those of half a pair are the first group, the others are met to be passed by."""
