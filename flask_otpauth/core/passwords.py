"""
Which passwords and PINs are refused when they are set (contract/account.md).

Length and familiarity are what is judged; no composition is demanded (NIST SP 800-63B-4
§3.1.1.2).
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
#: Well known, and of no pattern below: countings by two and by ten, pi, e, keypad outlines,
#: and "I love you" in the sound of Chinese digits.
_FAMOUS = ("246810", "135790", "102030", "010203", "314159", "271828", "147896", "134679", "112358", "520131")


def normalize(password: str) -> str:
    """
    The form that is hashed and judged: NFKC, so that every keyboard's way of typing one
    password is that password.
    """
    return Sensitive(unicodedata.normalize("NFKC", password))


def password_problem(password: str, context: Collection[str], common: Container[str]) -> str | None:
    """
    Why ``password`` is refused: ``too_short``, ``too_long``, ``common`` or ``personal``.

    ``context`` holds what belongs to the customer (e-mail address, member ID); ``common`` the
    list of common passwords, in lower case. Lengths are counted in code points.
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
    The 6-digit PINs that people choose first: 3,509 of the million, by pattern and from no list.

    Repeated pairs and triples (121212, 123123), mirrored triples (123321), three pairs and two
    triples of a digit (112233, 111222), countings in equal steps (123456, 987654), two
    lines of the keypad one after the other or in turn (159753, 142536), and the famous. Not
    dates: each is rare by itself, and together they would bar every tenth PIN.
    """
    return frozenset(_FAMOUS).union(_repeated(), _counted(), _drawn())


def _repeated() -> Iterable[str]:
    for a, b, c in product(_DIGITS, repeat=3):
        yield from ((a + b) * 3, (a + b + c) * 2, a + b + c + c + b + a, a + a + b + b + c + c)
        yield a * 3 + b * 3


def _counted() -> Iterable[str]:
    for start, step in product(range(10), range(10)):
        yield "".join(str((start + step * place) % 10) for place in range(6))


def _drawn() -> Iterable[str]:
    lines = [*_KEYPAD_LINES, *(line[::-1] for line in _KEYPAD_LINES)]
    for first, second in product(lines, repeat=2):
        yield first + second
        yield "".join(a + b for a, b in zip(first, second, strict=True))
