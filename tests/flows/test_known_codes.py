"""A code that its caller chose or was shown proves nothing: redeeming it clears no wrong guess."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.account_caller import EMAIL, INVALID_OTP, OK, Merchant, new_customer
from tests.flows.flashcall_caller import PHONE, SUCCESS, Application
from tests.flows.flashcall_caller import refused as flashcall_refused
from tests.flows.voice_caller import ABSENT, VoiceCaller, outcome
from tests.hosts import MakeApp, otpauth_of

# -- flash calls ----------------------------------------------------------------------------------

SHOWN = "?fields=code.value"
CHOSEN = {"code": "0345"}
SCHEMES: list[tuple[bool, tuple[str, dict[str, str]], bool]] = [
    (True, ("", {}), True),
    (True, (SHOWN, {}), False),
    (True, ("", CHOSEN), False),
    (True, (SHOWN, CHOSEN), False),
    # Nothing is shown, but what the application chose it knows all the same.
    (False, ("", CHOSEN), False),
    (False, (SHOWN, {}), True),
]


@pytest.mark.parametrize(("echoes", "order", "clears"), SCHEMES)
def test_an_order_whose_code_the_application_knows_clears_no_guess_of_another(
    make_app: MakeApp,
    outbox: Outbox,
    clock: MovableClock,
    echoes: bool,
    order: tuple[str, dict[str, str]],
    clears: bool,
) -> None:
    app, (query, fields) = make_app(flashcall_echo_code=echoes), order
    shop, other = Application(app, outbox), Application(app, outbox)
    shop.miss(5)
    clock.tick(600)

    order_id = other.order(PHONE, query, **fields).json["data"]["id"]
    accepted = other.auth(order_id, other.seen())

    shop.miss(1)
    assert accepted.json == SUCCESS
    assert (shop.order().status_code == 200) is clears


def test_known_codes_do_not_defer_the_cap_of_the_hardened_profile(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(profile="hardened", flashcall_failure_cap=12)
    application = Application(app, outbox)
    for _ in range(2):
        for turn in range(6):
            order_id = application.ordered()
            wrong = application.call(
                "POST", "/auth", json={"order_id": order_id, "code": another(application.seen())}
            )
            assert wrong.json == flashcall_refused("invalid code")
            clock.tick(600)
            if turn == 4:
                known = application.ordered(code="0345")
                body = {"order_id": known, "code": "0345"}
                assert application.call("POST", "/auth", json=body).json == SUCCESS
        clock.tick(days=1)

    ended = application.order()

    assert ended.status_code == 429
    assert "Retry-After" not in ended.headers


# -- voice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chosen", "clears"), [("654321", False), (ABSENT, True)])
def test_a_code_that_a_voice_client_chose_clears_no_guess_of_another(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock, chosen: Any, clears: bool
) -> None:
    app = make_app(voice_verify=True)
    bank, other = VoiceCaller(app, outbox), VoiceCaller(app, outbox)
    _miss(bank, outbox, clock, 14)

    assert outcome(other.call(chosen)) == (200, "")
    assert outcome(other.verify(outbox.last.code)) == (200, "")

    _miss(bank, outbox, clock, 1)
    assert (bank.call(ABSENT).status_code == 200) is clears


def _miss(caller: VoiceCaller, outbox: Outbox, clock: MovableClock, times: int) -> None:
    while times > 0:
        assert outcome(caller.call(ABSENT)) == (200, "")
        wrong = another(outbox.last.code)
        for _ in range(min(times, 5)):
            assert outcome(caller.verify(wrong)) == (400, "invalid otp")
        times -= 5
        clock.tick(600)


def test_a_code_of_the_host_clears_the_guesses_of_its_address(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app()
    with app.app_context():
        codes = otpauth_of(app).codes
        for count in (5, 5, 4, 5, 1):
            codes.send("email", EMAIL, purpose="confirm")
            wrong = another(outbox.last.code)
            outcomes = [codes.redeem(EMAIL, purpose="confirm", code=wrong) for _ in range(count)]
            assert {outcome.reason for outcome in outcomes} == {"code_wrong"}
            if count == 4:
                assert codes.redeem(EMAIL, purpose="confirm", code=outbox.last.code)

        clock.tick(900)
        codes.send("email", EMAIL, purpose="confirm")

        assert codes.redeem(EMAIL, purpose="confirm", code=outbox.last.code)


# -- account --------------------------------------------------------------------------------------


def merchant_of(app: Flask) -> Merchant:
    new_customer(app)
    return Merchant(app)


@pytest.mark.parametrize("asked", [{}, {"template_code": "code"}], ids=["shown", "shown and sent"])
def test_a_code_that_the_merchant_is_shown_clears_no_guess(make_app: MakeApp, asked: dict[str, str]) -> None:
    merchant = merchant_of(make_app())
    merchant.miss(14)
    merchant.free_limit()
    assert merchant.reset_pin(merchant.code(**asked)).json == OK

    merchant.miss(1)

    assert merchant.reset_pin("123123").json["error_code"] == "too_many_attempts"


def test_a_code_that_only_the_customer_is_sent_clears_the_guesses(make_app: MakeApp, outbox: Outbox) -> None:
    merchant = merchant_of(make_app(account_echo_otp=False))

    for times in (5, 5, 4, 5, 1):
        merchant.free_limit()
        assert merchant.request(template_code="code").status_code == 200
        wrong = another(outbox.last.code)
        assert [merchant.reset_pin(wrong).json for _ in range(times)] == [INVALID_OTP] * times
        if times == 4:
            assert outbox.last.recipient == EMAIL
            assert merchant.reset_pin(outbox.last.code).json == OK

    assert merchant.request(template_code="code").status_code == 200
