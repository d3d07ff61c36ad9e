"""The detection section of a rule: pySigma's modifiers and conditions, turned into core.rulebook.

It takes from pySigma what is intricate (modifiers, escapes, the grammar of conditions) and keeps
what must name a line: maps, lists, identifiers. It knows nothing of titles, levels or log sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, Literal

import msgspec
import re2
import sigma.types as st
from sigma.exceptions import SigmaError
from sigma.rule.detection import SigmaDetectionItem

from core.detect.texts import END
from core.detect.values import network, number
from core.errors import BadRule
from core.rulebook import (
    ANY_MANY,
    ANY_ONE,
    Cidr,
    Compare,
    Exists,
    Expr,
    Not,
    Null,
    Pattern,
    Ref,
    Regex,
    Text,
    number_text,
)
from core.sigma.condition import all_of, any_of, condition
from core.sigma.document import Node, Place, near
from core.sigma.modifiers import (
    MODIFIERS,
    NUMERIC,
    PERCENT,
    clash,
    expand,
    filled,
    in_order,
)

__all__ = ["Placeholders", "expression", "parts"]

Placeholders = Mapping[str, Sequence[str | int | float]]
"""Name between percent signs -> the values that `expand` puts there; wildcards count."""

MOST_DEPTH = 60
"""Of a condition with its detections put in; matchers recurse."""


def expression(detection: Node, file: str, placeholders: Placeholders) -> Expr:
    """What a rule's `detection` looks for. BadRule names the first line that can't be honoured."""
    return parts(detection, file, placeholders)[0]


def parts(
    detection: Node, file: str, placeholders: Placeholders
) -> tuple[Expr, dict[str, Expr]]:  # fmt: skip
    """The same, and what each of its searches looks for by name."""
    nodes = detection.map
    if "condition" not in nodes:
        hint = near("condition", nodes)
        raise BadRule("detection has no condition", file=file, line=detection.line, hint=hint)
    named = {
        name: _searches(node, Place(file, detection.lines[name]), placeholders)
        for name, node in nodes.items()
        if name not in _NOT_SEARCHES
    }
    if not named:
        raise BadRule("detection looks for nothing", file=file, line=detection.line)
    conditions = [condition(node, file, named) for node in nodes["condition"].list]
    if not conditions:
        raise BadRule("the condition is empty", file=file, line=nodes["condition"].line)
    found = any_of(conditions)
    if _depth(found) > MOST_DEPTH:
        raise BadRule("nested too deeply", file=file, line=nodes["condition"].line)
    return found, named


def _searches(node: Node, place: Place, placeholders: Placeholders) -> Expr:
    """A map is an AND of its items, a list an OR of its members, a scalar a keyword."""
    if node.is_scalar or (isinstance(node.value, list) and _all_scalars(node)):
        return _item("", [node] if node.is_scalar else node.list, place, placeholders)
    if not node.value:
        raise place.bad("an empty map or list matches nothing")
    if isinstance(node.value, list):
        return any_of([_searches(n, place.at(n.line), placeholders) for n in node.value])
    items = []
    for key, value in node.map.items():
        here = place.at(node.lines[key])
        values = value.value if isinstance(value.value, list) else [value]
        for one in values:
            if not one.is_scalar:
                raise place.at(one.line).bad(f"a value of '{key}' must be plain text or a number")
        items.append(_item(key, values, here, placeholders))
    return all_of(items)


def _all_scalars(node: Node) -> bool:
    return bool(node.value) and all(n.is_scalar for n in node.value)


def _item(key: str, values: list[Node], place: Place, placeholders: Placeholders) -> Expr:
    """One `field|modifier|...: values`, by pySigma's modifiers and ours."""
    field, *written = key.split("|")
    modifiers = _modifiers(key, written, place)
    _check_values(key, field, modifiers, values, place)
    cased = "fieldref" in written and "cased" in written
    reader = _Reader(field or None, modifiers, placeholders, place, cased=cased)
    try:
        found = [reader.of(node) for node in values] or [reader.of(Node(place.line, None))]
    except (SigmaError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise place.bad(f"'{key}' can't be honoured: {_first_line(error)}") from error
    linked = all_of(found) if "all" in written else any_of(found)
    return Not(linked) if "neq" in written else linked


def _modifiers(key: str, written: Sequence[str], place: Place) -> Sequence[str]:
    """Those of a key, in the order in which they are applied."""
    for name in written:
        if name not in MODIFIERS:
            raise place.bad(f"unknown modifier '{name}'", near(name, MODIFIERS))
    if reason := clash(written):
        raise place.bad(f"'{key}' can't be honoured: {reason}")
    return in_order(written)


def _check_values(
    key: str, field: str, modifiers: Sequence[str], values: Sequence[Node], place: Place
) -> None:
    if _QUANTIFIED.search(field):
        raise place.bad(
            f"'{key}' can't be honoured: a field has no quantifier before Sigma 3",
            "a list stands for its elements: leave it out for any of them",
        )
    if not field and any(node.value in (None, "") for node in values):
        raise place.bad("a keyword can't be empty: it would match every record")
    if "exists" in modifiers and len(values) > 1:
        raise place.bad(f"'{key}' can't be honoured: a field is there or it is not")
    if "re" in modifiers and not values:
        raise place.bad(f"'{key}' can't be honoured: no expression is given")
    for node in values if "re" in modifiers else ():
        if node.value is None:
            raise place.at(node.line).bad(f"'{key}' can't be honoured: null is no expression")
        _check_regex(_as_re2(node.text, modifiers), place.at(node.line))


def _plain(node: Node, modifiers: Sequence[str], *, keyword: bool) -> Any:
    """What pySigma is given: numbers only where they are compared, else the text they read as."""
    value = node.value
    if isinstance(value, str):
        return _text(value, modifiers)
    if value is None or not NUMERIC.isdisjoint(modifiers):
        return value
    odd = isinstance(value, float) and not isfinite(value)
    if keyword or odd or not _PLAIN.issuperset(modifiers):
        return node.text
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)


