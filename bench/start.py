"""What a cold start costs: each row is a fresh interpreter, its import and work timed inside.

    python -m bench.start [--rules DIR] [--repeat 5]

Beside `import boto3` alone: the imports of the detect path and the load of 300 rules, and the load
of 3,000 until the first record is matched. Rules beyond those of --rules are invented.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import rules
from core.rulebook import Rulebook, dump
from core.sigma import compile_rules
from functions.aws.events import SOURCES

SHIPPED = Path(__file__).parents[1] / "core" / "rules" / "aws"

TIMED = """
import time
start = time.perf_counter()
{}
print(time.perf_counter() - start)
"""

BOTO = "import boto3"
LOADED = """
from core.detect import Detector
from core.rulebook import load
from functions.aws.events import SOURCES
detector = Detector(load(open({!r}, "rb").read()), SOURCES)
"""
READY = """
from core.detect import Detector
from core.rulebook import load
from functions.aws.events import SOURCES
data = open({!r}, "rb").read()
record = dict(eventSource="kms.amazonaws.com", eventName="Decrypt", userIdentity=dict(type="Root"))
start = time.perf_counter()
Detector(load(data), SOURCES).match(SOURCES[0].name, record)
"""


def main() -> None:
    """Measure and print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, default=SHIPPED)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    base = compile_rules([options.rules], SOURCES).book
    with tempfile.TemporaryDirectory() as scratch:
        few = _saved(Path(scratch) / "300.json", rules.many(base, 300, 0.0))
        many = _saved(Path(scratch) / "3000.json", rules.many(base, 3_000, 0.0))
        programs = {
            "import boto3": BOTO,
            "imports, and 300 rules loaded": LOADED.format(few),
            "3,000 rules loaded, first record": READY.format(many),
        }
        took: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(options.repeat):
            for name, program in programs.items():
                took[name].append(_run(TIMED.format(program)))
    boto = statistics.median(took["import boto3"])
    for name, seconds in took.items():
        median = statistics.median(seconds)
        print(f"{name:36}{median * 1000:8.1f} ms  {median / boto:5.2f} of import boto3")


def _saved(path: Path, book: Rulebook) -> str:
    path.write_bytes(dump(book))
    return str(path)


def _run(program: str) -> float:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
