"""A mobile app that speaks the ``sms`` flow with an API token that its maker bought."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.engine.clients import Credentials
from flask_otpauth.testing import Outbox
from tests.hosts import otpauth_of

RESEND = "/api/auth/resend-otp"
VERIFY = "/api/auth/verify-otp"
TOKEN = "/oauth/token"

NUMBER = "+84987654321"
PHONE = {"cc_phone": "84", "phone": "0987654321"}

#: Spellings of one and the same number.
SPELLINGS = [
    PHONE,
    {"cc_phone": "+84", "phone": "987654321"},
    {"cc_phone": "084", "phone": "0987 654 321"},
    {"cc_phone": "0084", "phone": "0987-654-321"},
    {"cc_phone": " 84 ", "phone": "(098) 765.4321"},
    {"cc_phone": "84", "phone": "+84987654321"},
    {"cc_phone": "84", "phone": "0084 987 654 321"},
    {"cc_phone": "84", "phone": "84987654321"},
]


def new_client(app: Flask, *flows: str, scope: str = "member") -> Credentials:
    """A client of these flows."""
    with app.app_context():
        return otpauth_of(app).clients.create("a test's client", flows, scope)


def new_user(app: Flask, **fields: Any) -> str:
    """A user; their id as text."""
    with app.app_context():
        return str(otpauth_of(app).users.create(**fields).id)


def account_token(app: Flask, user_id: str) -> str:
    """What the host's own login hands to its app."""
    with app.app_context():
        return otpauth_of(app).issue_account_token(user_id)


@dataclass
class SmsCaller:
    """An app on a phone. Each has its own client unless it is given one."""

    app: Flask
    outbox: Outbox
    client: Credentials = field(default_factory=lambda: Credentials("", ""))
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.client.id:
            self.client = new_client(self.app, "sms")
        self.headers = self.headers or self.login()

    def login(self) -> dict[str, str]:
        """Buy an API token; the header that presents it."""
        credentials = {"client_id": self.client.id, "client_secret": self.client.secret}
        answer = self.buy(grant_type="client_credentials", **credentials)
        return {"Authorization": f"Bearer {answer.json['access_token']}"}

    def buy(self, headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
        """Ask for an API token with a JSON body."""
        return self.app.test_client().post(TOKEN, json=fields, headers=headers)

    def post(self, path: str, body: Any, **options: Any) -> TestResponse:
        """``POST`` a JSON body with the API token."""
        return self.app.test_client().post(path, json=body, **{"headers": self.headers, **options})

    def resend(self, **fields: Any) -> TestResponse:
        """Ask for a code, for the usual number unless fields say otherwise."""
        return self.post(RESEND, fields if _names_somebody(fields) else {**PHONE, **fields})

    def verify(self, otp: Any, **fields: Any) -> TestResponse:
        """Submit a code, for the usual number unless fields say otherwise."""
        return self.post(VERIFY, {"otp": otp, **(fields if _names_somebody(fields) else {**PHONE, **fields})})

    def fresh_code(self, **fields: Any) -> str:
        """Ask for a code and read it in the SMS."""
        answer = self.resend(**fields)
        assert answer.json["status"] == "OK", answer.json
        return self.outbox.last.code


def _names_somebody(fields: dict[str, Any]) -> bool:
    return not fields.keys().isdisjoint({"account_token", "cc_phone", "phone", "user_id"})


def outcome(answer: TestResponse) -> tuple[int, str]:
    """What an answer says: its status code and its message."""
    return answer.json["status_code"], answer.json["message"]
