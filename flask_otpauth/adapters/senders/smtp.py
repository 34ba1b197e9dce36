"""An SMTP session with a deadline, and what it means if it fails."""

from __future__ import annotations

import io
import re
import smtplib
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from flask_otpauth.adapters.senders.deadlines import Deadline, connect
from flask_otpauth.ports.senders import Receipt, Status

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_DOMAIN = re.compile("[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+")
_FINAL_DOT = b"\r\n.\r\n"
_QUIT_SECONDS = 1.0
#: Authentication required, too weak, wrong, or only over TLS (RFC 4954 §6).
_AUTH_CODES = frozenset({530, 534, 535, 538})
#: Security or policy (RFC 3463 §3.8): the server refuses the sender, not the mailbox.
_POLICY = b"5.7."


class _Reader(io.RawIOBase):
    """Reads a socket until the deadline, so that a server which sends byte by byte cannot exceed it."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(self._deadline.left())
        return self._sock.recv_into(buffer)


class Conversation(smtplib.SMTP):
    """
    An SMTP session with two deadlines in seconds: one for connecting, and one for everything.

    ``smtplib`` has only a timeout for each read, which starts again with each byte. How long the
    lookup of the host's name takes depends on the system's resolver. ``implicit_tls`` encrypts
    from the first byte. ``dot_sent`` is true if the server may have the message. The conversation is
    never printed, because it contains codes and credentials.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connect_seconds: float,
        total_seconds: float,
        implicit_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.dot_sent = False
        self._connect_seconds = min(connect_seconds, total_seconds)
        self._deadline = Deadline(total_seconds)
        self._implicit_tls = implicit_tls
        super().__init__(host, port, local_hostname=_machine_name())
        self.local_hostname = self.local_hostname or _address_literal(self.sock)

    def connect(
        self, host: str = "localhost", port: int = 0, source_address: object = None
    ) -> tuple[int, bytes]:
        """Connect and read the greeting."""
        self.sock = self._open(host, port or self._default_port)
        self.file = None
        return self.getreply()

    def send(self, s: ReadableBuffer | str) -> None:
        """Send a command or the message."""
        try:
            self._limit_socket()
        except TimeoutError:
            self.close()
            raise smtplib.SMTPServerDisconnected("the deadline has passed") from None
        super().send(s)
        if isinstance(s, bytes) and s.endswith(_FINAL_DOT):
            self.dot_sent = True

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Reader(self.sock, self._deadline))
        reply = super().getreply()
        # A TLS handshake may follow, and it uses the timeout of the socket.
        with suppress(TimeoutError):
            self._limit_socket()
        return reply

    def leave(self) -> None:
        """Send QUIT if connected, and close."""
        self._deadline.shorten(_QUIT_SECONDS)
        # The answer to QUIT says nothing about the message.
        with suppress(OSError):
            if self.sock is not None:
                self.quit()
        self.close()

    @property
    def _default_port(self) -> int:
        return smtplib.SMTP_PORT if self._implicit_tls is None else smtplib.SMTP_SSL_PORT

    def _open(self, host: str, port: int) -> socket.socket:
        sock = connect(host, port, Deadline(self._connect_seconds))
        return self._encrypt(sock, host)

    def _encrypt(self, sock: socket.socket, host: str) -> socket.socket:
        if self._implicit_tls is None:
            return sock
        try:
            sock.settimeout(self._deadline.left())
            return self._implicit_tls.wrap_socket(sock, server_hostname=host)
        except OSError:
            sock.close()
            raise

    def _limit_socket(self) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._deadline.left())


def _machine_name() -> str:
    """Return the name of this machine (RFC 5321 §4.1.1.1), or an empty text if SMTP does not accept it."""
    try:
        name = socket.getfqdn().encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return name if _DOMAIN.fullmatch(name) else ""


def _address_literal(sock: socket.socket | None) -> str:
    """Return the address of this end of a connection, for a machine without a name (RFC 5321 §4.1.3)."""
    address = str(sock.getsockname()[0]) if sock else "127.0.0.1"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def receipt_for(error: OSError, *, dot_sent: bool) -> Receipt:
    """
    Return the receipt for a conversation that ended with ``error``.

    All errors of ``smtplib`` are ``OSError``. ``detail`` has the type and the code of the error, but
    not the text of the server, which may contain the address.
    """
    code, text = _reply_of(error)
    status = _status(error, code, text, dot_sent=dot_sent)
    return Receipt(status, detail=f"{type(error).__name__} {code or ''}".strip())


def _reply_of(error: OSError) -> tuple[int, bytes]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return error.smtp_code, text if isinstance(text, bytes) else text.encode()
    return 0, b""


def _status(error: OSError, code: int, text: bytes, *, dot_sent: bool) -> Status:
    if dot_sent and not isinstance(error, smtplib.SMTPDataError):
        return Status.TIMEOUT
    if 400 <= code < 500:
        return Status.UNAVAILABLE
    if 500 <= code < 600:
        return _refusal(error, code, text)
    if dot_sent:
        return Status.ACCEPTED if 200 <= code < 300 else Status.TIMEOUT
    return Status.UNAVAILABLE


def _refusal(error: OSError, code: int, text: bytes) -> Status:
    if code in _AUTH_CODES or isinstance(error, smtplib.SMTPAuthenticationError):
        return Status.AUTH_ERROR
    if isinstance(error, smtplib.SMTPRecipientsRefused) and not text.startswith(_POLICY):
        return Status.INVALID_RECIPIENT
    return Status.REJECTED
