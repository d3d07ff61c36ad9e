"""The demo's own Azure and Google Cloud, held against what their vendors say of their APIs.

Each demo is played in this process, and every request and answer of it, Vigil's, the intruder's and
the company's alike, is given to the checkers that the verbs' tests use.
"""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from functions.local.demo.inbox import inbox
from functions.local.demo.stage import act_out


def replayed(staged, tmp_path):
    """Every exchange of a whole demo, and what came of it."""
    with inbox("0" * 32) as box, staged(tmp_path, box) as scene:
        played = act_out(scene, box)
        return scene.loopback.exchanges, played


@pytest.fixture(scope="module")
def gcp(tmp_path_factory):
    pytest.importorskip("googleapiclient", reason="the vendor's documents come in the extra dev")
    from functions.local.demo.gcp.scene import staged

    return replayed(staged, tmp_path_factory.mktemp("gcp"))


@pytest.fixture(scope="module")
def azure(tmp_path_factory):
    pytest.importorskip("azure.mgmt.network", reason="the vendor's models come in the extra dev")
    from functions.local.demo.azure.scene import staged

    return replayed(staged, tmp_path_factory.mktemp("azure"))


def google_faults(asked, given):
    """What Google's discovery documents say against an exchange."""
    from tests.gcp.fake import discovery

    _, service, rest = asked.target.split("/", 2)
    body = json.loads(asked.body) if asked.body else None
    try:
        method = discovery.check(service, asked.method, f"/{rest}", body).method
        if given.status < 300:
            discovery.check_answer(method, given.body)
    except discovery.Wrong as wrong:
        return [str(wrong)]
    return []


def microsoft_faults(asked, given):
    """What Microsoft's SDKs and pages say against an exchange."""
    from tests.azure.fake.azure import Azure, routes

    target = urlsplit(asked.target)
    path, query = unquote(target.path), dict(parse_qsl(target.query))
    judge = Azure()
    route = judge._checked(asked, path, query, json.loads(asked.body) if asked.body else None)
    if route and route.gives and given.status < 300 and given.body is not None:
        judge.faults += list(route.gives(given.body, "$", False))
    assert route is None or route in routes()
    return judge.faults


def test_the_google_cloud_of_the_demo_speaks_as_googles_documents_have_it(gcp):
    exchanges, _ = gcp
    assert len(exchanges) > 100
    assert [fault for each in exchanges for fault in google_faults(*each)] == []


def test_the_azure_of_the_demo_speaks_as_microsofts_sdks_have_it(azure):
    exchanges, _ = azure
    polled = [each for each in exchanges if "/operations/" in each.asked.target]
    spoken = [each for each in exchanges if each not in polled]
    assert len(spoken) > 90
    assert [fault for each in spoken for fault in microsoft_faults(*each)] == []
    announced = {each.given.headers.get("Azure-AsyncOperation") for each in spoken} - {None}
    assert {each.asked.target for each in polled} == {urlsplit(url).path for url in announced}


@pytest.mark.parametrize("cloud", ["azure", "gcp"])
def test_no_error_of_the_stand_in_is_part_of_the_story_but_what_is_gone(cloud, request):
    exchanges, _ = request.getfixturevalue(cloud)
    refused = [each for each in exchanges if each.given.status >= 400]
    assert {each.given.status for each in refused} <= {404}
    gone = [each.asked.target for each in refused if "securityRules" not in each.asked.target]
    assert [each for each in gone if not re.search(r"rule|roleassignments", each)] == []


def test_the_checkers_notice_a_word_that_no_vendor_knows(gcp, azure):
    for (exchanges, _), faults, method in (
        (gcp, google_faults, "PATCH"),
        (azure, microsoft_faults, "PUT"),
    ):
        asked, given = next(each for each in exchanges if each.asked.method == method)
        wrong = {**json.loads(asked.body), "madeUp": 1}
        assert faults(asked, given) == []
        assert faults(asked._replace(body=json.dumps(wrong).encode()), given) != []
        assert faults(asked, given._replace(body={**given.body, "madeUp": 1})) != []


EXPECTED = {
    "azure": {
        "Global Administrators": ("dana", "dana, omar", "dana", "dana, omar"),
        "Owners of the subscription": (
            "dana", "break-glass, ci-deploy, dana", "break-glass, dana", "break-glass, ci-deploy, dana",
        ),
        "World-open ports of web": ("443", "22, 443", "443", "22, 443"),
        "Public access to exampleltdexports": ("not allowed", "allowed", "not allowed", "allowed"),
        "Logging of the subscription": (
            "Administrative, Security", "nothing", "Administrative, Autoscale, Security", "nothing",
        ),
        "Sessions of omar": ("valid since 2026-01-05T08:00:00Z",) * 4,
    },
    "gcp": {
        "Owners of example-project": ("dana", "ci-deploy, dana", "dana", "ci-deploy, dana"),
        "Keys of backup": ("none", "…091f enabled", "…091f disabled", "…091f enabled"),
        "Keys of break-glass": ("none", "…5bcd enabled", "…5bcd enabled", "…5bcd enabled"),
        "Sources of office-ssh": (
            "192.0.2.0/24", "0.0.0.0/0, 192.0.2.0/24", "192.0.2.0/24", "0.0.0.0/0, 192.0.2.0/24",
        ),
        "Everybody's roles on the bucket": (
            "none", "objectViewer", "none", "objectViewer",
        ),
        "Public access to the bucket": ("not prevented",) * 4,
        "Sink of audit logs": ("enabled", "disabled", "enabled", "disabled"),
    },
}  # fmt: skip
"""Thing -> before, after the intrusion, after the response, after the undo; as read past Vigil."""


@pytest.mark.parametrize("cloud", sorted(EXPECTED))
def test_states_go_from_taken_over_to_answered_and_exactly_back(cloud, request):
    _, played = request.getfixturevalue(cloud)
    names, states = zip(*played.states, strict=True)
    assert names == ("Before", "After the intrusion", "After the response", "After the undo")
    words = {thing: tuple(one[thing].words for one in states) for thing in states[0]}
    assert words == EXPECTED[cloud]
    assert states[1] == states[3]
