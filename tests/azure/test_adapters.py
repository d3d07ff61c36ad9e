"""What is Azure's own in the adapters: keys, sizes, expiry, packing, secrets, Sentinel."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadConfig, BadRecord, Conflict, Reject, Unavailable
from core.memory import FakeClock
from core.model import Action, Alert, Event, Finding, Rejected, Rule, Target, from_json, to_json
from functions.azure import adapters
from functions.azure.adapters.tables import CUT, KEY_CHARS, row_key
from functions.azure.rest import Rest
from tests.azure.azurite import operator, trusted
from tests.azure.scripted import StaticCredential, scripted

names = map("adapters{}".format, itertools.count())


@pytest.fixture(scope="module")
def azure(azurite):
    with trusted(azurite):
        yield operator(azurite)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(azure, clock):
    return adapters.TableStore(azure.tables, azure.table(next(names)), clock)


@pytest.fixture
def rest():
    return Rest(StaticCredential(), pause=lambda _: None)


def noise(count):
    """Hex digits that nothing can pack into less than half."""
    return "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(count // 64))


ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=1024).filter(
    lambda text: len(text.encode()) <= 1024
)


@given(one=ids, other=ids)
def test_keys_are_allowed_apart_and_in_the_order_of_the_ids_bytes(one, other):
    keys = row_key(one), row_key(other)
    for key in keys:
        assert 0 < len(key) <= KEY_CHARS
        assert not set(key) & set("/\\#?'%")
        assert all(" " < character < "\x7f" for character in key)
    assert (keys[0] == keys[1]) == (one == other)
    if keys[0][:CUT] != keys[1][:CUT]:
        assert (keys[0] < keys[1]) == (one.encode() < other.encode())


def test_an_id_of_the_usual_kinds_is_its_own_key():
    assert row_key("0a1b2c-3D") == "0a1b2c-3D"


def test_long_ids_that_begin_alike_are_scanned_in_order(store):
    begin = "x" * CUT
    ids = [begin + end for end in ("", "y", "z" * 40, *(c * 500 for c in "fedcba"), "é", "/")]
    for number, id in enumerate(ids):
        store.put("finding", id, {"n": number}, version=0)
    assert [id for id, _ in store.scan("finding")] == sorted(ids, key=str.encode)
    assert [store.get("finding", id).value["n"] for id in ids] == list(range(len(ids)))


@pytest.mark.parametrize("character", ["x", "é", "🔥", "\uffff", '"'])
def test_a_value_of_as_much_text_as_a_finding_may_hold_comes_back(store, character):
    value = {"text": character * (200_000 // len(json.dumps(character).encode()))}
    store.put("finding", "f", value, version=0)
    assert store.get("finding", "f").value == value


def test_a_value_over_a_mebibyte_is_rejected_and_says_how_large_it_was(store):
    with pytest.raises(Reject, match=r"takes \d{7} bytes"):
        store.put("finding", "f", {"text": "x" * 530_000}, version=0)
    assert store.get("finding", "f") is None


def test_what_expired_is_cleared_away_and_nothing_else(store, clock):
    for id, expires in (("old", 1_000), ("young", 9_000), ("lasting", None)):
        until = None if expires is None else clock.now + expires
        store.put("token", id, {}, version=0, expires=until)
    clock.advance(5_000)
    assert store.expunge() == 1
    assert store.expunge() == 0
    assert [id for id, _ in store.scan("token")] == ["lasting", "young"]
    with pytest.raises(Conflict):
        store.put("token", "old", {}, version=1)


def test_what_is_written_anew_while_it_is_cleared_away_stays(store, clock, monkeypatch):
    store.put("token", "t", {"n": 1}, version=0, expires=clock.now + 1)
    clock.advance(1_000)
    query = store._query

    def interrupted(*args, **more):
        for entity in query(*args, **more):
            monkeypatch.setattr(store, "_query", query)
            store.put("token", "t", {"n": 2}, version=0)
            yield entity

    monkeypatch.setattr(store, "_query", interrupted)
    assert store.expunge() == 0
    assert store.get("token", "t").value == {"n": 2}


def test_two_that_clear_away_at_once_do_not_trip_over_each_other(store, clock, monkeypatch):
    store.put("token", "t", {}, version=0, expires=clock.now + 1)
    clock.advance(1_000)
    query = store._query

    def overtaken(*args):
        for entity in query(*args):
            monkeypatch.setattr(store, "_query", query)
            assert store.expunge() == 1
            yield entity

    monkeypatch.setattr(store, "_query", overtaken)
    assert store.expunge() == 0


@pytest.mark.parametrize("what", ["table", "container", "queue"])
def test_what_is_not_there_yet_lets_input_wait(azure, clock, what):
    calls = {
        "table": lambda: adapters.TableStore(azure.tables, "nosuch", clock).get("a", "b"),
        "container": lambda: adapters.BlobJournal(azure.blobs, "nosuch").append("c", 1, b"x"),
        "queue": lambda: adapters.rejects(azure.queues, "nosuch")(Rejected(reason="r", place="p")),
    }
    with pytest.raises(Unavailable):
        calls[what]()


def action(**args):
    return Action(
        uid="a1",
        verb="close_ingress",
        target=Target(kind="ingress", uid="t", provider="azure", args=args),
        finding="f",
        rule="r",
        title="t",
        level="high",
        event_time=1,
        requested_at=2,
    )


def test_an_action_that_no_message_can_hold_is_rejected_and_says_so(azure):
    put = adapters.queue(azure.queues, azure.queue(next(names)))
    with pytest.raises(Reject, match=r"action a1 takes \d+ bytes"):
        put(action(policy=noise(200_000)))


def test_what_is_set_aside_is_never_too_large(azure):
    name = azure.queue(next(names))
    adapters.rejects(azure.queues, name)(
        Rejected(reason=noise(200_000), place=noise(200_000), excerpt="cut")
    )
    (body,) = azure.bodies(name)
    assert from_json(body, Rejected).excerpt == "cut"


def test_a_record_to_be_tried_again_stays_hidden_for_a_while(azure):
    name = azure.queue(next(names))
    adapters.later(azure.queues, name)({"a": "record"})
    assert azure.bodies(name) == []
    assert azure.count(name) == 1


def test_nothing_on_a_queue_goes_by_itself(azure):
    name = azure.queue(next(names))
    adapters.rejects(azure.queues, name)(Rejected(reason="r", place="p"))
    peeked = azure.queues.call(
        "GET",
        f"/{name}/messages",
        query={"peekonly": "true"},
        headers={"x-ms-version": "2021-12-02", "Accept": "*/*"},
    )
    assert b"9999 23:59:59 GMT</ExpirationTime>" in peeked.content


def page(marker, *numbers):
    names = "".join(f"<Blob><Name>detect/{n:012}.json</Name></Blob>" for n in numbers)
    return f"<R><Blobs>{names}</Blobs><NextMarker>{marker}</NextMarker></R>".encode()


def test_a_chain_is_read_over_all_pages_of_its_list(rest):
    with scripted() as blobs:
        blobs.then(200, page("more", 1, 2)).then(200, b"two").then(200, page("", 3))
        blobs.then(200, b"three")
        journal = adapters.BlobJournal(adapters.storage(rest, blobs.endpoint), "journal")
        assert list(journal.read("detect", 2)) == [(2, b"two"), (3, b"three")]
        lists = [each.target for each in blobs.asked if "comp=list" in each.target]
    assert [("marker=more" in each) for each in lists] == [False, True]


def test_a_list_that_can_not_be_read_is_an_error_of_ours(rest):
    with scripted() as blobs:
        blobs.then(200, b"<cut")
        with pytest.raises(Reject, match="not XML"):
            list(adapters.BlobJournal(adapters.storage(rest, blobs.endpoint), "j").chains())


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b", gzip.compress(b"x" * 100, mtime=0)[:-3], b"\x1f\x8b\x08zz"]
)
def test_a_damaged_message_is_refused(data):
    with pytest.raises(BadRecord):
        adapters.opened(data)


def test_a_message_that_unpacks_into_far_too_much_is_refused():
    with pytest.raises(BadRecord, match="when unpacked"):
        adapters.opened(gzip.compress(bytes(20 * 1024 * 1024)))


def test_a_secret_is_read_once_in_five_minutes_and_a_policy_in_thirty_seconds(rest, clock):
    with scripted() as vault:
        for value in ("one", "two", "three"):
            vault.then(200, to_json({"value": value}))
        held = adapters.Vault(rest, vault.endpoint, clock)
        policy = held.policy("policy")
        assert [policy(), policy()] == ["one", "one"]
        clock.advance(30_000)
        assert policy() == "two"
        secret = held.secret("key")
        assert secret() == "three"
        clock.advance(299_999)
        assert secret() == "three"
        assert [each.target for each in vault.asked] == [
            "/secrets/policy?api-version=7.4",
            "/secrets/policy?api-version=7.4",
            "/secrets/key?api-version=7.4",
        ]


def test_a_policy_that_can_not_be_read_again_is_not_used_on(rest, clock):
    with scripted() as vault:
        vault.then(200, b'{"value": "one"}').then(403, b"{}")
        policy = adapters.Vault(rest, vault.endpoint, clock).policy("policy")
        policy()
        clock.advance(30_000)
        with pytest.raises(Unavailable):
            policy()


@pytest.mark.parametrize("body", [b'{"value": ""}', b"{}", b"[]", b'{"value": 3}'])
def test_a_secret_without_text_is_bad_config(rest, clock, body):
    with scripted() as vault:
        vault.then(200, body)
        with pytest.raises(BadConfig, match="key"):
            adapters.Vault(rest, vault.endpoint, clock).secret("key")()


@pytest.mark.parametrize("size", [10, 1_500_000])
def test_an_alert_is_one_row_for_sentinel_whatever_its_size(rest, size):
    event = Event(
        uid="e",
        time=1,
        source="azure/x",
        provider="azure",
        record={"a": ["y" * 1_900] * (size // 1_900)},
    )
    rule = Rule(id="r", title="Rule")
    finding = Finding(
        uid="f", rule=rule, level="high", title="t", time=1, last_seen=1, found_at=1,
        provider="azure", evidence=(event,),
    )  # fmt: skip
    alert = Alert(
        key="f", kind="finding", level="high", title="t", text="z" * size, at=1_700_000_000_000,
        finding=finding,
    )  # fmt: skip
    with scripted() as monitor:
        monitor.then(204)
        adapters.sentinel_sink(rest, monitor.endpoint, "dcr-1", "Custom-V")(alert)
        (asked,) = monitor.asked
    assert asked.target == "/dataCollectionRules/dcr-1/streams/Custom-V?api-version=2023-01-01"
    assert len(asked.body) < 1_000_000
    (row,) = json.loads(asked.body)
    assert (row["Key"], row["TimeGenerated"]) == ("f", "2023-11-14T22:13:20+00:00")
    assert row["Text"].startswith("[high] t")


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://x.westeurope-1.ingest.monitor.azure.com", "https://monitor.azure.com/.default"),
        ("https://x.usgovvirginia-1.ingest.monitor.azure.us", "https://monitor.azure.us/.default"),
    ],
)
def test_sentinel_and_the_vault_are_asked_with_the_scope_of_their_cloud(endpoint, scope):
    asked = []

    class Refusing:
        def call(self, service, *args, **more):
            asked.append(service)
            raise Unavailable("no network here")

    alert = Alert(key="k", kind="finding", level="high", title="t", text="t")
    with pytest.raises(Unavailable):
        adapters.sentinel_sink(Refusing(), endpoint, "r", "s")(alert)
    vault = adapters.Vault(Refusing(), "https://v.vault.usgovcloudapi.net/", FakeClock())
    with pytest.raises(Unavailable):
        vault.secret("s")()
    assert [each.scope for each in asked] == [scope, "https://vault.usgovcloudapi.net/.default"]
