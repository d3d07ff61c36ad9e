"""What a cold start on Azure costs, beside an empty function's: import to ready, in Python 3.13.

    python -m bench.start_azure [--repeat 7]

Each row is a fresh interpreter with Azure's worker library alone and the unpacked package on its
path, as the host starts it. "Indexed" is when the worker knows the triggers; "ready" is when all
parts are made that the first input needs: rulebook, token source, callers. The network, the host
and the start of the instance are not in it: no machine but Azure's has them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import zipfile
from pathlib import Path

from tests.e2e.conftest import build_package, runtime

TIMED = """
import time
start = time.perf_counter()
import json, sys
import azure_functions_runtime
sys.path.insert(0, {folder!r})
import function_app
function_app.app.get_functions()
indexed = time.perf_counter() - start
{ready}
print(json.dumps([indexed, time.perf_counter() - start]))
"""

CALLER = "\nparts.rest._client(parts.store._own.service)"
READY = {
    "detect": "parts.engine('detect')",
    "respond": "parts.responder",
    "sweep": "parts.engine('sweep'); parts.inventory",
    "approve": "parts.audit('approve'); parts.queue",
}

EMPTY = """
import azure.functions as func
app = func.FunctionApp()
@app.queue_trigger(arg_name="message", queue_name="q", connection="C")
def empty(message: func.QueueMessage) -> None:
    pass
"""


def main() -> None:
    """Measure and print one line per function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    python = runtime("azure-worker", "azure-functions-runtime")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build_package("azure", folder / "azure.zip")
        (folder / "empty").mkdir()
        (folder / "empty" / "function_app.py").write_text(EMPTY)
        with zipfile.ZipFile(folder / "azure.zip") as archive:
            archive.extractall(folder / "app")
            unpacked = sum(each.file_size for each in archive.infolist())
        packed = (folder / "azure.zip").stat().st_size
        took = {name: [] for name in ("empty", *READY)}
        for _ in range(repeat):
            for name in took:
                took[name].append(_run(python, folder, name))
    print(f"package: {packed / 1e6:.1f} MB, unpacked {unpacked / 1e6:.1f} MB, for all four")
    empty = statistics.median(ready for _, ready in took["empty"])
    for name, runs in took.items():
        indexed, ready = (statistics.median(each) for each in zip(*runs, strict=True))
        print(
            f"{name:10} indexed {indexed / empty:5.2f}   ready {ready / empty:5.2f}"
            f"   ({ready * 1000:.0f} ms here)"
        )


def _run(python: Path, folder: Path, name: str) -> tuple[float, float]:
    empty = name == "empty"
    app = folder / ("empty" if empty else "app")
    ready = ""
    if not empty:
        ready = (
            "from functions.azure.wiring import wiring\nparts = wiring()\n" + READY[name] + CALLER
        )
    environ = {
        "PATH": os.environ["PATH"],
        # The host mounts a package read-only, so no start profits from byte code of an earlier one.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(app / ".python_packages/lib/site-packages"),
        "VIGIL_FUNCTION": name,
        "IDENTITY_ENDPOINT": "http://127.0.0.1:9/msi",
        "IDENTITY_HEADER": "x",
        "AZURE_CLIENT_ID": "x",
        **{f"VIGIL_{each}": "https://example.com" for each in ENDPOINTS},
        **{f"VIGIL_{each}": "x" for each in NAMES},
    }
    program = TIMED.format(folder=str(app), ready=ready)
    done = subprocess.run(
        [python, "-c", program], env=environ, cwd=app, capture_output=True, check=True
    )
    return tuple(json.loads(done.stdout.splitlines()[-1]))


ENDPOINTS = ("TABLES", "BLOBS", "QUEUES", "VAULT")
NAMES = (
    *("TABLE", "JOURNAL", "ACTIONS", "REDO", "REJECTS", "ALERTS", "POLICY", "APPROVE_SECRET"),
    *("SUBSCRIPTION", "TENANT"),
)


if __name__ == "__main__":
    main()
