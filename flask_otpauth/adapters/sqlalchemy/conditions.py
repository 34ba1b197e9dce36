"""The rules of :mod:`flask_otpauth.core` as conditions and values in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, case, func, or_, true

from flask_otpauth.core import instants
from flask_otpauth.core.challenges import Guess, Issue
from flask_otpauth.core.limits import Limit


def permits(log: Column[Any], limits: Iterable[Limit], now_ms: int) -> ColumnElement[bool]:
    """
    Whether none of ``limits`` forbids anything: each n-th newest entry is missing or too old.

    False as well if the newest entry is in the future, because then the n-th entry does not
    decide what counts.
    """
    return and_(
        _nth_newest(log, 1) <= instants.text_of(now_ms),
        *(_nth_newest(log, limit.count) < instants.text_of(limit.floor(now_ms) + 1) for limit in limits),
    )


def unlocked(table: Table, locks: tuple[Limit, ...], now_ms: int) -> ColumnElement[bool]:
    """Whether these rules lock nobody now, and no app whose clock was not far ahead has met a lock."""
    row = table.c
    met = and_(row.locked_until > now_ms, row.locked_at <= now_ms + instants.AHEAD_MS)
    return and_(permits(row.misses, locks, now_ms), ~met if locks else true())


def added(log: Column[Any], entry: ColumnElement[str]) -> ColumnElement[str]:
    """The log with one entry more, which is its newest."""
    return func.substr(entry + log, 1, instants.MAX_LOG_ENTRIES * instants.ENTRY_WIDTH)


def later(instant: Column[Any], other: ColumnElement[int]) -> ColumnElement[int]:
    """The later one of two instants."""
    return case((instant > other, instant), else_=other)


def fresh(table: Table, issue: Issue) -> ColumnElement[bool]:
    """Whether ``issue`` is no repetition of the code in the row."""
    if issue.repeat_within_ms <= 0:
        return true()
    return or_(
        table.c.digest.is_(None),
        table.c.digest != issue.digest,
        table.c.issued_at <= issue.now_ms - issue.repeat_within_ms,
        table.c.issued_at >= issue.now_ms + issue.repeat_within_ms,
    )


def live(table: Table, guess: Guess) -> ColumnElement[bool]:
    """Whether the row holds a code that a guess is judged against."""
    return and_(
        table.c.digest.is_not(None),
        table.c.consumed_at.is_(None),
        table.c.guesses < guess.max_guesses,
        table.c.expires_at > guess.now_ms,
        table.c.issued_at <= guess.now_ms + instants.SKEW_MS,
    )


def withdrawn(log: Column[Any], entry: str) -> ColumnElement[str]:
    """The log without that entry."""
    return func.replace(log, entry, "")


def _nth_newest(log: Column[Any], n: int) -> ColumnElement[str]:
    # A missing entry is the empty text, which sorts before every instant.
    return func.substr(log, (n - 1) * instants.ENTRY_WIDTH + 1, instants.INSTANT_WIDTH)
