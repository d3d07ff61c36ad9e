"""What the command line can read: the native records of every cloud, and resources of a sweep.

Each cloud's own `events.py` says how its records look; this file only lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core import sweep
from core.model import Event, Target
from core.ports import Source
from functions.aws.events import SOURCES as AWS
from functions.aws.targets import targets as aws_targets
from functions.azure.events import SOURCES as AZURE
from functions.azure.targets import targets as azure_targets
from functions.gcp.events import SOURCES as GCP
from functions.gcp.targets import targets as gcp_targets
from functions.local.terminal import fail

__all__ = ["chosen", "sources"]


def sources() -> tuple[Source, ...]:
    """Every source, in the order in which a record is tried on them."""
    return (*AWS, *AZURE, *GCP, sweep.source(_targets))


def _targets(kind: str, event: Event) -> tuple[Target, ...]:
    """What a verb would act on, by the cloud that a resource of a sweep is of."""
    return TARGETS[event.provider](kind, event) if event.provider in TARGETS else ()


TARGETS: Mapping[str, Callable[[str, Event], tuple[Target, ...]]] = {
    "aws": aws_targets,
    "azure": azure_targets,
    "gcp": gcp_targets,
}


def chosen(name: str) -> tuple[Source, ...]:
    """The source of that name, made to take every record; all of them for an empty name."""
    every = sources()
    if not name:
        return every
    found = next((one for one in every if name in (one.name, *one.also)), None)
    if found is None:
        known = dict.fromkeys(one.name for one in every)
        fail(f"no source '{name}'; use raw or one of {', '.join(known)}")
    return (found._replace(name=name, keys=(), only={}),)
