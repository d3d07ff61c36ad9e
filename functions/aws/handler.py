"""The entry points on AWS: detect and respond (SQS), sweep (Scheduler), approve (HTTP).

A message fails alone: what can't be read is set aside with its reason, what may succeed later is
reported back to SQS by its id, and the rest of the batch goes on. The work itself is core's; the
parts come from wiring.py. Importing this file builds nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from core import approval_page
from core.approval import Word
from core.engine import Later
from core.errors import BadRecord, Reject, Retry
from core.hostile import printable
from core.model import Action, NativeRecord, Rejected, from_json, to_json
from core.native import parsed
from core.scan import Match, Tally
from core.sweep import sweep as sweep_inventory
from functions.aws import envelopes, lookup
from functions.aws.adapters import calling
from functions.aws.wiring import Wiring, wiring

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics, Tracer

__all__ = ["approve", "detect", "respond", "sweep"]

TOGETHER = 500
"""Hits of a file that correlations see at once: each group is written once, not once per hit."""


def detect(event: dict[str, Any], context: Any) -> Any:
    """SQS batch of EventBridge envelopes and S3 notifications -> partial batch failures."""
    return _invoke(_detect, event, context)


def respond(event: dict[str, Any], context: Any) -> Any:
    """SQS batch of actions -> partial batch failures."""
    return _invoke(_respond, event, context)


def sweep(event: dict[str, Any], context: Any) -> Any:
    """Schedule -> what was read back and what the inventory showed, as JSON. With the input
    {"task": "settle"}: what correlations decided that had to wait, and no more.
    """
    return _invoke(_sweep, event, context)


def approve(event: dict[str, Any], context: Any) -> Any:
    """HTTP API or function URL (payload format 2.0) -> an HTTP response."""
    return _invoke(_approve, event, context)


def _detect(event: dict[str, Any], context: Any) -> Any:
    parts = wiring(_tools().add)
    return _batch(event, context, lambda body, place: _message(parts, body, place))


def _respond(event: dict[str, Any], context: Any) -> Any:
    parts = wiring(_tools().add)

    def one(body: str, place: str) -> None:
        try:
            action = from_json(body, Action)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            _set_aside(parts, BadRecord(f"not an action: {error}"), place, body)
            return
        state = parts.responder.handle(action)
        _tools().logger.info("handled", extra={"action": action.uid, "state": state})
        parts.metrics(f"actions_{state}", 1)

    return _batch(event, context, one)


def _sweep(event: dict[str, Any], context: Any) -> Any:
    parts = wiring(_tools().add)
    if event.get("task") == "settle":
        return _settle(parts)
    unseen: list[str] = []
    found = 0
    for region in parts.regions:
        try:
            found += _read_back(parts, region, unseen)
        except (Reject, Retry) as error:
            # The window stays open, so the next sweep looks there again.
            unseen.append(f"cloudtrail {region}: {error}")
    parts.metrics("missed_deliveries", found)
    swept = sweep_inventory(parts.engine("sweep"), parts.inventory)
    result = {**msgspec.to_builtins(swept), "missed": found, "unseen": [*unseen, *swept.unseen]}
    _tools().logger.info("swept", extra=result)
    parts.metrics("unseen", len(unseen))
    parts.metrics("sweeps", 1)
    return result


def _settle(parts: Wiring) -> Any:
    result = {"settled": parts.engine("sweep").settle()}
    _tools().logger.info("settled", extra=result)
    parts.metrics("settlings", 1)
    return result


def _approve(event: dict[str, Any], context: Any) -> Any:
    parts = wiring(_tools().add)
    http = event.get("requestContext", {}).get("http", {})
    raw = event.get("body") or ""
    body = base64.b64decode(raw).decode(errors="replace") if event.get("isBase64Encoded") else raw
    audit = parts.audit("approve")
    answer = approval_page.answer(
        str(http.get("method", "")),
        str((event.get("queryStringParameters") or {}).get("token", "")),
        dict(parse_qsl(body)),
        show=lambda token: parts.approvals.show(parts.store, token),
        decide=lambda token, word: parts.approvals.decide(
            parts.store,
            parts.queue,
            audit,
            token,
            Word(word.yes, f"{word.by} ({http.get('sourceIp')})"),
        ),
    )
    return {
        "statusCode": answer.status,
        "headers": dict(approval_page.HEADERS),
        "body": answer.body,
    }


def _message(parts: Wiring, body: str, place: str) -> None:
    """One message of the events queue: each record and file in it, as far as each can go."""
    try:
        unwrapped = envelopes.unwrap(body)
    except Reject as error:
        _set_aside(parts, error, place, body)
        return
    for reason in unwrapped.ignored:
        _tools().logger.info("ignored", extra={"reason": reason})
    parts.metrics("ignored", len(unwrapped.ignored))
    owed: list[Exception] = []
    for number, record in enumerate(unwrapped.records):
        _observe(parts, "detect", record, f"{place} record {number}", owed)
    for item in unwrapped.objects:
        _file(parts, item, owed)
    if owed:
        raise owed[0]


def _file(parts: Wiring, item: envelopes.S3Object, owed: list[Exception]) -> None:
    """One log file: its records that rules match, and each that can't be read set aside."""
    place = f"s3://{item.bucket}/{item.key}"
    version = {"VersionId": item.version} if item.version else {}
    tally = Tally()
    later: Later = []
    try:
        with calling():
            answer = parts.client("s3").get_object(Bucket=item.bucket, Key=item.key, **version)
            for one in parts.scanner.scan(answer["Body"], tally, name=place):
                at = f"{place} record {one.position}"
                _guarded(parts, at, one.native, owed, partial(_matched, parts, one, later))
                if len(later) >= TOGETHER:
                    _correlate(parts, place, later, owed)
    except Retry as error:
        owed.append(error)
    except Reject as error:
        _set_aside(parts, error, place, "")
    _correlate(parts, place, later, owed)
    for rejected in tally.rejected:
        parts.rejects(rejected)
    parts.metrics("records", tally.records)
    parts.metrics("rejected", tally.rejections)
    parts.metrics("unknown", tally.unknown)


