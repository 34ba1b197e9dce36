"""docs/howto/receipts.md: two providers that report. tests/docs/test_receipts_page.py runs it."""

from flask import Flask

from flask_otpauth import OtpAuth


def create_app() -> Flask:
    """Make the app."""
    app = Flask(__name__)
    app.config.from_prefixed_env()  # FLASK_TWILIO_SID, FLASK_TWILIO_TOKEN, FLASK_RESEND_KEY, …
    app.config["OTPAUTH_PROVIDERS"] = {
        "twilio": {
            "profile": "twilio",
            "account_sid": app.config["TWILIO_SID"],
            "auth_token": app.config["TWILIO_TOKEN"],
            "from": app.config["TWILIO_NUMBER"],
            "form": {"StatusCallback": "https://shop.example/otpauth/receipts/twilio"},
            "receipts": {"token": app.config["TWILIO_TOKEN"]},
        },
        "resend": {
            "profile": "resend",
            "api_key": app.config["RESEND_KEY"],
            "from": "codes@shop.example",
            "receipts": {"token": app.config["RESEND_WEBHOOK_SECRET"]},
        },
    }
    app.config["OTPAUTH_FLOWS"] = ("email", "sms")
    app.config["OTPAUTH_SENDERS"] = {"email": "resend", "sms": "twilio"}
    OtpAuth(app)
    return app
