"""The four webhook sinks against a real HTTP server on loopback."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest

from core.config import Webhook
from core.errors import Reject, Unavailable
from core.memory import FakeClock
from core.model import Alert, from_json
from core.webhook import signature, sink

HOSTILE = "<!channel> <script>alert(1)</script> [click](http://192.0.2.1) *bold* & `x`"
ALERT = Alert(
    key="k" * 300,
    kind="finding",
    level="high",
    title=HOSTILE,
    text="t" * 5000,
    facts={"Actor": HOSTILE, "Account": "aws 123456789012"},
    links={"Review": "https://approve.example.com/?token=x"},
)


class Receiver:
    def __init__(self) -> None:
        self.status, self.seen = 200, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((dict(self.headers), body))
                self.send_response(outer.status)
                if outer.status == 302:
                    self.send_header("Location", outer.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def post(receiver, kind: str, alert: Alert = ALERT):
    hook = Webhook(name="h", kind=kind, url=receiver.url, secret="s3cret")
    sink(hook, FakeClock())(alert)
    headers, body = receiver.seen[-1]
    return headers, body, msgspec.json.decode(body)


def test_slack_gets_no_markup_of_the_event(receiver):
    _, body, message = post(receiver, "slack")
    assert b"<!channel>" not in body
    section = message["blocks"][1]["text"]["text"]
    assert len(section) <= 3000
    assert len(message["blocks"][0]["text"]["text"]) <= 150
    assert "&lt;!channel&gt;" in section
    assert message["blocks"][2]["text"]["text"] == "<https://approve.example.com/?token=x|Review>"


def test_slack_keeps_its_limits_however_much_there_is_to_say(receiver):
    facts = {f"Fact {number}": "&" * 300 for number in range(20)}
    _, _, message = post(receiver, "slack", msgspec.structs.replace(ALERT, facts=facts))
    section = message["blocks"][1]["text"]["text"]
    assert len(section) <= 3000
    assert section.endswith("&amp;")
    assert "approve.example.com" in message["blocks"][2]["text"]["text"]


def test_teams_shows_marks_as_they_are(receiver):
    _, body, message = post(receiver, "teams")
    assert len(body) < 28_000
    card = message["attachments"][0]["content"]
    assert card["body"][2]["facts"][0]["value"].count("\\[click\\]") == 1
    assert card["actions"][0]["url"].startswith("https://approve.example.com")


def test_pagerduty_gets_one_incident_per_key(receiver):
    _, _, message = post(receiver, "pagerduty")
    assert message["routing_key"] == "s3cret"
    assert len(message["dedup_key"]) == 255
    assert len(message["payload"]["summary"]) <= 1024
    assert message["payload"]["severity"] == "error"


def test_the_signed_webhook_can_be_verified_and_deduplicated(receiver):
    headers, body, _ = post(receiver, "webhook")
    timestamp = headers["X-Signature-Timestamp"]
    assert headers["X-Signature"] == signature("s3cret", timestamp, body)
    assert headers["Idempotency-Key"] == ALERT.key
    assert from_json(body, Alert) == ALERT


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_passing_fault_is_for_later(receiver, status):
    receiver.status = status
    with pytest.raises(Unavailable):
        post(receiver, "webhook")


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410])
def test_a_refusal_is_final_and_no_redirect_is_followed(receiver, status):
    receiver.status = status
    with pytest.raises(Reject):
        post(receiver, "webhook")
    assert len(receiver.seen) == 1


def test_no_connection_is_for_later_and_the_url_stays_secret(receiver):
    hook = Webhook(name="h", kind="slack", url="http://127.0.0.1:1/SECRET")
    with pytest.raises(Unavailable) as caught:
        sink(hook, FakeClock())(ALERT)
    assert "SECRET" not in str(caught.value)
