"""The entry points on Azure: detect (Event Hub, Event Grid, its redo queue), respond (queue), sweep
(timer), approve (HTTP).

Event Hubs goes on behind a batch whatever becomes of it, unless the retry policy holds it. So each
record fails alone: what can't be read is set aside with its reason, what may succeed later goes on
the redo queue, and only if neither queue can be written the whole batch comes again, for as long as
it takes (docs/decisions/0099). The work itself is core's; the parts come from wiring.py. Importing
this file builds nothing.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from urllib.parse import parse_qsl

import azure.functions as func
import msgspec

from core import approval_page
from core.approval import Word
from core.errors import BadConfig, BadRecord, Reject, Retry, VigilError
from core.hostile import printable, quoted
from core.model import Action, NativeRecord, Rejected, from_json, to_json
from core.scan import identify
from core.sweep import sweep as sweep_inventory
from functions.azure import adapters, envelopes, events, lookup
from functions.azure.wiring import Wiring, wiring

__all__ = ["again", "application", "approve", "detect", "notice", "respond", "settle", "sweep"]

LOG = logging.getLogger("vigil")

TURN = threading.Lock()
"""The host starts several invocations at a time in threads; the parts of a worker serve one."""


class Owed(typing.NamedTuple):
    """A record that is to be tried again, and why."""

    record: NativeRecord
    error: Exception


def application(environ: Mapping[str, str]) -> func.FunctionApp:
    """The app of the one function that VIGIL_FUNCTION names; BadConfig where it names none.

    Each function is an app of its own, for the rights are those of an app's identity.
    """
    name = environ.get("VIGIL_FUNCTION", "")
    if name not in TRIGGERS:
        raise BadConfig([f"VIGIL_FUNCTION is {name!a}; it must be one of {', '.join(TRIGGERS)}"])
    LOG.setLevel(logging.INFO)
    app = func.FunctionApp()
    TRIGGERS[name](app, environ)
    return app


def detect(events: typing.List[func.EventHubEvent]) -> None:  # noqa: UP006  # the worker's only form
    """A batch of an Event Hub. Raises only if the whole batch must come again."""
    with _turn("detect") as parts:
        stuck: VigilError | None = None
        for event in events:
            place = f"event hub {event.partition_key or ''} {event.sequence_number}"
            for record, error in _message(parts, event.get_body(), place):
                LOG.warning("later: %s", printable(str(error), 500))
                parts.metrics("later", 1)
                try:
                    parts.later(record)
                except VigilError as refused:
                    stuck = refused
        if stuck:
            raise stuck


def notice(event: func.EventGridEvent) -> None:
    """One event of Event Grid, the fast lane. Raises if Event Grid must deliver it again."""
    with _turn("detect") as parts:
        _all_or_again(_message(parts, to_json(_noticed(event)), f"event grid {event.id}"))


def again(message: func.QueueMessage) -> None:
    """One record of the redo queue. Raises if it must come again; the fifth time it is poison."""
    with _turn("detect") as parts:
        _all_or_again(_message(parts, message.get_body(), f"redo queue {message.id}"))


def respond(message: func.QueueMessage) -> None:
    """One action. Raises if it must come again; the fifth time it is poison."""
    with _turn("respond") as parts:
        body = message.get_body()
        try:
            action = from_json(adapters.opened(body), Action)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, BadRecord) as error:
            reason = BadRecord(f"not an action: {error}")
            _set_aside(parts, reason, f"actions queue {message.id}", body)
            return
        state = parts.responder.handle(action)
        LOG.info("handled %s: %s", action.uid, state)
        parts.metrics(f"actions_{state}", 1)


def sweep(timer: func.TimerRequest) -> None:
    """On a schedule: reads back what the stream missed, looks at resources, clears the table."""
    with _turn("sweep") as parts:
        unseen: list[str] = []
        found = 0
        for subscription in parts.subscriptions:
            try:
                found += _read_back(parts, subscription, unseen)
            except VigilError as error:
                # The window stays open, so the next sweep looks there again.
                unseen.append(f"activity log {subscription}: {error}")
        parts.metrics("missed_deliveries", found)
        swept = sweep_inventory(parts.engine("sweep"), parts.inventory)
        unseen += swept.unseen
        parts.metrics("unseen", len(unseen) - len(swept.unseen))
        parts.metrics("expunged", parts.store.expunge())
        parts.metrics("sweeps", 1)
        for reason in unseen:
            LOG.warning("unseen: %s", printable(reason, 500))


def settle(timer: func.TimerRequest) -> None:
    """Every few minutes: what correlations decided that had to wait."""
    with _turn("sweep") as parts:
        parts.metrics("settled", parts.engine("sweep").settle())
        parts.metrics("settlings", 1)


def approve(req: func.HttpRequest) -> func.HttpResponse:
    """The page behind an approval link. The token in it is what is trusted, and nothing else."""
    with _turn("approve") as parts:
        audit = parts.audit("approve")
        body = req.get_body().decode(errors="replace")
        answer = approval_page.answer(
            req.method,
            req.params.get("token", ""),
            dict(parse_qsl(body)),
            show=lambda token: parts.approvals.show(parts.store, token),
            decide=lambda token, word: parts.approvals.decide(
                parts.store,
                parts.queue,
                audit,
                token,
                Word(word.yes, f"{word.by} ({_client(req)})"),
            ),
        )
        return func.HttpResponse(
            answer.body,
            status_code=answer.status,
            headers=dict(approval_page.HEADERS),
            mimetype="text/html",
            charset="utf-8",
        )


def _noticed(event: func.EventGridEvent | func.CloudEvent) -> NativeRecord:
    """The event as it came, in the schema that the subscription delivers: the worker took it apart.

    What it doesn't keep (data_version, extensions) no rule asks for.
    """
    held = {"id": event.id, "subject": event.subject, "data": event.get_json()}
    if isinstance(event, func.CloudEvent):
        told = {"specversion": event.specversion, "type": event.type, "source": event.source}
        return {**held, **told, "time": event.time.isoformat() if event.time else ""}
    time = event.event_time.isoformat() if event.event_time else ""
    return {**held, "eventType": event.event_type, "topic": event.topic, "eventTime": time}


def _client(req: func.HttpRequest) -> str:
    """The address that the front end saw: it writes it behind whatever the client sent."""
    return printable(req.headers.get("x-forwarded-for", "").rpartition(",")[2].strip(), 60)


def _message(parts: Wiring, body: bytes, place: str) -> list[Owed]:
    """One message: each record in it as far as it can go, and those that are owed another try."""
    place = printable(place, 300)
    try:
        unwrapped = envelopes.unwrap(adapters.opened(body))
    except Reject as error:
        _set_aside(parts, error, place, body)
        return []
    for reason in unwrapped.ignored:
        LOG.info("ignored: %s", reason)
    parts.metrics("ignored", len(unwrapped.ignored))
    for reason in unwrapped.refused:
        _set_aside(parts, BadRecord(reason), place, body)
    owed: list[Owed] = []
    for number, record in enumerate(unwrapped.records):
        _observe(parts, "detect", record, f"{place} record {number}", owed)
    return owed


def _all_or_again(owed: list[Owed]) -> None:
    if owed:
        raise owed[0].error


def _observe(parts: Wiring, chain: str, record: NativeRecord, place: str, owed: list[Owed]) -> int:
    """One record through the engine; the number of new findings. Its faults are its own."""
    parts.metrics("records", 1)
    source = identify(record, events.SOURCES)
    if source is None:
        LOG.info("unknown: %s in %s", quoted(record.get("category")), place)
        parts.metrics("unknown", 1)
        return 0
    work = partial(parts.engine(chain).observe, source.name, record)
    return _guarded(parts, place, record, owed, work)


def _guarded(
    parts: Wiring, place: str, record: NativeRecord, owed: list[Owed], work: Callable[[], int]
) -> int:
    """A fault of one record is that record's alone: set aside, or owed another try."""
    try:
        return work()
    except Reject as error:
        _set_aside(parts, error, place, to_json(record))
    except Retry as error:
        owed.append(Owed(record, error))
    except Exception as error:  # a bug on one record is that record's alone
        LOG.exception("fault: %s", place)
        owed.append(Owed(record, error))
    return 0


