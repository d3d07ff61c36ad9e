"""Operations of Azure's Activity Log by class: what resource providers offer.

Names are those of https://learn.microsoft.com/azure/role-based-access-control/permissions/ (a page
for each field), compared without case, as the log writes them in capitals. A read is never in the
log, so what gives a secret away is here as an action. It doesn't know how a record looks.
"""

from __future__ import annotations

from core.operations import Table

__all__ = ["ACTIVITY_TABLE"]

ACTIVITY_TABLE: Table = {
    "identity.create": {"*": ("Microsoft.ManagedIdentity/userAssignedIdentities/write",)},
    "identity.delete": {"*": ("Microsoft.ManagedIdentity/userAssignedIdentities/delete",)},
    "credential.create": {
        "*": (
            "Microsoft.Storage/storageAccounts/regenerateKey/action",
            "Microsoft.Storage/storageAccounts/listAccountSas/action",
            "Microsoft.Storage/storageAccounts/listServiceSas/action",
            "Microsoft.ContainerRegistry/registries/regenerateCredential/action",
            "Microsoft.ContainerRegistry/registries/generateCredentials/action",
            "Microsoft.ContainerRegistry/registries/tokens/write",
            "Microsoft.Compute/sshPublicKeys/generateKeyPair/action",
            "Microsoft.DocumentDB/databaseAccounts/regenerateKey/action",
            "Microsoft.EventHub/namespaces/authorizationRules/regenerateKeys/action",
            "Microsoft.ServiceBus/namespaces/authorizationRules/regenerateKeys/action",
            "Microsoft.CognitiveServices/accounts/regenerateKey/action",
            "Microsoft.Search/searchServices/regenerateAdminKey/action",
            "Microsoft.Search/searchServices/createQueryKey/action",
            "Microsoft.Cache/redis/regenerateKey/action",
            "Microsoft.Automation/automationAccounts/webhooks/write",
        )
    },
    "privilege.grant": {
        "*": (
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleDefinitions/write",
            "Microsoft.Authorization/roleAssignmentScheduleRequests/write",
            "Microsoft.Authorization/roleEligibilityScheduleRequests/write",
            "Microsoft.Authorization/elevateAccess/action",
            "Microsoft.Authorization/classicAdministrators/write",
            "Microsoft.KeyVault/vaults/accessPolicies/write",
            "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write",
        )
    },
    "trust.change": {
        "*": (
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
            "Microsoft.ManagedServices/registrationAssignments/write",
            "Microsoft.ManagedServices/registrationDefinitions/write",
        )
    },
    "policy.change": {
        "*": (
            "Microsoft.Authorization/policyAssignments/write",
            "Microsoft.Authorization/policyAssignments/delete",
            "Microsoft.Authorization/policyDefinitions/write",
            "Microsoft.Authorization/policyDefinitions/delete",
            "Microsoft.Authorization/policySetDefinitions/write",
            "Microsoft.Authorization/policySetDefinitions/delete",
            "Microsoft.Authorization/policyExemptions/write",
            "Microsoft.Authorization/policyExemptions/delete",
            "Microsoft.Authorization/locks/write",
            "Microsoft.Authorization/locks/delete",
            "Microsoft.Authorization/denyAssignments/delete",
        )
    },
    "logging.disable": {
        "*": (
            "Microsoft.Insights/diagnosticSettings/delete",
            "Microsoft.Insights/logProfiles/delete",
            "Microsoft.Insights/dataCollectionRules/delete",
            "Microsoft.Insights/dataCollectionRuleAssociations/delete",
            "Microsoft.aadiam/diagnosticSettings/delete",
            "Microsoft.OperationalInsights/workspaces/delete",
            "Microsoft.EventHub/namespaces/delete",
            "Microsoft.EventHub/namespaces/eventhubs/delete",
            "Microsoft.EventHub/namespaces/authorizationRules/delete",
            "Microsoft.Network/networkWatchers/flowLogs/delete",
        )
    },
    "security_service.disable": {
        "*": (
            "Microsoft.Security/pricings/delete",
            "Microsoft.Security/automations/delete",
            "Microsoft.Security/securityContacts/delete",
            "Microsoft.Security/workspaceSettings/delete",
            "Microsoft.Security/alertsSuppressionRules/write",
            "Microsoft.SecurityInsights/alertRules/delete",
            "Microsoft.SecurityInsights/automationRules/delete",
            "Microsoft.SecurityInsights/dataConnectors/delete",
            "Microsoft.SecurityInsights/onboardingStates/delete",
            "Microsoft.OperationsManagement/solutions/delete",
            "Microsoft.Insights/activityLogAlerts/delete",
            "Microsoft.Insights/actionGroups/delete",
            "Microsoft.AlertsManagement/actionRules/write",
            "Microsoft.Network/azureFirewalls/delete",
            "Microsoft.Network/firewallPolicies/delete",
            "Microsoft.Network/ddosProtectionPlans/delete",
            "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/delete",
            "Microsoft.Network/frontDoorWebApplicationFirewallPolicies/delete",
            "Microsoft.Network/networkWatchers/delete",
        )
    },
    "network.open": {
        "*": (
            "Microsoft.Network/networkSecurityGroups/write",
            "Microsoft.Network/networkSecurityGroups/delete",
            "Microsoft.Network/networkSecurityGroups/securityRules/write",
            "Microsoft.Network/azureFirewalls/write",
            "Microsoft.Network/firewallPolicies/ruleCollectionGroups/write",
            "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write",
            "Microsoft.Sql/servers/firewallRules/write",
            "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules/write",
            "Microsoft.DBforMySQL/flexibleServers/firewallRules/write",
            "Microsoft.Cache/redis/firewallRules/write",
            "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action",
        )
    },
    "resource.share": {
        "*": (
            "Microsoft.Compute/disks/beginGetAccess/action",
            "Microsoft.Compute/snapshots/beginGetAccess/action",
            "Microsoft.Compute/restorePointCollections/restorePoints/retrieveSasUris/action",
            "Microsoft.Compute/galleries/share/action",
            "Microsoft.DataShare/accounts/shares/invitations/write",
        )
    },
    "secret.read": {
        "*": (
            "Microsoft.Storage/storageAccounts/listKeys/action",
            "Microsoft.DocumentDB/databaseAccounts/listKeys/action",
            "Microsoft.DocumentDB/databaseAccounts/listConnectionStrings/action",
            "Microsoft.ContainerRegistry/registries/listCredentials/action",
            "Microsoft.Web/sites/config/list/action",
            "Microsoft.Web/sites/publishxml/action",
            "Microsoft.Web/sites/host/listkeys/action",
            "Microsoft.Web/sites/functions/listkeys/action",
            "Microsoft.EventHub/namespaces/authorizationRules/listkeys/action",
            "Microsoft.ServiceBus/namespaces/authorizationRules/listkeys/action",
            "Microsoft.CognitiveServices/accounts/listKeys/action",
            "Microsoft.Search/searchServices/listAdminKeys/action",
            "Microsoft.Cache/redis/listKeys/action",
            "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
            "Microsoft.ContainerService/managedClusters/accessProfiles/listCredential/action",
            "Microsoft.OperationalInsights/workspaces/sharedkeys/action",
            "Microsoft.Batch/batchAccounts/listkeys/action",
            "Microsoft.Automation/automationAccounts/listKeys/action",
        )
    },
    "data.read": {
        "*": (
            "Microsoft.Sql/servers/databases/export/action",
            "Microsoft.Compute/virtualMachines/capture/action",
        )
    },
    "data.delete": {
        "*": (
            "Microsoft.Storage/storageAccounts/delete",
            "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
            "Microsoft.Storage/storageAccounts/fileServices/shares/delete",
            "Microsoft.Sql/servers/delete",
            "Microsoft.Sql/servers/databases/delete",
            "Microsoft.DocumentDB/databaseAccounts/delete",
            "Microsoft.DBforPostgreSQL/flexibleServers/delete",
            "Microsoft.DBforMySQL/flexibleServers/delete",
            "Microsoft.Compute/disks/delete",
            "Microsoft.ContainerRegistry/registries/delete",
            "Microsoft.Cache/redis/delete",
            "Microsoft.Resources/subscriptions/resourceGroups/delete",
        )
    },
    "key.destroy": {
        "*": (
            "Microsoft.KeyVault/vaults/delete",
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/managedHSMs/delete",
            "Microsoft.KeyVault/locations/deletedManagedHsms/purge/action",
            "Microsoft.Compute/diskEncryptionSets/delete",
        )
    },
    "backup.destroy": {
        "*": (
            "Microsoft.RecoveryServices/Vaults/delete",
            "Microsoft.RecoveryServices/Vaults/backupPolicies/delete",
            "Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/delete",
            "Microsoft.DataProtection/backupVaults/delete",
            "Microsoft.DataProtection/backupVaults/backupInstances/delete",
            "Microsoft.DataProtection/backupVaults/backupPolicies/delete",
            "Microsoft.Compute/snapshots/delete",
            "Microsoft.Compute/restorePointCollections/delete",
            "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/delete",
        )
    },
    "compute.create": {
        "*": (
            "Microsoft.Compute/virtualMachines/write",
            "Microsoft.Compute/virtualMachineScaleSets/write",
            "Microsoft.ContainerInstance/containerGroups/write",
            "Microsoft.ContainerService/managedClusters/write",
            "Microsoft.App/containerApps/write",
            "Microsoft.Web/sites/write",
            "Microsoft.Batch/batchAccounts/pools/write",
            "Microsoft.MachineLearningServices/workspaces/computes/write",
        )
    },
    "compute.exec": {
        "*": (
            "Microsoft.Compute/virtualMachines/runCommand/action",
            "Microsoft.Compute/virtualMachines/runCommands/write",
            "Microsoft.Compute/virtualMachines/extensions/write",
            "Microsoft.Compute/virtualMachineScaleSets/extensions/write",
            "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action",
            "Microsoft.ContainerInstance/containerGroups/containers/exec/action",
            "Microsoft.ContainerService/managedClusters/runCommand/action",
            "Microsoft.Automation/automationAccounts/jobs/write",
            "Microsoft.Automation/automationAccounts/runbooks/publish/action",
            "Microsoft.SerialConsole/serialPorts/connect/action",
            "Microsoft.HybridCompute/machines/extensions/write",
            "Microsoft.HybridCompute/machines/runCommands/write",
        )
    },
}
"""Class -> operations, whatever the record calls the resource provider."""
