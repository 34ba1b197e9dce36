"""Set, change and reset the PINs and passwords of a merchant's customers (contract/account.md)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from dataclasses import field as dataclass_field
from functools import partial
from typing import Protocol, TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.core.challenges import Act, draw_nonce
from flask_otpauth.core.instants import DAY, Limit, epoch_ms, milliseconds
from flask_otpauth.core.passwords import password_problem
from flask_otpauth.core.service import service
from flask_otpauth.engine.codes import Codes
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.engine.secrets import ATTEMPTS, UserSecrets, person
from flask_otpauth.engine.sessions import Sessions
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.directory import User

#: Replaces the secret that has this hash (``"any"``: any hash). Returns how many sessions were closed.
Effect: TypeAlias = Callable[[str | None], int]


class Proof(Protocol):
    """What a client presents to set a new secret: a code or the password."""

    def demand_judgeable(self) -> None:
        """
        Check that the proof could be judged now.

        :raises Refusal: if it could not, because of a block or a lock.
        """

    def redeem(self, effect: Effect) -> int:
        """
        Judge the proof. If it is right, run ``effect`` and return its result.

        :raises Refusal: if the proof is wrong.
        """


@service
class Customers:
    """
    The PINs and passwords of a merchant's customers.

    The methods check in the order of the contract: first a block or a lock, then the state, then the rules
    for a new secret, and last the old secret or the code. So a refused new secret uses up no guess.
    """

    users: Users
    codes: Codes
    sessions: Sessions
    pins: UserSecrets
    passwords: UserSecrets
    #: PINs that are refused.
    barred_pins: Container[str] = dataclass_field(repr=False)
    #: Passwords that are refused.
    common_passwords: Container[str] = dataclass_field(repr=False)
    #: Returns the languages of the notice to a customer about a change; ``None``: no notices are sent.
    notice_languages: Callable[[], tuple[str, ...]] | None

    def find(self, identifier: object, field: str, client_id: str) -> User:
        """
        Return the customer that ``identifier`` means.

        :raises UserNotFound: if there is no such customer, or the customer is disabled.
        """
        user = self.users.resolve(identifier, client_id)
        if user is None or not user.is_enabled:
            raise errors.UserNotFound(field)
        return user

    def set_pin(self, user: User, pin: str, field: str) -> None:
        """
        Set the first PIN.

        :raises SecretAlreadySet: if the customer has a PIN.
        :raises SecretTooWeak: if the PIN is refused.
        """
        if self.pins.is_set(user):
            raise errors.SecretAlreadySet(field)
        self._demand_good_pin(pin, field)
        if not self.pins.put(user, self.pins.make_hash(user, pin), replacing=None):
            raise errors.SecretAlreadySet(field)

    def change_pin(self, user: User, current: str, new: str, fields: tuple[str, str]) -> None:
        """
        Replace the PIN of a customer who knows it.

        ``fields`` are the names of the two PINs in the request.

        :raises SecretRefused: because of one of the two PINs.
        """
        self.demand_unblocked(self.pins, user, fields[0])
        if not self.pins.is_set(user):
            raise errors.SecretNotSet(fields[0])
        self._demand_good_pin(new, fields[1])
        self._replace(self.pins, user, (current, new), fields[0])

    def reset_pin(self, user: User, pin: str, field: str, proof: Proof) -> None:
        """
        Set the PIN with a proof, and end its block.

        :raises SecretBlocked: if only an administrator can end the block.
        :raises SecretTooWeak: if the PIN is refused.
        :raises Refusal: because of the proof.
        """
        self._demand_enabled(self.pins, user, field)
        proof.demand_judgeable()
        self._demand_good_pin(pin, field)
        reset = partial(self._reset, self.pins, user, self.pins.make_hash(user, pin), field)
        self._report_change(user, proof.redeem(reset), "pin_changed")

    def change_password(self, user: User, old: str, new: str, fields: tuple[str, str]) -> None:
        """
        Replace the password of a customer who knows it.

        ``fields`` are the names of the two passwords in the request.

        :raises SecretRefused: because of one of the two passwords.
        """
        self.demand_unblocked(self.passwords, user, fields[0])
        self._demand_good_password(user, new, fields[1])
        ended = self._replace(self.passwords, user, (old, new), fields[0], lambda: self._end_sessions(user))
        self._report_change(user, ended, "password_changed")

    def set_password(self, user: User, password: str, field: str, proof: Proof | None = None) -> None:
        """
        Set the password, and end its block. Without ``proof``, the merchant is trusted.

        :raises SecretBlocked: if only an administrator can end the block.
        :raises SecretTooWeak: if the password is refused.
        :raises Refusal: because of the proof.
        """
        self._demand_enabled(self.passwords, user, field)
        if proof is not None:
            proof.demand_judgeable()
        self._demand_good_password(user, password, field)
        reset = partial(self._reset, self.passwords, user, self.passwords.make_hash(user, password), field)
        self._report_change(user, reset("any") if proof is None else proof.redeem(reset), "password_changed")

    def check_password(self, user: User, password: str, field: str) -> None:
        """
        Check the password of a customer.

        :raises SecretRefused: if it is wrong, or there is a block.
        """
        try:
            self.passwords.check(user, password, field)
        except errors.SecretNotSet:
            raise errors.SecretWrong(field) from None

    def by_password(self, user: User, password: str, field: str) -> Proof:
        """Return a password as the proof of a client."""
        return ByPassword(self, user, password, field)

    def allow(self, act: str, user: User, per_day: int | None) -> None:
        """
        Count an act that loosens a limit, if such acts are limited.

        :raises QuotaExceeded: if there were ``per_day`` of them in the last 24 hours.
        """
        if per_day is None:
            return
        now_ms = epoch_ms(self.codes.clock())
        key = self.codes.keys.row_key("act", act, person(user))
        limits = (Limit("quota", per_day, milliseconds(DAY)),)
        block = self.codes.storage.challenges.count(Act(key, limits, draw_nonce(), now_ms))
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
        """Replace the first secret of ``pair`` by the second, and run ``effect``. Return its result."""
        old, new_hash = pair[0], secrets.make_hash(user, pair[1])
        for _ in range(ATTEMPTS):
            try:
                judged = secrets.check(user, old, field)
            except errors.SecretNotSet:
                raise errors.SecretWrong(field) from None
            put = partial(secrets.put, user, new_hash, replacing=judged)
            result = self.codes.storage.atomically(partial(_effect_if, put, effect))
            if result is not None:
                return result
            # Another request replaced the secret after it was judged: judge again.
        raise errors.StorageUnavailable(f"gave up after {ATTEMPTS} attempts: the secret kept changing")

    def _reset(
        self, secrets: UserSecrets, user: User, new_hash: str, field: str, replacing: str | None
    ) -> int:
        """Store a secret and close the sessions of the customer, in one transaction."""

        def reset() -> int:
            while not secrets.put(user, new_hash, replacing=replacing):
                self._demand_enabled(secrets, user, field)
                if replacing != "any":
                    # The code was for the secret before, which was replaced after the code was judged.
                    raise errors.CodeWrong
            return self._end_sessions(user)

        return self.codes.storage.atomically(reset)

    def _demand_enabled(self, secrets: UserSecrets, user: User, field: str) -> None:
        """Raise SecretBlocked if failures in a row have disabled the secret."""
        block = secrets.disabled(user, field)
        if block is not None:
            raise block

    def _end_sessions(self, user: User) -> int:
        """Close the sessions of the customer (NIST SP 800-63B-4 §4.2.3). Return how many there were."""
        return self.sessions.close_all_unreported(str(user.id))

    def demand_unblocked(self, secrets: UserSecrets, user: User, field: str) -> None:
        """
        Check that there is no block now.

        :raises SecretBlocked: if there is one.
        """
        block = secrets.block(user, field)
        if block is not None:
            raise block

    def _demand_good_pin(self, pin: str, field: str) -> None:
        if pin in self.barred_pins:
            raise errors.SecretTooWeak(field, "common_pin")

    def _demand_good_password(self, user: User, password: str, field: str) -> None:
        own: Collection[str] = [one for one in (user.email, user.member_id) if one]
        reason = password_problem(password, own, self.common_passwords)
        if reason is not None:
            raise errors.SecretTooWeak(field, reason)

    def _report_change(self, user: User, ended: int, template: str) -> None:
        """Report that sessions were closed, and notify the customer of the change."""
        self.sessions.report_closing(str(user.id), ended)
        messenger, languages = self.codes.messenger, self.notice_languages
        if languages is not None and user.email and "email" in messenger.router.channels:
            messenger.notify(Draft("email", user.email, languages(), template=template, purpose=template))


@service
class ByPassword:
    """A password as a proof. Its failures are counted together with those of all paths."""

    customers: Customers
    user: User
    password: str = dataclass_field(repr=False)
    field: str

    def demand_judgeable(self) -> None:
        """Check that the password is not blocked."""
        self.customers.demand_unblocked(self.customers.passwords, self.user, self.field)

    def redeem(self, effect: Effect) -> int:
        """Check the password, and run ``effect``."""
        self.customers.check_password(self.user, self.password, self.field)
        return effect("any")


def _effect_if(step: Callable[[], bool], effect: Callable[[], int]) -> int | None:
    return effect() if step() else None
