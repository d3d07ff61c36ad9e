"""A Journal of one blob per line, in a container that an immutability policy protects.

Each blob is created on condition that there is none; nothing here overwrites or deletes. That
nobody else does is the policy's affair (Terraform sets it), and core.audit finds out.
Facts: https://learn.microsoft.com/rest/api/storageservices/put-blob and .../list-blobs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

from core.errors import Reject
from core.ports import check_line
from functions.azure.adapters.own import Own

__all__ = ["BlobJournal"]

HEADERS: Mapping[str, str] = {"x-ms-version": "2021-12-02", "Accept": "*/*"}
GET_THREADS = 8


class BlobJournal:
    """Line 1 of chain detect is the blob `detect/000000000001.json`; lists are in names' order."""

    def __init__(self, own: Own, container: str) -> None:
        self._own, self._container = own, container

    def append(self, chain: str, seq: int, line: bytes) -> None:
        """Write line `seq`; Conflict if that number is taken."""
        check_line(chain, seq, line)
        self._own.call(
            "PUT",
            self._path(chain, seq),
            headers={
                **HEADERS,
                "x-ms-blob-type": "BlockBlob",
                "Content-Type": "application/json",
                "If-None-Match": "*",
            },
            body=line,
        )

    def read(self, chain: str, start: int = 1) -> Iterator[tuple[int, bytes]]:
        """(seq, line) from `start` on; blobs of other names beside them are no lines."""
        with ThreadPoolExecutor(GET_THREADS) as pool:
            for page in self._pages("Blob", prefix=f"{chain}/"):
                names = [name.removeprefix(f"{chain}/") for name in page]
                numbers = [int(name[:12]) for name in names if LINE_NAME.fullmatch(name)]
                wanted = [seq for seq in numbers if seq >= start]
                lines = pool.map(lambda seq: self._line(chain, seq), wanted)
                yield from zip(wanted, lines, strict=True)

    def chains(self) -> Iterator[str]:
        """The names of all chains."""
        for page in self._pages("BlobPrefix", delimiter="/"):
            yield from (name.rstrip("/") for name in page)

    def _path(self, chain: str, seq: int) -> str:
        return f"/{self._container}/{chain}/{seq:012d}.json"

    def _line(self, chain: str, seq: int) -> bytes:
        return self._own.call("GET", self._path(chain, seq), headers=HEADERS).content

    def _pages(self, what: str, **query: str) -> Iterator[list[str]]:
        """Names of blobs or of prefixes, 5,000 at a time."""
        marker = ""
        while True:
            asked = {"restype": "container", "comp": "list", **query}
            answer = self._own.call(
                "GET",
                f"/{self._container}",
                headers=HEADERS,
                query={**asked, **({"marker": marker} if marker else {})},
            )
            listed = _xml(answer.content)
            yield [each.findtext("Name", "") for each in listed.iterfind(f"Blobs/{what}")]
            marker = listed.findtext("NextMarker", "")
            if not marker:
                return


def _xml(content: bytes) -> ET.Element:
    try:
        return ET.fromstring(content)  # noqa: S314  # Storage's own answer, over TLS
    except ET.ParseError as error:
        raise Reject(f"a list of Blob Storage that is not XML: {error}") from error


LINE_NAME = re.compile(r"[0-9]{12}\.json", re.ASCII)
