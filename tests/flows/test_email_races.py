"""``email`` under races, through the real flow: on threads and on processes, SQLite and PostgreSQL."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.testing import MovableClock, Outbox
from tests.adapters.databases import postgresql_schema
from tests.codes import another
from tests.flows.email_caller import ADDRESS, PREFIX, EmailCaller, bearer, outcome
from tests.hosts import SECRET_KEY

LOGIN, USED, WRONG = "Login successful", "OTP has already been used", "Invalid OTP"
EXHAUSTED, LIMITED, SENT = "Maximum OTP attempts exceeded", "Too many OTP requests", "OTP sent successfully"

THREADS = 8
PROCESSES = 3


def host(database_uri: str, outbox: Outbox, **settings: Any) -> Flask:
    """The same app in every process: one database, one secret, one instant."""
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_DATABASE_URI=database_uri,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=MovableClock(),
        OTPAUTH_IP_LIMITS=None,
        OTPAUTH_EMAIL_SEND_QUOTAS=["50 per hour"],
    )
    app.config.update({f"OTPAUTH_{name.upper()}": value for name, value in settings.items()})
    otpauth = OtpAuth(app)
    with app.app_context():
        otpauth.create_all()
    app.extensions["test_otpauth"] = otpauth
    return app


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        # A racing writer may wait for its turn longer than the five seconds that are usual.
        yield f"sqlite:///{tmp_path / 'races.sqlite'}?timeout=60"
        return
    with postgresql_schema() as url:
        yield url


@pytest.fixture
def caller(uri: str, outbox: Outbox) -> Iterator[EmailCaller]:
    app = host(uri, outbox)
    yield EmailCaller(app, outbox)
    app.extensions["otpauth"].services.storage.database.engine.dispose()


def on_threads(bodies: list[dict[str, Any]], app: Flask, path: str) -> Counter[str]:
    """Send all ``bodies`` at the same moment; how often each message was answered."""
    barrier = threading.Barrier(THREADS)

    def send(share: list[dict[str, Any]]) -> list[str]:
        client = app.test_client()
        barrier.wait(30)
        return [client.post(PREFIX + path, json=body).json["message"] for body in share]

    with ThreadPoolExecutor(THREADS) as pool:
        shares = [bodies[number::THREADS] for number in range(THREADS)]
        return Counter(message for answers in pool.map(send, shares) for message in answers)


_together: Any = None


def _join(barrier: Any) -> None:
    global _together  # noqa: PLW0603 - a barrier reaches a process of a pool by its initializer alone
    _together = barrier


def _in_a_process(uri: str, bodies: list[dict[str, Any]], path: str) -> list[str]:
    app = host(uri, Outbox())
    client = app.test_client()
    _together.wait(60)
    told = [client.post(PREFIX + path, json=body).json["message"] for body in bodies]
    app.extensions["otpauth"].services.storage.database.engine.dispose()
    return told


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Processes that begin each piece of work together."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, context, _join, (context.Barrier(PROCESSES),)) as pool:
        yield pool


def on_processes(
    pool: ProcessPoolExecutor, bodies: list[dict[str, Any]], uri: str, path: str
) -> Counter[str]:
    """As :func:`on_threads`, in processes of their own."""
    shares = [bodies[number::PROCESSES] for number in range(PROCESSES)]
    jobs = [pool.submit(_in_a_process, uri, share, path) for share in shares]
    return Counter(message for job in jobs for message in job.result(90))


Race = Callable[[list[dict[str, Any]], str], Counter[str]]


@pytest.fixture(params=["threads", "processes"])
def race(request: pytest.FixtureRequest, caller: EmailCaller, uri: str) -> Race:
    """Send bodies to a path, all at once."""
    if request.param == "threads":
        return lambda bodies, path: on_threads(bodies, caller.app, path)
    pool: ProcessPoolExecutor = request.getfixturevalue("processes")
    return lambda bodies, path: on_processes(pool, bodies, uri, path)


def test_of_fifty_right_codes_one_logs_in(race: Race, caller: EmailCaller) -> None:
    code = caller.fresh_code()

    told = race([{"email": ADDRESS, "otpCode": code}] * 50, "/verify-otp")

    assert told == {LOGIN: 1, USED: 49}


def test_of_two_hundred_wrong_codes_five_are_judged(race: Race, caller: EmailCaller) -> None:
    wrong = another(caller.fresh_code())

    told = race([{"email": ADDRESS, "otpCode": wrong}] * 200, "/verify-otp")

    assert told == {WRONG: 5, EXHAUSTED: 195}


def test_a_right_code_among_wrong_ones_logs_in_once_or_never(caller: EmailCaller) -> None:
    code = caller.fresh_code()
    bodies = [{"email": ADDRESS, "otpCode": each} for each in [another(code), another(code), code] * 20]

    told = on_threads(bodies, caller.app, "/verify-otp")

    assert told[LOGIN] + (told[EXHAUSTED] > 0) == 1
    assert told[LOGIN] == 0 or told[USED] == 19
    assert told[EXHAUSTED] == 0 or told[WRONG] == 5


def test_of_many_requests_the_quota_is_granted_exactly(uri: str, outbox: Outbox) -> None:
    app = host(uri, outbox, email_send_quotas=["5 per 15 minutes"])

    told = on_threads([{"email": ADDRESS}] * 40, app, "/request-otp")

    app.extensions["otpauth"].services.storage.database.engine.dispose()
    assert told == {SENT: 5, LIMITED: 35}
    assert len(outbox.messages) == 5


def test_of_many_requests_one_code_is_alive(caller: EmailCaller) -> None:
    on_threads([{"email": ADDRESS}] * 16, caller.app, "/request-otp")
    codes = {message.code for message in caller.outbox.messages}

    told = Counter(caller.verify(code).json["message"] for code in codes)

    # Every wrong one is a guess: whichever comes first, no more than one of them opens.
    assert told[LOGIN] <= 1
    assert told[LOGIN] + told[EXHAUSTED] >= 1


def test_first_logins_at_the_same_moment_make_one_account(uri: str, outbox: Outbox) -> None:
    app = host(uri, outbox, email_create_user="on_request")

    on_threads([{"email": ADDRESS}] * 16, app, "/request-otp")

    with app.app_context():
        assert app.extensions["test_otpauth"].users.find(ADDRESS).id == 1
        directory = app.extensions["otpauth"].services.directory
        assert directory.get("2") is None
    app.extensions["otpauth"].services.storage.database.engine.dispose()


def test_a_refresh_token_that_races_with_itself_has_one_successor(caller: EmailCaller) -> None:
    token = caller.login()["refreshToken"]
    successors: set[str] = set()
    lock = threading.Lock()

    def refresh() -> None:
        answer = caller.refresh(token)
        with lock:
            successors.add(answer.json["data"].get("refreshToken", ""))

    threads = [threading.Thread(target=refresh) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    # All within the grace: whoever lost its answer gets the very same one.
    assert len(successors) == 1
    assert successors != {""}


def test_of_logouts_by_one_refresh_token_at_once_one_ends_the_session(caller: EmailCaller) -> None:
    body = {"refreshToken": caller.login()["refreshToken"]}

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: outcome(caller.post("/logout", body)), range(THREADS)))

    assert sorted(set(answers)) == [(-1, "Invalid refresh token"), (0, "Logout successful")]
    assert answers.count((0, "Logout successful")) == 1


def test_logins_that_race_leave_one_session(uri: str, outbox: Outbox) -> None:
    app = host(uri, outbox)
    caller, services = EmailCaller(app, outbox), app.extensions["otpauth"].services
    app.add_url_rule("/me", "me", app.extensions["test_otpauth"].token_required(lambda: "ok"))
    user = services.directory.get(str(caller.login()["userId"]))
    with ThreadPoolExecutor(THREADS) as pool:
        openings = list(pool.map(lambda _: services.sessions.open(user), range(THREADS)))

    client = app.test_client()
    statuses = Counter(
        client.get("/me", headers=bearer(opening.tokens.access_token)).status_code for opening in openings
    )

    services.storage.database.engine.dispose()
    assert statuses == {200: 1, 401: THREADS - 1}
