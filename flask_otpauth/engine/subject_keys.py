"""
Find out which of several secrets is the subject key: the one whose mark is in the store.

The mark is a row whose key is derived from the secret, so it does not reveal the secret. It is written when
the tables are created, and is never purged.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from flask_otpauth.core.challenges import Guess, Issue, draw_nonce
from flask_otpauth.core.instants import Limit
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.ports.storage import Storage

_MARK = "mark"


def leave_mark(storage: Storage, keys: KeyRing, now_ms: int) -> None:
    """Write the mark of the subject key, if it is not there."""
    key = keys.row_key(_MARK)

    def write() -> None:
        if storage.challenges.reference(key) is None:
            no_code, nonce = secrets.token_bytes(32), draw_nonce()
            storage.challenges.issue(
                Issue(key, key, nonce, no_code, now_ms, now_ms + 1, references=(_MARK, _MARK))
            )
            # A row with a wrong guess that counts for ever is never purged.
            for_ever = Limit("lock", 1, None)
            storage.challenges.redeem(Guess(key, key, (bytes(32),), nonce, now_ms, 1, (for_ever,)))

    storage.atomically(write)


def find_marked(storage: Storage, candidates: Iterable[bytes]) -> list[bytes]:
    """
    Return the secrets whose mark is in the store.

    :raises StorageUnavailable: if the store is down, or has no tables yet.
    """
    return [
        secret
        for secret in candidates
        if storage.challenges.reference(KeyRing((secret,), secret).row_key(_MARK)) is not None
    ]
