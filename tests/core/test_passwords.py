from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core.codes import is_digits
from flask_otpauth.core.passwords import common_pins, normalised, weakness

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
    assert weakness(password, ["foo@bar.com", "Member-100", ""], COMMON) == reason


def test_lengths_are_those_of_the_form_that_is_hashed() -> None:
    ligature = "ﬃ"

    assert weakness(ligature * 3, (), ()) is None
    assert weakness(ligature * 43, (), ()) == "too_long"


@pytest.mark.parametrize(
    ("typed", "stored"), [("caf\u0065\u0301 noir", "café noir"), ("ｐａｓｓ", "pass"), (" Pass ", " Pass ")]
)
def test_one_password_is_one_however_a_keyboard_composes_it(typed: str, stored: str) -> None:
    assert normalised(typed) == stored


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing_more(password: str) -> None:
    assert normalised(normalised(password)) == normalised(password)


def test_the_common_pins_are_a_small_share_of_all() -> None:
    pins = common_pins()

    assert len(pins) == 3_509
    assert all(is_digits(pin, 6) for pin in pins)


@pytest.mark.parametrize(
    "pin",
    """123456 654321 000000 111111 999999 012345 567890 890123 987654 098765 121212 696969 123123
    520520 123321 112233 998877 111222 159753 147258 789456 142536 258456 951753 741852 135790
    246810 102030 314159 147896""".split(),
)
def test_a_pin_that_people_choose_first_is_common(pin: str) -> None:
    assert pin in common_pins()


@pytest.mark.parametrize("pin", ["493817", "100000", "310588", "123457", "199012", "805264"])
def test_a_pin_of_no_pattern_is_not_common(pin: str) -> None:
    assert pin not in common_pins()
