"""An app with its own user model, whose primary key is a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_otpauth import OtpAuth
from flask_otpauth.users import UserMixin

db = SQLAlchemy()
otpauth = OtpAuth()


class User(UserMixin, db.Model):  # type: ignore[name-defined, misc]  # Flask-SQLAlchemy makes it at run time
    """A customer of the shop."""

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: uuid4().hex)
    points: Mapped[int] = mapped_column(default=0)


def create_app(config: Mapping[str, Any]) -> Flask:
    """Create the app."""
    app = Flask(__name__)
    app.config.from_mapping(config)
    app.config["OTPAUTH_USERS"] = User
    db.init_app(app)
    otpauth.init_app(app)
    with app.app_context():
        db.create_all()

    @app.get("/points")
    @otpauth.token_required
    def points() -> dict[str, Any]:
        user = cast(User, otpauth.current_user)
        return {"email": user.email, "points": user.points}

    return app
