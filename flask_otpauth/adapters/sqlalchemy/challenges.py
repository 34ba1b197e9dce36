"""
Codes and their limits: each operation is one conditional statement, or a few in one short transaction.

Rows are locked in one order: limits, challenge, counter. If the first two are one row, issuing is
one statement, and so is redeeming. If the newest entry of a log is from a clock that is ahead, the
rows are locked first and the rules run in Python.

A statement is built once for each *shape* of policy: the number of its limits, and how many entries
each of them counts. Everything else is a value of the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cache, cached_property
from typing import Any, Literal, NamedTuple, cast

from sqlalchemy import (
    Alias,
    Boolean,
    ColumnElement,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    case,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
)

from flask_otpauth.adapters.sqlalchemy.counters import Counters
from flask_otpauth.adapters.sqlalchemy.database import Database, retry_until_explained
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared, new_value, new_values
from flask_otpauth.adapters.sqlalchemy.purging import purge_table
from flask_otpauth.adapters.sqlalchemy.statements import Change, Changes, Columns, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Digest, Instant, columns_of
from flask_otpauth.core import challenges as rules
from flask_otpauth.core import instants
from flask_otpauth.core.challenges import (
    Act,
    ChallengeRow,
    Guess,
    GuessState,
    Issue,
    IssueResult,
    Verdict,
    with_lock,
)
from flask_otpauth.core.instants import Block, Limit
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch

Writes = Literal["limits", "challenge", "both", "act"]

#: The columns that an act writes, and those that an issue writes to the rows of limits and challenge.
_ACT = ("sends", "needed_until")
_SENDS = ("sends", "reference", "needed_until")
_CODE = ("nonce", "digest", "issued_at", "expires_at", "reference", "clears_misses", "needed_until")
#: What an issue gives the value that these columns have in a new row.
_RESET = ("guesses", "consumed_at", "handed_over")
_WRITTEN: dict[Writes, tuple[str, ...]] = {
    "act": _ACT,
    "limits": _SENDS,
    "challenge": _CODE,
    "both": (*_SENDS, *_CODE),
}
_LOCK = ("locked_at", "locked_until", "held", "needed_until")
_NO_MISSES: dict[str, object] = {"misses": "", "held": False, "locked_at": 0, "locked_until": 0}
_ALL = tuple(field.name for field in fields(ChallengeRow))

_KEY = bindparam("row_key", type_=Digest)
_NOW = bindparam("now", type_=Text())
_NOW_MS = bindparam("now_ms", type_=Instant)
_LATEST_MS = bindparam("latest_ms", type_=Instant)

Counts = tuple[int, ...]


class IssueShape(NamedTuple):
    """What statements of an issue depend on."""

    #: Which of the two rows, or both in one, or the row of an act.
    writes: Writes
    send_limits: Counts
    locks: Counts
    may_repeat: bool


class GuessShape(NamedTuple):
    """What statements of a guess depend on."""

    digests: int
    locks: Counts
    #: Whether only a right guess is judged, or only a wrong one. ``None``: both.
    is_right: bool | None = None


@service
class SqlChallengeStore:
    """A :class:`~flask_otpauth.ports.storage.ChallengeStore` in two tables."""

    database: Database
    table: Table
    counters: Counters

    def issue(self, issue: Issue) -> IssueResult:
        """See the port. One write statement for each of: limits, challenge (unless one row), cap."""
        attempt: Callable[[Callable[[], IssueResult | None]], IssueResult | None]
        attempt = (lambda step: step()) if is_one_step(issue) else self.database.attempt
        return retry_until_explained(
            lambda: attempt(lambda: self._issue(issue)), lambda: self.explain_issue(issue)
        )

    def peek(self, issue: Issue) -> Block | None:
        """See the port."""
        rows = self._rows(issue.limits_key)
        return rules.block_of(rows.get(issue.limits_key, ChallengeRow()), issue)

    def withdraw(self, issue: Issue) -> None:
        """See the port. A second time changes nothing."""
        self.database.atomically(lambda: self._withdraw(issue))

    def redeem(self, guess: Guess) -> Verdict:
        """See the port. One write statement if limits and challenge are one row, else at most three."""
        return retry_until_explained(lambda: self._judge(guess), lambda: self._explain(guess))

    def count(self, act: Act) -> Block | None:
        """See the port. One write statement, and one read if it is forbidden."""
        return retry_until_explained(lambda: self._count(act), lambda: self._explain_act(act)).block

    def reference(self, key: bytes) -> str | None:
        """See the port."""
        rows = self._reference.rows(row_key=key)
        return str(rows[0][0]) if rows else None

    def handed_over(self, issue: Issue) -> None:
        """See the port."""
        self._handing_over.count(row_key=issue.challenge_key, nonce_of_issue=issue.nonce)

    def clear(self, limits_key: bytes, log: Literal["sends", "misses"]) -> bool:
        """See the port."""
        return self._clearing(log).count(row_key=limits_key) > 0

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete rows that no limit of any app looks at since then, and that hold no lasting lock."""
        row = self.table.c
        old = and_(row.needed_until < purge.before_ms, row.held.is_(False))
        yield from purge_table(self.database, self.table, old, purge)
        yield from self.counters.purge(purge)

    # -- issue --------------------------------------------------------------------------------

    def _issue(self, issue: Issue) -> IssueResult | None:
        written = self._issue_rows(issue) and (issue.cap is None or self.counters.count(issue.cap))
        return IssueResult() if written else None

    def _issue_rows(self, issue: Issue) -> bool:
        sent = rules.with_send(ChallengeRow(), issue)
        if issue.limits_key == issue.challenge_key:
            return self._write_issue(issue, "both", issue.limits_key, rules.with_code(sent, issue))
        return self._write_issue(issue, "limits", issue.limits_key, sent) and self._write_issue(
            issue, "challenge", issue.challenge_key, rules.with_code(ChallengeRow(), issue)
        )

    def _write_issue(self, issue: Issue, writes: Writes, key: bytes, row: ChallengeRow) -> bool:
        return self._issuing(issue_shape(issue, writes)).count(**issue_values(issue, key, row)) > 0

    @cached_property
    def _issuing(self) -> Callable[[IssueShape], Statement]:
        return cache(lambda shape: self.database.upsert(self.issuing(shape)))

    def issuing(self, shape: IssueShape) -> Upsert:
        """Return how an issue writes a row, if nothing in it forbids the issue."""
        row, names = self.table.c, _WRITTEN[shape.writes]
        reset = _RESET if shape.writes in ("challenge", "both") else ()
        conditions = []
        if "sends" in names:
            conditions += [_unlocked(row, shape.locks), _permits(row.sends, "send", shape.send_limits)]
        if shape.may_repeat and reset:
            conditions.append(_is_other_code(row))

        def changes(new: Mapping[str, ColumnElement[Any]]) -> Changes:
            written = {name: new[name] for name in (*names, *reset)}
            written["needed_until"] = _later(row.needed_until, new["needed_until"])
            if "sends" in names:
                written["sends"] = _with_entry(row.sends, new["sends"])
            return written

        new_row = {"key": _KEY, **_new_row(self.table, names)}
        stamp = "nonce" if "nonce" in names else None
        return Upsert(self.table, new_row, ("key",), changes, and_(true(), *conditions), stamp)

    def explain_issue(self, issue: Issue) -> IssueResult | None:
        """
        Return why the issue changed no row. Return ``None`` if nothing forbids it by now.

        If the newest entry of the log is from a clock that is ahead, issue by the rules instead.
        """
        rows = self._rows(issue.limits_key, issue.challenge_key)
        limits = rows.get(issue.limits_key, ChallengeRow())
        challenge = rows.get(issue.challenge_key, ChallengeRow())
        counted = 0 if issue.cap is None else self.counters.counted(issue.cap)
        refusal = rules.judge_issue(limits, challenge, counted, issue)
        if refusal is None and _is_ahead(limits, issue.now_ms):
            return self.database.attempt(lambda: self._issue_by_rules(issue))
        if refusal is not None:
            self._note(issue.limits_key, limits, with_lock(limits, issue.locks, issue.now_ms))
        return refusal

    def _issue_by_rules(self, issue: Issue) -> IssueResult | None:
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

    def _withdraw(self, issue: Issue) -> None:
        keys = dict.fromkeys((issue.limits_key, issue.challenge_key))
        values = {"old_entry": issue.entry, "nonce_of_issue": issue.nonce}
        undone = [self._withdrawal.count(row_key=key, **values) > 0 for key in keys]
        if issue.cap is not None and any(undone):
            self.counters.uncount(issue.cap)

    @cached_property
    def _withdrawal(self) -> Statement:
        """Take the entry of the issue out of the row, and make its code invalid if it is the newest."""
        row = self.table.c
        sends = func.replace(row.sends, bindparam("old_entry", type_=Text()), literal_column("''"))
        is_newest = row.nonce == bindparam("nonce_of_issue")
        return self._update(
            or_(row.sends != sends, and_(is_newest, row.digest.is_not(None))),
            {"sends": sends, "digest": case((is_newest, null()), else_=row.digest)},
        )

    # -- count --------------------------------------------------------------------------------

    def _count(self, act: Act) -> IssueResult | None:
        values = {
            "now": instants.text_of(act.now_ms),
            "now_ms": act.now_ms,
            "latest_ms": act.now_ms + instants.AHEAD_MS,
            **_values(rules.with_act(ChallengeRow(), act), _ACT),
            **_floors("send", act.limits, act.now_ms),
        }
        statement = self._issuing(IssueShape("act", _counts(act.limits), (), may_repeat=False))
        return IssueResult() if statement.count(row_key=act.key, **values) else None

    def _explain_act(self, act: Act) -> IssueResult | None:
        row = self._rows(act.key).get(act.key, ChallengeRow())
        block = act.block(row)
        if block is None and _is_ahead(row, act.now_ms):
            return self.database.attempt(lambda: self._count_by_rules(act))
        return None if block is None else IssueResult(block)

    def _count_by_rules(self, act: Act) -> IssueResult | None:
        row = self._locked(act.key)
        if row is None:
            return None
        block = act.block(row)
        if block is None:
            self._put(act.key, rules.with_act(row, act))
        return IssueResult(block)

    # -- redeem -------------------------------------------------------------------------------

    def _judge(self, guess: Guess) -> Verdict | None:
        """
        Judge the guess and count it. Return ``None`` if it cannot be judged, and change nothing then.

        If limits and challenge are one row, one conditional ``UPDATE`` does everything: two guesses at
        once wait for each other at the row, and the second is judged by the row after the first.
        """
        if guess.limits_key != guess.challenge_key:
            return self.database.atomically(lambda: self._judge_two_rows(guess))
        statement = self._judging_one_row(guess_shape(guess))
        rows = statement.rows(row_key=guess.limits_key, **guess_values(guess))
        return verdict_of(guess, *rows[0]) if rows else None

    def _judge_two_rows(self, guess: Guess) -> Verdict | None:
        shape, values = guess_shape(guess), guess_values(guess)
        # To touch the row of limits locks it, so that what it says holds until the commit: guesses at
        # other codes of the subject, which count in this row too, wait here.
        rows = self._locking_unlocked(shape).rows(row_key=guess.limits_key, **values)
        if not rows:
            return None
        limits = ChallengeRow(*rows[0])
        rows = self._judging_challenge(shape).rows(row_key=guess.challenge_key, **values)
        if not rows:
            return None
        challenge = ChallengeRow(*rows[0])
        verdict = verdict_of(guess, challenge.guesses, challenge.consumed_at)
        # Nobody else can have changed the row of limits, so the rules can run in Python.
        after = rules.with_miss(limits, guess, verdict, challenge)
        if after != limits:
            self._rewriting.count(row_key=guess.limits_key, **_values(after, _ALL))
        return verdict

    @cached_property
    def _judging_one_row(self) -> Callable[[GuessShape], Statement]:
        returning = (self.table.c.guesses, self.table.c.consumed_at)
        return cache(
            lambda shape: self.database.change(replace(judging(self.table, shape), returning=returning))
        )

    @cached_property
    def _judging_challenge(self) -> Callable[[GuessShape], Statement]:
        returning = tuple(columns_of(self.table, ChallengeRow))
        return cache(
            lambda shape: self.database.change(
                replace(_judging(self.table, shape, true(), {}), returning=returning)
            )
        )

    @cached_property
    def _locking_unlocked(self) -> Callable[[GuessShape], Statement]:
        return cache(lambda shape: self._touch(_unlocked(self.table.c, shape.locks)))

    def count_if_wrong(self, guess: Guess) -> Verdict | None:
        """Count a wrong guess in one row. Return ``None`` if it is right or cannot be judged."""
        rows = self._judging_one_row(guess_shape(guess, is_right=False)).rows(
            row_key=guess.limits_key, **guess_values(guess)
        )
        return verdict_of(guess, *rows[0]) if rows else None

    def refusal(self, guess: Guess) -> Verdict | None:
        """Return why ``guess`` cannot be judged. Return ``None`` if it can."""
        return self._refusal(guess, self._rows(guess.limits_key, guess.challenge_key))

    def _refusal(self, guess: Guess, rows: Mapping[bytes, ChallengeRow]) -> Verdict | None:
        limits = rows.get(guess.limits_key)
        verdict = rules.judge_guess(limits, rows.get(guess.challenge_key), guess)
        if limits is not None and verdict.state is GuessState.LOCKED:
            self._note(guess.limits_key, limits, with_lock(limits, guess.locks, guess.now_ms))
        return None if verdict.state in (GuessState.ACCEPTED, GuessState.WRONG) else verdict

    def _explain(self, guess: Guess) -> Verdict | None:
        rows = self._rows(guess.limits_key, guess.challenge_key)
        refusal, limits = self._refusal(guess, rows), rows.get(guess.limits_key)
        if refusal is not None:
            return refusal
        if limits is None:
            # A purge went further back than codes are valid.
            self._making.count(row_key=guess.limits_key)
        elif _is_ahead(limits, guess.now_ms):
            return self.database.atomically(lambda: self._judge_by_rules(guess))
        return None

    def _judge_by_rules(self, guess: Guess) -> Verdict | None:
        limits, challenge = self._locked(guess.limits_key), self._locked(guess.challenge_key)
        if limits is None or challenge is None:
            return None
        verdict = rules.judge_guess(limits, challenge, guess)
        if verdict.state in (GuessState.ACCEPTED, GuessState.WRONG):
            self._put(guess.limits_key, rules.with_miss(limits, guess, verdict, challenge))
            challenge = self._locked(guess.challenge_key) or challenge
            self._put(guess.challenge_key, rules.with_guess(challenge, guess, verdict))
        return verdict

    # -- rows ---------------------------------------------------------------------------------

    def _rows(self, key: bytes, other_key: bytes | None = None) -> dict[bytes, ChallengeRow]:
        rows = self._reading.rows(row_key=key, other_key=other_key or key)
        return {row[0]: ChallengeRow(*row[1:]) for row in rows}

    def _note(self, limits_key: bytes, before: ChallengeRow, after: ChallengeRow) -> None:
        """Note the lock that was met, unless it was lifted or a longer one noted since the row was read."""
        if after != before:
            latest_ms = after.locked_at + instants.AHEAD_MS
            values = {"same_misses": before.misses, "latest_ms": latest_ms, **_values(after, _LOCK)}
            self._noting.count(row_key=limits_key, **values)

    def _locked(self, key: bytes) -> ChallengeRow | None:
        """Return the row as it is now and stays until the commit: to touch it locks it."""
        rows = self._touching.rows(row_key=key)
        return ChallengeRow(*rows[0]) if rows else None

    def _put(self, key: bytes, row: ChallengeRow) -> None:
        self._putting.count(row_key=key, **_values(row, _ALL))

    @cached_property
    def _reference(self) -> Prepared:
        return self.database.prepare(select(self.table.c.reference).where(self.table.c.key == _KEY))

    @cached_property
    def _reading(self) -> Prepared:
        key, columns = self.table.c.key, columns_of(self.table, ChallengeRow)
        wanted = key.in_([_KEY, bindparam("other_key", type_=Digest)])
        return self.database.prepare(select(key, *columns).where(wanted))

    @cached_property
    def _handing_over(self) -> Statement:
        is_newest = self.table.c.nonce == bindparam("nonce_of_issue")
        return self._update(is_newest, {"handed_over": true()})

    @cached_property
    def _clearing(self) -> Callable[[Literal["sends", "misses"]], Statement]:
        return cache(lambda log: self._emptying({"sends": ""} if log == "sends" else _NO_MISSES))

    def _emptying(self, empty: Changes) -> Statement:
        is_kept = or_(*(self.table.c[name] != value for name, value in empty.items()))
        return self._update(is_kept, empty)

    @cached_property
    def _noting(self) -> Statement:
        row, new = self.table.c, {name: new_value(self.table, name) for name in _LOCK}
        is_same = row.misses == bindparam("same_misses")
        is_longer = or_(new["locked_until"] > row.locked_until, row.locked_at > _LATEST_MS)
        changes = {**new, "needed_until": _later(row.needed_until, new["needed_until"])}
        return self._update(and_(is_same, is_longer), changes)

    @cached_property
    def _rewriting(self) -> Statement:
        return self._update(true(), {name: new_value(self.table, name) for name in _ALL})

    @cached_property
    def _touching(self) -> Statement:
        return self._touch(true())

    def _touch(self, condition: ColumnElement[bool]) -> Statement:
        """Return the statement that locks a row and returns it, if it meets a condition."""
        which, held = and_(self.table.c.key == _KEY, condition), self.table.c.held
        columns = tuple(columns_of(self.table, ChallengeRow))
        return self.database.change(Change(self.table, which, {"held": held}, columns))

    @cached_property
    def _putting(self) -> Statement:
        row = {"key": _KEY, **_new_row(self.table, _ALL)}
        return self.database.upsert(
            Upsert(self.table, row, ("key",), lambda new: {name: new[name] for name in _ALL})
        )

    @cached_property
    def _making(self) -> Statement:
        return self.database.upsert(Upsert(self.table, {"key": _KEY, **_new_row(self.table, ())}, ("key",)))

    def _update(self, condition: ColumnElement[bool], changes: Changes) -> Statement:
        which = and_(self.table.c.key == _KEY, condition)
        return self.database.change(Change(self.table, which, changes))


