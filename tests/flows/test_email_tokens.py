"""Access tokens on a host's own routes, and that no token is worth anything elsewhere (contract/email.md)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from flask_otpauth import OtpAuth
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import EmailCaller, bearer
from tests.hosts import MakeApp

UNAUTHORIZED = {"code": -1, "message": "Unauthorized", "data": {}}
INVALID = 'Bearer error="invalid_token"'


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


def with_routes(app: Flask) -> Flask:
    """``app`` with routes of the host's own."""
    otpauth: OtpAuth = app.extensions["test_otpauth"]

    @app.route("/apis/user/profile", methods=["GET", "POST"])
    @otpauth.token_required
    def profile() -> dict[str, Any]:
        user = otpauth.current_user
        data = {
            "userId": user.id,
            "email": user.email,
            "fullName": user.full_name,
            "avatarUrl": user.avatar_url,
        }
        return {"code": 0, "message": "Success", "data": data}

    @app.get("/untouched")
    @otpauth.token_required
    def untouched() -> str:
        return "ok"

    @app.post("/transfer")
    @otpauth.fresh_otp_required()
    def transfer() -> str:
        return f"by {otpauth.current_user.email}"

    @app.get("/minute/<name>")
    @otpauth.fresh_otp_required(max_age=timedelta(minutes=1))
    def minute(name: str) -> str:
        return name

    @app.get("/open")
    def opened() -> str:
        return str(otpauth.current_user.id)

    return app


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return with_routes(make_app())


# -- @token_required -------------------------------------------------------------------------


