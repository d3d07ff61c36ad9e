"""A deployed Vigil: infra/aws applied to an AWS on the loopback, run by Lambda's own client."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import boto3
import pytest

from tests.infra import loopback, terraform

T = TypeVar("T")
ROOT = terraform.ROOT


class Deployment(NamedTuple):
    """One deployment and the account that it lies in."""

    module: terraform.Module
    endpoint: str
    logs: Path

    def client(self, service: str) -> Any:
        """A boto3 client of the account."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def until(self, what: str, look: Callable[[], T | None], seconds: float = 60) -> T:
        """What `look` finds, as soon as it finds something; fail with the functions' logs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(0.2)
        pytest.fail(f"no {what} within {seconds:.0f} seconds\n{self.tail()}")

    def journal(self) -> list[dict[str, Any]]:
        """Every line of the audit journal, oldest first."""
        bucket, s3 = self.module.outputs()["journal"], self.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        lines = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
        return sorted(lines, key=lambda line: (line["at"], line["seq"]))

    def tail(self) -> str:
        """The last lines that each function wrote, and what they set aside."""
        logs = {log.name: log.read_text(errors="replace") for log in self.logs.glob("*.log")}
        rejects = self.client("sqs").receive_message(
            QueueUrl=self.module.outputs()["queues"]["rejects"], MaxNumberOfMessages=10
        )
        logs["rejects"] = "\n".join(each["Body"] for each in rejects.get("Messages", []))
        return "\n".join(
            f"--- {name}\n" + "\n".join(text.splitlines()[-15:])
            for name, text in sorted(logs.items())
        )


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The account and an initialised module with the built zip; nothing is applied yet."""
    terraform.needs_terraform()
    python = lambda_python()
    folder = tmp_path_factory.mktemp("deployment")
    build_package("aws", folder / "build" / "aws.zip")
    logs = folder / "logs"
    with loopback.server(
        str(ROOT / "tests/e2e/cloud.py"),
        *("--python", str(python), "--logs", str(logs)),
        log=folder / "cloud.log",
        env={"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
    ) as endpoint:
        yield Deployment(terraform.module("aws", folder, endpoint), endpoint, logs)


def build_package(platform: str, output: Path) -> None:
    """Build the zip with infra/package.py, for the processor of this machine."""
    spec = importlib.util.spec_from_file_location("package", ROOT / "infra/package.py")
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    package.build(platform, "arm64" if os.uname().machine == "aarch64" else "x86_64", output)


def lambda_python() -> Path:
    """An interpreter with what Lambda's python3.13 runtime has: awslambdaric and boto3, no more."""
    return runtime("ric", "awslambdaric")


def runtime(name: str, holds: str) -> Path:
    """A Python 3.13 with what requirements/NAME.txt locks and no more.

    Kept in build/ between runs; the lock's digest is in its name.
    """
    lock = ROOT / "requirements" / f"{name}.txt"
    venv = ROOT / "build" / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:8]}"
    if not (venv / "ready").exists():
        shutil.rmtree(venv, ignore_errors=True)
        python = str(venv / "bin/python")
        uv(holds, "venv", "--quiet", "--python", python313(), str(venv))
        locked = ("--require-hashes", "-r", str(lock))
        uv(holds, "pip", "install", "--quiet", "--python", python, *locked)
        (venv / "ready").touch()
    return venv / "bin/python"


def python313() -> str:
    """A Python 3.13 of this machine, else the version's number: then uv fetches one."""
    candidates = [
        Path(name) / "python3.13" for name in os.environ.get("PATH", "").split(os.pathsep)
    ]
    candidates += sorted(Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13"))
    for each in candidates:
        # A shim of a version manager may be there and not run.
        if not each.exists():
            continue
        if subprocess.run([each, "-V"], capture_output=True, check=False).returncode == 0:
            return str(each)
    return "3.13"


def uv(holds: str, *arguments: str) -> None:
    """uv ARGUMENTS; without a Python 3.13 the tests can't run."""
    beside = Path(sys.executable).with_name("uv")
    command = [str(beside) if beside.exists() else "uv", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        terraform.missing(f"Python 3.13 with {holds}", f"by hand; uv said: {done.stderr}")
