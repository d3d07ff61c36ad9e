"""What the command line looks at: a folder of local state, or a deployment.

In a folder `vigil.db` is the Store, `journal/` the audit journal, `policy.json` the policy (absent:
nothing may be done but what a person asks for). A file is what `terraform output -json` wrote: the
deployment's own Store and journal, and the queue that orders go to. Reading makes no folder and
writes nothing. This file decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from core import config
from core.audit import ChainVerdict, verify
from core.config import Policy
from core.errors import BadConfig
from core.finding import REPLACED
from core.model import Finding
from core.ports import Entry, Journal, Queue, Store, system_clock
from core.report import Response, response
from functions.local import aws
from functions.local.adapters import FileJournal, SqliteStore
from functions.local.terminal import fail, warn

__all__ = [
    "Home",
    "chains",
    "findings",
    "one_finding",
    "one_response",
    "opened",
    "policy",
    "responses",
    "stored_response",
]


_T = TypeVar("_T")


class Home(NamedTuple):
    """Opened state, a folder's or a deployment's."""

    path: Path
    store: Store
    journal: Journal
    chain: str = "local"
    """The chain that a person's commands are recorded in."""
    queue: Queue | None = None
    """Where a deployment takes orders; None: they are carried out here."""
    caller: str = ""
    """Who the deployment's cloud says is asking; empty: the login name is all there is."""


@contextmanager
def opened(path: Path, *, create: bool = False) -> Iterator[Home]:
    """The state in this folder or of this deployment; wrong use when there is none."""
    if path.exists() and not path.is_dir() and not create:
        with aws.deployment(path) as parts:
            yield Home(path, parts.store, parts.journal, "operator", parts.queue, parts.caller)
        return
    if not create and not (path / "vigil.db").is_file():
        fail(
            f"no state in {path}; name its folder, or a deployment's outputs, with --home,"
            " or make some with `vigil demo`"
        )
    path.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(path / "vigil.db", system_clock)
    try:
        yield Home(path, store, FileJournal(path / "journal"))
    finally:
        store.close()


def policy(folder: Path) -> Policy:
    """What may be done by the state in a folder; by default nothing. BadConfig names the file."""
    path = folder / "policy.json"
    if not path.exists():
        return Policy()
    try:
        return config.policy(path.read_bytes())
    except BadConfig as error:
        raise BadConfig([f"{path}: {fault}" for fault in error.faults]) from error


def findings(home: Home) -> list[Finding]:
    """All findings, in order of time."""
    return sorted(_all(home, "finding", _finding), key=lambda one: (one.time, one.uid))


def responses(home: Home) -> list[Response]:
    """All actions, undos among them, in the order asked."""
    return sorted(
        _all(home, "action", response),
        key=lambda one: (one.action.requested_at, one.action.uid),
    )


def chains(home: Home, name: str = "") -> list[ChainVerdict]:
    """The verdict on one chain, or on all that the journal or the Store knows of."""
    anchored = {id for id, _ in home.store.scan("chain")}
    names = {*home.journal.chains(), *anchored}
    if name and name not in names:
        fail(f"no audit chain '{name}' in {home.path}; there are {', '.join(sorted(names))}")
    return [verify(home.journal, home.store, one) for one in sorted({name} if name else names)]


def one_finding(home: Home, uid: str) -> Finding:
    """The finding of which `uid` is the whole uid or its only beginning."""
    return _stored(home, "finding", uid, _finding) or _only(
        "finding", uid, {one.uid: one for one in findings(home)}
    )


def one_response(home: Home, uid: str) -> Response:
    """The action of which `uid` is the whole uid or its only beginning."""
    return stored_response(home, uid) or _only(
        "action", uid, {one.action.uid: one for one in responses(home)}
    )


def stored_response(home: Home, uid: str) -> Response | None:
    """The action of exactly this uid; None if nobody has taken it up yet."""
    return _stored(home, "action", uid, response)


def _finding(value: Mapping[str, Any]) -> Finding:
    return msgspec.convert(value["finding"], Finding)


_Read = Callable[[Mapping[str, Any]], _T]
"""What a stored value of one kind holds; KeyError or ValidationError when it is no such value."""


def _all(home: Home, kind: str, read: _Read[_T]) -> Iterator[_T]:
    for uid, entry in home.store.scan(kind):
        if entry.value.get("state") == REPLACED:
            continue
        if (one := _held(home, kind, uid, entry, read)) is not None:
            yield one


def _stored(home: Home, kind: str, uid: str, read: _Read[_T]) -> _T | None:
    """A whole uid saves reading all there is; a former one leads to what it is now."""
    entry = home.store.get(kind, uid)
    while entry and entry.value.get("state") == REPLACED:
        uid = entry.value["by"]
        entry = home.store.get(kind, uid)
    return _held(home, kind, uid, entry, read) if entry else None


def _held(home: Home, kind: str, uid: str, entry: Entry, read: _Read[_T]) -> _T | None:
    try:
        return read(entry.value)
    except (KeyError, msgspec.ValidationError) as error:
        warn(f"{kind} {uid} in {home.path} can't be read and is left out: {error}")
        return None


def _only(what: str, start: str, known: Mapping[str, _T]) -> _T:
    found = [uid for uid in known if uid.startswith(start)]
    if len(found) != 1:
        count = f"{len(found)} {what}s begin" if found else f"no {what} begins"
        fail(f"{count} with '{start}'; see them with `vigil {what}s list`")
    return known[found[0]]
