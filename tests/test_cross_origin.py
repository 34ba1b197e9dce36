"""Pages of other origins: where the host lets them in, they can read what a refusal says in its headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response
from flask_cors import CORS

from flask_otpauth import OtpAuth
from tests.hosts import SECRET_KEY

ELSEWHERE = "https://shop.example.com"
EXPOSED = "Access-Control-Expose-Headers"


def by_flask_cors(app: Flask, exposed: list[str]) -> None:
    CORS(app, origins=ELSEWHERE, expose_headers=exposed)


def by_hand(app: Flask, exposed: list[str]) -> None:
    """What hosts write themselves: it replaces what was there."""

    @app.after_request
    def allow(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = ELSEWHERE
        if exposed:
            response.headers[EXPOSED] = ", ".join(exposed)
        return response


def no_cors(app: Flask, exposed: list[str]) -> None:
    pass


def host(
    set_up: Callable[[Flask, list[str]], None], *exposed: str, first: bool = True, **config: Any
) -> Flask:
    """An app with CORS that was set up before or after the extension; the second code is refused."""
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY, OTPAUTH_SENDERS={"email": "memory"}, OTPAUTH_STORAGE="memory", **config
    )
    app.config["OTPAUTH_EMAIL_SEND_QUOTAS"] = ("1 per hour",)
    if first:
        set_up(app, list(exposed))
    otpauth = OtpAuth(app)
    if not first:
        set_up(app, list(exposed))
    app.add_url_rule("/me", "me", otpauth.token_required(lambda: "me"))
    return app


def second_request(app: Flask) -> Any:
    client = app.test_client()
    for _ in range(2):
        answer = client.post(
            "/apis/auth/request-otp", json={"email": "user@example.com"}, headers={"Origin": ELSEWHERE}
        )
    return answer


def exposed_by(answer: Any) -> list[str]:
    return [name.strip() for line in answer.headers.getlist(EXPOSED) for name in line.split(",")]


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("set_up", [by_flask_cors, by_hand])
def test_when_to_come_again_is_told_to_pages_that_the_host_lets_in(
    set_up: Callable[[Flask, list[str]], None], first: bool
) -> None:
    answer = second_request(host(set_up, first=first))

    assert answer.headers["Retry-After"] == "3600"
    assert exposed_by(answer) == ["Retry-After"]


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("set_up", [by_flask_cors, by_hand])
def test_what_the_host_exposes_stays_exposed_and_is_not_repeated(
    set_up: Callable[[Flask, list[str]], None], first: bool
) -> None:
    answer = second_request(host(set_up, "X-Request-Id", "retry-after", first=first))

    assert sorted(exposed_by(answer)) == ["X-Request-Id", "retry-after"]


def test_what_a_request_must_show_is_told_as_well() -> None:
    client = host(by_flask_cors).test_client()

    for path in ("/me", "/apis/auth/logout"):
        answer = client.open(
            path, method="POST" if "logout" in path else "GET", headers={"Origin": ELSEWHERE}
        )

        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert exposed_by(answer) == ["WWW-Authenticate"]


def test_without_cors_of_the_host_nothing_is_said_of_it() -> None:
    answer = second_request(host(no_cors))

    assert answer.headers["Retry-After"] == "3600"
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]


def test_an_origin_that_the_host_does_not_let_in_is_told_nothing() -> None:
    client = host(by_flask_cors).test_client()

    answer = client.get("/me", headers={"Origin": "https://elsewhere.example.com"})

    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert EXPOSED not in answer.headers


def test_an_answer_with_nothing_to_expose_is_left_alone() -> None:
    client = host(by_flask_cors).test_client()

    answer = client.post(
        "/apis/auth/request-otp", json={"email": "user@example.com"}, headers={"Origin": ELSEWHERE}
    )

    assert answer.headers["Access-Control-Allow-Origin"] == ELSEWHERE
    assert EXPOSED not in answer.headers
