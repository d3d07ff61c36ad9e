"""Bytes to matches: every shape of file, every kind of damage, and quick reading equal to slow."""

from __future__ import annotations

import base64
import gc
import gzip
import json
import tracemalloc
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.detect import NO_MATCH, Detector, Suppressed
from core.detect.checks import any_in
from core.detect.columns import Lesson
from core.detect.plain import lookup, plain_match
from core.model import Rule
from core.ports import Derived, Source
from core.rulebook import (
    And,
    Cidr,
    Compare,
    Exists,
    Expr,
    Filter,
    Not,
    Null,
    Or,
    Ref,
    Regex,
    Rulebook,
    Text,
    book,
)
from core.rulebook import packed as as_laid
from core.scan import Scanner, Tally, Told, identify, read, scan
from tests.core.test_detect import event_of

TRAIL = Source(
    name="aws/cloudtrail",
    keys=("eventSource", "eventName"),
    route="eventName",
    time="eventTime",
    uid="eventID",
    event=event_of,
    records="Records",
)
OTHER = TRAIL._replace(
    name="azure/activitylogs",
    keys=("operationName", "category"),
    route="operationName",
    only={"category": ("Administrative", "Policy")},
)

WHEN = {"eventTime": "2026-03-01T00:00:00Z"}
STOP: dict[str, Any] = {"eventSource": "s", "eventName": "StopLogging", "eventID": "1"} | WHEN
QUIET: dict[str, Any] = {"eventSource": "s", "eventName": "Describe", "eventID": "2"} | WHEN
AZURE: dict[str, Any] = {"operationName": "Delete", "category": "administrative"}


def rulebook(*exprs: tuple[str, Expr], filters: Any = ()) -> Rulebook:
    return book(
        (
            (Rule(id=str(n), title="t", source=source), expr, "")
            for n, (source, expr) in enumerate(exprs)
        ),
        filters=filters,
    )


BOOK = rulebook(
    ("aws/cloudtrail", Text("eventName", ("stoplogging",))),
    ("azure/activitylogs", Text("operationName", ("delete",))),
)
DETECTOR = Detector(BOOK, [TRAIL, OTHER])


def packed(record: Any) -> str:
    return base64.b64encode(json.dumps(record).encode()).decode()


ENVELOPES: dict[str, Any] = {
    "an EventBridge event": {"detail-type": "AWS API Call via CloudTrail", "detail": STOP},
    "a push of Pub/Sub": {"message": {"data": packed(STOP), "messageId": "1"}, "subscription": "s"},
    "a message of Pub/Sub": {"data": packed(STOP), "messageId": "1"},
    "a CloudEvent of Pub/Sub": {"specversion": "1.0", "data": {"message": {"data": packed(STOP)}}},
    "a page of a REST API": {"@odata.context": "c", "value": [STOP], "nextLink": "n"},
    "a body of an Event Hub": {"records": [STOP]},
    "a batch of bodies": [{"records": []}, {"records": [STOP]}],
    "an answer of lookup-events": {
        "Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(STOP)}]
    },
    "an event of lookup-events": {"EventId": "1", "CloudTrailEvent": json.dumps(STOP)},
    "an answer of filter-log-events": {"events": [{"message": json.dumps(STOP), "timestamp": 1}]},
    "a subscription of CloudWatch": {"logEvents": [{"id": "1", "message": json.dumps(STOP)}]},
    "an answer of entries.list": {"entries": [STOP], "nextPageToken": "n"},
    "a log entry that Dataflow forwarded": {"data": STOP | {"logName": "l"}, "attributes": {}},
    "a table of Log Analytics": {
        "tables": [{"columns": [{"name": name} for name in STOP], "rows": [list(STOP.values())]}]
    },
    "an export of Splunk": {"preview": False, "offset": 0, "result": {"_raw": json.dumps(STOP)}},
    "a raw event of Splunk": {"_raw": json.dumps(STOP), "sourcetype": "aws:cloudtrail"},
    "an answer of Elasticsearch": {"took": 1, "hits": {"hits": [{"_index": "i", "_source": STOP}]}},
    "a document of Elasticsearch": {"_index": "i", "_source": STOP},
    "a row of a search of the audit log": {"RecordType": 1, "AuditData": json.dumps(STOP)},
    "a message that holds a wrapper": {"message": {"data": packed({"records": [STOP]})}},
}


def seen(data: bytes, **settings: Any) -> tuple[list[int], Tally]:
    tally = Tally()
    found = [match.position for match in scan(data, DETECTOR, tally, name="f", **settings)]
    return found, tally


def text(*records: Any) -> bytes:
    return json.dumps(list(records)).encode()


LINES = b"\n".join(json.dumps(one).encode() for one in (QUIET, STOP, QUIET, STOP))


