"""Codes and their limits. Each operation calls the rules of the core while it holds the lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from flask_otpauth.adapters.memory.state import Memory
from flask_otpauth.core import challenges as rules
from flask_otpauth.core.challenges import (
    Act,
    Cap,
    ChallengeRow,
    Guess,
    GuessState,
    Issue,
    IssueResult,
    Verdict,
    with_lock,
    without_misses,
)
from flask_otpauth.core.instants import Block, Limit
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch


@service
class MemoryChallengeStore:
    """A :class:`~flask_otpauth.ports.storage.ChallengeStore`."""

    memory: Memory

    def issue(self, issue: Issue) -> IssueResult:
        """See the port."""
        with self.memory.lock:
            limits, challenge = self._row(issue.limits_key), self._row(issue.challenge_key)
            counted = self._count_of(issue.cap) if issue.cap else 0
            refusal = rules.judge_issue(limits, challenge, counted, issue)
            if refusal is not None:
                self._note_lock(issue.limits_key, issue.locks, issue.now_ms)
                return refusal
            self.memory.challenges[issue.limits_key] = rules.with_send(limits, issue)
            challenge = self._row(issue.challenge_key)
            self.memory.challenges[issue.challenge_key] = rules.with_code(challenge, issue)
            if issue.cap:
                self._set_count(issue.cap, counted + 1)
            return IssueResult()

    def peek(self, issue: Issue) -> Block | None:
        """See the port."""
        with self.memory.lock:
            return rules.block_of(self._row(issue.limits_key), issue)

    def withdraw(self, issue: Issue) -> None:
        """See the port."""
        with self.memory.lock:
            undone = False
            for key in (issue.limits_key, issue.challenge_key):
                before = self._row(key)
                after = rules.without_issue(before, issue)
                if after != before:
                    self.memory.challenges[key] = after
                    undone = True
            if issue.cap and undone and self._count_of(issue.cap):
                self._set_count(issue.cap, self._count_of(issue.cap) - 1)

    def redeem(self, guess: Guess) -> Verdict:
        """See the port."""
        with self.memory.lock:
            rows = self.memory.challenges
            verdict = rules.judge_guess(rows.get(guess.limits_key), rows.get(guess.challenge_key), guess)
            if verdict.state is GuessState.LOCKED:
                self._note_lock(guess.limits_key, guess.locks, guess.now_ms)
            if verdict.state in (GuessState.ACCEPTED, GuessState.WRONG):
                limits, challenge = self._row(guess.limits_key), self._row(guess.challenge_key)
                rows[guess.limits_key] = rules.with_miss(limits, guess, verdict, challenge)
                challenge = self._row(guess.challenge_key)
                rows[guess.challenge_key] = rules.with_guess(challenge, guess, verdict)
            return verdict

    def count(self, act: Act) -> Block | None:
        """See the port."""
        with self.memory.lock:
            row = self._row(act.key)
            block = act.block(row)
            if block is None:
                self.memory.challenges[act.key] = rules.with_act(row, act)
            return block

    def reference(self, key: bytes) -> str | None:
        """See the port."""
        with self.memory.lock:
            row = self.memory.challenges.get(key)
            return row.reference if row else None

    def handed_over(self, issue: Issue) -> None:
        """See the port."""
        with self.memory.lock:
            row = self._row(issue.challenge_key)
            if row.nonce == issue.nonce:
                self.memory.challenges[issue.challenge_key] = replace(row, handed_over=True)

    def clear(self, limits_key: bytes, log: Literal["sends", "misses"]) -> bool:
        """See the port."""
        with self.memory.lock:
            row = self._row(limits_key)
            cleared = replace(row, sends="") if log == "sends" else without_misses(row)
            if cleared == row:
                return False
            self.memory.challenges[limits_key] = cleared
            return True

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete rows that no limit of any app looks at since then, except rows that are held."""
        before_ms = purge.before_ms
        yield from self.memory.purge(
            "challenges", lambda row: row.needed_until < before_ms and not row.held, purge
        )
        yield from self.memory.purge("counters", lambda counter: counter[0] < before_ms, purge)

    def _note_lock(self, key: bytes, locks: tuple[Limit, ...], now_ms: int) -> None:
        before = self._row(key)
        after = with_lock(before, locks, now_ms)
        if after != before:
            self.memory.challenges[key] = after

    def _row(self, key: bytes) -> ChallengeRow:
        return self.memory.challenges.get(key, ChallengeRow())

    def _count_of(self, cap: Cap) -> int:
        return self.memory.counters.get((cap.key, cap.day_start_ms), (cap.day_end_ms, 0))[1]

    def _set_count(self, cap: Cap, count: int) -> None:
        self.memory.counters[cap.key, cap.day_start_ms] = (cap.day_end_ms, count)
