"""
How many SMS a text needs (3GPP TS 23.038 and TS 23.040).

A text of the default alphabet has seven bits a character, and sixteen otherwise. A longer text is sent in
segments, each of which begins with a header. No character is divided between two segments.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask_otpauth.core.record import frozen

#: The default alphabet (TS 23.038 §6.2.1), without its escape character.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Its extension table (TS 23.038 §6.2.1.1). Each of these characters has an escape character before it.
_EXTENDED = frozenset("\f^{}\\[~]|€")
_GSM_7 = _BASIC | _EXTENDED
_LAST_OF_ONE_UNIT = 0xFFFF


@frozen
class Segmented:
    """How a text is sent by SMS."""

    #: ``GSM-7`` or ``UCS-2``. National shift tables are not used, because few operators support them.
    encoding: str
    #: The number of segments. A provider bills each of them.
    segments: int


def segmented(text: str) -> Segmented:
    """Return how ``text`` is sent: 160 characters of GSM-7 alone or 153 a segment; 70 or 67 of UCS-2."""
    if _GSM_7.issuperset(text):
        return Segmented("GSM-7", _segments((2 if each in _EXTENDED else 1 for each in text), 160, 153))
    return Segmented("UCS-2", _segments((2 if ord(each) > _LAST_OF_ONE_UNIT else 1 for each in text), 70, 67))


def _segments(sizes: Iterable[int], alone: int, joined: int) -> int:
    total = last = 0
    full = 0
    for size in sizes:
        total += size
        if last + size > joined:
            full, last = full + 1, 0
        last += size
    return 1 if total <= alone else full + 1