def _read_back(parts: Wiring, subscription: str, unseen: list[str]) -> int:
    """The log of one subscription through the engine; the findings that the stream missed."""
    look = lookup.window(parts.store, parts.clock, subscription)
    if look.unseen:
        minutes = look.unseen // 60_000
        unseen.append(f"activity log {subscription}: {minutes} minutes before {look.since}")
    found, owed = 0, list[Owed]()
    for record in lookup.missed(parts.rest, parts.cloud.arm, subscription, look):
        found += _observe(parts, "sweep", record, f"activity log {subscription}", owed)
    _all_or_again(owed)
    lookup.looked(parts.store, subscription, look)
    return found


def _set_aside(parts: Wiring, error: Exception, place: str, body: bytes) -> None:
    parts.metrics("rejected", 1)
    excerpt = printable(body[:1_200].decode(errors="replace"), 300)
    parts.rejects(Rejected(reason=str(error), place=printable(place, 300), excerpt=excerpt))


@contextlib.contextmanager
def _turn(chain: str) -> Iterator[Wiring]:
    """The parts, for one invocation at a time; what was counted is one line of the log."""
    with TURN:
        parts = wiring()
        parts.metrics("invocations", 1)
        try:
            yield parts
        finally:
            LOG.info("%s %s", chain, to_json(parts.metrics.taken()).decode())


