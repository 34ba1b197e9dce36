from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core.circuits import (
    KEPT_MS,
    Circuit,
    CircuitPolicy,
    CircuitState,
    Evidence,
    SendAttempt,
    judge_attempt,
    with_outcome,
)

NOW = 1_732_190_400_000
SECOND = 1_000
MINUTE = 60 * SECOND
POLICY = CircuitPolicy(
    limit=3, window_ms=5 * MINUTE, rest_ms=30 * SECOND, longest_rest_ms=4 * MINUTE, lease_ms=2 * MINUTE
)
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
OPENED = Circuit(POLICY.limit, NOW)


def attempt(now_ms: int = NOW, nonce: str = "one", *, is_last_resort: bool = False) -> SendAttempt:
    return SendAttempt("acme", nonce, POLICY, now_ms, is_last_resort)


def after(circuit: Circuit, evidence: Evidence, now_ms: int = NOW) -> Circuit:
    """The circuit after one more message, which is the probe if it may be."""
    message = attempt(now_ms)
    return with_outcome(judge_attempt(circuit, message).circuit, message, evidence, now_ms)


def is_admitted(circuit: Circuit, now_ms: int, *, is_last_resort: bool = False) -> bool:
    return judge_attempt(circuit, attempt(now_ms, "two", is_last_resort=is_last_resort)).is_admitted


def test_failures_in_a_row_open_a_circuit() -> None:
    circuits = [Circuit()]
    for n in range(POLICY.limit):
        circuits.append(after(circuits[-1], Evidence.FAILS, NOW + n * MINUTE))

    states = [circuit.state(POLICY, NOW + 2 * MINUTE) for circuit in circuits]

    assert states == [CLOSED, CLOSED, CLOSED, OPEN]


def test_a_success_between_failures_starts_the_count_again() -> None:
    circuit = Circuit()
    for evidence in (Evidence.FAILS, Evidence.FAILS, Evidence.WORKS, Evidence.FAILS, Evidence.FAILS):
        circuit = after(circuit, evidence)

    assert circuit == Circuit(2, NOW)


def test_a_refused_recipient_between_failures_changes_nothing() -> None:
    circuit = after(Circuit(2, NOW), Evidence.NONE, NOW + MINUTE)

    assert circuit == Circuit(2, NOW)


@pytest.mark.parametrize(("minutes", "failures"), [(4, 3), (5, 1)])
def test_failures_count_for_a_window_after_the_last_one(minutes: int, failures: int) -> None:
    circuit = after(Circuit(2, NOW), Evidence.FAILS, NOW + minutes * MINUTE)

    assert circuit.failures == failures


def test_a_success_in_a_closed_circuit_without_failures_changes_nothing() -> None:
    assert after(Circuit(), Evidence.WORKS) == Circuit()


def test_after_the_rest_one_message_probes() -> None:
    rested = NOW + 30 * SECOND

    probing = judge_attempt(OPENED, attempt(rested)).circuit

    assert [OPENED.state(POLICY, now_ms) for now_ms in (rested - 1, rested)] == [OPEN, HALF_OPEN]
    assert not is_admitted(OPENED, rested - 1)
    assert probing == replace(OPENED, probe="one", probed_at=rested)
    assert probing.state(POLICY, rested) is HALF_OPEN
    assert not is_admitted(probing, rested)


@pytest.mark.parametrize(
    ("failed_probes", "seconds"), [(0, 30), (1, 60), (2, 120), (3, 240), (4, 240), (10**6, 240)]
)
def test_each_rest_is_twice_as_long_up_to_the_longest(failed_probes: int, seconds: int) -> None:
    circuit = Circuit(POLICY.limit + failed_probes, NOW)

    assert circuit.rests_until(POLICY, NOW) == NOW + seconds * SECOND


def test_a_probe_that_fails_opens_the_circuit_again() -> None:
    later = NOW + MINUTE

    circuit = after(OPENED, Evidence.FAILS, later)

    assert circuit.rests_until(POLICY, later) == later + MINUTE


