"""The page on troubleshooting: each text that it quotes is what an app says, and each remedy helps."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.pool import StaticPool

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.users import UserMixin
from tests.flows.email_caller import ADDRESS, EmailCaller, outcome
from tests.hosts import SECRET_KEY, MakeApp

PAGE = (Path(__file__).parents[2] / "docs/howto/troubleshooting.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
ANOTHER_KEY = SECRET_KEY[::-1]


def blocks(section: str, language: str) -> list[str]:
    """The blocks of that language in a section."""
    return re.findall(rf"^```{language}\n(.*?)\n```$", SECTIONS[section], re.MULTILINE | re.DOTALL)


def rows(section: str) -> list[tuple[str, ...]]:
    """The first column of a section's table: the texts that it quotes, without the heading."""
    first = re.findall(r"^\| (.+?) \|", SECTIONS[section], re.MULTILINE)[2:]
    return [tuple(re.findall("`(.+?)`", cell)) for cell in first]


# -- the app does not start -------------------------------------------------------------------


def host(**config: Any) -> Flask:
    """An app that could start, but for what ``config`` changes."""
    app = Flask("shop")
    app.config.update(
        SECRET_KEY=SECRET_KEY, MAIL_DEFAULT_SENDER="shop@example.com", OTPAUTH_DATABASE_URI="sqlite://"
    )
    app.config.update(config)
    return app


def started(**config: Any) -> None:
    OtpAuth(host(**config))


def before_its_database() -> None:
    started(OTPAUTH_DATABASE_URI=None, SQLALCHEMY_DATABASE_URI="sqlite://")


def with_users(define: Callable[[SQLAlchemy], type]) -> None:
    """A host whose users are the model that ``define`` makes."""
    db = SQLAlchemy()
    app = host(SQLALCHEMY_DATABASE_URI="sqlite://", OTPAUTH_USERS=define(db))
    db.init_app(app)
    OtpAuth(app)


def without_the_mixin(db: SQLAlchemy) -> type:
    class User(db.Model):  # type: ignore[name-defined, misc]
        id: Mapped[int] = mapped_column(primary_key=True)

    return User


def with_a_name_that_must_be_filled(db: SQLAlchemy) -> type:
    class User(UserMixin, db.Model):  # type: ignore[name-defined, misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]

    return User


def with_a_view_on_a_path() -> None:
    app = host()
    app.add_url_rule("/apis/auth/logout", "logout", lambda: "")
    OtpAuth(app)


def with_two_limiters() -> None:
    app = host(RATELIMIT_STORAGE_URI="memory://")
    for _ in range(2):
        Limiter(get_remote_address, app=app)
    OtpAuth(app)


def twice() -> None:
    app = host()
    OtpAuth(app).init_app(app)


CANNOT_START: list[Callable[[Path], None]] = [
    lambda folder: started(SECRET_KEY=None),
    lambda folder: started(SECRET_KEY="change-me"),
    lambda folder: started(SECRET_KEY=12345),
    lambda folder: started(MAIL_DEFAULT_SENDER=None),
    lambda folder: started(OTPAUTH_FLOWS=["sms"]),
    lambda folder: started(OTPAUTH_EMIAL_CODE_TTL=60),
    lambda folder: before_its_database(),
    lambda folder: started(OTPAUTH_DATABASE_URI="postgresql+psycopg2://localhost/shop"),
    lambda folder: started(OTPAUTH_DATABASE_URI="postgresql+asyncpg://localhost/shop"),
    lambda folder: OtpAuth(
        host(OTPAUTH_DATABASE_URI=None), db=create_engine(f"sqlite:///{folder}/shop.db", poolclass=StaticPool)
    ),
    lambda folder: started(OTPAUTH_DATABASE_URI="oracle+oracledb://localhost/shop"),
    lambda folder: with_users(without_the_mixin),
    lambda folder: with_users(with_a_name_that_must_be_filled),
    lambda folder: with_a_view_on_a_path(),
    lambda folder: with_two_limiters(),
    lambda folder: started(
        SECRET_KEY_FALLBACKS=[ANOTHER_KEY], OTPAUTH_DATABASE_URI=f"sqlite:///{folder}/shop.db"
    ),
    lambda folder: twice(),
]


def said_by(start: Callable[[Path], None], folder: Path) -> tuple[str, ...]:
    """What an app says that cannot start."""
    try:
        start(folder)
    except ConfigurationError as error:
        return error.problems
    except RuntimeError as error:
        return (str(error),)
    pytest.fail("the app has started")


def test_each_start_up_error_of_the_page_is_what_an_app_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)  # as if it were not installed, where it is
    quoted = blocks("The app does not start", "text")

    for text_of_the_page, start in zip(quoted, CANNOT_START, strict=True):
        assert text_of_the_page in said_by(start, tmp_path)


