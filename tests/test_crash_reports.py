"""A crash reporter keeps the locals of every frame: no secret is in a frame of this package."""

from __future__ import annotations

import json
import logging
import re
import secrets
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, got_request_exception
from pydantic import BaseModel
from sqlalchemy import create_engine, event, literal, select

import flask_otpauth
from flask_otpauth import signals
from flask_otpauth.core.errors import SendFailed
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.testing import Outbox
from tests.adapters.databases import mariadb_database, postgresql_schema
from tests.hosts import MakeApp, otpauth_of

PACKAGE = str(Path(flask_otpauth.__file__).parent)

EMAIL, PHONE = "user@example.com", "+84987654321"
PASSWORD, NEW_PASSWORD = "correct horse battery staple", "another horse battery ﬆaple"
PIN, NEW_PIN = "482913", "731846"
DRAWN, CHOSEN = 918_273, "5610"


class Broken(RuntimeError):
    """A bug outside of this package."""


@dataclass
class Stage:
    """An app with every flow, a person, and a client; and every secret that was in play."""

    app: Flask
    outbox: Outbox
    secrets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        with self.app.app_context():
            otpauth = otpauth_of(self.app)
            user = otpauth.users.create(email=EMAIL, phone=PHONE, password=PASSWORD)
            self.user_id = user.id
            self.client = otpauth.clients.create("all", ("sms", "flashcall", "voice", "account"))
            self.campaign = otpauth.campaigns.create(self.client.id).id
            self.account_token = self.knows(otpauth.issue_account_token(user.id))
        self.knows(self.client.secret)

    def knows(self, secret: str) -> str:
        """Keep a secret in mind."""
        self.secrets.add(str(secret))
        return secret

    def call(self, path: str, body: Any = None, method: str = "POST", **headers: str) -> Any:
        """A request of JSON; what was answered."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        options: Any = {} if method == "GET" else {"json": body}
        return self.app.test_client().open(path, method=method, headers=named, **options).json

    def account(self, path: str, **body: Any) -> Any:
        """A call of the account flow."""
        secret = f"Token {self.client.secret}"
        return self.call(f"/api{path}", {"user": self.user_id, **body}, Authorization=secret)

    def email_code(self) -> str:
        """A code that was mailed."""
        self.call("/apis/auth/request-otp", {"email": EMAIL})
        return self.knows(self.outbox.last.code)

    def login(self) -> dict[str, str]:
        """The tokens of a login."""
        data = self.call("/apis/auth/verify-otp", {"email": EMAIL, "otpCode": self.email_code()})["data"]
        return {name: self.knows(data[name]) for name in ("accessToken", "refreshToken")}

    def sms_token(self) -> str:
        """A client's signed token."""
        asked = {"grant_type": "client_credentials", "client_id": self.client.id}
        return self.knows(
            self.call("/oauth/token", {**asked, "client_secret": self.client.secret})["access_token"]
        )

    def sms_code(self) -> str:
        """A code that was sent by SMS."""
        token = f"Bearer {self.sms_token()}"
        self.call("/api/auth/resend-otp", {"account_token": self.account_token}, Authorization=token)
        return self.knows(self.outbox.last.code)

    def voice_token(self) -> str:
        """A client's opaque token."""
        asked = {"secret_key": self.client.secret}
        token: str = self.call("/api/v1/users/generate_access_token", asked)["data"]["access_token"]
        return self.knows(token)

    def order(self) -> str:
        """An order whose code was drawn."""
        secret = {"X_Application_Token": self.client.secret}
        order_id: str = self.call("/v1/orders", {"phone": "79991234567"}, **secret)["data"]["id"]
        return order_id

    def reset_code(self, path: str, **body: Any) -> str:
        """A code that resets a secret."""
        return self.knows(self.account(path, **body)["otp"])


Act = Callable[[], Any]

#: Each operation: what comes before it, and what it is then.
OPERATIONS: dict[str, Callable[[Stage], Act]] = {}


def operation(prepare: Callable[[Stage], Act]) -> Callable[[Stage], Act]:
    """One of the operations that are tried."""
    OPERATIONS[prepare.__name__] = prepare
    return prepare


@operation
def email_request(stage: Stage) -> Act:
    return lambda: stage.call("/apis/auth/request-otp", {"email": EMAIL})


