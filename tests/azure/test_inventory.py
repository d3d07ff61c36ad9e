"""What a sweep of Azure shows, and that what it could not look at is said and never fine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import Forbidden
from core.memory import FakeClock
from functions.azure import lookup
from functions.azure.inventory import KINDS, inventory
from functions.azure.rest import Cloud, Rest, Service
from tests.azure.scenes import ACCOUNT, CONTAINER, RULE, SECURITY_GROUP, SUBSCRIBED, SUBSCRIPTION
from tests.azure.scripted import StaticCredential, serving

ROOT = Path(__file__).parents[2]
NOW = 1_795_600_000_000  # 2026-11-25
LISTS = f"{SUBSCRIBED}/providers"


class Answers(dict):
    """Path -> items of its list, or one answer; a path that is not there is forbidden."""

    def __init__(self):
        super().__init__()
        self.asked = set()

    def handle(self, asked):
        path = asked.target.partition("?")[0]
        self.asked.add(path)
        if path not in self:
            return 403, {}, b'{"error": {"code": "AuthorizationFailed"}}'
        found = self[path]
        if isinstance(found, int):
            return found, {}, b'{"error": {"code": "ResourceNotFound"}}'
        found = {"value": found} if isinstance(found, list) else found
        return 200, {}, json.dumps(found).encode()


@pytest.fixture
def azure():
    answers = Answers()
    with serving(answers.handle) as answers.endpoint:
        yield answers


@pytest.fixture
def swept(azure):
    """kind -> what the sweep's listing of it gives."""
    rest = Rest(StaticCredential(), pause=lambda _: None)
    cloud = Cloud(Service(azure.endpoint, "arm"), Service(azure.endpoint, "graph"))
    kinds = inventory(rest, cloud, (SUBSCRIPTION,), FakeClock(NOW))
    return lambda kind: [event.record for event in kinds[kind]()]


def account(azure, **properties):
    azure[f"{LISTS}/Microsoft.Storage/storageAccounts"] = [
        {
            "id": ACCOUNT,
            "name": "acmedata",
            "location": "x",
            "tags": {"a": "b"},
            "properties": properties,
        }
    ]
    azure[f"{ACCOUNT}/blobServices/default"] = {"properties": {"isVersioningEnabled": True}}
    azure[f"{ACCOUNT}/blobServices/default/containers"] = [
        {"name": "public", "properties": {"publicAccess": "Blob"}},
        {"name": "own", "properties": {"publicAccess": "None"}},
    ]


def test_an_account_with_an_open_container_is_public_only_if_it_lets_be(azure, swept):
    account(azure, allowBlobPublicAccess=True)
    (found,) = swept("storage_bucket")
    assert (found["id"], found["account"], found["tags"]) == (
        ACCOUNT.lower(),
        SUBSCRIPTION,
        {"a": "b"},
    )
    assert found["attributes"]["public"] is True
    assert found["attributes"]["public_containers"] == ["public"]
    assert found["attributes"]["public_access_block"] is False
    assert found["unknown"] == []
    account(azure, allowBlobPublicAccess=False)
    (found,) = swept("storage_bucket")
    assert found["attributes"]["public"] is False
    assert found["attributes"]["public_access_block"] is True


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, {"public_access_block": True, "shared_key_access": True, "min_tls": "TLS1_0", "tls_only": False, "network_default_deny": False}),
        ({"allowSharedKeyAccess": False}, {"shared_key_access": False}),
        ({"publicNetworkAccess": "Disabled"}, {"network_default_deny": True}),
        ({"networkAcls": {"defaultAction": "Deny"}}, {"network_default_deny": True}),
        ({"encryption": {"keySource": "Microsoft.Keyvault"}}, {"cmk": True}),
    ],
)  # fmt: skip
def test_what_azure_leaves_out_is_what_it_takes_it_for(azure, swept, properties, expected):
    account(azure, **properties)
    (found,) = swept("storage_bucket")
    assert found["attributes"] == {**found["attributes"], **expected}


