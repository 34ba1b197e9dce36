"""An app whose tables are made by Flask-Migrate, those of the extension too."""

from __future__ import annotations

from flask import Flask
from flask_migrate import Migrate  # type: ignore[import-untyped]
from flask_sqlalchemy import SQLAlchemy

from flask_otpauth import OtpAuth

db = SQLAlchemy()
migrate = Migrate()
otpauth = OtpAuth()


def create_app() -> Flask:
    """The host."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    db.init_app(app)
    migrate.init_app(app, db)
    otpauth.init_app(app)
    return app