def test_the_documents_profile_route(app: Flask, caller: EmailCaller) -> None:
    login = caller.login()

    answer = app.test_client().get("/apis/user/profile", headers=bearer(login["accessToken"]))

    assert answer.json == {
        "code": 0,
        "message": "Success",
        "data": {"userId": login["userId"], "email": login["email"], "fullName": "", "avatarUrl": None},
    }


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token abc", "eyJ.a.b"]
)
def test_without_a_bearer_token_the_challenge_is_bare(authorization: str, app: Flask) -> None:
    answer = app.test_client().get("/apis/user/profile", headers={"Authorization": authorization})

    assert answer.status_code == 401
    assert answer.json == UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "token",
    ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "Bearer x", "é.é.é", "x" * 9000, "{}", "a b c"],
    ids=lambda token: token[:20],
)
def test_a_token_that_is_none_is_invalid(token: str, app: Flask) -> None:
    answer = app.test_client().get("/apis/user/profile", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert answer.json == UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"] == INVALID


def test_the_scheme_is_read_in_any_case(app: Flask, caller: EmailCaller) -> None:
    token = caller.login()["accessToken"]

    answer = app.test_client().get("/untouched", headers={"Authorization": f"bEARER {token}"})

    assert answer.status_code == 200


def test_a_token_in_the_query_the_body_or_a_cookie_is_not_looked_at(app: Flask, caller: EmailCaller) -> None:
    token, client = caller.login()["accessToken"], app.test_client()
    client.set_cookie("access_token", token)
    client.set_cookie("Authorization", f"Bearer {token}")

    answer = client.post(
        f"/apis/user/profile?access_token={token}&token={token}",
        data={"access_token": token, "Authorization": f"Bearer {token}"},
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_is_invalid(app: Flask, caller: EmailCaller, clock: MovableClock) -> None:
    token = caller.login()["accessToken"]
    clock.tick(days=1)

    answer = app.test_client().get("/apis/user/profile", headers=bearer(token))

    assert answer.headers["WWW-Authenticate"] == INVALID


def test_the_user_is_read_once_for_a_request_however_often_somebody_looks(
    app: Flask, caller: EmailCaller
) -> None:
    token = caller.login()["accessToken"]
    engine = app.extensions["otpauth"].services.directory.database.engine
    reads: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "otpauth_users" in statement:
            reads.append(statement)

    client = app.test_client()
    event.listen(engine, "before_cursor_execute", note)
    client.get("/untouched", headers=bearer(token))
    unseen = len(reads)
    client.get("/apis/user/profile", headers=bearer(token))
    event.remove(engine, "before_cursor_execute", note)

    assert (unseen, len(reads)) == (1, 2)


def test_one_app_context_over_two_requests_does_not_mix_their_users(app: Flask, caller: EmailCaller) -> None:
    first, second = caller.login("first@example.com"), caller.login("second@example.com")

    with app.app_context():
        client = app.test_client()
        seen = [
            client.get("/apis/user/profile", headers=bearer(login["accessToken"])).json["data"]["email"]
            for login in (first, second)
        ]

    assert seen == ["first@example.com", "second@example.com"]


def test_current_user_outside_of_a_protected_view_is_a_mistake_that_is_told(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="token_required"):
        app.test_client().get("/open")


def test_a_view_keeps_its_name(app: Flask) -> None:
    assert app.view_functions["profile"].__name__ == "profile"


# -- @fresh_otp_required ---------------------------------------------------------------------


def test_a_fresh_login_passes_to_its_last_millisecond(
    app: Flask, caller: EmailCaller, clock: MovableClock
) -> None:
    token = caller.login()["accessToken"]
    clock.tick_ms(299_999)

    answer = app.test_client().post("/transfer", headers=bearer(token))

    assert answer.text == "by user@example.com"


def test_an_older_login_is_asked_for_a_code(app: Flask, caller: EmailCaller, clock: MovableClock) -> None:
    token = caller.login()["accessToken"]
    clock.tick(300)

    answer = app.test_client().post("/transfer", headers=bearer(token))

    assert answer.status_code == 401
    assert answer.json == {"code": -200, "message": "OTP required", "data": {}}
    assert (
        answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_user_authentication", max_age="300"'
    )


def test_without_its_brackets_it_is_an_error_where_the_view_is_written() -> None:
    with pytest.raises(TypeError):
        OtpAuth().fresh_otp_required(lambda: "ok")  # type: ignore[arg-type]


def test_a_refresh_is_no_new_login_and_a_login_is(
    app: Flask, caller: EmailCaller, clock: MovableClock
) -> None:
    login, client = caller.login(), app.test_client()
    clock.tick(300)

    refreshed = caller.refresh(login["refreshToken"]).json["data"]
    after_refresh = client.post("/transfer", headers=bearer(refreshed["accessToken"]))
    after_login = client.post("/transfer", headers=bearer(caller.login()["accessToken"]))

    assert after_refresh.status_code == 401
    assert after_login.status_code == 200


def test_the_age_is_a_choice_of_the_route_and_arguments_arrive(
    app: Flask, caller: EmailCaller, clock: MovableClock
) -> None:
    headers, client = bearer(caller.login()["accessToken"]), app.test_client()

    young = client.get("/minute/rice", headers=headers)
    clock.tick(60)
    old = client.get("/minute/rice", headers=headers)

    assert young.text == "rice"
    assert 'max_age="60"' in old.headers["WWW-Authenticate"]


def test_without_a_token_a_fresh_route_answers_like_any_other(app: Flask) -> None:
    answer = app.test_client().post("/transfer")

    assert answer.json == UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_decorator_works_without_the_email_flow(make_app: MakeApp) -> None:
    app = with_routes(make_app(flows=("voice",)))

    answer = app.test_client().get("/apis/user/profile")

    assert (answer.status_code, answer.json) == (401, UNAUTHORIZED)


# -- no token is worth anything elsewhere ----------------------------------------------------


def every_token(app: Flask, outbox: Outbox) -> dict[str, str]:
    """One genuine, live token or secret of every kind that the app issues."""
    otpauth, client = app.extensions["test_otpauth"], app.test_client()
    login = EmailCaller(app, outbox).login()
    with app.app_context():
        made = otpauth.clients.create("all", flows=("sms", "flashcall", "voice", "account"))
        account_token = otpauth.issue_account_token(login["userId"])
    credentials = {"grant_type": "client_credentials", "client_id": made.id, "client_secret": made.secret}
    voice = client.post("/api/v1/users/generate_access_token", json={"secret_key": made.secret})
    oauth = client.post("/oauth/token", json={**credentials, "scope": "*"})
    return {
        "access": login["accessToken"],
        "refresh": login["refreshToken"],
        "account": account_token,
        "secret": made.secret,
        "sms": oauth.json["access_token"],
        "voice": voice.json["data"]["access_token"],
    }


def opens(app: Flask) -> dict[str, Callable[[str], bool]]:
    """For each use: whether a token opens it."""

    def post(path: str, headers: dict[str, str], **body: str) -> TestResponse:
        return app.test_client().post(path, json=body, headers=headers)

    def named(token: str) -> dict[str, str]:
        return {"Authorization": f"Token {token}"}

    pin, order, call = "/api/pin/validate", "/v1/orders", "/api/v1/campaigns/x/voiceotp"
    return {
        "access": lambda token: post("/apis/user/profile", bearer(token)).status_code == 200,
        "logout": lambda token: post("/apis/auth/logout", bearer(token)).status_code == 200,
        "logout by refresh token": lambda token: (
            post("/apis/auth/logout", {}, refreshToken=token).json["code"] == 0
        ),
        "refresh": lambda token: post("/apis/auth/refresh-token", {}, refreshToken=token).json["code"] == 0,
        "sms": lambda token: post("/api/auth/verify-otp", bearer(token)).json["status"] != "UNAUTHORIZED",
        "account": lambda token: post(pin, bearer(token)).status_code != 401,
        "account secret": lambda token: post(pin, named(token)).status_code != 401,
        "voice": lambda token: post(call, {"Authorization": token}).json["code"] not in (401, 403),
        "flashcall": lambda token: post(order, {"X-Application-Token": token}).status_code != 403,
    }


#: What each use takes. (A secret is one for all flows that its client was made for.)
MEANT_FOR = {
    "access": {"access"},
    "refresh": {"refresh"},
    "sms": {"sms"},
    "account": set(),
    "account secret": {"secret"},
    "voice": {"voice"},
    "flashcall": {"secret"},
    "logout": {"access"},
    "logout by refresh token": {"refresh"},
}


@pytest.mark.parametrize("use", MEANT_FOR)
def test_a_token_of_one_use_is_refused_for_every_other(use: str, app: Flask, outbox: Outbox) -> None:
    tokens, use_of = every_token(app, outbox), opens(app)

    opened = {kind for kind, token in tokens.items() if use_of[use](token)}

    assert opened == MEANT_FOR[use]


def test_no_other_token_is_taken_for_an_account_token(app: Flask, outbox: Outbox) -> None:
    tokens = every_token(app, outbox)
    client, headers = app.test_client(), bearer(tokens["sms"])

    taken = {
        kind
        for kind, token in tokens.items()
        if client.post("/api/auth/resend-otp", json={"account_token": token}, headers=headers).json["status"]
        != "UNAUTHORIZED"
    }

    assert taken == {"account"}


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"SECRET_KEY": "another app's secret of more than 32 bytes!"},
        {"jwt_issuer": "https://other.example"},
        {"jwt_audience": "other"},
    ],
    ids=["another key", "another issuer", "another audience"],
)
def test_a_token_of_another_app_is_refused(
    elsewhere: dict[str, str], app: Flask, caller: EmailCaller, make_app: MakeApp, outbox: Outbox
) -> None:
    # One database for both, so that the session of the token is found wherever it is looked for.
    other = with_routes(make_app(email_single_session=False, **elsewhere))
    own = caller.login()["accessToken"]
    theirs = EmailCaller(other, outbox).login()["accessToken"]

    statuses = [
        client.get("/untouched", headers=bearer(token)).status_code
        for client in (app.test_client(), other.test_client())
        for token in (own, theirs)
    ]

    assert statuses == [200, 401, 401, 200]


