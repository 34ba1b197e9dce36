"""
Storages with a planted fault: one operation reads, decides in Python, and then writes.

The contract suite and the harness must find each of them. Between reading and writing it calls ``pause``.
"""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import Any

from sqlalchemy import update

from flask_otpauth.adapters.sqlalchemy.circuits import SqlCircuitStore
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core import challenges as rules
from flask_otpauth.core.challenges import ChallengeRow, Guess, GuessState, Issue, IssueResult, Verdict
from flask_otpauth.core.circuits import Admission, SendAttempt, judge_attempt
from tests.adapters.databases import read

#: Long enough for another process to read the same row.
PAUSE_SECONDS = 0.02


class ReadsThenWrites:
    """The codes in SQL, but for one operation."""

    def __init__(self, storage: SqlAlchemyStorage, pause: Callable[[], object]) -> None:
        self._storage = storage
        self._sql = storage.challenges
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sql, name)

    def _read(self, key: bytes) -> ChallengeRow:
        table = self._storage.tables.challenges
        rows = read(self._storage, table.select().where(table.c.key == key))
        if not rows:
            return ChallengeRow()
        return ChallengeRow(**{name: value for name, value in rows[0].items() if name != "key"})

    def _write(self, key: bytes, row: ChallengeRow) -> None:
        database, table = self._storage.database, self._storage.tables.challenges
        values = vars(row)
        with database.transaction():
            if not database.prepare(update(table).where(table.c.key == key).values(values)).count():
                database.prepare(table.insert().values(key=key, **values)).count()


class ReadsBeforeItRedeems(ReadsThenWrites):
    """Judges right codes in Python, and uses them up afterwards."""

    planted_state = GuessState.ACCEPTED

    def redeem(self, guess: Guess) -> Verdict:
        """Judge the guess."""
        limits, challenge = self._read(guess.limits_key), self._read(guess.challenge_key)
        verdict = rules.judge_guess(limits, challenge, guess)
        if verdict.state is not self.planted_state:
            return self._sql.redeem(guess)
        self._pause()
        if guess.limits_key != guess.challenge_key:
            self._write(guess.limits_key, rules.with_miss(limits, guess, verdict, challenge))
        else:
            challenge = rules.with_miss(challenge, guess, verdict, challenge)
        self._write(guess.challenge_key, rules.with_guess(challenge, guess, verdict))
        return verdict


class ReadsBeforeItCounts(ReadsBeforeItRedeems):
    """Judges wrong codes in Python, and counts them afterwards."""

    planted_state = GuessState.WRONG


class ReadsBeforeItIssues(ReadsThenWrites):
    """Checks the limits in Python."""

    def issue(self, issue: Issue) -> IssueResult:
        """Issue a code."""
        limits, challenge = self._read(issue.limits_key), self._read(issue.challenge_key)
        self._pause()
        refusal = rules.judge_issue(limits, challenge, 0, issue)
        if refusal is not None:
            return refusal
        if issue.cap is not None and not self._sql.counters.count(issue.cap):
            return IssueResult(issue.cap.block(issue.cap.count))
        limits = rules.with_send(limits, issue)
        if issue.limits_key != issue.challenge_key:
            self._write(issue.limits_key, limits)
        else:
            challenge = limits
        self._write(issue.challenge_key, rules.with_code(challenge, issue))
        return IssueResult()


class ReadsBeforeItAdmits:
    """The circuits in SQL. Whether a message is the probe is judged in Python, and written afterwards."""

    def __init__(self, circuits: SqlCircuitStore, pause: Callable[[], object]) -> None:
        self._sql = circuits
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sql, name)

    def admit(self, attempt: SendAttempt) -> Admission:
        """Judge the attempt."""
        circuit = self._sql.read(attempt.name)
        admission = judge_attempt(circuit, attempt)
        if admission.circuit != circuit:
            self._pause()
            changes = update(self._sql.table).where(self._sql.table.c.name == attempt.name)
            self._sql.database.prepare(changes.values(vars(admission.circuit))).count()
        return admission


#: By the operation that is planted.
PLANTED = {"redeem": ReadsBeforeItRedeems, "guesses": ReadsBeforeItCounts, "issue": ReadsBeforeItIssues}


def planted_in(storage: SqlAlchemyStorage, operation: str) -> SqlAlchemyStorage:
    """The storage with that operation planted, and without the statements that would take its place."""
    storage.challenges = PLANTED[operation](storage, lambda: sleep(PAUSE_SECONDS))  # type: ignore[assignment]
    storage.issue_to_user = None
    storage.log_in = None
    return storage
