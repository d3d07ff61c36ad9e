"""`vigil events`: records in the words of OCSF."""

from __future__ import annotations

from pathlib import Path

import click

from core import ocsf
from core.errors import BadRecord
from core.hunt import Tally, read, total_size
from core.model import Event
from functions.local.commands.options import INPUT, formats
from functions.local.commands.summary import summary
from functions.local.sources import chosen
from functions.local.terminal import iso, line, progress, table

__all__ = ["events"]


@click.command()
@click.argument("paths", nargs=-1, required=True, type=INPUT)
@formats("json", "table")
@click.option("--source", default="", help="Take every record as of this source.")
def events(paths: tuple[Path, ...], format: str, source: str) -> None:
    """Print the events of files and folders, one OCSF object a line."""
    tally, rows = Tally(), []
    with progress(total_size(paths), "reading") as advance:
        for known, native, file, position in read(
            paths, chosen(source), tally, progress=advance
        ):  # fmt: skip
            if known is None:
                continue
            try:
                event = known.event(native)
            except BadRecord as error:
                tally.reject(str(error), f"{file}:record {position}")
                continue
            if format == "json":
                line(ocsf.activity(event))
            else:
                rows.append(_row(event))
    if rows:
        table(COLUMNS, rows)
    summary(tally)


def _row(event: Event) -> tuple[str, ...]:
    who = event.actor.name or event.actor.uid
    where = event.ip or event.domain
    return (iso(event.time) or "", event.operation, event.outcome, who, where, event.uid)


COLUMNS = (
    ("Time", "left"),
    ("Operation", "fold"),
    ("Outcome", "left"),
    ("Actor", "fold"),
    ("From", "fold"),
    ("Event", "fold"),
)
