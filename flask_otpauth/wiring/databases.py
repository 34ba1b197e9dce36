"""Choose the engine of the storage, and the directory of the users."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, MetaData, Table
from sqlalchemy.orm import class_mapper
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.adapters.sqlalchemy.dialects import dialect_of
from flask_otpauth.adapters.sqlalchemy.directory.host_models import (
    key_problems,
    unfilled_columns,
    unread_status,
)
from flask_otpauth.adapters.sqlalchemy.directory.model import UserMixin, packaged_model
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage, is_in_memory, memory_engine
from flask_otpauth.adapters.sqlalchemy.tables import DEFAULT_NAMES, TableNames
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.core.record import frozen
from flask_otpauth.core.service import service
from flask_otpauth.ports.directory import Directory, User
from flask_otpauth.ports.storage import Storage
from flask_otpauth.settings import PREFIX, Shared
from flask_otpauth.wiring import resolve
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.database_uri import engine_of, synchronous

_logger = logging.getLogger("flask_otpauth")
#: The pools that give a thread the connection that it already has. To commit on it would commit what the host
#: has begun.
_SHARING = (SingletonThreadPool, StaticPool)


@service
class ViewUsers:
    """What the host's views get for a user."""

    #: Returns the object of the host's session, or the user itself.
    object_of: Callable[[User], User]
    #: Whether the host's session may have changed its object of a user who was read before.
    is_in_use: Callable[[], bool]


@service
class Databases:
    """The storage and the directory of an app."""

    storage: Storage
    directory: Directory
    #: Functions that create the missing tables.
    tables: tuple[Callable[[], None], ...]
    #: What the host's views get for a user.
    for_views: ViewUsers
    #: Returns the object that other code of the host gets for a user.
    for_host: Callable[[User], User]
    #: Whether the storage is in memory, so that it is empty when the process starts.
    are_new: bool


@frozen
class _Place:
    """Where the tables of the extension are."""

    engine: Engine
    metadata: MetaData
    names: TableNames = DEFAULT_NAMES


def open_databases(assembly: Assembly) -> Databases:
    """Return the storage and the directory of the app. Without ``OTPAUTH_USERS``, they use one engine."""
    place = _place(assembly)
    engine = place.engine
    directory, tables_of_users = _directory(assembly, place)
    storage = _storage(assembly, place)
    tables = (storage.create_all, *tables_of_users)
    in_memory = is_in_memory(engine.url)
    if in_memory:
        # The database is new in each process, so a command cannot create its tables.
        for create in tables:
            create()
    are_new = isinstance(storage, MemoryStorage) or (isinstance(storage, SqlAlchemyStorage) and in_memory)
    for_host = directory.object_of if isinstance(directory, ModelDirectory) else _unchanged
    return Databases(storage, directory, tables, _for_views(assembly, directory, engine), for_host, are_new)


def _storage(assembly: Assembly, place: _Place) -> Storage:
    packaged: dict[str, Callable[[], Storage]] = {
        "sqlalchemy": lambda: SqlAlchemyStorage(
            place.engine, place.metadata, lambda: _describe_lock_holder(assembly), place.names
        ),
        "memory": MemoryStorage,
    }
    storage = None
    try:
        storage = assembly.resolved("STORAGE", assembly.shared.storage, packaged, "atomically")
    except ConfigurationError as error:
        assembly.problems += error.problems
    return MemoryStorage() if storage is None else storage


def _place(assembly: Assembly) -> _Place:
    engine, metadata = _database(assembly)
    names = TableNames(assembly.shared.table_prefix, assembly.shared.schema_)
    taken = names.taken(metadata, has_users=assembly.shared.users is None)
    problems = []
    if names.schema is not None and not dialect_of(engine.dialect.name).has_schemas:
        problems.append(f"{PREFIX}SCHEMA: {engine.dialect.name} has no schemas: use {PREFIX}TABLE_PREFIX")
    if taken:
        problems.append(
            f"{PREFIX}TABLE_PREFIX: the app already has {', '.join(taken)}: choose another prefix. If "
            "the app reflects its tables, initialize OtpAuth before"
        )
    assembly.problems += problems
    # With a problem, the app does not start, but the rest of its configuration is still checked.
    return _Place(memory_engine(), MetaData()) if problems else _Place(engine, metadata, names)


def _database(assembly: Assembly) -> tuple[Engine, MetaData]:
    """Return the engine of the storage, and the metadata of its tables."""
    host = _host_database(assembly)
    assembly.problems += _settings_without_effect(assembly.shared, host)
    if assembly.shared.database_uri or host is None:
        engine = engine_of(assembly, assembly.shared.database_uri or _default_uri(assembly))
        return _not_shared(engine), MetaData()
    if isinstance(host, Engine):
        return _of_host(assembly, host), MetaData()
    return _bound(assembly, host)


def _settings_without_effect(shared: Shared, host: SQLAlchemy | Engine | None) -> Iterator[str]:
    if shared.engine_options and host is not None and not shared.database_uri:
        yield (
            f"{PREFIX}ENGINE_OPTIONS: requires {PREFIX}DATABASE_URI; for the engine of the app, set "
            "SQLALCHEMY_ENGINE_OPTIONS"
        )
    if shared.bind_key is not None and (shared.database_uri or not isinstance(host, SQLAlchemy)):
        yield f"{PREFIX}BIND_KEY: requires Flask-SQLAlchemy, and that {PREFIX}DATABASE_URI is not set"


