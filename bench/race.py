"""Several ways to do one thing, each in a process of its own, timed in turns.

A process of its own, so that none profits from what another left warm or spoils what it needs; in
turns, so that a slow minute of the machine slows them all. It knows nothing of what is measured.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Contender", "medians"]

Contender = tuple[Callable[..., Callable[[], Any]], tuple[Any, ...]]
"""A function (of some module, so that it can be sent) and its arguments; it gives the work."""


def medians(contenders: Mapping[str, Contender], repeat: int) -> dict[str, tuple[float, Any]]:
    """Name -> (median seconds of the work, what it returned). The first time is not counted."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name, contender in contenders.items():
        pipes[name], theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, contender), daemon=False)
        process.start()
        processes.append(process)
    took: dict[str, list[float]] = {name: [] for name in contenders}
    result: dict[str, Any] = {}
    try:
        for pipe in pipes.values():
            pipe.recv()
        for turn in range(repeat + 1):
            for name, pipe in pipes.items():
                pipe.send(True)
                seconds, result[name] = pipe.recv()
                if turn:
                    took[name].append(seconds)
        for pipe in pipes.values():
            pipe.send(False)
    except EOFError:  # one of them failed and said why; the others wait for their turn
        for process in processes:
            process.terminate()
        raise
    for process in processes:
        process.join()
    return {name: (statistics.median(took[name]), result[name]) for name in contenders}


def _serve(pipe: Any, contender: Contender) -> None:
    make, arguments = contender
    work = make(*arguments)
    pipe.send("ready")
    while pipe.recv():
        start = time.perf_counter()
        result = work()
        pipe.send((time.perf_counter() - start, result))
