"""Which remote addresses share one rate limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core.networks import UNKNOWN, network


@pytest.mark.parametrize(
    ("written", "counts_as"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:40000", "198.51.100.7"),
        (" 198.51.100.7:1 ", "198.51.100.7"),
        ("[198.51.100.7]:80", "198.51.100.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:443", "198.51.100.7"),
        ("[fe80::1%eth0]:443", network("fe80::2%eth0")),
    ],
)
def test_a_port_is_no_part_of_an_address(written: str, counts_as: str) -> None:
    assert network(written) == counts_as


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "unknown",
        "_hidden",
        "198.51.100.7:x",
        "198.51.100.7:1:2",
        "198.51.100.300:1",
        "[]",
        "[:1",
        "a:1",
    ],
)
def test_what_is_no_address_counts_as_one(written: str | None) -> None:
    assert network(written) == UNKNOWN


@given(st.text())
def test_whatever_a_proxy_writes_has_an_answer(written: str) -> None:
    assert network(written)
