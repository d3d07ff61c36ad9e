"""What AWS's operations mean: eventName by eventSource, in the classes of core.operations.

Beside them, which operations open or end a session, and what the first word of a name tells. Pure
data. Names are those that CloudTrail writes, which are the API's but for a few: Lambda adds
the date of its API, S3 shortens some, the console and KMS have events that no API call makes.
tests/aws/test_operations.py holds every name to botocore's models and lists the exceptions with
their source. Names are exact, so that rules on classes are indexed as rules on names are.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.model import Activity
from core.operations import Operations, Table

__all__ = [
    "ANSWERED",
    "ANSWERS",
    "AUTHENTICATION",
    "OPERATIONS",
    "READS",
    "SIGN_IN",
    "TABLE",
    "VERBS",
]

IAM, ORGANIZATIONS = "iam.amazonaws.com", "organizations.amazonaws.com"
EC2, S3, KMS = "ec2.amazonaws.com", "s3.amazonaws.com", "kms.amazonaws.com"
RDS, LAMBDA, SSM = "rds.amazonaws.com", "lambda.amazonaws.com", "ssm.amazonaws.com"
SSO, DIRECTORY = "sso.amazonaws.com", "sso-directory.amazonaws.com"
IDENTITY_STORE, COGNITO = "identitystore.amazonaws.com", "cognito-idp.amazonaws.com"
SECRETS, LOGS = "secretsmanager.amazonaws.com", "logs.amazonaws.com"
BACKUP, EFS = "backup.amazonaws.com", "elasticfilesystem.amazonaws.com"
DYNAMODB, REDSHIFT = "dynamodb.amazonaws.com", "redshift.amazonaws.com"
ECS, EKS, ECR = "ecs.amazonaws.com", "eks.amazonaws.com", "ecr.amazonaws.com"
SNS, SQS = "sns.amazonaws.com", "sqs.amazonaws.com"
ANYWHERE = "rolesanywhere.amazonaws.com"

TABLE: Table = {
    "identity.create": {
        IAM: ("CreateUser", "CreateRole", "CreateGroup", "CreateServiceLinkedRole"),
        DIRECTORY: ("CreateUser", "CreateGroup"),
        IDENTITY_STORE: ("CreateUser", "CreateGroup"),
        COGNITO: ("AdminCreateUser",),
    },
    "identity.delete": {
        IAM: ("DeleteUser", "DeleteRole", "DeleteGroup", "DeleteServiceLinkedRole"),
        DIRECTORY: ("DeleteUser", "DeleteGroup"),
        IDENTITY_STORE: ("DeleteUser", "DeleteGroup"),
        COGNITO: ("AdminDeleteUser",),
    },
    "credential.create": {
        IAM: (
            "CreateAccessKey",
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "CreateServiceSpecificCredential",
            "ResetServiceSpecificCredential",
            "UploadSSHPublicKey",
            "UploadSigningCertificate",
        ),
        EC2: ("CreateKeyPair", "ImportKeyPair"),
        COGNITO: ("AdminSetUserPassword",),
        "lightsail.amazonaws.com": ("CreateKeyPair", "ImportKeyPair", "CreateBucketAccessKey"),
        "appsync.amazonaws.com": ("CreateApiKey",),
    },
    "privilege.grant": {
        IAM: (
            "AttachUserPolicy",
            "AttachRolePolicy",
            "AttachGroupPolicy",
            "PutUserPolicy",
            "PutRolePolicy",
            "PutGroupPolicy",
            "AddUserToGroup",
            "CreatePolicyVersion",
            "SetDefaultPolicyVersion",
            "AddRoleToInstanceProfile",
            "DeleteUserPermissionsBoundary",
            "DeleteRolePermissionsBoundary",
        ),
        SSO: (
            "CreateAccountAssignment",
            "AttachManagedPolicyToPermissionSet",
            "AttachCustomerManagedPolicyReferenceToPermissionSet",
            "PutInlinePolicyToPermissionSet",
            "DeletePermissionsBoundaryFromPermissionSet",
        ),
        DIRECTORY: ("AddMemberToGroup",),
        IDENTITY_STORE: ("CreateGroupMembership",),
        COGNITO: ("AdminAddUserToGroup",),
        EKS: ("CreateAccessEntry", "AssociateAccessPolicy"),
        EC2: ("AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"),
        ORGANIZATIONS: ("RegisterDelegatedAdministrator",),
    },
    "trust.change": {
        IAM: ("UpdateAssumeRolePolicy",),
        ANYWHERE: (
            "CreateTrustAnchor",
            "UpdateTrustAnchor",
            "EnableTrustAnchor",
            "CreateProfile",
            "UpdateProfile",
            "EnableProfile",
        ),
        EKS: ("CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"),
    },
    "policy.change": {
        ORGANIZATIONS: (
            "AttachPolicy",
            "DetachPolicy",
            "CreatePolicy",
            "DeletePolicy",
            "UpdatePolicy",
            "EnablePolicyType",
            "DisablePolicyType",
            "PutResourcePolicy",
            "DeleteResourcePolicy",
        ),
        IAM: ("UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"),
        S3: ("PutBucketPolicy", "DeleteBucketPolicy", "PutBucketAcl", "PutObjectAcl"),
        KMS: ("PutKeyPolicy",),
        LAMBDA: (
            "AddPermission20150331",
            "AddPermission20150331v2",
            "RemovePermission20150331",
            "RemovePermission20150331v2",
        ),
        SECRETS: ("PutResourcePolicy", "DeleteResourcePolicy"),
        SQS: ("RemovePermission",),
        SNS: ("RemovePermission",),
        ECR: ("SetRepositoryPolicy", "DeleteRepositoryPolicy", "PutRegistryPolicy"),
        EFS: ("PutFileSystemPolicy", "DeleteFileSystemPolicy"),
        LOGS: ("PutResourcePolicy", "DeleteResourcePolicy"),
        BACKUP: ("PutBackupVaultAccessPolicy", "DeleteBackupVaultAccessPolicy"),
        DYNAMODB: ("PutResourcePolicy", "DeleteResourcePolicy"),
    },
    "logging.disable": {
        "cloudtrail.amazonaws.com": (
            "StopLogging",
            "DeleteTrail",
            "DeleteEventDataStore",
            "StopEventDataStoreIngestion",
        ),
        LOGS: ("DeleteDestination", "DeleteSubscriptionFilter", "DeleteDeliveryDestination"),
        EC2: ("DeleteFlowLogs",),
        "route53resolver.amazonaws.com": (
            "DeleteResolverQueryLogConfig",
            "DisassociateResolverQueryLogConfig",
        ),
        "route53.amazonaws.com": ("DeleteQueryLoggingConfig",),
        "wafv2.amazonaws.com": ("DeleteLoggingConfiguration",),
        "bedrock.amazonaws.com": ("DeleteModelInvocationLoggingConfiguration",),
        REDSHIFT: ("DisableLogging",),
        "securitylake.amazonaws.com": ("DeleteDataLake", "DeleteAwsLogSource"),
    },
    "security_service.disable": {
        "guardduty.amazonaws.com": (
            "DeleteDetector",
            "DisassociateFromAdministratorAccount",
            "DisassociateFromMasterAccount",
            "DisassociateMembers",
            "DeleteMembers",
            "StopMonitoringMembers",
            "DeletePublishingDestination",
            "CreateFilter",
            "UpdateFilter",
            "CreateIPSet",
            "UpdateIPSet",
            "DeleteThreatIntelSet",
        ),
        "securityhub.amazonaws.com": (
            "DisableSecurityHub",
            "BatchDisableStandards",
            "DisableImportFindingsForProduct",
            "DisassociateFromAdministratorAccount",
            "DeleteMembers",
            "DisassociateMembers",
        ),
        "config.amazonaws.com": (
            "StopConfigurationRecorder",
            "DeleteConfigurationRecorder",
            "DeleteDeliveryChannel",
            "DeleteConfigRule",
            "DeleteOrganizationConfigRule",
            "DeleteConformancePack",
        ),
        "macie2.amazonaws.com": (
            "DisableMacie",
            "DisassociateFromAdministratorAccount",
            "DeleteMember",
        ),
        "inspector2.amazonaws.com": ("Disable", "CreateFilter"),
        "access-analyzer.amazonaws.com": ("DeleteAnalyzer", "CreateArchiveRule"),
        "detective.amazonaws.com": ("DeleteGraph", "DeleteMembers", "DisassociateMembership"),
        "wafv2.amazonaws.com": ("DeleteWebACL", "DisassociateWebACL", "DeleteRuleGroup"),
        "shield.amazonaws.com": ("DeleteProtection", "DisableProactiveEngagement"),
        "network-firewall.amazonaws.com": ("DeleteFirewall", "DeleteFirewallPolicy"),
        ORGANIZATIONS: ("DisableAWSServiceAccess", "DeregisterDelegatedAdministrator"),
    },
    "network.open": {
        EC2: (
            "AuthorizeSecurityGroupIngress",
            "ModifySecurityGroupRules",
            "CreateNetworkAclEntry",
            "ReplaceNetworkAclEntry",
            "AttachInternetGateway",
            "CreateVpcPeeringConnection",
            "AcceptVpcPeeringConnection",
        ),
        RDS: ("AuthorizeDBSecurityGroupIngress",),
        REDSHIFT: ("AuthorizeClusterSecurityGroupIngress",),
        LAMBDA: ("CreateFunctionUrlConfig", "UpdateFunctionUrlConfig"),
        "lightsail.amazonaws.com": ("OpenInstancePublicPorts", "PutInstancePublicPorts"),
    },
    "resource.share": {
        EC2: (
            "ModifyImageAttribute",
            "ModifySnapshotAttribute",
            "ModifyFpgaImageAttribute",
            "ModifyVpcEndpointServicePermissions",
            "DisableImageBlockPublicAccess",
            "DisableSnapshotBlockPublicAccess",
        ),
        RDS: ("ModifyDBSnapshotAttribute", "ModifyDBClusterSnapshotAttribute"),
        S3: ("DeleteBucketPublicAccessBlock", "DeleteAccountPublicAccessBlock"),
        "ram.amazonaws.com": ("CreateResourceShare", "AssociateResourceShare"),
        REDSHIFT: ("AuthorizeSnapshotAccess", "AuthorizeDataShare", "AuthorizeEndpointAccess"),
        LAMBDA: ("AddLayerVersionPermission20181031",),
        SQS: ("AddPermission",),
        SNS: ("AddPermission",),
        SSM: ("ModifyDocumentPermission",),
        "glacier.amazonaws.com": ("SetVaultAccessPolicy",),
    },
    "secret.read": {
        SECRETS: ("GetSecretValue", "BatchGetSecretValue"),
        EC2: ("GetPasswordData",),
        "lightsail.amazonaws.com": ("GetInstanceAccessDetails", "DownloadDefaultKeyPair"),
    },
    "data.read": {
        S3: ("GetObject", "SelectObjectContent", "GetObjectTorrent"),
        DYNAMODB: (
            "GetItem",
            "BatchGetItem",
            "Query",
            "Scan",
            "ExecuteStatement",
            "ExportTableToPointInTime",
        ),
        RDS: ("StartExportTask", "DownloadDBLogFilePortion"),
        "rdsdata.amazonaws.com": ("ExecuteStatement", "BatchExecuteStatement"),
        "athena.amazonaws.com": ("StartQueryExecution", "GetQueryResults"),
        LOGS: ("GetLogEvents", "FilterLogEvents", "StartQuery", "CreateExportTask"),
        "ebs.amazonaws.com": ("GetSnapshotBlock", "ListSnapshotBlocks"),
        ECR: ("GetDownloadUrlForLayer", "BatchGetImage"),
        "codecommit.amazonaws.com": ("GitPull", "GetBlob", "GetFile"),
    },
    "data.delete": {
        S3: ("DeleteBucket", "DeleteObject", "DeleteObjects"),
        DYNAMODB: ("DeleteTable", "DeleteItem"),
        RDS: ("DeleteDBInstance", "DeleteDBCluster"),
        EC2: ("DeleteVolume",),
        LOGS: ("DeleteLogGroup", "DeleteLogStream"),
        EFS: ("DeleteFileSystem",),
        REDSHIFT: ("DeleteCluster",),
        SECRETS: ("DeleteSecret",),
        SSM: ("DeleteParameter", "DeleteParameters"),
        ECR: ("DeleteRepository", "BatchDeleteImage"),
        "kinesis.amazonaws.com": ("DeleteStream",),
        "codecommit.amazonaws.com": ("DeleteRepository",),
        "elasticache.amazonaws.com": ("DeleteCacheCluster", "DeleteReplicationGroup"),
    },
    "key.destroy": {
        KMS: (
            "ScheduleKeyDeletion",
            "DisableKey",
            "DeleteImportedKeyMaterial",
            "DeleteKey",
            "DeleteCustomKeyStore",
            "DisconnectCustomKeyStore",
        ),
        "cloudhsm.amazonaws.com": ("DeleteCluster", "DeleteHsm"),
        "payment-cryptography.amazonaws.com": ("DeleteKey", "StopKeyUsage"),
    },
    "backup.destroy": {
        BACKUP: (
            "DeleteBackupVault",
            "DeleteBackupPlan",
            "DeleteBackupSelection",
            "DeleteRecoveryPoint",
            "UpdateRecoveryPointLifecycle",
            "DeleteBackupVaultLockConfiguration",
            "DisassociateRecoveryPoint",
        ),
        EC2: ("DeleteSnapshot", "DeregisterImage"),
        RDS: (
            "DeleteDBSnapshot",
            "DeleteDBClusterSnapshot",
            "DeleteDBInstanceAutomatedBackup",
            "DeleteDBClusterAutomatedBackup",
        ),
        S3: ("DeleteBucketReplication",),
        DYNAMODB: ("DeleteBackup",),
        EFS: ("DeleteReplicationConfiguration",),
        REDSHIFT: ("DeleteClusterSnapshot",),
        "dlm.amazonaws.com": ("DeleteLifecyclePolicy",),
        "glacier.amazonaws.com": ("DeleteArchive", "DeleteVault"),
    },
    "compute.create": {
        EC2: ("RunInstances", "RequestSpotInstances", "RequestSpotFleet", "CreateFleet"),
        LAMBDA: ("CreateFunction20150331",),
        ECS: ("CreateService", "RunTask", "StartTask", "CreateCluster"),
        EKS: ("CreateCluster", "CreateNodegroup", "CreateFargateProfile"),
        "autoscaling.amazonaws.com": ("CreateAutoScalingGroup",),
        "lightsail.amazonaws.com": ("CreateInstances",),
        "sagemaker.amazonaws.com": ("CreateNotebookInstance", "CreateTrainingJob"),
        "elasticmapreduce.amazonaws.com": ("RunJobFlow",),
        "batch.amazonaws.com": ("CreateComputeEnvironment", "SubmitJob"),
        "apprunner.amazonaws.com": ("CreateService",),
        "codebuild.amazonaws.com": ("StartBuild",),
        "glue.amazonaws.com": ("CreateDevEndpoint",),
        "cloudformation.amazonaws.com": ("CreateStack",),
    },
    "compute.exec": {
        SSM: ("SendCommand", "StartSession", "ResumeSession", "StartAutomationExecution"),
        "ec2-instance-connect.amazonaws.com": (
            "SendSSHPublicKey",
            "SendSerialConsoleSSHPublicKey",
            "OpenTunnel",
        ),
        EC2: ("EnableSerialConsoleAccess",),
        ECS: ("ExecuteCommand",),
        "sagemaker.amazonaws.com": ("CreatePresignedNotebookInstanceUrl",),
        "cloudshell.amazonaws.com": ("CreateSession",),
    },
    "mfa.change": {
        IAM: (
            "CreateVirtualMFADevice",
            "EnableMFADevice",
            "ResyncMFADevice",
            "DeactivateMFADevice",
            "DeleteVirtualMFADevice",
        ),
        DIRECTORY: (
            "DeleteMfaDeviceForUser",
            "UpdateMfaDeviceForUser",
            "StartVirtualMfaDeviceRegistration",
        ),
        COGNITO: ("SetUserMFAPreference", "AdminSetUserMFAPreference", "SetUserPoolMfaConfig"),
    },
    "idp.change": {
        IAM: (
            "CreateSAMLProvider",
            "UpdateSAMLProvider",
            "DeleteSAMLProvider",
            "CreateOpenIDConnectProvider",
            "UpdateOpenIDConnectProviderThumbprint",
            "AddClientIDToOpenIDConnectProvider",
            "DeleteOpenIDConnectProvider",
        ),
        SSO: ("AssociateDirectory", "CreateTrustedTokenIssuer", "UpdateTrustedTokenIssuer"),
        DIRECTORY: (
            "EnableExternalIdPConfigurationForDirectory",
            "CreateExternalIdPConfigurationForDirectory",
        ),
        COGNITO: ("CreateIdentityProvider", "UpdateIdentityProvider"),
        EKS: ("AssociateIdentityProviderConfig",),
    },
}
"""Class -> eventSource -> eventName."""

OPERATIONS = Operations(TABLE, service="eventSource", operation="eventName")

SIGN_IN = "signin.amazonaws.com"

AUTHENTICATION: Mapping[tuple[str, str], Activity] = {
    (SIGN_IN, "ConsoleLogin"): "logon",
    (SIGN_IN, "SwitchRole"): "logon",
    (SIGN_IN, "ExitRole"): "logoff",
    (SIGN_IN, "UserAuthentication"): "logon",
    ("sso.amazonaws.com", "Authenticate"): "logon",
    ("sso.amazonaws.com", "Federate"): "logon",
    ("sso.amazonaws.com", "Logout"): "logoff",
    ("sts.amazonaws.com", "AssumeRole"): "logon",
    ("sts.amazonaws.com", "AssumeRoleWithSAML"): "logon",
    ("sts.amazonaws.com", "AssumeRoleWithWebIdentity"): "logon",
    ("sts.amazonaws.com", "AssumeRoot"): "logon",
    ("sts.amazonaws.com", "GetFederationToken"): "logon",
    ("sts.amazonaws.com", "GetSessionToken"): "logon",
}
"""(eventSource, eventName) of what opens or ends a session, by password or by token."""

ANSWERED = ("responseElements", "serviceEventDetails")
"""Where a sign-in's answer stands, under the name of the operation; in the latter where Identity
Center tells sign-ins step by step.
"""

ANSWERS = (
    "ConsoleLogin",
    "SwitchRole",
    "ExitRole",
    "CheckMfa",
    "RenewRole",
    "UserAuthentication",
    "CredentialChallenge",
    "CredentialVerification",
    "PasswordRecoveryRequested",
    "PasswordRecoveryCompleted",
)
"""Operations of SIGN_IN, whose answer has an outcome under the operation's own name."""

READS = ("Get", "List", "Describe", "Head", "Lookup", "Search", "Scan", "Query", "Select", "View")

VERBS: Mapping[str, Activity] = {
    **dict.fromkeys(("Create", "Run", "Register", "Allocate", "Import", "Copy"), "create"),
    **dict.fromkeys(("Delete", "Terminate", "Remove", "Deregister", "Purge"), "delete"),
    **dict.fromkeys(("Update", "Modify", "Put", "Set", "Add", "Change", "Replace"), "update"),
    **dict.fromkeys(("Attach", "Detach", "Associate", "Disassociate"), "update"),
    **dict.fromkeys(("Authorize", "Revoke", "Enable", "Disable", "Start", "Stop"), "update"),
    **dict.fromkeys(("Tag", "Untag", "Reset", "Restore", "Deactivate", "Reboot"), "update"),
}
"""First word of an operation that writes -> what it does to the resource."""
