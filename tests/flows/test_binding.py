"""
A code of one purpose, user, client or flow never works for another; nor does a token (the whole matrix).

A *door* is a place where a code is asked for and redeemed: one purpose, one subject, one client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_otpauth import OtpAuth
from flask_otpauth.engine.clients import Credentials
from tests.flows.sms_caller import new_client
from tests.hosts import MakeApp

CODE = "123456"
EMAILS = ("one@example.com", "two@example.com")
PHONES = ("+84987654321", "+84912345678")


@dataclass
class World:
    """An app whose every code is the same, with two users and two clients that may use every flow."""

    app: Flask
    clients: tuple[Credentials, Credentials]
    users: tuple[int, int]
    campaigns: tuple[str, str, str]
    headers: tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]
    order_id: str = ""

    @property
    def http(self) -> FlaskClient:
        """A browser without cookies."""
        return self.app.test_client()

    @property
    def otpauth(self) -> OtpAuth:
        """The app's OtpAuth."""
        otpauth: OtpAuth = self.app.extensions["test_otpauth"]
        return otpauth

    def post(self, path: str, body: Mapping[str, Any], flow: str = "", client: int = 0) -> Any:
        """The JSON of an answer to one of the clients of a flow."""
        headers = self.headers[client][flow] if flow else {}
        return self.http.post(path, json=body, headers=headers).json


Ask = Callable[[World], Any]
Redeem = Callable[[World, str], bool]
ParseContext = tuple[Ask, Redeem]


def email(user: int) -> ParseContext:
    """To log in by e-mail."""
    named = {"email": EMAILS[user]}
    return (
        lambda world: world.post("/apis/auth/request-otp", named)["code"] == 0,
        lambda world, code: world.post("/apis/auth/verify-otp", {**named, "otpCode": code})["code"] == 0,
    )


def sms(phone: int, client: int) -> ParseContext:
    """To verify a phone by SMS."""
    named = {"cc_phone": "84", "phone": PHONES[phone]}

    def verify(world: World, code: str) -> bool:
        answer = world.post("/api/auth/verify-otp", {**named, "otp": code}, "sms", client)
        return bool(answer["status"] == "OK")

    return lambda world: world.post("/api/auth/resend-otp", named, "sms", client)["status"] == "OK", verify


def flashcall(client: int) -> ParseContext:
    """To redeem an order; each order is a subject of its own."""

    def ask(world: World) -> bool:
        order = world.post("/v1/orders", {"phone": PHONES[0]}, "flashcall", client)["data"]
        world.order_id = order["id"] if order else ""
        return bool(order)

    def redeem(world: World, code: str) -> bool:
        order_id = world.order_id or "6999f209-5bb6-4581-9f91-5dba38812e13"
        answer = world.http.get(f"/v1/auth/{order_id}/{code}", headers=world.headers[client]["flashcall"])
        return answer.status_code == 200

    return ask, redeem


def voice(campaign: int, client: int) -> ParseContext:
    """To verify a phone by a spoken code."""

    def post(world: World, path: str, **contact: str) -> bool:
        body = {"userid": world.clients[client].id, "contact": {"phone_number": PHONES[0], **contact}}
        url = f"/api/v1/campaigns/{world.campaigns[campaign]}/voiceotp{path}"
        return bool(world.post(url, body, "voice", client)["status"])

    return lambda world: post(world, ""), lambda world, code: post(world, "/verify", otp=code)


def pin(user: int, client: int) -> ParseContext:
    """To reset a PIN."""

    def redeem(world: World, code: str) -> bool:
        body = {"user": world.users[user], "otp": code, "pin": "654321", "confirm_pin": "654321"}
        return world.post("/api/pin/reset", body, "account", client) == {"status": "ok"}

    def ask(world: World) -> bool:
        body = {"user": world.users[user]}
        return bool(world.post("/api/pin/request-otp-for-reset", body, "account", client).get("otp"))

    return ask, redeem


