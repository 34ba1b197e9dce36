"""One canonical form for each address, by email-validator and libphonenumber."""

from __future__ import annotations

import re
import string
import unicodedata

import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

#: RFC 5321 §4.5.3.1: octets, without the angle brackets.
_LONGEST_EMAIL = 254
_LONGEST_LOCAL_PART = 64
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_ASCII_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")

#: Spaces, dashes and parentheses, those of typesetting too, and the marks that nobody sees in
#: what is pasted: soft hyphens, byte order, joiners, writing direction.
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
#: E.164 allows 15 digits; before them stands at most an international prefix such as 00.
_PHONE = re.compile(r"(?:\+[1-9]|[0-9])[0-9]{1,19}")
_COUNTRY_CODE = re.compile(r"(?:\+|0{0,2})([1-9][0-9]{0,2})")
#: contract/sms.md: the most digits of a number without separators and country prefix.
_LONGEST_NATIONAL = 14
#: What the metadata calls the "region" of +800 and other numbers of no country.
_NO_COUNTRY = "001"
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
#: Kinds of numbers that cost the caller extra, or that are no line on which a user reads or hears.
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


class CanonicalAddresses:
    """
    Canonical e-mail addresses and phone numbers (contract/index.md, "Addresses").

    Phone numbers must be valid, that is of a range that is in use, and of a country: no user
    answers on a premium-rate, shared-cost, personal, company-wide (UAN) or satellite number, and
    sending to one is how toll fraud earns its money.
    """

    def email(self, text: str) -> str:
        """
        The canonical form: NFC, the domain in lower-case ASCII (IDNA 2008), ASCII letters of
        the local part in lower case and nothing else folded.

        A local part beyond ASCII (RFC 6531) is accepted as an address of its own and never
        as another spelling of one; whether it can be sent to is the sender's affair.

        :raises ValueError: if it is not exactly one plain ``addr-spec``.
        """
        parsed = _parsed_email(text)
        # Composed once more: in lower case, two characters may have one form (H, macron below).
        local = unicodedata.normalize("NFC", parsed.local_part.translate(_LOWER))
        return f"{local}@{parsed.ascii_domain}"

    def phone(self, text: str, region: str | None) -> str:
        """
        E.164 of a national or international number; ``00`` reads as ``+`` in every region.

        :raises ValueError: if it is not a valid number.
        """
        return _e164(_valid(_parsed_phone(_bare(text), region)))

    def possible_phone(self, text: str, region: str) -> str:
        """
        E.164 of a number that ``region`` could have, by its length, whether in use or not.

        :raises ValueError: if it is no such number, or a costly one.
        """
        bare = _bare(text)
        # Digits may begin with the calling code and lack the plus sign: 7 999 123 45 67. With
        # the plus sign they can be read in one way only.
        spellings = (bare,) if bare.startswith("+") else (bare, f"+{bare}")
        for number in (_parsed_phone(spelling, region) for spelling in spellings):
            of_region = number.country_code == phonenumbers.country_code_for_region(region)
            if of_region and phonenumbers.is_possible_number(number):
                return _e164(_affordable(number))
        raise ValueError("not a possible number of the region")

    def unspaced(self, text: str) -> str:
        """``text`` without spaces, dashes and parentheses."""
        return text.translate(_SPACING)

    def dialled(self, country_code: str, text: str) -> str:
        """
        E.164 of a number given beside its country calling code.

        :raises ValueError: if the code is none, or the number is not valid there, has over 14
            digits or begins with another country's code.
        """
        calling_code = _calling_code(country_code)
        region = phonenumbers.region_code_for_country_code(calling_code)
        number = _valid(_parsed_phone(_bare(text), region))
        national = phonenumbers.national_significant_number(number)
        if number.country_code != calling_code or len(national) > _LONGEST_NATIONAL:
            raise ValueError("not a number of that country")
        return _e164(number)

    def is_country_code(self, text: str) -> bool:
        """Whether ``text`` is a country calling code (``84``, ``+84``, ``084``, ``0084``)."""
        try:
            _calling_code(text)
        except ValueError:
            return False
        return True

    def is_mobile(self, text: str, region: str | None) -> bool:
        """Whether ``text`` is a valid number of type mobile (or fixed line or mobile)."""
        try:
            number = _valid(_parsed_phone(_bare(text), region))
        except ValueError:
            return False
        return phonenumbers.number_type(number) in _MOBILE


def spellings(address: str) -> list[str]:
    """
    How a canonical e-mail address may have been written, but for its case: with a domain in
    letters beyond ASCII, or with accents as characters of their own (NFD).
    """
    local, _, domain = address.rpartition("@")
    written = _parsed_email(address).domain if "xn--" in domain else domain
    forms = {address, f"{local}@{written}"}
    return sorted(forms | {unicodedata.normalize("NFD", each) for each in forms})


def deliverable(address: str) -> str:
    """
    A stored address as SMTP takes it: as it is, but for a domain beyond ASCII.

    :raises ValueError: if it needs SMTPUTF8 or is no address.
    """
    if _ASCII_ADDRESS.fullmatch(address):
        return address
    converted = _parsed_email(address).ascii_email
    if converted is None:
        raise ValueError("the local part is not ASCII")
    return converted


def _parsed_email(text: str) -> ValidatedEmail:
    plain = text.strip(" \t")
    if len(plain) > _LONGEST_EMAIL:
        raise ValueError("not an e-mail address: too long")
    try:
        parsed = validate_email(
            plain,
            allow_smtputf8=True,
            allow_empty_local=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            globally_deliverable=True,
            check_deliverability=False,
            test_environment=True,  # takes the reserved names *.test (RFC 6761), which tests are made of
        )
    except EmailNotValidError:
        raise ValueError("not an e-mail address") from None
    too_long = len(parsed.local_part.encode()) > _LONGEST_LOCAL_PART
    if too_long or "." not in parsed.ascii_domain or _hides_syntax(parsed.local_part):
        raise ValueError("not an e-mail address")
    return parsed


def _hides_syntax(local_part: str) -> bool:
    """Whether a reader that folds compatibility forms (NFKC) would see other syntax: ``a﹫b``."""
    return _syntax_of(local_part) != _syntax_of(unicodedata.normalize("NFKC", local_part))


def _syntax_of(text: str) -> list[str]:
    return [character for character in text if character.isascii() and not character.isalnum()]


def _bare(text: str) -> str:
    """The digits of ``text``, after a plus sign if it is international."""
    bare = re.sub("^00", "+", text.translate(_SEPARATORS))
    if not _PHONE.fullmatch(bare):
        raise ValueError("not a phone number")
    return bare


def _parsed_phone(bare: str, region: str | None) -> PhoneNumber:
    try:
        return phonenumbers.parse(bare, region)
    except NumberParseException:
        raise ValueError("not a phone number") from None


def _valid(number: PhoneNumber) -> PhoneNumber:
    if not phonenumbers.is_valid_number(number):
        raise ValueError("not a valid phone number")
    return _affordable(number)


def _affordable(number: PhoneNumber) -> PhoneNumber:
    """``number``, unless writing to it or calling it costs more than a person's line does."""
    of_no_country = phonenumbers.region_code_for_country_code(number.country_code or 0) == _NO_COUNTRY
    if of_no_country or phonenumbers.number_type(number) in _COSTLY:
        raise ValueError("not a number of a person's line")
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
