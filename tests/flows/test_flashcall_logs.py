"""The code is in the path, and in no access log (contract/flashcall.md)."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from flask_otpauth.adapters.access_log import ACCESS_LOGGERS, CodeMask, mask_codes
from flask_otpauth.testing import Outbox
from tests.flows.flashcall_caller import Application
from tests.hosts import MakeApp

ORDER = "6999f209-5bb6-4581-9f91-5dba38812e13"


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    """The filters are the process's; what a test adds goes with it."""
    loggers = [logging.getLogger(name) for name in ACCESS_LOGGERS]
    before = [(logger, list(logger.filters), logger.level) for logger in loggers]
    for logger in loggers:
        logger.filters.clear()
    yield
    for logger, filters, level in before:
        logger.filters[:] = filters
        logger.setLevel(level)


@contextmanager
def serving(app: Flask) -> Iterator[BaseWSGIServer]:
    """The app behind werkzeug's own server, on a free port of this machine."""
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def requested(server: BaseWSGIServer, paths: list[str], headers: dict[str, str]) -> list[int]:
    """The statuses of GET requests for ``paths``, sent as they are written."""
    statuses = []
    for path in paths:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request("GET", path, headers=headers)
        statuses.append(connection.getresponse().status)
        connection.close()
    return statuses


