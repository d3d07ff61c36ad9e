"""The entry points on Azure, in this process: batches, notices, faults, approval, sweep."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import pytest

from core.audit import verify
from core.errors import BadConfig, Retry, Unavailable
from functions.azure import handler
from functions.azure.wiring import SETTINGS, wiring
from tests.azure.azurite import trusted
from tests.azure.deployment import Deployment, activity, body, front_of
from tests.azure.scenes import RULE, SUBSCRIPTION

ROOT = Path(__file__).parents[2]
CLOSE = {"close_ingress": {"mode": "auto"}}
names = map("h{}".format, itertools.count())


@pytest.fixture
def cloud(azurite, tmp_path):
    # Within what `trusted` sets, and undone before it: some of the names are the same.
    with front_of(azurite) as front, trusted(azurite), pytest.MonkeyPatch.context() as patch:
        deployment = Deployment(azurite, front, tmp_path, next(names))
        for name, value in deployment.environ.items():
            patch.setenv(name, value)
        yield deployment
        assert front.azure.faults == []
    wiring.cache_clear()


def hub(*bodies):
    return [
        func.EventHubEvent(body=each, sequence_number=number, partition_key="0")
        for number, each in enumerate(bodies)
    ]


def message(data, id="m-1"):
    return func.QueueMessage(id=id, body=data if isinstance(data, bytes) else json.dumps(data))


def grid(**data):
    return func.EventGridEvent(
        id="grid-1",
        topic=f"/subscriptions/{SUBSCRIPTION}",
        subject=RULE,
        event_type="Microsoft.Resources.ResourceWriteSuccess",
        event_time=datetime.now(UTC),
        data_version="2",
        data={
            "resourceUri": RULE,
            "operationName": "Microsoft.Network/networkSecurityGroups/securityRules/write",
            "status": "Succeeded",
            "correlationId": activity()["correlationId"],
            "claims": activity()["identity"]["claims"],
            **data,
        },
    )


def respond_all(cloud):
    for number, each in enumerate(cloud.received("actions")):
        handler.respond(message(each, f"a-{number}"))


def test_a_record_becomes_a_finding_an_alert_and_an_action_on_the_queue(cloud):
    handler.detect(hub(body(activity())))
    (finding,) = cloud.findings()
    assert finding["state"] == "settled"
    assert finding["finding"]["actor"]["name"] == "mallory@example.com"
    (alert,) = cloud.received("alerts")
    assert "Security Rule Written" in alert["text"]
    (action,) = cloud.received("actions")
    assert (action["verb"], action["target"]["uid"]) == ("close_ingress", RULE.lower())


def test_start_and_success_of_one_operation_are_one_finding(cloud):
    start = activity(resultType="Start", resultSignature="Started.")
    handler.detect(hub(body(start)))
    assert cloud.findings() == []
    handler.detect(hub(body(start, activity(resultType="Accept")), body(activity())))
    assert len(cloud.findings()) == 1
    assert len(cloud.received("actions")) == 1


def test_a_rule_that_asks_for_the_start_does_not_wait_for_the_end(cloud):
    deletion = {"operationName": "Microsoft.Storage/storageAccounts/delete"}
    handler.detect(hub(body(activity(**deletion, resultType="Start"))))
    (finding,) = cloud.findings()
    assert finding["finding"]["title"] == "Deletion Begun"


def test_event_grid_and_the_event_hub_tell_of_one_operation_as_one_finding(cloud):
    handler.notice(grid())
    (finding,) = cloud.findings()
    handler.detect(hub(body(activity())))
    assert [each["finding"]["uid"] for each in cloud.findings()] == [finding["finding"]["uid"]]
    assert len(cloud.received("alerts")) == 1


def test_a_correlation_counts_operations_and_not_their_records(cloud):
    def reads(number):
        call = {
            "operationName": "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION",
            "correlationId": f"c-{number}",
        }
        return [activity(**call, resultType=status) for status in ("Start", "Accept", "Success")]

    first = reads(1)
    handler.detect(hub(body(*first, *reads(2)), body(*first)))
    assert cloud.findings() == []
    handler.detect(hub(body(*reads(3))))
    (finding,) = cloud.findings()
    assert finding["finding"]["title"] == "Many Keys Read"
    handler.settle(None)
    assert len(cloud.findings()) == 1


def test_terraform_sets_every_setting_that_the_functions_need():
    written = (ROOT / "infra/azure/function.tf").read_text()
    assert [name for name in SETTINGS if f"{name} " not in written] == []


def test_an_audit_event_of_aks_is_taken_out_of_its_record(cloud):
    event = {
        "kind": "Event",
        "auditID": "audit-1",
        "stage": "ResponseComplete",
        "verb": "list",
        "user": {"username": "mallory"},
        "sourceIPs": ["192.0.2.7"],
        "objectRef": {"resource": "secrets", "namespace": "web"},
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-11-25T10:00:00.000000Z",
    }
    record = activity(
        category="kube-audit-admin",
        operationName="Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
        properties={"log": json.dumps(event), "pod": "kube-apiserver-1"},
    )
    handler.detect(hub(body(record, {**record, "properties": {"log": '{"cut'}})))
    (finding,) = cloud.findings()
    assert finding["finding"]["title"] == "Secrets Listed"
    (reject,) = cloud.received("rejects")
    assert "not JSON" in reject["reason"]


def test_the_same_batch_three_times_is_one_finding_one_alert_one_action(cloud):
    cloud.policy(CLOSE)
    batch = hub(body(activity(), activity(operationName="MICROSOFT.X/Y/READ")))
    for _ in range(3):
        handler.detect(batch)
    (action,) = cloud.received("actions")
    for _ in range(3):
        handler.respond(message(action))
    assert len(cloud.findings()) == 1
    assert len(cloud.received("alerts")) == 2  # the finding and the change
    assert len(cloud.front.azure.writes()) == 1


def test_by_default_nothing_is_changed_and_the_refusal_is_on_record(cloud):
    handler.detect(hub(body(activity())))
    respond_all(cloud)
    assert cloud.rule_sources() == "*"
    assert cloud.decided() == ["decided"]


def test_when_the_verb_is_enabled_the_rule_is_closed_and_the_chains_verify(cloud):
    cloud.policy(CLOSE)
    handler.detect(hub(body(activity())))
    respond_all(cloud)
    assert cloud.rule_sources() != "*"
    assert "changed" in cloud.decided()
    for chain in ("detect", "respond"):
        assert verify(cloud.journal, cloud.store, chain).ok


def test_what_can_not_be_read_is_set_aside_with_its_reason_and_the_batch_goes_on(cloud):
    bad = [b"{", b"\xff\xfe", b'"x"', body(3), body(activity(time="yesterday"))]
    handler.detect(hub(*bad, body(activity())))
    rejects = cloud.received("rejects")
    assert len(rejects) == len(bad)
    assert all(reject["reason"] and reject["place"] for reject in rejects)
    assert len(cloud.findings()) == 1


def test_a_record_that_nobody_knows_is_counted(cloud, caplog):
    with caplog.at_level("INFO", "vigil"):
        handler.detect(hub(body({"category": "guard", "time": "2026-11-25T10:00:00Z"})))
    counted = json.loads(caplog.messages[-1].partition(" ")[2])
    assert (counted["records"], counted["unknown"]) == (1, 1)


def test_what_is_owed_for_one_record_goes_on_the_redo_queue_and_the_batch_goes_on(cloud, failing):
    with failing("put", lambda kind, _, value, **__: kind == "finding" and "c-bad" in str(value)):
        handler.detect(hub(body(activity(correlationId="c-bad"), activity())))
    assert len(cloud.findings()) == 1
    # Hidden for a minute, so that a lease can run out; then as if nothing had been.
    assert (cloud.received("redo"), cloud.waiting("redo")) == ([], 1)
    handler.again(message(activity(correlationId="c-bad")))
    assert len(cloud.findings()) == 2


def test_a_record_of_the_redo_queue_that_fails_again_stays_on_it(cloud, failing):
    with failing("put", lambda kind, *_, **__: kind == "finding"), pytest.raises(Retry):
        handler.again(message(activity()))
    assert cloud.findings() == []


def test_a_notice_that_fails_is_left_to_event_grid(cloud, failing):
    with failing("put", lambda kind, *_, **__: kind == "finding"), pytest.raises(Retry):
        handler.notice(grid())


def test_the_whole_batch_comes_again_only_if_the_redo_queue_can_not_be_written(
    cloud, failing, monkeypatch
):
    def down(record):
        raise Unavailable("the storage account is down")

    monkeypatch.setattr(wiring(), "later", down)
    batch = hub(body(activity(correlationId="c-bad")), body(activity()))
    fails = failing("put", lambda kind, _, value, **__: kind == "finding" and "c-bad" in str(value))
    with fails, pytest.raises(Unavailable, match="storage account"):
        handler.detect(batch)
    assert len(cloud.findings()) == 1  # the others went through before it was raised
    handler.detect(batch)
    assert len(cloud.findings()) == 2


def test_a_bug_on_one_record_is_that_records_alone(cloud, monkeypatch):
    observe = type(wiring().engine("detect")).observe

    def buggy(self, source, record):
        if record["correlationId"] == "c-bad":
            raise ZeroDivisionError
        return observe(self, source, record)

    monkeypatch.setattr(type(wiring().engine("detect")), "observe", buggy)
    put = []
    monkeypatch.setattr(wiring(), "later", put.append)
    handler.detect(hub(body(activity(correlationId="c-bad"), activity())))
    assert [each["correlationId"] for each in put] == ["c-bad"]
    assert len(cloud.findings()) == 1


def test_a_death_half_way_loses_nothing_and_repeats_nothing(cloud, monkeypatch):
    class Death(BaseException):
        """The process is gone: nothing catches this."""

    real, calls = type(wiring().rest).call, itertools.count()
    dies_at = iter(range(3, 40, 3))
    limit = [next(dies_at)]

    def call(self, *args, **more):
        if next(calls) == limit[0]:
            raise Death
        return real(self, *args, **more)

    deaths = 0
    monkeypatch.setattr(type(wiring().rest), "call", call)
    clock = SimpleNamespace(skip=0)
    while True:
        wiring.cache_clear()  # a new worker
        wiring().clock = lambda: int(datetime.now(UTC).timestamp() * 1000) + clock.skip
        calls = itertools.count()
        limit[0] = next(dies_at)
        try:
            handler.detect(hub(body(activity())))
        except Death:
            deaths += 1
            clock.skip += 130_000  # the lease of the dead runs out
            continue
        break
    assert deaths > 2
    (finding,) = cloud.findings()
    assert finding["state"] == "settled"
    assert {each["key"] for each in cloud.received("alerts")} == {finding["finding"]["uid"]}
    assert len({each["uid"] for each in cloud.received("actions")}) == 1


@pytest.mark.parametrize("data", [b"{}", b"x", b"\x1f\x8bx", b'{"uid": 3}', b"\xff"])
def test_what_is_no_action_is_set_aside(cloud, data):
    handler.respond(message(data))
    (reject,) = cloud.received("rejects")
    assert reject["place"] == "actions queue m-1"


def test_a_broken_policy_lets_actions_wait(cloud):
    handler.detect(hub(body(activity())))
    (action,) = cloud.received("actions")
    cloud.front.secrets["policy"] = "{"
    with pytest.raises(Unavailable):
        handler.respond(message(action))
    cloud.policy(CLOSE)
    handler.respond(message(action))
    assert cloud.rule_sources() != "*"


def request(method, token, form=""):
    return func.HttpRequest(
        method=method,
        url="https://approve.example.com/approve",
        headers={"X-Forwarded-For": "203.0.113.1, 192.0.2.9:51000"},
        params={"token": token},
        body=form.encode(),
    )


def test_a_held_action_is_released_by_post_and_not_by_get(cloud):
    cloud.policy({"close_ingress": {"mode": "approve"}})
    handler.detect(hub(body(activity())))
    respond_all(cloud)
    text = next(each["text"] for each in cloud.received("alerts") if each["kind"] == "approval")
    link = next(line.split(": ", 1)[1] for line in text.splitlines() if "https://" in line)
    token = parse_qs(urlsplit(link).query)["token"][0]

    page = handler.approve(request("GET", token))
    assert page.status_code == 200
    assert "close_ingress" in page.get_body().decode()
    assert page.headers["Content-Security-Policy"]
    assert cloud.received("actions") == []

    form = "decision=approve&by=alice"
    assert handler.approve(request("POST", token, form)).status_code == 200
    respond_all(cloud)
    assert cloud.rule_sources() != "*"
    assert handler.approve(request("POST", token, form)).status_code == 403
    assert handler.approve(request("GET", token + "x")).status_code == 403
    said = [json.loads(line) for _, line in cloud.journal.read("approve")]
    assert "192.0.2.9" in json.dumps(said)
    assert "203.0.113.1" not in json.dumps(said)


def test_a_sweep_reads_back_what_was_missed_and_counts_what_it_could_not_see(cloud, caplog):
    missed = {
        "eventTimestamp": datetime.now(UTC).isoformat(),
        "eventDataId": "event-1",
        "operationName": {"value": "Microsoft.Network/networkSecurityGroups/securityRules/write"},
        "resourceId": RULE,
        "category": {"value": "Administrative"},
        "status": {"value": "Succeeded"},
        "correlationId": activity()["correlationId"],
        "subscriptionId": SUBSCRIPTION,
    }

    def answer(asked):
        if "eventtypes" in asked.target:
            return 200, {}, json.dumps({"value": [missed]}).encode()
        return 403, {}, b'{"error": {"code": "AuthorizationFailed"}}'

    cloud.front.answer = answer
    with caplog.at_level("INFO", "vigil"):
        handler.sweep(None)
    first = json.loads(caplog.messages[-1].partition(" ")[2])
    assert (first["missed_deliveries"], len(cloud.findings())) == (1, 1)
    assert first["unseen"] >= 4  # no kind could be listed, and none is fine for it
    with caplog.at_level("INFO", "vigil"):
        handler.sweep(None)
    assert json.loads(caplog.messages[-1].partition(" ")[2])["missed_deliveries"] == 0
    handler.detect(hub(body(activity())))
    assert len(cloud.findings()) == 1


def test_a_log_that_can_not_be_read_keeps_its_window_open(cloud):
    cloud.front.answer = lambda asked: (403, {}, b"{}")
    handler.sweep(None)
    assert cloud.store.get("lookup", SUBSCRIPTION) is None


def test_every_missing_setting_is_named_at_once(cloud, monkeypatch):
    monkeypatch.delenv("VIGIL_TABLE")
    monkeypatch.setenv("VIGIL_JOURNAL", " ")
    wiring.cache_clear()
    with pytest.raises(BadConfig) as caught:
        handler.detect(hub())
    assert [fault.split()[0] for fault in caught.value.faults] == ["VIGIL_TABLE", "VIGIL_JOURNAL"]


@pytest.mark.parametrize("name", ["", "detekt"])
def test_an_app_that_is_no_function_does_not_start(name):
    with pytest.raises(BadConfig, match="VIGIL_FUNCTION"):
        handler.application({"VIGIL_FUNCTION": name})


def test_an_app_has_the_triggers_of_its_one_function():
    found = {
        name: [each.get_function_name() for each in app.get_functions()]
        for name in handler.TRIGGERS
        for app in [handler.application({"VIGIL_FUNCTION": name})]
    }
    assert found == {
        "detect": ["detect", "notice", "again"],
        "respond": ["respond"],
        "sweep": ["sweep", "settle"],
        "approve": ["approve"],
    }


@pytest.fixture
def failing(cloud, monkeypatch):
    """`with failing("put", when):` the store's call raises Unavailable where `when(...)` is true."""

    def make(method, when):
        patch = pytest.MonkeyPatch.context()
        real = getattr(wiring().store, method)

        def call(*args, **more):
            if when(*args, **more):
                raise Unavailable("throttled")
            return real(*args, **more)

        class Failing:
            def __enter__(self):
                self.patch = patch.__enter__()
                self.patch.setattr(wiring().store, method, call)

            def __exit__(self, *error):
                return patch.__exit__(*error)

        return Failing()

    return make
