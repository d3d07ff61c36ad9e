"""The platforms' parts, real ones or emulators, for tests that hold all of them to one contract.

A port has one table below: name -> what makes it, as a generator that cleans up after the test.
Another platform is one function and one line.
"""

from __future__ import annotations

import io
import itertools
import json
import threading

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from core.memory import FakeClock, MemoryJournal, MemoryStore, Recorder
from core.model import Action, Rejected, from_json
from functions.aws.adapters import DynamoStore, S3Journal, sns_sink, sqs_queue, sqs_rejects
from functions.azure.adapters import (
    BlobJournal,
    TableStore,
    alert_sink,
    opened,
)
from functions.azure.adapters import (
    queue as storage_queue,
)
from functions.azure.adapters import (
    rejects as storage_rejects,
)
from functions.gcp.adapters import (
    FirestoreStore,
    StorageJournal,
    alerts,
)
from functions.gcp.adapters import queue as to_topic
from functions.gcp.adapters import rejects as rejects_to_topic
from functions.gcp.rest import Rest
from functions.local.adapters import (
    FileJournal,
    RejectFile,
    SqliteQueue,
    SqliteStore,
    console_sink,
)
from tests.azure.azurite import operator, trusted
from tests.gcp.pubsub import Topics
from tests.gcp.storage import Storage

REGION = "eu-central-1"


@pytest.fixture
def clock():
    return FakeClock(1_700_000_000_000)


