"""Whatever an attacker is called, showing the name does nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hostile import masked, printable, whole_json
from core.model import from_json, to_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Grüße 你好 🎉", "Grüße 你好 🎉"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_hidden_characters_become_escapes(text, shown):
    assert printable(text) == shown


def test_a_long_text_is_cut():
    assert printable("x" * 50, 10) == "x" * 9 + "…"


@given(st.text())
def test_nothing_that_is_shown_is_hidden(text):
    shown = printable(text)
    assert "\x1b" not in shown
    assert "\n" not in shown
    shown.encode()


def test_credentials_are_masked_at_any_depth_and_nothing_else_is():
    record = {
        "responseElements": {"credentials": [{"sessionToken": "x", "accessKeyId": "ASIA"}]},
        "Secret_Access-Key": "y",
        "password": "",
        "sessionTokens": 3,
    }
    assert masked(record) == {
        "responseElements": {"credentials": [{"sessionToken": "[masked]", "accessKeyId": "ASIA"}]},
        "Secret_Access-Key": "[masked]",
        "password": "",
        "sessionTokens": 3,
    }


def test_masking_a_record_nested_to_exhaust_the_stack_ends():
    record: dict = {}
    for _ in range(900):
        record = {"a": record}
    assert "nested too deep" in str(masked(record))


def test_json_of_anything_is_json():
    odd = {"b\ud800": "NaN", "a": [float("inf"), float("nan"), 1.5, "\udfff\ud83d\ude00"]}
    assert whole_json(odd, ordered=True) == (
        b'{"a":[null,null,1.5,"\\ufffd\\ud83d\\ude00"],"b\\ufffd":"NaN"}'
    )
    assert from_json(to_json(odd), dict) == {"b\ufffd": "NaN", "a": [None, None, 1.5, "\ufffd😀"]}
