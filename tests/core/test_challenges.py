from __future__ import annotations

from dataclasses import replace

import pytest

from flask_otpauth.core import challenges
from flask_otpauth.core.challenges import Cap, Guess, GuessState, Issue, IssueResult, Verdict
from flask_otpauth.core.instants import entry
from flask_otpauth.core.limits import Block, Limit
from flask_otpauth.core.rows import ChallengeRow

NOW = 1_732_190_400_000
RIGHT, WRONG = b"r" * 32, b"w" * 32
LOCK = Limit("lock", 2, 1_000)
COOLDOWN = Limit("cooldown", 1, 1_000)

LIVE = ChallengeRow(digest=RIGHT, nonce="nonce-of-the-code", issued_at=NOW, expires_at=NOW + 100)
FREE = ChallengeRow()
LOCKED = ChallengeRow(misses=entry(NOW, "aaaa") + entry(NOW - 1, "bbbb"))


def guess(digest: bytes, now_ms: int = NOW) -> Guess:
    return Guess(b"limits", b"challenge", (digest,), "nonce-of-the-guess", now_ms, 5, (LOCK,))


def issue(**more: object) -> Issue:
    fields = {"send_limits": (COOLDOWN,), "locks": (LOCK,), "references": ("limits", "challenge"), **more}
    return Issue(b"limits", b"challenge", "nonce-of-the-issue", RIGHT, NOW, NOW + 100, **fields)  # type: ignore[arg-type]


# -- judging ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", [RIGHT, WRONG])
@pytest.mark.parametrize(
    ("limits", "challenge", "now_ms", "expected"),
    [
        (LOCKED, LIVE, NOW, Verdict(GuessState.LOCKED, block=Block("lock", NOW + 999, 2))),
        (LOCKED, None, NOW, Verdict(GuessState.LOCKED, block=Block("lock", NOW + 999, 2))),
        (None, None, NOW, Verdict(GuessState.NONE)),
        (FREE, replace(LIVE, digest=None), NOW, Verdict(GuessState.NONE)),
        (FREE, replace(LIVE, consumed_at=NOW), NOW, Verdict(GuessState.USED, left=5)),
        (FREE, replace(LIVE, consumed_at=NOW, guesses=5), NOW, Verdict(GuessState.USED)),
        (FREE, replace(LIVE, consumed_at=NOW), NOW + 100, Verdict(GuessState.USED, left=5, expired=True)),
        (FREE, replace(LIVE, guesses=5), NOW, Verdict(GuessState.EXHAUSTED)),
        (FREE, replace(LIVE, guesses=9), NOW + 100, Verdict(GuessState.EXHAUSTED, expired=True)),
        (FREE, replace(LIVE, guesses=1), NOW + 100, Verdict(GuessState.EXPIRED, left=4, expired=True)),
    ],
)
def test_a_dead_code_is_not_judged_but_it_is_told_whether_the_guess_was_right(
    limits: ChallengeRow | None, challenge: ChallengeRow | None, now_ms: int, expected: Verdict, digest: bytes
) -> None:
    standing = challenges.judge_guess(limits, challenge, guess(digest, now_ms))

    judged_rows = expected.state not in (GuessState.LOCKED, GuessState.NONE)
    assert standing == replace(expected, right=judged_rows and digest == RIGHT)


@pytest.mark.parametrize(
    ("digest", "guesses", "expected"),
    [
        (RIGHT, 0, Verdict(GuessState.ACCEPTED, right=True, left=5)),
        (RIGHT, 4, Verdict(GuessState.ACCEPTED, right=True, left=1)),
        (WRONG, 0, Verdict(GuessState.WRONG, left=4)),
        (WRONG, 4, Verdict(GuessState.WRONG, left=0)),
    ],
)
def test_a_live_code_is_judged(digest: bytes, guesses: int, expected: Verdict) -> None:
    standing = challenges.judge_guess(FREE, replace(LIVE, guesses=guesses), guess(digest, NOW + 99))

    assert standing == expected


def test_a_digest_under_any_key_may_match() -> None:
    assert challenges.matches(RIGHT, [WRONG, RIGHT])
    assert not challenges.matches(RIGHT, [WRONG])
    assert not challenges.matches(RIGHT, [])


def test_an_accepted_guess_consumes_the_code_and_clears_the_misses() -> None:
    accepted = Verdict(GuessState.ACCEPTED, right=True)
    limits = replace(LOCKED, held=True)

    assert challenges.with_guess(LIVE, guess(RIGHT), accepted) == replace(LIVE, consumed_at=NOW)
    assert challenges.with_miss(limits, guess(RIGHT), accepted, LIVE) == replace(
        limits, misses="", held=False
    )