def test_the_check_of_secrets_is_off_in_debug_mode_and_in_tests() -> None:
    started(SECRET_KEY="change-me", TESTING=True)
    app = host(SECRET_KEY="change-me")
    app.debug = True

    OtpAuth(app)


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


def test_each_worker_with_a_secret_of_its_own_refuses_the_tokens_of_the_others(
    make_app: MakeApp, outbox: Outbox
) -> None:
    token = EmailCaller(make_app(), outbox).login()["accessToken"]

    same, other = (EmailCaller(make_app(SECRET_KEY=key), outbox) for key in (SECRET_KEY, ANOTHER_KEY))

    assert (other.logout(token).status_code, same.logout(token).status_code) == (401, 200)


# -- what the log says ------------------------------------------------------------------------


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log, as the page's block shows it."""
    logger = logging.getLogger("flask_otpauth")
    before = logger.level
    exec(blocks("See what happens", "python")[0], {})
    caplog.handler.setLevel(logging.INFO)
    yield caplog
    logger.setLevel(before)


def shows(log: pytest.LogCaptureFixture, *quoted: str) -> bool:
    """Whether a line has all that is quoted, where ``…`` stands for anything."""
    lines = [record.getMessage() for record in log.records]
    patterns = [".*".join(map(re.escape, each.split("…"))) for each in quoted]
    return any(all(re.search(pattern, line) for pattern in patterns) for line in lines)


ARRIVAL = rows("The code never arrives")
RECEIPTS, LIMITS, NOTHING = ARRIVAL[:4], ARRIVAL[4:7], ARRIVAL[7:]
STATUSES = (Status.ACCEPTED, Status.AUTH_ERROR, Status.UNAVAILABLE, Status.TIMEOUT)


@pytest.mark.parametrize(("line", "status"), list(zip(RECEIPTS, STATUSES, strict=True)))
def test_the_log_tells_what_became_of_a_message(
    line: tuple[str, ...], status: Status, logged: pytest.LogCaptureFixture, app: Flask, outbox: Outbox
) -> None:
    outbox.answer = lambda message: Receipt(status)

    EmailCaller(app, outbox).ask()

    assert shows(logged, *line)


def test_a_mail_that_is_suppressed_counts_as_accepted_and_one_without_a_server_does_not(
    logged: pytest.LogCaptureFixture, make_app: MakeApp, outbox: Outbox
) -> None:
    mail = {"flows": ("email",), "senders": {}, "MAIL_DEFAULT_SENDER": "shop@example.com", "MAIL_PORT": 1}
    suppressed, unserved = make_app(**mail), make_app(**mail, MAIL_SUPPRESS_SEND=False)
    (refused,) = re.findall("such as `(.+?)`", SECTIONS["The code never arrives"])

    EmailCaller(suppressed, outbox).ask()
    assert shows(logged, *RECEIPTS[0])
    EmailCaller(unserved, outbox).ask()
    assert shows(logged, *RECEIPTS[2], refused)


def test_a_disabled_user_is_told_of_a_code_that_no_line_tells_of(
    logged: pytest.LogCaptureFixture, app: Flask, outbox: Outbox
) -> None:
    caller = EmailCaller(app, outbox)
    user_id = caller.login()["userId"]
    with app.app_context():
        app.extensions["test_otpauth"].users.disable(user_id)
    logged.clear()

    answer = caller.ask()

    assert NOTHING == [()]
    assert outcome(answer) == (0, "OTP sent successfully")
    assert not logged.records


