"""The one place that builds: environment -> callers, adapters, engine, responder.

Everything is made on first use and kept for the life of the instance; importing this file makes
nothing. What the parts do is theirs; what they are given is decided here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path

from core import assembly, config, rulebook
from core.approval import Approvals
from core.audit import Audit
from core.config import Policy
from core.detect import Detector
from core.engine import Engine
from core.errors import Forbidden
from core.ports import Inventory, Metrics, Queue, Rejects, Sink, Source, system_clock
from core.respond import Responder
from core.sweep import source as posture
from functions.gcp import adapters
from functions.gcp.events import SOURCES
from functions.gcp.rest import Call, Rest, ambient, google
from functions.gcp.targets import targets

__all__ = ["FLOORS", "VERSION", "Wiring", "full_name", "wiring"]

VERSION = "0.1.0"
ROOT = Path(__file__).parents[2]

POLICY_TTL_MS = 30_000
SECRET_TTL_MS = 300_000

FLOORS = (
    "serviceAccount:*@cloudservices.gserviceaccount.com",
    "serviceAccount:*@gcp-sa-*.iam.gserviceaccount.com",
    "serviceAccount:*@compute-system.iam.gserviceaccount.com",
    "serviceAccount:*@container-engine-robot.iam.gserviceaccount.com",
    "serviceAccount:*@gcf-admin-robot.iam.gserviceaccount.com",
    "serviceAccount:*@gs-project-accounts.iam.gserviceaccount.com",
    "serviceAccount:*@serverless-robot-prod.iam.gserviceaccount.com",
)
"""Google's own agents, by the projects that hold them, which are Google's: never touched.
https://cloud.google.com/iam/docs/service-agents"""

SETTINGS: Mapping[str, str] = {
    "VIGIL_PROJECT": "id of the project that the functions run in",
    "VIGIL_DATABASE": "name of the Firestore database that keeps state",
    "VIGIL_JOURNAL": "name of the bucket that keeps the audit journal",
    "VIGIL_ALERTS": "topic for alerts: projects/P/topics/T",
    "VIGIL_ACTIONS": "topic that the respond function listens to: projects/P/topics/T",
    "VIGIL_REJECTS": "topic for input that was set aside: projects/P/topics/T",
    "VIGIL_POLICY": "secret that holds the response policy: projects/P/secrets/S",
    "VIGIL_APPROVE_SECRET": "secret that signs approval tokens: projects/P/secrets/S",
}


def full_name(account: str) -> str:
    """An account as Google's APIs name it: `projects/p`, `folders/1`, `organizations/1`."""
    return account if "/" in account else f"projects/{account}"


