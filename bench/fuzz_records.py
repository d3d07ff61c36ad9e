"""Mutated records through core.scan: never a crash, never a hang, every refusal with a reason.

    python -m bench.fuzz_records [--count 100000] [--seed 1]

Half of the files hold records that are valid JSON written in odd ways (escapes, white space, keys
twice, in other orders, deeper down, of wrong types): what scan finds must equal json.loads and the
plain matcher. The other half are damaged bytes, where only the promises above hold. Exit code 1
and the file's path when one does not.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import random
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import cloudtrail
from core import scan
from core.detect import Detector
from core.detect.plain import plain_match
from core.errors import BadRecord
from core.model import to_json
from core.ocsf import activity
from core.ports import Source
from core.sigma import Compiled, compile_rules
from functions.aws.events import SOURCES

SHIPPED = Path(__file__).parents[1] / "core" / "rules" / "aws"
PER_FILE = 50
SECONDS = 20
"""For one file of 50 records, which take some milliseconds."""


def main() -> None:
    """Run, and print what was tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rules", type=Path, default=SHIPPED)
    options = parser.parse_args()
    work = _Work(compile_rules([options.rules], SOURCES), options.seed)
    for number in range(-(-options.count // PER_FILE)):
        data, odd = work.file(damaged=number % 2 == 1)
        fault = work.check(data, odd)
        if fault:
            path = Path(tempfile.gettempdir()) / f"fuzz_records_{options.seed}_{number}.json"
            path.write_bytes(data)
            print(f"{path}: {fault}")
            sys.exit(1)
    print(f"{work.records} mutated records, {work.hits} hits, {work.rejected} rejections: no fault")


class _Work:
    """Records to begin with, and the scanner that sees them all."""

    def __init__(self, compiled: Compiled, seed: int) -> None:
        self.rng = random.Random(seed)
        self.book, self.source = compiled.book, SOURCES[0]
        self.detector = Detector(self.book, SOURCES)
        self.scanner = scan.Scanner(self.detector)
        self.base: list[Any] = list(cloudtrail.records(300, seed, hits=0.3))
        examples = [one for many in compiled.examples.values() for one in many]
        self.base += [record for one in examples for record in one.events or (one.event,)]
        self.records = self.hits = self.rejected = 0

    def file(self, *, damaged: bool) -> tuple[bytes, list[Any] | None]:
        """A file, and its records if it is sound."""
        rng = self.rng
        many = [_changed(rng, self.base) for _ in range(PER_FILE)]
        texts = [_written(rng, one) for one in many]
        data = _wrapped(rng, texts).encode("utf-8", "surrogatepass")
        self.records += PER_FILE
        if not damaged:
            return (gzip.compress(data, 1) if rng.random() < 0.2 else data), list(
                map(json.loads, texts)
            )  # fmt: skip
        for _ in range(rng.choice((1, 1, 2, 5, 40))):
            data = _damaged(rng, data)
        return data, None

    def check(self, data: bytes, sound: list[Any] | None) -> str:
        """What is wrong with how the file was read; "" when nothing is."""
        tally = scan.Tally()
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(SECONDS)
        try:
            matches = list(self.scanner.scan(data, tally, name="f", limit=1 << 30))
        except Exception as error:
            return f"raised {error!r}"
        finally:
            signal.alarm(0)
        if told := [fault for match in matches if (fault := _told(self.source, match.native))]:
            return told[0]
        self.hits += sum(len(match.numbers) for match in matches)
        self.rejected += tally.rejections
        if any(not one.reason or not one.place for one in (*tally.rejected, *tally.skipped)):
            return "a rejection without reason or place"
        return self._compared(matches, tally, sound) if sound is not None else ""

    def _compared(self, matches: list[scan.Match], tally: scan.Tally, sound: list[Any]) -> str:
        found = [(match.position, self.detector.rules(match.numbers)) for match in matches]
        if tally.rejections or tally.records != len(sound):
            return f"{tally.records} records of {len(sound)}, {tally.rejected[:1]}"
        expected = []
        for position, record in enumerate(sound):
            if _of(self.source, record) and (
                rules := plain_match(self.book, self.source, record)
            ):  # fmt: skip
                expected.append((position, rules))
        return "" if found == expected else "other hits than the plain matcher's"


def _told(source: Source, record: Any) -> str:
    """What is wrong with how a finding about the record would be made; "" when nothing is."""
    try:
        to_json(activity(source.event(record)))
    except BadRecord as error:
        return "" if str(error).isprintable() else f"an unprintable reason: {error!r}"
    except Exception as error:
        return f"its event raised {error!r}"
    return ""


def _of(source: Source, record: Any) -> bool:
    return all(key in record for key in source.keys)


def _too_long(*_: Any) -> None:
    raise TimeoutError


def _changed(rng: random.Random, base: list[Any]) -> Any:
    """A record with some fields gone, of another record, or of another type."""
    record = json.loads(json.dumps(rng.choice(base)))
    for _ in range(rng.randrange(4)):
        key = rng.choice(_KEYS)
        roll = rng.random()
        if roll < 0.15:
            record.pop(key, None)
        elif roll < 0.45:
            record[key] = _odd(rng)
        elif roll < 0.6:
            inner = record.get("requestParameters")
            record["requestParameters"] = {"eventName": "StopLogging", key: inner}
        elif roll < 0.7:
            record[f"userIdentity.{rng.choice(('type', 'arn', 'x'))}"] = _odd(rng)
        elif isinstance(record.get("userIdentity"), dict) and roll < 0.8:
            record["userIdentity"][rng.choice(("type", "arn", "sessionContext"))] = _odd(rng)
        else:
            record[key] = rng.choice(base).get(key)
    return record


def _written(rng: random.Random, value: Any) -> str:
    """The value as JSON, as nobody would write it."""
    if isinstance(value, dict):
        items = list(value.items())
        if rng.random() < 0.3:
            rng.shuffle(items)
        parts = []
        for key, inner in items:
            if rng.random() < 0.03:
                parts.append(f"{_text(rng, key)}:{_written(rng, _odd(rng))}")
            parts.append(
                f"{_gap(rng)}{_text(rng, key)}{_gap(rng)}:{_gap(rng)}{_written(rng, inner)}{_gap(rng)}"
            )
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_gap(rng) + _written(rng, inner) for inner in value) + "]"
    if isinstance(value, str):
        return _text(rng, value)
    return json.dumps(value)


def _text(rng: random.Random, text: str) -> str:
    plain = json.dumps(text, ensure_ascii=rng.random() < 0.5)[1:-1]
    if rng.random() < 0.9 or "\\" in plain:
        return f'"{plain}"'
    return '"' + "".join(_letter(rng, char) for char in text) + '"'


def _letter(rng: random.Random, char: str) -> str:
    if rng.random() < 0.3 and ord(char) < 0x10000:
        return f"\\u{ord(char):04x}"
    return json.dumps(char)[1:-1]


def _odd(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(_ODD))


def _gap(rng: random.Random) -> str:
    return rng.choice(_GAPS)


def _wrapped(rng: random.Random, texts: list[str]) -> str:
    roll = rng.randrange(5)
    if roll == 0:
        return "[" + ",".join(texts) + "]"
    if roll == 1:
        return "\n".join(text.replace("\n", " ") for text in texts)
    if roll == 2:
        return '{"x":{"Records":[1]},"Records":[' + ",\n".join(texts) + '],"y":1}'
    return '{ "Records":[' + ",".join(texts) + "]}"


def _damaged(rng: random.Random, data: bytes) -> bytes:
    """The bytes with something cut, flipped, doubled, put in, or repeated very deep."""
    at = rng.randrange(len(data) + 1)
    to = min(len(data), at + rng.choice((1, 2, 10, 500)))
    roll = rng.random()
    if roll < 0.2:
        return data[:at] + data[to:]
    if roll < 0.4:
        return data[:at] + bytes([rng.randrange(256)]) + data[to:]
    if roll < 0.5:
        return data[:to] + data[at:]
    if roll < 0.55:
        return data[:at]
    if roll < 0.6:
        packed = bytearray(gzip.compress(data, 1))
        packed[rng.randrange(10, len(packed))] ^= 1 << rng.randrange(8)
        return bytes(packed)
    return data[:at] + rng.choice(_TOKENS) + data[at:]


_KEYS = (
    *("eventName", "eventSource", "errorCode", "errorMessage", "userIdentity", "userAgent"),
    *("requestParameters", "responseElements", "eventTime", "additionalEventData", "detail-type"),
)
_ODD: tuple[Any, ...] = (
    *(
        None,
        1,
        1.0,
        True,
        10**400,
        -(10**4_000),
        1e300,
        2**63,
        "",
        "StopLogging",
        "stoplogging",
        "\u0130\u00df",
        "a\nb",
        "\U0001f600",
    ),
    *("arn:", "arn:x", "arn:aws:iam::", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59"),
    *([], {}, ["StopLogging", "x"], [["x"]], {"type": "Root"}, {"eventName": "DeleteTrail"}),
)
_GAPS = ("", "", "", "", "", "", " ", "\n", "\t ", "\r\n")
_TOKENS = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\x00", b"\xff", b"\xed\xa0\x80"),
    *(b"nul", b"1e400", b"-", b"\\ud800", b'{"Records":[', b"[" * 3_000, b'{"a":' * 3_000, b"]}"),
)

if __name__ == "__main__":
    main()
