"""The pages, and the one protected route of the host: ``GET /apis/user/profile``."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template, request

from example_app.backend import CUSTOMER
from example_app.documents import chapters
from example_app.extensions import db, otpauth
from example_app.models import Key, User
from example_app.providers import PROVIDERS
from example_app.seeds import PASSWORDS

pages = Blueprint("pages", __name__)

#: Scripts and styles come only from this app, and no other site may put a page into a frame.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pages.get("/apis/user/profile")
@otpauth.token_required
def profile_api() -> Response:
    """Return who is logged in. This is an example of a protected route of a host."""
    user = otpauth.current_user
    data = {"userId": user.id, "email": user.email, "fullName": user.full_name, "avatarUrl": user.avatar_url}
    return jsonify(code=0, message="Success", data=data)


@pages.get("/")
def home() -> str:
    """Explain the app."""
    return render_template("home.html")


@pages.get("/email")
def email() -> str:
    """Log in with a code sent by e-mail."""
    return render_template("email.html")


@pages.get("/profile")
def profile() -> str:
    """Show the profile of a person who is logged in."""
    return render_template("profile.html")


@pages.get("/sms")
def sms() -> str:
    """Confirm a phone with a code sent by SMS."""
    return render_template("sms.html")


@pages.get("/flashcall")
def flashcall() -> str:
    """Confirm a phone by the number that calls it."""
    return render_template("flashcall.html")


@pages.get("/voice")
def voice() -> str:
    """Confirm a phone with a code that is spoken."""
    return render_template("voice.html")


@pages.get("/account")
def account() -> str:
    """Set the PIN and the password of a merchant's customer."""
    return render_template("account.html", customer=otpauth.users.find(CUSTOMER))


@pages.get("/providers")
def providers() -> str:
    """Send codes by providers, and have them fail."""
    account = current_app.extensions["providers"]
    return render_template(
        "providers.html", providers=PROVIDERS if account.providers else {}, number=_number()
    )


@pages.get("/providers/state")
def providers_state() -> Response:
    """Return how the providers behave, what they took, and what the app noticed, each newest first."""
    account = current_app.extensions["providers"]
    shown = {
        name: {"mode": each.mode, "taken": [asdict(taken) for taken in reversed(each.taken)]}
        for name, each in account.providers.items()
    }
    return jsonify(providers=shown, entries=list(reversed(current_app.extensions["journal"].entries)))


def _number() -> str:
    """Return a number that has not had a code today."""
    return f"80{secrets.randbelow(8 * 10**7) + 10**7}"


@pages.get("/keys")
def keys() -> str:
    """Show the clients, the campaigns, the people, and each documented call for the shell."""
    held = _keys()
    return render_template(
        "keys.html",
        keys=held["clients"],
        campaigns=held["campaigns"],
        people=db.session.query(User).order_by(User.id),
        passwords=PASSWORDS,
        chapters=chapters(request.host_url.rstrip("/"), held),
    )


@pages.get("/keys.json")
def keys_for_scripts() -> Response:
    """Return the same keys for scripts."""
    return jsonify(_keys())


def _keys() -> dict[str, Any]:
    held = {key.flow: key for key in db.session.query(Key)}
    return {
        "clients": {
            flow: {"client_id": key.client_id, "secret": key.secret, "token": key.token}
            for flow, key in held.items()
        },
        "campaigns": {each.language: each.id for each in otpauth.campaigns.list(held["voice"].client_id)},
        "account_token": otpauth.issue_account_token(12345),
    }


@pages.app_errorhandler(404)
def not_found(error: Exception) -> tuple[str, int]:
    """Show a page for an unknown path."""
    return render_template("not_found.html"), 404


@pages.after_app_request
def harden(response: Response) -> Response:
    """Add security headers to the pages. The flows and the inbox have headers of their own."""
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
