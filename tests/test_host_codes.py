"""``otpauth.codes``: the engine of the flows, for a host's own views (design, "Public names")."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from flask_otpauth import Limited, SendFailed
from flask_otpauth.engine.host_codes import HostCodes
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.email_caller import ADDRESS, EmailCaller, outcome
from tests.hosts import MakeApp

PHONE = "+84987654321"
#: What parsing says of what is no address.
NO_ADDRESS = "not an? "


@pytest.fixture
def codes(app: Flask) -> HostCodes:
    """The codes of an app whose context lasts as long as the test."""
    with app.app_context():
        found: HostCodes = app.extensions["test_otpauth"].codes
    return found


@pytest.fixture(autouse=True)
def context(app: Flask) -> object:
    with app.app_context():
        yield


def test_a_code_is_sent_and_redeemed_once(codes: HostCodes, outbox: Outbox, clock: MovableClock) -> None:
    sent = codes.send("email", " User@Example.com ", purpose="delete_account")

    first = codes.redeem("user@example.com", purpose="delete_account", code=outbox.last.code)
    second = codes.redeem("user@example.com", purpose="delete_account", code=outbox.last.code)

    assert sent.recipient == "user@example.com"
    assert sent.expires_at == clock() + timedelta(minutes=5)
    assert outbox.last.recipient == "user@example.com"
    assert outbox.last.purpose == "delete_account"
    assert first
    assert (first.accepted, first.reason) == (True, "")
    assert not second
    assert second.reason == "code_used"


def test_what_is_sent_shows_no_code(codes: HostCodes, outbox: Outbox) -> None:
    sent = codes.send("email", ADDRESS, purpose="delete_account")

    assert outbox.last.code not in repr(sent)
    assert not hasattr(sent, "code")


def test_a_phone_number_is_one_in_any_spelling(codes: HostCodes, outbox: Outbox) -> None:
    codes.send("sms", "0084 98 765-43-21", purpose="confirm_phone")

    assert outbox.last.recipient == PHONE
    assert outbox.last.code in outbox.last.text
    assert codes.redeem(PHONE, purpose="confirm_phone", code=outbox.last.code)


def test_national_numbers_belong_to_the_configured_region(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(phone_region="VN")
    with app.app_context():
        codes = app.extensions["test_otpauth"].codes
        codes.send("sms", "0987654321", purpose="confirm_phone")

        assert outbox.last.recipient == PHONE
        assert codes.redeem("0987654321", purpose="confirm_phone", code=outbox.last.code)


def test_wrong_guesses_are_counted_and_told(codes: HostCodes, outbox: Outbox) -> None:
    codes.send("email", ADDRESS, purpose="pay")
    wrong = another(outbox.last.code)

    outcomes = [codes.redeem(ADDRESS, purpose="pay", code=wrong) for _ in range(6)]

    assert [outcome.left for outcome in outcomes[:5]] == [4, 3, 2, 1, 0]
    assert [outcome.reason for outcome in outcomes] == ["code_wrong"] * 5 + ["code_exhausted"]


@pytest.mark.parametrize("shapeless", ["", "12345", "1234567", "12345x", 123456, None], ids=repr)
def test_what_has_no_shape_of_a_code_is_wrong_and_not_counted(
    shapeless: str, codes: HostCodes, outbox: Outbox
) -> None:
    codes.send("email", ADDRESS, purpose="pay")

    outcomes = [codes.redeem(ADDRESS, purpose="pay", code=shapeless) for _ in range(10)]

    assert {outcome.reason for outcome in outcomes} == {"code_wrong"}
    assert codes.redeem(ADDRESS, purpose="pay", code=outbox.last.code)


def test_an_expired_code_says_so_to_who_knows_it(
    codes: HostCodes, outbox: Outbox, clock: MovableClock
) -> None:
    codes.send("email", ADDRESS, purpose="pay")
    clock.tick(300)

    assert codes.redeem(ADDRESS, purpose="pay", code=outbox.last.code).reason == "code_expired"
    assert codes.redeem(ADDRESS, purpose="pay", code=another(outbox.last.code)).reason == "code_wrong"


# -- one code, one purpose -------------------------------------------------------------------


def test_a_code_for_one_purpose_is_worth_nothing_for_another(codes: HostCodes, outbox: Outbox) -> None:
    codes.send("email", ADDRESS, purpose="confirm_email")
    code = outbox.last.code

    assert not codes.redeem(ADDRESS, purpose="delete_account", code=code)
    assert codes.redeem(ADDRESS, purpose="confirm_email", code=code)


def test_codes_for_two_purposes_live_side_by_side(codes: HostCodes, outbox: Outbox) -> None:
    codes.send("email", ADDRESS, purpose="first")
    first = outbox.last.code
    codes.send("email", ADDRESS, purpose="second")

    assert codes.redeem(ADDRESS, purpose="second", code=outbox.last.code)
    assert codes.redeem(ADDRESS, purpose="first", code=first)


@pytest.mark.parametrize("purpose", ["email", "host:email", "login"])
def test_no_purpose_of_a_hosts_is_a_flows(purpose: str, app: Flask, codes: HostCodes, outbox: Outbox) -> None:
    caller = EmailCaller(app, outbox)
    login = caller.fresh_code()
    codes.send("email", ADDRESS, purpose=purpose)
    own_code = outbox.last.code

    assert not codes.redeem(ADDRESS, purpose=purpose, code=login) or login == own_code
    assert outcome(caller.verify(own_code))[1] == "Invalid OTP" or login == own_code
    assert outcome(caller.verify(login)) == (0, "Login successful")


def test_a_code_of_one_recipient_is_worth_nothing_for_another(codes: HostCodes, outbox: Outbox) -> None:
    codes.send("email", ADDRESS, purpose="pay")

    assert not codes.redeem("other@example.com", purpose="pay", code=outbox.last.code)


# -- limits ----------------------------------------------------------------------------------


def test_an_address_has_one_quota_whoever_sends_to_it(app: Flask, codes: HostCodes, outbox: Outbox) -> None:
    caller = EmailCaller(app, outbox)
    for _ in range(3):
        caller.ask()
    codes.send("email", ADDRESS, purpose="first")
    codes.send("email", ADDRESS, purpose="second")

    with pytest.raises(Limited) as refused:
        codes.send("email", ADDRESS, purpose="third")

    assert refused.value.retry_after_seconds == 900
    assert outcome(caller.ask()) == (-206, "Too many OTP requests")


def test_an_address_has_one_guess_budget_whoever_asks(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(email_send_quotas=())
    caller = EmailCaller(app, outbox)
    with app.app_context():
        codes = app.extensions["test_otpauth"].codes
        for purpose in ("a", "b", "c"):
            codes.send("email", ADDRESS, purpose=purpose)
            for _ in range(5):
                codes.redeem(ADDRESS, purpose=purpose, code=another(outbox.last.code))

        refused = codes.redeem(ADDRESS, purpose="a", code="123456")
        with pytest.raises(Limited):
            codes.send("email", ADDRESS, purpose="d")

    assert (refused.reason, refused.retry_after_seconds) == ("subject_locked", 86_400)
    assert outcome(caller.ask()) == (-206, "Too many OTP requests")
    with app.app_context():
        app.extensions["test_otpauth"].unlock(ADDRESS)
    assert caller.login()


def test_a_phone_number_has_the_limits_of_the_sms_flow(codes: HostCodes, clock: MovableClock) -> None:
    codes.send("sms", PHONE, purpose="confirm_phone")

    with pytest.raises(Limited) as refused:
        codes.send("whatsapp", PHONE, purpose="another")

    assert refused.value.retry_after_seconds == 90
    clock.tick(90)
    assert codes.send("whatsapp", PHONE, purpose="another")


# -- what cannot be --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nonsense", ["", "nobody", "user@", "12", "tel:+84987654321", "a@b.example,c@d.example"]
)
def test_what_is_no_address_is_an_error_of_the_caller(nonsense: str, codes: HostCodes) -> None:
    with pytest.raises(ValueError, match=NO_ADDRESS):
        codes.send("email", nonsense, purpose="pay")
    with pytest.raises(ValueError, match=NO_ADDRESS):
        codes.redeem(nonsense, purpose="pay", code="123456")


@pytest.mark.parametrize(("channel", "recipient"), [("sms", ADDRESS), ("voice", ADDRESS), ("email", PHONE)])
def test_an_address_of_another_kind_of_channel_is_an_error_of_the_caller(
    channel: str, recipient: str, codes: HostCodes, outbox: Outbox
) -> None:
    with pytest.raises(ValueError, match="cannot send to this kind of address"):
        codes.send(channel, recipient, purpose="confirm")

    assert outbox.messages == []


def test_a_channel_without_a_sender_is_an_error_that_says_which_key_to_set(codes: HostCodes) -> None:
    with pytest.raises(ValueError, match="OTPAUTH_SENDERS.*pigeon"):
        codes.send("pigeon", ADDRESS, purpose="pay")


def test_a_code_that_cannot_be_sent_is_an_error_and_uses_nothing_up(codes: HostCodes, outbox: Outbox) -> None:
    outbox.answer = lambda message: Receipt(Status.REJECTED)
    for _ in range(10):
        with pytest.raises(SendFailed):
            codes.send("email", ADDRESS, purpose="pay")
    outbox.answer = None

    assert codes.send("email", ADDRESS, purpose="pay")


# -- what is said ----------------------------------------------------------------------------


def test_a_purpose_may_have_a_template_of_its_own(
    tmp_path: Path, app: Flask, codes: HostCodes, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "templates" / "otpauth" / "email"
    folder.mkdir(parents=True)
    (folder / "pay.en.txt").write_text(
        "{{ code }} pays {{ amount }} for {{ minutes }} minutes ({{ purpose }})", "utf-8"
    )
    (folder / "pay.en.subject.txt").write_text("Pay {{ amount }}?", "utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))

    codes.send("email", ADDRESS, purpose="pay", amount="5 EUR")
    paid = outbox.last
    codes.send("email", ADDRESS, purpose="something_else")

    assert paid.text == f"{paid.code} pays 5 EUR for 5 minutes (pay)"
    assert paid.subject == "Pay 5 EUR?"
    assert paid.html is None  # not the sign-in mail's
    assert "Your code is" in outbox.last.text


@pytest.mark.parametrize(
    ("locale", "words"), [("vi", "Mã xác thực của bạn"), ("en", "Your code is"), ("fr", "Your code is")]
)
def test_a_message_is_in_the_language_that_was_asked_for_or_in_english(
    locale: str, words: str, codes: HostCodes, outbox: Outbox
) -> None:
    codes.send("email", ADDRESS, purpose="pay", locale=locale)

    assert words in outbox.last.text
    assert outbox.last.code in outbox.last.text


@pytest.mark.parametrize("purpose", ["../email/layout", "/etc/passwd", "with space", "ünïcode", "a/b"])
def test_no_purpose_leads_to_a_file_elsewhere(purpose: str, codes: HostCodes, outbox: Outbox) -> None:
    codes.send("email", ADDRESS, purpose=purpose)

    assert "Your code is" in outbox.last.text
    assert codes.redeem(ADDRESS, purpose=purpose, code=outbox.last.code)