@operation
def email_verify(stage: Stage) -> Act:
    code = stage.email_code()
    return lambda: stage.call("/apis/auth/verify-otp", {"email": EMAIL, "otpCode": code})


@operation
def email_verify_of_somebody_new(stage: Stage) -> Act:
    stage.call("/apis/auth/request-otp", {"email": "new@example.com"})
    code = stage.knows(stage.outbox.last.code)
    return lambda: stage.call("/apis/auth/verify-otp", {"email": "new@example.com", "otpCode": code})


@operation
def email_refresh(stage: Stage) -> Act:
    token = stage.login()["refreshToken"]
    return lambda: stage.call("/apis/auth/refresh-token", {"refreshToken": token})


@operation
def email_logout(stage: Stage) -> Act:
    token = f"Bearer {stage.login()['accessToken']}"
    return lambda: stage.call("/apis/auth/logout", {}, Authorization=token)


@operation
def email_logout_by_the_refresh_token(stage: Stage) -> Act:
    token = stage.login()["refreshToken"]
    return lambda: stage.call("/apis/auth/logout", {"refreshToken": token})


@operation
def a_protected_route(stage: Stage) -> Act:
    token = f"Bearer {stage.login()['accessToken']}"
    return lambda: stage.call("/me", method="GET", Authorization=token)


@operation
def sms_buy(stage: Stage) -> Act:
    asked = {"grant_type": "client_credentials", "client_id": stage.client.id}
    return lambda: stage.call("/oauth/token", {**asked, "client_secret": stage.client.secret})


@operation
def sms_buy_by_form_and_basic(stage: Stage) -> Act:
    basic, form = (stage.client.id, stage.client.secret), {"grant_type": "client_credentials"}
    return lambda: stage.app.test_client().post("/oauth/token", data=form, auth=basic)


@operation
def sms_resend(stage: Stage) -> Act:
    token = f"Bearer {stage.sms_token()}"
    body = {"account_token": stage.account_token, "captcha": stage.knows("an answer to a captcha")}
    return lambda: stage.call("/api/auth/resend-otp", body, Authorization=token)


@operation
def sms_verify(stage: Stage) -> Act:
    code, token = stage.sms_code(), f"Bearer {stage.sms_token()}"
    body = {"account_token": stage.account_token, "otp": code}
    return lambda: stage.call("/api/auth/verify-otp", body, Authorization=token)


@operation
def flashcall_order(stage: Stage) -> Act:
    secret = {"X_Application_Token": stage.client.secret}
    body = {"phone": "79991234567", "code": stage.knows(CHOSEN)}
    return lambda: stage.call("/v1/orders?fields=code.value", body, **secret)


@operation
def flashcall_order_of_a_drawn_code(stage: Stage) -> Act:
    secret = {"X_Application_Token": stage.client.secret}
    return lambda: stage.call("/v1/orders?fields=code.value", {"phone": "79991234567"}, **secret)


@operation
def flashcall_auth(stage: Stage) -> Act:
    path, secret = (
        f"/v1/auth/{stage.order()}/{DRAWN % 10**4}",
        {"X_Application_Token": stage.client.secret},
    )
    return lambda: stage.call(path, method="GET", **secret)


@operation
def flashcall_auth_by_body(stage: Stage) -> Act:
    body = {"order_id": stage.order(), "code": str(DRAWN % 10**4)}
    return lambda: stage.call("/v1/auth", body, X_Application_Token=stage.client.secret)


@operation
def voice_buy(stage: Stage) -> Act:
    return lambda: stage.call("/api/v1/users/generate_access_token", {"secret_key": stage.client.secret})


def voice(stage: Stage, path: str, otp: str | None) -> Act:
    """A call of the voice flow."""
    token, url = stage.voice_token(), f"/api/v1/campaigns/{stage.campaign}/voiceotp"
    body = {"userid": stage.client.id, "contact": {"phone_number": "0771122330", "otp": otp}}
    return lambda: stage.call(url + path, body, Authorization=token)


@operation
def voice_call(stage: Stage) -> Act:
    return voice(stage, "", stage.knows("561047"))


@operation
def voice_call_of_a_drawn_code(stage: Stage) -> Act:
    return voice(stage, "", None)


