"""The ports on one machine: Store and Queue in SQLite, Journal and Rejects in files, Sink on a
terminal.

What is stored, told or queued is core's affair. The files may be shared by several processes of
one machine (POSIX); a network share that has no locks is no place for them.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec

from core.errors import Conflict, Reject, Unavailable
from core.hostile import printable
from core.model import Action, Alert, Rejected, from_json, to_json
from core.ports import Clock, Entry, Sink, check_id, check_line

__all__ = [
    "FileJournal",
    "Received",
    "RejectFile",
    "SqliteQueue",
    "SqliteStore",
    "console_sink",
]

LOCK_WAIT_S = 30
PAGE = 500


class SqliteStore:
    """A Store in one table of an SQLite file. Threads share it; `close` it at the end."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        self._database, self._clock = _Database(path, ENTRIES), clock

    def get(self, kind: str, id: str) -> Entry | None:
        """The value as last written; None if there is none or it expired."""
        check_id(id)
        rows = self._database.rows(
            "SELECT value, version FROM entries WHERE kind = ? AND id = ?"
            " AND (expires IS NULL OR expires > ?)",
            (kind, id, self._clock()),
        )
        return Entry(msgspec.json.decode(rows[0][0]), rows[0][1]) if rows else None

    def put(
        self,
        kind: str,
        id: str,
        value: Mapping[str, Any],
        *,
        version: int,
        expires: int | None = None,
    ) -> int:
        """Write on condition of the version; the new version."""
        check_id(id)
        text, now = to_json(value).decode(), self._clock()
        if version:
            written = self._database.change(
                "UPDATE entries SET value = ?, version = version + 1, expires = ?"
                " WHERE kind = ? AND id = ? AND version = ?"
                " AND (expires IS NULL OR expires > ?)",
                (text, expires, kind, id, version, now),
            )
        else:
            written = self._database.change(
                "INSERT INTO entries (kind, id, value, version, expires) VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value, version = 1,"
                " expires = excluded.expires WHERE entries.expires <= ?",
                (kind, id, text, expires, now),
            )
        if not written:
            raise Conflict(f"{kind} {id} is no longer at version {version}")
        return version + 1

    def scan(self, kind: str) -> Iterator[tuple[str, Entry]]:
        """Every live value of a kind; SQLite compares text by its UTF-8 bytes."""
        last = ""
        while True:
            rows = self._database.rows(
                "SELECT id, value, version FROM entries WHERE kind = ? AND id > ?"
                " AND (expires IS NULL OR expires > ?) ORDER BY id LIMIT ?",
                (kind, last, self._clock(), PAGE),
            )
            for last, text, version in rows:
                yield last, Entry(msgspec.json.decode(text), version)
            if len(rows) < PAGE:
                return

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class Received(NamedTuple):
    """An action taken from the queue: delete it by `receipt` once it is dealt with."""

    receipt: int
    action: Action
    attempt: int


class SqliteQueue:
    """A Queue in an SQLite file, with the other end beside it: receive, then delete."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        self._database, self._clock = _Database(path, MESSAGES), clock

    def __call__(self, action: Action) -> None:
        """Put an action at the end."""
        self._database.change("INSERT INTO messages (body) VALUES (?)", (to_json(action).decode(),))

    def receive(self, hide_ms: int = 180_000) -> Received | None:
        """The oldest visible action, hidden from others for `hide_ms`; None if there is none.

        What isn't deleted by then is received again.
        """
        now = self._clock()
        rows = self._database.rows(
            "UPDATE messages SET hidden = ?, attempt = attempt + 1 WHERE number ="
            " (SELECT number FROM messages WHERE hidden <= ? ORDER BY number LIMIT 1)"
            " RETURNING number, body, attempt",
            (now + hide_ms, now),
        )
        if not rows:
            return None
        number, body, attempt = rows[0]
        return Received(receipt=number, action=from_json(body, Action), attempt=attempt)

    def delete(self, receipt: int) -> None:
        """Forget an action that was dealt with."""
        self._database.change("DELETE FROM messages WHERE number = ?", (receipt,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class _Database:
    """One SQLite connection, used by one thread at a time; each statement is a transaction."""

    def __init__(self, path: Path | str, table: str) -> None:
        self._lock = threading.Lock()
        with _sqlite():
            self._connection = sqlite3.connect(
                path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute(table)
            except sqlite3.Error:
                self._connection.close()
                raise

    def rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock, _sqlite():
            return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, values: tuple[Any, ...]) -> int:
        with self._lock, _sqlite():
            return self._connection.execute(statement, values).rowcount

    def close(self) -> None:
        with self._lock:
            self._connection.close()


@contextlib.contextmanager
def _sqlite() -> Iterator[None]:
    """SQLite's errors in our words: a lock or a full disk may pass, a broken file won't."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"SQLite: {error}") from error
    except sqlite3.Error as error:
        raise Reject(f"SQLite: {error}") from error


