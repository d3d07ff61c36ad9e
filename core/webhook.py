"""Sinks that need no SDK: Slack, Microsoft Teams, PagerDuty and a signed webhook.

The one file of core that opens a socket. Each kind is a pure function from alert to request body,
in the dict at the foot; one sender posts it, follows no redirect, and sorts the answer into "later"
(Retry) and "never" (Reject). Event text is hostile: each body escapes it for its own medium.
Formats: docs of the four services, limits as of 2026 (Slack 3,000 characters a section, header 150;
Teams about 28 KB an Adaptive Card; PagerDuty summary 1,024, dedup_key 255).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

import msgspec
import urllib3

from core.config import Webhook
from core.errors import Reject, Unavailable
from core.model import Alert, Json, Level, to_json
from core.ports import Clock, Sink

__all__ = ["BODIES", "signature", "sink"]

TIMEOUT_S = 5.0
LATER = frozenset({408, 425, 429})
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"

SEVERITY: Mapping[Level, str] = {
    "informational": "info",
    "low": "info",
    "medium": "warning",
    "high": "error",
    "critical": "critical",
}

COLOUR: Mapping[Level, str] = {
    "informational": "default",
    "low": "accent",
    "medium": "warning",
    "high": "attention",
    "critical": "attention",
}


def sink(hook: Webhook, clock: Clock, pool: urllib3.PoolManager | None = None) -> Sink:
    """A Sink that posts to one webhook."""
    http = pool or urllib3.PoolManager()
    body_of = BODIES[hook.kind]

    def send(alert: Alert) -> None:
        body = msgspec.json.encode(body_of(alert, hook))
        _post(http, hook, body, _headers(hook, alert, body, clock()))

    return send


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the hex HMAC-SHA256 of `timestamp.body`; the receiver rejects old timestamps."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _headers(hook: Webhook, alert: Alert, body: bytes, now: int) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "vigil"}
    if hook.kind == "webhook":
        timestamp = str(now // 1000)
        headers["Idempotency-Key"] = alert.key
        headers["X-Signature-Timestamp"] = timestamp
        headers["X-Signature"] = signature(hook.secret, timestamp, body)
    return headers


def _post(http: urllib3.PoolManager, hook: Webhook, body: bytes, headers: dict[str, str]) -> None:
    url = hook.url or PAGERDUTY
    try:
        response = http.request(
            "POST",
            url,
            body=body,
            headers=headers,
            timeout=TIMEOUT_S,
            retries=False,
            redirect=False,
        )
    except urllib3.exceptions.HTTPError as error:
        # The URL of a webhook is its password: it stays out of the message.
        raise Unavailable(f"webhook {hook.name}: {type(error).__name__}") from None
    if response.status in LATER or response.status >= 500:
        raise Unavailable(f"webhook {hook.name}: HTTP {response.status}")
    if response.status >= 300:
        raise Reject(f"webhook {hook.name}: HTTP {response.status}")


def _slack(alert: Alert, hook: Webhook) -> Json:
    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    head = escaped(f"[{alert.level}] {alert.title}"[:100])[:150]
    lines = [escaped(alert.text[:500]), *(f"*{k}*: {escaped(v)}" for k, v in alert.facts.items())]
    sections = [_whole_lines(lines, 3000)]
    # Links are ours, so they are the only angle brackets that a message may hold.
    sections += [f"<{url}|{label}>" for label, url in alert.links.items()]
    return {
        "text": head,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": head, "emoji": False}},
            *({"type": "section", "text": {"type": "mrkdwn", "text": one}} for one in sections),
        ],
    }


def _whole_lines(lines: list[str], limit: int) -> str:
    """As many lines as fit; cutting inside one could split an escape."""
    while len(lines) > 1 and sum(map(len, lines)) + len(lines) > limit:
        lines = lines[:-1]
    return "\n".join(lines)[:limit]


def _teams(alert: Alert, hook: Webhook) -> Json:
    def plain(text: str) -> str:
        """Adaptive Card text knows a subset of Markdown; an escaped mark is shown as it is."""
        return "".join("\\" + char if char in "\\`*_{}[]()#+-.!|~>" else char for char in text)

    card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": plain(f"[{alert.level}] {alert.title}"[:400]),
             "weight": "Bolder", "wrap": True, "color": COLOUR[alert.level]},
            {"type": "TextBlock", "text": plain(alert.text[:4000]), "wrap": True},
            {"type": "FactSet",
             "facts": [{"title": k, "value": plain(v)} for k, v in alert.facts.items()]},
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": label, "url": url}
            for label, url in alert.links.items()
        ],
    }  # fmt: skip
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None}
    return {"type": "message", "attachments": [{**content, "content": card}]}


def _pagerduty(alert: Alert, hook: Webhook) -> Json:
    return {
        "routing_key": hook.secret,
        "event_action": "trigger",
        "dedup_key": alert.key[:255],
        "payload": {
            "summary": f"{alert.title}: {alert.text}"[:1024],
            "source": alert.facts.get("Account", "vigil"),
            "severity": SEVERITY[alert.level],
            "class": alert.kind,
            "custom_details": dict(alert.facts),
        },
        "links": [{"href": url, "text": label} for label, url in alert.links.items()],
    }


def _signed(alert: Alert, hook: Webhook) -> Json:
    return msgspec.Raw(to_json(alert))


BODIES: Mapping[str, Callable[[Alert, Webhook], Json]] = {
    "slack": _slack,
    "teams": _teams,
    "pagerduty": _pagerduty,
    "webhook": _signed,
}
