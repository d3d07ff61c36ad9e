"""The same rules on the same records by a second engine: pySigma's SQLite backend.

    python -m bench.differential --rules DIR [--data DIR] [--count 20000]

Every rule is asked of every record by both; differences are printed by rule and sorted into the
classes that docs/decisions/0013-beside-sqlite.md explains. Exit code 1 when one is in no class.
Records are made by bench/cloudtrail.py, and for each rule some that have its very values, odd case
and lists among them; --data adds files of your own.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bench import cloudtrail, peers
from core.detect import Detector
from core.detect.partial import fields_of
from core.rulebook import And, Expr, Not, Or, Text
from core.scan import Tally, read
from core.sigma import compile_rules
from functions.aws.events import SOURCES


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    book = compile_rules([options.rules], SOURCES).book
    numbers = {entry.id: number for number, entry in enumerate(book.entries)}
    sql = {uid: query for uid, query in peers.queries(options.rules).items() if uid in numbers}
    records = list(_records(options, [book.detection(n) for n in numbers.values()]))
    ours = _ours(records, Detector(book, SOURCES))
    bare = _ours(records, Detector(book, [source._replace(derived={}) for source in SOURCES]))
    theirs = _theirs(records, sql)
    nocase = _theirs(records, sql, "NOCASE")
    as_text = _theirs([_booleans_as_text(record) for record in records], sql, "NOCASE")
    classes: Counter[str] = Counter()
    agreed = 0
    for uid in sql:
        agreed += len(ours[uid] & theirs[uid])
        for index in sorted(ours[uid] ^ theirs[uid]):
            found = index in ours[uid]
            fields = [f for f in fields_of(book.detection(numbers[uid])) if f]
            if found == (index in nocase[uid]):
                why = "case is ignored"
            elif found == (index in as_text[uid]):
                why = "booleans are the texts true and false"
            elif any(_through_list(records[index], field) for field in fields):
                why = "a list stands for its elements"
            elif found != (index in bare[uid]):
                why = "a field is derived from others"
            else:
                print("unexplained:", uid, "ours" if found else "theirs", sql[uid])
                print(orjson.dumps(records[index]).decode())
                sys.exit(1)
            classes[why] += 1
    print(f"{len(sql)} rules, {len(records)} records, {agreed} hits of both, differences:")
    for why, count in classes.most_common():
        print(f"{count:7} {why}")


def _records(options: argparse.Namespace, exprs: list[Expr]) -> Iterator[Any]:
    yield from cloudtrail.records(options.count, options.seed, hits=0.2)
    rng = random.Random(options.seed)
    base = list(cloudtrail.records(50, options.seed))
    for expr in exprs:
        for _ in range(40):
            record = json.loads(json.dumps(rng.choice(base)))
            for part in _parts(expr):
                if isinstance(part, Text) and part.field and rng.random() < 0.95:
                    _put(record, part.field, _like(rng, rng.choice(part.patterns)))
            yield record
    for path in sorted(options.data.glob("*")) if options.data else ():
        for opened in read(path.read_bytes(), SOURCES, Tally(), name=str(path)):
            if opened.source:
                yield opened.native


def _ours(records: list[Any], detector: Detector) -> dict[str, set[int]]:
    found = {entry.id: set[int]() for entry in detector.book.entries}
    for index, record in enumerate(records):
        for rule in detector.match(SOURCES[0].name, record):
            found[rule.id].add(index)
    return found


def _theirs(
    records: list[Any], sql: dict[str, str], collation: str = "BINARY"
) -> dict[str, set[int]]:
    names = peers.columns(sql.values())
    connection = peers.sqlite_connection(["vigil_position", *names], collation)
    holes = ",".join("?" * (len(names) + 1))
    rows = ((number, *peers.row(record, names)) for number, record in enumerate(records))
    connection.executemany(f"INSERT INTO logs VALUES ({holes})", rows)
    found = {}
    for uid, query in sql.items():
        asked = query.replace("SELECT count(*)", "SELECT vigil_position")
        found[uid] = {number for (number,) in connection.execute(asked)}
    return found


def _like(rng: random.Random, pattern: Any) -> Any:
    """A value that the pattern may match; at times of odd case, in a list, or not a text."""
    pieces = (pattern,) if isinstance(pattern, str) else pattern
    text = "".join(
        p if isinstance(p, str) else rng.choice(("", "x y")) if not p else "x" for p in pieces
    )
    roll = rng.random()
    if roll < 0.2:
        return text.upper()
    if roll < 0.3:
        return [text, "other"]
    if roll < 0.35:
        return rng.choice((True, False, None, 1, ""))
    return _NAMES.get(text, text)


def _put(record: dict[str, Any], field: str, value: Any) -> None:
    *path, last = field.split(".")
    for key in path:
        inner = record.get(key)
        record[key] = inner if isinstance(inner, dict) else {}
        record = record[key]
    record[last] = value


def _parts(expr: Expr) -> Iterator[Expr]:
    """The expression and all below it."""
    yield expr
    if isinstance(expr, And | Or):
        for item in expr.items:
            yield from _parts(item)
    elif isinstance(expr, Not):
        yield from _parts(expr.item)


def _booleans_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _booleans_as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_booleans_as_text(inner) for inner in value]
    return str(value).lower() if isinstance(value, bool) else value


def _through_list(record: Any, field: str) -> bool:
    for key in field.split("."):
        if isinstance(record, list):
            return True
        record = record.get(key) if isinstance(record, dict) else None
    return isinstance(record, list)


_NAMES = {
    text.casefold(): text
    for _, text in (*cloudtrail._BUSY, *cloudtrail._NOTABLE)
}  # fmt: skip

if __name__ == "__main__":
    main()
