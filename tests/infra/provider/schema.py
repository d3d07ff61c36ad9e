"""The notation of a provider's table, read.

    "name": "string!"            an argument that is needed; without the mark it is optional
    "email": "string="           what the provider says itself
    "labels": "map(string)"      and list, set, number, bool
    "condition[1]": {...}        a block, at most one; `[]` a list of them, `{}` a set, `!` needed

Whether an optional argument is filled in by the provider where it is left out is not in the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

Table: TypeAlias = Mapping[str, Any]

KEY = re.compile(r"(\w+)(?:([\[{])(1?)[\]}](!?))?")
TYPE = re.compile(r"(string|number|bool|(list|set|map)\((string|number|bool)\))([!=]?)")


class Argument(NamedTuple):
    """`kind` as Terraform's protocol writes it: "string" or ["list", "string"]."""

    kind: Any
    needed: bool
    computed: bool


class Block(NamedTuple):
    """A block, as often as `many` (list or set) and `single` say."""

    many: str
    single: bool
    needed: bool
    fields: dict[str, Argument | Block]


def fields(table: Table) -> dict[str, Argument | Block]:
    """The arguments and blocks of a resource, or of a block."""
    found: dict[str, Argument | Block] = {}
    for key, value in table.items():
        match = KEY.fullmatch(key)
        assert match, key
        name, opening, single, needed = match.groups()
        if opening:
            many = "list" if opening == "[" else "set"
            found[name] = Block(many, bool(single), bool(needed), fields(value))
        else:
            found[name] = _argument(name, value)
    return found


def _argument(name: str, value: str) -> Argument:
    match = TYPE.fullmatch(value)
    assert match, f"{name}: {value}"
    whole, outer, inner, mark = match.groups()
    return Argument([outer, inner] if outer else whole, mark == "!", mark == "=" or name == "id")
