"""Send codes to a phone number, and check them (contract/sms.md)."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.record import frozen
from flask_otpauth.core.service import service
from flask_otpauth.engine.account_tokens import AccountTokens
from flask_otpauth.engine.codes import Codes, Target
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.directory import User


@frozen
class Holder:
    """A phone number, and the user who has it, if there is one."""

    number: str
    user: User | None = None


@service
class PhoneCodes:
    """Sends codes by SMS, and checks them."""

    codes: Codes
    users: Users
    addresses: Addresses
    account_tokens: AccountTokens
    policy: Policy

    def holder_of(self, number: str) -> Holder:
        """Return who has ``number``, which is in canonical form (E.164)."""
        return Holder(number, self.users.find_by("phone", number))

    def resend(self, holder: Holder, client_id: str = "", locales: tuple[str, ...] = ()) -> None:
        """
        Send a new code by SMS, which replaces the code before it, if there is one.

        :raises Limited: if a cooldown, a quota or a lock forbids it.
        :raises SendFailed: if the message was certainly not sent. No quota is used up.
        """
        draft = Draft(
            "sms",
            holder.number,
            locales=locales,
            purpose=self.policy.scope,
            client_id=client_id,
            discreet=True,
            withheld=holder.user is not None and not holder.user.is_enabled,
        )
        self.codes.send(self.policy, self._target(holder, client_id), draft)

    def verify(self, holder: Holder, code: object, client_id: str = "") -> None:
        """
        Check the code that was sent, and note that the number of the user is verified.

        :raises CodeRefused: if the code is not accepted. Its class says why.
        :raises SubjectLocked: if the guess budget of the number is used up.
        :raises UserNotFound: if the user is disabled.
        """
        self.codes.redeem(self.policy, self._target(holder, client_id), code)
        if holder.user is None:
            return
        if not holder.user.is_enabled:
            raise errors.UserNotFound
        self.users.mark_verified(holder.user, "phone")

    def wait_seconds(self, holder: Holder, client_id: str = "") -> int:
        """Return in how many seconds another code may be sent; 0 if it may be sent now."""
        return self.codes.wait_seconds(self.policy, self._target(holder, client_id))

    def _target(self, holder: Holder, client_id: str) -> Target:
        return Target(self.policy.scope, holder.number, client_id)
