"""The page on hand-written codes, followed step by step on one database."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.adapters.senders.mail_server import Behavior, LoopbackController
from tests.codes import another
from tests.docs.shell import DOCS, Shell, blocks

CHANGE, REMOVE = blocks("howto/replace-hand-written-codes.md", "sh")
BEFORE = (DOCS / "examples/hand_written.py").read_text("utf-8")
BETWEEN = (DOCS / "examples/replaced.py").read_text("utf-8")
#: Without the marked part and the marked lines.
AFTER = re.sub(r"(?ms)^# -- old codes.*^# -- end of the old codes\n|^[^\n]*  # old\n", "", BETWEEN)

Load = Callable[[str], Flask]


@dataclass
class Mails:
    """What the shop's mail server was given."""

    behavior: Behavior
    port: int

    @property
    def code(self) -> str:
        """The code in the newest mail."""
        content = self.behavior.envelopes[-1].content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        (code,) = re.findall(r"\b\d{6}\b", str(mail.get_content()))
        return str(code)


@pytest.fixture
def mails() -> Iterator[Mails]:
    behavior = Behavior()
    server = LoopbackController(behavior, hostname="127.0.0.1", port=0)
    server.start()
    yield Mails(behavior, server.port)
    server.stop()


@pytest.fixture
def shop(tmp_path: Path, mails: Mails) -> Shell:
    return Shell.on_sqlite(tmp_path, FLASK_SMTP_PORT=str(mails.port))


@pytest.fixture
def load(shop: Shell, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Puts a version into the folder, and makes its app in this process."""
    for name, value in shop.environment().items():
        monkeypatch.setenv(name, value)

    def made(source: str) -> Flask:
        shop.write(source)
        module = ModuleType("shop")
        module.__file__ = str(shop.folder / "shop.py")
        monkeypatch.setitem(sys.modules, "shop", module)
        exec(compile(source, module.__file__, "exec"), module.__dict__)
        app: Flask = module.create_app()
        return app

    return made


def tables(shop: Shell) -> set[str]:
    """The tables of the shop's database."""
    connection = sqlite3.connect(shop.folder / "shop.db")
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return names


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
def test_who_follows_the_page_loses_neither_users_nor_codes(shop: Shell, load: Load, mails: Mails) -> None:
    before = load(BEFORE)
    shop.run("flask db init && flask db migrate && flask db upgrade")
    known = login(before, mails, "ann@example.com")
    ann, bob = before.test_client(), before.test_client()
    ask(ann, "ann@example.com")
    old_of_ann = mails.code
    ask(bob, "bob@example.com")
    old_of_bob = mails.code

    between = load(BETWEEN)
    shop.run(CHANGE)
    in_the_old_version = login(before, mails, "cid@example.com")
    ann_later, bob_later = (moved(browser, between) for browser in (ann, bob))
    accepted = enter(ann_later, old_of_ann)
    again = enter(ann_later, old_of_ann)
    ask(bob_later, "bob@example.com")
    replaced = enter(bob_later, old_of_bob)
    fresh = enter(bob_later, mails.code)

    after = load(AFTER)
    shop.run(REMOVE)

    assert known == {"user_id": 1}
    assert in_the_old_version == {"user_id": 2}
    assert accepted.json == {"user_id": 1}
    assert (again.status_code, replaced.status_code) == (400, 400)
    assert fresh.json == {"user_id": 3}
    assert "otp_codes" not in tables(shop)
    assert login(after, mails, "Ann@example.com") == {"user_id": 1}
    assert login(after, mails, "cid@example.com") == {"user_id": 2}


def moved(browser: FlaskClient, app: Flask) -> FlaskClient:
    """The same browser, cookie and all, when another version of the app serves."""
    cookie = browser.get_cookie("session")
    assert cookie is not None
    there = app.test_client()
    there.set_cookie("session", cookie.value)
    return there


def test_the_shop_without_old_codes_answers_every_case(load: Load, mails: Mails) -> None:
    app = load(AFTER)
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
    mails.behavior.at_mail = "451 later"
    unsent = ask(browser, "bob@example.com")

    assert [each.status_code for each in (no_address, *sent, limited)] == [400, *[200] * 5, 429]
    assert (wrong.status_code, closed.status_code, unsent.status_code) == (400, 403, 502)
