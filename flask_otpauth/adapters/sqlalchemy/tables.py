"""
The tables of the storage.

They are in the host's metadata, so that ``db.create_all()`` and migrations include them.

Keys and digests are binary, and names are compared byte by byte on all databases. Otherwise a collation
could treat two subjects as one. But MariaDB and MySQL ignore spaces at the end of a name. Only the id of a
user in a directory of the host can have them. Instants are epoch milliseconds. Unique columns have an index
with a name, because a migration cannot add or drop a constraint without a name.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    BINARY,
    TEXT,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TextClause,
    text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from flask_otpauth.core.keys import DIGEST_BYTES
from flask_otpauth.core.record import frozen

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

_MYSQL = ("mysql", "mariadb")


def exact(length: int) -> String:
    """Return the type of a text of at most ``length`` characters, which is compared byte by byte."""
    return String(length).with_variant(String(length, collation="utf8mb4_bin"), *_MYSQL)


Digest = LargeBinary(DIGEST_BYTES).with_variant(BINARY(DIGEST_BYTES), *_MYSQL)
Instant = BigInteger()
Name = exact(255)
# Texts of any length, in all languages, whatever the character set of the database. Hashes are compared, too.
LongText = Text().with_variant(TEXT(collation="utf8mb4_bin"), *_MYSQL)
# Instants in a log are compared as text: by code points, whatever the collation of the database.
Log = LongText.with_variant(TEXT(collation="C"), "postgresql")


class PartialIndex(Index):
    """
    An index of the rows that meet a condition. MariaDB has all rows in it.

    SQLAlchemy imports a dialect to check an option of it. That of PostgreSQL takes longer than the rest of
    ``init_app``, so this adds the options when the index is created, compared or copied.
    """

    def __init__(
        self,
        name: str,
        *columns: str | ColumnElement[Any],
        where: ColumnElement[bool] | TextClause,
        unique: bool = False,
    ) -> None:
        super().__init__(name, *columns, unique=unique)
        self.where = where

    @cached_property
    def dialect_options(self) -> Any:
        """The options of each dialect, with the condition."""
        options = super().dialect_options
        for dialect in ("sqlite", "postgresql"):
            options[dialect]["where"] = self.where
        return options


#: The name of the packaged table of users, without the prefix.
USERS = "users"
#: Marks a table in its ``info`` as one of the extension, and not of the host.
_MARK = "flask_otpauth"


@frozen
class TableNames:
    """How the tables are named: what each name begins with, and the schema that they are in."""

    prefix: str = "otpauth_"
    #: ``None``: the schema of the metadata, or else the default schema of the connection.
    schema: str | None = None

    def options(self) -> dict[str, Any]:
        """Return the options that each table is defined with."""
        return {"schema": self.schema, "info": {_MARK: True}}

    def table(self, metadata: MetaData, name: str, *parts: SchemaItem) -> Table:
        """Define a table in ``metadata``. Several extension objects may share it: the first one defines."""
        return Table(f"{self.prefix}{name}", metadata, *parts, **self.options(), keep_existing=True)

    def index(self, table: str, *columns: str, where: str = "", unique: bool = False) -> Index:
        """Return an index of a table, or of its rows that meet a condition. Its name has the prefix, too."""
        name = f"ix_{self.prefix}{table}_{'_'.join(columns)}"
        if where:
            return PartialIndex(name, *columns, where=text(where), unique=unique)
        return Index(name, *columns, unique=unique)

    def taken(self, metadata: MetaData, has_users: bool) -> list[str]:
        """Return the names that the host has already given to tables of its own in ``metadata``."""
        schema = self.schema or metadata.schema
        names = [each.name for each in fields(Tables) if each.name != "metadata"]
        full = [f"{self.prefix}{name}" for name in (*names, *([USERS] if has_users else []))]
        keys = {f"{schema}.{name}" if schema else name for name in full}
        found = [table for key, table in metadata.tables.items() if key in keys]
        return [table.fullname for table in found if not is_packaged(table)]


DEFAULT_NAMES = TableNames()


def is_packaged(table: Table) -> bool:
    """Return whether a table is one of the extension, and not of the host."""
    return _MARK in table.info


@frozen
class Tables:
    """All tables, in one metadata."""

    metadata: MetaData
    challenges: Table
    counters: Table
    secrets: Table
    sessions: Table
    generations: Table
    clients: Table
    client_tokens: Table
    campaigns: Table
    circuits: Table
    deliveries: Table
    idempotency: Table

    def all(self) -> list[Table]:
        """Return all tables in a list."""
        return [table for table in vars(self).values() if isinstance(table, Table)]


def define(metadata: MetaData, names: TableNames = DEFAULT_NAMES) -> Tables:
    """Define the tables in ``metadata``, unless they are already defined there. Return them."""
    return Tables(
        metadata,
        **_challenges(metadata, names),
        **_secrets(metadata, names),
        **_sessions(metadata, names),
        **_clients(metadata, names),
        **_circuits(metadata, names),
        **_deliveries(metadata, names),
        **_idempotency(metadata, names),
    )


def columns_of(table: Table, value: type[DataclassInstance]) -> list[Column[object]]:
    """Return the columns of ``table`` for the fields of the dataclass ``value``, in their order."""
    return [table.c[field.name] for field in fields(value)]


def _key(name: str, kind: TypeEngine[T]) -> Column[T]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _required(name: str, kind: TypeEngine[T]) -> Column[T]:
    return Column(name, kind, nullable=False)


def _challenges(metadata: MetaData, names: TableNames) -> dict[str, Table]:
    return {
        "challenges": names.table(
            metadata,
            "challenges",
            _key("key", Digest),
            _required("sends", Log),
            _required("misses", Log),
            _required("nonce", Name),
            Column("digest", Digest),
            _required("issued_at", Instant),
            _required("expires_at", Instant),
            _required("guesses", Integer()),
            Column("consumed_at", Instant),
            _required("reference", LongText),
            _required("clears_misses", Boolean()),
            _required("handed_over", Boolean()),
            _required("held", Boolean()),
            _required("needed_until", Instant),
            _required("locked_at", Instant),
            _required("locked_until", Instant),
        ),
        "counters": names.table(
            metadata,
            "counters",
            _key("key", Digest),
            _key("day_start", Instant),
            _required("day_end", Instant),
            _required("count", Integer()),
        ),
    }


def _secrets(metadata: MetaData, names: TableNames) -> dict[str, Table]:
    return {
        "secrets": names.table(
            metadata,
            "secrets",
            _key("key", Digest),
            Column("hash", LongText),
            _required("failures", Integer()),
            _required("failed_at", Instant),
            _required("in_a_row", Integer()),
        ),
    }


def _sessions(metadata: MetaData, names: TableNames) -> dict[str, Table]:
    return {
        "sessions": names.table(
            metadata,
            "sessions",
            _key("id", Name),
            _required("user_id", Name),
            _required("person_key", Name),
            _required("authenticated_at", Instant),
            _required("rotated_at", Instant),
            _required("ends_at", Instant),
            _required("generation", Integer()),
            Column("closed_at", Instant),
            # The user, while this is the session that closed the others: there is one at most.
            Column("alone_for", Name),
            # A login ends the open sessions of its user, and does not read those that are closed. Each index
            # has no entry for a closed session, so that closing it writes less.
            names.index("sessions", "user_id", "closed_at", where="closed_at IS NULL"),
            names.index("sessions", "alone_for", where="alone_for IS NOT NULL", unique=True),
        ),
        "generations": names.table(
            metadata,
            "generations",
            _key("user_id", Name),
            _required("generation", Integer()),
        ),
    }


def _clients(metadata: MetaData, names: TableNames) -> dict[str, Table]:
    return {
        "clients": names.table(
            metadata,
            "clients",
            _key("id", Name),
            _required("name", LongText),
            _required("flows", LongText),
            _required("scope", LongText),
            _required("created_at", Instant),
            _required("secret_digest", Digest),
            _required("generation", Integer()),
            Column("previous_digest", Digest),
            _required("previous_until", Instant),
            Column("blocked_at", Instant),
            names.index("clients", "secret_digest"),
            names.index("clients", "previous_digest"),
        ),
        "client_tokens": names.table(
            metadata,
            "client_tokens",
            _key("digest", Digest),
            _required("client_id", Name),
            _required("generation", Integer()),
            _required("issued_at", Instant),
            _required("expires_at", Instant),
            names.index("client_tokens", "client_id"),
        ),
        "campaigns": names.table(
            metadata,
            "campaigns",
            _key("id", Name),
            _required("client_id", Name),
            _required("name", LongText),
            _required("caller_id", LongText),
            _required("language", LongText),
            _required("created_at", Instant),
            _required("repeats", Integer()),
            Column("daily_cap", Integer()),
            Column("paused_at", Instant),
            names.index("campaigns", "client_id"),
        ),
    }


def _circuits(metadata: MetaData, names: TableNames) -> dict[str, Table]:
    return {
        "circuits": names.table(
            metadata,
            "circuits",
            _key("name", Name),
            _required("failures", Integer()),
            _required("failed_at", Instant),
            _required("probe", Name),
            _required("probed_at", Instant),
        ),
    }


def _deliveries(metadata: MetaData, names: TableNames) -> dict[str, Table]:
    return {
        "deliveries": names.table(
            metadata,
            "deliveries",
            _key("id", Name),
            Column("challenge_key", Digest),
            _required("nonce", Name),
            _required("channel", Name),
            _required("due_at", Instant),
            Column("expires_at", Instant),
            _required("needed_until", Instant),
            _required("step", Integer()),
            Column("max_guesses", Integer()),
            _required("sealed", LargeBinary()),
            _required("state", Name),
            _required("claimed_until", Instant),
            _required("sender", Name),
            _required("provider_id", Name),
            _required("status", Name),
            _required("cost", Name),
            _required("currency", Name),
            # Whoever looks for what is due reads no row that is done.
            names.index("deliveries", "state", "due_at"),
            names.index("deliveries", "sender", "provider_id"),
        ),
    }


def _idempotency(metadata: MetaData, names: TableNames) -> dict[str, Table]:
    return {
        "idempotency": names.table(
            metadata,
            "idempotency",
            _key("key", Digest),
            _required("digest", Digest),
            _required("nonce", Name),
            _required("leased_until", Instant),
            _required("expires_at", Instant),
            Column("answer", LongText),
        ),
    }
