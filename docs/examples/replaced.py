"""The same shop with flask_otpauth. The lines that are marked go when the old codes have expired."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from time import time  # old

from flask import Flask, current_app, request, session
from flask.typing import ResponseReturnValue
from flask_migrate import Migrate  # type: ignore[import-untyped]
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import delete, update  # old
from sqlalchemy.orm import Mapped, mapped_column

from flask_otpauth import Limited, OtpAuth, SendFailed
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.users import UserMixin

PURPOSE = "login"

db = SQLAlchemy()
migrate = Migrate()
otpauth = OtpAuth()


class User(UserMixin, db.Model):  # type: ignore[name-defined, misc]
    """A customer of the shop."""

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(unique=True, nullable=False)


# -- old codes: this part goes with them
class OtpCode(db.Model):  # type: ignore[name-defined, misc]
    """A code that was sent before."""

    __tablename__ = "otp_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    code: Mapped[str]
    expires_at: Mapped[float]
    used: Mapped[bool] = mapped_column(default=False)


def spent(email: str, code: str) -> bool:
    """Use an old code up; whether it was valid."""
    valid = OtpCode.used.is_(False) & (OtpCode.expires_at > time())
    found = update(OtpCode).where(OtpCode.email == email, OtpCode.code == code, valid).values(used=True)
    used = db.session.execute(found.returning(OtpCode.id)).first()
    db.session.commit()
    return used is not None


def forget(email: str) -> None:
    """Accept no old code of this address any more."""
    db.session.execute(delete(OtpCode).where(OtpCode.email == email))
    db.session.commit()


# -- end of the old codes
def send_mail(to: str, subject: str, text: str) -> None:
    """Send a mail as the shop sends all of them."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", to, subject
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", current_app.config["SMTP_PORT"], timeout=10) as server:
        server.send_message(mail)


class ShopMail:
    """Sends the codes by ``send_mail``."""

    def send(self, message: Message) -> Receipt:
        """Hand ``message`` over. An exception says that it failed."""
        send_mail(message.recipient, str(message.subject), str(message.text))
        return Receipt(Status.ACCEPTED)


def ask() -> ResponseReturnValue:
    """Send a code."""
    try:
        sent = otpauth.codes.send("email", request.form["email"], purpose=PURPOSE)
    except ValueError:
        return {"error": "That is not an e-mail address."}, 400
    except Limited:
        return {"error": "Please try again later."}, 429
    except SendFailed:
        return {"error": "We could not send the code."}, 502
    forget(sent.recipient)  # old
    session["email"] = sent.recipient
    return {"sent_to": sent.recipient}


def enter() -> ResponseReturnValue:
    """Take the code and open a session."""
    email, code = session["email"], request.form["code"]
    accepted = bool(otpauth.codes.redeem(email, purpose=PURPOSE, code=code))
    accepted = accepted or spent(email, code)  # old
    if not accepted:
        return {"error": "That is not the code."}, 400
    user = otpauth.users.get_or_create(email=email)
    if not user.is_enabled:
        return {"error": "This account is closed."}, 403
    session["user_id"] = user.id
    return {"user_id": user.id}


def create_app() -> Flask:
    """Create the app."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config["OTPAUTH_FLOWS"] = ()  # no API, only these views
    app.config["OTPAUTH_USERS"] = User
    app.config["OTPAUTH_SENDERS"] = {"email": ShopMail}
    db.init_app(app)
    migrate.init_app(app, db)
    otpauth.init_app(app)
    app.add_url_rule("/login", view_func=ask, methods=["POST"])
    app.add_url_rule("/login/code", view_func=enter, methods=["POST"])
    return app
