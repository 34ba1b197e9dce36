"""The pages that are no API's: every example file is run, every block is replayed or executed."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flask import Flask
from werkzeug.test import TestResponse

from docs.examples import confirm_phone, jsend, listening, own_directory, own_users, protected
from example_app.replay import steps
from flask_otpauth import OtpAuth
from flask_otpauth.core import errors
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.docs.page_host import PageHost
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer, outcome
from tests.hosts import SECRET_KEY, MakeApp

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "sessions.md",
    "errors.md",
    "testing.md",
    "howto/bring-your-own-users.md",
    "howto/host-codes.md",
    "howto/write-an-envelope.md",
)
RUN_HERE = {
    each.__name__.rpartition(".")[2]
    for each in (confirm_phone, jsend, listening, own_directory, own_users, protected)
}
PHONE = "+84987654321"


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


@pytest.fixture
def config(outbox: Outbox, clock: MovableClock, database_uri: str) -> dict[str, Any]:
    """What a deployment of an example sets."""
    return {
        "SECRET_KEY": SECRET_KEY,
        "TESTING": True,
        "OTPAUTH_SENDERS": outbox.senders,
        "OTPAUTH_CLOCK": clock,
        "OTPAUTH_IP_LIMITS": None,
        "OTPAUTH_DATABASE_URI": database_uri,
    }


def deployed(app: Flask, otpauth: OtpAuth) -> Flask:
    """``app`` with its tables made."""
    with app.app_context():
        otpauth.create_all()
    return app


def logged_in(app: Flask, outbox: Outbox) -> dict[str, str]:
    """The header of somebody who has just logged in."""
    return bearer(EmailCaller(app, outbox).login()["accessToken"])


def python_block(page: str) -> str:
    """The one block of Python that a page would have its reader paste."""
    text = (DOCS / page).read_text("utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return block


@pytest.mark.parametrize("page", PAGES)
def test_no_block_of_a_page_escapes_its_run(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")

    fences = Counter(re.findall(r"^```([^{\s]+)", text, re.MULTILINE))
    shown = set(re.findall(r"literalinclude} (?:\.\./)?examples/(\w+)\.py", text))

    kinds = Counter(step.kind for step in steps(DOCS / page))
    replayed = {"http": 2 * kinds["call"], "pycon": kinds["pycon"]}
    pasted = {"python": 1} if page in ("sessions.md", "howto/write-an-envelope.md") else {}
    assert fences == Counter(replayed) + Counter(pasted)
    assert not kinds or page == "sessions.md"
    assert shown <= RUN_HERE | {path.stem for path in DOCS.glob("examples/test_*.py")}


def test_the_calls_of_the_sessions_page_get_the_answers_that_it_shows(
    config: dict[str, Any], outbox: Outbox, clock: MovableClock
) -> None:
    def make_app(**settings: Any) -> Flask:
        app = deployed(protected.create_app(config | settings), protected.otpauth)
        app.extensions["test_otpauth"] = protected.otpauth
        return app

    PageHost(make_app, {}, outbox, clock).replay(DOCS / "sessions.md")


# -- tokens that others verify ---------------------------------------------------------------


def test_tokens_are_signed_with_the_pages_key_pair_and_the_older_one_is_accepted(
    config: dict[str, Any], outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = (generate_private_key(SECP256R1()) for _ in range(2))
    private = [
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        for key in (older, newer)
    ]
    public = older.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "jwt-2025-01.pem").write_text(private[1], "ascii")
    (tmp_path / "jwt-2024-07.pub").write_bytes(public)
    monkeypatch.chdir(tmp_path)
    pasted: dict[str, Any] = {}
    exec(python_block("sessions.md"), pasted)
    former = {"OTPAUTH_JWT_KEYS": [{"kid": "2024-07", "alg": "ES256", "key": private[0]}]}
    before = logged_in(deployed(protected.create_app(config | former), protected.otpauth), outbox)

    app = protected.create_app(config | {"OTPAUTH_JWT_KEYS": pasted["OTPAUTH_JWT_KEYS"]})
    still_in = app.test_client().get("/me", headers=before)
    token = EmailCaller(app, outbox).login()["accessToken"]
    served = app.test_client().get("/apis/auth/.well-known/jwks.json").json

    assert still_in.status_code == 200
    assert [key["kid"] for key in served["keys"]] == ["2025-01", "2024-07"]
    claims = jwt.decode(
        token,
        jwt.PyJWKSet.from_dict(served)["2025-01"],
        algorithms=["ES256"],
        audience=app.import_name,
        issuer="flask_otpauth",
        options={"verify_exp": False},  # the app's clock stands in 2024
    )
    assert claims.keys() == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}
    assert claims["sub"] == "1"


# -- bring your own users --------------------------------------------------------------------


def test_the_example_model_keeps_its_textual_key(
    config: dict[str, Any], outbox: Outbox, database_uri: str
) -> None:
    app = own_users.create_app(
        config | {"SQLALCHEMY_DATABASE_URI": database_uri, "OTPAUTH_DATABASE_URI": None}
    )
    login = EmailCaller(app, outbox).login()
    header = bearer(login["accessToken"])
    with app.app_context():
        own_users.db.session.get_one(own_users.User, login["userId"]).points = 7
        own_users.db.session.commit()

    answer = app.test_client().get("/points", headers=header)
    again = EmailCaller(app, outbox).login("USER@example.com")

    assert re.fullmatch("[0-9a-f]{32}", login["userId"])
    assert answer.json == {"email": ADDRESS, "points": 7}
    assert again["userId"] == login["userId"]


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """A database that was there before."""
    path = tmp_path / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE customers (customer_no INTEGER PRIMARY KEY, mail TEXT UNIQUE NOT NULL,"
        " name TEXT NOT NULL, closed INTEGER NOT NULL DEFAULT 0);"
        f"INSERT INTO customers (customer_no, mail, name) VALUES (4711, '{ADDRESS}', 'Ann');"
    )
    connection.close()
    return path


def test_the_example_directory_finds_the_customers_that_were_there(
    config: dict[str, Any], outbox: Outbox, customers: Path
) -> None:
    caller = EmailCaller(own_directory.create_app(config, f"sqlite:///{customers}"), outbox)

    known, new, again = caller.login(), caller.login("new@example.com"), caller.login("new@example.com")

    assert (known["userId"], known["fullName"]) == (4711, "Ann")
    assert new["userId"] == again["userId"] == 4712


def test_the_example_directory_closes_an_account(
    config: dict[str, Any], outbox: Outbox, customers: Path
) -> None:
    app = own_directory.create_app(config, f"sqlite:///{customers}")
    caller = EmailCaller(app, outbox)
    login = caller.login()
    users = app.extensions["otpauth"].services.users

    closed, nobody = users.disable(4711), users.disable("nobody")
    refused = caller.refresh(login["refreshToken"])
    caller.ask()

    assert (closed, nobody) == (True, False)
    assert outcome(refused) == (-1, "Invalid refresh token")
    assert len(outbox.messages) == 1  # the one before the account was closed
    users.enable(4711)
    assert caller.login()["userId"] == 4711


# -- codes in the host's own views -----------------------------------------------------------


@pytest.fixture
def phone(config: dict[str, Any], outbox: Outbox) -> Any:
    """Posts forms to the example's views, logged in."""
    app = deployed(confirm_phone.create_app(config), confirm_phone.otpauth)
    header = logged_in(app, outbox)

    def post(path: str, **form: str) -> TestResponse:
        return app.test_client().post(path, data={"phone": PHONE, **form}, headers=header)

    return post


