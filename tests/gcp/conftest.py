"""A small Google Cloud on the loopback, which holds every call against Google's own documents."""

from __future__ import annotations

import pytest

from core.errors import Forbidden
from functions.gcp.rest import Rest
from tests.gcp.fake.google import Google
from tests.gcp.fake.server import serving

LOOKED_AFTER = ("example-project", "organizations/1", "folders/2")


@pytest.fixture
def google():
    return Google()


@pytest.fixture
def clients(google):
    """`clients(account)` as the handler gives it."""
    with serving(google) as server:
        rest = Rest(None, endpoint=server.endpoint, sleep=lambda seconds: None)

        def client(account):
            if account not in LOOKED_AFTER:
                raise Forbidden(f"account {account} is not one that Vigil looks after")
            return rest

        yield client
