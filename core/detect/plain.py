"""The oracle: every rule on every record, straight from the rulebook, obvious and slow.

It shares no matching code with the fast matchers, on purpose: tests demand that both always agree.
Nothing but tests and doubts should call it.
"""

from __future__ import annotations

import datetime as dt
import decimal
import ipaddress
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import re2

from core import ocsf
from core.errors import BadRecord
from core.model import NativeRecord, Rule
from core.ports import Source
from core.rulebook import (
    CATEGORIES,
    And,
    Cidr,
    Compare,
    Entry,
    Exists,
    Expr,
    Filter,
    Not,
    Null,
    Or,
    Pattern,
    Ref,
    Regex,
    Rulebook,
    Text,
)

__all__ = ["holds", "plain_judge", "plain_match"]


def plain_match(book: Rulebook, source: Source | None, record: NativeRecord) -> tuple[Rule, ...]:
    """The rules that match, in rulebook order. Source None: raw, any rule, fields as written."""
    return tuple(rule for rule, filter in plain_judge(book, source, record) if not filter)


def plain_judge(
    book: Rulebook, source: Source | None, record: NativeRecord, time_field: str = ""
) -> list[tuple[Rule, str]]:
    """The rules that match, each with the id of the filter that suppresses its hit, or ""."""
    found = []
    for number, entry in enumerate(book.entries):
        if matches(book.detection(number), entry, source, record):
            silent = (
                filter.id
                for position, filter in enumerate(book.filters)
                if is_on(filter, entry)
                and is_in_force(filter, source, record, time_field)
                and not reads_and_holds(book.demand(position), filter, source, record)
            )
            found.append((book.rule(number), next(silent, "")))
    return found


def matches(expr: Expr, entry: Entry, source: Source | None, record: NativeRecord) -> bool:
    """Is the rule about the record, and does it have what the rule looks for?"""
    if source is not None and entry.source in CATEGORIES:
        asked = of_class(entry, source, record)
    else:
        names = () if source is None else (source.name, *source.also)
        asked = source is None or any(reads(entry, name, record) for name in names)
    return asked and reads_and_holds(expr, entry, source, record)


def reads_and_holds(
    expr: Expr, by: Entry | Filter, source: Source | None, record: NativeRecord
) -> bool:
    """Does the expression hold, read as its rule or filter means fields: in OCSF's words or not?"""
    if source is not None and by.source in CATEGORIES:
        return holds(expr, rendered(source, record), None)
    return holds(expr, record, source)


def is_on(filter: Filter, entry: Entry) -> bool:
    """Is the filter on this rule: by its id, or by what it reads?"""
    if filter.rules:
        return entry.id in filter.rules
    if filter.provider and filter.provider != entry.provider:
        return False
    if filter.source in ("", entry.source):
        return True
    wanted, have = filter.source.split("/"), entry.source.split("/")
    return len(wanted) == len(have) and all(
        w in ("*", h) for w, h in zip(wanted, have, strict=True)
    )


def is_in_force(
    filter: Filter, source: Source | None, record: NativeRecord, time_field: str
) -> bool:
    """Is the record of before the filter's end? All is before no end; an unknown time is not."""
    if filter.expires is None:
        return True
    when = time_of(source, record, time_field)
    end = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=filter.expires)
    return when is not None and when < end


def time_of(
    source: Source | None, record: NativeRecord, time_field: str
) -> dt.datetime | None:  # fmt: skip
    """The moment in the field named, or as the source reads it, or in the usual fields."""
    if source is not None and not time_field:
        try:
            time = source.event(record).time
        except BadRecord:
            return None
        epoch = dt.datetime.fromtimestamp(0, dt.UTC)
        return epoch + dt.timedelta(milliseconds=time) if time else None
    usual = (
        *("eventTime", "time", "timestamp", "@timestamp"),
        *("TimeGenerated", "EventTime", "Timestamp", "_time", "ts"),
    )
    for field in (time_field,) if time_field else usual:
        values = list(lookup(record, field))
        if values and (found := as_moment(next(spread(values[0]), None))) is not None:
            return found
    return None


