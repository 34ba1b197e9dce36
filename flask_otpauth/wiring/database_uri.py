"""The engine for ``OTPAUTH_DATABASE_URI``, or the problem with it. No problem shows the value."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from flask import Flask
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from flask_otpauth.adapters.sqlalchemy.dialects import SUPPORTED, not_supported
from flask_otpauth.adapters.sqlalchemy.storage import is_in_memory, memory_engine
from flask_otpauth.settings import PREFIX
from flask_otpauth.wiring.assembly import Assembly

#: The exceptions of ``create_engine`` for options that it cannot use.
_REFUSALS = (TypeError, ValueError, AttributeError, SQLAlchemyError)
#: The usual driver that is not asynchronous, if the name of the database alone is not enough.
_SYNCHRONOUS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_KEY = f"{PREFIX}DATABASE_URI"


def engine_of(assembly: Assembly, uri: str) -> Engine:
    """
    Create an engine for the database of ``uri``.

    If that is not possible, add a problem, and return an engine for a database in memory.
    """
    try:
        url = make_url(uri)
        problem = _problem(assembly, url)
        if problem is None and is_in_memory(url):
            return memory_engine()
        if problem is None:
            return _create(assembly, _in_instance_folder(url, assembly.app))
    except ImportError as error:
        problem = f"its driver is not installed ({error.name})"
    except (SQLAlchemyError, ValueError):
        # The text of the error may contain the password of the URI, so it is not shown.
        problem = (
            "expected a URL such as postgresql+psycopg://user:password@host/database or sqlite:///file.db"
        )
    assembly.problems.append(f"{_KEY}: {problem}")
    return memory_engine()


def synchronous(url: URL) -> str:
    """Return the beginning of a URL of the same database with a driver that is not asynchronous."""
    backend = url.get_backend_name()
    return _SYNCHRONOUS.get(backend, backend)


def _create(assembly: Assembly, url: URL) -> Engine:
    given = assembly.shared.engine_options
    # A connection that the server has closed is replaced, so that no request fails because of it.
    options = {"pool_pre_ping": True, **given, "hide_parameters": True}
    try:
        if url.get_driver_name() == "psycopg":
            # Behind a PgBouncer in transaction mode, prepared statements are on another connection.
            options["connect_args"] = {"prepare_threshold": None, **given.get("connect_args", {})}
        return create_engine(url, **options)
    except _REFUSALS:
        if not given:
            raise
    # The text of the error may contain a value. So each option is tried alone, to name those refused.
    refused = [name for name in given if not _is_accepted(url, name, given[name])]
    names = ", ".join(refused or given)
    assembly.problems.append(
        f"{PREFIX}ENGINE_OPTIONS: create_engine does not accept {names} for this database"
    )
    return memory_engine()


def _is_accepted(url: URL, name: str, value: object) -> bool:
    try:
        create_engine(url, **{name: value})
    except _REFUSALS:
        return False
    return True


def _problem(assembly: Assembly, url: URL) -> str | None:
    backend = url.get_backend_name()
    if backend == "postgres":
        return "use postgresql+psycopg:// instead of postgres://"
    if backend not in SUPPORTED and assembly.shared.storage == "sqlalchemy":
        return not_supported(backend)
    if url.get_dialect().is_async:
        return f"its driver is asynchronous: use {synchronous(url)}://"
    return None


def _in_instance_folder(url: URL, app: Flask) -> URL:
    """Return a relative SQLite path as one in the instance folder, as Flask-SQLAlchemy does."""
    if url.get_backend_name() != "sqlite":
        return url
    path, is_uri = url.database or "", "uri" in url.query
    if is_uri:
        path = path.removeprefix("file:")
    if Path(path).is_absolute():
        return url
    folder = Path(app.instance_path)
    folder.mkdir(parents=True, exist_ok=True)
    # After "file:", the path is part of a URI, in which "?" and "%" have another meaning.
    database = f"file:{quote(str(folder))}/{path}" if is_uri else str(folder / path)
    return url.set(database=database)
