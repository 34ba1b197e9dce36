"""What each request costs the database: counted, not timed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from flask.testing import FlaskClient

from bench.apps import APPS, App
from bench.databases import new_database
from bench.load import token_in
from bench.people import CODE_HEADER, email_of
from bench.rounds import progress
from bench.wire import Cost, Counter, counted

#: How often a request is sent before it is counted. psycopg prepares a statement when it has run five times.
WARM_UP = 10
EMAIL = email_of(0)


@dataclass(frozen=True)
class Costs:
    """What each kind of request costs."""

    request_otp: Cost
    verify_otp: Cost
    #: A request to a route for logged-in users.
    protected: Cost


def count(app: App, kind: str) -> Costs:
    """
    Count what an app does on a kind of database.

    :raises Unavailable: if the server does not answer.
    """
    with new_database(kind) as direct:
        app.set_up(direct)
        with counted(direct) as (url, counter):
            running = app.create_app(url)
            try:
                client = running.test_client()
                for _ in range(WARM_UP):
                    _one_of_each(client, counter)
                return _one_of_each(client, counter)
            finally:
                app.close(running)


def measure(kind: str) -> Iterator[str]:
    """
    Count what all apps do. Yield a table.

    :raises Unavailable: if the server does not answer.
    """
    lines = ["| | request-otp | verify-otp | protected |", "| --- " * 4 + "|"]
    for name, app in APPS.items():
        progress(f"{kind}: statements of {name}")
        costs = count(app, kind)
        lines.append(f"| {name} | {costs.request_otp} | {costs.verify_otp} | {costs.protected} |")
    yield "\n".join(lines)


def _one_of_each(client: FlaskClient, counter: Counter) -> Costs:
    counter.take()
    response = client.post("/apis/auth/request-otp", json={"email": EMAIL})
    request_otp = counter.take()
    body = {"email": EMAIL, "otpCode": response.headers[CODE_HEADER]}
    response = client.post("/apis/auth/verify-otp", json=body)
    verify_otp = counter.take()
    headers = {"Authorization": f"Bearer {token_in(response.get_data())}"}
    response = client.get("/me", query_string={"email": EMAIL}, headers=headers)
    if response.status_code != HTTPStatus.OK:
        raise RuntimeError(f"refused: {response.text}")
    return Costs(request_otp, verify_otp, counter.take())