def renamed(table: Table, name: str) -> Alias[Columns]:
    """Return ``table`` under another name, for a statement of several tables."""
    return cast("Alias[Columns]", table.alias(name))


def judging(table: Table | Alias[Columns], shape: GuessShape) -> Change:
    """Count a guess in the one row of a subject, and use up the code if it is right."""
    return _judging(table, shape, _unlocked(table.c, shape.locks), _counting(table.c, shape))


def _judging(
    table: Table | Alias[Columns],
    shape: GuessShape,
    unlocked: ColumnElement[bool],
    counting: Mapping[str, ColumnElement[Any]],
) -> Change:
    """Count a guess in the row of a challenge, and use up the code if it is right."""
    row = table.c
    changes = {
        "guesses": _if_right(row, shape, row.guesses, row.guesses + literal_column("1")),
        "consumed_at": _if_right(row, shape, _NOW_MS, null()),
        **counting,
    }
    changed = {name: value for name, value in changes.items() if value is not row[name]}
    return Change(table, and_(row.key == _KEY, *_judged(row, shape), unlocked), changed)


def verdict_of(guess: Guess, guesses: int, consumed_at: int | None) -> Verdict:
    """Return what a guess was that has been judged, by the row after it."""
    left = guess.max_guesses - guesses
    if consumed_at is not None:
        return Verdict(GuessState.ACCEPTED, right=True, left=left)
    return Verdict(GuessState.WRONG, left=left)


