"""Sessions of users: opening, refreshing, closing, and checking an access token."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask_otpauth.core.errors import (
    CredentialsInvalid,
    FreshLoginRequired,
    RefreshTokenInvalid,
    UserNotFound,
)
from flask_otpauth.core.instants import SKEW_MS, epoch_ms, from_epoch_ms, milliseconds
from flask_otpauth.core.keys import DIGEST_BYTES, KeyRing, from_base64url, to_base64url
from flask_otpauth.core.sensitive import Sensitive, SensitiveBytes
from flask_otpauth.core.sessions import Refresh, Rotation, Session, judge_refresh
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import Directory, User
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.storage import SessionStore
from flask_otpauth.ports.tokens import TokenSigner

_SKEW = timedelta(milliseconds=SKEW_MS)
_ID_BYTES = 16
_GENERATION_BYTES = 4


@dataclass(frozen=True)
class SessionPolicy:
    """How long tokens and sessions live, and whether a login ends the earlier ones."""

    access_token_ttl: timedelta = timedelta(hours=24)
    refresh_token_ttl: timedelta = timedelta(days=30)
    refresh_grace: timedelta = timedelta(seconds=10)
    max_age: timedelta = timedelta(days=180)
    single_session: bool = True


@dataclass(frozen=True)
class Tokens:
    """What a login or a refresh hands out. ``expires_at`` is the access token's, in whole seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class Opening:
    """A session that was opened, its first tokens, and how many others it closed."""

    session: Session
    tokens: Tokens
    closed: int


@dataclass(frozen=True)
class Login:
    """Who presents a live access token, and when they logged in."""

    user: User
    session_id: str
    authenticated_at: datetime


