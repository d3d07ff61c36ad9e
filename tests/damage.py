"""Records damaged at random, for properties of what reads them: any value in any place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import strategies as st

from core.errors import BadRecord

TREACHEROUS = (
    *("arn:", "arn:x", "arn:aws:iam", "arn:aws:iam::", "arn::::::", "/", "//", "/subscriptions/"),
    *("/subscriptions", "projects/", "projects//", "//x.googleapis.com/", "folders", "[::1", "]:1"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59", "0000-00-00", "1/1/1 1:1:1 AM"),
    *("10.0.0.0/99", "::/129", "::ffff:1.2.3.4", "{", "[", '{"a":', "[" * 2_000, "\x00", "\ud800"),
)
"""Texts that begin like something that is read further."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(TREACHEROUS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def damaged(data: st.DataObject, original: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which up to four fields of one object, at most three levels down, are anything."""
    record = copy.deepcopy(dict(original))
    at: Any = record
    for _ in range(data.draw(st.integers(0, 3))):
        keys = [key for key, value in at.items() if isinstance(value, dict) and value]
        if not keys:
            break
        at = at[data.draw(st.sampled_from(sorted(keys)))]
    for key in data.draw(st.lists(st.sampled_from(sorted(at)), max_size=4, unique=True)):
        at[key] = data.draw(JSON)
    return record


def tried(read: Callable[[Any], Any], value: Any) -> Any:
    """What reading gave, else the refusal, whose reason must be fit to show."""
    try:
        return read(value)
    except BadRecord as error:
        return error if str(error).isprintable() else pytest.fail(f"{error!a} is not printable")
