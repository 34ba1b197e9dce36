"""Signals and logs: what a host learns from them, and that they contain no secret."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import gevent
import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, inspect, text
from werkzeug.serving import make_server

from flask_otpauth import OtpAuth, signals
from flask_otpauth.adapters.events import SignalEvents
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.adapters.databases import database_of
from tests.flows.email_caller import ADDRESS, EmailCaller
from tests.hosts import SECRET_KEY, MakeApp

# -- signals ---------------------------------------------------------------------------------


@dataclass
class Ear:
    """Hears every signal of one app."""

    app: Flask
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    listeners: list[Callable[..., None]] = field(default_factory=list)

    def listen(self) -> None:
        """Start to listen."""
        for name, signal in signals.ALL.items():

            def hear(sender: Flask, name: str = name, **facts: Any) -> None:
                self.heard.append((name, facts))

            self.listeners.append(hear)  # blinker keeps its listeners weakly
            signal.connect(hear, self.app)

    def named(self) -> list[str]:
        """Return the names of the signals since the last call."""
        names = [name for name, _ in self.heard]
        self.heard.clear()
        return names

    def facts(self, name: str) -> dict[str, Any]:
        """Return the arguments of the newest signal of that name."""
        return [facts for heard, facts in self.heard if heard == name][-1]


@pytest.fixture
def ear(app: Flask) -> Ear:
    ear = Ear(app)
    ear.listen()
    return ear


@pytest.fixture
def caller(app: Flask, outbox: Outbox) -> EmailCaller:
    return EmailCaller(app, outbox)


def test_a_login_is_told_step_by_step(ear: Ear, caller: EmailCaller) -> None:
    code = caller.fresh_code()
    issued, sent = ear.facts("code_issued"), ear.facts("code_sent")
    asked = ear.named()
    user_id = str(caller.verify(code).json["data"]["userId"])
    opened, accepted = ear.facts("session_opened"), ear.facts("code_accepted")

    assert asked == ["code_issued", "code_sent"]
    assert issued == {"purpose": "email", "subject": ADDRESS}
    assert (sent["channel"], sent["recipient"], sent["purpose"]) == ("email", ADDRESS, "email")
    assert sent["receipt"].status is Status.ACCEPTED
    assert ear.named() == ["code_accepted", "session_opened"]
    assert accepted == {"purpose": "email", "subject": ADDRESS}
    assert opened["user_id"] == user_id
    assert set(opened) == {"user_id", "session_id"}


def test_a_login_that_ends_another_session_says_so(ear: Ear, caller: EmailCaller) -> None:
    user_id = str(caller.login()["userId"])
    ear.named()
    caller.login()

    assert ear.facts("session_revoked") == {"user_id": user_id, "count": 1}


@pytest.mark.parametrize(
    ("reason", "act"),
    [
        ("wrong", lambda caller, clock: (caller.fresh_code(), caller.miss())),
        ("none", lambda caller, clock: caller.verify("123456")),
        ("shape", lambda caller, clock: None),
        ("used", lambda caller, clock: (caller.login(), caller.miss())),
        ("expired", lambda caller, clock: (caller.fresh_code(), clock.tick(300), caller.miss())),
        ("code_used", lambda caller, clock: (caller.login(), caller.verify(caller.code))),
        ("code_exhausted", lambda caller, clock: (caller.fresh_code(), caller.miss(6))),
    ],
)
def test_a_refused_guess_tells_the_host_what_the_client_may_not_know(
    reason: str, act: Callable[..., object], app: Flask, ear: Ear, caller: EmailCaller, clock: MovableClock
) -> None:
    act(caller, clock)
    if reason == "shape":  # a flow refuses such a code before it is judged, and a host's own view does not
        with app.app_context():
            app.extensions["test_otpauth"].codes.redeem(ADDRESS, purpose="pay", code="12")

    facts = ear.facts("code_refused")

    assert facts["reason"] == reason
    assert facts["subject"] == ADDRESS


def test_a_limit_is_told_with_its_kind(ear: Ear, caller: EmailCaller) -> None:
    for _ in range(6):
        caller.ask()

    assert ear.facts("request_limited") == {"purpose": "email", "subject": ADDRESS, "reason": "quota"}


def test_a_failed_sending_is_told_and_not_as_sent(ear: Ear, caller: EmailCaller, outbox: Outbox) -> None:
    outbox.answer = lambda message: Receipt(Status.REJECTED, detail="no such mailbox")
    caller.ask()

    assert ear.facts("send_failed")["receipt"].detail == "no such mailbox"
    assert ear.named() == ["code_issued", "send_failed"]


def test_the_life_of_a_session_is_told(
    ear: Ear, caller: EmailCaller, clock: MovableClock, app: Flask
) -> None:
    login = caller.login()
    caller.refresh(login["refreshToken"])
    clock.tick(11)
    ear.named()
    caller.refresh(login["refreshToken"])
    reused = ear.facts("token_reused")
    after_reuse = ear.named()
    caller.logout(caller.login()["accessToken"])
    after_logout = ear.named()[-1]
    with app.app_context():
        app.extensions["test_otpauth"].revoke_sessions(login["userId"])

    assert reused["user_id"] == str(login["userId"])
    assert after_reuse == ["token_reused", "session_revoked"]
    assert after_logout == "session_revoked"
    assert ear.named() == ["session_revoked"]


def test_a_withheld_mail_is_not_told_as_issued_or_sent(app: Flask, ear: Ear, caller: EmailCaller) -> None:
    with app.app_context():
        users = app.extensions["test_otpauth"].users
        users.disable(users.create(email=ADDRESS).id)
    ear.named()
    caller.ask()

    assert ear.named() == []


def test_a_listener_that_breaks_undoes_nothing(
    app: Flask, caller: EmailCaller, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(sender: Flask, **facts: Any) -> None:
        raise RuntimeError("the listener's own problem")

    with signals.code_accepted.connected_to(broken, app), signals.code_sent.connected_to(broken, app):
        login = caller.login()

    assert login["email"] == ADDRESS
    assert "a listener of code_accepted failed" in caplog.text


@pytest.mark.parametrize("error", [asyncio.CancelledError(), gevent.Timeout(1)], ids=["canceled", "timeout"])
def test_a_listener_that_is_cut_off_undoes_nothing_either(
    error: BaseException, app: Flask, caller: EmailCaller
) -> None:
    def cut_off(sender: Flask, **facts: Any) -> None:
        raise error

    with signals.code_issued.connected_to(cut_off, app), signals.code_accepted.connected_to(cut_off, app):
        login = caller.login()

    assert login["email"] == ADDRESS


def test_one_app_does_not_hear_another(make_app: MakeApp, outbox: Outbox) -> None:
    first, second = make_app(), make_app()
    ear = Ear(first)
    ear.listen()

    EmailCaller(second, outbox).ask()

    assert ear.named() == []


def test_the_log_masks_addresses(caller: EmailCaller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caller.login()
    caller.ask("other@example.com")
    caller.miss(1, "other@example.com")

    assert "u***@example.com" in caplog.text
    assert ADDRESS not in caplog.text
    assert "other@example.com" not in caplog.text


class Unprintable:
    """A fact that must not be shown."""

    def __str__(self) -> str:
        raise AssertionError("this text was not needed")


def test_an_event_is_not_put_into_words_for_a_log_that_is_off(
    app: Flask, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    fact = Unprintable()

    with caplog.at_level(logging.WARNING, "flask_otpauth"):
        SignalEvents(app)("code_issued", subject=fact)

    assert ear.facts("code_issued") == {"subject": fact}
    assert not caplog.records


# -- secrets ---------------------------------------------------------------------------------

PASSWORDS = ("correct horse battery staple", "another horse battery staple", "a third horse battery staple")
PINS = ("482913", "731846", "590274")


@dataclass
class Witness:
    """All responses, and every secret that must not be anywhere else."""

    url: str
    outbox: Outbox
    answers: list[tuple[str, str]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)

    def call(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Send a request over a real socket, and return the response."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, {**(headers or {}), "Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=30) as response:
                answer = response.read().decode()
        except OSError as error:
            answer = error.read().decode()  # type: ignore[attr-defined]  # an HTTPError is a response too
        self.answers.append((path, answer))
        return json.loads(answer)

    def knows(self, what: str, secret: str) -> str:
        """Remember a secret."""
        self.secrets[what] = secret
        return secret

    def mailed(self, what: str) -> str:
        """Remember the code of the newest message."""
        return self.knows(what, self.outbox.last.code)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with database_of(request.param, tmp_path) as url:
        engine = create_engine(url, echo="debug")
        yield engine
        engine.dispose()


@pytest.fixture
def witnessed(engine: Engine, outbox: Outbox) -> Iterator[tuple[Flask, Witness]]:
    """Run an app with every flow on a real server, with an engine that logs all statements."""
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_FLOWS=("email", "sms", "flashcall", "voice", "account"),
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_IP_LIMITS=None,
        OTPAUTH_VOICE_VERIFY=True,
        OTPAUTH_SMS_COOLDOWN=0,
    )
    otpauth = OtpAuth(app, db=engine)
    app.extensions["test_otpauth"] = otpauth

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, Any]:
        return {"id": otpauth.current_user.id}

    with app.app_context():
        otpauth.create_all()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield app, Witness(f"http://127.0.0.1:{server.server_port}", outbox)
    server.shutdown()
    thread.join()
    server.server_close()


def live_through_everything(app: Flask, witness: Witness) -> None:
    """Use every flow, also with every mistake that sends a secret to the app."""
    otpauth = app.extensions["test_otpauth"]
    with app.app_context():
        made = otpauth.clients.create("all", flows=("sms", "flashcall", "voice", "account"))
        secret = witness.knows("client secret", made.secret)
        campaign = otpauth.campaigns.create(made.id).id
        user = otpauth.users.create(
            email="customer@stamps.co.id", phone="+6281234567890", password=PASSWORDS[0]
        )
        witness.knows("account token", otpauth.issue_account_token(user.id))
    for number, password in enumerate(PASSWORDS):
        witness.knows(f"password {number}", password)
    for number, pin in enumerate(PINS):
        witness.knows(f"PIN {number}", pin)
    _email(witness)
    _sms(witness, made.id, secret)
    _flashcall(witness, secret)
    _voice(witness, made.id, secret, campaign)
    _account(witness, secret, user.id)
    with app.app_context():
        otpauth.codes.send("email", "host@example.com", purpose="pay")
        witness.mailed("host's code")
        otpauth.codes.redeem("host@example.com", purpose="pay", code="000000")


def _email(witness: Witness) -> None:
    post = witness.call
    post("/apis/auth/request-otp", {"email": ADDRESS})
    code = witness.mailed("e-mail code")
    post("/apis/auth/verify-otp", {"email": ADDRESS, "otpCode": "000000"})
    login = post("/apis/auth/verify-otp", {"email": ADDRESS, "otpCode": code})["data"]
    post("/apis/auth/verify-otp", {"email": ADDRESS, "otpCode": code})
    refreshed = post("/apis/auth/refresh-token", {"refreshToken": login["refreshToken"]})["data"]
    post("/apis/auth/refresh-token", {"refreshToken": login["refreshToken"] + "x"})
    for number, data in enumerate((login, refreshed)):
        access = witness.knows(f"access token {number}", data["accessToken"])
        witness.knows(f"refresh token {number}", data["refreshToken"])
        witness.call("/me", headers={"Authorization": f"Bearer {access}"})
        witness.call("/me", headers={"Authorization": f"Bearer {access}x"})
    post("/apis/auth/logout", {}, {"Authorization": f"Bearer {refreshed['accessToken']}"})
    witness.call("/me", headers={"Authorization": f"Bearer {refreshed['accessToken']}"})


def _sms(witness: Witness, client_id: str, secret: str) -> None:
    asked = {"grant_type": "client_credentials", "client_id": client_id, "scope": "*"}
    witness.call("/oauth/token", {**asked, "client_secret": secret + "x"})
    token = witness.call("/oauth/token", {**asked, "client_secret": secret})["access_token"]
    headers = {"Authorization": f"Bearer {witness.knows('sms token', token)}"}
    phone = {"cc_phone": "84", "phone": "0987654321"}
    witness.call("/api/auth/resend-otp", phone, headers)
    code = witness.mailed("sms code")
    witness.call("/api/auth/verify-otp", {**phone, "otp": "000000"}, headers)
    witness.call("/api/auth/verify-otp", {**phone, "otp": code}, headers)
    witness.call("/api/auth/resend-otp", {"account_token": witness.secrets["account token"]}, headers)


def _flashcall(witness: Witness, secret: str) -> None:
    headers = {"X-Application-Token": secret}
    witness.call("/v1/orders", {"phone": "79991234567"}, {"X-Application-Token": secret + "x"})
    order = witness.call("/v1/orders", {"phone": "79991234567"}, headers)["data"]
    witness.call(f"/v1/auth/{order['id']}/0000", headers=headers)
    # Four digits can be a part of any number in a log, so the test looks for their path.
    code = witness.outbox.last.code
    witness.knows("flash call code", f"/v1/auth/{order['id']}/{code}")
    witness.call(f"/v1/auth/{order['id']}/{code}", headers=headers)


def _voice(witness: Witness, client_id: str, secret: str, campaign: str) -> None:
    witness.call("/api/v1/users/generate_access_token", {"secret_key": secret + "x"})
    bought = witness.call("/api/v1/users/generate_access_token", {"secret_key": secret})
    headers = {"Authorization": witness.knows("voice token", bought["data"]["access_token"])}
    code = witness.knows("spoken code", "830471")
    contact = {"phone_number": "0771122330", "otp": code}
    witness.call(f"/api/v1/campaigns/{campaign}/voiceotp", {"userid": client_id, "contact": contact}, headers)
    witness.call(
        f"/api/v1/campaigns/{campaign}/voiceotp/verify", {"userid": client_id, "contact": contact}, headers
    )


def _account(witness: Witness, secret: str, user_id: int) -> None:
    headers = {"Authorization": f"Token {secret}"}

    def post(path: str, **body: Any) -> Any:
        return witness.call(f"/api{path}", {"user": user_id, **body}, headers)

    post("/auth/validate-password", password=PASSWORDS[0])
    post("/auth/validate-password", password=PASSWORDS[1])
    post("/auth/change-password", old_password=PASSWORDS[0], new_password=PASSWORDS[1])
    post("/pin/set", pin=PINS[0], confirm_pin=PINS[0])
    post("/pin/set", pin=PINS[0], confirm_pin=PINS[1])
    post("/pin/change", current_pin=PINS[0], new_pin=PINS[1], confirm_new_pin=PINS[1])
    post("/pin/validate", pin=PINS[0])
    code = witness.knows("PIN reset code", post("/pin/request-otp-for-reset")["otp"])
    post("/pin/reset", otp=code, pin=PINS[2], confirm_pin=PINS[2])
    post("/pin/reset-with-password", password=PASSWORDS[1], pin=PINS[0], confirm_pin=PINS[0])
    identified = {"identifier": user_id, "type": "email", "template_code": "code"}
    code = witness.knows(
        "password reset code", post("/auth/request-otp-for-password-reset", **identified)["otp"]
    )
    new = {"new_password": PASSWORDS[2], "confirm_new_password": PASSWORDS[2]}
    post("/auth/reset-password-with-otp", identifier=user_id, otp=code, **new)


def rows_of(engine: Engine) -> str:
    """Return every value in every table, as text."""
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        rows = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables]
    values = [value for table in rows for row in table for value in row]
    assert len(values) > 100
    return "\n".join(
        bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
        for value in values
    )


def found(secret: str, haystack: str) -> bool:
    """Return whether ``secret`` is there. Digits do not count as a part of a longer number."""
    if secret.isdigit():
        return re.search(f"(?<![0-9a-fA-F]){secret}(?![0-9a-fA-F])", haystack) is not None
    return secret in haystack


#: The responses that show a secret, according to the documents.
SHOWN = {
    "/apis/auth/verify-otp": {"access token 0", "refresh token 0"},
    "/apis/auth/refresh-token": {"access token 1", "refresh token 1"},
    "/oauth/token": {"sms token"},
    "/api/v1/users/generate_access_token": {"voice token", "client secret"},
    "/api/pin/request-otp-for-reset": {"PIN reset code"},
    "/api/auth/request-otp-for-password-reset": {"password reset code"},
}


def test_no_secret_is_logged_stored_or_answered_but_as_the_documents_show(
    witnessed: tuple[Flask, Witness],
    engine: Engine,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    app, witness = witnessed
    caplog.set_level(logging.DEBUG)
    for name in ("werkzeug", "sqlalchemy.engine", "sqlalchemy.pool", "flask_otpauth"):
        caplog.set_level(logging.DEBUG, logger=name)

    live_through_everything(app, witness)

    logged = caplog.text + "".join(capfd.readouterr())
    stored = rows_of(engine)
    assert len(witness.secrets) == 21
    assert "/v1/auth/" in logged  # the access log is in it,
    assert "INSERT INTO otpauth_challenges" in logged  # and the echo of the database,
    assert "code_accepted" in logged  # and our own
    assert [what for what, secret in witness.secrets.items() if found(secret, logged)] == []
    assert [what for what, secret in witness.secrets.items() if found(secret, stored)] == []
    shown = {
        (path, what)
        for path, answer in witness.answers
        for what, secret in witness.secrets.items()
        if found(secret, answer)
    }
    assert shown == {(path, what) for path, names in SHOWN.items() for what in names}


def test_the_test_above_would_find_a_secret() -> None:
    assert found("482913", "pin=482913;")
    assert not found("482913", "1732482913000")
    assert found("s3cret", "x s3cret y")
