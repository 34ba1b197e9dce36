"""Tests for acts, which are limited and counted without a code."""

from __future__ import annotations

from collections import Counter

from flask_otpauth.core.challenges import Act, draw_nonce
from flask_otpauth.core.instants import Block
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import (
    DAY,
    MINUTE,
    NOON,
    QUOTA,
    fresh_key,
    purged,
)


def act_of(key: bytes, now_ms: int = NOON) -> Act:
    """Return an act that is allowed three times in ten minutes."""
    return Act(key, (QUOTA,), draw_nonce(), now_ms)


class ActContract(ContractBase):
    """Counting acts."""

    def test_an_act_is_counted_until_its_limit_and_again_when_the_oldest_is_over(
        self, storage: Storage
    ) -> None:
        key = fresh_key()

        blocks = [storage.challenges.count(act_of(key, NOON + n)) for n in range(4)]
        over = storage.challenges.count(act_of(key, NOON + 10 * MINUTE))

        assert blocks == [None, None, None, Block("quota", NOON + 10 * MINUTE, QUOTA.count)]
        assert over is None

    def test_acts_with_other_keys_are_counted_apart(self, storage: Storage) -> None:
        blocks = [storage.challenges.count(act_of(fresh_key())) for _ in range(5)]

        assert blocks == [None] * 5

    def test_an_act_on_a_clock_that_is_behind_is_counted_with_those_before_it(self, storage: Storage) -> None:
        key = fresh_key()

        blocks = [storage.challenges.count(act_of(key, NOON - n * MINUTE)) for n in range(4)]

        assert blocks[:3] == [None] * 3
        assert blocks[3] is not None

    def test_a_purge_spares_the_act_that_reached_the_limit(self, storage: Storage) -> None:
        key = fresh_key()
        for minute in (0, 5, 9):
            storage.challenges.count(act_of(key, NOON + minute * MINUTE))

        later = NOON + 16 * MINUTE
        purged(storage, later)
        blocks = [storage.challenges.count(act_of(key, later + n)) for n in range(3)]

        assert blocks[:2] == [None] * 2
        assert blocks[2] is not None

    def test_a_purge_spares_what_a_limit_still_looks_at(self, storage: Storage) -> None:
        key = fresh_key()
        for n in range(3):
            storage.challenges.count(act_of(key, NOON + n))

        purged(storage, NOON + 5 * MINUTE)
        counted = storage.challenges.count(act_of(key, NOON + 5 * MINUTE))
        deleted = purged(storage, NOON + DAY)

        assert counted is not None
        assert deleted >= 1

    def test_of_8_acts_at_once_as_many_are_counted_as_allowed(self, storage: Storage, race: Race) -> None:
        keys = [fresh_key() for _ in range(10)]

        blocks = race([call("challenges.count", act_of(key)) for key in keys for _ in range(8)])

        counted = [Counter(block is None for block in blocks[n : n + 8]) for n in range(0, len(blocks), 8)]
        assert counted == [{True: QUOTA.count, False: 8 - QUOTA.count}] * len(keys)