@pytest.fixture(scope="session")
def aws_endpoint():
    """An AWS on a free port of this machine, for the whole run."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def aws_client(aws_endpoint):
    """service -> client of that AWS, one for the whole run."""
    made = {}

    def client(service):
        if service not in made:
            made[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=aws_endpoint,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                config=Config(max_pool_connections=20, retries={"total_max_attempts": 1}),
            )
        return made[service]

    yield client
    for each in made.values():
        each.close()


@pytest.fixture(scope="module")
def azure(azurite):
    """An Azure Storage on this machine, called as an operator would."""
    with trusted(azurite):
        yield operator(azurite)


names = map("contract-{}".format, itertools.count())
"""Each test has its own table, bucket, queue: nothing is left over from another."""


def memory_store(request, clock):
    yield MemoryStore(clock)


def sqlite_store(request, clock):
    store = SqliteStore(request.getfixturevalue("tmp_path") / "store.sqlite", clock)
    yield store
    store.close()


def dynamodb_store(request, clock):
    client, table = request.getfixturevalue("aws_client")("dynamodb"), next(names)
    client.create_table(
        TableName=table,
        KeySchema=[
            {"AttributeName": "kind", "KeyType": "HASH"},
            {"AttributeName": "id", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("kind", "id")
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield DynamoStore(client, table, clock)
    client.delete_table(TableName=table)


def table_store(request, clock):
    azure = request.getfixturevalue("azure")
    yield TableStore(azure.tables, azure.table(next(names).replace("-", "")), clock)


def firestore_store(request, clock):
    address = request.getfixturevalue("firestore_emulator")
    call = Rest(None, endpoint=lambda service: f"http://{address}")
    # A project of its own is an empty database.
    yield FirestoreStore(call, next(names), "(default)", clock)


STORES = {
    "firestore": firestore_store,
    "memory": memory_store,
    "sqlite": sqlite_store,
    "dynamodb": dynamodb_store,
    "table": table_store,
}


def memory_journal(request):
    yield MemoryJournal()


def file_journal(request):
    yield FileJournal(request.getfixturevalue("tmp_path") / "journal")


def s3_journal(request):
    client, bucket = request.getfixturevalue("aws_client")("s3"), next(names)
    client.create_bucket(
        Bucket=bucket,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    client.put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )
    yield S3Journal(client, bucket)


def blob_journal(request):
    azure = request.getfixturevalue("azure")
    yield BlobJournal(azure.blobs, azure.container(next(names)))


@pytest.fixture(scope="session")
def cloud_storage():
    """A Cloud Storage for the whole run."""
    server = Storage()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def storage_journal(request):
    server, bucket = request.getfixturevalue("cloud_storage"), next(names)
    server.buckets[bucket] = {}
    yield StorageJournal(Rest(None, endpoint=server.endpoint), bucket)


JOURNALS = {
    "storage": storage_journal,
    "memory": memory_journal,
    "file": file_journal,
    "s3": s3_journal,
    "blob": blob_journal,
}


def memory_queue(request, clock):
    queue = Recorder()
    yield queue, lambda: queue.seen


def sqlite_queue(request, clock):
    queue = SqliteQueue(request.getfixturevalue("tmp_path") / "queue.sqlite", clock)

    def drain():
        return [received.action for received in iter(queue.receive, None)]

    yield queue, drain
    queue.close()


def sqs(request, clock):
    client = request.getfixturevalue("aws_client")("sqs")
    url = client.create_queue(QueueName=next(names))["QueueUrl"]
    yield (
        sqs_queue(client, url),
        lambda: [from_json(body, Action) for body in bodies(client, url)],
    )
    client.delete_queue(QueueUrl=url)


def azure_queue(request, clock):
    azure = request.getfixturevalue("azure")
    name = azure.queue(next(names))
    yield (
        storage_queue(azure.queues, name),
        lambda: [from_json(opened(body), Action) for body in azure.bodies(name)],
    )


@pytest.fixture(scope="session")
def topics(pubsub_emulator):
    """Topics on one emulator, for the whole run."""
    return Topics(pubsub_emulator)


def pubsub_queue(request, clock):
    topics = request.getfixturevalue("topics")
    topic = topics.make(next(names))
    yield (
        to_topic(topics.publish, topic),
        lambda: [from_json(message.data, Action) for message in topics.drain(topic)],
    )


QUEUES = {
    "pubsub": pubsub_queue,
    "memory": memory_queue,
    "sqlite": sqlite_queue,
    "sqs": sqs,
    "storage": azure_queue,
}
"""Each makes (queue, drain); `drain()` takes all actions off the other end."""


def bodies(client, url):
    """The text of every message on an SQS queue."""
    found = []
    while True:
        batch = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages")
        if not batch:
            return found
        found += [message["Body"] for message in batch]


def memory_rejects(request):
    rejects = Recorder()
    yield rejects, lambda: rejects.seen


def file_rejects(request):
    path = request.getfixturevalue("tmp_path") / "set-aside" / "rejects.jsonl"
    yield (
        RejectFile(path),
        lambda: [from_json(line, Rejected) for line in path.read_bytes().splitlines()],
    )


def aws_rejects(request):
    client = request.getfixturevalue("aws_client")("sqs")
    url = client.create_queue(QueueName=next(names))["QueueUrl"]
    yield (
        sqs_rejects(client, url),
        lambda: [from_json(body, Rejected) for body in bodies(client, url)],
    )
    client.delete_queue(QueueUrl=url)


def azure_rejects(request):
    azure = request.getfixturevalue("azure")
    name = azure.queue(next(names))
    yield (
        storage_rejects(azure.queues, name),
        lambda: [from_json(opened(body), Rejected) for body in azure.bodies(name)],
    )


def pubsub_rejects(request):
    topics = request.getfixturevalue("topics")
    topic = topics.make(next(names))
    yield (
        rejects_to_topic(topics.publish, topic),
        lambda: [from_json(message.data, Rejected) for message in topics.drain(topic)],
    )


REJECTS = {
    "pubsub": pubsub_rejects,
    "memory": memory_rejects,
    "file": file_rejects,
    "sqs": aws_rejects,
    "storage": azure_rejects,
}


def console(request):
    stream = io.StringIO()
    yield console_sink(stream), lambda: [stream.getvalue()]


def sns(request):
    client = request.getfixturevalue("aws_client")
    queue = client("sqs").create_queue(QueueName=next(names))["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    topic = client("sns").create_topic(Name=next(names))["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])

    def drain():
        sent = [json.loads(body) for body in bodies(client("sqs"), queue)]
        return [f"{message['Subject']}\n{message['Message']}" for message in sent]

    yield sns_sink(client("sns"), topic), drain
    client("sqs").delete_queue(QueueUrl=queue)


def azure_alerts(request):
    azure = request.getfixturevalue("azure")
    name = azure.queue(next(names))
    yield (
        alert_sink(azure.queues, name),
        lambda: [json.loads(body)["text"] for body in azure.bodies(name)],
    )


def pubsub_alerts(request):
    topics = request.getfixturevalue("topics")
    topic = topics.make(next(names))
    yield (
        alerts(topics.publish, topic),
        lambda: [json.loads(message.data)["text"] for message in topics.drain(topic)],
    )


SINKS = {
    "pubsub": pubsub_alerts,
    "console": console,
    "sns": sns,
    "storage": azure_alerts,
}
"""Each makes (sink, drain); `drain()` gives the texts that a person would see."""


@pytest.fixture(params=STORES)
def store(request, clock):
    yield from STORES[request.param](request, clock)


@pytest.fixture(params=JOURNALS)
def journal(request):
    yield from JOURNALS[request.param](request)


@pytest.fixture(params=QUEUES)
def queue(request, clock):
    yield from QUEUES[request.param](request, clock)


@pytest.fixture(params=REJECTS)
def rejects(request):
    yield from REJECTS[request.param](request)


@pytest.fixture(params=SINKS)
def sink(request):
    yield from SINKS[request.param](request)
