"""A deployment on Google's emulators and a small Google Cloud: its parts, settings and input.

The functions are the real ones; what delivers to them in a cloud is played by the caller.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core import rulebook
from core.sigma import compile_rules
from functions.gcp.events import SOURCES
from functions.gcp.handler import _logs
from functions.gcp.wiring import Wiring, wiring
from tests.gcp.fake.server import serving
from tests.gcp.fake.watched import Watched
from tests.gcp.pubsub import Topics
from tests.gcp.storage import Storage

PROJECT = "example-project"
ROBOT = "deploy@example-project.iam.gserviceaccount.com"
RULE = """
title: Service Account Key Created
id: 8f0a1f4e-0000-4000-8000-000000000002
name: test_rule
status: test
level: high
logsource: {product: gcp, service: gcp.audit}
detection:
  selection: {gcp.audit.method_name|endswith: CreateServiceAccountKey}
  condition: selection
respond: [disable_access_key]
---
title: Threat Found
id: 8f0a1f4e-0000-4000-8000-000000000003
status: test
level: critical
logsource: {product: gcp, service: scc}
detection:
  selection: {finding.findingClass: THREAT, finding.state: ACTIVE}
  condition: selection
---
title: Kubernetes Secret Deleted
id: 8f0a1f4e-0000-4000-8000-000000000004
status: test
level: medium
logsource: {product: gcp, service: gcp.audit}
detection:
  selection: {protoPayload.serviceName: k8s.io, protoPayload.methodName|endswith: .secrets.delete}
  condition: selection
"""
numbers = itertools.count(1)


class Cloud:
    """One deployment's resources, and a service account with a key."""

    def __init__(
        self, folder: Path, topics: Topics, google: Watched, storage: Storage, rules: str = RULE
    ) -> None:
        self.topics, self.google, self.storage = topics, google, storage
        self.database = f"state-{next(numbers)}"
        storage.buckets["journal"] = {}
        self.names = {
            name: topics.make(f"{name}-{self.database}")
            for name in ("alerts", "actions", "rejects")
        }
        self.policy({})
        google.secrets[f"projects/{PROJECT}/secrets/approve"] = "k" * 40
        self.account = google.service_account(ROBOT)
        self.key = google.key(self.account, "0a1b2c")
        (folder / "rule.yml").write_text(rules)
        self.book = folder / "rulebook.json"
        self.book.write_bytes(rulebook.dump(compile_rules([folder / "rule.yml"], SOURCES).book))

    def settings(self) -> Mapping[str, str]:
        """What Terraform puts into the environment of every function."""
        return {
            "VIGIL_PROJECT": PROJECT,
            "VIGIL_DATABASE": self.database,
            "VIGIL_JOURNAL": "journal",
            "VIGIL_ALERTS": self.names["alerts"],
            "VIGIL_ACTIONS": self.names["actions"],
            "VIGIL_REJECTS": self.names["rejects"],
            "VIGIL_POLICY": f"projects/{PROJECT}/secrets/policy",
            "VIGIL_APPROVE_SECRET": f"projects/{PROJECT}/secrets/approve",
            "VIGIL_APPROVE_URL": "https://approve.example.com/",
            "VIGIL_RULEBOOK": str(self.book),
        }

    def policy(self, verbs: Mapping[str, Any]) -> None:
        document = json.dumps({"verbs": verbs})
        self.google.secrets[f"projects/{PROJECT}/secrets/policy"] = document
        wiring.cache_clear()

    def entry(self, **fields: Any) -> dict[str, Any]:
        """The log entry of a key that was made for the service account."""
        payload = {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "iam.googleapis.com",
            "methodName": "google.iam.admin.v1.CreateServiceAccountKey",
            "resourceName": "projects/-/serviceAccounts/100000000000000000001",
            "authenticationInfo": {"principalEmail": "mallory@example.com"},
            "requestMetadata": {
                "callerIp": "192.0.2.7",
                "callerSuppliedUserAgent": "<script>alert(1)</script>\u202e",
            },
            "response": {"name": self.key},
        }
        return {
            "logName": f"projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Factivity",
            "timestamp": (datetime.now(UTC) - timedelta(seconds=1)).isoformat(),
            "insertId": "e-1",
            "resource": {"type": "service_account", "labels": {"project_id": PROJECT}},
            "protoPayload": payload,
            **fields,
        }

    def drain(self, name: str) -> list[Any]:
        """Every message on a topic, as JSON, taken off."""
        return [json.loads(sent.data) for sent in self.topics.drain(self.names[name])]

    def parts(self) -> Wiring:
        return wiring(_logs().add)

    def findings(self) -> list[Any]:
        return [entry.value for _, entry in self.parts().store.scan("finding")]

    def journal(self, chain: str) -> list[Any]:
        return [json.loads(line) for _, line in self.parts().journal.read(chain)]

    def disabled(self) -> bool:
        return bool(self.google.things[self.key].get("disabled"))


@contextlib.contextmanager
def deployed(
    folder: Path, firestore: str, pubsub: str, monkeypatch: Any, rules: str = RULE
) -> Iterator[Cloud]:
    """A deployment whose functions run in this process."""
    google = Watched()
    with cloud_storage() as storage, serving(google) as server:
        cloud = Cloud(folder, Topics(pubsub), google, storage, rules)
        for name, value in {
            **cloud.settings(),
            "FIRESTORE_EMULATOR_HOST": firestore,
            "PUBSUB_EMULATOR_HOST": pubsub,
            "STORAGE_EMULATOR_HOST": storage.endpoint(),
            "VIGIL_ENDPOINT": server.endpoint("{service}"),
        }.items():
            monkeypatch.setenv(name, value)
        wiring.cache_clear()
        _logs.cache_clear()
        yield cloud
        wiring.cache_clear()
        _logs.cache_clear()


@contextlib.contextmanager
def cloud_storage() -> Iterator[Storage]:
    server = Storage()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pushed(value: Any, published: datetime | None = None) -> dict[str, Any]:
    """The data of the CloudEvent that carries a value on a topic."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    moment = (published or datetime.now(UTC)).isoformat().replace("+00:00", "Z")
    message = {
        "data": base64.b64encode(data).decode(),
        "messageId": "m-1",
        "publishTime": moment,
        "attributes": {},
    }
    return {"message": message, "subscription": f"projects/{PROJECT}/subscriptions/vigil"}
