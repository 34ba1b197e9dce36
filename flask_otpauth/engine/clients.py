"""Clients of server-to-server flows, their secrets and their tokens (contract/index.md)."""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import field
from datetime import timedelta

from flask_otpauth.core import errors
from flask_otpauth.core.clients import Client, ClientToken
from flask_otpauth.core.instants import SKEW_MS, epoch_ms, from_epoch_ms, milliseconds
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.service import service
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.storage import ClientStore
from flask_otpauth.ports.tokens import TokenSigner

SCOPES = ("member", "admin")


@frozen
class Credentials:
    """The id and the secret of a client. The secret is shown only once."""

    id: str
    secret: str = field(repr=False)


@service
class Clients:
    """
    Creates and blocks clients (``otpauth.clients``), and finds the client of a credential.

    All apps on one database accept a client and its secret. A token is accepted only by the app that issued
    it.
    """

    store: ClientStore
    keys: KeyRing
    #: The keys of this app alone.
    token_keys: KeyRing
    signer: TokenSigner
    clock: Clock
    #: The names of all flows.
    flows: tuple[str, ...]

    def create(self, name: str, flows: Iterable[str] = ("voice",), scope: str = "member") -> Credentials:
        """
        Create a client of server-to-server flows.

        :param name: a name for your own use.
        :param flows: the names of the flows that it may use.
        :param scope: ``member``; or ``admin``, which may use every campaign and name any user.
        :returns: its id and its secret. The secret is shown only here.
        :raises ValueError: if there is no such flow or scope.
        """
        chosen = (flows,) if isinstance(flows, str) else tuple(dict.fromkeys(flows))
        wrong = [flow for flow in chosen if flow not in self.flows]
        if wrong or not chosen:
            raise ValueError(
                f"expected one or more of {', '.join(self.flows)} as flows, not {', '.join(wrong) or 'none'}"
            )
        if scope not in SCOPES:
            raise ValueError(f"unknown scope {scope!r}: expected one of {', '.join(SCOPES)}")
        created = Credentials(secrets.token_hex(8), str(uuid.uuid4()))
        digest = self._digest(created.secret)
        self.store.add(Client(created.id, name, chosen, scope, epoch_ms(self.clock()), digest))
        return created

    def list(self) -> Sequence[Client]:
        """List all clients, the oldest first. Their secrets are not in the list."""
        return self.store.list()

    def block(self, client_id: str) -> bool:
        """
        Refuse the secret and the tokens of a client, beginning now.

        :returns: whether there is such a client.
        """
        return self.store.set_blocked(client_id, epoch_ms(self.clock()))

    def unblock(self, client_id: str) -> bool:
        """
        Accept the secret and the tokens of a client again.

        :returns: whether there is such a client.
        """
        return self.store.set_blocked(client_id, None)

    def rotate(self, client_id: str, overlap: int | timedelta = 0) -> Credentials:
        """
        Give a client a new secret.

        A client has two secrets at most. During an overlap both may be in use, so another rotation with
        an overlap is refused then. A rotation without an overlap ends both at once.

        :param overlap: how much longer the old secret works, and the tokens that were bought with it: in
            seconds or as a ``timedelta``.
        :returns: the client's id and the new secret. The secret is shown only here.
        :raises ValueError: if there is no such client, the overlap is negative, or an earlier
            overlap is not over.
        """
        period = timedelta(seconds=overlap) if isinstance(overlap, int) else overlap
        if period < timedelta(0):
            raise ValueError("overlap must not be negative")
        rotated = Credentials(client_id, str(uuid.uuid4()))
        now_ms = epoch_ms(self.clock())
        until = now_ms + milliseconds(period) if period else None
        if not self.store.rotate_secret(client_id, self._digest(rotated.secret), now_ms, until):
            raise ValueError(self._why_not_rotated(client_id))
        return rotated

    def _why_not_rotated(self, client_id: str) -> str:
        client = self.store.get(client_id)
        if client is None:
            return f"no such client: {client_id!r}"
        end = f"{from_epoch_ms(client.previous_until):%Y-%m-%d %H:%M:%S} UTC"
        return (
            f"the secret before the newest of client {client_id!r} works until {end}: rotate after that, or "
            "without an overlap, which ends both at once"
        )

    def by_secret(self, secret: str, flow: str, client_id: str | None = None) -> tuple[Client, int]:
        """
        Return the client of a secret, and the generation of the secret.

        :raises CredentialsInvalid: if no client has the secret, or another client than ``client_id``.
        :raises NotPermitted: if the client is blocked, or may not use ``flow``.
        """
        found = self.store.by_secret([self._digest(secret)], epoch_ms(self.clock()))
        if found is None or not hmac.compare_digest(
            (client_id or found[0].id).encode(), found[0].id.encode()
        ):
            raise errors.CredentialsInvalid
        return self._demand_permission(found[0], flow), found[1]

    def buy_token(self, client: Client, generation: int, flow: str, ttl: timedelta, at_most: int) -> str:
        """Return an opaque access token for ``flow``. Only the newest ``at_most`` of a client are valid."""
        token = Sensitive(secrets.token_urlsafe(24))
        now_ms = epoch_ms(self.clock())
        digest = self._token_digest(flow, token)
        bought = ClientToken(digest, client.id, generation, now_ms, now_ms + milliseconds(ttl))
        self.store.add_token(bought, at_most)
        return token

    def by_token(self, token: str, flow: str) -> Client:
        """
        Return the client of an opaque access token.

        :raises CredentialsInvalid: if it is unknown or expired, or the secret that it was bought with is not
            valid any more.
        :raises NotPermitted: if the client is blocked, or may not use ``flow``.
        """
        bought = self.store.find_token([self._token_digest(flow, token)])
        now_ms = epoch_ms(self.clock())
        if bought is None or not bought.issued_at - SKEW_MS <= now_ms < bought.expires_at:
            raise errors.CredentialsInvalid
        return self._holder(bought.client_id, bought.generation, flow)

    def sign_token(self, client: Client, generation: int, flow: str, ttl: timedelta) -> str:
        """Return a signed access token for ``flow``."""
        now = from_epoch_ms(epoch_ms(self.clock())).replace(microsecond=0)
        return self.signer.sign(f"client:{flow}", {"sub": client.id, "gen": generation}, now, now + ttl)

    def by_signed_token(self, token: str, flow: str) -> Client:
        """
        Return the client of a signed access token.

        :raises CredentialsInvalid: if it is forged or expired, or the secret that it was bought with is not
            valid any more.
        :raises NotPermitted: if the client is blocked, or may not use ``flow``.
        """
        now = from_epoch_ms(epoch_ms(self.clock()))
        claims = self.signer.read(f"client:{flow}", token, now)
        if not isinstance(claims.get("gen"), int):
            raise errors.CredentialsInvalid
        return self._holder(claims["sub"], claims["gen"], flow)

    def _holder(self, client_id: str, generation: int, flow: str) -> Client:
        client = self.store.get(client_id)
        if client is None or not client.accepts_generation(generation, epoch_ms(self.clock())):
            raise errors.CredentialsInvalid
        return self._demand_permission(client, flow)

    def _demand_permission(self, client: Client, flow: str) -> Client:
        if client.blocked_at is not None:
            raise errors.ClientBlocked
        if flow not in client.flows:
            raise errors.ClientNotAllowed
        return client

    # Both with a key that stays the same when the app rotates its secrets: a client must not need another
    # secret because of that.

    def _digest(self, secret: str) -> bytes:
        return self.keys.row_key("client", "secret", secret)

    def _token_digest(self, flow: str, token: str) -> bytes:
        return self.token_keys.row_key("client token", flow, token)