def password(user: int, client: int) -> ParseContext:
    """To reset a password."""

    def redeem(world: World, code: str) -> bool:
        new = {"new_password": "securepassword123", "confirm_new_password": "securepassword123"}
        body = {"identifier": EMAILS[user], "otp": code, **new}
        return world.post("/api/auth/reset-password-with-otp", body, "account", client) == {"status": "ok"}

    def ask(world: World) -> bool:
        body = {"identifier": EMAILS[user], "type": "email"}
        return bool(
            world.post("/api/auth/request-otp-for-password-reset", body, "account", client).get("otp")
        )

    return ask, redeem


def hosts(recipient: str, purpose: str) -> ParseContext:
    """A purpose of the host's own, in its own views."""

    def ask(world: World) -> bool:
        channel = "email" if "@" in recipient else "sms"
        with world.app.app_context():
            return bool(world.otpauth.codes.send(channel, recipient, purpose=purpose))

    def redeem(world: World, code: str) -> bool:
        with world.app.app_context():
            return bool(world.otpauth.codes.redeem(recipient, purpose=purpose, code=code))

    return ask, redeem


DOORS: dict[str, ParseContext] = {
    "email, user 1": email(0),
    "email, user 2": email(1),
    "sms, phone 1, client 1": sms(0, 0),
    "sms, phone 1, client 2": sms(0, 1),
    "sms, phone 2, client 1": sms(1, 0),
    "flashcall, client 1": flashcall(0),
    "flashcall, client 2": flashcall(1),
    "voice, campaign 1, client 1": voice(0, 0),
    "voice, campaign 2, client 1": voice(1, 0),
    "voice, campaign 3, client 2": voice(2, 1),
    "PIN, user 1, client 1": pin(0, 0),
    "PIN, user 1, client 2": pin(0, 1),
    "PIN, user 2, client 1": pin(1, 0),
    "password, user 1, client 1": password(0, 0),
    "password, user 1, client 2": password(0, 1),
    "password, user 2, client 1": password(1, 0),
    "host, phone 1, confirm": hosts(PHONES[0], "confirm"),
    "host, phone 1, delete": hosts(PHONES[0], "delete"),
    "host, e-mail 1, confirm": hosts(EMAILS[0], "confirm"),
    # Purposes that are called as those of the flows are.
    "host, e-mail 1, email": hosts(EMAILS[0], "email"),
    "host, phone 1, sms": hosts(PHONES[0], "sms"),
}


