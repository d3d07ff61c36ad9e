"""What is the files' own in the local adapters: torn ends, other processes, hidden messages."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from core.errors import Conflict, Reject, Unavailable
from core.memory import FakeClock
from core.model import Action, Alert, Target
from functions.local.adapters import FileJournal, SqliteQueue, SqliteStore, console_sink

WRITER = """
import sys
from core.errors import Conflict
from functions.local.adapters import FileJournal
journal, won = FileJournal(sys.argv[1]), 0
for seq in range(1, 51):
    try:
        journal.append("detect", seq, sys.argv[2].encode())
        won += 1
    except Conflict:
        pass
print(won)
"""


def test_an_end_that_a_crash_tore_off_is_taken_away_by_the_next_append(tmp_path):
    journal = FileJournal(tmp_path)
    journal.append("detect", 1, b"one")
    path = tmp_path / "detect.journal"
    path.write_bytes(path.read_bytes() + b"2 tw")
    assert list(journal.read("detect")) == [(1, b"one")]
    journal.append("detect", 2, b"two")
    assert path.read_bytes() == b"1 one\n2 two\n"


def test_lines_that_another_process_wrote_are_seen(tmp_path):
    mine, other = FileJournal(tmp_path), FileJournal(tmp_path)
    mine.append("detect", 1, b"one")
    other.append("detect", 2, b"two")
    with pytest.raises(Conflict):
        mine.append("detect", 2, b"mine")
    assert list(mine.read("detect")) == [(1, b"one"), (2, b"two")]


def test_of_four_processes_each_number_is_won_by_one(tmp_path):
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), f"writer {number}"],
            stdout=subprocess.PIPE,
        )
        for number in range(4)
    ]
    won = [int(process.communicate()[0]) for process in running]
    assert sum(won) == 50
    assert [seq for seq, _ in FileJournal(tmp_path).read("detect")] == list(range(1, 51))


def test_a_journal_cut_short_by_hand_takes_the_missing_number_again(tmp_path):
    journal = FileJournal(tmp_path)
    for seq in (1, 2):
        journal.append("detect", seq, b"x")
    (tmp_path / "detect.journal").write_bytes(b"1 x\n")
    journal.append("detect", 2, b"y")
    assert list(journal.read("detect")) == [(1, b"x"), (2, b"y")]


def test_lines_that_carry_no_number_are_skipped(tmp_path):
    (tmp_path / "detect.journal").write_bytes(b"garbage\n1 one\nx two\n")
    assert list(FileJournal(tmp_path).read("detect")) == [(1, b"one")]


def test_a_folder_that_can_not_be_written_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        FileJournal(tmp_path / "file" / "journal").append("detect", 1, b"x")


def test_a_store_is_still_there_when_it_is_opened_again(tmp_path):
    clock = FakeClock()
    first = SqliteStore(tmp_path / "s.sqlite", clock)
    first.put("finding", "f1", {"n": 1}, version=0)
    first.close()
    second = SqliteStore(tmp_path / "s.sqlite", clock)
    assert second.get("finding", "f1").value == {"n": 1}
    second.close()


def test_two_connections_to_one_store_see_one_winner(tmp_path):
    clock = FakeClock()
    one, two = (SqliteStore(tmp_path / "s.sqlite", clock) for _ in range(2))
    one.put("finding", "f1", {"by": "one"}, version=0)
    with pytest.raises(Conflict):
        two.put("finding", "f1", {"by": "two"}, version=0)
    assert two.get("finding", "f1").value == {"by": "one"}
    one.close()
    two.close()


def test_a_file_that_is_no_database_is_rejected(tmp_path):
    (tmp_path / "s.sqlite").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(Reject, match="SQLite"):
        SqliteStore(tmp_path / "s.sqlite", FakeClock())


def action():
    return Action(
        uid="a1",
        verb="disable_access_key",
        target=Target(kind="access_key", uid="k", provider="aws"),
        finding="f1",
        rule="r1",
        title="t",
        level="high",
        event_time=1,
        requested_at=2,
    )


def test_an_action_is_hidden_while_it_is_worked_on_and_comes_back_if_it_is_not_deleted(tmp_path):
    clock = FakeClock()
    queue = SqliteQueue(tmp_path / "q.sqlite", clock)
    queue(action())
    assert queue.receive(hide_ms=1_000).attempt == 1
    assert queue.receive() is None
    clock.advance(1_000)
    again = queue.receive(hide_ms=1_000)
    assert (again.action, again.attempt) == (action(), 2)
    queue.delete(again.receipt)
    clock.advance(1_000)
    assert queue.receive() is None
    queue.close()


def test_a_terminal_without_unicode_shows_escapes():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    console_sink(stream)(
        Alert(key="k", kind="finding", level="high", title="Ω", text="naïve", facts={"🔥": "é"})
    )
    assert raw.getvalue() == b"[high] \\u03a9\n  na\\xefve\n  \\U0001f525: \\xe9\n"
