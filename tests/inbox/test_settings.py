"""OTPAUTH_DEV_INBOX: which messages the inbox gets, and that there is none outside of debug mode."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.inbox import Inbox
from flask_otpauth.senders import MemorySender
from tests.hosts import SECRET_KEY
from tests.servers import free_port

HOST = """
import sys
from flask import Flask
from flask_otpauth import OtpAuth

app = Flask("host")
app.config.from_prefixed_env()
app.config["OTPAUTH_DEV_INBOX"] = True
OtpAuth(app)
if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), debug=sys.argv[2] == "debug", use_reloader=False)
"""


def host(*, debug: bool = True, **config: Any) -> Flask:
    app = Flask("host")
    app.debug = debug
    app.config.update(SECRET_KEY=SECRET_KEY, OTPAUTH_STORAGE="memory", OTPAUTH_DEV_INBOX=True)
    app.config.update({key if key.isupper() else f"OTPAUTH_{key.upper()}": config[key] for key in config})
    app.extensions["host"] = OtpAuth(app)
    return app


def send(app: Flask, channel: str, recipient: str) -> None:
    with app.app_context():
        app.extensions["host"].codes.send(channel, recipient, purpose="test")


def newest(app: Flask) -> Any:
    return app.test_client().get("/otpauth/inbox/latest").json


def test_a_channel_without_a_sender_uses_the_inbox_and_no_console(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = host(flows=("email", "sms", "flashcall", "voice"))

    send(app, "sms", "+84987654321")

    assert newest(app)["recipient"] == "+84987654321"
    assert capsys.readouterr().out == ""


def test_mail_settings_do_not_keep_mails_out_of_the_inbox() -> None:
    app = host(MAIL_DEFAULT_SENDER="codes@example.com")

    send(app, "email", "user@example.com")

    assert newest(app)["recipient"] == "user@example.com"


def test_a_channel_with_a_sender_keeps_it() -> None:
    sms = MemorySender()
    app = host(senders={"sms": sms})

    send(app, "sms", "+84987654321")

    assert len(sms.messages) == 1
    assert newest(app) is None


def test_without_the_setting_there_is_no_inbox() -> None:
    app = host(dev_inbox=False, senders={"email": "console"})

    assert app.test_client().get("/otpauth/inbox").status_code == 404


def test_outside_of_debug_mode_the_app_does_not_start() -> None:
    with pytest.raises(ConfigurationError) as caught:
        host(debug=False)

    (problem,) = caught.value.problems
    assert problem.startswith("OTPAUTH_DEV_INBOX: requires debug mode")


def test_in_the_tests_of_a_host_it_needs_debug_mode_too() -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_DEV_INBOX"):
        host(debug=False, TESTING=True)


@pytest.mark.parametrize("path", ["/otpauth/inbox", "/apis/auth/request-otp", "/of-the-host"])
def test_if_debug_mode_ends_nothing_is_served(path: str, caplog: pytest.LogCaptureFixture) -> None:
    app = host()
    app.debug = False

    answer = app.test_client().post(path, json={"email": "user@example.com"})

    assert answer.status_code == 500
    assert "OTPAUTH_DEV_INBOX: requires debug mode" in caplog.text


def test_the_default_limits_of_the_host_do_not_count_the_inbox() -> None:
    app = Flask("host")
    app.debug = True
    app.config.update(SECRET_KEY=SECRET_KEY, OTPAUTH_STORAGE="memory", OTPAUTH_DEV_INBOX=True)
    Limiter(get_remote_address, app=app, default_limits=["2 per hour"], storage_uri="memory://")
    OtpAuth(app)
    client = app.test_client()

    answers = [client.get("/otpauth/inbox").status_code for _ in range(5)]

    assert answers == [200] * 5


def test_the_inboxes_of_two_apps_are_apart() -> None:
    one, other = host(), host()

    send(one, "email", "user@example.com")

    assert newest(one)["id"] == 1
    assert newest(other) is None


def test_the_newest_hundred_messages_are_kept_until_they_are_deleted() -> None:
    app = host()
    inbox: Inbox = app.extensions["otpauth"].inbox
    for n in range(120):
        send(app, "email", f"user{n}@example.com")

    kept = inbox.received()
    inbox.clear()

    assert len(kept) == 100
    assert kept[0].message.recipient == "user119@example.com"
    assert inbox.received() == []


# -- programs ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HOST)
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    return {"FLASK_SECRET_KEY": SECRET_KEY, "FLASK_OTPAUTH_STORAGE": "memory", "PYTHONPATH": ".", **more}


@contextmanager
def running(folder: Path, mode: str) -> Iterator[httpx.Client]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "app.py", str(port), mode],
        cwd=folder,
        env=environment(PYTHONPATH=str(Path(__file__).parents[2])),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        # The server writes a line when it listens.
        while not re.search(r"Running on|Error", line := process.stderr.readline()):
            assert line, "the app ended"
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        process.terminate()
        process.communicate()


def test_a_script_may_turn_debug_mode_on_after_the_app_is_made(folder: Path) -> None:
    with running(folder, "debug") as client:
        assert client.get("/otpauth/inbox").status_code == 200


def test_a_script_that_does_not_turn_it_on_serves_nothing(folder: Path) -> None:
    with running(folder, "no debug") as client:
        assert client.get("/otpauth/inbox").status_code == 500
        assert client.post("/apis/auth/request-otp", json={"email": "user@example.com"}).status_code == 500


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "flask", "run", "--port", "0"],
        ["-m", "gunicorn", "--bind", "127.0.0.1:0", "app:app"],
    ],
    ids=["flask run", "gunicorn"],
)
def test_a_server_without_debug_mode_does_not_start(folder: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(PYTHONPATH=f"{Path(__file__).parents[2]}:{folder}"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "OTPAUTH_DEV_INBOX: requires debug mode" in done.stderr


def test_a_command_that_serves_nothing_runs_without_debug_mode(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flask", "routes"],
        cwd=folder,
        env=environment(PYTHONPATH=str(Path(__file__).parents[2])),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0
    assert "/otpauth/inbox" in done.stdout
