"""The holes that a platform fills; each is a plain callable or a Protocol of at most three methods.

core.memory fills all of them for tests, replays and the demo; tests/contract holds every platform
to the same behaviour. This file decides nothing: what is stored, told or done is core's affair,
where and how is the platform's. A port raises Retry when the call may succeed later and Reject
when it never will (core.errors); no other exception crosses a port on purpose.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from core.errors import Reject
from core.model import Action, Alert, Event, Json, NativeRecord, Rejected, State, Target
from core.rulebook import Expr

__all__ = [
    "Clock",
    "Derive",
    "Derived",
    "Entry",
    "Inventory",
    "Journal",
    "Metrics",
    "Must",
    "NeutralTable",
    "Queue",
    "Rejects",
    "Sink",
    "Source",
    "Store",
    "Telemetry",
    "Verb",
    "Verbs",
    "check_id",
    "check_line",
    "system_clock",
]

Clock: TypeAlias = Callable[[], int]
"""Now, in epoch milliseconds."""

Sink: TypeAlias = Callable[[Alert], None]
"""Deliver one alert. Called again with the same key after a crash: show it once if it can."""

Metrics: TypeAlias = Callable[[str, float], None]
"""Count something by name: `findings`, `records`, `rejected`, ..."""

Rejects: TypeAlias = Callable[[Rejected], None]
"""Set input aside with its reason, where an operator finds it."""

Queue: TypeAlias = Callable[[Action], None]
"""Put an action on the respond function's queue. At least once; order is not promised."""


class Entry(NamedTuple):
    """A stored value and its version, which grows by one with each write."""

    value: Mapping[str, Any]
    version: int


class Store(Protocol):
    """JSON values by kind and id, each written on condition of the version that was read."""

    def get(self, kind: str, id: str) -> Entry | None:
        """The value as last written (strongly consistent); None if there is none or it expired."""

    def put(
        self,
        kind: str,
        id: str,
        value: Mapping[str, Any],
        *,
        version: int,
        expires: int | None = None,
    ) -> int:
        """Write if the stored version still is `version` (0: nothing is stored), else Conflict.

        Returns the new version. `expires` (epoch ms): from then on `get` may answer None, and
        until then it never does.
        """

    def scan(self, kind: str) -> Iterator[tuple[str, Entry]]:
        """Every live value of a kind, in order of id."""


class Journal(Protocol):
    """Write-once lines, in chains. A chain is named by the function that writes it."""

    def append(self, chain: str, seq: int, line: bytes) -> None:
        """Write line number `seq` (from 1, no newline in it); Conflict if that number is taken."""

    def read(self, chain: str, start: int = 1) -> Iterator[tuple[int, bytes]]:
        """(seq, line) from `start` on, in order of seq, as stored, gaps included."""

    def chains(self) -> Iterator[str]:
        """The names of all chains."""


class Verb(NamedTuple):
    """One verb on one platform, as a lens: what is there, what should be, make it so.

    Undo is `write` with the two states exchanged, so an action can't exist without it.
    """

    read: Callable[[Target], State]
    """The part of the target's state that this verb changes, and no more. NotFound if absent."""

    want: Callable[[Target, State, int], State]
    """The state wanted, from the state before and the decision time (epoch ms). Pure.
    Equal to `before` when there is nothing to do."""

    write: Callable[[Target, State, State], None]
    """Bring the target from the first state to the second. Doing it twice is doing it once."""

    facts: Callable[[Target], Mapping[str, Any]] = lambda _: {}
    """What the guard must know and only the cloud can say: {"last_administrator": bool, ...}."""


Verbs: TypeAlias = Mapping[str, Verb]
"""Verb name -> its lens on this platform."""

Inventory: TypeAlias = Mapping[str, Callable[[], Iterable[Event]]]
"""Resource kind -> all resources of it, as posture events. A kind that can't be read raises."""

Derive: TypeAlias = Callable[[NativeRecord], list[Json]]
"""What a field that no record holds as such would be: its values, [] where it is absent. Pure, and
it never raises, whatever the record is like."""


class Derived(msgspec.Struct, frozen=True):
    """A Derive that tells what it looks at, so that a record need not be opened for it."""

    of: Derive
    reads: tuple[str, ...] = ()
    """The native paths that it reads, all of them; a header that has them can tell the field."""
    says: tuple[str, ...] | None = None
    """The texts that it may give beside values of the record; None: it may give any."""

    def __call__(self, record: NativeRecord) -> list[Json]:
        """The field's values."""
        return self.of(record)