def test_a_real_server_logs_the_order_and_not_the_code(
    make_app: MakeApp, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    application = Application(make_app(), outbox)
    order_id, code, wrong = application.ordered(code="0345"), "0345", "0346"
    paths = [
        f"/v1/auth/{order_id}/{wrong}",
        f"/v1/auth/{order_id}%2F{wrong}",
        f"/v1/auth/{order_id.upper()}/{code}/",
        f"/v1/auth/{order_id}/{wrong}?x={order_id}",
        f"/v1/auth/{order_id}/%C2%A0{code}",
        f"/v1/auth/{order_id}/%1B%0A{code}",
        f"/v1/auth//{code}",
        f"/v1/auth/{code}",
        f"/v1/auth/{order_id}//{code}",
    ]

    with caplog.at_level(logging.INFO, "werkzeug"), serving(application.app) as server:
        statuses = requested(server, paths, application.headers)

    lines = [record.getMessage() for record in caplog.records if record.name == "werkzeug"]
    assert statuses == [400, 400, 200, 400, 400, 400, 400, 404, 400]
    assert len(lines) == len(paths)
    assert f"/v1/auth/{order_id}/**** HTTP/1.1" in lines[0]
    assert all("/v1/auth/" in line and "****" in line for line in lines)
    logged = "\n".join(line.replace(order_id, "").replace(order_id.upper(), "") for line in lines)
    assert code not in logged
    assert wrong not in logged


class Atoms(dict[str, Any]):
    """The arguments of a gunicorn access line: a mapping that knows every name."""

    def __missing__(self, name: str) -> str:
        return "-"


LINE = '%(h)s "%(r)s" %(s)s %(b)s "%(f)s" %({x-request-id}i)s'


def gunicorn_line(caplog: pytest.LogCaptureFixture, atoms: dict[str, Any]) -> str:
    """How gunicorn's access logger writes ``atoms``."""
    with caplog.at_level(logging.INFO, "gunicorn.access"):
        logging.getLogger("gunicorn.access").info(LINE, atoms)
    return caplog.records[-1].getMessage()


def test_gunicorn_logs_the_order_and_not_the_code(caplog: pytest.LogCaptureFixture) -> None:
    mask_codes("/v1")
    atoms = Atoms(
        h="127.0.0.1",
        r=f"GET /v1/auth/{ORDER}/0345 HTTP/1.1",
        s="200",
        b=31,
        f=f"https://example.com/v1/auth/{ORDER}/0345",
    )

    line = gunicorn_line(caplog, atoms)

    masked = f"/v1/auth/{ORDER}/****"
    assert line == f'127.0.0.1 "GET {masked} HTTP/1.1" 200 31 "https://example.com{masked}" -'
    assert atoms["r"] == f"GET /v1/auth/{ORDER}/0345 HTTP/1.1"


@pytest.mark.parametrize(
    ("logged", "masked"),
    [
        (f"GET /v1/auth/{ORDER}/0345 HTTP/1.1", f"GET /v1/auth/{ORDER}/**** HTTP/1.1"),
        (f"GET /v1/auth/{ORDER}/0345?a=b HTTP/1.1", f"GET /v1/auth/{ORDER}/****?a=b HTTP/1.1"),
        (f"GET /v1/auth/{ORDER}%2f0345 HTTP/1.1", f"GET /v1/auth/{ORDER}%2f**** HTTP/1.1"),
        (f"GET /mounted/v1/auth/{ORDER}/0345 HTTP/1.1", f"GET /mounted/v1/auth/{ORDER}/**** HTTP/1.1"),
        ("GET /v1/auth/not-an-order/0345 HTTP/1.1", "GET /v1/auth/**** HTTP/1.1"),
        ("GET /v1/auth HTTP/1.1", "GET /v1/auth HTTP/1.1"),
        ("POST /v1/orders?fields=code.value HTTP/1.1", "POST /v1/orders?fields=code.value HTTP/1.1"),
        ("GET /static/auth/pictures/0345.png HTTP/1.1", "GET /static/auth/pictures/0345.png HTTP/1.1"),
        ("POST /apis/auth/request-otp HTTP/1.1", "POST /apis/auth/request-otp HTTP/1.1"),
    ],
)
def test_only_what_follows_an_order_is_masked(
    caplog: pytest.LogCaptureFixture, logged: str, masked: str
) -> None:
    mask_codes("/v1")

    line = gunicorn_line(caplog, Atoms(r=logged))

    assert line == f'- "{masked}" - - "-" -'


def test_a_line_that_was_formatted_before_is_masked_too(caplog: pytest.LogCaptureFixture) -> None:
    mask_codes("/v1")
    line = f'"GET /v1/auth/{ORDER}/0345 HTTP/1.1" 200 -'

    with caplog.at_level(logging.INFO, "werkzeug"):
        logging.getLogger("werkzeug").info(line)

    assert caplog.messages == [f'"GET /v1/auth/{ORDER}/**** HTTP/1.1" 200 -']


def prefixes() -> list[list[str]]:
    """The prefixes under which each access logger masks."""
    return [
        [each.prefix for each in logging.getLogger(name).filters if isinstance(each, CodeMask)]
        for name in ACCESS_LOGGERS
    ]


def test_the_filter_is_on_by_default_once_for_each_prefix(make_app: MakeApp) -> None:
    for settings in ({}, {}, {"flashcall_url_prefix": "/callup/v1"}):
        make_app(database_uri="sqlite://", **settings)

    assert prefixes() == [["/v1", "/callup/v1"]] * 2


@pytest.mark.parametrize("settings", [{"flashcall_mask_logs": False}, {"flows": ("account",)}])
def test_the_filter_is_not_there_where_it_is_switched_off_or_not_needed(
    make_app: MakeApp, settings: dict[str, Any]
) -> None:
    make_app(database_uri="sqlite://", **settings)

    assert prefixes() == [[], []]


def test_our_own_log_and_the_repr_of_a_message_show_no_code(
    make_app: MakeApp, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    application = Application(make_app(database_uri="sqlite://"), outbox)

    with caplog.at_level(logging.DEBUG):
        answer = application.order(code="0345", query="?fields=code.value")
        application.auth(answer.json["data"]["id"], "0346")
        application.auth(answer.json["data"]["id"], "0345")

    order_id, token = answer.json["data"]["id"], application.client.secret
    shown = "\n".join([*caplog.messages, repr(outbox.last)]).replace(order_id, "")
    assert caplog.messages
    for secret in ("0345", "0346", "74872600345", "9991234567", token):
        assert secret not in shown
