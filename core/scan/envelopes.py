"""Records out of what files hold besides them: wrappers, envelopes of events, messages.

A file may be what a trigger delivered, saved (EventBridge events, Event Hub bodies, Pub/Sub
messages), or what somebody got from where records are kept: an API's answer, a search engine's
export. Each is told by keys that no record has. What a trigger's function gets is
opened by its own cloud's envelopes.py; here only so much is known as makes the records readable.
Sources: the shapes named in functions/aws, functions/azure and functions/gcp/envelopes.py; and
docs/decisions/0019-what-files-hold.md.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from core.native import parsed
from core.scan import rows

__all__ = ["KEYS", "WRAPPERS", "unwrapped", "wraps"]

WRAPPERS = ("Records", "records")
"""Keys of a list of records, in files that say no more."""

KEYS = (
    *(*WRAPPERS, "detail-type", "message", "value", "data"),
    *("Events", "CloudTrailEvent", "events", "logEvents", "entries", "tables"),
    *("preview", "_raw", "hits", "_source", "AuditData", "auditData", rows.KEY),
)
"""Keys of whatever may have to be unwrapped."""

DEPTH = 5
"""Envelopes in one another; what lies deeper is taken as it is."""


def unwrapped(value: Any, *, raw: bool) -> list[Any]:
    """The records of one JSON value, in order. With `raw`, only a plain wrapper is opened."""
    if raw:
        inner = _listed(value, WRAPPERS)
        return [value] if inner is None else inner
    return list(_opened(value, DEPTH))


def wraps(before: bytes, after: bytes, *, raw: bool) -> bool:
    """Whether what stands around a list's elements is no more than a wrapper around them."""
    probe = b"" if _ROWS.search(before[-40:]) else b'{"message":"{}"}'
    try:
        value = parsed(before + probe + after)
    except (ValueError, RecursionError):
        return False
    return unwrapped(value, raw=raw) != [value]


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
    for key, inner in _KEPT.items():
        if key in value and (found := inner(value)) is not None:
            return found
    return _message(value)


def _lines(key: str) -> Callable[[Mapping[str, Any]], Any]:
    """CloudWatch's log events, each with a record as the text of its message."""

    def inner(value: Mapping[str, Any]) -> Any:
        every = value[key]
        if not every or not isinstance(every, list) or not all(map(_is_line, every)):
            return None
        texts = [_decoded(one["message"]) for one in every]
        return [one if text is None else text for one, text in zip(every, texts, strict=True)]

    return inner


def _is_line(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("message"), str)


def _objects(key: str, beside: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
    """A list of objects that has at most certain keys beside it."""

    def inner(value: Mapping[str, Any]) -> Any:
        every = value[key]
        sound = isinstance(every, list) and all(isinstance(one, dict) for one in every)
        return every if sound and value.keys() <= {key, *beside} else None

    return inner


def _text(key: str) -> Callable[[Mapping[str, Any]], Any]:
    """A record as text, or as it is."""
    return lambda value: _decoded(value[key])


def _detail(value: Mapping[str, Any]) -> Any:
    found = value.get("detail")
    return found if isinstance(found, dict) else None


def _page(value: Mapping[str, Any]) -> Any:
    found = value["value"]
    return found if isinstance(found, list) and all(map(_about_paging, value)) else None


def _about_paging(key: str) -> bool:
    """Graph's and ARM's pages of a list have nothing beside it but how to get the next."""
    return key in ("value", "nextLink", "count") or key.startswith("@odata.")


def _result(value: Mapping[str, Any]) -> Any:
    found = value.get("result")
    return found if isinstance(found, dict) else None


def _found(value: Mapping[str, Any]) -> Any:
    found = value["hits"]
    return _listed(found, ("hits",)) if isinstance(found, dict) else None


def _source(value: Mapping[str, Any]) -> Any:
    found = value["_source"]
    return found if isinstance(found, dict) and "_index" in value else None


def _audit(value: Mapping[str, Any]) -> Any:
    found = value["auditData"]
    return found if isinstance(found, dict) and "auditLogRecordType" in value else None


def _tables(value: Mapping[str, Any]) -> Any:
    """The rows of a query's tables, each as an object."""
    try:
        return [
            dict(zip([column["name"] for column in table["columns"]], row, strict=True))
            for table in value["tables"]
            for row in table["rows"]
        ]
    except (KeyError, TypeError, ValueError):
        return None


def _decoded(value: Any) -> Any:
    """The object or list that the text is; None when it is none."""
    if isinstance(value, str):
        try:
            value = parsed(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict | list) else None


def _message(value: dict[str, Any]) -> Any:
    """The content of a Pub/Sub message: alone, as it is pushed, or as the data of a CloudEvent."""
    message = value.get("message")
    if message is None and isinstance(data := value.get("data"), dict):
        message = data.get("message")
    if message is None and not value.keys().isdisjoint(("messageId", "message_id")):
        message = value
    if message is None and isinstance(data := value.get("data"), dict) and "logName" in data:
        return None if "logName" in value else data
    if not isinstance(message, dict) or not isinstance(message.get("data"), str):
        return None
    try:
        return parsed(base64.b64decode(message["data"], validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _listed(value: Any, keys: tuple[str, ...]) -> list[Any] | None:
    if not isinstance(value, dict):
        return None
    return next((found for key in keys if isinstance(found := value.get(key), list)), None)


_KEPT: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "detail-type": _detail,
    "value": _page,
    "Events": _objects("Events", ("NextToken",)),
    "CloudTrailEvent": _text("CloudTrailEvent"),
    "events": _lines("events"),
    "logEvents": _lines("logEvents"),
    "entries": _objects("entries", ("nextPageToken",)),
    "tables": _tables,
    rows.KEY: rows.record,
    "preview": _result,
    "_raw": _text("_raw"),
    "hits": _found,
    "_source": _source,
    "AuditData": _text("AuditData"),
    "auditData": _audit,
}
"""Key -> what is inside, of: EventBridge's events and REST APIs' pages; the lookups of CloudTrail
and CloudWatch; Cloud Logging's entries.list; Log Analytics' queries; Splunk's exports and raw
events; Elasticsearch's hits; the search of Microsoft 365's audit log, PowerShell's and Graph's."""

_ROWS = re.compile(rb'"rows"\s*:\s*\[\Z')
"""The list in a query's table whose elements are lists of values."""
