"""What ARM takes and gives, read from the azure-mgmt packages that are installed.

A route is the request that the SDK's own builder makes: method, path, api-version. A body is
checked against the SDK's own model: nothing unknown, nothing missing, nothing read-only in a
request, every value of its kind. Two generations of SDKs describe their models in two ways.
"""

from __future__ import annotations

import datetime as dt
import enum
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

Check = Callable[[Any, str, bool], Iterator[str]]
"""(value, where it stands, whether it is asked and not answered) -> what is wrong with it."""


class Field(NamedTuple):
    check: Check
    required: bool = False
    read_only: bool = False


class Route(NamedTuple):
    """One operation: how it is asked for, and the models of what it takes and gives."""

    name: str
    method: str
    path: re.Pattern[str]
    version: str
    takes: Check | None
    gives: Check | None
    headers: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()


def arm_routes(table) -> list[Route]:
    """Rows (SDK module, builder, takes, gives, extra headers, extra query) -> routes."""
    return [_route(*row) for row in table]


def _route(module, builder, takes, gives, headers=(), query=()) -> Route:
    operations = import_module(module)
    build = getattr(operations, builder)
    wanted = inspect.signature(build).parameters.values()
    given = {
        each.name: f"<{each.name}>"
        for each in wanted
        if each.kind is not each.VAR_KEYWORD and each.default is each.empty
    }
    request = build(**given)
    target = urlsplit(request.url)
    template = re.sub(r"(%3C|<)(\w+)(%3E|>)", r"{\2}", target.path)
    models = import_module(module.partition(".operations")[0] + ".models")
    return Route(
        name=template,
        method=request.method,
        path=re.compile(_pattern(template), re.IGNORECASE),
        version=parse_qs(target.query)["api-version"][0],
        takes=model(getattr(models, takes)) if takes else None,
        gives=model(getattr(models, gives)) if gives else None,
        headers=frozenset(headers),
        query=frozenset(query),
    )


def _pattern(template: str) -> str:
    """A scope is any path; every other placeholder is one segment."""
    parts = re.split(r"(\{\w+\})", template)
    return "".join(
        (r".+" if part in SCOPES else r"[^/]+") if part.startswith("{") else re.escape(part)
        for part in parts
    )


@cache
def model(kind) -> Check:
    """The check of one of the SDK's models."""
    return fields(_old(kind) if hasattr(kind, "_attribute_map") else _new(kind))


def fields(known: dict[str, Field]) -> Check:
    """An object with these fields and no others."""

    def check(value, place, asked):
        if not isinstance(value, dict):
            yield f"{place}: an object is expected"
            return
        for name in value.keys() - known.keys():
            yield f"{place}.{name}: unknown"
        for name, field in known.items():
            if name not in value:
                if field.required and not (asked and field.read_only):
                    yield f"{place}.{name}: missing"
            elif asked and field.read_only:
                yield f"{place}.{name}: read-only"
            elif value[name] is not None:
                yield from field.check(value[name], f"{place}.{name}", asked)

    return check


def _new(kind) -> dict[str, Field]:
    """Models whose fields are descriptors with annotations (azure-mgmt since 2024)."""
    models = import_module(kind.__module__.rpartition(".")[0])
    hints = typing.get_type_hints(kind, localns={"_models": models})
    found = {}
    for owner in reversed(kind.__mro__):
        for attribute, field in vars(owner).items():
            if not hasattr(field, "_visibility"):
                continue
            hint, read_only = hints[attribute], field._visibility == ["read"]
            required = type(None) not in typing.get_args(hint)
            name = field._rest_name_input or attribute
            found[name] = Field(_typed(hint), required and not read_only, read_only)
    return found


def _typed(hint) -> Check:
    """The check of an annotation. A model is looked up late, as models hold one another."""
    options = [each for each in typing.get_args(hint) if each is not type(None)]
    origin = typing.get_origin(hint)
    if origin is list:
        return many(_typed(options[0]))
    if origin is dict:
        return mapping(_typed(options[1]))
    if options:
        known = next((each for each in options if isinstance(each, enum.EnumMeta)), None)
        return one_of([each.value for each in known]) if known else _typed(options[0])
    if hint in PLAIN:
        return plain(PLAIN[hint])
    return lambda value, place, asked: model(hint)(value, place, asked)  # noqa: PLW0108  models nest


def _old(kind) -> dict[str, Field]:
    """Models with a map from attribute to wire name, in which dots lead into objects."""
    module = import_module(kind.__module__.rpartition(".")[0])
    known: dict[str, Any] = {}
    for attribute, each in kind._attribute_map.items():
        rules = kind._validation.get(attribute, {})
        field = Field(
            _named(each["type"], module),
            rules.get("required", False),
            rules.get("readonly", False),
        )
        *outer, name = each["key"].split(".")
        place = known
        for step in outer:
            place = place.setdefault(step, {})
        place[name] = field
    return _closed(known)


def _closed(known) -> dict[str, Field]:
    return {
        name: Field(
            fields(_closed(each)), any(f.required for f in each.values() if isinstance(f, Field))
        )
        if isinstance(each, dict)
        else each
        for name, each in known.items()
    }


def _named(sort: str, module) -> Check:
    if sort.startswith("["):
        return many(_named(sort[1:-1], module))
    if sort.startswith("{"):
        return mapping(_named(sort[1:-1], module))
    if sort in NAMED:
        return plain(NAMED[sort])
    found = getattr(module, sort)
    if isinstance(found, enum.EnumMeta):
        return one_of([each.value for each in found])
    return lambda value, place, asked: model(found)(value, place, asked)  # noqa: PLW0108  so here


def plain(kinds) -> Check:
    def check(value, place, asked):
        wrong = not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool)
        if kinds is not object and wrong:
            yield f"{place}: {value!r} is of the wrong kind"

    return check


def one_of(known) -> Check:
    folded = {str(each).casefold() for each in known}

    def check(value, place, asked):
        if not isinstance(value, str) or value.casefold() not in folded:
            yield f"{place}: {value!r} is not one of {sorted(known)}"

    return check


def many(each: Check) -> Check:
    def check(value, place, asked):
        if not isinstance(value, list):
            yield f"{place}: a list is expected"
            return
        for at, item in enumerate(value):
            yield from each(item, f"{place}[{at}]", asked)

    return check


def mapping(each: Check) -> Check:
    def check(value, place, asked):
        if not isinstance(value, dict):
            yield f"{place}: an object is expected"
            return
        for name, item in value.items():
            yield from each(item, f"{place}.{name}", asked)

    return check


SCOPES = ("{scope}", "{resource_uri}")
"""Placeholders that stand for a whole path."""

PLAIN = {
    str: str,
    bool: bool,
    int: int,
    float: (int, float),
    Any: object,
    dt.datetime: str,
    dt.timedelta: str,
}

NAMED = {
    "str": str,
    "bool": bool,
    "int": int,
    "iso-8601": str,
    "duration": str,
    "object": object,
}
