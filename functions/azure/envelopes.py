"""What a message of Azure holds: Event Hub bodies, Event Grid notices, blobs of records.

Pure: no SDK, no network. It opens envelopes and leaves the records in them unread; events/ reads
those. Event Hubs won't deliver a message again for one bad part of it, so a part that is no object
is refused by itself and the others go on; a message that can't be read at all is a BadRecord.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from core.errors import BadRecord
from core.hostile import kind_of, quoted
from core.model import NativeRecord
from core.native import text
from functions.azure.events.activity import GRID_TYPES
from functions.azure.events.kubernetes import audited

__all__ = ["Unwrapped", "unwrap"]


class Unwrapped(msgspec.Struct, frozen=True, kw_only=True):
    """What one message held; `records` are as they came, unread.

    `ignored` has a printable reason for each part that is known and not read, `refused` one for
    each part that can't be read and must be set aside.
    """

    records: tuple[NativeRecord, ...] = ()
    ignored: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def unwrap(body: bytes | str | Mapping[str, Any] | list[Any]) -> Unwrapped:
    """What one Event Hub body, Event Grid delivery or file carries; BadRecord if it is no JSON.

    Known are `{"records": [...]}` of diagnostic settings, `{"value": [...]}` of Graph and ARM, a
    list of records or of Event Grid events, and one of either alone. An audit event of AKS, which
    comes as text in a record, is taken out of it.
    """
    records: list[NativeRecord] = []
    ignored: list[str] = []
    refused: list[str] = []
    for each in _parts(_decoded(body)):
        if not isinstance(each, Mapping):
            refused.append(f"a record is an object, not {kind_of(each)}")
        elif reason := _unread(each):
            ignored.append(reason)
        else:
            try:
                records.append(audited(each) or each)
            except BadRecord as error:
                refused.append(str(error))
    return Unwrapped(records=tuple(records), ignored=tuple(ignored), refused=tuple(refused))


def _parts(body: Any, depth: int = 0) -> Iterator[Any]:
    """The records and notices of a body. A batch of Event Hub bodies is a list of wrappers."""
    if depth > DEPTH:
        raise BadRecord(f"more than {DEPTH} envelopes in one another")
    if isinstance(body, list):
        for each in body:
            yield from _parts(each, depth + 1)
    elif isinstance(body, Mapping):
        inner = next((body[key] for key in WRAPPERS if isinstance(body.get(key), list)), None)
        if inner is None:
            yield body
        else:
            yield from _parts(inner, depth + 1)
    elif depth:
        yield body
    else:
        raise BadRecord(f"a message is an object or a list, not {kind_of(body)}")


def _unread(part: Mapping[str, Any]) -> str:
    """Why a notice of Event Grid is not read; "" for what is a record."""
    if "data" not in part or not ("eventType" in part or "specversion" in part):
        return ""
    sort = text(part.get("eventType")) or text(part.get("type"))
    return "" if sort in GRID_TYPES else f"Event Grid event {quoted(sort)} is not read"


def _decoded(body: Any) -> Any:
    if not isinstance(body, bytes | bytearray | str):
        return body
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRecord(f"a message that is not JSON ({error}): {quoted(body)}") from error


DEPTH = 4
"""Envelopes in one another: a batch of bodies, each a wrapper of a list of records, makes three."""

WRAPPERS = ("records", "value")