def _is_ahead(limits: ChallengeRow, now_ms: int) -> bool:
    return any(instants.is_ahead(log, now_ms) for log in (limits.sends, limits.misses))


# -- the values of the statements ---------------------------------------------------------------------


def is_one_step(issue: Issue) -> bool:
    """Return whether one statement issues the code: limits and challenge are one row, and there is no cap."""
    return issue.limits_key == issue.challenge_key and issue.cap is None


def issue_shape(issue: Issue, writes: Writes) -> IssueShape:
    """Return the shape of ``issue``, of which the statement is to write these rows."""
    return IssueShape(writes, _counts(issue.send_limits), _counts(issue.locks), issue.repeat_within_ms > 0)


def issue_values(issue: Issue, key: bytes, row: ChallengeRow) -> dict[str, object]:
    """Return what is written to the row of ``key``, and what the conditions on an issue compare with."""
    values: dict[str, object] = {
        "row_key": key,
        **_values(row, (*_SENDS, *_CODE)),
        "now": instants.text_of(issue.now_ms),
        "now_ms": issue.now_ms,
        "latest_ms": issue.now_ms + instants.AHEAD_MS,
        **_floors("send", issue.send_limits, issue.now_ms),
        **_floors("lock", issue.locks, issue.now_ms),
    }
    if issue.repeat_within_ms > 0:
        values["repeats_after"] = issue.now_ms - issue.repeat_within_ms
        values["repeats_before"] = issue.now_ms + issue.repeat_within_ms
    return values


