"""What Microsoft Graph v1.0 takes and gives, as far as the verbs use it: a table with its sources.

Graph's SDK is 200 MB and its OpenAPI description 35 MB; no smaller package of Microsoft's holds its
routes. Each row names the page that it was written from, below
https://learn.microsoft.com/graph/api/, and the application permission that the page says is the
least.
"""

from __future__ import annotations

import re

from tests.azure.fake.contract import Field, Route, fields, many, plain

TEXT, FLAG = Field(plain(str)), Field(plain(bool))
NEEDED = Field(plain(str), required=True)
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ANY_ID = r"[0-9A-Za-z_-]+"

USER = {
    "id": TEXT,
    "userPrincipalName": TEXT,
    "userType": TEXT,
    "signInSessionsValidFromDateTime": TEXT,
}
SERVICE_PRINCIPAL = {
    "id": TEXT,
    "appId": TEXT,
    "accountEnabled": FLAG,
    "appOwnerOrganizationId": TEXT,
    "servicePrincipalType": TEXT,
}
APPLICATION = {"id": TEXT, "appId": TEXT}
ASSIGNMENT = {
    "id": Field(plain(str), read_only=True),
    "principalId": NEEDED,
    "roleDefinitionId": NEEDED,
    "directoryScopeId": NEEDED,
}
OBJECTS = {
    "User": USER,
    "ServicePrincipal": SERVICE_PRINCIPAL,
    "Application": APPLICATION,
    "UnifiedRoleAssignment": ASSIGNMENT,
}
"""Type of Graph -> its properties that the verbs use."""


def _answer(known):
    return fields({"@odata.context": TEXT, **known})


def _graph(page, method, path, needs, *, takes=None, gives=None, query=()):
    return Route(
        name=page,
        method=method,
        path=re.compile(path, re.IGNORECASE),
        version="",
        takes=takes,
        gives=gives,
        query=frozenset(query),
        needs=needs,
    )


PRINCIPALS = "/v1.0/servicePrincipals"
ASSIGNMENTS = "/v1.0/roleManagement/directory/roleAssignments"
READ_USER = ("graph:User.Read.All",)
END_SESSIONS = ("graph:User.RevokeSessions.All",)
WRITE_APPLICATION = ("graph:Application.ReadWrite.All",)
GRANT = ("graph:RoleManagement.ReadWrite.Directory",)

ROUTES = [
    _graph(
        "user-get", "GET", rf"/v1\.0/users/{ID}", READ_USER, gives=_answer(USER), query=["$select"]
    ),
    _graph(
        "user-revokesigninsessions",
        "POST",
        rf"/v1\.0/users/{ID}/revokeSignInSessions",
        END_SESSIONS,
        gives=_answer({"value": Field(plain(bool), required=True)}),
    ),
    _graph(
        "application-get",
        "GET",
        rf"/v1\.0/applications/{ID}",
        WRITE_APPLICATION,
        gives=_answer(APPLICATION),
        query=["$select"],
    ),
    _graph(
        "serviceprincipal-get",
        "GET",
        rf"/v1\.0/servicePrincipals(?:/{ID}|\(appId='{ID}'\))",
        WRITE_APPLICATION,
        gives=_answer(SERVICE_PRINCIPAL),
        query=["$select"],
    ),
    _graph(
        "serviceprincipal-update",
        "PATCH",
        rf"/v1\.0/servicePrincipals/{ID}",
        WRITE_APPLICATION,
        takes=fields({"accountEnabled": FLAG}),
    ),
    _graph(
        "rbacapplication-list-roleassignments",
        "GET",
        re.escape(ASSIGNMENTS),
        GRANT,
        gives=_answer(
            {"value": Field(many(fields(ASSIGNMENT)), required=True), "@odata.nextLink": TEXT}
        ),
        query=["$filter", "$skiptoken"],
    ),
    _graph(
        "rbacapplication-post-roleassignments",
        "POST",
        re.escape(ASSIGNMENTS),
        GRANT,
        takes=fields({"@odata.type": TEXT, **ASSIGNMENT}),
        gives=_answer(ASSIGNMENT),
    ),
    _graph(
        "unifiedroleassignment-delete",
        "DELETE",
        rf"{re.escape(ASSIGNMENTS)}/{ANY_ID}",
        GRANT,
    ),
]
"""Reading is listed with the right that the writes of the same verb need: it includes reading."""
