"""How fast a hunt is, as a ratio to the floor measured in the same run, and the peers beside it.

    python -m bench.hunt --rules DIR|BOOK [--files 24] [--repeat 5] [--hits 0.036] [--data DIR]

The floor is gunzip (standard library) + orjson.loads of every file, in one process. Start-up and
compiling are left out, and so is the first of the turns, in which indexes are built. Data is made
by bench/cloudtrail.py (or taken from --data); rules are the user's own, and invented ones beside
them make up the larger rulebooks. Every row is a process of its own, and rows take turns.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import orjson

from bench import cloudtrail, peers, rules
from bench.race import Contender, medians
from core.chains import Chains
from core.detect import Detector
from core.hunt import Tally, hunt
from core.rulebook import Rulebook, dump, load
from core.sigma import compile_rules
from functions.aws.events import SOURCES

__all__ = ["alone", "compiled", "floor"]

RULES = Path(__file__).parents[1] / "core" / "rules"
SHIPPED = (RULES / "aws", RULES / "cross")
"""What the package for AWS ships that reads logs."""


def main() -> None:
    """Measure and print one line per figure."""
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.data or Path(scratch)
        paths = sorted(folder.glob("*.gz"))
        paths = paths or cloudtrail.write(folder, options.files, hits=options.hits)
        contenders = _contenders(options.rules, paths, options.peers)
        found = medians(contenders, options.repeat)
    floor, (_, records) = found["floor"][0], found["floor"]
    print(f"{len(paths)} files, {records} records, medians of {options.repeat}")
    print(f"{'':40}{'seconds':>9}{'of floor':>9}{'faster':>8}  hits")
    for name, (took, hits) in found.items():
        hits = "" if name == "floor" else hits
        print(f"{name:40}{took:9.3f}{took / floor:9.2f}{floor / took:7.2f}x  {hits}")
    base, many, hot = (found[name][0] for name in (BASE, MANY, HOT))
    print(
        f"3,000 rules against the base: {many / base:.2f}; a tenth on hot names: {hot / base:.2f}"
    )
    two, halves = (found[ONE][0] / found[name][0] for name in (TWO, HALVES))
    print(f"two processes against one: {two:.2f} times as fast, where {halves:.2f} can be had")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, required=True, help="a folder, or a built rulebook")
    parser.add_argument("--data", type=Path, help="take these *.gz; without any, make them here")
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--hits", type=float, default=cloudtrail.HITS)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    return parser.parse_args()


def _contenders(folder: Path, paths: list[Path], with_peers: bool) -> dict[str, Contender]:
    base = load(folder.read_bytes()) if folder.is_file() else compiled([folder])
    shipped = compiled(SHIPPED)
    found: dict[str, Contender] = {
        "floor": (floor, (paths,)),
        BASE: (alone, (paths, dump(base))),
        "base, raw": (alone, (paths, dump(base), True)),
        "base, findings (whole records)": (alone, (paths, dump(base), False, False)),
        f"shipped, {len(shipped.entries)} rules": (alone, (paths, dump(shipped))),
        f"the same, {len(shipped.correlations)} correlations on": (
            _chained,
            (paths, dump(shipped)),
        ),
        MANY: (alone, (paths, dump(rules.many(base, 3_000, 0.0)))),
        HOT: (alone, (paths, dump(rules.many(base, 3_000, 0.1)))),
        ONE: (_fresh_hunt, (paths * TIMES, dump(base), 1)),
        TWO: (_fresh_hunt, (paths * TIMES, dump(base), 2)),
        HALVES: (_halves, (paths * TIMES, dump(base))),
    }
    if with_peers and folder.is_dir():
        found["SQLite, base"] = (peers.sqlite_hits, (paths, folder))
        found["DuckDB, base"] = (peers.duckdb_hits, (paths, folder))
    return found


def compiled(folders: Sequence[Path]) -> Rulebook:
    return compile_rules(folders, SOURCES).book


def floor(paths: list[Path]) -> Callable[[], int]:
    def work() -> int:
        return sum(
            len(orjson.loads(gzip.decompress(path.read_bytes()))["Records"]) for path in paths
        )

    return work


def alone(
    paths: list[Path], book: bytes, raw: bool = False, lean: bool = True
) -> Callable[[], int]:
    detector = Detector(load(book), () if raw else SOURCES, raw=raw)
    return lambda: sum(1 for _ in hunt(paths, detector, Tally(), lean=lean))


def _chained(paths: list[Path], book: bytes) -> Callable[[], int]:
    """As `vigil hunt --emit hits` does it: with correlations, and without rules that only feed
    them."""
    detector = Detector(load(book), SOURCES)

    def work() -> int:
        chains = Chains(detector)
        found = hunt(paths, detector, Tally(), lean=True, fields=chains.fields)
        told = sum(map(chains.see, found))
        return told + len(chains.fired())

    return work


def _fresh_hunt(paths: list[Path], book: bytes, jobs: int) -> Callable[[], int]:
    """In a process that did nothing before, as a command's: neither has it learned anything, nor
    has it memory lying about that a fork would have to copy.
    """

    def work() -> int:
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
            return pool.submit(_count, paths, book, jobs).result()

    return work


def _halves(paths: list[Path], book: bytes) -> Callable[[], int]:
    """Two hunts that know nothing of each other: what two processes can do on this machine."""
    half = len(paths) // 2

    def work() -> int:
        with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
            hunts = [pool.submit(_count, some, book, 1) for some in (paths[:half], paths[half:])]
            return sum(hunt.result() for hunt in hunts)

    return work


def _count(paths: list[Path], book: bytes, jobs: int) -> int:
    detector = Detector(load(book), SOURCES)
    return sum(1 for _ in hunt(paths, detector, Tally(), lean=True, jobs=jobs))


BASE, MANY, HOT = "base", "3,000 rules", "3,000 rules, a tenth on hot names"
TIMES = 40
ONE, TWO = f"base, all files {TIMES} times", "the same, two processes"
HALVES = "the same, a half in each of two hunts"

if __name__ == "__main__":
    main()
