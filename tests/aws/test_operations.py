"""The table of AWS's operations against botocore's models of the services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

import pytest
from botocore.session import get_session

from core.operations import CLASSES
from functions.aws.operations import OPERATIONS, TABLE

DATED = re.compile(r"20\d{6}(v\d)?$")
"""Lambda writes the date of its API behind a name: AddPermission20150331v2."""

NO_API: Mapping[str, Mapping[str, str]] = {
    "sso-directory.amazonaws.com": dict.fromkeys(
        (
            "CreateUser",
            "CreateGroup",
            "DeleteUser",
            "DeleteGroup",
            "AddMemberToGroup",
            "DeleteMfaDeviceForUser",
            "UpdateMfaDeviceForUser",
            "StartVirtualMfaDeviceRegistration",
            "EnableExternalIdPConfigurationForDirectory",
            "CreateExternalIdPConfigurationForDirectory",
        ),
        "the console's calls: docs.aws.amazon.com/service-authorization, IAM Identity Center",
    ),
    "sso.amazonaws.com": {
        "AssociateDirectory": "the console's call: docs.aws.amazon.com/service-authorization, SSO"
    },
    "s3.amazonaws.com": dict.fromkeys(
        ("DeleteBucketPublicAccessBlock", "DeleteAccountPublicAccessBlock"),
        "S3's log names the bucket or account, the API does not: the user guide's list of events",
    ),
    "rdsdata.amazonaws.com": dict.fromkeys(
        ("ExecuteStatement", "BatchExecuteStatement"),
        "the API is rds-data, its eventSource rdsdata: Aurora's user guide, logging the Data API",
    ),
    "codecommit.amazonaws.com": {"GitPull": "a Git client's: CodeCommit's user guide"},
    "kms.amazonaws.com": {"DeleteKey": "KMS itself, when the waiting period is over"},
    "ec2-instance-connect.amazonaws.com": {"OpenTunnel": "a client's: the EC2 user guide"},
    "cloudshell.amazonaws.com": {"CreateSession": "the console's: CloudShell's user guide"},
}
"""eventSource -> names that no API of botocore has -> whence they are."""

ROWS = [
    (service, name)
    for services in TABLE.values()
    for service, names in services.items()
    for name in names
]


@cache
def apis() -> Mapping[str, set[str]]:
    """The first part of an eventSource -> operations."""
    session, found = get_session(), dict[str, set[str]]()
    for name in session.get_available_services():
        model = session.get_service_model(name)
        prefixes = {name, model.metadata["endpointPrefix"], model.metadata.get("signingName", name)}
        for prefix in prefixes:
            found.setdefault(prefix, set()).update(model.operation_names)
    return found


def test_every_name_is_an_operation_of_its_service_or_a_known_exception() -> None:
    for service, name in ROWS:
        known = apis().get(service.removesuffix(".amazonaws.com"), set())
        have = name in known or DATED.sub("", name) in known
        assert have != (name in NO_API.get(service, {})), (service, name)


def test_every_exception_is_in_the_table() -> None:
    listed = {(service, name) for service, names in NO_API.items() for name in names}
    assert listed <= set(ROWS)


def test_every_class_is_known_and_has_operations() -> None:
    assert set(TABLE) == set(CLASSES)


def test_names_are_exact_so_that_rules_on_classes_are_indexed() -> None:
    assert not [name for _, name in ROWS if "*" in name]
    assert all(service.endswith(".amazonaws.com") for service, _ in ROWS)


@pytest.mark.parametrize(
    ("service", "operation", "labels"),
    [
        ("iam.amazonaws.com", "CreateAccessKey", ("credential.create",)),
        ("IAM.amazonaws.com", "createaccesskey", ("credential.create",)),
        ("iam.amazonaws.com", "GetUser", ()),
        ("cloudtrail.amazonaws.com", "StopLogging", ("logging.disable",)),
        ("ec2.amazonaws.com", "StopLogging", ()),
        ("lambda.amazonaws.com", "CreateFunction20150331", ("compute.create",)),
    ],
)
def test_labels_are_those_of_service_and_operation(
    service: str, operation: str, labels: tuple[str, ...]
) -> None:
    assert OPERATIONS.labels(service, operation) == labels
