"""The one place that builds: app settings -> callers, adapters, engine, responder.

Everything is made on first use and kept for the life of the worker; importing this file makes
nothing. What the parts do is theirs; what they are given is decided here.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path

from core import assembly, config, rulebook, sweep
from core.approval import Approvals
from core.audit import Audit
from core.config import Policy
from core.detect import Detector
from core.engine import Engine, Match
from core.errors import BadConfig
from core.model import NativeRecord, Rule
from core.ports import Inventory, Queue, Rejects, Sink, Source, system_clock
from core.respond import Responder
from core.suppressions import Suppressions
from functions.azure import adapters, events
from functions.azure.actions import Clients
from functions.azure.events.activity import ended
from functions.azure.rest import CLOUDS, Cloud, Rest, credential
from functions.azure.targets import targets

__all__ = ["FLOORS", "SETTINGS", "VERSION", "Counts", "Wiring", "of_ends", "wiring"]

VERSION = "0.1.0"
ROOT = Path(__file__).parents[2]

FLOORS: tuple[str, ...] = ()
"""Azure names nothing that must never be touched in every tenant alike: its verbs refuse managed
identities, Microsoft's own applications and the last administrator by what they read."""

SETTINGS: Mapping[str, str] = {
    "VIGIL_TABLES": "endpoint of the storage account's tables",
    "VIGIL_TABLE": "name of the table that keeps state",
    "VIGIL_BLOBS": "endpoint of the storage account's blobs",
    "VIGIL_JOURNAL": "name of the container that keeps the audit journal",
    "VIGIL_QUEUES": "endpoint of the storage account's queues",
    "VIGIL_ACTIONS": "name of the respond function's queue",
    "VIGIL_REDO": "name of the queue for records that are to be tried again",
    "VIGIL_REJECTS": "name of the queue for input that was set aside",
    "VIGIL_ALERTS": "name of the queue for alerts",
    "VIGIL_VAULT": "url of the key vault",
    "VIGIL_POLICY": "name of the secret that holds the response policy",
    "VIGIL_APPROVE_SECRET": "name of the secret that signs approval tokens",
    "VIGIL_SUBSCRIPTION": "ids of the subscriptions that are watched, with commas between",
    "VIGIL_TENANT": "id of the tenant",
}

SENTINEL = ("VIGIL_SENTINEL_ENDPOINT", "VIGIL_SENTINEL_RULE", "VIGIL_SENTINEL_STREAM")


