"""
A bounded log of instants in one text, newest first.

Every limit of this package is one question to such a log: is the n-th newest entry later
than T? An entry has a fixed width, so the n-th newest is a substring in SQL::

    1732226400000aB3_,1732226310000Xy9-,
    └ epoch ms ─┘└nonce

The nonce makes an entry removable: withdrawing takes out exactly one, and what it hid (an
earlier cooldown, an older entry of a quota) is back.
"""

from __future__ import annotations

INSTANT_WIDTH = 13
NONCE_WIDTH = 4
ENTRY_WIDTH = INSTANT_WIDTH + NONCE_WIDTH + 1

#: The entries that a log keeps, whatever the limits of the app that writes: another app's may
#: look further back. Rules that look further back than this are refused at start-up.
MAX_LOG_ENTRIES = 100

#: How far the clocks of two servers may differ where one makes what the other accepts
#: (contract/index.md, "Times"). What was made later than that is not accepted yet.
SKEW_MS = 30_000
#: How far in the future an entry may lie and still count. It is more than two time zones
#: differ, so that a wrong zone brings nobody a second quota; what a clock wrote that was further
#: ahead counts for nothing, or it would lock people for as long as that clock was ahead.
AHEAD_MS = 24 * 3_600_000

#: The end of a block that only an administrator ends.
FOR_EVER = 1 << 62

_LAST_MS = 10**INSTANT_WIDTH - 1


def text_of(instant_ms: int) -> str:
    """An instant as text of fixed width, so that texts compare as the instants do."""
    return f"{min(max(instant_ms, 0), _LAST_MS):0{INSTANT_WIDTH}d}"


def entry(instant_ms: int, nonce: str) -> str:
    """One entry: ``instant_ms`` and the first characters of ``nonce``."""
    return f"{text_of(instant_ms)}{nonce[:NONCE_WIDTH]},"


def instants_of(log: str) -> list[int]:
    """The instants of the entries in epoch milliseconds, newest first."""
    return [int(each[:INSTANT_WIDTH]) for each in _entries(log)]


def is_ahead(log: str, now_ms: int) -> bool:
    """Whether the newest entry is from a clock that is ahead of ``now_ms``."""
    return log[:INSTANT_WIDTH] > text_of(now_ms)


def added(log: str, new_entry: str) -> str:
    """
    The log with one entry more, in its place by time.

    It keeps ``MAX_LOG_ENTRIES`` entries. The oldest gives way, unless that is the new entry itself or
    the newest is so far ahead that it does not count: then that one does.
    """
    entries = _entries(log)
    place = sum(each[:INSTANT_WIDTH] > new_entry[:INSTANT_WIDTH] for each in entries)
    entries.insert(place, new_entry)
    newest_ms, new_ms = int(entries[0][:INSTANT_WIDTH]), int(new_entry[:INSTANT_WIDTH])
    if len(entries) > MAX_LOG_ENTRIES and (place == MAX_LOG_ENTRIES or newest_ms > new_ms + AHEAD_MS):
        del entries[0]
    return "".join(entries[:MAX_LOG_ENTRIES])


def withdrawn(log: str, old_entry: str) -> str:
    """The log without that entry."""
    return log.replace(old_entry, "")


def _entries(log: str) -> list[str]:
    return [log[start : start + ENTRY_WIDTH] for start in range(0, len(log), ENTRY_WIDTH)]
