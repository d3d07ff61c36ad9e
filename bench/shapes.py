"""What rules of one shape cost a hunt, where no two records have an address, agent or caller alike.

    python -m bench.shapes --rules DIR [--files 8] [--count 20] [--repeat 3]

Each row is the user's rules and `count` more of one shape that match nothing, beside the user's
rules alone ("base") and the floor of bench/hunt.py: no shape should cost many times another.
Shapes without an exact field are the hard ones, as they are possible for every record.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import cloudtrail, hunt
from bench.race import Contender, medians
from core.model import Rule
from core.rulebook import (
    And,
    Cidr,
    Compare,
    Exists,
    Expr,
    Not,
    Null,
    Or,
    Ref,
    Regex,
    Rulebook,
    Text,
    book,
    dump,
)

PER_FILE = 2_500


def main() -> None:
    """Measure and print one line per shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    base = hunt.compiled([options.rules])
    with tempfile.TemporaryDirectory() as scratch:
        paths = [_file(Path(scratch), number) for number in range(options.files)]
        contenders: dict[str, Contender] = {
            "floor": (hunt.floor, (paths,)),
            "base": (hunt.alone, (paths, dump(base))),
        }
        for name, shape in SHAPES.items():
            more = _with(base, shape, options.count)
            contenders[name] = (hunt.alone, (paths, dump(more)))
        found = medians(contenders, options.repeat)
    floor, own = found["floor"][0], found["base"][0]
    print(f"{'':28}{'seconds':>9}{'faster':>8}{'of base':>9}")
    for name, (took, _) in found.items():
        print(f"{name:28}{took:9.3f}{floor / took:7.2f}x{took / own:9.2f}")


def _file(folder: Path, number: int) -> Path:
    """A CloudTrail file in which what tells callers apart is different in every record."""
    rng = random.Random(number)
    records = list(cloudtrail.records(PER_FILE, number))
    for one in records:
        one["sourceIPAddress"] = ".".join(str(rng.randrange(1, 255)) for _ in range(4))
        one["userAgent"] = f"{one['userAgent']} md/{rng.getrandbits(40):x}"
        if "arn" in one["userIdentity"]:
            one["userIdentity"]["arn"] += f"-{rng.getrandbits(40):x}"
    path = folder / f"{number}.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"Records": records}).encode(), 6))
    return path


def _with(base: Rulebook, shape: Callable[[int], Expr], count: int) -> Rulebook:
    entries = base.entries
    rules = [(base.rule(n), base.detection(n), one.provider) for n, one in enumerate(entries)]
    for number in range(count):
        rule = Rule(id=f"shape-{number}", title=f"Shape {number}", source="aws/cloudtrail")
        rules.append((rule, shape(number), ""))
    return book(rules)


def _has(field: str | None, text: str) -> Text:
    return Text(field, ((0, text, 0),))


SHAPES: Mapping[str, Callable[[int], Expr]] = {
    "an exact address": lambda n: Text("sourceIPAddress", (f"192.0.2.{n}",)),
    "500 addresses": lambda n: Text("sourceIPAddress", tuple(f"x{n}.{i}" for i in range(500))),
    "a network": lambda n: Cidr("sourceIPAddress", f"0.{n // 256}.{n % 256}.0/24"),
    "20 networks": lambda n: Or(
        tuple(Cidr("sourceIPAddress", f"0.{n % 256}.{i}.0/24") for i in range(20))
    ),
    "a caller": lambda n: Text("userIdentity.arn", (f"arn:aws:iam::1:user/{n}",)),
    "contains": lambda n: _has("userAgent", f"tool-{n}"),
    "starts with": lambda n: Text("userAgent", ((f"tool-{n}", 0),)),
    "ends with": lambda n: Text("userIdentity.arn", ((0, f":root-{n}"),)),
    "an expression": lambda n: Regex("userAgent", f"(?i)scan[0-9]{{2}}x{n}"),
    "two expressions": lambda n: Or(
        (Regex("userAgent", f"scan[0-9]+x{n}"), Regex("userAgent", f"probe[a-f]+{n}"))
    ),
    "alternatives": lambda n: Or((_has("userAgent", f"tool-{n}"), _has("errorMessage", f"no-{n}"))),
    "a keyword": lambda n: _has(None, f"evilword{n}"),
    "a keyword or a field": lambda n: Or((_has(None, f"evil{n}"), _has("userAgent", f"tool{n}"))),
    "a word of an object": lambda n: _has("requestParameters", f"evilword{n}"),
    "greater than": lambda n: Compare("additionalEventData.bytesTransferredOut", "gt", 10**9 + n),
    "a missing field": lambda n: And((Null("userAgent"), Text("sourceIPAddress", ((f"x{n}", 0),)))),
    "a field that is there": lambda n: Exists(f"requestParameters.odd{n % 4}", wanted=True),
    "a field like another": lambda n: Ref(
        "userIdentity.arn", f"requestParameters.arn{n % 4}", "is"
    ),
    "not on an operation": lambda n: And(
        (Text("eventName", ("createuser",)), Not(Cidr("sourceIPAddress", "0.0.0.0/0")))
    ),
    "part of an operation": lambda n: _has("eventName", f"Odd{n}"),
}
"""Name -> the n-th rule of that shape."""

if __name__ == "__main__":
    main()
