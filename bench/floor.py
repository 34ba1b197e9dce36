"""
The floor: the same login written by hand, with Flask views, the database's own driver and raw SQL.

Each request is one transaction with two statements. There are no limits, no budget of guesses, no
message and no second look at the user, so a login by code can hardly cost less with these tools.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import jwt
from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy import URL, make_url, text

from bench.databases import engine_of
from bench.people import CODE_HEADER, USERS, email_of

KEY = b"only for measuring, and longer than 32 bytes"

#: What the databases name differently: a number for each row, 32 bytes, and an index of the open codes.
DIALECTS = {
    "postgresql": ("bigint GENERATED ALWAYS AS IDENTITY", "bytea", "(email) WHERE closed_at IS NULL"),
    "mysql": ("bigint AUTO_INCREMENT", "varbinary(32)", "(email, closed_at)"),
    "sqlite": ("integer", "blob", "(email) WHERE closed_at IS NULL"),
}
SCHEMA = """
CREATE TABLE users (id {number} PRIMARY KEY, email varchar(254) NOT NULL UNIQUE);
CREATE TABLE codes (
    id {number} PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id),
    email varchar(254) NOT NULL,
    digest {bytes} NOT NULL,
    guesses integer NOT NULL,
    expires_at bigint NOT NULL,
    closed_at bigint
);
CREATE INDEX open_codes ON codes {index};
CREATE TABLE refresh_tokens (
    id {number} PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id),
    digest {bytes} NOT NULL UNIQUE,
    expires_at bigint NOT NULL
)
"""
CLOSE = "UPDATE codes SET closed_at = %s WHERE email = %s AND closed_at IS NULL"
KEEP = """
INSERT INTO codes (user_id, email, digest, guesses, expires_at)
SELECT id, email, %s, 0, %s FROM users WHERE email = %s
"""
REDEEM = """
UPDATE codes SET closed_at = %s
WHERE email = %s AND closed_at IS NULL AND expires_at > %s AND guesses < 5 AND digest = %s
"""
MISS = "UPDATE codes SET guesses = guesses + 1 WHERE email = %s AND closed_at IS NULL"
GRANT = (
    "INSERT INTO refresh_tokens (user_id, digest, expires_at) SELECT id, %s, %s FROM users WHERE email = %s"
)
FIND = "SELECT id, email FROM users WHERE email = %s"

Values = tuple[object, ...]
Row = tuple[int, str]
#: Run a statement. Return how many rows it changed.
Execute = Callable[[str, Values], int]
Connection = TypeVar("Connection")


@dataclass(frozen=True)
class Database:
    """What the views need of a driver."""

    #: Open a transaction, which is committed at the end.
    transaction: Callable[[], AbstractContextManager[Execute]]
    #: Run a query alone. Return its first row.
    read: Callable[[str, Values], Row | None]
    #: Close what this thread has open.
    close: Callable[[], None]
    #: How the driver marks a value in its SQL.
    mark: str = "%s"


def create_app(url: str | None = None) -> Flask:
    """Create the app on a database that :func:`set_up` has prepared."""
    database = connect(make_url(url or os.environ["BENCH_DATABASE"]))
    close, keep, redeem, miss, grant, find = (
        sql.replace("%s", database.mark) for sql in (CLOSE, KEEP, REDEEM, MISS, GRANT, FIND)
    )
    app = Flask("floor")
    app.extensions["bench_database"] = database

    @app.post("/apis/auth/request-otp")
    def request_otp() -> ResponseReturnValue:
        email = request.get_json()["email"].strip().lower()
        code = f"{secrets.randbelow(10**6):06d}"
        now = int(time.time())
        with database.transaction() as execute:
            execute(close, (now, email))
            execute(keep, (digest(email, code), now + 600, email))
        return {"sent": True}, {CODE_HEADER: code}

    @app.post("/apis/auth/verify-otp")
    def verify_otp() -> ResponseReturnValue:
        body = request.get_json()
        email = body["email"].strip().lower()
        now = int(time.time())
        refresh_token = secrets.token_urlsafe(32)
        with database.transaction() as execute:
            redeemed = execute(redeem, (now, email, now, digest(email, body["otpCode"])))
            if redeemed:
                execute(grant, (hashlib.sha256(refresh_token.encode()).digest(), now + 30 * 86400, email))
            else:
                execute(miss, (email,))
        if not redeemed:
            return {"error": "wrong code"}, 401
        claims = {"sub": email, "iat": now, "exp": now + 900, "jti": secrets.token_hex(8)}
        access_token = jwt.encode(claims, KEY, algorithm="HS256")
        return {"accessToken": access_token, "refreshToken": refresh_token, "expiresIn": 900}

    @app.get("/me")
    def me() -> ResponseReturnValue:
        found = database.read(find, (request.args["email"],))
        return {"id": found[0], "email": found[1]} if found else ({"error": "no such user"}, 404)

    return app


def close(app: Flask) -> None:
    """Close the connections of an app."""
    database: Database = app.extensions["bench_database"]
    database.close()


def set_up(url: str) -> None:
    """Create the tables and the users."""
    with engine_of(url) as engine, engine.begin() as connection:
        number, thirty_two_bytes, index = DIALECTS[engine.dialect.name]
        for statement in SCHEMA.format(number=number, bytes=thirty_two_bytes, index=index).split(";"):
            connection.execute(text(statement))
        users = [{"email": email_of(number)} for number in range(USERS)]
        connection.execute(text("INSERT INTO users (email) VALUES (:email)"), users)


def digest(email: str, code: str) -> bytes:
    """Compute what is stored of a code."""
    return hmac.digest(KEY, f"{email}|{code}".encode(), "sha256")


def connect(url: URL) -> Database:
    """Connect by the driver of the database: psycopg, PyMySQL or sqlite3."""
    return {"postgresql": _postgresql, "mysql": _mariadb, "sqlite": _sqlite}[url.get_backend_name()](url)


def _postgresql(url: URL) -> Database:
    from psycopg_pool import ConnectionPool

    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    size = int(os.environ.get("BENCH_THREADS", "1"))
    pool = ConnectionPool(conninfo, min_size=size, open=True)
    queries = ConnectionPool(conninfo, min_size=size, open=True, kwargs={"autocommit": True})

    @contextmanager
    def transaction() -> Iterator[Execute]:
        with pool.connection() as connection:
            yield lambda sql, values: connection.execute(sql.encode(), values).rowcount

    def read(sql: str, values: Values) -> Row | None:
        with queries.connection() as connection:
            return cast("Row | None", connection.execute(sql.encode(), values).fetchone())

    def close() -> None:
        pool.close()
        queries.close()

    return Database(transaction, read, close)


def _mariadb(url: URL) -> Database:
    import pymysql

    def open_connection(autocommit: bool) -> pymysql.Connection:
        return pymysql.connect(
            host=url.host,
            port=url.port or 0,
            user=url.username,
            password=url.password or "",
            database=url.database,
            autocommit=autocommit,
            # At the level of the server, an update before an insert locks the gap that another inserts into.
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        )

    writers = _PerThread(lambda: open_connection(autocommit=False))
    readers = _PerThread(lambda: open_connection(autocommit=True))

    @contextmanager
    def transaction() -> Iterator[Execute]:
        connection = writers.get()
        with connection.cursor() as cursor:
            yield cursor.execute
        connection.commit()

    def read(sql: str, values: Values) -> Row | None:
        with readers.get().cursor() as cursor:
            cursor.execute(sql, values)
            return cast("Row | None", cursor.fetchone())

    def close() -> None:
        writers.get().close()
        readers.get().close()

    return Database(transaction, read, close)


def _sqlite(url: URL) -> Database:
    # At this level, the driver begins a transaction by taking the write lock, for which SQLite waits.
    connections = _PerThread(
        lambda: sqlite3.connect(str(url.database), timeout=60, isolation_level="IMMEDIATE")
    )

    @contextmanager
    def transaction() -> Iterator[Execute]:
        with connections.get() as connection:
            yield lambda sql, values: connection.execute(sql, values).rowcount

    def read(sql: str, values: Values) -> Row | None:
        return cast("Row | None", connections.get().execute(sql, values).fetchone())

    return Database(transaction, read, lambda: connections.get().close(), mark="?")


class _PerThread(threading.local, Generic[Connection]):
    """A connection for each thread."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        # A thread that uses the object for the first time runs this again.
        self._connection = connect()

    def get(self) -> Connection:
        """Return the connection of this thread."""
        return self._connection
