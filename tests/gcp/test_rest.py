"""The caller of Google's REST APIs, against a server on the loopback that says what it is told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from core.errors import Conflict, Forbidden, NotFound, Reject, Unavailable
from functions.gcp.rest import Request, Rest, google, path


class Google(ThreadingHTTPServer):
    """Gives the queued answers in turn, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def says(self, status: int, body: object = b"", **headers: str) -> Google:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, named, data))
        return self

    def endpoint(self, service: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Google

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = (self.command, self.path, dict(self.headers), self.rfile.read(length))
        self.server.asked.append(asked)
        status, headers, body = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_GET  # noqa: N815  # the names that http.server calls

    def log_message(self, *args: object) -> None:
        return


class Token(Credentials):
    """`old` until it is refreshed."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.token, self.error = "old", error

    def refresh(self, request: object) -> None:
        if self.error:
            raise self.error
        self.token = "new"


READ = Request("GET", "iam", "/v1/x")
WRITE = Request("POST", "iam", "/v1/x:do", body={"a": 1})


@pytest.fixture
def server() -> Iterator[Google]:
    server = Google()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def rest(server: Google, slept: list[float]) -> Rest:
    return Rest(None, agent="vigil/test", endpoint=server.endpoint, sleep=slept.append)


def test_a_call_goes_out_as_json_and_comes_back_as_json(server, rest):
    server.says(200, {"ok": True}, X_Kind="Example")
    answer = rest(WRITE._replace(query={"updateMask": "disabled", "name": ["a", "b"]}))
    assert (answer.status, answer.json, answer.headers["x-kind"]) == (200, {"ok": True}, "Example")
    method, url, headers, body = server.asked[0]
    assert (method, url) == ("POST", "/v1/x:do?updateMask=disabled&name=a&name=b")
    assert (headers["User-Agent"], headers["Content-Type"]) == ("vigil/test", "application/json")
    assert json.loads(body) == {"a": 1}


def test_bytes_go_and_come_as_they_are(server, rest):
    server.says(200, b"\x00\xff")
    sent = WRITE._replace(body=b"raw", headers={"Content-Type": "text/plain"})
    assert rest(sent).body == b"\x00\xff"
    assert (server.asked[0][3], server.asked[0][2]["Content-Type"]) == (b"raw", "text/plain")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"status": "INVALID_ARGUMENT", "message": "no"}}, Reject),
        (401, {"error": {"status": "UNAUTHENTICATED", "message": "no"}}, Forbidden),
        (403, {"error": {"status": "PERMISSION_DENIED", "message": "no"}}, Forbidden),
        (403, {"error": {"errors": [{"reason": "rateLimitExceeded"}]}}, Unavailable),
        (404, {"error": {"status": "NOT_FOUND", "message": "no"}}, NotFound),
        (408, b"", Unavailable),
        (409, {"error": {"status": "ABORTED", "message": "etag"}}, Conflict),
        (412, {"error": {"errors": [{"reason": "conditionNotMet"}], "message": "no"}}, Conflict),
        (418, b"", Reject),
        (429, {"error": {"status": "RESOURCE_EXHAUSTED"}}, Unavailable),
        (500, b"<html>", Unavailable),
        (503, b"", Unavailable),
        (302, b"", Reject),
    ],
)
def test_a_refusal_says_who_must_act(server, rest, status, body, kind):
    server.says(status, body, Location="http://127.0.0.1:1/elsewhere")
    with pytest.raises(kind) as caught:
        rest(WRITE)
    assert type(caught.value) is kind
    assert f"POST iam /v1/x:do: {status}" in str(caught.value)
    assert len(server.asked) == 1


def test_a_refusal_says_why_in_printable_words(server, rest):
    server.says(404, {"error": {"status": "NOT_FOUND", "message": "no \x1b[2J key"}})
    with pytest.raises(NotFound, match=r"404 NOT_FOUND: no \\x1b\[2J key"):
        rest(WRITE)


def test_a_status_that_the_caller_reads_itself_is_an_answer(server, rest):
    server.says(400, {"error": {"status": "FAILED_PRECONDITION", "message": "moved"}})
    answer = rest(WRITE._replace(passes=(400,)))
    assert (answer.status, answer.reason) == (400, "FAILED_PRECONDITION")


def test_a_read_is_tried_again_and_a_write_is_not(server, rest, slept):
    server.says(503).says(429, b"", Retry_After="2").says(200, {"third": True})
    assert rest(READ).json == {"third": True}
    assert slept == [0.5, 2.0]
    server.says(503).says(200)
    with pytest.raises(Unavailable):
        rest(WRITE)


def test_a_post_that_only_reads_is_tried_again(server, rest):
    server.says(500).says(200)
    assert rest(WRITE._replace(reads=True)).status == 200


def test_attempts_end(server, rest):
    server.says(503).says(503).says(503).says(200)
    with pytest.raises(Unavailable):
        rest(READ)
    assert len(server.asked) == 3


def test_a_long_wait_is_left_to_the_platform(server, rest, slept):
    server.says(429, b"", Retry_After="60").says(200)
    with pytest.raises(Unavailable, match="retry after 60"):
        rest(READ)
    assert slept == []


def test_what_never_succeeds_is_not_tried_again(server, rest):
    server.says(403).says(200)
    with pytest.raises(Forbidden):
        rest(READ)


def test_no_answer_at_all_is_for_later(slept):
    rest = Rest(None, endpoint=lambda service: "http://127.0.0.1:1", sleep=slept.append)
    with pytest.raises(Unavailable, match="GET iam /v1/x"):
        rest(READ)
    assert len(slept) == 2


NO_JSON = (b"<html>", b'"\xff"', b"[" * 2_000, b"[1e400,}", b'{"a":1e400,"b":NaN}')


@pytest.mark.parametrize("body", NO_JSON)
def test_an_answer_that_is_no_json_is_for_later(server, rest, body):
    server.says(200, body)
    with pytest.raises(Unavailable, match="not JSON"):
        _ = rest(READ).json


@pytest.mark.parametrize("body", [b'{"error":{"message":"\xff"}}', *NO_JSON])
def test_an_error_that_cannot_be_read_is_one_all_the_same(server, rest, body):
    server.says(400, body)
    with pytest.raises(Reject):
        rest(READ)


def test_a_refused_token_is_renewed_once(server):
    rest = Rest(Token, endpoint=server.endpoint)
    server.says(401).says(200)
    assert rest(WRITE).status == 200
    assert [asked[2]["authorization"] for asked in server.asked] == ["Bearer old", "Bearer new"]
    server.says(401).says(401).says(200)
    with pytest.raises(Forbidden):
        rest(WRITE)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(RefreshError("down", retryable=True), Unavailable), (RefreshError("revoked"), Forbidden)],
)
def test_a_token_that_can_not_be_had_says_who_must_act(server, error, kind):
    server.says(401)
    with pytest.raises(kind):
        Rest(lambda: Token(error), endpoint=server.endpoint)(WRITE)


def test_no_credentials_at_all_are_forbidden():
    def none() -> Credentials:
        raise DefaultCredentialsError("none found")

    with pytest.raises(Forbidden, match="none found"):
        Rest(none)(READ)


@pytest.mark.parametrize(
    ("template", "names", "wanted"),
    [
        ("v1/{+name}:disable", {"name": "projects/p/serviceAccounts/a@b"}, "/v1/projects/p/serviceAccounts/a%40b:disable"),
        ("storage/v1/b/{bucket}/o/{object}", {"bucket": "b", "object": "a/b?c#d"}, "/storage/v1/b/b/o/a%2Fb%3Fc%23d"),
        ("storage/v1/b/{bucket}", {"bucket": "x/../../y"}, "/storage/v1/b/x%2F..%2F..%2Fy"),
    ],
)  # fmt: skip
def test_a_name_stays_within_its_place_in_the_path(template, names, wanted):
    assert path(template, **names) == wanted


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "a//b", "/a"])
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(Reject, match="can't be part of an address"):
        path("v1/{+name}", name=name)


def test_services_are_where_google_has_them():
    assert google("compute") == "https://compute.googleapis.com"


def test_importing_it_imports_neither_google_auth_nor_urllib3():
    code = "import sys, functions.gcp.rest; print('google.auth' in sys.modules, 'urllib3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
