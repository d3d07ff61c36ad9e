"""CloudTrail records and the envelopes that bring them: goldens, odd shapes, and hostile bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.actions import CATALOGUE
from core.errors import BadRecord
from core.model import Event, from_json, to_json
from core.ocsf import activity
from functions.aws.envelopes import S3Object, Unwrapped, unwrap
from functions.aws.events import SOURCES, event
from tests.damage import JSON

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))

RECORD: dict[str, Any] = {
    "eventTime": "2026-03-01T10:20:30Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateUser",
    "eventID": "00000000-0000-4000-8000-000000000000",
    "awsRegion": "us-east-1",
    "recipientAccountId": "123456789012",
    "userIdentity": {"type": "IAMUser", "userName": "alice"},
}

FILE = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/03/01/123456789012_CloudTrail.json.gz"


def changed(**fields: Any) -> Event:
    return event({**RECORD, **fields})


def bridged(detail_type: str, detail: Any, source: str = "aws.iam") -> dict[str, Any]:
    return {"version": "0", "detail-type": detail_type, "source": source, "detail": detail}


def notified(key: str, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    s3 = {"bucket": {"name": "example-trail"}, "object": {"key": key, "size": 512}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": s3}]}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_native_record_becomes_the_expected_event_and_ocsf_object(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    found = event(golden["record"])
    assert golden["event"] == json.loads(to_json(msgspec.structs.replace(found, record={})))
    assert golden["ocsf"] == json.loads(to_json(activity(found)))
    assert golden["record"] == found.record


@pytest.mark.parametrize("field", ["eventSource", "eventName", "eventTime"])
@pytest.mark.parametrize("value", [None, "", 7, ["x"], {"x": "y"}])
def test_a_record_without_its_identity_is_refused_by_the_name_of_the_field(
    field: str, value: Any
) -> None:
    with pytest.raises(BadRecord, match=field):
        changed(**{field: value})


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_no_record(value: Any) -> None:
    with pytest.raises(BadRecord, match="an object"):
        event(value)


@pytest.mark.parametrize("name", ["arn:", "arn:x", "arn:x:y", "arn:aws:iam::1:", "arn:::::"])
def test_what_only_begins_like_an_arn_is_a_name(name: str) -> None:
    named = {"requestParameters": {"secretId": name}, "resources": [{"ARN": name}]}
    found = changed(eventSource="secretsmanager.amazonaws.com", eventName="GetSecretValue", **named)
    assert name in {resource.uid for resource in found.resources}
    assert activity(found)


OUT_OF_YEARS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59")


@pytest.mark.parametrize(
    "value", ["yesterday", "2026-13-01T00:00:00Z", "\x1b[31m2026", *OUT_OF_YEARS]
)
def test_an_unreadable_time_is_refused_without_repeating_control_characters(value: str) -> None:
    with pytest.raises(BadRecord, match="eventTime") as caught:
        changed(eventTime=value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T00:00:01.250Z", 1_250),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:02", 2_000),
    ],
)
def test_times_are_epoch_milliseconds_in_utc(value: str, milliseconds: int) -> None:
    assert changed(eventTime=value).time == milliseconds


def test_a_record_without_an_id_has_one_from_its_content() -> None:
    first, again = changed(eventID=None), changed(eventID=None)
    other = changed(eventID=None, eventName="DeleteUser")
    assert first.uid == again.uid != other.uid
    assert first.uid


def test_a_record_without_an_id_that_nests_to_exhaust_the_stack_is_refused() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(BadRecord, match="eventID"):
        changed(eventID=None, requestParameters=deep)


@pytest.mark.parametrize(
    ("operation", "read_only", "expected"),
    [
        ("DescribeInstances", True, "read"),
        ("Decrypt", True, "read"),
        ("ListUsers", None, "read"),
        ("GetSigninToken", False, "other"),
        ("CreateUser", False, "create"),
        ("RunInstances", False, "create"),
        ("PutBucketPolicy", False, "update"),
        ("AttachRolePolicy", None, "update"),
        ("TerminateInstances", False, "delete"),
        ("BatchDeleteImage", False, "delete"),
        ("Frobnicate", False, "other"),
    ],
)
def test_the_activity_comes_from_read_only_and_the_verb(
    operation: str, read_only: bool | None, expected: str
) -> None:
    assert changed(eventName=operation, readOnly=read_only).activity == expected


@pytest.mark.parametrize(
    ("answer", "error", "expected"),
    [
        ({"ConsoleLogin": "Success"}, None, "success"),
        ({"ConsoleLogin": "Failure"}, None, "failure"),
        ({"ConsoleLogin": "Failure"}, "No username found in supplied account", "failure"),
        (None, None, "unknown"),
        ("Success", None, "unknown"),
    ],
)
def test_a_sign_in_is_judged_by_its_answer(answer: Any, error: Any, expected: str) -> None:
    login = {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin"}
    found = changed(**login, responseElements=answer, errorMessage=error)
    assert (found.outcome, found.authentication) == (expected, True)


def test_an_error_code_makes_a_failure() -> None:
    found = changed(errorCode="AccessDenied", errorMessage="User is not authorized")
    assert (found.outcome, found.error) == ("failure", "AccessDenied")


@pytest.mark.parametrize(
    ("value", "ip", "domain"),
    [
        ("198.51.100.7", "198.51.100.7", ""),
        ("2001:db8::1", "2001:db8::1", ""),
        ("cloudformation.amazonaws.com", "", "cloudformation.amazonaws.com"),
        ("AWS Internal", "", "AWS Internal"),
        ("fe80::1%eth0", "", "fe80::1%eth0"),
        (None, "", ""),
        (["198.51.100.7"], "", ""),
    ],
)
def test_an_address_is_an_ip_or_a_name(value: Any, ip: str, domain: str) -> None:
    found = changed(sourceIPAddress=value)
    assert (found.ip, found.domain) == (ip, domain)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Root", "admin"),
        ("IAMUser", "user"),
        ("AssumedRole", "role"),
        ("FederatedUser", "user"),
        ("SAMLUser", "user"),
        ("WebIdentityUser", "user"),
        ("IdentityCenterUser", "user"),
        ("Directory", "user"),
        ("Role", "role"),
        ("AWSAccount", "unknown"),
        ("AWSService", "service"),
        ("Unknown", "unknown"),
        (None, "unknown"),
    ],
)
def test_every_type_of_identity_is_known(kind: Any, expected: str) -> None:
    assert changed(userIdentity={"type": kind}).actor.type == expected


@pytest.mark.parametrize(
    ("login", "session", "expected"),
    [
        ("Yes", None, True),
        ("No", "true", False),
        (None, "true", True),
        (None, "false", False),
        (None, True, True),
        (None, None, None),
        ("Perhaps", ["no"], False),
    ],
)
def test_mfa_is_read_from_the_sign_in_before_the_session(
    login: Any, session: Any, expected: bool | None
) -> None:
    identity = {"sessionContext": {"attributes": {"mfaAuthenticated": session}}}
    found = changed(additionalEventData={"MFAUsed": login}, userIdentity=identity)
    assert found.actor.mfa is expected


def test_listed_and_derived_resources_are_each_named_once() -> None:
    found = changed(
        eventSource="s3.amazonaws.com",
        requestParameters={"bucketName": "example-reports"},
        resources={"ARN": "arn:aws:s3:::example-reports", "type": "AWS::S3::Bucket"},
    )
    assert [each.uid for each in found.resources] == ["arn:aws:s3:::example-reports"]


@pytest.mark.parametrize(
    ("service", "parameters", "uid", "name"),
    [
        ("iam", {"roleName": "web"}, "arn:aws:iam::123456789012:role/web", "web"),
        (
            "lambda",
            {"functionName": "pay"},
            "arn:aws:lambda:us-east-1:123456789012:function:pay",
            "pay",
        ),
        ("ssm", {"name": "/a/b"}, "arn:aws:ssm:us-east-1:123456789012:parameter/a/b", "a/b"),
        (
            "ec2",
            {"instancesSet": {"items": {"instanceId": "i-0123456789abcdef0"}}},
            "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0",
            "i-0123456789abcdef0",
        ),
    ],
)
def test_resources_are_derived_from_the_request(
    service: str, parameters: Any, uid: str, name: str
) -> None:
    found = changed(eventSource=f"{service}.amazonaws.com", requestParameters=parameters)
    assert [(each.uid, each.name) for each in found.resources] == [(uid, name)]


@pytest.mark.parametrize(
    "detail_type",
    [
        "AWS API Call via CloudTrail",
        "AWS Console Sign In via CloudTrail",
        "AWS Console Signin via CloudTrail",
        "AWS Service Event via CloudTrail",
    ],
)
@pytest.mark.parametrize("form", [bytes, str, dict])
def test_an_envelope_gives_its_record(detail_type: str, form: type) -> None:
    envelope = bridged(detail_type, RECORD)
    encoded = json.dumps(envelope)
    body = {bytes: encoded.encode(), str: encoded, dict: envelope}[form]
    assert unwrap(body) == Unwrapped(records=(RECORD,))


@pytest.mark.parametrize("key", ["a b/c+d.json.gz", FILE, "ünï.json"])
def test_a_key_is_decoded_in_notifications_and_taken_as_it_is_from_eventbridge(key: str) -> None:
    expected = Unwrapped(objects=(S3Object(bucket="example-trail", key=key, size=512),))
    created = {"bucket": {"name": "example-trail"}, "object": {"key": key, "size": 512}}
    direct = notified(quote_plus(key))
    published = {"Type": "Notification", "Message": json.dumps(direct)}
    assert unwrap(direct) == expected
    assert unwrap(json.dumps(published)) == expected
    assert unwrap({"Records": [{"EventSource": "aws:sns", "Sns": published}]}) == expected
    assert unwrap(bridged("Object Created", created, "aws.s3")) == expected


def test_bare_records_and_the_text_of_a_file_are_taken_too() -> None:
    assert unwrap(RECORD) == Unwrapped(records=(RECORD,))
    assert unwrap(json.dumps({"Records": [RECORD, RECORD]})).records == (RECORD, RECORD)


def test_cloudtrails_own_notification_names_its_files() -> None:
    message = json.dumps({"s3Bucket": "example-trail", "s3ObjectKey": [FILE, FILE + ".json"]})
    found = unwrap({"Type": "Notification", "Message": message})
    assert [each.key for each in found.objects] == [FILE, FILE + ".json"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}, "s3:TestEvent"),
        ({"Type": "SubscriptionConfirmation", "TopicArn": "arn:t"}, "SubscriptionConfirmation"),
        ({"Type": "Notification", "Message": "CloudTrail validation message."}, "validation"),
        (notified(FILE, "ObjectRemoved:Delete"), "ObjectRemoved"),
        (notified(FILE.replace("/CloudTrail/", "/CloudTrail-Digest/")), "CloudTrail-Digest"),
        (notified("CloudTrail-Insight/" + FILE), "CloudTrail-Insight"),
        (notified("AWSLogs/123456789012/CloudTrail/"), "no CloudTrail events"),
        (bridged("GuardDuty Finding", {}, "aws.guardduty"), "GuardDuty Finding"),
        (bridged("Security Hub Findings - Imported", {}, "aws.securityhub"), "Security Hub"),
        (bridged("AWS Insight via CloudTrail", {}), "AWS Insight"),
        (bridged("Object Deleted", {}, "aws.s3"), "Object Deleted"),
    ],
)
def test_what_carries_no_events_is_ignored_with_its_reason(body: Any, reason: str) -> None:
    found = unwrap(body)
    assert (found.records, found.objects, len(found.ignored)) == ((), (), 1)
    assert reason in found.ignored[0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("\ud800", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ({"Type": "Notification", "Message": "hello"}, "not JSON"),
        (b"[1]", "a list"),
        (b"null", "absent"),
        ({"colour": "red"}, "'colour'"),
        ({"Type": "Surprise", "Message": "{}"}, "Surprise"),
        ({"Event": "s3:Surprise"}, "s3:Surprise"),
        ({"Records": "text"}, "a str"),
        ({"s3Bucket": "example-trail"}, "the key ''"),
        (bridged("Scheduled Event", {}), "Scheduled Event"),
        (bridged("AWS API Call via CloudTrail", "text"), "a str"),
        (notified(""), "the key ''"),
        ({"Records": ["text"]}, "a str"),
    ],
)
def test_an_unknown_message_is_refused_by_what_was_seen(body: Any, reason: str) -> None:
    with pytest.raises(BadRecord) as caught:
        unwrap(body)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_envelopes_nested_without_end_are_refused() -> None:
    body: Any = RECORD
    for _ in range(20):
        body = {"Type": "Notification", "Message": json.dumps(body)}
    with pytest.raises(BadRecord, match="envelopes"):
        unwrap(body)


def test_control_characters_of_a_key_do_not_reach_the_reason() -> None:
    assert unwrap(notified("%1b%5b31m%0a")).ignored[0].isprintable()


def replaced(value: Any, data: st.DataObject) -> Any:
    """The value with one part of it, found by a random walk, replaced by arbitrary JSON."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: replaced(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [replaced(value[0], data), *value[1:]]
    return data.draw(JSON | st.just([value, value]))


