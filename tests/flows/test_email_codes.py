"""``email``: the account of a login, the words for a refused code, and the spelling of an address."""

from __future__ import annotations

from typing import Any

import pytest

from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import ADDRESS, EmailCaller, outcome
from tests.hosts import MakeApp

LOGIN = (0, "Login successful")
SENT = (0, "OTP sent successfully")
WRONG = (1, "Invalid OTP")
LIMITED = (-206, "Too many OTP requests")

#: As many requests as a test needs.
UNLIMITED: dict[str, Any] = {"email_send_quotas": ()}


@pytest.fixture
def unlimited(make_app: MakeApp, outbox: Outbox) -> EmailCaller:
    return EmailCaller(make_app(**UNLIMITED), outbox)


# -- one code --------------------------------------------------------------------------------


def test_the_first_login_creates_the_account(caller: EmailCaller) -> None:
    data = caller.login()

    assert isinstance(data["userId"], int)
    assert data["email"] == ADDRESS
    assert data["fullName"] == ""
    assert data["avatarUrl"] is None


def test_the_second_login_is_that_of_the_same_account(caller: EmailCaller) -> None:
    first, second = caller.login(), caller.login()

    assert second["userId"] == first["userId"]


@pytest.mark.parametrize(
    "state",
    ["live", "used", "expired"],
)
def test_a_wrong_code_reads_as_wrong_whatever_the_state_of_the_right_one(
    state: str, caller: EmailCaller, clock: MovableClock
) -> None:
    code = caller.fresh_code()
    if state == "used":
        caller.verify(code)
    if state == "expired":
        clock.tick(300)

    assert outcome(caller.miss()) == WRONG


@pytest.mark.parametrize(
    "shapeless",
    ["12345", "1234567", "12345a", " 123456", "123456\n", "１２３４５６", "١٢٣٤٥٦", 123456, True, ["1"], {}],
    ids=str,
)
def test_a_code_of_the_wrong_shape_is_invalid_and_not_counted(shapeless: object, caller: EmailCaller) -> None:
    code = caller.fresh_code()

    refused = [outcome(caller.verify(shapeless)) for _ in range(6)]

    assert refused == [WRONG] * 6
    assert outcome(caller.verify(code)) == LOGIN


def test_leading_zeros_count(unlimited: EmailCaller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda limit: 42)
    code = unlimited.fresh_code()

    assert code == "000042"
    assert outcome(unlimited.verify("42")) == WRONG
    assert outcome(unlimited.verify("000042")) == LOGIN


# -- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    ["USER@example.com", "user@EXAMPLE.com", "  user@example.com  ", "User@Example.Com"],
)
def test_no_spelling_of_an_address_gets_a_second_quota_or_code(spelling: str, caller: EmailCaller) -> None:
    code = [caller.fresh_code() for _ in range(5)][-1]

    assert outcome(caller.ask(spelling)) == LIMITED
    assert outcome(caller.verify(code, spelling)) == LOGIN


def test_an_answer_echoes_the_address_as_it_was_sent_but_trimmed(caller: EmailCaller, outbox: Outbox) -> None:
    answer = caller.ask("  User@Example.COM ")

    assert answer.json["data"]["email"] == "User@Example.COM"
    assert outbox.last.recipient == "user@example.com"


def test_a_long_s_is_no_s(caller: EmailCaller) -> None:
    for _ in range(5):
        caller.ask("sam@example.com")

    assert outcome(caller.ask("sam@example.com")) == LIMITED
    assert outcome(caller.ask("\u017fam@example.com")) == SENT
    assert caller.outbox.last.recipient == "\u017fam@example.com"
