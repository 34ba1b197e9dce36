from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import parse

from flask_otpauth.adapters.addresses import CanonicalAddresses, _canonical, _parse_email, deliverable

ADDRESSES = CanonicalAddresses()
LONG_LABELS = ".".join(["d" * 61] * 3)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("user@example.com", "user@example.com"),
        ("  User.Name+Tag@EXAMPLE.Com\t", "user.name+tag@example.com"),
        ("user@sub.example.test", "user@sub.example.test"),
        ("user@bücher.example.com", "user@xn--bcher-kva.example.com"),
        ("user@BÜCHER.example.com", "user@xn--bcher-kva.example.com"),
        ("user@bu\u0308cher.example.com", "user@xn--bcher-kva.example.com"),
        ("user@XN--BCHER-KVA.example.com", "user@xn--bcher-kva.example.com"),
        ("user@straße.example.com", "user@xn--strae-oqa.example.com"),
        ("user@ⓔxample.com", "user@example.com"),
        ("user@example。com", "user@example.com"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("ſam@example.com", "ſam@example.com"),
        ("sam@example.com", "sam@example.com"),
        ("ÅSA@example.com", "Åsa@example.com"),
        ("A\u030asa@example.com", "Åsa@example.com"),
        ("åsa@example.com", "åsa@example.com"),
        ("ıs@example.com", "ıs@example.com"),
        ("İS@example.com", "İs@example.com"),
        ("nguyễn@example.com", "nguyễn@example.com"),
        ("H\u0331@example.com", "\u1e96@example.com"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
        (f"{'a' * 64}@{LONG_LABELS}.com", f"{'a' * 64}@{LONG_LABELS}.com"),
    ],
)
def test_an_email_address_has_one_canonical_form(text: str, canonical: str) -> None:
    assert ADDRESSES.email(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "user",
        "@example.com",
        "user@",
        "user@@example.com",
        "user@example",
        "user@test",
        "user@localhost",
        "user@example.com.",
        "user@.example.com",
        "user@-example.com",
        "user@exa_mple.com",
        "user@[127.0.0.1]",
        "user@127.0.0.1",
        ".user@example.com",
        "user.@example.com",
        "us..er@example.com",
        "us er@example.com",
        "user @example.com",
        "User <user@example.com>",
        "<user@example.com>",
        '"user"@example.com',
        '"us er"@example.com',
        "user(comment)@example.com",
        "user@example.com (comment)",
        "user@example.com,eve@example.com",
        "user@example.com;eve@example.com",
        "user@example.com eve@example.com",
        "mailto:user@example.com",
        "user@example.com\n",
        "\r\nuser@example.com",
        "user@example.com\r\nBcc: eve@example.com",
        "user\x00@example.com",
        "user@exam\x00ple.com",
        "user\u200b@example.com",
        "user\u202e@example.com",
        "user\u00a0@example.com",
        "\u00a0user@example.com",
        "\u0301user@example.com",
        "user＠example.com",
        "us﹫er@example.com",
        "us，er@example.com",
        "us\u037eer@example.com",
        "us\u2024er@example.com",
        "user@exa℀mple.com",
        "user@xn--zzzzzz--.example.com",
        "user\ud800@example.com",
        "user@\ud800.example.com",
        "a" * 65 + "@example.com",
        "ü" * 33 + "@example.com",
        f"{'a' * 64}@{LONG_LABELS}a.comm",
        "a" * 100_000 + "@example.com",
        "user@" + "a" * 100_000 + ".com",
    ],
)
def test_what_is_not_one_plain_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address") as refusal:
        ADDRESSES.email(text)

    assert refusal.value.__cause__ is None


