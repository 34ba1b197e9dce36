"""Clients, their tokens and their campaigns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cache, cached_property

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Table,
    and_,
    bindparam,
    case,
    literal_column,
    null,
    or_,
    select,
    true,
)

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared, new_value, new_values
from flask_otpauth.adapters.sqlalchemy.purging import purge_table
from flask_otpauth.adapters.sqlalchemy.statements import Change, Row, Statement
from flask_otpauth.adapters.sqlalchemy.tables import Digest, Instant, Name, columns_of
from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch

_ID = bindparam("row_id", type_=Name)
_NOW_MS = bindparam("now_ms", type_=Instant)
_FLOWS = [field.name for field in fields(Client)].index("flows")


@service
class SqlClientStore:
    """A :class:`~flask_otpauth.ports.storage.ClientStore` in three tables."""

    database: Database
    table: Table
    tokens: Table
    campaigns: Table

    def add(self, client: Client) -> None:
        """See the port."""
        self._adding.count(**new_values({**vars(client), "flows": " ".join(client.flows)}))

    def get(self, client_id: str) -> Client | None:
        """See the port."""
        rows = self._getting.rows(row_id=client_id)
        return _client(rows[0]) if rows else None

    def by_secret(self, digests: Sequence[bytes], now_ms: int) -> tuple[Client, int] | None:
        """See the port."""
        rows = self._by_secret(len(digests)).rows(now_ms=now_ms, **_digest_values(digests))
        if not rows:
            return None
        client = _client(rows[0])
        return client, client.generation - (client.secret_digest not in digests)

    def list(self) -> Sequence[Client]:
        """See the port."""
        return [_client(row) for row in self._listing.rows()]

    def set_blocked(self, client_id: str, blocked_at: int | None) -> bool:
        """See the port."""
        return self._blocking.count(row_id=client_id, new_blocked_at=blocked_at) > 0

    def rotate_secret(self, client_id: str, digest: bytes, now_ms: int, previous_until: int | None) -> bool:
        """See the port."""
        values = {"ends_previous": previous_until is None, "new_previous_until": previous_until or 0}
        rotated = self._rotating.count(row_id=client_id, now_ms=now_ms, new_secret_digest=digest, **values)
        return rotated > 0

    def add_token(self, token: ClientToken, at_most: int) -> None:
        """See the port. Expired tokens of the client are deleted too."""
        values = new_values(vars(token))

        def add() -> None:
            # This locks the row of the client, so that only one transaction at a time counts its tokens.
            self._locking.count(row_id=token.client_id)
            self._making_room.count(most=at_most - 1, **values)
            self._adding_token.count(**values)

        self.database.atomically(add)

    def find_token(self, digests: Sequence[bytes]) -> ClientToken | None:
        """See the port."""
        rows = self._finding_token(len(digests)).rows(**_digest_values(digests))
        return ClientToken(*rows[0]) if rows else None

    def add_campaign(self, campaign: Campaign) -> None:
        """See the port."""
        self._adding_campaign.count(**new_values(vars(campaign)))

    def get_campaign(self, campaign_id: str) -> Campaign | None:
        """See the port."""
        rows = self._getting_campaign.rows(row_id=campaign_id)
        return Campaign(*rows[0]) if rows else None

    def list_campaigns(self, client_id: str | None) -> Sequence[Campaign]:
        """See the port."""
        rows = self._all_campaigns.rows() if client_id is None else self._of_client.rows(row_id=client_id)
        return [Campaign(*row) for row in rows]

    def set_paused(self, campaign_id: str, paused_at: int | None) -> bool:
        """See the port."""
        return self._pausing.count(row_id=campaign_id, new_paused_at=paused_at) > 0

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete tokens that expired before then."""
        return purge_table(self.database, self.tokens, self.tokens.c.expires_at < purge.before_ms, purge)

    # -- clients ------------------------------------------------------------------------------

    @cached_property
    def _adding(self) -> Prepared:
        return self._insert(self.table)

    @cached_property
    def _getting(self) -> Prepared:
        return self._select_clients(self.table.c.id == _ID)

    @cached_property
    def _by_secret(self) -> Callable[[int], Prepared]:
        return cache(lambda digests: self._select_clients(self._has_secret(digests)))

    def _has_secret(self, digests: int) -> ColumnElement[bool]:
        row, presented = self.table.c, _digests(digests)
        is_previous = and_(row.previous_digest.in_(presented), row.previous_until > _NOW_MS)
        return or_(row.secret_digest.in_(presented), is_previous)

    @cached_property
    def _listing(self) -> Prepared:
        return self._select_clients()

    @cached_property
    def _blocking(self) -> Statement:
        return self._update(self.table, blocked_at=new_value(self.table, "blocked_at"))

    @cached_property
    def _rotating(self) -> Statement:
        row = self.table.c
        ends_previous = bindparam("ends_previous", type_=Boolean())
        changes = {
            "previous_digest": case((ends_previous, null()), else_=row.secret_digest),
            "previous_until": new_value(self.table, "previous_until"),
            "secret_digest": new_value(self.table, "secret_digest"),
            "generation": row.generation + literal_column("1"),
        }
        return self._update(self.table, or_(ends_previous, row.previous_until <= _NOW_MS), **changes)

    @cached_property
    def _locking(self) -> Statement:
        return self._update(self.table, generation=self.table.c.generation)

    def _select_clients(self, *conditions: ColumnElement[bool]) -> Prepared:
        return self._select(self.table, Client, conditions)

    # -- tokens -------------------------------------------------------------------------------

    @cached_property
    def _adding_token(self) -> Prepared:
        return self._insert(self.tokens)

    @cached_property
    def _making_room(self) -> Prepared:
        row, client_id = self.tokens.c, new_value(self.tokens, "client_id")
        kept = (
            select(row.digest)
            .where(row.client_id == client_id, row.expires_at > new_value(self.tokens, "issued_at"))
            .order_by(row.issued_at.desc(), row.digest)
            .limit(bindparam("most", type_=Integer()))
        )
        # MariaDB takes a LIMIT only in a query within the query.
        is_kept = row.digest.in_(select(kept.subquery("kept").c.digest))
        return self.database.prepare(self.tokens.delete().where(row.client_id == client_id, ~is_kept))

    @cached_property
    def _finding_token(self) -> Callable[[int], Prepared]:
        query, digest = select(*columns_of(self.tokens, ClientToken)), self.tokens.c.digest
        return cache(lambda digests: self.database.prepare(query.where(digest.in_(_digests(digests)))))

    # -- campaigns ----------------------------------------------------------------------------

    @cached_property
    def _adding_campaign(self) -> Prepared:
        return self._insert(self.campaigns)

    @cached_property
    def _getting_campaign(self) -> Prepared:
        return self._select_campaigns(self.campaigns.c.id == _ID)

    @cached_property
    def _all_campaigns(self) -> Prepared:
        return self._select_campaigns()

    @cached_property
    def _of_client(self) -> Prepared:
        return self._select_campaigns(self.campaigns.c.client_id == _ID)

    @cached_property
    def _pausing(self) -> Statement:
        return self._update(self.campaigns, paused_at=new_value(self.campaigns, "paused_at"))

    def _select_campaigns(self, *conditions: ColumnElement[bool]) -> Prepared:
        return self._select(self.campaigns, Campaign, conditions)

    # -- all tables ---------------------------------------------------------------------------

    def _select(
        self, table: Table, value: type[Client | Campaign], conditions: Sequence[ColumnElement[bool]]
    ) -> Prepared:
        """Prepare a statement that returns the rows that meet all ``conditions``, oldest first."""
        query = select(*columns_of(table, value)).where(*conditions)
        return self.database.prepare(query.order_by(table.c.created_at, table.c.id))

    def _insert(self, table: Table) -> Prepared:
        return self.database.prepare(
            table.insert().values(**{column.name: new_value(table, column.name) for column in table.c})
        )

    def _update(
        self, table: Table, condition: ColumnElement[bool] | None = None, **changes: ColumnElement[object]
    ) -> Statement:
        which = and_(table.c.id == _ID, true() if condition is None else condition)
        return self.database.change(Change(table, which, changes))


def _client(row: Row) -> Client:
    columns = list(row)
    columns[_FLOWS] = tuple(columns[_FLOWS].split())
    return Client(*columns)


def _digests(count: int) -> list[ColumnElement[bytes]]:
    return [bindparam(f"digest_{place}", type_=Digest) for place in range(count)]


def _digest_values(digests: Sequence[bytes]) -> dict[str, object]:
    return {f"digest_{place}": digest for place, digest in enumerate(digests)}
