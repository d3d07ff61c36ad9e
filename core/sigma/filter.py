"""A filter document: which hits of which rules are to be suppressed, and whose word that is.

Read from nodes, so that every fault has its line. Beside Sigma's keys there are `owner`, `reason`,
`expires` and `tests`. It knows nothing of records: core.detect asks filters about hits.
docs/decisions/0085-filters-as-suppressions.md says what is accepted beyond pySigma and what less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from core.errors import BadRule
from core.model import NativeRecord
from core.rulebook import Filter, fits, packed
from core.sigma.about import Reading, provider, rule
from core.sigma.correlation import Names, same
from core.sigma.detection import Placeholders, expression
from core.sigma.document import Node, near

__all__ = ["FilterExample", "Known", "filter_tests", "questionable", "suppression"]


class FilterExample(msgspec.Struct, frozen=True, kw_only=True):
    """A record on which the rule fires, and the filter must suppress that, or must not."""

    name: str
    suppresses: bool
    rule: str
    """Id of one of the rules that the filter is on."""
    event: NativeRecord


class Known(NamedTuple):
    """What a filter may be on."""

    names: Names
    rules: Mapping[str, tuple[str, str]]
    """Id -> source and provider of every rule, those of built books too, which have no names."""
    ids: Mapping[str, str]
    """Those ids, by what two ways to write one have in common."""
    correlations: Mapping[str, tuple[str, ...]]
    """Id -> what it watches."""


def suppression(reading: Reading, known: Known, placeholders: Placeholders) -> Filter | None:
    """The filter of a document; None when `reading.faults` says why there is none."""
    section = reading.nodes["filter"]
    if "title" not in reading.nodes:
        hint = near("title", reading.nodes)
        reading.fault(reading.document.line, "a filter needs a title", hint)
    if "logsource" not in reading.nodes and (hint := near("logsource", reading.nodes)):
        reading.fault(reading.document.line, "a filter needs a logsource", hint)
    _refuse_misspelt(reading)
    if not section.map:
        line = reading.document.lines["filter"]
        reading.fault(line, "a filter needs rules, a selection and a condition")
    expires = _expires(reading)
    if reading.faults:
        return None
    about = rule(reading)
    rules = _rules(reading, about.source, known)
    found = Filter(
        id=about.id,
        title=about.title,
        owner=reading.text("owner").strip(),
        reason=reading.text("reason").strip() or about.description,
        expires=expires,
        rules=rules,
        source=about.source,
        provider=provider(reading),
        file=reading.file,
        detect=_demand(reading, section, placeholders),
    )
    return None if reading.faults else found


def questionable(reading: Reading, found: Filter, known: Known) -> Iterable[BadRule]:
    """Warnings about a filter that is used and may yet do what nobody wants."""
    if unsaid := [key for key in _OURS if getattr(found, key) in ("", None)]:
        said = " and ".join(unsaid[-2:])
        reason = f"filter '{found.title}' has no {', '.join([*unsaid[:-2], said])}"
        yield BadRule(reason, file=reading.file, line=reading.document.line)
    section = reading.nodes["filter"]
    if not found.source:
        reason = f"filter '{found.title}' has no logsource: it is on its rules whatever they read"
        yield BadRule(reason, file=reading.file, line=reading.document.line)
    if not re.search(r"\bnot\b", section.map["condition"].text.lower()):
        reason = f"filter '{found.title}' suppresses every hit that is not as its condition says"
        hint = "to suppress what a selection describes, write `condition: not selection`"
        yield BadRule(reason, file=reading.file, line=section.lines["condition"], hint=hint)
    if not _on(found, known):
        what = "its rules are refused" if found.rules else f"no rule reads '{found.source}'"
        reason = f"filter '{found.title}' suppresses nothing: {what}"
        yield BadRule(reason, file=reading.file, line=section.lines["rules"])


def filter_tests(reading: Reading, found: Filter, known: Known) -> tuple[FilterExample, ...]:
    """The `tests` of a filter."""
    node = reading.nodes.get("tests")
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, list):
        reading.fault(node.line, f"'tests' must be a list of {_SHAPE}")
        return ()
    on = _on(found, known)
    return tuple(one for inner in node.list if (one := _example(reading, inner, on, known)))


def _rules(reading: Reading, source: str, known: Known) -> tuple[str, ...]:
    """Ids of the rules; () for any. What is wrong with some of them is a doubt as long as it is on
    others, so that a filter written for many rules works where some of them are.
    """
    section = reading.nodes["filter"]
    node = section.map.get("rules")
    if node is None or node.value in (None, []):
        line = section.lines.get("rules", reading.document.lines["filter"])
        hint = "" if node is not None else near("rules", section.map)
        hint = hint or "ids or names, or any: all that read its logsource"
        reading.fault(line, "a filter needs rules", hint)
        return ()
    if node.is_scalar and node.text.lower() == "any":
        if not source:
            reading.fault(node.line, "a filter on any rule needs a logsource")
        return ()
    for one in node.list:
        if not one.is_scalar or not one.text:
            reading.fault(one.line, "'rules' must be any, or a list of ids and names")
            return ()
    apart = Reading(reading.document, reading.file)
    found = [_rule(apart, one, source, known) for one in node.list]
    kept = tuple(dict.fromkeys(filter(None, found)))
    (reading.doubts if kept else reading.faults).extend(apart.faults)
    return kept


def _rule(reading: Reading, node: Node, source: str, known: Known) -> str:
    """Its id; "" and a fault when the filter can't be on it."""
    id = _id(reading, node.line, node.text, known)
    if id in known.correlations:
        hint = f"name what it watches: {', '.join(known.correlations[id])}"
        reason = f"'{node.text}' is a correlation: it has no record that a filter could look at"
        reading.fault(node.line, reason, hint)
        return ""
    reads, cloud = known.rules.get(id, (source, ""))
    if not fits(source, provider(reading), reads, cloud):
        # A rule that reads what the filter does not would be left as it is, in silence.
        line = reading.document.lines["logsource"]
        reason = f"rule '{id}' reads '{reads}', and this filter's logsource '{source}'"
        reading.fault(line, reason, "give the filter the logsource of its rules, or a wider one")
        return ""
    return id


