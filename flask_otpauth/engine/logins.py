"""Logging in with a code that was sent to an address (contract/email.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.engine.codes import Codes, Target
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.engine.sessions import Login, Sessions, Tokens
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.directory import User, UserExists

#: When an address that no user has gets one; ``False``: never.
CreateUser: TypeAlias = Literal["on_verify", "on_request", False]


@dataclass(frozen=True)
class LoggedIn:
    """A user who has just logged in or refreshed, and the tokens of the session."""

    user: User
    tokens: Tokens


@dataclass(frozen=True)
class Logins:
    """Log in by a code: request it, then verify it."""

    codes: Codes
    sessions: Sessions
    users: Users
    #: Its scope is also the purpose of the codes.
    policy: Policy
    #: The kind of address that users log in with.
    kind: Literal["email", "phone"] = "email"
    #: The channel that the codes are sent on.
    channel: str = "email"
    create_user: CreateUser = "on_verify"
    #: What the templates get beside the values of every template.
    values: Mapping[str, object] = field(default_factory=dict)

    def request(self, address: str, locales: tuple[str, ...] = ()) -> None:
        """
        Send a code to ``address``, which is in canonical form. It replaces the code before it.

        Whether the address has an account does not show: a disabled user, or an address without an
        account where none is created, gets no code, with the same limits and in the same time.

        :raises Limited: if cooldown, quota or lock forbid it.
        :raises SendFailed: if the message was definitely not handed over; nothing was used up.
        """
        user = self.users.known(self.kind, address)
        if user is None and self.create_user == "on_request":
            user = self._created(address, proved=False)
        entitled = user.is_enabled if user else self.create_user is not False
        # As the user wrote it: the part before the @ may depend on case.
        own = user.email if user and self.kind == "email" else None
        draft = Draft(
            self.channel,
            own or address,
            locales=locales,
            purpose=self.policy.scope,
            values=self.values,
            discreet=True,
            withheld=not entitled,
        )
        self.codes.send(self.policy, self._target(address), draft)

    def verify(self, address: str, code: str) -> LoggedIn:
        """
        Log in with the code that was sent to ``address``: open a session.

        :raises CodeRefused: if the code is not accepted; its class says why.
        :raises SubjectLocked: if the guess budget of the address is used up.
        :raises UserNotFound: if there is no user, and none is created, or the user is disabled.
        """
        target = self._target(address)
        user = self.users.known(self.kind, address)
        if user is not None and user.is_enabled:
            person = user
            opening = self.codes.redeem(self.policy, target, code, lambda: self.sessions.open(person))
        else:
            # The directory may be another store: consume, then act.
            self.codes.redeem(self.policy, target, code)
            if user is not None or self.create_user is False:
                raise errors.UserNotFound
            user = self._created(address, proved=True)
            if user is None:
                raise errors.UserNotFound
            opening = self.sessions.open(user)
        self.sessions.settle(opening)
        self.users.mark_verified(user, self.kind)
        return LoggedIn(user, opening.tokens)

    def refresh(self, refresh_token: str) -> LoggedIn:
        """
        Exchange a refresh token for new tokens.

        :raises RefreshTokenInvalid: as :meth:`~flask_otpauth.engine.sessions.Sessions.refresh`.
        """
        tokens, user = self.sessions.refresh(refresh_token)
        return LoggedIn(user, tokens)

    def logout(self, login: Login | None, refresh_token: object) -> None:
        """
        End the session of ``login``; without one, the session of the refresh token.

        :raises RefreshTokenInvalid: if there is no login, and the token is not valid.
        """
        if login is None:
            self.sessions.close_by(Sensitive(str(refresh_token).strip()))
        else:
            self.sessions.close(login)

    def _target(self, address: str) -> Target:
        return Target(self.policy.scope, address)

    def _created(self, address: str, *, proved: bool) -> User | None:
        """The new user; ``None`` if two users have the address, so that it is unclear who is meant."""
        try:
            if proved:
                return self.users.of_proved_address(self.kind, address)
            return self.users.get_or_create(**{self.kind: address})
        except UserExists:
            return None
