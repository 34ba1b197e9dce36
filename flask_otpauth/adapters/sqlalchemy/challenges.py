"""
Codes and their limits: each operation is conditional statements in one short transaction.

Rows are locked in one order: limits, challenge, counter. Where the first two are one row,
issuing is one statement and so is redeeming. If the newest entry of a log is from a
clock that is ahead, the rows are locked first and the rules run in Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from flask_otpauth.adapters.sqlalchemy.counters import Counters
from flask_otpauth.adapters.sqlalchemy.database import Database, retry_until_explained
from flask_otpauth.adapters.sqlalchemy.tables import columns_of
from flask_otpauth.core import challenges as rules
from flask_otpauth.core import instants
from flask_otpauth.core.challenges import (
    ChallengeRow,
    Guess,
    GuessState,
    Issue,
    IssueResult,
    Verdict,
    with_lock,
)
from flask_otpauth.core.instants import Block, Limit

_SENDS = ("sends", "reference", "needed_until")
_CODE = (
    "nonce",
    "digest",
    "issued_at",
    "expires_at",
    "guesses",
    "consumed_at",
    "reference",
    "clears_misses",
    "handed_over",
    "needed_until",
)
_NO_MISSES = {"misses": "", "held": False, "locked_at": 0, "locked_until": 0}


@dataclass(frozen=True)
class SqlChallengeStore:
    """A :class:`~flask_otpauth.ports.storage.ChallengeStore` in two tables."""

    database: Database
    table: Table
    counters: Counters

    def issue(self, issue: Issue) -> IssueResult:
        """See the port. One write statement for each of: limits, challenge (unless one row), cap."""
        return retry_until_explained(
            lambda: self.database.attempt(lambda: self._issued(issue)),
            lambda: self._not_issued(issue),
        )

    def peek(self, issue: Issue) -> Block | None:
        """See the port."""
        rows = self._rows(issue.limits_key)
        return rules.block_of(rows.get(issue.limits_key, ChallengeRow()), issue)

    def withdraw(self, issue: Issue) -> None:
        """See the port. A second time changes nothing."""
        with self.database.transaction():
            keys = dict.fromkeys((issue.limits_key, issue.challenge_key))
            undone = [self._withdrawn(key, issue) for key in keys]
            if issue.cap is not None and any(undone):
                self.counters.uncount(issue.cap)

    def redeem(self, guess: Guess) -> Verdict:
        """See the port. One write statement where limits and challenge are one row, else at most three."""
        with self.database.transaction():
            return retry_until_explained(lambda: self._judged(guess), lambda: self._not_judged(guess))

    def reference(self, key: bytes) -> str | None:
        """See the port."""
        rows = self.database.read(select(self.table.c.reference).where(self.table.c.key == key))
        return str(rows[0]["reference"]) if rows else None

    def handed_over(self, issue: Issue) -> None:
        """See the port."""
        with self.database.transaction():
            self._update(issue.challenge_key, self.table.c.nonce == issue.nonce, {"handed_over": True})

    def clear(self, limits_key: bytes, log: Literal["sends", "misses"]) -> bool:
        """See the port."""
        emptied = {"sends": ""} if log == "sends" else _NO_MISSES
        with self.database.transaction():
            is_kept = or_(*(self.table.c[name] != empty for name, empty in emptied.items()))
            return self._update(limits_key, is_kept, emptied)

    def purge(self, before_ms: int) -> int:
        """Delete rows that no limit of any app has looked at since, and that lock nobody for ever."""
        row = self.table.c
        old = and_(row.needed_until < before_ms, row.held.is_(False))
        return self.database.purge(self.table, old) + self.counters.purge(before_ms)

    # -- issue --------------------------------------------------------------------------------

    def _issued(self, issue: Issue) -> IssueResult | None:
        written = self._issue_rows(issue) and (issue.cap is None or self.counters.count(issue.cap))
        return IssueResult() if written else None

    def _issue_rows(self, issue: Issue) -> bool:
        permitted = and_(
            _unlocked(self.table, issue.locks, issue.now_ms),
            _permits(self.table.c.sends, issue.send_limits, issue.now_ms),
        )
        fresh = _fresh(self.table, issue)
        sent = rules.with_send(ChallengeRow(), issue)
        if issue.limits_key == issue.challenge_key:
            row = rules.with_code(sent, issue)
            return self._upsert(issue.limits_key, row, (*_SENDS, *_CODE), and_(permitted, fresh))
        return self._upsert(issue.limits_key, sent, _SENDS, permitted) and self._upsert(
            issue.challenge_key, rules.with_code(ChallengeRow(), issue), _CODE, fresh
        )

    def _upsert(
        self, key: bytes, new: ChallengeRow, names: Iterable[str], condition: ColumnElement[bool]
    ) -> bool:
        """Insert ``new``, or give an existing row its columns ``names`` if ``condition`` holds for it."""
        row = self.table.c
        insert = self.database.insert(self.table).values(key=key, **vars(new))
        changes: dict[str, Any] = {name: insert.excluded[name] for name in names}
        changes["needed_until"] = _later(row.needed_until, insert.excluded.needed_until)
        if "sends" in changes:
            changes["sends"] = _with_entry(row.sends, insert.excluded.sends)
        upsert = insert.on_conflict_do_update(index_elements=["key"], set_=changes, where=condition)
        return bool(self.database.returning(upsert.returning(self.table.c.nonce)))

    def _not_issued(self, issue: Issue) -> IssueResult | None:
        rows = self._rows(issue.limits_key, issue.challenge_key)
        limits = rows.get(issue.limits_key, ChallengeRow())
        challenge = rows.get(issue.challenge_key, ChallengeRow())
        counted = 0 if issue.cap is None else self.counters.counted(issue.cap)
        refusal = rules.judge_issue(limits, challenge, counted, issue)
        if refusal is None and _is_ahead(limits, issue.now_ms):
            return self.database.attempt(lambda: self._issued_by_rules(issue))
        if refusal is not None:
            self._note(issue.limits_key, limits, with_lock(limits, issue.locks, issue.now_ms))
        return refusal

    def _issued_by_rules(self, issue: Issue) -> IssueResult | None:
        limits = self._locked(issue.limits_key)
        if limits is None:
            return None
        refusal = rules.judge_issue(limits, self._locked(issue.challenge_key) or ChallengeRow(), 0, issue)
        if refusal is not None:
            return refusal
        self._put(issue.limits_key, rules.with_send(limits, issue))
        challenge = self._locked(issue.challenge_key) or ChallengeRow()
        self._put(issue.challenge_key, rules.with_code(challenge, issue))
        return IssueResult() if issue.cap is None or self.counters.count(issue.cap) else None

    # -- withdraw -----------------------------------------------------------------------------

    def _withdrawn(self, key: bytes, issue: Issue) -> bool:
        row = self.table.c
        sends = _without_entry(row.sends, issue.entry)
        is_newest = row.nonce == issue.nonce
        return self._update(
            key,
            or_(row.sends != sends, and_(is_newest, row.digest.is_not(None))),
            {"sends": sends, "digest": case((is_newest, null()), else_=row.digest)},
        )

    # -- redeem -------------------------------------------------------------------------------

    def _judged(self, guess: Guess) -> Verdict | None:
        row = self.table.c
        unlocked = _unlocked(self.table, guess.locks, guess.now_ms)
        if guess.limits_key == guess.challenge_key:
            return _standing(guess, self._judge_code(guess, unlocked, self._counting(guess)))
        # Touching the row of limits locks it, so that what it says holds until the commit.
        limits = self._update_returning(guess.limits_key, unlocked, {"held": row.held})
        if limits is None:
            return None
        challenge = self._judge_code(guess, true(), {})
        verdict = _standing(guess, challenge)
        if challenge is not None and verdict is not None:
            after = rules.with_miss(limits, guess, verdict, challenge)
            if after != limits:
                self._update(guess.limits_key, true(), vars(after))
        return verdict

    def _counting(self, guess: Guess) -> dict[str, Any]:
        """:func:`flask_otpauth.core.challenges.with_miss`, where the row holds the code as well."""
        row = self.table.c
        is_right = row.digest.in_(guess.digests)
        proves = and_(is_right, row.clears_misses)
        needed_until = _later(row.needed_until, literal(guess.needed_until_ms))
        missed = _with_entry(row.misses, literal(guess.entry))
        return {
            "misses": case((proves, ""), (is_right, row.misses), else_=missed),
            "held": case((proves, False), (is_right, row.held), else_=or_(row.held, literal(guess.holds))),
            "locked_at": case((proves, 0), else_=row.locked_at),
            "locked_until": case((proves, 0), else_=row.locked_until),
            "needed_until": case((is_right, row.needed_until), else_=needed_until),
        }

    def _judge_code(
        self, guess: Guess, unlocked: ColumnElement[bool], counting: Mapping[str, Any]
    ) -> ChallengeRow | None:
        """Consume the code or count the guess, if the code is live and the subject ``unlocked``."""
        row = self.table.c
        is_right = row.digest.in_(guess.digests)
        return self._update_returning(
            guess.challenge_key,
            and_(_live(self.table, guess), unlocked),
            {
                "guesses": row.guesses + case((is_right, 0), else_=1),
                "consumed_at": case((is_right, guess.now_ms), else_=null()),
                **counting,
            },
        )

    def _not_judged(self, guess: Guess) -> Verdict | None:
        rows = self._rows(guess.limits_key, guess.challenge_key)
        limits = rows.get(guess.limits_key)
        verdict = rules.judge_guess(limits, rows.get(guess.challenge_key), guess)
        if limits is not None and verdict.state is GuessState.LOCKED:
            self._note(guess.limits_key, limits, with_lock(limits, guess.locks, guess.now_ms))
        if verdict.state not in (GuessState.ACCEPTED, GuessState.WRONG):
            return verdict
        if limits is None:
            self._make(guess.limits_key)
        elif _is_ahead(limits, guess.now_ms):
            return self._judged_by_rules(guess)
        return None

    def _judged_by_rules(self, guess: Guess) -> Verdict | None:
        limits, challenge = self._locked(guess.limits_key), self._locked(guess.challenge_key)
        if limits is None or challenge is None:
            return None
        verdict = rules.judge_guess(limits, challenge, guess)
        if verdict.state in (GuessState.ACCEPTED, GuessState.WRONG):
            self._put(guess.limits_key, rules.with_miss(limits, guess, verdict, challenge))
            challenge = self._locked(guess.challenge_key) or challenge
            self._put(guess.challenge_key, rules.with_guess(challenge, guess, verdict))
        return verdict

    def _make(self, limits_key: bytes) -> None:
        """An empty row of limits for a live code, where a purge went further back than codes live."""
        insert = self.database.insert(self.table).values(key=limits_key, **vars(ChallengeRow()))
        self.database.write(insert.on_conflict_do_nothing())

    # -- rows ---------------------------------------------------------------------------------

    def _rows(self, *keys: bytes) -> dict[bytes, ChallengeRow]:
        columns = columns_of(self.table, ChallengeRow)
        query = select(self.table.c.key, *columns).where(self.table.c.key.in_(set(keys)))
        return {row.pop("key"): ChallengeRow(**row) for row in self.database.read(query)}

    def _note(self, limits_key: bytes, before: ChallengeRow, after: ChallengeRow) -> None:
        """Keep the lock that was met, unless it was lifted or another was met since the row was read."""
        if after == before:
            return
        row = self.table.c
        changes = {name: getattr(after, name) for name in ("locked_at", "locked_until", "held")}
        changes["needed_until"] = _later(row.needed_until, literal(after.needed_until))
        is_same = and_(row.misses == before.misses, row.locked_until == before.locked_until)
        with self.database.transaction():
            self._update(limits_key, is_same, changes)

    def _locked(self, key: bytes) -> ChallengeRow | None:
        """The row as it is now and stays until the commit: touching it locks it."""
        return self._update_returning(key, true(), {"held": self.table.c.held})

    def _put(self, key: bytes, record: ChallengeRow) -> None:
        insert = self.database.insert(self.table).values(key=key, **vars(record))
        self.database.write(insert.on_conflict_do_update(index_elements=["key"], set_=vars(record)))

    def _update(self, key: bytes, condition: ColumnElement[bool], changes: Mapping[str, Any]) -> bool:
        statement = update(self.table).where(self.table.c.key == key, condition).values(**changes)
        return self.database.write(statement) > 0

    def _update_returning(
        self, key: bytes, condition: ColumnElement[bool], changes: Mapping[str, Any]
    ) -> ChallengeRow | None:
        statement = update(self.table).where(self.table.c.key == key, condition).values(**changes)
        rows = self.database.returning(statement.returning(*columns_of(self.table, ChallengeRow)))
        return ChallengeRow(**rows[0]) if rows else None


def _standing(guess: Guess, after: ChallengeRow | None) -> Verdict | None:
    """What a guess was, by the row after it; ``None`` where it was not judged."""
    if after is None:
        return None
    left = guess.max_guesses - after.guesses
    if after.consumed_at is not None:
        return Verdict(GuessState.ACCEPTED, right=True, left=left)
    return Verdict(GuessState.WRONG, left=left)


def _is_ahead(limits: ChallengeRow, now_ms: int) -> bool:
    return any(instants.is_ahead(log, now_ms) for log in (limits.sends, limits.misses))


# -- the rules of flask_otpauth.core as conditions and values in SQL ------------------------------


def _permits(log: Column[Any], limits: Iterable[Limit], now_ms: int) -> ColumnElement[bool]:
    """
    Whether none of ``limits`` forbids anything: each n-th newest entry is missing or too old.

    False as well if the newest entry is in the future, because then the n-th entry does not
    decide what counts.
    """
    return and_(
        _nth_newest(log, 1) <= instants.text_of(now_ms),
        *(_nth_newest(log, limit.count) < instants.text_of(limit.floor(now_ms) + 1) for limit in limits),
    )


def _unlocked(table: Table, locks: tuple[Limit, ...], now_ms: int) -> ColumnElement[bool]:
    """Whether these rules lock nobody now, and no app whose clock was not far ahead has met a lock."""
    row = table.c
    met = and_(row.locked_until > now_ms, row.locked_at <= now_ms + instants.AHEAD_MS)
    return and_(_permits(row.misses, locks, now_ms), ~met if locks else true())


def _with_entry(log: Column[Any], entry: ColumnElement[str]) -> ColumnElement[str]:
    """The log with one entry more, which is its newest."""
    return func.substr(entry + log, 1, instants.MAX_LOG_ENTRIES * instants.ENTRY_WIDTH)


def _later(instant: Column[Any], other: ColumnElement[int]) -> ColumnElement[int]:
    """The later one of two instants."""
    return case((instant > other, instant), else_=other)


def _fresh(table: Table, issue: Issue) -> ColumnElement[bool]:
    """Whether ``issue`` is no repetition of the code in the row."""
    if issue.repeat_within_ms <= 0:
        return true()
    return or_(
        table.c.digest.is_(None),
        table.c.digest != issue.digest,
        table.c.issued_at <= issue.now_ms - issue.repeat_within_ms,
        table.c.issued_at >= issue.now_ms + issue.repeat_within_ms,
    )


def _live(table: Table, guess: Guess) -> ColumnElement[bool]:
    """Whether the row holds a code that a guess is judged against."""
    return and_(
        table.c.digest.is_not(None),
        table.c.consumed_at.is_(None),
        table.c.guesses < guess.max_guesses,
        table.c.expires_at > guess.now_ms,
        table.c.issued_at <= guess.now_ms + instants.SKEW_MS,
    )


def _without_entry(log: Column[Any], entry: str) -> ColumnElement[str]:
    """The log without that entry."""
    return func.replace(log, entry, "")


def _nth_newest(log: Column[Any], n: int) -> ColumnElement[str]:
    # A missing entry is the empty text, which sorts before every instant.
    return func.substr(log, (n - 1) * instants.ENTRY_WIDTH + 1, instants.INSTANT_WIDTH)
