"""The fake holds what it is asked, and what it answers itself, to Microsoft's own description."""

from __future__ import annotations

import pytest

from core.errors import Reject
from functions.azure.actions import actions
from functions.azure.actions.lens import arm, graph
from tests.azure import scenes
from tests.azure.scenes import RULE, target


@pytest.fixture
def said(azure):
    """The faults of a request that was wrong on purpose; they are forgiven afterwards."""
    yield azure.faults
    assert azure.faults
    azure.faults.clear()


GOOD = {
    "properties": {
        "protocol": "Tcp",
        "access": "Deny",
        "direction": "Inbound",
        "priority": 100,
    }
}


def with_property(**changed):
    return {"properties": {**GOOD["properties"], **changed}}


def without(name):
    return {"properties": {key: each for key, each in GOOD["properties"].items() if key != name}}


@pytest.mark.parametrize(
    ("method", "path", "version", "body", "fault"),
    [
        ("GET", RULE.replace("securityRules", "securityRule"), "2026-03-01", None, "no such operation"),
        ("PATCH", RULE, "2026-03-01", GOOD, "no such operation"),
        ("GET", RULE, "2020-01-01", None, "api-version 2020-01-01"),
        ("GET", RULE, "2026-03-01", GOOD, "a body is not expected"),
        ("PUT", RULE, "2026-03-01", None, "a body is expected"),
        ("PUT", RULE, "2026-03-01", with_property(acess="Deny"), r"\$\.properties\.acess: unknown"),
        ("PUT", RULE, "2026-03-01", with_property(access="Reject"), "'Reject' is not one of"),
        ("PUT", RULE, "2026-03-01", with_property(priority="100"), "'100' is of the wrong kind"),
        ("PUT", RULE, "2026-03-01", with_property(priority=True), "True is of the wrong kind"),
        ("PUT", RULE, "2026-03-01", with_property(sourcePortRanges="22"), "a list is expected"),
        ("PUT", RULE, "2026-03-01", with_property(provisioningState="Succeeded"), "read-only"),
        ("PUT", RULE, "2026-03-01", without("priority"), r"\$\.properties\.priority: missing"),
        ("PUT", scenes.SETTING, "2021-05-01-preview", {"properties": {"logs": [{"enabled": 1}]}}, "wrong kind"),
        ("PUT", scenes.ASSIGNMENT, "2022-04-01", {"properties": {"principalId": "x"}}, "roleDefinitionId: missing"),
    ],
)  # fmt: skip
def test_a_wrong_request_fails_the_test_that_makes_it(  # noqa: PLR0917
    azure, clients, said, method, path, version, body, fault
):
    scenes.open_rule(azure)
    with pytest.raises(Reject, match=fault):
        arm(clients, method, path, version, body)


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "fault"),
    [
        ("GET", f"/user/{scenes.ANA}", None, {}, "no such operation"),
        ("GET", f"/users/{scenes.ANA}", None, {"select": "id,nickname"}, r"\$select: unknown nickname"),
        ("GET", f"/users/{scenes.ANA}", None, {"top": "1"}, "unknown query"),
        ("PATCH", f"/servicePrincipals/{scenes.APP}", {"enabled": False}, {}, "enabled: unknown"),
        ("POST", "/roleManagement/directory/roleAssignments", {"principalId": "x"}, {}, "roleDefinitionId: missing"),
    ],
)  # fmt: skip
def test_a_wrong_request_of_graph_fails_the_test_that_makes_it(  # noqa: PLR0917
    azure, clients, said, method, path, body, query, fault
):
    with pytest.raises(Reject, match=fault):
        graph(clients, target("x", scenes.TENANT), method, path, body, **query)


def test_a_wrong_answer_of_the_fake_itself_fails_the_test(azure, clients, said):
    aim = scenes.rule(azure, sourceAddressPrefix="*", colour="red")
    actions(clients)["close_ingress"].read(aim)
    assert [each.partition(": ")[2] for each in said] == ["$.properties.colour: unknown"]