def reads(entry: Entry, source: str, record: NativeRecord) -> bool:
    """Is the rule about records of this source, and of this record's cloud?"""
    if entry.provider and str(record.get("provider", "")).lower() != entry.provider:
        return False
    if entry.source in ("", source):
        return True
    wanted, have = entry.source.split("/"), source.split("/")
    return len(wanted) == len(have) and all(
        w in ("*", h) for w, h in zip(wanted, have, strict=True)
    )


def rendered(source: Source, record: NativeRecord) -> dict[str, Any]:
    """The record as OCSF has it; {} when it is no event."""
    try:
        return ocsf.activity(source.event(record))
    except BadRecord:
        return {}


def of_class(entry: Entry, source: Source, record: NativeRecord) -> bool:
    """Is the record, as OCSF has it, of the category and the cloud that the rule is about?"""
    found = rendered(source, record)
    return (
        source.neutral is not None
        and found.get("class_uid") == CATEGORIES[entry.source]
        and (not entry.provider or entry.provider == found["cloud"]["provider"].lower())
    )


def holds(  # noqa: C901, PLR0911 - one case per kind of expression reads best in one place
    expr: Expr, record: NativeRecord, source: Source | None
) -> bool:
    """Does the record have what the expression looks for?"""

    def found(field: str) -> list[Any]:
        if source is not None and field in source.derived:
            return source.derived[field](record)
        paths = source.aliases.get(field, (field,)) if source is not None else (field,)
        for path in paths:
            if there := list(lookup(record, path)):
                return there
        return []

    def elements(field: str | None) -> list[Any]:
        return (
            list(leaves(record)) if field is None else [e for v in found(field) for e in spread(v)]
        )

    match expr:
        case And(items=items):
            return all(holds(item, record, source) for item in items)
        case Or(items=items):
            return any(holds(item, record, source) for item in items)
        case Not(item=item):
            return not holds(item, record, source)
        case Text(field=field, patterns=patterns, cased=cased):
            return any(like(e, p, cased) for e in elements(field) for p in patterns)
        case Regex(field=field, pattern=pattern):
            texts = [as_text(e) for e in elements(field) if e is not None]
            return any(re2.search(pattern, t) for t in texts)
        case Cidr(field=field, network=network):
            return any(within(e, network) for e in elements(field))
        case Compare(field=field):
            return any(compares(e, expr) for e in elements(field))
        case Null(field=field):
            return elements(field) == [] or any(e is None for e in elements(field))
        case Exists(field=field, wanted=wanted):
            return (found(field) != []) == wanted
        case Ref(field=field, other=other, how=how, cased=cased):
            return any(refers(a, b, how, cased) for a in elements(field) for b in elements(other))
    raise TypeError(type(expr).__name__)


def lookup(value: Any, path: str) -> Iterator[Any]:
    """The values at a dotted path; a list stands for its elements, a key may contain dots."""
    if isinstance(value, list):
        for one in value:
            yield from lookup(one, path)
    elif isinstance(value, dict):
        if path in value:
            yield value[path]
            return
        cut = path.rfind(".")
        while cut != -1:
            head, tail = path[:cut], path[cut + 1 :]
            if head in value and (found := list(lookup(value[head], tail))):
                yield from found
                return
            cut = path.rfind(".", 0, cut)


def spread(value: Any) -> Iterator[Any]:
    """The value, or the elements of a list at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from spread(one)
    else:
        yield value


def leaves(value: Any) -> Iterator[Any]:
    """Everything below that is no object, list or null."""
    if isinstance(value, dict):
        for one in value.values():
            yield from leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one)
    elif value is not None:
        yield value


def as_text(value: Any) -> str:
    """A value as rules see it when they compare text."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        whole = math.isfinite(value) and value == int(value)
        return str(int(value)) if whole else str(value)
    return as_json(value)


