"""The published schema of OCSF, as a judge of what is written in its words."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from core.ocsf import SCHEMA_VERSION

__all__ = ["faults"]


@functools.cache
def embedded() -> OcsfJsonSchemaEmbedded:
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(SCHEMA_VERSION))


@functools.cache
def schema(class_uid: int, profiles: tuple[str, ...]) -> dict[str, Any]:
    name = embedded().lookup_class_name_from_uid(class_uid)
    return embedded().get_class_schema(name, list(profiles))


def deprecated(part: dict[str, Any], root: dict[str, Any], value: Any) -> Iterator[str]:
    """Names of deprecated attributes that the value uses, at any depth."""
    if "$ref" in part:
        part = root["$defs"][part["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for each in value:
            yield from deprecated(part.get("items", {}), root, each)
    elif isinstance(value, dict):
        for key, each in value.items():
            attribute = part.get("properties", {}).get(key, {})
            if attribute.get("deprecated"):
                yield key
            yield from deprecated(attribute, root, each)


def faults(found: dict[str, Any]) -> list[str]:
    """What the schema of the object's own class and profiles has against it."""
    found = json.loads(json.dumps(found))
    root = schema(found["class_uid"], tuple(found["metadata"]["profiles"]))
    errors = Draft202012Validator(root).iter_errors(found)
    said = [f"{error.json_path}: {error.message}" for error in errors]
    return said + [f"{name} is deprecated" for name in deprecated(root, root, found)]
