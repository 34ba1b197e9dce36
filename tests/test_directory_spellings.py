"""A host's directory that stores or finds addresses in other spellings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.account_caller import Merchant
from tests.flows.email_caller import EmailCaller
from tests.flows.sms_caller import NUMBER, SmsCaller, account_token
from tests.hosts import MakeApp
from tests.test_users import Elsewhere, Member


@dataclass
class Loose(Elsewhere):
    """A directory that returns the same user for every identifier."""

    def get(self, user_id: str) -> Member | None:
        return next(iter(self.members.values()), None)

    def find(self, kind: str, value: str, client_id: str | None = None) -> Member | None:
        return next(iter(self.members.values()), None)


@pytest.mark.parametrize("kept", ["+84 98 765 43 21", "0084987654321", "0987-654-321"])
def test_a_phone_stored_in_any_spelling_has_one_quota_and_one_code(
    kept: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(users=Elsewhere({"m-7": Member("m-7", phone=kept)}), phone_region="VN")
    caller, token = SmsCaller(app, outbox), account_token(app, "m-7")

    code = caller.fresh_code(account_token=token)
    early = caller.resend()
    right = caller.verify(code)

    assert outbox.last.recipient == NUMBER
    assert early.json["status"] != "OK"
    assert len(outbox.messages) == 1
    assert right.json["status"] == "OK"


def test_an_invalid_phone_number_counts_as_none(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(users=Elsewhere({"m-7": Member("m-7", phone="0987654321")}))
    caller = SmsCaller(app, outbox)

    by_token = caller.resend(account_token=account_token(app, "m-7"))
    by_id = caller.verify("123456", user_id="m-7")

    assert (by_token.json["status"], by_id.json["status"]) == ("INVALID_FIELD", "INVALID_FIELD")
    assert outbox.messages == []


def test_a_reset_goes_to_the_phone_of_the_merchants_region(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(
        users=Elsewhere({"m-7": Member("m-7", phone="0812 3456 7890")}),
        account_echo_otp=False,
        account_templates={"reset": "code"},
    )
    merchant = Merchant(app, "m-7")

    merchant.call("/pin/request-otp-for-reset", type="sms", template_code="reset")
    reset = merchant.call("/pin/reset", pin="274951", confirm_pin="274951", otp=outbox.last.code)

    assert outbox.last.recipient == "+6281234567890"
    assert reset.json == {"status": "ok"}


@pytest.mark.parametrize(
    "asked",
    ["víctim@example.com", "M-8", "m-7", "m-É", "+6281234567891", 8],
)
def test_a_user_without_the_requested_identifier_counts_as_not_found(asked: Any, make_app: MakeApp) -> None:
    member = Member("k-1", "victim@example.com", "+6281234567890", "M-7")
    app = make_app(users=Loose({"k-1": member}))

    with app.app_context():
        users = app.extensions["test_otpauth"].users

        assert users.find(asked) is None
        assert users.find("Victim@Example.com").id == users.find("M-7").id == users.find("k-1").id == "k-1"


def test_a_code_for_an_address_with_another_letter_is_sent_to_that_address(
    make_app: MakeApp, outbox: Outbox
) -> None:
    caller = EmailCaller(make_app(users=Loose({"k-1": Member("k-1", "victim@example.com")})), outbox)

    caller.ask("víctim@example.com")
    recipient = outbox.last.recipient
    login = caller.login("VICTIM@example.com")

    assert recipient == "víctim@example.com"
    assert login["userId"] == "k-1"