def guess_shape(guess: Guess, *, is_right: bool | None = None) -> GuessShape:
    """Return the shape of ``guess``, of which the statement may judge only a right or only a wrong one."""
    return GuessShape(len(guess.digests), _counts(guess.locks), is_right)


def guess_values(guess: Guess) -> dict[str, object]:
    """Return what a guess is judged by, and what it writes."""
    return {
        "now": instants.text_of(guess.now_ms),
        "now_ms": guess.now_ms,
        "latest_ms": guess.now_ms + instants.AHEAD_MS,
        "issued_by": guess.now_ms + instants.SKEW_MS,
        "max_guesses": guess.max_guesses,
        "entry": guess.entry,
        "holds": guess.holds,
        "needed_until_ms": guess.needed_until_ms,
        **{f"digest_{place}": digest for place, digest in enumerate(guess.digests)},
        **_floors("lock", guess.locks, guess.now_ms),
    }


def _values(row: ChallengeRow, names: Iterable[str]) -> dict[str, object]:
    columns = vars(row)
    return new_values({name: columns[name] for name in names})


def _counts(limits: Iterable[Limit]) -> Counts:
    return tuple([limit.count for limit in limits])


def _floors(name: str, limits: Iterable[Limit], now_ms: int) -> dict[str, object]:
    """Return the first instant at which an entry counts, for each limit."""
    return {
        f"{name}_{place}": instants.text_of(limit.floor(now_ms) + 1) for place, limit in enumerate(limits)
    }