def as_json(value: Any) -> str:
    """Compact JSON, its numbers as msgspec writes them."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{as_json(k)}:{as_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    if not isinstance(value, float):
        return json.dumps(value, ensure_ascii=False)
    if not math.isfinite(value):
        return "null"
    if 1e-5 <= abs(value) < 1e-4:
        return format(decimal.Decimal(repr(value)), "f")
    return re.sub(r"e\+?(-?)0*", r"e\1", repr(value))


def like(value: Any, pattern: Pattern, cased: bool) -> bool:
    """Is the value, as text, what the pattern says? By table, one row per piece."""
    if value is None:
        return False
    text = as_text(value)
    text = text if cased else text.casefold()
    reached = {0}
    for piece in (pattern,) if isinstance(pattern, str) else pattern:
        if piece == 0:
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        elif piece == 1:
            reached = {at + 1 for at in reached if at < len(text)}
        else:
            word = str(piece)
            reached = {at + len(word) for at in reached if text[at : at + len(word)] == word}
    return len(text) in reached


def within(value: Any, network: str) -> bool:
    """Is the value an address or network whose every address lies in the network?"""
    if not isinstance(value, str):
        return False
    try:
        have = ipaddress.ip_interface(value).network
        want = ipaddress.ip_network(network)
    except ValueError:
        return False
    low, high = int(have[0]), int(have[-1])
    mapped = 0xFFFF << 32
    if have.version == 6 and low >> 32 == 0xFFFF and high >> 32 == 0xFFFF:
        low, high, version = low - mapped, high - mapped, 4
    else:
        version = have.version
    return version == want.version and int(want[0]) <= low and high <= int(want[-1])


def compares(value: Any, expr: Compare) -> bool:
    """Does the number, or the part of the date, compare so?"""
    have = as_date(value, expr.part) if expr.part else as_number(value)
    if have is None:
        return False
    if expr.op == "eq":
        return have == expr.number
    if expr.op == "lt":
        return have < expr.number
    if expr.op == "lte":
        return have <= expr.number
    return have > expr.number if expr.op == "gt" else have >= expr.number


def as_number(value: Any) -> int | float | None:
    """A number, or a text that is exactly one, in decimal."""
    if isinstance(value, str):
        if len(value) > 400 or re.fullmatch(r"[+-]?[0-9][0-9.eE+-]*(?<=[0-9])", value) is None:
            return None
        sign, digits = (-1, value[1:]) if value[0] == "-" else (1, value.removeprefix("+"))
        try:
            value = sign * json.loads(re.sub(r"^0+(?=[0-9])", "", digits))
        except ValueError:
            return None
    return value if type(value) in (int, float) else None


def as_date(value: Any, part: str) -> int | None:
    """The part of the moment in UTC."""
    moment = as_moment(value)
    if moment is None:
        return None
    return int(moment.strftime("%V")) if part == "week" else int(getattr(moment, part))


def as_moment(value: Any) -> dt.datetime | None:
    """The moment in UTC: text of ISO 8601, or seconds or milliseconds since 1970."""
    seconds = as_number(value)
    try:
        if seconds is not None:
            for _ in ("milli", "micro", "nano"):
                if abs(seconds) >= 1e11:
                    seconds = seconds / 1000
            return dt.datetime.fromtimestamp(seconds, dt.UTC)
        if not isinstance(value, str):
            return None
        moment = dt.datetime.fromisoformat(re.sub(r" UTC$", "", value).upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def refers(one: Any, two: Any, how: str, cased: bool) -> bool:
    """Does the first value equal, start with, end with or contain the second, as text?"""
    if one is None or two is None:
        return False
    a, b = as_text(one), as_text(two)
    if not cased:
        a, b = a.casefold(), b.casefold()
    if how == "is":
        return a == b
    if how == "has":
        return b in a
    return a[: len(b)] == b if how == "starts" else a[max(0, len(a) - len(b)) :] == b
