"""A trunk on the loopback interface, which does with each request what a test says."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from flask_otpauth.adapters.senders.sip.messages import Malformed, Request, Stream, parse

#: What a trunk sends after a request: messages, and bytes that are none.
Behavior = Callable[[Request], Iterable[bytes]]
PATIENCE_SECONDS = 20


class Trunk:
    """What it received, and what it sends."""

    def __init__(self, transport: str, behavior: Behavior) -> None:
        kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind(("127.0.0.1", 0))
        if transport == "tcp":
            self.socket.listen()
        self.server = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.transport = transport
        self.received: list[Request] = []
        self._behavior = behavior
        self._arrived: queue.Queue[Request] = queue.Queue()
        self._stop = threading.Event()

    @property
    def methods(self) -> list[str]:
        """The methods of the requests, in the order in which they came, without repetitions."""
        requests = dict.fromkeys((each.method, each.branch) for each in self.received)
        return [method for method, _ in requests]

    def wait_for(self, method: str) -> Request:
        """The next request of that method. What comes before it is passed over."""
        while True:
            request = self._arrived.get(timeout=PATIENCE_SECONDS)
            if request.method == method:
                return request

    def run(self) -> None:
        """Serve until ``stop``."""
        if self.transport == "udp":
            self._serve_datagrams()
            return
        self.socket.settimeout(PATIENCE_SECONDS)
        with suppress(OSError):
            self._serve_connection(self.socket.accept()[0])

    def stop(self) -> None:
        """End the service."""
        self._stop.set()
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _serve_datagrams(self) -> None:
        self.socket.settimeout(0.05)
        while not self._stop.is_set():
            with suppress(OSError):  # nothing came, or the service ends
                data, sender = self.socket.recvfrom(65_535)
                for reply in self._replies(data):
                    self.socket.sendto(reply, sender)

    def _serve_connection(self, connection: socket.socket) -> None:
        stream = Stream()
        with connection:
            connection.settimeout(0.05)
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    data = connection.recv(65_535)
                    if not data:
                        return
                    stream.feed(data)
                while (message := stream.next()) is not None:
                    for reply in self._replies(message):
                        connection.sendall(reply)

    def _replies(self, data: bytes) -> Iterator[bytes]:
        # A call of another test may still send messages or audio to a port that is ours by now.
        try:
            request = parse(data)
        except Malformed:
            return
        calls = {each.call_id for each in self.received}
        if isinstance(request, Request) and (request.method == "INVITE" or request.call_id in calls):
            self.received.append(request)
            self._arrived.put(request)
            yield from self._behavior(request)


@contextmanager
def trunk(transport: str, behavior: Behavior) -> Iterator[Trunk]:
    """Run a trunk."""
    found = Trunk(transport, behavior)
    thread = threading.Thread(target=found.run, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.stop()
        thread.join(PATIENCE_SECONDS)
        found.socket.close()


def await_(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at, "it did not happen"
        threading.Event().wait(0.01)
