"""What the command line can read: the native records of every cloud, and resources of a sweep.

Each cloud's own `events.py` says how its records look; this file only lists them.
"""

from __future__ import annotations

from core import sweep
from core.ports import Source
from functions.aws.events import SOURCES as AWS
from functions.aws.targets import targets as aws_targets
from functions.azure.events import SOURCES as AZURE
from functions.gcp.events import SOURCES as GCP
from functions.local.terminal import fail

__all__ = ["chosen", "sources"]


def sources() -> tuple[Source, ...]:
    """Every source, in the order in which a record is tried on them."""
    return (*AWS, *AZURE, *GCP, sweep.source(aws_targets))


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
