"""A Store in one table of Table Storage. It knows keys, sizes and ETags, and no kind of value.

PartitionKey is the kind, RowKey the id in an alphabet that keys allow and that keeps their order.
Facts: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
(keys: 1 KiB of UTF-16, no slashes, `#`, `?` or control characters; a text 64 KiB, an entity 1 MiB).
Why so: docs/decisions/0098.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import msgspec

from core.errors import Conflict, NotFound, Reject
from core.model import to_json
from core.ports import Clock, Entry, check_id
from functions.azure.adapters.own import Own

__all__ = ["TableStore", "row_key"]

VERSION = "2021-12-02"
HEADERS: Mapping[str, str] = {
    "x-ms-version": VERSION,
    "DataServiceVersion": "3.0",
    "Accept": "application/json;odata=minimalmetadata",  # the least that shows ETags
}

KEY_CHARS = 512
"""1 KiB of UTF-16."""

CUT = KEY_CHARS - 33
"""Where a longer key is cut, to be ended by `~` and 32 hex digits of its SHA-256."""

PART_CHARS = 16_000
"""Characters of a value in one property: 64 KiB of UTF-16 even if each takes two units."""

ENTITY_BYTES = 1024 * 1024
ENTITY_OVERHEAD = 4096
"""More than the names of the properties and all but the value and the keys take."""

PAGE = "x-ms-continuation-"


class TableStore:
    """Properties: `id` as it was put, `version`, `expires` (ms), the value's JSON in `v00`...

    Table Storage has conditions on ETags alone, and no expiry. So a write reads the version and
    its ETag first, unless nothing should be stored; and an expired entity counts as absent until
    a write replaces it or `expunge` takes it away.
    """

    def __init__(self, own: Own, table: str, clock: Clock) -> None:
        self._own, self._table, self._clock = own, table, clock

    def get(self, kind: str, id: str) -> Entry | None:
        """The value as last written; None if there is none or it expired."""
        check_id(id)
        return self._live(self._stored(kind, id))

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
        entity = _entity(kind, id, value, version + 1, expires)
        if version == 0 and self._inserted(entity):
            return 1
        stored = self._stored(kind, id)
        live = self._live(stored)
        if stored is None or version != (live.version if live else 0):
            raise Conflict(f"{kind} {id[:80]!a} is no longer at version {version}")
        self._own.call(
            "PUT",
            self._path(stored),
            headers={**HEADERS, "If-Match": stored["odata.etag"]},
            body=_wire(entity),
        )
        return version + 1

    def scan(self, kind: str) -> Iterator[tuple[str, Entry]]:
        """Every live value of a kind. Only keys that were cut are out of order, among themselves;
        those that begin alike are sorted here by what they stand for.
        """
        found = self._query(f"PartitionKey eq '{row_key(kind)}'")
        for _, alike in groupby(found, lambda entity: str(entity["RowKey"])[:CUT]):
            for entity in sorted(alike, key=_id_bytes):
                entry = self._live(entity)
                if entry:
                    yield msgspec.json.decode(entity["id"]), entry

    def expunge(self) -> int:
        """Delete what has expired, unless somebody writes it anew meanwhile; how many that were."""
        gone, (rest, service) = 0, self._own
        for entity in self._query(f"expires le {self._clock()}L"):
            headers = {**HEADERS, "If-Match": entity["odata.etag"]}
            try:
                rest.call(service, "DELETE", self._path(entity), headers=headers)
            except (Conflict, NotFound):  # written anew, or another sweep was here
                continue
            gone += 1
        return gone

    def _inserted(self, entity: Mapping[str, Any]) -> bool:
        """Whether the entity could be written as a new one."""
        headers = {**HEADERS, "Prefer": "return-no-content"}
        try:
            self._own.call("POST", f"/{self._table}", headers=headers, body=_wire(entity))
        except Conflict:
            return False
        return True

    def _stored(self, kind: str, id: str) -> Mapping[str, Any] | None:
        keys = f"PartitionKey eq '{row_key(kind)}' and RowKey eq '{row_key(id)}'"
        return next(self._query(keys), None)

    def _query(self, condition: str) -> Iterator[Mapping[str, Any]]:
        following: Mapping[str, str] = {}
        while True:
            answer = self._own.call(
                "GET",
                f"/{self._table}()",
                query={"$filter": condition, **following},
                headers=HEADERS,
            )
            yield from answer.json()["value"]
            following = {
                name: answer.headers[PAGE + name]
                for name in ("NextPartitionKey", "NextRowKey")
                if answer.headers.get(PAGE + name)
            }
            if not following:
                return

    def _path(self, entity: Mapping[str, Any]) -> str:
        keys = f"PartitionKey='{entity['PartitionKey']}',RowKey='{entity['RowKey']}'"
        return f"/{self._table}({keys})"

    def _live(self, entity: Mapping[str, Any] | None) -> Entry | None:
        if entity is None or ("expires" in entity and int(entity["expires"]) <= self._clock()):
            return None
        parts = sorted(name for name in entity if PART.fullmatch(name))
        text = "".join(entity[name] for name in parts)
        return Entry(msgspec.json.decode(text), int(entity["version"]))


def row_key(id: str) -> str:
    """The id as a key: letters, digits and `-` are themselves, any other byte is a lead and two
    hex digits. The lead is chosen so that keys sort as the ids' bytes do. Over 512 characters the
    key is cut and ended by a digest; the entity's own `id` says what it stands for.
    """
    key = "".join(CODES[byte] for byte in id.encode())
    if len(key) <= KEY_CHARS:
        return key
    return f"{key[:CUT]}~{hashlib.sha256(id.encode()).hexdigest()[:32]}"


def _entity(
    kind: str, id: str, value: Mapping[str, Any], version: int, expires: int | None
) -> dict[str, Any]:
    text = _text(value)
    units = len((text + _text(id)).encode("utf-16-le")) + 4 * KEY_CHARS
    if units + ENTITY_OVERHEAD > ENTITY_BYTES:
        raise Reject(f"{kind} {id[:80]!a} takes {units} bytes; Table Storage stores {ENTITY_BYTES}")
    entity = {
        "PartitionKey": row_key(kind),
        "RowKey": row_key(id),
        "id": _text(id),
        "version": version,
    }
    if expires is not None:
        entity |= {"expires@odata.type": "Edm.Int64", "expires": str(expires)}
    starts = range(0, len(text), PART_CHARS)
    return entity | {
        f"v{number:02}": text[start : start + PART_CHARS] for number, start in enumerate(starts)
    }


def _id_bytes(entity: Mapping[str, Any]) -> bytes:
    return msgspec.json.decode(entity["id"], type=str).encode()


def _text(value: Any) -> str:
    """JSON; what XML can't hold is escaped, for the service once spoke nothing else."""
    return ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", to_json(value).decode())


def _wire(entity: Mapping[str, Any]) -> bytes:
    """JSON in ASCII: the emulator reads a body in pieces and breaks what lies across two."""
    return json.dumps(entity).encode()


def _code(byte: int) -> str:
    """A byte in a key. A lead sorts behind the last byte before its range that is itself."""
    character = chr(byte)
    if character == "-" or (character.isascii() and character.isalnum()):
        return character
    lead = next(lead for lead, first in reversed(tuple(LEADS.items())) if byte >= first)
    return f"{lead}{byte:02X}"


LEADS: Mapping[str, int] = {"!": 0x00, ".": 0x2E, ":": 0x3A, "[": 0x5B, "{": 0x7B}
"""Lead -> the first byte of its range; between the ranges are the bytes that are themselves."""

CODES = tuple(map(_code, range(256)))

ODD = re.compile("[\x7f-\x9f\ufffe\uffff]")

PART = re.compile(r"v[0-9]{2}", re.ASCII)
