"""Azure Storage on the loopback (Azurite), spoken to as the cloud is: TLS, and tokens of Entra ID.

Nothing of the product is turned off for it: the functions' own client calls it with a bearer token
of the storage scope. Azurite reads the token's claims and does not check its signature.
`make azurite` installs it into build/azurite; without it the tests are skipped, in CI they fail.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import certifi
import pytest
from azure.core.credentials import AccessToken

from functions.azure.adapters import Own, storage
from functions.azure.rest import Rest

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "build" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
STARTED = re.compile(r"Azurite (\w+) service is successfully listening at (\S+)")
ARM, GRAPH, VAULT = "management.azure.com", "graph.microsoft.com", "vigil.vault.azure.net"
SENTINEL = "vigil.westeurope-1.ingest.monitor.azure.com"
HOSTS = (ARM, GRAPH, VAULT, SENTINEL)
"""Of Azure's cloud, what deployment.py plays under its true name."""

STORAGE_VERSION = {"x-ms-version": "2021-12-02"}


class Azurite(NamedTuple):
    """Endpoints of the three services, without a slash at their ends, and what they show."""

    tables: str
    blobs: str
    queues: str
    certificate: Path
    key: Path
    bundle: Path
    """The certificate among all that are trusted otherwise."""


class Operator:
    """A credential: whoever asks gets a token for the audience asked for."""

    def get_token(self, *scopes, **_):
        return AccessToken(token(scopes[0].removesuffix("/.default")), int(time.time()) + 3600)


def token(audience: str) -> str:
    """A token as Entra ID would write it, but for its signature."""
    now = int(time.time())
    claims = {
        "aud": audience,
        "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
    }
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join([base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts] + ["x"])


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Azurite]:
    """Azurite on free ports, empty, gone at the end."""
    needs_azurite()
    certificate, key = self_signed(folder)
    command = ["node", str(SERVER), "--inMemoryPersistence", "--disableTelemetry"]
    # The client's version of the API is newer than the newest that Azurite knows by name.
    command += ["--silent", "--skipApiVersionCheck", "--oauth", "basic"]
    command += ["--cert", str(certificate), "--key", str(key)]
    command += [f"--{each}Port=0" for each in ("blob", "queue", "table")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder
    )
    said: list[str] = []
    try:
        found = _listening(process, said)
        endpoints = (f"{found[name]}/devstoreaccount1" for name in ("Table", "Blob", "Queue"))
        yield Azurite(*endpoints, certificate, key, _bundle(folder, certificate))
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@contextlib.contextmanager
def trusted(azurite: Azurite) -> Iterator[None]:
    """This process trusts its certificate, too, until the end: what else runs by then goes on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(azurite.bundle))
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


def _bundle(folder: Path, certificate: Path) -> Path:
    others = Path(os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())
    bundle = folder / "bundle.pem"
    bundle.write_bytes(others.read_bytes() + b"\n" + certificate.read_bytes())
    return bundle


def _listening(process: subprocess.Popen, said: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            said.append(line)
            if match := STARTED.search(line):
                found[match[1]] = match[2]
            if len(found) == 3:
                return found
    finally:
        timer.cancel()
    raise RuntimeError("Azurite did not start:\n" + "".join(said))


def needs_azurite() -> None:
    """Skip, or fail in CI, if Azurite is not installed."""
    if SERVER.exists() and shutil.which("node"):
        return
    message = "Azurite is not installed: `make azurite` does it, and needs npm"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and of HOSTS, and its key, made anew."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    hosts = x509.SubjectAlternativeName([loopback, *map(x509.DNSName, HOSTS)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


class Storage(NamedTuple):
    """The three services of an Azurite, called as an operator would."""

    tables: Own
    blobs: Own
    queues: Own

    def table(self, name: str) -> str:
        self.tables.call(
            "POST",
            "/Tables",
            headers={**STORAGE_VERSION, "Accept": "application/json;odata=nometadata"},
            body={"TableName": name},
        )
        return name

    def container(self, name: str) -> str:
        self.blobs.call(
            "PUT", f"/{name}", query={"restype": "container"}, headers=STORAGE_VERSION, body=b""
        )
        return name

    def queue(self, name: str) -> str:
        self.queues.call("PUT", f"/{name}", headers=STORAGE_VERSION, body=b"")
        return name

    def count(self, name: str) -> int:
        """How many messages a queue holds, hidden ones included."""
        answer = self.queues.call(
            "GET", f"/{name}", query={"comp": "metadata"}, headers=STORAGE_VERSION
        )
        return int(answer.headers["x-ms-approximate-messages-count"])

    def bodies(self, name: str) -> list[bytes]:
        """Every message that is on a queue, hidden ones apart, taken off it."""
        from xml.etree import ElementTree as ET

        found: list[bytes] = []
        while True:
            answer = self.queues.call(
                "GET",
                f"/{name}/messages",
                query={"numofmessages": "32", "visibilitytimeout": "300"},
                headers={**STORAGE_VERSION, "Accept": "*/*"},
            )
            messages = list(ET.fromstring(answer.content))
            if not messages:
                return found
            for message in messages:
                found.append(base64.b64decode(message.findtext("MessageText")))
                self.queues.call(
                    "DELETE",
                    f"/{name}/messages/{message.findtext('MessageId')}",
                    query={"popreceipt": message.findtext("PopReceipt")},
                    headers=STORAGE_VERSION,
                )


def operator(azurite: Azurite) -> Storage:
    """The services of that Azurite."""
    rest = Rest(Operator(), agent="vigil/test")
    return Storage(*(storage(rest, each) for each in azurite[:3]))
