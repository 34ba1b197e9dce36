"""Buying access tokens with a secret key, and presenting them (contract/voice.md)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_otpauth.engine.clients import Credentials
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.sms_caller import new_client
from tests.flows.voice_caller import BUY, VoiceCaller, buy, failure, outcome
from tests.hosts import MakeApp, otpauth_of

REFUSED = failure(401, "Unauthorized", "invalid access token")


def statuses(caller: VoiceCaller, tokens: list[str]) -> list[int]:
    """What each token is answered; nobody is called, since no field is given."""
    return [caller.post("/voiceotp", {}, token).status_code for token in tokens]


# -- buying ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["member", "admin"])
def test_a_token_says_whose_it_is_and_how_long_it_lives(app: Flask, scope: str) -> None:
    client = new_client(app, "voice", scope=scope)

    answer = buy(app, client.secret)

    token = answer.json["data"]["access_token"]
    assert answer.json["data"] == {
        "id": client.secret,
        "user_id": client.id,
        "access_token": token,
        "refresh_token": "",
        "expire_at": 15_552_000,
        "token_type": "Bearer",
        "scope": scope,
    }
    # 128 bits in base64url are 22 characters.
    assert len(token) >= 22
    assert token.replace("-", "").replace("_", "").isalnum()
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_secret_key_is_told_back_as_sent_but_trimmed(app: Flask) -> None:
    client = new_client(app, "voice")

    assert buy(app, f" {client.secret}\n").json["data"]["id"] == client.secret


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "secret_key is required"),
        ({"secret_key": None}, "secret_key is required"),
        ({"secret_key": ""}, "secret_key is required"),
        ({"secret_key": " \t"}, "secret_key is required"),
        *[
            ({"secret_key": value}, "secret_key must be a string")
            for value in (5, 1.5, True, [], ["x"], {}, 10**30, "x\0", "x" * 5000)
        ],
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_secret_key_must_be_given_as_text(app: Flask, body: dict[str, Any], detail: str) -> None:
    answer = app.test_client().post(BUY, json=body)

    assert answer.status_code == 400
    assert answer.json == failure(400, "Bad Request", detail)


@pytest.mark.parametrize("secret_key", ["x", "é", "30511f666-f888-411b-a6e0-11111fb6gg7a"])
def test_a_secret_key_of_nobody_is_refused(app: Flask, secret_key: str) -> None:
    answer = buy(app, secret_key)

    assert answer.status_code == 401
    assert answer.json == failure(401, "Unauthorized", "invalid secret key")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_secret_key_in_the_query_is_not_looked_at(app: Flask) -> None:
    client = new_client(app, "voice")

    assert app.test_client().post(f"{BUY}?secret_key={client.secret}", json={}).status_code == 400


def test_a_blocked_client_and_one_of_another_flow_buy_nothing(app: Flask) -> None:
    blocked, other = new_client(app, "voice"), new_client(app, "sms", "flashcall", "account")
    with app.app_context():
        otpauth_of(app).clients.block(blocked.id)

    assert buy(app, blocked.secret).json == failure(403, "Forbidden", "client is blocked")
    assert buy(app, other.secret).json == failure(403, "Forbidden", "client may not use this service")


def test_wrong_keys_are_throttled_by_address_and_right_ones_are_not(make_app: MakeApp) -> None:
    app = make_app(ip_limits={"authentication": "3 per day"})
    client = new_client(app, "voice")

    bought = [buy(app, client.secret).status_code for _ in range(5)]
    wrong = [buy(app, "x").status_code for _ in range(4)]

    assert bought == [200] * 5
    assert wrong == [401, 401, 401, 429]
    assert buy(app, client.secret).status_code == 429
    assert buy(app, client.secret).json["data"]["error"] == "Too Many Requests"


def test_by_default_an_address_may_fail_thirty_times_a_minute(make_app: MakeApp) -> None:
    app = make_app(ip_limits={})

    wrong = [buy(app, "x") for _ in range(61)]

    # Sixty-one, since the minute of the limiter may turn in between.
    assert [answer.status_code for answer in wrong[:30]] == [401] * 30
    assert wrong[-1].status_code == 429
    assert 1 <= int(wrong[-1].headers["Retry-After"]) <= 60


# -- presenting -----------------------------------------------------------------------------


def test_a_token_works_bare_and_as_bearer(caller: VoiceCaller) -> None:
    bare, bearer = caller.token, f"Bearer {caller.token}"

    assert statuses(caller, [bare, bearer, f"bearer {caller.token}", f"  {caller.token} "]) == [400] * 4


@pytest.mark.parametrize(
    "form", ["", "Bearer", "Bearer ", "x", "é", "Basic {}", "Token {}", "{}x", "{} {}", "Bearer x"]
)
def test_what_is_no_access_token_is_refused(caller: VoiceCaller, form: str) -> None:
    answer = caller.post("/voiceotp", caller.body("123456", "0771122330"), form.format(*[caller.token] * 2))

    assert answer.status_code == 401
    assert answer.json == REFUSED
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_without_a_header_nobody_is_asking(caller: VoiceCaller) -> None:
    answer = caller.app.test_client().post(f"/api/v1/campaigns/{caller.campaign_id}/voiceotp", json={})

    assert answer.json == REFUSED


def test_the_secret_key_is_no_access_token(caller: VoiceCaller) -> None:
    assert statuses(caller, [caller.client.secret, f"Bearer {caller.client.secret}"]) == [401, 401]


def test_a_token_lives_180_days(caller: VoiceCaller, clock: MovableClock) -> None:
    clock.tick(15_552_000)
    clock.tick_ms(-1)
    last_moment = statuses(caller, [caller.token])
    clock.tick_ms(1)

    assert last_moment + statuses(caller, [caller.token]) == [400, 401]


def test_twenty_tokens_live_side_by_side_and_the_oldest_gives_way(
    caller: VoiceCaller, clock: MovableClock
) -> None:
    tokens = [caller.token]
    for _ in range(20):
        clock.tick(1)
        tokens.append(buy(caller.app, caller.client.secret).json["data"]["access_token"])

    assert len(set(tokens)) == 21
    assert statuses(caller, tokens) == [401] + [400] * 20


def test_tokens_of_another_client_give_no_way(caller: VoiceCaller, app: Flask, outbox: Outbox) -> None:
    other = VoiceCaller(app, outbox)
    for _ in range(25):
        buy(app, other.client.secret)

    assert statuses(caller, [caller.token]) == [400]


def test_how_many_tokens_live_and_how_long_are_settings(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    caller = VoiceCaller(make_app(voice_max_tokens=1, voice_access_token_ttl=60), outbox)
    answer = buy(caller.app, caller.client.secret).json["data"]
    both = statuses(caller, [caller.token, answer["access_token"]])
    clock.tick(60)

    assert (answer["expire_at"], both) == (60, [401, 400])
    assert statuses(caller, [answer["access_token"]]) == [401]


# -- blocking and rotating ------------------------------------------------------------------


def test_blocking_refuses_tokens_at_once_and_unblocking_lets_them_work_again(
    caller: VoiceCaller, app: Flask
) -> None:
    with app.app_context():
        caller.clients.block(caller.client.id)
    blocked = caller.call()
    with app.app_context():
        caller.clients.unblock(caller.client.id)

    assert blocked.json == failure(403, "Forbidden", "client is blocked")
    assert outcome(caller.call()) == (200, "")


def test_rotating_kills_the_secret_and_what_it_bought(caller: VoiceCaller, app: Flask) -> None:
    with app.app_context():
        rotated = caller.clients.rotate(caller.client.id)
    new = buy(app, rotated.secret).json["data"]["access_token"]

    assert rotated.id == caller.client.id
    assert statuses(caller, [caller.token, new]) == [401, 400]
    assert outcome(buy(app, caller.client.secret)) == (401, "invalid secret key")


def test_in_an_overlap_both_secrets_buy_and_their_tokens_work_to_its_end(
    caller: VoiceCaller, app: Flask, clock: MovableClock
) -> None:
    with app.app_context():
        rotated = caller.clients.rotate(caller.client.id, overlap=600)
    during = [buy(app, each.secret).json["data"]["access_token"] for each in (caller.client, rotated)]
    clock.tick_ms(599_999)
    last_moment = statuses(caller, [caller.token, *during])
    clock.tick_ms(1)

    assert last_moment == [400, 400, 400]
    assert statuses(caller, [caller.token, *during]) == [401, 401, 400]
    assert outcome(buy(app, caller.client.secret)) == (401, "invalid secret key")


def test_a_second_rotation_without_an_overlap_ends_that_of_the_first(caller: VoiceCaller, app: Flask) -> None:
    with app.app_context():
        second = caller.clients.rotate(caller.client.id, overlap=600)
        third = caller.clients.rotate(caller.client.id)

    bought = [buy(app, each.secret).status_code for each in (caller.client, second, third)]

    assert bought == [401, 401, 200]
    assert statuses(caller, [caller.token]) == [401]


def test_a_token_of_a_client_that_is_gone_is_nobodys(caller: VoiceCaller, app: Flask) -> None:
    token = caller.token
    storage = app.extensions["otpauth"].services.storage
    with storage.database.transaction():
        storage.database.prepare(storage.tables.clients.delete()).count()

    assert statuses(caller, [token]) == [401]


def test_credentials_show_no_secret_in_their_repr(app: Flask) -> None:
    created = new_client(app, "voice")

    assert created.secret not in repr(created)
    assert repr(Credentials("id", "secret")) == "Credentials(id='id')"
