"""Derives the table of a provider's arguments from an npm package that was generated from its schema.

    npm i --ignore-scripts --legacy-peer-deps @cdktf/provider-google@16.12.1
    python tests/infra/provider/derive.py node_modules/@cdktf/provider-google > tests/infra/provider/google.json

The package has one folder for each resource type, with a class that lists every argument, whether
it is a block, and of what type. What can be reset is optional, what is only read is computed. Only
the types that infra/ names are kept. The notation is in `schema.py`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

CLASS = re.compile(r"^class (\w+) extends cdktf\.\w+ \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FUNCTION = re.compile(
    r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL
)
ARGUMENTS = re.compile(
    r"^    synthesizeHclAttributes\(\) \{\n(.*?)^    \}", re.MULTILINE | re.DOTALL
)
ARGUMENT = re.compile(
    r"^ {8,12}(\w+): \{\s*value: (.*?),\s*isBlock: (true|false),"
    r"(?:\s*type: \"(\w+)\",)?(?:\s*storageClassType: \"(\w+)\",)?",
    re.MULTILINE | re.DOTALL,
)
READ = re.compile(r"this\.get(\w+)Attribute\('(\w+)'\)")

SIMPLE = {"string": "string", "number": "number", "boolean": "bool", "any": "string"}
READ_TYPES = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": "list(string)",
    "NumberList": "list(number)",
    "StringMap": "map(string)",
}


def main() -> None:
    package = Path(sys.argv[1])
    about = json.loads((package / "package.json").read_text())["cdktf"]["provider"]
    kind = about["name"].rpartition("/")[2]
    types: dict[str, Any] = {"resource": {}, "data": {}}
    for sort, name in used(kind):
        folder = name.removeprefix(f"{kind}_").replace("_", "-")
        folder = f"data-{kind}-{folder}" if sort == "data" else folder
        types[sort][name] = Source(package / "lib" / folder / "index.js").arguments(name)
    own = Source(package / "lib" / "provider" / "index.js").arguments(kind)
    own = {name: each for name, each in own.items() if not name.endswith("_custom_endpoint")}
    table = {"name": about["name"], "version": about["version"], "provider": own, **types}
    print(json.dumps(table, indent=1, sort_keys=True))


def used(kind: str) -> list[tuple[str, str]]:
    """(resource or data, type) of each that a module of infra/ names."""
    text = "\n".join(file.read_text() for file in (ROOT / "infra").rglob("*.tf"))
    found = re.findall(rf'^(resource|data) "({kind}_\w+)"', text, re.MULTILINE)
    return sorted(set(found))


class Source:
    """The generated source of one resource type."""

    def __init__(self, file: Path) -> None:
        self.text = file.read_text()
        self.classes = dict(CLASS.findall(self.text))
        self.functions = dict(FUNCTION.findall(self.text))

    def arguments(self, name: str) -> dict[str, Any]:
        """Of the resource itself: the one class that says which resource it is."""
        mark = re.search(rf"^(\w+)\.tfResourceType = [\"']{name}[\"']", self.text, re.MULTILINE)
        assert mark, name
        body = self.classes[mark[1]]
        listed = ARGUMENTS.search(body)
        return dict(self._of(listed[1] if listed else "", body))

    def _of(self, listed: str, body: str) -> Iterator[tuple[str, Any]]:
        seen = set()
        for name, value, block, kind, storage in ARGUMENT.findall(listed):
            seen.add(name)
            if name == "timeouts":
                continue
            field = re.search(r"(?:struct|this)\._?(\w+)", value)
            assert field, name
            reset = f"reset{field[1][:1].upper()}{field[1][1:]}()"
            needed = "" if reset in body else "!"
            inner = re.search(r"(\w+)ToHclTerraform", re.sub(r"cdktf\.\w+ToHcl\w+", "", value))
            if block == "true":
                assert inner, name
                one = f'new {inner[1][:1].upper()}{inner[1][1:]}OutputReference(this, "{name}")'
                yield f"{name}{_brackets(kind, one in body)}{needed}", self._block(inner[1])
            else:
                yield name, _type(kind, storage, value) + needed
        for kind, name in READ.findall(body):
            if name not in seen and kind in READ_TYPES:
                seen.add(name)
                yield name, READ_TYPES[kind] + "="

    def _block(self, function: str) -> dict[str, Any]:
        name = f"{function[:1].upper()}{function[1:]}OutputReference"
        return dict(self._of(self.functions[function], self.classes.get(name, "")))


def _brackets(kind: str, single: bool) -> str:
    opening, closing = "{}" if kind == "set" else "[]"
    return f"{opening}{'1' * single}{closing}"


def _type(kind: str, storage: str, value: str) -> str:
    if kind in ("list", "set", "map"):
        item = re.search(r"cdktf\.(\w+)ToHclTerraform", value)
        return f"{kind}({SIMPLE[item[1]] if item else 'string'})"
    return SIMPLE[storage]


if __name__ == "__main__":
    main()
