"""A Journal of one object per line in a Cloud Storage bucket, over its JSON API.

Each object is created on condition that there is none. Nothing here overwrites or deletes; that
nobody else does is the affair of the bucket's locked retention, and core.audit finds out.
https://cloud.google.com/storage/docs/json_api/v1/objects and
https://cloud.google.com/storage/docs/request-preconditions.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from core.model import to_json
from core.ports import check_line
from functions.gcp.adapters.own import own
from functions.gcp.rest import Call, Request, path

__all__ = ["StorageJournal"]

GET_THREADS = 8


class StorageJournal:
    """Lines as objects `journal/{chain}/{seq}.json`, in a bucket that retains them."""

    def __init__(self, call: Call, bucket: str, prefix: str = "journal/") -> None:
        self._call, self._bucket, self._prefix = call, bucket, prefix
        self._objects = path("storage/v1/b/{bucket}/o", bucket=bucket)

    def append(self, chain: str, seq: int, line: bytes) -> None:
        """Write line `seq`; Conflict if that number is taken or being taken."""
        check_line(chain, seq, line)
        content_type, body = _multipart(self._name(chain, seq), line)
        with own():
            self._call(
                Request(
                    "POST",
                    "storage",
                    f"/upload{self._objects}",
                    {"uploadType": "multipart", "ifGenerationMatch": "0"},
                    body=body,
                    headers={"Content-Type": content_type},
                )
            )

    def read(self, chain: str, start: int = 1) -> Iterator[tuple[int, bytes]]:
        """(seq, line) from `start` on; objects of other names beside them are no lines."""
        folder = f"{self._prefix}{chain}/"
        query = {"prefix": folder, "startOffset": self._name(chain, start)}
        with ThreadPoolExecutor(GET_THREADS) as pool:
            for page in self._pages(query):
                names = [item["name"].removeprefix(folder) for item in page.get("items", ())]
                numbers = [int(name[:12]) for name in names if LINE_NAME.fullmatch(name)]
                objects = [self._name(chain, seq) for seq in numbers]
                yield from zip(numbers, pool.map(self._get, objects), strict=True)

    def chains(self) -> Iterator[str]:
        """The names of all chains."""
        for page in self._pages({"prefix": self._prefix, "delimiter": "/"}):
            for folder in page.get("prefixes", ()):
                yield folder.removeprefix(self._prefix).rstrip("/")

    def _pages(self, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        while True:
            with own():
                page = self._call(Request("GET", "storage", self._objects, query)).json
            yield page
            if not page.get("nextPageToken"):
                return
            query = {**query, "pageToken": page["nextPageToken"]}

    def _get(self, name: str) -> bytes:
        where = path("storage/v1/b/{bucket}/o/{object}", bucket=self._bucket, object=name)
        with own():
            return self._call(Request("GET", "storage", where, {"alt": "media"})).body

    def _name(self, chain: str, seq: int) -> str:
        return f"{self._prefix}{chain}/{seq:012d}.json"


def _multipart(name: str, line: bytes) -> tuple[str, bytes]:
    """Content type and body of an upload that Cloud Storage checks: the hash goes with it.

    The boundary is the line's own SHA-256, which the line can't hold.
    """
    boundary = hashlib.sha256(line).hexdigest()
    digest = hashlib.md5(line, usedforsecurity=False).digest()
    about = {
        "name": name,
        "contentType": "application/json",
        "md5Hash": base64.b64encode(digest).decode(),
    }
    parts = (
        ("application/json; charset=UTF-8", to_json(about)),
        ("application/json", line),
    )
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + data + b"\r\n"
        for kind, data in parts
    )
    return f"multipart/related; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


LINE_NAME = re.compile(r"[0-9]{12}\.json", re.ASCII)
