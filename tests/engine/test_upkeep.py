"""A purge deletes rows that are not needed, and no others."""

from __future__ import annotations

from flask import Flask

from flask_otpauth.core.instants import DAY
from flask_otpauth.testing import MovableClock, Outbox
from tests.hosts import MakeApp


def ask(app: Flask) -> int:
    """Request a code. Return the code in the body of the response."""
    answer = app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})
    return int(answer.get_json()["code"])


def purge(app: Flask) -> int:
    """Delete what was not needed for a day. Return the number of rows that were deleted."""
    with app.app_context():
        *_, last = app.extensions["otpauth"].services.upkeep.purge(DAY, 1000, dry_run=False)
        return int(last.deleted)


def test_a_purge_frees_no_quota_however_young_its_rows_may_be(make_app: MakeApp, clock: MovableClock) -> None:
    app = make_app(email_send_quotas=("1 per week",))
    assert ask(app) == 0
    clock.tick(days=3)

    deleted = purge(app)

    assert deleted == 0
    assert ask(app) == -206


def test_a_purge_deletes_what_is_old_enough(make_app: MakeApp, clock: MovableClock, outbox: Outbox) -> None:
    app = make_app(email_send_quotas=("1 per week",))
    assert ask(app) == 0
    clock.tick(days=9)

    deleted = purge(app)

    assert deleted == 1
    assert ask(app) == 0
    assert len(outbox.messages) == 2


def test_a_purge_tells_the_totals_after_each_batch(make_app: MakeApp, clock: MovableClock) -> None:
    app = make_app()
    for n in range(3):
        app.test_client().post("/apis/auth/request-otp", json={"email": f"user{n}@example.com"})
    clock.tick(days=9)

    with app.app_context():
        upkeep = app.extensions["otpauth"].services.upkeep
        first, last = upkeep.purge(DAY, 2, dry_run=False)

    # The mark of the subject key is a row, too, and stays.
    assert (first.checked, last.checked, last.deleted) == (2, 4, 3)
