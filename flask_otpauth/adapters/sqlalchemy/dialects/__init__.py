"""What differs between the databases, in one module for each."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from flask_otpauth.adapters.sqlalchemy.dialects.base import Dialect

#: The databases that can keep codes, as SQLAlchemy calls them.
SUPPORTED = ("postgresql", "mysql", "mariadb", "sqlite")


@cache
def dialect_of(name: str) -> Dialect:
    """Return the dialect that SQLAlchemy calls ``name``. One that is not supported can only read."""
    if name not in SUPPORTED:
        return Dialect()
    module = "mysql" if name == "mariadb" else name
    found: Dialect = import_module(f"{__name__}.{module}").DIALECT
    return found


def not_supported(name: str) -> str:
    """Return the end of the start-up error for a database of another dialect."""
    return f"{name} is not supported for codes: use {', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}"
