"""An Azure on the loopback that checks what it is asked, and who calls it."""

from __future__ import annotations

import pytest

from functions.azure.actions import Clients
from functions.azure.rest import Cloud, Rest, Service
from tests.azure.fake.azure import Azure
from tests.azure.scenes import SUBSCRIPTION, TENANT
from tests.azure.scripted import StaticCredential, serving


@pytest.fixture(scope="session")
def one_azure():
    """One server for the run; each test gets a fresh Azure behind it."""
    held: list[Azure] = []
    with serving(lambda asked: held[-1].handle(asked)) as endpoint:  # noqa: PLW0108  the latest
        yield endpoint, held


@pytest.fixture
def azure(one_azure):
    """Empty at first. A request or an answer that Microsoft's description lacks fails the test."""
    endpoint, held = one_azure
    held.append(Azure())
    held[-1].endpoint = endpoint
    yield held[-1]
    assert held[-1].faults == []


@pytest.fixture
def clients(azure):
    """Vigil's identity in one subscription and one tenant."""
    rest = Rest(StaticCredential(), pause=lambda _: None)
    cloud = Cloud(Service(azure.endpoint, "arm"), Service(azure.endpoint, "graph"))
    return Clients(rest, cloud, frozenset({SUBSCRIPTION}), TENANT)
