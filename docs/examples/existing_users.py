"""A shop that already has users. The marked lines are new."""

from __future__ import annotations

from flask import Flask
from flask_migrate import Migrate  # type: ignore[import-untyped]
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, synonym

from flask_otpauth import OtpAuth  # new
from flask_otpauth.users import UserMixin  # new

db = SQLAlchemy()
migrate = Migrate()
otpauth = OtpAuth()  # new


class User(UserMixin, db.Model):  # type: ignore[name-defined, misc]  # new: the mixin
    """A customer of the shop."""

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(String(120), unique=True, nullable=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_enabled: Mapped[bool] = synonym("is_active")  # new


def create_app() -> Flask:
    """Create the app."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config["OTPAUTH_USERS"] = User  # new
    db.init_app(app)
    migrate.init_app(app, db)
    otpauth.init_app(app)  # new
    return app
