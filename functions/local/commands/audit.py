"""`vigil audit`: is the record of every decision whole, and what does it say."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from core.audit import ChainVerdict
from core.model import Record
from functions.local import home as state
from functions.local.commands.options import formats, home_option
from functions.local.terminal import iso, line, plain, say, styled, table, warn

__all__ = ["audit"]


@click.command()
@click.argument("chain", default="")
@home_option
@formats("table", "json")
def verify(chain: str, home: Path, format: str) -> int:
    """Recompute the chains; exit with 1, naming the first broken record, when one is not whole."""
    with state.opened(home) as opened:
        verdicts = state.chains(opened, chain)
    for verdict in verdicts:
        if format == "json":
            line({**msgspec.to_builtins(verdict), "ok": verdict.ok})
        else:
            click.echo(_sentence(verdict))
    if not verdicts:
        say(f"no audit chain in {home}")
    return 0 if all(verdict.ok for verdict in verdicts) else 1


@click.command()
@click.argument("chain", default="")
@home_option
@formats("table", "json")
def show(chain: str, home: Path, format: str) -> None:
    """Show the records of the chains, in order."""
    with state.opened(home) as opened:
        names = [chain] if chain else list(opened.journal.chains())
        rows = []
        for name in names:
            for seq, text in opened.journal.read(name):
                try:
                    record = msgspec.json.decode(text, type=Record)
                except (msgspec.MsgspecError, UnicodeError, RecursionError):
                    warn(f"record {seq} of {name} is no record; see `vigil audit verify`")
                    continue
                if format == "json":
                    line({"chain": name, **msgspec.to_builtins(record)})
                else:
                    rows.append(_row(name, record))
    if rows:
        table(COLUMNS, rows)


def _sentence(verdict: ChainVerdict) -> str:
    if verdict.ok:
        return plain(f"{verdict.chain}: whole, {verdict.records} records")
    return plain(
        f"{verdict.chain}: BROKEN at record {verdict.broken}: {verdict.reason}"
        f" ({verdict.records} records before it are whole)"
    )


def _row(chain: str, record: Record) -> tuple[object, ...]:
    data = msgspec.json.encode(record.data).decode()
    when = iso(record.at) or ""
    return (chain, str(record.seq), when, styled(record.kind, "bold"), record.subject[:12], data)


COLUMNS = (
    ("Chain", "left"),
    ("No", "right"),
    ("Time", "left"),
    ("What", "left"),
    ("Subject", "left"),
    ("Data", "fold"),
)

audit = click.Group(
    "audit",
    help="The chained record of every decision.",
    commands={"verify": verify, "show": show},
)
