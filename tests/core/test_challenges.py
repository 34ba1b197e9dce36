from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from flask_otpauth.core import challenges
from flask_otpauth.core.challenges import (
    Cap,
    ChallengeRow,
    Guess,
    GuessState,
    Issue,
    IssueResult,
    Verdict,
    draw_code,
    draw_nonce,
    is_digits,
    lock_of,
    shows_code,
    with_lock,
    without_misses,
)
from flask_otpauth.core.instants import FOR_EVER, NONCE_WIDTH, Block, Limit, entry

NOW = 1_732_190_400_000
RIGHT, WRONG = b"r" * 32, b"w" * 32
LOCK = Limit("lock", 2, 1_000)
COOLDOWN = Limit("cooldown", 1, 1_000)

LIVE = ChallengeRow(digest=RIGHT, nonce="nonce-of-the-code", issued_at=NOW, expires_at=NOW + 100)
FREE = ChallengeRow()
LOCKED = ChallengeRow(misses=entry(NOW, "aaaa") + entry(NOW - 1, "bbbb"))

HOUR = 3_600_000
DAY = 24 * HOUR
BUDGET = (Limit("lock", 2, DAY),)
CAP = (Limit("lock", 2, None),)
LARGE = (Limit("lock", 30, DAY),)
MISSED = ChallengeRow(misses=entry(NOW + 1, "bbbb") + entry(NOW, "aaaa"))


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


# -- the lock that an app notes for every other: how long it holds, and how often it is written ---


def test_a_lock_that_is_met_again_and_again_is_written_once() -> None:
    met = with_lock(MISSED, BUDGET, NOW + 2)

    assert (met.locked_at, met.locked_until) == (NOW + 2, NOW + DAY)
    assert with_lock(met, BUDGET, NOW + HOUR) is met


def test_a_lock_that_a_clock_which_is_behind_meets_again_and_again_is_written_now_and_then() -> None:
    row, writes = MISSED, 0
    for now_ms in range(NOW - HOUR, NOW - HOUR + 60_000, 100):
        after = with_lock(row, BUDGET, now_ms)
        row, writes = after, writes + (after is not row)

    assert writes == 2


def test_a_lock_that_only_a_person_ends_takes_the_place_of_one_that_ends_and_not_the_other_way_round() -> (
    None
):
    met = with_lock(with_lock(MISSED, BUDGET, NOW + 2), CAP, NOW + 3)

    assert (met.locked_until, met.held) == (FOR_EVER, True)
    assert with_lock(met, BUDGET, NOW + 4) is met
    assert lock_of(met, LARGE, NOW + 1_000 * DAY) == Block("lock", None)


def test_a_row_is_needed_until_the_lock_that_an_app_has_noted_ends() -> None:
    noted = with_lock(replace(MISSED, needed_until=NOW + 10), BUDGET, NOW + 2)
    needed_longer = with_lock(replace(MISSED, needed_until=NOW + 2 * DAY), BUDGET, NOW + 2)

    assert (noted.needed_until, needed_longer.needed_until) == (NOW + DAY, NOW + 2 * DAY)


def test_a_lock_that_a_clock_ahead_has_noted_lasts_no_longer_than_it_did_there() -> None:
    noted = ChallengeRow(locked_at=NOW + HOUR, locked_until=NOW + 3 * HOUR)

    assert lock_of(noted, LARGE, NOW) == Block("lock", NOW + 2 * HOUR)
    assert lock_of(noted, LARGE, NOW + 2 * HOUR) == Block("lock", NOW + 3 * HOUR)


def test_where_no_lock_is_met_nothing_is_written() -> None:
    assert with_lock(MISSED, LARGE, NOW + 2) is MISSED


def test_what_locks_nobody_any_more_says_so_to_every_app() -> None:
    met = with_lock(MISSED, CAP, NOW + 2)

    lifted = without_misses(met)

    assert lifted == replace(ChallengeRow(), needed_until=lifted.needed_until)
    assert lock_of(lifted, LARGE, NOW + 3) is None


# -- drawing and reading codes --------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 4, 6, 10])
def test_a_code_is_that_many_digits_leading_zeros_included(length: int) -> None:
    codes = [draw_code(length) for _ in range(2_000)]

    assert all(is_digits(code, length) for code in codes)
    assert any(code.startswith("0") for code in codes)


def test_every_digit_is_as_frequent_as_every_other() -> None:
    digits = Counter("".join(draw_code(6) for _ in range(20_000)))

    expected = 20_000 * 6 / 10
    chi_squared = sum((digits[digit] - expected) ** 2 / expected for digit in "0123456789")
    assert chi_squared < 60, "9 degrees of freedom: a fair generator exceeds this once in 10^9 runs"


def test_nonces_differ_and_fill_an_entry_of_a_log() -> None:
    nonces = {draw_nonce() for _ in range(1_000)}

    assert len(nonces) == 1_000
    assert all(len(nonce) == 16 and "," not in nonce for nonce in nonces)
    assert NONCE_WIDTH <= 16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("012345", True),
        ("12345", False),
        ("1234567", False),
        ("", False),
        ("\N{ARABIC-INDIC DIGIT ONE}23456", False),
        ("\N{FULLWIDTH DIGIT ONE}23456", False),
        ("12345²", False),
        ("123456\n", False),
        (" 123456", False),
        ("+12345", False),
        ("12_345", False),
        (123456, False),
        (None, False),
        (True, False),
        (b"123456", False),
    ],
)
def test_only_a_string_of_ascii_digits_of_the_length_has_the_shape_of_a_code(
    text: object, expected: bool
) -> None:
    assert is_digits(text, 6) is expected


def test_a_shape_may_leave_the_length_open_between_bounds() -> None:
    lengths = [length for length in range(1, 13) if is_digits("1" * length, 4, 10)]

    assert lengths == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    "text",
    [
        "Your code is 012345.",
        "012 345",
        "0, 1, 2, 3, 4, 5",
        "in 5 minutes: 012-345",
        "<p style='width:32px'><b>0</b><b>1</b><b>2</b> <i>345</i></p>",
        "&#48;12345",
        "໐໑໒໓໔໕",
        "2 codes: 012345",
    ],
)
def test_a_message_that_shows_all_digits_in_their_order_tells_the_code(text: str) -> None:
    assert shows_code(text, "012345")


@pytest.mark.parametrize(
    "text",
    ["", "{{ code }}", "01234", "543210", "<p title='012345'>your code</p>", "zero one two", "²³¹"],
)
def test_a_message_without_all_digits_does_not_tell_the_code(text: str) -> None:
    assert not shows_code(text, "012345")
