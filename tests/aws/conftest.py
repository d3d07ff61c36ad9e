"""An empty AWS account in this process (moto), its clients, and a record of the calls they make."""

from __future__ import annotations

import contextlib
import json
from functools import cache

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.iam import models as moto_iam

REGION = "eu-central-1"
MANAGED = ("AdministratorAccess", "ReadOnlyAccess")


@pytest.fixture(scope="session")
def managed_policies():
    """The few managed policies that the tests name; reading all 1,400 takes seconds per test."""
    every = json.loads(moto_iam.aws_managed_policies_data)
    return json.dumps({name: every[name] for name in MANAGED})


@pytest.fixture
def account(monkeypatch, managed_policies):
    """`with account():` an AWS that is empty at first; no call leaves the process."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(moto_iam, "aws_managed_policies_data", managed_policies)

    @contextlib.contextmanager
    def empty():
        with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
            yield

    return empty


@pytest.fixture
def aws(account):
    """One such account for the whole test."""
    with account():
        yield


class Clients:
    """`clients(service, region, account)` as the handler gives it, with `calls` as it goes.

    `refuse` names calls, as (service, operation), that AWS denies.
    """

    def __init__(self):
        self.calls = []
        self.refuse = set()
        self._made = cache(self._make)

    def __call__(self, service, region="", account=""):
        return self._made(service, region or REGION)

    def _make(self, service, region):
        client = boto3.client(service, region_name=region)
        client.meta.events.register("before-call", self._note)
        return client

    def _note(self, model, **_):
        call = (model.service_model.service_name, model.name)
        self.calls.append(call)
        if call in self.refuse:
            answer = {
                "Error": {"Code": "AccessDenied", "Message": "not allowed"},
                "ResponseMetadata": {"HTTPStatusCode": 403},
            }
            raise ClientError(answer, model.name)


@pytest.fixture(scope="session")
def made_clients():
    """Making a client costs more than most tests; they hold nothing of an account."""
    return Clients()


@pytest.fixture
def clients_of_accounts(account, made_clients):
    """Clients for a test that opens its accounts itself, several, one after the other."""
    made_clients.calls.clear()
    made_clients.refuse = set()
    return made_clients


@pytest.fixture
def clients(aws, clients_of_accounts):
    """Clients of one account that is open for the whole test."""
    return clients_of_accounts
