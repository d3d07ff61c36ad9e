"""What a cold start on AWS costs, beside an empty function's: import to ready, in Python 3.13.

    python -m bench.start_aws [--repeat 7]

Each row is a fresh interpreter with Lambda's own client and boto3 (requirements/ric.txt) and the
unpacked zip as its folder, as in a sandbox. "Imported" is when the runtime has the handler; "ready"
is when all parts are made that the first input needs: rulebook, tools, clients. The network and the
start of the sandbox are not in it: no machine but AWS's has them.
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

from tests.e2e.conftest import build_package, lambda_python

TIMED = """
import time
start = time.perf_counter()
import json, sys
from awslambdaric import bootstrap
sys.path.insert(0, {folder!r})
{handler}
imported = time.perf_counter() - start
{ready}
print(json.dumps([imported, time.perf_counter() - start]))
"""

HANDLER = "from functions.aws import handler"
TOOLS = "parts = handler.wiring(handler._tools().add)\n"
CLIENT = "import boto3\nboto3.client('dynamodb')"

ROWS = {
    "empty": ("import empty", ""),
    "empty, with one client of boto3": ("import empty", CLIENT),
    "detect": (HANDLER, TOOLS + "parts.engine('detect'); parts.scanner"),
    "respond": (HANDLER, TOOLS + "parts.responder"),
    "sweep": (HANDLER, TOOLS + "parts.engine('sweep'); parts.client('sts')"),
    "approve": (HANDLER, TOOLS + "parts.audit('approve'); parts.queue"),
}

NAMES = ("TABLE", "JOURNAL", "POLICY", "APPROVE_SECRET")
QUEUES = ("ACTIONS", "REJECTS")


def main() -> None:
    """Measure and print one line per function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    python = lambda_python()
    with tempfile.TemporaryDirectory() as scratch:
        app = Path(scratch) / "app"
        build_package("aws", Path(scratch) / "aws.zip")
        with zipfile.ZipFile(Path(scratch) / "aws.zip") as archive:
            archive.extractall(app)
            unpacked = sum(each.file_size for each in archive.infolist())
        (app / "empty.py").write_text("def handler(event, context): pass\n")
        packed = (Path(scratch) / "aws.zip").stat().st_size
        took = {name: [] for name in ROWS}
        for _ in range(repeat):
            for name, (handler, ready) in ROWS.items():
                took[name].append(_run(python, app, handler, ready))
    print(f"package: {packed / 1e6:.1f} MB, unpacked {unpacked / 1e6:.1f} MB, for all four")
    empty = statistics.median(ready for _, ready in took["empty"])
    for name, runs in took.items():
        imported, ready = (statistics.median(each) for each in zip(*runs, strict=True))
        print(
            f"{name:32} imported {imported / empty:5.2f}   ready {ready / empty:5.2f}"
            f"   ({ready * 1000:.0f} ms here)"
        )


def _run(python: Path, app: Path, handler: str, ready: str) -> tuple[float, float]:
    environ = {
        "PATH": os.environ["PATH"],
        # A zip is mounted read-only, so no start profits from byte code of an earlier one.
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "VIGIL_RULEBOOK": "rulebook.json",
        "VIGIL_ALERTS": "arn:aws:sns:eu-central-1:111122223333:alerts",
        **{f"VIGIL_{each}": "x" for each in NAMES},
        **{f"VIGIL_{each}": "https://example.com/111122223333/x" for each in QUEUES},
    }
    program = TIMED.format(folder=str(app), handler=handler, ready=ready)
    done = subprocess.run(
        [python, "-c", program], env=environ, cwd=app, capture_output=True, check=True
    )
    return tuple(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
