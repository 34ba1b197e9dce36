"""
A code of one purpose, person, client or flow never works for another; nor does a token (the whole matrix).

A *place* is where a code is asked for and submitted: one purpose, one person, one client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_otpauth.testing import Outbox
from tests.flows.every_flow import (
    DOCUMENTED,
    EMAILS,
    PHONES,
    Driver,
    EmailDriver,
    Participants,
    SmsDriver,
    VoiceDriver,
)
from tests.flows.sms_caller import SmsCaller
from tests.hosts import MakeApp, otpauth_of

CODE = "123456"


@dataclass(frozen=True)
class Place:
    """A flow, or (``purpose``) a purpose of the host's own views and the recipient of its codes."""

    flow: str = ""
    person: int = 0
    client: int = 0
    purpose: str = ""
    recipient: str = ""


PLACES = {
    **{f"{flow}, person {person}": Place(flow, person) for flow in DOCUMENTED for person in (0, 1)},
    **{
        f"{flow}, client 1": Place(flow, client=1)
        for flow, documented in DOCUMENTED.items()
        if documented.knows_clients
    },
    "host, phone, confirm": Place(purpose="confirm", recipient=PHONES[0]),
    "host, phone, delete": Place(purpose="delete", recipient=PHONES[0]),
    "host, e-mail, confirm": Place(purpose="confirm", recipient=EMAILS[0]),
    # Purposes that are called as those of the flows are.
    "host, e-mail, email": Place(purpose="email", recipient=EMAILS[0]),
    "host, phone, sms": Place(purpose="sms", recipient=PHONES[0]),
}


@dataclass
class World:
    """An app whose every code is the same, and the drivers of all flows for the same persons and clients."""

    app: Flask
    participants: Participants
    drivers: Mapping[str, Driver]

    @cached_property
    def sms(self) -> SmsCaller:
        """The first client as it calls the flow ``sms``."""
        return SmsDriver(self.participants).callers[0]

    @property
    def http(self) -> FlaskClient:
        """A browser without cookies."""
        return self.app.test_client()

    def ask(self, place: Place) -> bool:
        """Whether a code is sent."""
        if place.flow:
            driver = self.drivers[place.flow]
            return driver.outcome(driver.ask(place.person, place.client)) == DOCUMENTED[place.flow].sent
        channel = "email" if "@" in place.recipient else "sms"
        with self.app.app_context():
            otpauth_of(self.app).codes.send(channel, place.recipient, purpose=place.purpose)
        return True

    def submit(self, place: Place) -> bool:
        """Whether the code is accepted."""
        if place.flow:
            driver = self.drivers[place.flow]
            answer = driver.submit(CODE, place.person, place.client)
            return driver.outcome(answer) == DOCUMENTED[place.flow].accepted
        with self.app.app_context():
            return bool(otpauth_of(self.app).codes.redeem(place.recipient, purpose=place.purpose, code=CODE))


@pytest.fixture
def world(make_app: MakeApp, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("flask_otpauth.engine.codes.draw_code", lambda length: CODE)
    settings = {name: value for each in DOCUMENTED.values() for name, value in each.settings.items()}
    app = make_app(
        **settings,
        sms_cooldown=0,
        sms_send_quotas=("50 per day",),
        flashcall_code_length=6,
        email_http_status="semantic",
        sms_http_status="semantic",
    )
    otpauth = otpauth_of(app)
    app.add_url_rule("/me", view_func=otpauth.token_required(lambda: "me"), endpoint="me")
    participants = Participants.of(app, outbox)
    drivers = {name: documented.driver(participants) for name, documented in DOCUMENTED.items()}
    return World(app, participants, drivers)


# -- codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLACES)
def test_a_code_is_accepted_once_where_it_was_asked_for_and_nowhere_else(world: World, name: str) -> None:
    place = PLACES[name]
    assert world.ask(place)

    accepted = [other for other, each in PLACES.items() if other != name and world.submit(each)]

    assert accepted == []
    assert [world.submit(place), world.submit(place)] == [True, False]


def test_a_code_that_is_accepted_leaves_those_of_the_other_places_alone(world: World) -> None:
    # A reset ends every code for the secret that it replaces, so one of two clients asks for one.
    places = {name: place for name, place in PLACES.items() if not name.startswith(("PIN, c", "password, c"))}
    asked = [name for name, place in places.items() if world.ask(place)]

    accepted = [name for name, place in places.items() if world.submit(place)]
    again = [name for name, place in places.items() if world.submit(place)]

    assert asked == accepted == list(places)
    assert again == []


# -- tokens ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Presentation:
    """Where a token is shown: in a header, or in a field of the body beside the client's own headers."""

    path: str
    accepts: str
    header: str = ""
    scheme: str = ""
    field: str = ""
    method: str = "POST"


PRESENTATIONS = {
    "a host's route": Presentation("/me", "access token", "Authorization", "Bearer ", method="GET"),
    "refresh-token": Presentation("/apis/auth/refresh-token", "refresh token", field="refreshToken"),
    "account_token": Presentation("/api/auth/resend-otp", "account token", field="account_token"),
    "sms": Presentation("/api/auth/resend-otp", "API token (sms)", "Authorization", "Bearer "),
    "voice": Presentation("/api/v1/campaigns/x/voiceotp", "access token (voice)", "Authorization"),
    "account, Bearer": Presentation("/api/pin/unblock", "bearer token (account)", "Authorization", "Bearer "),
    "account, Token": Presentation("/api/pin/unblock", "secret", "Authorization", "Token "),
    "flashcall": Presentation("/v1/orders", "secret", "X-Application-Token"),
    "buying for voice": Presentation("/api/v1/users/generate_access_token", "secret", field="secret_key"),
    "buying for account": Presentation("/api/auth/get-access-token", "secret", field="token"),
}


def tokens_of(world: World) -> dict[str, str]:
    """One of each kind of token that a client or a user may hold."""
    client, email = world.participants.clients[0], EmailDriver(world.participants)
    email.ask()
    login = email.submit(CODE).json["data"]
    bought = world.http.post("/api/auth/get-access-token", json={"token": client.secret}).json
    with world.app.app_context():
        account_token = otpauth_of(world.app).issue_account_token(world.participants.users[0].id)
    return {
        "access token": login["accessToken"],
        "refresh token": login["refreshToken"],
        "account token": account_token,
        "API token (sms)": world.sms.headers["Authorization"].removeprefix("Bearer "),
        "access token (voice)": VoiceDriver(world.participants).callers[0].token,
        "bearer token (account)": bought["access_token"],
        "secret": client.secret,
        "client id": client.id,
    }


def is_accepted(world: World, shown: Presentation, token: str) -> bool:
    headers = {shown.header: f"{shown.scheme}{token}"} if shown.header else world.sms.headers
    body = {shown.field: token} if shown.field else {}
    answer = world.http.open(shown.path, method=shown.method, json=body, headers=headers)
    return answer.status_code not in (401, 403)


def test_a_token_is_accepted_where_it_was_made_for_and_nowhere_else(world: World) -> None:
    tokens = tokens_of(world)

    accepted = {
        place: [name for name, token in tokens.items() if is_accepted(world, shown, token)]
        for place, shown in PRESENTATIONS.items()
    }

    assert accepted == {place: [shown.accepts] for place, shown in PRESENTATIONS.items()}
