"""The fake behind HTTP on the loopback: one address for all services, the first part names which.

Every fault of a request or an answer is kept in `wrong`, so that a test fails even where the code
under test would have swallowed the refusal.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.gcp.fake import discovery
from tests.gcp.fake.google import Google, Refused


class Server(ThreadingHTTPServer):
    def __init__(self, google: Google) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.google = google

    def endpoint(self, service: str) -> str:
        """Where functions.gcp.rest finds a service."""
        return f"http://127.0.0.1:{self.server_port}/{service}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, service, rest = self.path.split("/", 2)
        status, body = self._judged(service, f"/{rest}", json.loads(data) if data else None)
        out = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def _judged(self, service: str, url: str, body: Any) -> tuple[int, Any]:
        google = self.server.google
        try:
            asked = discovery.check(service, self.command, url, body)
            answer = google.answer(asked)
            discovery.check_answer(asked.method, answer)
        except Refused as refusal:
            return refusal.status, refusal.body
        except Exception as error:
            google.wrong.append(f"{type(error).__name__}: {error}")
            return 400, Refused(400, "INVALID_ARGUMENT", str(error)).body
        return 200, answer

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # http.server's names

    def log_message(self, *args: object) -> None:
        return


@contextlib.contextmanager
def serving(google: Google) -> Iterator[Server]:
    """The fake on a free port; fails at the end if any request or answer was wrong."""
    server = Server(google)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not google.wrong, google.wrong
