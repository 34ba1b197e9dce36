"""
flask_otpauth in a host app.

Two quotas, the budget of guesses, sessions and signals are on, and the mail is rendered and dropped.
"""

from __future__ import annotations

import os

from flask import Flask, Response, after_this_request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import insert

from bench.people import CODE_HEADER, USERS, email_of
from flask_otpauth import OtpAuth
from flask_otpauth.senders import Message, Receipt, Status

KEY = "only for measuring, and longer than 32 bytes"


class DroppingSender:
    """Accept every message, and return its code in a header of the response."""

    def send(self, message: Message) -> Receipt:
        """Accept a message."""

        @after_this_request
        def expose_code(response: Response) -> Response:
            response.headers[CODE_HEADER] = message.code
            return response

        return Receipt(Status.ACCEPTED)


def create_app(url: str | None = None) -> Flask:
    """Create the app on a database that :func:`set_up` has prepared."""
    app = Flask("product")
    app.config.update(
        OTPAUTH_SECRET_KEYS=[KEY],
        SQLALCHEMY_DATABASE_URI=url or os.environ["BENCH_DATABASE"],
        SQLALCHEMY_ENGINE_OPTIONS={"pool_size": int(os.environ.get("BENCH_THREADS", "1"))},
        OTPAUTH_SENDERS={"email": DroppingSender()},
        # Two quotas as in the defaults, but with numbers that no run reaches.
        OTPAUTH_EMAIL_SEND_QUOTAS=("90 per 15 minutes", "100 per day"),
        OTPAUTH_IP_LIMITS=None,
    )
    SQLAlchemy(app)
    otpauth = OtpAuth(app)

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, object]:
        return {"id": otpauth.current_user.id, "email": otpauth.current_user.email}

    return app


def close(app: Flask) -> None:
    """Close the connections of an app."""
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def set_up(url: str) -> None:
    """
    Create the tables and the users.

    :raises ConfigurationError: if flask_otpauth does not support the database.
    """
    app = create_app(url)
    db: SQLAlchemy = app.extensions["sqlalchemy"]
    with app.app_context():
        db.create_all()
        users = db.metadata.tables["otpauth_users"]
        rows = [
            {"email": email, "email_key": email, "email_verified": True, "person_key": f"{number:032x}"}
            for number, email in enumerate(map(email_of, range(USERS)))
        ]
        db.session.execute(insert(users), rows)
        db.session.commit()
    close(app)
