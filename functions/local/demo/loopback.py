"""A cloud's REST API on 127.0.0.1: the server around a stand-in, and a plain caller of it.

The caller is the company's, the intruder's and the demo's own; Vigil has another (rest.py of each
cloud). Every exchange is kept, so that a test can hold both sides of it against what the vendor
says of the API. What is asked and answered is not known here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import urllib3

__all__ = ["Asked", "Exchange", "Given", "Loopback", "serving"]


class Asked(NamedTuple):
    """A request."""

    method: str
    target: str
    """Path and query as they were sent."""

    headers: Mapping[str, str]
    """Names in lower case."""

    body: bytes


class Given(NamedTuple):
    """An answer. `body` is JSON; None: there is none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


class Exchange(NamedTuple):
    """A request and its answer."""

    asked: Asked
    given: Given


class Loopback:
    """Where the stand-in is, all that was said to it, and a way to talk to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.exchanges: list[Exchange] = []
        self._pool = urllib3.PoolManager(retries=False)

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """One call past Vigil; the answer's JSON. RuntimeError when it is an error."""
        target = quote(path, safe="/()$',=:@!*;+&~")
        target += f"?{urlencode(query, quote_via=quote)}" if query else ""
        answer = self._pool.request(
            method,
            self.url + target,
            body=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "Bearer made-up", "Content-Type": "application/json"},
        )
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data!a}")
        return json.loads(answer.data) if answer.data else None

    def close(self) -> None:
        """Close what is open."""
        self._pool.clear()


@contextmanager
def serving(answer: Callable[[Asked], Given]) -> Iterator[Loopback]:
    """The stand-in behind HTTP while the block lasts; requests are answered one at a time."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    loopback = Loopback(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = _handler(loopback, answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        loopback.close()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(loopback: Loopback, answer: Callable[[Asked], Given]) -> type[BaseHTTPRequestHandler]:
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            asked = Asked(self.command, self.path, headers, body)
            with turn:
                given = answer(asked)
                # As it is now: the stand-in goes on to change what it answered with.
                content = b"" if given.body is None else json.dumps(given.body).encode()
                kept = given._replace(body=json.loads(content) if content else None)
                loopback.exchanges.append(Exchange(asked, kept))
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  # its names

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the demo tells what happens."""

    return Handler
