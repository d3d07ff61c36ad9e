"""The whole way on AWS: deploy, an intrusion, what Vigil does about it, destroy.

Two deployments of the same module, one after the other: as it comes (watches, tells, changes
nothing) and with one verb enabled. Each fixture is a step of the story and names the step before
it; the last test takes everything down.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

# The journal and the table are not protected: this deployment is meant to be destroyed.
AS_IT_COMES = {"protect_data": False}
ARMED = {
    "protect_data": False,
    "enabled_verbs": ["disable_access_key"],
    "policy": {
        "verbs": {"disable_access_key": {"mode": "auto", "min_level": "informational"}},
        "experimental": True,
    },
}


class Intrusion(NamedTuple):
    """A key that somebody made for another user, and the record of it."""

    user: str
    key: str
    event: dict[str, Any]


@pytest.fixture(scope="module")
def watching(cloud):
    """Vigil as it comes, and a queue that hears its alerts."""
    cloud.module.apply(**AS_IT_COMES)
    heard = cloud.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    cloud.client("sns").subscribe(
        TopicArn=cloud.module.outputs()["alerts_topic"],
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:heard",
    )
    return cloud, heard


@pytest.fixture(scope="module")
def replanned(watching):
    cloud, _ = watching
    return plan_again(cloud, AS_IT_COMES)


@pytest.fixture(scope="module")
def first(watching, replanned):
    """An intrusion that Vigil has answered, its action refused."""
    cloud, _ = watching
    seen = intrude(cloud, "mallory")
    cloud.until("decision", lambda: decisions(cloud))
    return seen


@pytest.fixture(scope="module")
def armed(watching, first):
    """The same deployment with one verb enabled, and a second intrusion, answered."""
    cloud, _ = watching
    cloud.module.apply(**ARMED)
    seen = intrude(cloud, "trudy")
    cloud.until("changed key", lambda: status(cloud, seen) == "Inactive" or None)
    cloud.until("record of it", lambda: of_kind(cloud, "changed"))
    return seen


def test_a_second_plan_has_nothing_to_do(replanned):
    assert replanned == "No changes."


def test_an_event_becomes_a_finding(watching, first):
    cloud, _ = watching
    found = [each for each in findings(cloud) if first.event["eventID"] in each["events"]]
    assert found
    assert {each["actor"]["name"] for each in found} == {"mallory"}


def test_people_are_told(watching, first):
    cloud, heard = watching
    cloud.until("alert", lambda: [text for text in alerts(cloud, heard) if "mallory" in text])


def test_nothing_is_changed_while_no_verb_is_enabled(watching, first):
    cloud, _ = watching
    (decided,) = decisions(cloud)[:1]
    assert decided["verdict"] == "refuse"
    assert "policy: disable_access_key is off" in decided["because"]
    assert status(cloud, first) == "Active"


def test_roles_hold_what_their_function_calls_and_no_more(watching):
    cloud, _ = watching
    assert {name: granted(cloud, f"vigil-{name}") for name in RIGHTS} == RIGHTS


def test_only_traces_and_inventories_are_granted_on_everything(watching):
    cloud, _ = watching
    wide = {
        (name, statement["Sid"])
        for name in RIGHTS
        for statement in allowed(cloud, f"vigil-{name}", "work")
        if "*" in as_list(statement["Resource"])
    }
    assert wide == {(name, "WriteTraces") for name in RIGHTS}


def test_a_message_that_is_no_event_is_set_aside_with_its_reason(watching, first):
    cloud, _ = watching
    queues = cloud.module.outputs()["queues"]
    cloud.client("sqs").send_message(QueueUrl=queues["events"], MessageBody='{"truncated": ')
    rejected = cloud.until("reject", lambda: received(cloud, queues["rejects"]))
    assert json.loads(rejected[0])["reason"]


def test_what_is_not_an_action_does_not_stop_respond(watching, first):
    cloud, _ = watching
    queues = cloud.module.outputs()["queues"]
    cloud.client("sqs").send_message(QueueUrl=queues["respond"], MessageBody='{"verb": "x"}')
    rejected = cloud.until("reject", lambda: received(cloud, queues["rejects"]))
    assert "not an action" in json.loads(rejected[0])["reason"]


def test_an_enabled_verb_disables_the_key(watching, armed):
    cloud, _ = watching
    assert status(cloud, armed) == "Inactive"


def test_the_change_is_on_record_with_the_state_before_and_after(watching, armed):
    cloud, _ = watching
    (changed,) = of_kind(cloud, "changed")
    decided = [each for each in decisions(cloud) if each["verdict"] == "run"]
    assert changed["data"]["before"] != changed["data"]["after"]
    assert len(decided) == 2  # AWS's rule and the neutral one both propose it; one finds it done
    assert {tuple(each["because"]) for each in decided} == {("policy: auto",)}


def test_records_can_not_be_deleted(watching, armed):
    cloud, _ = watching
    s3, bucket = cloud.client("s3"), cloud.module.outputs()["journal"]
    (version, *_) = s3.list_object_versions(Bucket=bucket)["Versions"]
    with pytest.raises(s3.exceptions.ClientError, match="Forbidden"):
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def test_what_was_refused_before_stays_untouched(watching, first, armed):
    cloud, _ = watching
    assert status(cloud, first) == "Active"


def test_the_same_event_again_changes_nothing(watching, armed):
    cloud, heard = watching
    before, changes = len(findings(cloud)), len(of_kind(cloud, "changed"))
    alerts(cloud, heard)
    for _ in range(3):
        send(cloud, armed.event)
    cloud.until("empty queues", lambda: idle(cloud))
    assert (len(findings(cloud)), len(of_kind(cloud, "changed"))) == (before, changes)
    assert alerts(cloud, heard) == []


def test_the_approval_page_answers_a_forged_link(watching, armed):
    cloud, _ = watching
    assert cloud.module.outputs()["approve_url"].endswith("/approve")
    page = invoke(
        cloud,
        "vigil-approve",
        {
            "version": "2.0",
            "rawPath": "/approve",
            "queryStringParameters": {"token": "forged"},
            "requestContext": {"http": {"method": "GET", "sourceIp": "192.0.2.1"}},
        },
    )
    assert page["statusCode"] in {400, 403, 404, 410}
    assert "text/html" in page["headers"]["Content-Type"]


def test_a_sweep_finds_what_the_stream_missed_and_nothing_twice(watching, armed):
    cloud, _ = watching
    before = len(findings(cloud))
    cloud.client("events").create_event_bus(Name="nobody-listens")
    missed = create_access_key("eve", "nobody", "AKIAIOSFODNN7EXAMPLE")
    send(cloud, missed, bus="nobody-listens")
    swept = invoke(cloud, "vigil-sweep", {})
    found = [each for each in findings(cloud) if missed["eventID"] in each["events"]]
    assert swept["missed"] == len(found) > 0
    of_stream = [each for each in findings(cloud) if each["actor"].get("name")]
    assert len(of_stream) == before + len(found)


def test_events_that_are_wrong_together_are_one_finding(watching, armed):
    cloud, heard = watching
    alerts(cloud, heard)
    for number in range(1, 5):
        send(cloud, get_password_data("oscar", f"i-{number:017x}"))
    burst = "AWS EC2 password data burst"

    def counted():
        return [one for one in findings(cloud) if one["title"] == burst and one["count"] == 4]

    (found,) = cloud.until("finding of four events", counted)
    assert len(found["evidence"]) == 4
    cloud.until("empty queues", lambda: idle(cloud))
    assert [burst in text for text in alerts(cloud, heard)].count(True) == 1


def test_the_short_call_of_the_sweep_only_settles(watching, armed):
    cloud, _ = watching
    assert invoke(cloud, "vigil-sweep", {"task": "settle"}) == {"settled": 0}


def test_a_second_plan_of_the_armed_deployment_has_nothing_to_do(watching, armed):
    cloud, _ = watching
    assert plan_again(cloud, ARMED) == "No changes."


def test_destroy_leaves_nothing(watching, armed):
    cloud, _ = watching
    cloud.module.run("destroy", "-input=false", "-auto-approve", "-parallelism=20", *said(ARMED))
    assert "values" not in json.loads(cloud.module.run("show", "-json").stdout)
    assert [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]] == []


def intrude(cloud, user):
    """`user` makes a key for another user, in the account itself, and CloudTrail reports it."""
    iam, victim = cloud.client("iam"), f"victim-of-{user}"
    iam.create_user(UserName=victim)
    key = iam.create_access_key(UserName=victim)["AccessKey"]["AccessKeyId"]
    event = create_access_key(user, victim, key)
    send(cloud, event)
    return Intrusion(victim, key, event)


def create_access_key(caller, victim, key):
    """The record that CloudTrail writes of a successful CreateAccessKey."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": f"arn:aws:iam::123456789012:user/{caller}",
            "accountId": "123456789012",
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "userName": caller,
        },
        "eventTime": now,
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateAccessKey",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.15.0",
        "requestParameters": {"userName": victim},
        "responseElements": {
            "accessKey": {
                "userName": victim,
                "accessKeyId": key,
                "status": "Active",
                "createDate": now,
            }
        },
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
    }


