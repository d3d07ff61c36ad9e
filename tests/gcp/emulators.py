"""Google's emulators of Firestore and Pub/Sub on the loopback, once a run, on demand.

They come with the Google Cloud CLI (components `cloud-firestore-emulator` and `pubsub-emulator`)
and need Java. Where they are missing the tests that want them are skipped, and fail if CI=true.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra import loopback

FIRESTORE = "cloud-firestore-emulator/cloud-firestore-emulator.jar"
PUBSUB = "pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
MAIN = {
    FIRESTORE: "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
    PUBSUB: "com.google.cloud.pubsub.testing.v1.Main",
}
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", "-Duser.language=en")
"""Tests are over before a better compiler pays; the emulators speak English only."""


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[str]:
    """`127.0.0.1:port` of a Firestore."""
    with emulator(FIRESTORE) as address:
        yield address


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[str]:
    """`127.0.0.1:port` of a Pub/Sub."""
    with emulator(PUBSUB) as address:
        yield address


@contextlib.contextmanager
def emulator(jar: str) -> Iterator[str]:
    java, found = shutil.which("java"), installed(jar)
    if not java or found is None:
        missing(f"needs Java and the Google Cloud CLI with {jar.partition('/')[0]}")
    port = loopback.free_port()
    process = subprocess.Popen(
        [java, *QUICK, "-cp", str(found), MAIN[jar], "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        loopback.wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def installed(jar: str) -> Path | None:
    """The jar in the CLI's folder: beside `gcloud`, or where CLOUDSDK_ROOT_DIR says."""
    gcloud = shutil.which("gcloud")
    roots = [os.environ.get("CLOUDSDK_ROOT_DIR"), "/usr/lib/google-cloud-sdk"]
    if gcloud:
        roots.append(str(Path(gcloud).resolve().parents[1]))
    found = (path for root in roots if root for path in Path(root, "platform").glob(jar))
    return next(found, None)


def missing(what: str) -> None:
    """Skip with the reason; where the project is built, fail."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(what)
