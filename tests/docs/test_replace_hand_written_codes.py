"""The page on hand-written codes, followed step by step on one database."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.adapters.senders.mail_server import Behaviour, LoopbackController
from tests.flows.email_caller import another
from tests.hosts import SECRET_KEY

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "howto/replace-hand-written-codes.md").read_text("utf-8")
CHANGE, REMOVE = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BEFORE = (DOCS / "examples/hand_written.py").read_text("utf-8")
BETWEEN = (DOCS / "examples/replaced.py").read_text("utf-8")
#: Without the marked part and the marked lines.
AFTER = re.sub(
    "^.*  # old\n",
    "",
    re.sub("# -- old codes.*# -- end[^\n]*\n", "", BETWEEN, flags=re.DOTALL),
    flags=re.MULTILINE,
)


@dataclass
class Mails:
    """What the shop's mail server was given."""

    behaviour: Behaviour
    port: int

    @property
    def code(self) -> str:
        """The code in the newest mail."""
        content = self.behaviour.envelopes[-1].content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        (code,) = re.findall(r"\b\d{6}\b", str(mail.get_content()))
        return str(code)


@pytest.fixture
def mails() -> Iterator[Mails]:
    behaviour = Behaviour()
    server = LoopbackController(behaviour, hostname="127.0.0.1", port=0)
    server.start()
    yield Mails(behaviour, server.port)
    server.stop()


@dataclass
class Shop:
    """A folder with the app in it, in one version after the other, on one database."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def load(self, source: str) -> Flask:
        """Put a version into the folder, and make its app in this process."""
        file = self.folder / "shop.py"
        file.write_text(source, "utf-8")
        module = ModuleType("shop")
        module.__file__ = str(file)
        self.monkeypatch.setitem(sys.modules, "shop", module)
        exec(compile(source, file, "exec"), module.__dict__)
        app: Flask = module.create_app()
        return app

    def run(self, commands: str) -> None:
        """Run commands in the folder, none of which fails."""
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def tables(self) -> set[str]:
        """The tables of the database."""
        connection = sqlite3.connect(self.folder / "shop.db")
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        connection.close()
        return names


@pytest.fixture
def shop(tmp_path: Path, mails: Mails, monkeypatch: pytest.MonkeyPatch) -> Shop:
    variables = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FLASK_APP": "shop",
        "FLASK_SECRET_KEY": SECRET_KEY,
        "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/shop.db",
        "FLASK_SMTP_PORT": str(mails.port),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Shop(tmp_path, monkeypatch)


def ask(browser: FlaskClient, email: str) -> TestResponse:
    return browser.post("/login", data={"email": email})


def enter(browser: FlaskClient, code: str) -> TestResponse:
    return browser.post("/login/code", data={"code": code})


def login(app: Flask, mails: Mails, email: str) -> object:
    """Who has logged in by the code of the newest mail."""
    browser = app.test_client()
    ask(browser, email)
    return enter(browser, mails.code).json


@pytest.mark.timeout(400)  # a dozen processes, one after the other
def test_who_follows_the_page_loses_neither_users_nor_codes(shop: Shop, mails: Mails) -> None:
    before = shop.load(BEFORE)
    shop.run("flask db init && flask db migrate && flask db upgrade")
    known = login(before, mails, "ann@example.com")
    ann, bob = before.test_client(), before.test_client()
    ask(ann, "ann@example.com")
    old_of_ann = mails.code
    ask(bob, "bob@example.com")
    old_of_bob = mails.code

    between = shop.load(BETWEEN)
    shop.run(CHANGE)
    in_the_old_version = login(before, mails, "cid@example.com")
    ann_later, bob_later = (moved(browser, between) for browser in (ann, bob))
    accepted = enter(ann_later, old_of_ann)
    again = enter(ann_later, old_of_ann)
    ask(bob_later, "bob@example.com")
    replaced = enter(bob_later, old_of_bob)
    fresh = enter(bob_later, mails.code)

    after = shop.load(AFTER)
    shop.run(REMOVE)

    assert known == {"user_id": 1}
    assert in_the_old_version == {"user_id": 2}
    assert accepted.json == {"user_id": 1}
    assert (again.status_code, replaced.status_code) == (400, 400)
    assert fresh.json == {"user_id": 3}
    assert "otp_codes" not in shop.tables()
    assert login(after, mails, "Ann@example.com") == {"user_id": 1}
    assert login(after, mails, "cid@example.com") == {"user_id": 2}


def moved(browser: FlaskClient, app: Flask) -> FlaskClient:
    """The same browser, cookie and all, when another version of the app serves."""
    cookie = browser.get_cookie("session")
    assert cookie is not None
    there = app.test_client()
    there.set_cookie("session", cookie.value)
    return there


def test_the_shop_without_old_codes_answers_every_case(shop: Shop, mails: Mails) -> None:
    app = shop.load(AFTER)
    module = sys.modules["shop"]
    with app.app_context():
        module.db.create_all()
    browser = app.test_client()

    no_address = ask(browser, "nobody")
    sent = [ask(browser, "ann@example.com") for _ in range(5)]
    code = mails.code
    limited = ask(browser, "ann@example.com")
    wrong = enter(browser, another(code))
    with app.app_context():
        module.otpauth.users.disable(module.otpauth.users.create(email="ann@example.com"))
    closed = enter(browser, code)
    mails.behaviour.at_mail = "451 later"
    unsent = ask(browser, "bob@example.com")

    assert [each.status_code for each in (no_address, *sent, limited)] == [400, *[200] * 5, 429]
    assert (wrong.status_code, closed.status_code, unsent.status_code) == (400, 403, 502)