def test_a_token_that_was_signed_with_the_apps_secret_itself_is_refused(
    app: Flask, caller: EmailCaller
) -> None:
    genuine = caller.login()["accessToken"]
    claims = jwt.decode(genuine, options={"verify_signature": False})
    copy = jwt.encode(claims, app.config["SECRET_KEY"], headers=jwt.get_unverified_header(genuine))

    assert app.test_client().get("/untouched", headers=bearer(copy)).status_code == 401


def test_a_retired_secret_still_verifies_until_it_is_taken_off_the_list(
    make_app: MakeApp, outbox: Outbox
) -> None:
    old, new = "the old secret, of more than 32 bytes", "the new secret, of more than 32 bytes"
    token = EmailCaller(make_app(SECRET_KEY=old), outbox).login()["accessToken"]

    statuses = [
        with_routes(make_app(SECRET_KEY=new, SECRET_KEY_FALLBACKS=fallbacks))
        .test_client()
        .get("/untouched", headers=bearer(token))
        .status_code
        for fallbacks in ([old], [])
    ]

    assert statuses == [200, 401]


def test_a_code_is_accepted_across_a_rotation_of_secrets(make_app: MakeApp, outbox: Outbox) -> None:
    old, new = "the old secret, of more than 32 bytes", "the new secret, of more than 32 bytes"
    EmailCaller(make_app(SECRET_KEY=old), outbox).ask()
    rotated = EmailCaller(make_app(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[old]), outbox)

    assert rotated.verify(rotated.code).json["code"] == 0


def test_a_token_tells_no_instant_but_whole_seconds(caller: EmailCaller, clock: MovableClock) -> None:
    clock.tick_ms(1)
    claims = jwt.decode(caller.login()["accessToken"], options={"verify_signature": False})

    assert datetime.fromtimestamp(claims["iat"], UTC) <= clock()
    assert type(claims["iat"]) is type(claims["exp"]) is int
