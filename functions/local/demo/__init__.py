"""`vigil demo`: an intrusion into a small company, found, answered and taken back, in a minute.

An embedded AWS (cloud.py) is filled with a company (company.py); an intruder does real things in
it (story.py); the records go through the real functions (runtime.py), whose alerts arrive at a
local receiver (inbox.py). stage.py plays the acts and shows them; keep.py leaves the state behind
for the other commands.
"""

from __future__ import annotations

from pathlib import Path

import click

from functions.local.terminal import fail

__all__ = ["demo"]


@click.command(short_help="An intrusion, found, answered and taken back, on this machine.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".vigil/demo"),
    show_default=True,
    help="Where state and report are left; a former demo there is replaced.",
)
def demo(home: Path) -> None:
    """Play an intrusion on an embedded AWS and show what Vigil makes of it.

    Nothing leaves this machine and no cloud account is touched.
    """
    try:
        import localstack_client  # noqa: F401  # asked for here so that its absence is one line
        import moto  # noqa: F401
    except ImportError as error:
        fail(f"{error.name} is not installed; the demo needs the extra: pip install '.[demo]'")
    from functions.local.demo.stage import play

    play(home)
