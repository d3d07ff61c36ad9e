"""Where Terraform finds the provider that provider.py is: a mirror with a launcher in it.

A test that plans a module gets a real Terraform and a provider without a cloud. The environment that
the provider runs in is made once, in build/, from a lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.infra import terraform

ENVIRONMENT = terraform.ROOT / "build" / "stub"
LOCK = terraform.ROOT / "requirements" / "stub.txt"
HERE = Path(__file__).parent


def mirror(provider: str, folder: Path) -> Path:
    """A mirror of one provider below `folder`, for `terraform init -plugin-dir=`."""
    table = HERE / f"{provider}.json"
    about = json.loads(table.read_text(encoding="utf-8"))
    place = folder / about["name"] / about["version"] / f"{_system()}_{_machine()}"
    place.mkdir(parents=True)
    launcher = place / f"terraform-provider-{provider}_v{about['version']}"
    launcher.write_text(f'#!/bin/sh\nexec "{_python()}" "{HERE / "provider.py"}" "{table}"\n')
    launcher.chmod(0o755)
    return folder


def _python() -> Path:
    """The interpreter of the environment, which is made if its lock is newer."""
    ready, python = ENVIRONMENT / ".ready", ENVIRONMENT / "bin" / "python"
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with (ENVIRONMENT.parent / "stub.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # the tests' workers are several
        if not ready.exists() or ready.stat().st_mtime < LOCK.stat().st_mtime:
            subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
            install = ("-m", "pip", "install", "-q", "--require-hashes", "-r", str(LOCK))
            done = subprocess.run([python, *install], capture_output=True, text=True, check=False)
            if done.returncode:
                terraform.missing("the stub provider", f"from {LOCK.name}: {done.stderr[-500:]}")
            ready.touch()
    return python


def _system() -> str:
    return os.uname().sysname.lower()


def _machine() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
