"""A Cloud Storage for the journal: three methods of the JSON API, over HTTP, with preconditions.

The emulator on PyPI ignores `ifGenerationMatch`, which is all that the journal rests on. Paths,
verbs and parameters are held to Google's own discovery document, so this server can't take a call
that the real one would not know; conditions, order and paging are as its documentation has them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import googleapiclient

DOCUMENT = Path(googleapiclient.__file__).parent / "discovery_cache/documents/storage.v1.json"
PAGE = 5
"""Objects a page; small, so that every reader has to turn one."""


class Refused(Exception):
    """An answer that is an error: status and reason."""


class Storage(ThreadingHTTPServer):
    """Buckets of objects. `denied`: every call is forbidden while it is set.

    `before` and `after` are told the name of an object that is about to be, or was, created; the
    first may raise Refused, and then it is not.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.buckets: dict[str, dict[str, bytes]] = {}
        self.denied = False
        self.before: Callable[[str], None] = lambda name: None
        self.after: Callable[[str], None] = lambda name: None
        self.lock = threading.Lock()
        known = json.loads(DOCUMENT.read_text())
        self.methods = known["resources"]["objects"]["methods"]
        self.everywhere = known["parameters"].keys()
        self.upload = self.methods["insert"]["mediaUpload"]["protocols"]["simple"]["path"]
        self.base = f"/{known['servicePath']}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed on purpose is no fault of ours; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def endpoint(self, service: str = "storage") -> str:
        assert service == "storage", service
        return f"http://127.0.0.1:{self.server_port}"

    def answered(self, verb: str, url: str, headers: Message, body: bytes) -> bytes:
        """The body of a 200; Refused is raised for all else."""
        split = urlsplit(url)
        query = dict(parse_qsl(split.query))
        name, place = self.method(verb, split.path)
        parameters = self.methods[name]["parameters"].keys() | self.everywhere
        if unknown := query.keys() - parameters:
            raise Refused(400, f"unknown parameters {unknown}")
        if self.denied:
            raise Refused(403, "forbidden")
        with self.lock:
            if place["bucket"] not in self.buckets:
                raise Refused(404, "notFound")
            objects = self.buckets[place["bucket"]]
            if name == "insert":
                return self.inserted(objects, query, headers, body)
            return get(objects, place["object"]) if name == "get" else list_(objects, query)

    def inserted(
        self, objects: dict[str, bytes], query: dict[str, str], headers: Message, body: bytes
    ) -> bytes:
        name = parts(headers["Content-Type"], body)[0]["name"]
        self.before(name)
        answer = insert(objects, query, headers, body)
        self.after(name)
        return answer

    def method(self, verb: str, path: str) -> tuple[str, dict[str, str]]:
        templates = {"insert": self.upload} | {
            name: self.base + self.methods[name]["path"] for name in ("get", "list")
        }
        for name, template in templates.items():
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
            found = re.fullmatch(pattern, path)
            if found and self.methods[name]["httpMethod"] == verb:
                return name, {key: unquote(value) for key, value in found.groupdict().items()}
        raise Refused(404, f"no method {verb} {path}")


def insert(
    objects: dict[str, bytes], query: dict[str, str], headers: Message, body: bytes
) -> bytes:
    assert query["uploadType"] == "multipart"
    about, data = parts(headers["Content-Type"], body)
    md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
    if about.get("md5Hash", md5) != md5:
        raise Refused(400, "invalid")
    if query.get("ifGenerationMatch") == "0" and about["name"] in objects:
        raise Refused(412, "conditionNotMet")
    objects[about["name"]] = data
    return json.dumps({"name": about["name"], "md5Hash": md5}).encode()


def parts(content_type: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """Metadata and media of a multipart/related upload (RFC 2387)."""
    message = Message()
    message["Content-Type"] = content_type
    assert message.get_content_type() == "multipart/related"
    mark = b"--" + message.get_param("boundary").encode()
    empty, first, second, end = body.split(mark)
    assert (empty, end) == (b"", b"--\r\n")
    about, data = (part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in (first, second))
    return json.loads(about), data


def get(objects: dict[str, bytes], name: str) -> bytes:
    if name not in objects:
        raise Refused(404, "notFound")
    return objects[name]


def list_(objects: dict[str, bytes], query: dict[str, str]) -> bytes:
    """In order of the names' bytes; a page's end is where the next begins."""
    prefix, start = query.get("prefix", ""), query.get("pageToken") or query.get("startOffset", "")
    entries: dict[str, bool] = {}
    for name in sorted(objects, key=str.encode):
        head, delimiter, _ = name.removeprefix(prefix).partition(query.get("delimiter") or "\n")
        folded = f"{prefix}{head}{delimiter}" if delimiter else name
        if name.startswith(prefix) and folded >= start:
            entries[folded] = bool(delimiter)
    page, rest = list(entries)[:PAGE], list(entries)[PAGE:]
    answer = {
        "items": [{"name": name} for name in page if not entries[name]],
        "prefixes": [name for name in page if entries[name]],
        "nextPageToken": rest[0] if rest else "",
    }
    return json.dumps({key: value for key, value in answer.items() if value}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Storage

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, answer = 200, self.server.answered(self.command, self.path, self.headers, body)
        except Refused as refused:
            status, reason = refused.args
            error = {"code": status, "message": reason, "errors": [{"reason": reason}]}
            answer = json.dumps({"error": error}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815  # the names that http.server calls

    def log_message(self, *args: object) -> None:
        return
