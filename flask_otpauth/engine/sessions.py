"""Open, refresh and close the sessions of users, and check access tokens."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime, timedelta

from flask_otpauth.core.errors import (
    CredentialsInvalid,
    FreshLoginRequired,
    RefreshTokenInvalid,
    UserNotFound,
)
from flask_otpauth.core.instants import SKEW_MS, epoch_ms, from_epoch_ms, milliseconds
from flask_otpauth.core.keys import DIGEST_BYTES, KeyRing, from_base64url, random_base64url, to_base64url
from flask_otpauth.core.record import frozen, record, replace
from flask_otpauth.core.sensitive import Sensitive, SensitiveBytes
from flask_otpauth.core.service import service
from flask_otpauth.core.sessions import Refresh, Rotation, Session, judge_refresh
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import Directory, User
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.storage import SessionStore
from flask_otpauth.ports.tokens import TokenSigner

_SKEW = timedelta(milliseconds=SKEW_MS)
_ID_BYTES = 16
_GENERATION_BYTES = 4


def person_key_of(user: User) -> str:
    """
    Return the user's ``person_key``, a random text that no two persons share.

    A database may give the id of a deleted user to a later one, so an id alone is not enough: what is
    kept for a user is bound to the id and to this key. It is empty if the directory has none. Such a
    directory must never use an id twice.
    """
    return getattr(user, "person_key", None) or ""


def session_of(user: User, session: Session) -> Session:
    """Return ``session`` as a session of ``user``."""
    return replace(session, user_id=str(user.id), person_key=person_key_of(user))


@frozen
class SessionPolicy:
    """How long tokens and sessions are valid."""

    access_token_ttl: timedelta = timedelta(hours=24)
    refresh_token_ttl: timedelta = timedelta(days=30)
    #: For this long, a refresh token that was exchanged gets the same successor again.
    refresh_grace: timedelta = timedelta(seconds=10)
    #: A session ends this long after its login, however often it is refreshed.
    max_age: timedelta = timedelta(days=180)
    #: A login closes the earlier sessions of the user.
    single_session: bool = True


@record
class Tokens:
    """The tokens of a session."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    #: When the access token expires, in whole seconds.
    expires_at: datetime


@record
class Opening:
    """A session that was opened."""

    session: Session
    #: Its first tokens.
    tokens: Tokens
    #: The number of other sessions that were closed.
    closed: int


@record
class Login:
    """The user of a valid access token, and when the user logged in."""

    user: User
    session_id: str
    authenticated_at: datetime


