"""Behind a PgBouncer in transaction mode, where the next transaction may be on another connection."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import make_url

from flask_otpauth import OtpAuth
from flask_otpauth.testing import Outbox
from tests.adapters.databases import postgresql_schema
from tests.docs.shell import blocks
from tests.flows.email_caller import PREFIX, bearer
from tests.hosts import SECRET_KEY
from tests.servers import free_port
from tests.services import need

THREADS, LOGINS, LOOKS = 6, 12, 10

INI = """
[databases]
otpauth = host={host} port={port} dbname={database} user={user} password={password} \
connect_query='SET search_path TO {schema}'

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


def program() -> str | None:
    """Where Debian puts it; not on everybody's path."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


@contextmanager
def pgbouncer(ini: Path) -> Iterator[None]:
    """A PgBouncer of our own, which is ready."""
    command = [str(program()), *(["-u", "nobody"] if os.geteuid() == 0 else []), str(ini)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        printed = ""
        while "process up" not in printed:
            line = process.stderr.readline()
            assert line, printed
            printed += line
        yield
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def uri(tmp_path: Path) -> Iterator[str]:
    """A database that is reached through it alone: its URL from ``://`` on."""
    need("PgBouncer", program() is not None)
    with postgresql_schema() as direct:
        server, port = make_url(direct), free_port()
        schema = str(server.query["options"]).partition("=")[2]
        (tmp_path / "pgbouncer.ini").write_text(
            INI.format(
                host=server.host,
                port=server.port,
                database=server.database,
                user=server.username,
                password=os.environ.get("PGPASSWORD", "none"),
                schema=schema,
                own_port=port,
            )
        )
        with pgbouncer(tmp_path / "pgbouncer.ini"):
            yield f"://shop@127.0.0.1:{port}/otpauth"


def app_on(uri: str, outbox: Outbox, *, own_engine: bool) -> Flask:
    """An app on an engine of our own, or on the host's with the options of the page."""
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_FLOWS=("email", "flashcall"),
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_IP_LIMITS=None,
    )
    if own_engine:
        app.config["OTPAUTH_DATABASE_URI"] = uri
        app.config["OTPAUTH_ENGINE_OPTIONS"] = {"connect_args": {"connect_timeout": 10}}
    else:
        app.config["SQLALCHEMY_DATABASE_URI"] = uri
        (options,) = (each for each in blocks("howto/deploy.md", "python") if "prepare_threshold" in each)
        exec(options, {}, app.config)
        SQLAlchemy(app)
    otpauth = OtpAuth(app)
    app.add_url_rule("/me", "me", otpauth.token_required(lambda: str(otpauth.current_user.email)))
    app.extensions["test_otpauth"] = otpauth
    with app.app_context():
        otpauth.create_all()
    return app


@pytest.mark.parametrize(
    ("driver", "own_engine"),
    [("psycopg", True), ("psycopg", False), ("psycopg2", True)],
    ids=["our engine", "the host's engine", "our engine by psycopg2"],
)
def test_with_the_options_of_the_page_each_request_is_answered(
    uri: str, outbox: Outbox, driver: str, own_engine: bool
) -> None:
    app = app_on(f"postgresql+{driver}{uri}", outbox, own_engine=own_engine)

    def looks(number: int) -> list[str]:
        http, email = app.test_client(), f"user{number}@example.com"
        http.post(f"{PREFIX}/request-otp", json={"email": email})
        (code,) = (message.code for message in outbox.messages if message.recipient == email)
        login = http.post(f"{PREFIX}/verify-otp", json={"email": email, "otpCode": code}).json
        assert login["message"] == "Login successful", login
        headers = bearer(login["data"]["accessToken"])
        return [http.get("/me", headers=headers).text for _ in range(LOOKS)]

    # A transaction that is rolled back has psycopg forget what it has prepared: these have none.
    with app.app_context():
        client = app.extensions["test_otpauth"].clients.create("a shop", ("flashcall",))

    def orders(number: int) -> list[int]:
        headers = {"X-Application-Token": client.secret}
        orders = [
            app.test_client().post("/v1/orders", json={"phone": "1"}, headers=headers) for _ in range(LOOKS)
        ]
        return [answer.status_code for answer in orders]

    with ThreadPoolExecutor(THREADS) as pool:
        refused = list(pool.map(orders, range(LOGINS)))
        seen = list(pool.map(looks, range(LOGINS)))

    app.extensions["otpauth"].services.storage.database.engine.dispose()
    assert refused == [[400] * LOOKS] * LOGINS
    assert seen == [[f"user{number}@example.com"] * LOOKS for number in range(LOGINS)]
