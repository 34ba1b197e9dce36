"""A purge deletes rows that are not needed, and no others."""

from __future__ import annotations

from flask import Flask

from flask_otpauth.testing import MovableClock, Outbox
from tests.hosts import MakeApp


def ask(app: Flask) -> int:
    """Request a code. Return the code in the body of the response."""
    answer = app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})
    return int(answer.get_json()["code"])


def purge(app: Flask, days: int) -> int:
    """Purge. Return the number of rows that were deleted."""
    with app.app_context():
        return int(app.extensions["otpauth"].services.upkeep.purge(days))


def test_a_purge_frees_no_quota_however_few_days_it_is_told(make_app: MakeApp, clock: MovableClock) -> None:
    app = make_app(email_send_quotas=("1 per week",))
    assert ask(app) == 0
    clock.tick(days=3)

    deleted = purge(app, days=1)

    assert deleted == 0
    assert ask(app) == -206


def test_a_purge_deletes_what_is_old_enough(make_app: MakeApp, clock: MovableClock, outbox: Outbox) -> None:
    app = make_app(email_send_quotas=("1 per week",))
    assert ask(app) == 0
    clock.tick(days=9)

    deleted = purge(app, days=1)

    assert deleted == 1
    assert ask(app) == 0
    assert len(outbox.messages) == 2
