"""The four entry points on an embedded AWS: batches, files, faults, approval, sweep."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from core.audit import verify
from core.model import Action, digest, from_json
from core.rulebook import dump
from core.sigma import compile_rules
from functions.aws import handler, lookup
from functions.aws.wiring import wiring
from tests.aws.deployment import (
    ACCOUNT,
    CONTEXT,
    REGION,
    RULE,
    batch,
    deployed,
    detected,
    envelope,
    respond_all,
)


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    with deployed(tmp_path, monkeypatch) as cloud:
        yield cloud


def notice(key: str) -> dict:
    return {
        "version": "0",
        "id": "x",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-01-01T00:00:00Z",
        "region": REGION,
        "resources": [],
        "detail": {"bucket": {"name": "trail"}, "object": {"key": key, "size": 1}},
    }


def test_an_event_becomes_a_finding_an_alert_and_an_action_on_the_queue(cloud):
    assert detected(envelope(cloud.record())) == []
    (finding,) = cloud.findings()
    assert finding["state"] == "settled"
    assert finding["finding"]["actor"]["name"] == "mallory"
    (told,) = cloud.received("told")
    assert "Access Key Created For Another User" in told["Subject"]
    (action,) = cloud.received("actions")
    assert action["verb"] == "disable_access_key"


def test_a_failed_call_is_quiet(cloud):
    assert detected(envelope(cloud.record(errorCode="AccessDenied"))) == []
    assert cloud.findings() == []


def test_by_default_the_key_is_untouched_and_the_refusal_is_on_record(cloud):
    detected(envelope(cloud.record()))
    assert respond_all(cloud) == []
    assert cloud.key_status() == "Active"
    parts = wiring(handler._tools().add)
    kinds = [json.loads(line)["kind"] for _, line in parts.journal.read("respond")]
    assert kinds == ["decided"]


def test_when_the_verb_is_enabled_the_key_is_disabled_and_the_chains_verify(cloud):
    cloud.policy({"disable_access_key": {"mode": "auto"}})
    detected(envelope(cloud.record()))
    assert respond_all(cloud) == []
    assert cloud.key_status() == "Inactive"
    parts = wiring(handler._tools().add)
    for chain in ("detect", "respond"):
        assert verify(parts.journal, parts.store, chain).ok


def test_the_same_batch_three_times_is_one_finding_one_alert_one_action(cloud):
    cloud.policy({"disable_access_key": {"mode": "auto"}})
    for _ in range(3):
        detected(envelope(cloud.record()), envelope(cloud.record(eventName="ListUsers")))
    actions = cloud.received("actions")
    assert len(actions) == 1
    for _ in range(3):
        handler.respond(batch(*actions), CONTEXT)
    assert len(cloud.findings()) == 1
    subjects = [message["Subject"] for message in cloud.received("told")]
    assert len(subjects) == 2  # the finding and the change


FILTER = """
title: The robot may
owner: dana@example.com
reason: It makes keys for all.
logsource: {product: aws, service: cloudtrail}
filter:
  rules: any
  selection: {userIdentity.userName: robot}
  condition: not selection
