"""``email``: tokens, refreshing and logging out (contract/email.md, "Tokens")."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from flask_otpauth import signals
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.engine.codes import Codes
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import ADDRESS, PREFIX, EmailCaller, bearer, outcome
from tests.hosts import MakeApp

DAYS = timedelta(days=1).total_seconds()
REFRESHED = (0, "Token refreshed successfully")
REFUSED = (-1, "Invalid refresh token")


def with_profile(app: Flask) -> Flask:
    """``app`` with a route of the host's own that demands an access token."""
    otpauth = app.extensions["test_otpauth"]

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, Any]:
        return {"id": otpauth.current_user.id}

    return app


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return with_profile(make_app())


def lives(caller: EmailCaller, login: dict[str, Any]) -> bool:
    """Whether the access token of ``login`` opens the host's route."""
    status = caller.app.test_client().get("/me", headers=bearer(login["accessToken"])).status_code
    assert status in (200, 401)
    return status == 200


def part(token: str, index: int) -> dict[str, Any]:
    """Header (0) or claims (1) of a JWT."""
    segment = token.split(".")[index]
    decoded: dict[str, Any] = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return decoded


# -- the access token ------------------------------------------------------------------------


def test_the_access_token_says_what_the_page_says(caller: EmailCaller, clock: MovableClock) -> None:
    data = caller.login()
    header, claims = part(data["accessToken"], 0), part(data["accessToken"], 1)

    assert (header["alg"], header["typ"]) == ("HS256", "JWT")
    assert header["kid"]
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti", "sid"}
    assert claims["iss"] == "flask_otpauth"
    assert claims["aud"] == "host"
    assert claims["sub"] == str(data["userId"])
    assert claims["exp"] - claims["iat"] == DAYS
    assert data["expiresAt"] == "2024-12-30T10:00:00Z"


