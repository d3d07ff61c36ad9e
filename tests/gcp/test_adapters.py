"""What the contract does not ask of the adapters: calls, refusals, sizes, and what others see."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from core.errors import Conflict, Reject, Unavailable
from core.finding import of_hit
from core.memory import FakeClock
from core.model import Actor, Alert, Event, Hit, Rejected, Resource, Rule
from functions.gcp.adapters import (
    FirestoreStore,
    StorageJournal,
    alerts,
    findings,
    publishing,
    queue,
    rejects,
    secret,
)
from functions.gcp.adapters.firestore import DOCUMENT_BYTES
from functions.gcp.rest import Answer, Rest
from tests.gcp.deployment import cloud_storage
from tests.gcp.fake.server import serving
from tests.gcp.fake.watched import Watched
from tests.gcp.pubsub import PROJECT, Topics, told

numbers = itertools.count(1)
SECRET = f"projects/{PROJECT}/secrets/s"


@pytest.fixture
def clock():
    return FakeClock()


# Firestore


class Counted:
    """A Call that counts what goes through it."""

    def __init__(self, address):
        self.rest = Rest(None, endpoint=lambda service: f"http://{address}", sleep=lambda s: None)
        self.calls = []

    def __call__(self, request):
        self.calls.append(request.path.rpartition(":")[2])
        return self.rest(request)


@pytest.fixture
def counted(firestore_emulator):
    return Counted(firestore_emulator)


@pytest.fixture
def project():
    return f"adapters-{next(numbers)}"


@pytest.fixture
def store(counted, project, clock):
    return FirestoreStore(counted, project, "state", clock)


def test_a_first_write_and_the_next_ones_are_one_call_each(store, counted):
    version = 0
    for number in range(4):
        version = store.put("finding", "f", {"n": number}, version=version)
    assert counted.calls == ["commit"] * 4


def test_a_read_serves_the_write_that_follows_it(store, counted, project, clock):
    store.put("finding", "f", {}, version=0)
    other = FirestoreStore(counted, project, "state", clock)
    counted.calls.clear()
    other.put("finding", "f", {"n": 2}, version=other.get("finding", "f").version)
    assert counted.calls == ["batchGet", "commit"]


def test_who_wrote_first_wins_though_the_other_remembers_an_older_state(
    store, counted, project, clock
):
    other = FirestoreStore(counted, project, "state", clock)
    store.put("finding", "f", {}, version=0)
    assert other.get("finding", "f").version == 1
    store.put("finding", "f", {"by": "store"}, version=1)
    with pytest.raises(Conflict):
        other.put("finding", "f", {"by": "other"}, version=1)
    assert other.get("finding", "f").value == {"by": "store"}
    assert other.put("finding", "f", {"by": "other"}, version=2) == 3


def test_what_is_remembered_is_bounded(store, monkeypatch):
    monkeypatch.setattr("functions.gcp.adapters.firestore.REMEMBERED", 3)
    for number in range(10):
        store.put("finding", f"f{number}", {}, version=0)
        assert len(store._seen) <= 3
    assert store.put("finding", "f0", {}, version=1) == 2


def test_a_value_over_what_a_document_holds_is_rejected_before_any_call(store, counted):
    with pytest.raises(Reject, match="1048576"):
        store.put("finding", "f", {"text": "x" * DOCUMENT_BYTES}, version=0)
    assert counted.calls == []


def test_the_largest_value_that_is_taken_is_one_that_firestore_takes(store):
    text = "x" * (DOCUMENT_BYTES - 9 * 1024)
    store.put("finding", "é" * 512, {"text": text}, version=0)
    assert store.get("finding", "é" * 512).value == {"text": text}


def scripted(status, reason, message="no"):
    body = json.dumps({"error": {"code": status, "status": reason, "message": message}}).encode()

    def call(request):
        answer = Answer(status, {}, body)
        if status in request.passes:
            return answer
        from functions.gcp.rest import _checked

        return _checked(answer, request, "scripted")

    return call


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "INVALID_ARGUMENT", Reject),
        (400, "FAILED_PRECONDITION", Conflict),
        (403, "PERMISSION_DENIED", Unavailable),
        (404, "NOT_FOUND", Conflict),
        (409, "ABORTED", Conflict),
        (429, "RESOURCE_EXHAUSTED", Unavailable),
        (503, "UNAVAILABLE", Unavailable),
    ],
)
def test_a_refused_write_says_who_must_act(clock, status, reason, kind):
    store = FirestoreStore(scripted(status, reason, "\x1b[2J"), "p", "d", clock)
    from functions.gcp.adapters.firestore import _Seen

    store._seen["finding", "f"] = _Seen(1, "2026-01-01T00:00:00Z", None)
    with pytest.raises(kind) as caught:
        store.put("finding", "f", {}, version=1)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("status", "reason"), [(404, "NOT_FOUND"), (403, "PERMISSION_DENIED")])
def test_a_database_that_is_missing_or_closed_is_no_empty_one(clock, status, reason):
    store = FirestoreStore(scripted(status, reason), "p", "d", clock)
    with pytest.raises(Unavailable):
        store.get("finding", "f")
    with pytest.raises(Unavailable):
        list(store.scan("finding"))


# Cloud Storage


@pytest.fixture
def storage():
    with cloud_storage() as server:
        server.buckets["journal"] = {}
        yield server


@pytest.fixture
def journal(storage):
    return StorageJournal(Rest(None, endpoint=storage.endpoint, sleep=lambda s: None), "journal")


def test_a_line_lies_under_its_chain_and_number(storage, journal):
    journal.append("detect", 7, b"{}")
    assert storage.buckets["journal"] == {"journal/detect/000000000007.json": b"{}"}


def test_objects_of_other_names_are_no_lines(storage, journal):
    journal.append("detect", 1, b"{}")
    for name in ("notes.txt", "0000000000x1.json", "00000000001.json"):
        storage.buckets["journal"][f"journal/detect/{name}"] = b"x"
    assert list(journal.read("detect")) == [(1, b"{}")]


def test_a_line_that_was_changed_on_the_way_is_not_stored(storage, journal, monkeypatch):
    def damaged(name, line, whole=StorageJournal.append.__globals__["_multipart"]):
        content_type, body = whole(name, line)
        return content_type, body.replace(b'{"a":1}', b'{"a":2}')

    monkeypatch.setitem(StorageJournal.append.__globals__, "_multipart", damaged)
    with pytest.raises(Reject):
        journal.append("detect", 1, b'{"a":1}')
    assert storage.buckets["journal"] == {}


def test_a_bucket_that_is_closed_or_missing_lets_input_wait(storage, journal):
    storage.denied = True
    with pytest.raises(Unavailable):
        journal.append("detect", 1, b"{}")
    storage.denied = False
    del storage.buckets["journal"]
    for asked in (lambda: journal.append("detect", 1, b"{}"), lambda: list(journal.read("detect"))):
        with pytest.raises(Unavailable):
            asked()


# Pub/Sub


@pytest.fixture(scope="module")
def topics(pubsub_emulator):
    return Topics(pubsub_emulator)


def alert(**fields):
    return Alert(key="k1", kind="finding", level="high", title="t", text="x", **fields)


def test_an_alert_carries_what_subscriptions_filter_by(topics):
    topic = topics.make("adapters-alerts")
    alerts(topics.publish, topic)(alert())
    (sent,) = topics.drain(topic)
    assert sent.attributes == {"key": "k1", "kind": "finding", "level": "high"}


def test_an_alert_names_its_finding_and_leaves_the_event_at_home(topics):
    topic = topics.make("adapters-private")
    alerts(topics.publish, topic)(alert(finding=finding(record={"secret": "hunter2"})))
    (sent,) = topics.drain(topic)
    assert json.loads(sent.data)["finding"] == finding().uid
    assert b"hunter2" not in sent.data


def test_a_topic_that_is_missing_lets_input_wait(topics):
    put = rejects(topics.publish, f"projects/{PROJECT}/topics/no-such-topic")
    with pytest.raises(Unavailable, match="no-such-topic"):
        put(Rejected(reason="x", place="y"))


def test_a_message_that_is_too_large_is_rejected(topics):
    topic = topics.make("adapters-large")
    put = rejects(topics.publish, topic)
    with pytest.raises(Reject):
        put(Rejected(reason="x", place="y", excerpt="x" * 11_000_000))


def test_a_service_that_is_not_there_lets_input_wait(monkeypatch):
    monkeypatch.setattr("functions.gcp.adapters.pubsub.WAIT_S", 0.5)
    publish = told("127.0.0.1:1")
    with pytest.raises(Unavailable):
        publish(f"projects/{PROJECT}/topics/t", b"{}", {})


def test_grpc_is_imported_by_the_first_message_and_not_before():
    code = (
        "import sys; import functions.gcp.handler, functions.gcp.adapters as a;"
        "put = a.queue(a.publishing(), 'projects/p/topics/t');"
        "print('grpc' in sys.modules, 'google.auth' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    assert queue(publishing(), "projects/p/topics/t")


# Security Command Center


def finding(source="gcp/gcp.audit", **fields):
    event = Event(
        uid="e-1",
        time=1_772_360_430_123,
        source=source,
        provider="gcp",
        account="example-project",
        actor=Actor(uid="mallory@example.com"),
        ip="192.0.2.7",
        resources=(Resource(uid="//iam.googleapis.com/projects/example-project/x"),),
        **fields,
    )
    rule = Rule(id="r-1", title="A key \x1b[2J was made", level="high")
    return of_hit(Hit(rule=rule, event=event), 1)


@pytest.fixture
def google():
    return Watched()


@pytest.fixture
def call(google):
    with serving(google) as server:
        yield Rest(None, endpoint=server.endpoint, sleep=lambda s: None)


def test_a_finding_is_one_of_security_command_center_however_often_it_is_told(google, call):
    send = findings(call, "organizations/1/sources/2")
    for _ in range(2):
        send(alert(finding=finding()))
    (name,) = google.things
    assert name == f"organizations/1/sources/2/findings/{finding().uid}"
    kept = google.things[name]
    assert (kept["state"], kept["severity"], kept["findingClass"]) == ("ACTIVE", "HIGH", "THREAT")
    assert kept["resourceName"] == "//iam.googleapis.com/projects/example-project/x"
    assert kept["category"] == "A key \\x1b[2J was made"
    assert datetime.fromisoformat(kept["eventTime"]) == datetime(
        2026, 3, 1, 10, 20, 30, 123000, UTC
    )
    assert kept["sourceProperties"]["actor"] == "mallory@example.com"


def test_a_resource_of_a_sweep_is_a_misconfiguration(google, call):
    findings(call, "organizations/1/sources/2")(alert(finding=finding(source="posture")))
    assert next(iter(google.things.values()))["findingClass"] == "MISCONFIGURATION"


def test_what_is_no_finding_stays_away_from_security_command_center(google, call):
    findings(call, "organizations/1/sources/2")(alert())
    assert google.calls == []


def test_a_source_that_is_closed_is_owed_the_finding(google, call):
    google.refuse = {"securitycenter.organizations.sources.findings.patch"}
    with pytest.raises(Unavailable):
        findings(call, "organizations/1/sources/2")(alert(finding=finding()))


# Secrets


def test_a_secret_is_read_again_once_it_is_old(google, call, clock):
    google.secrets[SECRET] = "first"
    read = secret(call, SECRET, clock, ttl=1_000)
    assert read() == b"first"
    google.secrets[SECRET] = "second"
    clock.advance(999)
    assert read() == b"first"
    clock.advance(1)
    assert read() == b"second"


def test_a_secret_that_can_not_be_read_again_is_not_used_on(google, call, clock):
    google.secrets[SECRET] = "first"
    read = secret(call, SECRET, clock, ttl=1_000)
    read()
    clock.advance(1_000)
    google.refuse = {"secretmanager.projects.secrets.versions.access"}
    with pytest.raises(Unavailable):
        read()


@pytest.mark.parametrize("value", [None, ""])
def test_a_secret_that_is_missing_or_empty_lets_input_wait(google, call, clock, value):
    if value is not None:
        google.secrets[SECRET] = value
    with pytest.raises(Unavailable, match="secrets/s"):
        secret(call, SECRET, clock, ttl=1_000)()


def test_a_secret_without_an_enabled_version_lets_input_wait(clock):
    disabled = scripted(400, "FAILED_PRECONDITION", "it is DISABLED")
    with pytest.raises(Unavailable, match="DISABLED"):
        secret(disabled, SECRET, clock, ttl=1_000)()