@service
class Sessions:
    """
    Opens and closes sessions, and checks their tokens.

    An access token is a JWT that names a session. It is valid as long as the session is open, and its user
    exists, is enabled, and is the person who logged in.
    """

    store: SessionStore
    signer: TokenSigner
    keys: KeyRing
    policy: SessionPolicy
    clock: Clock
    events: Events
    directory: Directory

    def open(self, user: User) -> Opening:
        """
        Open a session, and close the others of the user if the policy says so.

        It can run inside a transaction, so it reports nothing. Call :meth:`settle` after the commit.
        """
        session = session_of(user, self.prepare())
        closed = self.store.open(session, closing_others=self.policy.single_session)
        return self.opening(session, closed)

    def prepare(self) -> Session:
        """Return a session that begins now, still without its user."""
        now_ms = epoch_ms(self.clock())
        return Session(
            id=random_base64url(_ID_BYTES),
            user_id="",
            authenticated_at=now_ms,
            rotated_at=now_ms,
            # In whole seconds, like ``exp``: no token could be signed for a fraction of a second.
            ends_at=(now_ms + milliseconds(self.policy.max_age)) // 1000 * 1000,
        )

    def opening(self, session: Session, closed: int) -> Opening:
        """Return what a login gets that opened ``session`` and closed so many others."""
        return Opening(session, self._tokens(session, session.rotated_at), closed)

    def report_opening(self, opening: Opening) -> None:
        """Report that the session is open, and that others were closed."""
        user_id = opening.session.user_id
        self.events("session_opened", user_id=user_id, session_id=opening.session.id)
        if opening.closed:
            self.events("session_revoked", user_id=user_id, count=opening.closed)

    def settle(self, opening: Opening) -> None:
        """
        Report that a session is open, unless its user was disabled or deleted during the login.

        To disable a user is to mark the user and then close the sessions. If the session was opened too late
        to be closed, the mark is found here, and the session is closed.

        :raises UserNotFound: if the user is disabled or deleted.
        """
        if self.user_of(opening.session) is None:
            self.close_all(opening.session.user_id)
            raise UserNotFound
        self.report_opening(opening)

    def login(self, user: User) -> Tokens:
        """
        Open a session for a user who was authenticated in another way.

        :raises UserNotFound: if the user is disabled or deleted.
        """
        opening = self.open(user)
        self.settle(opening)
        return opening.tokens

    def refresh(self, refresh_token: str) -> tuple[Tokens, User]:
        """
        Exchange a refresh token for new tokens. Return them and their user.

        :raises RefreshTokenInvalid: if it is unknown, expired or revoked, or its user is deleted or
            disabled. Also if it was used before; then its session is closed (RFC 9700 §4.14.2).
        """
        refresh = self._refresh_of(refresh_token)
        session = self.store.find(refresh.session_id)
        # Before the token is used up: a directory that is down must not end the session.
        user = None if session is None else self.user_of(session)
        rotation, session = self.store.rotate(refresh)
        if rotation is Rotation.REUSED and session is not None:
            self.events("token_reused", user_id=session.user_id, session_id=session.id)
            self.events("session_revoked", user_id=session.user_id, count=1)
        if session is None or user is None or rotation not in (Rotation.ROTATED, Rotation.REPEATED):
            raise RefreshTokenInvalid
        return self._tokens(session, refresh.now_ms), user

    def check(self, access_token: str, max_age: timedelta | None = None) -> Login:
        """
        Check an access token. The session and its user are read together if the storage can do that.

        :raises CredentialsInvalid: if it is forged or expired, its session is closed, or its user is deleted
            or disabled.
        :raises FreshLoginRequired: if the login is older than ``max_age``, or is in the future.
        """
        now_ms = epoch_ms(self.clock())
        now = from_epoch_ms(now_ms)
        claims = self.signer.read("access", access_token, now)
        session, user = self._find(claims["sid"], claims["sub"])
        if session is None or session.user_id != claims["sub"] or not session.is_live(now_ms):
            raise CredentialsInvalid
        user = _accepted(session, user or self.directory.get(session.user_id))
        if user is None:
            raise CredentialsInvalid
        login = Login(user, session.id, from_epoch_ms(session.authenticated_at))
        age = now - login.authenticated_at
        if max_age is not None and not -_SKEW <= age < max_age:
            raise FreshLoginRequired(int(max_age.total_seconds()))
        return login

    def close_by(self, refresh_token: str) -> None:
        """
        Close the session of a refresh token.

        :raises RefreshTokenInvalid: if :meth:`refresh` would raise it. If the token was used before, its
            session is closed too.
        """
        refresh = self._refresh_of(refresh_token)
        session = self.store.find(refresh.session_id)
        rotation = judge_refresh(session, refresh)
        # Of two requests at the same time, one closes the session. For the other, the token is revoked.
        if session is None or rotation is Rotation.DEAD or not self.store.close(session.id, refresh.now_ms):
            raise RefreshTokenInvalid
        if rotation is Rotation.REUSED:
            self.events("token_reused", user_id=session.user_id, session_id=session.id)
        self.events("session_revoked", user_id=session.user_id, count=1)
        if rotation is Rotation.REUSED or self.user_of(session) is None:
            raise RefreshTokenInvalid

    def close(self, login: Login) -> None:
        """Close the session of a login."""
        if self.store.close(login.session_id, epoch_ms(self.clock())):
            self.events("session_revoked", user_id=str(login.user.id), count=1)

    def of_user(self, user: User) -> Sequence[Session]:
        """Return the open sessions of a user, the newest first."""
        now_ms, key = epoch_ms(self.clock()), person_key_of(user)
        return [one for one in self.store.list_open(str(user.id), now_ms) if one.person_key == key]

    def revoke(self, session_id: str) -> bool:
        """Close one session. Return whether it was open."""
        session = self.store.find(session_id)
        if session is None or not self.store.close(session_id, epoch_ms(self.clock())):
            return False
        self.events("session_revoked", user_id=session.user_id, count=1)
        return True

    def user_of(self, session: Session) -> User | None:
        """Return the user of the session; ``None`` if the user is deleted or disabled."""
        return _accepted(session, self.directory.get(session.user_id))

    def close_all(self, user_id: str) -> int:
        """Close all sessions of a user, and end the account tokens. Return how many sessions were open."""
        count = self.close_all_unreported(user_id)
        self.report_closing(user_id, count)
        return count

    def forget_all(self, user_id: str) -> None:
        """Delete the sessions of a user who was deleted."""
        self.store.delete_all(user_id)

    def close_all_unreported(self, user_id: str) -> int:
        """Do the same as :meth:`close_all` in a transaction. Call :meth:`report_closing` after the commit."""
        return self.store.close_all(user_id, epoch_ms(self.clock()))

    def report_closing(self, user_id: str, count: int) -> None:
        """Report that ``count`` sessions of the user were closed."""
        self.events("session_revoked", user_id=user_id, count=count)

    def _find(self, session_id: str, user_id: str) -> tuple[Session | None, User | None]:
        """Return the session, and the user if the storage has found both in one read."""
        find_with_user = self.store.find_with_user
        found = find_with_user(session_id, user_id, self.directory) if find_with_user else None
        return found or (self.store.find(session_id), None)

    def _tokens(self, session: Session, now_ms: int) -> Tokens:
        # In whole seconds, as a JWT has them.
        now_ms -= now_ms % 1000
        expires_ms = min(now_ms + milliseconds(self.policy.access_token_ttl), session.ends_at)
        now, expires_at = from_epoch_ms(now_ms), from_epoch_ms(expires_ms - expires_ms % 1000)
        claims = {"sub": session.user_id, "sid": session.id}
        access_token = self.signer.sign("access", claims, now, expires_at)
        return Tokens(access_token, self._refresh_token(session), expires_at)

    def _refresh_token(self, session: Session) -> str:
        named = from_base64url(session.id) + session.generation.to_bytes(_GENERATION_BYTES, "big")
        return Sensitive(to_base64url(named + self._macs(session.id, session.generation)[0]))

    def _refresh_of(self, refresh_token: str) -> Refresh:
        """Return what the store needs to judge a refresh token."""
        session_id, generation = self._parse(refresh_token)
        return Refresh(
            session_id,
            generation,
            epoch_ms(self.clock()),
            milliseconds(self.policy.refresh_token_ttl),
            milliseconds(self.policy.refresh_grace),
        )

    def _parse(self, refresh_token: str) -> tuple[str, int]:
        """Return the session id and the generation of a refresh token, if its HMAC is right."""
        try:
            raw = SensitiveBytes(from_base64url(refresh_token))
        except ValueError:
            raise RefreshTokenInvalid from None
        if len(raw) != _ID_BYTES + _GENERATION_BYTES + DIGEST_BYTES:
            raise RefreshTokenInvalid
        session_id = to_base64url(raw[:_ID_BYTES])
        generation = int.from_bytes(raw[_ID_BYTES:-DIGEST_BYTES], "big")
        presented = SensitiveBytes(raw[-DIGEST_BYTES:])
        if not any([hmac.compare_digest(mac, presented) for mac in self._macs(session_id, generation)]):
            raise RefreshTokenInvalid
        return session_id, generation

    def _macs(self, session_id: str, generation: int) -> tuple[bytes, ...]:
        return self.keys.digests("refresh tokens", session_id, str(generation))


def _accepted(session: Session, user: User | None) -> User | None:
    """Return ``user`` if that is the person of the session, and enabled."""
    if user is None or not user.is_enabled or person_key_of(user) != session.person_key:
        return None
    return user
