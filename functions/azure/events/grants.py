"""What a record of Azure or Entra grants: the role, as a resource that the call touched.

A rule that asks which role was given would else need to know three shapes of records. It doesn't
know who was given it, nor how a grant is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.model import Json, NativeRecord, Resource
from core.native import dig, first, text
from functions.azure.events.values import part

__all__ = ["assigned_role", "directory_roles"]


def assigned_role(record: NativeRecord, operation: str) -> Iterator[Resource]:
    """The role definition of a role assignment, from its request or its answer (JSON text)."""
    if not operation.casefold().startswith(ASSIGNS):
        return
    held = part(record, "properties")
    for body in ("requestbody", "requestBody", "responseBody", "responsebody"):
        asked = part(held, body)
        role = first(asked, *(f"{each}.{key}" for each in BODIES for key in ROLE_ID), *ROLE_ID)
        if role:
            name = role.rpartition("/")[2]
            yield Resource(
                uid=role.lower(), name=name, type="microsoft.authorization/roledefinitions"
            )
            return


def directory_roles(held: Mapping[str, Json], tenant: str) -> Iterator[Resource]:
    """The roles and application permissions among the properties that an activity changed."""
    for target in dig(held, "targetResources"):
        changed = {
            text(each.get("displayName")): text(each.get("newValue")).strip('"')
            for each in dig(target, "modifiedProperties")
            if isinstance(each, Mapping)
        }
        for uid, name, sort in GRANTED:
            if changed.get(uid):
                found = changed.get(name, "")
                yield Resource(uid=changed[uid], name=found, type=sort, account=tenant)


ASSIGNS = (
    "microsoft.authorization/roleassignments/",
    "microsoft.authorization/roleassignmentschedulerequests/",
    "microsoft.authorization/roleeligibilityschedulerequests/",
)

BODIES = ("Properties", "properties")

ROLE_ID = ("RoleDefinitionId", "roleDefinitionId")

GRANTED = (
    ("Role.TemplateId", "Role.DisplayName", "Role"),
    ("AppRole.Id", "AppRole.Value", "AppRole"),
)
"""Changed properties with the id and the name of what was granted -> its kind:
https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities."""
