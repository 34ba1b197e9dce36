"""Logging in with a code that was sent to an address (contract/email.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import partial
from typing import Literal, TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.record import record
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.service import service
from flask_otpauth.engine.codes import Codes, Target
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.engine.sessions import Login, Sessions, Tokens, session_of
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.directory import User, UserExists, UserLookup
from flask_otpauth.ports.storage import LoginAttempt, LoginResult, Storage

#: When a user is created for an address that no user has; ``False``: never.
CreateUser: TypeAlias = Literal["on_verify", "on_request", False]


def log_in(storage: Storage, attempt: LoginAttempt) -> LoginResult:
    """
    Redeem a code and open the session of the user whom the code is for: both, or neither.

    The session is opened only if the code is accepted and the user is enabled. An accepted code is used up
    even if there is no such user.
    """
    result = storage.log_in(attempt) if storage.log_in else None
    if result is not None:
        return result
    # Before the transaction: the directory may use the same database, and would wait for its end.
    user = attempt.user.find()

    def redeem_and_open() -> LoginResult:
        # An address without a user needs the same statements, so that a wrong code takes the same time.
        verdict = storage.challenges.redeem(attempt.guess)
        if verdict.state is not GuessState.ACCEPTED:
            return LoginResult(verdict)
        if user is None or not user.is_enabled:
            return LoginResult(verdict, user)
        session = session_of(user, attempt.session)
        closed = storage.sessions.open(session, closing_others=attempt.closing_others)
        return LoginResult(verdict, user, session, closed)

    return storage.atomically(redeem_and_open)


@record
class LoggedIn:
    """A user who has just logged in or refreshed, and the tokens of the session."""

    user: User
    tokens: Tokens


def shown_id(user: User) -> int | str:
    """Return the id of the user for JSON: a number or a text."""
    return user.id if isinstance(user.id, int) else str(user.id)


@service
class Logins:
    """Logs users in: request a code, then verify it."""

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
    #: Further values for the templates.
    values: Mapping[str, object] = field(default_factory=dict)

    def request(self, address: str, locales: tuple[str, ...] = ()) -> None:
        """
        Send a code to ``address``, which is in canonical form. It replaces the code before it.

        The response does not show whether the address has an account. A disabled user gets no code, and
        neither does an address for which no user is created. The limits and the time are the same.

        :raises Limited: if a cooldown, a quota or a lock forbids it.
        :raises SendFailed: if the message was certainly not sent. No quota is used up.
        """
        user = self._lookup(address)
        if self.create_user == "on_request" and user.find() is None:
            self._create(address, proved=False)
        draft = Draft(
            self.channel,
            address,
            locales=locales,
            purpose=self.policy.scope,
            values=self.values,
            discreet=True,
        )
        for_anyone = self.create_user is not False
        self.codes.send_to_user(self.policy, self._target(address), draft, user, for_anyone=for_anyone)

    def verify(self, address: str, code: str) -> LoggedIn:
        """
        Log in with the code that was sent to ``address``: open a session.

        :raises CodeRefused: if the code is not accepted. Its class says why.
        :raises SubjectLocked: if the guess budget of the address is used up.
        :raises CheckUnavailable: if a provider owns the code and does not answer. The guess is counted.
        :raises UserNotFound: if the user is disabled, or there is no user and none is created.
        """
        result = self._redeem(address, code)
        user, session = result.user, result.session
        if user is not None and session is not None:
            opening = self.sessions.opening(session, result.closed)
        elif user is not None or self.create_user is False:
            raise errors.UserNotFound
        else:
            # The users may be in another database: first use up the code, then create the user.
            user = self._create(address, proved=True)
            if user is None:
                raise errors.UserNotFound
            opening = self.sessions.open(user)
        if result.looked_again:
            self.sessions.report_opening(opening)
        else:
            self.sessions.settle(opening)
        if not getattr(user, f"{self.kind}_verified"):  # As almost every user is.
            self.users.mark_verified(user, self.kind)
        return LoggedIn(user, opening.tokens)

    def _redeem(self, address: str, code: str) -> LoginResult:
        """Redeem the code, and open the session if there is a user who is enabled."""
        target = self._target(address)
        guess = self.codes.guess(self.policy, target, code)
        attempt = LoginAttempt(
            guess,
            self._lookup(address),
            self.sessions.prepare(),
            closing_others=self.sessions.policy.single_session,
        )
        result = log_in(self.codes.storage, attempt)
        approved = self.codes.approved(target, guess, code, result.verdict)
        if approved is not None:
            result = log_in(self.codes.storage, replace(attempt, guess=approved))
        self.codes.require_accepted(self.policy, target, guess, result.verdict)
        return result

    def refresh(self, refresh_token: str) -> LoggedIn:
        """
        Exchange a refresh token for new tokens.

        :raises RefreshTokenInvalid: if the token is unknown, expired or revoked, or its user is deleted or
            disabled. Also if it was used before; then its session is closed (RFC 9700 §4.14.2).
        """
        tokens, user = self.sessions.refresh(refresh_token)
        return LoggedIn(user, tokens)

    def logout(self, login: Login | None, refresh_token: object) -> None:
        """
        Close the session of ``login``; without a login, the session of the refresh token.

        :raises RefreshTokenInvalid: if there is no login, and the token is not valid.
        """
        if login is None:
            self.sessions.close_by(Sensitive(str(refresh_token).strip()))
        else:
            self.sessions.close(login)

    def _target(self, address: str) -> Target:
        return Target(self.policy.scope, address)

    def _lookup(self, address: str) -> UserLookup:
        find = partial(self.users.find_by, self.kind, address)
        return UserLookup(self.users.directory, self.kind, address, find)

    def _create(self, address: str, *, proved: bool) -> User | None:
        """Create a user. Return ``None`` if two users have the address: it is unclear who is meant."""
        try:
            if proved:
                return self.users.get_or_create_verified(self.kind, address)
            return self.users.get_or_create(**{self.kind: address})
        except UserExists:
            return None
