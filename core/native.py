"""Reading native records of any shape: a path that leads nowhere, or to another kind, is absent.

Clouds give an object where there is one thing and a list where there are several, leave fields
out and write null; hostile ones do worse. So a path goes through lists and past what is missing,
and never raises; only `decoded` does, for what is no JSON has no shape. It knows no cloud and no
field.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from core.errors import BadRecord
from core.hostile import mended, quoted
from core.model import Json

__all__ = [
    "MOMENTS",
    "MOST_DEPTH",
    "TOKEN",
    "decoded",
    "dig",
    "endpoint",
    "first",
    "is_deep",
    "is_world",
    "items",
    "milliseconds",
    "only",
    "parsed",
    "plain_address",
    "text",
]


MOST_DEPTH = 700
"""No record means anything there. msgspec reads about 980 levels, and then fails to write them."""

PASSES = 16
"""More than usual messages are deep; what is left then is gone through bracket by bracket."""

MOST_DIGITS = 4_300
"""Of a whole number; Python reads no longer ones."""


def decoded(body: Any) -> Any:
    """A message from its JSON, or as it is if somebody decoded it; BadRecord if it is no JSON."""
    if not isinstance(body, bytes | bytearray | str):
        return body
    try:
        return parsed(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRecord(f"a message that is not JSON ({error}): {quoted(body)}") from error


def parsed(body: Any) -> Any:
    """The value of a JSON text: of all of it that any reader takes, as whoever is able to write
    something odd into a log must not get his record lost by it.

    Half of a surrogate pair is U+FFFD, and a number beyond all floats the last of them, which can
    be written as JSON again. What is nested more than MOST_DEPTH deep is a RecursionError;
    otherwise raises what msgspec does.
    """
    data = body.encode() if isinstance(body, str) else bytes(body)
    if is_deep(data):
        raise RecursionError("nested too deeply")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        if (whole := mended(data)) == data and not _is_of_a_number(error):
            raise
    try:
        return msgspec.json.decode(whole)
    except (msgspec.DecodeError, ValueError) as error:
        if not _is_of_a_number(error):
            raise
    import json  # seldom needed, and a cold start pays for each import

    return json.loads(
        whole.decode(), parse_int=_integer, parse_float=_float, parse_constant=_refuse
    )


def is_deep(data: bytes) -> bool:
    """Is JSON nested more than MOST_DEPTH deep? Later on nobody has to ask: it is little enough for
    any reader, and for each that is recursive.
    """
    if data.count(b"[") + data.count(b"{") <= MOST_DEPTH:  # as in nearly all records
        return False
    brackets = data.translate(None, _NO_BRACKETS)
    for _ in range(PASSES):  # those of what is shallow go in pairs, a level or two a time
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    return bool(brackets) and _depth(data) > MOST_DEPTH


def _depth(data: bytes) -> int:
    deepest = depth = 0
    for token in re.finditer(TOKEN, data):
        first = token[0][:1]
        depth += (first in b"[{") - (first in b"]}")
        deepest = max(deepest, depth)
    return deepest


def _is_of_a_number(error: Exception) -> bool:
    return any(words in str(error) for words in ("out of range", "digits"))


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < MOST_DIGITS else _float(digits)


def _float(digits: str) -> float:
    return min(max(float(digits), -sys.float_info.max), sys.float_info.max)


def _refuse(constant: str) -> Any:
    raise ValueError(f"JSON has no {constant}")


def milliseconds(moment: datetime) -> int:
    """A moment (in UTC where it names no zone) in epoch ms; OverflowError outside of the years 1 to
    9999 of UTC, which nobody can write.
    """
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


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
        found = plain_address(value)
    except ValueError:
        return "", value
    return ("", value) if "%" in value else (found, "")


def plain_address(value: str) -> str:
    """An IP address, as it is but for IPv4 mapped into IPv6, which is IPv4; ValueError for none."""
    mapped = getattr(ipaddress.ip_address(value), "ipv4_mapped", None)
    return str(mapped) if mapped else value


def only(value: str) -> list[Json]:
    """A text as the one value of a field; an empty one is none."""
    return [value] if value else []


def is_world(value: Json) -> bool:
    """Whether a network is the whole internet: a /0, by any address and of either version."""
    try:
        return ipaddress.ip_network(text(value), strict=False).prefixlen == 0
    except ValueError:
        return False  # no network: the name of a group, a list, a tag


MOMENTS = range(-62_135_596_800_000, 253_402_300_800_000)
"""Epoch ms of the years 1 to 9999."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

TOKEN = rb'(?s:"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\]])'
"""A string of JSON, or a bracket. An open string runs to the end, so that the time stays linear."""
