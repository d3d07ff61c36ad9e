"""An operator's side of AWS: whose credentials these are, a deployment's parts, the verbs.

A deployment is known by what `terraform output -json` says in infra/aws. Its state is read and its
orders are placed here; what becomes of an order is its respond function's affair. The SDK is
loaded on use: no other part of the command line needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from core.errors import Forbidden, NotFound, Unavailable
from core.model import Action
from core.ocsf import PRODUCT_VERSION
from core.ports import Journal, Queue, Store, Verbs, system_clock
from functions.local.terminal import fail

if TYPE_CHECKING:
    import boto3

__all__ = ["Deployment", "deployment", "verbs"]


class Deployment(NamedTuple):
    """A deployment's ports, and the ARN that AWS knows the caller by."""

    store: Store
    journal: Journal
    queue: Queue
    caller: str


@contextmanager
def deployment(path: Path) -> Iterator[Deployment]:
    """The deployment that a file of Terraform's outputs names, for as long as the block lasts.

    Wrong use when the file is another one or the credentials are of another account; Forbidden or
    NotFound with a way to mend it when AWS says no.
    """
    outputs = _outputs(path)
    place = QUEUE_ARN.fullmatch(outputs["queue_arns.respond"])
    if place is None:
        fail(f"{path}: output queue_arns.respond is not the ARN of a queue; {HOW}")
    session, caller = _session(place["region"], place["account"], "the deployment")
    from functions.aws.adapters import DynamoStore, S3Journal, sqs_queue

    client = _clients(session)
    try:
        yield Deployment(
            DynamoStore(client("dynamodb"), outputs["table"], system_clock),
            S3Journal(client("s3"), outputs["journal"]),
            sqs_queue(client("sqs"), outputs["queues.respond"]),
            caller,
        )
    except Unavailable as error:
        # To a function, its own table denied or gone means "later"; to a person it is final.
        if isinstance(error.__cause__, Forbidden):
            raise Forbidden(f"{error} (what an operator may do: infra/aws/README.md)") from error
        if isinstance(error.__cause__, NotFound):
            raise NotFound(f"{error} (is {path} still right? {HOW})") from error
        raise


def verbs(action: Action) -> tuple[Verbs, tuple[str, ...]]:
    """AWS's verbs with the caller's own credentials, and what they never touch.

    Wrong use when these are not of the action's account.
    """
    session, _ = _session(action.target.region, action.target.account, "the action")
    from functions.aws.actions import actions
    from functions.aws.wiring import FLOORS

    return actions(_clients(session)), FLOORS


def _session(region: str, account: str, what: str) -> tuple[boto3.Session, str]:
    """The caller's own credentials, and the ARN they stand for, if they are of this account."""
    try:
        import boto3
    except ImportError:
        fail("AWS needs the extra `aws` of cloud-vigil: pip install 'cloud-vigil[aws]'")
    from functions.aws.adapters import calling

    try:
        with calling():
            session = boto3.Session(region_name=region or None)
            caller = _clients(session)("sts").get_caller_identity()
    except Forbidden as error:
        fail(f"no AWS credentials that work: {error}; choose some with AWS_PROFILE")
    if account and caller["Account"] != account:
        fail(
            f"these credentials are for account {caller['Account']}, {what} is in {account};"
            " choose others with AWS_PROFILE"
        )
    return session, caller["Arn"]


def _clients(session: boto3.Session) -> Callable[..., Any]:
    """(service, region, account) -> client; the account was looked at when the session was made."""
    from functions.aws.adapters import client_config

    def client(service: str, region: str = "", account: str = "") -> Any:
        return session.client(
            service, region_name=region or None, config=client_config(PRODUCT_VERSION)
        )  # type: ignore[call-overload]  # the stubs want a literal service name

    return client


def _outputs(path: Path) -> Mapping[str, str]:
    """The outputs that are needed, by dotted name; wrong use names all that are missing."""
    try:
        document = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        fail(f"{path} is not JSON: {error}; {HOW}")
    found = {name: _output(document, name) for name in OUTPUTS}
    if missing := [name for name, text in found.items() if not text]:
        fail(f"{path} lacks the outputs {', '.join(missing)}; {HOW}")
    return found


def _output(document: Any, name: str) -> str:
    output, _, key = name.partition(".")
    for each in (output, "value", *filter(None, [key])):
        document = document.get(each) if isinstance(document, Mapping) else None
    return document if isinstance(document, str) else ""


OUTPUTS = ("table", "journal", "queues.respond", "queue_arns.respond")
"""What infra/aws/outputs.tf must name: an output, or a key of one that is a map."""

HOW = "write it with `terraform output -json` in infra/aws"

QUEUE_ARN = re.compile(r"arn:[a-z-]+:sqs:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):[\w.-]+")
