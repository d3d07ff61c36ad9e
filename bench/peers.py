"""What users have today: Sigma rules as SQL over the records, on SQLite and on DuckDB.

Both are given what their users write: gunzip and orjson, the fields that rules name as columns, one
query a rule as pySigma's SQLite backend writes it. DuckDB takes the same SQL with its own quotes.
It knows nothing of our engine.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

__all__ = ["columns", "duckdb_hits", "queries", "row", "sqlite_connection", "sqlite_hits"]


def queries(rules: Path) -> dict[str, str]:
    """Rule id -> its query, of all rules that the backend can convert."""
    from sigma.backends.sqlite import sqliteBackend
    from sigma.collection import SigmaCollection
    from sigma.rule import SigmaRule

    backend = sqliteBackend()
    found = {}
    for file in sorted(rules.rglob("*.yml")):
        # Errors are collected: some of our types of correlation are unknown to it.
        collection = SigmaCollection.from_yaml(file.read_text(), collect_errors=True)
        for rule in collection.rules:
            if not isinstance(rule, SigmaRule):
                continue  # a correlation is no question about one record
            # No query is written for a rule that only feeds correlations.
            for made in backend.convert_rule(rule):
                found[str(rule.id)] = made.replace("SELECT *", "SELECT count(*)")
    return found


def columns(sql: Iterable[str]) -> list[str]:
    """The fields that queries name, as columns."""
    names: set[str] = set()
    for query in sql:
        where = re.sub(r"'(?:[^']|'')*'", "", query.partition(" WHERE ")[2])
        names.update(re.findall(r"`([^`]+)`", where))
        names.update(re.findall(r"\b[A-Za-z]\w*\b(?!\()", re.sub(r"`[^`]+`", "", where)))
    return sorted(names - _WORDS)


def row(record: Any, names: list[str]) -> tuple[Any, ...]:
    """The record's values of the columns: scalars as they are, objects and lists as JSON text."""
    values = []
    for name in names:
        value: Any = record
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        values.append(
            orjson.dumps(value).decode() if isinstance(value, dict | list) else value
        )  # fmt: skip
    return tuple(values)


def sqlite_connection(names: list[str], collation: str = "BINARY") -> sqlite3.Connection:
    """An empty table `logs` in memory, and REGEXP."""
    connection = sqlite3.connect(":memory:")
    connection.create_function(
        "regexp",
        2,
        lambda pattern, value: value is not None and bool(re.search(pattern, str(value))),
    )
    listed = ", ".join(f'"{name}" COLLATE {collation}' for name in names)
    connection.execute(f"CREATE TABLE logs ({listed})")
    return connection


def sqlite_hits(paths: list[Path], rules: Path) -> Callable[[], int]:
    """Work that gives the number of hits; each file is a table of its own time."""
    sql = queries(rules)
    names = columns(sql.values())
    holes = ",".join("?" * len(names))

    def work() -> int:
        hits = 0
        for records in _files(paths):
            connection = sqlite_connection(names)
            rows = (row(record, names) for record in records)
            connection.executemany(f"INSERT INTO logs VALUES ({holes})", rows)
            hits += sum(connection.execute(query).fetchone()[0] for query in sql.values())
            connection.close()
        return hits

    return work


def duckdb_hits(paths: list[Path], rules: Path) -> Callable[[], int]:
    """The same on DuckDB, one thread; rows go in as JSON lines, the quickest way without Arrow."""
    import duckdb

    sql = {
        uid: re.sub(
            r'("[^"]+"|\w+) REGEXP (\'[^\']*\')', r"regexp_matches(\1, \2)", q.replace("`", '"')
        )
        for uid, q in queries(rules).items()
    }
    names = columns(queries(rules).values())
    typed = ", ".join(f"'{name}': 'VARCHAR'" for name in names)

    def work() -> int:
        import tempfile

        hits = 0
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as lines:
            for records in _files(paths):
                rows = [dict(zip(names, row(record, names), strict=True)) for record in records]
                Path(lines.name).write_bytes(b"\n".join(map(orjson.dumps, rows)))
                connection = duckdb.connect(config={"threads": 1})
                connection.execute(
                    f"CREATE TABLE logs AS SELECT * FROM read_json('{lines.name}', "
                    f"format='newline_delimited', columns={{{typed}}})"
                )
                hits += sum(connection.execute(query).fetchone()[0] for query in sql.values())
                connection.close()
        return hits

    return work


def _files(paths: list[Path]) -> Iterator[list[Any]]:
    for path in paths:
        yield orjson.loads(gzip.decompress(path.read_bytes()))["Records"]


_WORDS = {"AND", "OR", "NOT", "IS", "NULL", "LIKE", "ESCAPE", "REGEXP", "IN", "GLOB"}
