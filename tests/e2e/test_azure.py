"""The built package in Azure's own worker: log to finding, alert, action and journal, all the way.

What is real: the zip, Microsoft's indexing and decoding of triggers (Python 3.13, nothing else
installed), azure-identity, TLS, Azurite's tables, blobs and queues. What is played: the host, which
would poll and deliver; ARM, by a fake that checks requests against Microsoft's SDKs.
"""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import threading
import zipfile
from urllib.parse import parse_qs, urlsplit

import pytest

from core.audit import verify
from tests.azure.azurite import SENTINEL, trusted
from tests.azure.deployment import Deployment, activity, body, front_of
from tests.azure.scenes import SUBSCRIPTION
from tests.e2e.conftest import ROOT, build_package, runtime

CLOSE = {"close_ingress": {"mode": "auto"}}


LISTS = ("storageAccounts", "diagnosticSettings", "networkSecurityGroups", "applications")
names = map("e{}".format, itertools.count())


class App:
    """One function app: a worker process of its own, as each has its own identity."""

    def __init__(self, python, package, environ, log) -> None:
        libraries = package / ".python_packages/lib/site-packages"
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            [python, str(ROOT / "tests/e2e/azure_worker.py"), str(package)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=package,
            env={**environ, "PYTHONPATH": str(libraries), "PATH": "/usr/bin:/bin"},
            text=True,
        )
        self.log = log
        self.triggers = self._heard()

    def _heard(self):
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def __call__(self, function, kind, **order):
        """The worker's answer; None if it died."""
        order = {"function": function, "kind": kind, **order}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def kill(self) -> None:
        """As when the host takes the instance away: at once."""
        self._process.kill()
        self._process.wait(10)

    def close(self) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            try:
                stream.close()
            except BrokenPipeError:
                continue


class Cloud(Deployment):
    """The deployment with its apps, each started when it is first needed."""

    def start(self, python, package, folder) -> None:
        self._started: dict[str, App] = {}
        self._how = python, package, folder
        self.environ["VIGIL_SENTINEL_ENDPOINT"] = f"https://{SENTINEL}"
        self.environ["VIGIL_SENTINEL_RULE"] = "dcr-00000000000000000000000000000000"
        self.environ["VIGIL_SENTINEL_STREAM"] = "Custom-Vigil_CL"
        self.rows: list[dict] = []
        self.log_of_azure: list[dict] = []
        self.at_sentinel = lambda: None
        self.front.answer = self._elsewhere

    def _elsewhere(self, asked):
        if "/dataCollectionRules/" in asked.target:
            self.at_sentinel()
            self.rows += json.loads(asked.body)
            return 204, {}, b""
        if "eventtypes" in asked.target:
            return 200, {}, json.dumps({"value": self.log_of_azure}).encode()
        if asked.target.partition("?")[0].endswith(LISTS):
            return 403, {}, b'{"error": {"code": "AuthorizationFailed"}}'
        return None

    def app(self, name) -> App:
        if name not in self._started:
            python, package, folder = self._how
            environ = {**self.environ, "VIGIL_FUNCTION": name}
            self._started[name] = App(python, package, environ, folder / f"{name}.log")
        return self._started[name]

    def restart(self, name) -> None:
        self._started.pop(name).close()

    def stop(self) -> None:
        for app in self._started.values():
            app.close()

    def deliver(self, *records, retry=0):
        """A batch of one message, as the host gives it to detect."""
        message = base64.b64encode(body(*records)).decode()
        return self.app("detect")("detect", "hub", bodies=[message], retry=retry)

    def act(self):
        """Every message on the queue of actions, as the host gives it to respond."""
        return [self.give("respond", "respond", each) for each in self.bodies("actions")]

    def give(self, app, function, message, count=1):
        coded = base64.b64encode(message).decode()
        return self.app(app)(function, "queue", body=coded, id="m-1", count=count)


@pytest.fixture(scope="module")
def parts(azurite, tmp_path_factory):
    """A worker's interpreter, and the unpacked package."""
    python = runtime("azure-worker", "azure-functions-runtime")
    folder = tmp_path_factory.mktemp("package")
    build_package("azure", folder / "azure.zip")
    with zipfile.ZipFile(folder / "azure.zip") as archive:
        archive.extractall(folder / "app")
    return python, folder / "app"