def get_password_data(caller, instance):
    """The record that CloudTrail writes of a GetPasswordData that was refused."""
    return {
        **create_access_key(caller, "", ""),
        "eventSource": "ec2.amazonaws.com",
        "eventName": "GetPasswordData",
        "errorCode": "Client.UnauthorizedOperation",
        "requestParameters": {"instanceId": instance},
        "responseElements": None,
        "readOnly": True,
    }


def send(cloud, event, bus="default"):
    """Put a record on a bus; on the default one, CloudTrail does so."""
    answer = cloud.client("events").put_events(
        Entries=[
            {
                "Source": "aws.iam",
                "DetailType": "AWS API Call via CloudTrail",
                "Detail": json.dumps(event),
                "EventBusName": bus,
            }
        ]
    )
    assert answer["FailedEntryCount"] == 0


def findings(cloud):
    table = cloud.module.outputs()["table"]
    items = cloud.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression="#k = :finding",
        ExpressionAttributeNames={"#k": "kind"},
        ExpressionAttributeValues={":finding": {"S": "finding"}},
    )["Items"]
    every = [json.loads(item["value"]["S"]) for item in items]
    return [one["finding"] for one in every if one["state"] != "replaced"]


def of_kind(cloud, kind):
    return [line for line in cloud.journal() if line["kind"] == kind]


