"""Which engine our rows are on, and where users are found (design: never the host's session)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, MetaData

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.adapters.sqlalchemy.directory.host_models import (
    key_problems,
    unfilled_columns,
    unread_status,
)
from flask_otpauth.adapters.sqlalchemy.directory.model import UserMixin, packaged_model
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage, is_in_memory, memory_engine
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.ports.directory import Directory, User
from flask_otpauth.ports.storage import Storage
from flask_otpauth.settings import PREFIX
from flask_otpauth.wiring import resolve
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.database_uri import engine_of

_logger = logging.getLogger("flask_otpauth")


@dataclass(frozen=True)
class Databases:
    """
    Where codes and users live; ``tables`` make themselves where they are missing, ``for_views``
    makes of a user what the host's views get. ``are_new``: codes begin and end with the process.
    """

    storage: Storage
    directory: Directory
    tables: tuple[Callable[[], None], ...]
    for_views: Callable[[User], User]
    #: Returns what other code of the host gets for a user.
    for_host: Callable[[User], User]
    are_new: bool


def open_databases(assembly: Assembly) -> Databases:
    """Codes and users on one engine and in one metadata; users elsewhere if the host says so."""
    engine, metadata = _database(assembly)
    directory = _directory(assembly, engine, metadata)
    storage = _storage(assembly, engine, metadata)
    packaged_users = assembly.shared.users is None
    tables = (storage.create_all, directory.create_all) if packaged_users else (storage.create_all,)
    in_memory = is_in_memory(engine.url)
    if in_memory:
        # An in-memory database of ours is new with every process: nobody else can make its tables.
        for create in tables:
            create()
    are_new = isinstance(storage, MemoryStorage) or (isinstance(storage, SqlAlchemyStorage) and in_memory)
    for_host = directory.object_of if isinstance(directory, ModelDirectory) else _unchanged
    return Databases(storage, directory, tables, _for_views(assembly, directory, engine), for_host, are_new)


def _storage(assembly: Assembly, engine: Engine, metadata: MetaData) -> Storage:
    packaged: dict[str, Callable[[], Storage]] = {
        "sqlalchemy": lambda: SqlAlchemyStorage(
            engine, metadata, describe_lock_holder=lambda: _describe_lock_holder(assembly)
        ),
        "memory": MemoryStorage,
    }
    storage = None
    try:
        storage = assembly.resolved("STORAGE", assembly.shared.storage, packaged, "transaction")
    except ConfigurationError as error:
        assembly.problems += error.problems
    return storage or MemoryStorage()


def _database(assembly: Assembly) -> tuple[Engine, MetaData]:
    host = _host_database(assembly)
    if assembly.shared.database_uri or host is None:
        return _not_shared(
            engine_of(assembly, assembly.shared.database_uri or _own_uri(assembly))
        ), MetaData()
    if assembly.shared.engine_options:
        assembly.problems.append(
            f"{PREFIX}ENGINE_OPTIONS: requires {PREFIX}DATABASE_URI; for the engine of the app, set "
            "SQLALCHEMY_ENGINE_OPTIONS"
        )
    if isinstance(host, Engine):
        return _not_shared(host), MetaData()
    engine = _engine(assembly, host, host.metadata)
    if engine is None:
        assembly.problems.append(
            "SQLALCHEMY_DATABASE_URI: set it in addition to the binds, or set OTPAUTH_DATABASE_URI"
        )
    return _not_shared(engine or memory_engine()), host.metadata


def _engine(assembly: Assembly, host: Any, metadata: MetaData) -> Engine | None:
    """The engine that Flask-SQLAlchemy has for tables of that metadata: a bind's, or the default."""
    with assembly.app.app_context():
        engine: Engine | None = host.engines.get(metadata.info.get("bind_key"))
        return engine


def _host_database(assembly: Assembly) -> Any:
    """The host's Flask-SQLAlchemy or Engine, ``None`` without one."""
    registered = assembly.app.extensions.get("sqlalchemy")
    if isinstance(assembly.db, Engine):
        return assembly.db
    if assembly.db is not None and registered is not assembly.db:
        assembly.problems.append(
            "SQLALCHEMY_DATABASE_URI: call db.init_app(app) before otpauth.init_app(app)"
        )
        return None
    is_meant = not assembly.shared.database_uri and assembly.app.config.get("SQLALCHEMY_DATABASE_URI")
    if registered is None and is_meant:
        assembly.problems.append(
            "SQLALCHEMY_DATABASE_URI: initialize Flask-SQLAlchemy before OtpAuth, or set OTPAUTH_DATABASE_URI"
        )
    return registered


