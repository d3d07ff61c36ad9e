"""Around calls to what is Vigil's own: its database, bucket, topics and secrets.

It knows only errors (core.errors), not the services.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from core.errors import Forbidden, NotFound, Unavailable

__all__ = ["own"]


@contextlib.contextmanager
def own() -> Iterator[None]:
    """What is denied or missing here waits to be delivered again and isn't set aside.

    It is for an operator to mend, or for IAM to settle after an apply.
    """
    try:
        yield
    except (Forbidden, NotFound) as error:
        raise Unavailable(str(error)) from error