def decisions(cloud):
    """Decisions about disable_access_key, oldest first."""
    decided = [line["data"] for line in of_kind(cloud, "decided")]
    return [each for each in decided if each["verb"] == "disable_access_key"]


def alerts(cloud, heard):
    """Texts of the alerts that came since the last look."""
    return [json.loads(body)["Message"] for body in received(cloud, heard)]


def received(cloud, url):
    """Bodies on a queue, taken off it."""
    sqs, bodies = cloud.client("sqs"), []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def idle(cloud):
    """Whether nothing waits or is being worked on in either work queue."""
    sqs, queues = cloud.client("sqs"), cloud.module.outputs()["queues"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return all(
        set(
            sqs.get_queue_attributes(QueueUrl=queues[name], AttributeNames=counts)[
                "Attributes"
            ].values()
        )
        == {"0"}
        for name in ("events", "respond")
    )


def status(cloud, seen):
    keys = cloud.client("iam").list_access_keys(UserName=seen.user)["AccessKeyMetadata"]
    return {each["AccessKeyId"]: each["Status"] for each in keys}[seen.key]


def invoke(cloud, name, event):
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    body = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, f"{body}\n{cloud.tail()}"
    return body


def plan_again(cloud, variables):
    """What a plan over the applied state says: "No changes." or the plan."""
    done = cloud.module.run(
        "plan", "-input=false", "-detailed-exitcode", *said(variables), check=False
    )
    return "No changes." if done.returncode == 0 else done.stdout + done.stderr


def said(variables):
    from tests.infra.terraform import options

    return options(variables)


def allowed(cloud, role, policy):
    document = cloud.client("iam").get_role_policy(RoleName=role, PolicyName=policy)
    return [each for each in document["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]


def granted(cloud, role):
    return {right for each in allowed(cloud, role, "work") for right in as_list(each["Action"])}


def as_list(value):
    return value if isinstance(value, list) else [value]


COMMON = {
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
QUEUE = {
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
TELL = {"sns:Publish", "sqs:SendMessage"}

RIGHTS = {
    "detect": COMMON | QUEUE | TELL,
    "respond": COMMON | QUEUE | TELL | {"secretsmanager:GetSecretValue", "ssm:GetParameter"},
    "sweep": COMMON | TELL,
    "approve": COMMON | {"secretsmanager:GetSecretValue", "sqs:SendMessage"},
}
"""What the policy `work` of each role allows: nothing in it changes a resource of the account."""