def _text(value: str, modifiers: Sequence[str]) -> Any:
    """The same of a text, which stands for what the modifiers want where it reads as that."""
    if "re" in modifiers:
        value = _as_re2(value, modifiers)
    if "expand" in modifiers:
        return _ESCAPED_PERCENT.sub(rf"\1{PERCENT}", value)
    if "exists" in modifiers:
        return _SWITCH.get(value.lower(), value)
    if not NUMERIC.isdisjoint(modifiers):
        read = number(value)
        return value if read is None else read
    if "cidr" in modifiers:
        found = network(value)
        return value if found is None else str(found)
    return value


class _Reader:
    """Turns the values of one item into expressions."""

    def __init__(
        self,
        field: str | None,
        modifiers: Sequence[str],
        placeholders: Placeholders,
        place: Place,
        *,
        cased: bool,
    ) -> None:
        self.field, self.modifiers, self.cased = field, modifiers, cased
        self.placeholders, self.place = placeholders, place
        self.classes = [
            expand(self._values) if name == "expand" else MODIFIERS[name] for name in modifiers
        ]

    def of(self, node: Node) -> Expr:
        """What one value asks for."""
        if "expand" in self.modifiers and not _READ.isdisjoint(self.modifiers):
            others = [name for name in self.modifiers if name != "expand"]
            reader = _Reader(self.field, others, self.placeholders, self.place, cased=self.cased)
            texts = filled(node.text, self._values)
            return any_of([reader.of(Node(node.line, text)) for text in texts])
        plain: Any = _plain(node, self.modifiers, keyword=self.field is None)
        value = st.SigmaString(plain) if "re" in self.modifiers else st.sigma_type(plain)
        item = SigmaDetectionItem(self.field, self.classes, [value])
        found = any_of([self.read(one) for one in item.value])
        if isinstance(found, Compare) and found.part and found.number != plain:
            raise self.place.bad("a part of a date is a whole number")
        if isinstance(found, Compare) and isinstance(plain, int) and -_EXACT <= plain < _EXACT:
            return msgspec.structs.replace(found, number=plain)  # pySigma rounds large ones
        if isinstance(found, Text) and found.field and _is_read(node, self.modifiers):
            patterns = dict.fromkeys((*found.patterns, node.text.casefold()))
            return Text(found.field, tuple(patterns))
        return found

    def read(self, value: Any) -> Expr:
        """The first reader of READERS whose type the value has; order matters there."""
        for kind, reader in _READERS:
            if isinstance(value, kind):
                return reader(self, value)
        raise self.place.bad(f"values of type {type(value).__name__} are not supported")

    def bound(self, what: str) -> str:
        """The field, for what needs one."""
        if self.field is None:
            raise self.place.bad(f"{what} needs a field")
        return self.field

    def expansion(self, value: st.SigmaExpansion) -> Expr:
        return any_of([self.read(one) for one in value.values])

    def text(self, value: st.SigmaString) -> Expr:
        cased = isinstance(value, st.SigmaCasedString)
        return Text(self.field, (self._pattern(value.s, cased),), cased)

    def regex(self, value: st.SigmaRegularExpression) -> Expr:
        flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
        source = str(value.regexp).replace(PERCENT, "%")
        if "startswith" in self.modifiers:
            source = rf"\A(?:{source})"
        if "endswith" in self.modifiers:
            source = rf"(?:{source})\z"
        source = f"(?{flags}){source}" if flags else source
        _check_regex(source, self.place)
        return Regex(self.field, source)

    def compare(self, value: st.SigmaCompareExpression) -> Expr:
        field, number = self.bound("a comparison"), value.number
        part = getattr(number, "timestamp_part", None)
        return Compare(field, _OPS[value.op], number.number, part.name.lower() if part else "")

    def date_part(self, value: st.SigmaTimestampPart) -> Expr:
        part: Any = value.timestamp_part.name.lower()
        return Compare(self.bound("a date part"), "eq", value.number, part)

    def reference(self, value: st.SigmaFieldReference) -> Expr:
        how: Literal["is", "starts", "ends", "has"] = "is"
        if value.starts_with or value.ends_with:
            how = (
                "has"
                if value.starts_with and value.ends_with
                else ("starts" if value.starts_with else "ends")
            )
        return Ref(self.bound("a field reference"), value.field, how, self.cased)

    def _values(self, placeholder: str) -> Sequence[st.SigmaString]:
        """What a placeholder stands for; refused when it has no value."""
        known = self.placeholders.get(placeholder)
        if not known:
            raise self.place.bad(
                f"placeholder %{placeholder}% has no value: the rule is unsupported",
                near(placeholder, self.placeholders) or "give it one in the settings",
            )
        return [st.SigmaString(str(one)) for one in known]

    def _pattern(self, parts: Sequence[Any], cased: bool) -> Pattern:
        pieces: list[str | int] = [
            _WILDCARDS[p] if isinstance(p, st.SpecialChars) else self._written(p, cased)
            for p in parts
        ]
        if self.field is None:
            pieces = [
                *([] if "startswith" in self.modifiers else [ANY_MANY]),
                *pieces,
                *([] if "endswith" in self.modifiers else [ANY_MANY]),
            ]
        return _joined(pieces)

    def _written(self, text: str, cased: bool) -> str:
        if _LONE.search(text):
            raise self.place.bad("UTF-16 beyond ASCII is bytes, no text: base64 must follow")
        text = text.replace(PERCENT, "%")
        return text if cased else text.casefold()


