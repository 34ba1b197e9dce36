"""An app with its own pages: a one-time code by e-mail opens a session of Flask-Login."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask_login  # type: ignore[import-untyped]
from flask import Blueprint, Flask, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect  # type: ignore[import-untyped]
from sqlalchemy.orm import Mapped, mapped_column

from flask_otpauth import Limited, OtpAuth, SendFailed
from flask_otpauth.users import UserMixin

PURPOSE = "web_login"

db = SQLAlchemy()
csrf = CSRFProtect()
limiter = Limiter(get_remote_address)
login_manager = flask_login.LoginManager()
otpauth = OtpAuth()
pages = Blueprint("pages", __name__)


class User(UserMixin, flask_login.UserMixin, db.Model):  # type: ignore[name-defined, misc]
    """A customer of the shop."""

    id: Mapped[int] = mapped_column(primary_key=True)

    @property
    def is_active(self) -> bool:
        """Whether the user may log in and stay logged in."""
        return self.is_enabled

    def get_id(self) -> str:
        """What the cookie holds. The id alone could belong to another person later."""
        return f"{self.id}.{self.person_key}"


@login_manager.user_loader  # type: ignore[untyped-decorator]
def load_user(cookie_id: str) -> User | None:
    """The user of the cookie, on each request. A user who was deleted is logged out."""
    user = db.session.get(User, int(cookie_id.partition(".")[0]))
    return user if user is not None and user.get_id() == cookie_id else None


@pages.route("/login", methods=["GET", "POST"])
@limiter.limit("20 per hour", methods=["POST"])
def login() -> ResponseReturnValue:
    """Take the address and send a code to it."""
    if request.method == "GET":
        return render_template("login.html")
    try:
        sent = otpauth.codes.send("email", request.form["email"], purpose=PURPOSE)
    except ValueError:
        return render_template("login.html", error="That is not an e-mail address."), 400
    except Limited:
        return render_template("login.html", error="Please try again later."), 429
    except SendFailed:
        return render_template("login.html", error="We could not send the code."), 502
    session["login_email"] = sent.recipient
    return redirect(url_for("pages.enter_code"))


@pages.route("/login/code", methods=["GET", "POST"])
def enter_code() -> ResponseReturnValue:
    """Take the code. It is accepted only in the browser that asked for it."""
    email = session.get("login_email")
    if email is None:
        return redirect(url_for("pages.login"))
    if request.method == "GET":
        return render_template("code.html", email=email)
    if not otpauth.codes.redeem(email, purpose=PURPOSE, code=request.form["code"]):
        return render_template("code.html", email=email, error="That is not the code."), 400
    del session["login_email"]
    if not flask_login.login_user(otpauth.users.get_or_create(email=email)):
        return render_template("login.html", error="This account is closed."), 403
    return redirect(url_for("pages.home"))


@pages.get("/")
@flask_login.login_required  # type: ignore[untyped-decorator]
def home() -> str:
    """A page for a logged-in user."""
    return render_template("home.html")


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session."""
    flask_login.logout_user()
    return redirect(url_for("pages.login"))


def create_app(config: Mapping[str, Any]) -> Flask:
    """Create the app."""
    app = Flask(__name__, template_folder="web_session")
    app.config["OTPAUTH_FLOWS"] = ()  # no API, only these pages
    app.config["OTPAUTH_USERS"] = User
    app.config.from_mapping(config)
    for extension in (db, csrf, limiter, login_manager, otpauth):
        extension.init_app(app)
    login_manager.login_view = "pages.login"
    app.register_blueprint(pages)
    return app
