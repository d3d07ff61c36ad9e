"""Tasks that several processes share: in order, each done once, and no failure goes unseen."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.hunt import turns


def break_off(sender: Any, message: Any) -> None:
    """Say how long the message is, and end after its first byte."""
    os.write(sender._pipe.fileno(), b"\0\0\x10\0x")
    os.kill(os.getpid(), signal.SIGKILL)


ROOT = Path(__file__).parents[2]


def slow(number: int) -> str:
    time.sleep(0.001)
    return f"own {number}"


def start(kind: str) -> Callable[[int], Any]:
    """In a new process: what does its tasks."""

    def work(number: int) -> str:
        if kind == "fails":
            raise ValueError(f"task {number} is bad")
        if kind == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "dies while it sends":
            setattr(turns._Sender, "send", break_off)  # noqa: B010 - of this process alone
        if kind == "long":
            return "x" * 3_000_000
        if kind == "sleeps" and number:
            time.sleep(600)
        return f"sent {number}"

    return work


@pytest.fixture(params=["usual", "spawn"])
def method(request: pytest.FixtureRequest) -> Iterator[str]:
    """Processes start as they do beside other threads, and as they do here: other tests of this
    process may have left some.
    """
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    if request.param == "spawn":
        thread.start()
    yield turns.method()
    stop.set()
    if request.param == "spawn":
        thread.join()


def test_processes_are_forked_only_where_there_are_no_other_threads(method: str) -> None:
    forked = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    assert method == ("fork" if forked else "spawn")


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_each_task_is_done_once_and_in_order(jobs: int, method: str) -> None:
    count = 3_000 if jobs > 1 else 30  # enough that the others are there before all is done
    found = list(turns.in_order(count, jobs, slow, start, ("works",)))
    assert [number for number, _ in found] == list(range(count))
    assert all(result in (f"own {number}", f"sent {number}") for number, result in found)
    assert any(result.startswith("sent") for _, result in found) == (jobs > 1)
    assert not multiprocessing.active_children()


def test_there_may_be_no_tasks_at_all() -> None:
    assert list(turns.in_order(0, 3, slow, start, ("works",))) == []


def test_results_may_be_larger_than_what_lies_between_processes() -> None:
    with closing(turns.in_order(100_000, 3, slow, start, ("long",))) as found:
        sent = (result for _, result in found if not result.startswith("own"))
        assert [len(next(sent)) for _ in range(9)] == [3_000_000] * 9


def test_an_error_in_another_process_is_raised_here(method: str) -> None:
    with pytest.raises(ValueError, match=r"task \d+ is bad") as caught:
        list(turns.in_order(100_000, 2, slow, start, ("fails",)))
    assert "in work" in caught.value.__notes__[0]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("kind", ["dies", "dies while it sends"])
def test_a_process_that_is_killed_is_not_waited_for(kind: str) -> None:
    with pytest.raises(RuntimeError, match="a process ended before its work did"):
        list(turns.in_order(100_000, 3, slow, start, (kind,)))
    assert not multiprocessing.active_children()


def test_processes_end_when_nobody_wants_the_rest() -> None:
    with closing(turns.in_order(100_000, 3, slow, start, ("sleeps",))) as found:
        next(found)
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


def test_no_process_runs_far_ahead_of_what_is_wanted() -> None:
    took: Any = multiprocessing.get_context(turns.method()).Value("q", 0)
    with closing(turns.in_order(100_000, 2, slow, counting, (took,))) as found:
        next(found)
        while not took.value:
            time.sleep(0.001)
        time.sleep(0.1)
        assert took.value <= 2 * turns.AHEAD


def counting(took: Any) -> Callable[[int], Any]:
    def work(number: int) -> None:
        took.value += 1

    return work


ORPHAN = """
import sys, time
from core.hunt import turns
from tests.core.test_turns import start

turns.PATIENCE = 0.05
found = turns.in_order(100_000, 2, lambda number: "own", start, sys.argv[1:])
next(found)
print("begun", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("kind", ["works", "long"])
def test_no_process_outlives_one_that_is_killed(kind: str) -> None:
    command = [sys.executable, "-c", ORPHAN, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"begun\n"
        parent.kill()
        # The others have its standard output too: it ends when the last of them does.
        assert not parent.communicate(timeout=60)[0]
