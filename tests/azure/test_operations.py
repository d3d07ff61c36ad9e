"""The tables of Azure's operations: their form, and what they make of the names that logs write."""

from __future__ import annotations

import re

import pytest

from core.operations import CLASSES, Operations
from functions.azure.events.entra_fields import GUIDES
from functions.azure.operations import ACTIVITY, DIRECTORY, OFFICE
from functions.azure.operations.activity import ACTIVITY_TABLE
from functions.azure.operations.directory import DIRECTORY_TABLE

PROVIDER = re.compile(r"Microsoft\.[A-Za-z]+(/[A-Za-z]+)*/(write|delete|action)")


def test_every_operation_of_the_activity_log_is_a_write_a_deletion_or_an_action() -> None:
    names = [name for services in ACTIVITY_TABLE.values() for name in services["*"]]
    assert not [name for name in names if not PROVIDER.fullmatch(name)]
    assert len({name.casefold() for name in names}) == len(names)


def test_between_them_the_logs_have_every_class() -> None:
    every = {*ACTIVITY.tests, *DIRECTORY.tests, *OFFICE.tests}
    assert every == set(CLASSES)


def test_no_name_that_a_guide_gives_an_activity_has_a_class_that_the_activity_lacks() -> None:
    for activity, names in GUIDES.items():
        own = set(DIRECTORY.labels("", activity))
        assert {label for name in names for label in DIRECTORY.labels("", name)} <= own


@pytest.mark.parametrize(
    ("operations", "name", "labels"),
    [
        (ACTIVITY, "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE", ("privilege.grant",)),
        (ACTIVITY, "Microsoft.Authorization/roleAssignments/delete", ()),
        (DIRECTORY, "Add service principal credentials", ("credential.create",)),
        (DIRECTORY, "Admin registered security info", ("credential.create", "mfa.change")),
        (OFFICE, "Add service principal credentials.", ("credential.create",)),
        (OFFICE, "AnonymousLinkCreated", ("resource.share",)),
        (OFFICE, "Add-RoleGroupMember", ("privilege.grant",)),
    ],
)
def test_labels_are_those_of_the_operation(
    operations: Operations, name: str, labels: tuple[str, ...]
) -> None:
    assert operations.labels("whatever", name) == labels


def test_every_activity_of_the_directory_is_in_microsoft_365_with_a_full_stop() -> None:
    for label, services in DIRECTORY_TABLE.items():
        assert all(label in OFFICE.labels("", f"{name}.") for name in services["*"])
