"""Tests for PINs and passwords."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.samples import DAY, HOUR, MINUTE, NOON, fresh_key

WEEK = 7 * DAY
PIN = FailurePolicy(limit=3, window_ms=WEEK)
PASSWORD = FailurePolicy(limit=10, block_ms=15 * MINUTE, longest_block_ms=HOUR)


def fail(storage: Storage, key: bytes, policy: FailurePolicy, *instants: int) -> list[bool]:
    """Fail with the hash ``h1`` at each instant. Return which failures were counted."""
    return [storage.secrets.fail(key, "h1", policy, now_ms)[0] for now_ms in instants]


class SecretContract(ContractBase):
    """Setting secrets, and counting their failures."""

    @pytest.fixture
    def pin(self, storage: Storage) -> bytes:
        """Return the key of a PIN whose hash is ``h1``."""
        key = fresh_key()
        storage.secrets.put(key, "h1", replacing=None)
        return key

    # -- put ----------------------------------------------------------------------------------

    def test_what_was_never_set_has_no_hash(self, storage: Storage) -> None:
        assert storage.secrets.read(fresh_key()) == StoredSecret()

    def test_a_secret_is_set_the_first_time_only_where_there_is_none(
        self, storage: Storage, pin: bytes
    ) -> None:
        again = storage.secrets.put(pin, "h2", replacing=None)

        assert not again
        assert storage.secrets.read(pin) == StoredSecret("h1")

    def test_a_secret_is_replaced_only_if_it_is_the_one_that_was_read(
        self, storage: Storage, pin: bytes
    ) -> None:
        stale = storage.secrets.put(pin, "h2", replacing="h0")
        current = storage.secrets.put(pin, "h3", replacing="h1")

        assert (stale, current) == (False, True)
        assert storage.secrets.read(pin) == StoredSecret("h3")

    def test_a_secret_is_replaced_whatever_it_is(self, storage: Storage, pin: bytes) -> None:
        key = fresh_key()

        assert storage.secrets.put(pin, "h2", replacing="any")
        assert storage.secrets.put(key, "h2", replacing="any")
        assert [storage.secrets.read(each) for each in (pin, key)] == [StoredSecret("h2"), StoredSecret("h2")]

    def test_a_hash_that_the_host_brought_along_is_replaced_once(self, storage: Storage) -> None:
        key = fresh_key()

        first = storage.secrets.put(key, "h2", replacing="of the host")
        second = storage.secrets.put(key, "h3", replacing="of the host")

        assert (first, second) == (True, False)
        assert storage.secrets.read(key) == StoredSecret("h2")

    def test_a_new_secret_is_not_blocked_and_the_row_of_failures_goes_on(
        self, storage: Storage, pin: bytes
    ) -> None:
        fail(storage, pin, PIN, NOON, NOON, NOON)

        storage.secrets.put(pin, "h2", replacing="h1")

        assert storage.secrets.read(pin) == StoredSecret("h2", in_a_row=3)

    @pytest.mark.parametrize("replacing", ["any", "h1"])
    def test_no_new_secret_takes_the_place_of_one_with_that_many_failures_in_a_row(
        self, storage: Storage, pin: bytes, replacing: str
    ) -> None:
        fail(storage, pin, PIN, NOON, NOON)

        below = storage.secrets.put(pin, "h1", replacing=replacing, cap=3)
        fail(storage, pin, PIN, NOON)
        capped = storage.secrets.put(pin, "h2", replacing=replacing, cap=3)
        disabled = storage.secrets.read(pin)
        storage.secrets.enable(pin)
        enabled = storage.secrets.put(pin, "h2", replacing=replacing, cap=3)

        assert (below, capped, enabled) == (True, False, True)
        assert disabled == StoredSecret("h1", failures=1, failed_at=NOON, in_a_row=3)
        assert storage.secrets.read(pin) == StoredSecret("h2")

    def test_a_hash_of_the_host_with_that_many_failures_in_a_row_is_not_replaced_either(
        self, storage: Storage
    ) -> None:
        key = fresh_key()
        fail(storage, key, PIN, NOON, NOON, NOON)

        answers = [storage.secrets.put(key, "h2", replacing=each, cap=3) for each in ("h1", None, "any")]

        assert answers == [False] * 3
        assert storage.secrets.read(key).hash is None

    # -- failures -----------------------------------------------------------------------------

    def test_failures_count_until_they_block(self, storage: Storage, pin: bytes) -> None:
        answers = [storage.secrets.fail(pin, "h1", PIN, NOON + n) for n in range(4)]

        assert [(counted, secret.failures) for counted, secret in answers] == [
            (True, 1),
            (True, 2),
            (True, 3),
            (False, 3),
        ]
        assert storage.secrets.read(pin) == StoredSecret("h1", failures=3, failed_at=NOON + 2, in_a_row=3)

    def test_a_blocked_secret_does_not_pass_until_it_is_unblocked(self, storage: Storage, pin: bytes) -> None:
        fail(storage, pin, PIN, NOON, NOON, NOON)

        blocked = storage.secrets.passed(pin, "h1", PIN, NOON + 1_000 * DAY)
        storage.secrets.unblock(pin)
        unblocked = storage.secrets.read(pin)
        freed = storage.secrets.passed(pin, "h1", PIN, NOON)

        assert (blocked, freed) == (False, True)
        assert unblocked == StoredSecret("h1", in_a_row=3)
        assert storage.secrets.read(pin) == StoredSecret("h1")

    def test_failures_in_a_row_are_capped_over_windows_and_unblocks(
        self, storage: Storage, pin: bytes
    ) -> None:
        capped = replace(PIN, cap=5)

        first = fail(storage, pin, capped, NOON, NOON)
        after_the_window = fail(storage, pin, capped, NOON + WEEK, NOON + WEEK)
        storage.secrets.unblock(pin)
        last = fail(storage, pin, capped, NOON + WEEK, NOON + WEEK)

        assert (first, after_the_window, last) == ([True, True], [True, True], [True, False])
        storage.secrets.unblock(pin)
        assert not storage.secrets.passed(pin, "h1", capped, NOON + 1_000 * DAY)
        storage.secrets.enable(pin)
        assert storage.secrets.read(pin) == StoredSecret("h1")
        assert storage.secrets.passed(pin, "h1", capped, NOON)

    def test_a_pass_ends_the_row_of_failures_after_an_unblock_too(self, storage: Storage, pin: bytes) -> None:
        fail(storage, pin, PIN, NOON)
        storage.secrets.unblock(pin)

        assert storage.secrets.passed(pin, "h1", PIN, NOON)
        assert storage.secrets.read(pin) == StoredSecret("h1")

    def test_a_pass_forgets_the_failures(self, storage: Storage, pin: bytes) -> None:
        fail(storage, pin, PIN, NOON, NOON)

        assert storage.secrets.passed(pin, "h1", PIN, NOON)
        assert storage.secrets.read(pin) == StoredSecret("h1")

    def test_the_count_is_zero_at_the_very_millisecond(self, storage: Storage, pin: bytes) -> None:
        other = fresh_key()
        storage.secrets.put(other, "h1", replacing=None)
        for key in (pin, other):
            fail(storage, key, PIN, NOON, NOON + 1)

        _, counting = storage.secrets.fail(pin, "h1", PIN, NOON + WEEK)
        _, over = storage.secrets.fail(other, "h1", PIN, NOON + 1 + WEEK)

        assert (counting.failures, over.failures) == (3, 1)

    def test_a_block_with_an_end_ends_at_the_very_millisecond_and_then_doubles(
        self, storage: Storage, pin: bytes
    ) -> None:
        first_end = NOON + 15 * MINUTE
        fail(storage, pin, PASSWORD, *[NOON] * 10)

        early = fail(storage, pin, PASSWORD, first_end - 1)
        again = fail(storage, pin, PASSWORD, *[first_end] * 11)

        second_end = first_end + 30 * MINUTE
        assert early == [False]
        assert again == [True] * 10 + [False]
        assert not storage.secrets.passed(pin, "h1", PASSWORD, second_end - 1)
        assert storage.secrets.passed(pin, "h1", PASSWORD, second_end)

    def test_what_was_verified_against_an_earlier_hash_does_not_count(
        self, storage: Storage, pin: bytes
    ) -> None:
        fail(storage, pin, PIN, NOON)

        failed = storage.secrets.fail(pin, "h0", PIN, NOON)
        passed = storage.secrets.passed(pin, "h0", PIN, NOON)

        assert failed == (False, StoredSecret("h1", failures=1, failed_at=NOON, in_a_row=1))
        assert not passed
        assert storage.secrets.read(pin).failures == 1

    def test_failures_of_a_hash_that_the_host_brought_along_count(self, storage: Storage) -> None:
        key = fresh_key()

        fresh = storage.secrets.passed(key, "h1", PIN, NOON)
        counted = fail(storage, key, PIN, NOON, NOON, NOON, NOON)
        blocked = storage.secrets.passed(key, "h1", PIN, NOON)

        assert (fresh, blocked) == (True, False)
        assert counted == [True, True, True, False]
        assert storage.secrets.read(key) == StoredSecret(None, failures=3, failed_at=NOON, in_a_row=3)

    def test_unblocking_what_is_not_blocked_is_fine(self, storage: Storage, pin: bytes) -> None:
        never_set = fresh_key()

        for key in (pin, never_set):
            storage.secrets.unblock(key)
            storage.secrets.enable(key)

        assert [storage.secrets.read(key) for key in (pin, never_set)] == [StoredSecret("h1"), StoredSecret()]

    def test_a_deleted_secret_was_never_set(self, storage: Storage, pin: bytes) -> None:
        fail(storage, pin, PIN, NOON)

        assert [storage.secrets.delete(pin) for _ in range(2)] == [True, False]
        assert storage.secrets.read(pin) == StoredSecret()
        assert storage.secrets.put(pin, "h2", replacing=None)
