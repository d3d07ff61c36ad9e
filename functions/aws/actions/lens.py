"""What a verb on AWS is made of: read what is there, say what should be, make it so.

A state is the part of the target that the verb changes, in the words of the AWS API, and no more.
A write makes only the calls by which the two states differ, and each call may be repeated. No
service is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from core import lens
from core.lens import arg, there

__all__ = ["Clients", "Document", "Lens", "arg", "there"]

Clients: TypeAlias = Callable[[str, str, str], Any]
"""(service, region, account) -> boto3 client; region "" for services that have none."""

Document: TypeAlias = dict[str, Any]
"""A JSON object."""

Lens: TypeAlias = lens.Lens[Clients]
"""A verb of this platform before it is given its clients."""