class Must(NamedTuple):
    """A native test that holds wherever an OCSF field has a value, and perhaps elsewhere too."""

    expr: Expr


NeutralTable: TypeAlias = Mapping[str, str | Derived | Mapping[str | int | bool, Expr | Must]]
"""OCSF field -> the native field that it is (text, or absent where it is not text), or what derives
it from a few, or all its values, each with the native test that decides (an Expr) or at least must
hold (a Must)."""


class Source(NamedTuple):
    """A kind of native record: how to know it, where to route on, how to read it.

    A logsource whose records have several shapes is as many sources of one name, which differ in
    their marks alone: they share event reader, aliases, derived fields and targets.
    """

    name: str
    """Sigma logsource as `product/service`: aws/cloudtrail."""

    keys: tuple[str, ...]
    """A record of this source has all of these at its top level."""

    route: str
    """Top-level text field that most rules of this source name exactly: eventName."""

    time: str
    uid: str

    event: Callable[[NativeRecord], Event]
    """Native record -> Event. BadRecord when a required part is missing or of a wrong kind."""

    aliases: Mapping[str, tuple[str, ...]] = {}
    """Field as rules write it -> native paths, the first that exists counts."""

    derived: Mapping[str, Derive] = {}
    """Field as rules write it -> its values, where no native path leads there. Goes before an alias
    of the same name, and includes what that would find."""

    also: tuple[str, ...] = ()
    """Further logsources whose rules are asked about these records."""

    neutral: Callable[[], NeutralTable] | None = None
    """What rules of the neutral categories can be told by without rendering a record as OCSF; None
    when such rules are not asked about its records."""

    provider: str = ""
    """Provider of its events, as in Event; "" when it is the first part of the name."""

    only: Mapping[str, tuple[str, ...]] = {}
    """Native path -> values, one of which it has (compared without case)."""

    records: str = ""
    """Key of the list in a file or envelope: Records."""

    targets: Callable[[str, Event], tuple[Target, ...]] = lambda kind, event: ()
    """Target kind (core.actions) and event -> what a verb of that kind would act on."""

    fields: tuple[str, ...] = ()
    """Every field that its records may have, for the checks of rules; () when that is not known.
    `a.b` has one value, `a[].b` may have several, and below `a.*` anything may be."""

    off: tuple[Telemetry, ...] = ()
    """What is off by default."""


class Telemetry(NamedTuple):
    """Records of a source that its cloud does not write, or deliver, unless it is asked to."""

    need: str
    """What a rule says in `needs` (core.sigma.about.NEEDS)."""

    what: str
    """Which records, for people: "data events of S3"."""

    where: Mapping[str, tuple[str, ...]] = {}
    """Native field -> folded values, any of which these records have; `*` in one is any text. Of
    several fields all count. {}: every record of the source."""

    but: Mapping[str, tuple[str, ...]] = {}
    """The same for those that are delivered all the same: having any of the values is enough."""


def system_clock() -> int:
    """The machine's clock as a Clock port."""
    return time.time_ns() // 1_000_000


def check_id(id: str) -> None:
    """What every Store refuses: an id that is empty, over 1,024 bytes or no valid Unicode."""
    try:
        size = len(id.encode())
    except UnicodeEncodeError as error:
        raise Reject(f"id {id!a} is not valid Unicode") from error
    if not 0 < size <= ID_BYTES:
        raise Reject(f"id {id[:40]!a}... has {size} bytes; it must have 1 to {ID_BYTES}")


def check_line(chain: str, seq: int, line: bytes) -> None:
    """What every Journal refuses: an odd chain name, a number below 1, a newline in the line."""
    if not CHAIN.fullmatch(chain):
        raise Reject(f"chain name {chain!a} must be 1 to 64 letters, digits, '.', '_' or '-'")
    if not 1 <= seq < 10**12:
        raise Reject(f"line number {seq} of {chain} is not between 1 and 999,999,999,999")
    if b"\n" in line:
        raise Reject(f"line {seq} of {chain} has a newline in it")


ID_BYTES = 1024
"""The smallest limit of the platforms' stores: a DynamoDB sort key has at most 1,024 bytes."""

CHAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A chain's name is part of file names and object keys, so it may hold nothing that leads away."""
