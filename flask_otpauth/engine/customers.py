"""What the ``account`` flow does with a customer's PIN, password and codes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import partial
from typing import Protocol, TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.core.challenges import Issue, draw_nonce
from flask_otpauth.core.instants import DAY, Limit, epoch_ms, milliseconds
from flask_otpauth.core.passwords import password_problem
from flask_otpauth.engine.codes import Codes
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.engine.secrets import ATTEMPTS, UserSecrets, person
from flask_otpauth.engine.sessions import Sessions
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.directory import User

#: Replaces the secret whose hash is given (``"any"``: whatever it is): how many sessions it ended.
Effect: TypeAlias = Callable[[str | None], int]


class Proof(Protocol):
    """What entitles somebody to a new secret: checked first, and redeemed with its effect."""

    def demand_open(self) -> None:
        """:raises Refusal: if it could not be judged now, whatever it is."""

    def redeem(self, effect: Effect) -> int:
        """Judge it and let ``effect`` happen, whose result it is. :raises Refusal: if it proves nothing."""


@dataclass(frozen=True)
class Customers:
    """
    PINs and passwords of a merchant's customers (contract/account.md).

    Each method does its checks in the contract's order: block or lock, state, the new secret's
    rules, and only then the secret or the code, so that a refused new one uses nothing up.
    ``notice_languages``: those in which a customer may be told of a change; ``None``: not at all.
    """

    users: Users
    codes: Codes
    sessions: Sessions
    pins: UserSecrets
    passwords: UserSecrets
    barred_pins: Container[str] = dataclass_field(repr=False)
    common_passwords: Container[str] = dataclass_field(repr=False)
    notice_languages: Callable[[], tuple[str, ...]] | None

    def find(self, identifier: object, field: str, client_id: str) -> User:
        """The customer that ``identifier`` means. :raises UserNotFound: if it is nobody, or disabled."""
        user = self.users.resolve(identifier, client_id)
        if user is None or not user.is_enabled:
            raise errors.UserNotFound(field)
        return user

    def set_pin(self, user: User, pin: str, field: str) -> None:
        """Set the first PIN. :raises SecretAlreadySet: if there is one."""
        if self.pins.is_set(user):
            raise errors.SecretAlreadySet(field)
        self._demand_good_pin(pin, field)
        if not self.pins.put(user, self.pins.hashed(user, pin), replacing=None):
            raise errors.SecretAlreadySet(field)

    def change_pin(self, user: User, current: str, new: str, fields: tuple[str, str]) -> None:
        """Replace the PIN by somebody who knows it. ``fields`` are those of the two in the request."""
        self.demand_unblocked(self.pins, user, fields[0])
        if not self.pins.is_set(user):
            raise errors.SecretNotSet(fields[0])
        self._demand_good_pin(new, fields[1])
        self._replace(self.pins, user, (current, new), fields[0])

    def reset_pin(self, user: User, pin: str, field: str, proof: Proof) -> None:
        """Set the PIN, whatever it was, and end its block, unless only an administrator may."""
        self._demand_enabled(self.pins, user, field)
        proof.demand_open()
        self._demand_good_pin(pin, field)
        reset = partial(self._reset, self.pins, user, self.pins.hashed(user, pin), field)
        self._tell(user, proof.redeem(reset), "pin_changed")

    def change_password(self, user: User, old: str, new: str, fields: tuple[str, str]) -> None:
        """Replace the password by somebody who knows it."""
        self.demand_unblocked(self.passwords, user, fields[0])
        self._demand_good_password(user, new, fields[1])
        ended = self._replace(self.passwords, user, (old, new), fields[0], lambda: self._end_sessions(user))
        self._tell(user, ended, "password_changed")

    def set_password(self, user: User, password: str, field: str, proof: Proof | None = None) -> None:
        """Set the password, whatever it was, and end its lock, unless only an administrator may."""
        self._demand_enabled(self.passwords, user, field)
        if proof is not None:
            proof.demand_open()
        self._demand_good_password(user, password, field)
        reset = partial(self._reset, self.passwords, user, self.passwords.hashed(user, password), field)
        self._tell(user, reset("any") if proof is None else proof.redeem(reset), "password_changed")

    def check_password(self, user: User, password: str, field: str) -> None:
        """:raises SecretRefused: unless it is the customer's password."""
        try:
            self.passwords.check(user, password, field)
        except errors.SecretNotSet:
            raise errors.SecretWrong(field) from None

    def by_password(self, user: User, password: str, field: str) -> Proof:
        """The proof that somebody knows the customer's password."""
        return ByPassword(self, user, password, field)

    def allow(self, act: str, user: User, per_day: int | None) -> None:
        """
        Count an act that loosens a limit, where a profile limits it.

        :raises QuotaExceeded: beyond ``per_day`` in any 24 hours.
        """
        if per_day is None:
            return
        now_ms = epoch_ms(self.codes.clock())
        key = self.codes.keys.row_key("act", act, person(user))
        limits = (Limit("quota", per_day, milliseconds(DAY)),)
        act_counted = Issue(key, key, draw_nonce(), b"\0" * 32, now_ms, now_ms, limits)
        block = self.codes.storage.challenges.issue(act_counted).block
        if block is not None:
            raise errors.QuotaExceeded(block.retry_after_seconds(now_ms), block.count)

    def _replace(
        self,
        secrets: UserSecrets,
        user: User,
        pair: tuple[str, str],
        field: str,
        effect: Callable[[], int] = lambda: 0,
    ) -> int:
        """Replace the first of ``pair`` by the second, together with ``effect``, whose result it is."""
        old, new_hash = pair[0], secrets.hashed(user, pair[1])
        for _ in range(ATTEMPTS):
            try:
                judged = secrets.check(user, old, field)
            except errors.SecretNotSet:
                raise errors.SecretWrong(field) from None
            with self.codes.storage.transaction():
                if secrets.put(user, new_hash, replacing=judged):
                    return effect()
            # Another request replaced it after it was judged: the old one is judged again.
        raise errors.StorageUnavailable("the secret changes faster than it can be replaced")

    def _reset(
        self, secrets: UserSecrets, user: User, new_hash: str, field: str, replacing: str | None
    ) -> int:
        """Store a secret and end the customer's sessions: both or neither."""
        with self.codes.storage.transaction():
            while not secrets.put(user, new_hash, replacing=replacing):
                self._demand_enabled(secrets, user, field)
                if replacing != "any":
                    # The secret was changed since the code was judged, which is for the earlier one.
                    raise errors.CodeWrong
            return self._end_sessions(user)

    def _demand_enabled(self, secrets: UserSecrets, user: User, field: str) -> None:
        """:raises SecretBlocked: if failures in a row have disabled the secret."""
        block = secrets.disabled(user, field)
        if block is not None:
            raise block

    def _end_sessions(self, user: User) -> int:
        """End the customer's sessions in other flows (NIST SP 800-63B-4 §4.2.3): how many."""
        return self.sessions.end_all(str(user.id))

    def demand_unblocked(self, secrets: UserSecrets, user: User, field: str) -> None:
        """:raises SecretBlocked: if there is a block now."""
        block = secrets.block(user, field)
        if block is not None:
            raise block

    def _demand_good_pin(self, pin: str, field: str) -> None:
        if pin in self.barred_pins:
            raise errors.SecretTooWeak(field, "common_pin")

    def _demand_good_password(self, user: User, password: str, field: str) -> None:
        own: Collection[str] = [each for each in (user.email, user.member_id) if each]
        reason = password_problem(password, own, self.common_passwords)
        if reason is not None:
            raise errors.SecretTooWeak(field, reason)

    def _tell(self, user: User, ended: int, template: str) -> None:
        """Tell who listens that so many sessions ended, and the customer what has changed."""
        self.sessions.closed(str(user.id), ended)
        messenger, languages = self.codes.messenger, self.notice_languages
        if languages is not None and user.email and "email" in messenger.routes:
            messenger.notify(Draft("email", user.email, languages(), template=template, purpose=template))


@dataclass(frozen=True)
class ByPassword:
    """The password; failures are counted with those of every other path that judges it."""

    customers: Customers
    user: User
    password: str = dataclass_field(repr=False)
    field: str

    def demand_open(self) -> None:
        """The password is not throttled."""
        self.customers.demand_unblocked(self.customers.passwords, self.user, self.field)

    def redeem(self, effect: Effect) -> int:
        """Check the password."""
        self.customers.check_password(self.user, self.password, self.field)
        return effect("any")