@pytest.mark.parametrize(
    ("data", "positions", "records"),
    [
        (b'{"Records":' + text(QUIET, STOP) + b"}", [1], 2),
        (b' \n{ "records" : ' + text(STOP, QUIET) + b' , "x":1}', [0], 2),
        (text(QUIET, STOP, STOP), [1, 2], 3),
        (b"\xef\xbb\xbf" + text(STOP), [0], 1),
        (b"\n\n  " + text(STOP), [0], 1),
        (LINES, [1, 3], 4),
        (LINES + b"\n", [1, 3], 4),
        (b"\n \r\n" + LINES, [3, 5], 4),
        (LINES.decode().encode("utf-16"), [1, 3], 4),
        (b"\xfe\xff" + text(QUIET, STOP).decode().encode("utf-16-be"), [1], 2),
        (LINES.replace(b"\n", b"\r\n"), [1, 3], 4),
        (LINES.replace(b"\n", b"\n\n"), [2, 6], 4),
        (json.dumps(STOP).encode(), [0], 1),
        (json.dumps(STOP, indent=2).encode(), [0], 1),
        (b"\n".join(json.dumps(one, indent=1).encode() for one in (QUIET, STOP)), [6], 2),
        (json.dumps(STOP).encode() * 3, [0, 0, 0], 3),
        (text({"detail-type": "x", "detail": STOP}), [0], 1),
        (json.dumps({"detail-type": "x", "detail": STOP}).encode(), [0], 1),
        (b'{"Records":[]}', [], 0),
        (b"[]", [], 0),
        (b"", [], 0),
        (b" \n ", [], 0),
        (text(AZURE, QUIET, STOP), [0, 2], 3),
        (json.dumps({"a": 1, "Records": [STOP]}).encode(), [0], 1),
        (b'{"Records":[' + json.dumps(STOP).encode() + b"]}\n" * 1, [0], 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_shape_of_file_is_read(
    pack: Any, data: bytes, positions: list[int], records: int
) -> None:
    found, tally = seen(pack(data))
    assert (found, tally.records, tally.unknown) == (positions, records, 0)
    assert tally.rejections == 0


def test_members_of_a_gzip_stream_follow_each_other() -> None:
    found, tally = seen(gzip.compress(LINES + b"\n") + gzip.compress(LINES, mtime=0) + b"\0" * 9)
    assert found == [1, 3, 5, 7]
    assert (tally.records, tally.rejections) == (8, 0)


@pytest.mark.parametrize(
    ("data", "positions", "reason"),
    [
        (text(STOP, STOP)[:-30], [0], "cut short"),
        (b'{"Records":' + text(STOP, STOP)[:-30], [0], "cut short"),
        (text(STOP, 5, STOP), [0, 2], "not an object"),
        (text(STOP, None, STOP), [0, 2], "not an object"),
        (text(STOP, [1], STOP), [0, 2], "not an object"),
        (text(STOP, {"a": "XX"}, STOP).replace(b"XX", b"\xff"), [0, 2], "not UTF-8"),
        (text(STOP, {"a": "XX"}, STOP).replace(b'"XX"', b"nul"), [0, 2], "malformed"),
        (text(STOP, {"a": "XX"}, STOP).replace(b'"XX"', b'"x"x"'), [0, 2], "cut short"),
        (text(STOP, QUIET | {"a": "XX"}, STOP).replace(b"XX", b"\xff"), [0, 2], "not UTF-8"),
        (LINES.replace(b"Describe", b"\xff", 1), [1, 3], "not UTF-8"),
        (b"garbage\n" + LINES, [2, 4], "malformed"),
        (LINES[:-5], [1], "cut short"),
        (LINES.decode().encode("utf-16")[:-1], [1], "cut short"),
        (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n" + LINES, [2, 4], "nested too deeply"),
        (gzip.compress(LINES, 0, mtime=0)[:-40], [1], "gzip stream is cut short"),
        (gzip.compress(LINES, mtime=0)[:-9], [1, 3], "gzip stream is cut short"),
        (gzip.compress(LINES, mtime=0) + b"x", [1, 3], "something that is not gzip"),
    ],
)
def test_damage_costs_one_record_and_is_told(
    data: bytes, positions: list[int], reason: str
) -> None:
    found, tally = seen(data)
    assert found == positions
    assert [reason in one.reason for one in tally.rejected] == [True]
    assert tally.rejections == 1
    assert tally.rejected[0].place.startswith("f")


def test_a_damaged_gzip_stream_gives_what_was_readable() -> None:
    data = bytearray(gzip.compress(b"\n".join([LINES] * 2_000), 1, mtime=0))
    data[-6] ^= 0xFF
    found, tally = seen(bytes(data))
    assert 3_000 < len(found) < 4_000
    assert "damaged gzip" in tally.rejected[0].reason


def test_a_bomb_is_cut_at_the_limit() -> None:
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + text(STOP)[1:])
    found, tally = seen(bomb, limit=1_000_000)
    assert found == []
    assert tally.records == 0
    assert "more than 1000000 bytes" in tally.rejected[0].reason


def test_the_limit_is_for_decompressed_bytes_and_inclusive() -> None:
    data = text(STOP)
    assert seen(gzip.compress(data), limit=len(data))[0] == [0]


def test_a_quarter_of_a_megabyte_and_fifty_levels_are_usual() -> None:
    deep: Any = {"end": 1}
    for _ in range(50):
        deep = {"a": [deep]}
    found, tally = seen(text(STOP | {"big": "x" * 262_144}, STOP | {"deep": deep}))
    assert (found, tally.rejections) == ([0, 1], 0)


def test_a_file_that_is_no_data_is_skipped_with_a_reason() -> None:
    found, tally = seen(b"MIT License\n\nCopyright")
    assert (found, tally.records, tally.rejections) == ([], 0, 0)
    assert tally.skipped[0].place == "f"


def test_many_words_are_looked_for_in_one_pass_as_each_alone() -> None:
    words = [frozenset(b"w%d" % n for n in range(count)) for count in (0, 1, 2, 3, 500)]
    for some in words:
        for raw in (b"", b"a w0 b", b"w499", b"W1 w", b"x\nw2", b"\xffw1", b"w"):
            assert any_in(some)(raw) == any(word in raw for word in some)


def test_unknown_records_are_counted() -> None:
    found, tally = seen(text(STOP, {"a": 1}, AZURE | {"category": "Other"}))
    assert (found, tally.records, tally.unknown) == ([0], 3, 2)


def test_a_rule_that_the_header_covers_opens_no_record_once_that_is_learned() -> None:
    made = rulebook(("aws/cloudtrail", And((Text("eventName", ("x",)), Not(Text("a.b", ("y",)))))))
    detector, tally = Detector(made, [TRAIL]), Tally()
    many = [QUIET | {"eventName": "x", "a": {"b": f"n{n}"}} for n in range(2_000)]
    scanner = Scanner(detector, lean=True)
    assert len(list(scanner.scan(text(*many), tally))) == 2_000
    assert 0 < tally.opened < 500
    tally = Tally()
    assert len(list(Scanner(detector, lean=True).scan(text(*many), tally))) == 2_000
    assert tally.opened == 0


@pytest.mark.parametrize(
    ("expr", "values"),
    [
        (Or((Text("a", ((0, "x"),)), Text("b", (("s-", 0),)))), {"a": "yx", "b": "s-1"}),
        (Or((Regex("b", "^x.y"), Cidr("b", "10.0.0.0/8"))), {"b": "10.1.2.3"}),
        (Or((Cidr("b", "10.0.0.0/8"), Cidr("b", "2001:db8::/32"))), {"b": "2001:db8::9"}),
        (Or((Regex("b", "^x.y"), Regex("b", "z[0-9]"))), {"b": "az7"}),
        (Compare("b", "gt", 5), {"b": 6}),
        (Compare("b", "gt", 5), {"b": "6"}),
        (Compare("b", "gt", 5), {"b": int("9" * 500)}),
        (Text("b", ("9" * 500,)), {"b": int("9" * 500)}),
        (Compare("b", "eq", 3, "month"), {"b": "2026-03-01T00:00:00Z"}),
        (Or((Regex("b", "^x.y"), Compare("b", "lt", 5))), {"b": 4.5}),
        (Ref("a", "b", "is"), {"a": "x", "b": "X"}),
        (Ref("b", "a", "has"), {"a": 1, "b": "21"}),
        *(
            (Regex("b", regex), {"b": value})
            for regex, value in (
                ("^x.y$", "xay"),
                (r"\Ax.y\z", "xay"),
                (r"(?i)^X.Y", "xay"),
                (r"(?-m)^x.y$", "xay"),
                (r"(?s)x.y", "x\ny"),
                (r"(?m)^y$", "x\ny"),
                (r"x[^a]y", "x\ny"),
                (r"\bx\b|\bz", "a x"),
                (r"^\B$", ""),
                (r"^$", ""),
            )
        ),
        (Exists("a.b", wanted=True), {"a": {"b": None}}),
        (Exists("a", wanted=True), {"a": []}),
        (Exists("a", wanted=True), {"a": ""}),
        (Or((Exists("a", wanted=True), Regex("b", "^x.y"))), {"b": "xay"}),
        (Or((Text(None, ("odd",)), Text(None, ("rare",)))), {"b": {"c": ["RARE"]}}),
        (Or((Text(None, ("odd",)), Text("b", (("y", 0),)))), {"b": "yes"}),
    ],
)
def test_a_rule_is_asked_of_the_few_records_that_could_match(
    expr: Expr, values: dict[str, Any]
) -> None:
    detector, tally = Detector(rulebook(("aws/cloudtrail", expr)), [TRAIL]), Tally()
    scanner, quiet = Scanner(detector, lean=True), QUIET | {"b": "q"}
    one = QUIET | values
    found = scanner.scan(text(*[quiet] * 100, one, *[quiet] * 100, one), tally)
    assert [match.position for match in found] == [100, 201]
    assert tally.records == 202
    assert tally.opened <= 2


def test_booleans_and_numbers_in_a_header_are_told_from_others() -> None:
    made = rulebook(("aws/cloudtrail", And((Text("b", ("false", "5")), Not(Text("c.d", ("y",)))))))
    many = [{"eventSource": "s", "eventName": "x", "b": b} for b in (True, False, 5.0, 6, [False])]
    tally = Tally()
    found = list(scan(text(*many * 20), Detector(made, [TRAIL]), tally))
    assert [one.position for one in found][:3] == [1, 2, 4]
    assert tally.opened == len(found) == 60


def test_what_was_learned_is_given_up_where_it_stands_in_the_way() -> None:
    made = rulebook(("aws/cloudtrail", And((Text("eventName", ("x",)), Not(Text("a.b", ("y",)))))))
    detector = Detector(made, [TRAIL])
    one = QUIET | {"eventName": "x", "a": {"b": "n"}}
    scanner = Scanner(detector, lean=True)
    assert len(list(scanner.scan(text(*[one] * 500), Tally()))) == 500
    lists = text(*[one | {"a": [{"b": "n"}]}] * 500)
    opened = []
    for _ in range(4):
        tally = Tally()
        assert len(list(scanner.scan(lists, tally))) == 500
        header = next(iter(scanner._quick.values()))._header  # type: ignore[union-attr]
        opened.append("a.b" in (*header.exact, *header.extra))
    assert opened == [True, False, False, False]


def test_time_and_id_are_told_even_where_records_differ_from_the_first() -> None:
    def bare(**more: Any) -> dict[str, Any]:
        return {"eventSource": "s", "eventName": "StopLogging"} | more

    many = [
        bare(time="1970-01-01T00:00:05Z", eventID="a"),
        bare(eventTime="1970-01-01T00:00:06Z", uid="b"),
        bare(eventTime=None, time="1970-01-01T00:00:07Z", eventID="", id=3),
        bare(eventTime="soon", time=8, eventID=["c", "d"]),
        bare(ts=9, eventID=None),
        bare(),
    ]
    expected = [("a", 5_000), ("b", 6_000), ("3", 7_000), ("c", 8_000), ("", 9_000), ("", None)]
    for first, told in zip(many, expected, strict=True):
        found = Scanner(DETECTOR, lean=True).scan(text(first, *many), Tally())
        assert [(one.event, one.time) for one in found] == [told, *expected]


def test_fields_that_are_asked_for_are_found_as_in_the_whole_record() -> None:
    many = [
        STOP | {"c": {"d": "x"}},
        STOP | {"c": {"d": "x"}, "c.d": "y"},
        STOP | {"c": [{"d": "x"}, {"d": ["y"]}]},
        STOP | {"c": {"d": None}},
        STOP,
    ]
    found = Scanner(DETECTOR, fields={"0": ("c.d", "eventID")}, lean=True).scan(
        text(*many), tally := Tally()
    )
    assert [one.values for one in found] == [
        (("x", "1"),),
        (("y", "1"),),
        ((["x", ["y"]], "1"),),
        ((None, "1"),),
        (([], "1"),),
    ]
    assert tally.opened == 0


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\0", "é", "a..b", "", ".", "x'y", 'a.b"'])
def test_a_field_may_have_any_name(name: str) -> None:
    made = rulebook(
        ("aws/cloudtrail", Text(name, ("x",))),
        ("aws/cloudtrail", And((Text("eventName", ("stoplogging",)), Text(name, ("y",))))),
        ("aws/cloudtrail", Text("a", ('{"b\\"":"y"}',))),
    )
    above, _, last = name.rpartition(".")
    deep = {above: {last: "y"}} if above and last and ".." not in name else {name: "y"}
    many = [STOP | {name: "x"}, QUIET | {name: "x"}, STOP | deep, QUIET | {"a": {"b": "y"}}, STOP]
    detector = Detector(made, [TRAIL])
    expected = [list(plain_match(made, TRAIL, one)) for one in many] * 50
    given = text(*many * 50)
    for scanner in (Scanner(detector), Scanner(detector, fields={"0": (name,)}, lean=True)):
        found = {one.position: one for one in scanner.scan(given, Tally())}
        rules = {place: list(detector.rules(one.numbers)) for place, one in found.items()}
        assert [rules.get(n, []) for n in range(250)] == expected
    assert found[0].values[0] == ("x",)


def test_what_is_asked_for_and_can_not_be_read_is_rejected_with_its_record() -> None:
    deep = b"[" * 800 + b"]" * 800
    record = b'{"eventSource":"s","eventName":"StopLogging","c":' + deep + b"}"
    scanner, tally = Scanner(DETECTOR, fields={"0": ("c",)}, lean=True), Tally()
    assert list(scanner.scan(b'{"Records":[' + record + b"]}", tally)) == []
    assert (tally.records, tally.rejections) == (0, 1)


@pytest.mark.parametrize("number", [b"1e999", b"-1e400", b"7" * 5_000, b"-" + b"7" * 5_000])
@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize("told", [Told(), Told("c"), Told("", "c")])
def test_a_number_beyond_all_others_does_not_hide_its_record(
    number: bytes, told: Told, lean: bool
) -> None:
    record = b'{"eventSource":"s","eventName":"StopLogging","c":' + number + b',"d":"\\ud800"}'
    scanner, tally = Scanner(DETECTOR, told, {"0": ("c",)}, lean=lean), Tally()
    (match,) = scanner.scan(b'{"Records":[' + record + b"]}", tally)
    assert (tally.records, tally.rejections) == (1, 0)
    assert lean or match.native["eventName"] == "StopLogging"


def test_what_is_no_json_number_is_refused_beside_one_that_is_too_large() -> None:
    _, tally = seen(b'{"eventSource":"s","eventName":"StopLogging","c":[1e999,NaN]}')
    assert (tally.records, tally.rejections) == (0, 1)


@pytest.mark.parametrize("every", [2, 3, 10, 100])
@pytest.mark.parametrize("at", [20, 30, 45])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_that_was_cut_hides_no_other(every: int, at: int, end: str) -> None:
    """However many there are: what is looked for behind them would be all the rest of the file."""
    whole = [json.dumps(STOP | {"n": n, "pad": "x" * 300}) for n in range(3_000)]
    cut = [line[:at] if n % every == 1 else line for n, line in enumerate(whole)]
    found, tally = seen(end.join(cut).encode())
    assert found == [n for n in range(3_000) if n % every != 1]
    assert (tally.records, tally.rejections) == (len(found), 3_000 - len(found))
    assert all("cut short" in one.reason for one in tally.rejected)
    assert [one.place for one in tally.rejected][:1] == ["f:record 1"]


def test_objects_written_over_lines_stay_whole_among_lines_that_were_cut() -> None:
    pretty = json.dumps(STOP | {"more": [QUIET, {"a": "b"}]}, indent=1)
    lines = [json.dumps(STOP)] * 3
    found, tally = seen("\n".join([*lines, pretty, *lines, '{"cut": "', *lines]).encode())
    rows = pretty.count("\n") + 1
    assert found == [0, 1, 2, 3, *range(3 + rows, 6 + rows), *range(7 + rows, 10 + rows)]
    assert (tally.records, tally.rejections) == (10, 1)
    flush = "\n".join(line.strip() for line in pretty.splitlines())
    found, tally = seen((flush + '\n{"cut": "\n' + flush).encode())
    assert (len(found), tally.rejections) == (2, 1)


@pytest.mark.parametrize("opened", [b'{"a":"x"}\n{"a":"', b'{"a":['])
def test_an_open_string_that_ends_in_a_backslash_takes_no_time(opened: bytes) -> None:
    """The suite would stand still if it took the square of its length."""
    _, tally = seen(opened + b'\\"' * 500_000 + b"\\")
    assert tally.rejections == 1


LISTS, OBJECTS = ("[", "]"), ('{"k":', "}")


@pytest.mark.parametrize("depth", [100, 480, 650, 720, 900, 980, 1_000, 3_000])
@pytest.mark.parametrize(("opens", "closes"), [LISTS, OBJECTS])
@pytest.mark.parametrize("field", ["a", "b", "other"])
def test_depth_costs_no_more_than_its_own_record(
    depth: int, opens: str, closes: str, field: str
) -> None:
    """Whether rules look at it by a path, as a text, or not at all."""
    made = rulebook(
        ("aws/cloudtrail", Text("eventName", ("stoplogging",))),
        ("aws/cloudtrail", Text("a.x.y", ("v",))),
        ("aws/cloudtrail", Text("b", ((0, "v", 0),))),
        ("aws/cloudtrail", Not(Text("b", ((0, "w", 0),)))),
    )
    value = opens * depth + '{"x":{"y":"v"}}' + closes * depth
    start = json.dumps(STOP)[:-1]
    data = "\n".join((json.dumps(STOP), f'{start},"{field}":{value}}}', json.dumps(STOP))).encode()
    for lean in (False, True):
        for scanner in [Scanner(Detector(made, [TRAIL]), fields={"0": ("a",)}, lean=lean)] * 2:
            tally = Tally()
            found = [one.position for one in scanner.scan(data, tally)]
            assert found in ([0, 1, 2], [0, 2])
            assert tally.records + tally.rejections == 3
            assert found == [0, 1, 2] or "nested too deeply" in tally.rejected[0].reason
            if depth <= 650:
                assert found == [0, 1, 2]


def test_a_text_that_only_some_rules_look_for_hides_no_other() -> None:
    made = rulebook(
        ("aws/cloudtrail", Text("kind", (("a", 0),))),
        ("aws/cloudtrail", And((Text("eventName", ("y",)), Text("kind", (("b", 0),))))),
    )
    names, kinds = ["x", "y", "z"], ["a1", "b1", "c1", None]
    many = [{"eventSource": "s", "eventName": n, "kind": k} for n in names for k in kinds]
    found = list_of(Detector(made, [TRAIL]), text(*many * 50), lean=True)
    assert [(place % 12, [rule.id for rule in rules]) for place, rules, _, _ in found] == [
        (0, ["0"]),
        (4, ["0"]),
        (5, ["1"]),
        (8, ["0"]),
    ] * 50


def test_null_on_the_way_to_a_field_is_no_value() -> None:
    made = rulebook(
        ("aws/cloudtrail", Text("a.b", ("x",))),
        ("aws/cloudtrail", And((Text("a.b", ("x", "y")), Text("c.d.e", ("z",))))),
        ("aws/cloudtrail", Null("a.b")),
    )
    one = {"eventSource": "s", "eventName": "n", "a": {"b": "x"}, "c": {"d": {"e": "z"}}}
    many = [one, one | {"a": None}, one | {"c": {"d": None}}, one | {"c": None}, {"a": {}} | one]
    detector = Detector(made, [TRAIL])
    for _ in range(3):
        found = list_of(detector, text(*many * 100), lean=True)
        assert [[rule.id for rule in rules] for _, rules, _, _ in found] == [
            ["0", "1"],
            ["2"],
            ["0"],
            ["0"],
            ["0", "1"],
        ] * 100


def test_most_records_are_never_opened() -> None:
    tally = Tally()
    list(scan(text(*([QUIET] * 500)), DETECTOR, tally))
    assert (tally.records, tally.opened) == (500, 0)


def test_excerpts_of_rejected_records_are_short_and_printable() -> None:
    _, tally = seen(b'{"a":"\x1b[31m' + b"x" * 1_000 + b'}\n{"b":1}')
    assert tally.rejected[0].excerpt.isprintable()
    assert len(tally.rejected[0].excerpt) <= 120


def test_reading_gives_every_record_with_its_source() -> None:
    tally = Tally()
    found = list(read(text(QUIET, AZURE, {"a": 1}), [TRAIL, OTHER], tally))
    assert [(one.position, one.source and one.source.name) for one in found] == [
        (0, "aws/cloudtrail"),
        (1, "azure/activitylogs"),
        (2, None),
    ]
    assert (tally.records, tally.opened, tally.unknown) == (3, 3, 1)


def test_raw_reading_takes_envelopes_as_they_are() -> None:
    made = rulebook(("x/y", Text("detail.eventName", ("stoplogging",))))
    found = list(
        scan(text({"detail-type": "x", "detail": STOP}), Detector(made, (), raw=True), Tally())
    )
    assert [match.source for match in found] == ["raw"]


@pytest.mark.parametrize(
    "record",
    [
        b'{"eventSource":"s","eventName":"Stop\\u004cogging"}',
        b'{"eventSource":"s","event\\u004eame":"StopLogging"}',
        b'{"eventName":"Other","eventSource":"s","eventName":"StopLogging"}',
        b'{"x":{"eventName":"Other"},"eventSource":"s" , "eventName" : "STOPLOGGING"}',
        b'{"eventSource":"s","eventName":["Other","StopLogging"]}',
        b'{"eventSource":null,"eventName":"StopLogging"}',
    ],
)
def test_a_header_is_found_however_it_is_written(record: bytes) -> None:
    assert seen(b"[" + record + b"]")[0] == [0]


@pytest.mark.parametrize(
    "record",
    [
        b'{"eventName":"StopLogging","eventSource":"s","eventName":"Other"}',
        b'{"x":{"eventName":"StopLogging"},"eventSource":"s","eventName":"Other"}',
        b'{"eventSource":"s","eventName":"Other","x":"\\"eventName\\":\\"StopLogging\\""}',
    ],
)
def test_a_name_elsewhere_is_not_the_header(record: bytes) -> None:
    found, tally = seen(b"[" + record + b"]")
    assert (found, tally.records) == ([], 1)


@pytest.mark.parametrize("key", ["message", "data", "value", "Events", "records", "detail-type"])
def test_an_envelope_is_opened_though_a_rule_looks_at_its_key(key: str) -> None:
    rules = (("aws/cloudtrail", Text("eventName", ("stoplogging",))), ("x/*", Text(key, ("x",))))
    envelopes = [one for one in ENVELOPES.values() if isinstance(one, dict) and key in one]
    assert envelopes
    for envelope in envelopes:
        data = "\n".join(map(json.dumps, (QUIET, envelope, QUIET))).encode()
        for detector in (Detector(rulebook(*rules), [TRAIL, OTHER]), DETECTOR):
            for told in (Told(), Told("", key), Told(key)):
                for lean in (False, True):
                    found = Scanner(detector, told, lean=lean).scan(data, tally := Tally())
                    assert ([one.position for one in found], tally.unknown) == ([1], 0)


KEYS = ["eventName", "eventSource", "a", "b", "a.b", "detail", "Records", "operationName"]
VALUES = ["StopLogging", "x\ny", "x", "y", "", "1", "ß", "s-1", "10.0.0.1", "2001:db8::1"]

scalars = st.sampled_from([*VALUES, None, True, 1, 1.0, 0])
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["b", "c", "b.c"]), inner, max_size=2)
    ),
    max_leaves=4,
)
records = st.dictionaries(st.sampled_from(KEYS), json_values, max_size=5)
MARCH = 1_772_323_200_000
times = st.sampled_from(["2026-02-28T00:00:00Z", "2026-04-01T00:00:00Z", 5, "soon", None, [5], {}])
usual = st.builds(
    lambda name, source, more: {"eventName": name, "eventSource": source} | more,
    st.sampled_from(VALUES),
    st.sampled_from(["s", "t"]),
    st.dictionaries(st.sampled_from(["a", "b"]), json_values, max_size=2),
)

