"""Filters on the command line: how they are shown, what they suppressed, and their examples.

What a filter means is core's affair; here it is put into words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from core.detect import Detector
from core.detect.plain import plain_judge
from core.model import NativeRecord
from core.ports import Source
from core.rulebook import Filter, Rulebook
from core.scan import identify
from core.sigma import FilterExample
from functions.local.rulebooks import Gathered
from functions.local.sources import sources
from functions.local.terminal import iso

__all__ = ["COLUMNS", "endless", "fields", "outcomes", "row", "silencer", "suppressions"]

SOON = 14 * 86_400_000
"""A filter that ends within so many ms is called to mind."""


def suppressions(book: Rulebook, counts: Mapping[str, int], now: int) -> tuple[str, ...]:
    """A line for each filter that suppressed hits: how many, whose it is, when it ends."""
    return tuple(
        f"filter '{one.title}' ({one.owner or 'nobody owns it'}) suppressed"
        f" {counts[one.id]:,} hits; it {_end(one, now)}"
        for one in book.filters
        if counts.get(one.id)
    )


def endless(book: Rulebook) -> Rulebook:
    """The book with filters that never expire: an example is judged the same on every day."""
    filters = (msgspec.structs.replace(one, expires=None) for one in book.filters)
    return msgspec.structs.replace(book, filters=tuple(filters))


def silencer(detector: Detector, source: str, record: NativeRecord, rule: str) -> str:
    """The filter that suppresses the hit of a rule on a record, by title and file; "" if none."""
    ids = {one.filter for one in detector.judge(source, record).suppressed if one.rule == rule}
    found = (f"'{one.title}' ({one.file})" for one in detector.book.filters if one.id in ids)
    return next(found, "")


def outcomes(found: Gathered) -> Iterator[tuple[Filter, FilterExample, str]]:
    """Each example of a filter with what is wrong about it, empty when it is as it should be."""
    known = sources()
    for one in found.book.filters:
        examples = found.filter_examples.get(one.id, ())
        alone = msgspec.structs.replace(found.book, filters=(one,))
        detector = Detector(endless(alone), known) if examples else None
        for example in examples:
            assert detector is not None
            yield one, example, _wrong(detector, example)


def _wrong(detector: Detector, example: FilterExample) -> str:
    source = _source(detector, example)
    if source is None:
        return "is a record of no source known here"
    found = detector.judge(source.name, example.event)
    fires = any(rule.id == example.rule for rule in found.rules)
    suppressed = any(one.rule == example.rule for one in found.suppressed)
    slow = plain_judge(detector.book, source, example.event)
    if suppressed != any(rule.id == example.rule and by for rule, by in slow):
        return "is judged differently with the index and without it: a fault of Vigil"
    if not fires and not suppressed:
        return f"does not make rule {example.rule} fire: there is nothing to suppress"
    if suppressed != example.suppresses:
        return "is suppressed, and should not be" if suppressed else "is not suppressed"
    return ""


def _source(detector: Detector, example: FilterExample) -> Source | None:
    """The source that the record looks like, else that of the rule."""
    rule = next(entry for entry in detector.book.entries if entry.id == example.rule)
    return identify(example.event, detector.sources) or detector.source(rule.source)


def fields(one: Filter) -> Mapping[str, object]:
    """What `vigil rules list` says of a filter."""
    return {
        "kind": "filter",
        "id": one.id,
        "title": one.title,
        "owner": one.owner,
        "reason": one.reason,
        "expires": iso(one.expires),
        "source": one.source,
        "rules": list(one.rules) or "any",
        "file": one.file,
    }


def row(one: Filter) -> tuple[object, ...]:
    """The same as a row of a table."""
    on = "\n".join(one.rules) or f"any of {one.source}"
    return iso(one.expires) or "never", one.owner, one.title, one.reason, on


def _end(one: Filter, now: int) -> str:
    if one.expires is None:
        return "never expires"
    if one.expires <= now:
        return f"expired at {iso(one.expires)}"
    left = (one.expires - now) // 86_400_000
    soon = f", in {left} days" if one.expires - now <= SOON else ""
    return f"expires at {iso(one.expires)}{soon}"


COLUMNS = (
    ("Expires", "left"),
    ("Owner", "fold"),
    ("Filter", "fold"),
    ("Reason", "fold"),
    ("On rules", "fold"),
)
