"""Storage in a relational database, through SQLAlchemy Core: SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, MetaData

from flask_otpauth.adapters.sqlalchemy.challenges import SqlChallengeStore
from flask_otpauth.adapters.sqlalchemy.clients import SqlClientStore
from flask_otpauth.adapters.sqlalchemy.counters import Counters
from flask_otpauth.adapters.sqlalchemy.database import SUPPORTED, Database, not_supported
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import EmailQuery, ModelDirectory
from flask_otpauth.adapters.sqlalchemy.in_memory import is_in_memory, memory_engine
from flask_otpauth.adapters.sqlalchemy.postgresql import logins_on
from flask_otpauth.adapters.sqlalchemy.secrets import SqlSecretStore
from flask_otpauth.adapters.sqlalchemy.sessions import SqlSessionStore
from flask_otpauth.adapters.sqlalchemy.tables import Tables, define
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.ports.directory import Directory
from flask_otpauth.ports.storage import LoginAttempt, LoginResult, log_in_by_steps

__all__ = ["Database", "SqlAlchemyStorage", "Tables", "define", "is_in_memory", "memory_engine"]


class SqlAlchemyStorage:
    """
    A :class:`~flask_otpauth.ports.storage.Storage` on an engine, with transactions of its own.

    ``metadata`` is where the tables are defined (the host's ``db.metadata``), ``describe_lock_holder``
    tells which transaction of the host is open, for the message of a locked SQLite file.

    :raises ConfigurationError: if the engine's database is not supported.
    """

    def __init__(
        self,
        engine: Engine,
        metadata: MetaData | None = None,
        describe_lock_holder: Callable[[], str] = lambda: "",
    ) -> None:
        if engine.dialect.name not in SUPPORTED:
            raise ConfigurationError([f"OTPAUTH_DATABASE_URI: {not_supported(engine.dialect.name)}"])
        self.database = Database(engine, describe_lock_holder)
        self.tables = define(MetaData() if metadata is None else metadata)
        tables = self.tables
        counters = Counters(self.database, tables.counters)
        self.challenges = SqlChallengeStore(self.database, tables.challenges, counters)
        self.secrets = SqlSecretStore(self.database, tables.secrets)
        self.sessions = SqlSessionStore(self.database, tables.sessions, tables.generations)
        self.clients = SqlClientStore(self.database, tables.clients, tables.client_tokens, tables.campaigns)
        self._logins = logins_on(self.challenges, self.sessions)
        #: See the port. Operations inside it in the same thread are a part of it.
        self.transaction = self.database.transaction

    def log_in(self, attempt: LoginAttempt) -> LoginResult:
        """See the port. One statement on PostgreSQL, if the users are in the same database."""
        return self._log_in_at_once(attempt) or log_in_by_steps(self, attempt)

    def _log_in_at_once(self, attempt: LoginAttempt) -> LoginResult | None:
        """Log in with one statement. Return ``None`` if that is not possible; nothing was done then."""
        # An error would end an open transaction, in which the steps could not go on.
        if self._logins is None or self.database.is_in_transaction or attempt.user.kind != "email":
            return None
        users = self._users_of(attempt.user.directory)
        if users is None or attempt.guess.limits_key != attempt.guess.challenge_key:
            return None
        return self._logins.log_in(attempt, users)

    def _users_of(self, directory: Directory) -> EmailQuery | None:
        """Return the look-up of users, if their table is on the engine of this storage."""
        if not isinstance(directory, ModelDirectory) or directory.database is None:
            return None
        return directory.email_query if directory.database.engine is self.database.engine else None

    def create_all(self) -> None:
        """See the port."""
        self.database.create(self.tables)

    def purge(self, before_ms: int) -> int:
        """See the port. Secrets and token generations stay: each belongs to a user."""
        with self.database.transaction():
            return sum(part.purge(before_ms) for part in (self.challenges, self.sessions, self.clients))
