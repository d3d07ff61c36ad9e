"""Addresses in networks: looked up as the standard library has it, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detect.networks import Networks
from core.detect.plain import within

KNOWN = ["10.0.0.0/8", "192.168.4.0/22", "203.0.113.7/32", "2001:db8::/32", "::/96", "fe80::/10"]

octets = st.integers(0, 300).map(str) | st.sampled_from(["", "01", "1e1", "٣", " 1", "0x1", "-1"])
written = (
    st.lists(octets, min_size=1, max_size=5).map(".".join)
    | st.ip_addresses().map(str)
    | st.ip_addresses(network="10.0.0.0/8").map(str)
    | st.ip_addresses(network="2001:db8::/32").map(lambda one: one.exploded)
    | st.ip_addresses(v=4).map("::ffff:{}".format)
    | st.builds("{}/{}".format, st.ip_addresses(), st.integers(0, 130))
    | st.builds("{}%{}".format, st.ip_addresses(v=6), st.text(max_size=3))
    | st.text("0123456789abcdef:./%\0\n ", max_size=20)
    | st.text(max_size=12)
)


@given(written)
def test_a_text_is_read_as_the_standard_library_does(value: str) -> None:
    assert Networks(KNOWN).hold(value) == any(within(value, one) for one in KNOWN)


@pytest.mark.parametrize("value", [10, None, ["10.0.0.1"], {}, b"10.0.0.1"])
def test_what_is_no_text_is_in_no_network(value: Any) -> None:
    assert not Networks(KNOWN).hold(value)
