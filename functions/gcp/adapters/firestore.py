"""A Store in one Firestore database, over its REST API.

An entry is the document `vigil/{kind}/entries/{name}` with `value` (JSON text), `version` and
`expires` (a timestamp: the field of the TTL policy of the collection group `entries`). What is
stored is core's affair; how a call is made and refused is rest.py's.
https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases.documents,
https://firebase.google.com/docs/firestore/quotas and .../docs/firestore/ttl.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from core.errors import Conflict, Reject
from core.hostile import printable
from core.model import to_json
from core.ports import Clock, Entry, check_id
from functions.gcp.adapters.own import own
from functions.gcp.rest import Answer, Call, Request, path

__all__ = ["FirestoreStore"]

DOCUMENT_BYTES = 1024 * 1024
"""Firestore's limit of a document."""

OVERHEAD = 8 * 1024
"""More than the names of a document and its fields, the other fields and the text's end take."""

PAGE = 100
REMEMBERED = 1_000


class _Seen(NamedTuple):
    """A document as it was read or written: what a condition on it needs."""

    version: int
    updated: str
    """Firestore's own version: the time of the last change, growing with each."""
    expires: int | None


class FirestoreStore:
    """Versioned values, each written on condition that its document is as it was last seen.

    Firestore's condition is a time that it gives to each change, so the one that belongs to a
    version is kept from when it was read or written; if it isn't at hand, the document is read
    first. An expired document is deleted within a day or so. Until then it counts as absent here.
    """

    def __init__(self, call: Call, project: str, database: str, clock: Clock) -> None:
        self._call, self._clock = call, clock
        self._root = f"projects/{project}/databases/{database}/documents"
        self._url = path(
            "v1/projects/{project}/databases/{database}/documents",
            project=project,
            database=database,
        )
        self._seen: dict[tuple[str, str], _Seen] = {}

    def get(self, kind: str, id: str) -> Entry | None:
        """The value as last written; None if there is none or it expired."""
        check_id(id)
        found = self._read(kind, id)
        return found[0] if found and self._live(found[1]) else None

    def put(
        self,
        kind: str,
        id: str,
        value: Mapping[str, Any],
        *,
        version: int,
        expires: int | None = None,
    ) -> int:
        """Write on condition of the version; the new version. Reject over 1 MiB."""
        check_id(id)
        text = to_json(value).decode()
        size = len(text.encode()) + OVERHEAD
        if size > DOCUMENT_BYTES:
            raise Reject(f"{kind} {id} takes {size} bytes; Firestore stores {DOCUMENT_BYTES}")
        fields = {"value": {"stringValue": text}, "version": {"integerValue": str(version + 1)}}
        if expires is not None:
            fields["expires"] = {"timestampValue": _timestamp(expires)}
        document = {"name": self._name(kind, id), "fields": fields}
        updated = (self._replace if version else self._create)(kind, id, document, version)
        if updated is None:
            self._seen.pop((kind, id), None)
            raise Conflict(f"{kind} {id} is no longer at version {version}")
        self._remember(kind, id, _Seen(version + 1, updated, expires))
        return version + 1

    def scan(self, kind: str) -> Iterator[tuple[str, Entry]]:
        """Every live value of a kind; documents come in order of their names."""
        query = {"pageSize": str(PAGE)}
        while True:
            request = Request(
                "GET", "firestore", self._url + path("vigil/{k}/entries", k=kind), query
            )
            with own():
                page = self._call(request).json
            for document in page.get("documents", ()):
                id = _id(document["name"])
                entry, seen = self._opened(kind, id, document)
                if self._live(seen):
                    yield id, entry
            if not page.get("nextPageToken"):
                return
            query = {**query, "pageToken": page["nextPageToken"]}

    def _create(self, kind: str, id: str, document: Mapping[str, Any], _: int) -> str | None:
        """When it was written; None if there is a live value. An expired one is replaced."""
        if updated := self._commit(document, {"exists": False}):
            return updated
        found = self._read(kind, id)
        if found is None or self._live(found[1]):
            return None
        return self._commit(document, {"updateTime": found[1].updated})

    def _replace(self, kind: str, id: str, document: Mapping[str, Any], version: int) -> str | None:
        """When it was written; None if there is another version, or none that lives."""
        seen = self._seen.get((kind, id))
        if seen is None or seen.version != version:
            found = self._read(kind, id)
            seen = found[1] if found else None
        if seen is None or seen.version != version or not self._live(seen):
            return None
        return self._commit(document, {"updateTime": seen.updated})

    def _commit(self, document: Mapping[str, Any], condition: Mapping[str, Any]) -> str | None:
        """The time of the change; None if the condition does not hold."""
        write = {"update": document, "currentDocument": condition}
        with own():
            answer = self._call(
                Request(
                    "POST",
                    "firestore",
                    f"{self._url}:commit",
                    body={"writes": [write]},
                    passes=(400, 404, 409),
                )
            )
        if answer.status < 300:
            return str(answer.json["writeResults"][0]["updateTime"])
        if answer.reason in LOST:
            return None
        raise Reject(f"firestore commit: {answer.status} {_message(answer)}")

    def _read(self, kind: str, id: str) -> tuple[Entry, _Seen] | None:
        """The document, expired or not. A batch, since there a missing one is no missing path."""
        names = {"documents": [self._name(kind, id)]}
        request = Request("POST", "firestore", f"{self._url}:batchGet", body=names, reads=True)
        with own():
            (found,) = (each for each in self._call(request).json if {*each} & {"found", "missing"})
        return self._opened(kind, id, found["found"]) if "found" in found else None

    def _opened(self, kind: str, id: str, document: Mapping[str, Any]) -> tuple[Entry, _Seen]:
        fields = document["fields"]
        expires = fields.get("expires", {}).get("timestampValue")
        version = int(fields["version"]["integerValue"])
        seen = _Seen(version, document["updateTime"], _ms(expires) if expires else None)
        self._remember(kind, id, seen)
        return Entry(msgspec.json.decode(fields["value"]["stringValue"]), version), seen

    def _remember(self, kind: str, id: str, seen: _Seen) -> None:
        if len(self._seen) >= REMEMBERED:
            self._seen.clear()
        self._seen[kind, id] = seen

    def _live(self, seen: _Seen) -> bool:
        return seen.expires is None or seen.expires > self._clock()

    def _name(self, kind: str, id: str) -> str:
        return f"{self._root}/vigil/{kind}/entries/{_encoded(id)}"


