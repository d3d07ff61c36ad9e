"""How much memory a hunt takes on a stream of any size, made while it is read.

    python -m bench.memory [--gigabytes 5] [--kind lines|list]

One endless gzip stream is read through core.scan: as JSON lines, or as one {"Records": [...]}.
Nothing is written to disk. Prints the peak of the process, which made the stream as well.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from bench import cloudtrail
from core.detect import Detector
from core.scan import Scanner, Tally
from core.sigma import compile_rules
from functions.aws.events import SOURCES

SHIPPED = Path(__file__).parents[1] / "core" / "rules" / "aws"


def main() -> None:
    """Scan and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--kind", choices=["lines", "list"], default="lines")
    parser.add_argument("--rules", type=Path, default=SHIPPED)
    options = parser.parse_args()
    detector = Detector(compile_rules([options.rules], SOURCES).book, SOURCES)
    stream, tally = _Stream(int(options.gigabytes * 1e9), options.kind == "list"), Tally()
    scanner = Scanner(detector, lean=True)
    before, start = _peak(), time.perf_counter()
    hits = sum(len(match.numbers) for match in scanner.scan(stream, tally, limit=1 << 62))
    took = time.perf_counter() - start
    print(f"{stream.made / 1e9:.2f} GB of JSON, {tally.records} records, {hits} hits, {took:.0f} s")
    print(f"rejections {tally.rejections}; peak {_peak():.0f} MB (before the scan {before:.0f} MB)")


class _Stream(io.RawIOBase):
    """A gzip stream of the wanted size; the same few thousand records again and again."""

    def __init__(self, size: int, listed: bool) -> None:
        self._blocks, self._rest, self.made = self._compressed(size, listed), b"", 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (block := next(self._blocks, None)) is not None:
            self._rest += block
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def _compressed(self, size: int, listed: bool) -> Iterator[bytes]:
        between = "," if listed else "\n"
        many = cloudtrail.records(2_500, 1)
        block = between.join(json.dumps(one, separators=(",", ":")) for one in many).encode()
        packer = zlib.compressobj(1, wbits=31)
        if listed:
            yield packer.compress(b'{"Records":[')
        while self.made < size:
            yield packer.compress(
                block + (b"" if self.made + len(block) >= size else between.encode())
            )
            self.made += len(block)
        yield packer.compress(b"]}" if listed else b"\n") + packer.flush()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
