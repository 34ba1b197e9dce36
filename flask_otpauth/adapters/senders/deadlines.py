"""Sockets with a deadline. The timeout of a socket starts again with each byte, so it is none."""

from __future__ import annotations

import socket
import time

_SHORTEST_SECONDS = 0.001


class Deadline:
    """An instant of the monotonic clock by which something must have ended."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """
        Return the seconds that are left.

        :raises TimeoutError: if none are left.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return max(left, _SHORTEST_SECONDS)

    def shorten(self, seconds: float) -> None:
        """Move the deadline to ``seconds`` from now, unless it is earlier."""
        self._at = min(self._at, time.monotonic() + seconds)


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """
    Connect to the first of the host's addresses that answers within its share of the time.

    How long the lookup of the host's name takes depends on the system's resolver.

    :raises OSError: if none answers. ``TimeoutError`` is one.
    """
    failure = OSError("the name has no address")
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for untried, (*_, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            return socket.create_connection((str(address[0]), port), deadline.left() / untried)
        except OSError as error:
            failure = error
    raise failure
