"""Tests for the circuits of senders, alone and with many callers at the same time."""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.core.challenges import draw_nonce
from flask_otpauth.core.circuits import KEPT_MS, Circuit, CircuitPolicy, Evidence, SendAttempt
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import MINUTE, NOON, SECOND, fresh_name, purged

POLICY = CircuitPolicy(
    limit=3,
    window_ms=MINUTE,
    rest_ms=30 * SECOND,
    longest_rest_ms=2 * MINUTE,
    lease_ms=MINUTE,
)


def attempt_at(name: str, now_ms: int = NOON, *, is_last_resort: bool = False) -> SendAttempt:
    """Return an attempt to send by the sender with this name."""
    return SendAttempt(name, draw_nonce(), POLICY, now_ms, is_last_resort)


def fail(storage: Storage, name: str, now_ms: int = NOON) -> None:
    """Let a message fail."""
    storage.circuits.note(attempt_at(name, now_ms), Evidence.FAILS, now_ms)


def opened(storage: Storage) -> str:
    """Open a circuit at NOON. Return its name."""
    name = fresh_name("sender")
    for _ in range(POLICY.limit):
        fail(storage, name)
    return name


class CircuitContract(ContractBase):
    """Circuits open and close, and exactly one message probes."""

    def test_a_circuit_that_was_never_stored_is_closed(self, storage: Storage) -> None:
        name = fresh_name("sender")

        admission = storage.circuits.admit(attempt_at(name))

        assert admission.is_admitted
        assert admission.circuit == storage.circuits.read(name) == Circuit()

    def test_failures_in_a_row_open_a_circuit_until_its_rest_is_over(self, storage: Storage) -> None:
        name = opened(storage)

        at = (NOON, NOON + 30 * SECOND - 1, NOON + 30 * SECOND)
        admitted = [storage.circuits.admit(attempt_at(name, now_ms)).is_admitted for now_ms in at]

        assert admitted == [False, False, True]
        assert storage.circuits.read(name).failures == POLICY.limit

    def test_a_success_ends_the_count(self, storage: Storage) -> None:
        name = fresh_name("sender")
        for _ in range(POLICY.limit - 1):
            fail(storage, name)

        before, after = storage.circuits.note(attempt_at(name), Evidence.WORKS, NOON)

        assert (before, after) == (Circuit(POLICY.limit - 1, NOON), Circuit())
        assert storage.circuits.read(name) == Circuit()

    def test_the_circuits_of_other_senders_are_apart(self, storage: Storage) -> None:
        name = opened(storage)

        others = [
            storage.circuits.admit(attempt_at(other)) for other in (name.upper(), f"{name}x", name[:-1])
        ]

        assert [admission.is_admitted for admission in others] == [True] * 3

    def test_a_probe_that_fails_lets_the_sender_rest_for_longer(self, storage: Storage) -> None:
        name = opened(storage)
        probe = attempt_at(name, NOON + MINUTE)
        storage.circuits.admit(probe)

        storage.circuits.note(probe, Evidence.FAILS, NOON + MINUTE)

        at = (NOON + 2 * MINUTE - 1, NOON + 2 * MINUTE)
        admitted = [storage.circuits.admit(attempt_at(name, now_ms)).is_admitted for now_ms in at]
        assert admitted == [False, True]

    def test_a_probe_that_works_closes_the_circuit(self, storage: Storage) -> None:
        name = opened(storage)
        probe = attempt_at(name, NOON + MINUTE)
        storage.circuits.admit(probe)

        storage.circuits.note(probe, Evidence.WORKS, NOON + MINUTE)

        assert storage.circuits.read(name) == Circuit()
        admissions = [storage.circuits.admit(attempt_at(name, NOON + MINUTE)) for _ in range(2)]
        assert [admission.is_admitted for admission in admissions] == [True, True]

    def test_a_probe_that_tells_nothing_is_given_to_the_next_message(self, storage: Storage) -> None:
        name = opened(storage)
        probe = attempt_at(name, NOON + MINUTE)
        storage.circuits.admit(probe)

        storage.circuits.note(probe, Evidence.NONE, NOON + MINUTE)

        admissions = [storage.circuits.admit(attempt_at(name, NOON + MINUTE)) for _ in range(2)]
        assert [admission.is_admitted for admission in admissions] == [True, False]

    def test_a_probe_that_never_ends_is_given_to_another_message_after_its_lease(
        self, storage: Storage
    ) -> None:
        name = opened(storage)
        lost = attempt_at(name, NOON + MINUTE)
        storage.circuits.admit(lost)

        at = (NOON + 2 * MINUTE - 1, NOON + 2 * MINUTE, NOON + 2 * MINUTE)
        admitted = [storage.circuits.admit(attempt_at(name, now_ms)).is_admitted for now_ms in at]
        before, after = storage.circuits.note(lost, Evidence.WORKS, NOON + 2 * MINUTE)

        assert admitted == [False, True, False]
        assert before == after, "the probe after it decides"

    def test_what_was_handed_over_before_the_circuit_opened_changes_nothing(self, storage: Storage) -> None:
        name = fresh_name("sender")
        slow = [attempt_at(name) for _ in range(2)]
        for attempt in slow:
            storage.circuits.admit(attempt)
        for _ in range(POLICY.limit):
            fail(storage, name)

        noted = [
            storage.circuits.note(attempt, evidence, NOON + SECOND)
            for attempt, evidence in zip(slow, (Evidence.WORKS, Evidence.FAILS), strict=True)
        ]

        assert noted == [(Circuit(POLICY.limit, NOON),) * 2] * 2

    def test_a_last_resort_probes_before_the_end_of_the_rest(self, storage: Storage) -> None:
        name = opened(storage)

        admissions = [storage.circuits.admit(attempt_at(name, is_last_resort=True)) for _ in range(2)]

        assert [admission.is_admitted for admission in admissions] == [True, False]

    def test_a_purge_takes_a_circuit_that_nothing_has_changed_for_long(self, storage: Storage) -> None:
        name = opened(storage)
        probed = opened(storage)
        storage.circuits.admit(attempt_at(probed, NOON + MINUTE))

        early = purged(storage, NOON + KEPT_MS)
        late = purged(storage, NOON + KEPT_MS + 1)
        last = purged(storage, NOON + MINUTE + KEPT_MS + 1)

        assert (early, late, last) == (0, 1, 1)
        assert storage.circuits.read(name) == storage.circuits.read(probed) == Circuit()

    def test_a_purge_takes_a_circuit_without_failures(self, storage: Storage) -> None:
        name = fresh_name("sender")
        fail(storage, name)
        storage.circuits.note(attempt_at(name), Evidence.WORKS, NOON)

        purged(storage, NOON)

        assert purged(storage, NOON) == 0
        assert storage.circuits.read(name) == Circuit()

    # -- races --------------------------------------------------------------------------------

    def test_of_16_messages_at_once_one_probes(self, storage: Storage, race: Race) -> None:
        names = [opened(storage) for _ in range(5)]
        attempts = [attempt_at(name, NOON + MINUTE) for name in names for _ in range(16)]

        admissions = race([call("circuits.admit", attempt) for attempt in attempts])

        for place, name in enumerate(names):
            of_sender = slice(place * 16, (place + 1) * 16)
            admitted = [
                attempt.nonce
                for attempt, admission in zip(attempts[of_sender], admissions[of_sender], strict=True)
                if admission.is_admitted
            ]
            assert admitted == [storage.circuits.read(name).probe]

    def test_of_16_messages_at_once_one_probes_again_after_a_lease(
        self, storage: Storage, race: Race
    ) -> None:
        name = opened(storage)
        storage.circuits.admit(attempt_at(name, NOON + MINUTE))

        admissions = race([call("circuits.admit", attempt_at(name, NOON + 2 * MINUTE)) for _ in range(16)])

        assert sum(admission.is_admitted for admission in admissions) == 1

    def test_of_40_failures_before_a_first_row_one_opens_the_circuit(
        self, storage: Storage, race: Race
    ) -> None:
        name = fresh_name("sender")
        attempts = [attempt_at(name) for _ in range(40)]

        noted = race([call("circuits.note", attempt, Evidence.FAILS, NOON) for attempt in attempts])

        opening = [
            before for before, after in noted if before.is_closed(POLICY) and not after.is_closed(POLICY)
        ]
        assert opening == [Circuit(POLICY.limit - 1, NOON)]
        assert storage.circuits.read(name) == Circuit(POLICY.limit, NOON)

    def test_failures_at_once_are_counted_exactly(self, storage: Storage, race: Race) -> None:
        name = fresh_name("sender")
        patient = replace(POLICY, limit=1_000)
        attempts = [replace(attempt_at(name), policy=patient) for _ in range(40)]

        race([call("circuits.note", attempt, Evidence.FAILS, NOON) for attempt in attempts])

        assert storage.circuits.read(name) == Circuit(40, NOON)

    def test_a_probe_that_works_and_messages_come_one_after_the_other(
        self, storage: Storage, race: Race
    ) -> None:
        names = [opened(storage) for _ in range(10)]
        probes = [attempt_at(name, NOON + MINUTE) for name in names]
        for probe in probes:
            storage.circuits.admit(probe)

        noted = race(
            [
                each
                for probe in probes
                for each in (
                    call("circuits.admit", attempt_at(probe.name, NOON + MINUTE)),
                    call("circuits.note", probe, Evidence.WORKS, NOON + MINUTE),
                    call("circuits.note", attempt_at(probe.name), Evidence.FAILS, NOON + MINUTE),
                )
            ]
        )

        for name, (before, after), late in zip(names, noted[1::3], noted[2::3], strict=True):
            assert (before.failures, after) == (POLICY.limit, Circuit())
            assert storage.circuits.read(name) in (Circuit(), Circuit(1, NOON + MINUTE))
            assert late[0] in (before, after)