def _of_detect(app: func.FunctionApp, environ: Mapping[str, str]) -> None:
    held = app.retry(
        strategy="exponential_backoff",
        max_retry_count="-1",
        minimum_interval="00:00:05",
        maximum_interval="00:05:00",
    )
    hub = app.event_hub_message_trigger(
        arg_name="events",
        event_hub_name="%VIGIL_EVENTHUB_NAME%",
        connection="VIGIL_EVENTHUB",
        cardinality=func.Cardinality.MANY,
        consumer_group=environ.get("VIGIL_EVENTHUB_GROUP", "$Default"),
    )
    hub(held(detect))
    app.event_grid_trigger(arg_name="event")(notice)
    _queue(app, "%VIGIL_REDO%")(again)


def _of_respond(app: func.FunctionApp, environ: Mapping[str, str]) -> None:
    _queue(app, "%VIGIL_ACTIONS%")(respond)


def _of_sweep(app: func.FunctionApp, environ: Mapping[str, str]) -> None:
    schedule = environ.get("VIGIL_SWEEP_SCHEDULE", "0 7 * * * *")
    app.timer_trigger(schedule=schedule, arg_name="timer", run_on_startup=False)(sweep)
    often = environ.get("VIGIL_SETTLE_SCHEDULE", "30 */5 * * * *")
    app.timer_trigger(schedule=often, arg_name="timer", run_on_startup=False)(settle)


def _of_approve(app: func.FunctionApp, environ: Mapping[str, str]) -> None:
    anonymous = func.AuthLevel.ANONYMOUS  # the token is what is asked for
    app.route(route="approve", methods=["GET", "HEAD", "POST"], auth_level=anonymous)(approve)


def _queue(app: func.FunctionApp, name: str) -> Callable[..., typing.Any]:
    trigger: Callable[..., typing.Any] = app.queue_trigger(
        arg_name="message", queue_name=name, connection="VIGIL_ACTIONS_STORAGE"
    )
    return trigger


TRIGGERS: Mapping[str, Callable[[func.FunctionApp, Mapping[str, str]], None]] = {
    "detect": _of_detect,
    "respond": _of_respond,
    "sweep": _of_sweep,
    "approve": _of_approve,
}
"""Function -> what starts it. The redo queue lies beside the queue of actions."""