@dataclass(frozen=True)
class Sessions:
    """
    Access tokens are JWTs that name a session. They are valid while the session is open and its
    user is in the directory, is enabled, and is the person who logged in.
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
        Open a session, closing the user's others where the policy says so.

        Nothing is told here, since it runs inside the transaction of a redeem: call
        :meth:`opened` once that is durable.
        """
        now_ms = epoch_ms(self.clock())
        session = Session(
            id=to_base64url(secrets.token_bytes(_ID_BYTES)),
            user_id=str(user.id),
            person_key=person_key_of(user),
            authenticated_at=now_ms,
            rotated_at=now_ms,
            # Whole seconds, as ``exp`` has: in a fraction at the end no token could be signed.
            ends_at=(now_ms + milliseconds(self.policy.max_age)) // 1000 * 1000,
        )
        closed = self.store.open(session, closing_others=self.policy.single_session)
        return Opening(session, self._tokens(session), closed)

    def opened(self, opening: Opening) -> None:
        """Tell that the session is open, and that others are closed by it."""
        user_id = opening.session.user_id
        self.events("session_opened", user_id=user_id, session_id=opening.session.id)
        if opening.closed:
            self.events("session_revoked", user_id=user_id, count=opening.closed)

    def settle(self, opening: Opening) -> None:
        """
        End a session again whose user was disabled or deleted during the login, or tell that it is open.

        Disabling marks the user first and then ends the sessions: it has ended this one, or is seen here.

        :raises UserNotFound: if the user is disabled or deleted.
        """
        if self.user_of(opening.session) is None:
            self.close_all(opening.session.user_id)
            raise UserNotFound
        self.opened(opening)

    def login(self, user: User) -> Tokens:
        """
        Open a session for a user who has proved who they are in another way.

        :raises UserNotFound: if the user is disabled or deleted.
        """
        opening = self.open(user)
        self.settle(opening)
        return opening.tokens

    def refresh(self, refresh_token: str) -> tuple[Tokens, User]:
        """
        Spend a refresh token: new tokens, and whose they are.

        :raises RefreshTokenInvalid: if it is unknown, expired, revoked, of a user who is gone or
            disabled, or was used before; in the last case the whole session ends (RFC 9700 §4.14.2).
        """
        refresh = self._presented(refresh_token)
        session = self.store.find(refresh.session_id)
        # Before the token is spent: a directory that is down for a minute must cost nobody the session.
        user = None if session is None else self.user_of(session)
        rotation, session = self.store.rotate(refresh)
        if rotation is Rotation.REUSED and session is not None:
            self.events("token_reused", user_id=session.user_id, session_id=session.id)
            self.events("session_revoked", user_id=session.user_id, count=1)
        if session is None or user is None or rotation not in (Rotation.ROTATED, Rotation.REPEATED):
            raise RefreshTokenInvalid
        return self._tokens(session), user

    def check(self, access_token: str, max_age: timedelta | None = None) -> Login:
        """
        Who presents ``access_token``: one read of its session and one of its user.

        :raises CredentialsInvalid: if it is forged, expired, its session closed, or its user
            gone or disabled.
        :raises FreshLoginRequired: if the login is older than ``max_age``, or was later than now.
        """
        now_ms = epoch_ms(self.clock())
        now = from_epoch_ms(now_ms)
        claims = self.signer.read("access", access_token, now)
        session = self.store.find(claims["sid"])
        if session is None or session.user_id != claims["sub"] or not session.is_live(now_ms):
            raise CredentialsInvalid
        user = self.user_of(session)
        if user is None:
            raise CredentialsInvalid
        login = Login(user, session.id, from_epoch_ms(session.authenticated_at))
        age = now - login.authenticated_at
        if max_age is not None and not -_SKEW <= age < max_age:
            raise FreshLoginRequired(int(max_age.total_seconds()))
        return login

    def close_by(self, refresh_token: str) -> None:
        """
        End the session of a refresh token, which :meth:`refresh` would take now.

        :raises RefreshTokenInvalid: if it would not; the session of one that was used before ends too.
        """
        refresh = self._presented(refresh_token)
        session = self.store.find(refresh.session_id)
        rotation = judge_refresh(session, refresh)
        # Of two at once one closes it; the other's token is revoked by then.
        if session is None or rotation is Rotation.DEAD or not self.store.close(session.id, refresh.now_ms):
            raise RefreshTokenInvalid
        if rotation is Rotation.REUSED:
            self.events("token_reused", user_id=session.user_id, session_id=session.id)
        self.events("session_revoked", user_id=session.user_id, count=1)
        if rotation is Rotation.REUSED or self.user_of(session) is None:
            raise RefreshTokenInvalid

    def close(self, login: Login) -> None:
        """End one session."""
        if self.store.close(login.session_id, epoch_ms(self.clock())):
            self.events("session_revoked", user_id=str(login.user.id), count=1)

    def of_user(self, user: User) -> Sequence[Session]:
        """Return the open sessions of a user, the newest first."""
        now_ms, key = epoch_ms(self.clock()), person_key_of(user)
        return [each for each in self.store.list_open(str(user.id), now_ms) if each.person_key == key]

    def revoke(self, session_id: str) -> bool:
        """End one session. Return whether it was open."""
        session = self.store.find(session_id)
        if session is None or not self.store.close(session_id, epoch_ms(self.clock())):
            return False
        self.events("session_revoked", user_id=session.user_id, count=1)
        return True

    def user_of(self, session: Session) -> User | None:
        """The user of the session; ``None`` if the user is deleted or disabled, by whomever."""
        user = self.directory.get(session.user_id)
        if user is None or not user.is_enabled or person_key_of(user) != session.person_key:
            return None
        return user

    def close_all(self, user_id: str) -> int:
        """End all of a user's sessions and account tokens: how many sessions were alive."""
        count = self.end_all(user_id)
        self.closed(user_id, count)
        return count

    def forget_all(self, user_id: str) -> None:
        """Delete the sessions of a user who was deleted."""
        self.store.delete_all(user_id)

    def end_all(self, user_id: str) -> int:
        """
        As :meth:`close_all`, without telling anybody, since it runs inside a transaction: call
        :meth:`closed` once that is durable.
        """
        return self.store.close_all(user_id, epoch_ms(self.clock()))

    def closed(self, user_id: str, count: int) -> None:
        """Tell that so many sessions of the user were ended."""
        self.events("session_revoked", user_id=user_id, count=count)

    def _tokens(self, session: Session) -> Tokens:
        now = from_epoch_ms(epoch_ms(self.clock())).replace(microsecond=0)
        expires_at = min(now + self.policy.access_token_ttl, from_epoch_ms(session.ends_at))
        claims = {"sub": session.user_id, "sid": session.id}
        access_token = self.signer.sign("access", claims, now, expires_at)
        return Tokens(access_token, self._refresh_token(session), expires_at.replace(microsecond=0))

    def _refresh_token(self, session: Session) -> str:
        named = from_base64url(session.id) + session.generation.to_bytes(_GENERATION_BYTES, "big")
        return Sensitive(to_base64url(named + self._macs(session.id, session.generation)[0]))

    def _presented(self, refresh_token: str) -> Refresh:
        session_id, generation = self._parsed(refresh_token)
        return Refresh(
            session_id,
            generation,
            epoch_ms(self.clock()),
            milliseconds(self.policy.refresh_token_ttl),
            milliseconds(self.policy.refresh_grace),
        )

    def _parsed(self, refresh_token: str) -> tuple[str, int]:
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


def person_key_of(user: User) -> str:
    """
    Return the user's ``person_key``, a random text that no two persons share.

    A database may give the id of a deleted user to a later one, so an id alone is not enough: what is
    kept for a user is bound to the id and to this key. It is empty if the directory has none. Such a
    directory must never use an id twice.
    """
    return getattr(user, "person_key", None) or ""
