"""
A hostile provider: an HTTP server on the loopback interface whose behavior each test picks.

It writes bytes to sockets itself, because a server from a library would not break the rules of HTTP.
"""

from __future__ import annotations

import json
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field, replace
from urllib.parse import unquote_plus

from flask_otpauth.core.record import frozen

#: How a provider behaves on one connection.
Behavior = Callable[["Exchange"], None]

#: The length of a large answer, in bytes.
LARGE = 10 * 1024 * 1024

_LONGEST_SECONDS = 60
_PIECE = b" " * 16_384
#: The system keeps what a sender has not read yet. With a small buffer it cannot take ten megabytes.
_SEND_BUFFER = 65_536


@frozen
class Answer:
    """An answer over HTTP."""

    status: int = 200
    #: A text is sent as it is, anything else as JSON.
    body: object = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self, length: int) -> bytes:
        """Return the status line and the headers of an answer whose body has ``length`` bytes."""
        kind = "text/html; charset=utf-8" if isinstance(self.body, str) else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(length), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Answer", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def content(self) -> bytes:
        """Return the bytes of the body."""
        text = self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)
        return text.encode()

    def encoded(self) -> bytes:
        """Return all its bytes."""
        content = self.content()
        return self.head(len(content)) + content


@frozen
class Request:
    """A request that the provider has read completely."""

    #: The bytes of the request line, the headers and the body.
    raw: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The request as a text. Characters that a form or a URL encodes are decoded."""
        return unquote_plus(self.raw.decode("utf-8", "replace"))


class Exchange:
    """One connection of a sender to the provider."""

    def __init__(self, provider: HostileProvider, connection: socket.socket) -> None:
        self._provider = provider
        self._connection = connection

    def read(self) -> Request:
        """Read a request. From now on the provider has the message."""
        raw = b""
        while not _is_complete(raw):
            piece = self._connection.recv(65_536)
            if not piece:
                raise ConnectionError("the sender closed the connection before its request was complete")
            raw += piece
        request = Request(raw)
        self._provider.requests.append(request)
        return request

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        self._connection.sendall(data)
        self._provider.sent_bytes += len(data)

    def pause(self, seconds: float | None = None) -> bool:
        """Wait, at the longest until the provider is closed. Return whether it is."""
        return self._provider.closing.wait(seconds)


class HostileProvider:
    """
    A provider with the ``behavior`` of its next connections, and the ``requests`` that it read.

    ``sent_bytes`` is how much of its answers the senders took. With ``tls`` it speaks HTTPS.
    """

    def __init__(self, behavior: Behavior, tls: ssl.SSLContext | None = None) -> None:
        self.behavior = behavior
        self.requests: list[Request] = []
        self.sent_bytes = 0
        self.closing = threading.Event()
        self._tls = tls
        self._open: list[socket.socket] = []
        self._changed = threading.Condition()
        self._server = _Server(self._serve)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        """The URL without a path, such as ``http://127.0.0.1:5000``."""
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def wait_until_idle(self) -> None:
        """Wait until every connection is closed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open, _LONGEST_SECONDS)

    def close(self) -> None:
        """Close all connections, and stop listening."""
        self._server.shutdown()
        self.closing.set()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    def _serve(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.append(connection)
        # A sender may give up at any time, and a certificate that it refuses ends the handshake.
        with suppress(OSError):
            self._exchange(connection)
        with self._changed:
            self._open.remove(connection)
            connection.close()
            self._changed.notify_all()

    def _exchange(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        connection.settimeout(_LONGEST_SECONDS)
        if self._tls is None:
            self.behavior(Exchange(self, connection))
            return
        # A copy, because close() needs the connection itself.
        with self._tls.wrap_socket(connection.dup(), server_side=True) as encrypted:
            self.behavior(Exchange(self, encrypted))


class _Server(socketserver.ThreadingTCPServer):
    """Calls a function in a thread of its own for each connection."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._serve = serve

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._serve(request)


def answers(answer: Answer) -> Behavior:
    """Read the request, answer it and close, as the answer says."""
    return closes_unannounced(replace(answer, headers={"Connection": "close", **answer.headers}))


def closes_unannounced(answer: Answer) -> Behavior:
    """
    Read the request, answer it and close.

    A sender keeps the connection, and finds out later that it is closed. If its next request is faster
    than that, nobody knows what became of the message.
    """

    def behave(exchange: Exchange) -> None:
        exchange.read()
        exchange.write(answer.encoded())

    return behave


def hangs(exchange: Exchange) -> None:
    """Read the request and never answer."""
    exchange.read()
    exchange.pause()


def says_nothing(exchange: Exchange) -> None:
    """Neither read nor answer."""
    exchange.pause()


def closes_unread(exchange: Exchange) -> None:
    """Close at once."""


def closes_unanswered(exchange: Exchange) -> None:
    """Read the request, and close instead of answering."""
    exchange.read()


def breaks_off(answer: Answer) -> Behavior:
    """Read the request, and close in the middle of the answer."""

    def behave(exchange: Exchange) -> None:
        exchange.read()
        content = answer.content()
        exchange.write(answer.head(len(content)) + content[: len(content) // 2])

    return behave


def drips(answer: Answer, pause_seconds: float, *, head: bool) -> Behavior:
    """Read the request, and answer byte by byte with pauses: from the ``head`` on, or in the body only."""

    def behave(exchange: Exchange) -> None:
        exchange.read()
        # Spaces may follow the body, so the answer does not end by itself.
        start, rest = answer.head(LARGE), answer.content() + _PIECE
        if not head:
            exchange.write(start)
        for byte in start + rest if head else rest:
            exchange.write(bytes([byte]))
            if exchange.pause(pause_seconds):
                return

    return behave


def floods(answer: Answer) -> Behavior:
    """Read the request, and send ten megabytes."""

    def behave(exchange: Exchange) -> None:
        exchange.read()
        content = answer.content()
        exchange.write(answer.head(len(content) + LARGE) + content)
        for _ in range(LARGE // len(_PIECE)):
            exchange.write(_PIECE)

    return behave


def repeats_the_request(status: int) -> Behavior:
    """Read the request, and refuse it with an answer that quotes all of it, as many providers do."""

    def behave(exchange: Exchange) -> None:
        request = exchange.read()
        exchange.write(Answer(status, {"error": "refused", "request": request.text}).encoded())

    return behave


def _is_complete(raw: bytes) -> bool:
    head, separator, body = raw.partition(b"\r\n\r\n")
    if not separator:
        return False
    if re.search(rb"^transfer-encoding:.*chunked", head, re.IGNORECASE | re.MULTILINE):
        return body.endswith(b"0\r\n\r\n")
    length = re.search(rb"^content-length: *([0-9]+)", head, re.IGNORECASE | re.MULTILINE)
    return length is None or len(body) >= int(length[1])
