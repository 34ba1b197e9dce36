"""How many SMS a text needs."""

from __future__ import annotations

import pytest

from flask_otpauth.core.segments import Segmented, segmented


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("@£Ö§ñà\n\r", "GSM-7", 1),
        ("ê" + "a" * 69, "UCS-2", 1),
        ("ê" + "a" * 70, "UCS-2", 2),
        ("я" * 134, "UCS-2", 2),
        ("я" * 135, "UCS-2", 3),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
    ],
)
def test_the_limits_of_one_and_of_several_segments(text: str, encoding: str, segments: int) -> None:
    assert segmented(text) == Segmented(encoding, segments)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 152 + "€" + "a" * 152,  # 306 units, but the sign does not fit at the end of the first segment
        "я" * 66 + "😀" + "я" * 66,
    ],
)
def test_no_character_is_divided_between_two_segments(text: str) -> None:
    assert segmented(text).segments == 3


@pytest.mark.parametrize("character", "ё`ç\t\x1bạ")
def test_a_character_outside_of_the_alphabet_makes_the_whole_text_ucs_2(character: str) -> None:
    assert segmented("a" * 100 + character) == Segmented("UCS-2", 2)
