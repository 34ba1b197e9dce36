"""
The tables of the storage.

They are in the host's metadata, so that ``db.create_all()`` and migrations include them.

Keys and digests are binary, and names are compared byte by byte on all databases. Otherwise a collation could
treat two subjects as one. Instants are epoch milliseconds. Unique columns have an index with a name, because
a migration cannot add or drop a constraint without a name.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import (
    BINARY,
    TEXT,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from flask_otpauth.core.keys import DIGEST_BYTES

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
# Instants in a log are compared as text: by code points, whatever the collation of the database.
Log = Text().with_variant(TEXT(collation="C"), "postgresql")


@dataclass(frozen=True)
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

    def all(self) -> list[Table]:
        """Return all tables in a list."""
        return [table for table in vars(self).values() if isinstance(table, Table)]


def define(metadata: MetaData) -> Tables:
    """Define the tables in ``metadata``, unless they are already defined there. Return them."""
    return Tables(
        metadata,
        **_challenges(metadata),
        **_secrets(metadata),
        **_sessions(metadata),
        **_clients(metadata),
    )


def columns_of(table: Table, value: type[DataclassInstance]) -> list[Column[object]]:
    """Return the columns of ``table`` for the fields of the dataclass ``value``, in their order."""
    return [table.c[field.name] for field in fields(value)]


def _table(metadata: MetaData, name: str, *parts: SchemaItem) -> Table:
    # Several extension objects may share one metadata. The first one defines the tables.
    return Table(f"otpauth_{name}", metadata, *parts, keep_existing=True)


def _key(name: str, kind: TypeEngine[T]) -> Column[T]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _required(name: str, kind: TypeEngine[T]) -> Column[T]:
    return Column(name, kind, nullable=False)


def _challenges(metadata: MetaData) -> dict[str, Table]:
    return {
        "challenges": _table(
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
            _required("reference", Text()),
            _required("clears_misses", Boolean()),
            _required("handed_over", Boolean()),
            _required("held", Boolean()),
            _required("needed_until", Instant),
            _required("locked_at", Instant),
            _required("locked_until", Instant),
        ),
        "counters": _table(
            metadata,
            "counters",
            _key("key", Digest),
            _key("day_start", Instant),
            _required("day_end", Instant),
            _required("count", Integer()),
        ),
    }


def _secrets(metadata: MetaData) -> dict[str, Table]:
    return {
        "secrets": _table(
            metadata,
            "secrets",
            _key("key", Digest),
            Column("hash", Text()),
            _required("failures", Integer()),
            _required("failed_at", Instant),
            _required("in_a_row", Integer()),
        ),
    }


def _sessions(metadata: MetaData) -> dict[str, Table]:
    return {
        "sessions": _table(
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
            # A login ends the open sessions of its user, and does not read those that are closed.
            Index("ix_otpauth_sessions_user_id_closed_at", "user_id", "closed_at"),
            Index("ix_otpauth_sessions_alone_for", "alone_for", unique=True),
        ),
        "generations": _table(
            metadata,
            "generations",
            _key("user_id", Name),
            _required("generation", Integer()),
        ),
    }


def _clients(metadata: MetaData) -> dict[str, Table]:
    return {
        "clients": _table(
            metadata,
            "clients",
            _key("id", Name),
            _required("name", Text()),
            _required("flows", Text()),
            _required("scope", Text()),
            _required("created_at", Instant),
            _required("secret_digest", Digest),
            _required("generation", Integer()),
            Column("previous_digest", Digest),
            _required("previous_until", Instant),
            Column("blocked_at", Instant),
            Index("ix_otpauth_clients_secret_digest", "secret_digest"),
            Index("ix_otpauth_clients_previous_digest", "previous_digest"),
        ),
        "client_tokens": _table(
            metadata,
            "client_tokens",
            _key("digest", Digest),
            _required("client_id", Name),
            _required("generation", Integer()),
            _required("issued_at", Instant),
            _required("expires_at", Instant),
            Index("ix_otpauth_client_tokens_client_id", "client_id"),
        ),
        "campaigns": _table(
            metadata,
            "campaigns",
            _key("id", Name),
            _required("client_id", Name),
            _required("name", Text()),
            _required("caller_id", Text()),
            _required("language", Text()),
            _required("created_at", Instant),
            _required("repeats", Integer()),
            Column("daily_cap", Integer()),
            Column("paused_at", Instant),
            Index("ix_otpauth_campaigns_client_id", "client_id"),
        ),
    }
