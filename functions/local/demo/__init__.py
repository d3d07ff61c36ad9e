"""`vigil demo`: an intrusion into a small company, found, answered and taken back, in a minute.

stage.py plays the acts and shows them (show.py) on the Scene of one cloud (scene.py), which is in
the folder of that name: `aws` runs the real functions on an embedded AWS; `azure` and `gcp` run
their parts on this machine (machine.py) against a stand-in of the APIs that the story needs
(loopback.py). Alerts arrive at a local receiver (inbox.py); keep.py leaves the state behind for the
other commands.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from functions.local.terminal import fail

if TYPE_CHECKING:
    from functions.local.demo.stage import Staged

__all__ = ["demo"]


@click.command(short_help="An intrusion, found, answered and taken back, on this machine.")
@click.option(
    "--cloud",
    type=click.Choice(["aws", "azure", "gcp", "all"]),
    default="aws",
    show_default=True,
    help="Where it happens; `all` plays one after the other.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where state and report are left; a former demo there is replaced."
    "  [default: .vigil/demo, or .vigil/demo-CLOUD for another cloud than aws]",
)
def demo(cloud: str, home: Path | None) -> None:
    """Play an intrusion on a stand-in of a cloud and show what Vigil makes of it.

    Nothing leaves this machine and no cloud account is touched. With `--cloud all` each cloud has a
    home and a report of its own: HOME, HOME-azure and HOME-gcp.
    """
    clouds = list(NEEDS) if cloud == "all" else [cloud]
    for library in (library for name in clouds for library in NEEDS[name]):
        try:
            import_module(library)  # asked for here so that its absence is one line
        except ImportError as error:
            fail(f"{error.name} is not installed; the demo needs the extra: pip install '.[demo]'")
    from functions.local.demo import show
    from functions.local.demo.stage import play

    reports = {}
    for name in clouds:
        reports[name] = play(_home(home, name, only=cloud != "all"), _staged(name))
    if len(reports) > 1:
        show.reports(reports)


def _staged(cloud: str) -> Staged:
    """What stages a cloud; loaded only where it is played, as each needs libraries of its own."""
    if cloud == "aws":
        from functions.local.demo.aws import scene as aws

        return aws.staged
    if cloud == "azure":
        from functions.local.demo.azure import scene as azure

        return azure.staged
    from functions.local.demo.gcp import scene as gcp

    return gcp.staged


def _home(given: Path | None, cloud: str, *, only: bool) -> Path:
    """The folder of one cloud's demo."""
    if given and only:
        return given
    place = given or Path(".vigil/demo")
    return place if cloud == "aws" else place.with_name(f"{place.name}-{cloud}")


NEEDS = {"aws": ("localstack_client", "moto"), "azure": ("azure.core",), "gcp": ()}
"""Cloud -> what the extra brings for it, in the order of playing."""
