"""
A bounded log of instants in one text, newest first.

Every limit of this package is one question to such a log: is the n-th newest entry later
than T? An entry has a fixed width, so the n-th newest is a substring, in Python as in SQL::

    1732226400000aB3_,1732226310000Xy9-,
    └ epoch ms ─┘└nonce

The nonce makes an entry removable: withdrawing takes out exactly one, and what it hid (an
earlier cooldown, an older entry of a quota) is back.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT_WIDTH = 13
NONCE_WIDTH = 4
ENTRY_WIDTH = INSTANT_WIDTH + NONCE_WIDTH + 1

#: The most entries that a log may hold; rules that look further back are refused at start-up.
MAX_DEPTH = 100


def epoch_ms(instant: datetime) -> int:
    """An aware datetime in epoch milliseconds."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_epoch_ms(instant_ms: int) -> datetime:
    """Epoch milliseconds as an aware datetime in UTC."""
    return EPOCH + timedelta(milliseconds=instant_ms)


def text_of(instant_ms: int) -> str:
    """An instant as text of fixed width, so that texts compare as the instants do."""
    return f"{max(instant_ms, 0):0{INSTANT_WIDTH}d}"


def entry(instant_ms: int, nonce: str) -> str:
    """One entry: ``instant_ms`` and the first characters of ``nonce``."""
    return f"{text_of(instant_ms)}{nonce[:NONCE_WIDTH]},"


def newest(log: str, n: int) -> int | None:
    """The instant of the ``n``-th newest entry in epoch milliseconds, ``None`` if there are fewer."""
    start = (n - 1) * ENTRY_WIDTH
    text = log[start : start + INSTANT_WIDTH]
    return int(text) if text else None


def pushed(log: str, new_entry: str, depth: int) -> str:
    """The log with one entry more, cut to the ``depth`` newest."""
    return (new_entry + log)[: depth * ENTRY_WIDTH]


def withdrawn(log: str, old_entry: str) -> str:
    """The log without that entry."""
    return log.replace(old_entry, "")
