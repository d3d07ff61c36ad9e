"""The entry points on Google Cloud: detect, respond and sweep (Pub/Sub), approve (HTTP).

A message that can't be read is set aside with its reason. One that may succeed later makes the
function fail, so that Pub/Sub delivers it again; what was done is marked in the Store and not done
twice. A message that still fails when it is MAX_AGE_MS old is set aside whole. The work itself is
core's; the parts come from wiring.py. Importing this file builds nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from core import approval_page, lookback
from core.approval import Word
from core.engine import Engine
from core.errors import BadRecord, Reject, Retry
from core.hostile import kind_of, printable
from core.model import Action, NativeRecord, Rejected, from_json
from core.native import first
from core.scan import identify
from core.sweep import sweep as sweep_inventory
from functions.gcp import envelopes, lookup
from functions.gcp.events import SOURCES
from functions.gcp.logs import Logs
from functions.gcp.wiring import Wiring, full_name, wiring

if TYPE_CHECKING:
    from flask import Request

__all__ = ["MAX_AGE_MS", "approve", "detect", "respond", "sweep"]

MAX_AGE_MS = 12 * 60 * 60_000
"""Of a message, since it was published. Subscriptions forget messages, Eventarc's after a day: what
can't be worked on is set aside well before, where an operator finds it."""


EXCERPT = 300
"""Characters that are shown of what was set aside at once."""


def detect(data: Any) -> None:
    """The data of a CloudEvent with a log entry or a notification of Security Command Center."""
    _delivered("detect", data, _detect)


def respond(data: Any) -> None:
    """The data of a CloudEvent with an action."""
    _delivered("respond", data, _respond)


def sweep(data: Any) -> None:
    """The data of a CloudEvent that Scheduler sent: look at everything. A message {"task":
    "settle"}: decide what correlations could not decide at once, and no more.
    """
    _delivered("sweep", data, _sweep)


def approve(request: Request) -> tuple[str, int, Mapping[str, str]]:
    """An HTTP request for the approval page -> body, status, headers."""
    logs = _logs()
    parts = wiring(logs.add)
    logs.add("invocations", 1)
    audit = parts.audit("approve")
    # What stands before it was sent by the caller; the last address is the one Google saw.
    caller = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    answer = approval_page.answer(
        request.method,
        request.args.get("token", ""),
        request.form.to_dict(),
        show=lambda token: parts.approvals.show(parts.store, token),
        decide=lambda token, word: parts.approvals.decide(
            parts.store, parts.queue, audit, token, Word(word.yes, f"{word.by} ({caller})")
        ),
    )
    logs.flush(function="approve")
    return answer.body, answer.status, approval_page.HEADERS


def _delivered(function: str, data: Any, work: Callable[[Wiring, Any, str], None]) -> None:
    """One delivery of one message: done, set aside, or raised so that it comes again.

    `work` sets aside what is the message's own fault. Whatever it raises is not: a service is down,
    the deployment is not as it should be, or there is a bug.
    """
    logs = _logs()
    parts = wiring(logs.add)
    place = f"pubsub {printable(_text(data, 'messageId', 'message_id') or 'message', 100)}"
    logs.add("invocations", 1)
    try:
        work(parts, data, place)
    except Exception as error:
        if isinstance(error, Retry):
            logs.line("WARNING", "later", reason=str(error), place=place)
        else:
            logs.fault(error, place=place)
        age = _age(parts, data)
        if age < MAX_AGE_MS:
            raise
        reason = f"still failing after {age // 60_000} minutes, given up: {error}"
        _set_aside(parts, Reject(reason), place, _ascii(data))
    finally:
        logs.flush(function=function)


def _detect(parts: Wiring, data: Any, place: str) -> None:
    engine = parts.engine("detect")
    try:
        unwrapped = envelopes.unwrap(data)
    except Reject as error:
        _set_aside(parts, error, place, _ascii(data)[:EXCERPT])
        return
    for reason in unwrapped.ignored:
        _logs().line("INFO", "ignored", reason=reason, place=place)
    parts.metrics("ignored", len(unwrapped.ignored))
    owed: list[Exception] = []
    for record in unwrapped.records:
        _observe(parts, engine, record, place, owed)
    if owed:
        raise owed[0]


