"""One plain AWS on the loopback and one initialised module a cloud, for all tests of this folder."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

import pytest

from tests.infra import loopback, terraform
from tests.infra.provider.mirror import mirror as google_mirror
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
    plugins = google_mirror("google", tmp_path_factory.mktemp("plugins"))
    return terraform.module("gcp", folder, "", plugins)


def azure(tmp_path_factory: pytest.TempPathFactory) -> terraform.Module:
    """infra/azure, ready to plan, with a provider that knows its types and no cloud."""
    terraform.needs_terraform()
    folder = tmp_path_factory.mktemp("azure")
    return terraform.module("azure", folder, "", mirror("azurerm", folder / "mirror"))