@operation
def voice_verify(stage: Stage) -> Act:
    voice(stage, "", None)()
    return voice(stage, "/verify", str(DRAWN))


@operation
def account_buy(stage: Stage) -> Act:
    return lambda: stage.call("/api/auth/get-access-token", {"token": stage.client.secret})


@operation
def account_validate_password(stage: Stage) -> Act:
    return lambda: stage.account("/auth/validate-password", password=PASSWORD)


@operation
def account_set_pin(stage: Stage) -> Act:
    return lambda: stage.account("/pin/set", pin=PIN, confirm_pin=PIN)


def with_pin(stage: Stage) -> Stage:
    """With a PIN that is set."""
    stage.account("/pin/set", pin=PIN, confirm_pin=PIN)
    return stage


@operation
def account_change_pin(stage: Stage) -> Act:
    pins = {"current_pin": PIN, "new_pin": NEW_PIN, "confirm_new_pin": NEW_PIN}
    return lambda: with_pin(stage).account("/pin/change", **pins)


@operation
def account_validate_pin(stage: Stage) -> Act:
    with_pin(stage)
    return lambda: stage.account("/pin/validate", pin=PIN)


@operation
def account_validate_a_wrong_pin(stage: Stage) -> Act:
    with_pin(stage)
    return lambda: stage.account("/pin/validate", pin=NEW_PIN)


@operation
def account_request_pin_reset(stage: Stage) -> Act:
    return lambda: stage.account("/pin/request-otp-for-reset", type="email", template_code="code")


@operation
def account_reset_pin(stage: Stage) -> Act:
    code = stage.reset_code("/pin/request-otp-for-reset")
    return lambda: stage.account("/pin/reset", otp=code, pin=NEW_PIN, confirm_pin=NEW_PIN)


@operation
def account_reset_pin_with_password(stage: Stage) -> Act:
    pins = {"pin": NEW_PIN, "confirm_pin": NEW_PIN}
    return lambda: stage.account("/pin/reset-with-password", password=PASSWORD, **pins)


@operation
def account_change_password(stage: Stage) -> Act:
    passwords = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    return lambda: stage.account("/auth/change-password", **passwords)


@operation
def account_set_password(stage: Stage) -> Act:
    return lambda: stage.account("/auth/set-password", email=EMAIL, new_password=NEW_PASSWORD)


@operation
def account_reset_password(stage: Stage) -> Act:
    code = stage.reset_code(
        "/auth/request-otp-for-password-reset", identifier=stage.user_id, type="email", template_code="code"
    )
    new = {"new_password": NEW_PASSWORD, "confirm_new_password": NEW_PASSWORD}
    return lambda: stage.account("/auth/reset-password-with-otp", identifier=stage.user_id, otp=code, **new)


@operation
def a_hosts_code(stage: Stage) -> Act:
    value = stage.knows("what only this person may read")
    codes = stage.app.extensions["otpauth"].services.host_codes
    return lambda: codes.send("email", "host@example.com", purpose="pay", hint=value)


@operation
def a_hosts_redeem(stage: Stage) -> Act:
    codes = stage.app.extensions["otpauth"].services.host_codes
    with stage.app.app_context():
        codes.send("email", "host@example.com", purpose="pay")
    code = stage.knows(stage.outbox.last.code)
    return lambda: codes.redeem("host@example.com", purpose="pay", code=str(code))


@operation
def a_hosts_user(stage: Stage) -> Act:
    users = stage.app.extensions["otpauth"].services.users
    return lambda: users.create(email=f"{secrets.token_hex(8)}@example.com", password=PASSWORD)


@operation
def a_hosts_user_who_may_be_there(stage: Stage) -> Act:
    users = stage.app.extensions["otpauth"].services.users
    return lambda: users.get_or_create(email=f"{secrets.token_hex(8)}@example.com", password=PASSWORD)


# -- what breaks -----------------------------------------------------------------------------