def _id(reading: Reading, line: int, reference: str, known: Known) -> str:
    return known.ids.get(same(reference)) or known.names.find(reading, line, reference)


def _demand(reading: Reading, section: Node, placeholders: Placeholders) -> msgspec.Raw:
    """The condition over the selections, read as a rule's detection is."""
    parts = {key: node for key, node in section.map.items() if key != "rules"}
    condition, line = parts.get("condition"), reading.document.lines["filter"]
    if condition is None or not condition.is_scalar or condition.value is None:
        line = section.lines.get("condition", line)
        hint = near("condition", parts) or "such as `condition: not selection`"
        reading.fault(line, "a filter needs one condition, as text", hint)
    elif len(parts) == 1:
        reading.fault(line, "a filter needs a selection")
    else:
        try:
            detection = Node(section.line, parts, "", section.lines)
            return packed(expression(detection, reading.file, placeholders))
        except BadRule as fault:
            reading.faults.append(fault)
    return msgspec.Raw()


def _expires(reading: Reading) -> int | None:
    """Epoch ms of the moment from which on events are not its affair: of a day, its end in UTC."""
    node = reading.nodes.get("expires")
    if node is None or node.value is None:
        return None
    text = node.text if node.is_scalar else ""
    try:
        if _DAY.fullmatch(text):
            end = datetime.fromisoformat(text) + timedelta(days=1)
        elif _MOMENT.fullmatch(text):
            end = datetime.fromisoformat(text)
        else:
            raise ValueError
        return (end.replace(tzinfo=end.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        hint = "a day (2026-12-31: until its end, UTC) or a moment (2026-12-31T18:00:00Z)"
        reading.fault(node.line, f"'{text}' is no date", hint)
        return None


def _refuse_misspelt(reading: Reading) -> None:
    """An end or an owner that nobody reads would be worse than none."""
    missing = [key for key in ("expires", "owner") if key not in reading.nodes]
    for key, line in reading.document.lines.items():
        if key not in _OURS and (hint := near(key, missing, least=0.7)):
            reading.fault(line, f"unknown key '{key}' of a filter", hint)


def _on(found: Filter, known: Known) -> tuple[str, ...]:
    """Ids of the rules that it is on; those that are refused are not."""
    if found.rules:
        return tuple(id for id in found.rules if id in known.rules)
    return tuple(id for id, (source, cloud) in known.rules.items() if found.fits(source, cloud))


def _example(
    reading: Reading, node: Node, on: tuple[str, ...], known: Known
) -> FilterExample | None:
    parts = {key: one.plain() for key, one in node.map.items()}
    parts.setdefault("rule", on[0] if len(on) == 1 else None)
    match parts:
        case {
            "name": str(name),
            "suppresses": bool(suppresses),
            "rule": str(rule),
            "event": dict(event),
        } if len(parts) == 4:
            id = _id(reading, node.line, rule, known)
            if id and id not in on:
                reading.fault(node.line, f"the filter is not on rule '{rule}'")
            return FilterExample(name=name, suppresses=suppresses, rule=id, event=event)
    wrong = next((key for key in parts if key not in _PARTS), "")
    hint = near(wrong, _PARTS) if wrong else "rule may be left out where the filter is on one"
    reading.fault(node.line, f"an example of a filter is {_SHAPE}", hint)
    return None


_OURS = ("owner", "reason", "expires")

_PARTS = ("name", "suppresses", "rule", "event")

_SHAPE = "{name: text, suppresses: true or false, rule: id, event: record}"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
