from __future__ import annotations

from collections import Counter

import pytest

from flask_otpauth.core.codes import draw_code, draw_nonce, is_digits, is_told_in
from flask_otpauth.core.instants import NONCE_WIDTH


@pytest.mark.parametrize("length", [1, 4, 6, 10])
def test_a_code_is_that_many_digits_leading_zeros_included(length: int) -> None:
    codes = [draw_code(length) for _ in range(2_000)]

    assert all(is_digits(code, length) for code in codes)
    assert any(code.startswith("0") for code in codes)


def test_every_digit_is_as_frequent_as_every_other() -> None:
    digits = Counter("".join(draw_code(6) for _ in range(20_000)))

    expected = 20_000 * 6 / 10
    chi_squared = sum((digits[digit] - expected) ** 2 / expected for digit in "0123456789")
    assert chi_squared < 60, "9 degrees of freedom: a fair generator exceeds this once in 10^9 runs"


def test_nonces_differ_and_fill_an_entry_of_a_log() -> None:
    nonces = {draw_nonce() for _ in range(1_000)}

    assert len(nonces) == 1_000
    assert all(len(nonce) == 16 and "," not in nonce for nonce in nonces)
    assert NONCE_WIDTH <= 16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("012345", True),
        ("12345", False),
        ("1234567", False),
        ("", False),
        ("\N{ARABIC-INDIC DIGIT ONE}23456", False),
        ("\N{FULLWIDTH DIGIT ONE}23456", False),
        ("12345²", False),
        ("123456\n", False),
        (" 123456", False),
        ("+12345", False),
        ("12_345", False),
        (123456, False),
        (None, False),
        (True, False),
        (b"123456", False),
    ],
)
def test_only_a_string_of_ascii_digits_of_the_length_has_the_shape_of_a_code(
    text: object, expected: bool
) -> None:
    assert is_digits(text, 6) is expected


def test_a_shape_may_leave_the_length_open_between_bounds() -> None:
    lengths = [length for length in range(1, 13) if is_digits("1" * length, 4, 10)]

    assert lengths == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    "text",
    [
        "Your code is 012345.",
        "012 345",
        "0, 1, 2, 3, 4, 5",
        "in 5 minutes: 012-345",
        "<p style='width:32px'><b>0</b><b>1</b><b>2</b> <i>345</i></p>",
        "&#48;12345",
        "໐໑໒໓໔໕",
        "2 codes: 012345",
    ],
)
def test_a_message_that_shows_all_digits_in_their_order_tells_the_code(text: str) -> None:
    assert is_told_in("012345", text)


@pytest.mark.parametrize(
    "text",
    ["", "{{ code }}", "01234", "543210", "<p title='012345'>your code</p>", "zero one two", "²³¹"],
)
def test_a_message_without_all_digits_does_not_tell_the_code(text: str) -> None:
    assert not is_told_in("012345", text)
