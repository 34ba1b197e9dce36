"""A TCP proxy between an app and its database: it cuts connections, loses answers, and delays them."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Of the answers that may be lost, so many are. A new connection needs some answers before it is of use.
_LOST = 0.15


class Proxy:
    """Listens on a free port of this machine, and forwards to ``target``, another port of it."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        #: How long each answer takes on its way.
        self.delay_seconds = 0.0
        #: Whether some connections end in place of an answer, after the server has done what it was told.
        self.loses_answers = False
        self._chance = random.Random(1)
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """End all connections now, whatever is on its way."""
        self._loop.call_soon_threadsafe(self._abort_all)

    async def listen(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = {writer}
        self._open.add(writer)
        with suppress(OSError):
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
            pair.add(to_server)
            self._open.add(to_server)
            directions = (self._forward(reader, to_server), self._answer(from_server, writer))
            tasks = [asyncio.ensure_future(each) for each in directions]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for each in pair:
            each.transport.abort()
            with suppress(OSError):
                await each.wait_closed()
        self._open -= pair

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            if self.loses_answers and self._chance.random() < _LOST:
                return
            writer.write(chunk)
            await writer.drain()

    def _abort_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def run(self, ready: threading.Event) -> None:
        """Forward until :meth:`close`."""
        self._loop.run_until_complete(self.listen())
        ready.set()
        self._loop.run_forever()
        self._server.close()
        self._abort_all()
        while tasks := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.wait(tasks))
        self._loop.close()

    def close(self) -> None:
        """End all connections, and stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)


@contextmanager
def proxy_to(target: int) -> Iterator[Proxy]:
    """A proxy that forwards to a port of this machine."""
    proxy, ready = Proxy(target), threading.Event()
    thread = threading.Thread(target=proxy.run, args=(ready,), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(10)
