"""The one place that builds: environment -> clients, adapters, engine, responder.

Everything is made on first use and kept for the life of the sandbox; importing this file makes
nothing. What the parts do is theirs; what they are given is decided here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import assembly, config, rulebook, sweep
from core.approval import Approvals
from core.audit import Audit
from core.config import Policy
from core.detect import Detector
from core.engine import Engine
from core.errors import Forbidden
from core.ports import Inventory, Metrics, Sink, Source, system_clock
from core.respond import Responder
from core.scan import Scanner
from core.suppressions import Suppressions
from functions.aws import events
from functions.aws.adapters import (
    DynamoStore,
    S3Journal,
    client_config,
    secret,
    sns_sink,
    sqs_queue,
    sqs_rejects,
    ssm_policy,
)
from functions.aws.targets import targets

if TYPE_CHECKING:
    import boto3

__all__ = ["FLOORS", "VERSION", "Wiring", "wiring"]

VERSION = "0.1.0"
ROOT = Path(__file__).parents[2]

FLOORS = (
    "arn:aws*:iam::*:root",
    "arn:aws*:iam::*:role/aws-service-role/*",
    "arn:aws*:iam::*:role/aws-reserved/*",
)
"""Root, service-linked roles and the roles of IAM Identity Center: never touched."""

SETTINGS: Mapping[str, str] = {
    "VIGIL_TABLE": "name of the DynamoDB table that keeps state",
    "VIGIL_JOURNAL": "name of the S3 bucket that keeps the audit journal",
    "VIGIL_ALERTS": "ARN of the SNS topic for alerts",
    "VIGIL_ACTIONS": "URL of the respond function's SQS queue",
    "VIGIL_REJECTS": "URL of the SQS queue for input that was set aside",
    "VIGIL_POLICY": "name of the SSM parameter that holds the response policy",
    "VIGIL_APPROVE_SECRET": "ARN of the secret that signs approval tokens",
    "AWS_REGION": "the region that the function runs in",
}


class Wiring:
    """All parts of one deployment. `metrics` is the powertools recorder of the handler."""

    def __init__(self, environ: Mapping[str, str], metrics: Metrics) -> None:
        self.settings = config.settings(environ, SETTINGS)
        self._environ, self.metrics = environ, metrics
        self.clock, self.sleep = system_clock, time.sleep
        self._clients: dict[tuple[str, str], Any] = {}

    @cached_property
    def _session(self) -> boto3.Session:
        import boto3

        return boto3.Session()

    def client(self, service: str, region: str = "", account: str = "") -> Any:
        """The client of a service; one per region.

        Forbidden for another account: its resources must never be taken for ours of that name.
        """
        if account and account != self.account:
            raise Forbidden(f"account {account} is not the one that Vigil runs in")
        key = (service, region or self.settings["AWS_REGION"])
        if key not in self._clients:
            self._clients[key] = self._session.client(
                service, region_name=key[1], config=client_config(VERSION)
            )  # type: ignore[call-overload]  # the stubs want a literal service name
        return self._clients[key]

    @cached_property
    def account(self) -> str:
        """The account that the function runs in."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @cached_property
    def store(self) -> DynamoStore:
        """State, in DynamoDB."""
        return DynamoStore(self.client("dynamodb"), self.settings["VIGIL_TABLE"], self.clock)

    @cached_property
    def journal(self) -> S3Journal:
        """The audit journal, in S3 under Object Lock."""
        return S3Journal(self.client("s3"), self.settings["VIGIL_JOURNAL"])

    @cached_property
    def queue(self) -> Any:
        """The respond function's queue."""
        return sqs_queue(self.client("sqs"), self.settings["VIGIL_ACTIONS"])

    @cached_property
    def rejects(self) -> Any:
        """Where input goes that was set aside."""
        return sqs_rejects(self.client("sqs"), self.settings["VIGIL_REJECTS"])

    @cached_property
    def sinks(self) -> Mapping[str, Sink]:
        """SNS, and the webhooks of the optional secret."""
        sinks = {"sns": sns_sink(self.client("sns"), self.settings["VIGIL_ALERTS"])}
        hooks = self._environ.get("VIGIL_WEBHOOKS")
        if hooks:
            sinks |= assembly.webhooks(self._secret(hooks)(), self.clock)
        return sinks

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """CloudTrail, and the resources of a sweep."""
        return {source.name: source for source in (*events.SOURCES, sweep.source(targets))}

    @cached_property
    def detector(self) -> Detector:
        """The rulebook that was built into the zip, ready to match."""
        path = ROOT / self._environ.get("VIGIL_RULEBOOK", "rulebook.json")
        return Detector(rulebook.load(path.read_bytes()), tuple(self.sources.values()))

    @cached_property
    def scanner(self) -> Scanner:
        """Reads log files; what it learns from one serves the next."""
        return Scanner(self.detector)

    @cached_property
    def approvals(self) -> Approvals:
        """Signs and takes approval tokens."""
        key = self._secret(self.settings["VIGIL_APPROVE_SECRET"])()
        return Approvals(key, self._environ.get("VIGIL_APPROVE_URL", ""), self.clock)

    @cached_property
    def inventory(self) -> Inventory:
        """What a sweep looks at."""
        from functions.aws.inventory import inventory

        return inventory(self.client, self.account, self.regions, self.clock)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that a sweep looks at: VIGIL_REGIONS, else the function's own."""
        named = self._environ.get("VIGIL_REGIONS", "").replace(",", " ").split()
        return tuple(named) or (self.settings["AWS_REGION"],)

    def audit(self, chain: str) -> Audit:
        """The chain of one function."""
        return Audit(self.journal, self.store, chain, self.clock)

    @cache  # noqa: B019  # a Wiring lives as long as its sandbox
    def suppressions(self, chain: str) -> Suppressions:
        """What becomes of hits that a filter suppressed, on the chain of the function."""
        return assembly.suppressions(self, chain)

    @cache  # noqa: B019  # a Wiring lives as long as its sandbox
    def engine(self, chain: str) -> Engine:
        """The detect path, writing to the chain of the function that runs it."""
        return assembly.engine(self, chain, self.suppressions(chain).match)

    @cached_property
    def responder(self) -> Responder:
        """The respond path."""
        from functions.aws.actions import actions

        asked = self.approvals if self._environ.get("VIGIL_APPROVE_URL") else None
        return assembly.responder(self, actions(self.client), FLOORS, asked)

    @cached_property
    def policy(self) -> Callable[[], Policy]:
        """What may be done, as it is now."""
        return config.policy_now(
            ssm_policy(self.client("ssm"), self.settings["VIGIL_POLICY"], self.clock)
        )

    def _secret(self, arn: str) -> Callable[[], str]:
        return secret(self.client("secretsmanager"), arn, self.clock)


@cache
def wiring(metrics: Metrics) -> Wiring:
    """The deployment that this sandbox belongs to. BadConfig names every missing setting."""
    return Wiring(os.environ, metrics)
