"""Calls to Vigil's own table, container, queues, vault and log rule.

What is denied or missing there is for an operator to mend (or for Entra to settle after an apply:
a new role assignment takes minutes), so input waits to be delivered again and isn't set aside.
This file knows no service's paths; those who call do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from core.errors import Forbidden, NotFound, Unavailable
from core.model import Json
from functions.azure.rest import Answer, Rest, Service

__all__ = ["Own", "storage"]


class Own(NamedTuple):
    """One service of Vigil's own, and how it is called."""

    rest: Rest
    service: Service

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Json = None,
    ) -> Answer:
        """As Rest.call, but Unavailable where the answer is Forbidden or NotFound."""
        try:
            return self.rest.call(
                self.service, method, path, query=query, headers=headers, body=body
            )
        except (Forbidden, NotFound) as error:
            raise Unavailable(str(error)) from error


def storage(rest: Rest, endpoint: str) -> Own:
    """A table, blob or queue service by its endpoint; one scope serves them in every cloud."""
    return Own(rest, Service(endpoint.rstrip("/"), "https://storage.azure.com/.default"))
