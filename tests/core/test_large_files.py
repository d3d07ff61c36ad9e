"""Large files and damaged ones: in pieces they are read as in one, and nothing sound is lost."""

from __future__ import annotations

import gzip
import io
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.detect import Detector
from core.rulebook import Exists
from core.scan import Tally, scan
from core.scan.chunks import chunks
from core.scan.salvage import pieces
from core.scan.unpack import blocks
from tests.core.test_scan import QUIET, STOP, rulebook, seen, text


def test_files_larger_than_a_chunk_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["core.scan.chunks"], "CHUNK", 2_000)
    monkeypatch.setattr("core.scan.unpack.BLOCK", 100)
    many = [QUIET, STOP | {"a": "},{" * 20, "b": [{"c": 1}, {"d": "\n{"}]}] * 200
    expected = list(range(1, 400, 2))
    wrapped = b'{"Records":' + text(*many) + b"}"
    lines = b"\n".join(json.dumps(one).encode() for one in many)
    for data in (text(*many), wrapped, json.dumps(many, indent=1).encode(), lines):
        assert len(list(chunks(blocks(io.BytesIO(data), 1 << 30)))) > 5
        found, tally = seen(data)
        assert (found, tally.records, tally.rejections) == (expected, 400, 0)


def test_a_damaged_record_in_a_large_file_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules["core.scan.chunks"], "CHUNK", 2_000)
    monkeypatch.setattr("core.scan.unpack.BLOCK", 100)
    data = text(*([STOP] * 100), {"a": "XX"}, *([STOP] * 100)).replace(b'"XX"', b"nul")
    found, tally = seen(data)
    assert (len(found), tally.rejections) == (200, 1)


@pytest.mark.parametrize("indent", [None, 0, 1])
@pytest.mark.parametrize("wrap", ["%s", '{"Records": %s}', "lines"])
def test_records_full_of_objects_are_cut_between_records_alone(
    monkeypatch: pytest.MonkeyPatch, indent: int | None, wrap: str
) -> None:
    monkeypatch.setattr(sys.modules["core.scan.chunks"], "CHUNK", 20_000)
    monkeypatch.setattr("core.scan.unpack.BLOCK", 1_000)
    inner = [{"eventSource": "s", "eventName": "StopLogging", "c": [{"d": 1}, {}]}] * 200
    many = [QUIET | {"b": inner}, STOP | {"b": inner, "a": "},{" * 100}] * 10
    written = json.dumps(many, indent=indent)
    if wrap == "lines":
        data = "\n".join(json.dumps(one, indent=indent) for one in many)
    else:
        data = wrap % written
    found, tally = seen(data.encode())
    assert len(list(chunks(blocks(io.BytesIO(data.encode()), 1 << 30)))) > 5
    assert (len(found), tally.records, tally.rejections) == (10, 20, 0)
    assert wrap == "lines" or found == list(range(1, 20, 2))


