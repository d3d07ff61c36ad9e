"""What Google says its APIs take and give: discovery documents, and requests held against them.

The documents are those that come inside google-api-python-client. A request is right if a method
has its path and verb, and if path, query and body hold nothing but what the method declares, each
of its type. Schemas are closed: a field that isn't declared is a fault, also where a schema
declares none. What Google checks beyond its documents, the fake of each API has to know.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import googleapiclient

DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"

PINNED = {
    "cloudresourcemanager": "v3",
    "compute": "v1",
    "iam": "v1",
    "logging": "v2",
    "orgpolicy": "v2",
    "policyanalyzer": "v1",
    "pubsub": "v1",
    "run": "v2",
    "secretmanager": "v1",
    "securitycenter": "v1",
    "storage": "v1",
}
"""Service, as the host has it -> version of its document."""


class Wrong(Exception):
    """A request or an answer that Google's own documents don't allow."""


class Method(NamedTuple):
    """One method of one API, ready to be matched."""

    id: str
    verb: str
    pattern: re.Pattern[str]
    about: Mapping[str, Any]
    api: Mapping[str, Any]


class Asked(NamedTuple):
    """A request that is right."""

    method: Method
    path: dict[str, str]
    query: dict[str, str]
    body: Any


@cache
def methods(service: str) -> tuple[Method, ...]:
    """Every method of the service's pinned version."""
    api = json.loads((DOCUMENTS / f"{service}.{PINNED[service]}.json").read_text())
    assert api["rootUrl"] == f"https://{service}.googleapis.com/"
    return tuple(_methods(api, api))


def _methods(api: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Method]:
    for about in node.get("methods", {}).values():
        template = f"/{api['servicePath']}{about['path']}"
        yield Method(about["id"], about["httpMethod"], _pattern(template, about), about, api)
    for inner in node.get("resources", {}).values():
        yield from _methods(api, inner)


def _pattern(template: str, about: Mapping[str, Any]) -> re.Pattern[str]:
    """`v1/{+name}:disable` as an expression for the path as it is sent, still escaped."""
    parts = []
    for literal, plus, name in re.findall(r"([^{]+)|\{(\+?)(\w+)\}", template):
        if literal:
            parts.append(re.escape(literal))
            continue
        said = about["parameters"][name].get("pattern", "") if plus else ""
        parts.append(f"(?P<{name}>{said.removeprefix('^').removesuffix('$') or '[^/:]+'})")
    return re.compile("".join(parts))


def check(service: str, verb: str, url: str, body: Any) -> Asked:
    """The request as one of a method; Wrong with everything that is wrong with it."""
    if service not in PINNED:
        raise Wrong(f"no API {service}")
    split = urlsplit(url)
    fitting = [
        (method, match)
        for method in methods(service)
        if method.verb == verb and (match := method.pattern.fullmatch(split.path))
    ]
    if not fitting:
        raise Wrong(f"no method of {service} is {verb} {split.path}")
    # The most particular one: `{name}:disable` before `{name}`, projects.sinks before sinks.
    method, match = max(
        fitting, key=lambda each: (":" in each[0].about["path"], each[0].id.count("."))
    )
    path = {name: unquote(value) for name, value in match.groupdict().items()}
    query = parse_qs(split.query, keep_blank_values=True, strict_parsing=bool(split.query))
    faults = [*_path_faults(method, path), *_query_faults(method, query)]
    schema = method.about.get("request")
    if schema is None and body is not None:
        faults.append("a body that the method does not take")
    elif schema is not None:
        faults += _faults(method.api, schema, {} if body is None else body, "body", sent=True)
    if faults:
        raise Wrong(f"{method.id}: {'; '.join(faults)}")
    return Asked(method, path, {name: values[0] for name, values in query.items()}, body)


def check_answer(method: Method, body: Any) -> None:
    """Wrong unless the body is what the method gives."""
    schema = method.about.get("response")
    if schema is None:
        raise Wrong(f"{method.id} gives nothing")
    if faults := list(_faults(method.api, schema, body, "answer", sent=False)):
        raise Wrong(f"answer of {method.id}: {'; '.join(faults)}")


