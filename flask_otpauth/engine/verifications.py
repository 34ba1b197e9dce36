"""
Codes that a provider draws, sends and checks, and never shows us.

The code is issued here as any other, so that cooldowns, quotas, guesses and locks are the same. Its digest
is one that no guess has: it is derived from the nonce of the issue. The nonce is kept with the challenge row.
What the provider needs to find its verification is kept with a row of its own, by the nonce.

A guess is redeemed as any other first. It is wrong, and so it is counted exactly. Only then the provider is
asked, outside of all transactions. If it approves the code, a second guess, which has the digest of the
issue, uses the code up. So a code is accepted at most once, and a crash in between costs one guess.
"""

from __future__ import annotations

import json
import secrets

from flask_otpauth.core import errors
from flask_otpauth.core.challenges import Issue, draw_nonce
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.service import service
from flask_otpauth.engine.router import Router
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.senders import Check, Message, Receipt
from flask_otpauth.ports.storage import Storage


@service
class Verifications:
    """What providers know of the codes that they own."""

    storage: Storage
    keys: KeyRing
    router: Router
    clock: Clock

    def keep(self, message: Message, receipt: Receipt) -> None:
        """Keep which provider sends the code of ``message``, and under which name the provider knows it."""
        if not self._is_owned(message) or receipt.status.is_definite_failure or message.expires_at is None:
            return
        key = self._key(message.id)
        self.storage.challenges.issue(
            Issue(
                limits_key=key,
                challenge_key=key,
                nonce=draw_nonce(),
                digest=secrets.token_bytes(32),
                now_ms=epoch_ms(self.clock()),
                expires_at_ms=epoch_ms(message.expires_at),
                references=("", json.dumps([receipt.sender, receipt.provider_id])),
            )
        )

    def nonce(self, challenge_key: bytes) -> str:
        """Return the nonce of the newest issue of a challenge, if a provider owns its code; else nothing."""
        return (self.storage.challenges.reference(challenge_key) or "") if self.router.owners else ""

    def check(self, nonce: str, recipient: str, code: str) -> Check:
        """
        Ask the provider whether ``code`` is right. Call this outside of all transactions.

        :raises CheckUnavailable: if there is no clear answer.
        """
        kept = self.storage.challenges.reference(self._key(nonce))
        name, provider_id = json.loads(kept) if kept else ("", "")
        owner = self.router.owners.get(name)
        if owner is None:
            return Check.UNKNOWN
        check = owner.check(recipient, code, provider_id)
        if check is None:
            raise errors.CheckUnavailable(f"{name} did not say whether a code is right")
        return check

    def _is_owned(self, message: Message) -> bool:
        owned = self.router.is_owned(message.channel, message.recipient, message.client_id)
        return owned and not message.code

    def _key(self, nonce: str) -> bytes:
        return self.keys.row_key("verification", nonce)
