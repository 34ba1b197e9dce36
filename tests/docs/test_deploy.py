"""The page on deployment, followed to the letter: its settings, its commands, its workers, its backup."""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import ssl
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from flask import Flask
from sqlalchemy import create_engine, make_url, text

from docs.examples import deployed
from flask_otpauth import signals
from flask_otpauth.senders import MemorySender, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.adapters.senders.mail_server import Behavior, LoopbackController, write_certificate
from tests.docs.shell import DOCS, Shell, blocks, replaced
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer, outcome
from tests.hosts import MakeApp
from tests.servers import READY, Gunicorn, ready
from tests.services import POSTGRESQL_ADDRESS, POSTGRESQL_URL, REDIS_ADDRESS, REDIS_URL, listens, need

PAGE = "howto/deploy.md"
SETTINGS, STEPS, SERVE, BACKUP, RESTORE = blocks(PAGE, "sh")
WORKERS = [block for block in blocks(PAGE, "python") if "workers" in block]
(CRON,) = blocks(PAGE, "text")
EXAMPLE = (DOCS / "examples/deployed.py").read_text("utf-8")
PAGES_DATABASE = "postgresql://shop@db.example.com/shop"


@pytest.fixture
def database_uri(database_file: str) -> str:
    """The page's app has an engine of its own, which must see the same tables."""
    return database_file


