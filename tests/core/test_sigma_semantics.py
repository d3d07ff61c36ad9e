"""What each construct of Sigma means, one row each, for both matchers.

The pages behind the rows: docs/decisions/0010-sigma-semantics.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.detect import Detector
from core.detect.plain import plain_match
from core.sigma import compile_rules

Row = tuple[str, str, Any, bool]

FIRE, QUIET = True, False


def rows(*groups: tuple[str, str, list[tuple[Any, bool]]]) -> list[Any]:
    """(name, detection as YAML, [(event, expected)]) as parameters with readable names."""
    return [
        pytest.param(detection, event, expected, id=f"{name}-{number}")
        for name, detection, cases in groups
        for number, (event, expected) in enumerate(cases)
    ]


def selection(*lines: str) -> str:
    """A detection with one selection of these lines."""
    return "\n".join(["selection:", *(f"  {line}" for line in lines), "condition: selection"])


@pytest.fixture
def fires(tmp_path: Path) -> Callable[..., bool]:
    """Compile a detection, ask both matchers, demand that they agree."""

    def ask(detection: str, event: Any, **settings: Any) -> bool:
        lines = "\n".join(f"  {line}" for line in detection.splitlines())
        text = f"title: t\nlogsource: {{product: p, service: s}}\ndetection:\n{lines}\n"
        (tmp_path / "rule.yml").write_text(text, encoding="utf-8")
        compiled = compile_rules([tmp_path / "rule.yml"], **settings)
        assert compiled.faults == ()
        fast = Detector(compiled.book, (), raw=True).match("raw", event)
        plain = plain_match(compiled.book, None, event)
        assert fast == plain
        return bool(fast)

    return ask


TEXT = rows(
    (
        "equal",
        selection("a: Stop"),
        [
            ({"a": "Stop"}, FIRE),
            ({"a": "sTOP"}, FIRE),
            ({"a": "Stopp"}, QUIET),
            ({}, QUIET),
            ({"b": "Stop"}, QUIET),
            ({"a": ""}, QUIET),
            ({"a": None}, QUIET),
            ({"A": "Stop"}, QUIET),
        ],
    ),
    (
        "list is any",
        selection("a: [x, y]"),
        [
            ({"a": "x"}, FIRE),
            ({"a": "Y"}, FIRE),
            ({"a": "z"}, QUIET),
        ],
    ),
    (
        "map is all",
        selection("a: x", "b: y"),
        [
            ({"a": "x", "b": "y"}, FIRE),
            ({"a": "x"}, QUIET),
            ({"b": "y"}, QUIET),
        ],
    ),
    (
        "list of maps is any",
        selection("- a: x", "  b: y", "- c: z"),
        [
            ({"a": "x", "b": "y"}, FIRE),
            ({"c": "z"}, FIRE),
            ({"a": "x"}, QUIET),
        ],
    ),
    (
        "contains",
        selection("a|contains: ell"),
        [
            ({"a": "hELlo"}, FIRE),
            ({"a": "ell"}, FIRE),
            ({"a": "el l"}, QUIET),
        ],
    ),
    (
        "startswith",
        selection("a|startswith: he"),
        [
            ({"a": "Hello"}, FIRE),
            ({"a": "he"}, FIRE),
            ({"a": "ahe"}, QUIET),
        ],
    ),
    (
        "endswith",
        selection("a|endswith: lo"),
        [
            ({"a": "helLO"}, FIRE),
            ({"a": "lo"}, FIRE),
            ({"a": "loo"}, QUIET),
        ],
    ),
    (
        "contains a number",
        selection("a|contains: 080"),
        [
            ({"a": "x0801"}, FIRE),
            ({"a": 10801}, FIRE),
            ({"a": "80"}, QUIET),
        ],
    ),
    (
        "all",
        selection("a|contains|all: [x, y]"),
        [
            ({"a": "y-x"}, FIRE),
            ({"a": "x"}, QUIET),
            ({"a": ["x", "y"]}, FIRE),
            ({"a": "y"}, QUIET),
        ],
    ),
    (
        "all of exact values needs a list",
        selection("a|all: [x, y]"),
        [
            ({"a": ["x", "y", "z"]}, FIRE),
            ({"a": ["x"]}, QUIET),
            ({"a": "x"}, QUIET),
        ],
    ),
    (
        "cased",
        selection("a|cased: Stop"),
        [
            ({"a": "Stop"}, FIRE),
            ({"a": "stop"}, QUIET),
            ({"a": ["no", "Stop"]}, FIRE),
        ],
    ),
    (
        "contains cased",
        selection("a|contains|cased: To"),
        [
            ({"a": "xTox"}, FIRE),
            ({"a": "xtox"}, QUIET),
        ],
    ),
    (
        "case folds beyond ASCII",
        selection("a: STRASSE"),
        [
            ({"a": "straße"}, FIRE),
            ({"a": "Strasse"}, FIRE),
        ],
    ),
    (
        "greek sigma folds anywhere",
        selection("a|contains: ΟΔΟΣ"),
        [
            ({"a": "οδος"}, FIRE),
            ({"a": "οδοσα"}, FIRE),
        ],
    ),
    (
        "neq",
        selection("a|neq: x"),
        [
            ({"a": "y"}, FIRE),
            ({"a": "X"}, QUIET),
            ({}, FIRE),
            ({"a": ["x", "y"]}, QUIET),
        ],
    ),
    (
        "neq of several",
        selection("a|neq: [x, y]"),
        [
            ({"a": "z"}, FIRE),
            ({"a": "x"}, QUIET),
            ({"a": "y"}, QUIET),
        ],
    ),
    ("neq of a number", selection("a|neq: 5"), [({"a": 6}, FIRE), ({"a": "5"}, QUIET)]),
    (
        "neq of another field",
        selection("a|fieldref|neq: b"),
        [
            ({"a": "x", "b": "y"}, FIRE),
            ({"a": "x", "b": "X"}, QUIET),
            ({"a": "x"}, FIRE),
        ],
    ),
    (
        "contains neq",
        selection("a|contains|neq: x"),
        [
            ({"a": "yxy"}, QUIET),
            ({"a": "y"}, FIRE),
        ],
    ),
)

WILDCARDS = rows(
    (
        "star inside",
        selection("a: he*lo"),
        [
            ({"a": "HELLO"}, FIRE),
            ({"a": "helo"}, FIRE),
            ({"a": "hel"}, QUIET),
            ({"a": "he\nlo"}, FIRE),
            ({"a": "xhelo"}, QUIET),
        ],
    ),
    (
        "question mark is one character",
        selection("a: h?llo"),
        [
            ({"a": "hallo"}, FIRE),
            ({"a": "hllo"}, QUIET),
            ({"a": "h\u00e4llo"}, FIRE),
            ({"a": "h\nllo"}, FIRE),
            ({"a": "haallo"}, QUIET),
        ],
    ),
    (
        "both",
        selection("a: '?b*d?f'"),
        [
            ({"a": "abcdef"}, FIRE),
            ({"a": "abdef"}, FIRE),
            ({"a": "abef"}, QUIET),
        ],
    ),
    (
        "only a star",
        selection("a: '*'"),
        [
            ({"a": "x"}, FIRE),
            ({"a": ""}, FIRE),
            ({"a": 0}, FIRE),
            ({"a": {"b": 1}}, FIRE),
            ({"a": None}, QUIET),
            ({}, QUIET),
            ({"a": []}, QUIET),
        ],
    ),
    ("escaped star", selection(r"a: 'a\*b'"), [({"a": "a*b"}, FIRE), ({"a": "axb"}, QUIET)]),
    (
        "escaped question mark",
        selection(r"a: 'a\?b'"),
        [({"a": "a?b"}, FIRE), ({"a": "axb"}, QUIET)],
    ),
    (
        "escaped backslash before a star",
        selection(r"a: 'a\\*'"),
        [
            ({"a": "a\\b"}, FIRE),
            ({"a": "a*"}, QUIET),
        ],
    ),
    (
        "three backslashes before a star are plain text",
        selection(r"a: 'a\\\*'"),
        [
            ({"a": "a\\*"}, FIRE),
            ({"a": "a\\b"}, QUIET),
        ],
    ),
    (
        "two, and four, backslashes",
        selection(r"a: ['x\\y', 'p\\\\q']"),
        [
            ({"a": "x\\y"}, FIRE),
            ({"a": "x\\\\y"}, QUIET),
            ({"a": "p\\\\q"}, FIRE),
            ({"a": "p\\q"}, QUIET),
        ],
    ),
    (
        "plain backslash",
        selection(r"a: 'C:\Windows\x'"),
        [
            ({"a": "c:\\windows\\X"}, FIRE),
            ({"a": "c:windowsx"}, QUIET),
        ],
    ),
    (
        "contains with an escaped star",
        selection(r"a|contains: '\*'"),
        [
            ({"a": "x*y"}, FIRE),
            ({"a": "xy"}, QUIET),
        ],
    ),
    (
        "contains with a wildcard",
        selection("a|contains: x?z"),
        [
            ({"a": "--xyz--"}, FIRE),
            ({"a": "xz"}, QUIET),
        ],
    ),
    (
        "regex characters are plain",
        selection("a: 'a.c*[x]'"),
        [
            ({"a": "a.c--[x]"}, FIRE),
            ({"a": "abc--x"}, QUIET),
        ],
    ),
)

REGEX = rows(
    (
        "found anywhere",
        selection("a|re: b+"),
        [
            ({"a": "abbc"}, FIRE),
            ({"a": "aBc"}, QUIET),
            ({"a": ["x", "b"]}, FIRE),
            ({}, QUIET),
        ],
    ),
    ("anchors", selection("a|re: '^b+$'"), [({"a": "bb"}, FIRE), ({"a": "abb"}, QUIET)]),
    ("i", selection("a|re|i: '^b+$'"), [({"a": "BB"}, FIRE)]),
    ("m", selection("a|re|m: '^b$'"), [({"a": "a\nb\nc"}, FIRE), ({"a": "abc"}, QUIET)]),
    ("no m", selection("a|re: '^b$'"), [({"a": "a\nb\nc"}, QUIET)]),
    ("s", selection("a|re|s: 'a.c'"), [({"a": "a\nc"}, FIRE)]),
    ("no s", selection("a|re: 'a.c'"), [({"a": "a\nc"}, QUIET)]),
    (
        "i, m and s by their long names",
        selection("a|re|ignorecase|multiline|dotall: '^A.C$'"),
        [
            ({"a": "x\na\nc\nx"}, FIRE),
            ({"a": "xa\nc"}, QUIET),
        ],
    ),
    ("i and s", selection("a|re|i|s: 'A.C'"), [({"a": "a\nc"}, FIRE)]),
    ("startswith", selection("a|re|startswith: b|c"), [({"a": "cx"}, FIRE), ({"a": "xc"}, QUIET)]),
    ("endswith", selection("a|re|endswith: b|c"), [({"a": "xc"}, FIRE), ({"a": "cx"}, QUIET)]),
    ("contains", selection("a|re|contains: b|c"), [({"a": "xcx"}, FIRE), ({"a": "x"}, QUIET)]),
    ("all", selection("a|re|all: [b, c]"), [({"a": "cb"}, FIRE), ({"a": "c"}, QUIET)]),
    ("of a number", selection("a|re: '^4[0-9]{2}$'"), [({"a": 404}, FIRE), ({"a": 4040}, QUIET)]),
    ("written as a number", selection("a|re: 404"), [({"a": "x404"}, FIRE), ({"a": "40"}, QUIET)]),
)

NUMBERS = rows(
    (
        "number and text",
        selection("a: 0"),
        [
            ({"a": 0}, FIRE),
            ({"a": "0"}, FIRE),
            ({"a": 0.0}, FIRE),
            ({"a": "00"}, QUIET),
            ({"a": False}, QUIET),
            ({"a": ""}, QUIET),
            ({"a": None}, QUIET),
        ],
    ),
    ("text and number", selection("a: '50126'"), [({"a": 50126}, FIRE), ({"a": 50126.0}, FIRE)]),
    (
        "fraction",
        selection("a: 1.5"),
        [({"a": 1.5}, FIRE), ({"a": "1.5"}, FIRE), ({"a": 15}, QUIET)],
    ),
    (
        "large",
        selection("a: 12345678901234567890"),
        [
            ({"a": 12345678901234567890}, FIRE),
            ({"a": 12345678901234567891}, QUIET),
        ],
    ),
    (
        "boolean",
        selection("a: true"),
        [
            ({"a": True}, FIRE),
            ({"a": "true"}, FIRE),
            ({"a": "True"}, FIRE),
            ({"a": 1}, QUIET),
            ({"a": False}, QUIET),
        ],
    ),
    ("text and boolean", selection("a: 'False'"), [({"a": False}, FIRE), ({"a": 0}, QUIET)]),
    ("one is not true", selection("a: 1"), [({"a": True}, QUIET), ({"a": 1}, FIRE)]),
    (
        "gt",
        selection("a|gt: 5"),
        [
            ({"a": 6}, FIRE),
            ({"a": 5}, QUIET),
            ({"a": 5.5}, FIRE),
            ({"a": "6"}, FIRE),
            ({"a": "6 "}, QUIET),
            ({"a": "x"}, QUIET),
            ({"a": True}, QUIET),
            ({}, QUIET),
            ({"a": [1, 9]}, FIRE),
            ({"a": "1e1"}, FIRE),
            ({"a": None}, QUIET),
            ({"a": "0x10"}, QUIET),
        ],
    ),
    ("gte", selection("a|gte: 5"), [({"a": 5}, FIRE), ({"a": 4.9}, QUIET)]),
    ("lt", selection("a|lt: 5"), [({"a": 4}, FIRE), ({"a": 5}, QUIET), ({"a": "-1"}, FIRE)]),
    ("lte", selection("a|lte: 5"), [({"a": 5}, FIRE), ({"a": 6}, QUIET), ({"a": "5.0"}, FIRE)]),
    ("minute", selection("a|minute: 34"), [({"a": "2026-03-01T12:34:56Z"}, FIRE)]),
    (
        "hour is in UTC",
        selection("a|hour: 12"),
        [
            ({"a": "2026-03-01T12:34:56Z"}, FIRE),
            ({"a": "2026-03-01T14:34:56+02:00"}, FIRE),
            ({"a": "2026-03-01T13:00:00Z"}, QUIET),
            ({"a": "no date"}, QUIET),
            ({}, QUIET),
        ],
    ),
    ("day", selection("a|day: 1"), [({"a": "2026-03-01"}, FIRE), ({"a": 1772323200}, FIRE)]),
    ("week", selection("a|week: 9"), [({"a": "2026-03-01T00:00:00Z"}, FIRE)]),
    ("month", selection("a|month: [3, 4]"), [({"a": 1772323200000}, FIRE)]),
    ("year", selection("a|year: 2026"), [({"a": "2026-03-01 12:00:00"}, FIRE)]),
    (
        "hour compared",
        selection("a|hour|gte: 22"),
        [
            ({"a": "2026-03-01T23:00:00Z"}, FIRE),
            ({"a": "2026-03-01T21:00:00Z"}, QUIET),
        ],
    ),
)

NOTHING = rows(
    (
        "null",
        selection("a: null"),
        [
            ({}, FIRE),
            ({"a": None}, FIRE),
            ({"a": []}, FIRE),
            ({"a": ""}, QUIET),
            ({"a": 0}, QUIET),
            ({"a": [None, 1]}, FIRE),
            ({"a": {}}, QUIET),
            ({"a": "null"}, QUIET),
        ],
    ),
    ("null below an object", selection("a.b: null"), [({"a": {}}, FIRE), ({"a": {"b": 1}}, QUIET)]),
    (
        "null or a text",
        selection("a: [null, x]"),
        [({}, FIRE), ({"a": "x"}, FIRE), ({"a": "y"}, QUIET)],
    ),
    ("no value is null", selection("a: []"), [({}, FIRE), ({"a": "x"}, QUIET)]),
    (
        "empty text",
        selection("a: ''"),
        [
            ({"a": ""}, FIRE),
            ({}, QUIET),
            ({"a": None}, QUIET),
            ({"a": " "}, QUIET),
            ({"a": [""]}, FIRE),
        ],
    ),
    (
        "exists",
        selection("a|exists: true"),
        [
            ({"a": "x"}, FIRE),
            ({"a": ""}, FIRE),
            ({"a": None}, FIRE),
            ({"a": []}, FIRE),
            ({}, QUIET),
        ],
    ),
    (
        "does not exist",
        selection("a.b|exists: false"),
        [
            ({"a": {}}, FIRE),
            ({}, FIRE),
            ({"a": {"b": None}}, QUIET),
            ({"a": [{"c": 1}, {"b": 2}]}, QUIET),
        ],
    ),
)

FIELDS = rows(
    (
        "dots go through objects",
        selection("a.b.c: x"),
        [
            ({"a": {"b": {"c": "x"}}}, FIRE),
            ({"a": {"b": "x"}}, QUIET),
            ({"a": "x"}, QUIET),
        ],
    ),
    (
        "dots go through lists",
        selection("a.b: x"),
        [
            ({"a": [{"b": "y"}, {"b": "x"}]}, FIRE),
            ({"a": [[{"b": "x"}]]}, FIRE),
            ({"a": []}, QUIET),
        ],
    ),
    (
        "keys with dots",
        selection("a.b.c: x"),
        [
            ({"a.b.c": "x"}, FIRE),
            ({"a.b": {"c": "x"}}, FIRE),
            ({"a": {"b.c": "x"}}, FIRE),
            ({"a.b": {"d": 1}, "a": {"b": {"c": "x"}}}, FIRE),
        ],
    ),
    ("the longest key counts", selection("a.b: x"), [({"a.b": "y", "a": {"b": "x"}}, QUIET)]),
    (
        "any element of a list",
        selection("a: x"),
        [
            ({"a": ["y", "X"]}, FIRE),
            ({"a": [["x"]]}, FIRE),
            ({"a": ["y"]}, QUIET),
        ],
    ),
    (
        "an object is its JSON text",
        selection("a|contains: '\"State\":0'"),
        [
            ({"a": {"State": 0}}, FIRE),
            ({"a": {"State": 1}}, QUIET),
            ({"a": [{"State": 0}]}, FIRE),
        ],
    ),
    (
        "numbers in an object as JSON has them",
        selection("a|contains: [':1e16}', ':0.00001}', ':1e-6}', ':null}']"),
        [({"a": {"b": number}}, FIRE) for number in (1e16, 1e-5, 1e-6, float("inf"))],
    ),
    ("text beyond ASCII in an object", selection("a|contains: ä"), [({"a": {"b": "Ä"}}, FIRE)]),
    (
        "fieldref",
        selection("a|fieldref: b"),
        [
            ({"a": "x", "b": "X"}, FIRE),
            ({"a": "x", "b": "y"}, QUIET),
            ({"a": "x"}, QUIET),
            ({}, QUIET),
            ({"a": None, "b": None}, QUIET),
            ({"a": 1, "b": "1"}, FIRE),
            ({"a": [1, 2], "b": [3, 2]}, FIRE),
        ],
    ),
    (
        "fieldref contains",
        selection("a|fieldref|contains: b.c"),
        [
            ({"a": "xyz", "b": {"c": "y"}}, FIRE),
            ({"a": "y", "b": {"c": "xyz"}}, QUIET),
        ],
    ),
    (
        "fieldref startswith",
        selection("a|fieldref|startswith: b"),
        [
            ({"a": "xyz", "b": "XY"}, FIRE),
            ({"a": "xyz", "b": "yz"}, QUIET),
        ],
    ),
    (
        "fieldref endswith",
        selection("a|fieldref|endswith: b"),
        [
            ({"a": "xyz", "b": "yz"}, FIRE),
            ({"a": "xyz", "b": "xy"}, QUIET),
        ],
    ),
    (
        "cidr",
        selection("a|cidr: 192.0.2.0/24"),
        [
            ({"a": "192.0.2.7"}, FIRE),
            ({"a": "198.51.100.7"}, QUIET),
            ({"a": "lambda.example.com"}, QUIET),
            ({"a": "192.0.2.128/25"}, FIRE),
            ({"a": "192.0.0.0/16"}, QUIET),
            ({"a": 3221225991}, QUIET),
            ({"a": "::ffff:192.0.2.7"}, FIRE),
            ({"a": ["x", "192.0.2.1"]}, FIRE),
            ({}, QUIET),
            ({"a": "192.0.2.7 "}, QUIET),
            ({"a": "192.0.2"}, QUIET),
        ],
    ),
    (
        "cidr of IPv6",
        selection("a|cidr: 2001:db8::/32"),
        [
            ({"a": "2001:DB8::1"}, FIRE),
            ({"a": "2001:db9::1"}, QUIET),
            ({"a": "192.0.2.1"}, QUIET),
        ],
    ),
    (
        "several cidrs",
        selection("a|cidr: [10.0.0.0/8, 192.0.2.0/24]"),
        [
            ({"a": "10.1.2.3"}, FIRE),
            ({"a": "11.1.2.3"}, QUIET),
        ],
    ),
)

LENIENT = rows(
    (
        "cidr with host bits means its network",
        selection("a|cidr: 10.1.2.3/8"),
        [({"a": "10.9.9.9"}, FIRE), ({"a": "11.1.2.3"}, QUIET)],
    ),
    (
        "cidr of IPv4 mapped into IPv6",
        selection("a|cidr: '::ffff:10.0.0.0/104'"),
        [({"a": "10.1.1.1"}, FIRE), ({"a": "::ffff:10.1.1.1"}, FIRE), ({"a": "11.1.1.1"}, QUIET)],
    ),
    (
        "cidrs of several kinds, lengths and fields",
        "s:\n  - a|cidr: [10.0.0.0/8, 192.0.2.0/24, '2001:db8::/32']\n  - b|cidr: 10.0.0.0/8\ncondition: s",
        [
            ({"a": "192.0.2.9"}, FIRE),
            ({"a": "2001:db8::9"}, FIRE),
            ({"b": "10.9.9.9"}, FIRE),
            ({"b": "192.0.2.9"}, QUIET),
            ({"a": "192.0.0.0/16"}, QUIET),
        ],
    ),
    (
        "exists with text",
        selection("a|exists: 'yes'", "b|exists: 'False'"),
        [({"a": None}, FIRE), ({"a": 1, "b": 1}, QUIET), ({}, QUIET)],
    ),
    ("gt with text", selection("a|gt: '5'"), [({"a": 6}, FIRE), ({"a": "5"}, QUIET)]),
    (
        "numbers with zeros or a sign before them",
        selection("a|gte: 7"),
        [
            ({"a": "007"}, FIRE),
            ({"a": "+7"}, FIRE),
            ({"a": "-007"}, QUIET),
            ({"a": "0x9"}, QUIET),
            ({"a": "+"}, QUIET),
            ({"a": "7."}, QUIET),
            ({"a": "٧"}, QUIET),
            ({"a": "00"}, QUIET),
        ],
    ),
    (
        "fieldref cased",
        selection("a|fieldref|cased: b"),
        [({"a": "x", "b": "x"}, FIRE), ({"a": "x", "b": "X"}, QUIET)],
    ),
    (
        "fieldref after what goes with it",
        selection("a|startswith|fieldref: b"),
        [({"a": "xyz", "b": "XY"}, FIRE), ({"a": "xyz", "b": "yz"}, QUIET)],
    ),
    (
        "windash of a longer dash",
        selection("a|windash|contains: ' \u2013x'"),
        [({"a": "c -x"}, FIRE), ({"a": "c /x"}, FIRE), ({"a": "c x"}, QUIET)],
    ),
    (
        "a letter by its code, and the end of the text, as PCRE writes them",
        selection(r"a|re: '\u0041b\Z'"),
        [({"a": "xAb"}, FIRE), ({"a": "Ab\n"}, FIRE), ({"a": "Abc"}, QUIET)],
    ),
    ("a backslash before u is one", selection(r"a|re: '\\u0041'"), [({"a": r"\u0041"}, FIRE)]),
    (
        "epochs in ever smaller units",
        selection("a|day: 1"),
        [
            ({"a": 1772323200}, FIRE),
            ({"a": 1772323200_000}, FIRE),
            ({"a": 1772323200_000_000}, FIRE),
            ({"a": "1772323200000000000"}, FIRE),
            ({"a": 10**30}, QUIET),
            ({"a": "1e400"}, QUIET),
        ],
    ),
    (
        "UTC said in other ways",
        selection("a|hour: 12"),
        [
            ({"a": "2026-03-01 12:00:00 UTC"}, FIRE),
            ({"a": "2026-03-01T12:00:00z"}, FIRE),
            ({"a": "2026-03-01 UTC"}, QUIET),
        ],
    ),
)

AS_WRITTEN = rows(
    (
        "a word that YAML 1.1 reads as a boolean",
        selection("a: yes"),
        [({"a": "Yes"}, FIRE), ({"a": True}, FIRE), ({"a": "no"}, QUIET), ({"a": False}, QUIET)],
    ),
    ("neq of such a word", selection("a|neq: no"), [({"a": "No"}, QUIET), ({"a": "x"}, FIRE)]),
    (
        "a version that is a number too",
        selection("a: 1.0"),
        [({"a": "1.0"}, FIRE), ({"a": 1}, FIRE), ({"a": "1"}, FIRE), ({"a": "1.00"}, QUIET)],
    ),
    ("1.10 is not only 1.1", selection("a: 1.10"), [({"a": "1.10"}, FIRE), ({"a": 1.1}, FIRE)]),
    ("octal or not", selection("a: 010"), [({"a": "010"}, FIRE), ({"a": 8}, FIRE)]),
    ("sexagesimal or a time", selection("a: 12:30"), [({"a": "12:30"}, FIRE), ({"a": 750}, FIRE)]),
    (
        "an address of a card",
        selection("a: 11:22:33:44:55:06"),
        [({"a": "11:22:33:44:55:06"}, FIRE)],
    ),
    ("all of what is read", selection("a|all: [yes, 010]"), [({"a": ["yes", "010"]}, FIRE)]),
    (
        "a number in scientific notation",
        selection("a: 1.5e3"),
        [({"a": 1500}, FIRE), ({"a": "1.5e3"}, FIRE), ({"a": 15}, QUIET)],
    ),
    ("quoted it is text", selection("a: '1.5e3'"), [({"a": 1500}, QUIET), ({"a": "1.5e3"}, FIRE)]),
    ("an equals sign", selection("a|endswith: ="), [({"a": "x="}, FIRE), ({"a": "x"}, QUIET)]),
    (
        "keywords are as they are written",
        "k: [yes, 1.0, 010]\ncondition: k",
        [
            ({"a": True}, QUIET),
            ({"a": 11}, QUIET),
            ({"a": 8}, QUIET),
            ({"a": "oh yes"}, FIRE),
            ({"a": "v1.0"}, FIRE),
            ({"a": "x010"}, FIRE),
        ],
    ),
    (
        "integers that a float can't hold",
        selection("a|gte: 1772323200000000001"),
        [({"a": 1772323200000000001}, FIRE), ({"a": 1772323200000000000}, QUIET)],
    ),
    ("one more than all nines", selection("a|gt: 999999999999999999"), [({"a": 10**18}, FIRE)]),
)

ENCODED = rows(
    ("wide beyond ASCII", selection("a|wide|base64: 'café'"), [({"a": "YwBhAGYA6QA="}, FIRE)]),
    (
        "utf16be beyond ASCII at any offset",
        selection("a|utf16be|base64offset|contains: 'é€'"),
        [({"a": "eADpIKw="}, FIRE), ({"a": "AOkgrA=="}, FIRE), ({"a": "AOkhrA=="}, QUIET)],
    ),
    (
        "base64offset of so little that an offset leaves nothing",
        selection("a|base64offset|contains: x"),
        [({"a": "e"}, FIRE), ({"a": "abc"}, QUIET), ({"a": ""}, QUIET)],
    ),
    (
        "windash of a dash by itself",
        selection("a|windash|contains: ' - '"),
        [({"a": "x / y"}, FIRE), ({"a": "x - y"}, FIRE), ({"a": "x \u2014 y"}, FIRE)],
    ),
    (
        "windash before a quotation mark, and at the end",
        selection("a|windash|contains|all: [' -\"x\"', ' -']"),
        [({"a": 'c /"x"'}, FIRE), ({"a": 'c ="x"'}, QUIET)],
    ),
    (
        "windash leaves what is within a word",
        selection("a|windash: -a-b"),
        [({"a": "/a-b"}, FIRE), ({"a": "-a/b"}, QUIET)],
    ),
    ("base64", selection("a|base64: hello"), [({"a": "aGVsbG8="}, FIRE), ({"a": "hello"}, QUIET)]),
    ("base64 contains", selection("a|base64|contains: foo"), [({"a": "xZm9vx"}, FIRE)]),
    (
        "base64offset",
        selection("a|base64offset|contains: foobar"),
        [
            ({"a": "Zm9vYmFy"}, FIRE),
            ({"a": "eGZvb2Jhcg=="}, FIRE),
            ({"a": "eHhmb29iYXI="}, FIRE),
            ({"a": "YmFyZm9v"}, QUIET),
        ],
    ),
    ("wide", selection("a|wide|base64: ab"), [({"a": "YQBiAA=="}, FIRE)]),
    ("utf16le", selection("a|utf16le|base64: ab"), [({"a": "YQBiAA=="}, FIRE)]),
    ("utf16be", selection("a|utf16be|base64: ab"), [({"a": "AGEAYg=="}, FIRE)]),
    ("utf16", selection("a|utf16|base64: ab"), [({"a": "//5hAGIA"}, FIRE)]),
    (
        "windash",
        selection("a|windash|contains: ' -f '"),
        [
            ({"a": "x /f y"}, FIRE),
            ({"a": "x -f y"}, FIRE),
            ({"a": "x \u2013f y"}, FIRE),
            ({"a": "x \u2014f y"}, FIRE),
            ({"a": "x \u2015f y"}, FIRE),
            ({"a": "f"}, QUIET),
        ],
    ),
    (
        "windash all",
        selection("a|contains|windash|all: [' -a', ' -b']"),
        [
            ({"a": "x /a -b"}, FIRE),
            ({"a": "x /a"}, QUIET),
        ],
    ),
)

KEYWORDS = rows(
    (
        "any leaf",
        "k: [one, two]\ncondition: k",
        [
            ({"a": {"b": ["x", "has ONE in it"]}}, FIRE),
            ({"a": "tw"}, QUIET),
            ({"one": 1}, QUIET),
            ({"a": "two"}, FIRE),
            ({}, QUIET),
        ],
    ),
    ("single", "k: one\ncondition: k", [({"a": "someone"}, FIRE)]),
    (
        "number",
        "k: 4625\ncondition: k",
        [({"a": 4625}, FIRE), ({"a": "id=4625"}, FIRE), ({"a": 1}, QUIET)],
    ),
    (
        "all",
        "k:\n  '|all': [one, two]\ncondition: k",
        [
            ({"a": "one", "b": "two"}, FIRE),
            ({"a": "one"}, QUIET),
        ],
    ),
    ("wildcard", "k: 'o*e'\ncondition: k", [({"a": "xxoyexx"}, FIRE), ({"a": "eo"}, QUIET)]),
    (
        "startswith",
        "k:\n  '|startswith': one\ncondition: k",
        [({"a": "ones"}, FIRE), ({"a": "xone"}, QUIET)],
    ),
    ("regex", "k:\n  '|re': 'o.e'\ncondition: k", [({"a": ["xone"]}, FIRE), ({"a": "ne"}, QUIET)]),
    (
        "among maps",
        "k:\n  - one\n  - a: b\ncondition: k",
        [({"a": "b"}, FIRE), ({"c": "one"}, FIRE), ({"c": "b"}, QUIET)],
    ),
    ("cased", "k:\n  '|cased': One\ncondition: k", [({"a": "xOne"}, FIRE), ({"a": "xone"}, QUIET)]),
)

_THREE = "sel_a:\n  a: x\nsel_b:\n  b: x\nother:\n  c: x\n_hidden:\n  d: x\ncondition: "

CONDITIONS = rows(
    (
        "operators in capitals",
        _THREE + "NOT sel_a AND (1 OF sel_* OR other)",
        [({"b": "x"}, FIRE), ({"c": "x"}, FIRE), ({"a": "x", "b": "x"}, QUIET)],
    ),
    (
        "a search called as an operator",
        "OR:\n  a: x\nb:\n  b: x\ncondition: OR and b",
        [({"a": "x", "b": "x"}, FIRE), ({"b": "x"}, QUIET)],
    ),
    (
        "2 of them",
        _THREE + "2 of them",
        [
            ({"a": "x", "c": "x"}, FIRE),
            ({"a": "x", "b": "x", "c": "x"}, FIRE),
            ({"a": "x", "d": "x"}, QUIET),
        ],
    ),
    (
        "2 of a pattern, not",
        _THREE + "other and not 2 of sel_*",
        [({"c": "x", "a": "x"}, FIRE), ({"c": "x", "a": "x", "b": "x"}, QUIET)],
    ),
    ("and", _THREE + "sel_a and sel_b", [({"a": "x", "b": "x"}, FIRE), ({"a": "x"}, QUIET)]),
    ("or", _THREE + "sel_a or sel_b", [({"b": "x"}, FIRE), ({"c": "x"}, QUIET)]),
    ("not", _THREE + "not sel_a", [({}, FIRE), ({"a": "x"}, QUIET)]),
    (
        "and binds before or",
        _THREE + "sel_a or sel_b and other",
        [({"a": "x"}, FIRE), ({"b": "x"}, QUIET)],
    ),
    (
        "brackets",
        _THREE + "(sel_a or sel_b) and other",
        [({"a": "x"}, QUIET), ({"a": "x", "c": "x"}, FIRE)],
    ),
    ("not binds first", _THREE + "not sel_a and sel_b", [({"b": "x"}, FIRE), ({}, QUIET)]),
    ("1 of pattern", _THREE + "1 of sel_*", [({"b": "x"}, FIRE), ({"c": "x"}, QUIET)]),
    ("any of pattern", _THREE + "any of sel_*", [({"b": "x"}, FIRE), ({"c": "x"}, QUIET)]),
    (
        "all of pattern",
        _THREE + "all of sel_*",
        [({"a": "x", "b": "x"}, FIRE), ({"a": "x"}, QUIET)],
    ),
    ("1 of them", _THREE + "1 of them", [({"c": "x"}, FIRE), ({"d": "x"}, QUIET), ({}, QUIET)]),
    (
        "all of them",
        _THREE + "all of them",
        [
            ({"a": "x", "b": "x", "c": "x"}, FIRE),
            ({"a": "x", "b": "x"}, QUIET),
        ],
    ),
    (
        "not 1 of",
        _THREE + "other and not 1 of sel_*",
        [({"c": "x"}, FIRE), ({"c": "x", "a": "x"}, QUIET)],
    ),
    ("hidden by name", _THREE + "_hidden", [({"d": "x"}, FIRE)]),
    ("double not", _THREE + "not not sel_a", [({"a": "x"}, FIRE), ({}, QUIET)]),
    (
        "several conditions are any",
        "a:\n  a: x\nb:\n  b: x\ncondition: [a, b]",
        [({"b": "x"}, FIRE), ({}, QUIET)],
    ),
    (
        "names that begin with an operator",
        "notepad:\n  a: x\nandroid:\n  b: x\ncondition: notepad and android",
        [
            ({"a": "x", "b": "x"}, FIRE),
            ({"a": "x"}, QUIET),
        ],
    ),
    (
        "a pattern with hyphens",
        "my-sel-1:\n  a: x\nmy-sel-2:\n  b: x\ncondition: all of my-sel-*",
        [({"a": "x", "b": "x"}, FIRE), ({"a": "x"}, QUIET)],
    ),
    (
        "any of a pattern with hyphens",
        "my-sel-1:\n  a: x\nmy-sel-2:\n  b: x\ncondition: not 1 of my-sel-*",
        [({"b": "x"}, QUIET), ({}, FIRE)],
    ),
    (
        "words of a selector on lines of their own",
        "a-1:\n  a: x\na-2:\n  b: x\ncondition: |\n  2\n  of\ta-*",
        [({"a": "x", "b": "x"}, FIRE), ({"a": "x"}, QUIET)],
    ),
    (
        "names with any letters",
        "sélection:\n  a: x\nsel.1:\n  b: x\ncondition: (sélection AND not sel.1) and not 2 of s*",
        [({"a": "x"}, FIRE), ({"a": "x", "b": "x"}, QUIET), ({"b": "x"}, QUIET)],
    ),
    (
        "a name that ours for another must not hide",
        "search0:\n  a: x\nsel@1:\n  b: x\ncondition: sel@1 and not search0",
        [({"b": "x"}, FIRE), ({"a": "x", "b": "x"}, QUIET)],
    ),
    (
        "two demands on one list",
        selection("a|contains|all: [x, y]", "b: z"),
        [
            ({"a": ["1x", "2y"], "b": "z"}, FIRE),
        ],
    ),
)


@pytest.mark.parametrize(
    ("detection", "event", "expected"),
    [
        *TEXT,
        *WILDCARDS,
        *REGEX,
        *NUMBERS,
        *NOTHING,
        *FIELDS,
        *LENIENT,
        *AS_WRITTEN,
        *ENCODED,
        *KEYWORDS,
        *CONDITIONS,
    ],
)
def test_construct_means_what_the_page_says(
    fires: Callable[..., bool], detection: str, event: Any, expected: bool
) -> None:
    assert fires(detection, event) is expected


@pytest.mark.parametrize(
    ("detection", "event", "expected"),
    rows(
        *(
            (key, selection(f"{key}: ' -Enc'"), [({"a": "x -Enc"}, FIRE), ({"a": "x -enc"}, QUIET)])
            for key in (
                "a|cased|windash|contains",
                "a|cased|contains|windash",
                "a|contains|cased|windash",
                "a|windash|contains|cased",
                "a|cased|expand|contains",
                "a|cased|endswith",
            )
        ),
        *(
            (key, selection(f"{key}: foobar"), [({"a": has}, FIRE), ({"a": has.upper()}, QUIET)])
            for key, has in (
                ("a|cased|base64", "Zm9vYmFy"),
                ("a|cased|base64offset|contains", "xxZvb2Jhcgxx"),
                ("a|cased|wide|base64", "ZgBvAG8AYgBhAHIA"),
                ("a|wide|cased|base64", "ZgBvAG8AYgBhAHIA"),
            )
        ),
        (
            "a keyword",
            "k:\n  '|cased|windash': ' -Foo'\ncondition: k",
            [({"x": "a /Foo"}, FIRE), ({"x": "a -foo"}, QUIET)],
        ),
    ),
)
def test_case_counts_wherever_cased_stands(
    fires: Callable[..., bool], detection: str, event: Any, expected: bool
) -> None:
    assert fires(detection, event) is expected


@pytest.mark.parametrize(
    ("detection", "event", "expected"),
    rows(
        ("all", selection("a|all|re: [x, y]"), [({"a": "yx"}, FIRE), ({"a": "x"}, QUIET)]),
        ("neq", selection("a|neq|re|i: x"), [({"a": "y"}, FIRE), ({"a": "X"}, QUIET)]),
        (
            "of a network",
            selection("a|neq|cidr: 10.0.0.0/8"),
            [({"a": "192.0.2.1"}, FIRE), ({"a": "10.1.1.1"}, QUIET)],
        ),
        ("of presence", selection("a|neq|exists: true"), [({}, FIRE), ({"a": 1}, QUIET)]),
        (
            "all keywords",
            "k:\n  '|all|re': ['^a', 'b$']\ncondition: k",
            [({"x": "ac", "y": "cb"}, FIRE), ({"x": "ac"}, QUIET)],
        ),
    ),
)
def test_what_links_or_negates_may_stand_anywhere(
    fires: Callable[..., bool], detection: str, event: Any, expected: bool
) -> None:
    assert fires(detection, event) is expected


@pytest.mark.parametrize(
    ("detection", "event", "expected"),
    rows(
        (
            "the end, a last line break aside",
            selection(r"a|re: '\.exe$'"),
            [
                ({"a": "a.exe"}, FIRE),
                ({"a": "a.exe\n"}, FIRE),
                ({"a": "a.exe\n\n"}, QUIET),
                ({"a": "a.exe\nb"}, QUIET),
            ],
        ),
        (
            "of a line",
            selection(r"a|re|m: 'exe$'"),
            [({"a": "a.exe\nb"}, FIRE), ({"a": "a.exeb"}, QUIET)],
        ),
        (
            "letters by their codes in a class",
            selection(r"a|re: '^[\u4e00-\u9fa5$]+$'"),
            [({"a": "\u4e2d$"}, FIRE), ({"a": "x"}, QUIET)],
        ),
        ("of a line, said within", selection(r"a|re: '(?im)EXE$'"), [({"a": "exe\nb"}, FIRE)]),
        (
            "not where it is a dollar",
            selection(r"a|re: '^[$][]$]\$\Q$(\E$'"),
            [({"a": "$]$$("}, FIRE), ({"a": "$$$$("}, FIRE), ({"a": "$]$$"}, QUIET)],
        ),
        (
            "in one of several",
            selection(r"a|re: '(x$|y)z?$'"),
            [({"a": "x\n"}, FIRE), ({"a": "yz"}, FIRE), ({"a": "xz"}, QUIET)],
        ),
    ),
)
def test_a_dollar_in_a_regex_is_what_it_is_in_pcre(
    fires: Callable[..., bool], detection: str, event: Any, expected: bool
) -> None:
    assert fires(detection, event) is expected


@pytest.mark.parametrize(
    ("detection", "event", "expected"),
    rows(
        *(
            (key, selection(f"{key}: '%nets%'"), [({"a": "10.1.1.1"}, FIRE), ({"a": "x"}, QUIET)])
            for key in ("a|cidr|expand", "a|expand|cidr")
        ),
        *(
            (key, selection(f"{key}: '%few%'"), [({"a": 6}, FIRE), ({"a": 5}, QUIET)])
            for key in ("a|gt|expand", "a|expand|gt")
        ),
        (
            "an expression",
            selection("a|expand|re|i: '^%word%%word%$'"),
            [({"a": "A.b+"}, FIRE), ({"a": "b+b+"}, FIRE), ({"a": "axb"}, QUIET)],
        ),
        (
            "a date",
            selection("a|expand|hour: '%few%'"),
            [({"a": "2026-03-01T05:00:00Z"}, FIRE), ({"a": "2026-03-01T06:00:00Z"}, QUIET)],
        ),
    ),
)
def test_expand_fills_in_what_others_read(
    fires: Callable[..., bool], detection: str, event: Any, expected: bool
) -> None:
    known = {"nets": ("192.0.2.0/24", "10.0.0.0/8"), "few": (5,), "word": ("a.", "b+")}
    assert fires(detection, event, placeholders=known) is expected


@pytest.mark.parametrize(
    ("detection", "event", "expected"),
    rows(
        (
            "values",
            selection("a|expand: '%admins%'"),
            [
                ({"a": "root"}, FIRE),
                ({"a": "svc-1"}, FIRE),
                ({"a": "%admins%"}, QUIET),
            ],
        ),
        (
            "inside text",
            selection("a|expand|contains: 'u=%admins%;'"),
            [
                ({"a": "xu=ROOT;"}, FIRE),
                ({"a": "u=x;"}, QUIET),
            ],
        ),
        ("no placeholder", selection("a|expand: '50%'"), [({"a": "50%"}, FIRE)]),
        (
            "an escaped percent sign is plain",
            selection(r"a|expand: '\%plain%admins%'"),
            [
                ({"a": "%plainroot"}, FIRE),
                ({"a": r"\%plainroot"}, QUIET),
            ],
        ),
        (
            "not without the modifier",
            selection("a: '%admins%'"),
            [({"a": "%admins%"}, FIRE), ({"a": "root"}, QUIET)],
        ),
        (
            "in a regex, as texts",
            selection("a|re|expand: '^%admins%$'"),
            [
                ({"a": "root"}, FIRE),
                ({"a": "svc-1"}, FIRE),
                ({"a": "a.b*c"}, FIRE),
                ({"a": "axb*c"}, QUIET),
                ({"a": "a.bbc"}, QUIET),
            ],
        ),
        (
            "after a backslash that is escaped",
            selection(r"a|expand: 'C:\Users\\%admins%\App'"),
            [({"a": r"C:\Users\root\App"}, FIRE), ({"a": r"C:\Users\%admins%\App"}, QUIET)],
        ),
        (
            "before it is encoded",
            selection("a|expand|base64: '%admins%'"),
            [({"a": "cm9vdA=="}, FIRE), ({"a": "JWFkbWlucyU="}, QUIET)],
        ),
        (
            "a percent sign before it is encoded",
            selection(r"a|expand|base64: '100\%'"),
            [({"a": "MTAwJQ=="}, FIRE)],
        ),
        (
            "a percent sign in UTF-16",
            selection(r"a|expand|wide|base64: '\%'"),
            [({"a": "JQA="}, FIRE)],
        ),
        (
            "with case",
            selection("a|expand|contains|cased: 'U%admins%'"),
            [({"a": "Uroot"}, FIRE), ({"a": "URoot"}, QUIET)],
        ),
    ),
)
def test_expand_puts_configured_values_in(
    fires: Callable[..., bool], detection: str, event: Any, expected: bool
) -> None:
    wild = () if "base64" in detection else ("svc-*", r"a.b\*c")
    placeholders = {"admins": ("root", *wild)}
    assert fires(detection, event, placeholders=placeholders) is expected