@pytest.fixture
def world(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("flask_otpauth.engine.codes.draw_code", lambda length: CODE)
    app = make_app(
        sms_cooldown=0,
        sms_send_quotas=("50 per day",),
        flashcall_region="VN",
        flashcall_code_length=6,
        voice_verify=True,
    )
    otpauth: OtpAuth = app.extensions["test_otpauth"]
    app.add_url_rule("/me", view_func=otpauth.token_required(lambda: "me"), endpoint="me")
    flows = ("sms", "flashcall", "voice", "account")
    clients = new_client(app, *flows), new_client(app, *flows)
    with app.app_context():
        users = [
            otpauth.users.create(email=email, phone=phone)
            for email, phone in zip(EMAILS, PHONES, strict=True)
        ]
        campaigns = [otpauth.campaigns.create(clients[owner].id).id for owner in (0, 0, 1)]
    return World(
        app,
        clients,
        (users[0].id, users[1].id),
        (campaigns[0], campaigns[1], campaigns[2]),
        (headers_of(app, clients[0]), headers_of(app, clients[1])),
    )


def headers_of(app: Flask, client: Credentials) -> dict[str, dict[str, str]]:
    """How a client shows itself in each flow."""
    http = app.test_client()
    grant = {"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret}
    api_token = http.post("/oauth/token", json=grant).json["access_token"]
    voice_token = http.post("/api/v1/users/generate_access_token", json={"secret_key": client.secret}).json
    return {
        "sms": {"Authorization": f"Bearer {api_token}"},
        "flashcall": {"X-Application-Token": client.secret},
        "voice": {"Authorization": voice_token["data"]["access_token"]},
        "account": {"Authorization": f"Token {client.secret}"},
    }


# -- codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_a_code_opens_its_own_door_once_and_no_other(world: World, door: str) -> None:
    ask, redeem = DOORS[door]
    assert ask(world)

    opened = [name for name, (_, try_at) in DOORS.items() if name != door and try_at(world, CODE)]

    assert opened == []
    assert [redeem(world, CODE), redeem(world, CODE)] == [True, False]


def test_a_code_that_is_redeemed_leaves_those_of_the_other_doors_alive(world: World) -> None:
    # An order is a subject of its own: one of the two is enough here. A reset ends every code for
    # the secret that it replaces, so one of two is opened.
    once = {"flashcall, client 2", "PIN, user 1, client 2", "password, user 1, client 2"}
    doors = {name: door for name, door in DOORS.items() if name not in once}
    asked = [name for name, (ask, _) in doors.items() if ask(world)]

    opened = [name for name, (_, redeem) in doors.items() if redeem(world, CODE)]
    again = [name for name, (_, redeem) in doors.items() if redeem(world, CODE)]

    assert asked == opened == list(doors)
    assert again == []


# -- tokens ---------------------------------------------------------------------------------


def tokens_of(world: World) -> dict[str, str]:
    """One of each kind of token that a client or a user may hold."""
    client = world.clients[0]
    email(0)[0](world)
    login = world.post("/apis/auth/verify-otp", {"email": EMAILS[0], "otpCode": CODE})["data"]
    with world.app.app_context():
        account_token = world.otpauth.issue_account_token(world.users[0])
    return {
        "access token": login["accessToken"],
        "refresh token": login["refreshToken"],
        "account token": account_token,
        "API token (sms)": world.headers[0]["sms"]["Authorization"].removeprefix("Bearer "),
        "access token (voice)": world.headers[0]["voice"]["Authorization"],
        "bearer token (account)": world.post("/api/auth/get-access-token", {"token": client.secret})[
            "access_token"
        ],
        "secret": client.secret,
        "client id": client.id,
    }


def status(world: World, path: str, authorization: str) -> int:
    headers = {"Authorization": authorization}
    return world.http.post(path, json={}, headers=headers).status_code


PLACES: dict[str, tuple[Callable[[World, str], bool], set[str]]] = {
    "a host's route": (
        lambda world, token: (
            world.http.get("/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        ),
        {"access token"},
    ),
    "refresh-token": (
        lambda world, token: world.post("/apis/auth/refresh-token", {"refreshToken": token})["code"] == 0,
        {"refresh token"},
    ),
    "account_token": (
        lambda world, token: (
            world.post("/api/auth/resend-otp", {"account_token": token}, "sms")["status"] == "OK"
        ),
        {"account token"},
    ),
    "sms": (
        lambda world, token: status(world, "/api/auth/resend-otp", f"Bearer {token}") != 401,
        {"API token (sms)"},
    ),
    "voice": (
        lambda world, token: status(world, "/api/v1/campaigns/x/voiceotp", token) != 401,
        {"access token (voice)"},
    ),
    "account, Bearer": (
        lambda world, token: status(world, "/api/pin/unblock", f"Bearer {token}") != 401,
        {"bearer token (account)"},
    ),
    "account, Token": (
        lambda world, token: status(world, "/api/pin/unblock", f"Token {token}") != 401,
        {"secret"},
    ),
    "flashcall": (
        lambda world, token: (
            world.http.post("/v1/orders", json={}, headers={"X-Application-Token": token}).status_code != 403
        ),
        {"secret"},
    ),
    "buying for voice": (
        lambda world, token: (
            world.post("/api/v1/users/generate_access_token", {"secret_key": token})["code"] == 200
        ),
        {"secret"},
    ),
    "buying for account": (
        lambda world, token: "access_token" in world.post("/api/auth/get-access-token", {"token": token}),
        {"secret"},
    ),
}


def test_a_token_works_where_it_was_made_for_and_nowhere_else(world: World) -> None:
    tokens = tokens_of(world)

    accepted = {
        place: {name for name, token in tokens.items() if works(world, token)}
        for place, (works, _) in PLACES.items()
    }

    assert accepted == {place: wanted for place, (_, wanted) in PLACES.items()}
