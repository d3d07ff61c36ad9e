"""An intrusion, end to end on Google's emulators: the built zip, from a log entry to a disabled key.

The package is installed as Google's buildpack does it, from its own lock into a Python 3.13 that
has nothing else, and served by the Functions Framework; Pub/Sub's emulator pushes to it. What a
sink would publish is published by the test. Tests depend on those before them.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from core.audit import verify
from core.ports import system_clock
from functions.gcp.adapters import FirestoreStore, StorageJournal
from functions.gcp.rest import Rest
from tests.e2e.conftest import build_package, runtime
from tests.e2e.gcp_functions import Functions
from tests.gcp.deployment import PROJECT, Cloud, cloud_storage
from tests.gcp.fake.server import serving
from tests.gcp.fake.watched import Watched
from tests.gcp.pubsub import Topics
from tests.gcp.storage import Refused

PUSHED = {
    "ackDeadlineSeconds": 10,
    "retryPolicy": {"minimumBackoff": "0.5s", "maximumBackoff": "1s"},
}
TITLE = "GCP service account key created"
ENABLED = {"disable_access_key": {"mode": "auto", "min_level": "medium"}}


class Deployment:
    """A cloud with running functions, and what of it is looked at from outside."""

    def __init__(self, cloud: Cloud, functions: Functions, firestore: str) -> None:
        self.cloud, self.functions = cloud, functions
        database = Rest(None, endpoint=lambda service: f"http://{firestore}")
        self.store = FirestoreStore(database, PROJECT, cloud.database, system_clock)
        bucket = Rest(None, endpoint=lambda service: cloud.storage.endpoint())
        self.journal = StorageJournal(bucket, "journal")
        self.alerts: list[Any] = []

    def publish(self, entry: Any) -> None:
        """What a log sink does with an entry."""
        topic = f"projects/{PROJECT}/topics/ingest"
        self.cloud.topics.publish(topic, json.dumps(entry).encode(), {})

    def until(self, what: str, look: Callable[[], Any], seconds: float = 30) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(0.1)
        rejects = self.cloud.drain("rejects")
        pytest.fail(f"no {what} within {seconds:.0f} seconds\n{rejects}\n{self.functions.tail()}")

    def finding(self, entry: Any) -> Any:
        """The finding of an entry, once it is settled."""
        for _, (value, _) in self.store.scan("finding"):
            mine = self.of(value) == entry["insertId"] and value["finding"]["title"] == TITLE
            if mine and value["state"] == "settled":
                return value
        return None

    def findings(self, entry: Any) -> list[str]:
        """uids of all findings of an entry: a rule for every cloud finds the same as one for this."""
        return [
            uid for uid, (v, _) in self.store.scan("finding") if self.of(v) == entry["insertId"]
        ]

    def proposed(self, finding: str) -> list[str]:
        """uids of the actions that were proposed for a finding."""
        lines = (json.loads(line) for _, line in self.journal.read("detect"))
        told = [each for each in lines if each["kind"] == "proposed"]
        return [each["subject"] for each in told if each["data"]["finding"] == finding]

    def changed(self, entry: Any) -> list[str]:
        """uids of the actions that were carried out for an entry."""
        mine, actions = self.findings(entry), self.store.scan("action")
        done = [(uid, v["action"]) for uid, (v, _) in actions if v["state"] == "changed"]
        return [uid for uid, action in done if action["finding"] in mine]

    def of(self, finding: Any) -> str:
        """insertId of the entry that a finding is about."""
        return str(finding["finding"]["evidence"][0]["record"]["insertId"])

    def lines(self, chain: str, kind: str, subject: str) -> list[Any]:
        lines = (json.loads(line) for _, line in self.journal.read(chain))
        return [each for each in lines if (each["kind"], each["subject"]) == (kind, subject)]

    def told(self, key: str) -> list[Any]:
        """Alerts with this key, of all that came so far."""
        self.alerts += self.cloud.drain("alerts")
        return [alert for alert in self.alerts if alert["key"] == key]

    def served(self, name: str) -> int:
        """How often a function was called so far, by what it counted.

        Calls at the same time share a line.
        """
        lines = self.functions.log(name).read_text().rpartition("\n")[0].splitlines()
        counted = (json.loads(line) for line in lines if '"message":"metrics"' in line)
        return sum(int(line["metrics"].get("invocations", 0)) for line in counted)

    def all_served(self, name: str, send: Callable[[], None], times: int) -> None:
        """`send` so often, and wait until the function was called for each of them."""
        before = self.served(name)
        for _ in range(times):
            send()
        self.until(f"{times} calls of {name}", lambda: self.served(name) >= before + times)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory, firestore_emulator, pubsub_emulator):
    folder = tmp_path_factory.mktemp("gcp")
    python = runtime("gcp", "functions-framework")
    build_package("gcp", folder / "gcp.zip")
    with zipfile.ZipFile(folder / "gcp.zip") as archive:
        archive.extractall(folder / "source")
    google, topics = Watched(), Topics(pubsub_emulator)
    with cloud_storage() as storage, serving(google) as server:
        cloud = Cloud(folder, topics, google, storage)
        environ = {
            **cloud.settings(),
            "VIGIL_RULEBOOK": "rulebook.json",
            "FIRESTORE_EMULATOR_HOST": firestore_emulator,
            "PUBSUB_EMULATOR_HOST": pubsub_emulator,
            "STORAGE_EMULATOR_HOST": storage.endpoint(),
            "VIGIL_ENDPOINT": server.endpoint("{service}"),
        }
        functions = Functions(folder / "source", python, environ)
        try:
            functions.start("detect", "respond", "sweep", "approve")
            for topic, name in (("ingest", "detect"), ("schedule", "sweep")):
                topics.make(topic, pushConfig={"pushEndpoint": functions.url(name)}, **PUSHED)
            topics.push(cloud.names["actions"], functions.url("respond"), **PUSHED)
            yield Deployment(cloud, functions, firestore_emulator)
        finally:
            functions.close()


@pytest.fixture(scope="module")
def first(deployment):
    """The first intrusion: nothing is enabled yet."""
    entry = deployment.cloud.entry(insertId="first")
    deployment.publish(entry)
    deployment.until("finding", lambda: deployment.finding(entry))
    return entry


def test_an_entry_becomes_a_finding_an_alert_and_a_decision_on_record(deployment, first):
    found = deployment.finding(first)["finding"]
    assert found["actor"]["uid"] == "mallory@example.com"
    assert len(deployment.lines("detect", "found", found["uid"])) == 1
    (alert,) = deployment.until("alert", lambda: deployment.told(found["uid"]))
    assert TITLE in alert["text"]
    (proposed,) = deployment.proposed(found["uid"])
    decided = deployment.until("decision", lambda: deployment.lines("respond", "decided", proposed))
    assert decided[0]["data"]["verdict"] == "refuse"
    assert not deployment.cloud.disabled()


def test_the_same_entry_again_changes_nothing(deployment, first):
    uid = deployment.finding(first)["finding"]["uid"]
    deployment.all_served("detect", lambda: deployment.publish(first), times=3)
    assert len(deployment.lines("detect", "found", uid)) == 1
    assert len(deployment.told(uid)) == 1


def test_where_the_verb_is_enabled_the_key_is_disabled_once(deployment, first):
    deployment.cloud.policy(ENABLED)
    deployment.functions.kill("respond")  # the policy is read anew by a new instance
    deployment.functions.start("respond")
    entry = deployment.cloud.entry(insertId="second")
    deployment.all_served("detect", lambda: deployment.publish(entry), times=3)
    deployment.until("disabled key", deployment.cloud.disabled)
    uid = deployment.until("finding", lambda: deployment.finding(entry))["finding"]["uid"]
    action, *others = deployment.until("change", lambda: deployment.changed(entry))
    assert all(len(deployment.lines("respond", "changed", each)) == 1 for each in (action, *others))
    deployment.until("alert", lambda: deployment.told(f"{action}-changed"))
    assert len(deployment.told(uid)) == 1
    assert len(deployment.told(f"{action}-changed")) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_function_that_dies_half_way_loses_nothing_and_repeats_nothing(deployment, first, moment):
    """It dies while the line `found` is written: before it is there, or just after."""
    cloud, functions = deployment.cloud, deployment.functions
    key = cloud.key = cloud.google.key(cloud.account, f"key-{moment}")
    entry = cloud.entry(insertId=f"dies-{moment}")
    killed: list[str] = []

    def kill(name: str) -> None:
        if "/detect/" in name and not killed:
            killed.append(name)
            functions.kill("detect")
            if moment == "before":
                raise Refused(503, "the line never arrived")

    setattr(cloud.storage, moment, kill)
    deployment.publish(entry)
    deployment.until("death", lambda: killed)
    functions.start("detect")
    leave(deployment, entry)
    uid = deployment.until("finding", lambda: deployment.finding(entry))["finding"]["uid"]
    action, *others = deployment.until("change", lambda: deployment.changed(entry))
    deployment.until("alert", lambda: deployment.told(f"{action}-changed"))
    assert cloud.google.things[key]["disabled"]
    assert len(deployment.told(uid)) == 1
    assert all(len(deployment.lines("respond", "changed", each)) == 1 for each in (action, *others))
    uids = deployment.findings(entry)
    found = [line for each in uids for line in deployment.lines("detect", "found", each)]
    more = 0 if moment == "before" else 1  # at least once: it died before the mark
    assert len(found) == len(uids) + more


def leave(deployment: Deployment, entry: Any) -> None:
    """Two minutes pass: the lease of the function that died runs out."""
    for uid, (value, version) in deployment.store.scan("finding"):
        if deployment.of(value) == entry["insertId"]:
            deployment.store.put("finding", uid, {**value, "lease": 0}, version=version)


def test_a_sweep_runs_on_its_schedule_and_finds_nothing_twice(deployment, first):
    before = len(list(deployment.store.scan("finding")))
    deployment.cloud.google.entries = [first]
    schedule = f"projects/{PROJECT}/topics/schedule"
    deployment.all_served("sweep", lambda: deployment.cloud.topics.publish(schedule, b"{}", {}), 1)
    assert len(list(deployment.store.scan("finding"))) == before
    (*_, swept) = deployment.lines("sweep", "swept", "posture")
    assert swept["data"]["resources"] > 0


def test_the_approval_page_answers_a_forged_link(deployment):
    url = deployment.functions.url("approve")
    answer = urllib3.request("GET", f"{url}?token=forged")
    assert answer.status == 403
    assert answer.headers["Content-Type"].startswith("text/html")


def test_every_chain_verifies_and_nothing_was_set_aside(deployment, first):
    for chain in ("detect", "respond", "sweep"):
        verdict = verify(deployment.journal, deployment.store, chain)
        assert verdict.ok, verdict
        assert verdict.records > 0
    assert deployment.cloud.drain("rejects") == []
