"""Event Hub's capture files: Avro, of which the `Body` of each entry is a message as it was sent.

It knows Avro's container only so far as to tell one, and nothing of records. The reader is
fastavro, which the command line installs and the functions don't.
Source: https://learn.microsoft.com/azure/event-hubs/event-hubs-capture-overview
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from core.errors import BadRecord

__all__ = ["MAGIC", "bodies"]

MAGIC = b"Obj\x01"


def bodies(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """The body of each entry as a line; `head` was read from the stream already.

    BadRecord for a file that is no capture, or is damaged: raised after what could be read.
    """
    from fastavro import reader

    try:
        for entry in reader(io.BufferedReader(_Whole(head, stream))):
            body = entry.get("Body") if isinstance(entry, dict) else None
            if not isinstance(body, bytes):
                raise BadRecord("an Avro file without a Body in its entries: no Event Hub capture")
            yield body.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"
    except BadRecord:
        raise
    except Exception as error:  # fastavro lets any error of decoding through
        raise BadRecord(f"damaged Avro file: {type(error).__name__}: {error}") from error


class _Whole(io.RawIOBase):
    """A stream whose beginning was read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = head, stream

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """What was read already, then the rest."""
        found = self._head[: len(buffer)] or self._stream.read(len(buffer))
        self._head = self._head[len(found) :]
        buffer[: len(found)] = found
        return len(found)
