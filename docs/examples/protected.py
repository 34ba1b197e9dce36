"""An app with a route for logged-in users, and a route that requires a fresh login."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from flask_otpauth import OtpAuth

otpauth = OtpAuth()


def create_app(config: Mapping[str, Any]) -> Flask:
    """Create the app."""
    app = Flask(__name__)
    app.config.from_mapping(config)
    otpauth.init_app(app)

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, Any]:
        return {"id": otpauth.current_user.id, "email": otpauth.current_user.email}

    @app.post("/close-account")
    @otpauth.fresh_otp_required(max_age=300)
    def close_account() -> dict[str, Any]:
        closed = otpauth.users.disable(otpauth.current_user)
        return {"closed": closed}

    return app