PARTS = st.text(st.sampled_from("aAzZ09.-+_'xXnN!\"(@ \tü\n"), max_size=70)
DOMAINS = st.one_of(
    st.sampled_from(
        ["example.com", "EXAMPLE.Com", "example.test", "xn--bcher-kva.de", "XN--zz.de", "a.xn--.de"]
    ),
    st.lists(PARTS, min_size=1, max_size=5).map(".".join),
    st.integers(180, 260).map(
        lambda length: ("d" * 60 + ".") * (length // 61) + "d" * (length % 61) + ".com"
    ),
)


@given(PARTS, DOMAINS)
@example("a" * 64, "example.com")
@example("a" * 65, "example.com")
@example(" a", "example.com\t")
@example("a", f"{LONG_LABELS}.{'d' * 60}.com")
@example("a" * 60, f"{LONG_LABELS}.xn--{'d' * 10}.com")
def test_a_plain_address_is_read_as_the_full_parser_reads_it(local_part: str, domain: str) -> None:
    def outcome(read: Callable[[str], str]) -> str:
        try:
            return read(f"{local_part}@{domain}")
        except ValueError as error:
            return f"refused: {error}"

    assert outcome(ADDRESSES.email) == outcome(lambda text: _canonical(_parse_email(text)))


LOCAL_PARTS = st.text(
    st.one_of(st.sampled_from("aAbBhHkK.+-'"), st.characters(min_codepoint=0x80, exclude_categories=["Cs"])),
    min_size=1,
    max_size=12,
)


@given(LOCAL_PARTS)
@example("H\u0331")
@example("\u212a")
@example("ﬀ")
def test_the_canonical_form_of_a_canonical_form_is_itself(local_part: str) -> None:
    try:
        canonical = ADDRESSES.email(f"{local_part}@example.com")
    except ValueError:
        return

    assert ADDRESSES.email(canonical) == canonical
    assert unicodedata.is_normalized("NFC", canonical)
    assert not re.search("[A-Z]", canonical)


@given(LOCAL_PARTS, LOCAL_PARTS)
@example("ſam", "sam")
@example("ＳＡＭ", "sam")
@example("ﬁ", "fi")
def test_two_addresses_are_one_only_if_they_differ_in_composition_and_ascii_case(
    first: str, second: str
) -> None:
    def folded(local_part: str) -> str:
        lowered = unicodedata.normalize("NFC", local_part)
        return unicodedata.normalize("NFC", re.sub("[A-Z]", lambda found: found[0].lower(), lowered))

    try:
        same = ADDRESSES.email(f"{first}@example.com") == ADDRESSES.email(f"{second}@example.com")
    except ValueError:
        return

    assert same is (folded(first) == folded(second))


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("Jane.Doe@Example.com", "Jane.Doe@Example.com"),
        ("jane@intranet.local", "jane@intranet.local"),
        ("Jane@bücher.example.com", "Jane@xn--bcher-kva.example.com"),
    ],
)
def test_a_stored_address_is_delivered_to_as_it_is_but_for_its_domain(stored: str, written: str) -> None:
    assert deliverable(stored) == written


@pytest.mark.parametrize(
    "stored", ["ſam@example.com", "Jane <jane@example.com>", "a@b.com, c@d.com", "a@b.com\n"]
)
def test_what_smtp_does_not_take_is_not_deliverable(stored: str) -> None:
    with pytest.raises(ValueError, match="not"):
        deliverable(stored)


VIETNAMESE = [
    "+84987654321",
    "0987654321",
    "84987654321",
    "0084987654321",
    "987654321",
    "+84 987 654 321",
    "+84-987-654-321",
    "+84.987.654.321",
    "(+84) 987 654 321",
    "+84 (0) 987 654 321",
    "(0987) 654-321",
    " 0987654321 ",
    "00 84 987654321",
    "+84/987/654/321",
    "[+84] 987 654 321",
    "+84\u00a0987\u00a0654\u00a0321",
    "+84\u202f987\u2009654\u3000321",
    "+84\u2011987\u2013654\u2212321",
    "\u202a+84 987 654 321\u202c",
    "\u2066+84987654321\u2069",
    "\ufeff0987654321\u200e",
    "0987\u2060654\u00ad321",
]


@pytest.mark.parametrize("text", VIETNAMESE)
def test_every_spelling_of_a_number_is_one_number(text: str) -> None:
    assert ADDRESSES.phone(text, "VN") == "+84987654321"


