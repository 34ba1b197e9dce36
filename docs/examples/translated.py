"""An app in several languages, which Flask-Babel chooses: for its pages and for its messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, abort, current_app, request, session
from flask.typing import ResponseReturnValue
from flask_babel import Babel  # type: ignore[import-untyped]

from flask_otpauth import OtpAuth

babel = Babel()
otpauth = OtpAuth()


def chosen_language() -> str | None:
    """What the visitor has chosen on a page, else what the browser asks for."""
    return session.get("language") or request.accept_languages.best_match(current_app.config["LANGUAGES"])


def choose_language(language: str) -> ResponseReturnValue:
    """Remember the visitor's choice."""
    if language not in current_app.config["LANGUAGES"]:
        abort(404)
    session["language"] = language
    return {"language": language}


def confirm_phone() -> ResponseReturnValue:
    """Send a code, in the language of the page."""
    sent = otpauth.codes.send("sms", request.form["phone"], purpose="confirm_phone")
    return {"sent_to": sent.recipient}


def create_app(config: Mapping[str, Any]) -> Flask:
    """The host."""
    app = Flask(__name__)
    app.config["LANGUAGES"] = ["en", "vi", "ru"]
    app.config["OTPAUTH_LANGUAGE"] = "flask_babel:get_locale"
    app.config.from_mapping(config)
    babel.init_app(app, default_locale="en", locale_selector=chosen_language)
    otpauth.init_app(app)
    app.add_url_rule("/language/<language>", view_func=choose_language, methods=["POST"])
    app.add_url_rule("/phone", view_func=confirm_phone, methods=["POST"])
    return app