def test_the_example_confirms_a_phone_once(phone: Any, outbox: Outbox) -> None:
    sent = phone("/phone", phone="+84 98 765 43 21")
    code = outbox.last.code

    wrong = phone("/phone/confirm", code=another(code))
    right = phone("/phone/confirm", code=code)
    again = phone("/phone/confirm", code=code)

    assert outbox.last.channel == "sms"
    assert sent.json == {"sent_to": PHONE}
    assert wrong.json == {"error": "The code is wrong.", "guesses_left": 4}
    assert right.json == {"confirmed": True}
    assert again.status_code == 400


def test_the_example_tells_why_there_is_no_code(phone: Any, outbox: Outbox, clock: MovableClock) -> None:
    nonsense = phone("/phone", phone="12"), phone("/phone/confirm", phone="12", code="123456")
    outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)
    unsent = phone("/phone")
    outbox.answer = None
    sent = phone("/phone")
    clock.tick(30)

    early = phone("/phone")

    assert [answer.status_code for answer in (*nonsense, unsent, sent)] == [400, 400, 502, 200]
    assert early.status_code == 429
    assert early.json == {"error": "Please try again later.", "seconds": 60}


def test_the_example_lets_only_who_is_logged_in_confirm(config: dict[str, Any], outbox: Outbox) -> None:
    app = deployed(confirm_phone.create_app(config), confirm_phone.otpauth)

    answers = [app.test_client().post(path, data={"phone": PHONE}) for path in ("/phone", "/phone/confirm")]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert outbox.messages == []


