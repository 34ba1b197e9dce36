"""An app that sends its codes through Acme, a provider of mail with an HTTP API."""

from __future__ import annotations

import httpx
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.senders import Message, Receipt, Status

OUTCOMES = {
    202: Status.ACCEPTED,
    401: Status.AUTH_ERROR,
    422: Status.INVALID_RECIPIENT,
    429: Status.RATE_LIMITED,
    503: Status.UNAVAILABLE,
}


class AcmeMail:
    """Hands messages over to Acme."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, message: Message) -> Receipt:
        """Hand ``message`` over; no step of that waits for more than ten seconds."""
        mail = {"to": message.recipient, "subject": message.subject, "text": message.text}
        try:
            answer = httpx.post(self._url, json=mail, headers=self._headers, timeout=10)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return Receipt(Status.UNAVAILABLE, detail="no connection")
        except httpx.TransportError as error:
            # The request was on its way: nobody knows whether the mail is, too.
            return Receipt(Status.TIMEOUT, detail=type(error).__name__)
        status = OUTCOMES.get(answer.status_code, Status.REJECTED)
        return Receipt(status, detail=f"HTTP {answer.status_code}")


def create_app(acme: AcmeMail) -> Flask:
    """The host."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config["OTPAUTH_SENDERS"] = {"email": acme}
    otpauth = OtpAuth(app)
    with app.app_context():
        otpauth.create_all()
    return app
