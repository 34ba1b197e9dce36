"""Connections: used again, never shared with a forked child, closed in the end, and never waited for long."""

from __future__ import annotations

import gc
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from flask_otpauth.adapters.senders.http.network import Answer, HttpClient, NoAnswer, Request
from flask_otpauth.senders import HttpSender, Message, Status, WrongDeclaration
from tests.adapters.test_forks import in_a_child

DECLARATION = {"url": "https://sms.example/", "query": {"to": "{recipient}", "text": "{text}"}}


class Server(socketserver.ThreadingTCPServer):
    """An HTTP/1.1 server that keeps connections, and counts them."""

    daemon_threads = True

    def __init__(self) -> None:
        self.connections = 0
        self.ended = threading.Semaphore(0)
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def handle(self) -> None:
        self.server.connections += 1
        super().handle()
        self.server.ended.release()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()
        self.wfile.write(body)
        assert "Cookie" not in self.headers

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = HttpClient(connect_seconds=10, total_seconds=30)
    yield client
    client.close()


def exchanged(client: HttpClient, server: Server, body: bytes = b"ping") -> Answer:
    return client.exchange(Request("POST", server.url, {}, body))


def test_a_connection_is_used_again(client: HttpClient, server: Server) -> None:
    answers = [exchanged(client, server) for _ in range(3)]

    assert answers == [Answer(200, b"ping")] * 3
    assert server.connections == 1


def test_exchanges_at_the_same_time_do_not_mix(client: HttpClient, server: Server) -> None:
    bodies = [str(number).encode() * 100 for number in range(40)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: exchanged(client, server, body), bodies))

    assert [answer.body for answer in answers] == bodies


def test_a_forked_child_has_connections_of_its_own(client: HttpClient, server: Server) -> None:
    exchanged(client, server)

    in_child = in_a_child(lambda: exchanged(client, server, b"child").body)
    answer = exchanged(client, server, b"parent")

    assert in_child == "b'child'"
    assert answer.body == b"parent"
    assert server.connections == 2


def test_a_child_that_is_forked_during_an_exchange_can_send(client: HttpClient, server: Server) -> None:
    exchanged(client, server)
    pool = client._pool  # noqa: SLF001 - its lock is what a thread may hold during a fork

    with pool._optional_thread_lock:  # noqa: SLF001
        in_child = in_a_child(lambda: exchanged(client, server).status)

    assert in_child == "200"


def test_connections_are_closed_with_the_client(server: Server) -> None:
    client = HttpClient(connect_seconds=10, total_seconds=30)
    exchanged(client, server)

    del client
    gc.collect()

    assert server.ended.acquire(timeout=60)


def test_connections_are_closed_when_the_process_ends(server: Server) -> None:
    program = f"""
from flask_otpauth.adapters.senders.http.network import HttpClient, Request
client = HttpClient(connect_seconds=10, total_seconds=30)
print(client.exchange(Request("POST", {server.url!r}, {{}}, b"ping")).status)
"""

    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.stdout, ended.stderr) == ("200\n", "")


def test_a_connection_that_cannot_be_made_was_not_written_to(client: HttpClient) -> None:
    with Server() as server:
        url = server.url

    with pytest.raises(NoAnswer) as caught:
        client.exchange(Request("POST", url))

    assert (caught.value.was_written, caught.value.detail) == (False, "ConnectionRefusedError")


def test_a_name_that_nobody_has_was_not_written_to(client: HttpClient) -> None:
    with pytest.raises(NoAnswer) as caught:
        client.exchange(Request("POST", "http://nobody.invalid/"))

    assert not caught.value.was_written


def test_environment_and_netrc_are_not_followed(
    client: HttpClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert exchanged(client, server).status == 200


def test_without_the_extra_the_declaration_tells_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "flask_otpauth.adapters.senders.http.network")
    monkeypatch.setitem(sys.modules, "httpcore2", None)

    with pytest.raises(WrongDeclaration) as caught:
        HttpSender(DECLARATION)

    assert str(caught.value) == ": needs an extra: pip install 'flask-otpauth-server[http]'"


@pytest.mark.parametrize("module", ["httpx2", "httpcore2"])
def test_the_library_is_imported_only_for_a_sender(module: str) -> None:
    program = f"""
import sys
import flask_otpauth, flask_otpauth.senders, flask_otpauth.wiring
assert {module!r} not in sys.modules
flask_otpauth.senders.HttpSender({DECLARATION!r})
assert {module!r} in sys.modules
"""

    subprocess.run([sys.executable, "-c", program], check=True, env=dict(os.environ))


def test_the_certificates_can_be_those_of_a_file(tmp_path: Any) -> None:
    pytest.importorskip("cryptography")
    import ssl

    from flask_otpauth.testing.sender_contract.certificates import write_certificate
    from flask_otpauth.testing.sender_contract.provider import Answer as Given
    from flask_otpauth.testing.sender_contract.provider import HostileProvider, answers

    file = tmp_path / "gateway.pem"
    write_certificate(file, None)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    provider = HostileProvider(answers(Given(200, "OK")), tls)
    message = Message("sms", "+84901234567", code="1", text="1")

    trusted = HttpSender({**DECLARATION, "url": provider.url, "ca_file": str(file)}).send(message)
    unknown = HttpSender({**DECLARATION, "url": provider.url}).send(message)
    provider.close()

    assert (trusted.status, unknown.status) == (Status.ACCEPTED, Status.UNAVAILABLE)
    assert unknown.detail == "SSLCertVerificationError"
    assert len(provider.requests) == 1
