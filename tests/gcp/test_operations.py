"""The tables of Google's operations: REST's names against the discovery documents, and labels."""

from __future__ import annotations

import pytest

from core.operations import CLASSES, Operations
from functions.gcp.operations import AUDIT, AUDIT_TABLE, WORKSPACE, WORKSPACE_TABLE

REST = frozenset(
    [
        "compute.disks.delete",
        "compute.disks.removeResourcePolicies",
        "compute.disks.setIamPolicy",
        "compute.firewallPolicies.addRule",
        "compute.firewallPolicies.patchRule",
        "compute.firewalls.insert",
        "compute.firewalls.patch",
        "compute.firewalls.update",
        "compute.images.delete",
        "compute.images.setIamPolicy",
        "compute.instances.bulkInsert",
        "compute.instances.insert",
        "compute.instances.setMetadata",
        "compute.instances.setServiceAccount",
        "compute.machineImages.delete",
        "compute.machineImages.setIamPolicy",
        "compute.networkFirewallPolicies.addRule",
        "compute.networkFirewallPolicies.patchRule",
        "compute.networks.addPeering",
        "compute.projects.setCommonInstanceMetadata",
        "compute.regionNetworkFirewallPolicies.addRule",
        "compute.regionNetworkFirewallPolicies.patchRule",
        "compute.resourcePolicies.delete",
        "compute.securityPolicies.delete",
        "compute.securityPolicies.removeRule",
        "compute.snapshots.delete",
        "compute.snapshots.setIamPolicy",
        "storage.buckets.delete",
        "storage.objects.delete",
        "storage.objects.get",
        "cloudsql.backupRuns.delete",
        "cloudsql.databases.delete",
        "cloudsql.instances.delete",
        "cloudsql.instances.export",
        "cloudsql.users.update",
    ]
)
"""Methods of compute v1, storage v1 and sqladmin v1beta4 (whose log says cloudsql for sql) in
google-api-python-client 2.202.0."""

LOGGED_ONLY = {
    "storage.setIamPermissions": "the log's name of buckets.setIamPolicy",
    "storage.hmacKeys.create": "the log's name of projects.hmacKeys.create",
    "cloudsql.users.create": "the log's name of users.insert",
}
"""Names that Cloud Storage and Cloud SQL give methods in their pages of audit logging."""


def test_every_rest_method_is_googles() -> None:
    names = {
        name.removeprefix("*")
        for services in AUDIT_TABLE.values()
        for names in services.values()
        for name in names
    }
    rest = {name for name in names if name.startswith(("compute.", "storage.", "cloudsql."))}
    assert rest == REST | LOGGED_ONLY.keys()


def test_between_them_the_logs_have_every_class() -> None:
    assert {*AUDIT_TABLE, *WORKSPACE_TABLE} == set(CLASSES)


def test_every_service_is_named_so_that_a_method_of_another_is_not_meant() -> None:
    services = {
        one for table in (AUDIT_TABLE, WORKSPACE_TABLE) for each in table.values() for one in each
    }
    assert all(service.endswith(".googleapis.com") or service == "k8s.io" for service in services)


@pytest.mark.parametrize(
    ("operations", "service", "method", "labels"),
    [
        (AUDIT, "compute", "v1.compute.firewalls.insert", ("network.open",)),
        (AUDIT, "compute", "beta.compute.firewalls.insert", ("network.open",)),
        (AUDIT, "compute", "v1.compute.firewalls.delete", ()),
        (AUDIT, "cloudresourcemanager", "SetIamPolicy", ("privilege.grant",)),
        (
            AUDIT,
            "cloudresourcemanager",
            "google.cloud.resourcemanager.v3.Projects.SetIamPolicy",
            ("privilege.grant",),
        ),
        (AUDIT, "iam", "google.iam.admin.v1.CreateServiceAccountKey", ("credential.create",)),
        (AUDIT, "run", "google.iam.admin.v1.CreateServiceAccountKey", ()),
        (AUDIT, "cloudkms", "DestroyCryptoKeyVersion", ("key.destroy",)),
        (WORKSPACE, "admin", "GRANT_ADMIN_PRIVILEGE", ("privilege.grant",)),
        (WORKSPACE, "login", "2sv_disable", ("mfa.change",)),
    ],
)
def test_labels_are_those_of_service_and_method(
    operations: Operations, service: str, method: str, labels: tuple[str, ...]
) -> None:
    assert operations.labels(f"{service}.googleapis.com", method) == labels