def _path_faults(method: Method, path: Mapping[str, str]) -> Iterator[str]:
    for name, value in path.items():
        pattern = method.about["parameters"][name].get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            yield f"path: {name} {value!r} is not {pattern}"


def _query_faults(method: Method, query: Mapping[str, list[str]]) -> Iterator[str]:
    declared = {
        name: about
        for name, about in method.about.get("parameters", {}).items()
        if about["location"] == "query"
    }
    for name, values in query.items():
        about = declared.get(name) or method.api["parameters"].get(name)
        if about is None:
            yield f"query: no parameter {name}"
        elif len(values) > 1 and not about.get("repeated"):
            yield f"query: {name} is given more than once"
        else:
            for value in values:
                yield from _query_value_faults(method, name, about, value)
    for name, about in declared.items():
        if about.get("required") and name not in query:
            yield f"query: {name} is missing"


def _query_value_faults(
    method: Method, name: str, about: Mapping[str, Any], value: str
) -> Iterator[str]:
    if about["type"] == "boolean" and value not in ("true", "false"):
        yield f"query: {name} {value!r} is not true or false"
    if about["type"] == "integer" and not value.isdecimal():
        yield f"query: {name} {value!r} is no number"
    if "enum" in about and value not in about["enum"]:
        yield f"query: {name} {value!r} is none of {about['enum']}"
    if about.get("format") == "google-fieldmask":
        yield from _mask_faults(method.api, method.about["request"], value)


def _mask_faults(api: Mapping[str, Any], schema: Mapping[str, Any], mask: str) -> Iterator[str]:
    """A mask names fields of what is sent."""
    for field in mask.split(","):
        if field.split(".")[0] not in _resolved(api, schema).get("properties", {}):
            yield f"mask: no field {field}"


def _resolved(api: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return api["schemas"][schema["$ref"]] if "$ref" in schema else schema


def _faults(
    api: Mapping[str, Any], schema: Mapping[str, Any], value: Any, place: str, *, sent: bool
) -> Iterator[str]:
    """What about the value is not as the schema has it. `sent`: it is Google that reads it."""
    if sent and schema.get("readOnly"):
        yield f"{place} is for Google alone to set"
    schema = _resolved(api, schema)
    kind = schema.get("type", "object")
    if kind == "any":
        return
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{place} is a {type(value).__name__}, not a {kind}"
    elif kind == "array":
        for number, item in enumerate(value):
            yield from _faults(api, schema["items"], item, f"{place}[{number}]", sent=sent)
    elif kind == "object":
        yield from _field_faults(api, schema, value, place, sent=sent)
    else:
        yield from _text_faults(api, schema, value, place)


def _field_faults(
    api: Mapping[str, Any], schema: Mapping[str, Any], value: Any, place: str, *, sent: bool
) -> Iterator[str]:
    for name, item in value.items():
        inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
        if inner is None:
            yield f"{place} has no field {name}"
        else:
            yield from _faults(api, inner, item, f"{place}.{name}", sent=sent)
    if place == "body" and "updateMask" in value:
        inner = {name: each for name, each in schema["properties"].items() if name != "updateMask"}
        yield from _mask_faults(api, next(iter(inner.values())), value["updateMask"])


def _text_faults(
    api: Mapping[str, Any], schema: Mapping[str, Any], value: Any, place: str
) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} {value!r} is none of {schema['enum']}"
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        yield f"{place} {value!r} is not {schema['pattern']}"
    reads = FORMATS.get(schema.get("format", ""))
    if reads:
        try:
            reads(value)
        except (ValueError, binascii.Error):
            yield f"{place} {value!r} is no {schema['format']}"


TYPES: Mapping[str, Any] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}

FORMATS: Mapping[str, Any] = {
    "byte": lambda value: base64.b64decode(value, validate=True),
    "date-time": datetime.fromisoformat,
    "google-datetime": datetime.fromisoformat,
    "int64": int,
    "uint64": int,
}
"""Google writes numbers of 64 bits as text."""
