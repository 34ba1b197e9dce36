"""docs/howto/workflows.md: SMS, then WhatsApp, then a call. docs/examples/test_workflows.py tests it."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from flask_otpauth import OtpAuth

otpauth = OtpAuth()


def create_app(config: Mapping[str, Any]) -> Flask:
    """Make the app. ``config`` has the secrets, and the senders of the three channels."""
    app = Flask(__name__)
    app.config["OTPAUTH_FLOWS"] = ("sms",)
    app.config["OTPAUTH_SMS_WORKFLOW"] = ("sms 40s", "whatsapp 40s", "voice")
    app.config.from_mapping(config)
    otpauth.init_app(app)
    return app