def test_issuer_and_audience_are_settings(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(jwt_issuer="https://issuer.example", jwt_audience="shop")

    claims = part(EmailCaller(app, outbox).login()["accessToken"], 1)

    assert (claims["iss"], claims["aud"]) == ("https://issuer.example", "shop")


def test_the_expiry_that_is_told_is_that_of_the_token_in_whole_seconds(
    caller: EmailCaller, clock: MovableClock
) -> None:
    clock.tick_ms(999)

    data = caller.login()

    assert data["expiresAt"] == "2024-12-30T10:00:00Z"
    assert part(data["accessToken"], 1)["exp"] == datetime.fromisoformat(data["expiresAt"]).timestamp()


def test_the_access_token_lives_a_day_to_its_last_second(caller: EmailCaller, clock: MovableClock) -> None:
    login = caller.login()
    clock.tick_ms(24 * 3600 * 1000 - 1)
    before = lives(caller, login)
    clock.tick_ms(1)

    assert before
    assert not lives(caller, login)


def test_asymmetric_keys_are_served_and_sign(make_app: MakeApp, outbox: Outbox) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    app = with_profile(make_app(jwt_keys=[{"kid": "2024-12", "alg": "EdDSA", "key": pem.decode()}]))
    caller = EmailCaller(app, outbox)

    login = caller.login()
    served = app.test_client().get(f"{PREFIX}/.well-known/jwks.json")

    assert part(login["accessToken"], 0) == {"alg": "EdDSA", "typ": "JWT", "kid": "2024-12"}
    assert lives(caller, login)
    assert [key["kid"] for key in served.json["keys"]] == ["2024-12"]
    assert all("d" not in key for key in served.json["keys"])
    assert served.content_type == "application/json"
    for method in ("HEAD", "POST"):
        refused = app.test_client().open(f"{PREFIX}/.well-known/jwks.json", method=method)
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, OPTIONS")


def test_with_secret_keys_there_is_no_key_set(app: Flask) -> None:
    assert app.test_client().get(f"{PREFIX}/.well-known/jwks.json").status_code == 404


# -- one session -----------------------------------------------------------------------------


def test_a_login_revokes_every_earlier_token_at_once(caller: EmailCaller) -> None:
    first = caller.login()
    second = caller.login()

    assert not lives(caller, first)
    assert outcome(caller.refresh(first["refreshToken"])) == REFUSED
    assert lives(caller, second)
    assert outcome(caller.refresh(second["refreshToken"])) == REFRESHED


def test_a_login_revokes_the_tokens_of_that_user_alone(caller: EmailCaller) -> None:
    other = caller.login("other@example.com")
    caller.login()

    assert lives(caller, other)


def test_several_sessions_are_a_setting(make_app: MakeApp, outbox: Outbox) -> None:
    caller = EmailCaller(with_profile(make_app(email_single_session=False)), outbox)
    first, second = caller.login(), caller.login()

    assert lives(caller, first)
    assert lives(caller, second)
    assert outcome(caller.refresh(first["refreshToken"])) == REFRESHED


def test_a_failed_login_revokes_nothing(caller: EmailCaller) -> None:
    login = caller.login()
    caller.fresh_code()
    caller.miss(6)

    assert lives(caller, login)


@pytest.mark.parametrize("act", ["revoke_sessions", "disable"])
def test_an_administrator_ends_all_sessions_at_once(act: str, make_app: MakeApp, outbox: Outbox) -> None:
    app = with_profile(make_app(email_single_session=False))
    caller, otpauth = EmailCaller(app, outbox), app.extensions["test_otpauth"]
    logins = [caller.login(), caller.login()]

    with app.app_context():
        (otpauth.revoke_sessions if act == "revoke_sessions" else otpauth.users.disable)(logins[0]["userId"])

    assert [lives(caller, login) for login in logins] == [False, False]
    assert [outcome(caller.refresh(login["refreshToken"])) for login in logins] == [REFUSED, REFUSED]


# -- refreshing ------------------------------------------------------------------------------


def test_a_refresh_answers_as_a_login_does(caller: EmailCaller, clock: MovableClock) -> None:
    login = caller.login()
    clock.tick(3600)

    answer = caller.refresh(login["refreshToken"])
    data = answer.json["data"]

    assert outcome(answer) == REFRESHED
    assert list(data) == list(login)
    assert {**data, "accessToken": "", "refreshToken": "", "expiresAt": ""} == {
        **login,
        "accessToken": "",
        "refreshToken": "",
        "expiresAt": "",
    }
    assert data["expiresAt"] == "2024-12-30T11:00:00Z"
    assert data["refreshToken"] != login["refreshToken"]
    assert lives(caller, data)


def test_earlier_access_tokens_of_the_session_live_to_their_own_end(
    caller: EmailCaller, clock: MovableClock
) -> None:
    login = caller.login()
    clock.tick(3600)
    caller.refresh(login["refreshToken"])

    assert lives(caller, login)


def test_blanks_around_a_refresh_token_are_ignored(caller: EmailCaller) -> None:
    assert outcome(caller.refresh(f" {caller.login()['refreshToken']}\n")) == REFRESHED


def test_a_refresh_token_presented_again_ends_the_session(caller: EmailCaller, clock: MovableClock) -> None:
    login = caller.login()
    refreshed = caller.refresh(login["refreshToken"]).json["data"]
    clock.tick(10)

    assert outcome(caller.refresh(login["refreshToken"])) == REFUSED
    assert not lives(caller, login)
    assert not lives(caller, refreshed)
    assert outcome(caller.refresh(refreshed["refreshToken"])) == REFUSED


def test_within_the_grace_the_very_same_successor_is_handed_out(
    caller: EmailCaller, clock: MovableClock
) -> None:
    login = caller.login()
    lost = caller.refresh(login["refreshToken"]).json["data"]
    clock.tick_ms(9_999)

    again = caller.refresh(login["refreshToken"])

    assert outcome(again) == REFRESHED
    assert again.json["data"]["refreshToken"] == lost["refreshToken"]
    assert outcome(caller.refresh(lost["refreshToken"])) == REFRESHED


def test_once_the_successor_is_used_the_old_token_is_reuse_within_the_grace_too(caller: EmailCaller) -> None:
    login = caller.login()
    successor = caller.refresh(login["refreshToken"]).json["data"]
    caller.refresh(successor["refreshToken"])

    assert outcome(caller.refresh(login["refreshToken"])) == REFUSED
    assert not lives(caller, successor)


def test_the_grace_may_be_nothing(make_app: MakeApp, outbox: Outbox) -> None:
    caller = EmailCaller(make_app(email_refresh_grace=0), outbox)
    token = caller.login()["refreshToken"]
    caller.refresh(token)

    assert outcome(caller.refresh(token)) == REFUSED


def test_a_refresh_token_lives_thirty_days_from_its_own_issue(
    caller: EmailCaller, clock: MovableClock
) -> None:
    token = caller.login()["refreshToken"]
    clock.tick_ms(int(30 * DAYS * 1000) - 1)
    second = caller.refresh(token)
    clock.tick_ms(int(30 * DAYS * 1000))
    late = caller.refresh(second.json["data"]["refreshToken"])

    assert outcome(second) == REFRESHED
    assert outcome(late) == REFUSED


def test_a_session_lives_or_is_over_in_the_last_fraction_of_its_life(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    clock.tick_ms(300)
    caller = EmailCaller(make_app(email_session_max_age=3), outbox)
    data = caller.login()

    clock.tick_ms(2699)
    alive = caller.refresh(data["refreshToken"])
    clock.tick_ms(1)
    over = caller.refresh(alive.json["data"]["refreshToken"])

    assert outcome(alive) == (0, "Token refreshed successfully")
    assert outcome(over) == (-1, "Invalid refresh token")


def test_a_session_ends_after_180_days_however_often_it_was_refreshed(
    caller: EmailCaller, clock: MovableClock
) -> None:
    login = caller.login()
    for _ in range(8):
        clock.tick(days=20)
        login = caller.refresh(login["refreshToken"]).json["data"]
    clock.tick(days=19, hours=12)
    last = caller.refresh(login["refreshToken"]).json["data"]

    assert last["expiresAt"] == "2025-06-27T10:00:00Z"  # 180 days after the login, not 24 hours from now
    clock.tick_ms(12 * 3600 * 1000 - 1)
    assert lives(caller, last)
    clock.tick_ms(1)
    assert not lives(caller, last)
    assert outcome(caller.refresh(last["refreshToken"])) == REFUSED


def test_the_hardened_profile_ends_a_session_after_thirty_days(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    caller = EmailCaller(make_app(profile="hardened", email_http_status="always_200"), outbox)
    login = caller.login()
    clock.tick(days=20)
    login = caller.refresh(login["refreshToken"]).json["data"]
    clock.tick_ms(int(10 * DAYS * 1000) - 1)
    last = caller.refresh(login["refreshToken"])
    clock.tick_ms(1)

    assert outcome(last) == REFRESHED
    assert outcome(caller.refresh(last.json["data"]["refreshToken"])) == REFUSED


def test_a_disabled_user_is_refused_a_refresh(caller: EmailCaller) -> None:
    login = caller.login()
    directory = caller.app.extensions["otpauth"].services.directory
    directory.set_enabled(str(login["userId"]), False)

    assert outcome(caller.refresh(login["refreshToken"])) == REFUSED


def changed(token: str, index: int) -> str:
    """``token`` with another character at ``index``."""
    characters = list(token)
    characters[index] = "A" if characters[index] != "A" else "B"
    return "".join(characters)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "x" * 70,
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "=",
        lambda token: changed(token, 0),
        lambda token: changed(token, 24),
        lambda token: changed(token, -1),
        lambda token: changed(token, 40),
        lambda token: token.replace("_", "/").replace("-", "+") + "\n\u00e9",
        lambda token: "\u00e9" * 69,
        lambda token: "a" * 5000,
        lambda token: 12345,
        lambda token: [token],
        lambda token: {"refreshToken": token},
    ],
)
def test_what_is_no_refresh_token_of_ours_is_invalid_and_harms_nobody(
    forge: Any, caller: EmailCaller
) -> None:
    login = caller.login()

    assert outcome(caller.refresh(forge(login["refreshToken"]))) == REFUSED
    assert lives(caller, login)
    assert outcome(caller.refresh(login["refreshToken"])) == REFRESHED


# -- logging out -----------------------------------------------------------------------------


def test_logging_out_revokes_the_session(caller: EmailCaller) -> None:
    login = caller.login()

    answer = caller.app.test_client().post(f"{PREFIX}/logout", headers=bearer(login["accessToken"]))

    assert answer.status_code == 200
    assert answer.json == {"code": 0, "message": "Logout successful", "data": {}}
    assert not lives(caller, login)
    assert outcome(caller.refresh(login["refreshToken"])) == REFUSED
    assert caller.logout(login["accessToken"]).status_code == 401


def test_logging_out_ends_this_session_alone(make_app: MakeApp, outbox: Outbox) -> None:
    caller = EmailCaller(with_profile(make_app(email_single_session=False)), outbox)
    first, second = caller.login(), caller.login()

    caller.logout(first["accessToken"])

    assert not lives(caller, first)
    assert lives(caller, second)


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, "Bearer"),
        ({"Authorization": "Bearer"}, "Bearer"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "Bearer"),
        ({"Authorization": "Bearer x"}, 'Bearer error="invalid_token"'),
    ],
)
def test_nobody_logs_out_without_a_live_token(
    headers: dict[str, str], challenge: str, caller: EmailCaller
) -> None:
    answer = caller.post("/logout", headers=headers)

    assert answer.status_code == 401
    assert answer.json == {"code": -1, "message": "Unauthorized", "data": {}}
    assert answer.headers["WWW-Authenticate"] == challenge


