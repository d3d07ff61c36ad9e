"""Sigma's modifiers: pySigma's, and ours where the specification asks for more or is misread.

What is different here, and why, is in docs/decisions/0018-rules-of-other-engines.md. It knows
nothing of fields, lines or what becomes of a value.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import re2
import sigma.types as st
from sigma.exceptions import SigmaModifiedError, SigmaValueError
from sigma.modifiers import SigmaExpandModifier, SigmaModifier, SigmaValueModifier, modifier_mapping

__all__ = ["MODIFIERS", "NUMERIC", "PERCENT", "Fill", "clash", "expand", "filled", "in_order"]

Fill = Callable[[str], Sequence[st.SigmaString]]
"""Name of a placeholder -> its values. It raises where there are none."""

MOST_DASHES = 3
"""Of a value with windash; each is one of five."""

PERCENT = "\ue025"
"""Stands for `\\%` of a value with `expand` while pySigma, which has no escape, looks for names."""


def clash(modifiers: Sequence[str]) -> str:
    """Why these can't stand together; "" when they can.

    Of two that exclude each other pySigma drops one, or encodes what is encoded: a rule that looks
    for something else than it says.
    """
    for group in _ONE_OF:
        found = [name for name in modifiers if name in group]
        if len(found) > 1:
            return f"'{found[0]}' and '{found[1]}' can't stand together"
    encoded = [n for n, name in enumerate(modifiers) if name in _BASE64]
    if encoded:
        late = [name for name in modifiers[encoded[0] :] if name in (*_UTF16, "expand")]
        if late:
            return f"'{late[0]}' must stand before '{modifiers[encoded[0]]}'"
    return ""


def in_order(modifiers: Sequence[str]) -> Sequence[str]:
    """As they are applied, wherever they stand.

    `all` and `neq` link or negate, and change no value. Case counts for what comes of all others.
    pySigma wants `fieldref` first, and has no case of its own for it; an expression comes before
    its placeholders.
    """
    found = [name for name in modifiers if name not in ("all", "neq", "cased")]
    for first in ("fieldref", "re"):
        if first in found:
            found = [first, *(name for name in found if name != first)]
    return [*found, "cased"] if "cased" in modifiers and "fieldref" not in found else found


def filled(text: str, fill: Fill) -> Iterator[str]:
    """The text with its placeholders filled in, in all ways."""
    found = _PLACEHOLDER.search(text)
    if found is None:
        yield text
        return
    for rest in filled(text[found.end() :], fill):
        yield from (f"{text[: found.start()]}{one}{rest}" for one in fill(found[1]))


def expand(fill: Fill) -> type[SigmaModifier[Any, Any]]:
    """The modifier `expand`, which fills placeholders at once, so that what follows it sees their
    values; in a regular expression those are texts, of which the wildcards count.
    """

    class Expand(SigmaExpandModifier):
        def modify(self, val: Any) -> Any:
            as_regex = isinstance(val, st.SigmaRegularExpression)

            def values(placeholder: st.Placeholder) -> Iterator[st.SigmaString]:
                known = fill(placeholder.name)
                yield from map(_regex_of, known) if as_regex else known

            found = val.insert_placeholders().replace_placeholders(values)
            if isinstance(val, st.SigmaCasedString):
                found = map(st.SigmaCasedString.from_sigma_string, found)
            return st.SigmaExpansion(list(found))

        def type_check(self, val: Any, explicit_type: Any = None) -> bool:
            """By itself: pySigma would keep this class for good, to know its hints."""
            return isinstance(val, st.SigmaString | st.SigmaRegularExpression)

    return Expand


def _regex_of(value: st.SigmaString) -> st.SigmaString:
    parts = [re2.escape(p) if isinstance(p, str) else _IN_REGEX[p] for p in value.s]
    return st.SigmaString("".join(parts), escape=False)


class _Utf16(SigmaValueModifier[st.SigmaString, st.SigmaString]):
    """Each byte of the encoded text as a character: itself in ASCII, beyond it a lone surrogate,
    which no text has and which is that byte again when base64 asks for it.
    """

    encoding: ClassVar[str] = "utf-16-le"
    mark: ClassVar[str] = ""

    def modify(self, val: st.SigmaString) -> st.SigmaString:
        found = st.SigmaString()
        found.s = [self.mark, *(self._part(p) if isinstance(p, str) else p for p in val.s)]
        return found

    def _part(self, text: str) -> str:
        text = text.replace(PERCENT, "%")
        return text.encode(self.encoding).decode("ascii", "surrogateescape")


class _Utf16Be(_Utf16):
    encoding = "utf-16-be"


class _Utf16Marked(_Utf16):
    mark = b"\xff\xfe".decode("ascii", "surrogateescape")


class _Base64(SigmaValueModifier[st.SigmaString, st.SigmaString]):
    def modify(self, val: st.SigmaString) -> st.SigmaString:
        return st.SigmaString(b64encode(_bytes(val)).decode())


class _Base64Offset(SigmaValueModifier[st.SigmaString, st.SigmaExpansion]):
    """For each offset the characters that do not depend on what stands beside the text. One that
    leaves none is left out: it would be in everything.
    """

    def modify(self, val: st.SigmaString) -> st.SigmaExpansion:
        data = _bytes(val)
        found = [
            b64encode(b" " * offset + data)[start : _ENDS[(len(data) + offset) % 3]].decode()
            for offset, start in enumerate(_STARTS)
        ]
        if not any(found):
            raise SigmaValueError("base64offset of nothing")
        return st.SigmaExpansion([st.SigmaString(one) for one in found if one])


def _bytes(value: st.SigmaString) -> bytes:
    if value.contains_special():
        raise SigmaValueError("Base64 encoding of strings with wildcards is not allowed")
    text = "".join(map(str, value.s)).replace(PERCENT, "%")
    return text.encode("utf-8", "surrogateescape")


class _Windash(SigmaValueModifier[st.SigmaString, st.SigmaExpansion]):
    def modify(self, val: st.SigmaString) -> st.SigmaExpansion:
        marked = val.replace_with_placeholder(_DASH, "_windash")
        if sum(isinstance(part, st.Placeholder) for part in marked.s) > MOST_DASHES:
            raise SigmaModifiedError(f"windash varies {MOST_DASHES} dashes of a value at most")
        return st.SigmaExpansion(list(marked.replace_placeholders(lambda _: iter(_DASHES))))


MODIFIERS: Mapping[str, type[SigmaModifier[Any, Any]]] = {
    **modifier_mapping,
    "wide": _Utf16,
    "utf16le": _Utf16,
    "utf16be": _Utf16Be,
    "utf16": _Utf16Marked,
    "base64": _Base64,
    "base64offset": _Base64Offset,
    "windash": _Windash,
}
"""By name; what `expand` does depends on the placeholders that are known."""

_PARTS = frozenset({"minute", "hour", "day", "week", "month", "year"})
_COMPARED = frozenset({"gt", "gte", "lt", "lte"})
_UTF16 = frozenset({"wide", "utf16", "utf16le", "utf16be"})
_BASE64 = frozenset({"base64", "base64offset"})

NUMERIC = _COMPARED | _PARTS | {"exists"}
"""These take a number or a boolean as such."""

_ONE_OF = (
    frozenset({"contains", "startswith", "endswith"}),
    _COMPARED,
    _PARTS,
    _UTF16,
    _BASE64,
    frozenset({"re", "cidr", "exists", "fieldref"}),
)
"""Of each at most one."""

_PLACEHOLDER = re.compile(r"%(\w+)%")

_STARTS, _ENDS = (0, 2, 3), (None, -3, -2)
"""Characters of base64 that are shared with what stands before and after."""

_IN_REGEX: Mapping[Any, str] = {
    st.SpecialChars.WILDCARD_MULTI: ".*",
    st.SpecialChars.WILDCARD_SINGLE: ".",
}

_DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")

_DASH = re.compile(
    r"(?<!\w)[-/\u2013-\u2015](?=\w)|(?<!\S)[-/\u2013-\u2015](?![-/\u2013-\u2015\w])"
)
"""One that stands before an option, or by itself."""
