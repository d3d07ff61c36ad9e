"""The functions of an unzipped package, each a server of the framework, as the buildpack starts it.

A function keeps its port when it is killed and started again, as it keeps its address in a cloud.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.infra import loopback


class Functions:
    """`environ` is what Terraform gives them; logs lie beside the source."""

    def __init__(self, source: Path, python: Path, environ: Mapping[str, str]) -> None:
        self._source, self._python, self._environ = source, python, environ
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, int] = {}

    def start(self, *names: str) -> None:
        """Start functions, and return when all of them listen."""
        for name in names:
            port = self._ports.setdefault(name, loopback.free_port())
            command = [
                self._python.with_name("functions-framework"),
                *("--target", name, "--source", "main.py", "--host", "127.0.0.1"),
                *("--port", str(port)),
            ]
            with self.log(name).open("ab") as log:
                self._running[name] = subprocess.Popen(
                    command,
                    cwd=self._source,
                    env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **self._environ},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        for name in names:
            loopback.wait_for(self._ports[name], self._running[name])

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}/"

    def kill(self, name: str) -> None:
        """End a function in the middle of whatever it does, its workers with it."""
        process = self._running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)

    def log(self, name: str) -> Path:
        return self._source.parent / f"{name}.log"

    def tail(self) -> str:
        """The last lines that each function wrote."""
        return "\n".join(
            f"--- {name}\n"
            + "\n".join(self.log(name).read_text(errors="replace").splitlines()[-15:])
            for name in self._ports
        )
