"""A deployment on the loopback: Azurite for its storage, and beside it the rest of Azure's cloud.

`Front` is what Azurite isn't: the managed identity's endpoint, and behind a proxy, by their true
names and over TLS, the key vault, ARM and Graph. So the product runs with no setting of its tests:
azure-identity asks for tokens, calls go to management.azure.com, and a certificate is checked.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from core import rulebook
from core.ports import system_clock
from core.sigma import compile_rules
from functions.azure.adapters import BlobJournal, TableStore, opened
from functions.azure.events import SOURCES
from functions.azure.wiring import wiring
from tests.azure.azurite import ARM, VAULT, Azurite, operator, token
from tests.azure.fake.azure import Azure
from tests.azure.scenes import RULE, SUBSCRIPTION, TENANT, open_rule
from tests.azure.scripted import Asked

AUDIENCES = {
    "vault.azure.net": "vault.azure.net",
    "westeurope-1.ingest.monitor.azure.com": "monitor.azure.com",
}
"""Domain -> whom its tokens are for; other hosts are asked with a token for themselves."""
QUEUES = ("actions", "redo", "rejects", "alerts")
RULES = """
title: Security Rule Written
id: 8f0a1f4e-0000-4000-8000-0000000000a1
name: security_rule_written
status: test
level: high
logsource: {product: azure, service: activitylogs}
detection:
  selection: {operationName: MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE}
  condition: selection
respond: [close_ingress]
---
title: Deletion Begun
id: 8f0a1f4e-0000-4000-8000-0000000000a2
name: deletion_begun
status: test
level: high
logsource: {product: azure, service: activitylogs}
detection:
  selection: {operationName|endswith: /delete, resultType: Start}
  condition: selection
---
title: Key Read
id: 8f0a1f4e-0000-4000-8000-0000000000a4
name: key_read
status: test
level: low
logsource: {product: azure, service: activitylogs}
detection:
  selection: {operationName|endswith: /listKeys/action}
  condition: selection
---
title: Many Keys Read
id: 8f0a1f4e-0000-4000-8000-0000000000a5
name: many_keys_read
status: test
level: high
correlation:
  type: event_count
  rules: [key_read]
  group-by: [callerIpAddress]
  timespan: 10m
  condition: {gte: 3}
---
title: Secrets Listed
id: 8f0a1f4e-0000-4000-8000-0000000000a3
name: secrets_listed
status: test
level: medium
logsource: {product: kubernetes, service: audit}
detection:
  selection: {verb: list, objectRef.resource: secrets}
  condition: selection