def _is_read(node: Node, modifiers: Sequence[str]) -> bool:
    """Is it a number or a boolean by YAML's rules, which its author may not have had in mind?"""
    read = node.value is not None and not isinstance(node.value, str)
    return read and _PLAIN.issuperset(modifiers)


def _joined(pieces: list[str | int]) -> Pattern:
    """Neighbouring texts as one, and `**` as `*`; plain text as a string."""
    found: list[str | int] = []
    for piece in pieces:
        last = found[-1] if found else None
        if isinstance(piece, str) and isinstance(last, str):
            found[-1] = last + piece
        elif piece != "" and not (piece == ANY_MANY and last == ANY_MANY and last is not None):
            found.append(piece)
    if all(isinstance(piece, str) for piece in found):
        return "".join(str(piece) for piece in found)
    return tuple(found)


def _as_re2(source: str, modifiers: Sequence[str]) -> str:
    """What PCRE and RE2 write in two ways: a letter by its code, and the end of the text."""
    by_line = not _BY_LINE.isdisjoint(modifiers) or _BY_LINE_HERE.search(source)

    def written(found: re.Match[str]) -> str:
        if found[0][:1] == "[" or found[1]:
            return _ESCAPE.sub(_letter, found[0])
        return END if found[0] == r"\Z" or (found[0] == "$" and not by_line) else found[0]

    return _PIECE.sub(written, source)


