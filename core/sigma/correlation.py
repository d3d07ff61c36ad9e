"""A correlation document: Sigma's ten types, and first_seen and absence of our own.

Read from nodes, so that every fault has its line; pySigma parses boolean conditions. References
are given as written, by id or by name: `Names` knows what they mean once all files are read.
docs/decisions/0075-correlations-in-a-hunt.md says what is accepted beyond pySigma and what less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, get_args

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaError

from core.correlate import (
    LATENESS_MS,
    Condition,
    Correlation,
    Term,
    all_of,
    any_of,
    doubts,
    faults,
    none_of,
    occurs,
)
from core.correlate.form import Type
from core.errors import BadRule
from core.sigma.about import Reading, described
from core.sigma.condition import lowered
from core.sigma.document import Node, near

__all__ = ["Names", "correlation", "doubtful", "same"]


class Names:
    """What documents are called: id or name -> rule id, over all files of the call. A title will
    do where it is neither; a UUID is one in either case.
    """

    def __init__(self) -> None:
        self._ids: dict[str, set[str]] = {}
        self._titles: dict[str, set[str]] = {}

    def add(self, reading: Reading, id: str) -> None:
        """Note a document that counts as the rule `id`, whether it can be honoured or not."""
        for key in ("id", "name", "title"):
            node = reading.nodes.get(key)
            if node is not None and node.is_scalar and node.text:
                known = self._titles if key == "title" else self._ids
                known.setdefault(same(node.text), set()).add(id)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and same(name) in self._ids

    def find(self, reading: Reading, line: int, reference: str) -> str:
        """The id of the rule that is meant; "" and a fault when there is not exactly one."""
        found = self._ids.get(same(reference)) or self._titles.get(reference, set())
        if len(found) == 1:
            return next(iter(found))
        if found:
            reading.fault(line, f"'{reference}' is the name of {len(found)} rules: use an id")
        else:
            hint = near(reference, self._ids)
            reading.fault(line, f"no rule has the id or name '{reference}'", hint)
        return ""


def same(reference: str) -> str:
    """What two ways to write one id have in common."""
    return reference.lower() if _UUID.fullmatch(reference) else reference


def correlation(reading: Reading, names: Names) -> Correlation | None:
    """The correlation of a document; None when `reading.faults` says why there is none."""
    rule = described(reading)
    section = _Section(reading, names)
    if not section.nodes:
        reading.fault(reading.nodes["correlation"].line, "a correlation needs a type and rules")
        return None
    section.refuse_unknown()
    values = section.values()
    if reading.faults:
        return None
    found = Correlation(rule=rule, **values)
    for fault in faults(found):
        reading.fault(reading.document.lines["correlation"], fault)
    return None if reading.faults else found


def doubtful(reading: Reading, found: Correlation) -> Iterable[BadRule]:
    """Warnings about a correlation that can be honoured and may yet disappoint."""
    line = reading.document.lines["correlation"]
    for doubt in doubts(found):
        yield BadRule(doubt, file=reading.file, line=line)
    if found.fields and found.type in ("event_count", "temporal", "temporal_ordered"):
        reason = f"{found.type} looks at no field: '{found.fields[0]}' changes nothing"
        yield BadRule(reason, file=reading.file, line=line)


class _Section:
    """The `correlation` section being read."""

    def __init__(self, reading: Reading, names: Names) -> None:
        self.reading, self.names = reading, names
        self.node = reading.nodes["correlation"]
        self.nodes = self.node.map
        condition = self.nodes.get("condition")
        self.condition = condition if condition is not None else Node(self.node.line, None)

    def fault(self, line: int, reason: str, hint: str = "") -> None:
        self.reading.fault(line, reason, hint)

    def refuse_unknown(self) -> None:
        """A key that nobody reads would be a demand that nobody honours."""
        for key, line in self.node.lines.items():
            if key not in _KEYS:
                self.fault(line, f"unknown key '{key}' of correlation", near(key, _KEYS))

    def values(self) -> dict[str, Any]:
        """All but the rule, for Correlation."""
        kind = self._kind()
        terms, mentioned = self._boolean(kind)
        rules = self._references("rules") or mentioned
        self._refuse_unmentioned(terms, rules, mentioned)
        if not rules and "rules" not in self.nodes:
            self.fault(self.node.line, "a correlation needs rules", near("rules", self.nodes))
        return {
            "type": kind,
            "rules": rules,
            "timespan": self._duration("timespan", other="timeframe"),
            "group_by": self._texts(self.nodes.get("group-by"), "group-by"),
            "aliases": self._aliases(),
            "conditions": self._conditions(),
            "terms": terms,
            "fields": self._fields(),
            "percentile": self._percentile(kind),
            "generate": self._generate(),
            "learning": self._duration("learning", default=0),
            "after": self._references("after"),
            "lateness": self._duration("lateness", default=LATENESS_MS),
        }

    def _kind(self) -> str:
        node = self.nodes.get("type")
        if node is None:
            self.fault(self.node.line, "a correlation needs a type", near("type", self.nodes))
            return _TYPES[0]
        kind = node.text.lower() if node.is_scalar else ""
        if kind not in _TYPES:
            hint = near(kind, _TYPES) or f"one of {', '.join(_TYPES)}"
            self.fault(node.line, f"unknown type of correlation '{kind}'", hint)
            return _TYPES[0]
        return kind

    def _references(self, key: str) -> tuple[str, ...]:
        node = self.nodes.get(key)
        found = []
        for one in node.list if node is not None else []:
            if not one.is_scalar or one.value is None:
                self.fault(one.line, f"'{key}' must be a list of ids or names of rules")
            else:
                found.append(self.names.find(self.reading, one.line, one.text))
        return tuple(found)

    def _texts(self, node: Node | None, key: str) -> tuple[str, ...]:
        every = node.list if node is not None else []
        for one in every:
            if not one.is_scalar or one.value is None or not one.text:
                self.fault(one.line, f"'{key}' must be a field or a list of fields")
        return tuple(dict.fromkeys(one.text for one in every))

    def _duration(self, key: str, default: int | None = None, other: str = "") -> int:
        node = self.nodes.get(key, self.nodes.get(other))
        if node is None:
            if default is None:
                self.fault(self.node.line, f"a correlation needs a {key}", near(key, self.nodes))
            return 1 if default is None else default
        parsed = _DURATION.fullmatch(node.text) if node.is_scalar else None
        if parsed is None:
            hint = "a number and one of s m h d w M y, such as 10m"
            self.fault(node.line, f"'{node.text}' is no {key}", hint)
            return 1
        return int(parsed[1]) * _UNITS[parsed[2]]

    def _aliases(self) -> dict[str, dict[str, str]]:
        node = self.nodes.get("aliases")
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self.fault(node.line, "'aliases' must be a map: alias -> rule -> field")
            return {}
        return {alias: self._alias(alias, inner) for alias, inner in node.map.items()}

    def _alias(self, alias: str, node: Node) -> dict[str, str]:
        if not node.map:
            self.fault(node.line, f"alias '{alias}' must be a map from rule to field")
        found = {}
        for reference, field in node.map.items():
            if not field.is_scalar or not field.text:
                self.fault(field.line, f"alias '{alias}' needs one field for '{reference}'")
            id = self.names.find(self.reading, node.lines[reference], reference)
            found[id] = field.text
        return found

    def _conditions(self) -> tuple[Condition, ...]:
        found = []
        if not self.condition.is_scalar and not self.condition.map:
            self.fault(self.condition.line, "a condition is a map, or text over rules")
        for key, node in self.condition.map.items():
            line = self.condition.lines[key]
            if key not in (*_OPERATORS, "field", "percentile"):
                hint = near(key, (*_OPERATORS, "field", "percentile"))
                self.fault(line, f"unknown key '{key}' of a correlation's condition", hint)
            elif key in _OPERATORS:
                op: Any = key
                found.append(Condition(op, self._number(node, key)))
        if self.condition.map and not found:
            self.fault(self.condition.line, f"a condition needs one of {', '.join(_OPERATORS)}")
        return tuple(found)

    def _number(self, node: Node, key: str) -> int | float:
        try:
            if not node.is_scalar or isinstance(node.value, bool) or len(node.text) > _DIGITS:
                raise ValueError
            value = node.value if isinstance(node.value, int) else float(node.value)
            if not isfinite(value):
                raise ValueError
        except (TypeError, ValueError):
            self.fault(node.line, f"'{key}' needs a number")
            return 0
        return int(value) if value == int(value) else value

    def _fields(self) -> tuple[str, ...]:
        node = self.condition.map.get("field") or self.nodes.get("field")
        return self._texts(node, "field")

    def _percentile(self, kind: str) -> float:
        node = self.condition.map.get("percentile")
        if node is None:
            if kind == "value_percentile":
                self.fault(self.condition.line, "value_percentile needs a percentile")
            return 50
        return self._number(node, "percentile")

    def _generate(self) -> bool:
        """The specification has it beside the section, pySigma within it; either counts."""
        said = [self.nodes.get("generate"), self.reading.nodes.get("generate")]
        for node in said:
            if node is not None and not isinstance(node.value, bool):
                self.fault(node.line, "'generate' must be true or false")
        return any(node is not None and node.value is True for node in said)

    def _boolean(self, kind: str) -> tuple[tuple[Term, ...], tuple[str, ...]]:
        """A condition that is text: what it asks for, and the rules that it names, in order."""
        node = self.condition
        if not node.is_scalar or node.value is None:
            return (), ()
        if kind not in ("temporal", "temporal_ordered"):
            self.fault(node.line, "a boolean condition is for the temporal types")
            return (), ()
        text, written = self._plainly_named(lowered(node.text, self.names))
        try:
            parsed = SigmaExtendedCorrelationCondition(text)
            named = {
                name: self.names.find(self.reading, node.line, written.get(name, name))
                for name in parsed.get_referenced_rules()
            }
            if "" in named.values():
                return (), ()
            terms = _terms(parsed.parsed, named)
            if not terms:  # none is what a correlation without a boolean condition has
                self.fault(node.line, f"condition '{node.text[:80]}' can't hold")
            return terms, tuple(dict.fromkeys(named.values()))
        except (SigmaError, ValueError, RecursionError) as error:
            reason = str(error).splitlines()[0] if str(error) else "nested too deeply"
            self.fault(node.line, f"condition '{node.text[:80]}': {reason}")
            return (), ()

    def _plainly_named(self, text: str) -> tuple[str, dict[str, str]]:
        """The condition with names that pySigma can read, and what was written for each."""
        names: dict[str, str] = {}

        def plain(token: re.Match[str]) -> str:
            if token[0] in ("and", "or", "not"):
                return token[0]
            if token[0] not in self.names and not _PLAIN.fullmatch(token[0]):
                return token[0]  # which the parser says it can't read
            return names.setdefault(token[0], f"rule_{_letters(len(names))}")

        text = _TOKEN.sub(plain, text)
        return text, {plain: name for name, plain in names.items()}

    def _refuse_unmentioned(
        self, terms: tuple[Term, ...], rules: tuple[str, ...], mentioned: tuple[str, ...]
    ) -> None:
        if terms and (spare := [rule for rule in rules if rule and rule not in mentioned]):
            line = self.nodes["rules"].line
            self.fault(line, f"the condition does not say what '{spare[0]}' is for")


def _letters(number: int) -> str:
    """A number in letters alone."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def _terms(tree: Any, named: Mapping[str, str]) -> tuple[Term, ...]:
    if isinstance(tree, SigmaRuleReference):
        return occurs(named[tree.reference])
    inner = [_terms(arg, named) for arg in tree.args]
    if isinstance(tree, CorrelationConditionNOT):
        return none_of(inner[0])
    return all_of(inner) if isinstance(tree, CorrelationConditionAND) else any_of(inner)


_TYPES: tuple[str, ...] = get_args(Type)

_KEYS = (
    *("type", "rules", "group-by", "timespan", "condition", "aliases", "generate"),
    *("field", "learning", "after", "lateness", "timeframe"),
)
"""Sigma's, and our own; `timeframe` is Sigma 1's word for the timespan."""

_OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")

_DIGITS = 30
"""Of a number in a condition."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_PLAIN = re.compile(r"[A-Za-z_]+")

_TOKEN = re.compile(r"[^\s()]+")
"""What may be a name in a boolean condition; pySigma's grammar has letters and underscores."""

_DURATION = re.compile(r"([0-9]{1,8})([smhdwMy])")

_UNITS: Mapping[str, int] = {
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "M": 2_629_746_000,
    "y": 31_556_952_000,
}
"""Milliseconds; months and years are the mean ones of the Gregorian calendar, as in pySigma."""