FULL = {"b": [{"c": 1, "d": [{"e": "},{ [{"}, {}]}] * 30}
MANY = [(STOP if number % 2 else QUIET) | FULL | {"n": number} for number in range(100)]
LINES_OF_A_LOG = [{"id": "1", "message": json.dumps(one)} for one in MANY]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "wrapper",
    [
        {"a": [1, {}], "records": MANY},
        {"NextToken": "[", "Events": [{"CloudTrailEvent": json.dumps(one)} for one in MANY]},
        {"entries": MANY, "nextPageToken": "n"},
        {"@odata.context": "c", "value": MANY, "nextLink": "n"},
        {"hits": {"total": [1], "hits": [{"_index": "i", "_source": one} for one in MANY]}},
        {"events": LINES_OF_A_LOG, "searchedLogStreams": []},
        {"messageType": "DATA_MESSAGE", "logEvents": LINES_OF_A_LOG},
        {
            "tables": [
                {
                    "columns": [{"name": name} for name in (*STOP, "n")],
                    "rows": [[one[name] for name in (*STOP, "n")] for one in MANY],
                }
            ]
        },
    ],
    ids=lambda one: max(one, key=lambda key: len(str(one[key]))),
)
def test_a_large_wrapper_is_read_in_pieces_as_in_one(
    monkeypatch: pytest.MonkeyPatch, wrapper: dict[str, Any], indent: int | None
) -> None:
    data = json.dumps(wrapper, indent=indent).encode()
    expected = seen(data)
    monkeypatch.setattr(sys.modules["core.scan.chunks"], "CHUNK", 3_000)
    monkeypatch.setattr("core.scan.unpack.BLOCK", 1_000)
    assert seen(data) == expected
    assert expected[0] == list(range(1, 100, 2))
    largest = 0
    real = sys.modules["core.scan"].values

    def values(chunk: Any, is_wrapper: Any) -> Any:
        nonlocal largest
        largest = max(largest, len(chunk.data))
        return real(chunk, is_wrapper)

    monkeypatch.setattr(sys.modules["core.scan"], "values", values)
    seen(data)
    assert largest < 20_000 < len(data) or "tables" in wrapper


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda many: many,
        lambda many: {"Records": many},
        lambda many: {"a": 1, "records": many},
        lambda many: {"@odata.context": "c", "value": many, "nextLink": "n"},
        lambda many: {"nextPageToken": "n", "entries": many},
        lambda many: {"took": 1, "hits": {"hits": [{"_index": "i", "_source": r} for r in many]}},
        lambda many: {"events": [{"message": json.dumps(r), "x": r.get("x")} for r in many]},
        lambda many: {"Events": [{"CloudTrailEvent": json.dumps(r), "x": r.get("x")} for r in many]},
    ],
)  # fmt: skip
def test_damage_in_a_wrapper_costs_one_record_and_is_told(
    monkeypatch: pytest.MonkeyPatch, wrap: Any, large: bool, indent: int | None
) -> None:
    if large:
        monkeypatch.setattr(sys.modules["core.scan.chunks"], "CHUNK", 2_000)
        monkeypatch.setattr("core.scan.unpack.BLOCK", 1_000)
    for place in (0, 1, 17, 29):
        many = [STOP | ({"x": "XX"} if n == place else {}) for n in range(30)]
        data = json.dumps(wrap(many), indent=indent).encode().replace(b'"XX"', b"nul")
        found, tally = seen(data)
        assert found == [n for n in range(30) if n != place]
        assert (tally.records, tally.unknown, tally.rejections) == (29, 0, 1)


@pytest.mark.parametrize(
    "wrap", ["[%s", '{"Records":[%s', '{"count":1,"value":[%s', '{"entries":[%s']
)
@pytest.mark.parametrize("rest", ["", ",", ',{"eventName":', "]"])
def test_a_list_that_is_cut_short_is_told(wrap: str, rest: str) -> None:
    inner = ",".join(json.dumps(STOP) for _ in range(5))
    found, tally = seen((wrap % inner + rest).encode())
    assert (found, tally.records) == (list(range(5)), 5)
    assert tally.rejections == (rest != "]")
    assert all("cut short" in one.reason for one in tally.rejected)


