"""The table of Graph's objects agrees with what Microsoft declares of them in TypeScript."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.azure.fake.graph import OBJECTS
from tests.infra.terraform import ROOT, missing

HERE = Path(__file__).parent / "fake"
PLACE = ROOT / "build" / "graph-types"
TYPES = PLACE / "node_modules" / "@microsoft" / "microsoft-graph-types" / "microsoft-graph.d.ts"


@pytest.fixture(scope="module")
def declared():
    """Microsoft's declarations, installed once from the lock."""
    if not shutil.which("npm"):
        missing("npm", "from Debian (nodejs, npm) or nodejs.org")
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not TYPES.exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, PLACE)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=PLACE, capture_output=True, text=True, check=False)
            if done.returncode:
                missing("@microsoft/microsoft-graph-types", f"by npm: {done.stderr[-300:]}")
    return TYPES.read_text(encoding="utf-8")


def properties(declared, name):
    """Property -> type of an interface and of those that it extends."""
    found = re.search(
        rf"^export interface {name}(?: extends (\w+))? \{{(.*?)^\}}",
        declared,
        re.MULTILINE | re.DOTALL,
    )
    assert found, name
    held = properties(declared, found[1]) if found[1] else {}
    own = re.findall(r"^    (\w+)\??: (?:NullableOption<)?([\w\[\]]+)>?;", found[2], re.MULTILINE)
    return {**held, **dict(own)}


def kind(field):
    """What a field of the table takes, in TypeScript's words."""
    samples = {"string": "text", "boolean": True}
    return [name for name, value in samples.items() if not list(field.check(value, "$", False))]


@pytest.mark.parametrize("name", OBJECTS)
def test_the_table_agrees_with_microsofts_declarations(declared, name):
    known = properties(declared, name)
    ours = {property: kind(field) for property, field in OBJECTS[name].items()}
    assert ours == {property: [known.get(property)] for property in ours}
