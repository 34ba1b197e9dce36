"""An unlock ends every lock of a flow, under every name, and reports what it changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.engine.sessions import person_key_of
from flask_otpauth.engine.unlocking import Forgotten
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.account_caller import EMAIL, PHONE, Merchant, new_customer
from tests.flows.email_caller import EmailCaller
from tests.flows.flashcall_caller import Application
from tests.flows.sms_caller import SmsCaller
from tests.hosts import MakeApp

ADDRESS = "anna@example.com"


def otpauth_of(app: Flask) -> OtpAuth:
    otpauth: OtpAuth = app.extensions["test_otpauth"]
    return otpauth


def unlock(app: Flask, subject: Any) -> list[tuple[str, str, bool]]:
    """Unlock ``subject``. Return what changed."""
    with app.app_context():
        unlocked = otpauth_of(app).unlock(subject)
    assert bool(unlocked) is any(change.was_locked for change in unlocked.changes)
    return [(change.subject, change.what, change.was_locked) for change in unlocked.changes]


def lock_by_email(app: Flask, outbox: Outbox) -> None:
    caller = EmailCaller(app, outbox)
    for _ in range(3):
        caller.ask(ADDRESS)
        wrong = another(outbox.last.code)
        for _ in range(5):
            caller.verify(wrong, ADDRESS)


@pytest.mark.parametrize("subject", ["nobody@example.com", "nobody", "+84987654321", "1", "", "\0", "'"])
def test_nothing_of_somebody_unknown_was_locked(app: Flask, subject: str) -> None:
    assert unlock(app, subject) == []

    result = app.test_cli_runner().invoke(args=["otpauth", "unlock", subject])

    assert result.exit_code == 1
    assert result.output == f"Error: {subject!r} was not locked\n"


def test_a_user_who_is_not_locked_is_not_unlocked(app: Flask, outbox: Outbox) -> None:
    caller = EmailCaller(app, outbox)
    caller.ask(ADDRESS)
    caller.verify(outbox.last.code, ADDRESS)

    result = app.test_cli_runner().invoke(args=["otpauth", "unlock", ADDRESS])

    assert result.exit_code == 1
    assert result.output == (
        f"{ADDRESS}: codes of email: reset (was not locked)\nError: '{ADDRESS}' was not locked\n"
    )


@pytest.mark.parametrize("subject", [ADDRESS, "ANNA@Example.com"])
def test_an_unlock_says_what_it_changed_and_a_second_one_that_there_was_nothing(
    app: Flask, outbox: Outbox, subject: str
) -> None:
    lock_by_email(app, outbox)

    first, second = unlock(app, subject), unlock(app, subject)

    assert first == [(ADDRESS, "guesses of email", True), (ADDRESS, "codes of email", False)]
    assert second == []
    assert EmailCaller(app, outbox).ask(ADDRESS).json["code"] == 0


def test_a_user_object_that_reads_as_its_address_means_the_phone_as_well(
    app: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    with app.app_context():
        user = otpauth_of(app).users.create(email=ADDRESS, phone=PHONE)
    lock_by_email(app, outbox)
    for _ in range(3):
        SmsCaller(app, outbox).resend(cc_phone=PHONE[1:3], phone=f"0{PHONE[3:]}")
        clock.tick(90)

    unlocked = unlock(app, Readable(user.id, user.person_key, user.email, user.phone))

    assert {subject for subject, _, was_locked in unlocked if was_locked} == {ADDRESS, PHONE}


@dataclass
class Readable:
    """A user of a host whose text is the e-mail address."""

    id: Any
    person_key: str
    email: str
    phone: str

    def __str__(self) -> str:
        return self.email


def test_the_command_names_what_is_free_again(app: Flask, outbox: Outbox) -> None:
    lock_by_email(app, outbox)

    result = app.test_cli_runner().invoke(args=["otpauth", "unlock", "Anna@example.com"])

    assert (result.exit_code, result.output.splitlines()[0]) == (
        0,
        f"{ADDRESS}: guesses of email: unlocked",
    )


def test_an_unlock_frees_a_quota_as_well(app: Flask, outbox: Outbox, clock: MovableClock) -> None:
    caller = SmsCaller(app, outbox)
    for _ in range(3):
        caller.resend(cc_phone="84", phone="0987654321")
        clock.tick(90)

    assert unlock(app, "+84987654321") == [("+84987654321", "codes of sms", True)]
    assert caller.resend(cc_phone="84", phone="0987654321").json["status_code"] == 200


def test_an_unlock_clears_what_a_clock_wrote_that_was_ahead(
    app: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    clock.tick(3600)
    lock_by_email(app, outbox)
    clock.tick(-3600)

    assert EmailCaller(app, outbox).ask(ADDRESS).json["code"] == -206
    assert unlock(app, ADDRESS)[0] == (ADDRESS, "guesses of email", True)
    assert EmailCaller(app, outbox).ask(ADDRESS).json["code"] == 0


# -- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ordered", "subject"),
    [
        # A number that is possible but not in use. This flow calls it.
        ("72001234567", "+72001234567"),
        ("72001234567", "72001234567"),
        ("72001234567", "8 (200) 123-45-67"),
        ("79991234567", "79991234567"),
        ("79991234567", "8 999 123-45-67"),
    ],
)
def test_a_number_that_a_flash_call_locked_is_reached_in_each_spelling(
    app: Flask, outbox: Outbox, ordered: str, subject: str
) -> None:
    application = Application(app, outbox)
    application.miss(6, ordered)
    locked = application.order(ordered)

    assert (f"+{ordered}", "guesses of flashcall", True) in unlock(app, subject)
    assert (locked.status_code, application.order(ordered).status_code) == (429, 200)


@pytest.mark.parametrize(
    "subject", ["+84987888001", "84987888001", "0084987888001", "0987888001", "0987 888 001"]
)
def test_a_number_that_sms_locked_is_reached_in_the_spellings_of_the_region_of_any_flow(
    make_app: MakeApp, outbox: Outbox, subject: str
) -> None:
    app = make_app(sms_send_quotas=("1 per day",), sms_cooldown=0)
    SmsCaller(app, outbox).resend(cc_phone="84", phone="0987888001")

    assert unlock(app, subject) == [("+84987888001", "codes of sms", True)]


# -- users ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", [EMAIL, PHONE, "M-0042", "1", 1])
def test_a_user_is_reached_under_every_name(app: Flask, subject: Any) -> None:
    new_customer(app)
    merchant = Merchant(app)
    merchant.set_pin()
    merchant.block_pin()
    merchant.miss(15)

    changes = unlock(app, subject)

    assert ("user 1", "guesses of account.pin_reset", True) in changes
    assert ("user 1", "pin", True) in changes
    assert merchant.validate().json == {"status": "ok"}


@pytest.mark.parametrize("subject", ["M-0042", "1"])
def test_by_an_id_the_addresses_of_a_user_are_meant_as_well(app: Flask, outbox: Outbox, subject: str) -> None:
    user = new_customer(app, email=ADDRESS)
    lock_by_email(app, outbox)
    by_object = Forgotten(ADDRESS, "guesses of email", True)

    assert unlock(app, subject)[0] == (by_object.subject, by_object.what, by_object.was_locked)
    lock_by_email(app, outbox)
    assert unlock(app, user)[0] == (ADDRESS, "guesses of email", True)


def test_by_a_member_id_that_reads_as_a_number_and_by_an_object_that_reads_as_an_address_both_are_meant(
    app: Flask, outbox: Outbox
) -> None:
    user = new_customer(app, email=ADDRESS, member_id="912345678")

    class Readable:
        id, person_key = user.id, person_key_of(user)

        def __str__(self) -> str:
            return PHONE

    for subject in ("912345678", Readable()):
        lock_by_email(app, outbox)

        assert (ADDRESS, "guesses of email", True) in unlock(app, subject)
