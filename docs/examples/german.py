"""An app that speaks German: its templates are in ``german/otpauth/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from docs.examples.german_answers import ANSWERS
from flask_otpauth import OtpAuth

otpauth = OtpAuth()


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Create the app. ``config`` has the settings of the deployment."""
    app = Flask(__name__, template_folder="german")
    app.config["OTPAUTH_BRAND"] = "Blumenladen"
    app.config["OTPAUTH_LANGUAGE"] = "de"
    app.config["OTPAUTH_SMS_MESSAGES"] = {"de": ANSWERS}
    app.config.from_prefixed_env()
    app.config.from_mapping(config or {})
    otpauth.init_app(app)
    return app