def _encoded(id: str) -> str:
    """The id as a document's name, in the order of its bytes: base64 with an alphabet in order.

    A name may be 1,500 bytes and hold neither `/` nor be `.`, `..` or `__...__`; 1,024 bytes of any
    text make 1,366 of this alphabet.
    """
    return base64.b64encode(id.encode()).translate(ORDERED, b"=").decode()


def _id(name: str) -> str:
    """The id of a document by its full name."""
    last = name.rpartition("/")[2].encode()
    return base64.b64decode(last.translate(USUAL) + b"=" * (-len(last) % 4)).decode()


def _timestamp(ms: int) -> str:
    moment = EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ms(timestamp: str) -> int:
    return (datetime.fromisoformat(timestamp) - EPOCH) // timedelta(milliseconds=1)


def _message(answer: Answer) -> str:
    said = answer.json.get("error", {}).get("message", "")
    return printable(f"{answer.reason}: {said}", 300)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
IN_ORDER = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz~"
ORDERED = bytes.maketrans(BASE64, IN_ORDER)
USUAL = bytes.maketrans(IN_ORDER, BASE64)

LOST = frozenset({"ALREADY_EXISTS", "FAILED_PRECONDITION", "NOT_FOUND", "ABORTED"})
"""A condition that does not hold: there is one, it changed, it is gone, others write it now."""
