"""The shipped contract of senders, over declarations of each kind."""

from __future__ import annotations

from typing import Any, ClassVar

from flask_otpauth.senders import HttpSender
from flask_otpauth.testing import Answer, SenderContract

TOKEN = "gateway-token"


class DeclaredContract(SenderContract):
    accepted = Answer(202, {"result": {"id": "m-1", "state": "queued"}})
    message_id = "m-1"
    invalid_recipient = Answer(422, {"error": {"code": 21, "text": "no such number"}})
    opted_out = Answer(200, {"error": {"code": 22}})
    rejected = Answer(400, {"error": {"code": 99}})
    secrets = (TOKEN,)
    declaration: ClassVar[dict[str, Any]]

    def make_sender(self, url: str) -> HttpSender:
        return HttpSender(
            {
                "url": f"{url}/messages",
                "success": {"result.state": "queued"},
                "errors": {"error.code": {21: "invalid_recipient", 22: "opted_out"}},
                "message_id": "result.id",
                "total_seconds": self.deadline_seconds,
                **self.declaration,
            }
        )


class TestProfile(SenderContract):
    accepted = Answer(201, {"sid": "SM1", "status": "queued", "price": None, "price_unit": "USD"})
    message_id = "SM1"
    invalid_recipient = Answer(400, {"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400})
    opted_out = Answer(400, {"code": 21610, "message": "Attempt to send to unsubscribed recipient"})
    rejected = Answer(400, {"code": 21606, "message": "The 'From' phone number is not valid"})
    secrets = (TOKEN,)

    def make_sender(self, url: str) -> HttpSender:
        return HttpSender(
            {
                "profile": "twilio",
                "account_sid": "AC1",
                "auth_token": TOKEN,
                "from": "+15005550006",
                "total_seconds": self.deadline_seconds,
                "sms": {"url": f"{url}/2010-04-01/Accounts/{{account_sid}}/Messages.json"},
            }
        )


class TestJson(DeclaredContract):
    declaration: ClassVar[dict[str, Any]] = {
        "auth": {"bearer": TOKEN},
        "json": {"to": "{recipient}", "text": "{text}", "priority": 1, "flash": False},
    }


class TestForm(DeclaredContract):
    declaration: ClassVar[dict[str, Any]] = {
        "auth": {"basic": ["shop", TOKEN]},
        "form": {"to": "{recipient}", "text": "{text}"},
    }


class TestQuery(DeclaredContract):
    declaration: ClassVar[dict[str, Any]] = {
        "method": "GET",
        "headers": {"X-Api-Key": TOKEN},
        "query": {"to": "{recipient:digits}", "text": "{text}", "from": "{caller_number:digits}"},
    }
