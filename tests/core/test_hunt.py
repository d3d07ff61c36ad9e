"""A hunt over files: the same hits in the same order, however it is run."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from core.detect import Detector
from core.detect.values import finder
from core.errors import BadRecord
from core.hunt import Found, Tally, files, hunt, processes, read, total_size
from core.hunt.work import Setting, Worker
from core.model import Event, Rule
from core.ports import Source
from core.rulebook import Not, Text, book
from core.scan import scan


def unreadable(record: Any) -> Any:
    raise BadRecord("no time")


TRAIL = Source(
    name="aws/cloudtrail",
    keys=("eventSource", "eventName"),
    route="eventName",
    time="eventTime",
    uid="eventID",
    event=unreadable,
    records="Records",
)

BOOK = book(
    [
        (Rule(id="stop", title="t", source="aws/cloudtrail"), Text("eventName", ("stop",)), ""),
        (Rule(id="deep", title="t", source="aws/cloudtrail"), Text("a.b", ("x",)), ""),
        (Rule(id="calm", title="t", source="aws/cloudtrail"), Not(Text("c", ("x",))), ""),
    ]
)
DETECTOR = Detector(BOOK, [TRAIL])


def record(number: int, **more: Any) -> dict[str, Any]:
    return {
        "eventSource": "s",
        "eventName": "Stop" if number % 2 else "Describe",
        "eventID": f"id-{number}",
        "eventTime": f"2026-03-01T00:00:{number:02}Z",
        "c": "x",
    } | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "logs"
    (root / "b").mkdir(parents=True)
    deep: Any = "end"
    for _ in range(300):
        deep = [{"d": deep}]
    wrapped = {"Records": [record(n, a={"b": "x"}) for n in range(4)]}
    (root / "b" / "1.json.gz").write_bytes(gzip.compress(json.dumps(wrapped).encode()))
    (root / "a.jsonl").write_text("\n".join(json.dumps(record(n)) for n in range(10, 14)))
    (root / "c.log").write_text(json.dumps([record(21, e=deep), {"unknown": 1}, 5]))
    (root / "LICENSE").write_text("MIT License\n\nPermission is granted\n")
    (root / "empty").write_bytes(b"")
    return root


@pytest.mark.parametrize("lean", [False, True])
def test_a_time_that_cannot_be_read_does_not_hide_one_that_can(tmp_path: Path, lean: bool) -> None:
    first = record(1, timestamp="2026-03-02T00:00:00Z")
    odd = [{**first, "eventTime": value} for value in ("n/a", "", None, [], {"a": 1})]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"Records": [first, *odd]}))
    found = hunt([path], DETECTOR, Tally(), lean=lean)
    assert [one.time for one in found] == [1772323201_000, *[1772409600_000] * 5]


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize("name", ["TimeGenerated", "EventTime", "Timestamp", "_time", "ts"])
def test_a_time_may_stand_elsewhere_where_nothing_else_tells_it(
    tmp_path: Path, name: str, lean: bool
) -> None:
    rare = {name: "2026-03-02T00:00:00Z"}
    bare = {**record(1), "eventTime": None, **rare}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"Records": [bare, record(3, **rare)]}))
    times = [one.time for one in hunt([path], DETECTOR, Tally(), lean=lean)]
    assert times == [1772409600_000, 1772323203_000]
    told = TRAIL._replace(event=lambda one: Event(uid="e", time=5, source="s", provider="aws"))
    known = hunt([path], Detector(BOOK, [told]), Tally(), lean=lean)
    assert [one.time for one in known] == [5, 1772323203_000]
    raw = hunt([path], Detector(BOOK, (), raw=True), Tally(), lean=lean)
    assert {one.time for one in raw} == {1772409600_000, 1772323203_000}


def dated(record: Any) -> Event:
    return Event(uid="e", time=record["o"]["time"], source="s", provider="aws")


@pytest.mark.parametrize("lean", [False, True])
def test_what_is_sent_to_a_process_reads_time_and_id_as_here(tmp_path: Path, lean: bool) -> None:
    path = tmp_path / "a.json"
    nested = record(1, o={"id": "own", "time": 5}, eventTime=None, eventID=None)
    path.write_text(json.dumps({"Records": [nested, record(1)]}))
    setting = Setting(Detector(BOOK, [TRAIL._replace(uid="o.id", event=dated)]), lean=lean)
    sent = pickle.loads(pickle.dumps(processes._portable(setting)))
    ((found, tally),) = processes._begin(sent, [[(path, 1)]], lambda: None)(0)
    here = list(Worker(setting).matches(path, Tally()))
    assert processes._decode(found) == here
    assert [(one.event, one.time) for one in here] == [("own", 5), ("id-1", 1_772_323_201_000)]
    assert tally.records == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_number_beyond_all_others_is_the_same_in_every_process(tmp_path: Path, jobs: int) -> None:
    line = json.dumps(record(1, n="XX")).replace('"XX"', "1e999")
    for number in range(2):
        (tmp_path / f"{number}.json").write_text(line)
    found = list(hunt([tmp_path], DETECTOR, Tally(), jobs=jobs, fields={"stop": ("n",)}))
    assert [one.values for one in found] == [(sys.float_info.max,)] * 2
    assert [one.native["n"] for one in found] == [sys.float_info.max] * 2


def test_a_file_that_can_not_be_read_on_ends_no_hunt() -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            raise OSError(5, "Input/output error")

    tally = Tally()
    assert not list(scan(io.BufferedReader(Broken()), DETECTOR, tally, name="f"))
    (told,) = tally.rejected
    assert (told.reason, told.place) == ("can't be read on: Input/output error", "f")


@pytest.mark.parametrize("lean", [False, True])
def test_half_of_a_surrogate_pair_hides_nothing(tmp_path: Path, lean: bool) -> None:
    """JSON can write one, and no text can hold it: its record is read, with U+FFFD there."""
    texts = ("a\ud800", "\udc00b", "\ud83d\ude00", "\\ud800")
    lines = [record(number, agent=text) for number, text in enumerate(texts)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"Records": lines}))
    tally = Tally()
    agent = (Rule(id="agent", title="t", source="aws/cloudtrail"), Text("agent", ((0,),)), "")
    detector = Detector(book([agent]), [TRAIL])
    found = list(hunt([path], detector, tally, lean=lean))
    assert ([one.record for one in found], tally.rejections) == ([0, 1, 2, 3], 0)
    if not lean:
        agents = [one.native["agent"] for one in found]
        assert agents == ["a\ufffd", "\ufffdb", "\U0001f600", "\\ud800"]


def places(found: list[Found], root: Path) -> list[tuple[str, int, str]]:
    return [(str(Path(f.source_file).relative_to(root)), f.record, f.rule.id) for f in found]


EXPECTED = [
    ("a.jsonl", 1, "stop"),
    ("a.jsonl", 3, "stop"),
    ("b/1.json.gz", 0, "deep"),
    ("b/1.json.gz", 1, "stop"),
    ("b/1.json.gz", 1, "deep"),
    ("b/1.json.gz", 2, "deep"),
    ("b/1.json.gz", 3, "stop"),
    ("b/1.json.gz", 3, "deep"),
    ("c.log", 0, "stop"),
]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("lean", [False, True])
def test_hits_are_the_same_for_any_number_of_jobs(folder: Path, jobs: int, lean: bool) -> None:
    tally, told = Tally(), []
    found = list(hunt([folder], DETECTOR, tally, jobs=jobs, lean=lean, progress=told.append))
    assert places(found, folder) == EXPECTED
    assert (tally.files, tally.records, tally.unknown, tally.rejections) == (5, 10, 1, 1)
    assert [Path(one.place).name for one in tally.skipped] == ["LICENSE"]
    assert sum(told) == tally.bytes == total_size([folder])
    assert found[0].event == "id-11"
    assert found[0].time == 1_772_323_211_000
    assert found[0].source == "aws/cloudtrail"
    assert found[-1].event == "id-21"
    assert found[-1].native == {} if lean else found[-1].native["e"]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("lean", [False, True])
def test_hits_of_some_rules_have_the_values_of_fields(folder: Path, jobs: int, lean: bool) -> None:
    fields = {"deep": ("a.b", "c", "missing"), "calm": ("eventSource",)}
    told = hunt([folder], DETECTOR, Tally(), lean=lean, fields=fields, jobs=jobs)
    for one, whole in zip(told, hunt([folder], DETECTOR, Tally()), strict=True):
        assert one.rule == whole.rule
        assert whole.values == ()
        every = [finder((field,))(whole.native) for field in fields.get(one.rule.id, ())]
        assert list(one.values) == [few[0] if len(few) == 1 else few for few in every]


@pytest.mark.parametrize("jobs", [2, 3])
def test_many_errands_come_back_in_order(
    tmp_path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.hunt.processes.LEAST", 1)
    monkeypatch.setattr("core.hunt.processes.MOST", 1)
    for number in range(60):
        many = [record(number % 7 + place, a={"b": "x"}) for place in range(number)]
        lines = [json.dumps(one) for one in many] + ["{"] * (number % 3 == 0)
        (tmp_path / f"{number:02}.jsonl").write_text("\n".join(lines))
    fields = {"deep": ("a.b",)}
    tallies, told = [Tally(), Tally()], list[int]()
    alone = list(hunt([tmp_path], DETECTOR, tallies[0], fields=fields))
    found = hunt([tmp_path], DETECTOR, tallies[1], jobs=jobs, fields=fields, progress=told.append)
    assert list(found) == alone
    assert tallies[0] == tallies[1]
    assert len(told) == 60


def test_a_user_may_name_any_field_of_time_and_id(folder: Path) -> None:
    (folder / "odd.json").write_text(json.dumps(record(31, **{'w"n': 5_000_000_000_000})))
    found = hunt(
        [folder / "odd.json"], DETECTOR, Tally(), time_field='w"n', uid_field="\\", lean=True
    )
    assert [(one.time, one.event) for one in found] == [(5_000_000_000_000, "")]


def test_since_is_inclusive_and_until_is_not(folder: Path) -> None:
    found = hunt([folder], DETECTOR, Tally(), since=1_772_323_203_000, until=1_772_323_213_000)
    assert [(one.event, one.rule.id) for one in found] == [
        ("id-11", "stop"),
        ("id-3", "stop"),
        ("id-3", "deep"),
    ]


def test_a_record_without_a_time_is_never_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([record(1, eventTime="soon", eventID=7)]))
    (found,) = hunt([tmp_path / "a.json"], DETECTOR, Tally(), since=1, until=2)
    assert (found.time, found.event) == (None, "7")


def test_time_and_id_can_be_other_fields(tmp_path: Path) -> None:
    more = {"when": 1_772_323_200, "my": {"id": "z"}}
    (tmp_path / "a.json").write_text(json.dumps([record(1, **more)]))
    for lean in (False, True):
        (found,) = hunt(
            [tmp_path], DETECTOR, Tally(), time_field="when", uid_field="my.id", lean=lean
        )
        assert (found.time, found.event) == (1_772_323_200_000, "z")


def test_a_source_knows_times_and_ids_that_have_other_names(tmp_path: Path) -> None:
    def read(record: Any) -> Event:
        return Event(uid="", time=7, source="x/y", provider="x")

    other = Source("x/y", ("Op",), "Op", "When", "properties.id", event=read)
    rules = book([(Rule(id="all", title="t", source="x/y"), Text("Op", ("stop",)), "")])
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"Op": "Stop", "When": "then", "properties": {"id": "p-1"}}]))
    (found,) = hunt([path], Detector(rules, [other]), Tally())
    assert (found.event, found.time) == ("p-1", 7)
    (found,) = hunt([path], Detector(rules, [other]), Tally(), time_field="When", uid_field="none")
    assert (found.event, found.time) == ("", None)


def test_a_missing_path_is_named() -> None:
    with pytest.raises(BadRecord, match="no such file or folder: /no/where"):
        list(hunt([Path("/no/where")], DETECTOR, Tally()))


def test_a_file_that_can_not_be_opened_is_told_and_the_rest_read(folder: Path) -> None:
    (folder / "0.json").symlink_to(folder / "b")  # a folder where a file was expected
    tally = Tally()
    paths = [folder / "a.jsonl", folder]
    found = list(hunt(paths, DETECTOR, tally))
    assert len(found) == len(EXPECTED) + 2


def test_files_come_in_sorted_order(folder: Path) -> None:
    names = [str(path.relative_to(folder)) for path in files([folder])]
    assert names == sorted(names)


def test_reading_gives_every_record(folder: Path) -> None:
    tally = Tally()
    found = list(read([folder], [TRAIL], tally))
    assert len(found) == tally.records == 10
    assert [source is None for source, *_ in found].count(True) == 1
    source, native, file, position = found[1]
    assert source is TRAIL
    assert native["eventID"] == "id-11"
    assert (Path(file).name, position) == ("a.jsonl", 1)


def test_many_threads_mean_new_processes_are_not_forked(folder: Path) -> None:
    import threading

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        found = list(hunt([folder], DETECTOR, Tally(), jobs=2))
    finally:
        stop.set()
        thread.join()
    assert places(found, folder) == EXPECTED
