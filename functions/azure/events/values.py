"""How Azure writes values: times, addresses, resource ids, lists of named values.

Pure. It knows no kind of record; activity.py, entra.py and office.py do. A value of a wrong kind
counts as absent; only a time that can't be read is a BadRecord.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from core import native
from core.errors import BadRecord
from core.hostile import kind_of, quoted
from core.model import Json, NativeRecord, digest
from core.native import dig, first, parsed, text

__all__ = [
    "address",
    "compact",
    "content_id",
    "milliseconds",
    "moment",
    "named",
    "part",
]


def part(value: Json, key: str) -> Mapping[str, Json]:
    """The object below a key, which some exports write as JSON text; {} where there is none."""
    found = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(found, str):
        try:
            found = parsed(found)
        except (msgspec.DecodeError, RecursionError, ValueError):
            return {}
    return found if isinstance(found, Mapping) else {}


def named(value: Json, path: str, key: str, name: str) -> Iterator[Mapping[str, Json]]:
    """The objects at a path whose `key` is `name`, case aside: Azure's way to write a mapping."""
    for each in dig(value, path):
        if isinstance(each, Mapping) and text(each.get(key)).casefold() == name.casefold():
            yield each


def compact(value: Json) -> str:
    """A value as the JSON text that Log Analytics shows for it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError):
        return ""


def address(value: str) -> str:
    """The IP address in `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`; an IPv4
    address that is written as one of IPv6 counts as what it is.
    """
    match = BRACKETED.fullmatch(value) or WITH_PORT.fullmatch(value)
    found = match["ip"] if match else value
    try:
        return str(ipaddress.ip_address(native.plain_address(found.partition("%")[0])))
    except ValueError:
        return ""


def moment(record: NativeRecord, what: str, *paths: str) -> int:
    """The first readable time at the paths, in epoch milliseconds; BadRecord when there is none.

    Entra writes `time` as `8/22/2022 6:07:16 PM` in some categories, and other exporters with 24
    hours or an offset; all others are ISO 8601.
    """
    said = [(path, first(record, path)) for path in paths]
    for _, value in said:
        found = milliseconds(value)
        if found is not None:
            return found
    path, seen = next((one for one in said if one[1]), said[-1])
    raise BadRecord(f"{what} whose {path} is {quoted(seen) if seen else kind_of(record.get(path))}")


def milliseconds(value: str) -> int | None:
    """A time as Azure writes it (UTC where it names no zone) as epoch milliseconds."""
    for read in (datetime.fromisoformat, _american):
        try:
            return native.milliseconds(read(value))
        except (ValueError, OverflowError):
            continue
    return None


def content_id(record: NativeRecord, source: str) -> str:
    """An id from all that the record says, for one that has none of its own."""
    try:
        return digest(source, json.dumps(record, sort_keys=True))
    except (RecursionError, TypeError, ValueError) as error:
        raise BadRecord(f"a record of {source} without id that is no JSON: {error}") from error


def _american(value: str) -> datetime:
    match = AMERICAN.fullmatch(value)
    if match is None:
        raise ValueError(value)
    month, day, year, hour, minute, second = (int(match[n]) for n in range(1, 7))
    if match[7] is not None:
        if not 1 <= hour <= 12:
            raise ValueError(value)
        hour = hour % 12 + (12 if match[7] == "PM" else 0)
    zone = datetime.strptime(match[8], "%z").tzinfo if match[8] else UTC
    return datetime(year, month, day, hour, minute, second, tzinfo=zone)


AMERICAN = re.compile(
    r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ([0-9]{1,2}):([0-9]{2}):([0-9]{2})"
    r"(?: (AM|PM))?(?: ([+-][0-9]{2}:[0-9]{2}))?"
)

BRACKETED = re.compile(r"\[(?P<ip>[^\]]*)\](:[0-9]+)?")
WITH_PORT = re.compile(r"(?P<ip>[0-9.]+):[0-9]+")
