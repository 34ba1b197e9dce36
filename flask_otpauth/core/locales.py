"""Which languages a message may have, the best first."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: A language, perhaps with script and region. What may follow changes no words: the extensions of
#: RFC 5646 (``-u-ca-buddhist``), POSIX's ``.UTF-8`` and ``@euro``, the keywords of ICU
#: (``@calendar=buddhist;numbers=thai``, as iOS tells its locale).
_LOCALE = re.compile(
    "([A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{2,8}){0,3})"
    "(?:[-_][A-Za-z0-9](?:[-_][A-Za-z0-9]{2,8})+)*"
    "(?:[.][A-Za-z0-9-]+)?(?:@[A-Za-z0-9=;_-]+)?"
)
_SCRIPT_LETTERS = 4


def preferences(*wishes: object) -> tuple[str, ...]:
    """
    The locales that ``wishes`` mean, spelled as in file names: ``de-at`` gives ``de_AT``, then ``de``.

    A wish is a locale in any spelling and case, a callable that returns one (Babel's
    ``get_locale``), or ``None``. A wish that is not a locale is skipped.
    """
    return tuple(dict.fromkeys(each for wish in wishes for each in _meant(wish)))


def _meant(wish: object) -> Iterator[str]:
    try:
        told = wish() if callable(wish) else wish
    except RuntimeError:  # "Working outside of request context": there is nobody whose wish it could be
        told = None
    found = _LOCALE.fullmatch(str(told or "").strip())
    if found is None:
        return
    language, *rest = re.split("[-_]", found[1])
    parts = [language.lower(), *(_subtag(each) for each in rest)]
    for length in range(len(parts), 0, -1):
        yield "_".join(parts[:length])


def _subtag(part: str) -> str:
    return part.title() if len(part) == _SCRIPT_LETTERS and part.isalpha() else part.upper()
