"""What comes from events, made safe to show: no control, no hidden character, no credential.

What an attacker chose to be called ends up in terminals, chats, mails and logs. Characters that
drive the medium instead of being read are written as escapes. Markup (HTML, Slack, Markdown, rich)
is escaped by whoever knows the markup, on top of this.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

__all__ = ["kind_of", "masked", "mended", "printable", "quoted", "whole_json"]

MASK = "[masked]"

DEPTH = 64
"""Deeper than any record that means something; a record may nest to exhaust the stack."""

PLAIN = frozenset({str, int, bool, float, type(None)})
"""What nearly all values are; to ask whether something is a Mapping costs more than all else."""

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are acted on or not seen: controls, formats (bidi), surrogates, ..."""


def printable(text: str, limit: int = 0) -> str:
    """The text with every hidden character as its escape, cut to `limit` characters if given."""
    if not text.isascii() or not text.isprintable():
        text = "".join(_shown(char) for char in text)
    return text if not limit or len(text) <= limit else text[: limit - 1] + "…"


def _shown(char: str) -> str:
    if unicodedata.category(char) not in HIDDEN:
        return char
    return char.encode("unicode_escape").decode()


def quoted(value: Any) -> str:
    """A value for a reason: text in quotes, ASCII, cut; of anything else just its kind."""
    return ascii(value[:80]) if isinstance(value, bytes | bytearray | str) else kind_of(value)


def kind_of(value: Any) -> str:
    """What a value is, in the words of a reason: `absent`, `empty`, `a list`."""
    return "absent" if value is None else "empty" if value == "" else f"a {type(value).__name__}"


def masked(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with `[masked]` for each credential: AssumeRole's answer holds a live session."""
    return {key: _mask(key, value, 0) for key, value in record.items()}


def _mask(key: str, value: Any, depth: int) -> Any:
    if value and _is_secret(key):
        return MASK
    if type(value) in PLAIN:
        return value
    if depth > DEPTH:
        return "[nested too deep]"
    if isinstance(value, Mapping):
        return {inner: _mask(inner, each, depth + 1) for inner, each in value.items()}
    if isinstance(value, list):
        return [_mask("", each, depth + 1) for each in value]
    return value


@lru_cache(maxsize=4_096)
def _is_secret(key: str) -> bool:
    return key.replace("_", "").replace("-", "").lower() in SECRETS


SECRETS = frozenset(
    {
        "accesstoken",
        "authtoken",
        "clientsecret",
        "idtoken",
        "masteruserpassword",
        "newpassword",
        "oldpassword",
        "password",
        "privatekey",
        "refreshtoken",
        "secretaccesskey",
        "secretbinary",
        "secretstring",
        "sessiontoken",
    }
)
"""Names of fields that hold credentials, without case, underscores and hyphens."""


def mended(data: bytes) -> bytes:
    """JSON with U+FFFD for each half of a surrogate pair: it can write one, and no text hold it."""
    if re.search(rb"\\u[dD][89a-fA-F]", data) is None:
        return data
    return re.sub(_HALVES, lambda found: rb"\ufffd" if found[1] else found[0], data)


def whole_json(value: Any, *, ordered: bool) -> bytes:
    """Compact JSON, its keys sorted if so said, of what has halves of surrogate pairs in texts."""
    import json  # seldom needed, and a cold start pays for each import

    data = json.dumps(value, separators=(",", ":"), sort_keys=ordered)
    if "Infinity" in data or "NaN" in data:  # in a text perhaps; a number that JSON lacks is null
        numbers = json.loads(data, parse_constant=lambda _: None)
        data = json.dumps(numbers, separators=(",", ":"))
    return mended(data.encode())


_HALVES = (
    rb"\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
"""Escapes in JSON: those of half a pair are the first group, the others are met to be passed by.
Not compiled before it is needed: a cold start would pay for it."""