@pytest.mark.parametrize(
    ("text", "region", "canonical"),
    [
        ("0771122330", "VN", "+84771122330"),
        ("081234567890", "ID", "+6281234567890"),
        ("6281234567890", "ID", "+6281234567890"),
        ("8 (999) 123-45-67", "RU", "+79991234567"),
        ("79991234567", "RU", "+79991234567"),
        ("0845123456", "VN", "+84845123456"),
        ("84845123456", "VN", "+84845123456"),
        ("845123456", "VN", "+84845123456"),
        ("+79991234567", "VN", "+79991234567"),
        ("0079991234567", "US", "+79991234567"),
        ("011 84 987654321", "US", "+84987654321"),
        ("+84987654321", None, "+84987654321"),
        ("0084987654321", None, "+84987654321"),
        ("06 698 12345", "IT", "+390669812345"),
    ],
)
def test_a_number_is_read_in_its_region(text: str, region: str | None, canonical: str) -> None:
    assert ADDRESSES.phone(text, region) == canonical


NO_NUMBERS = [
    "",
    "+",
    "abc",
    "12",
    "0987 65432",
    "098765432100",
    "+84987654321 ext 5",
    "+84987654321x5",
    "+84987654321;ext=5",
    "+84987654321,5",
    "+84987654321#5",
    "tel:+84987654321",
    "tel:0987654321;phone-context=+84",
    "+84\\987654321",
    "++84987654321",
    "+84+987654321",
    "+0084987654321",
    "000084987654321",
    "0800-CODES-4U",
    "٠٩٨٧٦٥٤٣٢١",
    "０９８７６５４３２１",
    "＋84987654321",
    "+84987654321\n",
    "+84987654321\x00",
    "+84\u200b987654321",
    "²987654321",
    "1_000_000",
    "113",
    "9" * 10_000,
]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        ADDRESSES.phone(text, "VN")


@pytest.mark.parametrize("text", ["0987654321", "84987654321"])
def test_a_national_number_needs_a_region(text: str) -> None:
    with pytest.raises(ValueError, match="not a phone number"):
        ADDRESSES.phone(text, None)


COSTLY = {
    "premium rate": "+449012345678",
    "premium rate of Vietnam": "+84190012345",
    "premium rate of America": "+19002345678",
    "shared cost": "+33820123456",
    "personal": "+447012345678",
    "personal of Italy": "+39199123456",
    "pager": "+447640123456",
    "satellite": "+881612345678",
    "satellite at sea": "+870773111632",
    "international network": "+8823421234",
    "international network of machines": "+883510012345",
    "international premium rate": "+979123456789",
    "international free phone": "+80012345678",
}


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY.keys())
def test_a_number_that_costs_extra_or_is_nobodys_line_gets_no_code(text: str) -> None:
    calling_code = str(parse(text).country_code)
    region = {44: "GB", 84: "VN", 1: "US", 33: "FR", 39: "IT"}.get(int(calling_code), "GB")
    reads: list[Callable[[], object]] = [
        lambda: ADDRESSES.phone(text, None),
        lambda: ADDRESSES.possible_phone(text, region),
        lambda: ADDRESSES.with_country_code(calling_code, text),
    ]

    for read in reads:
        with pytest.raises(ValueError, match="not a"):
            read()
    assert not ADDRESSES.is_mobile(text, None)


