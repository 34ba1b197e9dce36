from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core.sensitive import LONGEST_SHOWN, mask_address, one_line
from flask_otpauth.ports.senders import Message


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("user@example.com", "u***@example.com"),
        ("u@example.com", "u***@example.com"),
        ("@example.com", "***@example.com"),
        ("+84987654321", "+84*******21"),
        ("+1234567", "+12***67"),
        ("+123456", "*******"),
        ("12345", "*****"),
        ("", ""),
    ],
)
def test_just_enough_is_left_to_recognise_an_address(address: str, shown: str) -> None:
    assert mask_address(address) == shown


@given(st.integers(min_value=10**9, max_value=10**15 - 1))
def test_a_number_shows_at_most_its_country_and_its_last_two_digits(digits: int) -> None:
    number = f"+{digits}"

    shown = mask_address(number)

    assert len(shown) == len(number)
    assert shown[3:-2] == "*" * (len(number) - 5)


@given(st.text(st.characters(categories=["Ll", "Nd"]), min_size=2, max_size=30))
def test_how_long_a_local_part_is_stays_unknown(local_part: str) -> None:
    assert mask_address(f"{local_part}@example.com") == f"{local_part[0]}***@example.com"


def test_the_repr_of_a_message_shows_neither_address_nor_code() -> None:
    message = Message(
        "sms", "+84987654321", "012345", text="code 012345", caller_number="+74872600123", purpose="login"
    )

    shown = repr(message)

    assert "+84*******21" in shown
    assert "login" in shown
    assert not any(secret in shown for secret in ("012345", "87654321", "0123"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user@example.com", "user@example.com"),
        ("Nguyễn Văn A", "Nguyễn Văn A"),
        ("x\ny", r"x\ny"),
        ("\r\x1b[31m\x85\u2028\u202e", r"\r\u001b[31m\u0085\u2028\u202e"),
        ("\ud800", r"\ud800"),
    ],
)
def test_a_text_is_shown_on_one_line_with_what_does_not_print_escaped(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text(max_size=2 * LONGEST_SHOWN))
def test_whatever_is_shown_prints_and_is_bounded(text: str) -> None:
    shown = one_line(text)

    assert shown.isprintable()
    assert len(shown) <= LONGEST_SHOWN


def test_the_repr_of_a_message_is_one_line_whatever_its_recipient_is() -> None:
    shown = repr(Message("email", "x@y\n" + "z" * 5000, "012345", purpose="a\u2028b"))

    assert shown.isprintable()
    assert len(shown) < 1000