@pytest.fixture
def cloud(azurite, parts, tmp_path):
    with front_of(azurite) as front, trusted(azurite):
        cloud = Cloud(azurite, front, tmp_path, next(names))
        cloud.start(*parts, tmp_path)
        yield cloud
        cloud.stop()
        assert front.azure.faults == []


def test_each_app_has_the_triggers_of_its_function_and_no_other(cloud):
    kinds = {
        name: [binding[0]["type"] for binding in cloud.app(name).triggers.values()]
        for name in ("detect", "respond", "sweep", "approve")
    }
    assert kinds == {
        "detect": ["eventHubTrigger", "eventGridTrigger", "queueTrigger"],
        "respond": ["queueTrigger"],
        "sweep": ["timerTrigger", "timerTrigger"],
        "approve": ["httpTrigger"],
    }


def test_an_event_is_found_told_answered_and_on_record_once_though_it_comes_three_times(cloud):
    cloud.policy(CLOSE)
    start = activity(resultType="Start", resultSignature="Started.")
    for retry in range(3):
        assert cloud.deliver(start, activity(), retry=retry)["ok"]
    (finding,) = cloud.findings()
    assert finding["state"] == "settled"
    (action,) = cloud.bodies("actions")
    for count in (1, 2, 3):
        assert cloud.give("respond", "respond", action, count)["ok"]

    assert cloud.rule_sources() != "*"
    assert len(cloud.front.azure.writes()) == 1
    assert [each["kind"] for each in cloud.received("alerts")] == ["finding", "change"]
    assert [each["Kind"] for each in cloud.rows] == ["finding", "change"]
    assert cloud.decided() == ["decided", "attempting", "changed"]
    for chain in ("detect", "respond"):
        assert verify(cloud.journal, cloud.store, chain).ok
    assert cloud.received("rejects") == []


def test_the_fast_lane_and_the_event_hub_tell_of_one_operation_once(cloud):
    data = {
        "resourceUri": activity()["properties"]["entity"],
        "operationName": activity()["operationName"].lower(),
        "correlationId": activity()["correlationId"],
        "status": "Succeeded",
    }
    schemas = [
        {
            "id": "grid-1",
            "eventType": "Microsoft.Resources.ResourceWriteSuccess",
            "eventTime": activity()["time"],
            "data": data,
        },
        {
            "id": "grid-2",
            "specversion": "1.0",
            "type": "Microsoft.Resources.ResourceWriteSuccess",
            "time": activity()["time"],
            "source": f"/subscriptions/{SUBSCRIPTION}",
            "data": data,
        },
    ]
    for event in schemas:
        assert cloud.app("detect")("notice", "grid", event=event)["ok"]
    assert cloud.deliver(activity())["ok"]
    assert len(cloud.findings()) == 1
    assert len(cloud.received("alerts")) == 1


def test_nothing_is_done_while_no_verb_is_enabled(cloud):
    assert cloud.deliver(activity())["ok"]
    assert all(each["ok"] for each in cloud.act())
    assert cloud.decided() == ["decided"]
    assert cloud.rule_sources() == "*"


def test_a_worker_that_dies_while_it_tells_loses_nothing(cloud):
    cloud.at_sentinel = lambda: (cloud.app("detect").kill(), threading.Event().wait(0.1))
    assert cloud.deliver(activity()) is None
    cloud.at_sentinel = lambda: None
    cloud.restart("detect")

    # The dead worker's lease still holds, so the record waits on the redo queue ...
    assert cloud.deliver(activity())["ok"]
    (entry,) = cloud.store.scan("finding")
    assert entry[1].value["state"] == "open"
    # ... and when it comes from there, the lease has run out.
    cloud.store.put("finding", entry[0], {**entry[1].value, "lease": 0}, version=entry[1].version)
    again = cloud.give("detect", "again", json.dumps(activity()).encode())
    assert again["ok"], again
    (finding,) = cloud.findings()
    assert finding["state"] == "settled"
    assert {row["Key"] for row in cloud.rows} == {finding["finding"]["uid"]}
    assert len({json.loads(each)["uid"] for each in cloud.bodies("actions")}) == 1