def _matched(parts: Wiring, found: Match, later: Later) -> int:
    """A record of a file through the engine; the number of new findings."""
    parts.suppressions("detect").note(found.suppressed)
    rules = parts.detector.rules(found.numbers)
    return parts.engine("detect").matched(found.source, found.native, rules, later)


def _correlate(parts: Wiring, place: str, later: Later, owed: list[Exception]) -> None:
    """Let correlations see what was found in a file, and begin a new list."""
    hits = tuple(later)
    later.clear()
    named = {"events": [hit.event.uid for hit in hits]}
    _guarded(parts, place, named, owed, partial(parts.engine("detect").correlate, hits))


def _observe(
    parts: Wiring, chain: str, record: NativeRecord, place: str, owed: list[Exception]
) -> int:
    """One record through the engine; the number of new findings."""
    parts.metrics("records", 1)
    work = partial(parts.engine(chain).observe, "aws/cloudtrail", record)
    return _guarded(parts, place, record, owed, work)


def _guarded(
    parts: Wiring,
    place: str,
    record: NativeRecord,
    owed: list[Exception],
    work: Callable[[], int],
) -> int:
    """A fault of one record is that record's alone: set aside, or owed until the next delivery."""
    try:
        return work()
    except Reject as error:
        _set_aside(parts, error, place, to_json(record).decode(errors="replace"))
    except Retry as error:
        owed.append(error)
    except Exception as error:  # noqa: BLE001  # a bug on one record is that record's alone
        _tools().logger.exception("fault", extra={"place": place})
        owed.append(error)
    return 0


def _read_back(parts: Wiring, region: str, unseen: list[str]) -> int:
    """LookupEvents of one region through the engine; the number of findings the stream missed."""
    look = lookup.window(parts.store, parts.clock, region)
    if look.unseen:
        unseen.append(f"cloudtrail {region}: {look.unseen // 60_000} minutes before {look.since}")
    found, owed = 0, list[Exception]()
    for text in lookup.missed(parts.client("cloudtrail", region), look, parts.sleep):
        try:
            record = parsed(text)
        except (ValueError, RecursionError) as error:
            _set_aside(parts, BadRecord(f"not JSON: {error}"), f"LookupEvents {region}", text)
            continue
        found += _observe(parts, "sweep", record, f"LookupEvents {region}", owed)
    if owed:
        raise owed[0]
    lookup.looked(parts.store, region, look)
    return found


def _set_aside(parts: Wiring, error: Exception, place: str, text: str) -> None:
    parts.metrics("rejected", 1)
    parts.rejects(
        Rejected(reason=str(error), place=printable(place, 300), excerpt=printable(text, 300))
    )


def _batch(
    event: dict[str, Any], context: Any, work: Callable[[str, str], None]
) -> Mapping[str, Any]:
    """Each SQS message by itself; those that failed are named, so that SQS keeps only them."""
    from aws_lambda_powertools.utilities.batch import (
        BatchProcessor,
        EventType,
        process_partial_response,
    )

    def one(record: Any) -> None:
        try:
            work(record.body, f"sqs {record.message_id}")
        except Retry as error:
            _tools().logger.warning("later", extra={"reason": str(error)})
            raise
        except Exception:
            _tools().logger.exception("fault", extra={"message": record.message_id})
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(
        event=event, record_handler=one, processor=processor, context=context
    )


class Tools(NamedTuple):
    """AWS Lambda Powertools, built once."""

    logger: Logger
    tracer: Tracer
    metrics: Metrics
    add: Callable[[str, float], None]


@cache
def _tools() -> Tools:
    from aws_lambda_powertools import Logger, Metrics, Tracer
    from aws_lambda_powertools.metrics import MetricUnit

    metrics = Metrics()

    def add(name: str, value: float) -> None:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)

    return Tools(Logger(), Tracer(), metrics, add)


def _invoke(work: Callable[[dict[str, Any], Any], Any], event: dict[str, Any], context: Any) -> Any:
    """The work with its logs, trace and metrics. Neither event nor answer goes into the trace."""
    tools = _tools()
    tools.add("invocations", 1)
    traced = tools.tracer.capture_lambda_handler(work, capture_response=False, capture_error=False)
    logged = tools.logger.inject_lambda_context(traced, clear_state=True)
    return tools.metrics.log_metrics(logged)(event, context)
