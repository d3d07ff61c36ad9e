"""What every Store promises (core.ports.Store), asked of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Conflict, Reject
from core.ports import Entry

HOSTILE = [
    "arn:aws:iam::123456789012:user/team/ana",
    "a/b\\c?d#e%2F",
    "..",
    " leading and trailing ",
    "naïve – Ω 中文",
    "🔥" * 256,
    "'; DROP TABLE entries; --",
    "tab\tnewline\nnull\x00end",
    "x" * 1024,
]


def test_what_was_never_written_is_none(store):
    assert store.get("finding", "f1") is None


def test_a_value_comes_back_with_its_version(store):
    assert store.put("finding", "f1", {"state": "new"}, version=0) == 1
    assert store.get("finding", "f1") == Entry({"state": "new"}, 1)


def test_each_write_raises_the_version_by_one(store):
    store.put("finding", "f1", {"n": 1}, version=0)
    assert store.put("finding", "f1", {"n": 2}, version=1) == 2
    assert store.put("finding", "f1", {"n": 3}, version=2) == 3
    assert store.get("finding", "f1") == Entry({"n": 3}, 3)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_write_on_another_version_is_a_conflict_and_changes_nothing(store, version):
    store.put("finding", "f1", {"n": 1}, version=0)
    store.put("finding", "f1", {"n": 2}, version=1)
    with pytest.raises(Conflict):
        store.put("finding", "f1", {"n": 9}, version=version)
    assert store.get("finding", "f1") == Entry({"n": 2}, 2)


def test_a_write_on_the_version_of_what_is_not_there_is_a_conflict(store):
    with pytest.raises(Conflict):
        store.put("finding", "f1", {"n": 1}, version=1)
    assert store.get("finding", "f1") is None


def test_of_eight_first_writers_one_wins(store):
    def write(number):
        try:
            return store.put("finding", "f1", {"by": number}, version=0)
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, version in enumerate(pool.map(write, range(8))) if version]
    assert [store.get("finding", "f1")] == [Entry({"by": number}, 1) for number in won]


def test_of_eight_writers_on_one_version_one_wins(store):
    store.put("finding", "f1", {}, version=0)

    def write(number):
        try:
            return store.put("finding", "f1", {"by": number}, version=1)
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, version in enumerate(pool.map(write, range(8))) if version]
    assert [store.get("finding", "f1")] == [Entry({"by": number}, 2) for number in won]


def test_a_value_lives_until_it_expires_and_not_a_millisecond_less(store, clock):
    store.put("token", "t1", {}, version=0, expires=clock.now + 1_500)
    clock.advance(1_499)
    assert store.get("token", "t1") == Entry({}, 1)
    assert [id for id, _ in store.scan("token")] == ["t1"]


def test_an_expired_value_is_absent(store, clock):
    store.put("token", "t1", {}, version=0, expires=clock.now + 1_500)
    clock.advance(3_000)
    assert store.get("token", "t1") is None
    assert list(store.scan("token")) == []


def test_an_expired_value_can_be_written_anew(store, clock):
    store.put("token", "t1", {"n": 1}, version=0, expires=clock.now + 1_000)
    clock.advance(3_000)
    assert store.put("token", "t1", {"n": 2}, version=0) == 1
    clock.advance(1_000_000)
    assert store.get("token", "t1") == Entry({"n": 2}, 1)


def test_a_write_on_the_version_of_an_expired_value_is_a_conflict(store, clock):
    store.put("token", "t1", {}, version=0, expires=clock.now + 1_000)
    clock.advance(3_000)
    with pytest.raises(Conflict):
        store.put("token", "t1", {}, version=1)


def test_a_write_without_expiry_takes_the_expiry_away(store, clock):
    store.put("token", "t1", {}, version=0, expires=clock.now + 1_000)
    store.put("token", "t1", {}, version=1)
    clock.advance(3_000)
    assert store.get("token", "t1") == Entry({}, 2)


def test_a_scan_gives_one_kind_in_order_of_the_bytes_of_its_ids(store):
    ids = ["b", "a", "B", "a/b", "a b", "é", "😀", "\uffee", "10", "9"]
    for id in ids:
        store.put("finding", id, {"id": id}, version=0)
    store.put("findings", "other", {}, version=0)
    store.put("action", "a", {}, version=0)
    in_order = sorted(ids, key=str.encode)
    assert list(store.scan("finding")) == [(id, Entry({"id": id}, 1)) for id in in_order]


def test_a_scan_goes_through_all_its_pages(store):
    text = "x" * 200_000
    for number in range(8):
        store.put("event", f"{number:02}", {"text": text}, version=0)
    assert [id for id, _ in store.scan("event")] == [f"{number:02}" for number in range(8)]


def test_a_value_may_be_changed_while_scanning(store):
    for id in ("a", "b", "c"):
        store.put("finding", id, {}, version=0)
    for id, entry in store.scan("finding"):
        store.put("finding", id, {"seen": True}, version=entry.version)
    assert [entry for _, entry in store.scan("finding")] == [Entry({"seen": True}, 2)] * 3


@pytest.mark.parametrize("id", HOSTILE)
def test_an_id_may_hold_any_text_of_up_to_1024_bytes(store, id):
    store.put("finding", id, {"is": id}, version=0)
    assert store.get("finding", id) == Entry({"is": id}, 1)
    assert [found for found, _ in store.scan("finding")] == [id]


@pytest.mark.parametrize("id", ["", "x" * 1025, "é" * 513, "\ud800"])
def test_another_id_is_rejected(store, id):
    with pytest.raises(Reject):
        store.put("finding", id, {}, version=0)
    with pytest.raises(Reject):
        store.get("finding", id)


def test_ids_are_told_apart_by_case_accent_and_kind(store):
    pairs = [("finding", "a"), ("finding", "A"), ("finding", "á"), ("action", "a")]
    for number, (kind, id) in enumerate(pairs):
        store.put(kind, id, {"n": number}, version=0)
    assert [store.get(kind, id).value["n"] for kind, id in pairs] == [0, 1, 2, 3]


def test_what_is_read_is_a_copy(store):
    value = {"list": [1]}
    store.put("finding", "f1", value, version=0)
    value["list"].append(2)
    store.get("finding", "f1").value["list"].append(3)
    assert store.get("finding", "f1").value == {"list": [1]}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=st.dictionaries(st.text(st.characters(codec="utf-8")), json_values))
def test_whatever_json_can_hold_comes_back_as_it_was(store, value):
    entry = store.get("any", "it")
    store.put("any", "it", value, version=entry.version if entry else 0)
    assert store.get("any", "it").value == value
