"""Clients, their tokens and their campaigns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, null, or_, select, true, update

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.tables import columns_of
from flask_otpauth.core.clients import Campaign, Client, ClientToken


@dataclass(frozen=True)
class SqlClientStore:
    """A :class:`~flask_otpauth.ports.storage.ClientStore` in three tables."""

    database: Database
    table: Table
    tokens: Table
    campaigns: Table

    def add(self, client: Client) -> None:
        """See the port."""
        self._insert(self.table, {**vars(client), "flows": " ".join(client.flows)})

    def get(self, client_id: str) -> Client | None:
        """See the port."""
        found = self._clients(self.table.c.id == client_id)
        return found[0] if found else None

    def by_secret(self, digests: Sequence[bytes], now_ms: int) -> tuple[Client, int] | None:
        """See the port."""
        row = self.table.c
        is_newest = row.secret_digest.in_(digests)
        found = self._clients(
            or_(is_newest, and_(row.previous_digest.in_(digests), row.previous_until > now_ms))
        )
        if not found:
            return None
        client = found[0]
        return client, client.generation - (client.secret_digest not in digests)

    def list(self) -> Sequence[Client]:
        """See the port."""
        return self._clients()

    def set_blocked(self, client_id: str, blocked_at: int | None) -> bool:
        """See the port."""
        return self._update(self.table, client_id, {"blocked_at": blocked_at})

    def rotate_secret(self, client_id: str, digest: bytes, now_ms: int, previous_until: int | None) -> bool:
        """See the port."""
        row = self.table.c
        changes = {
            "previous_digest": null() if previous_until is None else row.secret_digest,
            "previous_until": previous_until or 0,
            "secret_digest": digest,
            "generation": row.generation + 1,
        }
        may = true() if previous_until is None else row.previous_until <= now_ms
        with self.database.transaction():
            rotating = update(self.table).where(row.id == client_id, may).values(**changes)
            return self.database.write(rotating) > 0

    def add_token(self, token: ClientToken, at_most: int) -> None:
        """See the port. Tokens that have expired go as well."""
        row = self.tokens.c
        kept = (
            select(row.digest)
            .where(row.client_id == token.client_id, row.expires_at > token.issued_at)
            .order_by(row.issued_at.desc(), row.digest)
            .limit(at_most - 1)
        )
        giving_way = self.tokens.delete().where(
            row.client_id == token.client_id, row.digest.not_in(kept.scalar_subquery())
        )
        with self.database.transaction():
            # Touching the client's row locks it, so that its tokens are counted by one at a time.
            self._update(self.table, token.client_id, {"generation": self.table.c.generation})
            self.database.write(giving_way)
            self._insert(self.tokens, vars(token))

    def find_token(self, digests: Sequence[bytes]) -> ClientToken | None:
        """See the port."""
        query = select(*columns_of(self.tokens, ClientToken)).where(self.tokens.c.digest.in_(digests))
        rows = self.database.read(query)
        return ClientToken(**rows[0]) if rows else None

    def add_campaign(self, campaign: Campaign) -> None:
        """See the port."""
        self._insert(self.campaigns, vars(campaign))

    def get_campaign(self, campaign_id: str) -> Campaign | None:
        """See the port."""
        found = self._campaigns(self.campaigns.c.id == campaign_id)
        return found[0] if found else None

    def list_campaigns(self, client_id: str | None) -> Sequence[Campaign]:
        """See the port."""
        return (
            self._campaigns()
            if client_id is None
            else self._campaigns(self.campaigns.c.client_id == client_id)
        )

    def set_paused(self, campaign_id: str, paused_at: int | None) -> bool:
        """See the port."""
        return self._update(self.campaigns, campaign_id, {"paused_at": paused_at})

    def purge(self, before_ms: int) -> int:
        """Delete tokens that expired before."""
        return self.database.purge(self.tokens, self.tokens.c.expires_at < before_ms)

    def _clients(self, *which: ColumnElement[bool]) -> Sequence[Client]:
        row = self.table.c
        query = select(*columns_of(self.table, Client)).where(*which).order_by(row.created_at, row.id)
        return [
            Client(**{**found, "flows": tuple(found["flows"].split())}) for found in self.database.read(query)
        ]

    def _campaigns(self, *which: ColumnElement[bool]) -> Sequence[Campaign]:
        row = self.campaigns.c
        query = select(*columns_of(self.campaigns, Campaign)).where(*which).order_by(row.created_at, row.id)
        return [Campaign(**found) for found in self.database.read(query)]

    def _insert(self, table: Table, values: Mapping[str, Any]) -> None:
        with self.database.transaction():
            self.database.write(table.insert().values(**values))

    def _update(self, table: Table, row_id: str, changes: Mapping[str, Any]) -> bool:
        with self.database.transaction():
            return self.database.write(update(table).where(table.c.id == row_id).values(**changes)) > 0
