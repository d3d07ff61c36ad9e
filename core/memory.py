"""Every port of core.ports in memory: for tests, replays and the demo.

These are held to the same contract as the platforms' adapters (tests/contract), so a test that
runs on them says something about the real ones. Nothing here knows what is stored, told or done.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from core.errors import Conflict, NotFound
from core.model import State, Target, to_json
from core.ports import Clock, Entry, Verb, Verbs, check_id, check_line

__all__ = [
    "FakeClock",
    "MemoryJournal",
    "MemoryMetrics",
    "MemoryStore",
    "MemoryVerbs",
    "Recorder",
    "world_verb",
]

_T = TypeVar("_T")


class FakeClock:
    """A clock that moves only when told to. `now` is epoch ms and may be set."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        """Now, in epoch ms."""
        return self.now

    def advance(self, ms: int) -> None:
        """Let `ms` milliseconds pass."""
        self.now += ms


class MemoryStore:
    """A Store in a dict. Values go through JSON, so that what comes back is a copy."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str], tuple[bytes, int, int | None]] = {}

    def get(self, kind: str, id: str) -> Entry | None:
        """The value as last written; None if there is none or it expired."""
        check_id(id)
        with self._lock:
            row = self._live(kind, id)
        return Entry(msgspec.json.decode(row[0]), row[1]) if row else None

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
        data = to_json(value)
        with self._lock:
            row = self._live(kind, id)
            if (row[1] if row else 0) != version:
                raise Conflict(f"{kind} {id} is no longer at version {version}")
            self._rows[kind, id] = (data, version + 1, expires)
        return version + 1

    def scan(self, kind: str) -> Iterator[tuple[str, Entry]]:
        """Every live value of a kind, in order of id, as of the call."""
        with self._lock:
            ids = sorted(id for of, id in self._rows if of == kind)
            rows = [(id, row) for id in ids if (row := self._live(kind, id))]
        for id, (data, version, _) in rows:
            yield id, Entry(msgspec.json.decode(data), version)

    def _live(self, kind: str, id: str) -> tuple[bytes, int, int | None] | None:
        row = self._rows.get((kind, id))
        expired = row and row[2] is not None and row[2] <= self._clock()
        return None if expired else row


class MemoryJournal:
    """A Journal in dicts. `lines` is open to tests that play the forger."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.lines: dict[str, dict[int, bytes]] = {}

    def append(self, chain: str, seq: int, line: bytes) -> None:
        """Write line `seq`; Conflict if that number is taken."""
        check_line(chain, seq, line)
        with self._lock:
            lines = self.lines.setdefault(chain, {})
            if seq in lines:
                raise Conflict(f"line {seq} of {chain} is written already")
            lines[seq] = line

    def read(self, chain: str, start: int = 1) -> Iterator[tuple[int, bytes]]:
        """(seq, line) from `start` on, in order of seq."""
        with self._lock:
            lines = sorted(self.lines.get(chain, {}).items())
        yield from ((seq, line) for seq, line in lines if seq >= start)

    def chains(self) -> Iterator[str]:
        """The names of all chains."""
        with self._lock:
            names = sorted(self.lines)
        yield from names


class Recorder(Generic[_T]):
    """A Sink, Queue or Rejects that keeps what it was given in `seen`, in order."""

    def __init__(self) -> None:
        self.seen: list[_T] = []

    def __call__(self, given: _T) -> None:
        """Keep it."""
        self.seen.append(given)


class MemoryMetrics:
    """Metrics that add up: `metrics["findings"]` is the total, 0 for what was never counted."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, name: str, value: float) -> None:
        """Add to the total of a name."""
        with self._lock:
            self.totals[name] += value  # type: ignore[assignment]  # a Counter adds floats too

    def __getitem__(self, name: str) -> float:
        return self.totals[name]


class MemoryVerbs:
    """A world of states by target uid, and the verbs of core.actions over it.

    `writes` lists what was changed, as (target uid, state), in order. A write that finds its
    state already there changes nothing and is not listed. `facts` is what each verb answers.
    """

    def __init__(
        self, world: dict[str, State] | None = None, facts: Mapping[str, Any] | None = None
    ) -> None:
        self.world: dict[str, State] = {} if world is None else world
        self.facts: dict[str, Any] = dict(facts or {})
        self.writes: list[tuple[str, State]] = []
        self.verbs: Verbs = {name: self.verb(**fields) for name, fields in WANTED.items()}

    def verb(self, **fields: Any) -> Verb:
        """A verb that wants these fields set and leaves the others as they are."""

        def read(target: Target) -> State:
            if target.uid not in self.world:
                raise NotFound(f"{target.uid} does not exist")
            return self.world[target.uid]

        def want(target: Target, before: State, at: int) -> State:
            return {**(before or {}), **fields}

        def write(target: Target, old: State, new: State) -> None:
            if read(target) != new:
                self.world[target.uid] = new
                self.writes.append((target.uid, new))

        return Verb(read=read, want=want, write=write, facts=lambda _: dict(self.facts))


def world_verb(world: dict[str, State], **fields: Any) -> Verb:
    """One verb over a world of states by target uid: it wants `fields` set on the target."""
    return MemoryVerbs(world).verb(**fields)


WANTED: Mapping[str, Mapping[str, Any]] = {
    "disable_access_key": {"status": "Inactive"},
    "revoke_sessions": {"revoked": True},
    "remove_grant": {"attached": False},
    "close_ingress": {"permissions": []},
    "block_public_storage": {"blocked": True},
    "restore_audit_logging": {"logging": True},
}
