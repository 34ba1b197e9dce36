"""The page on senders: a person logs in through its example. docs/examples/test_acme.py tests the sender."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from docs.examples.acme import create_app


@dataclass
class Provider:
    """Acme's side: what it was sent."""

    url: str = ""
    mails: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def provider() -> Iterator[Provider]:
    acme = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Authorization"] == "Bearer acme-token"
            acme.mails.append(json.loads(body))
            self.send_response(202)
            self.end_headers()
            self.wfile.write(b'{"id": "m-1"}')

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        acme.url = f"http://127.0.0.1:{server.server_port}/mails"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield acme
        server.shutdown()
        thread.join()


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