def _not_shared(engine: Engine) -> Engine:
    """``engine``, or an in-memory one of our own: the host's is one connection, with its transactions."""
    return memory_engine() if is_in_memory(engine.url) else engine


def _own_uri(assembly: Assembly) -> str:
    """A file in the instance folder; nowhere, if codes are to live in memory as well."""
    if assembly.shared.storage == "memory":
        return "sqlite://"
    return "sqlite:///otpauth.sqlite"


def _describe_lock_holder(assembly: Assembly) -> str:
    """Which transaction of the host is open, for the error that a locked SQLite file becomes."""
    db = assembly.app.extensions.get("sqlalchemy")
    if db is None or not db.session.registry.has() or not db.session().in_transaction():
        return ""
    return "db.session has an open transaction in this request: commit or roll it back first"


def _directory(assembly: Assembly, engine: Engine, metadata: MetaData) -> Any:
    chosen = assembly.shared.users
    if chosen is None:
        return ModelDirectory(packaged_model(metadata), engine, lambda: _describe_lock_holder(assembly))
    if isinstance(chosen, str):
        try:
            chosen = resolve.import_path(chosen)
        except ValueError as error:
            assembly.problems.append(f"OTPAUTH_USERS: {error}")
            return None
    if isinstance(chosen, type) and issubclass(chosen, UserMixin):
        return _model_directory(assembly, chosen)
    if isinstance(chosen, type) and hasattr(chosen, "__mapper__"):
        form = f"class {chosen.__name__}(UserMixin, db.Model)"
        assembly.problems.append(
            f"OTPAUTH_USERS: the model must have the mixin flask_otpauth.users.UserMixin: {form}"
        )
        return None
    return assembly.resolved("USERS", chosen, {}, "get", "find", "create", "mark_verified", "set_enabled")


def _model_directory(assembly: Assembly, model: type[Any]) -> ModelDirectory | None:
    db = assembly.app.extensions.get("sqlalchemy")
    if db is None:
        assembly.problems.append(
            "OTPAUTH_USERS: a model requires Flask-SQLAlchemy: initialize it before OtpAuth"
        )
        return None
    engine = _engine(assembly, db, model.__table__.metadata)
    if engine is None:
        assembly.problems.append("OTPAUTH_USERS: Flask-SQLAlchemy has no engine for the model's table")
        return None
    problems = key_problems(model) or _creation_problems(assembly, model)
    if problems:
        assembly.problems += [f"OTPAUTH_USERS: {problem}" for problem in problems]
        return None
    unread = unread_status(model)
    if unread is not None:
        _logger.warning("OTPAUTH_USERS: %s", unread)
    host_session = db.session if is_in_memory(engine.url) else None
    return ModelDirectory(model, engine, lambda: _describe_lock_holder(assembly), host_session)


def _creation_problems(assembly: Assembly, model: type[Any]) -> list[str]:
    columns = unfilled_columns(model)
    creating = [
        name for name in assembly.registered if assembly.flows[name].creates_users(assembly.by_flow[name])
    ]
    if not columns or not creating:
        return []
    setting = f"{PREFIX}{creating[0].upper()}_CREATE_USER = False"
    remedy = f"add a default, fill it in __init__, or set {setting}"
    names = ", ".join(columns)
    return [f"the {creating[0]} flow creates {model.__name__} rows but cannot fill {names}: {remedy}"]


def _unchanged(user: User) -> User:
    return user


def _for_views(assembly: Assembly, directory: Directory, engine: Engine) -> Callable[[User], User]:
    """Users in the host's own database are objects of its ``db.session``. Others are not changed."""
    db = assembly.app.extensions.get("sqlalchemy")
    if db is None or not isinstance(directory, ModelDirectory):
        return _unchanged
    if assembly.shared.users is None and _engine(assembly, db, directory.table.metadata) is not engine:
        return _unchanged
    return lambda user: directory.in_session(user, db.session())
