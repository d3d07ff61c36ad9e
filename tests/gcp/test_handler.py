"""The four entry points on Google's emulators: messages, faults, old ones, approval, sweep."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import flask
import pytest
from werkzeug.test import EnvironBuilder

from core.audit import verify
from core.errors import BadConfig, Unavailable
from core.native import first
from functions.gcp import handler
from functions.gcp.wiring import wiring
from tests.gcp.deployment import PROJECT, RULE, deployed, pushed
from tests.gcp.test_events import GKE, SCC


@pytest.fixture
def cloud(tmp_path, monkeypatch, firestore_emulator, pubsub_emulator):
    with deployed(tmp_path, firestore_emulator, pubsub_emulator, monkeypatch) as cloud:
        yield cloud


def detect(*entries, **how):
    for entry in entries:
        handler.detect(pushed(entry, **how))


def respond_all(cloud):
    for action in cloud.drain("actions"):
        handler.respond(pushed(action))


def test_an_entry_becomes_a_finding_an_alert_and_an_action_on_the_topic(cloud):
    detect(cloud.entry())
    (finding,) = cloud.findings()
    assert finding["state"] == "settled"
    assert finding["finding"]["actor"]["name"] == "mallory@example.com"
    (told,) = cloud.drain("alerts")
    assert "Service Account Key Created" in told["text"]
    (action,) = cloud.drain("actions")
    assert (action["verb"], action["target"]["args"]["key"]) == ("disable_access_key", cloud.key)
    assert cloud.drain("rejects") == []


def test_by_default_the_key_is_untouched_and_the_refusal_is_on_record(cloud):
    detect(cloud.entry())
    respond_all(cloud)
    assert not cloud.disabled()
    assert [line["kind"] for line in cloud.journal("respond")] == ["decided"]


def test_when_the_verb_is_enabled_the_key_is_disabled_and_the_chains_verify(cloud):
    cloud.policy({"disable_access_key": {"mode": "auto"}})
    detect(cloud.entry())
    respond_all(cloud)
    assert cloud.disabled()
    parts = cloud.parts()
    for chain in ("detect", "respond"):
        assert verify(parts.journal, parts.store, chain).ok


def test_the_same_message_three_times_is_one_finding_one_alert_one_action(cloud):
    cloud.policy({"disable_access_key": {"mode": "auto"}})
    detect(*[cloud.entry(timestamp="2099-01-01T00:00:00Z")] * 3)
    (action,) = cloud.drain("actions")
    for _ in range(3):
        handler.respond(pushed(action))
    assert len(cloud.findings()) == 1
    assert len(cloud.drain("alerts")) == 2  # the finding and the change
    disabled = "iam.projects.serviceAccounts.keys.disable"
    assert cloud.google.calls.count(disabled) == 1


def test_both_entries_of_a_long_running_call_are_one_finding(cloud):
    operation = {"id": "operation-7", "producer": "iam.googleapis.com"}
    detect(
        cloud.entry(operation={**operation, "first": True}, insertId="a"),
        cloud.entry(operation={**operation, "last": True}, insertId="b"),
    )
    assert len(cloud.findings()) == 1
    assert len(cloud.drain("alerts")) == 1


def test_a_finding_of_security_command_center_is_one_of_ours(cloud):
    detect(SCC, SCC)
    (finding,) = cloud.findings()
    assert finding["finding"]["level"] == "critical"
    assert finding["finding"]["account"] == PROJECT


def test_an_entry_of_kubernetes_is_read_like_any_other(cloud):
    detect(GKE)
    (finding,) = cloud.findings()
    assert finding["finding"]["title"] == "Kubernetes Secret Deleted"
    (resource,) = finding["finding"]["resources"]
    assert resource["uid"].startswith("//container.googleapis.com/")


def test_what_no_source_reads_is_counted_and_named(cloud, capsys):
    detect({"logName": "projects/p/logs/\x1b[2Jx", "jsonPayload": {"a": 1}, "resource_type": "x"})
    lines = logged(capsys)
    assert "no source reads projects/p/logs/\\x1b[2Jx" in [line.get("reason") for line in lines]
    assert metrics(lines)["unknown"] == 1
    assert cloud.drain("rejects") == []


def test_a_message_without_a_record_is_ignored_with_the_reason(cloud, capsys):
    detect({"incident": {}, "version": "1.2"})
    assert metrics(logged(capsys))["ignored"] == 1


@pytest.mark.parametrize(
    "data",
    [
        {"message": {"data": "*", "messageId": "m"}},
        {"message": {"data": ""}, "x": 1},
        "nonsense",
        None,
        {"message": {"data": "W10=", "messageId": "m"}},
    ],
)
def test_a_message_that_can_not_be_read_is_set_aside_with_the_reason(cloud, data):
    handler.detect(data)
    (reject,) = cloud.drain("rejects")
    assert reject["reason"]
    assert reject["reason"].isprintable()


def test_a_record_that_matches_but_is_no_event_is_set_aside(cloud):
    detect(cloud.entry(timestamp="yesterday"))
    (reject,) = cloud.drain("rejects")
    assert "timestamp" in reject["reason"]
    assert '"timestamp":"yesterday"' in reject["excerpt"]


def test_what_is_no_action_is_set_aside(cloud):
    for value in ({}, "x", {"uid": 3}, b"\xff"):
        handler.respond(pushed(value))
    assert len(cloud.drain("rejects")) == 4


def broken(monkeypatch, cloud, error):
    def put(*arguments, **rest):
        raise error

    monkeypatch.setattr(cloud.parts().store, "put", put)


@pytest.mark.parametrize("error", [Unavailable("throttled"), KeyError("a bug")])
def test_what_may_succeed_later_is_delivered_again_and_nothing_is_lost(
    cloud, monkeypatch, capsys, error
):
    with monkeypatch.context() as patch:
        broken(patch, cloud, error)
        with pytest.raises(type(error)):
            detect(cloud.entry())
        assert cloud.drain("rejects") == []
    detect(cloud.entry())
    assert len(cloud.findings()) == 1
    severity = {line["severity"] for line in logged(capsys)}
    assert severity == {"INFO", "WARNING" if isinstance(error, Unavailable) else "ERROR"}


def test_a_message_that_fails_for_too_long_is_set_aside_whole(cloud, monkeypatch):
    entry = cloud.entry(note="naïve \x7f Ω")
    young, old = (
        datetime.now(UTC) - timedelta(milliseconds=handler.MAX_AGE_MS + more)
        for more in (-60_000, 60_000)
    )
    with monkeypatch.context() as patch:
        broken(patch, cloud, Unavailable("throttled"))
        with pytest.raises(Unavailable):
            detect(entry, published=young)
        detect(entry, published=old)
    (reject,) = cloud.drain("rejects")
    assert "given up" in reject["reason"]
    assert "throttled" in reject["reason"]
    # Whole: what was set aside can be sent again as it was.
    handler.detect(json.loads(reject["excerpt"]))
    assert len(cloud.findings()) == 1


def test_an_old_message_that_does_not_fail_is_worked_on_like_any_other(cloud):
    detect(cloud.entry(), published=datetime(2020, 1, 1, tzinfo=UTC))
    assert len(cloud.findings()) == 1


def test_when_nothing_can_be_set_aside_the_message_comes_again(cloud, monkeypatch):
    def down(rejected):
        raise Unavailable("no topic")

    monkeypatch.setitem(cloud.parts().__dict__, "rejects", down)
    with pytest.raises(Unavailable, match="no topic"):
        handler.detect("nonsense")


@pytest.mark.parametrize("function", ["detect", "respond", "sweep"])
def test_a_fault_of_the_deployment_is_not_the_messages(cloud, monkeypatch, function):
    name = f"projects/{PROJECT}/secrets/webhooks"
    cloud.google.secrets[name] = '[{"name": "chat", "kind": "slak"}]'
    monkeypatch.setenv("VIGIL_WEBHOOKS", name)
    wiring.cache_clear()
    with pytest.raises(BadConfig, match="slak"):
        getattr(handler, function)(pushed(cloud.entry()))
    assert cloud.drain("rejects") == []
    cloud.google.secrets[name] = "[]"
    wiring.cache_clear()
    detect(cloud.entry())
    assert len(cloud.findings()) == 1


def test_a_broken_policy_lets_actions_wait(cloud):
    detect(cloud.entry())
    (action,) = cloud.drain("actions")
    cloud.google.secrets[f"projects/{PROJECT}/secrets/policy"] = "{"
    with pytest.raises(Unavailable, match="policy"):
        handler.respond(pushed(action))
    cloud.policy({"disable_access_key": {"mode": "auto"}})
    handler.respond(pushed(action))
    assert cloud.disabled()


def test_googles_own_agents_are_never_touched(cloud):
    agent = "service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    cloud.key = cloud.google.key(cloud.google.service_account(agent), "0a1b2c")
    cloud.policy({"disable_access_key": {"mode": "auto"}})
    detect(cloud.entry())
    respond_all(cloud)
    assert not cloud.disabled()
    (decided,) = cloud.journal("respond")
    assert "never touched on this platform" in json.dumps(decided["data"]["because"])


def test_an_account_that_vigil_does_not_look_after_is_left_alone(cloud):
    cloud.key = cloud.google.key(cloud.google.service_account("x@other.example", "other"), "k")
    cloud.policy({"disable_access_key": {"mode": "auto"}})
    detect(cloud.entry(logName="projects/other/logs/cloudaudit.googleapis.com%2Factivity"))
    respond_all(cloud)
    assert not cloud.disabled()
    assert "account other is not one" in json.dumps(cloud.journal("respond"))


# Approval


def page(method, query="", **form):
    builder = EnvironBuilder(
        method=method,
        path="/",
        query_string=query,
        data=form or None,
        headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.9"},
    )
    body, status, headers = handler.approve(flask.Request(builder.get_environ()))
    assert headers["Cache-Control"] == "no-store"
    return status, body


def test_a_held_action_is_released_by_post_and_not_by_get(cloud):
    cloud.policy({"disable_access_key": {"mode": "approve"}})
    detect(cloud.entry())
    respond_all(cloud)
    text = next(each["text"] for each in cloud.drain("alerts") if each["kind"] == "approval")
    link = next(line.split(": ", 1)[1] for line in text.splitlines() if "https://" in line)
    query = urlsplit(link).query
    assert parse_qs(query)["token"]

    status, body = page("GET", query)
    assert status == 200
    assert "disable_access_key" in body
    assert cloud.drain("actions") == []
    assert not cloud.disabled()

    assert page("POST", query, decision="approve", by="alice")[0] == 200
    respond_all(cloud)
    assert cloud.disabled()
    assert page("POST", query, decision="approve", by="alice")[0] == 403
    assert page("GET", query + "x")[0] == 403
    approved = next(line for line in cloud.journal("approve"))
    assert "alice (192.0.2.9)" in json.dumps(approved)


# Sweep


def test_a_sweep_reads_back_what_was_missed_and_nothing_twice(cloud, capsys):
    delivered, missed = cloud.entry(), cloud.entry(insertId="e-2")
    detect(delivered)
    cloud.google.entries = [
        delivered,
        missed,
        cloud.entry(insertId="e-3", protoPayload={"methodName": "x"}),
    ]
    handler.sweep(pushed({}))
    handler.sweep(pushed({}))
    assert [line["missed"] for line in logged(capsys) if line["message"] == "swept"] == [1, 0]
    assert len(cloud.findings()) == 2
    assert f'logName=("projects/{PROJECT}/logs/cloudaudit' in cloud.google.filters[0]


def test_a_sweep_says_what_it_could_not_see(cloud, capsys):
    cloud.google.refuse = {"logging.entries.list", "compute.firewalls.list"}
    handler.sweep(pushed({}))
    (swept,) = [line for line in logged(capsys) if line["message"] == "swept"]
    seen = {reason.split(":")[0] for reason in swept["unseen"]}
    assert seen >= {f"logs of {PROJECT}", "firewall_rule"}
    # The window stays open.
    cloud.google.refuse = set()
    cloud.google.entries = [cloud.entry()]
    handler.sweep(pushed({}))
    assert len(cloud.findings()) == 1


MINUTE = 60_000


def sweep_at(cloud, minutes):
    start = int(datetime.now(UTC).timestamp() * 1000)
    cloud.parts().clock = lambda: start + minutes * MINUTE
    handler.sweep(pushed({}))


def later(minutes):
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def test_a_window_begins_where_the_last_one_ended(cloud):
    cloud.google.entries = [cloud.entry(timestamp=later(10))]
    sweep_at(cloud, 0)
    assert cloud.findings() == []  # not written yet
    sweep_at(cloud, 30)
    assert len(cloud.findings()) == 1
    sweep_at(cloud, 31)
    first, second, third = cloud.google.filters
    assert first != second != third


def test_a_window_in_which_a_record_failed_is_taken_again(cloud, monkeypatch, capsys):
    sweep_at(cloud, 0)
    cloud.google.entries = [cloud.entry(timestamp=later(10))]
    with monkeypatch.context() as patch:
        put = cloud.parts().store.put

        def failing(kind, *arguments, **rest):
            if kind == "finding":
                raise Unavailable("throttled")
            return put(kind, *arguments, **rest)

        patch.setattr(cloud.parts().store, "put", failing)
        sweep_at(cloud, 30)
    assert cloud.findings() == []
    swept = [line for line in logged(capsys) if line["message"] == "swept"]
    assert f"logs of {PROJECT}: throttled" in swept[-1]["unseen"]
    sweep_at(cloud, 60)
    assert len(cloud.findings()) == 1


# Correlations


TOGETHER = """
title: Many Keys
id: 8f0a1f4e-0000-4000-8000-000000000005
level: high
correlation:
  type: event_count
  rules: [made]
  group-by: [protoPayload.authenticationInfo.principalEmail]
  timespan: 10m
  condition: {gte: 3}