def test_a_code_that_proves_nothing_clears_nothing() -> None:
    known = replace(LIVE, clears_misses=False)
    limits = replace(LOCKED, held=True)

    assert challenges.with_miss(limits, guess(RIGHT), Verdict(GuessState.ACCEPTED), known) == limits


def test_a_wrong_guess_is_counted_by_the_code_and_by_the_subject() -> None:
    wrong = Verdict(GuessState.WRONG)
    missed = challenges.with_miss(LOCKED, guess(WRONG), wrong, LIVE)

    assert challenges.with_guess(LIVE, guess(WRONG), wrong) == replace(LIVE, guesses=1)
    assert missed.misses == entry(NOW, "nonce") + LOCKED.misses, "also what this lock does not look at"
    assert (missed.held, missed.needed_until) == (False, NOW + 1_000)
    assert challenges.with_miss(replace(FREE, held=True), guess(WRONG), wrong, LIVE).held


def test_a_miss_under_a_lock_without_an_end_holds_the_row() -> None:
    endless = replace(guess(WRONG), locks=(LOCK, Limit("lock", 9, None)))

    assert challenges.with_miss(FREE, endless, Verdict(GuessState.WRONG), LIVE).held


# -- issuing ----------------------------------------------------------------------------------------


def test_an_issue_is_blocked_by_its_locks_and_by_its_limits() -> None:
    sent = ChallengeRow(sends=entry(NOW - 1, "aaaa"))

    assert challenges.block_of(FREE, issue()) is None
    assert challenges.block_of(sent, issue()) == Block("cooldown", NOW + 999, 1)
    assert challenges.block_of(LOCKED, issue()) == Block("lock", NOW + 999, 2)


@pytest.mark.parametrize(
    ("challenge", "within_ms", "repeated"),
    [
        (LIVE, 1, True),
        (LIVE, 0, False),
        (replace(LIVE, issued_at=NOW - 10), 10, False),
        (replace(LIVE, issued_at=NOW - 9), 10, True),
        (replace(LIVE, issued_at=NOW + 9), 10, True),
        (replace(LIVE, issued_at=NOW + 10), 10, False),
        (replace(LIVE, digest=WRONG), 10, False),
        (replace(LIVE, digest=None), 10, False),
    ],
)
def test_the_same_code_within_the_time_is_a_repetition(
    challenge: ChallengeRow, within_ms: int, repeated: bool
) -> None:
    assert challenges.repeats(challenge, issue(repeat_within_ms=within_ms)) is repeated


def test_a_repetition_is_told_before_a_lock_a_lock_before_a_cap_and_a_cap_as_a_quota() -> None:
    cap = Cap(b"campaign", 3, NOW, NOW + 10)
    request = issue(repeat_within_ms=10, cap=cap)

    placed = replace(LIVE, handed_over=True)

    assert challenges.judge_issue(LOCKED, placed, 3, request) == IssueResult(repeated=True)
    assert challenges.judge_issue(LOCKED, LIVE, 3, request) == IssueResult(under_way=True)
    assert challenges.judge_issue(LOCKED, FREE, 3, request) == IssueResult(Block("lock", NOW + 999, 2))
    assert challenges.judge_issue(FREE, FREE, 3, request) == IssueResult(Block("quota", NOW + 10, 3))
    assert challenges.judge_issue(FREE, FREE, 2, request) is None


def test_only_what_is_neither_blocked_nor_repeated_is_issued() -> None:
    assert IssueResult().issued
    assert not IssueResult(repeated=True).issued
    assert not IssueResult(under_way=True).issued
    assert not IssueResult(Block("quota", None)).issued


def test_an_issue_is_logged_and_begins_the_code_anew() -> None:
    worn = replace(LIVE, guesses=4, consumed_at=NOW, misses="untouched", digest=WRONG)

    row = challenges.with_code(challenges.with_send(worn, issue()), issue())

    assert row == ChallengeRow(
        sends=entry(NOW, "nonce"),
        misses="untouched",
        nonce="nonce-of-the-issue",
        digest=RIGHT,
        issued_at=NOW,
        expires_at=NOW + 100,
        reference="challenge",
        needed_until=NOW + 1_000,
    )
    assert challenges.with_send(worn, issue()).reference == "limits"


def test_what_is_withdrawn_leaves_the_log_and_takes_its_own_code_along() -> None:
    older = entry(NOW - 5, "aaaa")
    own = ChallengeRow(sends=issue().entry + older, nonce="nonce-of-the-issue", digest=RIGHT)
    newer = replace(own, nonce="another")

    assert challenges.without_issue(own, issue()) == replace(own, sends=older, digest=None)
    assert challenges.without_issue(newer, issue()) == replace(newer, sends=older)
