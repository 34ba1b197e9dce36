"""The languages of a message, from locales in any spelling: first with the region, then without it."""

from __future__ import annotations

import pytest
from babel import Locale

from flask_otpauth.core.accents import without_accents
from flask_otpauth.core.locales import preferences


@pytest.mark.parametrize("spelling", ["de-AT", "de_AT", "DE-at", " de_at ", "de_AT.UTF-8", "de_AT@euro"])
def test_region_and_case_are_tolerated_in_every_spelling(spelling: str) -> None:
    assert preferences(spelling) == ("de_AT", "de")


@pytest.mark.parametrize(
    ("spelling", "locales"),
    [
        ("th_TH@calendar=buddhist;numbers=thai", ("th_TH", "th")),
        ("en_US@rg=lazzzz", ("en_US", "en")),
        ("en-US-u-ca-buddhist", ("en_US", "en")),
        ("zh-Hant-TW-u-co-stroke-t-en-us", ("zh_Hant_TW", "zh_Hant", "zh")),
        ("vi-x-shop", ("vi",)),
    ],
)
def test_what_a_phone_adds_to_its_locale_changes_no_words(spelling: str, locales: tuple[str, ...]) -> None:
    assert preferences(spelling) == locales


@pytest.mark.parametrize(
    ("wishes", "locales"),
    [
        (("zh-hant-tw",), ("zh_Hant_TW", "zh_Hant", "zh")),
        (("es-419",), ("es_419", "es")),
        (("de", "en-GB", "vi"), ("de", "en_GB", "en", "vi")),
        (("vi", "VI", "vi-VN"), ("vi", "vi_VN")),
        ((None, "", "  ", "en"), ("en",)),
        ((lambda: "de", "en"), ("de", "en")),
        ((lambda: None, "en"), ("en",)),
        ((Locale("de", "AT"),), ("de_AT", "de")),
        ((lambda: Locale("pt", "BR"),), ("pt_BR", "pt")),
    ],
)
def test_the_best_wish_comes_first(wishes: tuple[object, ...], locales: tuple[str, ...]) -> None:
    assert preferences(*wishes) == locales


#: Texts that a client may send as its language, and that must not become a part of a file name.
HOSTILE = [
    "../../etc/passwd",
    "de/../en",
    "de\0",
    "d",
    "dé",
    "de-",
    "de-u",
    "de-u-../en",
    "de@",
    "de@a=/../en",
    "de" + "-u-ca" * 800 + "!",
    "de--at",
    "x" * 9,
    "x" * 5000,
    "de\nen",
    "..",
]


@pytest.mark.parametrize("wish", HOSTILE, ids=repr)
def test_what_is_no_locale_is_passed_over(wish: str) -> None:
    assert preferences(wish, "en") == ("en",)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Công ty Cổ phần Hoa Sen", "Cong ty Co phan Hoa Sen"),
        ("Đà Nẵng, đường", "Da Nang, duong"),
        ("5 phút 30 giây", "5 phut 30 giay"),
        ("Shop & Co", "Shop & Co"),
    ],
)
def test_accents_are_taken_off(text: str, plain: str) -> None:
    assert without_accents(text) == plain
