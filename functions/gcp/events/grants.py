"""What a change of a Google policy grants: the roles, as resources that the call touched.

Policy deltas stand in serviceData, with newer services in metadata:
https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditData. Services
that log only the whole policy (Compute Engine) tell no delta. It doesn't know who was given a role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.model import NativeRecord, Resource
from core.native import dig, text

__all__ = ["granted_roles"]


def granted_roles(record: NativeRecord) -> Iterator[Resource]:
    """Each role that the call added to somebody, once."""
    found = dict.fromkeys(
        text(delta.get("role"))
        for place in PLACES
        for delta in dig(record, place)
        if isinstance(delta, Mapping) and delta.get("action") == "ADD"
    )
    for role in filter(None, found):
        yield Resource(uid=role, name=role.rpartition("/")[2], type="iam_role")


PLACES = (
    "protoPayload.serviceData.policyDelta.bindingDeltas",
    "protoPayload.metadata.policyDelta.bindingDeltas",
)