def _letter(found: re.Match[str]) -> str:
    return rf"\x{{{found[1]}}}" if found[1] else found[0]


def _check_regex(source: str, place: Place) -> None:
    """Only what RE2 runs, in linear time, is honoured: no look-around, no back-reference."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(source, options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise place.bad(
            f"regular expression '{source}' can't run in linear time or is malformed: {reason}"
        ) from error


def _depth(expr: Expr) -> int:
    deepest, todo = 0, [(expr, 1)]
    while todo:
        one, depth = todo.pop()
        deepest = max(deepest, depth)
        inner = (one.item,) if isinstance(one, Not) else getattr(one, "items", ())
        todo.extend((item, depth + 1) for item in inner)
    return deepest


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


_NOT_SEARCHES = ("condition", "timeframe")
"""`timeframe` belonged to Sigma 1's aggregations; in a plain condition it has no meaning."""

_SWITCH: Mapping[str, bool] = {"true": True, "yes": True, "false": False, "no": False}

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)

_PIECE = re.compile(
    r"""\\Q.*?(?:\\E|\Z)                              # as it stands
    | \\(?:u([0-9a-fA-F]{4})|.)
    | \[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]
    | \$""",
    re.DOTALL | re.VERBOSE,
)

_BY_LINE, _BY_LINE_HERE = frozenset({"m", "multiline"}), re.compile(r"\(\?[a-zA-Z]*m")
"""Then `$` is the end of each line."""

_READ = NUMERIC | {"cidr"}
"""These read a text as something else, for which its placeholders must be filled in."""

_ESCAPED_PERCENT = re.compile(r"(?<!\\)((?:\\\\)*)\\%")
"""`\\%` after an even number of backslashes, which are themselves escaped."""

_QUANTIFIED = re.compile(r"\[(?:any|all|none)\]")

_LONE = re.compile(r"[\ud800-\udfff]")

_EXACT = 1 << 63
"""Beyond this JSON readers have no whole numbers."""

_PLAIN = frozenset({"all", "neq"})
"""Without others a number in a rule is one; with any it is meant as it was written."""

_WILDCARDS = {
    st.SpecialChars.WILDCARD_MULTI: ANY_MANY,
    st.SpecialChars.WILDCARD_SINGLE: ANY_ONE,
}

_OPS: Mapping[Any, Literal["lt", "lte", "gt", "gte"]] = {
    st.CompareOperators.LT: "lt",
    st.CompareOperators.LTE: "lte",
    st.CompareOperators.GT: "gt",
    st.CompareOperators.GTE: "gte",
}

_READERS: tuple[tuple[type, Callable[[_Reader, Any], Expr]], ...] = (
    (st.SigmaExpansion, _Reader.expansion),
    (st.SigmaString, _Reader.text),
    (st.SigmaRegularExpression, _Reader.regex),
    (st.SigmaTimestampPart, _Reader.date_part),
    (st.SigmaNull, lambda reader, value: Null(reader.bound("null"))),
    (st.SigmaExists, lambda reader, value: Exists(reader.bound("exists"), value.exists)),
    (
        st.SigmaCIDRExpression,
        lambda reader, value: Cidr(reader.bound("cidr"), str(value.network)),
    ),
    (st.SigmaCompareExpression, _Reader.compare),
    (st.SigmaFieldReference, _Reader.reference),
)
