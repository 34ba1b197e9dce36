"""
HTTP/1.1 with a deadline for each exchange, which httpx2 lacks: its timeouts start again with each read.

The connections are those of httpcore2, the lower half of httpx2, which takes sockets of ours. The
client of httpx2 itself is not used, because it logs each URL, keeps cookies, and follows the
proxies and the netrc file of the environment.
"""

from __future__ import annotations

import selectors
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet, finalize

import httpcore2
import httpx2

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.adapters.senders.deadlines import Deadline, connect
from flask_otpauth.core.record import frozen

#: What is read of an answer, in bytes.
LARGEST_ANSWER = 64 * 1024
#: An idle connection is closed after this time. Many servers close theirs soon, and a request that
#: meets a closed connection has an unknown outcome.
_IDLE_SECONDS = 5.0
_IDLE_CONNECTIONS = 10


@frozen
class Request:
    """A request as it is written. Its ``repr`` shows the method only."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@frozen
class Answer:
    """An answer, or what came of it before the deadline."""

    status: int
    body: bytes = field(default=b"", repr=False)
    #: Whether the body is whole. If not, it must not be read.
    is_whole: bool = True


class NoAnswer(Exception):
    """There was no answer. If nothing of the request was written, it was certainly not accepted."""

    def __init__(self, detail: str, *, was_written: bool) -> None:
        super().__init__(detail)
        #: The type of the error. Its text may show the URL.
        self.detail = detail
        self.was_written = was_written


@dataclass
class _Exchange:
    """One request and its answer. httpcore2 passes it to the stream in the place of a timeout."""

    connecting: Deadline
    total: Deadline
    was_written: bool = False


class HttpClient:
    """
    Exchanges requests for answers, each within its deadlines. Redirects are not followed.

    Connections are kept and used again. A forked child has connections of its own, because two
    processes on one connection would read each other's answers. All are closed with the client,
    or when the process ends.
    """

    def __init__(
        self, *, connect_seconds: float, total_seconds: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._connect_seconds = min(connect_seconds, total_seconds)
        self._total_seconds = total_seconds
        self._tls = tls or ssl.create_default_context()
        self._renew()
        in_child(self, HttpClient._abandon)

    def exchange(self, request: Request) -> Answer:
        """
        Send ``request`` and return the answer.

        :raises NoAnswer: if the beginning of an answer did not come in time.
        """
        exchange = _Exchange(Deadline(self._connect_seconds), Deadline(self._total_seconds))
        try:
            response = self._pool.handle_request(self._prepared(request, exchange))
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
            raise NoAnswer(_reason(error), was_written=exchange.was_written) from None
        try:
            return _read(response)
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections."""
        self._close()

    def _prepared(self, request: Request, exchange: _Exchange) -> httpcore2.Request:
        headers = {"Accept-Encoding": "identity", "User-Agent": "flask_otpauth", **request.headers}
        written = httpx2.Request(request.method, request.url, headers=headers, content=request.body)
        url = written.url
        timeouts = dict.fromkeys(("connect", "read", "write"), exchange)
        return httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=written.headers.raw,
            content=request.body,
            extensions={"timeout": {**timeouts, "pool": self._connect_seconds}},
        )

    def _renew(self) -> None:
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=self._tls,
            max_connections=None,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_Backend(self._sockets),
        )
        self._close = finalize(self, self._pool.close)

    def _abandon(self) -> None:
        """Forget the connections of the parent process, without a word to the server."""
        self._close.detach()
        for each in list(self._sockets):
            each.close()
        self._renew()


def _read(response: httpcore2.Response) -> Answer:
    """Read the body. If it is cut off, too long or too slow, the status is still an answer."""
    body = b""
    try:
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                return Answer(response.status, is_whole=False)
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError):
        return Answer(response.status, is_whole=False)
    return Answer(response.status, body)


def _reason(error: Exception) -> str:
    """
    Return the type of the error, such as ``SSLCertVerificationError``, which our stream puts in its text.

    The text of a broken rule of HTTP quotes the answer.
    """
    told = "" if isinstance(error, httpcore2.ProtocolError) else str(error)
    return told or type(error).__name__


class _Backend(httpcore2.NetworkBackend):
    """Opens connections within the deadline of the exchange that needs one."""

    def __init__(self, sockets: WeakSet[socket.socket]) -> None:
        self._sockets = sockets

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Any = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect. ``timeout`` is the exchange."""
        try:
            sock = connect(host, port, timeout.connecting)
        except OSError as error:
            raise httpcore2.ConnectError(type(error).__name__) from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Stream(sock, self._sockets)


class _Stream(httpcore2.NetworkStream):
    """A connection. The ``timeout`` of each method is the exchange that uses it."""

    def __init__(self, sock: socket.socket, sockets: WeakSet[socket.socket]) -> None:
        self._sock = sock
        self._sockets = sockets
        sockets.add(sock)

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:
        """Read until the deadline."""
        try:
            self._sock.settimeout(timeout.total.left())
            return self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(type(error).__name__) from error
        except OSError as error:
            raise httpcore2.ReadError(type(error).__name__) from error

    def write(self, buffer: bytes, timeout: Any = None) -> None:
        """Write until the deadline. From the first byte on, the outcome of the request is unknown."""
        if not buffer:
            return
        try:
            self._sock.settimeout(timeout.total.left())
            timeout.was_written = True
            self._sock.sendall(buffer)
        except TimeoutError as error:
            raise httpcore2.WriteTimeout(type(error).__name__) from error
        except OSError as error:
            raise httpcore2.WriteError(type(error).__name__) from error

    def close(self) -> None:
        """Close."""
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: Any = None
    ) -> httpcore2.NetworkStream:
        """Encrypt. The server must show a certificate of that name."""
        try:
            self._sock.settimeout(timeout.connecting.left())
            sock = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except (OSError, ValueError) as error:  # ValueError: a name that no certificate can have
            self._sock.close()
            raise httpcore2.ConnectError(type(error).__name__) from error
        return _Stream(sock, self._sockets)

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore2 asks for: whether an idle connection was closed, and the TLS protocol."""
        if info == "is_readable":
            return _is_readable(self._sock)
        return self._sock if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket) else None


def _is_readable(sock: socket.socket) -> bool:
    if sock.fileno() < 0:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))
