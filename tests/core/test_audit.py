"""The chain: what is written can be verified, and every forgery is found where it begins."""

from __future__ import annotations

import hashlib
import threading

import msgspec
import pytest
import rfc8785

from core.audit import Audit, records, verify
from core.errors import Conflict
from core.memory import FakeClock, MemoryJournal, MemoryStore


@pytest.fixture
def ports():
    clock = FakeClock()
    return MemoryJournal(), MemoryStore(clock), clock


def written(ports, lines: int = 6) -> None:
    journal, store, clock = ports
    audit = Audit(journal, store, "detect", clock)
    for number in range(lines):
        clock.advance(1)
        audit.write("found", f"f-{number}", title="ü <b>\u202e", count=number, big=2**63, part=0.5)


def test_an_untouched_chain_is_good(ports):
    written(ports)
    verdict = verify(ports[0], ports[1], "detect")
    assert (verdict.ok, verdict.records) == (True, 6)
    assert [record.subject for record in records(ports[0], "detect")][:2] == ["f-0", "f-1"]


def test_an_empty_chain_is_good(ports):
    assert verify(ports[0], ports[1], "detect").ok


@pytest.mark.parametrize("seq", range(1, 7))
def test_any_changed_byte_of_any_line_names_that_line(ports, seq):
    written(ports)
    line = ports[0].lines["detect"][seq]
    for place in range(len(line)):
        for byte in (line[place] ^ 1, line[place] ^ 0x20):
            changed = line[:place] + bytes([byte]) + line[place + 1 :]
            ports[0].lines["detect"][seq] = changed
            assert verify(ports[0], ports[1], "detect").broken == seq, (place, changed)
    ports[0].lines["detect"][seq] = line
    assert verify(ports[0], ports[1], "detect").ok


@pytest.mark.parametrize("extra", [b" ", b"\n", b"{}"])
def test_added_bytes_are_found(ports, extra):
    written(ports)
    ports[0].lines["detect"][3] += extra
    assert verify(ports[0], ports[1], "detect").broken == 3


@pytest.mark.parametrize("seq", range(1, 7))
def test_a_removed_line_is_found_the_last_one_too(ports, seq):
    written(ports)
    del ports[0].lines["detect"][seq]
    assert verify(ports[0], ports[1], "detect").broken == seq


def test_swapped_lines_are_found(ports):
    written(ports)
    lines = ports[0].lines["detect"]
    lines[2], lines[3] = lines[3], lines[2]
    assert verify(ports[0], ports[1], "detect").broken == 2


def test_a_chain_written_anew_is_found_by_its_anchor(ports):
    written(ports)
    _, store, clock = ports
    forged = MemoryJournal()
    audit = Audit(forged, MemoryStore(clock), "detect", clock)
    for number in range(6):
        audit.write("found", f"forged-{number}")
    assert verify(forged, None, "detect").ok
    assert verify(forged, store, "detect").broken == 6


def test_a_new_process_goes_on_behind_the_last_line(ports):
    written(ports, 2)
    written(ports, 2)
    assert verify(ports[0], ports[1], "detect").records == 4


def test_a_lost_anchor_is_no_obstacle(ports):
    written(ports, 2)
    journal, _, clock = ports
    Audit(journal, MemoryStore(clock), "detect", clock).write("found", "f")
    assert verify(journal, None, "detect").records == 3


def test_writers_at_the_same_time_share_one_chain(ports):
    journal, store, clock = ports
    done = []

    def write() -> None:
        audit = Audit(journal, store, "detect", clock)
        for number in range(5):
            try:
                done.append(audit.write("found", str(number)).seq)
            except Conflict:
                continue

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = verify(journal, store, "detect")
    assert verdict.ok
    assert sorted(done) == list(range(1, verdict.records + 1))
    assert verdict.records > 5


def test_data_that_json_can_not_hold_exactly_is_written_as_text(ports):
    journal, store, clock = ports
    audit = Audit(journal, store, "detect", clock)
    audit.write("found", "f", big=2**53, nan=float("nan"), lone="\ud800", nested=[{1: 2**60}])
    assert verify(journal, store, "detect").ok
    data = msgspec.json.decode(journal.lines["detect"][1])["data"]
    assert data == {
        "big": str(2**53),
        "nan": "nan",
        "lone": "?",
        "nested": [{"1": str(2**60)}],
    }


@pytest.mark.parametrize("line", [b"", b"null", b"[]", b"{", b'{"at":1}', b"[" * 9000, b"\xff"])
def test_a_line_that_is_no_record_is_broken_and_no_crash(ports, line):
    written(ports)
    ports[0].lines["detect"][4] = line
    assert verify(ports[0], ports[1], "detect").broken == 4


def test_a_line_is_the_canonical_form_of_its_record_and_its_hash_that_of_all_else() -> None:
    clock = FakeClock()
    journal, store = MemoryJournal(), MemoryStore(clock)
    written = Audit(journal, store, "x", clock).write(
        "found", "é\n", b=[1, {"ü": None}], a="\u2028"
    )
    ((_, line),) = journal.read("x")
    body = msgspec.to_builtins(written)
    assert line == rfc8785.dumps(body)
    body.pop("hash")
    assert written.hash == hashlib.sha256(rfc8785.dumps(body)).hexdigest()
