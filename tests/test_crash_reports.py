"""A crash reporter keeps the locals of every frame: no secret is in a frame of this package."""

from __future__ import annotations

import json
import logging
import re
import secrets
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
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
from tests.adapters.databases import database_of
from tests.flows import sms_caller, voice_caller
from tests.flows.account_caller import PASSWORD_CODE, Merchant
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer
from tests.flows.flashcall_caller import Application
from tests.flows.sms_caller import SmsCaller
from tests.flows.voice_caller import VoiceCaller
from tests.hosts import MakeApp, otpauth_of

PACKAGE = str(Path(flask_otpauth.__file__).parent)

PHONE, NEW = "+84987654321", "new@example.com"
PASSWORD, NEW_PASSWORD = "correct horse battery staple", "another horse battery ﬆaple"
PIN, NEW_PIN = "482913", "731846"
DRAWN, CHOSEN = 918_273, "5610"
FOUR_DIGITS = str(DRAWN % 10**4)


class Broken(RuntimeError):
    """A bug outside of this package."""


class Stage:
    """An app with every flow, a person, a client who calls them all, and every secret that was in play."""

    def __init__(self, app: Flask, outbox: Outbox) -> None:
        self.app, self.outbox, self.secrets = app, outbox, set[str]()
        with app.app_context():
            otpauth = otpauth_of(app)
            user = otpauth.users.create(email=ADDRESS, phone=PHONE, password=PASSWORD)
            client = otpauth.clients.create("all", ("sms", "flashcall", "voice", "account"))
            self.account_token = self.knows(otpauth.issue_account_token(user.id))
        self.client = client
        self.email = EmailCaller(app, outbox)
        self.sms = SmsCaller(app, outbox, client)
        self.flashcall = Application(app, outbox, client=client)
        self.voice = VoiceCaller(app, outbox, client)
        self.merchant = Merchant(app, user.id, client)
        self.services = app.extensions["otpauth"].services
        for secret in (client.secret, self.sms.headers["Authorization"].split()[1], self.voice.token):
            self.knows(secret)

    def knows(self, secret: str) -> str:
        """Keep a secret in mind."""
        self.secrets.add(str(secret))
        return secret

    def code(self, email: str = ADDRESS) -> str:
        """A code that was mailed."""
        return self.knows(self.email.fresh_code(email))

    def login(self) -> dict[str, Any]:
        """The tokens of a login."""
        data = self.email.login()
        for secret in (self.outbox.last.code, data["accessToken"], data["refreshToken"]):
            self.knows(secret)
        return data

    def sms_code(self) -> str:
        """A code that was sent by SMS."""
        return self.knows(self.sms.fresh_code(account_token=self.account_token))

    def with_pin(self) -> Merchant:
        """The merchant of a customer whose PIN is set."""
        self.merchant.set_pin(PIN)
        return self.merchant

    def hosts_code(self) -> str:
        """A code that the host sent."""
        with self.app.app_context():
            self.services.host_codes.send("email", "host@example.com", purpose="pay")
        return str(self.knows(self.outbox.last.code))


Act = Callable[[], Any]