def test_a_probe_that_works_closes_the_circuit() -> None:
    assert after(OPENED, Evidence.WORKS, NOW + MINUTE) == Circuit()


def test_a_probe_that_tells_nothing_makes_the_next_message_the_probe() -> None:
    circuit = after(OPENED, Evidence.NONE, NOW + MINUTE)

    assert circuit.state(POLICY, NOW + MINUTE) is HALF_OPEN
    assert is_admitted(circuit, NOW + MINUTE)


def test_a_probe_without_a_result_is_given_to_another_message_after_its_lease() -> None:
    probing = judge_attempt(OPENED, attempt(NOW + MINUTE)).circuit

    admitted = [is_admitted(probing, NOW + 3 * MINUTE + n) for n in (-1, 0)]

    assert admitted == [False, True]


@pytest.mark.parametrize("evidence", list(Evidence))
def test_a_result_that_is_older_than_the_probe_changes_nothing(evidence: Evidence) -> None:
    probing = judge_attempt(OPENED, attempt(NOW + MINUTE)).circuit

    assert with_outcome(probing, attempt(NOW, "slow"), evidence, NOW + MINUTE) == probing
    assert with_outcome(OPENED, attempt(NOW, "slow"), evidence, NOW + MINUTE) == OPENED


def test_a_last_resort_probes_during_the_rest_and_ends_no_rest() -> None:
    early = attempt(NOW + 1, is_last_resort=True)

    probing = judge_attempt(OPENED, early).circuit
    back = with_outcome(probing, early, Evidence.NONE, NOW + 2)

    assert probing.probe == "one"
    assert not is_admitted(probing, NOW + 1, is_last_resort=True)
    assert back.state(POLICY, NOW + 2) is OPEN


def test_an_app_with_a_larger_limit_sends_where_another_does_not() -> None:
    patient = replace(POLICY, limit=4)

    assert judge_attempt(OPENED, replace(attempt(), policy=patient)).is_admitted
    assert not judge_attempt(OPENED, attempt()).is_admitted


@pytest.mark.parametrize(
    ("behind_ms", "rests_ms"), [(0, 30 * SECOND), (30 * SECOND - 1, 30 * SECOND), (30 * SECOND, None)]
)
def test_a_rest_that_a_clock_began_that_is_ahead_counts_as_begun_now(
    behind_ms: int, rests_ms: int | None
) -> None:
    now_ms = NOW - behind_ms

    until = OPENED.rests_until(POLICY, now_ms)

    assert until == (None if rests_ms is None else now_ms + rests_ms)


@pytest.mark.parametrize("ahead_ms", [10 * SECOND, 10 * MINUTE, 12 * 60 * MINUTE])
def test_a_clock_that_was_ahead_for_a_moment_keeps_no_sender_from_its_messages(ahead_ms: int) -> None:
    ahead = NOW + ahead_ms
    resting, probed = Circuit(POLICY.limit, ahead), Circuit(POLICY.limit, NOW, "killed", ahead)

    assert is_admitted(resting, NOW + 2 * POLICY.rest_ms)
    assert is_admitted(probed, NOW + 2 * POLICY.lease_ms)


def test_a_circuit_is_kept_for_as_long_as_a_failure_or_a_probe_can_matter() -> None:
    assert Circuit(1, NOW).needed_until == NOW + KEPT_MS
    assert Circuit(3, NOW, "one", NOW + 1).needed_until == NOW + 1 + KEPT_MS


@given(st.lists(st.tuples(st.sampled_from(list(Evidence)), st.integers(0, 10 * MINUTE))))
def test_a_circuit_always_comes_to_a_probe(outcomes: list[tuple[Evidence, int]]) -> None:
    circuit, now_ms = Circuit(), NOW
    for evidence, pause_ms in outcomes:
        now_ms += pause_ms
        circuit = after(circuit, evidence, now_ms)

    later = now_ms + POLICY.longest_rest_ms
    assert is_admitted(circuit, later)
    assert after(circuit, Evidence.WORKS, later) == Circuit()
