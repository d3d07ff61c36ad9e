"""What is AWS's own in the adapters: its errors, limits, attributes. The rest is tests/contract."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from botocore import exceptions as boto

from core.errors import (
    BadConfig,
    Conflict,
    Forbidden,
    NotFound,
    Reject,
    Unavailable,
    VigilError,
)
from core.memory import FakeClock
from core.model import Action, Alert, Target
from functions.aws.adapters import (
    DynamoStore,
    S3Journal,
    as_vigil,
    calling,
    client_config,
    secret,
    sns_sink,
    sqs_queue,
    ssm_policy,
)

NOW = 1_700_000_000_000


def denial(code, status=400):
    return boto.ClientError(
        {
            "Error": {"Code": code, "Message": "because"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "DoIt",
    )


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ConditionalCheckFailedException", 400, Conflict),
        ("PreconditionFailed", 412, Conflict),
        ("ConditionalRequestConflict", 409, Conflict),
        ("InvalidPermission.Duplicate", 400, Conflict),
        ("ThrottlingException", 400, Unavailable),
        ("Throttling", 400, Unavailable),
        ("ProvisionedThroughputExceededException", 400, Unavailable),
        ("RequestLimitExceeded", 503, Unavailable),
        ("SlowDown", 503, Unavailable),
        ("TooManyRequestsException", 429, Unavailable),
        ("SomethingNew", 429, Unavailable),
        ("SomethingNew", 500, Unavailable),
        ("ExpiredTokenException", 400, Unavailable),
        ("AccessDeniedException", 400, Forbidden),
        ("AccessDenied", 403, Forbidden),
        ("UnauthorizedOperation", 403, Forbidden),
        ("KMS.AccessDeniedException", 400, Forbidden),
        ("SomethingNew", 403, Forbidden),
        ("NoSuchEntity", 404, NotFound),
        ("TrailNotFoundException", 400, NotFound),
        ("InvalidGroup.NotFound", 400, NotFound),
        ("NoSuchBucket", 404, NotFound),
        ("ValidationException", 400, Reject),
        ("LimitExceeded", 409, Reject),
        ("", 400, Reject),
    ],
)
def test_an_error_of_aws_says_who_must_act(code, status, kind):
    found = as_vigil(denial(code, status))
    assert type(found) is kind
    assert str(found) == f"DoIt: {code}: because"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (boto.EndpointConnectionError(endpoint_url="https://example.com"), Unavailable),
        (boto.ConnectTimeoutError(endpoint_url="https://example.com"), Unavailable),
        (boto.ReadTimeoutError(endpoint_url="https://example.com"), Unavailable),
        (boto.ConnectionClosedError(endpoint_url="https://example.com"), Unavailable),
        (boto.CredentialRetrievalError(provider="x", error_msg="y"), Unavailable),
        (boto.NoCredentialsError(), Forbidden),
        (boto.ParamValidationError(report="wrong"), Reject),
    ],
)
def test_an_error_of_the_sdk_says_who_must_act(error, kind):
    assert type(as_vigil(error)) is kind


def test_the_cause_of_an_error_is_kept():
    cause = denial("AccessDenied", 403)
    with pytest.raises(VigilError) as raised, calling():
        raise cause
    assert raised.value.__cause__ is cause


def test_calls_are_known_by_their_user_agent():
    assert client_config("1.2.3").user_agent_extra == "vigil/1.2.3"


# DynamoDB


@pytest.fixture
def table(clients):
    client = clients("dynamodb")
    client.create_table(
        TableName="vigil",
        KeySchema=[
            {"AttributeName": "kind", "KeyType": "HASH"},
            {"AttributeName": "id", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("kind", "id")
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def test_an_item_is_laid_out_as_terraform_and_the_docs_say(table):
    store = DynamoStore(table, "vigil", FakeClock(NOW))
    store.put("token", "t1", {"b": 1, "a": "x"}, version=0, expires=NOW + 1)
    item = table.get_item(TableName="vigil", Key={"kind": {"S": "token"}, "id": {"S": "t1"}})
    assert item["Item"] == {
        "kind": {"S": "token"},
        "id": {"S": "t1"},
        "value": {"S": '{"a":"x","b":1}'},
        "version": {"N": "1"},
        "expires": {"N": str(NOW // 1000 + 1)},
    }


def test_a_value_that_dynamodb_can_not_hold_is_rejected_with_its_size(table):
    store = DynamoStore(table, "vigil", FakeClock(NOW))
    store.put("event", "big", {"text": "x" * 400_000}, version=0)
    with pytest.raises(Reject, match=r"410\d{3} bytes.*409600"):
        store.put("event", "bigger", {"text": "x" * 410_000}, version=0)
    with pytest.raises(Reject):
        store.put("event", "bigger", {"text": "Ω" * 205_000}, version=0)


def test_a_table_that_may_not_be_read_is_for_an_operator_to_mend_and_the_input_waits(
    clients, table
):
    clients.refuse = {("dynamodb", "GetItem"), ("dynamodb", "Query")}
    store = DynamoStore(table, "vigil", FakeClock(NOW))
    with pytest.raises(Unavailable):
        store.get("finding", "f1")
    with pytest.raises(Unavailable):
        list(store.scan("finding"))


def test_reads_are_strongly_consistent(clients, table):
    asked = []
    table.meta.events.register(
        "provide-client-params.dynamodb", lambda params, **_: asked.append(params)
    )
    store = DynamoStore(table, "vigil", FakeClock(NOW))
    store.get("finding", "f1")
    list(store.scan("finding"))
    assert [params["ConsistentRead"] for params in asked] == [True, True]


# S3


@pytest.fixture
def bucket(clients):
    client = clients("s3")
    client.create_bucket(
        Bucket="acme-journal",
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    client.put_object_lock_configuration(
        Bucket="acme-journal",
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 7}},
        },
    )
    return client


def test_a_line_is_an_object_under_the_lock_of_its_bucket(bucket):
    S3Journal(bucket, "acme-journal").append("detect", 7, b"{}")
    head = bucket.head_object(
        Bucket="acme-journal", Key="journal/detect/000000000007.json", ChecksumMode="ENABLED"
    )
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert head["ObjectLockRetainUntilDate"] > datetime.now(UTC)
    assert base64.b64decode(head["ChecksumSHA256"])


def test_a_line_is_only_created_never_replaced(clients, bucket):
    journal = S3Journal(bucket, "acme-journal")
    clients.calls.clear()
    journal.append("detect", 1, b"{}")
    with pytest.raises(Conflict):
        journal.append("detect", 1, b"{}")
    list(journal.read("detect"))
    list(journal.chains())
    assert {name for _, name in clients.calls} == {"PutObject", "ListObjectsV2", "GetObject"}
    versions = bucket.list_object_versions(Bucket="acme-journal")["Versions"]
    assert len(versions) == 1


def test_objects_of_other_names_are_no_lines(bucket):
    journal = S3Journal(bucket, "acme-journal")
    journal.append("detect", 1, b"{}")
    for name in ("note.txt", "1.json", "000000000002.json.bak", "sub/000000000003.json"):
        bucket.put_object(Bucket="acme-journal", Key=f"journal/detect/{name}", Body=b"x")
    assert [seq for seq, _ in journal.read("detect")] == [1]


def test_a_chain_of_more_lines_than_a_page_is_read_whole(bucket):
    journal = S3Journal(bucket, "acme-journal")
    for seq in range(1, 1003):
        bucket.put_object(
            Bucket="acme-journal", Key=f"journal/detect/{seq:012d}.json", Body=b"%d" % seq
        )
    assert [int(line) for _, line in journal.read("detect", 2)] == list(range(2, 1003))


# SNS and SQS


def alert(**changes):
    fields = {"title": "Root signed in", "text": "Look.", "level": "high", **changes}
    return Alert(key="k1", kind="finding", **fields)


@pytest.fixture
def published(clients):
    """What a sink asks SNS to publish, and the sink."""
    client = clients("sns")
    topic = client.create_topic(Name="alerts")["TopicArn"]
    asked = []
    client.meta.events.register(
        "provide-client-params.sns.Publish", lambda params, **_: asked.append(params)
    )
    return sns_sink(client, topic), asked


def test_a_subscription_can_filter_by_key_kind_and_level(published):
    send, asked = published
    send(alert())
    attributes = asked[0]["MessageAttributes"]
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "key": "k1",
        "kind": "finding",
        "level": "high",
    }


@pytest.mark.parametrize("title", ["two\nlines", "Ω \x1b[2J", "x" * 300, "", "\u202etfel"])
def test_a_subject_is_what_sns_takes(published, title):
    send, asked = published
    send(alert(title=title))
    subject = asked[0]["Subject"]
    assert 0 < len(subject) <= 100
    assert subject.isascii()
    assert subject.isprintable()


def test_a_message_is_cut_to_what_sns_takes_and_says_so(published):
    send, asked = published
    send(alert(text="Ω" * 300_000))
    message = asked[0]["Message"]
    assert len(message.encode()) <= 256 * 1024 - 4096
    assert message.endswith("(cut: too long for SNS)")


def test_a_message_to_sqs_is_ascii_since_sqs_refuses_some_characters(clients):
    client = clients("sqs")
    url = client.create_queue(QueueName="actions")["QueueUrl"]
    sqs_queue(client, url)(
        Action(
            uid="a1",
            verb="disable_access_key",
            target=Target(kind="access_key", uid="k", provider="aws"),
            finding="f1",
            rule="r1",
            title="\uffff Ω 🔥",
            level="high",
            event_time=1,
            requested_at=2,
        )
    )
    (message,) = client.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"].isascii()
    assert json.loads(message["Body"])["title"] == "\uffff Ω 🔥"


# SSM and Secrets Manager


def test_a_policy_is_read_again_when_its_time_is_over(clients):
    client, clock = clients("ssm"), FakeClock(NOW)
    client.put_parameter(Name="/vigil/policy", Value='{"n":1}', Type="String")
    read = ssm_policy(client, "/vigil/policy", clock)
    assert read() == b'{"n":1}'
    client.put_parameter(Name="/vigil/policy", Value='{"n":2}', Type="String", Overwrite=True)
    clock.advance(29_999)
    assert read() == b'{"n":1}'
    clock.advance(1)
    assert read() == b'{"n":2}'


def test_an_old_policy_is_not_used_on_when_it_can_not_be_read_again(clients):
    client, clock = clients("ssm"), FakeClock(NOW)
    client.put_parameter(Name="/vigil/policy", Value="{}", Type="String")
    read = ssm_policy(client, "/vigil/policy", clock)
    read()
    clock.advance(30_000)
    clients.refuse = {("ssm", "GetParameter")}
    with pytest.raises(Unavailable):
        read()


def test_a_policy_that_is_not_there_lets_actions_wait(clients):
    with pytest.raises(Unavailable, match="ParameterNotFound"):
        ssm_policy(clients("ssm"), "/vigil/policy", FakeClock(NOW))()


def test_a_secret_is_asked_for_once_and_again_after_a_rotation(clients):
    client, clock = clients("secretsmanager"), FakeClock(NOW)
    arn = client.create_secret(Name="approve", SecretString="one")["ARN"]
    read = secret(client, arn, clock)
    clients.calls.clear()
    assert [read(), read()] == ["one", "one"]
    assert len(clients.calls) == 1
    client.put_secret_value(SecretId=arn, SecretString="two")
    clock.advance(300_000)
    assert read() == "two"


def test_a_secret_without_text_is_a_fault_of_the_configuration(clients):
    client = clients("secretsmanager")
    arn = client.create_secret(Name="approve", SecretBinary=b"\x00")["ARN"]
    with pytest.raises(BadConfig, match="holds no text"):
        secret(client, arn, FakeClock(NOW))()
