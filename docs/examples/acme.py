"""An app that sends its codes through Acme, a mail provider with an HTTP API."""

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
    """Sends messages through Acme."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, message: Message) -> Receipt:
        """Send ``message``. Each step times out after ten seconds."""
        mail = {"to": message.recipient, "subject": message.subject, "text": message.text}
        try:
            response = httpx.post(self._url, json=mail, headers=self._headers, timeout=10)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return Receipt(Status.UNAVAILABLE, detail="no connection")
        except httpx.TransportError as error:
            # The request may have arrived, so the mail may have been sent.
            return Receipt(Status.TIMEOUT, detail=type(error).__name__)
        status = OUTCOMES.get(response.status_code, Status.REJECTED)
        return Receipt(status, detail=f"HTTP {response.status_code}")


def create_app() -> Flask:
    """Create the app. The URL and the token are in ``FLASK_ACME_URL`` and ``FLASK_ACME_TOKEN``."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    acme = AcmeMail(app.config["ACME_URL"], app.config["ACME_TOKEN"])
    app.config["OTPAUTH_SENDERS"] = {"email": acme}
    otpauth = OtpAuth(app)
    with app.app_context():
        otpauth.create_all()
    return app
