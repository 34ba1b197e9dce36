from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.core.passwords import common_pins, normalize, password_problem

COMMON = frozenset({"password1", "correct horse"})


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too_short"),
        ("1234567", "too_short"),
        ("seven 7", "too_short"),
        ("eight 88", None),
        ("x" * 128, None),
        ("x" * 129, "too_long"),
        ("🔑" * 8, None),
        ("🔑" * 7, "too_short"),
        ("🔑" * 128, None),
        ("        ", None),
        ("a\x00b\x00c\x00d\x00", None),
        ("password1", "common"),
        ("PassWord1", "common"),
        ("ｐａｓｓｗｏｒｄ１", "common"),
        ("correct horse", "common"),
        ("correct\u00a0horse", "common"),
        ("password11", None),
        ("xpassword1", None),
        ("foo@bar.com", "personal"),
        ("FOO@bar.com", "personal"),
        ("ＦＯＯ@bar.com", "personal"),
        ("member-100", "personal"),
        ("foo@bar.com!", None),
    ],
)
def test_a_password_is_judged_by_length_and_familiarity(password: str, reason: str | None) -> None:
    assert password_problem(password, ["foo@bar.com", "Member-100", ""], COMMON) == reason


def test_lengths_are_those_of_the_form_that_is_hashed() -> None:
    ligature = "ﬃ"

    assert password_problem(ligature * 3, (), ()) is None
    assert password_problem(ligature * 43, (), ()) == "too_long"


@pytest.mark.parametrize(
    ("typed", "stored"), [("caf\u0065\u0301 noir", "café noir"), ("ｐａｓｓ", "pass"), (" Pass ", " Pass ")]
)
def test_one_password_is_one_however_a_keyboard_composes_it(typed: str, stored: str) -> None:
    assert normalize(typed) == stored


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing_more(password: str) -> None:
    assert normalize(normalize(password)) == normalize(password)


def test_the_common_pins_are_a_small_share_of_all() -> None:
    pins = common_pins()

    assert len(pins) == 3_509
    assert all(is_digits(pin, 6) for pin in pins)


@pytest.mark.parametrize(
    ("pattern", "pin"),
    [
        ("one digit", "000000"),
        ("pairs repeated", "121212"),
        ("triples repeated", "123123"),
        ("triples repeated", "520520"),
        ("mirrored", "123321"),
        ("doubled digits", "112233"),
        ("doubled digits", "998877"),
        ("two digits", "111222"),
        ("counting up", "123456"),
        ("counting up", "012345"),
        ("counting over nine", "890123"),
        ("counting down", "654321"),
        ("counting by two", "024680"),
        ("keypad diagonals", "159753"),
        ("keypad columns", "147258"),
        ("keypad rows", "789456"),
        ("keypad rows in turn", "142536"),
        ("counting by two", "246810"),
        ("counting by ten", "102030"),
        ("pi", "314159"),
    ],
)
def test_a_pin_that_people_choose_first_is_common(pattern: str, pin: str) -> None:
    assert pin in common_pins()


@pytest.mark.parametrize("pin", ["493817", "100000", "310588", "123457", "199012", "805264"])
def test_a_pin_of_no_pattern_is_not_common(pin: str) -> None:
    assert pin not in common_pins()
