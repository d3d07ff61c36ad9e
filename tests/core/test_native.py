"""What all clouds' records are read with."""

from __future__ import annotations

import sys

import pytest

from core.errors import BadRecord
from core.native import MOST_DEPTH, decoded, endpoint, is_world


@pytest.mark.parametrize(
    ("value", "world"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("203.0.113.9/0", True),
        ("0:0:0:0:0:0:0:0/0", True),
        ("0.0.0.0/1", False),
        ("0.0.0.0", False),
        ("::/1", False),
        ("sg-0123456789abcdef0", False),
        ("", False),
        (None, False),
        (0, False),
        (["0.0.0.0/0"], False),
    ],
)
def test_the_world_is_a_prefix_of_no_length(value, world):
    assert is_world(value) is world


@pytest.mark.parametrize(
    ("body", "held"),
    [(b'{"a": 1}', {"a": 1}), ("[1]", [1]), (bytearray(b"null"), None), ({"a": 1}, {"a": 1})],
)
def test_a_message_is_decoded_once(body, held):
    assert decoded(body) == held


@pytest.mark.parametrize(
    ("body", "held"),
    [
        (rb'["\ud800", "x\uDFFFy", "\ud83d\ude00", "\\ud800"]', ["\ufffd", "x\ufffdy", "😀", r"\ud800"]),
        (r'{"a\udc00\udc00": "\ud800\ud800\udc00"}', {"a\ufffd\ufffd": "\ufffd𐀀"}),
        (rb'"\\\ud800"', "\\\ufffd"),
    ],
)  # fmt: skip
def test_half_of_a_surrogate_pair_is_a_character_that_is_missing(body, held):
    assert decoded(body) == held


@pytest.mark.parametrize("pair", ["[]", ("{", "}"), ("[{", "}]")])
def test_what_is_nested_too_deeply_is_a_bad_record(pair):
    def deep(levels):
        opens = pair[0].replace("{", '{"[":')
        levels //= len(pair[0])
        return '{"a": "' + "[{" * 2_000 + '", "b": ' + opens * levels + "1" + pair[1] * levels + "}"

    assert decoded(deep(MOST_DEPTH - 1))["a"]
    assert decoded("[" + "[],{}," * 5_000 + "1]")
    with pytest.raises(BadRecord):  # in no time, though its string has no end
        decoded("[" * (MOST_DEPTH + 1) + '"' + r"\"" * 500_000 + "\\")
    for levels in (MOST_DEPTH, 970, 10_000):
        with pytest.raises(BadRecord, match="nested too deeply"):
            decoded(deep(levels))


@pytest.mark.parametrize(
    ("body", "held"),
    [
        ("[1e999, -1e999, 1]", [sys.float_info.max, -sys.float_info.max, 1]),
        ("[" + "1" * 5_000 + "]", [sys.float_info.max]),
        (rb'[1e999, "\ud800"]', [sys.float_info.max, "\ufffd"]),
    ],
)
def test_a_number_beyond_all_others_is_the_last_of_them(body, held):
    assert decoded(body) == held


@pytest.mark.parametrize("body", [b"", b"\xff", "{", "[" * 100_000, '"\ud800"', "[1e999, NaN]"])
def test_what_is_no_json_is_a_bad_record_that_shows_it(body):
    with pytest.raises(BadRecord, match="a message that is not JSON"):
        decoded(body)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("192.0.2.7", ("192.0.2.7", "")),
        ("2001:DB8::1", ("2001:DB8::1", "")),
        ("::ffff:192.0.2.7", ("192.0.2.7", "")),
        ("fe80::1%eth0", ("", "fe80::1%eth0")),
        ("ec2.amazonaws.com", ("", "ec2.amazonaws.com")),
        ("", ("", "")),
    ],
)
def test_where_a_call_came_from_is_an_address_or_a_name(value, told):
    assert endpoint(value) == told
