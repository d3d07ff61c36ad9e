"""What Google Cloud's package weighs, and what a cold start of each function costs.

    python -m bench.start_gcp [--repeat 5] [--clients PYTHON]

Each figure is a fresh interpreter of the runtime's version with what requirements/gcp.txt locks and
no more, in turns, as a ratio to an empty function of the Functions Framework: from the start of the
process until the framework's application is ready, and until it has answered a first log entry that
no rule matches. With --clients (an interpreter that has google-cloud-firestore and
google-cloud-storage) the imports of Google's own clients are measured beside ours.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

from tests.e2e.conftest import build_package, runtime

EMPTY = """
import functions_framework

@functions_framework.cloud_event
def empty(event):
    return
"""

READY = """
import functions_framework
app = functions_framework.create_app({!r}, "main.py")
"""

FIRST = """
answer = app.test_client().post("/", json={!r})
assert answer.status_code == 200, answer.data
"""

SENDS = "from google.cloud import pubsub_v1\n"

ENTRY = {
    "logName": "projects/example-project/logs/cloudaudit.googleapis.com%2Factivity",
    "timestamp": "2026-03-01T10:20:30Z",
    "insertId": "e",
    "protoPayload": {
        "serviceName": "compute.googleapis.com",
        "methodName": "v1.compute.disks.insert",
    },
}

SETTINGS = {
    "VIGIL_PROJECT": "example-project",
    "VIGIL_DATABASE": "state",
    "VIGIL_JOURNAL": "journal",
    "VIGIL_ALERTS": "projects/example-project/topics/alerts",
    "VIGIL_ACTIONS": "projects/example-project/topics/actions",
    "VIGIL_REJECTS": "projects/example-project/topics/rejects",
    "VIGIL_POLICY": "projects/example-project/secrets/policy",
    "VIGIL_APPROVE_SECRET": "projects/example-project/secrets/approve",
}

CLIENTS = {
    "google.auth, urllib3 (ours)": "import google.auth.compute_engine, google.auth.transport.requests, urllib3",
    "google.cloud.firestore": "from google.cloud import firestore",
    "google.cloud.storage": "from google.cloud import storage",
    "google.cloud.pubsub_v1": "from google.cloud import pubsub_v1",
    "all three of Google's": "from google.cloud import firestore, storage, pubsub_v1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--clients", type=Path)
    options = parser.parse_args()
    python = runtime("gcp", "functions-framework")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build_package("gcp", folder / "gcp.zip")
        with zipfile.ZipFile(folder / "gcp.zip") as archive:
            archive.extractall(folder / "vigil")
            source = sum(entry.file_size for entry in archive.infolist())
        (folder / "empty").mkdir()
        (folder / "empty" / "main.py").write_text(EMPTY)
        weigh(folder / "gcp.zip", source, python)
        starts(folder, python, options.repeat)
    if options.clients:
        clients(options.clients, options.repeat)


def weigh(package: Path, source: int, python: Path) -> None:
    (libraries,) = (python.parents[1] / "lib").glob("python3*/site-packages")
    size = sum(path.stat().st_size for path in libraries.rglob("*") if path.is_file())
    print(f"package {package.stat().st_size / 1e3:,.0f} KB, unpacked {source / 1e3:,.0f} KB")
    print(f"installed from its lock {size / 1e6:,.0f} MB, of which")
    for name in ("grpc", "cryptography", "google", "opentelemetry"):
        part = sum(p.stat().st_size for p in (libraries / name).rglob("*") if p.is_file())
        print(f"  {name:16}{part / 1e6:6.1f} MB")


def starts(folder: Path, python: Path, repeat: int) -> None:
    empty = READY.format("empty")
    message = {
        "message": {
            "data": base64.b64encode(json.dumps(ENTRY).encode()).decode(),
            "messageId": "1",
            "publishTime": "2026-03-01T10:20:31Z",
        },
        "subscription": "projects/example-project/subscriptions/s",
    }
    first = FIRST.format(message)
    programs = {
        "empty: ready": ("empty", empty),
        "empty: first message": ("empty", empty + first),
        **{
            f"{name}: ready": ("vigil", READY.format(name))
            for name in ("detect", "respond", "sweep", "approve")
        },
        "detect: first message": ("vigil", READY.format("detect") + first),
        "detect: first alert, its client": ("vigil", READY.format("detect") + first + SENDS),
    }
    took = measured(
        {name: (folder / where, python, code) for name, (where, code) in programs.items()}, repeat
    )
    show(took, "empty: ready")


def clients(python: Path, repeat: int) -> None:
    took = measured({name: (Path.cwd(), python, code) for name, code in CLIENTS.items()}, repeat)
    show(took, next(iter(CLIENTS)))


def measured(programs: dict[str, tuple[Path, Path, str]], repeat: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in programs}
    for round_ in range(repeat + 1):
        for name, (where, python, code) in programs.items():
            environ = {"PATH": os.environ["PATH"], **SETTINGS}
            start = time.perf_counter()
            subprocess.run(
                [python, "-c", code], cwd=where, env=environ, check=True, capture_output=True
            )
            if round_:  # the first round compiles and warms the disk
                took[name].append(time.perf_counter() - start)
    return took


def show(took: dict[str, list[float]], floor: str) -> None:
    print()
    base = statistics.median(took[floor])
    for name, seconds in took.items():
        median = statistics.median(seconds)
        print(f"{name:36}{median * 1000:8.0f} ms  {median / base:5.2f} of {floor}")


if __name__ == "__main__":
    main()
