"""Tests for crashes: a process that is killed leaves no operation half done."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection

from flask_otpauth.core.challenges import GuessState
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.samples import Subject, digest_of, one_row, two_rows

ROUNDS = 4
_ENDLESS = 1_000_000


@dataclass
class Journal:
    """What a killed process reported before and after each operation."""

    #: How often each operation was begun.
    begun: Counter[str] = field(default_factory=Counter)
    #: How often each operation returned.
    done: Counter[str] = field(default_factory=Counter)
    #: The numbers of the codes that were accepted.
    accepted: set[int] = field(default_factory=set)
    #: The numbers of all codes.
    codes: set[int] = field(default_factory=set)

    def note(self, event: tuple[str, str, int]) -> None:
        """Add a report: ``begun``, ``done`` or ``accepted``, the operation, and the number of the code."""
        when, operation, number = event
        self.codes.add(number)
        if when == "begun":
            self.begun[operation] += 1
        else:
            self.done[operation] += 1
        if when == "accepted":
            self.accepted.add(number)


def code_subject(seed: bytes, number: int) -> Subject:
    """Return the subject of the code with this number, in one row or in two."""
    limits = digest_of(f"{seed.hex()} {number}")
    return Subject(limits, limits if number % 2 else digest_of(f"{seed.hex()} {number} challenge"))


def repeat_operations(
    end: Connection, open_storage: Callable[[str], Storage], where: str, subjects: list[Subject], seed: bytes
) -> None:
    """Guess wrong, issue a code and redeem it, again and again."""
    storage = open_storage(where)
    for number in count(random.randrange(_ENDLESS) * 1_000):  # noqa: S311 - no secret
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


def kill_at_random(target: Callable[..., None], *arguments: object) -> list[tuple[str, str, int]]:
    """Run ``target`` in a process, and kill it at a random moment. Return its reports."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    lines = [ours.recv() for _ in range(random.randrange(8, 60))]  # noqa: S311
    process.join(random.uniform(0, 0.02))  # noqa: S311 - any part of an operation
    process.kill()
    process.join()
    try:
        while True:
            lines.append(ours.recv())
    except (EOFError, OSError):
        ours.close()
        return lines


class CrashContract(ContractBase):
    """Processes that are killed at random moments."""

    def test_a_killed_process_loses_no_count_and_leaves_no_code_that_works_twice(
        self, storage: Storage, where: str
    ) -> None:
        subjects = [one_row(), two_rows()]
        seed = subjects[0].limits_key
        for subject in subjects:
            storage.challenges.issue(subject.issue("111111"))
        journal = Journal()

        for _ in range(ROUNDS):
            for line in kill_at_random(repeat_operations, self.open_storage, where, subjects, seed):
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
        """Return how many guesses the row has counted."""
        verdict = storage.challenges.redeem(subject.guess("222222", max_guesses=_ENDLESS))
        return _ENDLESS - verdict.left - 1
