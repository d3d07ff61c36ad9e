"""Rows of many groups, in memory while they are few and in a temporary file from then on.

For hunts, where everything is there before anything is decided. The file is SQLite's own temporary
one: it has no name and is gone with the process. Nothing here knows what rows mean.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby

import msgspec

from core.correlate.plan import Group, Inbox
from core.correlate.windows import Row

__all__ = ["PIECE", "ROOM", "Spool", "database"]

ROOM = 100_000
"""Rows in memory: some 50 MB."""

PIECE = 20_000
"""Rows of one group that are given out together, at least."""

CACHE_KIB = 32_768


def database() -> sqlite3.Connection:
    """A database that is a file without a name, and needs no care: it is never read again."""
    found = sqlite3.connect("", isolation_level=None)
    found.execute("PRAGMA journal_mode = OFF")
    found.execute("PRAGMA synchronous = OFF")
    found.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return found


class Spool:
    """Rows by correlation and group."""

    def __init__(self, room: int = ROOM, piece: int = PIECE) -> None:
        self._room, self.piece, self._inbox, self._count = room, piece, Inbox(), 0
        self._file: sqlite3.Connection | None = None

    def put(self, id: str, group: Group, row: Row) -> None:
        """Keep a row for a group of a correlation."""
        self._inbox.put(id, group, row)
        self._count += 1
        if self._count >= self._room:
            self._empty()

    def take(self, id: str) -> Iterator[tuple[Group, Iterator[list[Row]]]]:
        """The groups of a correlation, each with its rows in pieces: all in one, or each later than
        the one before. A group's pieces must be taken before the next group.
        """
        if self._file is None:
            for group, rows in self._inbox.take(id).items():
                yield group, iter((rows,))
            return
        self._empty()
        stored: Iterator[tuple[bytes, int, bytes]] = self._file.execute(
            "SELECT grp, time, row FROM rows WHERE id = ? ORDER BY grp, time", (id,)
        )
        for key, many in groupby(stored, lambda one: one[0]):
            yield _GROUP.decode(key), _pieces(many, self.piece)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _empty(self) -> None:
        if self._file is None:
            self._file = database()
            self._file.execute("CREATE TABLE rows (id TEXT, grp BLOB, time INTEGER, row BLOB)")
        self._file.execute("BEGIN")
        self._file.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, ?)",
            (
                (id, msgspec.json.encode(group), row.time, msgspec.json.encode(row))
                for id, group, row in self._inbox.drain()
            ),
        )
        self._file.execute("COMMIT")
        self._count = 0


def _pieces(rows: Iterator[tuple[bytes, int, bytes]], size: int) -> Iterator[list[Row]]:
    """Never cut between rows of one time: those enter a window together."""
    piece: list[Row] = []
    for _, same in groupby(rows, lambda one: one[1]):
        piece.extend(_ROW.decode(data) for _, _, data in same)
        if len(piece) >= size:
            yield piece
            piece = []
    if piece:
        yield piece


_GROUP: msgspec.json.Decoder[Group] = msgspec.json.Decoder(tuple[str, ...])
_ROW = msgspec.json.Decoder(Row)
