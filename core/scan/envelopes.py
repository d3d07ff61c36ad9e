"""Records out of what files hold besides them: wrappers, envelopes of events, messages.

A file may be what a trigger delivered, saved: EventBridge events, Event Hub bodies, Pub/Sub
messages. Each is told by keys that no record has. What a trigger's function gets is opened by its
own cloud's envelopes.py; here only so much is known as makes the records readable.
Sources: the shapes named in functions/aws, functions/azure and functions/gcp/envelopes.py.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = ["KEYS", "WRAPPERS", "unwrapped"]

WRAPPERS = ("Records", "records")
"""Keys of a list of records, in files that say no more."""

KEYS = (*WRAPPERS, "detail-type", "message", "value", "data")
"""Keys of whatever may have to be unwrapped."""

DEPTH = 5
"""Envelopes in one another; what lies deeper is taken as it is."""


def unwrapped(value: Any, *, raw: bool) -> list[Any]:
    """The records of one JSON value, in order. With `raw`, only a plain wrapper is opened."""
    if raw:
        inner = _listed(value, WRAPPERS)
        return [value] if inner is None else inner
    return list(_opened(value, DEPTH))


def _opened(value: Any, depth: int) -> Iterator[Any]:
    inner = _inner(value) if depth else None
    if inner is None:
        yield value
    elif isinstance(inner, list):
        for one in inner:
            yield from _opened(one, depth - 1)
    else:
        yield from _opened(inner, depth - 1)


def _inner(value: Any) -> Any:
    """What the value is only an envelope of; None when it is none."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    if (found := _listed(value, WRAPPERS)) is not None:
        return found
    if "detail-type" in value and isinstance(value.get("detail"), dict):
        return value["detail"]
    if isinstance(value.get("value"), list) and all(_about_paging(key) for key in value):
        return value["value"]
    return _message(value)


def _message(value: dict[str, Any]) -> Any:
    """The content of a Pub/Sub message: alone, as it is pushed, or as the data of a CloudEvent."""
    message = value.get("message")
    if message is None and isinstance(data := value.get("data"), dict):
        message = data.get("message")
    if message is None and not value.keys().isdisjoint(("messageId", "message_id")):
        message = value
    if not isinstance(message, dict) or not isinstance(message.get("data"), str):
        return None
    try:
        return msgspec.json.decode(base64.b64decode(message["data"], validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _listed(value: Any, keys: tuple[str, ...]) -> list[Any] | None:
    if not isinstance(value, dict):
        return None
    return next((found for key in keys if isinstance(found := value.get(key), list)), None)


def _about_paging(key: str) -> bool:
    """Graph's and ARM's pages of a list have nothing beside it but how to get the next."""
    return key in ("value", "nextLink", "count") or key.startswith("@odata.")