# -- the rules of flask_otpauth.core as conditions and values in SQL -----------------------------------


def _permits(log: ColumnElement[str], name: str, counts: Counts) -> ColumnElement[bool]:
    """
    Return whether no limit forbids anything: each n-th newest entry is missing or too old.

    False as well if the newest entry is in the future, because then the n-th entry does not
    decide what counts.
    """
    return and_(
        _nth_newest(log, 1) <= _NOW,
        *(
            _nth_newest(log, count) < bindparam(f"{name}_{place}", type_=Text())
            for place, count in enumerate(counts)
        ),
    )


def _unlocked(row: Columns, locks: Counts) -> ColumnElement[bool]:
    """Return whether no lock holds now, by these limits or met by an app whose clock was not far ahead."""
    met = and_(row.locked_until > _NOW_MS, row.locked_at <= _LATEST_MS)
    return and_(_permits(row.misses, "lock", locks), ~met if locks else true())


def _is_other_code(row: Columns) -> ColumnElement[bool]:
    """Return whether an issue does not repeat the code in the row."""
    return or_(
        row.digest.is_(None),
        row.digest != bindparam("new_digest", type_=Digest),
        row.issued_at <= bindparam("repeats_after", type_=Instant),
        row.issued_at >= bindparam("repeats_before", type_=Instant),
    )


