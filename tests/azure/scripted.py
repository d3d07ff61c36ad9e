"""A service on the loopback that answers what it is told to, in turn, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Script:
    """`answers` is read from the front: (status, headers, body); `asked` grows."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[Asked] = []

    def then(self, status: int, body: bytes = b"", **headers: str) -> Script:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, named, body))
        return self


@contextlib.contextmanager
def serving(answer) -> Iterator[str]:
    """A server whose every request is given to `answer(Asked) -> (status, headers, body)`."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(size))
            status, answered, body = answer(asked)
            self.send_response(status)
            for name, value in answered.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_one  # noqa: N815

        def log_message(self, *_) -> None:
            """Say nothing: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def scripted() -> Iterator[Script]:
    """A Script that is being served."""
    script = Script("")

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        script.asked.append(asked)
        return script.answers.pop(0) if script.answers else (418, {}, b'"nothing was scripted"')

    with serving(answer) as script.endpoint:
        yield script


class StaticCredential:
    """Entra, in one line: a token that says what it is for."""

    def get_token(self, *scopes, **_):
        from azure.core.credentials import AccessToken

        return AccessToken(f"token for {' '.join(scopes)}", 4_102_444_800)
