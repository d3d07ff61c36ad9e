"""Where Terraform finds the provider that provider.py is: a mirror with a launcher in it.

A test that plans a module gets a real Terraform and a provider without a cloud. The environment that
the provider runs in is made once, in build/, from a lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import shlex
import subprocess
import sys
from pathlib import Path

from tests.infra import terraform

HERE = Path(__file__).parent
LOCK = terraform.ROOT / "requirements" / "stub.txt"


def mirror(provider: str, folder: Path) -> Path:
    """`folder` as a mirror of one provider of PROVIDER.json, for `terraform init -plugin-dir=`."""
    table = HERE / f"{provider}.json"
    about = json.loads(table.read_text(encoding="utf-8"))
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    place = folder / about["name"] / about["version"] / f"{platform.system().lower()}_{machine}"
    place.mkdir(parents=True)
    python = environment(LOCK, terraform.ROOT / "build") / "bin" / "python"
    start = shlex.join([str(python), str(HERE / "provider.py"), str(table)])
    launcher = place / f"terraform-provider-{provider}_v{about['version']}"
    launcher.write_text(f"#!/bin/sh\nexec {start}\n")
    launcher.chmod(0o755)
    return folder


def environment(lock: Path, parent: Path) -> Path:
    """An environment with what `lock` pins, below `parent`: made once, whoever else asks for it."""
    place = parent / f"stub-{hashlib.sha256(lock.read_bytes()).hexdigest()[:8]}"
    ready, python = place / "ready", str(place / "bin" / "python")
    parent.mkdir(exist_ok=True)
    with place.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # the tests' workers are several
        if not ready.exists():
            run(sys.executable, "-m", "venv", "--clear", str(place))
            run(python, "-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock))
            ready.touch()
    return place


def run(*command: str) -> None:
    """The command; where it fails (no package index, no venv) there is no stub."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout)[-500:]
        terraform.missing("the stub provider", f"by pip from requirements/{LOCK.name}: {said}")