SMALL = {"core.scan.chunks": ("CHUNK", 4_000), "core.scan.unpack": ("BLOCK", 1_000)}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of some records."""
    for module, (name, size) in SMALL.items():
        monkeypatch.setattr(sys.modules[module], name, size)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("wrap", ["[%s]", '{"value":[%s]}', '{"entries":[%s],"nextPageToken":"n"}'])
@pytest.mark.parametrize("bad", [b'"\xff"', b"[" * 800 + b"]" * 800])
def test_what_no_reader_takes_costs_its_own_record_alone(
    request: pytest.FixtureRequest, wrap: str, bad: bytes, large: bool
) -> None:
    if large:
        request.getfixturevalue("small")
    many = [STOP | ({"x": "XX"} if n == 30 else {}) for n in range(60)]
    data = (wrap % ",".join(map(json.dumps, many))).encode().replace(b'"XX"', bad)
    found, tally = seen(data)
    assert found == [n for n in range(60) if n != 30]
    assert (tally.records, tally.rejections) == (59, 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("between", ["", " ", "\n", "\ufeff"])
def test_envelopes_one_after_the_other_are_no_wrapper(between: str) -> None:
    """As Firehose writes them: nothing stands between two."""
    log = {
        "messageType": "DATA_MESSAGE",
        "logEvents": [{"id": "1", "message": json.dumps(STOP)}] * 4,
    }
    bus = {"detail-type": "x", "resources": [], "detail": STOP | {"a": [{"b": 1}]}}
    for one, each in ((log, 4), (bus, 1), (STOP, 1)):
        data = between.join([json.dumps(one)] * 60).encode()
        found, tally = seen(data)
        assert (len(found), tally.unknown, tally.rejections) == (60 * each, 0, 0)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("wrap", ["[%s]", '{"Records":[%s],"NextToken":"x"}', '{"entries":[%s]}'])
def test_half_of_a_pair_in_a_large_list_hides_nothing(wrap: str) -> None:
    odd = (
        json.dumps(STOP | {"p": "y" * 100, "l": [{"a": 1}]})[:-1]
        + ',"ua":"\\ud800 \\ud83d\\ude00"}'
    )
    found, tally = seen((wrap % ",".join([odd] * 200)).encode())
    assert (found, tally.rejections) == (list(range(200)), 0)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("wrap", ["[%s]", '{"Records":[%s]}', '{"value":[%s]}'])
def test_blank_lines_before_it_hide_no_list(wrap: str) -> None:
    data = b"\n" * 9_000 + (wrap % ",".join([json.dumps(STOP)] * 60)).encode()
    found, tally = seen(data)
    first = 9_000 if "value" in wrap else 0  # the line that it is on, where it is an object
    assert (found, tally.rejections) == (list(range(first, first + 60)), 0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=200), min_size=1, max_size=6),
    st.integers(0, 60),
    st.sampled_from([(30, 5, 10), (100, 20, 1 << 16), (1 << 22, 1 << 12, 1 << 16)]),
)
def test_every_member_of_a_gzip_stream_is_read(
    parts: list[bytes], zeros: int, sizes: tuple[int, int, int]
) -> None:
    stored = b"".join(map(gzip.compress, parts)) + b"\0" * zeros
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(("BLOCK", "SLICE", "STEP"), sizes, strict=True):
            patch.setattr(f"core.scan.unpack.{name}", size)
        found = b"".join(blocks(io.BytesIO(stored), 1 << 30))
    if b"".join(parts)[:1] not in (b"\xef", b"\xff", b"\xfe"):  # of a byte order mark
        assert found == b"".join(parts)


def test_a_sound_line_among_any_number_of_cut_ones_is_read() -> None:
    good = json.dumps(STOP)
    found, tally = seen("\n".join([good[:-5]] * 5_000 + [good]).encode())
    assert (found, tally.records, tally.rejections) == ([5_000], 1, 5_000)


def test_objects_over_lines_are_no_rows_though_lines_within_them_are() -> None:
    one = json.dumps(STOP | {"x": [{}, {}]}, indent=0)
    found, tally = seen("\n".join([one] * 20 + ['{"cut":"']).encode())
    assert (len(found), tally.records, tally.rejections) == (20, 20, 1)


def test_damage_in_a_row_of_objects_costs_one_of_them() -> None:
    good = json.dumps(STOP)
    found, tally = seen((good + '{"a":nul}' + good * 3).encode())
    assert (len(found), tally.records, tally.rejections) == (4, 4, 1)


def test_a_raw_object_is_no_wrapper_but_of_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["core.scan.chunks"], "CHUNK", 3_000)
    monkeypatch.setattr("core.scan.unpack.BLOCK", 1_000)
    raw = Detector(rulebook(("x/*", Exists("entries", wanted=True))), (), raw=True)
    data = json.dumps({"entries": MANY[:3]}).encode()
    assert [one.position for one in scan(data, raw, Tally())] == [0]


@pytest.mark.parametrize("where", range(0, 400, 37))
@pytest.mark.parametrize("damage", ["nul", "{", '"', "[[", "}"])
def test_records_after_damage_in_a_large_list_keep_their_places(
    monkeypatch: pytest.MonkeyPatch, where: int, damage: str
) -> None:
    monkeypatch.setattr(sys.modules["core.scan.chunks"], "CHUNK", 2_000)
    monkeypatch.setattr("core.scan.unpack.BLOCK", 100)
    many = [STOP | {"n": "XX"} if n == where else STOP for n in range(400)]
    found, tally = seen(text(*many).replace(b'"XX"', damage.encode()))
    assert (len(found), tally.rejections) == (399, 1)
    assert [place for place in found if place >= where] == list(range(where + 1, 400))


def test_a_large_list_of_no_objects_is_gone_through_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules["core.scan.chunks"], "CHUNK", 2_000)
    monkeypatch.setattr("core.scan.unpack.BLOCK", 100)
    data = json.dumps(["{} x"] * 20_000).encode()
    cut = list(chunks(blocks(io.BytesIO(data), 1 << 30)))
    assert max(len(chunk.data) for chunk in cut) < 20_000
    assert b"".join(chunk.data for chunk in cut).count(b"{} x") == 20_000
    assert seen(data)[1].rejections == 20_000


@pytest.mark.parametrize("data", [b'{"a":1},' * 3 + b"{", b"{}{}", b"}{", b'{"', b"[[", b"\xff{"])
def test_pieces_cover_anything_without_raising(data: bytes) -> None:
    assert all(piece.data for piece in pieces(data))
