"""
Which passwords and PINs are refused when they are set (contract/account.md).

They are judged by length and by how common they are. No kinds of characters are required (NIST SP
800-63B-4 §3.1.1.2).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Container, Iterable
from functools import cache
from itertools import product

from flask_otpauth.core.sensitive import Sensitive

SHORTEST = 8
LONGEST = 128

_DIGITS = "0123456789"
#: The lines of three keys on a telephone: rows, columns and diagonals.
_KEYPAD_LINES = ("123", "456", "789", "147", "258", "369", "159", "357")
#: Well known, but of no pattern below: steps of two and of ten, pi, e, outlines on the keypad, and "I
#: love you" in the sound of Chinese digits.
_FAMOUS = ("246810", "135790", "102030", "010203", "314159", "271828", "147896", "134679", "112358", "520131")


def normalize(password: str) -> str:
    """
    Return the form that is hashed and judged (NFKC).

    Different keyboards may type one password as different characters.
    """
    return Sensitive(unicodedata.normalize("NFKC", password))


def password_problem(password: str, context: Collection[str], common: Container[str]) -> str | None:
    """
    Return why ``password`` is refused: ``too_short``, ``too_long``, ``common`` or ``personal``.

    Return ``None`` if it is not refused. ``context`` holds texts of the customer, such as the e-mail
    address. ``common`` holds common passwords in lower case. Lengths are in code points.
    """
    plain = normalize(password)
    folded = Sensitive(plain.casefold())
    if len(plain) < SHORTEST:
        return "too_short"
    if len(plain) > LONGEST:
        return "too_long"
    if folded in common:
        return "common"
    if any(folded == normalize(personal).casefold() for personal in context):
        return "personal"
    return None


@cache
def common_pins() -> frozenset[str]:
    """
    Return the 6-digit PINs that people choose first: 3,509 of a million, found by patterns.

    The patterns are repeated pairs and triples (121212, 123123), mirrored triples (123321), three pairs
    and two triples of a digit (112233, 111222), equal steps (123456, 987654), two lines of the keypad in
    sequence or in turn (159753, 142536), and well-known numbers. Dates are not among them: each date is
    rare, and all dates together would exclude every tenth PIN.
    """
    return frozenset(_FAMOUS).union(_repetitions(), _steps(), _keypad_lines())


def _repetitions() -> Iterable[str]:
    for a, b, c in product(_DIGITS, repeat=3):
        yield from ((a + b) * 3, (a + b + c) * 2, a + b + c + c + b + a, a + a + b + b + c + c)
        yield a * 3 + b * 3


def _steps() -> Iterable[str]:
    for start, step in product(range(10), range(10)):
        yield "".join(str((start + step * place) % 10) for place in range(6))


def _keypad_lines() -> Iterable[str]:
    lines = [*_KEYPAD_LINES, *(line[::-1] for line in _KEYPAD_LINES)]
    for first, second in product(lines, repeat=2):
        yield first + second
        yield "".join(a + b for a, b in zip(first, second, strict=True))