class Counts:
    """A Metrics port that adds up until `taken`: one line of log per invocation, not per count."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()

    def __call__(self, name: str, value: float) -> None:
        """Add to what has that name."""
        self._sums[name] += value  # type: ignore[assignment]  # sums may be fractions

    def taken(self) -> dict[str, float]:
        """Everything counted since the last time, by name."""
        sums, self._sums = self._sums, Counter()
        return {name: sums[name] for name in sorted(sums)}


class Wiring:
    """All parts of one deployment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.settings = config.settings(environ, SETTINGS)
        self._environ = environ
        self.clock, self.sleep = system_clock, time.sleep
        self.metrics = Counts()

    @cached_property
    def rest(self) -> Rest:
        """Calls with the app's identity."""
        return Rest(credential(self._environ), agent=f"vigil/{VERSION}", pause=self.sleep)

    @cached_property
    def cloud(self) -> Cloud:
        """ARM and Graph of the cloud that VIGIL_CLOUD names: public where it is not set."""
        name = self._environ.get("VIGIL_CLOUD", "public")
        if name not in CLOUDS:
            raise BadConfig([f"VIGIL_CLOUD is {name!a}; it must be one of {', '.join(CLOUDS)}"])
        return CLOUDS[name]

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """What is watched, in lower case."""
        return tuple(self.settings["VIGIL_SUBSCRIPTION"].lower().replace(",", " ").split())

    @cached_property
    def clients(self) -> Clients:
        """Who calls, and which subscriptions and tenant are ours."""
        tenant = self.settings["VIGIL_TENANT"].lower()
        return Clients(self.rest, self.cloud, frozenset(self.subscriptions), tenant)

    @cached_property
    def store(self) -> adapters.TableStore:
        """State, in Table Storage."""
        own = adapters.storage(self.rest, self.settings["VIGIL_TABLES"])
        return adapters.TableStore(own, self.settings["VIGIL_TABLE"], self.clock)

    @cached_property
    def journal(self) -> adapters.BlobJournal:
        """The audit journal, in blobs under an immutability policy."""
        own = adapters.storage(self.rest, self.settings["VIGIL_BLOBS"])
        return adapters.BlobJournal(own, self.settings["VIGIL_JOURNAL"])

    @cached_property
    def _queues(self) -> adapters.Own:
        return adapters.storage(self.rest, self.settings["VIGIL_QUEUES"])

    @cached_property
    def queue(self) -> Queue:
        """The respond function's queue."""
        return adapters.queue(self._queues, self.settings["VIGIL_ACTIONS"])

    @cached_property
    def later(self) -> Callable[[NativeRecord], None]:
        """Where records go that are to be tried again."""
        return adapters.later(self._queues, self.settings["VIGIL_REDO"])

    @cached_property
    def rejects(self) -> Rejects:
        """Where input goes that was set aside."""
        return adapters.rejects(self._queues, self.settings["VIGIL_REJECTS"])

    @cached_property
    def vault(self) -> adapters.Vault:
        """Secrets and policy."""
        return adapters.Vault(self.rest, self.settings["VIGIL_VAULT"], self.clock)

    @cached_property
    def sinks(self) -> Mapping[str, Sink]:
        """The queue of alerts; Sentinel and the webhooks of the secret, where they are set."""
        sinks = {"queue": adapters.alert_sink(self._queues, self.settings["VIGIL_ALERTS"])}
        endpoint, rule, stream = (self._environ.get(name, "") for name in SENTINEL)
        if endpoint and rule and stream:
            sinks["sentinel"] = adapters.sentinel_sink(self.rest, endpoint, rule, stream)
        hooks = self._environ.get("VIGIL_WEBHOOKS")
        if hooks:
            sinks |= assembly.webhooks(self.vault.secret(hooks)(), self.clock)
        return sinks

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """What events.SOURCES reads, each with its targets, and the resources of a sweep."""
        ours = (source._replace(targets=targets) for source in events.SOURCES)
        return {source.name: source for source in (*ours, sweep.source(targets))}

    @cached_property
    def detector(self) -> Detector:
        """The rulebook that was built into the package, ready to match."""
        path = ROOT / self._environ.get("VIGIL_RULEBOOK", "rulebook.json")
        return Detector(rulebook.load(path.read_bytes()), tuple(self.sources.values()))

    @cached_property
    def approvals(self) -> Approvals:
        """Signs and takes approval tokens."""
        key = self.vault.secret(self.settings["VIGIL_APPROVE_SECRET"])()
        return Approvals(key, self._environ.get("VIGIL_APPROVE_URL", ""), self.clock)

    @cached_property
    def inventory(self) -> Inventory:
        """What a sweep looks at."""
        from functions.azure.inventory import inventory

        return inventory(self.rest, self.cloud, self.subscriptions, self.clock)

    def audit(self, chain: str) -> Audit:
        """The chain of one function."""
        return Audit(self.journal, self.store, chain, self.clock)

    @cache  # noqa: B019  # a Wiring lives as long as its worker
    def suppressions(self, chain: str) -> Suppressions:
        """What becomes of hits that a filter suppressed, on the chain of the function."""
        return assembly.suppressions(self, chain)

    @cache  # noqa: B019  # a Wiring lives as long as its worker
    def engine(self, chain: str) -> Engine:
        """The detect path, writing to the chain of the function that runs it."""
        match = of_ends(self.suppressions(chain).match, self.detector.match)
        return assembly.engine(self, chain, match)

    @cached_property
    def responder(self) -> Responder:
        """The respond path."""
        from functions.azure.actions import actions

        asked = self.approvals if self._environ.get("VIGIL_APPROVE_URL") else None
        return assembly.responder(self, actions(self.clients), FLOORS, asked)

    @cached_property
    def policy(self) -> Callable[[], Policy]:
        """What may be done, as it is now."""
        return config.policy_now(self.vault.policy(self.settings["VIGIL_POLICY"]))


def of_ends(match: Match, of_end: Match) -> Match:
    """The matcher, with an operation's beginning and end folded into one.

    A rule that matches the record of a beginning waits for the end, unless it asks for the
    beginning: then the end, as `of_end` judges it, would not match.
    """

    def rules(source: str, record: NativeRecord) -> tuple[Rule, ...]:
        found = match(source, record)
        end = ended(record) if found else None
        if end is None:
            return found
        waiting = {rule.id for rule in of_end(source, end)}
        return tuple(rule for rule in found if rule.id not in waiting)

    return rules


@cache
def wiring() -> Wiring:
    """The deployment that this worker belongs to. BadConfig names every missing setting."""
    return Wiring(os.environ)