def test_authentication_comes_before_the_body(caller: EmailCaller) -> None:
    login, client = caller.login(), caller.app.test_client()
    malformed = {"data": b"{", "content_type": "application/json"}

    anonymous = client.post(f"{PREFIX}/logout", **malformed)
    known = client.post(f"{PREFIX}/logout", **malformed, headers=bearer(login["accessToken"]))

    assert anonymous.status_code == 401
    assert outcome(known) == (-1, "Invalid request")
    assert lives(caller, login)


def end(caller: EmailCaller, refresh_token: Any, **options: Any) -> TestResponse:
    """Log out by a refresh token."""
    return caller.post("/logout", {"refreshToken": refresh_token}, **options)


@pytest.mark.parametrize("days", [0, 2, 29])
def test_a_session_whose_access_token_has_expired_is_ended_by_its_refresh_token(
    days: int, caller: EmailCaller, clock: MovableClock
) -> None:
    login = caller.login()
    clock.tick(days=days)

    answer = end(caller, login["refreshToken"], headers=bearer(login["accessToken"]) if days else {})

    assert (answer.status_code, answer.json) == (200, {"code": 0, "message": "Logout successful", "data": {}})
    assert outcome(caller.refresh(login["refreshToken"])) == REFUSED
    assert not lives(caller, login)


