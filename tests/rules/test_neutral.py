"""Rules in OCSF's words on every cloud's records: no quicker way finds more or less than rendering.

For each source, well-formed records with their telling fields varied, and arbitrary expressions.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ocsf
from core.detect import Detector
from core.detect.matcher import Fields, View, matcher
from core.detect.plain import lookup, plain_match, spread
from core.detect.values import finder
from core.model import Rule
from core.operations import CLASSES
from core.ports import Derived, Must, Source
from core.rulebook import And, Compare, Exists, Expr, Not, Null, Or, Regex, Rulebook, Text, book
from core.scan import Tally, identify, scan
from functions.aws.operations import ANSWERS, AUTHENTICATION, READS, TABLE, VERBS
from functions.azure.operations import ACTIVITY, DIRECTORY, OFFICE
from functions.gcp.operations import AUDIT, WORKSPACE
from functions.local.sources import sources

ABSENT = ...
AT = "2026-03-01T10:20:30Z"
TENANT = "00000000-0000-4000-8000-0000000000aa"
VAULT = "/subscriptions/00000000-0000-4000-8000-0000000000bb/providers/Microsoft.KeyVault/vaults/k"

TRAIL = {
    "eventTime": AT,
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateAccessKey",
    "eventID": "e1",
    "awsRegion": "eu-west-1",
    "recipientAccountId": "123456789012",
    "userIdentity": {"type": "IAMUser", "userName": "alice"},
}
HUB = {
    "time": AT,
    "resourceId": VAULT.upper(),
    "operationName": "MICROSOFT.KEYVAULT/VAULTS/DELETE",
    "category": "Administrative",
    "resultType": "Success",
    "correlationId": "c1",
}
REST = {
    "eventTimestamp": AT,
    "eventDataId": "e1",
    "operationName": {"value": "Microsoft.KeyVault/vaults/delete"},
    "resourceId": VAULT,
    "status": {"value": "Succeeded"},
}
GRAPH = {
    "id": "e1",
    "activityDisplayName": "Add user",
    "activityDateTime": AT,
    "operationType": "Add",
    "loggedByService": "Core Directory",
    "result": "success",
    "targetResources": [{"id": "o1", "userPrincipalName": "bob@example.com", "type": "User"}],
}
EXPORT = {"time": AT, "operationName": "Add user", "category": "AuditLogs", "properties": GRAPH}
SIGN_IN = {
    "id": "e1",
    "createdDateTime": AT,
    "userId": "o1",
    "userPrincipalName": "alice@example.com",
    "appId": "a1",
    "conditionalAccessStatus": "success",
    "status": {"errorCode": 0},
}
SIGN_INS = {
    "time": AT,
    "operationName": "Sign-in activity",
    "category": "SignInLogs",
    "resultType": "0",
    "properties": SIGN_IN,
}
RISK = {"id": "e1", "riskEventType": "passwordSpray", "detectedDateTime": AT, "userId": "o1"}
INCIDENT = {"@odata.type": "#microsoft.graph.staleSignInAlertIncident", "createdDateTime": AT}
OFFICE_RECORD = {
    "CreationTime": AT,
    "Id": "e1",
    "Operation": "UserLoggedIn",
    "RecordType": 15,
    "UserId": "alice@example.com",
    "UserType": 0,
    "Workload": "AzureActiveDirectory",
}
ENTRY = {
    "logName": "projects/example-project/logs/cloudaudit.googleapis.com%2Factivity",
    "timestamp": AT,
    "insertId": "i1",
    "resource": {"type": "service_account", "labels": {"project_id": "example-project"}},
    "protoPayload": {
        "serviceName": "iam.googleapis.com",
        "methodName": "google.iam.admin.v1.CreateServiceAccountKey",
        "resourceName": "projects/-/serviceAccounts/1",
        "authenticationInfo": {"principalEmail": "alice@example.com"},
    },
}
GROUP = TRAIL | {
    "eventSource": "ec2.amazonaws.com",
    "eventName": "AuthorizeSecurityGroupIngress",
    "requestParameters": {"groupId": "sg-1"},
}
CONSOLE = TRAIL | {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin"}
ADMIN = copy.deepcopy(ENTRY)
ADMIN["protoPayload"] |= {
    "serviceName": "admin.googleapis.com",
    "metadata": {"event": [{"eventName": "CREATE_USER"}]},
}
LOGIN = copy.deepcopy(ADMIN)
LOGIN["protoPayload"] |= {
    "serviceName": "login.googleapis.com",
    "metadata": {"event": [{"eventName": "login_failure"}]},
}


def names(table: Any) -> list[str]:
    """Some operation of each class, and others in other cases."""
    each = [next(iter(services.values()))[0].replace("*", "x.") for services in table.values()]
    return [*each, *map(str.upper, each[:4]), *map(str.lower, each[:4]), "Unheard of"]


VERBS_OF_AWS = (*READS, *VERBS, "BatchGet", "BatchDelete", "Frobnicate", "get")
STATUS_OF_AZURE = ("Start", "Accept", "Succeeded", "FAILED", "success", "Canceled", "", ABSENT)
RESULTS = ("success", "Failure", "timeout", "unknownFutureValue", "", ABSENT)
ERRORS = ("0", "50126", "", 0, 50126, None, ABSENT)
METHODS = (
    *names(AUDIT._table),
    "v1.compute.instances.list",
    "storage.objects.get",
    "Frobnicate",
    "a.deleteB.c",
)
EVENTS = (*names(WORKSPACE._table), "login_success", "login_failure", "logout", "2sv_disable")

VARIED: dict[str, tuple[list[dict[str, Any]], dict[str, tuple[Any, ...]]]] = {
    "aws/cloudtrail": (
        [TRAIL, GROUP, CONSOLE],
        {
            "eventSource": (*{source for source, _ in AUTHENTICATION}, "iam.amazonaws.com", "x"),
            "eventName": (
                *names(TABLE),
                *{name for _, name in AUTHENTICATION},
                *ANSWERS,
                *(f"{verb}Thing" for verb in VERBS_OF_AWS),
            ),
            "readOnly": (True, False, None, ABSENT),
            "errorCode": ("AccessDenied", "", None, ABSENT),
            "errorMessage": ("No username found", "", ABSENT),
            "responseElements": (None, {"ConsoleLogin": "Success"}, {"SwitchRole": "Failure"}),
            "additionalEventData": ({"MFAUsed": "Yes"}, {"MFAUsed": "No"}, ABSENT),
            "userIdentity.sessionContext": (
                {"attributes": {"mfaAuthenticated": "true"}},
                {"attributes": {"mfaAuthenticated": "false"}},
                ABSENT,
            ),
            "userAgent": ("aws-cli/2", "", ABSENT),
            "requestID": ("r1", "", ABSENT),
            "awsRegion": ("eu-west-1", "", ABSENT),
            "recipientAccountId": ("111122223333", 7, ABSENT),
            "sourceIPAddress": ("192.0.2.7", "lambda.amazonaws.com", "fe80::1%eth0", None),
            "userIdentity": (
                {"type": "Root", "arn": "arn:aws:iam::123456789012:root", "accountId": "1"},
                {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"},
                {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/r/s", "userName": ""},
                {"type": "Unknown", "principalId": "AIDAEXAMPLE", "accountId": "1"},
                {"onBehalfOf": {"userId": "u1"}},
                {},
                "text",
                ABSENT,
            ),
            "userIdentity.sessionContext.sessionIssuer": ({"userName": "r", "arn": "x"}, ABSENT),
            "requestParameters": (
                {"userName": "bob", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
                {"userName": ["bob", "carol"], "roleName": ""},
                "text",
                None,
            ),
            "resources": ([{"ARN": "arn:aws:iam::1:"}, {"ARNPrefix": "arn:aws:s3:::b"}, 7], "x"),
        },
    ),
    "azure/activitylogs": (
        [HUB],
        {
            "operationName": tuple(names(ACTIVITY._table)),
            "resultType": STATUS_OF_AZURE,
            "resultSignature": ("Succeeded.Created", "Forbidden", ABSENT),
        },
    ),
    "azure/activitylogs, REST": (
        [REST],
        {
            "operationName.value": tuple(names(ACTIVITY._table)),
            "status.value": STATUS_OF_AZURE,
        },
    ),
    "azure/auditlogs": (
        [EXPORT],
        {
            "properties.activityDisplayName": (*names(DIRECTORY._table), "Add user ", ABSENT),
            "properties.result": RESULTS,
            "properties.operationType": ("Add", "Update", "Delete", ABSENT),
        },
    ),
    "azure/auditlogs, Graph": (
        [GRAPH],
        {"activityDisplayName": tuple(names(DIRECTORY._table)), "result": RESULTS},
    ),
    "azure/signinlogs": (
        [SIGN_INS],
        {"resultType": ERRORS, "properties.status.errorCode": (0, 50126, ABSENT)},
    ),
    "azure/signinlogs, Graph": ([SIGN_IN], {"status.errorCode": (0, 50126)}),
    "azure/riskdetection": ([RISK], {"riskDetail": ("x", ABSENT)}),
    "azure/pim": ([INCIDENT], {"assigneeId": ("o1", ABSENT)}),
    "m365/audit": (
        [OFFICE_RECORD],
        {
            "Operation": (*names(OFFICE._table), "UserLoggedIn", "userloggedin", "UserLoginFailed"),
            "ResultStatus": ("Succeeded", "Failed", "True", ABSENT),
        },
    ),
    "gcp/gcp.audit": (
        [ENTRY],
        {
            "protoPayload.serviceName": tuple(
                {one for services in AUDIT._table.values() for one in services}
            ),
            "protoPayload.methodName": METHODS,
            "protoPayload.status": ({}, {"code": 0}, {"code": 7, "message": "denied"}, ABSENT),
            "operation": ({"first": True}, {"last": True}, {"first": True, "last": True}, ABSENT),
            "protoPayload.metadata": ({"event": [{"eventName": "login_failure"}]}, ABSENT),
            "logName": (
                "organizations/1/logs/cloudaudit.googleapis.com%2Factivity",
                "projects//logs/cloudaudit.googleapis.com%2Factivity",
            ),
            "resource.labels": ({"project_id": "p"}, {}, ABSENT),
            "protoPayload.authenticationInfo": (
                {"principalEmail": "app@example-project.iam.gserviceaccount.com"},
                {"principalEmail": "", "principalSubject": "user:alice@example.com"},
                {"principalEmail": "alice@example.com", "principalSubject": "user:a"},
                {},
                ABSENT,
            ),
            "protoPayload.requestMetadata": (
                {"callerIp": "192.0.2.7"},
                {"callerIp": "gce-internal-ip"},
                {"callerIp": ["192.0.2.7", "192.0.2.8"]},
                ABSENT,
            ),
            "protoPayload.authorizationInfo": (
                [{"permission": "x", "permissionType": "DATA_READ"}],
                ABSENT,
            ),
        },
    ),
    "gcp/google_workspace": (
        [ADMIN, LOGIN],
        {
            "protoPayload.metadata.event": (
                *([{"eventName": name}] for name in EVENTS),
                [{"eventName": "CREATE_USER"}, {"eventName": "login_failure"}],
                [{"eventName": "logout"}, {"eventName": "ASSIGN_ROLE"}],
                ABSENT,
            ),
            "protoPayload.status": ({}, {"code": 7}, ABSENT),
            "protoPayload.authenticationInfo": ({"principalSubject": "s"}, {}),
            "protoPayload.requestMetadata": ({"callerIp": "2001:db8::1"}, "x"),
        },
    ),
}


def changed(record: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for key in above:
        record = record.setdefault(key, {})
        if not isinstance(record, dict):  # another change left no place for this one
            return
    if value is ABSENT:
        record.pop(last, None)
    else:
        record[last] = value


@st.composite
def records(draw: st.DrawFn, name: str) -> dict[str, Any]:
    bases, fields = VARIED[name]
    record = copy.deepcopy(draw(st.sampled_from(bases)))
    for path in draw(st.lists(st.sampled_from(sorted(fields)), unique=True)):
        changed(record, path, copy.deepcopy(draw(st.sampled_from(fields[path]))))
    return record


SOURCES = sources()


def source_of(record: dict[str, Any]) -> Source:
    found = identify(record, SOURCES)
    assert found is not None
    return found


FIELDS = (
    *("api.operation", "api.service.name", "metadata.labels", "class_uid", "class_name"),
    *("status_id", "status", "activity_id", "activity_name", "type_uid", "is_mfa", "cloud.region"),
    *("status_code", "status_detail", "api.response.error", "http_request.user_agent"),
    *("actor.user.uid", "metadata.uid", "cloud.provider", "src_endpoint.ip", "nothing"),
    *("actor.user.name", "user.name", "resources.uid", "resources.name", "cloud.account.uid"),
)
PATTERNS = st.sampled_from(
    (
        *(*CLASSES, "6003", "3002", "1", "2", "99", "600303", "300201", "true", "false", "success"),
        *("Failure", "createaccesskey", "iam.amazonaws.com", "aws", "azure", "delete", "logon", ""),
        *(("create", 0), (0, "key"), (0,), (1, 0), ("", 0), (0, ".", 0), (0, "change"), ("300", 0)),
    )
)
LEAVES = st.one_of(
    st.builds(Text, st.sampled_from((*FIELDS, None)), st.tuples(PATTERNS)),
    st.builds(Text, st.sampled_from(FIELDS), st.tuples(PATTERNS, PATTERNS), st.booleans()),
    st.builds(Regex, st.sampled_from(FIELDS), st.sampled_from((r"[Cc]reate", r"^\d+$", r"\.d"))),
    st.builds(Null, st.sampled_from(FIELDS)),
    st.builds(Exists, st.sampled_from(FIELDS), st.booleans()),
    st.builds(Compare, st.sampled_from(FIELDS), st.sampled_from(("eq", "gt", "lte")), st.just(2)),
)
EXPRS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.tuples(inner, inner)),
        st.builds(Or, st.tuples(inner, inner)),
    ),
    max_leaves=5,
)
RULES = st.lists(
    st.tuples(
        st.sampled_from(("api_activity", "authentication")),
        EXPRS,
        st.sampled_from(("", "aws", "azure", "gcp")),
    ),
    min_size=1,
    max_size=4,
)


def rulebook(rules: list[tuple[str, Expr, str]]) -> Rulebook:
    return book(
        (Rule(id=str(n), title="t", source=category), expr, provider)
        for n, (category, expr, provider) in enumerate(rules)
    )


@pytest.mark.parametrize("name", VARIED)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_index_headers_and_rendering_agree(name: str, data: st.DataObject) -> None:
    rules = rulebook(data.draw(RULES))
    natives = data.draw(st.lists(records(name), min_size=1, max_size=4))
    detector = Detector(rules, SOURCES)
    slow = [plain_match(rules, source_of(one), one) for one in natives]
    assert [detector.match(source_of(one).name, one) for one in natives] == slow
    lines = "\n".join(map(json.dumps, natives)).encode()
    quick = {one.position: detector.rules(one.numbers) for one in scan(lines, detector, Tally())}
    assert quick == {place: found for place, found in enumerate(slow) if found}


def pairs(name: str) -> Iterator[dict[str, Any]]:
    """Each base record, with every field changed to each of its values, and every two of them."""
    bases, fields = VARIED[name]
    single = [((path, value),) for path, values in fields.items() for value in values]
    double = [one + other for one, other in combinations(single, 2) if one[0][0] != other[0][0]]
    for base in bases:
        for changes in (*single, *double):
            record = copy.deepcopy(base)
            for path, value in changes:
                changed(record, path, copy.deepcopy(value))
            yield record


@pytest.mark.parametrize("name", VARIED)
def test_a_value_stands_in_the_rendering_where_its_test_holds(name: str) -> None:
    for record in pairs(name):
        source = source_of(record)
        assert source.neutral is not None
        rendered, table = ocsf.activity(source.event(record)), TABLES[source.name]
        for field, known in table.items():
            shown = [one for value in lookup(rendered, field) for one in spread(value)]
            if isinstance(known, str):
                native = [one for one in lookup(record, known) if isinstance(one, str) and one]
                assert shown == native, (field, record)
                continue
            if isinstance(known, Derived):
                part = {}
                for path in known.reads:
                    for value in finder((path,))(record):
                        changed(part, path, value)
                assert shown == known(record) == known(part), (field, record)
                continue
            assert set(shown) <= set(known), (field, shown, record)
            for value, test in known.items():
                held = test(record)
                there = any(one == value and type(one) is type(value) for one in shown)
                assert held or not there, (field, value, record)
                assert there or not held or (field, value) in LOOSE[source.name], (field, value)


def told(source: Source) -> dict[str, Any]:
    """The source's table with its tests as functions of a record."""
    fields = Fields(source.aliases, source.derived)
    assert source.neutral is not None

    def test(expr: Expr) -> Callable[[dict[str, Any]], bool]:
        made = matcher(expr)
        return lambda record: made(View(record, fields))

    return {
        field: known
        if isinstance(known, str | Derived)
        else {v: test(t.expr if isinstance(t, Must) else t) for v, t in known.items()}
        for field, known in source.neutral().items()
    }


TABLES = {one.name: told(one) for one in reversed(SOURCES) if one.neutral}

LOOSE = {
    one.name: {
        (field, value)
        for field, known in one.neutral().items()
        if not isinstance(known, str | Derived)
        for value, test in known.items()
        if isinstance(test, Must)
    }
    for one in SOURCES
    if one.neutral
}
"""The values whose test only has to hold at least."""


def test_every_source_of_a_log_is_asked_neutral_rules() -> None:
    """Resources of a sweep, and what another product found, are no calls; those of a cluster's
    own API are no cloud's.
    """
    mute = {one.name for one in SOURCES if one.neutral is None}
    assert mute == {"posture", "gcp/scc", "azure/securityalert", "kubernetes/audit"}