class FileJournal:
    """A Journal of one append-only file per chain: `<seq> <line>`, one a line.

    The number stands in front because the content of a line is the caller's affair. A line is on
    disk (fsync) when `append` returns; a rest without newline at the end of the file is what a
    crash left of an append that never returned, and the next append removes it.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)
        self._known: dict[str, tuple[int, set[int]]] = {}

    def append(self, chain: str, seq: int, line: bytes) -> None:
        """Write line `seq`; Conflict if that number is taken."""
        check_line(chain, seq, line)
        with _files(), self._locked(chain) as file:
            size, taken = self._taken(chain, file)
            if seq in taken:
                raise Conflict(f"line {seq} of {chain} is written already")
            os.ftruncate(file, size)
            entry = b"%d %s\n" % (seq, line)
            if os.pwrite(file, entry, size) != len(entry):
                raise Unavailable(f"line {seq} of {chain} was not written whole")
            os.fsync(file)
            taken.add(seq)
            self._known[chain] = (size + len(entry), taken)

    def read(self, chain: str, start: int = 1) -> Iterator[tuple[int, bytes]]:
        """(seq, line) from `start` on. A line of the file that has no number is skipped."""
        with _files():
            path = self._path(chain)
            data = path.read_bytes() if path.exists() else b""
        lines = sorted(_lines(data), key=lambda entry: entry[0])
        yield from ((seq, line) for seq, line in lines if seq >= start)

    def chains(self) -> Iterator[str]:
        """The names of all chains."""
        yield from sorted(path.stem for path in self._folder.glob("*.journal"))

    def _path(self, chain: str) -> Path:
        return self._folder / f"{chain}.journal"

    @contextlib.contextmanager
    def _locked(self, chain: str) -> Iterator[int]:
        """The chain's file, held alone among processes and threads."""
        import fcntl  # here, so that hunting works where there is no such lock

        new = not self._path(chain).exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path(chain), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if new:
                _sync_folder(self._folder)
            yield file
        finally:
            os.close(file)

    def _taken(self, chain: str, file: int) -> tuple[int, set[int]]:
        """Where the last whole line ends, and the numbers there are; reads what is new only."""
        size, taken = self._known.get(chain, (0, set()))
        end = os.fstat(file).st_size
        if end < size:
            size, taken = 0, set()
        data = os.pread(file, end - size, size)
        whole = data[: data.rfind(b"\n") + 1]
        taken.update(seq for seq, _ in _lines(whole))
        return size + len(whole), taken


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    for entry in data[: data.rfind(b"\n") + 1].split(b"\n"):
        number, space, line = entry.partition(b" ")
        if space and number.isdigit():
            yield int(number), line


def _sync_folder(folder: Path) -> None:
    """Make a new file's name last through a power cut as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _files() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{error.filename or 'file'}: {error.strerror}") from error


class RejectFile:
    """Rejects in a file, one JSON object a line."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def __call__(self, rejected: Rejected) -> None:
        """Add one line."""
        with _files():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(to_json(rejected) + b"\n")


def console_sink(stream: TextIO) -> Sink:
    """Alerts on a terminal. Everything but our own line breaks is made printable first."""

    def show(alert: Alert) -> None:
        lines = [f"[{alert.level}] {printable(alert.title)}"]
        lines += [f"  {printable(line)}" for line in alert.text.splitlines()]
        for table in (alert.facts, alert.links):
            lines += [f"  {printable(name)}: {printable(value)}" for name, value in table.items()]
        text = "\n".join(lines) + "\n"
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()

    return show


ENTRIES = """CREATE TABLE IF NOT EXISTS entries (
    kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL,
    version INTEGER NOT NULL, expires INTEGER, PRIMARY KEY (kind, id)
) WITHOUT ROWID"""

MESSAGES = """CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL,
    hidden INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0
)"""