@pytest.fixture
def database() -> Iterator[str]:
    """A database of its own, as the URL that PostgreSQL's programs take."""
    need("PostgreSQL", listens(POSTGRESQL_ADDRESS))
    name = f"otpauth_test_{uuid4().hex}"
    server = create_engine(POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield (
        make_url(POSTGRESQL_URL)
        .set(drivername="postgresql", database=name)
        .render_as_string(hide_password=False)
    )
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@dataclass
class Mails:
    """A mail server that takes mails only over TLS and from who has a password."""

    behavior: Behavior
    port: int
    certificate: Path

    def code(self, recipient: str) -> str:
        """The code in the newest mail to somebody."""
        mails = [each for each in self.behavior.envelopes if each.rcpt_tos == [recipient]]
        assert isinstance(mails[-1].content, bytes)
        body = message_from_bytes(mails[-1].content, policy=policy.default).get_body(("plain",))
        assert body is not None
        (code,) = re.findall(r"\b[0-9]{6}\b", body.get_content())
        return str(code)


@pytest.fixture
def mails(tmp_path: Path) -> Iterator[Mails]:
    certificate, behavior = tmp_path / "mail.pem", Behavior()
    write_certificate(certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = LoopbackController(
        behavior,
        hostname="127.0.0.1",
        port=0,
        tls_context=tls,
        require_starttls=True,
        authenticator=behavior.authenticate,
        auth_required=True,
    )
    server.start()
    yield Mails(behavior, server.port, certificate)
    server.stop()


@pytest.fixture
def shop(tmp_path: Path, database: str, mails: Mails) -> Shell:
    """The folder of the app, with the page's settings for the services of this machine."""
    need("Redis", listens(REDIS_ADDRESS))
    shop = Shell(tmp_path, {"SSL_CERT_FILE": str(mails.certificate)})
    shop.write(EXAMPLE)
    settings = replaced(
        SETTINGS,
        *{
            "5d1e…": secrets.token_hex(32),
            "88c0…": secrets.token_hex(32),
            "postgresql+psycopg://shop@db.example.com/shop": f"'{database.replace('://', '+psycopg://')}'",
            "redis://redis.example.com:6379": REDIS_URL,
            "mail.example.com": "127.0.0.1",
            "587": str(mails.port),
            "PASSWORD=…": "PASSWORD=hunter2",
        }.items(),
    )
    (tmp_path / "settings.sh").write_text(settings, "utf-8")
    return shop


@contextmanager
def serving(shop: Shell, configuration: str, **variables: str) -> Iterator[Gunicorn]:
    """The page's command, with its ``gunicorn.conf.py``; all workers are ready."""
    on_a_free_port = replaced(configuration, ("127.0.0.1:8000", "127.0.0.1:0"))
    (shop.folder / "gunicorn.conf.py").write_text(on_a_free_port + READY)
    command = ["bash", "-euc", f". ./settings.sh\nexec {SERVE}"]
    with ready(command, shop.folder, shop.environment(**variables), workers=4) as server:
        yield server


def login(http: httpx.Client, address: str, mails: Mails, email: str) -> dict[str, str]:
    """Log in by the code in the mail: the header with the token."""
    asked = http.post(f"{address}/apis/auth/request-otp", json={"email": email})
    assert asked.json()["message"] == "OTP sent successfully", asked.text
    body = {"email": email, "otpCode": mails.code(email)}
    answer = http.post(f"{address}/apis/auth/verify-otp", json=body).json()
    assert answer["message"] == "Login successful", answer
    return bearer(answer["data"]["accessToken"])


# -- the deployment ---------------------------------------------------------------------------


@pytest.mark.timeout(300)
@pytest.mark.parametrize("configuration", WORKERS, ids=["preloaded", "gevent and preloaded"])
def test_who_follows_the_page_serves_an_app_that_logs_people_in(
    configuration: str, shop: Shell, mails: Mails
) -> None:
    examined = shop.run(STEPS)

    with serving(shop, configuration) as server, ThreadPoolExecutor(8) as pool:

        def look(number: int) -> Any:
            with httpx.Client(timeout=60) as http:
                header = login(http, server.address, mails, f"user{number}@example.com")
                return http.get(f"{server.address}/me", headers=header).json()

        seen = list(pool.map(look, range(24)))
        health = httpx.get(f"{server.address}/health")

    assert "Warnings\n  none\n" in examined
    assert seen == [{"email": f"user{number}@example.com"} for number in range(24)]
    assert (health.status_code, health.json()) == (200, {"database": "available"})
    assert server.printed.count("INFO:flask_otpauth:code_sent") == 24


@pytest.mark.timeout(300)
def test_all_workers_count_one_client_together(shop: Shell) -> None:
    shop.run(STEPS)
    client = {"X-Forwarded-For": f"198.51.100.7, 2001:db8:{secrets.token_hex(2)}::1"}

    with serving(shop, WORKERS[0], FLASK_OTPAUTH_IP_LIMITS='{"send": "6 per hour"}') as server:

        def ask(number: int) -> int:
            body = {"email": f"user{number}@example.com"}
            return httpx.post(
                f"{server.address}/apis/auth/request-otp", json=body, headers=client, timeout=60
            ).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = Counter(pool.map(ask, range(20)))
        elsewhere = httpx.post(f"{server.address}/apis/auth/request-otp", json={})

    assert statuses == {200: 6, 429: 14}
    assert elsewhere.status_code == 200


def test_a_deployment_with_a_warning_stops(shop: Shell) -> None:
    source, init, doctor = STEPS.splitlines()
    changes = {
        "unset FLASK_RATELIMIT_STORAGE_URI": "Set RATELIMIT_STORAGE_URI to a shared store",
        "unset FLASK_OTPAUTH_SUBJECT_KEY": "OTPAUTH_SUBJECT_KEY is not set",
        "export FLASK_MAIL_SERVER=mail.example.com FLASK_MAIL_USE_TLS=false": "set MAIL_USE_TLS",
        'export FLASK_OTPAUTH_SENDERS=\'{"email": "console"}\'': "are not sent to anyone",
    }

    without_tables = shop.attempt(f"{source}\n{doctor}")
    shop.run(f"{source}\n{init}")
    changed = {change: shop.attempt(f"{source}\n{change}\n{doctor}") for change in changes}

    assert without_tables.returncode == 1
    assert "run `flask otpauth init-db`" in " ".join(without_tables.stdout.split())
    for change, warning in changes.items():
        assert changed[change].returncode == 1
        assert warning in " ".join(changed[change].stdout.split())


def test_the_line_of_the_crontab_deletes_old_rows(shop: Shell) -> None:
    shop.run(STEPS)
    (shop.folder / ".venv").mkdir()
    (shop.folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    schedule, command = re.fullmatch(r"((?:\S+ ){5}) *(.+)\n", CRON).groups()  # type: ignore[union-attr]

    # As cron runs it: by sh, with next to nothing in the environment.
    printed = shop.run(f"env -i HOME=/ sh -c '{command.replace('/srv/shop', str(shop.folder))}'")

    assert re.fullmatch(r"\d+ \d+ \* \* \* ", schedule)
    assert printed == "0 rows deleted.\n"


# -- the app of the page ----------------------------------------------------------------------


@pytest.fixture
def app(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The page's app on SQLite, in this process."""
    monkeypatch.setenv("FLASK_SECRET_KEY", secrets.token_hex(32))
    monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", database_uri)
    monkeypatch.setenv("FLASK_OTPAUTH_IP_LIMITS", '{"send": "1 per hour"}')
    monkeypatch.setenv("FLASK_OTPAUTH_SENDERS", '{"email": "memory"}')
    app = deployed.create_app()
    with app.app_context():
        deployed.otpauth.create_all()
    return app


def asked_through_a_proxy(app: Flask, *addresses: str) -> list[int]:
    """The statuses of requests for which a proxy has added these addresses."""
    return [
        app.test_client()
        .post("/apis/auth/request-otp", json={"email": ADDRESS}, headers={"X-Forwarded-For": address})
        .status_code
        for address in addresses
    ]


def test_behind_the_proxy_each_client_has_its_own_limit(app: Flask) -> None:
    assert asked_through_a_proxy(app, "203.0.113.1", "203.0.113.2", "203.0.113.1") == [200, 200, 429]
    assert asked_through_a_proxy(app, "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1") == [200, 429, 200]


def test_a_client_cannot_choose_its_address(app: Flask) -> None:
    statuses = asked_through_a_proxy(app, "203.0.113.8, 203.0.113.1", "203.0.113.9, 203.0.113.1")

    assert statuses == [200, 429]


def test_a_worker_without_its_tables_is_not_healthy(app: Flask) -> None:
    before = app.test_client().get("/health")
    with app.app_context(), deployed.db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE otpauth_users")

    after = app.test_client().get("/health")

    assert (before.status_code, before.json) == (200, {"database": "available"})
    assert (after.status_code, after.json) == (503, {"database": "unavailable"})


# -- backups ----------------------------------------------------------------------------------


@dataclass
class Before:
    """What there was when the backup was made, and is over by now: a session, a code, two accounts."""

    refresh_token: str
    code: str
    client_secret: str

    def seen_by(self, app: Flask, outbox: Outbox) -> list[Any]:
        """How much of it ``app`` takes: the session, the code, the accounts, the client."""
        caller, otpauth = EmailCaller(app, outbox), app.extensions["test_otpauth"]
        session, code = caller.refresh(self.refresh_token), caller.verify(self.code, "code@example.com")
        order = app.test_client().post(
            "/v1/orders", json={}, headers={"X-Application-Token": self.client_secret}
        )
        with app.app_context():
            is_enabled = otpauth.users.find("session@example.com").is_enabled
            is_there = otpauth.users.find("deleted@example.com") is not None
        app.extensions["otpauth"].services.storage.database.engine.dispose()
        return [outcome(session)[1], outcome(code)[1], is_enabled, is_there, order.status_code]


def test_what_a_restore_brings_back_and_what_another_key_keeps_out(
    make_app: MakeApp, outbox: Outbox, database: str, tmp_path: Path
) -> None:
    need("pg_dump", shutil.which("pg_dump") is not None)
    shell, real = Shell(tmp_path, {}), {PAGES_DATABASE: f"'{database}'"}
    settings = {
        "database_uri": database.replace("://", "+psycopg://"),
        "subject_key": b"the key of the rows, which stays",
    }
    app = make_app(**settings)
    caller, otpauth = EmailCaller(app, outbox), app.extensions["test_otpauth"]
    with app.app_context():
        client = otpauth.clients.create("Taxi", ["flashcall"])
        otpauth.users.create(email="deleted@example.com")
    login = caller.login("session@example.com")
    before = Before(login["refreshToken"], caller.fresh_code("code@example.com"), client.secret)
    shell.run(replaced(BACKUP, *real.items()))
    caller.verify(before.code, "code@example.com")
    caller.logout(login["accessToken"])
    with app.app_context():
        otpauth.users.disable("session@example.com")
        otpauth.users.delete("deleted@example.com")
    now = before.seen_by(app, outbox)

    shell.run(replaced(RESTORE, *real.items()))
    restored = before.seen_by(make_app(**settings), outbox)
    shell.run(replaced(RESTORE, *real.items()))
    another_key = {"SECRET_KEY": "another secret than at the time of the backup"}
    safe = before.seen_by(make_app(**settings, **another_key), outbox)

    assert now == ["Invalid refresh token", "OTP has already been used", False, False, 400]
    assert restored == ["Token refreshed successfully", "Login successful", True, True, 400]
    assert safe == ["Invalid refresh token", "Invalid OTP", True, True, 400]


# -- monitoring -------------------------------------------------------------------------------


def test_each_line_of_the_log_has_the_level_of_the_page(
    make_app: MakeApp,
    outbox: Outbox,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = re.findall(r"^\| `(\w.*?)(?: …)?` \| ([A-Z]+) \|", (DOCS / PAGE).read_text("utf-8"), re.MULTILINE)
    down = MemorySender(lambda message: Receipt(Status.UNAVAILABLE))
    senders = {**outbox.senders, "email": [down, outbox.senders["email"]]}
    app = make_app(email_send_quotas="2 per hour", senders=senders, circuit_failures=1)
    broken = tmp_path / "templates/otpauth/email/code.en.txt"
    broken.parent.mkdir(parents=True)
    broken.write_text("{{ code // 2 }}", "utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))
    caller = EmailCaller(app, outbox)

    with caplog.at_level(logging.INFO, "flask_otpauth"):
        login = caller.login()
        caller.fresh_code()
        caller.miss()
        caller.ask()
        outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)
        caller.ask("unsent@example.com")
        caller.refresh(login["refreshToken"])
        clock.tick(60)
        caller.refresh(login["refreshToken"])
        caller.ask("broken@example.com", lang="en")
        with app.extensions["otpauth"].services.storage.database.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE otpauth_challenges")
        caller.ask("away@example.com")

    lines = [(record.getMessage(), record.levelname) for record in caplog.records]
    assert len(rows) == 8
    for name, level in rows:
        assert {logged for message, logged in lines if message.startswith(name)} == {level}, name


def test_an_event_of_the_page_is_a_signal_too() -> None:
    named = set(re.findall(r"^\| `(\w+)` \| [A-Z]+ \|", (DOCS / PAGE).read_text("utf-8"), re.MULTILINE))

    assert named
    assert named <= signals.ALL.keys()
