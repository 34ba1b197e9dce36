"""An app as it is deployed: behind a proxy, with a page for health checks, and with a log."""

from __future__ import annotations

import logging

from flask import Flask
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_otpauth import OtpAuth, StorageUnavailable

db = SQLAlchemy()
otpauth = OtpAuth()


def health() -> ResponseReturnValue:
    """Whether this worker can read the tables."""
    try:
        otpauth.users.find("health@example.com")
    except StorageUnavailable:
        return {"database": "unavailable"}, 503
    return {"database": "available"}


@otpauth.token_required
def me() -> ResponseReturnValue:
    """A page for a logged-in user."""
    return {"email": otpauth.current_user.email}


def create_app() -> Flask:
    """Create the app."""
    logging.basicConfig(level=logging.INFO)
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    db.init_app(app)
    otpauth.init_app(app)
    app.add_url_rule("/health", view_func=health)
    app.add_url_rule("/me", view_func=me)
    return app
