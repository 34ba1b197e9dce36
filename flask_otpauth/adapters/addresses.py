"""One canonical form for each address, by email-validator and libphonenumber."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

#: RFC 5321 §4.5.3.1: octets, without the angle brackets.
_LONGEST_EMAIL = 254
_LONGEST_LOCAL_PART = 64
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_ASCII_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_AROUND = " \t"
#: An address of ASCII alone: a dot-atom (RFC 5322 §3.2.3), and a domain that is not in Punycode.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_EMAIL = re.compile(
    rf"(?=.{{1,{_LONGEST_EMAIL}}}$)(?=[^@]{{1,{_LONGEST_LOCAL_PART}}}@)"
    rf"({_ATOM}(?:\.{_ATOM})*)@((?!.*xn--)[a-z0-9.-]+)",
    re.ASCII | re.IGNORECASE,
)

#: Spaces, dashes and parentheses, also those of typesetting, and invisible marks in pasted
#: text: soft hyphens, byte order, joiners, writing direction.
_SPACING = dict.fromkeys(
    map(
        ord,
        " -()"
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
        "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
        "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff",
    )
)
_SEPARATORS = {**_SPACING, **dict.fromkeys(map(ord, ".[]/"))}
#: E.164 allows 15 digits. An international prefix such as 00 can be before them.
_PHONE = re.compile(r"(?:\+[1-9]|[0-9])[0-9]{1,19}")
_COUNTRY_CODE = re.compile(r"(?:\+|0{0,2})([1-9][0-9]{0,2})")
#: contract/sms.md: the most digits of a number without separators and country prefix.
_LONGEST_NATIONAL = 14
#: What the metadata calls the "region" of +800 and other numbers of no country.
_NO_COUNTRY = "001"
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
#: Kinds of numbers that cost the caller extra, or on which no user reads or answers.
_COSTLY = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.UAN,
        PhoneNumberType.PAGER,
        PhoneNumberType.VOICEMAIL,
    }
)
#: A number is valid if it has a type, so the type is looked up once.
_INVALID_OR_COSTLY = _COSTLY | {PhoneNumberType.UNKNOWN}


class CanonicalAddresses:
    """
    Canonical e-mail addresses and phone numbers (contract/index.md, "Addresses").

    A phone number must be valid, which means that its range is in use, and belong to a country.
    Premium-rate, shared-cost, personal, company-wide (UAN) and satellite numbers are refused,
    because no user answers there and toll fraud earns money with them.
    """

    def email(self, text: str) -> str:
        """
        Return the canonical form of an e-mail address.

        The form is NFC, with the domain in lower-case ASCII (IDNA 2008) and the ASCII letters of
        the local part in lower case. No other characters are folded: a local part beyond ASCII
        (RFC 6531) is an address of its own. The sender decides whether it can send there.

        :raises ValueError: if ``text`` is not exactly one plain ``addr-spec``.
        """
        plain = _PLAIN_EMAIL.fullmatch(text.strip(_AROUND))
        if plain:
            return f"{plain[1].lower()}@{_plain_domain(plain[2])}"
        return _canonical(_parse_email(text))

    def phone(self, text: str, region: str | None) -> str:
        """
        Return a national or international number as E.164. ``00`` reads as ``+`` in every region.

        :raises ValueError: if it is not a valid number.
        """
        return _e164(_require_line(_parse_phone(_bare(text), region), _INVALID_OR_COSTLY))

    def possible_phone(self, text: str, region: str) -> str:
        """
        Return a number as E.164 if ``region`` could have a number of that length. It need not be in use.

        :raises ValueError: if it is not such a number, or costs extra.
        """
        bare = _bare(text)
        # The digits may begin with the calling code, without the plus sign: 7 999 123 45 67. With a
        # plus sign there is only one way to read them.
        spellings = (bare,) if bare.startswith("+") else (bare, f"+{bare}")
        for number in (_parse_phone(spelling, region) for spelling in spellings):
            of_region = number.country_code == phonenumbers.country_code_for_region(region)
            if of_region and phonenumbers.is_possible_number(number):
                return _e164(_require_line(number, _COSTLY))
        raise ValueError("not a possible number of the region")

    def without_separators(self, text: str) -> str:
        """Return ``text`` without spaces, dashes and parentheses."""
        return text.translate(_SPACING)

    def with_country_code(self, country_code: str, text: str) -> str:
        """
        Return a number that is given with its country calling code as E.164.

        :raises ValueError: if there is no such code, or the number is not valid there, has more than
            14 digits or begins with the code of another country.
        """
        calling_code = _calling_code(country_code)
        region = phonenumbers.region_code_for_country_code(calling_code)
        number = _require_line(_parse_phone(_bare(text), region), _INVALID_OR_COSTLY)
        national = phonenumbers.national_significant_number(number)
        if number.country_code != calling_code or len(national) > _LONGEST_NATIONAL:
            raise ValueError("not a number of that country")
        return _e164(number)

    def is_country_code(self, text: str) -> bool:
        """Return whether ``text`` is a country calling code (``84``, ``+84``, ``084``, ``0084``)."""
        try:
            _calling_code(text)
        except ValueError:
            return False
        return True

    def is_mobile(self, text: str, region: str | None) -> bool:
        """Return whether ``text`` is a valid number of type mobile (or fixed line or mobile)."""
        try:
            number = _require_line(_parse_phone(_bare(text), region), _INVALID_OR_COSTLY)
        except ValueError:
            return False
        return phonenumbers.number_type(number) in _MOBILE


def spellings(address: str) -> list[str]:
    """
    Return the forms in which a canonical e-mail address may have been written, apart from its case.

    The domain may have letters beyond ASCII, and accents may be separate characters (NFD).
    """
    if address.isascii() and "xn--" not in address:
        return [address]
    local, _, domain = address.rpartition("@")
    written = _parse_email(address).domain if "xn--" in domain else domain
    forms = {address, f"{local}@{written}"}
    return sorted(forms | {unicodedata.normalize("NFD", each) for each in forms})


def deliverable(address: str) -> str:
    """
    Return a stored address in the form that SMTP takes. Only a domain beyond ASCII is changed.

    :raises ValueError: if the address needs SMTPUTF8, or is not an address.
    """
    if _ASCII_ADDRESS.fullmatch(address):
        return address
    converted = _parse_email(address).ascii_email
    if converted is None:
        raise ValueError("the local part is not ASCII")
    return converted


@lru_cache(maxsize=1024)
def _plain_domain(domain: str) -> str:
    """Return the canonical form of a domain. It is kept, because most addresses are of a few domains."""
    return _parse_email(f"a@{domain}").ascii_domain


def _canonical(parsed: ValidatedEmail) -> str:
    # Composed once more, because lower case can have one character for two (H with a macron below).
    local = unicodedata.normalize("NFC", parsed.local_part.translate(_LOWER))
    return f"{local}@{parsed.ascii_domain}"


def _parse_email(text: str) -> ValidatedEmail:
    stripped = text.strip(_AROUND)
    if len(stripped) > _LONGEST_EMAIL:
        raise ValueError("not an e-mail address: too long")
    try:
        parsed = validate_email(
            stripped,
            allow_smtputf8=True,
            allow_empty_local=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            globally_deliverable=True,
            check_deliverability=False,
            test_environment=True,  # accepts the reserved names *.test (RFC 6761), for tests
        )
    except EmailNotValidError:
        raise ValueError("not an e-mail address") from None
    too_long = len(parsed.local_part.encode()) > _LONGEST_LOCAL_PART
    if too_long or "." not in parsed.ascii_domain or _hides_syntax(parsed.local_part):
        raise ValueError("not an e-mail address")
    return parsed


def _hides_syntax(local_part: str) -> bool:
    """Return whether a reader that folds compatibility forms (NFKC) would see other syntax: ``a﹫b``."""
    return _syntax_of(local_part) != _syntax_of(unicodedata.normalize("NFKC", local_part))


def _syntax_of(text: str) -> list[str]:
    return [character for character in text if character.isascii() and not character.isalnum()]


def _bare(text: str) -> str:
    """Return the digits of ``text``, after a plus sign if the number is international."""
    bare = re.sub("^00", "+", text.translate(_SEPARATORS))
    if not _PHONE.fullmatch(bare):
        raise ValueError("not a phone number")
    return bare


def _parse_phone(bare: str, region: str | None) -> PhoneNumber:
    try:
        return phonenumbers.parse(bare, region)
    except NumberParseException:
        raise ValueError("not a phone number") from None


def _require_line(number: PhoneNumber, refused: frozenset[int]) -> PhoneNumber:
    """Return ``number``, unless it belongs to no country or is of a ``refused`` type."""
    of_no_country = phonenumbers.region_code_for_country_code(number.country_code or 0) == _NO_COUNTRY
    if of_no_country or phonenumbers.number_type(number) in refused:
        raise ValueError("not a phone number of a person")
    return number


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _calling_code(text: str) -> int:
    found = _COUNTRY_CODE.fullmatch(text.translate(_SEPARATORS))
    code = int(found[1]) if found else 0
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, (_NO_COUNTRY,))
    if _NO_COUNTRY in regions:
        raise ValueError("not a country calling code")
    return code