class Wiring:
    """All parts of one deployment. `metrics` is the counter of the handler."""

    def __init__(self, environ: Mapping[str, str], metrics: Metrics) -> None:
        self.settings = config.settings(environ, SETTINGS)
        self._environ, self.metrics = environ, metrics
        self.clock, self.sleep = system_clock, time.sleep

    @cached_property
    def call(self) -> Call:
        """Google's APIs, as the function's own service account."""
        elsewhere = _elsewhere(self._environ)
        agent = f"vigil/{VERSION}"
        if elsewhere:
            # No token leaves for an address that is not Google's.
            return Rest(None, agent=agent, endpoint=elsewhere, sleep=self.sleep)
        return Rest(ambient(), agent=agent, sleep=self.sleep)

    def client(self, account: str) -> Call:
        """The caller for an account; Forbidden for one that Vigil does not look after."""
        if account not in self.accounts:
            raise Forbidden(f"account {account} is not one that Vigil looks after")
        return self.call

    @cached_property
    def accounts(self) -> tuple[str, ...]:
        """The function's own project, and those of VIGIL_ACCOUNTS: ids, `folders/1`, ..."""
        named = self._environ.get("VIGIL_ACCOUNTS", "").replace(",", " ").split()
        return tuple(dict.fromkeys((self.settings["VIGIL_PROJECT"], *named)))

    @cached_property
    def publish(self) -> adapters.Publish:
        """Sends messages to Pub/Sub."""
        return adapters.publishing()

    @cached_property
    def store(self) -> adapters.FirestoreStore:
        """State, in Firestore."""
        project, database = self.settings["VIGIL_PROJECT"], self.settings["VIGIL_DATABASE"]
        return adapters.FirestoreStore(self.call, project, database, self.clock)

    @cached_property
    def journal(self) -> adapters.StorageJournal:
        """The audit journal, in a bucket under a retention lock."""
        return adapters.StorageJournal(self.call, self.settings["VIGIL_JOURNAL"])

    @cached_property
    def queue(self) -> Queue:
        """The respond function's topic."""
        return adapters.queue(self.publish, self.settings["VIGIL_ACTIONS"])

    @cached_property
    def rejects(self) -> Rejects:
        """Where input goes that was set aside."""
        return adapters.rejects(self.publish, self.settings["VIGIL_REJECTS"])

    @cached_property
    def sinks(self) -> Mapping[str, Sink]:
        """The topic for alerts; Security Command Center and webhooks where they are set up."""
        sinks = {"pubsub": adapters.alerts(self.publish, self.settings["VIGIL_ALERTS"])}
        if source := self._environ.get("VIGIL_SCC_SOURCE"):
            sinks["scc"] = adapters.findings(self.call, source)
        if hooks := self._environ.get("VIGIL_WEBHOOKS"):
            sinks |= assembly.webhooks(self._secret(hooks, SECRET_TTL_MS)(), self.clock)
        return sinks

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """Audit logs and notifications, on which targets are found, and resources of a sweep."""
        native = (source._replace(targets=targets) for source in SOURCES)
        return {source.name: source for source in (*native, posture(targets))}

    @cached_property
    def detector(self) -> Detector:
        """The rulebook that was built into the package, ready to match."""
        path = ROOT / self._environ.get("VIGIL_RULEBOOK", "rulebook.json")
        return Detector(rulebook.load(path.read_bytes()), tuple(self.sources.values()))

    @cached_property
    def approvals(self) -> Approvals:
        """Signs and takes approval tokens."""
        key = self._secret(self.settings["VIGIL_APPROVE_SECRET"], SECRET_TTL_MS)()
        return Approvals(key.decode(), self._environ.get("VIGIL_APPROVE_URL", ""), self.clock)

    @cached_property
    def inventory(self) -> Inventory:
        """What a sweep looks at."""
        from functions.gcp.inventory import inventory

        projects = tuple(account for account in self.accounts if "/" not in account)
        return inventory(self.client, projects, self.clock)

    def audit(self, chain: str) -> Audit:
        """The chain of one function."""
        return Audit(self.journal, self.store, chain, self.clock)

    @cache  # noqa: B019  # a Wiring lives as long as its instance
    def engine(self, chain: str) -> Engine:
        """The detect path, writing to the chain of the function that runs it."""
        return assembly.engine(self, chain, assembly.suppressions(self, chain).match)

    @cached_property
    def responder(self) -> Responder:
        """The respond path."""
        from functions.gcp.actions import actions

        asked = self.approvals if self._environ.get("VIGIL_APPROVE_URL") else None
        return assembly.responder(self, actions(self.client), FLOORS, asked)

    @cached_property
    def policy(self) -> Callable[[], Policy]:
        """What may be done, as it is now."""
        return config.policy_now(self._secret(self.settings["VIGIL_POLICY"], POLICY_TTL_MS))

    def _secret(self, name: str, ttl: int) -> Callable[[], bytes]:
        return adapters.secret(self.call, name, self.clock, ttl)


def _elsewhere(environ: Mapping[str, str]) -> Callable[[str], str] | None:
    """Where services are, if the environment points away from Google; None if it does not.

    FIRESTORE_EMULATOR_HOST and STORAGE_EMULATOR_HOST are Google's own names for it;
    VIGIL_ENDPOINT (`http://127.0.0.1:9000/{service}`) is for all the rest. Pub/Sub's client reads
    PUBSUB_EMULATOR_HOST by itself.
    """
    given = {
        service: environ[name].removeprefix("http://")
        for service, name in EMULATORS.items()
        if environ.get(name)
    }
    rest = environ.get("VIGIL_ENDPOINT", "")
    if not given and not rest:
        return None

    def endpoint(service: str) -> str:
        if service in given:
            return f"http://{given[service]}"
        return rest.replace("{service}", service) or google(service)

    return endpoint


EMULATORS: Mapping[str, str] = {
    "firestore": "FIRESTORE_EMULATOR_HOST",
    "storage": "STORAGE_EMULATOR_HOST",
}


@cache
def wiring(metrics: Metrics) -> Wiring:
    """The deployment that this instance belongs to. BadConfig names every missing setting."""
    return Wiring(os.environ, metrics)
