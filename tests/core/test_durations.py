"""Durations in words: with the right plural in every packaged language, and never rounded."""

from __future__ import annotations

import pytest

from flask_otpauth.core.durations import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (45, "45 seconds"),
        (60, "1 minute"),
        (61, "61 seconds"),
        (90, "90 seconds"),
        (120, "2 minutes"),
        (121, "2 minutes 1 second"),
        (150, "2 minutes 30 seconds"),
        (300, "5 minutes"),
        (600, "10 minutes"),
    ],
)
def test_a_duration_is_told_as_it_is(seconds: int, words: str) -> None:
    assert in_words(seconds, "en") == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "1 минуту"),
        (2, "2 минуты"),
        (4, "4 минуты"),
        (5, "5 минут"),
        (10, "10 минут"),
        (11, "11 минут"),
        (12, "12 минут"),
        (14, "14 минут"),
        (21, "21 минуту"),
        (22, "22 минуты"),
        (25, "25 минут"),
        (101, "101 минуту"),
        (111, "111 минут"),
        (112, "112 минут"),
    ],
)
def test_russian_has_three_forms_of_a_unit(minutes: int, words: str) -> None:
    assert in_words(minutes * 60, "ru") == words


@pytest.mark.parametrize(
    ("locale", "minute", "minutes", "seconds"),
    [
        ("en", "1 minute", "5 minutes", "90 seconds"),
        ("vi", "1 phút", "5 phút", "90 giây"),
        ("lo", "1 ນາທີ", "5 ນາທີ", "90 ວິນາທີ"),
        ("ru", "1 минуту", "5 минут", "90 секунд"),
        ("id", "1 menit", "5 menit", "90 detik"),
        ("en_GB", "1 minute", "5 minutes", "90 seconds"),
        ("de", "1 min", "5 min", "90 s"),
    ],
)
def test_every_language_has_its_words_and_others_have_symbols(
    locale: str, minute: str, minutes: str, seconds: str
) -> None:
    assert [in_words(each, locale) for each in (60, 300, 90)] == [minute, minutes, seconds]