HARD_RULES: list[tuple[str, Expr]] = [
    ("aws/cloudtrail", Text("eventName", ("stoplogging",))),
    ("aws/cloudtrail", And((Text("eventName", ("x",)), Text("eventSource", ("s",))))),
    ("aws/cloudtrail", And((Text("eventName", ("x", "y")), Text("a.b", ("x",))))),
    ("aws/cloudtrail", And((Text("a.b", ("x", "y")), Not(Text("eventSource", ("t",)))))),
    ("aws/cloudtrail", Regex("b", "s-[0-9]")),
    ("aws/cloudtrail", Text("b", ("x\ny", (0, "ss"), ("stop", 0)))),
    ("aws/cloudtrail", Text("a.b", (("x", 1, "y"),))),
    ("aws/cloudtrail", And((Text("b", ((0, "1"),)), Text("eventName", ("",))))),
    ("aws/cloudtrail", And((Text("eventName", ("y",)), Exists("a.b.c", wanted=True)))),
    ("aws/cloudtrail", And((Text("eventName", ("y",)), Null("b")))),
    ("aws/cloudtrail", Cidr("b", "10.0.0.0/8")),
    ("aws/cloudtrail", And((Text("eventName", ("x", "y")), Cidr("a.b", "2001:db8::/32")))),
    ("aws/cloudtrail", And((Text("eventName", ("x",)), Regex("b", "(s|x)-?1?$")))),
    ("aws/cloudtrail", Text("a.c", tuple((0, f"s-{n}", 0) for n in range(1, 5)))),
    ("azure/activitylogs", Text("operationName", ("x",))),
]
HARD = rulebook(*HARD_RULES)
FILTERED = rulebook(
    *HARD_RULES,
    filters=[
        Filter(id=name, title="t", rules=rules, source="", expires=expires, detect=as_laid(expr))
        for name, rules, expires, expr in (
            ("a", ("0", "4"), None, Not(Text("a.b", ("x",)))),
            ("b", ("1", "3"), MARCH, Not(Text("eventSource", ("s",)))),
            ("c", (), MARCH, Not(Exists("b.c", wanted=True))),
            ("d", ("5",), None, Text(None, ("stoplogging",))),
        )
    ],
)
FLAT = rulebook(
    *(("aws/cloudtrail", Text("a", (word, "x"))) for word in ("x", "y", "", "1", "s-1")),
    ("aws/cloudtrail", Text("a.b", ("x",))),
    ("aws/cloudtrail", Exists("a.b", wanted=True)),
    ("aws/cloudtrail", Null("a.b.c")),
    ("azure/activitylogs", Text("operationName", ("x",))),
)
"""Fields within fields, which records may also have as dotted keys."""
GATED = rulebook(
    ("aws/cloudtrail", Or((Text("a", ((0, "x"),)), Text("b", (("s-", 0),))))),
    ("aws/cloudtrail", Or((Cidr("b", "10.0.0.0/8"), Cidr("b", "2001:db8::/32"), Regex("b", "^x")))),
    (
        "aws/cloudtrail",
        Or((And((Text("a", ("x",)), Compare("b", "gt", 0))), Regex("b", "s-[0-9]"))),
    ),
    ("aws/cloudtrail", Or((Text("b", ("y",)), Text(None, ("stoplogging",))))),
    ("aws/cloudtrail", Or((Text(None, ("s-1",)), Text(None, ("x",))))),
    ("aws/cloudtrail", Or((Compare("b", "eq", 1), Not(Text("a", ("x",)))))),
    ("aws/cloudtrail", And((Ref("b", "a", "is"), Or((Text("a", ("x",)), Compare("a", "lt", 2)))))),
    ("aws/cloudtrail", Or((Ref("b", "a.b", "has"), Text("eventName", ("y",))))),
    ("aws/cloudtrail", Or((Exists("b", wanted=True), Exists("a.b", wanted=True)))),
    ("aws/cloudtrail", And((Exists("b", wanted=True), Exists("a", wanted=False)))),
    ("azure/activitylogs", Text("operationName", ("x",))),
)
"""What rules out a rule is a test of several fields, or several of one."""