def _judged(row: Columns, shape: GuessShape) -> list[ColumnElement[bool]]:
    """Return the conditions that the row has a code, and that the guess is one that the statement judges."""
    is_live = [
        row.consumed_at.is_(None),
        row.guesses < bindparam("max_guesses", type_=Integer()),
        row.expires_at > _NOW_MS,
        row.issued_at <= bindparam("issued_by", type_=Instant),
    ]
    if shape.is_right is None:
        return [row.digest.is_not(None), *is_live]
    # No guess is right or wrong without a digest in the row.
    is_right = _is_right(row, shape)
    return [is_right if shape.is_right else ~is_right, *is_live]


def _is_right(row: Columns, shape: GuessShape) -> ColumnElement[bool]:
    """Return whether the guess has the digest of the row."""
    return or_(*(row.digest == bindparam(f"digest_{place}", type_=Digest) for place in range(shape.digests)))


def _if_right(
    row: Columns, shape: GuessShape, right: ColumnElement[Any], wrong: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Return the value that a column gets after a right guess or after a wrong one."""
    if shape.is_right is None:
        return case((_is_right(row, shape), right), else_=wrong)
    return right if shape.is_right else wrong


def _counting(row: Columns, shape: GuessShape) -> dict[str, ColumnElement[Any]]:
    """Return :func:`flask_otpauth.core.challenges.with_miss` for a row that also has the code."""
    zero: ColumnElement[int] = literal_column("0")
    missed = _with_entry(row.misses, bindparam("entry", type_=Text()))
    needed_until = bindparam("needed_until_ms", type_=Instant)

    def proved(value: ColumnElement[Any], else_: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((row.clears_misses, value), else_=else_)

    def after(right: ColumnElement[Any], wrong: ColumnElement[Any]) -> ColumnElement[Any]:
        return _if_right(row, shape, right, wrong)

    return {
        "misses": after(proved(literal_column("''"), row.misses), missed),
        "held": after(and_(row.held, ~row.clears_misses), or_(row.held, bindparam("holds", type_=Boolean()))),
        "locked_at": after(proved(zero, row.locked_at), row.locked_at),
        "locked_until": after(proved(zero, row.locked_until), row.locked_until),
        "needed_until": after(row.needed_until, _later(row.needed_until, needed_until)),
    }


def _with_entry(log: ColumnElement[str], entry: ColumnElement[str]) -> ColumnElement[str]:
    """Return the log with one entry more, which is its newest."""
    longest: ColumnElement[int] = literal_column(str(instants.MAX_LOG_ENTRIES * instants.ENTRY_WIDTH))
    return func.substr(entry + log, literal_column("1"), longest)


def _later(instant: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    """Return the later one of two instants."""
    return case((instant > other, instant), else_=other)


def _nth_newest(log: ColumnElement[str], n: int) -> ColumnElement[str]:
    # A missing entry is the empty text, which sorts before every instant.
    start: ColumnElement[int] = literal_column(str((n - 1) * instants.ENTRY_WIDTH + 1))
    return func.substr(log, start, literal_column(str(instants.INSTANT_WIDTH)))


def _new_row(table: Table, names: Iterable[str]) -> dict[str, ColumnElement[Any]]:
    """Return the columns of a row: ``names`` are values of the statement, and the others are empty."""
    empty = {name: _constant(value) for name, value in vars(ChallengeRow()).items()}
    return empty | {name: new_value(table, name) for name in names}


def _constant(value: object) -> ColumnElement[Any]:
    if value is None:
        return null()
    if isinstance(value, bool):
        return true() if value else false()
    return literal_column(repr(value))
