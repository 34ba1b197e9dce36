"""A shop whose codes are hand-written: a table, a random number, a mail."""

from __future__ import annotations

import secrets
import smtplib
from email.message import EmailMessage
from time import time

from flask import Flask, current_app, request, session
from flask.typing import ResponseReturnValue
from flask_migrate import Migrate  # type: ignore[import-untyped]
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, mapped_column

db = SQLAlchemy()
migrate = Migrate()


class User(db.Model):  # type: ignore[name-defined, misc]
    """A customer of the shop."""

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


class OtpCode(db.Model):  # type: ignore[name-defined, misc]
    """A code that was sent."""

    __tablename__ = "otp_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    code: Mapped[str]
    expires_at: Mapped[float]
    used: Mapped[bool] = mapped_column(default=False)


def send_mail(to: str, subject: str, text: str) -> None:
    """Send a mail as the shop sends all of them."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", to, subject
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", current_app.config["SMTP_PORT"], timeout=10) as server:
        server.send_message(mail)


def ask() -> ResponseReturnValue:
    """Send a code."""
    email = request.form["email"].strip().lower()
    code = f"{secrets.randbelow(1_000_000):06}"
    db.session.add(OtpCode(email=email, code=code, expires_at=time() + 600))
    db.session.commit()
    send_mail(email, "Your code", f"Your code is {code}.")
    session["email"] = email
    return {"sent_to": email}


def enter() -> ResponseReturnValue:
    """Take the code and open a session."""
    email = session["email"]
    if not spent(email, request.form["code"]):
        return {"error": "That is not the code."}, 400
    user = db.session.scalars(select(User).filter_by(email=email)).one_or_none()
    if user is None:
        user = User(email=email)
        db.session.add(user)
        db.session.commit()
    session["user_id"] = user.id
    return {"user_id": user.id}


def spent(email: str, code: str) -> bool:
    """Use a code up; whether it was valid."""
    valid = OtpCode.used.is_(False) & (OtpCode.expires_at > time())
    found = update(OtpCode).where(OtpCode.email == email, OtpCode.code == code, valid).values(used=True)
    used = db.session.execute(found.returning(OtpCode.id)).first()
    db.session.commit()
    return used is not None


def create_app() -> Flask:
    """The host."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    db.init_app(app)
    migrate.init_app(app, db)
    app.add_url_rule("/login", view_func=ask, methods=["POST"])
    app.add_url_rule("/login/code", view_func=enter, methods=["POST"])
    return app