Found = tuple[int, tuple[Rule, ...], Any, tuple[Suppressed, ...]]


def slowly(data: bytes, detector: Detector) -> list[Found]:
    found = []
    for position, value in enumerate(msgspec.json.decode(data)):
        inner = value.get("detail") if "detail-type" in value else None
        record = inner if isinstance(inner, dict) and not detector.raw else value
        source = "raw" if detector.raw else ""
        for one in detector.sources:
            fits = all(key in record for key in one.keys)
            if fits and not source and (one is TRAIL or record["category"] == "Policy"):
                source = one.name
        matched = detector.judge(source, record) if source else NO_MATCH
        if matched != NO_MATCH:
            found.append((position, matched.rules, record, matched.suppressed))
    return found


ids = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(["e1", "", None, 5, ["e2", "e3"], [], {"b": "x"}, True])
        for name in ("eventID", "uid", "id")
    },
)


@settings(max_examples=900, deadline=None)
@given(
    st.lists(usual | records, max_size=12),
    st.lists(st.tuples(times, st.sampled_from(["eventTime", "time", "b"]), ids), min_size=12),
    st.sampled_from([HARD, FILTERED, FLAT, GATED]),
    st.sampled_from([Told(), Told("b", "a"), Told("a.b"), Told(uid_field="a.b")]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_headers_decide_as_whole_records_do(
    many: list[Any],
    said: list[Any],
    made: Rulebook,
    told: Told,
    switches: tuple[bool, bool, bool],
) -> None:
    raw, lines, eager = switches
    many = [
        one | {field: time} | more
        for one, (time, field, more) in zip(many, said, strict=False)
        if not isinstance(one.get("Records"), list)
    ]
    detector = Detector(made, () if raw else [TRAIL, OTHER], raw=raw)
    data = text(*many)
    given = b"\n".join(json.dumps(one).encode() for one in many) if lines else data
    expected = slowly(data, detector)
    with pytest.MonkeyPatch.context() as patch:
        if eager:  # new headers after every second record
            patch.setattr("core.scan.quick.LESSON", 0)
            patch.setattr("core.detect.header.LESSONS", 9)
            patch.setattr("core.detect.header.CROWD", 2)
            patch.setattr("core.scan.quick.STEP", 2)
            patch.setattr("core.detect.checks.KEPT", 1)
        assert list_of(detector, given) == expected
        whole = list(Scanner(detector, told, ASKED).scan(given, Tally()))
        lean = list(Scanner(detector, told, ASKED, lean=True).scan(given, Tally()))
        again = list(Scanner(detector, told, ASKED, lean=True).scan(given, Tally()))
        bare = list(Scanner(detector, told, lean=True).scan(given, Tally()))
    for match, (_, rules, record, _) in zip(whole, expected, strict=True):
        source = None if raw else next(one for one in (TRAIL, OTHER) if one.name == match.source)
        assert (match.event, match.unique, match.time) == told.of(record, source)
        assert match.values == asked_of(rules, record)
    without = [msgspec.structs.replace(one, native={}) for one in whole]
    assert lean == again == without
    assert bare == [msgspec.structs.replace(one, values=()) for one in without]


def test_only_records_whose_hits_a_filter_must_judge_are_opened_for_it() -> None:
    screen = Filter(
        id="f", title="t", rules=("0",), source="", detect=as_laid(Not(Text("who", ("robot",))))
    )
    one = ("aws/cloudtrail", Text("eventName", ("stoplogging",)))
    two = ("aws/cloudtrail", Text("eventName", ("describe",)))
    data = text(*[QUIET] * 500, *[STOP | {"who": "robot"}] * 3, STOP, *[QUIET] * 500)
    for filters, opened in (((), 0), ([screen], 4)):
        detector, tally = Detector(rulebook(one, two, filters=filters), [TRAIL]), Tally()
        found = list(Scanner(detector, lean=True).scan(data, tally))
        assert (tally.records, tally.opened) == (1_004, opened)
        assert len(found) == 1_004
        silent = [match.position for match in found if not match.numbers]
        assert silent == ([500, 501, 502] if filters else [])


ASKED = {"0": ("a.b", "eventSource"), "3": ("a.b.c", "b"), "4": ("b.c", "a"), "6": ("a.b",)}
"""Fields that are asked for of what some rules match."""


def asked_of(rules: tuple[Rule, ...], record: Any) -> tuple[tuple[Any, ...], ...]:
    """What is asked for of a record, as the plain matcher finds it."""
    every = [[list(lookup(record, name)) for name in ASKED.get(rule.id, ())] for rule in rules]
    found = tuple(tuple(few[0] if len(few) == 1 else few for few in some) for some in every)
    return found if any(found) else ()


def list_of(detector: Detector, data: bytes, *, lean: bool = False) -> list[Found]:
    found = Scanner(detector, lean=lean).scan(data, Tally())
    return [
        (match.position, detector.rules(match.numbers), match.native, match.suppressed)
        for match in found
    ]


def test_a_record_that_lacks_a_mark_of_its_neighbours_is_unknown() -> None:
    made = rulebook(("aws/cloudtrail", Text("b", ("x",))))
    for mark in TRAIL.keys:
        lacking = {k: v for k, v in STOP.items() if k != mark} | {"b": "x"}
        tally = Tally()
        data = text(STOP | {"b": "x"}, lacking)
        found = list(scan(data, Detector(made, [TRAIL, OTHER]), tally))
        assert ([one.position for one in found], tally.unknown) == ([0], 1)


def test_one_and_true_are_told_apart_in_a_header() -> None:
    made = rulebook(("aws/cloudtrail", Text("eventName", ("true",))))
    names = ["x", 1, True, 1.0, "true", "1", True, 1]
    data = text(*({"eventSource": "s", "eventName": name} for name in names))
    found = scan(data, Detector(made, [TRAIL]), Tally())
    assert [one.position for one in found] == [2, 4, 6]
    made = rulebook(("aws/cloudtrail", Not(Text("eventName", ("true",)))))
    found = scan(data, Detector(made, [TRAIL]), Tally())
    assert [one.position for one in found] == [0, 1, 3, 5, 7]


@pytest.mark.parametrize("pattern", ["x\ny", ("x\n", 0), (0, "\ny"), (0, "x\ny", 0), ("x", 1, "y")])
def test_line_breaks_in_a_value_hide_nothing(pattern: Any) -> None:
    made = rulebook(("aws/cloudtrail", Text("b", (pattern,))))
    found = scan(text(QUIET, QUIET | {"b": "X\nY"}), Detector(made, [TRAIL]), Tally())
    assert [one.position for one in found] == [1]


def test_a_key_with_dots_is_found_beside_the_shorter_one_that_a_header_holds() -> None:
    source = TRAIL._replace(aliases={"c": ("a.b",)})
    made = rulebook(
        ("aws/cloudtrail", Null("c")),
        ("aws/cloudtrail", And((Text(None, ("",)), Text("a", ("",))))),
    )
    record = {"eventSource": "s", "eventName": "n", "a": "", "a.b": ""}
    (found,) = scan(text(record), detector := Detector(made, [source]), Tally())
    assert detector.rules(found.numbers) == plain_match(made, source, record)
    assert found.numbers == (1,)


def test_what_is_remembered_of_headers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.detect.header.MOST_ANSWERS", 10)
    monkeypatch.setattr("core.detect.checks.KEPT", 10)
    scanner = Scanner(Detector(HARD, [TRAIL, OTHER]))
    many = [{"eventName": f"n{n}", "eventSource": "s", "b": f"s-{n}x"} for n in range(100)]
    assert len(list(scanner.scan(text(*many), Tally()))) == 100
    quick = next(iter(scanner._quick.values()))
    assert quick is not None
    assert len(quick._header.answers) <= 10


def test_headers_are_made_anew_for_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.scan.quick.LESSON", 3)
    monkeypatch.setattr("core.detect.header.MOST_ANSWERS", 10)
    many = [
        {"eventName": VALUES[n % 8], "eventSource": "st"[n % 2], "a": {"b": VALUES[n % 3]}, "b": f"s-{n}"}
        for n in range(300)
    ]  # fmt: skip
    many.insert(150, {"eventName": "x", "eventSource": "s", "a.b": "x"})
    detector = Detector(HARD, [TRAIL, OTHER])
    tally = Tally()
    scanner = Scanner(detector, lean=True)
    found = [(one.position, one.numbers) for one in scanner.scan(text(*many), tally)]
    assert [(place, detector.rules(numbers)) for place, numbers in found] == [
        one[:2] for one in slowly(text(*many), detector)
    ]
    assert tally.records == 301
    again = [(one.position, one.numbers) for one in scanner.scan(text(*many[:150]), Tally())]
    assert again == [one for one in found if one[0] < 150]


def test_a_column_of_ids_is_searched_rather_than_told_apart() -> None:
    """All rules look for the address of somebody, and no two records have one alike."""
    rules = [("aws/cloudtrail", Text("ip", (f"192.0.2.{n}",))) for n in range(20)]
    detector, tally = Detector(rulebook(*rules), [TRAIL]), Tally()
    many = [QUIET | {"ip": f"198.51.{n % 100}.{n}"} for n in range(4_000)]
    many[3_000] |= {"ip": "192.0.2.7"}
    scanner = Scanner(detector, lean=True)
    assert [one.position for one in scanner.scan(text(*many), tally)] == [3_000]
    header = detector.plan(TRAIL.name).header
    assert (header.exact, header.extra) == (("eventName",), ("ip",))
    assert len(header.answers) == 1
    assert tally.opened == 0
    again = Scanner(detector, lean=True).scan(text(*many), tally)
    assert [one.numbers for one in again] == [(7,)]


def test_what_teaches_nothing_new_leaves_the_header_and_its_answers() -> None:
    header = Detector(HARD, [TRAIL]).plan(TRAIL.name).header
    asked, none = Counter({4: 200}), Counter[Any]()
    taught = header.learn(Lesson(none, asked, none))
    assert taught is not header
    assert taught.learn(Lesson(none, asked, none)) is taught
    assert (header.lessons, taught.lessons) == (0, 2)
    for _ in range(9):
        taught = taught.learn(Lesson(none, none, none))
    assert not taught.may_learn
    passed_over = taught.learn(Lesson(none, none, Counter({"a.b": 1_000})))
    assert passed_over is not taught


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_record_is_found_in_whatever_delivered_it(name):
    envelope = ENVELOPES[name]
    for data in (json.dumps(envelope), json.dumps([envelope]), f"{json.dumps(envelope)}\n" * 2):
        tally = Tally()
        found = list(scan(data.encode(), DETECTOR, tally))
        assert {one.native["eventID"] for one in found} == {"1"}
        assert tally.records == len(found)
        assert tally.unknown == 0


@pytest.mark.parametrize("name", ENVELOPES)
def test_between_records_an_envelope_is_opened_too(name):
    """The first record makes the scan expect headers; the envelope has none."""
    lines = [json.dumps(one) for one in (QUIET, ENVELOPES[name], QUIET)]
    found = list(scan("\n".join(lines).encode(), DETECTOR, Tally()))
    assert [(one.native["eventID"], one.position >= 1) for one in found] == [("1", True)]


def test_what_only_looks_like_an_envelope_is_a_record_itself():
    odd = [
        {"data": {"message": 3}},
        {"message": "text"},
        {"message": {"data": "no base64!"}},
        {"message": {"data": base64.b64encode(b"no JSON").decode()}},
        {"value": [1], "other": 2},
        {"detail-type": "t", "detail": "text"},
        {"Events": [1]},
        {"Events": [{"CloudTrailEvent": "no JSON"}], "more": 1},
        {"CloudTrailEvent": "5"},
        {"events": [{"message": 1}]},
        {"events": []} | {"name": "x"},
        {"logEvents": "text"},
        {"entries": [STOP], "of": "another kind"},
        {"tables": [{"columns": [{"name": "a"}], "rows": [[1, 2]]}]},
        {"preview": True, "result": "text"},
        {"_raw": "a line of text"},
        {"hits": 5},
        {"_source": STOP},
        {"AuditData": "no JSON"},
        {"data": {"logName": "l"}, "logName": "m"},
    ]
    tally = Tally()
    assert not list(scan(json.dumps(odd).encode(), DETECTOR, tally))
    assert (tally.records, tally.unknown, tally.rejections) == (len(odd), len(odd), 0)


def test_long_texts_are_not_kept() -> None:
    """Of any number of them, whatever looks at them: rules, columns, time and id."""
    rules = (
        ("aws/cloudtrail", Text("b", ((0, "needle"),))),
        ("aws/cloudtrail", And((Text("eventName", ("x",)), Text("c", ("y",))))),
        ("aws/cloudtrail", Cidr("d", "10.0.0.0/8")),
    )
    scanner = Scanner(Detector(rulebook(*rules), [TRAIL]), lean=True)
    names, size = ("eventName", "eventTime", "b", "c", "d"), 1 << 14

    def given(file: int) -> bytes:
        own = [{name: f"{file} {n}{name}" + "x" * size for name in names} for n in range(50)]
        return text(*(STOP | {"eventID": f"{n}"} | one for n, one in enumerate(own)))

    list(scanner.scan(given(0), Tally()))
    tracemalloc.start()
    for file in range(1, 6):
        list(scanner.scan(given(file), Tally()))
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < len(given(0)) // 2


def derived(record: Any) -> list[Any]:
    """The operation and what is behind its dot."""
    name = record.get("op", {}).get("name") if isinstance(record.get("op"), dict) else None
    return [name, name.rpartition(".")[2]] if isinstance(name, str) else []


def shape(name: str, keys: tuple[str, ...], only: dict[str, tuple[str, ...]]) -> Source:
    """A shape of a logsource whose fields are told by several paths, or by a function of one."""
    return Source(
        name=name,
        keys=keys,
        route="Operation",
        time="time",
        uid="id",
        event=event_of,
        aliases={"Operation": ("opName", "op.name"), "Kind": ("kind",)},
        derived={
            "Verb": Derived(derived, ("op.name",)),
            "Whole": lambda record: [len(record)],
            "Said": Derived(lambda record: ["Added", record.get("note")], says=("Added",)),
        },
        only=only,
    )


SHAPES = [
    TRAIL,
    shape("x/special", ("op", "kind"), {"kind": ("Special",), "op.name": ("a.stop", "A.Go")}),
    shape("x/log", ("op", "kind"), {"kind": ("Log", "Other")}),
    shape("x/log", ("opName", "time"), {}),
    shape("x/late", ("op", "time"), {"op.name": ("a.stop",)}),
]
SHAPED = rulebook(
    ("x/log", Text("Operation", ("a.stop", "a.go"))),
    ("x/log", And((Text("Verb", ("stop",)), Text("Kind", ("log",))))),
    ("x/log", And((Text("Verb", ("go",)), Regex("who", "^b")))),
    ("x/log", Text("Whole", ("3",))),
    ("x/*", And((Text("Operation", (("a.", 0),)), Not(Text("who", ("bob",)))))),
    ("x/special", Null("who")),
    ("x/late", Text("op.name", ((0, "op"),))),
    ("x/log", Text(None, ((0, "no te", 0),))),
    ("x/log", Text(None, ((0, "te/k", 0),))),
    ("x/log", And((Text("note", ((0, "te/k", 0), ("x", 1))), Text("Kind", ("log",))))),
    ("x/log", Text("Said", ((0, "no t", 0),))),
    ("x/log", And((Text("Said", ((0, "add", 0),)), Regex("note", "No")))),
    ("x/*", And((Regex(None, "T[e]/"), Not(Text("note.a", ("5e0",)))))),
    ("x/log", Text(None, ((0, "5000", 0),))),
    ("aws/cloudtrail", Text("eventName", ("x",))),
)
notes = st.sampled_from(
    [
        "No Te",
        "a no te/k",
        "no\u212ate",
        "NO TE/\u212a",
        "xy",
        {"a": "No Te"},
        {"a": 5e3},
        ["no te"],
        5e3,
    ]
)
names = st.sampled_from(["a.stop", "A.GO", "b.stop", "x", ""])
odd_values = names | st.sampled_from([None, 3, ["a.stop"], {"name": "a.stop"}, [{"name": "a.go"}]])
shaped = st.fixed_dictionaries(
    {},
    optional={
        "op": st.fixed_dictionaries({}, optional={"name": odd_values}) | odd_values,
        "op.name": names,
        "opName": odd_values,
        "kind": st.sampled_from(["special", "Log", "other", "none", None, ["log"], 5]),
        "time": st.just("2026-03-01T00:00:00Z"),
        "who": st.sampled_from(["bob", "alice", None]),
        "note": notes,
        "eventName": st.just("x"),
        "eventSource": st.just("s"),
    },
)
plain_shaped = st.builds(
    lambda name, kind, more: {"op": {"name": name}, "kind": kind, **more},
    names,
    st.sampled_from(["Log", "Special"]),
    st.fixed_dictionaries({"who": st.sampled_from(["bob", "alice"])}, optional={"note": notes}),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(plain_shaped | shaped, max_size=10), st.booleans(), st.booleans(), st.booleans())
def test_shapes_of_a_logsource_are_told_apart_by_headers_as_by_whole_records(
    many: list[Any], eager: bool, ascii_only: bool, slashed: bool
) -> None:
    detector = Detector(SHAPED, SHAPES)
    expected = []
    for position, record in enumerate(many):
        source = identify(record, SHAPES)
        rules = detector.match(source.name, record) if source else ()
        if source:
            assert rules == plain_match(SHAPED, source, record)
        if rules:
            expected.append((position, rules, record, ()))
    with pytest.MonkeyPatch.context() as patch:
        if eager:
            patch.setattr("core.scan.quick.LESSON", 0)
            patch.setattr("core.detect.header.LESSONS", 9)
            patch.setattr("core.scan.quick.STEP", 2)
        data = json.dumps(many, ensure_ascii=ascii_only)
        data = data.replace("/", "\\/") if slashed else data
        assert list_of(detector, data.encode()) == expected


def test_records_of_a_shape_are_not_opened_where_their_headers_decide() -> None:
    quiet = {"op": {"name": "b.read"}, "kind": "Log", "who": "bob"} | WHEN
    tally = Tally()
    book = rulebook(("x/log", And((Text("Verb", ("stop",)), Text("Kind", ("log",))))))
    scanner = Scanner(Detector(book, SHAPES), lean=True)
    found = list(scanner.scan(text(*[quiet] * 50, quiet | {"op": {"name": "b.stop"}}), tally))
    assert ([one.position for one in found], tally.opened) == ([50], 0)
