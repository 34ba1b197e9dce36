"""The page on senders: its example, run against a provider that answers in each way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from docs.examples.acme import AcmeMail, create_app
from flask_otpauth.senders import Message, Status

MESSAGE = Message("email", "user@example.com", code="123456", text="Your code is 123456", subject="Your code")


@dataclass
class Provider:
    """Acme's side: what it was sent, and how it answers."""

    url: str = ""
    status: int = 202
    mails: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def provider() -> Iterator[Provider]:
    acme = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Authorization"] != "Bearer acme-token":
                self.send_response(401)
            elif acme.status:
                acme.mails.append(json.loads(body))
                self.send_response(acme.status)
            else:
                return  # hang up without an answer
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        acme.url = f"http://127.0.0.1:{server.server_port}/mails"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield acme
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (202, Status.ACCEPTED),
        (422, Status.INVALID_RECIPIENT),
        (429, Status.RATE_LIMITED),
        (503, Status.UNAVAILABLE),
        (418, Status.REJECTED),
        (0, Status.TIMEOUT),
    ],
)
def test_the_example_sender_tells_the_outcomes_apart(provider: Provider, answer: int, status: Status) -> None:
    provider.status = answer

    receipt = AcmeMail(provider.url, "acme-token").send(MESSAGE)

    assert receipt.status is status


def test_the_example_sender_tells_that_its_own_token_is_refused(provider: Provider) -> None:
    receipt = AcmeMail(provider.url, "another-token").send(MESSAGE)

    assert receipt.status is Status.AUTH_ERROR


def test_the_example_sender_certainly_did_not_send_where_nobody_listens(provider: Provider) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        closed = server.server_port

    receipt = AcmeMail(f"http://127.0.0.1:{closed}", "acme-token").send(MESSAGE)

    assert receipt.status is Status.UNAVAILABLE


def test_a_person_logs_in_through_the_example_sender(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_SECRET_KEY", "docs/howto/add-a-sender.md: not a secret")
    monkeypatch.setenv("FLASK_OTPAUTH_DATABASE_URI", f"sqlite:///{tmp_path}/otpauth.sqlite")
    monkeypatch.setenv("FLASK_ACME_URL", provider.url)
    monkeypatch.setenv("FLASK_ACME_TOKEN", "acme-token")
    client = create_app().test_client()

    client.post("/apis/auth/request-otp", json={"email": "user@example.com", "lang": "en"})
    (mail,) = provider.mails
    code = next(
        word for word in mail["text"].replace(".", " ").split() if word.isdecimal() and len(word) == 6
    )
    login = client.post("/apis/auth/verify-otp", json={"email": "user@example.com", "otpCode": code})

    assert mail["to"] == "user@example.com"
    assert login.json is not None
    assert login.json["message"] == "Login successful"
