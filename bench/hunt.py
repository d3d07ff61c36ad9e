"""How fast a hunt is, as a ratio to the floor measured in the same run.

    python -m bench.hunt --rules DIR [--files 8] [--repeat 5]

The floor is gunzip (standard library) + orjson.loads of every file, in one process. Start-up and
compiling are left out. Data is made by bench/cloudtrail.py; rules are the user's own, and copies
of them moved to other operations make up the larger rulebooks.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from bench import cloudtrail, rules
from core.detect import Detector
from core.hunt import Tally, hunt
from core.sigma import compile_rules
from functions.aws.events import SOURCES


def main() -> None:
    """Measure and print one line per figure."""
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.data or Path(scratch)
        paths = cloudtrail.write(folder, options.files)
        base = compile_rules([options.rules], SOURCES).book
        detectors: dict[str, Callable[[], Detector]] = {
            f"hunt, {len(base.entries)} rules": lambda: Detector(base, SOURCES),
            "hunt, raw": lambda: Detector(base, (), raw=True),
            "hunt, 3000 rules": lambda: Detector(rules.many(base, 3_000, 0.0), SOURCES),
            "hunt, 3000 rules, a tenth on hot names": lambda: Detector(
                rules.many(base, 3_000, 0.1), SOURCES
            ),
        }
        floor = _median(options.repeat, lambda: _floor(paths))
        print(f"{'floor: gunzip + orjson.loads':44}{floor:8.3f} s   1.00")
        for name, make in detectors.items():
            detector = make()
            took = _median(options.repeat, lambda: _hunt(paths, detector))
            print(f"{name:44}{took:8.3f} s   {took / floor:.2f}   {floor / took:.2f} times as fast")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


def _floor(paths: list[Path]) -> None:
    for path in paths:
        orjson.loads(gzip.decompress(path.read_bytes()))


def _hunt(paths: list[Path], detector: Detector) -> int:
    return sum(1 for _ in hunt(paths, detector, Tally(), lean=True))


def _median(times: int, work: Callable[[], object]) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


if __name__ == "__main__":
    main()
