"""Text without accents."""

from __future__ import annotations

import unicodedata

#: Letters whose stroke is no mark that could be taken off.
_STROKES = str.maketrans("đĐ", "dD")


def unaccented(text: str) -> str:
    """
    ``text`` without the marks on its letters: ``Hoa Sen, Ha Noi``.

    One letter beyond the alphabet of GSM 03.38 makes the segments of an SMS hold 70 characters
    and not 160, which is why Vietnamese is sent like this.
    """
    apart = unicodedata.normalize("NFD", text.translate(_STROKES))
    return unicodedata.normalize("NFC", "".join(each for each in apart if not unicodedata.combining(each)))
