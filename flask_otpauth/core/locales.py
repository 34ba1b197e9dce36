"""The languages that a message may have, the best first."""

from __future__ import annotations

import re
from functools import lru_cache

#: A language, perhaps with script and region. The parts that may follow do not change the words: the
#: extensions of RFC 5646 (``-u-ca-buddhist``), ``.UTF-8`` and ``@euro`` of POSIX, and the keywords of ICU
#: that iOS sends (``@calendar=buddhist;numbers=thai``).
_LOCALE = re.compile(
    "([A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{2,8}){0,3})"
    "(?:[-_][A-Za-z0-9](?:[-_][A-Za-z0-9]{2,8})+)*"
    "(?:[.][A-Za-z0-9-]+)?(?:@[A-Za-z0-9=;_-]+)?"
)
_SCRIPT_LETTERS = 4


def preferences(*wishes: object) -> tuple[str, ...]:
    """
    Return the locales that ``wishes`` mean, spelled as in file names: ``de-at`` gives ``de_AT``, ``de``.

    A wish is a locale in any spelling and case, a callable that returns one (``get_locale`` of Babel), or
    ``None``. A wish that is not a locale is skipped.
    """
    return _locales_of(*[_text_of(wish) for wish in wishes if wish is not None])


def _text_of(wish: object) -> str:
    try:
        return str((wish() if callable(wish) else wish) or "").strip()
    except RuntimeError:  # "Working outside of request context": there is no user with a wish
        return ""


# Clients choose the text, so the cache must have a bound.
@lru_cache(maxsize=64)
def _locales_of(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(locale for text in texts for locale in _locales(text)))


def _locales(text: str) -> tuple[str, ...]:
    found = _LOCALE.fullmatch(text)
    if found is None:
        return ()
    language, *rest = re.split("[-_]", found[1])
    parts = [language.lower(), *map(_subtag, rest)]
    return tuple("_".join(parts[:length]) for length in range(len(parts), 0, -1))


def _subtag(part: str) -> str:
    return part.title() if len(part) == _SCRIPT_LETTERS and part.isalpha() else part.upper()
