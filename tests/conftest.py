"""What tests of several folders share: emulators, started once a run by whoever asks first."""

from __future__ import annotations

import pytest

from tests.gcp.emulators import firestore_emulator, pubsub_emulator

__all__ = ["azurite", "firestore_emulator", "pubsub_emulator"]


@pytest.fixture(scope="session")
def azurite(tmp_path_factory):
    """Azure Storage on this machine (tests/azure/azurite.py)."""
    from tests.azure.azurite import server

    with server(tmp_path_factory.mktemp("azurite")) as endpoints:
        yield endpoints
