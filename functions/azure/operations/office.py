"""Operations of Microsoft 365's audit log by class.

Names are those of https://learn.microsoft.com/purview/audit-log-activities and of Exchange's
cmdlets (https://learn.microsoft.com/powershell/module/exchange). It doesn't know how a record
looks.
"""

from __future__ import annotations

from core.operations import Table
from functions.azure.operations.directory import DIRECTORY_TABLE

__all__ = ["OFFICE_TABLE"]

OWN: Table = {
    "privilege.grant": {
        "*": (
            "Add-MailboxPermission",
            "Add-MailboxFolderPermission",
            "Add-RecipientPermission",
            "Add-RoleGroupMember",
            "New-ManagementRoleAssignment",
            "SiteCollectionAdminAdded",
        )
    },
    "policy.change": {
        "*": ("SharingPolicyChanged", "Set-OrganizationConfig", "Set-SharingPolicy"),
    },
    "logging.disable": {
        "*": (
            "Set-AdminAuditLogConfig",
            "Set-MailboxAuditBypassAssociation",
            "Remove-UnifiedAuditLogRetentionPolicy",
        )
    },
    "security_service.disable": {
        "*": (
            "Disable-AntiPhishRule",
            "Remove-AntiPhishPolicy",
            "Remove-AntiPhishRule",
            "Disable-MalwareFilterRule",
            "Remove-MalwareFilterRule",
            "Disable-SafeAttachmentRule",
            "Remove-SafeAttachmentRule",
            "Disable-SafeLinksRule",
            "Remove-SafeLinksRule",
        )
    },
    "resource.share": {
        "*": (
            "AnonymousLinkCreated",
            "SecureLinkCreated",
            "AddedToSecureLink",
            "SharingSet",
            "SharingInvitationCreated",
        )
    },
    "data.read": {"*": ("FileAccessed", "FileDownloaded", "MailItemsAccessed")},
    "data.delete": {"*": ("FileDeleted", "FileRecycled", "HardDelete", "SoftDelete")},
    "idp.change": {"*": ("New-PartnerApplication", "Set-PartnerApplication")},
}
"""Class -> operations of SharePoint, OneDrive and Exchange (cmdlets)."""

OFFICE_TABLE: Table = {
    label: {
        "*": (
            *OWN.get(label, {}).get("*", ()),
            *(f"{name}." for name in DIRECTORY_TABLE.get(label, {}).get("*", ())),
        )
    }
    for label in {**DIRECTORY_TABLE, **OWN}
}
"""The same, and the directory's activities, which end in a full stop in this log."""
