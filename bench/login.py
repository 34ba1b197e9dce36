"""
What a login by e-mail code costs, as a ratio to the least that any host could do.

The baseline is two bare Flask views with the statements that cannot be avoided: an upsert and
a commit to keep a code; a read, an update, an insert and a commit to redeem it. Both run in the
same process, in turns, so that whatever else the machine does falls on both.

    python bench/login.py [--database URL] [--rounds 7] [--logins 100]

The database is changed: give one that is made for this.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from flask import Flask, request
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.dialects import postgresql, sqlite
from werkzeug.test import TestResponse

from flask_otpauth import OtpAuth
from flask_otpauth.senders import MemorySender

SECRET_KEY = "only for measuring, and longer than 32 bytes"


def granted(answer: TestResponse, key: str, value: object) -> None:
    """Refusals are fast, so a run in which anything is refused measures nothing."""
    if answer.get_json()[key] != value:
        raise RuntimeError(f"refused: {answer.get_data(as_text=True)}")


def library(uri: str) -> Callable[[int], None]:
    """One login through the e-mail flow, for a user that exists."""
    app, outbox = Flask("library"), MemorySender()
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_DATABASE_URI=uri,
        OTPAUTH_SENDERS={"email": outbox},
        OTPAUTH_EMAIL_SEND_QUOTAS=(),
        OTPAUTH_IP_LIMITS=None,
    )
    otpauth = OtpAuth(app)
    with app.app_context():
        otpauth.create_all()
    client = app.test_client()

    def login(number: int) -> None:
        address = f"user{number % 50}@example.com"
        granted(client.post("/apis/auth/request-otp", json={"email": address}), "code", 0)
        body = {"email": address, "otpCode": outbox.messages[-1].code}
        granted(client.post("/apis/auth/verify-otp", json=body), "code", 0)

    return login


def baseline(uri: str) -> Callable[[int], None]:
    """The same statements without any rule, digest, token, message or parsing."""
    engine = create_engine(uri)
    metadata = MetaData()
    key = Column("key", String(64), primary_key=True)
    codes = Table("bench_codes", metadata, key, Column("code", String(6)))
    user = Column("key", String(64), index=True)
    sessions = Table("bench_sessions", metadata, Column("id", Integer, primary_key=True), user)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    app = Flask("baseline")
    app.add_url_rule("/keep", "keep", _keep(engine, codes), methods=["POST"])
    app.add_url_rule("/redeem", "redeem", _redeem(engine, codes, sessions), methods=["POST"])
    client = app.test_client()

    def login(number: int) -> None:
        body = {"key": f"user{number % 50}@example.com", "code": "123456"}
        granted(client.post("/keep", json=body), "ok", True)
        granted(client.post("/redeem", json=body), "ok", True)

    return login


def _keep(engine: Engine, codes: Table) -> Callable[[], dict[str, bool]]:
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[engine.dialect.name]

    def keep() -> dict[str, bool]:
        body = request.get_json()
        upsert = insert(codes).values(**body)
        upsert = upsert.on_conflict_do_update(index_elements=["key"], set_={"code": body["code"]})
        with engine.begin() as connection:
            connection.execute(upsert)
        return {"ok": True}

    return keep


def _redeem(engine: Engine, codes: Table, sessions: Table) -> Callable[[], dict[str, bool]]:
    def redeem() -> dict[str, bool]:
        key = request.get_json()["key"]
        with engine.connect() as connection:
            connection.execute(select(codes).where(codes.c.key == key)).all()
        with engine.begin() as connection:
            connection.execute(codes.update().where(codes.c.key == key).values(code=""))
            connection.execute(sessions.update().where(sessions.c.key == key).values(key=None))
            connection.execute(sessions.insert().values(key=key))
        return {"ok": True}

    return redeem


def seconds(login: Callable[[int], None], logins: int, numbers: count[int]) -> float:
    """How long so many logins take."""
    begun = time.perf_counter()
    for _ in range(logins):
        login(next(numbers))
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print the ratios with their spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="default: two SQLite files in a temporary folder")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--logins", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with_isolation = library(options.database or f"sqlite:///{folder}/ours.sqlite")
        bare = baseline(options.database or f"sqlite:///{folder}/bare.sqlite")
        numbers = count()
        for login in (with_isolation, bare):
            seconds(login, 50, numbers)
        rounds = [
            (seconds(with_isolation, options.logins, numbers), seconds(bare, options.logins, numbers))
            for _ in range(options.rounds)
        ]
    ratios = sorted(with_isolation / bare for with_isolation, bare in rounds)
    per_login = statistics.median(with_isolation for with_isolation, _ in rounds) / options.logins * 1000
    median = statistics.median(ratios)
    print(f"ratio to the baseline: median {median:.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f}")
    print(f"one login (two requests): {per_login:.2f} ms")


if __name__ == "__main__":
    main()
