"""A customer's server that speaks the ``voice`` flow with an access token that it bought."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.core.clients import Campaign
from flask_otpauth.engine.campaigns import Campaigns
from flask_otpauth.engine.clients import Clients, Credentials
from flask_otpauth.testing import Outbox
from tests.flows.sms_caller import new_client
from tests.hosts import otpauth_of

PREFIX = "/api/v1"
BUY = f"{PREFIX}/users/generate_access_token"
PHONE = "0771122330"
NUMBER = "+84771122330"

#: Absent from a body, as ``None`` is not (which counts as missing, but is sent).
ABSENT: Any = object()


def new_campaign(app: Flask, client_id: str, **fields: Any) -> Campaign:
    """A campaign of that client."""
    with app.app_context():
        return otpauth_of(app).campaigns.create(client_id, **fields)


def buy(app: Flask, secret_key: Any) -> TestResponse:
    """Ask for an access token."""
    return app.test_client().post(BUY, json={"secret_key": secret_key})


@dataclass
class VoiceCaller:
    """A server with a client, a campaign and an access token of its own, unless it is given them."""

    app: Flask
    outbox: Outbox
    client: Credentials = field(default_factory=lambda: Credentials("", ""))
    campaign_id: str = ""
    scope: str = "member"

    def __post_init__(self) -> None:
        if not self.client.id:
            self.client = new_client(self.app, "voice", scope=self.scope)
        if not self.campaign_id:
            self.campaign_id = new_campaign(self.app, self.client.id).id
        self.token: str = buy(self.app, self.client.secret).json["data"]["access_token"]

    @property
    def clients(self) -> Clients:
        """The app's clients; used inside its context."""
        return otpauth_of(self.app).clients

    @property
    def campaigns(self) -> Campaigns:
        """The app's campaigns; used inside its context."""
        return otpauth_of(self.app).campaigns

    def post(self, path: str, body: Any, authorization: str | None = None) -> TestResponse:
        """``POST`` to a path of the campaign with the bare access token, or another ``Authorization``."""
        headers = {"Authorization": self.token if authorization is None else authorization}
        url = f"{PREFIX}/campaigns/{self.campaign_id}{path}"
        return self.app.test_client().post(url, json=body, headers=headers)

    def call(self, otp: Any = "123456", phone: Any = PHONE, userid: Any = "") -> TestResponse:
        """Have a code spoken."""
        return self.post("/voiceotp", self.body(otp, phone, userid))

    def verify(self, otp: Any, phone: Any = PHONE, userid: Any = "") -> TestResponse:
        """Submit a code that was spoken."""
        return self.post("/voiceotp/verify", self.body(otp, phone, userid))

    def body(self, otp: Any, phone: Any, userid: Any = "") -> dict[str, Any]:
        """The documented body; ``userid`` is the client's own unless it is given."""
        contact = {"phone_number": phone, "otp": otp}
        return {
            "userid": userid or self.client.id,
            "contact": {name: value for name, value in contact.items() if value is not ABSENT},
        }


def outcome(answer: TestResponse) -> tuple[int, str]:
    """What an answer says: its status, and the detail of an error."""
    return answer.status_code, answer.json["data"].get("error", "")


def failure(code: int, message: str, error: str) -> dict[str, Any]:
    """The documented form of a failure."""
    return {"message": message, "code": code, "status": False, "data": {"error": error}}
