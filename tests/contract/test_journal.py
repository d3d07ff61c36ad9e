"""What every Journal promises (core.ports.Journal), asked of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import Conflict, Reject


def test_lines_are_read_as_they_were_written_in_order(journal):
    lines = [b'{"n":1}', '{"n":"Ω 🔥"}'.encode(), b"\x00\xff not even text\r"]
    for seq, line in enumerate(lines, 1):
        journal.append("detect", seq, line)
    assert list(journal.read("detect")) == list(enumerate(lines, 1))


def test_reading_starts_where_it_is_told_to(journal):
    for seq in (1, 2, 3):
        journal.append("detect", seq, b"%d" % seq)
    assert list(journal.read("detect", 2)) == [(2, b"2"), (3, b"3")]
    assert list(journal.read("detect", 4)) == []


def test_a_number_that_is_taken_is_a_conflict_and_the_line_stays(journal):
    journal.append("detect", 1, b"first")
    with pytest.raises(Conflict):
        journal.append("detect", 1, b"second")
    assert list(journal.read("detect")) == [(1, b"first")]


def test_of_eight_writers_of_one_number_one_wins(journal):
    def write(number):
        try:
            journal.append("detect", 1, b"%d" % number)
        except Conflict:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        won = [number for number in pool.map(write, range(8)) if number is not None]
    assert list(journal.read("detect")) == [(1, b"%d" % number) for number in won]


def test_eight_writers_of_their_own_numbers_all_get_through(journal):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seq: journal.append("detect", seq, b"%d" % seq), range(1, 17)))
    assert list(journal.read("detect")) == [(seq, b"%d" % seq) for seq in range(1, 17)]


def test_order_is_by_number_and_gaps_stay_gaps(journal):
    for seq in (12, 2, 100):
        journal.append("detect", seq, b"%d" % seq)
    assert [seq for seq, _ in journal.read("detect")] == [2, 12, 100]


def test_chains_are_apart_even_where_names_begin_alike(journal):
    for chain in ("detect", "detect-2", "respond"):
        journal.append(chain, 1, chain.encode())
    assert sorted(journal.chains()) == ["detect", "detect-2", "respond"]
    assert list(journal.read("detect")) == [(1, b"detect")]


def test_a_chain_without_lines_is_empty(journal):
    assert list(journal.chains()) == []
    assert list(journal.read("detect")) == []


@pytest.mark.parametrize(
    ("chain", "seq", "line"),
    [
        ("../detect", 1, b"x"),
        ("", 1, b"x"),
        ("a/b", 1, b"x"),
        ("x" * 65, 1, b"x"),
        ("detect", 0, b"x"),
        ("detect", -1, b"x"),
        ("detect", 10**12, b"x"),
        ("detect", 1, b"two\nlines"),
    ],
)
def test_what_could_leave_its_place_is_rejected(journal, chain, seq, line):
    with pytest.raises(Reject):
        journal.append(chain, seq, line)
    assert list(journal.chains()) == []
