"""A folder of providers that holds one stub, as `terraform init -plugin-dir` wants it."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.infra import terraform

HERE = Path(__file__).parent


def mirror(table: str, folder: Path) -> Path:
    """The folder, with a provider that serves tests/infra/provider/TABLE.json."""
    about = json.loads((HERE / f"{table}.json").read_text())
    kind, version = about["name"].rpartition("/")[2], about["version"]
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "amd64")
    place = folder / about["name"] / version / f"{platform.system().lower()}_{machine}"
    place.mkdir(parents=True)
    start = shlex.join([str(stub_python()), str(HERE / "stub.py"), str(HERE / f"{table}.json")])
    launcher = place / f"terraform-provider-{kind}_v{version}"
    launcher.write_text(f"#!/bin/sh\nexec {start}\n")
    launcher.chmod(0o755)
    return folder


def stub_python() -> Path:
    """An interpreter with the plugin protocol's bindings, kept in build/ between runs."""
    lock = terraform.ROOT / "requirements/provider.txt"
    venv = (
        terraform.ROOT / "build" / f"provider-{hashlib.sha256(lock.read_bytes()).hexdigest()[:8]}"
    )
    if not (venv / "ready").exists():
        shutil.rmtree(venv, ignore_errors=True)
        uv("venv", "--quiet", "--python", sys.executable, str(venv))
        python = str(venv / "bin/python")
        uv("pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(lock))
        (venv / "ready").touch()
    return venv / "bin/python"


def uv(*arguments: str) -> None:
    """uv ARGUMENTS; without a package index the stub can't be installed."""
    beside = Path(sys.executable).with_name("uv")
    command = [str(beside) if beside.exists() else "uv", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        terraform.missing("the provider's stub", f"with requirements/provider.txt: {done.stderr}")