def test_a_purposes_own_template_is_taken_before_the_packaged_one(
    config: dict[str, Any], outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (named,) = re.findall(
        r"`(otpauth/\S+confirm_phone\S+)`", (DOCS / "howto/host-codes.md").read_text("utf-8")
    )
    template = tmp_path / "templates" / named
    template.parent.mkdir(parents=True)
    template.write_text("{{ code }} for {{ minutes }} minutes: {{ purpose }}, {{ shop }}", "utf-8")
    app = deployed(confirm_phone.create_app(config), confirm_phone.otpauth)
    monkeypatch.setattr(app, "root_path", str(tmp_path))

    with app.app_context():
        confirm_phone.otpauth.codes.send("sms", PHONE, purpose=confirm_phone.PURPOSE, shop="Ann's")

    assert outbox.last.text == f"{outbox.last.code} for 5 minutes: confirm_phone, Ann's"


# -- an envelope of the host's own -----------------------------------------------------------


@pytest.fixture
def jsend_path(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the page sets, with the example where a reader would have put it."""
    monkeypatch.setitem(sys.modules, "shop.jsend", jsend)
    pasted: dict[str, Any] = {}
    exec(python_block("howto/write-an-envelope.md"), pasted)
    path: str = pasted["OTPAUTH_EMAIL_ENVELOPE"]
    return path


def test_the_email_flow_speaks_the_example_envelope(
    make_app: MakeApp, outbox: Outbox, jsend_path: str
) -> None:
    caller = EmailCaller(make_app(email_envelope=jsend_path), outbox)

    asked = caller.ask(lang="en")
    invalid = caller.ask("nobody")
    wrong = caller.miss()
    outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)
    unsent = caller.ask()

    assert asked.json == {"status": "success", "data": {"email": ADDRESS, "expireInSeconds": 300}}
    assert (invalid.status_code, invalid.json["status"]) == (400, "fail")
    assert invalid.json["data"]["fields"] == {"email": "Invalid email"}
    assert wrong.json == {"status": "fail", "data": {"reason": "code_wrong", "message": "Invalid OTP"}}
    assert (unsent.status_code, unsent.json["status"]) == (502, "error")
    assert asked.headers["Cache-Control"] == "no-store"


def test_every_flow_speaks_the_example_envelope(make_app: MakeApp, jsend_path: str) -> None:
    flows = ("email", "sms", "flashcall", "voice", "account")
    app = make_app(**{f"{flow}_envelope": jsend_path for flow in flows})

    for flow in flows:
        mount = app.extensions["otpauth"].mounts[flow]
        with app.test_request_context():
            refused = mount.refuse(errors.QuotaExceeded(30))

        assert (refused.status_code, refused.json["data"]["reason"]) == (429, "quota_exceeded")
        assert refused.headers["Retry-After"] == "30"


# -- errors ----------------------------------------------------------------------------------


def family(error: type[errors.OtpAuthError]) -> list[type[errors.OtpAuthError]]:
    """``error`` and everything below it."""
    return [error, *(each for child in error.__subclasses__() for each in family(child))]


def test_the_tree_of_the_errors_page_names_every_error_once() -> None:
    described = (errors.__doc__ or "").partition("::")[2].partition("A refusal has")[0]
    named = Counter(re.findall(r"\b[A-Z]\w+", described))

    ours = [each for each in family(errors.OtpAuthError) if each.__module__.startswith("flask_otpauth")]

    assert named == Counter(each.__name__ for each in ours)


def test_the_example_listener_is_told_what_a_client_is_not(
    config: dict[str, Any], outbox: Outbox, clock: MovableClock
) -> None:
    app = deployed(protected.create_app(config), protected.otpauth)
    caller = EmailCaller(app, outbox)
    listening.refusals.clear()
    listening.warned.clear()

    caller.ask()
    answers = [caller.miss()]
    clock.tick(300)
    answers += [caller.miss(), caller.verify("123456", "never@example.com")]
    login = caller.login()
    caller.refresh(login["refreshToken"])
    clock.tick(10)
    caller.refresh(login["refreshToken"])

    assert {outcome(answer) for answer in answers} == {(1, "Invalid OTP")}
    assert listening.refusals == {"wrong": 1, "expired": 1, "none": 1}
    assert listening.warned == ["1"]
