"""
The tables of a release, and rows that it wrote, for the tests of later versions.

``python -m tests.frozen 1.2.3`` writes them to ``tests/frozen/1.2.3``. A release does this once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, make_url, select
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from flask_otpauth import OtpAuth
from flask_otpauth.adapters.sqlalchemy.directory.model import packaged_model
from flask_otpauth.adapters.sqlalchemy.tables import define
from flask_otpauth.engine.clients import Credentials
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.account_caller import Merchant
from tests.flows.email_caller import EmailCaller
from tests.flows.sms_caller import SmsCaller, new_client
from tests.flows.voice_caller import VoiceCaller, new_campaign
from tests.hosts import SECRET_KEY, otpauth_of

FROZEN = Path(__file__).with_name("frozen")
DIALECTS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://", "mariadb": "mysql+pymysql://"}
#: Who did what in the release. Their names say it.
LOGGED_IN, ASKING, OUT_OF_CODES = "logged.in@example.com", "asking@example.com", "out.of.codes@example.com"


def app_on(uri: str, outbox: Outbox) -> Flask:
    """An app on the database, whose clock shows the instant at which the rows were written."""
    app = Flask("frozen")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_FLOWS=("email", "account", "sms", "voice"),
        OTPAUTH_DATABASE_URI=uri,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=MovableClock(),
        OTPAUTH_IP_LIMITS=None,
    )
    otpauth = OtpAuth(app)
    app.extensions["test_otpauth"] = otpauth
    app.add_url_rule("/me", "me", otpauth.token_required(lambda: str(otpauth.current_user.email)))
    return app


def write_rows(uri: str) -> dict[str, Any]:
    """Use an app, so that each table has rows. Return what the people know: tokens, codes and secrets."""
    outbox = Outbox()
    app = app_on(uri, outbox)
    with app.app_context():
        otpauth_of(app).create_all()
        otpauth_of(app).users.create(email=ASKING)
        otpauth_of(app).revoke_sessions(ASKING)
    caller = EmailCaller(app, outbox)
    for _ in range(5):
        caller.fresh_code(OUT_OF_CODES)
    tokens = caller.login(LOGGED_IN)
    client = new_client(app, "account", "sms", "voice")
    assert Merchant(app, LOGGED_IN, client).set_pin().status_code == 200
    campaign = new_campaign(app, client.id, daily_cap=1).id
    assert VoiceCaller(app, outbox, client, campaign).call().status_code == 200
    return {
        "tokens": tokens,
        "code": caller.fresh_code(ASKING),
        "client": vars(client),
        "api_token": SmsCaller(app, outbox, client).headers,
        "campaign": campaign,
    }


def packaged_tables() -> list[Table]:
    """All tables, in the order of their names."""
    metadata = MetaData()
    define(metadata)
    packaged_model(metadata)
    return sorted(metadata.tables.values(), key=lambda table: table.name)


def freeze(version: str) -> None:
    """Write the tables and the rows."""
    folder = FROZEN / version
    folder.mkdir(parents=True)
    for name, url in DIALECTS.items():
        dialect = make_url(url).get_dialect()()
        statements: list[ExecutableDDLElement] = []
        for table in packaged_tables():
            indexes = sorted(table.indexes, key=lambda index: str(index.name))
            statements += [CreateTable(table), *map(CreateIndex, indexes)]
        texts = (str(each.compile(dialect=dialect)).strip() for each in statements)
        (folder / f"{name}.sql").write_text("".join(f"{text};\n\n" for text in texts), "utf-8")
    uri = f"sqlite:///{folder / 'rows.sqlite'}"
    known = write_rows(uri)
    engine = create_engine(uri)
    with engine.connect() as connection:
        rows = {table.name: _rows(connection, table) for table in packaged_tables()}
    engine.dispose()
    (folder / "rows.sqlite").unlink()
    assert all(rows.values()), [name for name, found in rows.items() if not found]
    text = json.dumps({"known": known, "rows": rows}, default=lambda value: {"hex": value.hex()}, indent=1)
    (folder / "rows.json").write_text(f"{text}\n", "utf-8")


def _rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    """The rows. Ids that the database counts are left out, since it counts them again in this order."""
    columns = [column for column in table.c if column is not table.autoincrement_column]
    query = select(*columns).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(query).mappings()]


def thaw(version: str, engine: Engine) -> dict[str, Any]:
    """Make the tables and rows of a release in an empty database. Return what the people know."""
    kind = next(name for name, url in DIALECTS.items() if url.startswith(engine.dialect.name))
    with engine.begin() as connection:
        for statement in (FROZEN / version / f"{kind}.sql").read_text("utf-8").split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        metadata = MetaData()
        metadata.reflect(connection)
        frozen = json.loads((FROZEN / version / "rows.json").read_text("utf-8"), object_hook=_value)
        for name, rows in frozen["rows"].items():
            if rows:
                connection.execute(metadata.tables[name].insert(), rows)
    known: dict[str, Any] = frozen["known"]
    known["client"] = Credentials(**known["client"])
    return known


def _value(found: dict[str, Any]) -> object:
    return bytes.fromhex(found["hex"]) if found.keys() == {"hex"} else found


if __name__ == "__main__":
    freeze(sys.argv[1])
