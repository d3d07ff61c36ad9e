"""One CloudTrail event through the detect path with memory ports, in microseconds.

    python -m bench.event [--rules DIR] [--count 20000]

Events as they come (bench/cloudtrail.py says how many match); of those, quiet ones that no rule
matches; then events that several rules match, each of which makes a new finding that is recorded,
told and stored as well; then the same ones delivered again.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import cloudtrail
from core.audit import Audit
from core.detect import Detector
from core.engine import Engine
from core.memory import FakeClock, MemoryJournal, MemoryMetrics, MemoryStore, Recorder
from core.sigma import compile_rules
from functions.aws.events import SOURCES

SHIPPED = Path(__file__).parents[1] / "core" / "rules" / "aws"


def main() -> None:
    """Measure and print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, default=SHIPPED)
    parser.add_argument("--count", type=int, default=20_000)
    options = parser.parse_args()
    source = SOURCES[0]
    detector = Detector(compile_rules([options.rules], SOURCES).book, SOURCES)
    engine = _engine(detector)
    mixed = list(cloudtrail.records(options.count, 2))
    many = list(cloudtrail.records(options.count, 1, hits=0.0))
    quiet = [one for one in many if not detector.match(source.name, one)]
    trail = {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}
    loud = [one | trail for one in itertools.islice(quiet, 2_000)]
    loud = [one for one in loud if detector.match(source.name, one)]
    for name, records in (
        ("events as they come", mixed),
        ("quiet events", quiet),
        ("events that make findings", loud),
        ("the same delivered again", loud),
    ):
        took, found = _timed(engine, source.name, records)
        each = took / len(records) * 1e6
        print(
            f"{name:28}{each:9.1f} microseconds each, {len(records)} events, {found} new findings"
        )


def _timed(engine: Engine, source: str, records: Iterable[Any]) -> tuple[float, int]:
    start, found = time.perf_counter(), 0
    for record in records:
        found += engine.observe(source, record)
    return time.perf_counter() - start, found


def _engine(detector: Detector) -> Engine:
    clock = FakeClock()
    store, metrics = MemoryStore(clock), MemoryMetrics()
    return Engine(
        match=detector.match,
        sources={one.name: one for one in detector.sources},
        store=store,
        audit=Audit(MemoryJournal(), store, "detect", clock),
        sinks={"memory": Recorder()},
        queue=Recorder(),
        clock=clock,
        metrics=metrics,
    )


if __name__ == "__main__":
    main()
