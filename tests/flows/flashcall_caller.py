"""An application's server that speaks the ``flashcall`` flow, and the phone that it has called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth import OtpAuth
from flask_otpauth.engine.clients import Credentials
from flask_otpauth.testing import Outbox
from tests.codes import another

PHONE = "79991234567"
OTHER_PHONE = "79991234568"


def refused(*messages: str) -> dict[str, Any]:
    """The body of a refusal."""
    return {"data": None, "errors": [{"message": message} for message in messages]}


SUCCESS = {"data": {"success": True}, "errors": None}


@dataclass
class Application:
    """One client of the flow: it orders calls and submits the codes that its users saw."""

    app: Flask
    outbox: Outbox
    prefix: str = "/v1"
    client: Credentials = field(default_factory=lambda: Credentials("", ""))

    def __post_init__(self) -> None:
        otpauth: OtpAuth = self.app.extensions["test_otpauth"]
        if not self.client.id:
            with self.app.app_context():
                self.client = otpauth.clients.create("an application", ("flashcall",))

    @property
    def headers(self) -> dict[str, str]:
        """The header that shows who is asking."""
        return {"X-Application-Token": self.client.secret}

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any request under the flow's prefix, with the application's token."""
        options = {"headers": self.headers, **options}
        return self.app.test_client().open(self.prefix + path, method=method, **options)

    def order(self, phone: Any = PHONE, query: str = "", **fields: Any) -> TestResponse:
        """Order a call."""
        return self.call("POST", f"/orders{query}", json={"phone": phone, **fields})

    def ordered(self, phone: str = PHONE, **fields: Any) -> str:
        """Order a call that is placed; the order's id."""
        answer = self.order(phone, **fields)
        assert answer.status_code == 200, answer.json
        return str(answer.json["data"]["id"])

    def seen(self) -> str:
        """The code that the phone saw last."""
        return self.outbox.last.code

    def auth(self, order_id: str, code: str, method: str = "GET") -> TestResponse:
        """Submit a code as documented: in the path."""
        return self.call(method, f"/auth/{order_id}/{code}")

    def miss(self, times: int, phone: str = PHONE) -> None:
        """Guess wrong that often, at orders of three guesses each."""
        while times > 0:
            order_id, wrong = self.ordered(phone), another(self.seen())
            for _ in range(min(times, 3)):
                assert self.auth(order_id, wrong).json == refused("invalid code")
            times -= 3


def outcome(answer: TestResponse) -> tuple[int, str]:
    """What a refusal says: its status and its only message."""
    (error,) = answer.json["errors"]
    return answer.status_code, error["message"]
