"""The local state: a folder with a Store, a journal and, if the user wants, a response policy.

`vigil.db` is the Store, `journal/` the audit journal, `policy.json` the policy (absent: nothing may
be done but what a person asks for). Reading makes no folder. This file decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from core import config
from core.audit import ChainVerdict, verify
from core.config import Policy
from core.errors import BadConfig
from core.model import Finding
from core.ports import system_clock
from core.report import Response, response
from functions.local.adapters import FileJournal, SqliteStore
from functions.local.terminal import fail, warn

__all__ = ["Home", "chains", "findings", "one_finding", "one_response", "opened", "responses"]


_T = TypeVar("_T")


class Home(NamedTuple):
    """An opened folder of local state."""

    path: Path
    store: SqliteStore
    journal: FileJournal

    def policy(self) -> Policy:
        """What may be done; by default nothing. BadConfig names the file."""
        path = self.path / "policy.json"
        if not path.exists():
            return Policy()
        try:
            return config.policy(path.read_bytes())
        except BadConfig as error:
            raise BadConfig([f"{path}: {fault}" for fault in error.faults]) from error


@contextmanager
def opened(path: Path, *, create: bool = False) -> Iterator[Home]:
    """The state in this folder; wrong use when there is none."""
    if not create and not (path / "vigil.db").is_file():
        fail(f"no state in {path}; name its folder with --home, or make some with `vigil demo`")
    path.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(path / "vigil.db", system_clock)
    try:
        yield Home(path, store, FileJournal(path / "journal"))
    finally:
        store.close()


def findings(home: Home) -> list[Finding]:
    """All findings, in order of time."""
    found = []
    for uid, entry in home.store.scan("finding"):
        try:
            found.append(msgspec.convert(entry.value["finding"], Finding))
        except (KeyError, msgspec.ValidationError) as error:
            warn(f"finding {uid} in {home.path} can't be read and is left out: {error}")
    return sorted(found, key=lambda one: (one.time, one.uid))


def responses(home: Home) -> list[Response]:
    """All actions, undos among them, in the order asked."""
    found = []
    for uid, entry in home.store.scan("action"):
        try:
            found.append(response(entry.value))
        except msgspec.ValidationError as error:
            warn(f"action {uid} in {home.path} can't be read and is left out: {error}")
    return sorted(found, key=lambda one: (one.action.requested_at, one.action.uid))


def chains(home: Home, name: str = "") -> list[ChainVerdict]:
    """The verdict on one chain, or on all that the journal or the Store knows of."""
    anchored = {id for id, _ in home.store.scan("chain")}
    names = {*home.journal.chains(), *anchored}
    if name and name not in names:
        fail(f"no audit chain '{name}' in {home.path}; there are {', '.join(sorted(names))}")
    return [verify(home.journal, home.store, one) for one in sorted({name} if name else names)]


def one_finding(home: Home, uid: str) -> Finding:
    """The finding of which `uid` is the whole uid or its only beginning."""
    return _only("finding", uid, {one.uid: one for one in findings(home)})


def one_response(home: Home, uid: str) -> Response:
    """The action of which `uid` is the whole uid or its only beginning."""
    return _only("action", uid, {one.action.uid: one for one in responses(home)})


def _only(what: str, start: str, known: dict[str, _T]) -> _T:
    found = [uid for uid in known if uid.startswith(start)]
    if len(found) != 1:
        count = f"{len(found)} {what}s begin" if found else f"no {what} begins"
        fail(f"{count} with '{start}'; see them with `vigil {what}s list`")
    return known[found[0]]
