"""What came from outside is one line, escaped and bounded, wherever a person or a program reads it."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import signals
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.senders import ConsoleSender, Message, Receipt, Status
from flask_otpauth.testing import Outbox
from tests.flows.sms_caller import SmsCaller, new_user, outcome
from tests.hosts import MakeApp
from tests.test_cli import invoke

FORGED = "x@y\n2026-11-25 WARNING flask_otpauth token_reused user_id=1\u2028\x1b[2J"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("flask_otpauth")]


@pytest.mark.parametrize("user_id", [FORGED, "y" * 4096, "\u202e1"])
def test_an_unknown_user_id_is_one_bounded_line_of_the_log_and_of_a_signal(
    user_id: str, app: Flask, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    caller, heard = SmsCaller(app, outbox), []

    def listen(sender: object, **facts: Any) -> None:
        heard.append(facts["subject"])

    caplog.set_level(logging.INFO, "flask_otpauth")
    with signals.code_refused.connected_to(listen, app):
        caller.verify("123456", user_id=user_id)

    logged = [line for line in lines(caplog) if line.startswith("code_refused")]
    assert len(logged) == len(heard) == 1
    assert all(each.isprintable() and len(each) < 400 for each in (*logged, *heard))


@pytest.mark.parametrize("spelling", ["0{}", " {} ", "+{}", "{}.0", "{}\n", "٠{}", "{}x"])
def test_no_other_spelling_of_an_id_tells_whether_it_exists(
    spelling: str, app: Flask, outbox: Outbox
) -> None:
    user_id = new_user(app, phone="+84987654321")
    caller = SmsCaller(app, outbox)
    caller.fresh_code()

    known, unknown = (caller.verify("000000", user_id=spelling.format(each)) for each in (user_id, "999"))

    for_known, for_unknown = known.json, unknown.json
    named, unnamed = for_known["data"].pop("user_id"), for_unknown["data"].pop("user_id")
    trimmed = spelling.strip() == "{}"
    assert named == (user_id if trimmed else spelling.format(user_id))
    assert unnamed == ("999" if trimmed else spelling.format("999"))
    if not trimmed:  # the id itself has the state of its code
        assert for_known == for_unknown


@pytest.mark.parametrize("spelling", ["0{}", "+{}"])
def test_a_directory_that_knows_more_spellings_of_an_id_tells_no_more(
    spelling: str, app: Flask, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = new_user(app, phone="+84987654321")
    services = app.extensions["otpauth"].services
    caller, found = SmsCaller(app, outbox), services.directory.find("phone", "+84987654321")
    code = caller.fresh_code()
    monkeypatch.setattr(type(services.directory), "get", lambda self, given: found)

    answer = caller.verify(code, user_id=spelling.format(user_id))

    assert outcome(answer) == (422, "Mã OTP không chính xác")
    assert answer.json["data"]["user_id"] == spelling.format(user_id)


def test_what_a_provider_says_is_one_line_of_the_log(
    app: Flask, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.answer = lambda message: Receipt(Status.REJECTED, detail=f"550 no such user {FORGED}")

    app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})

    assert [line for line in lines(caplog) if line.startswith("send_failed")]
    assert all(line.isprintable() for line in lines(caplog))


def test_what_a_store_says_is_one_line_of_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = app.extensions["otpauth"].services.directory

    def down(self: object, *given: object) -> None:
        raise StorageUnavailable(f"cannot look up {FORGED}")

    monkeypatch.setattr(type(directory), "found", down)

    app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})

    assert [line for line in lines(caplog) if line.startswith("unavailable on")]
    assert all(line.isprintable() for line in lines(caplog))


def test_the_console_shows_no_control_character() -> None:
    stream = io.StringIO()
    message = Message("email", FORGED, "012345", text=f"Hello {FORGED}", subject=FORGED)

    ConsoleSender(stream).send(message)

    assert all(line.isprintable() and line.startswith(("|", "+")) for line in stream.getvalue().splitlines())
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_name_that_a_person_chose_is_one_line_of_a_command(
    options: tuple[str, ...], make_app: MakeApp
) -> None:
    app = make_app()
    user_id = new_user(app, email="user@example.com", full_name=FORGED)

    shown = invoke(app, "users", "show", user_id, *options).output

    assert all(line.isprintable() for line in shown.split("\n"))
    if options:
        assert json.loads(shown)[0]["full_name"] == FORGED
    else:
        assert shown.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("users", "show", FORGED),
        ("clients", "block", FORGED),
        ("unlock", FORGED),
        ("users", "create", "--email", FORGED),
    ],
)
def test_the_error_of_a_command_is_one_line(words: tuple[str, ...], app: Flask) -> None:
    result = invoke(app, *words)

    assert result.exit_code == 1
    assert all(line.isprintable() for line in result.output.split("\n"))
    assert len(result.output.strip().split("\n")) == 1