"""


class Front:
    """Tokens for who asks as the app does, secrets, and an Azure that checks what it is asked."""

    def __init__(self, azurite: Azurite) -> None:
        self.azure, self.secrets = Azure(), dict[str, str]()
        self.answer: Callable[[Asked], tuple[int, dict[str, str], bytes] | None] = lambda _: None
        self.url = ""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(azurite.certificate, azurite.key)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Answer on a free port, as proxy and as the identity's endpoint."""
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            host = ""

            def do_CONNECT(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.close_connection = False
                self.host = self.path.partition(":")[0]
                self.connection = front._tls.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb", buffering=0)

            def handle_one(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, self.rfile.read(size))
                status, named, body = front._handle(self.host, asked)
                self.send_response(status)
                for name, value in {**named, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def finish(self) -> None:
                super().finish()
                self.connection.close()  # the tunnel, which the server knows nothing of

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

            def log_message(self, *_) -> None:
                """Say nothing: pytest shows what matters."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.azure.endpoint = f"https://{ARM}"
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handle(self, host: str, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if not host:
            return self._identity(asked)
        audience = f"https://{AUDIENCES.get(host.partition('.')[2], host)}"
        if not asked.headers.get("authorization", "").startswith(f"Bearer {_head(audience)}"):
            return 401, {}, b'{"error": {"code": "InvalidAuthenticationToken"}}'
        if host == VAULT:
            name = urlsplit(asked.target).path.rpartition("/")[2]
            if name not in self.secrets:
                return 404, {}, b'{"error": {"code": "SecretNotFound"}}'
            return 200, {}, json.dumps({"value": self.secrets[name]}).encode()
        return self.answer(asked) or self.azure.handle(asked)

    def _identity(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """https://learn.microsoft.com/azure/app-service/overview-managed-identity (REST)."""
        query = parse_qs(urlsplit(asked.target).query)
        if asked.headers.get("x-identity-header") != "testing":
            return 403, {}, b"{}"
        found = {
            "access_token": token(query["resource"][0]),
            "expires_on": "4102444800",
            "resource": query["resource"][0],
            "token_type": "Bearer",
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


def _head(audience: str) -> str:
    """The part of a token that says whom it is for and does not change with time."""
    return token(audience)[: len('{"alg": "none", "typ": "JWT"}') + len(audience)]


class Deployment:
    """One deployment's resources and settings; a security rule that is open to the world."""

    def __init__(self, azurite: Azurite, front: Front, folder: Path, name: str) -> None:
        self.front, self.storage, self._name = front, operator(azurite), name
        self.storage.table(f"state{name}")
        self.storage.container(f"journal-{name}")
        for each in QUEUES:
            self.storage.queue(f"{each}-{name}")
        self.policy({})
        front.secrets["approve"] = "k" * 40
        open_rule(front.azure)
        (folder / "rules.yml").write_text(RULES)
        self.book = folder / "rulebook.json"
        self.book.write_bytes(rulebook.dump(compile_rules([folder / "rules.yml"], SOURCES).book))
        self.environ = {
            "VIGIL_TABLES": azurite.tables,
            "VIGIL_BLOBS": azurite.blobs,
            "VIGIL_QUEUES": azurite.queues,
            "VIGIL_TABLE": f"state{name}",
            "VIGIL_JOURNAL": f"journal-{name}",
            **{f"VIGIL_{each.upper()}": f"{each}-{name}" for each in QUEUES},
            "VIGIL_VAULT": f"https://{VAULT}",
            "VIGIL_POLICY": "policy",
            "VIGIL_APPROVE_SECRET": "approve",
            "VIGIL_APPROVE_URL": "https://approve.example.com/approve",
            "VIGIL_SUBSCRIPTION": SUBSCRIPTION,
            "VIGIL_TENANT": TENANT,
            "VIGIL_RULEBOOK": str(self.book),
            "IDENTITY_ENDPOINT": f"{front.url}/msi/token",
            "IDENTITY_HEADER": "testing",
            "AZURE_CLIENT_ID": "00000000-0000-0000-0000-00000000c11e",
            "HTTPS_PROXY": front.url,
            "NO_PROXY": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": str(azurite.bundle),
        }
        self.store = TableStore(self.storage.tables, f"state{name}", system_clock)
        self.journal = BlobJournal(self.storage.blobs, f"journal-{name}")

    def policy(self, verbs: Mapping[str, Any]) -> None:
        self.front.secrets["policy"] = json.dumps({"verbs": verbs})
        wiring.cache_clear()

    def received(self, queue: str) -> list[Any]:
        """What is on a queue, taken off it, as JSON."""
        return [json.loads(opened(body)) for body in self.bodies(queue)]

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, hidden ones included."""
        return self.storage.count(f"{queue}-{self._name}")

    def bodies(self, queue: str) -> list[bytes]:
        return self.storage.bodies(f"{queue}-{self._name}")

    def findings(self) -> list[Mapping[str, Any]]:
        return [entry.value for _, entry in self.store.scan("finding")]

    def decided(self) -> list[str]:
        """Kinds of the lines that respond wrote."""
        return [json.loads(line)["kind"] for _, line in self.journal.read("respond")]

    def rule_sources(self) -> Any:
        """From where the security rule lets in; None once it is gone."""
        found = self.front.azure.resources.get(RULE.lower())
        return found and found["properties"].get("sourceAddressPrefix")


def activity(**fields: Any) -> dict[str, Any]:
    """A record of the Activity Log as it comes through an Event Hub: a rule was written."""
    return {
        "time": datetime.now(UTC).isoformat(),
        "resourceId": RULE.upper(),
        "operationName": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE",
        "category": "Administrative",
        "resultType": "Success",
        "resultSignature": "Succeeded.Created",
        "correlationId": "00000000-0000-0000-0000-0000000000c0",
        "callerIpAddress": "192.0.2.7",
        "identity": {
            "claims": {
                "http://schemas.microsoft.com/identity/claims/objectidentifier": "mallory-1",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "mallory@example.com",
                "http://schemas.microsoft.com/identity/claims/tenantid": TENANT,
            }
        },
        "properties": {"eventCategory": "Administrative", "entity": RULE},
        **fields,
    }


def body(*records: Any) -> bytes:
    """What a diagnostic setting puts into one message."""
    return json.dumps({"records": records}).encode()


@contextlib.contextmanager
def front_of(azurite: Azurite) -> Iterator[Front]:
    """The rest of the cloud, beside that Azurite."""
    front = Front(azurite)
    with front.serving():
        yield front
