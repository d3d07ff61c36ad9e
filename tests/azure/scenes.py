"""What the tests of the verbs set up in an Azure, each with the target that it makes."""

from __future__ import annotations

from core.model import Target

SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a"
TENANT = "00000000-0000-0000-0000-00000000000b"
ANA = "00000000-0000-0000-0000-000000000001"
BEN = "00000000-0000-0000-0000-000000000002"
APP = "00000000-0000-0000-0000-000000000003"
APP_ID = "00000000-0000-0000-0000-000000000004"
REGISTRATION = "00000000-0000-0000-0000-000000000005"
NOBODY = "00000000-0000-0000-0000-00000000dead"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
SINCE = 1_795_000_000_000

SUBSCRIBED = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUBSCRIBED}/resourceGroups/Web"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/acmedata"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/public"
SECURITY_GROUP = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/Web"
RULE = f"{SECURITY_GROUP}/securityRules/Allow-SSH"
ROLES = "providers/Microsoft.Authorization/roleAssignments"
ASSIGNMENT = f"{GROUP}/{ROLES}/00000000-0000-0000-0000-0000000000aa"
OTHER_ASSIGNMENT = f"{SUBSCRIBED}/{ROLES}/00000000-0000-0000-0000-0000000000bb"
SETTING = f"{SUBSCRIBED}/providers/Microsoft.Insights/diagnosticSettings/to-hub"
ENTRA_SETTING = "/providers/microsoft.aadiam/diagnosticSettings/to-hub"


def target(kind, account=SUBSCRIPTION, principal="", **args):
    return Target(
        kind=kind,
        uid=str(args.get("resource") or principal or f"{kind}-1").lower(),
        provider="azure",
        account=account,
        args=args,
        principal=principal,
    )


def storage_keys(azure):
    azure.add(ACCOUNT, {"allowSharedKeyAccess": True, "minimumTlsVersion": "TLS1_2"}, location="x")
    return target("access_key", resource=ACCOUNT.lower())


def storage_keys_by_default(azure):
    azure.add(ACCOUNT, {}, location="x")
    return target("access_key", resource=ACCOUNT.upper().replace("/PROVIDERS/", "/providers/"))


def service_principal(azure, **more):
    held = {
        "appId": APP_ID,
        "accountEnabled": True,
        "appOwnerOrganizationId": TENANT,
        "servicePrincipalType": "Application",
    }
    azure.add_object("servicePrincipals", id=APP, **{**held, **more})
    return target("access_key", TENANT, APP, service_principal=APP)


def application(azure):
    service_principal(azure)
    azure.add_object("applications", id=REGISTRATION, appId=APP_ID)
    return target("access_key", TENANT, REGISTRATION, application=REGISTRATION)


def application_by_its_id(azure):
    service_principal(azure)
    return target("access_key", TENANT, APP, app_id=APP_ID)


def user_sessions(azure, sort="Member", valid_from="2020-01-01T00:00:00Z"):
    azure.add_object(
        "users",
        id=ANA,
        userPrincipalName="ana@example.com",
        userType=sort,
        signInSessionsValidFromDateTime=valid_from,
    )
    return target("session", TENANT, ANA, user=ANA, since=SINCE)


def assigned(azure, path, who, role=OWNER, **more):
    scope = path.partition("/providers/Microsoft.Authorization")[0]
    azure.add(
        path,
        {
            "roleDefinitionId": f"{SUBSCRIBED}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "principalId": who,
            "principalType": "User",
            "scope": scope,
            "createdOn": "2026-11-25T12:00:00Z",
            **more,
        },
    )


def role_of_azure(azure):
    assigned(azure, ASSIGNMENT, ANA)
    return target("grant", principal=ANA, resource=ASSIGNMENT.lower())


def conditional_role_of_azure(azure):
    condition = "@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'acmedata'"
    assigned(
        azure, ASSIGNMENT, ANA, READER, condition=condition, conditionVersion="2.0", description="?"
    )
    return target("grant", principal=ANA, resource=ASSIGNMENT.lower())


def role_of_entra(azure):
    azure.assign(BEN, GLOBAL_ADMINISTRATOR)
    azure.assign(ANA, GLOBAL_ADMINISTRATOR, "/administrativeUnits/7")
    azure.assign(ANA, GLOBAL_ADMINISTRATOR)
    return target("grant", TENANT, ANA, principal_id=ANA, role=GLOBAL_ADMINISTRATOR, scope="/")


def rule(azure, **more):
    azure.add(SECURITY_GROUP, {}, location="x")
    azure.add(
        RULE,
        {
            "description": "quick fix",
            "protocol": "Tcp",
            "sourcePortRange": "*",
            "destinationPortRange": "22",
            "destinationAddressPrefix": "*",
            "access": "Allow",
            "priority": 100,
            "direction": "Inbound",
            **more,
        },
    )
    return target("ingress", resource=RULE.lower())


def open_rule(azure):
    return rule(azure, sourceAddressPrefix="*")


def mixed_rule(azure):
    return rule(
        azure,
        sourceAddressPrefixes=["198.51.100.0/24", "0.0.0.0/0", "::/0", "192.0.2.0/24"],
        destinationPortRange=None,
        destinationPortRanges=["3389", "22"],
    )


def rule_with_one_other_source(azure):
    return rule(azure, sourceAddressPrefixes=["Internet", "198.51.100.0/24"])


def public_account(azure):
    azure.add(ACCOUNT, {"allowBlobPublicAccess": True, "allowSharedKeyAccess": True}, location="x")
    return target("storage", resource=ACCOUNT.lower())


def public_container(azure):
    azure.add(CONTAINER, {"publicAccess": "Blob", "metadata": {"owner": "ana"}})
    return target("storage", resource=CONTAINER.lower())


def listing_container(azure):
    azure.add(CONTAINER, {"publicAccess": "Container"})
    return target("storage", resource=CONTAINER.lower())


LOGS = [
    {"category": "Administrative", "enabled": False},
    {"category": "Security", "enabled": True},
    {"category": "ResourceHealth", "enabled": False},
]


def setting(azure, path=SETTING, account=SUBSCRIPTION, logs=LOGS):
    azure.add(
        path,
        {
            "eventHubName": "activity",
            "eventHubAuthorizationRuleId": f"{GROUP}/providers/Microsoft.EventHub/namespaces/x/authorizationRules/send",
            "storageAccountId": None,
            "logs": logs,
        },
    )
    return target("audit_log", account, resource=path.lower())


def narrowed_setting(azure):
    return setting(azure)


def blinded_setting(azure):
    return setting(azure, logs=[{**each, "enabled": False} for each in LOGS])


def blinded_group(azure):
    return setting(azure, logs=[{"categoryGroup": "allLogs", "enabled": False}])


def entra_setting(azure):
    return setting(azure, ENTRA_SETTING, TENANT, [{"category": "AuditLogs", "enabled": False}])


SCENES = {
    "disable_access_key": [
        storage_keys,
        storage_keys_by_default,
        service_principal,
        application,
        application_by_its_id,
    ],
    "revoke_sessions": [user_sessions],
    "remove_grant": [role_of_azure, conditional_role_of_azure, role_of_entra],
    "close_ingress": [open_rule, mixed_rule, rule_with_one_other_source],
    "block_public_storage": [public_account, public_container, listing_container],
    "restore_audit_logging": [narrowed_setting, blinded_setting, blinded_group, entra_setting],
}
