"""Text without accents."""

from __future__ import annotations

import unicodedata

#: Letters whose stroke is a part of the letter for Unicode, and not a mark.
_STROKES = str.maketrans("đĐ", "dD")


def without_accents(text: str) -> str:
    """
    Return ``text`` without the marks on its letters: ``Hoa Sen, Ha Noi``.

    An SMS segment holds 160 characters of the alphabet of GSM 03.38, but only 70 if one letter is not in
    it. So Vietnamese is usually sent without accents.
    """
    apart = unicodedata.normalize("NFD", text.translate(_STROKES))
    return unicodedata.normalize("NFC", "".join(char for char in apart if not unicodedata.combining(char)))
