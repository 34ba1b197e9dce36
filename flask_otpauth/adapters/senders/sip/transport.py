"""The socket of a call: UDP or TCP (RFC 3261 §18). Every wait has an end."""

from __future__ import annotations

import socket
import time
from typing import Protocol

from flask_otpauth.adapters.senders.deadlines import Deadline, connect
from flask_otpauth.adapters.senders.sip.messages import LONGEST_MESSAGE, Malformed, Stream
from flask_otpauth.adapters.senders.sip.requests import Place

#: A message fits in the buffer of the socket. Where it does not, the peer has stopped to read.
_SEND_SECONDS = 2.0
_SHORTEST_SECONDS = 0.001


class Transport(Protocol):
    """Sends and receives whole messages."""

    place: Place

    def send(self, data: bytes) -> None:
        """
        Send a message.

        :raises OSError: if the connection is broken.
        """

    def receive(self, until: float) -> bytes | None:
        """
        Return the next message, or ``None`` if none came until that instant of the monotonic clock.

        :raises OSError: if the connection is broken, or nobody listens there.
        """

    def close(self) -> None:
        """Close the socket."""


class UdpTransport:
    """Datagrams to and from one address. What others send is not received."""

    def __init__(self, host: str, port: int) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise
        self.place = _place("UDP", self._socket)

    def send(self, data: bytes) -> None:
        """Send a message."""
        self._socket.settimeout(_SEND_SECONDS)
        self._socket.send(data)

    def receive(self, until: float) -> bytes | None:
        """Return the next datagram."""
        return _read(self._socket, until)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class TcpTransport:
    """Messages on one connection, which is made within ``connect_seconds``."""

    def __init__(self, host: str, port: int, connect_seconds: float) -> None:
        self._socket = connect(host, port, Deadline(connect_seconds))
        self._stream = Stream()
        self.place = _place("TCP", self._socket)

    def send(self, data: bytes) -> None:
        """Send a message."""
        self._socket.settimeout(_SEND_SECONDS)
        self._socket.sendall(data)

    def receive(self, until: float) -> bytes | None:
        """Return the next message. One that drips in ends as late as any other wait."""
        try:
            while (message := self._stream.next()) is None:
                data = _read(self._socket, until)
                if data is None:
                    return None
                if not data:
                    raise ConnectionResetError("the trunk has closed the connection")
                self._stream.feed(data)
        except Malformed:
            raise ConnectionAbortedError("the trunk does not speak SIP") from None
        return message

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _place(transport: str, sock: socket.socket) -> Place:
    host, port = sock.getsockname()[:2]
    return Place(transport, str(host), int(port))


def _read(sock: socket.socket, until: float) -> bytes | None:
    """Return what can be read. It is read even after ``until``, if it is already there."""
    sock.settimeout(max(until - time.monotonic(), _SHORTEST_SECONDS))
    try:
        return sock.recv(LONGEST_MESSAGE)
    except TimeoutError:
        return None