def attempt(read: Callable[[Any], Any], value: Any) -> tuple[Any, str]:
    """What was read, or why it was refused."""
    try:
        return read(value), ""
    except BadRecord as error:
        return None, str(error)


@settings(deadline=None)
@given(path=st.sampled_from(GOLDEN), data=st.data())
def test_no_shape_of_a_record_makes_anything_but_an_event_or_a_bad_record(
    path: Path, data: st.DataObject
) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))["record"]
    for _ in range(3):
        record = replaced(record, data)
    found, refusal = attempt(event, record)
    assert refusal.isprintable()
    if refusal:
        return
    assert from_json(to_json(found), Event).uid == found.uid
    json.dumps(activity(found))
    for entry in CATALOGUE.values():
        for target in SOURCES[0].targets(entry.target, found):
            assert target.uid
            to_json(target)


@settings(deadline=None)
@given(data=st.data())
def test_no_shape_of_a_message_makes_anything_but_parts_or_a_bad_record(
    data: st.DataObject,
) -> None:
    published = {"Type": "Notification", "Message": json.dumps(notified(FILE))}
    envelopes = [bridged("AWS API Call via CloudTrail", RECORD), notified(FILE), published]
    body = replaced(copy.deepcopy(data.draw(st.sampled_from(envelopes))), data)
    for form in (body, json.dumps(body)):
        found, refusal = attempt(unwrap, form)
        assert refusal.isprintable()
        assert refusal or all(reason.isprintable() for reason in found.ignored)


