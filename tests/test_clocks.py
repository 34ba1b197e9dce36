"""The host's clock, whatever its zone is and however it is set."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import EmailCaller
from tests.flows.sms_caller import SmsCaller
from tests.hosts import MakeApp

EMAIL = "anna@example.com"
ZONES = [
    (datetime(2026, 3, 2, 3, tzinfo=UTC), "Asia/Ho_Chi_Minh"),
    # The day after has 23 hours, the one below 25, and one hour of it comes twice.
    (datetime(2026, 3, 28, 12, tzinfo=UTC), "Europe/Berlin"),
    (datetime(2026, 10, 25, 0, 58, tzinfo=UTC), "Europe/Berlin"),
    (datetime(2026, 10, 25, 1, 2, tzinfo=UTC), "Europe/Berlin"),
]


def claims_of(token: str) -> dict[str, Any]:
    segment = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=="))
    return claims


def showing(clock: Callable[[], datetime], zone: str) -> Callable[[], datetime]:
    return lambda: clock().astimezone(ZoneInfo(zone))


@pytest.mark.parametrize(("now", "zone"), ZONES)
def test_a_clock_of_any_zone_makes_the_same_instants(
    make_app: MakeApp, outbox: Outbox, now: datetime, zone: str
) -> None:
    caller = EmailCaller(make_app(clock=showing(MovableClock(now), zone)), outbox)

    caller.ask(EMAIL)
    data = caller.verify(outbox.last.code, EMAIL).json["data"]

    claims = claims_of(data["accessToken"])
    assert data["expiresAt"] == f"{now + timedelta(hours=24):%Y-%m-%dT%H:%M:%SZ}"
    assert (claims["iat"], claims["exp"] - claims["iat"]) == (int(now.timestamp()), 86_400)
    expires_at = outbox.last.expires_at
    assert expires_at is not None
    assert expires_at.astimezone(UTC) == now + timedelta(minutes=5)


def test_a_code_dies_in_time_where_an_hour_comes_twice(make_app: MakeApp, outbox: Outbox) -> None:
    clock = MovableClock(datetime(2026, 10, 25, 0, 58, tzinfo=UTC))
    caller = EmailCaller(make_app(clock=showing(clock, "Europe/Berlin")), outbox)
    caller.ask(EMAIL)
    clock.tick(300)

    assert caller.verify(outbox.last.code, EMAIL).json["message"] == "OTP has expired"


def test_a_clock_that_is_set_back_an_hour_revives_neither_code_nor_token_nor_fresh_login(
    app: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    otpauth = app.extensions["test_otpauth"]
    app.add_url_rule("/fresh", view_func=otpauth.fresh_otp_required(max_age=300)(lambda: "fresh"))
    caller = EmailCaller(app, outbox)
    caller.ask(EMAIL)
    code = outbox.last.code
    clock.tick(300)
    caller.ask("other@example.com")
    data = caller.verify(outbox.last.code, "other@example.com").json["data"]

    clock.tick(-3600)
    expired = caller.verify(code, EMAIL)
    refreshed = caller.post("/refresh-token", {"refreshToken": data["refreshToken"]}).json["data"]

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().get("/fresh", headers=headers).status_code

    assert expired.json["message"] == "OTP has expired"
    assert (status(data["accessToken"]), status(refreshed["accessToken"])) == (401, 401)
    clock.tick(3600)
    assert status(refreshed["accessToken"]) == 200


def test_no_wait_is_told_that_is_longer_than_the_cooldown(
    app: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    SmsCaller(app, outbox).resend()

    clock.tick(-3600)
    answer = SmsCaller(app, outbox).resend()

    assert answer.json["data"]["otp"] == {"refresh_after": 90, "status": "wait"}
    assert answer.headers["Retry-After"] == "90"


def test_a_clock_that_was_years_ahead_locks_nobody_once_it_is_right(
    app: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    caller = SmsCaller(app, outbox)
    now = clock.now
    clock.tick(days=3650)
    for _ in range(3):
        caller.resend()
        clock.tick(90)

    clock.now = now
    sent = caller.resend()
    waiting = caller.resend()

    assert (sent.json["status_code"], waiting.json["status_code"]) == (200, 422)


def test_a_clock_that_loses_its_zone_later_is_a_bug_and_no_guess_at_local_time(
    make_app: MakeApp, clock: MovableClock, outbox: Outbox
) -> None:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    caller = EmailCaller(app, outbox)

    clock.now = clock.now.replace(tzinfo=None)

    assert caller.ask(EMAIL).status_code == 500
    assert not outbox.messages
