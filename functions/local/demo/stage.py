"""The acts of the demo, each played through the real functions and shown as it happens.

Whatever is shown of the account is read back from the embedded AWS with boto3, past Vigil; what is
shown of findings, decisions and the audit chain is what the functions stored.
"""

from __future__ import annotations

import gzip
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from core.audit import verify
from core.finding import stored
from core.model import LEVELS, Finding, to_json
from core.ports import system_clock
from core.report import Response, response
from core.respond import undo_of
from functions.aws.adapters import DynamoStore, S3Journal
from functions.local.demo import show
from functions.local.demo.cloud import (
    ACCOUNT,
    REGION,
    Aws,
    Deployment,
    deploy,
    embedded_aws,
    remember,
)
from functions.local.demo.company import Company, Reading, found, state
from functions.local.demo.inbox import Inbox, inbox
from functions.local.demo.keep import fresh, keep
from functions.local.demo.runtime import Runtime, envelope, running
from functions.local.demo.story import Native, intrusion, ordinary

__all__ = ["play"]

States = list[tuple[str, Mapping[str, Reading]]]


class Stage(NamedTuple):
    """Everything that the acts share."""

    aws: Aws
    deployment: Deployment
    company: Company
    runtime: Runtime
    inbox: Inbox
    store: DynamoStore
    journal: S3Journal
    states: States


def play(home: Path) -> None:
    """All acts, in order."""
    started = time.monotonic()
    fresh(home)
    with _staged(home) as stage:
        records = _the_intrusion(stage)
        _detection(stage, records)
        _response(stage)
        _approval(stage)
        _sweep(stage)
        _alerts(stage)
        _audit(stage)
        _undo(stage)
        count = len(_findings(stage))
        report = keep(home, stage.store, stage.journal, len(records))
    show.end(home, report, count, time.monotonic() - started)


@contextmanager
def _staged(home: Path) -> Iterator[Stage]:
    show.act("An embedded AWS, and a small company in it")
    secret = secrets.token_hex(16)
    with inbox(secret) as box, embedded_aws() as aws, running(aws, home / "functions.log") as run:
        company = found(aws)
        hook = {
            "name": "chat", "kind": "webhook", "url": box.url, "secret": secret,
            "min_level": "informational",
        }  # fmt: skip
        deployment = deploy(aws, home, policy=POLICY, webhook=hook)
        show.say(f"{aws.endpoint}, account {ACCOUNT}, {REGION}: 5 users, 1 role, 3 buckets,")
        show.say("1 security group, 1 trail; and Vigil's queues, table, journal and policy.")
        show.policy(POLICY)
        store = DynamoStore(aws.client("dynamodb"), "vigil", system_clock)
        journal = S3Journal(aws.client("s3"), "vigil-journal-example")
        states: States = [("Before", state(aws, company))]
        yield Stage(aws, deployment, company, run, box, store, journal, states)


def _the_intrusion(stage: Stage) -> list[Native]:
    show.act("The intrusion")
    start = system_clock() - 10 * 60_000
    records = ordinary(start)
    for step in intrusion(stage.aws, stage.company, start + 60_000):
        show.step(step.record["eventTime"], step.told)
        records.append(step.record)
    stage.states.append(("After the intrusion", state(stage.aws, stage.company)))
    remember(records)
    return sorted(records, key=lambda record: str(record["eventTime"]))


def _detection(stage: Stage, records: list[Native]) -> None:
    show.act("Detection: the function `detect` reads its queue")
    # One record never arrives, as happens with a delivery on best effort; the sweep must find it.
    records = [record for record in records if record["eventName"] != "ConsoleLogin"]
    bodies = [envelope(record) for record in records]
    bodies.insert(len(bodies) // 2, '{"detail-type": "AWS API Call via CloudTrail", "detail": 7}')
    queue = stage.deployment.events_queue
    with show.progress(len(bodies)) as advance:
        for first in range(0, len(bodies), 10):
            batch = bodies[first : first + 10]
            stage.runtime.send(queue, batch)
            stage.runtime.drain(queue, "detect")
            advance(len(batch))
    findings = _findings(stage)
    show.findings(findings)
    agent = next(one.evidence[0].user_agent for one in findings)
    show.say(f"The intruder's program calls itself {agent!a}: shown, not obeyed.")
    for body in stage.runtime.waiting(stage.deployment.rejects_queue):
        show.say(f"Set aside: {json.loads(body)['reason']}")
    _again(stage, records, len(findings))


def _again(stage: Stage, records: list[Native], before: int) -> None:
    """The same records once more, as the file that the trail delivers."""
    key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/01/31/{ACCOUNT}_CloudTrail.json.gz"
    bucket = stage.deployment.trail_bucket
    data = gzip.compress(json.dumps({"Records": records[::-1]}).encode())
    stage.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    notice = {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": len(data)}},
            }
        ]
    }
    stage.runtime.send(stage.deployment.events_queue, [json.dumps(notice)])
    stage.runtime.drain(stage.deployment.events_queue, "detect")
    new = len(_findings(stage)) - before
    show.say(
        f"The same {len(records)} records again, as the trail's own file, backwards:"
        f" {new} new findings."
    )


