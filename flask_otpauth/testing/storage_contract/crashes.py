"""The contract of crashes: a process that is killed leaves nothing half done."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from flask_otpauth.core.challenges import GuessState
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.samples import Subject, digest_of, one_row, two_rows

ROUNDS = 4
_ENDLESS = 1_000_000


@dataclass
class Journal:
    """What a killed process wrote down: before and after each operation."""

    begun: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    accepted: set[int] = field(default_factory=set)
    codes: set[int] = field(default_factory=set)

    def note(self, event: tuple[str, str, int]) -> None:
        """Take one line down: ``begun``, ``done`` or ``accepted``, of which operation on which code."""
        when, operation, number = event
        self.codes.add(number)
        if when == "begun":
            self.begun[operation] += 1
        else:
            self.done[operation] += 1
        if when == "accepted":
            self.accepted.add(number)


def code_subject(seed: bytes, number: int) -> Subject:
    """The subject of the code of that number, in one row or in two."""
    limits = digest_of(f"{seed.hex()} {number}")
    return Subject(limits, limits if number % 2 else digest_of(f"{seed.hex()} {number} challenge"))


def toil(
    end: Connection, open_storage: Callable[[str], Storage], where: str, subjects: list[Subject], seed: bytes
) -> None:
    """Guess wrongly, issue, redeem; on and on, until killed."""
    storage = open_storage(where)
    for number in count(random.randrange(_ENDLESS) * 1_000):  # noqa: S311 - a number apart, no secret
        for subject in subjects:
            end.send(("begun", "guess", number))
            storage.challenges.redeem(subject.guess("222222", max_guesses=_ENDLESS))
            end.send(("done", "guess", number))
        own = code_subject(seed, number)
        end.send(("begun", "issue", number))
        storage.challenges.issue(own.issue("111111"))
        end.send(("done", "issue", number))
        end.send(("begun", "redeem", number))
        verdict = storage.challenges.redeem(own.guess("111111"))
        end.send(("accepted" if verdict.state is GuessState.ACCEPTED else "done", "redeem", number))


def killed_at_some_moment(target: Callable[..., None], *arguments: Any) -> list[tuple[str, str, int]]:
    """The journal of a process that ran ``target`` until it was killed."""
    context = multiprocessing.get_context("spawn")
    with_isolation, theirs = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    lines = [with_isolation.recv() for _ in range(random.randrange(8, 60))]  # noqa: S311
    process.join(random.uniform(0, 0.02))  # noqa: S311 - so as to hit every part of an operation
    process.kill()
    process.join()
    try:
        while True:
            lines.append(with_isolation.recv())
    except (EOFError, OSError):
        with_isolation.close()
        return lines


class CrashContract(ContractBase):
    """Killed at random moments."""

    def test_a_killed_process_loses_no_count_and_leaves_no_code_that_works_twice(
        self, storage: Storage, where: str
    ) -> None:
        subjects = [one_row(), two_rows()]
        seed = subjects[0].limits_key
        for subject in subjects:
            storage.challenges.issue(subject.issue("111111"))
        journal = Journal()

        for _ in range(ROUNDS):
            for line in killed_at_some_moment(toil, self.open_storage, where, subjects, seed):
                journal.note(line)

        guesses = sum(self._guesses(storage, subject) for subject in subjects)
        assert journal.done["guess"] <= guesses <= journal.begun["guess"]
        for number in journal.codes:
            later = [
                storage.challenges.redeem(code_subject(seed, number).guess("111111")).state for _ in range(3)
            ]
            assert later.count(GuessState.ACCEPTED) + (number in journal.accepted) <= 1
            assert number not in journal.accepted or later == [GuessState.USED] * 3

    @staticmethod
    def _guesses(storage: Storage, subject: Subject) -> int:
        """How many guesses the row has counted."""
        verdict = storage.challenges.redeem(subject.guess("222222", max_guesses=_ENDLESS))
        return _ENDLESS - verdict.left - 1
