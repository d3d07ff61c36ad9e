"""The architecture as assertions: who may import whom, and what must go together."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from core.actions import CATALOGUE

ROOT = Path(__file__).parents[1]
CLOUDS = sorted(
    path.name
    for path in (ROOT / "functions").iterdir()
    if path.is_dir() and path.name != "local" and not path.name.startswith("_")
)
CORE_MAY = {"core", "msgspec", "re2", "isal", "rfc8785", "itsdangerous", "urllib3"}
CORE_MAY_IN = {
    "sigma": {"sigma", "yaml"},
    "scan": {"fastavro"},
    "report.py": {"jinja2", "markupsafe"},
}
SDKS = {
    "aws": {"boto3", "botocore", "aws_lambda_powertools", "aws_xray_sdk"},
    "azure": {"azure"},
    "gcp": {"google", "functions_framework", "cloudevents"},
}
NO_SDK = ("events.py", "envelopes.py", "targets.py", "operations.py", "neutral.py")
DEPLOYED = [cloud for cloud in CLOUDS if (ROOT / "functions" / cloud / "handler.py").exists()]
SAME_NAMES = {
    "handler",
    "wiring",
    "envelopes",
    "events",
    "neutral",
    "operations",
    "targets",
    "actions",
    "adapters",
    "inventory",
    "permissions",
}
"""A name is a file, or a folder once the file has outgrown itself."""


def sources(*folder: str) -> list[Path]:
    return sorted(ROOT.joinpath(*folder).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> set[str]:
    """Whole dotted names of all imports of a file, those inside functions too."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", sources("core"), ids=lambda path: path.name)
def test_core_imports_core_and_its_few_libraries_alone(path):
    room = path.relative_to(ROOT / "core").parts[0]
    assert packages(path) <= CORE_MAY | CORE_MAY_IN.get(room, set())


def test_only_one_file_of_core_opens_a_socket():
    users = {path.name for path in sources("core") if "urllib3" in packages(path)}
    assert users == {"webhook.py"}


def test_nothing_in_core_but_the_sweep_imports_the_engine():
    users = {path.name for path in sources("core") if "core.engine.Engine" in imports(path)}
    assert users == {"sweep.py"}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cloud_imports_its_own_sdk_and_no_other_cloud(cloud):
    foreign = set().union(*(sdk for name, sdk in SDKS.items() if name != cloud))
    for path in sources("functions", cloud):
        assert not packages(path) & foreign, path
        others = {f"functions.{other}" for other in [*CLOUDS, "local"] if other != cloud}
        used = {".".join(name.split(".")[:2]) for name in imports(path)}
        assert not used & others, path


@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_reads_events_knows_no_sdk(cloud):
    for path in sources("functions", cloud):
        if {path.name, f"{path.parent.name}.py"} & set(NO_SDK):
            assert not packages(path) & set().union(*SDKS.values()), path


@pytest.mark.parametrize("cloud", DEPLOYED)
def test_every_cloud_has_the_same_names(cloud):
    assert {path.stem for path in (ROOT / "functions" / cloud).iterdir()} >= SAME_NAMES


@pytest.mark.parametrize("cloud", DEPLOYED)
def test_every_verb_has_its_rights_and_a_place_in_the_catalogue(cloud):
    module = __import__(f"functions.{cloud}.actions", fromlist=["ACTIONS"])
    rights = json.loads((ROOT / "functions" / cloud / "permissions.json").read_text())
    assert set(module.ACTIONS) == {name for name in rights if not name.startswith("_")}
    assert set(module.ACTIONS) <= set(CATALOGUE)


@pytest.mark.parametrize("path", sources("core") + sources("functions"), ids=str)
def test_nothing_happens_at_import(path):
    """At module level a file defines, imports and names things; it does not call out."""
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for node in tree(path).body:
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), (path, node.lineno)
        elif isinstance(node, ast.If):
            assert ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"), path
        else:
            assert isinstance(node, allowed), (path, node.lineno)


def test_functions_is_a_package_so_that_azure_is_not_shadowed():
    assert (ROOT / "functions" / "__init__.py").exists()


def test_the_engine_stays_on_one_page():
    assert len((ROOT / "core" / "engine.py").read_text().splitlines()) <= 160


@pytest.mark.parametrize("path", sources("core") + sources("functions"), ids=str)
def test_no_file_outgrows_its_reason(path):
    assert len(path.read_text().splitlines()) <= 450


@pytest.mark.parametrize("path", sources("core") + sources("functions"), ids=str)
def test_every_file_says_what_lives_in_it(path):
    if path.read_text().strip():
        assert ast.get_docstring(tree(path))