def parts(app: Flask) -> Mapping[str, Any]:
    """What is outside, or may be a host's."""
    services = app.extensions["otpauth"].services
    storage, post = services.storage, services.codes.messenger
    return {
        "directory": services.directory,
        "challenges": storage.challenges,
        "sessions": storage.sessions,
        "secrets": storage.secrets,
        "clients": storage.clients,
        "hasher": app.extensions["otpauth"].use_cases["account"].customers.pins.hasher,
        "templates": post.templates,
        "delivery": post.delivery,
        "sender": app.config["OTPAUTH_SENDERS"]["email"],
        "email envelope": app.extensions["otpauth"].mounts["email"].envelope,
        "front": app.extensions["otpauth"].rate_limits,
    }


def methods(part: Any) -> list[str]:
    """The public methods of a part."""
    return [
        name
        for name in dir(type(part))
        if not name.startswith("_")
        and callable(getattr(type(part), name))
        and name not in ("failure", "count")
    ]


def called(app: Flask, act: Act) -> list[tuple[str, str]]:
    """Which methods of the parts an operation calls: what else breaks cannot matter to it."""
    found: dict[tuple[str, str], None] = {}
    with pytest.MonkeyPatch.context() as patch, app.app_context():
        for part, instance in parts(app).items():
            for method in methods(instance):
                original = getattr(type(instance), method)

                def noted(
                    *given: Any,
                    each: tuple[str, str] = (part, method),
                    original: Any = original,
                    **named: Any,
                ) -> Any:
                    found[each] = None
                    return original(*given, **named)

                patch.setattr(type(instance), method, noted)
        act()
    return list(found)


@contextmanager
def broken(app: Flask, part: str, method: str) -> Iterator[None]:
    """Meanwhile that method raises."""
    kind = type(parts(app)[part])

    def boom(*given: object, **named: object) -> None:
        raise Broken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, method, boom)
        yield


@contextmanager
def broken_database(app: Flask) -> Iterator[None]:
    """Meanwhile every statement raises, deep in the driver."""
    engine = app.extensions["otpauth"].services.storage.database.engine

    def boom(*given: object) -> None:
        raise Broken

    event.listen(engine, "before_cursor_execute", boom)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", boom)


@contextmanager
def broken_listeners(app: Flask) -> Iterator[None]:
    """Meanwhile every listener of every signal raises."""

    def boom(sender: object, **facts: object) -> None:
        raise Broken

    for signal in signals.ALL.values():
        signal.connect(boom, app)
    try:
        yield
    finally:
        for signal in signals.ALL.values():
            signal.disconnect(boom, app)


# -- what a reporter reads -------------------------------------------------------------------


class Reporter(logging.Handler):
    """Keeps what every frame of the package held when something was reported."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.reports = 0

    def emit(self, record: logging.LogRecord) -> None:
        """What was logged with its traceback."""
        if record.exc_info and record.exc_info[1] is not None:
            self.keep(record.exc_info[1])

    def keep(self, error: BaseException) -> None:
        """One exception with the frames of all that led to it."""
        self.reports += 1
        told: list[Any] = [traceback.TracebackException.from_exception(error, capture_locals=True)]
        while told:
            each = told.pop()
            told += [chained for chained in (each.__cause__, each.__context__) if chained is not None]
            self.read.append("".join(each.format_exception_only()))
            self.read += [
                f"{frame.filename}:{frame.lineno} {name} = {value}"
                for frame in each.stack
                if frame.filename.startswith(PACKAGE)
                for name, value in (frame.locals or {}).items()
            ]


@pytest.fixture
def reporter() -> Iterator[Reporter]:
    """Listens to the logger and to Flask's signal."""
    reporter, logger = Reporter(), logging.getLogger("flask_otpauth")
    logger.addHandler(reporter)

    def keep(sender: object, exception: BaseException, **named: object) -> None:
        reporter.keep(exception)

    with got_request_exception.connected_to(keep):
        yield reporter
    logger.removeHandler(reporter)


def ask_captcha(number: str, answer: object) -> None:
    """The hook of a host that breaks with a captcha's answer in its hands."""
    if answer is not None:
        raise Broken