def _response(stage: Stage) -> None:
    show.act("Response: the function `respond` asks the guard about each action")
    stage.runtime.drain(stage.deployment.actions_queue, "respond")
    show.decisions(_actions(stage))


def _approval(stage: Stage) -> None:
    show.act("Approval: dana opens the links that arrived in the chat")
    _approve_all(stage)
    for one in _actions(stage):
        if one.decision and any(reason.startswith("approved") for reason in one.decision.because):
            show.changed(one)
    stage.states.append(("After the response", state(stage.aws, stage.company)))


def _approve_all(stage: Stage) -> None:
    """Approve what is held, let it run, and try each link once more."""
    held = [one for one in [*_actions(stage), *_actions(stage, undos=True)] if one.state == "held"]
    for one in held:
        looked = _open_link(stage, one, "GET")
        kept = stage.store.get("action", one.action.uid)
        show.looked(one, looked, str(kept.value["state"]) if kept else "gone")
        show.approved(one, _open_link(stage, one, "POST"))
    stage.runtime.drain(stage.deployment.actions_queue, "respond")
    for one in held:
        show.tried_again(one, _open_link(stage, one, "POST"))


def _open_link(stage: Stage, one: Response, method: str) -> int:
    """Open the approval link that was sent for an action; the HTTP status."""
    token = parse_qs(urlsplit(stage.inbox.link(one.action.uid)).query)["token"][0]
    event: dict[str, Any] = {
        "requestContext": {"http": {"method": method, "sourceIp": "192.0.2.17"}},
        "queryStringParameters": {"token": token},
    }
    if method == "POST":
        event["body"] = urlencode({"decision": "approve", "by": "dana", "token": token})
    return int(stage.runtime.invoke("approve", event)["statusCode"])


def _alerts(stage: Stage) -> None:
    show.act("Alerts: what the webhook receiver got")
    show.messages(stage.inbox.messages, stage.inbox.forged)


def _sweep(stage: Stage) -> None:
    """What the schedule runs: the state of things, whatever the logs said."""
    show.act("Sweep: the function `sweep` looks at what is there")
    before = {one.uid for one in _findings(stage)}
    show.swept(stage.runtime.invoke("sweep", {}))
    show.findings([one for one in _findings(stage) if one.uid not in before])
    stage.runtime.drain(stage.deployment.actions_queue, "respond")
    show.decisions([one for one in _actions(stage) if one.action.finding not in before])


def _audit(stage: Stage) -> None:
    show.act("Audit: the chained record of every decision")
    for chain in stage.journal.chains():
        show.chain(verify(stage.journal, stage.store, chain))


def _undo(stage: Stage) -> None:
    show.act("Undo: it was an exercise, so all of it is taken back")
    changed = [one for one in _actions(stage) if one.state == "changed"]
    for one in reversed(changed):
        order = undo_of(stage.store, one.action, by="dana", now=system_clock())
        stage.runtime.send(stage.deployment.actions_queue, [to_json(order).decode()])
    stage.runtime.drain(stage.deployment.actions_queue, "respond")
    _approve_all(stage)
    stage.states.append(("After the undo", state(stage.aws, stage.company)))
    show.undone(_actions(stage, undos=True))
    show.states(stage.states)
    _audit(stage)


def _findings(stage: Stage) -> list[Finding]:
    every = (stored(entry.value) for _, entry in stage.store.scan("finding"))
    found = [one for one in every if one is not None]
    return sorted(found, key=lambda one: (one.time, -LEVELS.index(one.level)))


def _actions(stage: Stage, *, undos: bool = False) -> list[Response]:
    found = [response(entry.value) for _, entry in stage.store.scan("action")]
    found = [one for one in found if bool(one.action.undoes) == undos]
    return sorted(found, key=lambda one: (one.action.event_time, one.action.verb))


POLICY: Mapping[str, Any] = {
    "verbs": {
        "disable_access_key": {"mode": "auto", "min_level": "medium"},
        "revoke_sessions": {"mode": "approve", "min_level": "high"},
        "remove_grant": {"mode": "approve"},
        "close_ingress": {"mode": "auto"},
        "block_public_storage": {"mode": "auto"},
        "restore_audit_logging": {"mode": "auto"},
    },
    "protected": ["arn:aws:iam::*:user/break-glass"],
    "own": ["arn:aws:iam::*:role/vigil-*"],
    "experimental": True,
}
"""What this deployment may do. Without it, nothing."""
