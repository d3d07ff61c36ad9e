"""The table of Terraform types that a module uses, derived anew from the provider's own schema.

    npm install --ignore-scripts --legacy-peer-deps @cdktf/provider-azurerm@14.23.1   # 269 MB
    python tests/infra/stub/derive.py node_modules azurerm infra/azure > tests/infra/stub/azurerm.json

The npm package is HashiCorp's own generation of classes from `terraform providers schema`; each has
a method that names its arguments, their kinds and whether they are blocks. Read from it are types
that the module names and, of those, what it uses and what is required: an argument that is not in
the table is an error, and whoever adds one runs this again. A table, not a copy: names and kinds.

In the table: t kind, e kind of elements, r required, c computed alone, m at most one, b a block's
arguments, o an object's.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any


class Generated:
    """One file of the package: the classes in it, and the functions that turn structs into HCL."""

    def __init__(self, path: Path) -> None:
        self.source = path.read_text(encoding="utf-8")
        self.functions = dict(
            re.findall(
                r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}",
                self.source,
                re.MULTILINE | re.DOTALL,
            )
        )
        self.classes = {
            name: (parent, body)
            for name, parent, body in re.findall(
                r"^class (\w+) extends cdktf\.(\w+) \{\n(.*?)^\}",
                self.source,
                re.MULTILINE | re.DOTALL,
            )
        }

    def top(self) -> dict[str, Any]:
        """The arguments and attributes of the resource, data source or provider in the file."""
        name = next(name for name, (parent, _) in self.classes.items() if parent in TOPS)
        body = self.classes[name][1]
        found = re.search(
            r"synthesizeHclAttributes\(\) \{\n(.*?)^    \}", body, re.MULTILINE | re.DOTALL
        )
        return self.arguments(found[1] if found else "", name)

    def arguments(self, text: str, owner: str) -> dict[str, Any]:
        """Every argument that `text` lists, and every attribute that the class `owner` gives."""
        body = self.classes.get(owner, ("", ""))[1]
        optional = {each.lower() for each in re.findall(r"^    reset(\w+)\(\)", body, re.MULTILINE)}
        single = set(re.findall(r"new \w+OutputReference\(this, \"(\w+)\"\)", body))
        found = {}
        for name, value, block, sort, storage in ARGUMENT.findall(text):
            held = re.search(r"(?:struct|this)\._?(\w+)", value)
            entry = _kind(value, sort, storage)
            if owner in self.classes and (held[1] if held else "").lower() not in optional:
                entry["r"] = 1
            made = re.search(r"(?<!cdktf\.)\b(\w+)ToHclTerraform", value)
            if made and made[1] in self.functions:
                inner = made[1][:1].upper() + made[1][1:] + "OutputReference"
                entry["b" if block == "true" else "o"] = self.arguments(
                    self.functions[made[1]], inner
                )
                if name in single:
                    entry["m"] = 1
            found[name] = entry
        for kind, name in re.findall(r"this\.get(\w+)Attribute\('(\w+)'\)", body):
            if name not in found and kind in COMPUTED:
                found[name] = {"c": 1, **COMPUTED[kind]}
        return found


def _kind(value: str, sort: str, storage: str) -> dict[str, Any]:
    if sort in {"simple", ""}:
        entry: dict[str, Any] = {"t": storage}
    else:
        entry = {"t": {"struct": "object"}.get(sort, sort)}
    plain = re.search(r"cdktf\.(string|boolean|number|any)ToHclTerraform", value)
    if plain and entry["t"] in {"list", "set", "map"}:
        entry["e"] = plain[1]
    for ending in ("Map", "List"):
        if (
            storage.endswith(ending)
            and storage[:1].islower()
            and entry["t"] in {"list", "set", "map"}
        ):
            entry["e"] = storage.removesuffix(ending)
    return entry


def used(arguments: dict[str, Any], words: set[str]) -> dict[str, Any]:
    """What the module's words name, and what it could not leave out."""
    kept = {}
    for name, entry in arguments.items():
        if name not in words and not entry.get("r") and name != "id":
            continue
        kept[name] = {
            key: used(value, words) if key in {"b", "o"} else value for key, value in entry.items()
        }
    return kept


def derive(modules: Path, provider: str, module: Path) -> dict[str, Any]:
    """The table of one provider for one module."""
    package = modules / "@cdktf" / f"provider-{provider}"
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(module.glob("*.tf")))
    words = set(re.findall(r"\w+", text))
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))

    def read(folder: str) -> dict[str, Any]:
        return used(Generated(package / "lib" / folder / "index.js").top(), words)

    named = set(re.findall(rf'^(resource|data) "({provider}_\w+)"', text, re.MULTILINE))
    table: dict[str, Any] = {"resource": {}, "data": {}}
    for kind, name in sorted(named):
        folder = name.removeprefix(f"{provider}_").replace("_", "-")
        table[kind][name] = read(f"data-{provider}-{folder}" if kind == "data" else folder)
    source = f"@cdktf/provider-{provider} {about['version']}"
    return {"from": source, **about["cdktf"]["provider"], "provider": read("provider"), **table}


TOPS = ("TerraformResource", "TerraformDataSource", "TerraformProvider")

ARGUMENT = re.compile(
    r"^\s{8,12}(\w+): \{\s*value: (.*?),\s*isBlock: (true|false),\s*"
    r"(?:type: \"(\w+)\",\s*)?(?:storageClassType: \"([^\"]+)\",)?",
    re.MULTILINE | re.DOTALL,
)

COMPUTED: dict[str, dict[str, str]] = {
    "String": {"t": "string"},
    "Number": {"t": "number"},
    "Boolean": {"t": "boolean"},
    "List": {"t": "list", "e": "string"},
    "StringMap": {"t": "map", "e": "string"},
}

if __name__ == "__main__":
    print(json.dumps(derive(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])), indent=1))
