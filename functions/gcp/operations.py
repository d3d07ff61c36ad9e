"""What Google's operations mean: methodName by serviceName, in the classes of core.operations.

Beside them, what the first word of a method tells, and which events of Workspace open or end a
session. Pure data. Methods are those of each service's page of audit logging, which
https://cloud.google.com/logging/docs/audit/services lists. REST methods carry the API's version in
front (`v1.compute.firewalls.insert`), gRPC's carry it inside; `*` stands for what differs. Events
of Workspace are those of https://developers.google.com/workspace/admin/reports/v1/appendix/activity:
they are in `metadata.event.eventName`. tests/gcp/test_operations.py holds REST's names to a list
made from Google's discovery documents.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.model import Activity
from core.operations import Operations, Table

__all__ = ["AUDIT", "AUTHENTICATION", "FAILED", "VERBS", "WORKSPACE"]

IAM, RESOURCES = "iam.googleapis.com", "cloudresourcemanager.googleapis.com"
COMPUTE, STORAGE, SQL = (
    "compute.googleapis.com",
    "storage.googleapis.com",
    "cloudsql.googleapis.com",
)
LOGGING, SECRETS = "logging.googleapis.com", "secretmanager.googleapis.com"
KMS, BIGQUERY = "cloudkms.googleapis.com", "bigquery.googleapis.com"
CENTER, PERIMETER = "securitycenter.googleapis.com", "accesscontextmanager.googleapis.com"
FUNCTIONS, RUN = "cloudfunctions.googleapis.com", "run.googleapis.com"
GKE, KUBERNETES = "container.googleapis.com", "k8s.io"
SPANNER, BACKUP = "spanner.googleapis.com", "backupdr.googleapis.com"
GKE_BACKUP, POLICY = "gkebackup.googleapis.com", "orgpolicy.googleapis.com"
ADMIN, LOGIN = "admin.googleapis.com", "login.googleapis.com"

AUDIT_TABLE: Table = {
    "identity.create": {
        IAM: ("google.iam.admin.v1.CreateServiceAccount",),
    },
    "identity.delete": {IAM: ("google.iam.admin.v1.DeleteServiceAccount",)},
    "credential.create": {
        IAM: (
            "google.iam.admin.v1.CreateServiceAccountKey",
            "google.iam.admin.v1.UploadServiceAccountKey",
        ),
        "apikeys.googleapis.com": ("google.api.apikeys.v2.ApiKeys.CreateKey",),
        STORAGE: ("storage.hmacKeys.create",),
        "oslogin.googleapis.com": ("*.OsLoginService.ImportSshPublicKey",),
        SQL: ("cloudsql.users.create", "cloudsql.users.update"),
    },
    "privilege.grant": {
        RESOURCES: ("SetIamPolicy", "*.SetIamPolicy"),
        IAM: (
            "google.iam.admin.v1.SetIAMPolicy",
            "google.iam.admin.v1.CreateRole",
            "google.iam.admin.v1.UpdateRole",
            "google.iam.admin.v1.UndeleteRole",
        ),
        COMPUTE: ("*compute.instances.setServiceAccount",),
    },
    "trust.change": {
        IAM: (
            "*.WorkloadIdentityPools.CreateWorkloadIdentityPool",
            "*.WorkloadIdentityPools.UpdateWorkloadIdentityPool",
            "*.WorkloadIdentityPools.CreateWorkloadIdentityPoolProvider",
            "*.WorkloadIdentityPools.UpdateWorkloadIdentityPoolProvider",
        ),
    },
    "policy.change": {
        POLICY: (
            "*.OrgPolicy.CreatePolicy",
            "*.OrgPolicy.UpdatePolicy",
            "*.OrgPolicy.DeletePolicy",
        ),
        RESOURCES: ("SetOrgPolicy", "ClearOrgPolicy", "*.SetOrgPolicy", "*.ClearOrgPolicy"),
        IAM: ("*.Policies.CreatePolicy", "*.Policies.UpdatePolicy", "*.Policies.DeletePolicy"),
        PERIMETER: (
            "*.AccessContextManager.UpdateServicePerimeter",
            "*.AccessContextManager.UpdateAccessLevel",
            "*.AccessContextManager.UpdateAccessPolicy",
        ),
        KMS: ("SetIamPolicy", "*.SetIamPolicy"),
        COMPUTE: ("*compute.projects.setCommonInstanceMetadata",),
    },
    "logging.disable": {
        LOGGING: (
            "google.logging.v2.ConfigServiceV2.DeleteSink",
            "google.logging.v2.ConfigServiceV2.DeleteBucket",
            "google.logging.v2.ConfigServiceV2.CreateExclusion",
            "google.logging.v2.ConfigServiceV2.UpdateExclusion",
            "google.logging.v2.LoggingServiceV2.DeleteLog",
        ),
    },
    "security_service.disable": {
        CENTER: (
            "*.SecurityCenter.CreateMuteConfig",
            "*.SecurityCenter.UpdateMuteConfig",
            "*.SecurityCenter.BulkMuteFindings",
            "*.SecurityCenter.SetMute",
            "*.SecurityCenter.DeleteNotificationConfig",
        ),
        "monitoring.googleapis.com": ("google.monitoring.v3.AlertPolicyService.DeleteAlertPolicy",),
        PERIMETER: (
            "*.AccessContextManager.DeleteServicePerimeter",
            "*.AccessContextManager.DeleteAccessLevel",
            "*.AccessContextManager.DeleteAccessPolicy",
        ),
        COMPUTE: ("*compute.securityPolicies.delete", "*compute.securityPolicies.removeRule"),
        "ids.googleapis.com": ("google.cloud.ids.v1.IDS.DeleteEndpoint",),
    },
    "network.open": {
        COMPUTE: (
            "*compute.firewalls.insert",
            "*compute.firewalls.patch",
            "*compute.firewalls.update",
            "*compute.firewallPolicies.addRule",
            "*compute.firewallPolicies.patchRule",
            "*compute.networkFirewallPolicies.addRule",
            "*compute.networkFirewallPolicies.patchRule",
            "*compute.regionNetworkFirewallPolicies.addRule",
            "*compute.regionNetworkFirewallPolicies.patchRule",
            "*compute.networks.addPeering",
        ),
    },
    "resource.share": {
        STORAGE: ("storage.setIamPermissions",),
        COMPUTE: (
            "*compute.images.setIamPolicy",
            "*compute.snapshots.setIamPolicy",
            "*compute.disks.setIamPolicy",
            "*compute.machineImages.setIamPolicy",
        ),
        BIGQUERY: ("google.iam.v1.IAMPolicy.SetIamPolicy", "*.TableService.SetIamPolicy"),
        "pubsub.googleapis.com": ("google.iam.v1.IAMPolicy.SetIamPolicy",),
        SECRETS: ("google.cloud.secretmanager.*.SecretManagerService.SetIamPolicy",),
        FUNCTIONS: ("*.SetIamPolicy",),
        RUN: ("*.SetIamPolicy",),
        "artifactregistry.googleapis.com": ("*.SetIamPolicy",),
        "analyticshub.googleapis.com": ("*.SetIamPolicy",),
    },
    "secret.read": {
        SECRETS: ("google.cloud.secretmanager.*.SecretManagerService.AccessSecretVersion",),
        KUBERNETES: ("io.k8s.core.v1.secrets.get", "io.k8s.core.v1.secrets.list"),
        "apikeys.googleapis.com": ("google.api.apikeys.v2.ApiKeys.GetKeyString",),
    },
    "data.read": {
        STORAGE: ("storage.objects.get",),
        SQL: ("cloudsql.instances.export",),
        BIGQUERY: (
            "google.cloud.bigquery.v2.JobService.InsertJob",
            "google.cloud.bigquery.v2.JobService.Query",
            "google.cloud.bigquery.v2.TableDataService.List",
        ),
        "firestore.googleapis.com": (
            "google.firestore.v1.Firestore.RunQuery",
            "google.firestore.v1.Firestore.BatchGetDocuments",
        ),
    },
    "data.delete": {
        STORAGE: ("storage.buckets.delete", "storage.objects.delete"),
        SQL: ("cloudsql.instances.delete", "cloudsql.databases.delete"),
        BIGQUERY: (
            "google.cloud.bigquery.v2.DatasetService.DeleteDataset",
            "google.cloud.bigquery.v2.TableService.DeleteTable",
        ),
        COMPUTE: ("*compute.disks.delete",),
        SPANNER: (
            "google.spanner.admin.database.v1.DatabaseAdmin.DropDatabase",
            "google.spanner.admin.instance.v1.InstanceAdmin.DeleteInstance",
        ),
        SECRETS: (
            "google.cloud.secretmanager.*.SecretManagerService.DeleteSecret",
            "google.cloud.secretmanager.*.SecretManagerService.DestroySecretVersion",
        ),
        RESOURCES: ("DeleteProject", "*.DeleteProject"),
    },
    "key.destroy": {
        KMS: (
            "DestroyCryptoKeyVersion",
            "*.KeyManagementService.DestroyCryptoKeyVersion",
            "UpdateCryptoKeyVersion",
            "*.KeyManagementService.UpdateCryptoKeyVersion",
        ),
    },
    "backup.destroy": {
        COMPUTE: (
            "*compute.snapshots.delete",
            "*compute.images.delete",
            "*compute.machineImages.delete",
            "*compute.resourcePolicies.delete",
            "*compute.disks.removeResourcePolicies",
        ),
        SQL: ("cloudsql.backupRuns.delete",),
        SPANNER: ("google.spanner.admin.database.v1.DatabaseAdmin.DeleteBackup",),
        BACKUP: (
            "google.cloud.backupdr.v1.BackupDR.DeleteBackup",
            "google.cloud.backupdr.v1.BackupDR.DeleteBackupVault",
            "google.cloud.backupdr.v1.BackupDR.DeleteBackupPlan",
            "google.cloud.backupdr.v1.BackupDR.DeleteBackupPlanAssociation",
        ),
        GKE_BACKUP: (
            "google.cloud.gkebackup.v1.BackupForGKE.DeleteBackup",
            "google.cloud.gkebackup.v1.BackupForGKE.DeleteBackupPlan",
        ),
    },
    "compute.create": {
        COMPUTE: ("*compute.instances.insert", "*compute.instances.bulkInsert"),
        FUNCTIONS: ("*.CreateFunction",),
        RUN: ("*.CreateService", "*.CreateJob"),
        GKE: ("*.ClusterManager.CreateCluster", "*.ClusterManager.CreateNodePool"),
        "cloudbuild.googleapis.com": ("*.CloudBuild.CreateBuild",),
        "dataproc.googleapis.com": ("*.ClusterController.CreateCluster",),
        "batch.googleapis.com": ("*.BatchService.CreateJob",),
    },
    "compute.exec": {
        COMPUTE: ("*compute.instances.setMetadata",),
        KUBERNETES: (
            "io.k8s.core.v1.pods.exec.create",
            "io.k8s.core.v1.pods.exec.get",
            "io.k8s.core.v1.pods.attach.create",
        ),
        "ssh-serialport.googleapis.com": ("google.ssh-serialport.v1.connect",),
        "osconfig.googleapis.com": ("*.OsConfigService.ExecutePatchJob",),
    },
    "idp.change": {
        IAM: (
            "*.WorkforcePools.CreateWorkforcePool",
            "*.WorkforcePools.UpdateWorkforcePool",
            "*.WorkforcePools.CreateWorkforcePoolProvider",
            "*.WorkforcePools.UpdateWorkforcePoolProvider",
        ),
    },
}
"""Class -> serviceName -> methodName."""

WORKSPACE_TABLE: Table = {
    "identity.create": {ADMIN: ("CREATE_USER", "UNDELETE_USER", "CREATE_GROUP")},
    "identity.delete": {ADMIN: ("DELETE_USER", "DELETE_GROUP")},
    "credential.create": {ADMIN: ("CHANGE_PASSWORD", "GENERATE_2SV_SCRATCH_CODES")},
    "privilege.grant": {
        ADMIN: (
            "GRANT_ADMIN_PRIVILEGE",
            "GRANT_DELEGATED_ADMIN_PRIVILEGES",
            "ASSIGN_ROLE",
            "ADD_PRIVILEGE",
            "ADD_GROUP_MEMBER",
        )
    },
    "trust.change": {
        ADMIN: (
            "AUTHORIZE_API_CLIENT_ACCESS",
            "ADD_TRUSTED_DOMAINS",
            "ADD_TO_TRUSTED_OAUTH2_APPS",
        )
    },
    "policy.change": {
        ADMIN: (
            "CHANGE_APPLICATION_SETTING",
            "CREATE_APPLICATION_SETTING",
            "DELETE_APPLICATION_SETTING",
        )
    },
    "mfa.change": {
        ADMIN: (
            "TURN_OFF_2_STEP_VERIFICATION",
            "UNENROLL_USER_FROM_STRONG_AUTH",
            "UNENROLL_USER_FROM_TITANIUM",
            "SECURITY_KEY_REGISTERED_FOR_USER",
            "REVOKE_SECURITY_KEY",
            "ENFORCE_STRONG_AUTHENTICATION",
            "ALLOW_STRONG_AUTHENTICATION",
            "CHANGE_ALLOWED_TWO_STEP_VERIFICATION_METHODS",
        ),
        LOGIN: ("2sv_disable", "2sv_enroll"),
    },
    "idp.change": {
        ADMIN: (
            "TOGGLE_SSO_ENABLED",
            "CHANGE_SSO_SETTINGS",
            "ADD_DOMAIN_ALIAS",
            "ADD_SECONDARY_DOMAIN",
        )
    },
}
"""Class -> serviceName -> eventName of Workspace."""

AUDIT = Operations(
    AUDIT_TABLE, service="protoPayload.serviceName", operation="protoPayload.methodName"
)

WORKSPACE = Operations(
    WORKSPACE_TABLE,
    service="protoPayload.serviceName",
    operation="protoPayload.metadata.event.eventName",
)

VERBS: Mapping[str, Activity] = {
    **dict.fromkeys(("create", "insert", "generate", "upload", "import", "undelete"), "create"),
    **dict.fromkeys(("delete", "remove", "destroy", "purge"), "delete"),
    **dict.fromkeys(("get", "list", "aggregatedlist", "search", "query", "access"), "read"),
    **dict.fromkeys(("watch", "test", "lookup", "view"), "read"),
    **dict.fromkeys(("update", "patch", "set", "replace", "add", "enable", "disable"), "update"),
    **dict.fromkeys(("start", "stop", "reset", "attach", "detach", "change"), "update"),
}
"""First word of a method's last part, folded: `insert` of REST, `CreateServiceAccount` of gRPC."""

AUTHENTICATION: Mapping[str, Activity] = {
    **dict.fromkeys(("login_success", "login_failure", "login_challenge"), "logon"),
    **dict.fromkeys(("login_verification", "suspicious_login"), "logon"),
    **dict.fromkeys(("suspicious_login_less_secure_app", "suspicious_programmatic_login"), "logon"),
    "logout": "logoff",
}
"""Events of Workspace that open or end a session:
https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login."""

FAILED = frozenset({"login_failure"})
