"""What is started once and shared: servers that take longer to start than most tests to run."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def azurite(tmp_path_factory):
    """Azure Storage on this machine (tests/azure/azurite.py), for the whole run."""
    from tests.azure.azurite import server

    with server(tmp_path_factory.mktemp("azurite")) as endpoints:
        yield endpoints
