"""The files of a hunt: which they are, and how they are opened. What is in them is core.scan's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from core.errors import BadRecord
from core.scan import Tally

__all__ = ["files", "opened", "size", "total_size"]


def files(paths: Iterable[Path]) -> list[Path]:
    """The files that are meant: those named, and all below the folders named, in sorted order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(sorted(p for p in path.rglob("*") if p.is_file()))
        elif path.exists():
            found.append(path)
        else:
            raise BadRecord(f"no such file or folder: {path}")
    return found


def total_size(paths: Iterable[Path]) -> int:
    """Bytes of all files that are meant, as stored."""
    return sum(size(path) for path in files(paths))


def opened(path: Path, tally: Tally) -> BinaryIO:
    """The file, counted; one that can't be opened is rejected and reads as empty."""
    tally.files += 1
    tally.bytes += size(path)
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        tally.reject(f"can't be read: {error.strerror}", str(path))
        return Path(os.devnull).open("rb")


def size(path: Path) -> int:
    """Bytes of a file, as stored; 0 when it can't be seen."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
