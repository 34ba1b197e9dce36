"""docs/howto/workflows.md: a test of a workflow."""

from docs.examples.workflows import create_app, otpauth
from flask_otpauth.testing import MovableClock, Outbox


def test_a_code_that_is_not_used_is_sent_again_by_whatsapp_and_by_a_call(
    otpauth_outbox: Outbox, otpauth_clock: MovableClock
) -> None:
    app = create_app(
        {
            "TESTING": True,
            "SECRET_KEY": "only for this test",
            "OTPAUTH_STORAGE": "memory",
            "OTPAUTH_SENDERS": otpauth_outbox.senders,
            "OTPAUTH_CLOCK": otpauth_clock,
        }
    )

    with app.app_context():
        otpauth.codes.send("sms", "+84901234567", purpose="confirm-phone")
        for _ in range(2):
            otpauth_clock.tick(40)
            otpauth.deliveries.deliver_due()

    assert [message.channel for message in otpauth_outbox.messages] == ["sms", "whatsapp", "voice"]
