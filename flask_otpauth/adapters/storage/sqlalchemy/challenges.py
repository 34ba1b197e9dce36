"""
Codes and their limits: each operation is conditional statements in one short transaction.

Rows are locked in one order: limits, challenge, counter. Where the first two are one row,
issuing is one statement and so is redeeming.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, and_, case, literal, null, or_, select, true, update

from flask_otpauth.adapters.storage.sqlalchemy import conditions
from flask_otpauth.adapters.storage.sqlalchemy.database import Database, settled
from flask_otpauth.adapters.storage.sqlalchemy.tables import columns_of
from flask_otpauth.core import challenges as rules
from flask_otpauth.core.challenges import Cap, Guess, Issue, IssueResult, Record, Standing, State
from flask_otpauth.core.limits import Block, depth_of

_SENDS = ("sends", "reference", "updated_at")
_CODE = (
    "nonce",
    "digest",
    "issued_at",
    "expires_at",
    "guesses",
    "consumed_at",
    "reference",
    "updated_at",
)


@dataclass(frozen=True)
class SqlChallengeStore:
    """A :class:`~flask_otpauth.ports.storage.ChallengeStore` in two tables."""

    database: Database
    table: Table
    counters: Table

    def issue(self, issue: Issue) -> IssueResult:
        """See the port. One write statement for each of: limits, challenge (unless one row), cap."""
        return settled(
            lambda: self.database.attempt(lambda: self._issued(issue)),
            lambda: self._not_issued(issue),
        )

    def peek(self, issue: Issue) -> Block | None:
        """See the port."""
        rows = self._rows(issue.limits_key)
        return rules.blocked(rows.get(issue.limits_key, Record()), issue)

    def withdraw(self, issue: Issue) -> None:
        """See the port. A second time changes nothing."""
        with self.database.transaction():
            keys = dict.fromkeys((issue.limits_key, issue.challenge_key))
            undone = [self._withdrawn(key, issue) for key in keys]
            if issue.cap is not None and any(undone):
                self._uncount(issue.cap)

    def redeem(self, guess: Guess) -> Standing:
        """See the port. One write statement where limits and challenge are one row, else at most three."""
        with self.database.transaction():
            return settled(lambda: self._judged(guess), lambda: self._not_judged(guess))

    def reference(self, key: bytes) -> str | None:
        """See the port."""
        rows = self.database.read(select(self.table.c.reference).where(self.table.c.key == key))
        return str(rows[0]["reference"]) if rows else None

    def clear(self, limits_key: bytes, log: Literal["sends", "misses"]) -> None:
        """See the port."""
        emptied = {"sends": ""} if log == "sends" else {"misses": "", "held": False}
        with self.database.transaction():
            self._update(limits_key, true(), emptied)

    def purge(self, before_ms: int) -> int:
        """Delete rows that nothing touched since, whose code has expired and that lock nobody for ever."""
        row, counter = self.table.c, self.counters.c
        with self.database.transaction():
            old = and_(row.updated_at < before_ms, row.expires_at < before_ms, row.held.is_(False))
            deleted = self.database.write(self.table.delete().where(old))
            return deleted + self.database.write(self.counters.delete().where(counter.day_end < before_ms))

    # -- issue --------------------------------------------------------------------------------

    def _issued(self, issue: Issue) -> IssueResult | None:
        written = self._issue_rows(issue) and (issue.cap is None or self._count(issue.cap))
        return IssueResult() if written else None

    def _issue_rows(self, issue: Issue) -> bool:
        permitted = and_(
            conditions.permits(self.table.c.misses, issue.locks, issue.now_ms),
            conditions.permits(self.table.c.sends, issue.send_limits, issue.now_ms),
        )
        fresh = conditions.fresh(self.table, issue)
        sent = rules.with_send(Record(), issue)
        depth = depth_of(issue.send_limits)
        if issue.limits_key == issue.challenge_key:
            row = rules.with_code(sent, issue)
            return self._upsert(issue.limits_key, row, (*_SENDS, *_CODE), and_(permitted, fresh), depth)
        return self._upsert(issue.limits_key, sent, _SENDS, permitted, depth) and self._upsert(
            issue.challenge_key, rules.with_code(Record(), issue), _CODE, fresh, depth
        )

    def _upsert(
        self, key: bytes, new: Record, names: Iterable[str], condition: ColumnElement[bool], depth: int
    ) -> bool:
        """Insert ``new``, or give an existing row its columns ``names`` if ``condition`` holds for it."""
        insert = self.database.insert(self.table).values(key=key, **vars(new))
        changes: dict[str, Any] = {name: insert.excluded[name] for name in names}
        if "sends" in changes:
            changes["sends"] = conditions.pushed(self.table.c.sends, insert.excluded.sends, depth)
        upsert = insert.on_conflict_do_update(index_elements=["key"], set_=changes, where=condition)
        return bool(self.database.returning(upsert.returning(self.table.c.nonce)))

    def _count(self, cap: Cap) -> bool:
        if cap.count < 1:
            return False
        count = self.counters.c.count
        insert = self.database.insert(self.counters).values(
            key=cap.key, day_start=cap.day_start_ms, day_end=cap.day_end_ms, count=1
        )
        upsert = insert.on_conflict_do_update(
            index_elements=["key", "day_start"], set_={"count": count + 1}, where=count < cap.count
        )
        return bool(self.database.returning(upsert.returning(count)))

    def _not_issued(self, issue: Issue) -> IssueResult | None:
        rows = self._rows(issue.limits_key, issue.challenge_key)
        limits = rows.get(issue.limits_key, Record())
        challenge = rows.get(issue.challenge_key, Record())
        counted = 0 if issue.cap is None else self._counted(issue.cap)
        return rules.refusal(limits, challenge, counted, issue)

    def _counted(self, cap: Cap) -> int:
        rows = self.database.read(select(self.counters.c.count).where(self._is_day_of(cap)))
        return int(rows[0]["count"]) if rows else 0

    # -- withdraw -----------------------------------------------------------------------------

    def _withdrawn(self, key: bytes, issue: Issue) -> bool:
        row = self.table.c
        sends = conditions.withdrawn(row.sends, issue.entry)
        is_newest = row.nonce == issue.nonce
        return self._update(
            key,
            or_(row.sends != sends, and_(is_newest, row.digest.is_not(None))),
            {"sends": sends, "digest": case((is_newest, null()), else_=row.digest)},
        )

    def _uncount(self, cap: Cap) -> None:
        counter = self.counters.c
        self.database.write(
            update(self.counters)
            .where(self._is_day_of(cap), counter.count > 0)
            .values(count=counter.count - 1)
        )

    def _is_day_of(self, cap: Cap) -> ColumnElement[bool]:
        return and_(self.counters.c.key == cap.key, self.counters.c.day_start == cap.day_start_ms)

    # -- redeem -------------------------------------------------------------------------------

    def _judged(self, guess: Guess) -> Standing | None:
        row = self.table.c
        unlocked = conditions.permits(row.misses, guess.locks, guess.now_ms)
        if guess.limits_key == guess.challenge_key:
            is_right = row.digest.in_(guess.digests)
            missed = conditions.pushed(row.misses, literal(guess.entry), guess.depth)
            counting = {
                "misses": case((is_right, ""), else_=missed),
                "held": and_(~is_right, literal(guess.holds)),
            }
            return self._judge_code(guess, unlocked, counting)
        # Touching the row of limits locks it, so that what it says holds until the commit.
        limits = self._update_returning(guess.limits_key, unlocked, {"updated_at": row.updated_at})
        if limits is None:
            return None
        standing = self._judge_code(guess, true(), {})
        if standing is not None:
            self._keep_score(guess, limits, standing)
        return standing

    def _judge_code(
        self, guess: Guess, unlocked: ColumnElement[bool], counting: Mapping[str, Any]
    ) -> Standing | None:
        """Consume the code or count the guess, if the code is live and the subject ``unlocked``."""
        row = self.table.c
        is_right = row.digest.in_(guess.digests)
        after = self._update_returning(
            guess.challenge_key,
            and_(conditions.live(self.table, guess), unlocked),
            {
                "guesses": row.guesses + case((is_right, 0), else_=1),
                "consumed_at": case((is_right, guess.now_ms), else_=null()),
                "updated_at": guess.now_ms,
                **counting,
            },
        )
        if after is None:
            return None
        left = guess.max_guesses - after.guesses
        if after.consumed_at is not None:
            return Standing(State.ACCEPTED, right=True, left=left)
        return Standing(State.WRONG, left=left)

    def _keep_score(self, guess: Guess, limits: Record, standing: Standing) -> None:
        after = rules.with_miss(limits, guess, standing)
        if after != limits:
            self._update(guess.limits_key, true(), vars(after))

    def _not_judged(self, guess: Guess) -> Standing | None:
        rows = self._rows(guess.limits_key, guess.challenge_key)
        limits = rows.get(guess.limits_key)
        standing = rules.judge(limits, rows.get(guess.challenge_key), guess)
        if standing.state not in (State.ACCEPTED, State.WRONG):
            return standing
        if limits is None:
            self._make(guess.limits_key)
        return None

    def _make(self, limits_key: bytes) -> None:
        """An empty row of limits for a live code, where a purge went further back than codes live."""
        insert = self.database.insert(self.table).values(key=limits_key, **vars(Record()))
        self.database.write(insert.on_conflict_do_nothing())

    # -- rows ---------------------------------------------------------------------------------

    def _rows(self, *keys: bytes) -> dict[bytes, Record]:
        columns = columns_of(self.table, Record)
        query = select(self.table.c.key, *columns).where(self.table.c.key.in_(set(keys)))
        return {row.pop("key"): Record(**row) for row in self.database.read(query)}

    def _update(self, key: bytes, condition: ColumnElement[bool], changes: Mapping[str, Any]) -> bool:
        statement = update(self.table).where(self.table.c.key == key, condition).values(**changes)
        return self.database.write(statement) > 0

    def _update_returning(
        self, key: bytes, condition: ColumnElement[bool], changes: Mapping[str, Any]
    ) -> Record | None:
        statement = update(self.table).where(self.table.c.key == key, condition).values(**changes)
        rows = self.database.returning(statement.returning(*columns_of(self.table, Record)))
        return Record(**rows[0]) if rows else None
