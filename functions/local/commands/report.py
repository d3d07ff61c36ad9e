"""`vigil report`: local state or a deployment as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from core.ports import system_clock
from core.report import Head, render
from functions.local import home as state
from functions.local.commands.options import home_option
from functions.local.terminal import say, write_text

__all__ = ["report"]


@click.command(short_help="Write findings, actions and the audit verdict as a page.")
@home_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
    default=Path("vigil-report.html"), show_default=True, help="Where the page is written.",
)  # fmt: skip
@click.option("--title", default="Findings and actions", show_default=True)
def report(home: Path, output: Path, title: str) -> None:
    """Write findings, actions and the audit verdict as one self-contained page."""
    with state.opened(home) as opened:
        page = render(
            Head(title=title, at=system_clock()),
            state.findings(opened),
            state.responses(opened),
            state.chains(opened),
        )
    write_text(output, page)
    say(f"report: {output}")
