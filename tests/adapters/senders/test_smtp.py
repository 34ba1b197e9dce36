from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator

import pytest

from flask_otpauth.adapters.senders.smtp import Conversation, receipt_for
from flask_otpauth.ports.senders import Status

REPLIES = {b"DATA\r\n": b"354 go on\r\n", b"QUIT\r\n": b"221 bye\r\n"}
LONG_REPLY = b"250 " + b"." * 100 + b"\r\n"


class DrippingServer(threading.Thread):
    """Accepts a mail, but sends its reply byte by byte, each within the timeout of a socket."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.hurry = threading.Event()

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def run(self) -> None:
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 mail.test\r\n")
            for line in lines:
                if line == b".\r\n":
                    self.drip(connection)
                elif line[:4].isalpha() and line[:4].islower():
                    connection.sendall(REPLIES.get(line.upper(), b"250 OK\r\n"))

    def drip(self, connection: socket.socket) -> None:
        for byte in LONG_REPLY:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return  # the client has closed the connection, as it should
            self.hurry.wait(0.05)


@pytest.fixture
def dripping() -> Iterator[DrippingServer]:
    server = DrippingServer()
    server.start()
    yield server
    server.hurry.set()
    server.join(10)
    server.listener.close()


def converse(conversation: Conversation) -> None:
    try:
        conversation.sendmail("codes@example.com", "user@example.com", b"Subject: hello\r\n\r\n1\r\n")
    finally:
        conversation.leave()


def test_a_dripping_server_is_cut_off_at_the_deadline_for_all_together(dripping: DrippingServer) -> None:
    conversation = Conversation("127.0.0.1", dripping.port, connect_seconds=5, total_seconds=1.0)

    with pytest.raises(smtplib.SMTPServerDisconnected):
        converse(conversation)

    assert conversation.dot_sent


def test_a_slow_server_is_heard_out_within_the_deadline(dripping: DrippingServer) -> None:
    dripping.hurry.set()

    converse(Conversation("127.0.0.1", dripping.port, connect_seconds=5, total_seconds=30))


def test_the_words_of_a_server_are_never_repeated() -> None:
    error = smtplib.SMTPRecipientsRefused({"user@example.com": (550, b"<user@example.com> 012345 unknown")})

    receipt = receipt_for(error, dot_sent=False)

    assert receipt.status is Status.INVALID_RECIPIENT
    assert receipt.detail == "SMTPRecipientsRefused 550"


@pytest.mark.parametrize(
    ("error", "dot_sent", "status"),
    [
        (ConnectionRefusedError(), False, Status.UNAVAILABLE),
        (TimeoutError(), False, Status.UNAVAILABLE),
        (smtplib.SMTPServerDisconnected("gone"), False, Status.UNAVAILABLE),
        (smtplib.SMTPServerDisconnected("gone"), True, Status.TIMEOUT),
        (smtplib.SMTPResponseException(500, "Line too long."), True, Status.TIMEOUT),
        (smtplib.SMTPNotSupportedError("STARTTLS"), False, Status.UNAVAILABLE),
        (smtplib.SMTPConnectError(421, b"too busy"), False, Status.UNAVAILABLE),
        (smtplib.SMTPConnectError(554, b"no service here"), False, Status.REJECTED),
        (smtplib.SMTPAuthenticationError(454, b"try later"), False, Status.UNAVAILABLE),
        (smtplib.SMTPAuthenticationError(500, b"what?"), False, Status.AUTH_ERROR),
        (smtplib.SMTPAuthenticationError(534, b"too weak"), False, Status.AUTH_ERROR),
        (smtplib.SMTPDataError(250, b"not 354"), False, Status.UNAVAILABLE),
        (smtplib.SMTPDataError(-1, b"noise"), True, Status.TIMEOUT),
        (smtplib.SMTPDataError(252, b"will try"), True, Status.ACCEPTED),
    ],
)
def test_each_end_of_a_conversation_has_one_meaning(error: OSError, dot_sent: bool, status: Status) -> None:
    receipt = receipt_for(error, dot_sent=dot_sent)

    assert receipt.status is status
