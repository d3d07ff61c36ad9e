"""How the command line speaks: data on stdout, words for people on stderr, one line per fault.

Text from events and files is hostile: everything that is shown goes through `plain` first, and JSON
is pure ASCII, so no terminal obeys what an event says. This file knows no command.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from core.hostile import printable
from core.model import Level

__all__ = [
    "STYLES",
    "Column",
    "fail",
    "iso",
    "line",
    "plain",
    "progress",
    "say",
    "styled",
    "table",
    "warn",
    "write_text",
]

Column = tuple[str, str]
"""Heading, and how it is laid out: left, right, fold (breaks long text), wide (the last to)."""


def line(value: Any) -> None:
    """One JSON object as a line on stdout."""
    sys.stdout.write(json.dumps(value, separators=(",", ":"), default=str) + "\n")


def say(text: str = "") -> None:
    """A line for people, on stderr."""
    _console(stderr=True).print(Text(plain(text)), soft_wrap=True)


def warn(text: str) -> None:
    """A warning, on stderr."""
    _console(stderr=True).print(Text("warning: ", "yellow").append(plain(text)), soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Wrong use or bad input: what, where and how to mend it, in one line; exit code 2."""
    raise click.UsageError(message)


def plain(text: object) -> str:
    """Any text, safe to show on one line of a terminal."""
    return printable(str(text))


def styled(text: object, style: str = "") -> Text:
    """Any text, safe to show, in a style; rich sees no markup in it."""
    return Text(plain(text), style)


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout. A cell that is a Text keeps its style; all else is made safe."""
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading, how in columns:
        shown.add_column(
            heading,
            justify="right" if how == "right" else "left",
            overflow="fold",
            no_wrap=how in ("left", "right"),
            # Not min_width: rich loses lines of the other columns when it makes room for that.
            width=38 if how == "wide" else None,
        )
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else styled(cell) for cell in row))
    _console().print(shown)


@contextmanager
def progress(total: int, what: str) -> Iterator[Any]:
    """A bar of bytes on stderr while it is a terminal; yields `advance(bytes)`."""
    console = _console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(plain(what), total=total or None)
        yield lambda size: bar.advance(task, size)


def iso(time: int | None) -> str | None:
    """Epoch ms as ISO-8601 in UTC with Z, milliseconds only where there are any."""
    if time is None:
        return None
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if time % 1000 else "seconds").replace(
        "+00:00", "Z"
    )


def write_text(path: Path, text: str) -> None:
    """Write a file that takes the old one's place only when it is whole."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        fail(f"can't write {path}: {error.strerror}; choose another place")


def _console(*, stderr: bool = False) -> Console:
    """Made anew each time, so that it writes where stdout and stderr point now."""
    stream = sys.stderr if stderr else sys.stdout
    wide = None if stream.isatty() else WIDE
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=wide)


WIDE = 200
"""Columns where there is no terminal to ask."""

STYLES: dict[Level, str] = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "blue",
    "informational": "dim",
}
