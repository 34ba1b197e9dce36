"""Tests for PINs and passwords with many callers at the same time."""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.core.failures import StoredSecret
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import NOON, fresh_key
from flask_otpauth.testing.storage_contract.secrets import PIN, SecretContract, fail


class SecretRaces(SecretContract):
    """Races of failures, successes and changes."""

    def test_of_100_wrong_pins_3_are_counted_and_each_is_told_its_own_number(
        self, storage: Storage, pin: bytes, race: Race
    ) -> None:
        answers = race([call("secrets.fail", pin, "h1", PIN, NOON) for _ in range(100)])

        told = sorted(secret.failures for counted, secret in answers if counted)
        assert told == [1, 2, 3]
        assert storage.secrets.read(pin).blocked_until(PIN, NOON) is not None

    def test_50_right_pins_all_pass(self, storage: Storage, pin: bytes, race: Race) -> None:
        fail(storage, pin, PIN, NOON, NOON)

        passed = race([call("secrets.passed", pin, "h1", PIN, NOON) for _ in range(50)])

        assert passed == [True] * 50
        assert storage.secrets.read(pin) == StoredSecret("h1")

    def test_a_failure_that_blocks_and_a_pass_come_one_after_the_other(
        self, storage: Storage, race: Race
    ) -> None:
        pins = [fresh_key() for _ in range(40)]
        for pin in pins:
            storage.secrets.put(pin, "h1", replacing=None)
            fail(storage, pin, PIN, NOON, NOON)

        answers = race(
            [call(f"secrets.{verb}", pin, "h1", PIN, NOON) for pin in pins for verb in ("fail", "passed")]
        )

        for pin, (_, told), passed in zip(pins, answers[::2], answers[1::2], strict=True):
            assert (told.failures, passed) in ((1, True), (3, False))
            assert storage.secrets.read(pin) == told

    def test_failures_before_a_first_row_are_counted_exactly(self, storage: Storage, race: Race) -> None:
        key = fresh_key()
        patient = replace(PIN, limit=1_000)

        race([call("secrets.fail", key, "h1", patient, NOON) for _ in range(40)])

        assert storage.secrets.read(key).failures == 40

    def test_a_failure_that_disables_and_a_new_secret_come_one_after_the_other(
        self, storage: Storage, race: Race
    ) -> None:
        capped, pins = replace(PIN, cap=3), [fresh_key() for _ in range(40)]
        for pin in pins:
            storage.secrets.put(pin, "h1", replacing=None)
            fail(storage, pin, capped, NOON, NOON)

        answers = race(
            [
                each
                for pin in pins
                for each in (
                    call("secrets.fail", pin, "h1", capped, NOON),
                    call("secrets.put", pin, "h2", replacing="any", cap=3),
                )
            ]
        )

        for pin, (counted, _), was_put in zip(pins, answers[::2], answers[1::2], strict=True):
            assert counted is not was_put
            assert storage.secrets.read(pin).is_disabled(3) is counted

    def test_of_racing_first_settings_one_wins(self, storage: Storage, race: Race) -> None:
        key = fresh_key()

        won = race([call("secrets.put", key, f"h{n}", replacing=None) for n in range(30)])

        assert sum(won) == 1
        assert storage.secrets.read(key) == StoredSecret(f"h{won.index(True)}")

    def test_of_racing_changes_one_wins(self, storage: Storage, pin: bytes, race: Race) -> None:
        won = race([call("secrets.put", pin, f"new {n}", replacing="h1") for n in range(30)])

        assert sum(won) == 1
        assert storage.secrets.read(pin) == StoredSecret(f"new {won.index(True)}")