"""


def test_what_a_filter_suppresses_is_counted_and_makes_no_finding(cloud, tmp_path, capsys):
    (tmp_path / "rule.yml").write_text((tmp_path / "rule.yml").read_text() + "---" + FILTER)
    compiled = compile_rules([tmp_path / "rule.yml"])
    assert len(compiled.book.filters) == 1
    (tmp_path / "rulebook.json").write_bytes(dump(compiled.book))
    robot = {"userName": "robot", "type": "IAMUser", "accountId": ACCOUNT}
    records = [cloud.record(eventID=f"e-{n}", userIdentity=robot) for n in range(3)]
    body = json.dumps({"Records": [*records, cloud.record(eventID="e-9")]}).encode()
    key = put_file(cloud, gzip.compress(body))
    capsys.readouterr()
    assert detected(envelope(records[0]), notice(key)) == []
    (told,) = [line for line in capsys.readouterr().out.splitlines() if '"suppressed"' in line]
    assert sum(json.loads(told)["suppressed"]) == 4
    parts = wiring(handler._tools().add)
    lines = [json.loads(line) for _, line in parts.journal.read("detect")]
    assert [line["kind"] for line in lines] == ["suppressed", "found", "proposed"]
    assert lines[0]["data"]["owner"] == "dana@example.com"
    assert [one["finding"]["events"] for one in cloud.findings()] == [["e-9"]]


def put_file(cloud, body: bytes, key: str = "AWSLogs/x/CloudTrail/f 1.json.gz") -> str:
    cloud.client("s3").put_object(Bucket="trail", Key=key, Body=body)
    return key


def test_a_trail_file_is_read_and_what_came_by_eventbridge_is_not_found_twice(cloud):
    record = cloud.record()
    detected(envelope(record))
    records = [record, cloud.record(eventID="e-2"), cloud.record(eventName="ListUsers")]
    key = put_file(cloud, gzip.compress(json.dumps({"Records": records}).encode()))
    assert detected(notice(key)) == []
    assert len(cloud.findings()) == 2
    assert cloud.received("rejects") == []


def test_a_truncated_file_gives_what_could_be_read_and_names_the_rest(cloud):
    records = [
        cloud.record(eventID=f"e-{number}", pad=digest(str(number)) * 20) for number in range(60)
    ]
    data = gzip.compress(json.dumps({"Records": records}).encode())
    key = put_file(cloud, data[: len(data) // 2])
    assert detected(notice(key)) == []
    (reject,) = cloud.received("rejects")
    assert reject["place"].startswith("s3://trail/")
    assert 0 < len(cloud.findings()) < 60


def test_bad_messages_are_set_aside_with_their_reason_and_the_rest_goes_on(cloud):
    good = envelope(cloud.record())
    bad = ["{", "[]", '"x"', "nonsense"]
    assert detected(*bad, good) == []
    rejects = cloud.received("rejects")
    assert len(rejects) == 4
    assert all(reject["reason"] for reject in rejects)
    assert len(cloud.findings()) == 1


def test_a_record_that_matches_but_is_no_event_is_set_aside(cloud):
    assert detected(envelope(cloud.record(eventTime="yesterday")), envelope(cloud.record())) == []
    (reject,) = cloud.received("rejects")
    assert "eventTime" in reject["reason"]
    assert len(cloud.findings()) == 1


def test_a_missing_file_is_named_and_set_aside(cloud):
    assert detected(notice("AWSLogs/x/CloudTrail/none.json.gz")) == []
    (reject,) = cloud.received("rejects")
    assert "NoSuchKey" in reject["reason"]


def test_only_the_message_that_failed_comes_again(cloud, monkeypatch):
    parts = wiring(handler._tools().add)
    put = parts.store.put

    def flaky(kind, id, value, **rest):
        if kind == "finding" and "e-bad" in json.dumps(value):
            from core.errors import Unavailable

            raise Unavailable("throttled")
        return put(kind, id, value, **rest)

    monkeypatch.setattr(parts.store, "put", flaky)
    failures = detected(envelope(cloud.record(eventID="e-bad")), envelope(cloud.record()))
    assert failures == [{"itemIdentifier": "0"}]
    assert len(cloud.findings()) == 1


def test_what_is_no_action_is_set_aside(cloud):
    assert handler.respond(batch("{}", "x", {"uid": 3}), CONTEXT)["batchItemFailures"] == []
    assert len(cloud.received("rejects")) == 3


def test_a_broken_policy_lets_actions_wait(cloud):
    detected(envelope(cloud.record()))
    actions = cloud.received("actions")
    cloud.client("ssm").put_parameter(
        Name="/vigil/policy", Value="{", Type="String", Overwrite=True
    )
    wiring.cache_clear()
    failures = handler.respond(batch(*actions), CONTEXT)["batchItemFailures"]
    assert failures == [{"itemIdentifier": "0"}]
    cloud.policy({"disable_access_key": {"mode": "auto"}})
    assert handler.respond(batch(*actions), CONTEXT)["batchItemFailures"] == []
    assert cloud.key_status() == "Inactive"


def url_event(method: str, token: str, body: str = "") -> dict:
    return {
        "version": "2.0",
        "requestContext": {"http": {"method": method, "sourceIp": "192.0.2.9"}},
        "queryStringParameters": {"token": token},
        "body": body,
        "isBase64Encoded": False,
    }


def test_a_held_action_is_released_by_post_and_not_by_get(cloud):
    cloud.policy({"disable_access_key": {"mode": "approve"}})
    detected(envelope(cloud.record()))
    respond_all(cloud)
    message = next(m for m in cloud.received("told") if "Approve" in m["Subject"])["Message"]
    link = next(line.split(": ", 1)[1] for line in message.splitlines() if "https://" in line)
    token = parse_qs(urlsplit(link).query)["token"][0]

    page = handler.approve(url_event("GET", token), CONTEXT)
    assert page["statusCode"] == 200
    assert "disable_access_key" in page["body"]
    assert cloud.received("actions") == []
    assert cloud.key_status() == "Active"

    form = "decision=approve&by=alice"
    assert handler.approve(url_event("POST", token, form), CONTEXT)["statusCode"] == 200
    assert respond_all(cloud) == []
    assert cloud.key_status() == "Inactive"
    assert handler.approve(url_event("POST", token, form), CONTEXT)["statusCode"] == 403
    assert handler.approve(url_event("GET", token + "x"), CONTEXT)["statusCode"] == 403


def test_a_sweep_reads_back_what_was_missed_and_counts_what_it_could_not_see(cloud, monkeypatch):
    record = cloud.record()
    monkeypatch.setattr(lookup, "missed", lambda *_: iter([json.dumps(record), "{"]))
    result = handler.sweep({}, CONTEXT)
    assert result["missed"] == 1
    assert len(cloud.findings()) == 1
    assert handler.sweep({}, CONTEXT)["missed"] == 0
    assert len(cloud.received("rejects")) == 2


def test_every_missing_setting_is_named_at_once(cloud, monkeypatch):
    from core.errors import BadConfig

    monkeypatch.delenv("VIGIL_TABLE")
    monkeypatch.setenv("VIGIL_JOURNAL", " ")
    with pytest.raises(BadConfig) as caught:
        handler.detect(batch(), CONTEXT)
    assert [fault.split()[0] for fault in caught.value.faults] == ["VIGIL_TABLE", "VIGIL_JOURNAL"]


def test_the_stored_action_can_be_read_back(cloud):
    detected(envelope(cloud.record()))
    (action,) = cloud.received("actions")
    assert from_json(json.dumps(action), Action).target.args["access_key_id"] == cloud.key
    assert time.time() * 1000 - action["requested_at"] < 60_000


BURST = """
title: Refused often
id: 8f0a1f4e-0000-4000-8000-000000000002
level: high
correlation:
  type: event_count
  rules: [refused]
  group-by: [userIdentity.userName]
  timespan: 10m
  condition: {gte: 3}
