"""Durations in words, in the languages of the packaged messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask_otpauth.core.record import frozen

_MINUTE = 60


@frozen
class _Units:
    """The forms of two units, and the form that goes with a number (the plural rules of CLDR)."""

    minutes: tuple[str, ...]
    seconds: tuple[str, ...]
    form: Callable[[int], int] = lambda number: 0


def _one_or_many(number: int) -> int:
    return 0 if number == 1 else 1


def _russian(number: int) -> int:
    """1, 21 минуту; 2, 3, 4, 22 минуты; 5, 11, 12 минут."""
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else 2


#: The forms that follow "valid for". Vietnamese, Lao and Indonesian have no plural.
_UNITS: Mapping[str, _Units] = {
    "en": _Units(("minute", "minutes"), ("second", "seconds"), _one_or_many),
    "vi": _Units(("phút",), ("giây",)),
    "lo": _Units(("ນາທີ",), ("ວິນາທີ",)),
    "ru": _Units(("минуту", "минуты", "минут"), ("секунду", "секунды", "секунд"), _russian),
    "id": _Units(("menit",), ("detik",)),
}
#: The symbols of the SI, for every other language.
_SYMBOLS = _Units(("min",), ("s",))


def in_words(seconds: int, locale: str) -> str:
    """
    Return ``seconds`` in words: ``5 minutes``, ``1 minute``, ``90 seconds``, ``2 minutes 30 seconds``.

    The duration is not rounded. Languages that are not packaged get symbols: ``5 min``, ``90 s``.
    """
    units = _UNITS.get(locale.partition("_")[0], _SYMBOLS)
    minutes, rest = divmod(seconds, _MINUTE)
    if minutes < 2 and rest:
        minutes, rest = 0, seconds
    words = []
    if minutes:
        words.append(f"{minutes} {units.minutes[units.form(minutes)]}")
    if rest or not minutes:
        words.append(f"{rest} {units.seconds[units.form(rest)]}")
    return " ".join(words)