def test_a_worker_that_dies_before_it_changes_is_taken_over(cloud):
    cloud.policy(CLOSE)
    assert cloud.deliver(activity())["ok"]
    (action,) = cloud.bodies("actions")
    cloud.front.azure.before_write = lambda: cloud.app("respond").kill()
    assert cloud.give("respond", "respond", action) is None
    cloud.restart("respond")
    busy = cloud.give("respond", "respond", action, 2)
    assert not busy["ok"]
    assert "Busy" in busy["error"]  # so the host lets it come again
    (entry,) = cloud.store.scan("action")
    cloud.store.put("action", entry[0], {**entry[1].value, "lease": 0}, version=entry[1].version)
    assert cloud.give("respond", "respond", action, 3)["ok"]
    assert cloud.rule_sources() != "*"


def test_what_can_not_be_read_does_not_hold_the_partition(cloud):
    bodies = [base64.b64encode(each).decode() for each in (b"{", body(activity()), b"\xff")]
    assert cloud.app("detect")("detect", "hub", bodies=bodies)["ok"]
    assert len(cloud.received("rejects")) == 2
    assert len(cloud.findings()) == 1


def test_a_held_action_is_released_over_http(cloud):
    cloud.policy({"close_ingress": {"mode": "approve"}})
    assert cloud.deliver(activity())["ok"]
    assert all(each["ok"] for each in cloud.act())
    text = next(each["text"] for each in cloud.received("alerts") if each["kind"] == "approval")
    link = next(line.split(": ", 1)[1] for line in text.splitlines() if "https://" in line)
    query = {"token": parse_qs(urlsplit(link).query)["token"][0]}
    asked = {"url": link, "query": query, "headers": {"x-forwarded-for": "192.0.2.9:50000"}}

    page = cloud.app("approve")("approve", "http", method="GET", body="", **asked)["result"]
    assert page["status"] == 200
    assert page["headers"]["content-security-policy"]
    assert "close_ingress" in page["body"]
    form = "decision=approve&by=alice"
    done = cloud.app("approve")("approve", "http", method="POST", body=form, **asked)["result"]
    assert done["status"] == 200
    assert all(each["ok"] for each in cloud.act())
    assert cloud.rule_sources() != "*"


def test_a_sweep_reads_the_log_back_and_says_what_it_could_not_look_at(cloud):
    cloud.log_of_azure = [
        {
            "eventTimestamp": activity()["time"],
            "eventDataId": "event-1",
            "operationName": {"value": activity()["operationName"].title()},
            "resourceId": activity()["properties"]["entity"],
            "category": {"value": "Administrative"},
            "status": {"value": "Succeeded"},
            "correlationId": activity()["correlationId"],
        }
    ]
    swept = cloud.app("sweep")("sweep", "timer")
    assert swept["ok"], swept
    assert len(cloud.findings()) == 1
    assert "AuthorizationFailed" in cloud.app("sweep").log.read_text()


def test_the_rules_that_ship_find_what_the_verb_that_ships_closes(cloud):
    cloud.policy(CLOSE)
    del cloud.environ["VIGIL_RULEBOOK"]  # the package's own
    written = {
        "properties": {
            "protocol": "Tcp",
            "access": "Allow",
            "direction": "Inbound",
            "sourceAddressPrefix": "*",
            "destinationPortRange": "22",
            "destinationAddressPrefix": "*",
            "sourcePortRange": "*",
            "priority": 100,
        }
    }
    body_of_call = {"eventCategory": "Administrative", "requestbody": json.dumps(written)}
    assert cloud.deliver(activity(properties=body_of_call))["ok"]
    assert [each["finding"]["rule"]["title"] for each in cloud.findings()] == [
        "Azure NSG opened to world"
    ]
    assert all(each["ok"] for each in cloud.act())
    assert cloud.rule_sources() != "*"
