"""
The load: clients that send requests over loopback, from one thread.

A client opens a connection, sends its requests one after the other, closes the connection and begins again.
The thread waits for all sockets at once, so the load costs little of the machine that it shares with the
server. How much is part of each measurement.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from bench.people import CODE_HEADER, email_of

#: How long a response may take, in seconds.
PATIENCE = 30.0

#: The requests of one connection: each response is sent into the generator, which yields the next request.
Requests = Generator[bytes, bytes, None]
#: Makes the requests of the connection with this number.
Cycle = Callable[[int], Generator[bytes, bytes, object]]


@dataclass
class Load:
    """What the clients did."""

    seconds: float = 0.0
    #: CPU time of this process.
    cpu_seconds: float = 0.0
    #: How long each request of each connection took, in seconds. The first includes the connection.
    requests: list[list[float]] = field(default_factory=list)


def run(port: int, cycle: Cycle, clients: int, seconds: float, first: int = 0) -> Load:
    """
    Let that many clients work until the time is over. Connections are numbered from ``first``.

    :raises RuntimeError: if a request is refused. Refusals are fast, so they would make the figures better.
    """
    load = Load()
    begun, cpu_begun = time.perf_counter(), time.process_time()
    with selectors.DefaultSelector() as selector:
        for number in range(clients):
            _Client(port, cycle(first + number)).listen(selector)
        number, working = first + clients, clients
        while working:
            for key, _ in selector.select(PATIENCE) or _give_up():
                client: _Client = key.data
                if client.proceed():
                    continue
                selector.unregister(client.socket)
                client.socket.close()
                load.requests.append(client.seconds)
                if time.perf_counter() - begun < seconds:
                    _Client(port, cycle(number)).listen(selector)
                    number += 1
                else:
                    working -= 1
    load.seconds, load.cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu_begun
    return load


class _Client:
    """One connection and what it has received of the current response."""

    def __init__(self, port: int, requests: Generator[bytes, bytes, object]) -> None:
        self.seconds: list[float] = []
        self._sent = time.perf_counter()
        self._requests = requests
        self._received = b""
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(next(requests))

    def listen(self, selector: selectors.BaseSelector) -> None:
        """Wait for the response with the other clients."""
        selector.register(self.socket, selectors.EVENT_READ, self)

    def proceed(self) -> bool:
        """Receive, and send the next request if a response is complete. Return whether there are more."""
        received = self.socket.recv(65536)
        self._received += received
        if received and not is_complete(self._received):
            return True
        response, self._received = self._received, b""
        self.seconds.append(time.perf_counter() - self._sent)
        if not response.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"a request was refused: {response[-300:].decode('latin-1')}")
        self._sent = time.perf_counter()
        try:
            self.socket.sendall(self._requests.send(response))
        except StopIteration:
            return False
        return True


def log_in(number: int) -> Generator[bytes, bytes, str]:
    """Request a code, and verify it. Return the access token."""
    email = email_of(number)
    response = yield post("/apis/auth/request-otp", email=email)
    response = yield post("/apis/auth/verify-otp", email=email, otpCode=header(response, CODE_HEADER))
    return token_in(response)


def log_in_and_read(number: int) -> Requests:
    """Request a code, verify it, and ask who is logged in."""
    token = yield from log_in(number)
    yield read_with(email_of(number), token)


def token_in(response: bytes) -> str:
    """
    Return the access token of a response.

    :raises RuntimeError: if it has none.
    """
    found = re.search(rb'"accessToken": ?"([^"]+)"', response)
    if found is None:
        raise RuntimeError(f"no token: {response.decode('latin-1')}")
    return found[1].decode()


def read_user(port: int) -> Cycle:
    """Log some users in. Return a cycle in which one of them asks twice who they are."""
    logged_in: list[tuple[str, str]] = []

    def keep_token(number: int) -> Requests:
        logged_in.append((email_of(number), (yield from log_in(number))))

    run(port, keep_token, clients=50, seconds=0)

    def cycle(number: int) -> Requests:
        for _ in range(2):
            yield read_with(*logged_in[number % len(logged_in)])

    return cycle


def read_with(email: str, token: str) -> bytes:
    """Write a request to the route for logged-in users."""
    # The floor looks at the address alone, and flask_otpauth at the token alone.
    return get(f"/me?email={email}", f"Authorization: Bearer {token}")


def post(path: str, **body: str) -> bytes:
    """Write a request with a JSON body."""
    text = json.dumps(body)
    return (
        _request(f"POST {path}", "Content-Type: application/json", f"Content-Length: {len(text)}")
        + text.encode()
    )


def get(path: str, *headers: str) -> bytes:
    """Write a request without a body."""
    return _request(f"GET {path}", *headers)


def header(response: bytes, name: str) -> str:
    """Return the value of a header of a response."""
    head = response.partition(b"\r\n\r\n")[0].decode("latin-1").lower()
    return head.partition(f"\r\n{name.lower()}: ")[2].partition("\r\n")[0]


def is_complete(response: bytes) -> bool:
    """Return whether all bytes of a response are there."""
    _head, end, body = response.partition(b"\r\n\r\n")
    return bool(end) and len(body) >= int(header(response, "Content-Length"))


def _request(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


def _give_up() -> list[tuple[selectors.SelectorKey, int]]:
    raise RuntimeError(f"the server sent nothing for {PATIENCE:.0f} seconds")