def test_what_may_not_be_read_of_an_account_is_unknown_and_not_fine(azure, swept):
    account(azure, allowBlobPublicAccess=True)
    del azure[f"{ACCOUNT}/blobServices/default/containers"]
    del azure[f"{ACCOUNT}/blobServices/default"]
    (found,) = swept("storage_bucket")
    assert found["unknown"] == ["public", "public_containers", "versioning", "soft_delete_days"]
    assert not {"public", "versioning"} & set(found["attributes"])


def test_an_account_for_files_alone_is_no_bucket(azure, swept):
    account(azure)
    azure[f"{LISTS}/Microsoft.Storage/storageAccounts"][0]["kind"] = "FileStorage"
    assert swept("storage_bucket") == []
    assert len(swept("access_key")) == 1


def test_an_account_that_is_deleted_meanwhile_is_left_out(azure, swept):
    account(azure)
    azure[f"{ACCOUNT}/blobServices/default"] = 404
    assert swept("storage_bucket") == []


@pytest.mark.parametrize(
    "kind", ["storage_bucket", "access_key", "application_key", "firewall_rule", "audit_log"]
)
def test_a_kind_that_may_not_be_listed_raises(swept, kind):
    with pytest.raises(Forbidden):
        swept(kind)


def test_the_keys_of_an_account_are_as_old_as_the_older(azure, swept):
    made = {"key1": "2026-10-26T00:00:00Z", "key2": "2025-11-25T00:00:00Z"}
    account(azure, keyCreationTime=made)
    (found,) = swept("access_key")
    assert (found["id"], found["resource_type"]) == (ACCOUNT.lower(), "access_key")
    assert (found["attributes"]["active"], found["attributes"]["age_days"]) == (True, 365)
    account(azure, allowSharedKeyAccess=False)
    (found,) = swept("access_key")
    assert found["attributes"]["active"] is False
    assert "age_days" not in found["attributes"]


def test_each_secret_and_certificate_of_an_application_is_a_key(azure, swept):
    azure["/v1.0/applications"] = [
        {
            "id": "app-1",
            "displayName": "Sync",
            "passwordCredentials": [
                {"keyId": "k1", "startDateTime": "2026-11-15T00:00:00Z", "endDateTime": "2028-01-01T00:00:00Z"}
            ],
            "keyCredentials": [
                {"keyId": "k2", "startDateTime": "2020-01-01T00:00:00Z", "endDateTime": "2021-01-01T00:00:00Z"}
            ],
        }
    ]  # fmt: skip
    secret, certificate = swept("application_key")
    assert secret["resource_type"] == certificate["resource_type"] == "access_key"
    assert secret["id"] == "/applications/app-1/passwordcredentials/k1"
    assert (secret["attributes"]["active"], secret["attributes"]["age_days"]) == (True, 10)
    assert certificate["attributes"]["active"] is False


def group(azure, **rule):
    properties = {
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "priority": 100,
        **rule,
    }
    azure[f"{LISTS}/Microsoft.Network/networkSecurityGroups"] = [
        {
            "id": SECURITY_GROUP,
            "location": "x",
            "properties": {
                "subnets": [{"id": "s"}],
                "securityRules": [{"id": RULE, "name": "Allow-SSH", "properties": properties}],
            },
        }
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"sourceAddressPrefix": "*", "destinationPortRange": "22"}, [(True, 22, 22)]),
        ({"sourceAddressPrefix": "Internet", "destinationPortRange": "*"}, [(True, 0, 65535)]),
        ({"sourceAddressPrefixes": ["10.0.0.0/8", "::/0"], "destinationPortRange": "20-30"}, [(True, 20, 30)]),
        ({"sourceAddressPrefix": "10.0.0.0/8", "destinationPortRange": "22"}, [(False, 22, 22)]),
        ({"sourceAddressPrefix": "*", "access": "Deny", "destinationPortRange": "22"}, [(False, 22, 22)]),
        ({"sourceAddressPrefix": "*", "destinationPortRanges": ["22", "3389"]}, [(True, 22, 22), (True, 3389, 3389)]),
    ],
)  # fmt: skip
def test_a_rule_is_one_event_for_each_range_of_ports(azure, swept, rule, expected):
    group(azure, **rule)
    found = [each["attributes"] for each in swept("firewall_rule")]
    assert [(a["world_open"], a["from_port"], a["to_port"]) for a in found] == expected
    assert {a["direction"] for a in found} == {"ingress"}
    assert all(a["attached"] for a in found)


