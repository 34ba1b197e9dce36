"""
Calls through Asterisk, by its REST interface (ARI) over HTTP.

The source of the rules is https://docs.asterisk.org, "Asterisk REST Interface", the pages of channels.
The interface does not say why a call has ended. It needs the extra ``http``.
"""

from __future__ import annotations

import base64
import json
import math
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from flask_otpauth.adapters.senders.declarations import Problem, WrongDeclaration
from flask_otpauth.adapters.senders.declared_models import read
from flask_otpauth.adapters.senders.numbers import is_number
from flask_otpauth.core.record import frozen
from flask_otpauth.ports.senders import Message, Receipt, Status

if TYPE_CHECKING:
    from flask_otpauth.adapters.senders.http.network import Answer, HttpClient, NoAnswer

Seconds = Annotated[float, Field(gt=0, le=300)]

_REQUEST_SECONDS = 5.0
_EXAMPLE = {"recipient": "+8498", "digits": "8498"}
_REFUSALS = {
    400: (Status.REJECTED, "Asterisk does not accept the endpoint or the extension"),
    401: (Status.AUTH_ERROR, "wrong user or password"),
    403: (Status.AUTH_ERROR, "the user may only read"),
    404: (Status.REJECTED, "there is no Asterisk REST interface at this URL"),
    # The call of this message exists: it is handed over for the second time.
    409: (Status.TIMEOUT, "this call was placed before"),
}


class AsteriskServer(BaseModel):
    """How calls are placed through one Asterisk. Its ``repr`` shows no password."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: str = Field(description="The URL of the interface, such as `http://127.0.0.1:8088/ari`.")
    username: str = Field(description="A user of `ari.conf`, not read-only.")
    password: SecretStr = Field(description="The password of that user.")
    endpoint: str = Field(
        description="What is dialed, such as `PJSIP/{recipient}@trunk`. `{recipient}` is the number with "
        "`+`, `{digits}` without."
    )
    app: str = Field(
        "otpauth", min_length=1, description="The Stasis application of flash calls. None has to run."
    )
    context: str = Field("", description="The context of the dialplan that speaks. Voice calls need one.")
    extension: str = Field("speak", min_length=1, description="The extension in it that speaks.")
    spoken_extension: str = Field(
        "spoken", min_length=1, description="The extension to which the dialplan goes after the last word."
    )
    caller_number: str = Field("", description="The number to call from, for messages that have none.")
    connect_seconds: Seconds = Field(3, description="How long a connection to Asterisk may take.")
    answer_seconds: Seconds = Field(
        30, description="How long the phone may take to ring (flash call), or to be answered."
    )
    ring_seconds: float = Field(2, ge=0, le=60, description="How long a flash call rings before it is ended.")
    speech_seconds: Seconds = Field(60, description="The longest time for the speech.")
    poll_seconds: Annotated[float, Field(ge=0.01, le=2)] = Field(
        0.25, description="The time between two questions for the state of a call."
    )

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if not _is_plain_url(value):
            raise ValueError("expected a URL such as 'http://127.0.0.1:8088/ari', without a user")
        return value.rstrip("/")

    @field_validator("endpoint")
    @classmethod
    def _is_endpoint(cls, value: str) -> str:
        try:
            filled = value.format(**_EXAMPLE)
        except (LookupError, AttributeError, ValueError):
            filled = ""
        if "8498" not in filled or "/" not in filled:
            raise ValueError(
                "expected an endpoint with {recipient} or {digits}, such as PJSIP/{recipient}@trunk"
            )
        return value

    @field_validator("caller_number")
    @classmethod
    def _is_number(cls, value: str) -> str:
        if value and not is_number(value):
            raise ValueError("expected a phone number")
        return value


def _is_plain_url(value: str) -> bool:
    """Return whether a URL has a host, a port that exists and a path, and nothing else."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    has_more = parts.query or parts.fragment or parts.username or re.search("[^!-~]", value)
    return parts.scheme in ("http", "https") and bool(host) and not has_more


@frozen
class _Channel:
    """What Asterisk says of a call (its model ``Channel``)."""

    #: ``Down``, ``Ringing``, ``Up`` and others; empty if the call has ended.
    state: str = ""
    #: The extension of the dialplan in which the call is.
    extension: str = ""

    @property
    def has_rung(self) -> bool:
        return self.state in ("Ringing", "Up")