def test_the_source_knows_its_own_records() -> None:
    (source,) = SOURCES
    assert source.name == "aws/cloudtrail"
    assert all(key in RECORD for key in (*source.keys, source.route, source.time, source.uid))
    assert source.event(RECORD).source == source.name


@pytest.mark.parametrize("operation", ["UserAuthentication", "CredentialVerification"])
@pytest.mark.parametrize("answer", ["Success", "Failure"])
def test_identity_center_tells_a_sign_in_step_by_step(operation: str, answer: str) -> None:
    found = changed(
        eventSource="signin.amazonaws.com",
        eventName=operation,
        userIdentity={"type": "Unknown", "onBehalfOf": {"userId": "0123-opaque"}},
        additionalEventData={"UserName": "alice@example.com"},
        serviceEventDetails={operation: answer},
        responseElements=None,
    )
    assert (found.outcome, found.actor.name) == (answer.lower(), "alice@example.com")
    assert found.actor.uid == "0123-opaque"


def test_a_federated_user_has_its_own_name() -> None:
    found = changed(
        userIdentity={
            "type": "FederatedUser",
            "arn": "arn:aws:sts::123456789012:federated-user/bob",
            "sessionContext": {"sessionIssuer": {"userName": "broker"}},
        }
    )
    assert found.actor.name == "bob"


