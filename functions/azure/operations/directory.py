"""Activities of Entra's audit log by class.

Names are those of
https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities, and three
that the log has and the page has not: `Reset user password`, the elevation of a global
administrator, and an application's secrets with the dash that the log writes. It doesn't know how a
record looks.
"""

from __future__ import annotations

from core.operations import Table

__all__ = ["DIRECTORY_TABLE"]

DIRECTORY_TABLE: Table = {
    "identity.create": {
        "*": (
            "Add user",
            "Add group",
            "Add application",
            "Add service principal",
            "Invite external user",
            "Viral user creation",
        )
    },
    "identity.delete": {
        "*": (
            "Delete user",
            "Hard Delete user",
            "Delete external user",
            "Delete group",
            "Hard Delete group",
            "Delete application",
            "Hard Delete application",
            "Remove service principal",
            "Hard delete service principal",
        )
    },
    "credential.create": {
        "*": (
            "Add service principal credentials",
            "Update application - Certificates and secrets management",
            "Update application – Certificates and secrets management",
            "Create application password for user",
            "Reset password",
            "Reset user password",
            "Reset password (by admin)",
            "Admin registered security info",
        )
    },
    "privilege.grant": {
        "*": (
            "Add member to role",
            "Add eligible member to role",
            "Add scoped member to role",
            "Add member to role scoped over Restricted Management Administrative Unit",
            "Add role assignment to role definition",
            "Add EligibleRoleAssignment to RoleDefinition",
            "Add member to role outside of PIM (permanent)",
            "Add member to role in PIM completed (permanent)",
            "Add member to role in PIM completed (timebound)",
            "Add eligible member to role in PIM completed (permanent)",
            "Add eligible member to role in PIM completed (timebound)",
            "Add app role assignment to service principal",
            "Add delegated permission grant",
            "Consent to application",
            "Add owner to application",
            "Add owner to service principal",
            "Add owner to group",
            "Add member to group",
            "Add role definition",
            "Update role definition",
            "User has elevated their access to User Access Administrator for their Azure Resources",
        )
    },
    "trust.change": {
        "*": (
            "Add a partner to cross-tenant access setting",
            "Update a partner cross-tenant access setting",
            "Update the company default cross-tenant access setting",
            "Create a partner cross-tenant identity sync setting",
            "Update a partner cross-tenant identity sync setting",
            "Add partner to company",
            "Set Partnership",
        )
    },
    "policy.change": {
        "*": (
            "Add Conditional Access policy",
            "Update Conditional Access policy",
            "Delete Conditional Access policy",
            "Add named location",
            "Update named location",
            "Delete named location",
            "Update security defaults",
            "Update authorization policy",
            "Update permission grant policy",
            "Update role setting in PIM",
            "Authentication Methods Policy Update",
            "Authentication Methods Policy Reset",
            "Set password policy",
            "Add policy",
            "Update policy",
            "Delete policy",
        )
    },
    "security_service.disable": {"*": ("Disable PIM alert",)},
    "secret.read": {"*": ("Reveal local administrator password", "Read BitLocker key")},
    "mfa.change": {
        "*": (
            "User registered security info",
            "User deleted security info",
            "User changed default security info",
            "Admin registered security info",
            "Admin updated security info",
            "Admin deleted security info",
            "Enable Strong Authentication",
            "Disable Strong Authentication",
            "Add users strong authentication phone app detail",
            "Remove users strong authentication phone app detail",
            "Add FIDO2 security key",
            "Delete FIDO2 security key(s)",
            "Add passwordless phone sign-in credential",
            "Delete passwordless phone sign-in credential",
            "Add Windows Hello for Business credential",
            "Delete Windows Hello for Business credential",
            "Add bypass user",
        )
    },
    "idp.change": {
        "*": (
            "Set domain authentication",
            "Set federation settings on domain",
            "Add unverified domain",
            "Add verified domain",
            "Verify domain",
            "Set DirSyncEnabled flag",
            "Enable passthrough authentication",
            "Enable Desktop Sso",
            "Add CertificationBasedAuthConfiguration",
            "Create Identity Provider",
            "Update identity provider",
        )
    },
}
"""Class -> activities, whatever part of the directory logged them."""
