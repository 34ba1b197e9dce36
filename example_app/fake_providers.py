"""
Providers of SMS and calls that are not real: an HTTP server on the loopback interface.

It stands for companies elsewhere. The apps of one process share it, each with an account of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.request import Request, urlopen
from weakref import WeakValueDictionary

from flask import Flask, abort, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import WSGIRequestHandler, make_server

#: How a provider behaves: it takes messages, is down, or takes them and never answers.
MODES = ("works", "down", "silent")
#: Longer than any sender waits.
SILENT_SECONDS = 5.0
_SIZE = 5
_ANSWER_SECONDS = 2

company = Flask("fake_providers")
_accounts: WeakValueDictionary[str, Account] = WeakValueDictionary()


@dataclass
class Taken:
    """A message that a provider took."""

    id: str
    to: str
    text: str
    #: The id that our extension gave it.
    reference: str
    reported: str = ""


@dataclass
class Provider:
    """One provider, as its customer sees it."""

    name: str
    mode: str = "works"
    #: The newest last.
    taken: deque[Taken] = field(default_factory=lambda: deque(maxlen=_SIZE))
    #: How many messages it took in all.
    count: int = 0
    ends_silence: threading.Event = field(default_factory=threading.Event)

    def switch(self, mode: str) -> None:
        """Behave like that from now on. Who waits for an answer waits no longer."""
        self.mode = mode
        self.ends_silence.set()
        self.ends_silence = threading.Event()

    def take(self, message: dict[str, Any]) -> ResponseReturnValue:
        """Answer a request with a message."""
        if self.mode == "down":
            return jsonify(error={"code": "down"}), 503
        self.count += 1
        taken = Taken(f"{self.name}-{self.count}", message["to"], message["text"], message["reference"])
        self.taken.append(taken)
        if self.mode == "silent":
            self.ends_silence.wait(SILENT_SECONDS)
        price = {"amount": "0.042", "currency": "EUR"}
        return jsonify(id=taken.id, status="queued", price=price), 201


class Account:
    """What an app has with the providers: a token, and a secret by which their reports are signed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.providers = {name: Provider(name) for name in names}
        self.token = secrets.token_hex(16)
        self._id = secrets.token_hex(4)
        self._key = secrets.token_bytes(24)
        _accounts[self._id] = self

    def declarations(self) -> dict[str, Any]:
        """Return what the app sets as ``OTPAUTH_PROVIDERS``. A real provider's documentation says it."""
        return {
            name: {
                "url": f"{_server()}/{self._id}/{name}/messages",
                "auth": {"bearer": self.token},
                "json": {"to": "{recipient}", "text": "{text}", "reference": "{id}"},
                "success": {"status": "queued"},
                "message_id": "id",
                "cost": "price.amount",
                "currency": "price.currency",
                "total_seconds": _ANSWER_SECONDS,
                "receipts": {
                    "scheme": "standard-webhooks",
                    "token": f"whsec_{base64.b64encode(self._key).decode()}",
                },
            }
            for name in self.providers
        }

    def report(self, url: str, taken: Taken, status: str) -> int:
        """
        Report to ``url`` what became of a message, and return the status of the answer.

        The report is signed as Standard Webhooks says.
        """
        now = datetime.now(UTC)
        data = {"message_id": taken.id, "id": taken.reference}
        body = json.dumps({"type": f"sms.{status}", "timestamp": now.isoformat(), "data": data}).encode()
        name, sent_at = f"msg_{secrets.token_hex(8)}", str(int(now.timestamp()))
        digest = hmac.digest(self._key, f"{name}.{sent_at}.".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": sent_at,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
        call = Request(url, body, headers)  # noqa: S310 - the address of the app itself
        with urlopen(call, timeout=SILENT_SECONDS) as answer:  # noqa: S310
            taken.reported = status
            return int(answer.status)


@company.post("/<account>/<name>/messages")
def messages(account: str, name: str) -> ResponseReturnValue:
    """Take a message, as the API of the provider documents it."""
    customer = _accounts.get(account) or abort(404)
    if request.headers.get("Authorization") != f"Bearer {customer.token}":
        return jsonify(error={"code": "unauthorized"}), 401
    provider = customer.providers.get(name) or abort(404)
    return provider.take(request.get_json())


class _Quiet(WSGIRequestHandler):
    """Logs nothing: the terminal shows the requests of the app itself."""

    def log(self, *args: object) -> None:
        """Log nothing."""


@cache
def _server() -> str:
    """Return the URL of the server, which runs until the process ends."""
    server = make_server("127.0.0.1", 0, company, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
