"""How a rule's field is found in a record, and how what is there reads as text or as a number.

The semantics are those of docs/decisions/0010-sigma-semantics.md. It knows nothing of rules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeAlias

import msgspec

from core.hostile import whole_json
from core.rulebook import number_text

__all__ = [
    "RARE_TIMES",
    "SHORT",
    "TIMES",
    "date_part",
    "finder",
    "first",
    "flat",
    "leaves",
    "milliseconds",
    "moment",
    "network",
    "number",
    "text",
    "time_in",
    "time_of",
]

Network = IPv4Network | IPv6Network

TIMES = ("eventTime", "time", "timestamp", "@timestamp")
"""Fields that hold a record's time where nobody says which does: the first that can be read."""

RARE_TIMES = ("TimeGenerated", "EventTime", "Timestamp", "_time", "ts")
"""Those that may, of a record that tells its time in no other way."""

SHORT = 500
"""Characters of a text that may be kept for the next time: any number of long ones would not fit.
"""

MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are in a smaller unit, a thousandth of the last (the year 5138)."""


def finder(paths: tuple[str, ...]) -> Callable[[Any], list[Any]]:
    """A function from record to the values at the first of the dotted paths that exists.

    No value at all: []. A list on the way stands for its elements. A key that contains dots is
    found too: the longest key that leads anywhere counts.
    """
    if len(paths) == 1 and "." not in paths[0]:
        key = paths[0]

        def top(record: Any) -> list[Any]:
            return [record[key]] if key in record else []

        return top

    ways = [_way(path) for path in paths]
    if len(ways) == 1:
        return partial(_walk, ways[0])

    def find(record: Any) -> list[Any]:
        for way in ways:
            if found := _walk(way, record):
                return found
        return []

    return find


def first(record: Any, fields: Iterable[str]) -> Any:
    """The value of the first field that is there and not null; of a list, its first element."""
    for field in fields:
        value = record.get(field)
        if value is None and "." in field:
            value = next(iter(finder((field,))(record)), None)
        if value is not None:
            return next(flat([value]), None) if type(value) is list else value
    return None


def flat(values: list[Any]) -> Iterator[Any]:
    """The values with each list, however deep, replaced by its elements."""
    todo = values[::-1]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo.extend(reversed(value))
        else:
            yield value


def leaves(record: Any) -> Iterator[Any]:
    """Every value below the record that is neither object nor list, null left out."""
    todo = [record]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
        elif value is not None:
            yield value


def text(value: Any) -> str | None:
    """A value as text: numbers canonical, booleans as JSON, objects as compact JSON; null: None."""
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):  # of any length: a float would not hold it
        return str(value)
    if isinstance(value, float):
        return number_text(value) if math.isfinite(value) else str(value)
    return _json(value)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, which a text may have and JSON may not
        return msgspec.json.encode(msgspec.json.decode(whole_json(value, ordered=False))).decode()


def number(value: Any) -> int | float | None:
    """A number, or text that reads as a decimal one (`007` and `+7` too); all else is None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER and _NUMBER.fullmatch(value):
        return float(value) if _FRACTION.search(value) else int(value)
    return None


def network(value: Any) -> Network | None:
    """An address or network written as text; an IPv4 address mapped into IPv6 counts as IPv4."""
    if not isinstance(value, str) or not value[:1] or value[0] not in _IP_START:
        return None
    try:
        found = ip_network(value, strict=False)
    except ValueError:
        return None
    if isinstance(found, IPv6Network) and (mapped := found.network_address.ipv4_mapped):
        bits = found.prefixlen - 96
        return IPv4Network((mapped, bits), strict=False) if bits >= 0 else found
    return found


def moment(value: Any) -> datetime | None:
    """A date in UTC: ISO 8601 text (UTC where it names no zone), or an epoch in (parts of) seconds.

    A number is of the unit in which it is a year before 5138: seconds, milliseconds, micro-, nano-.
    """
    seconds = number(value)
    try:
        if seconds is not None:
            for _ in ("milliseconds", "microseconds", "nanoseconds"):
                seconds = seconds / 1000 if abs(seconds) >= MILLISECONDS_FROM else seconds
            return datetime.fromtimestamp(seconds, UTC)
        if not isinstance(value, str):
            return None
        found = datetime.fromisoformat(value.removesuffix(" UTC").upper())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def milliseconds(value: Any) -> int | None:
    """The same as epoch milliseconds."""
    found = moment(value)
    return (found - _EPOCH) // _MILLISECOND if found else None


def time_in(record: Any, fields: Iterable[str]) -> int | None:
    """Epoch milliseconds of the first of the fields that reads as a time."""
    for field in fields:
        value = record.get(field)
        if type(value) is not str:  # as it nearly always is
            value = first(record, (field,))
        found = time_of(value) if type(value) is str else milliseconds(value)
        if found is not None:
            return found
    return None


def time_of(value: str) -> int | None:
    """Epoch milliseconds of a text that is a time, kept: records come in order of time, so that the
    same second is read again and again.
    """
    return _time_of(value) if len(value) < SHORT else milliseconds(value)


@lru_cache(maxsize=4_096)
def _time_of(value: str) -> int | None:
    return milliseconds(value)


def date_part(value: Any, part: str) -> int | None:
    """A part of the date that `moment` reads."""
    found = moment(value)
    return _PARTS[part](found) if found else None


_Way: TypeAlias = "tuple[tuple[str, _Way], ...]"
"""Keys that a path may go on with, the longest first, each with the way from there; () at its end.
"""


def _way(path: str) -> _Way:
    keys = path.split(".")
    ways: list[_Way] = [()]
    for start in range(len(keys) - 1, -1, -1):  # those from later keys on are there already
        ends = range(len(keys), start, -1)
        ways.append(tuple((".".join(keys[start:end]), ways[len(keys) - end]) for end in ends))
    return ways[-1]


def _walk(way: _Way, value: Any) -> list[Any]:
    if isinstance(value, list):
        return [found for one in flat(value) for found in _walk(way, one)]
    if not isinstance(value, dict):
        return []
    for key, further in way:
        if key in value:
            below = value[key]
            if found := _walk(further, below) if further else [below]:
                return found
    return []


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

LONGEST_NUMBER = 400
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_FRACTION = re.compile(r"[.eE]")
_IP_START = frozenset("0123456789abcdefABCDEF:")

_PARTS: Mapping[str, Callable[[datetime], int]] = {
    "minute": lambda moment: moment.minute,
    "hour": lambda moment: moment.hour,
    "day": lambda moment: moment.day,
    "week": lambda moment: moment.isocalendar().week,
    "month": lambda moment: moment.month,
    "year": lambda moment: moment.year,
}