AT_US = ":us-east-1:123456789012:"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "uids"),
    [
        ("ssm", "CreateDocument", {"name": "run"}, [f"arn:aws:ssm{AT_US}document/run"]),
        (
            "ssm",
            "SendCommand",
            {"instanceIds": ["i-1", "*"], "documentName": "run"},
            [f"arn:aws:ec2{AT_US}instance/i-1", f"arn:aws:ssm{AT_US}document/run"],
        ),
        (
            "ec2-instance-connect",
            "SendSSHPublicKey",
            {"instanceId": "i-1"},
            [f"arn:aws:ec2{AT_US}instance/i-1"],
        ),
        ("rds", "DeleteDBCluster", {"dBClusterIdentifier": "c"}, [f"arn:aws:rds{AT_US}cluster:c"]),
        (
            "rds",
            "ModifyDBClusterSnapshotAttribute",
            {"dBClusterSnapshotIdentifier": "s"},
            [f"arn:aws:rds{AT_US}cluster-snapshot:s"],
        ),
        (
            "ec2",
            "DeleteFlowLogs",
            {"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": "fl-1"}}},
            [f"arn:aws:ec2{AT_US}vpc-flow-log/fl-1"],
        ),
        ("secretsmanager", "BatchGetSecretValue", {"secretIdList": ["a", "b"]}, ["a", "b"]),
        ("sns", "Subscribe", {"topicArn": f"arn:aws:sns{AT_US}t"}, [f"arn:aws:sns{AT_US}t"]),
    ],
)
def test_what_a_change_is_made_to_is_named(
    service: str, operation: str, parameters: Any, uids: list[str]
) -> None:
    found = changed(
        eventSource=f"{service}.amazonaws.com", eventName=operation, requestParameters=parameters
    )
    assert [each.uid for each in found.resources] == uids