@pytest.mark.parametrize(
    ("line", "cooldown", "guesses"), list(zip(LIMITS, (0, 60, 0), (0, 0, 15), strict=True))
)
def test_a_limit_of_an_address_is_logged_and_the_command_of_the_page_lifts_it(
    line: tuple[str, ...],
    cooldown: int,
    guesses: int,
    logged: pytest.LogCaptureFixture,
    make_app: MakeApp,
    outbox: Outbox,
) -> None:
    app = make_app(email_cooldown=cooldown)
    caller = EmailCaller(app, outbox)
    for _ in range(guesses // 5):
        caller.fresh_code()
        caller.miss(5)
    answers = [caller.ask() for _ in range(6)]
    is_logged = shows(logged, *line)
    (command,) = re.findall("`flask (otpauth unlock .+?)` lifts", SECTIONS["The code never arrives"])

    unlocked = app.test_cli_runner().invoke(args=command.split())

    assert is_logged
    assert outcome(answers[-1])[0] == -206
    assert unlocked.exit_code == 0, unlocked.output
    assert outcome(caller.ask())[0] == 0


def submit_a_wrong_code(caller: EmailCaller, clock: MovableClock) -> None:
    caller.fresh_code()
    caller.miss()


def submit_late(caller: EmailCaller, clock: MovableClock) -> None:
    code = caller.fresh_code()
    clock.tick(300)
    caller.verify(code)
    caller.miss()


def submit_twice(caller: EmailCaller, clock: MovableClock) -> None:
    caller.login()
    caller.verify(caller.code)
    caller.miss()


def guess_six_times(caller: EmailCaller, clock: MovableClock) -> None:
    caller.fresh_code()
    caller.miss(6)


def guess_sixteen_times(caller: EmailCaller, clock: MovableClock) -> None:
    for _ in range(3):
        caller.fresh_code()
        caller.miss(5)
    caller.miss()


def submit_without_a_code(caller: EmailCaller, clock: MovableClock) -> None:
    caller.verify("123456")


REFUSALS = (
    submit_a_wrong_code,
    submit_late,
    submit_twice,
    guess_six_times,
    guess_sixteen_times,
    submit_without_a_code,
)


@pytest.mark.parametrize(
    ("reasons", "refused"),
    list(zip(rows("The code is not accepted"), REFUSALS, strict=True)),
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_the_log_tells_why_a_code_is_refused(
    reasons: tuple[str, ...],
    refused: Callable[[EmailCaller, MovableClock], None],
    app: Flask,
    outbox: Outbox,
    clock: MovableClock,
    logged: pytest.LogCaptureFixture,
) -> None:
    refused(EmailCaller(app, outbox), clock)
    lines = " ".join(record.getMessage() for record in logged.records)

    assert set(re.findall(r"code_refused .*?reason=(\w+)", lines)) >= set(reasons)


def test_a_limit_in_front_is_told_by_its_status_and_by_no_line(
    logged: pytest.LogCaptureFixture, make_app: MakeApp, outbox: Outbox
) -> None:
    caller = EmailCaller(make_app(ip_limits={"send": "1 per hour"}), outbox)

    caller.ask()
    answer = caller.ask("another@example.com")

    assert answer.status_code == 429
    assert not shows(logged, "request_limited")


# -- requests are answered with 503 -----------------------------------------------------------

TABLE, COLUMN, LOCKED = blocks("Requests are answered with 503", "text")


@pytest.mark.parametrize(
    ("quoted", "damage"),
    [
        (TABLE, "DROP TABLE otpauth_challenges"),
        (COLUMN, "ALTER TABLE otpauth_challenges RENAME COLUMN digest TO hash"),
    ],
)
def test_the_log_tells_what_the_tables_lack(
    quoted: str, damage: str, app: Flask, outbox: Outbox, logged: pytest.LogCaptureFixture
) -> None:
    with app.extensions["otpauth"].services.storage.database.engine.begin() as connection:
        connection.execute(text(damage))

    answer = EmailCaller(app, outbox).ask()

    assert answer.status_code == 503
    assert shows(logged, f"unavailable on …: {quoted}")


def order_app(outbox: Outbox, folder: Path, view: str) -> Flask:
    """A host whose view ``/orders`` runs that code."""
    db = SQLAlchemy()
    app = Flask("shop")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_SENDERS=outbox.senders,
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder}/shop.db",
        SQLALCHEMY_ENGINE_OPTIONS={"connect_args": {"timeout": 0.05}},
    )
    db.init_app(app)
    otpauth = OtpAuth(app)

    class Order(db.Model):  # type: ignore[name-defined, misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]

    with app.app_context():
        db.create_all()

    @app.post("/orders")
    @otpauth.token_required
    def order() -> str:
        exec(view, {"db": db, "otpauth": otpauth, "Order": Order, "email": ADDRESS})
        return "ordered"

    return app


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_view_that_commits_first_does_not_lock_sqlite(
    is_committed: bool, outbox: Outbox, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    (view,) = blocks("Requests are answered with 503", "python")
    view = view if is_committed else view.replace("commit()", "flush()")
    app = order_app(outbox, tmp_path, view)
    token = EmailCaller(app, outbox).login()["accessToken"]

    answer = app.test_client().post("/orders", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == (200 if is_committed else 503)
    assert shows(logged, LOCKED) is not is_committed


# -- the CSRF token ---------------------------------------------------------------------------


def test_a_view_takes_the_csrf_token_from_the_field_and_from_the_header_of_the_page() -> None:
    (form,) = blocks("The CSRF token is missing", "html")
    (script,) = blocks("The CSRF token is missing", "js")
    app = host()
    CSRFProtect(app)
    OtpAuth(app)
    app.add_url_rule("/form", "form", lambda: app.jinja_env.from_string(form).render())
    app.add_url_rule("/orders", "orders", lambda: "ordered", methods=["POST"])
    browser = app.test_client()
    (name, token) = re.findall('name="(.+?)" value="(.+?)"', browser.get("/form").text)[0]
    (header,) = re.findall('headers: {"(.+?)": token}', script)

    without = browser.post("/orders")
    answers = [
        browser.post("/orders", data={name: token}),
        browser.post("/orders", headers={header: token}),
        browser.post("/apis/auth/request-otp", json={"email": "not an address"}),
    ]

    assert without.status_code == 400
    assert "The CSRF token is missing" in without.text
    assert [answer.status_code for answer in answers] == [200, 200, 200]
