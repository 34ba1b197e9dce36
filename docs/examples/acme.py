"""An app that sends its codes through Acme, a mail provider with an HTTP API."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from urllib.parse import urlsplit

from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.senders import Message, Receipt, Status

LONGEST_ANSWER = 65_536
REFUSALS = {
    401: Status.AUTH_ERROR,
    422: Status.INVALID_RECIPIENT,
    429: Status.RATE_LIMITED,
    503: Status.UNAVAILABLE,
}


class AcmeMail:
    """Sends messages through Acme."""

    def __init__(self, url: str, token: str, total_seconds: float = 10.0) -> None:
        self._url = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._total_seconds = total_seconds

    def send(self, message: Message) -> Receipt:
        """Send ``message``."""
        mail = {"to": message.recipient, "subject": message.subject, "text": message.text}
        open_connection = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = open_connection(self._url.netloc, timeout=self._total_seconds)
        # The timeout starts again with each byte of the answer. The timer does not.
        timer = Timer(self._total_seconds, hang_up, [connection])
        timer.start()
        try:
            return self._post(connection, json.dumps(mail).encode())
        finally:
            timer.cancel()
            timer.join()
            connection.close()

    def _post(self, connection: HTTPConnection, mail: bytes) -> Receipt:
        try:
            connection.connect()
        except OSError as error:
            return Receipt(Status.UNAVAILABLE, detail=type(error).__name__)
        try:
            connection.request("POST", self._url.path, mail, self._headers)
            response = connection.getresponse()
            return receipt_for(response.status, response.read(LONGEST_ANSWER))
        except (OSError, HTTPException, ValueError, TypeError, LookupError) as error:
            # The request may have arrived, so the mail may have been sent.
            return Receipt(Status.TIMEOUT, detail=type(error).__name__)


def receipt_for(status: int, answer: bytes) -> Receipt:
    """Return what Acme's answer says. What is not as Acme documents it is raised."""
    if status != 202:
        return Receipt(REFUSALS.get(status, Status.REJECTED), detail=f"HTTP {status}")
    return Receipt(Status.ACCEPTED, provider_id=str(json.loads(answer)["id"]))


def hang_up(connection: HTTPConnection) -> None:
    """End a connection while another thread waits for its answer."""
    with suppress(OSError, AttributeError):
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


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