def test_a_rule_is_named_as_the_verb_that_closes_it_names_it(azure, swept):
    group(azure, sourceAddressPrefix="*", destinationPortRange="22")
    (found,) = swept("firewall_rule")
    assert (found["id"], found["region"]) == (RULE.lower(), "x")
    from core.sweep import event
    from functions.azure.targets import targets

    (target,) = targets("ingress", event(found))
    assert target.uid == RULE.lower()


@pytest.mark.parametrize(
    ("logs", "missing"),
    [
        ([], ["Administrative", "Security", "Policy", "Alert"]),
        ([("Administrative", True), ("Security", True), ("Policy", True), ("Alert", True)], []),
        ([("Administrative", False), ("Security", True)], ["Administrative", "Policy", "Alert"]),
    ],
)
def test_the_export_of_the_log_is_judged_over_all_its_settings(azure, swept, logs, missing):
    azure[f"{LISTS}/Microsoft.Insights/diagnosticSettings"] = [
        {"name": name, "properties": {"logs": [{"category": name, "enabled": on}]}}
        for name, on in logs
    ]
    (found,) = swept("audit_log")
    assert found["id"] == SUBSCRIBED
    assert found["attributes"]["missing_categories"] == missing
    assert found["attributes"]["covers_all_categories"] is not bool(missing)


RIGHTS = {
    "/Microsoft.Storage/storageAccounts": "Microsoft.Storage/storageAccounts/read",
    "/blobServices/default": "Microsoft.Storage/storageAccounts/blobServices/read",
    "/blobServices/default/containers": (
        "Microsoft.Storage/storageAccounts/blobServices/containers/read"
    ),
    "/networkSecurityGroups": "Microsoft.Network/networkSecurityGroups/read",
    "/diagnosticSettings": "Microsoft.Insights/diagnosticSettings/read",
    "/eventtypes/management/values": "Microsoft.Insights/eventtypes/values/read",
    "/v1.0/applications": "graph:Application.Read.All",
}
"""How a path ends -> the right that it needs."""


def test_the_rights_of_the_sweep_are_those_of_its_calls_and_no_more(azure, swept):
    account(azure, allowBlobPublicAccess=True)
    group(azure)
    azure[f"{LISTS}/Microsoft.Insights/diagnosticSettings"] = []
    azure["/v1.0/applications"] = []
    azure[lookup.PATH.format(SUBSCRIPTION)] = []
    for kind in KINDS:
        swept(kind)
    rest = Rest(StaticCredential())
    look = lookup.Window(NOW - 60_000, NOW, 0, 0)
    assert list(lookup.missed(rest, Service(azure.endpoint, "arm"), SUBSCRIPTION, look)) == []
    needed = {
        next(right for end, right in RIGHTS.items() if path.endswith(end)) for path in azure.asked
    }
    granted = json.loads((ROOT / "functions/azure/permissions.json").read_text())["_sweep"]
    assert granted == sorted(needed)


def test_the_log_is_read_back_over_its_pages_for_the_window_alone(azure):
    asked = []
    pages = [{"value": [{"n": 1}], "nextLink": ""}, {"value": [{"n": 2}]}]

    def answer(request):
        asked.append(request.target)
        page = dict(pages[len(asked) - 1])
        if "nextLink" in page:
            page["nextLink"] = f"{endpoint}/next"
        return 200, {}, json.dumps(page).encode()

    with serving(answer) as endpoint:
        rest = Rest(StaticCredential())
        look = lookup.Window(NOW - 60_000, NOW, 0, 0)
        found = list(lookup.missed(rest, Service(endpoint, "arm"), SUBSCRIPTION, look))
    assert found == [{"n": 1}, {"n": 2}]
    assert "eventTimestamp%20ge%20%27" in asked[0]
    assert CONTAINER not in asked[0]
