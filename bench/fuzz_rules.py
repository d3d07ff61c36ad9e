"""Mutated rule files through core.sigma: never a crash, never a hang, every refusal has a reason.

    python -m bench.fuzz_rules [--count 20000] [--seed 1] [--rules DIR]

A rule that is not refused must also be one that works: it is put into a rulebook, dumped, loaded
and asked about a record, by both matchers and in a hunt, correlations included. Exit code 1 and the file's text when a promise breaks.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench import cloudtrail
from core.chains import Chains
from core.detect import Detector
from core.detect.plain import plain_match
from core.hunt import Tally, hunt
from core.model import Rule
from core.rulebook import dump, load
from core.sigma import compile_rules
from functions.aws.events import SOURCES

SHIPPED = Path(__file__).parents[1] / "core" / "rules"
SECONDS = 10
"""For one rule, which takes some milliseconds."""


def main() -> None:
    """Run, and print what was tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rules", type=Path, default=SHIPPED)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    texts = [path.read_text() for path in sorted(options.rules.rglob("*.yml"))]
    records = list(cloudtrail.records(20, 1, hits=0.5))
    refused = 0
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        file = Path(folder) / "rule.yml"
        for _ in range(options.count):
            data = _mutated(rng, texts)
            file.write_bytes(data)
            refusals, fault = _check(file, rng.choice(records))
            refused += bool(refusals)
            if fault:
                print(data.decode("utf-8", "backslashreplace"))
                print(fault)
                sys.exit(1)
    print(f"{options.count} mutated rule files, {refused} refused, each with a reason: no fault")


def _check(file: Path, record: Any) -> tuple[int, str]:
    """How many refusals, and what is wrong."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    try:
        compiled = compile_rules([file], SOURCES)
        if any(not fault.reason or not fault.file for fault in compiled.faults):
            return 0, f"a refusal without reason or file: {compiled.faults}"
        book = load(dump(compiled.book))
        fast = Detector(book, SOURCES).match(SOURCES[0].name, record)
        plain = plain_match(book, SOURCES[0], record)
        hunted = _hunted(Detector(book, SOURCES), record)
    except Exception as error:
        return 0, f"raised {error!r}"
    finally:
        signal.alarm(0)
    return len(compiled.faults), "" if fast == plain == hunted else "the matchers differ"


def _hunted(detector: Detector, record: Any) -> tuple[Rule, ...]:
    """The rules that match the record as a hunt finds them, by its header where that tells."""
    chains = Chains(detector)
    with tempfile.NamedTemporaryFile(suffix=".json", dir=_memory()) as log:
        log.write(msgspec.json.encode({"Records": [record]}))
        log.flush()
        paths, tally = [Path(log.name)], Tally()
        found = list(hunt(paths, detector, tally, lean=True, fields=chains.fields))
    for one in found:
        chains.see(one)
    chains.fired()
    return tuple(one.rule for one in found)


def _mutated(rng: random.Random, texts: list[str]) -> bytes:
    data = rng.choice(texts)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        data = rng.choice(_MUTATIONS)(rng, data, texts)
    found = data.encode("utf-8", "surrogatepass")
    if rng.random() < 0.03 and found:
        at = rng.randrange(len(found))
        found = found[:at] + bytes([rng.randrange(256)]) + found[at + 1 :]
    return found


def _cut(rng: random.Random, data: str, texts: list[str]) -> str:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 5, 40)) :]


def _put(rng: random.Random, data: str, texts: list[str]) -> str:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_TOKENS) + data[at:]


def _line(rng: random.Random, data: str, texts: list[str]) -> str:
    """A line goes, comes twice, moves, or comes from another rule."""
    lines, other = data.split("\n"), rng.choice(texts).split("\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[at:at] = rng.choice(([], [lines[to]], [rng.choice(other)], ["  " + lines[to]]))
    if rng.random() < 0.5:
        del lines[to]
    return "\n".join(lines)


def _value(rng: random.Random, data: str, texts: list[str]) -> str:
    """The value of a key becomes something else."""
    lines = data.split("\n")
    at = rng.randrange(len(lines))
    key, colon, _ = lines[at].partition(":")
    lines[at] = f"{key}: {rng.choice(_VALUES)}" if colon else rng.choice(_VALUES)
    return "\n".join(lines)


def _modifier(rng: random.Random, data: str, texts: list[str]) -> str:
    """A key gets a modifier."""
    lines = data.split("\n")
    at = rng.randrange(len(lines))
    key, colon, value = lines[at].partition(":")
    if colon:
        lines[at] = f"{key}|{rng.choice(_MODIFIERS)}:{value}"
    return "\n".join(lines)


def _too_long(*_: Any) -> None:
    raise TimeoutError


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


_MUTATIONS = (_cut, _put, _line, _value, _modifier)

_MODIFIERS = (
    *("contains", "startswith", "endswith", "all", "re", "re|i", "re|i|m|s", "cidr", "exists"),
    *(
        "gt",
        "gte",
        "lt",
        "lte",
        "neq",
        "fieldref",
        "base64",
        "base64offset|contains",
        "wide|base64",
    ),
    *("windash", "cased", "expand", "minute", "hour", "day", "week", "month", "year", "nonsense"),
    *("contains|all", "all|contains", "re|all", "cidr|all", "fieldref|contains", "hour|gte", ""),
)
_VALUES = (
    *("", "null", "~", "0", "-1", "1.5", "true", "[]", "{}", "'*'", "'?'", "'**'", r"'\*'", "''"),
    *(
        "[1, a, null]",
        "[[a]]",
        "{a: b}",
        "[{a: b}, {c: d}]",
        "&x [*x]",
        "!!python/object:os.system x",
    ),
    *(
        "'(a+)+$'",
        "'(?<=a)b'",
        r"'(a)\1'",
        "'['",
        "'%placeholder%'",
        "10.0.0.0/8",
        "::/0",
        "10.0.0.0/99",
    ),
    *(
        "1 of them",
        "all of sel*",
        "not selection",
        "a and",
        "( a",
        "selection | count() > 5",
        "2026-01-01",
    ),
    *("high", "hgih", "99999999999999999999", "1e999", ".nan", "'\\uD800'", '"\\x00"', "a: b: c"),
)
_TOKENS = (
    *(
        ":",
        "- ",
        "\t",
        "'",
        '"',
        "[",
        "]",
        "{",
        "}",
        "|",
        ">",
        "&a ",
        "*a",
        "#",
        "---\n",
        "\n",
        "\n  ",
    ),
    *(
        "*",
        "?",
        "\\",
        "\\*",
        "%x%",
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
        "\U0001f600",
        "\ud800",
        "<<: ",
    ),
    *("[" * 200, "(" * 500, "a" * 5_000, "not " * 300, "and ", "or ", "1 of ", "all of ", "them"),
)

if __name__ == "__main__":
    main()
