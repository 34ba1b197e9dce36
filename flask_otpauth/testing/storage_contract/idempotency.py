"""Tests for idempotency keys: a request is done once, however many repeat it at the same time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from flask_otpauth.core.challenges import draw_nonce
from flask_otpauth.core.idempotency import KEPT_MS, LEASE_MS, RequestAttempt, RequestResult, RequestState
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import NOON, digest_of, fresh_key, purged

BEGUN, UNDER_WAY = RequestResult(RequestState.BEGUN), RequestResult(RequestState.UNDER_WAY)
DIFFERENT = RequestResult(RequestState.DIFFERENT)
#: In several scripts, because databases have character sets.
ANSWER = '[{"prefix": "7487260"}, "Gửi mã OTP thành công ✓", {}]'
DONE = RequestResult(RequestState.DONE, ANSWER)


def attempt_of(key: bytes, now_ms: int = NOON, request: str = "a request") -> RequestAttempt:
    """Return an attempt of its own."""
    return RequestAttempt(key, digest_of(request), draw_nonce(), now_ms)


class IdempotencyContract(ContractBase):
    """Beginning, finishing and freeing requests with an idempotency key."""

    def test_a_request_begins_once_and_its_repetitions_get_its_answer(self, storage: Storage) -> None:
        first = attempt_of(fresh_key())

        begun = storage.idempotency.begin(first)
        meanwhile = storage.idempotency.begin(attempt_of(first.key, NOON + 1))
        storage.idempotency.finish(first, ANSWER)
        after = [storage.idempotency.begin(attempt_of(first.key, NOON + n)) for n in (2, LEASE_MS, 0)]

        assert (begun, meanwhile) == (BEGUN, UNDER_WAY)
        assert after == [DONE] * 3

    def test_another_request_with_the_key_is_told_apart_whether_the_first_has_ended_or_not(
        self, storage: Storage
    ) -> None:
        first = attempt_of(fresh_key())
        other = attempt_of(first.key, NOON + LEASE_MS, "another request")
        storage.idempotency.begin(first)

        meanwhile = storage.idempotency.begin(other)
        storage.idempotency.finish(first, ANSWER)
        after = storage.idempotency.begin(replace(other, nonce=draw_nonce()))

        assert (meanwhile, after) == (DIFFERENT, DIFFERENT)
        assert storage.idempotency.begin(attempt_of(first.key)) == DONE

    def test_another_key_is_another_request(self, storage: Storage) -> None:
        begun = [storage.idempotency.begin(attempt_of(fresh_key())) for _ in range(3)]

        assert begun == [BEGUN] * 3

    def test_a_key_that_was_freed_is_free_for_any_request(self, storage: Storage) -> None:
        first = attempt_of(fresh_key())
        storage.idempotency.begin(first)

        storage.idempotency.free(first)
        begun = storage.idempotency.begin(attempt_of(first.key, request="another request"))

        assert begun == BEGUN

    def test_after_its_lease_a_request_that_has_not_ended_begins_again(self, storage: Storage) -> None:
        first = attempt_of(fresh_key())
        storage.idempotency.begin(first)

        last = storage.idempotency.begin(attempt_of(first.key, NOON + LEASE_MS - 1))
        next_one = attempt_of(first.key, NOON + LEASE_MS)
        begun = storage.idempotency.begin(next_one)
        again = storage.idempotency.begin(attempt_of(first.key, NOON + LEASE_MS + 1))

        assert (last, begun, again) == (UNDER_WAY, BEGUN, UNDER_WAY)

    def test_who_has_lost_the_lease_neither_answers_nor_frees(self, storage: Storage) -> None:
        late, later = attempt_of(fresh_key()), NOON + LEASE_MS
        storage.idempotency.begin(late)
        owner = attempt_of(late.key, later)
        storage.idempotency.begin(owner)

        storage.idempotency.finish(late, "the answer of the one that was late")
        storage.idempotency.free(late)
        meanwhile = storage.idempotency.begin(attempt_of(late.key, later))
        storage.idempotency.finish(owner, ANSWER)

        assert meanwhile == UNDER_WAY
        assert storage.idempotency.begin(attempt_of(late.key, later)) == DONE

    def test_a_key_is_forgotten_in_the_very_millisecond(self, storage: Storage) -> None:
        first = attempt_of(fresh_key())
        storage.idempotency.begin(first)
        storage.idempotency.finish(first, ANSWER)

        last = storage.idempotency.begin(attempt_of(first.key, NOON + KEPT_MS - 1))
        begun = storage.idempotency.begin(attempt_of(first.key, NOON + KEPT_MS, "another request"))

        assert (last, begun) == (DONE, BEGUN)

    def test_to_end_what_never_began_changes_nothing(self, storage: Storage) -> None:
        never = attempt_of(fresh_key())

        storage.idempotency.finish(never, ANSWER)
        storage.idempotency.free(never)

        assert storage.idempotency.begin(attempt_of(never.key)) == BEGUN

    def test_a_purge_takes_the_keys_that_are_forgotten_and_no_others(self, storage: Storage) -> None:
        first = attempt_of(fresh_key())
        storage.idempotency.begin(first)
        storage.idempotency.finish(first, ANSWER)

        early = purged(storage, NOON + KEPT_MS)
        kept = storage.idempotency.begin(attempt_of(first.key))
        late = purged(storage, NOON + KEPT_MS + 1)

        assert (early, kept, late) == (0, DONE, 1)

    # -- races --------------------------------------------------------------------------------

    def test_of_16_at_once_one_begins(self, storage: Storage, race: Race) -> None:
        keys = [fresh_key() for _ in range(10)]

        results = race([call("idempotency.begin", attempt_of(key)) for key in keys for _ in range(16)])

        states = [Counter(results[n : n + 16]) for n in range(0, len(results), 16)]
        assert states == [Counter({BEGUN: 1, UNDER_WAY: 15})] * len(keys)

    def test_of_16_at_once_one_takes_over_what_was_abandoned(self, storage: Storage, race: Race) -> None:
        keys, later = [fresh_key() for _ in range(10)], NOON + LEASE_MS
        for key in keys:
            storage.idempotency.begin(attempt_of(key))

        results = race([call("idempotency.begin", attempt_of(key, later)) for key in keys for _ in range(16)])

        states = [Counter(results[n : n + 16]) for n in range(0, len(results), 16)]
        assert states == [Counter({BEGUN: 1, UNDER_WAY: 15})] * len(keys)
