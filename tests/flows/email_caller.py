"""A browser or mobile app that speaks the ``email`` flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.testing import Outbox
from tests.codes import another

ADDRESS = "user@example.com"
PREFIX = "/apis/auth"


def bearer(token: str) -> dict[str, str]:
    """The header that presents an access token."""
    return {"Authorization": f"Bearer {token}"}


@dataclass
class EmailCaller:
    """Calls of one client against ``app``; ``code`` reads the newest mail."""

    app: Flask
    outbox: Outbox

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        """``POST`` a JSON body to a path of the flow."""
        return self.app.test_client().post(PREFIX + path, json={} if body is None else body, **options)

    def ask(self, email: str = ADDRESS, **fields: Any) -> TestResponse:
        """Ask for a code."""
        return self.post("/request-otp", {"email": email, **fields})

    def verify(self, code: Any, email: str = ADDRESS) -> TestResponse:
        """Submit a code."""
        return self.post("/verify-otp", {"email": email, "otpCode": code})

    def refresh(self, token: Any) -> TestResponse:
        """Spend a refresh token."""
        return self.post("/refresh-token", {"refreshToken": token})

    def logout(self, token: str) -> TestResponse:
        """End the session of an access token."""
        return self.post("/logout", headers=bearer(token))

    @property
    def code(self) -> str:
        """The code in the newest mail."""
        return self.outbox.last.code

    def fresh_code(self, email: str = ADDRESS) -> str:
        """Ask for a code and read it in the mail."""
        answer = self.ask(email)
        assert answer.json["code"] == 0, answer.json
        return self.code

    def login(self, email: str = ADDRESS) -> dict[str, Any]:
        """Log in; the ``data`` of the answer."""
        answer = self.verify(self.fresh_code(email), email)
        assert answer.json["message"] == "Login successful", answer.json
        data: dict[str, Any] = answer.json["data"]
        return data

    def miss(self, times: int = 1, email: str = ADDRESS) -> TestResponse:
        """Guess wrong at the newest mail's code; the last answer."""
        wrong = another(self.code)
        answers = [self.verify(wrong, email) for _ in range(times)]
        return answers[-1]


def outcome(answer: TestResponse) -> tuple[int, str]:
    """What an answer says: its code and its message."""
    return answer.json["code"], answer.json["message"]
