"""Reading back a log: its pages, its window and its logs, and no others."""

from __future__ import annotations

import pytest

from core.errors import Forbidden
from core.lookback import Window
from functions.gcp.lookup import missed
from functions.gcp.rest import Rest
from tests.gcp.fake.server import serving
from tests.gcp.fake.watched import Watched

OWNER = "projects/example-project"
ACTIVITY = f"{OWNER}/logs/cloudaudit.googleapis.com%2Factivity"
LOOK = Window(since=1_772_360_400_000, until=1_772_360_460_000, unseen=0, version=0)
"""From 10:20:00 to 10:21:00 on 1 March 2026."""


@pytest.fixture
def google():
    return Watched()


@pytest.fixture
def read(google):
    with serving(google) as server:
        rest = Rest(None, endpoint=server.endpoint, sleep=lambda seconds: None)
        yield lambda account=OWNER: [entry["insertId"] for entry in missed(rest, account, LOOK)]


def entry(id, time="2026-03-01T10:20:30Z", log=ACTIVITY):
    return {"insertId": id, "timestamp": time, "logName": log}


def test_entries_of_all_pages_come_oldest_first(google, read):
    google.entries = [entry(str(n), f"2026-03-01T10:20:{50 - n}.5Z") for n in range(5)]
    assert read() == ["4", "3", "2", "1", "0"]
    assert google.calls == ["logging.entries.list"] * 3


def test_a_window_has_its_beginning_and_not_its_end(google, read):
    times = {
        "before": "2026-03-01T10:19:59.999Z",
        "first": "2026-03-01T10:20:00Z",
        "last": "2026-03-01T10:20:59.999Z",
        "after": "2026-03-01T10:21:00Z",
    }
    google.entries = [entry(id, time) for id, time in times.items()]
    assert read() == ["first", "last"]


def test_the_logs_that_are_always_on_are_read_and_no_others(google, read):
    logs = ("activity", "policy", "data_access", "system_event")
    google.entries = [
        entry(log, log=f"{OWNER}/logs/cloudaudit.googleapis.com%2F{log}") for log in logs
    ] + [entry("other", log="projects/other/logs/cloudaudit.googleapis.com%2Factivity")]
    assert read() == ["activity", "policy"]


def test_an_organization_is_read_by_its_own_name(google, read):
    google.entries = [entry("o", log="organizations/1/logs/cloudaudit.googleapis.com%2Factivity")]
    assert read("organizations/1") == ["o"]


def test_a_log_that_can_not_be_read_says_so(google, read):
    google.refuse = {"logging.entries.list"}
    with pytest.raises(Forbidden):
        read()