respond: [disable_access_key]
---
title: Silent
id: 8f0a1f4e-0000-4000-8000-000000000003
level: medium
correlation: {type: absence, rules: [beat], timespan: 10m, lateness: 0s}
---
title: Refused
name: refused
id: 8f0a1f4e-0000-4000-8000-000000000004
logsource: {product: aws, service: cloudtrail}
detection: {s: {errorCode: AccessDenied}, condition: s}
---
title: Beat
name: beat
id: 8f0a1f4e-0000-4000-8000-000000000005
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Beat}, condition: s}
"""


@pytest.fixture
def correlating(tmp_path, monkeypatch):
    with deployed(tmp_path, monkeypatch, BURST) as cloud:
        yield cloud


def refused(cloud, number):
    identity = {**cloud.record()["userIdentity"], "accessKeyId": "AKIAIOSFODNN7EXAMPLE"}
    return cloud.record(
        eventID=f"e-{number}", errorCode="AccessDenied", eventName="Do", userIdentity=identity
    )


def test_events_that_are_wrong_together_are_one_finding_one_alert_one_action(correlating):
    for number in (1, 2, 3, 4, 3, 1):
        assert detected(envelope(refused(correlating, number))) == []
    (finding,) = correlating.findings()
    assert finding["finding"]["group"] == {"userIdentity.userName": "mallory"}
    assert (finding["state"], finding["finding"]["count"]) == ("settled", 4)
    (told,) = correlating.received("told")
    assert "Refused often" in told["Subject"]
    assert "userIdentity.userName=mallory" in told["Message"]
    (action,) = correlating.received("actions")
    assert action["target"]["args"]["access_key_id"] == "AKIAIOSFODNN7EXAMPLE"


def test_a_trail_file_and_eventbridge_feed_the_same_correlation(correlating):
    records = [refused(correlating, number) for number in range(5)]
    key = put_file(correlating, gzip.compress(json.dumps({"Records": records[1:]}).encode()))
    assert detected(envelope(records[0]), notice(key), notice(key)) == []
    (finding,) = correlating.findings()
    assert finding["finding"]["count"] == 5
    assert len(correlating.received("told")) == 1
    assert correlating.received("rejects") == []


def test_a_long_trail_file_is_seen_in_portions(correlating, monkeypatch):
    monkeypatch.setattr(handler, "TOGETHER", 2)
    records = [refused(correlating, number) for number in range(5)]
    key = put_file(correlating, gzip.compress(json.dumps({"Records": records}).encode()))
    assert detected(notice(key)) == []
    assert correlating.findings()[0]["finding"]["count"] == 5


def test_silence_is_found_by_the_short_call_of_the_sweep(correlating):
    hour_ago = datetime.fromtimestamp(time.time() - 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    detected(envelope(correlating.record(eventName="Beat", eventTime=hour_ago)))
    assert correlating.findings() == []
    assert handler.sweep({"task": "settle"}, CONTEXT) == {"settled": 1}
    (finding,) = correlating.findings()
    assert finding["finding"]["title"] == "Silent"
    assert finding["finding"]["evidence"][0]["operation"] == "Beat"
    assert handler.sweep({"task": "settle"}, CONTEXT) == {"settled": 0}


@pytest.mark.parametrize(("rules", "loaded"), [(RULE, False), (BURST, True)], ids=["none", "some"])
def test_nothing_of_correlations_is_loaded_where_the_rulebook_has_none(
    tmp_path, monkeypatch, rules, loaded
):
    program = (
        "import os, sys; from functions.aws.wiring import Wiring;"
        "Wiring(os.environ, print).engine('detect');"
        "print(any(name.startswith(('core.correlate', 'core.incident', 'core.watch'))"
        " for name in sys.modules))"
    )
    with deployed(tmp_path, monkeypatch, rules):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
    assert done.stdout.strip() == str(loaded)
