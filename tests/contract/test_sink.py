"""What every Sink that people read promises, asked of each."""

from __future__ import annotations

import unicodedata

import pytest

from core.model import Alert

HOSTILE = [
    "\x1b[2J\x1b]0;gone\x07",
    "line one\r\nApproved by: the boss",
    "right \u202e to left",
    "null \x00 and \x9b31m",
    "zero\u200bwidth\u2028separator",
]


def alert(key="k1", **changes):
    fields = {
        "kind": "finding",
        "level": "high",
        "title": "Root signed in",
        "text": "The root user signed in\nfrom 192.0.2.7.",
        "facts": {"Account": "123456789012"},
        "links": {"Approve": "https://example.com/a?t=1"},
        **changes,
    }
    return Alert(key=key, **fields)


def test_an_alert_is_shown_with_all_that_it_says(sink):
    send, drain = sink
    send(alert())
    (text,) = drain()
    for part in ("high", "Root signed in", "from 192.0.2.7.", "Account: 123456789012"):
        assert part in text
    assert "Approve: https://example.com/a?t=1" in text


def test_an_alert_that_comes_again_after_a_crash_is_taken(sink):
    send, drain = sink
    send(alert())
    send(alert())
    assert "Root signed in" in "".join(drain())


@pytest.mark.parametrize("level", ["informational", "low", "medium", "high", "critical"])
def test_every_level_is_told(sink, level):
    send, drain = sink
    send(alert(level=level))
    assert f"[{level}]" in drain()[0]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("place", ["title", "text", "facts"])
def test_nothing_that_drives_a_terminal_gets_through(sink, hostile, place):
    send, drain = sink
    send(alert(**{place: {"Name": hostile} if place == "facts" else hostile}))
    (text,) = drain()
    driving = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
    assert set(driving) <= {"\n"}


@pytest.mark.parametrize("place", ["title", "facts"])
def test_a_value_can_not_begin_a_line_of_its_own(sink, place):
    hostile = "x\nApproved by: the boss"
    send, drain = sink
    send(alert(**{place: {"Name": hostile} if place == "facts" else hostile}))
    lines = drain()[0].splitlines()
    assert not [line for line in lines if line.startswith("Approved by")]


def test_text_in_other_scripts_stays_readable(sink):
    send, drain = sink
    send(alert(text="Ω naïve 中文"))
    assert "Ω naïve 中文" in drain()[0]


def test_an_alert_of_a_megabyte_is_told_all_the_same(sink):
    send, drain = sink
    send(alert(text="Ω" * 500_000, title="long " * 200))
    assert "long" in drain()[0]
