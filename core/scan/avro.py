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
        entries: Any = reader(io.BufferedReader(_Whole(head, stream)))
        if not _is_capture(entries.writer_schema):
            raise BadRecord("an Avro file of entries that no Event Hub capture has")
        for entry in entries:
            body = entry.get("Body")
            if body is None:
                continue  # there is nothing in it
            if not isinstance(body, bytes):
                raise BadRecord("an Avro file without bytes as the Body of its entries")
            yield body.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"
    except BadRecord:
        raise
    except Exception as error:  # fastavro lets any error of decoding through
        raise BadRecord(f"damaged Avro file: {type(error).__name__}: {error}") from error


def _is_capture(schema: Any) -> bool:
    """Records with a Body, of nothing that holds itself, or lists: what fastavro reads recurses
    without a limit, and a few bytes may say that a list has millions of elements.
    """
    return isinstance(schema, dict) and "Body" in _fields(schema) and _is_plain(schema)


def _fields(schema: dict[str, Any]) -> set[Any]:
    fields = schema.get("fields")
    return {one.get("name") for one in fields} if isinstance(fields, list) else set()


def _is_plain(schema: Any) -> bool:
    if isinstance(schema, str):
        return schema in _PRIMITIVE
    if isinstance(schema, list):
        return all(map(_is_plain, schema))
    kind = schema.get("type")
    if kind == "record":
        return all(_is_plain(one["type"]) for one in schema["fields"])
    return _is_plain(schema["values"] if kind == "map" else kind)


_PRIMITIVE = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")


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
