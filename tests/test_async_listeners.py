"""Listeners that are coroutine functions get all signals, and have finished before the response."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from flask import Flask, got_request_exception

from flask_otpauth import signals
from flask_otpauth.testing import Outbox
from tests.flows.email_caller import ADDRESS, EmailCaller
from tests.hosts import MakeApp

PATIENCE_SECONDS = 60


class Ear:
    """A listener that is a coroutine function."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    async def listen(self, sender: Flask, **facts: Any) -> None:
        await asyncio.sleep(0)
        self.heard.append(facts)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.mark.parametrize("delivery", ["inline", "thread"])
def test_they_are_awaited_in_the_request_and_behind_it(
    make_app: MakeApp, outbox: Outbox, ear: Ear, delivery: str
) -> None:
    app = make_app(delivery=delivery)

    with (
        signals.code_issued.connected_to(ear.listen, app),
        signals.code_sent.connected_to(ear.listen, app),
    ):
        EmailCaller(app, outbox).ask()
        assert app.extensions["otpauth"].services.codes.messenger.delivery.drain(PATIENCE_SECONDS)

    assert [facts["purpose"] for facts in ear.heard] == ["email", "email"]


def test_a_code_of_an_async_view_is_told_to_them(app: Flask, ear: Ear) -> None:
    @app.get("/confirm")
    async def confirm() -> dict[str, str]:
        app.extensions["test_otpauth"].codes.send("email", ADDRESS, purpose="confirm")
        return {}

    with signals.code_issued.connected_to(ear.listen, app):
        answer = app.test_client().get("/confirm")

    assert answer.status_code == 200
    assert ear.heard == [{"purpose": "host:confirm", "subject": ADDRESS}]


async def broken(sender: Flask, **facts: Any) -> None:
    raise ZeroDivisionError("in a listener")


def test_what_they_raise_is_logged_and_goes_no_further(
    app: Flask, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    with signals.code_issued.connected_to(broken, app):
        answer = EmailCaller(app, outbox).ask()

    assert answer.json["code"] == 0
    assert "a listener of code_issued failed" in caplog.text


def with_a_bug(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = type(app.extensions["otpauth"].services.codes)
    monkeypatch.setattr(codes, "send_to_user", lambda *_, **__: 1 / 0)


def test_a_bug_is_told_to_them(app: Flask, outbox: Outbox, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    with_a_bug(app, monkeypatch)

    with got_request_exception.connected_to(ear.listen, app):
        answer = EmailCaller(app, outbox).ask()

    assert answer.status_code == 500
    assert [type(facts["exception"]) for facts in ear.heard] == [ZeroDivisionError]


def test_a_broken_listener_does_not_take_the_envelope_from_the_answer_to_a_bug(
    app: Flask, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with_a_bug(app, monkeypatch)

    with got_request_exception.connected_to(broken, app), caplog.at_level(logging.ERROR):
        answer = EmailCaller(app, outbox).ask()

    assert (answer.status_code, answer.json["code"]) == (500, -6)
    assert "a listener of got_request_exception failed" in caplog.text
