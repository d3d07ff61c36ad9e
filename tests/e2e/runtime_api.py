"""One Lambda sandbox: the real runtime client (awslambdaric) against a small Runtime API server.

The child process is given what Lambda gives it and nothing else: the unpacked zip as its working
folder, the function's environment, and an interpreter that has awslambdaric and boto3 installed.
So a package that the zip forgot is missing here as it would be there. Knows nothing of moto.
"""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What a function answered: its result, or the error document that Lambda makes of it."""

    failed: bool
    body: Any


class Sandbox:
    """One warm instance of a function; `invoke` hands it one event at a time."""

    def __init__(
        self, zip_file: Path, handler: str, env: Mapping[str, str], *, python: str, log: Path
    ) -> None:
        self._orders: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
        self._replies: queue.Queue[Reply] = queue.Queue()
        self._arn = env.get("VIGIL_TEST_FUNCTION_ARN", "")
        self._busy = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        with zipfile.ZipFile(zip_file) as archive:
            archive.extractall(self._folder.name)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._log = log.open("ab")
        self._child = subprocess.Popen(
            [python, "-m", "awslambdaric", handler],
            cwd=self._folder.name,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONDONTWRITEBYTECODE": "1",
                **env,
                "_HANDLER": handler,
                "LAMBDA_TASK_ROOT": self._folder.name,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            },
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def invoke(self, event: bytes, *, timeout: float) -> Reply:
        """The function's reply; a timeout or a dead process is a failed one, as in Lambda."""
        with self._busy:
            deadline = time.time() + timeout
            self._orders.put((str(uuid.uuid4()), event, int(deadline * 1000)))
            while time.time() < deadline:
                try:
                    return self._replies.get(timeout=0.2)
                except queue.Empty:
                    if self._child.poll() is not None:
                        return Reply(True, {"errorType": "Runtime.ExitError", "errorMessage": ""})
            return Reply(True, {"errorType": "Sandbox.Timedout", "errorMessage": f"{timeout} s"})

    def close(self) -> None:
        """Stop the child and the server."""
        self._child.kill()
        self._child.wait()
        self._server.shutdown()
        self._server.server_close()
        self._log.close()
        self._folder.cleanup()

    def next_order(self) -> tuple[str, bytes, int]:
        """Block until there is an event for the child."""
        return self._orders.get()

    def reply(self, path: str, body: bytes) -> None:
        """Take what the child posted; an error at start answers the event that waits."""
        self._replies.put(Reply(not path.endswith("/response"), json.loads(body or b"null")))

    @property
    def arn(self) -> str:
        """The function's own name, which the runtime client shows to it."""
        return self._arn


def _handler(sandbox: Sandbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            request, event, deadline = sandbox.next_order()
            trace = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"
            self._answer(
                200,
                event,
                {
                    "Lambda-Runtime-Aws-Request-Id": request,
                    "Lambda-Runtime-Deadline-Ms": str(deadline),
                    "Lambda-Runtime-Invoked-Function-Arn": sandbox.arn,
                    "Lambda-Runtime-Trace-Id": trace,
                    "Content-Type": "application/json",
                },
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(202, b"{}", {})
            sandbox.reply(self.path, body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing; the function's own log is what counts."""

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
