from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.core.instants import FOR_EVER

NOW = 1_732_190_400_000
MINUTE = 60_000
PIN = FailurePolicy(limit=3, window_ms=1_000)
PASSWORD = FailurePolicy(limit=10, block_ms=15 * MINUTE, longest_block_ms=24 * 60 * MINUTE)


def after(failures: int, policy: FailurePolicy, now_ms: int = NOW) -> StoredSecret:
    secret = StoredSecret("h1")
    for _ in range(failures):
        secret = secret.failed(policy, now_ms)
    return secret


def test_a_block_without_a_length_lasts_until_somebody_ends_it() -> None:
    assert after(3, PIN).blocked_until(PIN, NOW + 10**15) == FOR_EVER


def test_a_block_without_a_length_holds_where_an_app_with_a_larger_limit_counted_on() -> None:
    larger = replace(PIN, limit=5)

    assert after(4, larger).blocked_until(larger, NOW) is None
    assert after(4, larger).blocked_until(PIN, NOW) == FOR_EVER


@pytest.mark.parametrize(
    ("behind_ms", "blocked_for_ms"),
    [(0, 15 * MINUTE), (60 * MINUTE, 15 * MINUTE), (25 * 60 * MINUTE, None)],
)
def test_a_block_that_a_clock_made_that_is_ahead_is_told_to_last_no_longer(
    behind_ms: int, blocked_for_ms: int | None
) -> None:
    now_ms = NOW - behind_ms
    until = after(10, PASSWORD).blocked_until(PASSWORD, now_ms)

    assert until == (None if blocked_for_ms is None else now_ms + blocked_for_ms)


def test_what_is_left_counts_down_to_the_block() -> None:
    secrets = [after(failures, PIN) for failures in range(4)]

    assert [secret.left(PIN) for secret in secrets[:3]] == [3, 2, 1]
    assert [secret.blocked_until(PIN, NOW) is not None for secret in secrets] == [False, False, False, True]


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(10, 15), (20, 30), (30, 60), (70, 960), (80, 1_440), (90, 1_440), (10**6, 1_440)],
)
def test_each_further_block_is_twice_as_long_up_to_the_longest(failures: int, minutes: int) -> None:
    secret = StoredSecret("h1", failures, NOW)
    end = NOW + minutes * MINUTE

    assert secret.blocked_until(PASSWORD, end - 1) == end
    assert secret.blocked_until(PASSWORD, end) is None


def test_without_a_longest_block_every_block_is_as_long_as_the_first() -> None:
    policy = FailurePolicy(limit=2, block_ms=MINUTE)

    assert policy.block_length(20) == MINUTE


@pytest.mark.parametrize(("later_ms", "counted"), [(999, 3), (1_000, 1)])
def test_the_count_is_zero_when_the_window_after_the_last_failure_is_over(
    later_ms: int, counted: int
) -> None:
    assert after(2, PIN).failed(PIN, NOW + later_ms).failures == counted


def test_without_a_window_the_count_lasts() -> None:
    assert after(9, PASSWORD).failed(PASSWORD, NOW + 10**12).failures == 10


@given(st.integers(0, 40))
def test_a_failure_never_changes_the_hash(failures: int) -> None:
    assert after(failures, PASSWORD).hash == "h1"


@pytest.mark.parametrize(
    ("secret", "honored"),
    [
        (StoredSecret("h1"), True),
        (StoredSecret(None), True),
        (StoredSecret("h2"), False),
        (StoredSecret("h1", failures=2, failed_at=NOW), True),
        (StoredSecret("h1", failures=3, failed_at=NOW), False),
        (StoredSecret(None, failures=3, failed_at=NOW), False),
    ],
)
def test_a_verification_counts_unless_a_block_or_another_hash_came_before_it(
    secret: StoredSecret, honored: bool
) -> None:
    assert secret.honors("h1", PIN, NOW) is honored