@pytest.mark.parametrize("text", ["78031234567", "8 809 123-45-67"])
def test_a_costly_number_is_not_possible_though_its_length_is(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        ADDRESSES.possible_phone(text, "RU")


@given(
    st.text(st.sampled_from("0123456789+ -.()/[]\u00a0\u2011\u202a"), max_size=20),
    st.sampled_from(["VN", "ID", "RU", "US", "IT"]),
)
def test_a_canonical_number_is_e164_and_its_own_canonical_form(text: str, region: str) -> None:
    try:
        canonical = ADDRESSES.phone(text, region)
    except ValueError:
        return

    assert re.fullmatch(r"\+[1-9][0-9]{4,14}", canonical)
    assert ADDRESSES.phone(canonical, None) == canonical


@pytest.mark.parametrize("country_code", ["84", "+84", "084", "0084", " +84 "])
@pytest.mark.parametrize(
    "text", ["0987654321", "987654321", "0987 654 321", "987-654-321", "+84987654321", "0084987654321"]
)
def test_a_pair_names_the_same_number_however_it_is_spelt(country_code: str, text: str) -> None:
    assert ADDRESSES.with_country_code(country_code, text) == "+84987654321"


@pytest.mark.parametrize(
    ("country_code", "text"),
    [
        ("84", "+6281234567890"),
        ("84", "0062 81234567890"),
        ("1", "011 84 987654321"),
        ("84", "12345"),
        ("84", ""),
        ("84", "0987654321 ext 1"),
        ("84", "٠٩٨٧٦٥٤٣٢١"),
        ("84", "000000987654321"),
        ("49", "0453886559318778"),
        ("49", "+49453886559318778"),
        ("", "0987654321"),
        ("999", "0987654321"),
        ("84x", "0987654321"),
    ],
)
def test_a_pair_that_names_no_number_of_that_country_is_refused(country_code: str, text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        ADDRESSES.with_country_code(country_code, text)


@pytest.mark.parametrize(
    ("country_code", "text", "canonical"),
    [
        ("1", "416 555 0123", "+14165550123"),
        ("7", "8 999 123 45 67", "+79991234567"),
        ("7", "+7 701 234 5678", "+77012345678"),
        ("62", "0812-3456-7890", "+6281234567890"),
        ("43", "436616645454637", "+436616645454637"),
    ],
)
def test_a_pair_of_any_country_is_understood(country_code: str, text: str, canonical: str) -> None:
    assert ADDRESSES.with_country_code(country_code, text) == canonical


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("84", True),
        ("+84", True),
        ("084", True),
        ("0084", True),
        ("1", True),
        ("+7", True),
        ("856", True),
        ("", False),
        ("0", False),
        ("+", False),
        ("00084", False),
        ("+084", False),
        ("999", False),
        ("800", False),
        ("84a", False),
        ("८४", False),
        ("VN", False),
        ("84987654321", False),
    ],
)
def test_a_country_calling_code_is_recognised(text: str, expected: bool) -> None:
    assert ADDRESSES.is_country_code(text) is expected


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("081234567890", "ID", True),
        ("+84987654321", "ID", True),
        ("+12125550123", "ID", True),
        ("021 1234567", "ID", False),
        ("+74951234567", "ID", False),
        ("+80012345678", "ID", False),
        ("12345", "ID", False),
        ("0812-CALL", "ID", False),
        ("", "ID", False),
    ],
)
def test_a_mobile_number_is_recognised_in_any_country(text: str, region: str, expected: bool) -> None:
    assert ADDRESSES.is_mobile(text, region) is expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("79991234567", "+79991234567"),
        ("89991234567", "+79991234567"),
        ("+79991234567", "+79991234567"),
        ("70000000000", "+70000000000"),
        ("8 (999) 123-45-67", "+79991234567"),
    ],
)
def test_a_possible_number_need_not_be_in_use(text: str, canonical: str) -> None:
    assert ADDRESSES.possible_phone(text, "RU") == canonical


@pytest.mark.parametrize(
    "text", ["799912345", "799912345678", "+84987654321", "", "7999x234567", "٧٩٩٩١٢٣٤٥٦٧"]
)
def test_a_number_that_the_region_cannot_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        ADDRESSES.possible_phone(text, "RU")


@pytest.mark.parametrize("region", ["VN", "US", "ID", "BR", "CN", "GB", "LA"])
@pytest.mark.parametrize(
    "text", ["+79991234567", "0079991234567", "+61412345678", "+8498765432", "+55119123456"]
)
def test_a_number_written_internationally_is_possible_only_as_that_number(text: str, region: str) -> None:
    try:
        read = ADDRESSES.possible_phone(text, region)
    except ValueError:
        return

    assert read == text.replace("00", "+", 1) if text.startswith("00") else read == text


def test_the_forty_megabytes_of_place_names_are_never_loaded() -> None:
    program = "import sys, flask_otpauth.adapters.addresses; print('phonenumbers.geocoder' in sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert loaded.strip() == "False"
