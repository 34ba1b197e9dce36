"""Account tokens: the login of a host issues them to its app, and the flow ``sms`` accepts them."""

from __future__ import annotations

from datetime import timedelta

from flask_otpauth.core.errors import AccountTokenInvalid, CredentialsInvalid
from flask_otpauth.core.instants import epoch_ms, from_epoch_ms
from flask_otpauth.core.service import service
from flask_otpauth.engine.sessions import person_key_of
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import Directory, User
from flask_otpauth.ports.storage import SessionStore
from flask_otpauth.ports.tokens import TokenSigner

_USE = "account"


@service
class AccountTokens:
    """Issues and checks account tokens. Revoking the sessions of a user revokes them all."""

    signer: TokenSigner
    sessions: SessionStore
    directory: Directory
    clock: Clock
    ttl: timedelta

    def issue(self, user: User) -> str:
        """Return a token that names the user."""
        now = from_epoch_ms(epoch_ms(self.clock()))
        generation = self.sessions.generation(str(user.id))
        claims = {"sub": str(user.id), "person": person_key_of(user), "gen": generation}
        return self.signer.sign(_USE, claims, now, now + self.ttl)

    def user(self, token: str) -> User:
        """
        Return the user that the token names.

        :raises AccountTokenInvalid: if it is forged, expired or revoked, or its user is deleted or disabled.
        """
        try:
            claims = self.signer.read(_USE, token, from_epoch_ms(epoch_ms(self.clock())))
        except CredentialsInvalid:
            raise AccountTokenInvalid from None
        user = self.directory.get(claims["sub"])
        if user is None or not user.is_enabled or claims.get("person", "") != person_key_of(user):
            raise AccountTokenInvalid
        if claims["gen"] != self.sessions.generation(claims["sub"]):
            raise AccountTokenInvalid
        return user
