"""What the command line can read: the native records of every cloud, and resources of a sweep.

Each cloud's own `events.py` says how its records look; this file only lists them.
"""

from __future__ import annotations

from core import sweep
from core.ports import Source
from functions.aws.events import SOURCES as AWS
from functions.aws.targets import targets as aws_targets
from functions.local.terminal import fail

__all__ = ["chosen", "sources"]


def sources() -> tuple[Source, ...]:
    """Every source, in the order in which a record is tried on them."""
    return (*AWS, sweep.source(aws_targets))


def chosen(name: str) -> tuple[Source, ...]:
    """The source of that name, made to take every record; all of them for an empty name."""
    known = {source.name: source for source in sources()}
    if not name:
        return tuple(known.values())
    if name not in known:
        fail(f"no source '{name}'; use raw or one of {', '.join(known)}")
    return (known[name]._replace(keys=(), only={}),)