class AsteriskSender:
    """
    Places a call for each message, through the Asterisk that was declared.

    On ``flashcall`` it lets the phone ring and hangs up: the number of the caller is the code. On ``voice``
    the dialplan of Asterisk speaks. A call that never rang is a definite failure.
    """

    def __init__(self, server: AsteriskServer) -> None:
        self._server = server
        self._client = _client(server)
        pair = f"{server.username}:{server.password.get_secret_value()}"
        credentials = base64.b64encode(pair.encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}

    def problem_on(self, channel: str) -> str:
        """Return why it cannot send on ``channel``, or an empty text."""
        if channel == "voice" and not self._server.context:
            return "voice calls need a context"
        return "" if channel in ("flashcall", "voice") else "Asterisk places calls only"

    def send(self, message: Message) -> Receipt:
        """Call the recipient."""
        from flask_otpauth.adapters.senders.http.network import NoAnswer

        number = message.caller_number or self._server.caller_number
        if not is_number(message.recipient):
            return Receipt(Status.INVALID_RECIPIENT, detail="not a phone number")
        if problem := self.problem_on(message.channel) or ("" if is_number(number or "00") else "no number"):
            return Receipt(Status.REJECTED, detail=problem)
        # A message that is handed over twice does not call twice.
        call_id = f"otpauth-{message.id or secrets.token_hex(8)}"
        placed = self._asked("POST", call_id, self._order(message, number))
        if isinstance(placed, NoAnswer):
            return self._lost(call_id, placed)
        if placed.status != 200:
            return _refused(placed, call_id)
        return self._flash(call_id) if message.channel == "flashcall" else self._speak(call_id)

    def _order(self, message: Message, number: str) -> dict[str, object]:
        """Return the body of an order. In the query, a log of URLs would show the code."""
        server, recipient = self._server, message.recipient
        order: dict[str, object] = {
            "endpoint": server.endpoint.format(recipient=recipient, digits=recipient.lstrip("+")),
            "timeout": math.ceil(server.answer_seconds),
        }
        if number:
            order["callerId"] = number
        if message.channel == "flashcall":
            return {**order, "app": server.app}
        variables = {"OTP_TEXT": message.text, "OTP_CODE": message.code, "OTP_LANGUAGE": message.locale}
        place = {"context": server.context, "extension": server.extension, "priority": 1}
        return {**order, **place, "variables": variables}

    def _flash(self, call_id: str) -> Receipt:
        server = self._server
        call = self._follow(call_id, server.answer_seconds, lambda call: call.has_rung)
        has_rung = call.has_rung
        if call.state == "Ringing":
            call = self._follow(call_id, server.ring_seconds, lambda call: call.state == "Up")
        is_over = not call.state or self._hang_up(call_id)
        if has_rung:
            return Receipt(Status.ACCEPTED, call_id, detail="it rang")
        return _never_rang(call_id, is_over=is_over)

    def _speak(self, call_id: str) -> Receipt:
        server = self._server
        call = self._follow(call_id, server.answer_seconds, lambda call: call.has_rung)
        has_rung = call.has_rung
        if has_rung:
            seconds = server.answer_seconds + server.speech_seconds
            call = self._follow(call_id, seconds, lambda call: call.extension == server.spoken_extension)
        is_over = not call.state or self._hang_up(call_id)
        if call.extension == server.spoken_extension:
            return Receipt(Status.ACCEPTED, call_id, detail="it was spoken completely")
        if has_rung:
            return Receipt(Status.TIMEOUT, call_id, detail="it rang, and was not spoken completely")
        return _never_rang(call_id, is_over=is_over)

    def _follow(self, call_id: str, seconds: float, is_done: Callable[[_Channel], bool]) -> _Channel:
        """Return the call when it ``is_done``, has ended, or after so many seconds."""
        ends_at = time.monotonic() + seconds
        call = _Channel("Down")
        while True:
            answer = self._ask("GET", call_id)
            call = _channel(answer, call) if answer is not None else call
            if is_done(call) or not call.state or time.monotonic() >= ends_at:
                return call
            time.sleep(self._server.poll_seconds)

    def _hang_up(self, call_id: str) -> bool:
        """End the call. Return whether it has certainly ended."""
        answer = self._ask("DELETE", call_id)
        return answer is not None and answer.status in (204, 404)

    def _lost(self, call_id: str, failure: NoAnswer) -> Receipt:
        """Return the receipt of an order without an answer. A call that was placed after all is ended."""
        if not failure.was_written:
            return Receipt(Status.UNAVAILABLE, detail=f"Asterisk is not reachable: {failure.detail}")
        self._hang_up(call_id)
        return Receipt(Status.TIMEOUT, call_id, detail=f"Asterisk did not answer: {failure.detail}")

    def _ask(self, method: str, call_id: str) -> Answer | None:
        """Return the answer, or ``None`` if there is none."""
        from flask_otpauth.adapters.senders.http.network import NoAnswer

        answer = self._asked(method, call_id)
        return None if isinstance(answer, NoAnswer) else answer

    def _asked(self, method: str, call_id: str, body: object = None) -> Answer | NoAnswer:
        from flask_otpauth.adapters.senders.http.network import NoAnswer, Request

        content = b"" if body is None else json.dumps(body).encode()
        request = Request(method, f"{self._server.url}/channels/{call_id}", self._headers, content)
        try:
            return self._client.exchange(request)
        except NoAnswer as error:
            return error


def declared(declaration: Mapping[str, object]) -> AsteriskSender:
    """
    Return the sender of a declaration with the profile ``asterisk``.

    :raises WrongDeclaration: with a sentence for each key that is wrong.
    """
    return AsteriskSender(read(AsteriskServer, declaration))


def _client(server: AsteriskServer) -> HttpClient:
    try:
        from flask_otpauth.adapters.senders.http.network import HttpClient
    except ImportError:
        sentence = "needs an extra: pip install 'flask-otpauth-server[http]'"
        raise WrongDeclaration([Problem((), sentence)]) from None
    return HttpClient(connect_seconds=server.connect_seconds, total_seconds=_REQUEST_SECONDS)


def _channel(answer: Answer, before: _Channel) -> _Channel:
    """Return what an answer says of the call. One that cannot be read says nothing."""
    if answer.status == 404:
        return _Channel()
    try:
        found = json.loads(answer.body)
        return _Channel(str(found["state"]) or before.state, str(found["dialplan"]["exten"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return before


def _never_rang(call_id: str, *, is_over: bool) -> Receipt:
    if is_over:
        return Receipt(Status.UNAVAILABLE, call_id, detail="it ended, or was ended, before it rang")
    return Receipt(Status.TIMEOUT, call_id, detail="Asterisk did not say how it ended")


def _refused(answer: Answer, call_id: str) -> Receipt:
    unknown = (Status.UNAVAILABLE, "refused") if answer.status >= 400 else (Status.TIMEOUT, "not understood")
    status, words = _REFUSALS.get(answer.status, unknown)
    return Receipt(status, call_id, detail=f"HTTP {answer.status}: {words}")
