"""Clients, their tokens and their campaigns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flask_otpauth.adapters.memory.state import Memory
from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch


@service
class MemoryClientStore:
    """A :class:`~flask_otpauth.ports.storage.ClientStore`."""

    memory: Memory

    def add(self, client: Client) -> None:
        """See the port."""
        with self.memory.lock:
            self.memory.clients[client.id] = client

    def get(self, client_id: str) -> Client | None:
        """See the port."""
        with self.memory.lock:
            return self.memory.clients.get(client_id)

    def by_secret(self, digests: Sequence[bytes], now_ms: int) -> tuple[Client, int] | None:
        """See the port."""
        with self.memory.lock:
            for client in self.memory.clients.values():
                if client.secret_digest in digests:
                    return client, client.generation
                if client.previous_digest in digests and now_ms < client.previous_until:
                    return client, client.generation - 1
            return None

    def list(self) -> Sequence[Client]:
        """See the port."""
        with self.memory.lock:
            return sorted(self.memory.clients.values(), key=lambda client: (client.created_at, client.id))

    def set_blocked(self, client_id: str, blocked_at: int | None) -> bool:
        """See the port."""
        with self.memory.lock:
            client = self.get(client_id)
            if client is not None:
                self.memory.clients[client_id] = replace(client, blocked_at=blocked_at)
            return client is not None

    def rotate_secret(self, client_id: str, digest: bytes, now_ms: int, previous_until: int | None) -> bool:
        """See the port."""
        with self.memory.lock:
            client = self.get(client_id)
            if client is None or (previous_until is not None and client.previous_until > now_ms):
                return False
            self.memory.clients[client_id] = replace(
                client,
                previous_digest=None if previous_until is None else client.secret_digest,
                previous_until=previous_until or 0,
                secret_digest=digest,
                generation=client.generation + 1,
            )
            return True

    def add_token(self, token: ClientToken, at_most: int) -> None:
        """See the port. Expired tokens of the client are deleted too."""
        with self.memory.lock:
            tokens = self.memory.client_tokens
            own = [other for other in tokens.values() if other.client_id == token.client_id]
            live = [other for other in own if other.expires_at > token.issued_at]
            kept = sorted(live, key=lambda other: other.issued_at, reverse=True)[: at_most - 1]
            for other in own:
                if other not in kept:
                    del tokens[other.digest]
            tokens[token.digest] = token

    def find_token(self, digests: Sequence[bytes]) -> ClientToken | None:
        """See the port."""
        with self.memory.lock:
            found = [self.memory.client_tokens.get(digest) for digest in digests]
            return next((token for token in found if token is not None), None)

    def add_campaign(self, campaign: Campaign) -> None:
        """See the port."""
        with self.memory.lock:
            self.memory.campaigns[campaign.id] = campaign

    def get_campaign(self, campaign_id: str) -> Campaign | None:
        """See the port."""
        with self.memory.lock:
            return self.memory.campaigns.get(campaign_id)

    def list_campaigns(self, client_id: str | None) -> Sequence[Campaign]:
        """See the port."""
        with self.memory.lock:
            campaigns = sorted(
                self.memory.campaigns.values(), key=lambda campaign: (campaign.created_at, campaign.id)
            )
            return [campaign for campaign in campaigns if client_id in (None, campaign.client_id)]

    def set_paused(self, campaign_id: str, paused_at: int | None) -> bool:
        """See the port."""
        with self.memory.lock:
            campaign = self.get_campaign(campaign_id)
            if campaign is not None:
                self.memory.campaigns[campaign_id] = replace(campaign, paused_at=paused_at)
            return campaign is not None

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete tokens that expired before then."""
        return self.memory.purge("client_tokens", lambda token: token.expires_at < purge.before_ms, purge)
