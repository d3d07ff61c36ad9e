"""The chained record of every decision: append it, verify it, read it.

A line is the RFC 8785 form of a Record; its hash covers everything else in it, the hash of the
line before included. The Store keeps an anchor beside the Journal (the last line's number and
hash), so that a journal cut short at its end, or written anew as a whole, is found out too.
This file does not know what is decided, nor where lines are kept.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import rfc8785

from core.errors import Conflict
from core.model import Record
from core.ports import Clock, Journal, Store

__all__ = ["Audit", "ChainVerdict", "records", "verify"]

TRIES = 16
SAFE_INTEGER = 2**53 - 1
"""RFC 8785 has numbers as IEEE doubles; larger integers are written as text."""

TAIL = ("kind", "prev", "seq", "subject")
"""Fields of a Record that sort behind its hash."""

START = "0" * 64
"""`prev` of a chain's first line."""


class ChainVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying one chain gave. `broken` is the first bad line's number, 0 for none."""

    chain: str
    records: int
    broken: int = 0
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether every line is there and is as it was written."""
        return not self.broken


class Audit:
    """Appends to one chain. Two writers may share a chain: the Journal lets one win each number."""

    def __init__(self, journal: Journal, store: Store, chain: str, clock: Clock) -> None:
        self._journal, self._store, self._chain, self._clock = journal, store, chain, clock
        self._head: tuple[int, str] | None = None

    def write(self, kind: str, subject: str, **data: Any) -> Record:
        """Append one record; Conflict when the chain stays contended."""
        for _ in range(TRIES):
            seq, prev = self._head or self._find_head()
            record = Record(
                seq=seq + 1, at=self._clock(), kind=kind, subject=subject, data=_plain(data),
                prev=prev,
            )  # fmt: skip
            record, line = _sealed(record)
            try:
                self._journal.append(self._chain, record.seq, line)
            except Conflict:
                self._head = None
                continue
            self._head = (record.seq, record.hash)
            self._anchor(record)
            return record
        raise Conflict(f"audit chain {self._chain} is contended")

    def _find_head(self) -> tuple[int, str]:
        """From the anchor on, the anchor may lag behind the journal but is never before it."""
        entry = self._store.get("chain", self._chain)
        seq, hash_ = (entry.value["seq"], entry.value["hash"]) if entry else (0, START)
        for number, line in self._journal.read(self._chain, seq + 1):
            seq, hash_ = number, msgspec.json.decode(line)["hash"]
        return seq, hash_

    def _anchor(self, record: Record) -> None:
        for _ in range(TRIES):
            entry = self._store.get("chain", self._chain)
            if entry and entry.value["seq"] >= record.seq:
                return
            value = {"seq": record.seq, "hash": record.hash}
            try:
                self._store.put("chain", self._chain, value, version=entry.version if entry else 0)
            except Conflict:
                continue
            return


def records(journal: Journal, chain: str) -> Iterator[Record]:
    """The records of a chain as stored; msgspec.MsgspecError on a line that is none."""
    for _, line in journal.read(chain):
        yield msgspec.json.decode(line, type=Record)


def verify(journal: Journal, store: Store | None, chain: str) -> ChainVerdict:
    """Recompute a chain. Any changed byte, gap, swap or missing end names its first bad line.

    Without a store the end can't be checked against the anchor.
    """
    anchor = store.get("chain", chain) if store else None
    prev, count, problem = START, 0, ""
    for seq, line in journal.read(chain):
        problem = _fault(count + 1, seq, line, prev, anchor.value if anchor else None)
        if problem:
            break
        count, prev = count + 1, msgspec.json.decode(line)["hash"]
    else:
        if anchor and anchor.value["seq"] > count:
            problem = f"the chain ends here, but its anchor says {anchor.value['seq']} records"
    if problem:
        return ChainVerdict(chain=chain, records=count, broken=count + 1, reason=problem)
    return ChainVerdict(chain=chain, records=count)


def _fault(  # noqa: PLR0911  # one return for each thing that can be wrong
    expected: int, seq: int, line: bytes, prev: str, anchor: Mapping[str, Any] | None
) -> str:
    """What is wrong with one line, empty if nothing is."""
    if seq != expected:
        return f"record {expected} is missing; the next one stored is {seq}"
    try:
        record = msgspec.json.decode(line, type=Record)
        changed = _sealed(record) != (record, line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return f"not a record: {error}"
    except rfc8785.CanonicalizationError:
        changed = True
    if record.seq != expected:
        return f"says it is record {record.seq}"
    if record.prev != prev:
        return "does not follow the record before it"
    if changed:
        return "was changed after it was written"
    if anchor and anchor["seq"] == seq and anchor["hash"] != record.hash:
        return "is not the record that the anchor remembers"
    return ""


def _sealed(record: Record) -> tuple[Record, bytes]:
    """The record with its hash, and its line.

    RFC 8785 sorts keys: the hash stands between `data` and `kind`, so that what is hashed and what
    is written share their two parts.
    """
    head = rfc8785.dumps({"at": record.at, "data": msgspec.to_builtins(record.data)})[:-1]
    tail = rfc8785.dumps({name: getattr(record, name) for name in TAIL})[1:]
    hash = hashlib.sha256(b"%b,%b" % (head, tail)).hexdigest()
    line = b'%b,"hash":"%b",%b' % (head, hash.encode(), tail)
    return msgspec.structs.replace(record, hash=hash), line


def _plain(value: Any) -> Any:
    """The value as RFC 8785 can write it and a reader gets it back."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int) and abs(value) > SAFE_INTEGER:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