def _respond(parts: Wiring, data: Any, place: str) -> None:
    responder = parts.responder
    try:
        action = _action(data)
        state = responder.handle(action)
    except Reject as error:
        _set_aside(parts, error, place, _ascii(data)[:EXCERPT])
        return
    _logs().line("INFO", "handled", action=action.uid, state=state)
    parts.metrics(f"actions_{state}", 1)


def _sweep(parts: Wiring, data: Any, place: str) -> None:
    engine = parts.engine("sweep")
    if _task(data) == "settle":
        _logs().line("INFO", "settled", settled=engine.settle())
        parts.metrics("settlings", 1)
        return
    unseen: list[str] = []
    found = 0
    for account in parts.accounts:
        try:
            found += _read_back(parts, engine, account, unseen)
        except (Reject, Retry) as error:
            # The window stays open, so the next sweep looks there again.
            unseen.append(f"logs of {account}: {error}")
    parts.metrics("missed_deliveries", found)
    swept = sweep_inventory(engine, parts.inventory)
    result = {**msgspec.to_builtins(swept), "missed": found, "unseen": [*unseen, *swept.unseen]}
    _logs().line("INFO", "swept", **result)
    parts.metrics("unseen", len(unseen))
    parts.metrics("sweeps", 1)


def _task(data: Any) -> str:
    """What a message of the schedule asks for; "" is a sweep, as is whatever can't be read."""
    try:
        return first(msgspec.json.decode(base64.b64decode(_text(data, "data"))), "task")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""


def _read_back(parts: Wiring, engine: Engine, account: str, unseen: list[str]) -> int:
    """The log of one account through the engine; the number of findings the stream missed."""
    look = lookback.window(parts.store, parts.clock, account, lookup.LATE_MS)
    if look.unseen:
        unseen.append(f"logs of {account}: {look.unseen // 60_000} minutes before {look.since}")
    found, owed = 0, list[Exception]()
    for record in lookup.missed(parts.client(account), full_name(account), look):
        found += _observe(parts, engine, record, f"entries.list {account}", owed)
    if owed:
        raise owed[0]
    lookback.looked(parts.store, account, look)
    return found


def _observe(
    parts: Wiring, engine: Engine, record: NativeRecord, place: str, owed: list[Exception]
) -> int:
    """One record through the engine; the number of new findings.

    A fault of one record is that record's alone: set aside, or owed until the next delivery.
    """
    source = identify(record, SOURCES)
    parts.metrics("records", 1)
    if source is None:
        parts.metrics("unknown", 1)
        log = printable(first(record, "logName") or "no log", 200)
        _logs().line("INFO", "ignored", reason=f"no source reads {log}", place=place)
        return 0
    try:
        return engine.observe(source.name, record)
    except Reject as error:
        _set_aside(parts, error, place, _ascii(record)[:EXCERPT])
    except Retry as error:
        owed.append(error)
    except Exception as error:  # noqa: BLE001  # a bug on one record is that record's alone
        _logs().fault(error, place=place)
        owed.append(error)
    return 0


def _set_aside(parts: Wiring, error: Exception, place: str, text: str) -> None:
    parts.metrics("rejected", 1)
    parts.rejects(Rejected(reason=printable(str(error), 1000), place=place, excerpt=text))


def _action(data: Any) -> Action:
    """The action that a message carries; BadRecord if it carries none."""
    try:
        return from_json(base64.b64decode(_text(data, "data"), validate=True), Action)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadRecord(f"not an action: {error}") from error


def _age(parts: Wiring, data: Any) -> int:
    """Ms since the message was published; 0 where that can't be read."""
    try:
        published = datetime.fromisoformat(_text(data, "publishTime", "publish_time"))
    except ValueError:
        return 0
    aware = published if published.tzinfo else published.replace(tzinfo=UTC)
    return parts.clock() - int(aware.timestamp() * 1000)


def _text(data: Any, *names: str) -> str:
    """A text of the message in a CloudEvent's data."""
    return first(data, *(f"message.{name}" for name in names))


def _ascii(value: Any) -> str:
    """JSON in printable ASCII, which reads back as it came."""
    try:
        return json.dumps(value, separators=(",", ":")).replace("\x7f", "\\u007f")
    except (TypeError, ValueError, RecursionError):
        return kind_of(value)


@cache
def _logs() -> Logs:
    return Logs()
