"""A sender that keeps the contract, and twelve and more that break it in one way each."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from flask_otpauth.senders import Message, Receipt, Status

_logger = logging.getLogger(__name__)
TOKEN = "token-of-the-sender"
LONGEST_ANSWER = 65_536
_REFUSALS = {
    401: Status.AUTH_ERROR,
    403: Status.AUTH_ERROR,
    422: Status.INVALID_RECIPIENT,
    429: Status.RATE_LIMITED,
    500: Status.UNAVAILABLE,
    503: Status.UNAVAILABLE,
}


class GoodSender:
    """Sends SMS to ``url`` within ``seconds``. Others break one of its methods."""

    def __init__(self, url: str, seconds: float) -> None:
        parts = urlsplit(url)
        self.encrypted = parts.scheme == "https"
        self.address = (str(parts.hostname), parts.port or 0)
        self.seconds = seconds

    def send(self, message: Message) -> Receipt:
        connection = self.connection()
        try:
            with self.limited(connection):
                try:
                    self.connect(connection)
                except OSError:
                    return self.unconnected()
                try:
                    connection.request("POST", "/messages", self.body(message), self.headers())
                    answer = connection.getresponse()
                    text = self.read(answer)
                except (OSError, http.client.HTTPException) as error:
                    return self.unanswered(error, message)
        finally:
            self.finish(connection)
        return self.judge(answer, text)

    def connection(self) -> http.client.HTTPConnection:
        if self.encrypted:
            return http.client.HTTPSConnection(*self.address, timeout=self.seconds, context=self.tls())
        return http.client.HTTPConnection(*self.address, timeout=self.seconds)

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def connect(self, connection: http.client.HTTPConnection) -> None:
        connection.connect()

    def finish(self, connection: http.client.HTTPConnection) -> None:
        connection.close()

    @contextmanager
    def limited(self, connection: http.client.HTTPConnection) -> Iterator[None]:
        """End the connection at the deadline: the timeout of a socket starts again with each byte."""

        def end() -> None:
            sock = connection.sock
            if sock is not None:
                # Also for TLS, whose own shutdown would wait for the thread that reads.
                with suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

        timer = threading.Timer(self.seconds, end)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    def body(self, message: Message) -> bytes:
        return json.dumps(
            {"to": message.recipient, "text": message.text, "code": self.code(message)}
        ).encode()

    def code(self, message: Message) -> object:
        return message.code

    def read(self, answer: http.client.HTTPResponse) -> bytes:
        return answer.read(LONGEST_ANSWER)

    def unconnected(self) -> Receipt:
        return Receipt(Status.UNAVAILABLE, detail="no connection")

    def unanswered(self, error: Exception, message: Message) -> Receipt:
        return Receipt(Status.TIMEOUT, detail=type(error).__name__)

    def judge(self, answer: http.client.HTTPResponse, text: bytes) -> Receipt:
        if answer.status != 201:
            return self.refused(answer, text)
        try:
            content = json.loads(text)
        except ValueError:
            return self.unreadable()
        if not isinstance(content, dict) or not isinstance(content.get("id"), str):
            return self.unreadable()
        return Receipt(Status.ACCEPTED, content["id"])

    def refused(self, answer: http.client.HTTPResponse, text: bytes) -> Receipt:
        return Receipt(_REFUSALS.get(answer.status, Status.REJECTED), detail=f"HTTP {answer.status}")

    def unreadable(self) -> Receipt:
        return Receipt(Status.TIMEOUT, detail="an unreadable answer")


class FollowsRedirects(GoodSender):
    """It sends the message to whoever the provider names."""

    def refused(self, answer: http.client.HTTPResponse, text: bytes) -> Receipt:
        if answer.status in (301, 302, 303, 307, 308):
            return type(self)(str(answer.headers["Location"]), self.seconds).send(self.sent)
        return super().refused(answer, text)

    def body(self, message: Message) -> bytes:
        self.sent = message
        return super().body(message)


class ReadsEverything(GoodSender):
    """It reads an answer of any length."""

    def read(self, answer: http.client.HTTPResponse) -> bytes:
        return answer.read()


class WaitsForEachByte(GoodSender):
    """It has the timeout of its socket, which starts again with each byte."""

    @contextmanager
    def limited(self, connection: http.client.HTTPConnection) -> Iterator[None]:
        yield


class WaitsForever(WaitsForEachByte):
    """It has no timeout."""

    def connection(self) -> http.client.HTTPConnection:
        connection = super().connection()
        connection.timeout = None
        return connection


class TrustsEverybody(GoodSender):
    """It does not check certificates."""

    def tls(self) -> ssl.SSLContext:
        context = super().tls()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


class TrustsEveryName(GoodSender):
    """It checks the issuer of a certificate, but not its name."""

    def tls(self) -> ssl.SSLContext:
        context = super().tls()
        context.check_hostname = False
        return context


class BelievesTheStatus(GoodSender):
    """It takes every answer with the status of a success for a success."""

    def unreadable(self) -> Receipt:
        return Receipt(Status.ACCEPTED)


class BelievesEveryAnswer(GoodSender):
    """It takes every answer for a success, because its library raises no exception."""

    def refused(self, answer: http.client.HTTPResponse, text: bytes) -> Receipt:
        return Receipt(Status.ACCEPTED)


class TakesNonsenseForARefusal(GoodSender):
    """It says that a message was not sent when it cannot read the answer."""

    def unreadable(self) -> Receipt:
        return Receipt(Status.REJECTED, detail="an unreadable answer")


class TakesSilenceForARefusal(GoodSender):
    """It says that a message was not sent when no answer comes."""

    def unanswered(self, error: Exception, message: Message) -> Receipt:
        return Receipt(Status.UNAVAILABLE, detail=type(error).__name__)


class RaisesItsLibrarysError(GoodSender):
    """It lets an exception of its library out, which is no ``TimeoutError`` and so counts as not sent."""

    def unanswered(self, error: Exception, message: Message) -> Receipt:
        raise http.client.HTTPException from error


class TriesAgain(GoodSender):
    """It sends the message once more when no answer comes."""

    tries_left = 1

    def unanswered(self, error: Exception, message: Message) -> Receipt:
        if not self.tries_left:
            return super().unanswered(error, message)
        self.tries_left -= 1
        return self.send(message)


class DoubtsARefusedConnection(GoodSender):
    """It says that the outcome is unknown when it got no connection, so that no other sender is tried."""

    def unconnected(self) -> Receipt:
        return Receipt(Status.TIMEOUT, detail="no connection")


class BlamesItself(GoodSender):
    """It does not tell an invalid recipient from other refusals, so that other senders are tried in vain."""

    def refused(self, answer: http.client.HTTPResponse, text: bytes) -> Receipt:
        return Receipt(Status.REJECTED, detail=f"HTTP {answer.status}")


class KeepsADeadConnection(GoodSender):
    """It keeps its connection, and does not look whether the provider has closed it."""

    kept: http.client.HTTPConnection | None = None

    def connection(self) -> http.client.HTTPConnection:
        self.kept = self.kept or super().connection()
        return self.kept

    def connect(self, connection: http.client.HTTPConnection) -> None:
        if connection.sock is None:
            connection.connect()

    def finish(self, connection: http.client.HTTPConnection) -> None:
        pass

    def unanswered(self, error: Exception, message: Message) -> Receipt:
        super().finish(self.connection())
        return super().unanswered(error, message)


class SendsANumber(GoodSender):
    """It makes a number of the code, whose first zero is lost."""

    def code(self, message: Message) -> object:
        return int(message.code)

    def body(self, message: Message) -> bytes:
        return json.dumps({"to": message.recipient, "code": self.code(message)}).encode()


class LogsTheMessage(GoodSender):
    """It logs what it sends."""

    def body(self, message: Message) -> bytes:
        body = super().body(message)
        _logger.debug("sending %s", body.decode())
        return body


class PrintsTheConversation(GoodSender):
    """It prints what it sends, as ``http.client`` does for its developers."""

    def connection(self) -> http.client.HTTPConnection:
        connection = super().connection()
        connection.set_debuglevel(1)
        return connection


class QuotesTheAnswer(GoodSender):
    """It puts the answer of the provider into the receipt, and the answer quotes the message."""

    def refused(self, answer: http.client.HTTPResponse, text: bytes) -> Receipt:
        status = super().refused(answer, text).status
        return Receipt(status, detail=text.decode())


class ShowsItsToken(GoodSender):
    """Its ``repr`` shows its token, as that of a dataclass does."""

    def __repr__(self) -> str:
        return f"ShowsItsToken(token={TOKEN!r})"


#: Each sender that breaks the contract, with the test that finds it and the arguments of that test.
PLANTED: list[tuple[Callable[[str, float], GoodSender], str, dict[str, Any]]] = [
    (FollowsRedirects, "test_a_redirect_is_not_followed", {"status": 307}),
    (ReadsEverything, "test_an_answer_of_ten_megabytes_is_not_read_to_its_end", {}),
    (WaitsForEachByte, "test_an_answer_that_comes_byte_by_byte_ends_at_the_deadline", {"head": True}),
    (
        WaitsForever,
        "test_a_provider_that_takes_the_message_and_never_answers_leaves_the_outcome_open",
        {},
    ),
    (TrustsEverybody, "test_a_certificate_of_an_unknown_issuer_is_refused_before_anything_is_sent", {}),
    (TrustsEveryName, "test_a_certificate_of_another_name_is_refused_before_anything_is_sent", {}),
    (
        BelievesTheStatus,
        "test_an_error_with_the_status_of_a_success_is_not_accepted",
        {"body": {"error": "no money"}},
    ),
    (BelievesEveryAnswer, "test_a_refusal_is_told_apart", {"refusal": Status.AUTH_ERROR}),
    (
        TakesNonsenseForARefusal,
        "test_a_success_that_cannot_be_read_leaves_the_outcome_open",
        {"body": "<h1>Sign in</h1>"},
    ),
    (
        TakesSilenceForARefusal,
        "test_a_provider_that_takes_the_message_and_never_answers_leaves_the_outcome_open",
        {},
    ),
    (
        RaisesItsLibrarysError,
        "test_a_connection_that_is_closed_instead_of_an_answer_leaves_the_outcome_open",
        {},
    ),
    (
        TriesAgain,
        "test_a_connection_that_is_closed_instead_of_an_answer_leaves_the_outcome_open",
        {},
    ),
    (DoubtsARefusedConnection, "test_where_nobody_listens_the_message_was_certainly_not_sent", {}),
    (BlamesItself, "test_a_refusal_is_told_apart", {"refusal": Status.INVALID_RECIPIENT}),
    (
        KeepsADeadConnection,
        "test_a_connection_that_the_provider_closed_since_does_not_lose_the_next_message",
        {},
    ),
    (SendsANumber, "test_the_provider_gets_one_request_with_the_code_and_the_recipient", {}),
    (
        LogsTheMessage,
        "test_neither_logs_nor_the_terminal_nor_the_receipt_show_a_secret",
        {"case": "accepted"},
    ),
    (
        PrintsTheConversation,
        "test_neither_logs_nor_the_terminal_nor_the_receipt_show_a_secret",
        {"case": "accepted"},
    ),
    (
        QuotesTheAnswer,
        "test_neither_logs_nor_the_terminal_nor_the_receipt_show_a_secret",
        {"case": "refusal"},
    ),
    (ShowsItsToken, "test_the_repr_of_the_sender_shows_no_secret", {}),
]
