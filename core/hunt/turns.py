"""Numbered tasks for several processes, of which this one is one; the results come in order.

Whoever is free takes the next number, so that the last tasks are shared as fairly as the first.
What another process sends is read between two tasks, without a thread, which would take Python's
lock from the work each time. It knows nothing of what the tasks are.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from queue import SimpleQueue
from typing import Any, NamedTuple, cast

__all__ = ["in_order", "method"]

AHEAD = 4
"""Tasks for each process that may be taken before the first result that is missing is there."""

AT_ONCE = 1 << 16
"""Bytes of a message for which there is nearly always room between two processes."""

PATIENCE = 5.0
"""Seconds after which a process that waits for its turn asks whether its parent still lives."""


def in_order(
    count: int,
    jobs: int,
    own: Callable[[int], Any],
    start: Callable[..., Callable[[int], Any]],
    given: tuple[Any, ...],
) -> Generator[tuple[int, Any]]:
    """(number, result) of the tasks 0 .. count - 1, in order.

    This process does tasks by `own`. Each of the `jobs - 1` others calls `start` with `given` once,
    which gives what does its tasks; where they can't be forked, both have to be picklable, and so
    has each result. An error in one of the others is raised here; one that ends without a word is a
    RuntimeError.
    """
    others = _Others(count, jobs)
    try:
        others.start(jobs - 1, start, given)
        yield from _results(count, own, others)
    finally:
        others.end()


def method() -> str:
    """How processes are started. Fork is the quickest, and safe only without other threads."""
    methods = multiprocessing.get_all_start_methods()
    return "fork" if "fork" in methods and threading.active_count() == 1 else "spawn"


def _results(count: int, own: Callable[[int], Any], others: _Others) -> Iterator[tuple[int, Any]]:
    there: dict[int, Any] = {}
    for number in range(count):
        while number not in there:
            # What the others have sent is taken first, so that none of them stands and waits.
            there.update(others.sent(block=False))
            if number in there:
                break
            if (mine := others.turns.take(block=False)) is not None:
                there[mine] = own(mine)
            else:
                there.update(others.sent(block=True))
        yield number, there.pop(number)
        others.turns.ahead.release()


class _Turns(NamedTuple):
    """Which task is the next, as all processes see it."""

    taken: Any
    """A shared number: of tasks that somebody took."""
    ahead: Any
    """A semaphore: of tasks that may be taken now."""
    end: int

    def take(self, *, block: bool) -> int | None:
        """The number of the next task; None where none is left, or none may be taken now."""
        while not self.ahead.acquire(block, PATIENCE if block else None):
            parent = multiprocessing.parent_process()
            if not block or parent is None or not parent.is_alive():
                return None
        with self.taken.get_lock():
            number: int = self.taken.value
            self.taken.value += 1
        return number if number < self.end else None


class _Others:
    """The other processes, and what they send."""

    def __init__(self, count: int, jobs: int) -> None:
        self._context: Any = multiprocessing.get_context(method())
        taken, ahead = self._context.Value("q", 0), self._context.Semaphore(jobs * AHEAD)
        self.turns = _Turns(taken, ahead, count)
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []

    def start(
        self, many: int, start: Callable[..., Callable[[int], Any]], given: tuple[Any, ...]
    ) -> None:
        """Start so many."""
        for _ in range(many):
            # A socket, because it holds more than a pipe before its writer has to wait.
            mine, theirs = self._context.Pipe(duplex=True)
            self._pipes.append(mine)
            arguments = (theirs, tuple(self._pipes), self.turns, start, given)
            process = self._context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)

    def sent(self, *, block: bool) -> Iterator[tuple[int, Any]]:
        """Results that were sent by now; with `block` at least one, if any is to come."""
        for ready in wait(self._pipes, None if block else 0):
            pipe = cast("Connection", ready)
            try:
                message = pipe.recv()
            except (EOFError, OSError):  # the latter within a message
                raise RuntimeError("a process ended before its work did") from None
            if message is None:
                self._pipes.remove(pipe)
            elif isinstance(message, BaseException):
                raise message
            else:
                yield message

    def end(self) -> None:
        """Let none live on, whether its work is done or not wanted any more."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()


def _serve(
    pipe: Connection,
    inherited: Sequence[Connection],
    turns: _Turns,
    start: Callable[..., Callable[[int], Any]],
    given: tuple[Any, ...],
) -> None:
    """In a new process: do tasks as long as there are any."""
    for other in inherited:  # while they are open here, nobody learns that their owner is gone
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends this process
    sender = _Sender(pipe)
    try:
        work = start(*given)
        while (number := turns.take(block=True)) is not None:
            sender.send((number, work(number)))
        sender.send(None)
    except BrokenPipeError:
        return  # nobody wants the rest
    except Exception as error:  # noqa: BLE001 - the parent raises it
        error.add_note(f"In a process of its own:\n{traceback.format_exc()}")
        sender.send(error)
    sender.end()


class _Sender:
    """Sends at once what fits between two processes. From the first on that doesn't a thread sends,
    as it may have to wait until the parent reads; where it isn't needed it would cost 3 %.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._thread = pipe, threading.Thread(target=self._send_all)
        self._waiting = SimpleQueue[Any]()  # no more than may be taken ahead

    def send(self, message: Any) -> None:
        """Send the message, or have it sent."""
        data = ForkingPickler.dumps(message)
        if self._thread.ident is None and len(data) <= AT_ONCE:
            self._pipe.send_bytes(data)
            return
        if self._thread.ident is None:
            self._thread.start()
        self._waiting.put(data)

    def end(self) -> None:
        """Wait until all is sent."""
        if self._thread.ident is not None:
            self._waiting.put(None)
            self._thread.join()

    def _send_all(self) -> None:
        while (data := self._waiting.get()) is not None:
            try:
                self._pipe.send_bytes(data)
            except BrokenPipeError:
                return  # nobody wants the rest
