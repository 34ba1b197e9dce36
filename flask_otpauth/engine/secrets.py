"""PINs and passwords: setting, checking with a counted failure, throttling."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from flask_otpauth.core import errors
from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.core.instants import FOR_EVER, epoch_ms, whole_seconds
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.engine.sessions import person_key_of
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import User
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.hashing import Hasher
from flask_otpauth.ports.storage import Storage

#: How often a secret is judged that others keep changing.
ATTEMPTS = 10


@dataclass(frozen=True)
class SecretKind:
    """A kind of standing secret, as a flow's settings keep it."""

    #: ``pin`` or ``password``.
    name: str
    policy: FailurePolicy
    #: Its block ends by itself.
    throttles: bool = False
    #: Brings a secret into the form that is hashed.
    normalize: Callable[[str], str] = str


@dataclass(frozen=True)
class UserSecrets:
    """
    One kind of standing secret (``pin`` or ``password``) of all users.

    What is hashed is an HMAC of the secret under the subject key, so that a stolen database
    alone is not enough to try the million PINs. A host may have hashed the secret as it was typed.
    """

    kind: SecretKind
    storage: Storage
    hasher: Hasher
    keys: KeyRing
    clock: Clock
    events: Events

    def is_set(self, user: User) -> bool:
        """Whether the user has one."""
        return self.hash_of(user) is not None

    def hash_of(self, user: User) -> str | None:
        """The hash that the user's secret is verified against now."""
        return self.storage.secrets.read(self._key(user)).hash or self._brought(user)

    def check(self, user: User, secret: str, field: str) -> str:
        """
        Whether it is the user's, as the hash that it was verified against.

        A failure is counted, exactly, however many requests arrive at once. A blocked secret is
        not judged, and takes as long.

        :raises SecretNotSet: if the user has none.
        :raises SecretBlocked: if there is a block (``SecretThrottled`` where it ends by itself), or
            this failure made one. Where it ends by itself, this failure still reads as wrong.
        :raises SecretWrong: with the failures that are left.
        :raises HashingBusy: if no hash may run in time; nothing was counted.
        """
        for _ in range(ATTEMPTS):
            now_ms = epoch_ms(self.clock())
            stored = self.storage.secrets.read(self._key(user))
            judged = stored.hash or self._brought(user)
            blocked = stored.blocked_until(self.kind.policy, now_ms)
            right = self._verified(user, secret, None if blocked else judged)
            if judged is None:
                raise errors.SecretNotSet(field)
            if blocked:
                raise self._blocked(field, blocked, now_ms)
            if right and self.storage.secrets.passed(self._key(user), judged, self.kind.policy, now_ms):
                return judged
            if not right:
                counted, after = self.storage.secrets.fail(self._key(user), judged, self.kind.policy, now_ms)
                if counted or after.blocked_until(self.kind.policy, now_ms):
                    raise self._failed(user, field, counted, after, now_ms)
            # Changed or blocked by somebody else meanwhile: judge again.
        raise errors.StorageUnavailable(f"gave up after {ATTEMPTS} attempts: the secret kept changing")

    def hashed(self, user: User, secret: str) -> str:
        """The hash to store for a new secret: made before a transaction, since it takes long."""
        return self.hasher.hash(self._peppered(user, secret))

    def put(self, user: User, new_hash: str, *, replacing: str | None = "any") -> bool:
        """
        Store a hash; unless ``replacing`` is ``"any"``, only where the hash is still that one. Not where
        failures in a row have disabled the secret: no new one takes its place.
        """
        return self.storage.secrets.put(
            self._key(user), new_hash, replacing=replacing, cap=self.kind.policy.cap
        )

    def unblock(self, user: User) -> None:
        """End a block and begin to count anew; what a cap has ended stays so."""
        self.storage.secrets.unblock(self._key(user))

    def enable(self, user: User) -> StoredSecret:
        """End whatever block there is and forget every failure; the secret as it was before."""
        before = self.storage.secrets.read(self._key(user))
        self.storage.secrets.enable(self._key(user))
        return before

    def delete(self, user: User) -> None:
        """Forget the user's secret and its failures."""
        self.storage.secrets.delete(self._key(user))

    def block(self, user: User, field: str) -> errors.SecretBlocked | None:
        """The block that there is now, as the refusal to tell."""
        now_ms = epoch_ms(self.clock())
        blocked = self.storage.secrets.read(self._key(user)).blocked_until(self.kind.policy, now_ms)
        return self._blocked(field, blocked, now_ms) if blocked else None

    def disabled(self, user: User, field: str) -> errors.SecretBlocked | None:
        """The block that no reset ends, where failures in a row have caused it: the refusal to tell."""
        stored = self.storage.secrets.read(self._key(user))
        return self._blocked(field, FOR_EVER, 0) if stored.is_disabled(self.kind.policy.cap) else None

    def _failed(
        self, user: User, field: str, counted: bool, after: StoredSecret, now_ms: int
    ) -> errors.SecretRefused:
        blocked = after.blocked_until(self.kind.policy, now_ms)
        self.events("secret_refused", kind=self.kind.name, user_id=str(user.id), blocked=bool(blocked))
        if blocked and not (counted and self.kind.throttles):
            return self._blocked(field, blocked, now_ms)
        return errors.SecretWrong(field, after.left(self.kind.policy))

    def _blocked(self, field: str, until_ms: int, now_ms: int) -> errors.SecretBlocked:
        refusal = errors.SecretThrottled if self.kind.throttles else errors.SecretBlocked
        return refusal(field, None if until_ms >= FOR_EVER else whole_seconds(until_ms - now_ms))

    def _brought(self, user: User) -> str | None:
        """A password hash that the host brought along, until ours replaces it."""
        return user.password_hash if self.kind.name == "password" else None

    def _verified(self, user: User, secret: str, judged: str | None) -> bool:
        """Whether it is the secret. The number of hashes depends only on what was typed."""
        brought = judged is not None and judged == self._brought(user)
        first = self.hasher.verify(judged, secret if brought else self._peppered(user, secret))
        form = self.kind.normalize(secret)
        if form == secret:
            return first
        second = self.hasher.verify(judged if brought else None, form)
        return first or second

    def _peppered(self, user: User, secret: str) -> str:
        form = self.kind.normalize(secret)
        digest = self.keys.subject_digest(self.kind.name, person(user), form)
        return Sensitive(base64.b64encode(digest).decode())

    def _key(self, user: User) -> bytes:
        return self.keys.row_key(self.kind.name, person(user))


def person(user: User) -> str:
    """Return the name under which the PIN, password, codes and limits of a user are kept."""
    return f"{user.id}\0{person_key_of(user)}"
