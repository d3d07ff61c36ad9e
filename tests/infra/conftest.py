"""One plain AWS on the loopback, one initialised module a cloud and the builder of zips, for all."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.infra import loopback, terraform
from tests.infra.stub.mirror import mirror


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[terraform.Module]:
    """infra/aws, ready to plan. The package is a stand-in: a plan only takes its hash."""
    terraform.needs_terraform()
    folder = tmp_path_factory.mktemp("aws")
    (folder / "build").mkdir()
    with zipfile.ZipFile(folder / "build" / "aws.zip", "w") as package:
        package.writestr("empty", "")
    with loopback.server("-m", "moto.server", "-H", "127.0.0.1") as endpoint:
        yield terraform.module("aws", folder, endpoint)


@pytest.fixture(scope="session")
def gcp(tmp_path_factory: pytest.TempPathFactory) -> terraform.Module:
    """infra/gcp, ready to plan and apply, by a provider that is nothing but its schema."""
    terraform.needs_terraform()
    folder = tmp_path_factory.mktemp("gcp")
    (folder / "build").mkdir()
    (folder / "build" / "gcp.zip").write_bytes(b"a stand-in")
    return terraform.module("gcp", folder, "", mirror("google", folder / "mirror"))


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> terraform.Module:
    """infra/azure, ready to plan, with a provider that knows its types and no cloud."""
    terraform.needs_terraform()
    folder = tmp_path_factory.mktemp("azure")
    return terraform.module("azure", folder, "", mirror("azurerm", folder / "mirror"))


@pytest.fixture(scope="session")
def package() -> ModuleType:
    """infra/package.py as a module: it is a script, not part of a package."""
    spec = importlib.util.spec_from_file_location("package", terraform.ROOT / "infra/package.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