def test_a_live_access_token_says_whose_session_ends_whatever_the_body_holds(
    make_app: MakeApp, outbox: Outbox
) -> None:
    caller = EmailCaller(with_profile(make_app(email_single_session=False)), outbox)
    first, second = caller.login(), caller.login()

    for in_the_body in (second["refreshToken"], 5, "garbage"):
        end(caller, in_the_body, headers=bearer(first["accessToken"]))

    assert not lives(caller, first)


def test_a_refresh_token_ends_its_session_once(caller: EmailCaller) -> None:
    login = caller.login()

    answers = [outcome(end(caller, login["refreshToken"])) for _ in range(2)]

    assert answers == [(0, "Logout successful"), REFUSED]


def test_a_refresh_token_that_was_just_spent_ends_its_session(caller: EmailCaller) -> None:
    login = caller.login()
    successor = caller.refresh(login["refreshToken"]).json["data"]

    assert outcome(end(caller, login["refreshToken"])) == (0, "Logout successful")
    assert outcome(caller.refresh(successor["refreshToken"])) == REFUSED


def test_a_refresh_token_that_was_spent_long_ago_was_copied_and_ends_the_session_as_well(
    caller: EmailCaller, clock: MovableClock
) -> None:
    login = caller.login()
    successor = caller.refresh(login["refreshToken"]).json["data"]
    clock.tick(60)
    reused: list[str] = []

    def hear(sender: Flask, user_id: str, session_id: str) -> None:
        reused.append(user_id)

    with signals.token_reused.connected_to(hear, caller.app):
        answer = end(caller, login["refreshToken"])

    assert outcome(answer) == REFUSED
    assert outcome(caller.refresh(successor["refreshToken"])) == REFUSED
    assert reused == [str(login["userId"])]


def test_a_refresh_token_that_has_expired_ends_nothing(caller: EmailCaller, clock: MovableClock) -> None:
    login = caller.login()
    clock.tick(days=30)

    assert outcome(end(caller, login["refreshToken"])) == REFUSED


@pytest.mark.parametrize("token", ["garbage", "g\u00e4rbage", "x" * 5000, 5, True, ["x"], {"a": "b"}])
def test_garbage_logs_nobody_out(token: Any, caller: EmailCaller) -> None:
    login = caller.login()

    assert outcome(end(caller, token)) == REFUSED
    assert lives(caller, login)


@pytest.mark.parametrize("body", [{"refreshToken": None}, {"refreshToken": "  "}, {"": "x"}, {"other": "x"}])
def test_without_any_token_nobody_logs_out(body: dict[str, Any], caller: EmailCaller) -> None:
    answer = caller.post("/logout", body)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_addresses_with_one_account_share_its_session(caller: EmailCaller) -> None:
    first = caller.login(ADDRESS)
    second = caller.login(ADDRESS.upper().replace("EXAMPLE.COM", "example.com"))

    assert second["userId"] == first["userId"]
    assert not lives(caller, first)


def test_whoever_is_disabled_while_they_log_in_keeps_no_session(
    caller: EmailCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = str(caller.login()["userId"])
    code = caller.fresh_code()
    services = caller.app.extensions["otpauth"].services
    # Now the user is read by the directory, before the transaction of the login and after it.
    event.listen(services.directory.model, "load", lambda *_: None)
    require_accepted = Codes.require_accepted

    def disabled_in_between(codes: Codes, *given: Any) -> None:
        # As if the other sessions had been ended before this one was opened.
        require_accepted(codes, *given)
        services.directory.set_enabled(user_id, False)

    monkeypatch.setattr(Codes, "require_accepted", disabled_in_between)
    answer = caller.verify(code)

    assert outcome(answer) == (-300, "User not found")
    assert services.storage.sessions.list_open(user_id, epoch_ms(services.clock())) == []
