"""Storage in a relational database, through SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Engine, MetaData

from flask_otpauth.adapters.sqlalchemy.challenges import SqlChallengeStore
from flask_otpauth.adapters.sqlalchemy.circuits import SqlCircuitStore
from flask_otpauth.adapters.sqlalchemy.clients import SqlClientStore
from flask_otpauth.adapters.sqlalchemy.counters import Counters
from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.deliveries import SqlDeliveryStore
from flask_otpauth.adapters.sqlalchemy.dialects import SUPPORTED, not_supported
from flask_otpauth.adapters.sqlalchemy.idempotency import SqlIdempotencyStore
from flask_otpauth.adapters.sqlalchemy.in_memory import is_in_memory, memory_engine
from flask_otpauth.adapters.sqlalchemy.postgresql_logins import logins_of
from flask_otpauth.adapters.sqlalchemy.secrets import SqlSecretStore
from flask_otpauth.adapters.sqlalchemy.sessions import SqlLogins, SqlSessionStore
from flask_otpauth.adapters.sqlalchemy.tables import DEFAULT_NAMES, TableNames, Tables, define
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.ports.storage import Purge, PurgedBatch

__all__ = ["Database", "SqlAlchemyStorage", "Tables", "define", "is_in_memory", "memory_engine"]


class SqlAlchemyStorage:
    """
    A :class:`~flask_otpauth.ports.storage.Storage` on an engine, with transactions of its own.

    ``metadata`` is where the tables are defined (the host's ``db.metadata``), ``describe_lock_holder``
    tells which transaction of the host is open, for the message of a locked SQLite file, and ``names`` says
    how the tables are named.

    :raises ConfigurationError: if the engine's database is not supported.
    """

    def __init__(
        self,
        engine: Engine,
        metadata: MetaData | None = None,
        describe_lock_holder: Callable[[], str] = lambda: "",
        names: TableNames = DEFAULT_NAMES,
    ) -> None:
        if engine.dialect.name not in SUPPORTED:
            raise ConfigurationError([f"OTPAUTH_DATABASE_URI: {not_supported(engine.dialect.name)}"])
        self.database = Database(engine, describe_lock_holder)
        self.tables = define(MetaData() if metadata is None else metadata, names)
        tables = self.tables
        for table in tables.all():
            self.database.dialect.complete(table)
        counters = Counters(self.database, tables.counters)
        self.challenges = SqlChallengeStore(self.database, tables.challenges, counters)
        self.secrets = SqlSecretStore(self.database, tables.secrets)
        self.sessions = SqlSessionStore(self.database, tables.sessions, tables.generations)
        self.clients = SqlClientStore(self.database, tables.clients, tables.client_tokens, tables.campaigns)
        self.circuits = SqlCircuitStore(self.database, tables.circuits)
        self.deliveries = SqlDeliveryStore(self.database, tables.deliveries, tables.challenges)
        self.idempotency = SqlIdempotencyStore(self.database, tables.idempotency)
        several = SqlLogins(self.challenges, self.sessions) if self.database.dialect.has_one_writer else None
        logins = logins_of(self.challenges, self.sessions) or several
        #: See the port. Both are for users in the same database.
        self.issue_to_user = logins.issue_to_user if logins else None
        self.log_in = logins.log_in if logins else None
        #: See the port. Operations inside it in the same thread are a part of it.
        self.atomically = self.database.atomically

    def create_all(self) -> None:
        """See the port."""
        self.database.create(self.tables)

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """See the port. Secrets and token generations stay: each belongs to a user."""
        parts = (
            self.challenges,
            self.sessions,
            self.clients,
            self.circuits,
            self.deliveries,
            self.idempotency,
        )
        for part in parts:
            yield from part.purge(purge)
