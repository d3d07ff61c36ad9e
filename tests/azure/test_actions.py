"""Each verb against an Azure on the loopback: there, back to the exact former state, and the traps.

A scene (scenes.py) sets something up and names the target; the same questions are put to all. What
is asked and answered is checked against Microsoft's own SDKs (fake/contract.py).
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.audit import Audit
from core.config import Policy, VerbPolicy
from core.errors import Conflict, Forbidden, NotFound, Reject
from core.memory import FakeClock, MemoryJournal, MemoryStore
from core.model import Action
from core.respond import Responder, undo_of
from functions.azure.actions import ACTIONS, actions
from tests.azure import scenes
from tests.azure.fake.azure import rights, routes
from tests.azure.scenes import SCENES, target

AT = 1_795_600_000_000
RIGHTS = json.loads(
    Path(__file__).parents[2].joinpath("functions/azure/permissions.json").read_text()
)
REVERSIBLE = {verb: each for verb, each in SCENES.items() if verb != "revoke_sessions"}

each_scene = pytest.mark.parametrize(
    ("verb", "scene"), [(verb, scene) for verb, made in SCENES.items() for scene in made]
)
each_reversible = pytest.mark.parametrize(
    ("verb", "scene"), [(verb, scene) for verb, made in REVERSIBLE.items() for scene in made]
)


def states(verb, aim):
    before = verb.read(aim)
    return before, verb.want(aim, before, AT)


def world(azure):
    """All that is there, but for what tells that it was written."""
    held = copy.deepcopy(azure.resources)
    roles = sorted(
        (each["principalId"], each["roleDefinitionId"], each["directoryScopeId"])
        for each in azure.assignments
    )
    return held, copy.deepcopy(azure.objects), roles


# What holds for all


def test_a_scene_stands_for_every_verb():
    assert set(SCENES) == set(ACTIONS)


@each_scene
def test_to_plan_is_to_change_nothing(azure, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(azure)
    there = world(azure)
    lens.facts(aim)
    states(lens, aim)
    assert azure.writes() == []
    assert world(azure) == there


@each_scene
def test_a_write_brings_the_state_that_was_wanted(azure, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(azure)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    assert before != wanted
    assert lens.read(aim) == wanted


@each_reversible
def test_a_write_with_the_states_exchanged_brings_back_the_exact_former_state(
    azure, clients, verb, scene
):
    lens, aim = actions(clients)[verb], scene(azure)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    lens.write(aim, wanted, before)
    assert lens.read(aim) == before


@each_scene
def test_a_write_done_twice_is_a_write_done_once(azure, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(azure)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    once = world(azure)
    if verb != "revoke_sessions":  # ending sessions again ends those since begun
        lens.write(aim, before, wanted)
        assert world(azure) == once
    assert lens.read(aim) == wanted


@each_reversible
def test_an_undo_done_twice_is_an_undo_done_once(azure, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(azure)
    before, wanted = states(lens, aim)
    roles = world(azure)[2]
    lens.write(aim, before, wanted)
    for _ in range(2):
        lens.write(aim, wanted, before)
    assert lens.read(aim) == before
    assert world(azure)[2] == roles


@each_scene
def test_a_state_survives_being_stored_as_json(azure, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(azure)
    for state in states(lens, aim):
        assert json.loads(json.dumps(state)) == state


@each_scene
def test_a_state_that_is_as_wanted_is_left_alone(azure, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(azure)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    azure.calls.clear()
    assert lens.want(aim, wanted, AT) == wanted
    lens.write(aim, wanted, wanted)
    assert azure.writes() == []


@each_scene
def test_nothing_but_the_target_is_touched(azure, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(azure)
    before, wanted = states(lens, aim)
    resources, objects, roles = world(azure)
    lens.write(aim, before, wanted)
    resources_then, objects_then, roles_then = world(azure)
    changed = {
        uid for uid in resources.keys() | resources_then.keys()
        if resources.get(uid) != resources_then.get(uid)
    }  # fmt: skip
    changed |= {uid for uid in objects if objects[uid] != objects_then[uid]}
    assert len(changed) + len(set(roles) ^ set(roles_then)) == 1


@pytest.mark.parametrize("verb", SCENES)
def test_the_rights_listed_for_a_verb_are_those_of_the_calls_that_it_makes(azure, clients, verb):
    lens = actions(clients)[verb]
    needed = set()
    for scene in SCENES[verb]:
        azure.empty()
        aim = scene(azure)
        lens.facts(aim)
        before, wanted = states(lens, aim)
        lens.write(aim, before, wanted)
        if verb in REVERSIBLE:
            lens.write(aim, lens.read(aim), before)
    for call in azure.calls:
        needed |= {*rights(call), *BESIDE.get(f"{call.method} {rights(call)[0]}", ())}
    assert sorted(needed) == RIGHTS[verb]


BESIDE = {
    "PUT Microsoft.Network/networkSecurityGroups/securityRules/write": (
        "Microsoft.Network/applicationSecurityGroups/joinNetworkSecurityRule/action",
    ),
    "PUT Microsoft.Insights/diagnosticSettings/write": (
        "Microsoft.EventHub/namespaces/authorizationRules/listkeys/action",
        "Microsoft.OperationalInsights/workspaces/sharedKeys/action",
    ),
}
"""Rights that ARM asks for on what a body points to: groups of applications, places of logs."""


@pytest.mark.parametrize(
    ("verb", "aim"),
    [
        ("disable_access_key", target("access_key", resource=scenes.ACCOUNT)),
        ("disable_access_key", target("access_key", scenes.TENANT, service_principal=scenes.NOBODY)),
        ("disable_access_key", target("access_key", scenes.TENANT, application=scenes.NOBODY)),
        ("revoke_sessions", target("session", scenes.TENANT, user=scenes.NOBODY, since=1)),
        ("close_ingress", target("ingress", resource=scenes.RULE)),
        ("block_public_storage", target("storage", resource=scenes.ACCOUNT)),
        ("block_public_storage", target("storage", resource=scenes.CONTAINER)),
        ("restore_audit_logging", target("audit_log", resource=scenes.SETTING)),
        ("restore_audit_logging", target("audit_log", scenes.TENANT, resource=scenes.ENTRA_SETTING)),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_not_found(azure, clients, verb, aim):
    with pytest.raises(NotFound):
        actions(clients)[verb].read(aim)


@each_scene
def test_what_is_of_another_subscription_or_tenant_is_forbidden(azure, clients, verb, scene):
    aim = scene(azure)
    before, wanted = states(actions(clients)[verb], aim)
    azure.calls.clear()
    strange = clients._replace(subscriptions=frozenset({scenes.NOBODY}), tenant=scenes.NOBODY)
    with pytest.raises(Forbidden):
        actions(strange)[verb].read(aim)
    with pytest.raises(Forbidden):
        actions(strange)[verb].write(aim, before, wanted)
    assert azure.calls == []


@pytest.mark.parametrize(
    "scope", ["", "/providers/Microsoft.Management/managementGroups/acme", "/subscriptions/x"]
)
def test_a_grant_above_the_subscriptions_is_not_vigils_to_take(clients, scope):
    path = f"{scope}/{scenes.ROLES}/00000000-0000-0000-0000-0000000000aa"
    with pytest.raises(Forbidden):
        actions(clients)["remove_grant"].read(target("grant", resource=path))


@pytest.mark.parametrize(
    "path",
    [
        scenes.RULE + "?x=",
        scenes.RULE + "/..",
        scenes.SECURITY_GROUP,
        scenes.ACCOUNT,
        scenes.RULE + "/providers/Microsoft.Network/networkSecurityGroups/a",
        "securityRules",
    ],
)
def test_a_resource_of_another_type_is_rejected(clients, path):
    with pytest.raises(Reject):
        actions(clients)["close_ingress"].read(target("ingress", resource=path))


def test_a_target_that_lacks_a_part_is_rejected_and_the_part_named(clients):
    with pytest.raises(Reject, match="lacks user"):
        actions(clients)["revoke_sessions"].read(target("session", scenes.TENANT))
    with pytest.raises(Reject, match="no id of an object"):
        actions(clients)["revoke_sessions"].read(target("session", scenes.TENANT, user="ana/x"))


@each_scene
def test_a_denied_call_is_forbidden(azure, clients, verb, scene):
    lens, aim = actions(clients)[verb], scene(azure)
    before, wanted = states(lens, aim)
    azure.refuse = {f"{route.method} {route.name}" for route in routes()}
    with pytest.raises(Forbidden, match="not allowed"):
        lens.write(aim, before, wanted)


# The whole way, with guard and undo


def responder(clients, store, clock):
    entry = VerbPolicy(mode="auto", min_level="low")
    return Responder(
        verbs=actions(clients),
        store=store,
        audit=Audit(MemoryJournal(), store, "respond", clock),
        sinks={},
        policy=lambda: Policy(verbs=dict.fromkeys(ACTIONS, entry), max_repeats_per_day=9),
        clock=clock,
        sleep=lambda _: None,
    )


def order(verb, aim, clock):
    return Action(
        uid="a1", verb=verb, target=aim, finding="f", rule="r", title="t", level="high",
        event_time=clock(), requested_at=clock(), rule_status="stable",
    )  # fmt: skip


def _other_rule(azure):
    scenes.rule(azure, sourceAddressPrefix="203.0.113.0/24")


def _other_role(azure):
    scenes.assigned(azure, scenes.ASSIGNMENT, scenes.BEN, scenes.READER)


def _listed(azure):
    azure.resources[scenes.CONTAINER.lower()]["properties"]["publicAccess"] = "Container"


@pytest.mark.parametrize(
    ("verb", "scene", "drift"),
    [
        ("close_ingress", scenes.open_rule, _other_rule),
        ("close_ingress", scenes.mixed_rule, _other_rule),
        ("remove_grant", scenes.role_of_azure, _other_role),
        ("remove_grant", scenes.conditional_role_of_azure, _other_role),
        ("block_public_storage", scenes.public_container, _listed),
    ],
)
def test_an_undo_is_refused_when_somebody_else_has_changed_the_target_since(
    azure, clients, verb, scene, drift
):
    clock = FakeClock()
    store = MemoryStore(clock)
    respond, aim = responder(clients, store, clock), scene(azure)
    scenes.assigned(azure, scenes.OTHER_ASSIGNMENT, scenes.BEN)
    action = order(verb, aim, clock)
    assert respond.handle(action) == "changed"
    drift(azure)
    there, undo = world(azure), undo_of(store, action, by="ana", now=clock())
    assert respond.handle(undo) == "failed"
    assert "no longer as the action left it" in store.get("action", undo.uid).value["reason"]
    assert world(azure) == there


@pytest.mark.parametrize("scene", [scenes.open_rule, scenes.role_of_azure, scenes.public_account])
def test_an_action_and_its_undo_go_the_whole_way(azure, clients, scene):
    verb = next(name for name, made in SCENES.items() if scene in made)
    clock = FakeClock()
    store = MemoryStore(clock)
    respond, aim = responder(clients, store, clock), scene(azure)
    scenes.assigned(azure, scenes.OTHER_ASSIGNMENT, scenes.BEN)
    before, action = actions(clients)[verb].read(aim), order(verb, aim, clock)
    assert [respond.handle(action), respond.handle(action)] == ["changed", "settled"]
    assert respond.handle(undo_of(store, action, by="ana", now=clock())) == "changed"
    assert actions(clients)[verb].read(aim) == before


# disable_access_key


def test_a_managed_identity_and_an_application_of_microsofts_are_left_alone(azure, clients):
    lens = actions(clients)["disable_access_key"]
    aim = scenes.service_principal(azure, servicePrincipalType="ManagedIdentity")
    with pytest.raises(Reject, match="managed identity"):
        lens.read(aim)
    scenes.service_principal(azure, appOwnerOrganizationId="f8cdef31-a31e-4b4a-93e4-5f571e91255a")
    with pytest.raises(Reject, match="Microsoft's own"):
        lens.write(aim, {"accountEnabled": True}, {"accountEnabled": False})


def test_the_guard_is_told_which_identity_an_application_is(azure, clients):
    facts = actions(clients)["disable_access_key"].facts(scenes.application(azure))
    assert facts == {"principal": scenes.APP}


# revoke_sessions


def test_a_guests_sessions_are_their_home_tenants(azure, clients):
    aim = scenes.user_sessions(azure, sort="Guest")
    with pytest.raises(Reject, match="home tenant"):
        actions(clients)["revoke_sessions"].read(aim)


def test_sessions_that_somebody_ended_since_the_event_are_not_ended_again(azure, clients):
    lens = actions(clients)["revoke_sessions"]
    aim = scenes.user_sessions(azure, valid_from="2026-11-25T12:00:00Z")
    before, wanted = states(lens, aim)
    assert before == wanted == {"ended": True}


def test_what_was_ended_is_not_brought_back_and_that_is_said(azure, clients):
    lens, aim = actions(clients)["revoke_sessions"], scenes.user_sessions(azure)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    with pytest.raises(Reject, match="can't be brought back"):
        lens.write(aim, wanted, before)


def test_the_guard_is_told_the_users_name(azure, clients):
    facts = actions(clients)["revoke_sessions"].facts(scenes.user_sessions(azure))
    assert facts == {"principal": "ana@example.com"}


# remove_grant


@pytest.mark.parametrize(
    ("other", "last"),
    [
        (None, True),
        (lambda azure: scenes.assigned(azure, scenes.OTHER_ASSIGNMENT, scenes.BEN), False),
        (lambda azure: scenes.assigned(azure, scenes.OTHER_ASSIGNMENT, scenes.ANA), True),
        (lambda azure: scenes.assigned(azure, scenes.OTHER_ASSIGNMENT, scenes.BEN, scenes.READER), True),
    ],
)  # fmt: skip
def test_the_last_owner_of_a_scope_is_known(azure, clients, other, last):
    aim = scenes.role_of_azure(azure)
    if other:
        other(azure)
    facts = actions(clients)["remove_grant"].facts(aim)
    assert facts == {"principal": scenes.ANA, "last_administrator": last}


def test_a_role_that_gives_no_access_away_leaves_owners_as_they_are(azure, clients):
    aim = scenes.conditional_role_of_azure(azure)
    assert actions(clients)["remove_grant"].facts(aim)["last_administrator"] is False


@pytest.mark.parametrize(
    ("others", "role", "last"),
    [
        ([], scenes.GLOBAL_ADMINISTRATOR, True),
        ([(scenes.BEN, "/")], scenes.GLOBAL_ADMINISTRATOR, False),
        ([(scenes.BEN, "/administrativeUnits/7")], scenes.GLOBAL_ADMINISTRATOR, True),
        ([], scenes.GLOBAL_READER, False),
    ],
)
def test_the_last_global_administrator_is_known(azure, clients, others, role, last):
    azure.assign(scenes.ANA, role)
    for who, scope in others:
        azure.assign(who, role, scope)
    aim = target("grant", scenes.TENANT, principal_id=scenes.ANA, role=role, scope="/")
    facts = actions(clients)["remove_grant"].facts(aim)
    assert facts == {"principal": scenes.ANA, "last_administrator": last}


def test_the_same_role_in_a_part_of_the_directory_is_kept(azure, clients):
    lens, aim = actions(clients)["remove_grant"], scenes.role_of_entra(azure)
    lens.write(aim, {"assigned": True}, {"assigned": False})
    assert [(each["principalId"], each["directoryScopeId"]) for each in azure.assignments] == [
        (scenes.BEN, "/"),
        (scenes.ANA, "/administrativeUnits/7"),
    ]


def test_a_grant_comes_back_with_its_condition(azure, clients):
    lens, aim = actions(clients)["remove_grant"], scenes.conditional_role_of_azure(azure)
    held = dict(azure.resources[scenes.ASSIGNMENT.lower()]["properties"])
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    lens.write(aim, wanted, before)
    back = azure.resources[scenes.ASSIGNMENT.lower()]["properties"]
    added_by_azure = {"scope", "createdOn"}
    assert back == {name: held[name] for name in held if name not in added_by_azure}


def test_the_same_grant_under_another_name_is_no_reason_to_try_for_ever(azure, clients):
    lens, aim = actions(clients)["remove_grant"], scenes.role_of_azure(azure)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    scenes.assigned(azure, scenes.ASSIGNMENT[:-2] + "cc", scenes.ANA)
    with pytest.raises(Reject, match="RoleAssignmentExists"):
        lens.write(aim, wanted, before)


# close_ingress


@pytest.mark.parametrize(
    "source", ["*", "Internet", "internet", "0.0.0.0/0", "::/0", "203.0.113.9/0"]
)
def test_a_rule_with_no_other_source_goes_and_comes_back_under_its_own_name(azure, clients, source):
    lens, aim = actions(clients)["close_ingress"], scenes.rule(azure, sourceAddressPrefix=source)
    held = copy.deepcopy(azure.resources[scenes.RULE.lower()])
    before, wanted = states(lens, aim)
    assert wanted is None
    lens.write(aim, before, wanted)
    assert scenes.RULE.lower() not in azure.resources
    lens.write(aim, wanted, before)
    back = azure.resources[scenes.RULE.lower()]
    assert (back["name"], back["properties"]) == ("Allow-SSH", held["properties"])


def test_a_rule_keeps_the_sources_that_are_not_the_world(azure, clients):
    lens, aim = actions(clients)["close_ingress"], scenes.mixed_rule(azure)
    before, wanted = states(lens, aim)
    assert wanted["properties"]["sourceAddressPrefixes"] == ["192.0.2.0/24", "198.51.100.0/24"]
    assert {**before["properties"], "sourceAddressPrefixes": 0} == {
        **wanted["properties"],
        "sourceAddressPrefixes": 0,
    }


@pytest.mark.parametrize(
    "more",
    [
        {"sourceAddressPrefix": "198.51.100.0/24"},
        {"sourceAddressPrefix": "VirtualNetwork"},
        {"sourceAddressPrefix": "*", "access": "Deny"},
        {"sourceAddressPrefix": "*", "direction": "Outbound"},
        {"sourceAddressPrefix": None},
    ],
)
def test_a_rule_that_lets_no_world_in_is_left_alone(azure, clients, more):
    lens, aim = actions(clients)["close_ingress"], scenes.rule(azure, **more)
    before, wanted = states(lens, aim)
    assert before == wanted


def test_a_rule_that_was_deleted_meanwhile_needs_nothing(azure, clients):
    lens, aim = actions(clients)["close_ingress"], scenes.open_rule(azure)
    before, wanted = states(lens, aim)
    del azure.resources[scenes.RULE.lower()]
    assert lens.read(aim) is None
    lens.write(aim, before, wanted)
    assert azure.writes() == []


@pytest.mark.parametrize("scene", [scenes.open_rule, scenes.mixed_rule])
def test_a_rule_that_somebody_writes_at_the_same_moment_is_a_conflict(azure, clients, scene):
    lens, aim = actions(clients)["close_ingress"], scene(azure)
    before, wanted = states(lens, aim)
    azure.before_write = lambda: _other_rule(azure)
    with pytest.raises(Conflict, match="ETag"):
        lens.write(aim, before, wanted)
    with pytest.raises(Conflict, match="since it was read"):
        lens.write(aim, before, wanted)
    assert (
        azure.resources[scenes.RULE.lower()]["properties"]["sourceAddressPrefix"]
        == "203.0.113.0/24"
    )


SOURCES = st.lists(
    st.sampled_from(["*", "Internet", "0.0.0.0/0", "::/0", "198.51.100.0/24", "192.0.2.7", "2001:db8::/32"]),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sources=SOURCES,
    access=st.sampled_from(["Allow", "Deny"]),
    direction=st.sampled_from(["Inbound", "Outbound"]),
    more=st.fixed_dictionaries(
        {
            "description": st.text(max_size=9),
            "destinationPortRanges": st.lists(
                st.sampled_from(["22", "80-90", "3389"]), min_size=1, max_size=3, unique=True
            ),
        }
    ),
)
def test_whatever_the_rule_undo_after_write_is_the_rule(
    azure, clients, sources, access, direction, more
):
    lens = actions(clients)["close_ingress"]
    one = (
        {"sourceAddressPrefix": sources[0]}
        if len(sources) == 1
        else {"sourceAddressPrefixes": sources}
    )
    aim = scenes.rule(azure, access=access, direction=direction, **one, **more)
    before, wanted = states(lens, aim)
    lens.write(aim, before, wanted)
    assert lens.read(aim) == wanted
    assert lens.want(aim, wanted, AT) == wanted
    lens.write(aim, wanted, before)
    assert lens.read(aim) == before


# block_public_storage, restore_audit_logging


def test_other_settings_of_an_account_are_kept(azure, clients):
    lens, aim = actions(clients)["block_public_storage"], scenes.public_account(azure)
    lens.write(aim, *states(lens, aim))
    assert azure.resources[scenes.ACCOUNT.lower()]["properties"] == {
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": True,
    }


def test_a_container_of_which_nothing_is_said_is_private(azure, clients):
    azure.add(scenes.CONTAINER, {"hasLegalHold": False})
    aim = target("storage", resource=scenes.CONTAINER)
    before, wanted = states(actions(clients)["block_public_storage"], aim)
    assert before == wanted == {"publicAccess": "None"}


def wanted_logs(azure, clients, scene):
    lens, aim = actions(clients)["restore_audit_logging"], scene(azure)
    return {
        each.get("category") or each["categoryGroup"]: each["enabled"]
        for each in lens.want(aim, lens.read(aim), AT)["logs"]
    }


def test_what_tells_who_did_what_is_turned_on_and_the_rest_left(azure, clients):
    found = wanted_logs(azure, clients, scenes.narrowed_setting)
    assert found == {"Administrative": True, "Security": True, "ResourceHealth": False}


def test_a_setting_that_was_blinded_gets_all_its_categories(azure, clients):
    found = wanted_logs(azure, clients, scenes.blinded_setting)
    assert found == {"Administrative": True, "Security": True, "ResourceHealth": True}


def test_groups_stay_off_where_single_categories_are_listed(azure, clients):
    logs = [{"categoryGroup": "allLogs", "enabled": False}, *scenes.LOGS]
    found = wanted_logs(azure, clients, lambda azure: scenes.setting(azure, logs=logs))
    assert (found["allLogs"], found["Administrative"]) == (False, True)


def test_where_the_logs_go_is_kept(azure, clients):
    lens, aim = actions(clients)["restore_audit_logging"], scenes.narrowed_setting(azure)
    held = azure.resources[scenes.SETTING.lower()]["properties"]
    lens.write(aim, *states(lens, aim))
    then = azure.resources[scenes.SETTING.lower()]["properties"]
    assert then["eventHubName"] == held["eventHubName"]
    assert then["eventHubAuthorizationRuleId"] == held["eventHubAuthorizationRuleId"]
