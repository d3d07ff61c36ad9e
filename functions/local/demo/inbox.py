"""A webhook receiver on the loopback: the chat room, so to speak, in which alerts arrive.

It checks the signature of each message, as a real receiver must, and keeps what it was sent.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from core.webhook import signature

__all__ = ["Inbox", "inbox"]


class Inbox:
    """What arrived, in order."""

    def __init__(self, url: str, secret: str) -> None:
        self.url, self.secret = url, secret
        self.messages: list[dict[str, Any]] = []
        self.forged = 0

    @property
    def hook(self) -> dict[str, Any]:
        """The webhook that leads here, as a deployment is told of it."""
        return {
            "name": "chat", "kind": "webhook", "url": self.url, "secret": self.secret,
            "min_level": "informational",
        }  # fmt: skip

    def link(self, action: str) -> str:
        """The approval link that was sent for an action; "" when none was."""
        for message in self.messages:
            if message["kind"] == "approval" and message["action"]["uid"] == action:
                return str(message["links"].get("Review", ""))
        return ""


@contextmanager
def inbox(secret: str) -> Iterator[Inbox]:
    """The receiver while the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    box = Inbox(f"http://127.0.0.1:{server.server_port}/alerts", secret)
    server.RequestHandlerClass = _handler(box)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(box: Inbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            expected = signature(box.secret, self.headers.get("X-Signature-Timestamp", ""), body)
            genuine = hmac.compare_digest(expected, self.headers.get("X-Signature", ""))
            if genuine:
                box.messages.append(json.loads(body))
            else:
                box.forged += 1
            self.send_response(204 if genuine else 401)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the demo tells what arrived."""

    return Handler
