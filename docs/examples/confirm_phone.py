"""An app that confirms a phone number in its own views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue

from flask_otpauth import Limited, OtpAuth, SendFailed

PURPOSE = "confirm_phone"
otpauth = OtpAuth()


def create_app(config: Mapping[str, Any]) -> Flask:
    """Create the app."""
    app = Flask(__name__)
    app.config.from_mapping(config)
    otpauth.init_app(app)
    app.add_url_rule("/phone", view_func=enter_phone, methods=["POST"])
    app.add_url_rule("/phone/confirm", view_func=confirm_phone, methods=["POST"])
    return app


@otpauth.token_required
def enter_phone() -> ResponseReturnValue:
    """Send a code to the phone that was entered."""
    try:
        sent = otpauth.codes.send("sms", request.form["phone"], purpose=PURPOSE)
    except ValueError:
        return {"error": "That is not a phone number."}, 400
    except Limited as limited:
        return {"error": "Please try again later.", "seconds": limited.retry_after_seconds}, 429
    except SendFailed:
        return {"error": "We could not send the code. Please try again."}, 502
    return {"sent_to": sent.recipient}


@otpauth.token_required
def confirm_phone() -> ResponseReturnValue:
    """Check the code. A real app would now store the phone number."""
    try:
        outcome = otpauth.codes.redeem(request.form["phone"], purpose=PURPOSE, code=request.form["code"])
    except ValueError:
        return {"error": "That is not a phone number."}, 400
    if not outcome:
        return {"error": "The code is wrong.", "guesses_left": outcome.left}, 400
    return {"confirmed": True}