respond: [disable_access_key]
---
title: Silent
id: 8f0a1f4e-0000-4000-8000-000000000006
level: medium
correlation: {type: absence, rules: [beat], timespan: 10m, lateness: 0s}
---
title: Made
name: made
id: 8f0a1f4e-0000-4000-8000-000000000007
logsource: {product: gcp, service: gcp.audit}
detection:
  s: {protoPayload.methodName|endswith: CreateServiceAccountKey}
  began: {operation.first: true}
  condition: s and not began
---
title: Beat
name: beat
id: 8f0a1f4e-0000-4000-8000-000000000008
logsource: {product: gcp, service: gcp.audit}
detection: {s: {protoPayload.methodName: beat}, condition: s}
"""


@pytest.fixture
def correlating(tmp_path, monkeypatch, firestore_emulator, pubsub_emulator):
    emulators = (firestore_emulator, pubsub_emulator)
    with deployed(tmp_path, *emulators, monkeypatch, TOGETHER) as cloud:
        yield cloud


def test_events_that_are_wrong_together_are_one_finding_and_one_alert(correlating):
    entries = [correlating.entry(insertId=f"e-{number}") for number in range(4)]
    detect(*entries, entries[2], entries[0])
    (finding,) = correlating.findings()
    assert (finding["state"], finding["finding"]["count"]) == ("settled", 4)
    (told,) = correlating.drain("alerts")
    assert "principalEmail=mallory@example.com" in told["text"]
    (action,) = correlating.drain("actions")
    assert action["target"]["args"]["key"] == correlating.key


def test_a_rule_that_says_which_entry_it_means_counts_a_long_running_call_once(correlating):
    for number in range(3):
        for part in ("first", "last"):
            operation = {"id": f"operation-{number}", part: True}
            detect(correlating.entry(insertId=f"{number}-{part}", operation=operation))
    assert [one["finding"]["count"] for one in correlating.findings()] == [3]


def test_silence_is_found_by_the_short_call_of_the_sweep(correlating, capsys):
    entry = correlating.entry(timestamp=later(-60))
    detect({**entry, "protoPayload": {**entry["protoPayload"], "methodName": "beat"}})
    assert correlating.findings() == []
    for _ in range(2):
        handler.sweep(pushed({"task": "settle"}))
    lines = [line for line in logged(capsys) if line["message"] == "settled"]
    assert [line["settled"] for line in lines] == [1, 0]
    assert correlating.findings()[0]["finding"]["title"] == "Silent"
    assert "compute.firewalls.list" not in correlating.google.calls


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b"\xff", b'{"task": 3}', b'{"task": "x"}'])
def test_whatever_else_the_schedule_says_is_a_sweep(cloud, said):
    handler.sweep(pushed(said))
    assert "compute.firewalls.list" in cloud.google.calls


# Settings and logs


def test_every_missing_setting_is_named_at_once(cloud, monkeypatch):
    monkeypatch.delenv("VIGIL_DATABASE")
    monkeypatch.setenv("VIGIL_JOURNAL", " ")
    wiring.cache_clear()
    with pytest.raises(BadConfig) as caught:
        detect(cloud.entry())
    names = [fault.split()[0] for fault in caught.value.faults]
    assert names == ["VIGIL_DATABASE", "VIGIL_JOURNAL"]


def test_each_invocation_counts_what_it_did_in_one_line(cloud, capsys):
    detect(cloud.entry())
    lines = logged(capsys)
    assert metrics(lines) == {"invocations": 1, "records": 1, "findings": 1, "ignored": 0}
    assert [line["function"] for line in lines if line["message"] == "metrics"] == ["detect"]


def logged(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def metrics(lines):
    (line,) = [each for each in lines if each["message"] == "metrics"]
    return line["metrics"]


def test_findings_go_to_security_command_center_where_it_has_a_source(cloud, monkeypatch):
    monkeypatch.setenv("VIGIL_SCC_SOURCE", "organizations/1/sources/2")
    wiring.cache_clear()
    detect(cloud.entry())
    (stored,) = cloud.findings()
    name = f"organizations/1/sources/2/findings/{stored['finding']['uid']}"
    assert first(cloud.google.things[name], "sourceProperties.actor") == "mallory@example.com"


ROBOT_IS_KNOWN = """
---
title: The pipeline makes keys
id: 8f0a1f4e-0000-4000-8000-000000000009
owner: platform
reason: it rotates them
expires: 2999-01-01
logsource: {product: gcp, service: gcp.audit}
filter:
  rules: [8f0a1f4e-0000-4000-8000-000000000002]
  selection: {protoPayload.authenticationInfo.principalEmail: ci@example.com}
  condition: not selection
"""


def test_what_a_filter_suppresses_is_counted_noted_and_no_finding(
    tmp_path, monkeypatch, firestore_emulator, pubsub_emulator, capsys
):
    where = (tmp_path, firestore_emulator, pubsub_emulator, monkeypatch)
    with deployed(*where, rules=RULE + ROBOT_IS_KNOWN) as cloud:
        entry = cloud.entry()
        entry["protoPayload"]["authenticationInfo"] = {"principalEmail": "ci@example.com"}
        detect(entry, entry | {"insertId": "e-2"})
        assert list(cloud.findings()) == []
        (line,) = cloud.journal("detect")
        assert (line["kind"], line["data"]["owner"]) == ("suppressed", "platform")
    assert capsys.readouterr().out.count('"suppressed"') == 2
