"""Store and check the PINs and passwords of users, and count the failures."""

from __future__ import annotations

import base64
from collections.abc import Callable

from flask_otpauth.core import errors
from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.core.instants import FOR_EVER, epoch_ms, whole_seconds
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.service import service
from flask_otpauth.engine.sessions import person_key_of
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import User
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.hashing import Hasher
from flask_otpauth.ports.storage import Storage

#: How often a secret is judged again that other requests keep changing.
ATTEMPTS = 10


@frozen
class SecretKind:
    """A kind of secret, as the settings of a flow describe it."""

    #: ``pin`` or ``password``.
    name: str
    policy: FailurePolicy
    #: Its block ends by itself.
    throttles: bool = False
    #: Returns a secret in the form that is hashed.
    normalize: Callable[[str], str] = str


@service
class UserSecrets:
    """
    The secrets of one kind, of all users.

    What is hashed is an HMAC of the secret with the subject key. So a stolen database alone is not enough to
    try the million PINs. A hash of the host is one of the secret as it was typed.
    """

    kind: SecretKind
    storage: Storage
    hasher: Hasher
    keys: KeyRing
    clock: Clock
    events: Events

    def is_set(self, user: User) -> bool:
        """Return whether the user has a secret."""
        return self.hash_of(user) is not None

    def hash_of(self, user: User) -> str | None:
        """Return the hash that the secret of the user is verified against; ``None`` if there is no secret."""
        return self.storage.secrets.read(self._key(user)).hash or self._host_hash(user)

    def check(self, user: User, secret: str, field: str) -> str:
        """
        Check the secret of a user. Return the hash that it was verified against.

        Failures are counted exactly, even if many requests arrive at once. A blocked secret is not judged,
        which takes as long.

        :raises SecretNotSet: if the user has none.
        :raises SecretBlocked: if there is a block, or this failure has caused one. If blocks end by
            themselves, it is a ``SecretThrottled``, and the failure that causes a block is a ``SecretWrong``.
        :raises SecretWrong: if the secret is wrong.
        :raises HashingBusy: if too many secrets are being hashed. Nothing is counted.
        """
        for _ in range(ATTEMPTS):
            now_ms = epoch_ms(self.clock())
            stored = self.storage.secrets.read(self._key(user))
            judged = stored.hash or self._host_hash(user)
            blocked = stored.blocked_until(self.kind.policy, now_ms)
            right = self._verify(user, secret, None if blocked else judged)
            if judged is None:
                raise errors.SecretNotSet(field)
            if blocked:
                raise self._block_error(field, blocked, now_ms)
            if right and self.storage.secrets.passed(self._key(user), judged, self.kind.policy, now_ms):
                return judged
            if not right:
                counted, after = self.storage.secrets.fail(self._key(user), judged, self.kind.policy, now_ms)
                if counted or after.blocked_until(self.kind.policy, now_ms):
                    raise self._report_failure(user, field, counted, after, now_ms)
            # Another request changed or blocked it in the meantime: judge again.
        raise errors.StorageUnavailable(f"gave up after {ATTEMPTS} attempts: the secret kept changing")

    def make_hash(self, user: User, secret: str) -> str:
        """Return the hash to store for a new secret. It takes long, so it is made before a transaction."""
        return self.hasher.hash(self._pepper(user, secret))

    def put(self, user: User, new_hash: str, *, replacing: str | None = "any") -> bool:
        """
        Store a hash. Return whether it was stored.

        It is not stored if failures in a row have disabled the secret, or if the hash is not ``replacing``
        any more. ``"any"`` replaces every hash.
        """
        return self.storage.secrets.put(
            self._key(user), new_hash, replacing=replacing, cap=self.kind.policy.cap
        )

    def unblock(self, user: User) -> None:
        """End a block, and count from zero. A block by the cap does not end."""
        self.storage.secrets.unblock(self._key(user))

    def enable(self, user: User) -> StoredSecret:
        """End every block, and forget all failures. Return the secret as it was before."""
        before = self.storage.secrets.read(self._key(user))
        self.storage.secrets.enable(self._key(user))
        return before

    def delete(self, user: User) -> None:
        """Forget the user's secret and its failures."""
        self.storage.secrets.delete(self._key(user))

    def block(self, user: User, field: str) -> errors.SecretBlocked | None:
        """Return the error for the block that there is now; ``None`` if there is none."""
        now_ms = epoch_ms(self.clock())
        blocked = self.storage.secrets.read(self._key(user)).blocked_until(self.kind.policy, now_ms)
        return self._block_error(field, blocked, now_ms) if blocked else None

    def disabled(self, user: User, field: str) -> errors.SecretBlocked | None:
        """Return the error for a block by the cap, which no reset ends; ``None`` if there is none."""
        stored = self.storage.secrets.read(self._key(user))
        return self._block_error(field, FOR_EVER, 0) if stored.is_disabled(self.kind.policy.cap) else None

    def _report_failure(
        self, user: User, field: str, counted: bool, after: StoredSecret, now_ms: int
    ) -> errors.SecretRefused:
        blocked = after.blocked_until(self.kind.policy, now_ms)
        self.events("secret_refused", kind=self.kind.name, user_id=str(user.id), blocked=bool(blocked))
        if blocked and not (counted and self.kind.throttles):
            return self._block_error(field, blocked, now_ms)
        return errors.SecretWrong(field, after.left(self.kind.policy))

    def _block_error(self, field: str, until_ms: int, now_ms: int) -> errors.SecretBlocked:
        refusal = errors.SecretThrottled if self.kind.throttles else errors.SecretBlocked
        return refusal(field, None if until_ms >= FOR_EVER else whole_seconds(until_ms - now_ms))

    def _host_hash(self, user: User) -> str | None:
        """Return the password hash of the host, which is used until the first change of the password."""
        return user.password_hash if self.kind.name == "password" else None

    def _verify(self, user: User, secret: str, judged: str | None) -> bool:
        """Return whether the secret is right. The number of hashes depends only on what was typed."""
        is_host_hash = judged is not None and judged == self._host_hash(user)
        first = self.hasher.verify(judged, secret if is_host_hash else self._pepper(user, secret))
        form = self.kind.normalize(secret)
        if form == secret:
            return first
        second = self.hasher.verify(judged if is_host_hash else None, form)
        return first or second

    def _pepper(self, user: User, secret: str) -> str:
        form = self.kind.normalize(secret)
        digest = self.keys.subject_digest(self.kind.name, person(user), form)
        return Sensitive(base64.b64encode(digest).decode())

    def _key(self, user: User) -> bytes:
        return self.keys.row_key(self.kind.name, person(user))


def person(user: User) -> str:
    """Return the name under which the PIN, the password, the codes and the limits of a user are stored."""
    return f"{user.id}\0{person_key_of(user)}"