@pytest.fixture
def stage(make_app: MakeApp, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("secrets.randbelow", lambda limit: DRAWN % limit)
    app = make_app(
        TESTING=False,
        PROPAGATE_EXCEPTIONS=False,
        database_uri="sqlite://",
        voice_verify=True,
        flashcall_auth_post=True,
        sms_captcha=None,
        **{f"{flow}_send_quotas": () for flow in ("email", "flashcall", "voice")},
        sms_send_quotas=("99 per day",),
        sms_cooldown=0,
        account_otp_daily_limit=99,
        account_pin_max_failures=90,
    )
    otpauth = otpauth_of(app)

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, Any]:
        raise Broken

    made = Stage(app, outbox)
    made.secrets |= {PASSWORD, NEW_PASSWORD, "another horse battery staple", PIN, NEW_PIN}
    made.secrets |= {str(DRAWN), str(DRAWN % 10**4)}
    return made


def leaks(stage: Stage, reporter: Reporter) -> list[str]:
    """Where a secret was read."""
    escaped = {secret: re.escape(json.dumps(secret)[1:-1]) for secret in stage.secrets}
    patterns = [
        re.compile(rf"(?<![0-9a-fA-F]){secret}(?![0-9a-fA-F])" if secret.isdigit() else pattern)
        for secret, pattern in escaped.items()
    ]
    patterns += [re.compile(re.escape(secret)) for secret in stage.secrets if not secret.isascii()]
    return [line[:300] for line in reporter.read if any(pattern.search(line) for pattern in patterns)]


def attempt(act: Act, stage: Stage, reporter: Reporter) -> None:
    """Do it; what it raises is reported as well."""
    try:
        with stage.app.app_context():
            act()
    except (Broken, SendFailed) as error:
        reporter.keep(error)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_secret_is_in_a_frame_of_ours_whatever_breaks(name: str, stage: Stage, reporter: Reporter) -> None:
    calls = called(stage.app, OPERATIONS[name](stage))
    reporter.reports = 0

    for part, method in calls:
        act = OPERATIONS[name](stage)
        with broken(stage.app, part, method):
            attempt(act, stage, reporter)
    for breaking in (broken_database, broken_listeners):
        act = OPERATIONS[name](stage)
        with breaking(stage.app):
            attempt(act, stage, reporter)

    assert reporter.reports >= max(1, len(calls) // 2)
    assert leaks(stage, reporter) == []


def test_a_hook_of_the_host_that_breaks_shows_no_answer_of_a_captcha(
    make_app: MakeApp, outbox: Outbox, reporter: Reporter
) -> None:
    app = make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False, sms_captcha=ask_captcha)
    stage = Stage(app, outbox)

    stage.call(
        "/api/auth/resend-otp",
        {"cc_phone": "84", "phone": "0987654321", "captcha": stage.knows("an answer to a captcha")},
        Authorization=f"Bearer {stage.sms_token()}",
    )

    assert reporter.reports == 2
    assert leaks(stage, reporter) == []


def test_the_test_above_would_find_a_secret(stage: Stage, reporter: Reporter) -> None:
    reporter.read = [f"{PACKAGE}/x.py:1 code = '{DRAWN}'"]

    assert leaks(stage, reporter)


@pytest.mark.parametrize("code", ["482913", "mật khẩu", ""])
def test_a_secret_is_its_text_wherever_a_text_is_used(code: str) -> None:
    secret = Sensitive(code)

    in_json = json.loads(json.dumps({"a": secret}))["a"]
    assert (str(secret), f"{secret}", f"{secret:s}", in_json) == (code,) * 4
    assert type(str(secret)) is str
    assert (repr(secret), repr([secret]), repr(secret.encode())) == ("'***'", "['***']", "'***'")
    assert secret.encode() == code.encode()
    assert (secret == code, hash(secret) == hash(code)) == (True, True)


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "postgresql":
        with postgresql_schema() as made:
            yield made
    elif request.param == "mysql":
        with mariadb_database() as made:
            yield made
    else:
        yield "sqlite://"


def test_a_secret_is_a_parameter_of_every_database_and_a_field_of_a_model(url: str) -> None:
    class Model(BaseModel):
        code: str

    engine = create_engine(url)
    with engine.connect() as connection:
        read = connection.execute(select(literal(Sensitive("mật khẩu")))).scalar_one()
        in_bytes = connection.execute(select(literal(Sensitive("4829").encode()))).scalar_one()
    engine.dispose()

    assert (read, bytes(in_bytes)) == ("mật khẩu", b"4829")
    assert Model(code=Sensitive("482913")).model_dump_json() == '{"code":"482913"}'