#: Each operation: what is done first, and what is then tried.
OPERATIONS: dict[str, Callable[[Stage], Act]] = {
    "email: request": lambda stage: stage.email.ask,
    "email: verify": lambda stage: partial(stage.email.verify, stage.code()),
    "email: verify of somebody new": lambda stage: partial(stage.email.verify, stage.code(NEW), NEW),
    "email: refresh": lambda stage: partial(stage.email.refresh, stage.login()["refreshToken"]),
    "email: logout": lambda stage: partial(stage.email.logout, stage.login()["accessToken"]),
    "email: logout by the refresh token": lambda stage: partial(
        stage.email.post, "/logout", {"refreshToken": stage.login()["refreshToken"]}
    ),
    "a protected route": lambda stage: partial(
        stage.app.test_client().get, "/me", headers=bearer(stage.login()["accessToken"])
    ),
    "sms: buy": lambda stage: partial(
        stage.sms.buy,
        grant_type="client_credentials",
        client_id=stage.client.id,
        client_secret=stage.client.secret,
    ),
    "sms: buy by form and basic": lambda stage: partial(
        stage.app.test_client().post,
        sms_caller.TOKEN,
        data={"grant_type": "client_credentials"},
        auth=(stage.client.id, stage.client.secret),
    ),
    "sms: resend": lambda stage: partial(
        stage.sms.resend,
        account_token=stage.account_token,
        captcha=stage.knows("an answer to a captcha"),
    ),
    "sms: verify": lambda stage: partial(
        stage.sms.verify, stage.sms_code(), account_token=stage.account_token
    ),
    "flashcall: order": lambda stage: partial(
        stage.flashcall.order, query="?fields=code.value", code=stage.knows(CHOSEN)
    ),
    "flashcall: order of a drawn code": lambda stage: partial(
        stage.flashcall.order, query="?fields=code.value"
    ),
    "flashcall: auth": lambda stage: partial(stage.flashcall.auth, stage.flashcall.ordered(), FOUR_DIGITS),
    "flashcall: auth by body": lambda stage: partial(
        stage.flashcall.call,
        "POST",
        "/auth",
        json={"order_id": stage.flashcall.ordered(), "code": FOUR_DIGITS},
    ),
    "voice: buy": lambda stage: partial(voice_caller.buy, stage.app, stage.client.secret),
    "voice: call": lambda stage: partial(stage.voice.call, stage.knows("561047")),
    "voice: call of a drawn code": lambda stage: partial(stage.voice.call, None),
    "voice: verify": lambda stage: (stage.voice.call(None), partial(stage.voice.verify, str(DRAWN)))[1],
    "account: buy": lambda stage: partial(
        stage.merchant.post, "/auth/get-access-token", {"token": stage.client.secret}
    ),
    "account: validate a password": lambda stage: partial(stage.merchant.check, PASSWORD),
    "account: set a PIN": lambda stage: partial(stage.merchant.set_pin, PIN),
    "account: change a PIN": lambda stage: partial(stage.with_pin().change, PIN, NEW_PIN),
    "account: validate a PIN": lambda stage: partial(stage.with_pin().validate, PIN),
    "account: validate a wrong PIN": lambda stage: partial(stage.with_pin().validate, NEW_PIN),
    "account: request a code for a PIN": lambda stage: partial(
        stage.merchant.request, type="email", template_code="code"
    ),
    "account: reset a PIN": lambda stage: partial(
        stage.merchant.reset_pin, stage.knows(stage.merchant.code()), NEW_PIN
    ),
    "account: reset a PIN with the password": lambda stage: partial(
        stage.merchant.reset_pin_by_password, PASSWORD, NEW_PIN
    ),
    "account: change a password": lambda stage: partial(
        stage.merchant.change_password, PASSWORD, NEW_PASSWORD
    ),
    "account: set a password": lambda stage: partial(stage.merchant.set_password, NEW_PASSWORD, ADDRESS),
    "account: reset a password": lambda stage: partial(
        stage.merchant.reset_password,
        stage.knows(stage.merchant.code(PASSWORD_CODE, template_code="code")),
        NEW_PASSWORD,
    ),
    "the host's code": lambda stage: partial(
        stage.services.host_codes.send,
        "email",
        "host@example.com",
        purpose="pay",
        hint=stage.knows("what only this person may read"),
    ),
    "the host's redeem": lambda stage: partial(
        stage.services.host_codes.redeem, "host@example.com", purpose="pay", code=stage.hosts_code()
    ),
    "the host's user": lambda stage: partial(
        stage.services.users.create, email=f"{secrets.token_hex(8)}@example.com", password=PASSWORD
    ),
    "the host's user who may be there": lambda stage: partial(
        stage.services.users.get_or_create, email=f"{secrets.token_hex(8)}@example.com", password=PASSWORD
    ),
}


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
    made.secrets |= {str(DRAWN), FOUR_DIGITS}
    return made


def leaks(stage: Stage, reporter: Reporter) -> list[str]:
    """Where a secret was read."""
    escaped = {secret: re.escape(json.dumps(secret)[1:-1]) for secret in stage.secrets}
    patterns = [
        re.compile(rf"(?<![0-9a-fA-F-]){secret}(?![0-9a-fA-F-])" if secret.isdigit() else pattern)
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

    stage.sms.resend(**sms_caller.PHONE, captcha=stage.knows("an answer to a captcha"))

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


@pytest.fixture(params=["memory", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as url:
        yield url


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