def _bound(assembly: Assembly, host: SQLAlchemy) -> tuple[Engine, MetaData]:
    """Return the engine of a Flask-SQLAlchemy with the chosen key, and its metadata."""
    key = assembly.shared.bind_key
    with assembly.app.app_context():
        engine = host.engines.get(key)
    if engine is not None:
        return _of_host(assembly, engine), host.metadatas[key]
    assembly.problems.append(
        "SQLALCHEMY_DATABASE_URI: set it in addition to the binds, or set OTPAUTH_BIND_KEY"
        if key is None
        else f"{PREFIX}BIND_KEY: SQLALCHEMY_BINDS has no {key!r}"
    )
    return memory_engine(), MetaData()


def _engine(assembly: Assembly, db: SQLAlchemy, metadata: MetaData) -> Engine | None:
    """Return the engine that Flask-SQLAlchemy uses for the tables of ``metadata``."""
    with assembly.app.app_context():
        return db.engines.get(metadata.info.get("bind_key"))


def _flask_sqlalchemy(assembly: Assembly) -> SQLAlchemy | None:
    registered: SQLAlchemy | None = assembly.app.extensions.get("sqlalchemy")
    return registered


def _host_database(assembly: Assembly) -> SQLAlchemy | Engine | None:
    """Return the Flask-SQLAlchemy or the engine of the host; ``None`` if it has neither."""
    registered = _flask_sqlalchemy(assembly)
    given = getattr(assembly.db, "sync_engine", assembly.db)  # of an AsyncEngine
    if isinstance(given, Engine):
        return given
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


def _of_host(assembly: Assembly, engine: Engine) -> Engine:
    """Return an engine of the host, or one in memory if it cannot be used."""
    if engine.dialect.is_async:
        problem = (
            "the driver of the app's engine is asynchronous: set this to the same database with "
            f"{synchronous(engine.url)}://"
        )
    elif isinstance(engine.pool, _SHARING) and not is_in_memory(engine.url):
        problem = (
            f"the app's engine shares one connection ({type(engine.pool).__name__}): set this to the same "
            "database"
        )
    else:
        return _not_shared(engine)
    assembly.problems.append(f"{PREFIX}DATABASE_URI: {problem}")
    return memory_engine()


def _not_shared(engine: Engine) -> Engine:
    """
    Return ``engine``, or a new one in memory if the engine is in memory.

    A database in memory has one connection, and the host's has the transactions of the host.
    """
    return memory_engine() if is_in_memory(engine.url) else engine


def _default_uri(assembly: Assembly) -> str:
    """Return the URI of the database that is used if the host names none."""
    if assembly.shared.storage == "memory":
        return "sqlite://"
    return "sqlite:///otpauth.sqlite"


def _describe_lock_holder(assembly: Assembly) -> str:
    """Describe the open transaction of the host, for the error about a locked SQLite file."""
    db = _flask_sqlalchemy(assembly)
    if db is None or not db.session.registry.has() or not db.session().in_transaction():
        return ""
    return "db.session has an open transaction in this request: commit or roll it back first"


def _directory(assembly: Assembly, place: _Place) -> tuple[Directory, tuple[Callable[[], None], ...]]:
    """Return the directory, and the functions that create its missing tables."""
    if assembly.shared.users is None:
        packaged = _packaged_directory(assembly, place)
        return packaged, (packaged.create_all,)
    directory = _host_directory(assembly)
    if directory is None:
        # The app does not start, but the rest of its configuration is still checked.
        directory = _packaged_directory(assembly, _Place(memory_engine(), MetaData()))
    return directory, ()


def _packaged_directory(assembly: Assembly, place: _Place) -> ModelDirectory:
    model = packaged_model(place.metadata, place.names)
    return ModelDirectory(model, place.engine, lambda: _describe_lock_holder(assembly))


def _host_directory(assembly: Assembly) -> Directory | None:
    """Return the directory that ``OTPAUTH_USERS`` names. If there is a problem, return ``None``."""
    chosen = assembly.shared.users
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


def _model_directory(assembly: Assembly, model: type[UserMixin]) -> ModelDirectory | None:
    db = _flask_sqlalchemy(assembly)
    if db is None:
        assembly.problems.append(
            "OTPAUTH_USERS: a model requires Flask-SQLAlchemy: initialize it before OtpAuth"
        )
        return None
    engine = _engine(assembly, db, cast("Table", class_mapper(model).local_table).metadata)
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
    host_session = db.session if is_in_memory(engine.url) or isinstance(engine.pool, _SHARING) else None
    return ModelDirectory(model, engine, lambda: _describe_lock_holder(assembly), host_session)


def _creation_problems(assembly: Assembly, model: type[UserMixin]) -> list[str]:
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


def _for_views(assembly: Assembly, directory: Directory, engine: Engine) -> ViewUsers:
    """Return what makes users of the host's database objects of its ``db.session``."""
    db = _flask_sqlalchemy(assembly)
    unchanged = ViewUsers(_unchanged, lambda: False)
    if db is None or not isinstance(directory, ModelDirectory):
        return unchanged
    if assembly.shared.users is None and _engine(assembly, db, directory.table.metadata) is not engine:
        return unchanged
    return ViewUsers(lambda user: directory.in_session(user, db.session()), db.session.registry.has)
