"""An API for a browser app that is served from another origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_cors import CORS

from flask_otpauth import OtpAuth

otpauth = OtpAuth()


def create_app(config: Mapping[str, Any]) -> Flask:
    """The API; ``APP_ORIGIN`` is where the browser app is served, such as ``https://shop.example.com``."""
    app = Flask(__name__)
    app.config.from_mapping(config)
    CORS(app, origins=app.config["APP_ORIGIN"], max_age=600)
    otpauth.init_app(app)

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, Any]:
        return {"email": otpauth.current_user.email}

    return app
