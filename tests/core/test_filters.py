"""Filters all the way: records, headers, files and processes agree on what is suppressed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.detect import Detector, Suppressed
from core.detect.plain import plain_judge
from core.hunt import Tally, hunt
from core.model import Rule
from core.rulebook import Expr, Filter, Not, Text, book, load, packed
from core.rulebook import dump as dumped
from core.scan import Match, Scanner
from tests.core.test_detect import CLOUDTRAIL, exprs, rules, several, timed
from tests.core.test_neutral import EXPRS, RECORDS, TOY


@settings(max_examples=300, deadline=None)
@given(
    st.lists(exprs, min_size=1, max_size=6),
    several,
    st.lists(timed, min_size=1, max_size=6),
    st.booleans(),
)
def test_index_header_and_plain_matcher_agree_on_generated_filters(
    found: list[Expr], some: list[Filter], many: list[dict[str, Any]], eager: bool
) -> None:
    made = load(dumped(rules(*found, filters=some)))
    marked = [{"eventSource": "s", "eventName": "a"} | one for one in many]
    for source, records in ((CLOUDTRAIL, marked), (None, many)):
        name = source.name if source else "raw"
        detector = Detector(made, [source] if source else (), raw=source is None)
        slow = [plain_judge(made, source, one) for one in records]
        expected = [
            (
                tuple(rule for rule, by in one if not by),
                tuple(Suppressed(rule.id, by) for rule, by in one if by),
            )
            for one in slow
        ]
        assert [detector.judge(name, one) for one in records] == expected
        with pytest.MonkeyPatch.context() as patch:
            if eager:  # new headers after every second record
                patch.setattr("core.scan.quick.LESSON", 0)
                patch.setattr("core.scan.quick.STEP", 2)
            for lean in (False, True):
                scanner = Scanner(detector, lean=lean)
                matches = list(scanner.scan(msgspec.json.encode(records), Tally()))
                by_place = _by_place(detector, matches)
                assert [by_place.get(n, ((), ())) for n in range(len(records))] == expected


def _by_place(detector: Detector, matches: Iterable[Match]) -> dict[int, Any]:
    return {one.position: (detector.rules(one.numbers), one.suppressed) for one in matches}


NEUTRAL = ("api_activity", "authentication")


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NEUTRAL), EXPRS), min_size=1, max_size=4),
    st.lists(
        st.tuples(
            st.sampled_from((*NEUTRAL, "toy/trail", "")),
            st.sampled_from(((), ("0", "1"), ("2",))),
            st.sampled_from((None, 1, 10**14)),
            EXPRS,
        ),
        max_size=3,
    ),
    st.lists(RECORDS, min_size=1, max_size=4),
)
def test_a_filter_on_a_rule_in_ocsfs_words_is_read_in_those(
    found: list[Any], some: list[Any], many: list[dict[str, Any]]
) -> None:
    made = book(
        (
            (Rule(id=str(n), title="t", source=source), expr, "")
            for n, (source, expr) in enumerate(found)
        ),
        filters=[
            Filter(
                id=f"f{n}", title="t", source=source, rules=on, expires=expires, detect=packed(expr)
            )
            for n, (source, on, expires, expr) in enumerate(some)
        ],
    )
    detector = Detector(made, [TOY])
    slow = [plain_judge(made, TOY, one) for one in many]
    expected = [
        (
            tuple(rule for rule, by in one if not by),
            tuple(Suppressed(rule.id, by) for rule, by in one if by),
        )
        for one in slow
    ]
    assert [detector.judge("toy/trail", one) for one in many] == expected
    matches = Scanner(detector).scan(msgspec.json.encode({"Records": many}), Tally())
    by_place = _by_place(detector, matches)
    assert [by_place.get(n, ((), ())) for n in range(len(many))] == expected


STOP = Text("eventName", ("stop",))
MAY = 1_777_593_600_000
FILTERS = (
    Filter(
        id="robot",
        title="Robot",
        rules=("0",),
        source="",
        expires=MAY,
        detect=packed(Not(Text("who", ("robot",)))),
    ),
    Filter(id="deep", title="Deep", rules=("1",), source="", detect=packed(Not(STOP))),
)
BOOK = rules(STOP, Text("a.b", ("x",)), filters=FILTERS)


def record(number: int, **more: Any) -> dict[str, Any]:
    return {
        "eventSource": "s",
        "eventName": "Stop",
        "eventID": f"id-{number}",
        "eventTime": f"2026-04-{number:02}T00:00:00Z",
        "who": "robot" if number % 2 else "dana",
    } | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, first in (("a.json", 1), ("b.json", 11)):
        many = [record(n, a={"b": "x" if n > 8 else "y"}) for n in range(first, first + 10)]
        later = record(5, eventTime="2026-05-01T00:00:00Z", eventID="later")
        undated = record(5, eventTime=None, eventID="undated")
        (tmp_path / name).write_text(json.dumps({"Records": [*many, later, undated]}))
    return tmp_path


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("lean", [False, True])
def test_a_hunt_gives_what_is_kept_and_counts_the_rest_however_it_is_run(
    folder: Path, jobs: int, lean: bool
) -> None:
    tally = Tally()
    found = list(hunt([folder], Detector(BOOK, [CLOUDTRAIL]), tally, jobs=jobs, lean=lean))
    ids = [one.event for one in found]
    even = [f"id-{n}" for n in range(2, 21, 2)]
    assert ids == [*even[:5], "later", "undated", *even[5:], "later", "undated"]
    assert {one.rule.id for one in found} == {"0"}
    assert tally.suppressed == {"robot": 10, "deep": 12}
    assert tally.records == 24


def test_what_happened_outside_of_the_period_is_not_counted(folder: Path) -> None:
    tally = Tally()
    since, until = 1_775_347_200_000, 1_776_384_000_000  # 2026-04-05 to 04-17
    found = hunt([folder], Detector(BOOK, [CLOUDTRAIL]), tally, since=since, until=until)
    dated = [one for one in found if one.time is not None]
    assert [one.event for one in dated] == [f"id-{n}" for n in range(6, 17, 2)]
    assert tally.suppressed == {"robot": 6, "deep": 8}


def test_many_threads_and_another_time_field_give_the_same(folder: Path) -> None:
    import threading

    detector = Detector(BOOK, [CLOUDTRAIL], time_field="when")
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:  # spawned, so that the detector goes to the other processes as data
        tally = Tally()
        found = list(hunt([folder], detector, tally, jobs=2, time_field="when"))
    finally:
        stop.set()
        thread.join()
    assert len(found) == 24  # no record has a `when`, so that nothing is before the end
    assert tally.suppressed == {"deep": 12}
