"""The table of the Terraform types that a module uses, derived anew from the provider's own schema.

    npm install --ignore-scripts --legacy-peer-deps @cdktf/provider-google@16.12.1     # 307 MB
    npm install --ignore-scripts --legacy-peer-deps @cdktf/provider-azurerm@14.23.1    # 269 MB
    python tests/infra/stub/derive.py node_modules google infra/gcp > tests/infra/stub/google.json
    python tests/infra/stub/derive.py node_modules azurerm infra/azure > tests/infra/stub/azurerm.json

The npm package is HashiCorp's own generation of classes from `terraform providers schema`: a folder
for each type, with a class that lists every argument, whether it is a block, and of what kind. What
can be reset is optional, what is only read is computed. Kept are the types that the module names
and, of those, what it names and what is needed: another argument is an error, and whoever adds one
runs this again. A table, not a copy: names and kinds, in the notation of `schema.py`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(modules: Path, provider: str, module: Path) -> None:
    """Print the table of one provider for one module."""
    package = modules / "@cdktf" / f"provider-{provider}"
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(module.glob("*.tf")))
    words = set(re.findall(r"\w+", text)) | {"id"}

    def read(folder: str, mark: str) -> dict[str, Any]:
        return Source(package / "lib" / folder / "index.js", words).arguments(mark)

    types: dict[str, Any] = {"resource": {}, "data": {}}
    for sort, name in re.findall(rf'^(resource|data) "({provider}_\w+)"', text, re.MULTILINE):
        folder = name.removeprefix(f"{provider}_").replace("_", "-")
        types[sort][name] = read(f"data-{provider}-{folder}" if sort == "data" else folder, name)
    table = {
        "from": f"@cdktf/provider-{provider} {about['version']}",
        **{key: about["cdktf"]["provider"][key] for key in ("name", "version")},
        "provider": read("provider", provider),
        **types,
    }
    print(json.dumps(table, indent=1, sort_keys=True))


class Source:
    """The generated source of one type, of which arguments named by `words` are read."""

    def __init__(self, file: Path, words: set[str]) -> None:
        self.text = file.read_text(encoding="utf-8")
        self.words = words
        self.classes = dict(CLASS.findall(self.text))
        self.functions = dict(FUNCTION.findall(self.text))

    def arguments(self, name: str) -> dict[str, Any]:
        """Of the type itself: the one class that says which type it is."""
        mark = re.search(rf"^(\w+)\.tfResourceType = [\"']{name}[\"']", self.text, re.MULTILINE)
        assert mark, name
        body = self.classes[mark[1]]
        listed = ARGUMENTS.search(body)
        return dict(self._of(listed[1] if listed else "", body))

    def _of(self, listed: str, body: str) -> Iterator[tuple[str, Any]]:
        """`body` is "" where a block has no class, as below a provider: nothing there is needed."""
        given = set()
        for name, value, block, kind, storage in ARGUMENT.findall(listed):
            given.add(name)
            field = re.search(r"(?:struct|this)\._?(\w+)", value)
            assert field, name
            reset = f"reset{field[1][:1].upper()}{field[1][1:]}()"
            needed = "!" if body and reset not in body else ""
            if not needed and name not in self.words:
                continue
            if block == "true":
                inner = re.search(r"(?<!cdktf\.)\b(\w+)ToHclTerraform", value)
                assert inner, name
                made = _class(inner[1])
                brackets = _brackets(kind, f'new {made}(this, "{name}")' in body)
                inside = self._of(self.functions[inner[1]], self.classes.get(made, ""))
                yield f"{name}{brackets}{needed}", dict(inside)
            else:
                yield name, _type(kind, storage, value) + needed
        for kind, name in READ.findall(body):
            if name in self.words - given and kind in READ_TYPES:
                yield name, READ_TYPES[kind] + "="


def _class(function: str) -> str:
    return f"{function[:1].upper()}{function[1:]}OutputReference"


def _brackets(kind: str, single: bool) -> str:
    opening, closing = "{}" if kind == "set" else "[]"
    return f"{opening}{'1' * single}{closing}"


def _type(kind: str, storage: str, value: str) -> str:
    if kind in ("list", "set", "map"):
        item = re.search(r"cdktf\.(\w+)ToHclTerraform", value)
        return f"{kind}({SIMPLE[item[1]] if item else 'string'})"
    return SIMPLE[storage]


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

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
