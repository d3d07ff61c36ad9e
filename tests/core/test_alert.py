"""Messages for people, and their delivery to whoever is still owed one."""

from __future__ import annotations

import pytest

from core import alert
from core.errors import Reject, Unavailable
from core.memory import Recorder
from core.model import Alert, Finding, Rule

ALERT = Alert(key="k", kind="finding", level="medium", title="t", text="x")


class Steps:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.failed: list[tuple[str, str]] = []

    def deliver(self, sinks, message=ALERT) -> None:
        alert.deliver(
            message,
            sinks,
            self.done.__contains__,
            self.done.append,
            lambda sink, reason: self.failed.append((sink, reason)),
        )


def raising(error):
    def sink(_):
        raise error

    return sink


def test_a_sink_that_fails_is_owed_and_does_not_hinder_the_others():
    steps, good = Steps(), Recorder()
    with pytest.raises(Unavailable):
        steps.deliver({"bad": raising(Unavailable("503")), "good": good})
    assert steps.done == ["told:k:good"]
    fixed = Recorder()
    steps.deliver({"bad": fixed, "good": good})
    assert (len(fixed.seen), len(good.seen)) == (1, 1)


def test_a_sink_that_refuses_for_good_is_recorded_and_settled():
    steps = Steps()
    steps.deliver({"gone": raising(Reject("HTTP 404"))})
    assert steps.failed == [("gone", "HTTP 404")]
    assert steps.done == ["told:k:gone"]


def test_a_sink_hears_only_what_is_at_its_level_or_above():
    heard = Recorder()
    sink = alert.above("high", heard)
    for level in ("low", "medium", "high", "critical"):
        sink(Alert(key=level, kind="finding", level=level, title="", text=""))
    assert [message.key for message in heard.seen] == ["high", "critical"]


def test_hidden_characters_of_an_event_are_shown_as_escapes():
    rule = Rule(id="r", title="Bad\u202eness\x1b[2J")
    finding = Finding(
        uid="f", rule=rule, level="high", title=rule.title, time=0, last_seen=0, found_at=0,
        provider="aws", ip="192.0.2.1\n\rX",
    )  # fmt: skip
    message = alert.of_finding(finding)
    assert message.title == "Bad\\u202eness\\x1b[2J"
    assert message.facts["From"] == "192.0.2.1\\n\\rX"
    assert all(value.isprintable() for value in message.facts.values())


def test_times_are_shown_in_utc():
    assert alert.utc(1_700_000_000_000) == "2023-11-14T22:13:20Z"
