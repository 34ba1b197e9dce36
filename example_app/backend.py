"""
The server behind the pages: it has the keys, and calls the API for them.

A page sends what a person typed. The server itself knows who that person is and which key to use, so it
does not pass on other fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, current_app, jsonify, request

from example_app import seeds
from example_app.client import Exchange, call
from example_app.extensions import db, otpauth
from example_app.fake_providers import MODES, Provider
from example_app.models import Key

#: The customer whose PIN and password the account page is about. A real host takes it from its session.
CUSTOMER = 123

backend = Blueprint("backend", __name__, url_prefix="/backend")


@dataclass(frozen=True)
class Action:
    """
    A call about the customer. The field ``named_by`` names the customer. The page gives ``fields``,
    the server adds ``adds``.
    """

    path: str
    fields: tuple[str, ...] = ()
    named_by: str = "user"
    adds: Mapping[str, Any] = field(default_factory=dict)


BY_MAIL = {"type": "email", "template_code": "reset"}
ACCOUNT = {
    "set-pin": Action("/api/pin/set", ("pin", "confirm_pin")),
    "change-pin": Action("/api/pin/change", ("current_pin", "new_pin", "confirm_new_pin")),
    "validate-pin": Action("/api/pin/validate", ("pin",)),
    "unblock-pin": Action("/api/pin/unblock"),
    "send-pin-code": Action("/api/pin/request-otp-for-reset", adds=BY_MAIL),
    "reset-pin": Action("/api/pin/reset", ("otp", "pin", "confirm_pin")),
    "validate-password": Action("/api/auth/validate-password", ("password",)),
    "change-password": Action("/api/auth/change-password", ("old_password", "new_password")),
    "send-password-code": Action(
        "/api/auth/request-otp-for-password-reset", named_by="identifier", adds=BY_MAIL
    ),
    "reset-password": Action(
        "/api/auth/reset-password-with-otp", ("otp", "new_password", "confirm_new_password"), "identifier"
    ),
    "reset-otp-limit": Action("/api/auth/reset-otp-limit"),
}


@backend.before_request
def take_json_only() -> None:
    """Refuse other content types. A page of another site cannot send JSON without permission (CORS)."""
    if not request.is_json:
        abort(415)


@backend.post("/sms/send")
def send_sms() -> Response:
    """Send a code by SMS."""
    return _shown(call("sms", "POST", "/api/auth/resend-otp", {**_typed("cc_phone", "phone"), "lang": "en"}))


@backend.post("/sms/verify")
def verify_sms() -> Response:
    """Check the code of the SMS."""
    body = {**_typed("cc_phone", "phone", "otp"), "lang": "en"}
    return _shown(call("sms", "POST", "/api/auth/verify-otp", body))


@backend.post("/flashcall/order")
def order_call() -> Response:
    """Order a call to a phone."""
    return _shown(call("flashcall", "POST", "/v1/orders", _typed("phone")))


@backend.post("/flashcall/redeem")
def redeem_call() -> Response:
    """Check the last digits of the number that called."""
    typed = _typed("order_id", "code")
    path = f"/v1/auth/{quote(typed['order_id'], safe='')}/{quote(typed['code'], safe='')}"
    return _shown(call("flashcall", "GET", path))


@backend.post("/voice/call")
def speak() -> Response:
    """Call a phone and speak a code, in the language of a campaign."""
    key, typed = db.session.get_one(Key, "voice"), _typed("phone_number", "otp", "language")
    campaigns = {each.language: each.id for each in otpauth.campaigns.list(key.client_id)}
    if typed["language"] not in campaigns:
        abort(400)
    contact = {name: typed[name] for name in ("phone_number", "otp")}
    path = f"/api/v1/campaigns/{campaigns[typed['language']]}/voiceotp"
    return _shown(call("voice", "POST", path, {"userid": key.client_id, "contact": contact}))


@backend.post("/account/<name>")
def change_account(name: str) -> Response:
    """Do something with the customer's PIN or password."""
    action = ACCOUNT.get(name) or abort(404)
    body = {action.named_by: CUSTOMER, **action.adds, **_typed(*action.fields)}
    exchange = call("account", "POST", action.path, body)
    if "otp" in exchange.answer:
        # It is for the merchant's server. The person has it in the mail, or is not the customer.
        exchange.answer["otp"] = "(not for the browser)"
    return _shown(exchange)


@backend.post("/providers/switch")
def switch_provider() -> Response:
    """Have a provider behave in another way."""
    typed = _typed("name", "mode")
    if typed["mode"] not in MODES:
        abort(400)
    _provider(typed["name"]).switch(typed["mode"])
    return jsonify(status="ok")


@backend.post("/providers/report")
def report_message() -> Response:
    """Have a provider report what became of a message. It calls this app, as one elsewhere does."""
    typed = _typed("name", "id", "status")
    taken = next((each for each in _provider(typed["name"]).taken if each.id == typed["id"]), None)
    if taken is None:
        abort(404)
    url = f"{request.host_url}otpauth/receipts/{typed['name']}"
    current_app.extensions["providers"].report(url, taken, typed["status"])
    return jsonify(status="ok")


@backend.post("/start-over")
def start_over() -> Response:
    """Delete all data, and begin again."""
    seeds.start_over()
    return jsonify(status="ok")


def _provider(name: str) -> Provider:
    found: Provider | None = current_app.extensions["providers"].providers.get(name)
    return found or abort(404)


def _typed(*fields: str) -> dict[str, str]:
    """Return what the person typed in these fields. The API checks it."""
    body = request.get_json()
    return {name: str(body.get(name, "")) for name in fields} if isinstance(body, dict) else abort(400)


def _shown(exchange: Exchange) -> Response:
    """Return the call and its answer, which the page uses and shows."""
    response = jsonify(asdict(exchange))
    response.headers["Cache-Control"] = "no-store"
    return response
