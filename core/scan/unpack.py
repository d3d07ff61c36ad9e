"""Bytes of a file, gzipped or not, as plain blocks; never more than a limit, never all at once.

It knows gzip, and Avro by avro.py, and nothing of JSON. A broken stream gives what was readable and
then one BadRecord.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from isal import isal_zlib

from core.errors import BadRecord
from core.scan.avro import MAGIC, bodies

__all__ = ["BLOCK", "blocks"]

BLOCK = 1 << 22
"""Bytes read at once, as stored."""

MOST_OUT = 1 << 24
"""Bytes of the first decompressed block at most: a usual log file is one block, never copied."""

LEAST_OUT = 1 << 20
"""Room for it at least: the size that stands at the end of the stream may be a lie."""

STEP = 1 << 16
"""Bytes of the blocks after it. A damaged stream gives all but the last of them."""

SLICE = 1 << 12
"""Bytes that are tried of a member after the first."""

_ZEROS: Any = re.compile(rb"\0*")

_BROKEN: Any = (isal_zlib.error, zlib.error)
"""The two are not related."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def blocks(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """The decompressed content without its byte order mark.

    BadRecord when a gzip stream is cut short or damaged, or the content is larger than `limit`
    bytes: raised after the blocks that could be read.
    """
    total = 0
    for block in _as_utf8(_opened(stream)):
        total += len(block)
        if total > limit:
            yield block[: limit - total]
            raise BadRecord(f"more than {limit} bytes when decompressed: the rest is left unread")
        yield block


def _opened(stream: BinaryIO) -> Iterator[bytes]:
    head = stream.read(BLOCK)
    if head[:2] == _GZIP:
        yield from _gunzipped(stream, head)
        return
    if head[:4] == MAGIC:
        yield from bodies(head, stream)
        return
    while head:
        yield head
        head = stream.read(BLOCK)


def _gunzipped(stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    """Every member, one after the other; padding with zeros at the end is allowed, as in gzip."""
    stored = _Stored(stream, head)
    piece = head
    while piece:
        member, block = _begun(piece)
        fresh = block is None
        yield block or b""
        piece = piece if fresh else member.unconsumed_tail
        while not member.eof:
            piece = piece or stored.rest()
            try:
                block = member.decompress(piece, STEP)
            except _BROKEN as error:
                raise BadRecord(f"damaged gzip stream: {error}") from error
            yield block
            if not piece and not block and not member.eof:
                raise BadRecord("gzip stream is cut short: its end is missing")
            piece = member.unconsumed_tail
        piece = stored.after(len(member.unused_data))
        if piece and not _GZIP.startswith(piece[:2]):
            raise BadRecord("something that is not gzip follows the gzip stream")


class _Stored:
    """The bytes of a stream, of which the first were taken as `head`."""

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        self._stream, self._block, self._at = stream, head, len(head)

    def rest(self) -> bytes:
        """What is left of this block, else the next."""
        if self._at == len(self._block):
            self._block, self._at = self._stream.read(BLOCK), 0
        found, self._at = self._block[self._at :], len(self._block)
        return found

    def after(self, unused: int) -> bytes:
        """The beginning of the next member, of what was taken and not used on, zeros left aside.

        A little of it: what follows a member's end is copied, and there may be a hundred thousand
        of them in a block.
        """
        self._at = _ZEROS.match(self._block, self._at - unused).end()
        if self._at == len(self._block):
            self._block, self._at = self._stream.read(BLOCK).lstrip(b"\0"), 0
        found = self._block[self._at : self._at + SLICE]
        self._at += len(found)
        return found


def _begun(data: bytes) -> tuple[Any, bytes | None]:
    """A member and its first large block; None when it is damaged and must go step by step."""
    member = isal_zlib.decompressobj(31)
    told = int.from_bytes(data[-4:], "little") + 1  # how much a gzip stream says it unpacks to
    try:
        return member, member.decompress(data, min(max(told, LEAST_OUT), MOST_OUT))
    except _BROKEN:
        return isal_zlib.decompressobj(31), None


def _as_utf8(found: Iterator[bytes]) -> Iterator[bytes]:
    """The text without its byte order mark; UTF-16, as PowerShell writes it, made UTF-8. What is
    damaged in that is U+FFFD, so that it costs its own record at most.
    """
    decoder = None
    first = True
    for block in found:
        if block and first:
            first = False
            if block[:2] in _UTF16:
                decoder = codecs.getincrementaldecoder("utf-16")("replace")
            block = block.removeprefix(_BOM)  # noqa: PLW2901 - the same block, less three bytes
        yield block if decoder is None else decoder.decode(block).encode()
    if decoder is not None:
        yield decoder.decode(b"", final=True).encode()
