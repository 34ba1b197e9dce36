"""What ``OTPAUTH_DATABASE_URI`` names, or what is wrong with it. No error shows the value."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from flask import Flask
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from flask_otpauth.adapters.sqlalchemy.database import SUPPORTED, not_supported
from flask_otpauth.adapters.sqlalchemy.storage import is_in_memory, memory_engine
from flask_otpauth.settings import PREFIX
from flask_otpauth.wiring.assembly import Assembly

#: What ``create_engine`` raises for options that it cannot use.
_REFUSALS = (TypeError, ValueError, AttributeError, SQLAlchemyError)
_KEY = f"{PREFIX}DATABASE_URI"


def engine_of(assembly: Assembly, uri: str) -> Engine:
    """An engine on the database of ``uri``; a problem, and one in memory, where there cannot be one."""
    try:
        url = make_url(uri)
        problem = _problem(assembly, url)
        if problem is None and is_in_memory(url):
            return memory_engine()
        if problem is None:
            engine = _created(assembly, _in_instance_folder(url, assembly.app))
            if not engine.dialect.is_async:
                return engine
            problem = "its driver is asynchronous: use a synchronous one"
    except ImportError as error:
        problem = f"its driver is not installed ({error.name})"
    except (SQLAlchemyError, ValueError):
        # Without the error's text, which may hold the password of the URI.
        problem = (
            "expected a URL such as postgresql+psycopg://user:password@host/database or sqlite:///file.db"
        )
    assembly.problems.append(f"{_KEY}: {problem}")
    return memory_engine()


def _created(assembly: Assembly, url: URL) -> Engine:
    given = assembly.shared.engine_options
    # A connection that the server has closed meanwhile is replaced and fails nobody's request.
    options = {"pool_pre_ping": True, **given, "hide_parameters": True}
    try:
        if url.get_driver_name() == "psycopg":
            # What it prepares is not there behind a PgBouncer in transaction mode.
            options["connect_args"] = {"prepare_threshold": None, **given.get("connect_args", {})}
        return create_engine(url, **options)
    except _REFUSALS:
        if not given:
            raise
    # Without the error's text, which may hold a value: each that is refused by itself is named.
    refused = [name for name in given if not _is_taken(url, name, given[name])]
    names = ", ".join(refused or given)
    assembly.problems.append(
        f"{PREFIX}ENGINE_OPTIONS: create_engine does not accept {names} for this database"
    )
    return memory_engine()


def _is_taken(url: URL, name: str, value: object) -> bool:
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
    return None


def _in_instance_folder(url: URL, app: Flask) -> URL:
    """A relative SQLite path begins in the instance folder, as one of Flask-SQLAlchemy does."""
    if url.get_backend_name() != "sqlite":
        return url
    path, is_uri = url.database or "", "uri" in url.query
    if is_uri:
        path = path.removeprefix("file:")
    if Path(path).is_absolute():
        return url
    folder = Path(app.instance_path)
    folder.mkdir(parents=True, exist_ok=True)
    # What follows file: is a URI, in which a "?" or "%" of a folder's name would mean something else.
    database = f"file:{quote(str(folder))}/{path}" if is_uri else str(folder / path)
    return url.set(database=database)
